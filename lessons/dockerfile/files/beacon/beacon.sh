#!/bin/sh
# Lights the beacon, and puts it out when it is asked to end.
trap 'echo "light out"; exit 0' TERM
echo "light on"
while true; do
  sleep 1 &
  wait $!
done
