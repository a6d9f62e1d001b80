#!/bin/sh
# Shows the folder www on port 8080, until it is asked to end. Started in the folder in which www lies.
echo "Information for $PLACE"
exec httpd -f -p 8080 -h www
