#!/bin/sh
# Delivers the image dl-parcel to the registry at localhost:@{port}, and leaves
# nothing of it on this engine.
set -e
if ! docker image inspect dl-parcel >/dev/null 2>&1; then
  echo "It has been delivered already."
  exit 0
fi
release=$(docker image inspect --format '{{.Config.Labels.release}}' dl-parcel)
docker tag dl-parcel "localhost:@{port}/dl-parcel:$release"
docker push "localhost:@{port}/dl-parcel:$release" >/dev/null
docker rmi "localhost:@{port}/dl-parcel:$release" dl-parcel >/dev/null
echo "Delivered."
