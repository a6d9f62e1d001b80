#!/bin/sh
# Stands for apt-get install build-essential: compilers and headers, for packages that are compiled when they are
# installed. Here it only writes a file that weighs something.
mkdir -p /usr/lib/compilers
head -c 48000000 /dev/urandom > /usr/lib/compilers/all
