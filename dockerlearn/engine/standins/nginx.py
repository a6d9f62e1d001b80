"""A stand-in for ``nginx:1.27-alpine-slim``: the distribution's nginx and the libraries it needs, on busybox.

The contract, which is what lessons may rely on and what the tests hold it to:

- ``/docker-entrypoint.sh`` is the entrypoint and runs ``/docker-entrypoint.d/*.sh`` before nginx; the command is
  ``nginx -g "daemon off;"``; port 80 is exposed; the stop signal is SIGQUIT, at which it ends with 0;
- it answers on port 80, over IPv6 too where there is any, with ``/usr/share/nginx/html``, whose ``index.html`` says
  "Welcome to nginx!";
- ``/etc/nginx/nginx.conf`` includes ``/etc/nginx/conf.d/*.conf``, where ``default.conf`` is; both, and the pages, may
  be replaced, mounted over or copied over; ``nginx -t`` and ``nginx -s reload`` work;
- the access log is on standard output, the error log on standard error (links in ``/var/log/nginx``);
- the workers run as the user ``nginx`` (101), the master as root;
- it runs with ``--read-only --tmpfs /var/cache/nginx --tmpfs /var/run``, and not without these;
- ``sh`` and the applets of ``busybox.APPLETS`` are on ``PATH``, ``wget`` among them; the working directory is ``/``.

Not in the contract: the version (the distribution's, in ``NGINX_VERSION``), the size and the layers, the words of the
pages and of the log at start, ``apk``, ``/etc/os-release``, templates with ``envsubst``, dynamic modules, and which
optional modules nginx was built with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from dockerlearn.engine.standins import busybox, packages, store
from dockerlearn.engine.standins.store import Layer, StandIn
from dockerlearn.engine.standins.tree import Tree
from dockerlearn.errors import PracticeFailed

REPOSITORY = "library/nginx"
TAGS = ("1.27-alpine-slim",)

_PROGRAM = "usr/sbin/nginx"


def build(binary: Path, folder: Path, say: packages.Say, *, tags: Sequence[str] = TAGS) -> StandIn:
    """Make the image in the store at ``folder``; ``binary`` is a static busybox. Raises ``PracticeFailed``."""
    with packages.fetched(["nginx"], say) as fetched:
        version = fetched.version("nginx")
        files = fetched.tree(
            lambda path: path == _PROGRAM or path.startswith("etc/nginx/") or packages.is_library(path)
        )
    if _PROGRAM not in files:
        raise PracticeFailed(f"The distribution's packages of nginx have no /{_PROGRAM}.")
    settings = {
        "Cmd": ["nginx", "-g", "daemon off;"],
        "Entrypoint": ["/docker-entrypoint.sh"],
        "Env": [f"PATH={busybox.PATH}", f"NGINX_VERSION={version}"],
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGQUIT",
        "WorkingDir": "/",
    }
    layers = [
        Layer(busybox.merged(binary, _USER).layer(), "a small system, from busybox"),
        Layer(_server(files).layer(), "nginx and the libraries it needs"),
        Layer(_site().layer(), "stand-in for nginx: its configuration, a page, the entrypoint"),
    ]
    return store.write(folder, REPOSITORY, tags, layers, settings)


def _server(files: Tree) -> Tree:
    needed = packages.needed([_PROGRAM], files)
    needed |= {f"etc/nginx/{name}" for name in _KEPT if f"etc/nginx/{name}" in files}
    return files.remove(lambda path: path in needed)


def _site() -> Tree:
    tree = Tree()
    tree.file("etc/nginx/nginx.conf", _MAIN)
    tree.file("etc/nginx/conf.d/default.conf", _SITE)
    tree.file("usr/share/nginx/html/index.html", _PAGE)
    tree.file("usr/share/nginx/html/50x.html", _ERROR_PAGE)
    tree.file("docker-entrypoint.sh", _ENTRYPOINT, 0o755)
    digest = hashlib.sha256(_SITE.encode()).hexdigest()
    tree.file("docker-entrypoint.d/10-listen-on-ipv6-by-default.sh", _IPV6.replace("DIGEST", digest), 0o755)
    tree.link("var/log/nginx/access.log", "/dev/stdout")
    tree.link("var/log/nginx/error.log", "/dev/stderr")
    tree.folder("var/cache/nginx")
    # Debian's nginx is built to keep bodies of requests there.
    tree.link("var/lib/nginx", "/var/cache/nginx")
    return tree


_KEPT = ("fastcgi.conf", "fastcgi_params", "mime.types", "scgi_params", "uwsgi_params")

_USER = busybox.User("nginx", 101, "/var/cache/nginx")

_MAIN = """\
user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log  notice;
pid        /var/run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" "$http_user_agent"';
    access_log  /var/log/nginx/access.log  main;

    sendfile           on;
    keepalive_timeout  65;

    include /etc/nginx/conf.d/*.conf;
}
"""

_SITE = """\
server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Welcome to nginx!</title></head>
<body>
<h1>Welcome to nginx!</h1>
<p>This page comes from /usr/share/nginx/html/index.html in the container. Put your own in its place.</p>
</body>
</html>
"""

_ERROR_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Error</title></head>
<body><h1>The page could not be made.</h1><p>The error log says why.</p></body>
</html>
"""

_ENTRYPOINT = """\
#!/bin/sh
# Runs the scripts of /docker-entrypoint.d, then becomes the command.
set -e
if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
    for script in /docker-entrypoint.d/*.sh; do
        if [ -x "$script" ]; then
            [ -n "$NGINX_ENTRYPOINT_QUIET_LOGS" ] || echo "$0: Launching $script"
            "$script"
        fi
    done
    [ -n "$NGINX_ENTRYPOINT_QUIET_LOGS" ] || echo "$0: Configuration complete; ready for start up"
fi
exec "$@"
"""

_IPV6 = """\
#!/bin/sh
# Has the server listen on IPv6 too, where the kernel has it and default.conf is as it came and can be written.
site=/etc/nginx/conf.d/default.conf
[ -f /proc/net/if_inet6 ] && touch "$site" 2>/dev/null || exit 0
echo "DIGEST  $site" | sha256sum -c -s || exit 0
sed -i 's/listen       80;/&\\n    listen  [::]:80;/' "$site"
"""
