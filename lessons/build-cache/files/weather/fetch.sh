#!/bin/sh
# Stands in for a package manager such as apt or pip. Those ask a server, which has something else every day. This one
# makes do without: a random number of the kernel's tells one list from the next.
set -e
case $1 in
list)
    cat /proc/sys/kernel/random/uuid > /list
    ;;
add)
    shift
    test $# -gt 0 || { echo "fetch.sh: no part was named" >&2; exit 1; }
    test -f /list || { echo "fetch.sh: there is no list yet" >&2; exit 1; }
    mkdir -p /parts
    for part in "$@"; do
        echo "$part, of list $(cat /list)" > "/parts/$part"
    done
    ;;
esac
