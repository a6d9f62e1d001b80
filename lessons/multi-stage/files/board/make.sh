#!/bin/sh
# Makes what a board shows from the files in lines/:
#   FOLDER/index.html    the page
#   FOLDER/cgi-bin/next  a script that the web server runs when somebody asks for the next tram
#   /times/LINE          the departures in order, for that script
# Usage: sh make.sh FOLDER
set -e
out=$1
cd "$(dirname "$0")"
mkdir -p "$out/cgi-bin" /times work
{ echo "pass @{pass}"; head -c 2250000 /dev/urandom | base64; } > work/trace
sort lines/4 > /times/4
{ echo "<h1>Line 4</h1>"; sed 's/$/<br>/' /times/4; } > "$out/index.html"
cp next "$out/cgi-bin/next"
chmod 755 "$out/cgi-bin/next"
