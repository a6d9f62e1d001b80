#!/bin/sh
# Makes the page www/index.html from snow.txt. Both lie in the folder that it is started in.
set -e
mkdir -p www
{ echo "<pre>"; cat snow.txt; echo "</pre>"; } > www/index.html
