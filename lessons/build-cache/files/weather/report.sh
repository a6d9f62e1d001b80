#!/bin/sh
echo "Weather station @{token}"
cat /parts/*
