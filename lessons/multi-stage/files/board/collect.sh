#!/bin/sh
# Collects the program busybox with the libraries that it needs, if it needs any. Usage: sh collect.sh FOLDER
set -e
mkdir -p "$1/bin"
cp /bin/busybox "$1/bin/busybox"
for libraries in /lib /lib64; do
  if [ -e "$libraries" ]; then cp -a "$libraries" "$1"; fi
done
