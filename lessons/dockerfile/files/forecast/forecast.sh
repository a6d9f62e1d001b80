#!/bin/sh
# Usage: sh forecast.sh PLACE
if [ -z "$1" ]; then
  echo "For which place?"
  exit 2
fi
echo "Forecast for $1: fog @{token}"
