#!/bin/sh
# sh weather/build.sh IMAGE: builds the image, and writes down that it was built.
cd "$(dirname "$0")" || exit 1
echo "$(date) $1" >> build.log
docker build -t "$1" .
