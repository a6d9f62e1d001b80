#!/bin/sh
# Says what was measured today. Looks for its readings beside itself, in the folder that it is started in.
set -e
echo "Station report"
cat readings/today
