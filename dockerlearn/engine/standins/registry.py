"""A stand-in for ``registry:2``: the distribution's docker-registry and the libraries it needs, on busybox.

The contract, which is what lessons may rely on and what the tests hold it to:

- ``/entrypoint.sh`` is the entrypoint, the command ``/etc/docker/registry/config.yml``; a command that is a file of
  settings, or begins with ``serve``, ``garbage-collect`` or an option, is given to ``registry``, which is on ``PATH``;
- it answers on port 5000, which is exposed, without TLS and without asking who one is: ``docker push`` and
  ``docker pull`` of ``127.0.0.1:PORT/NAME:TAG``, ``/v2/_catalog`` and ``/v2/NAME/tags/list``;
- what is pushed is in ``/var/lib/registry``, a volume; a new container with the same volume has it;
- variables such as ``REGISTRY_STORAGE_DELETE_ENABLED=true`` and ``REGISTRY_HTTP_ADDR=:80`` go before the file;
- its log, with a line for each request, is its output;
- ``sh`` and the applets of ``busybox.APPLETS`` are on ``PATH``, ``wget`` among them; it runs as root.

Not in the contract: the version (the distribution's, in the description of its layer), the size, the words of the log,
``htpasswd``, storage elsewhere than in files, and the exit code after a stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dockerlearn.engine.standins import busybox, packages, store
from dockerlearn.engine.standins.store import Layer, StandIn
from dockerlearn.engine.standins.tree import Tree
from dockerlearn.errors import PracticeFailed

REPOSITORY = "library/registry"
TAGS = ("2",)

_PACKAGE = "docker-registry"
_PACKAGED = "usr/bin/docker-registry"
_PROGRAM = "usr/bin/registry"
_SETTINGS = "etc/docker/registry/config.yml"
_DATA = "/var/lib/registry"


def build(binary: Path, folder: Path, say: packages.Say, *, tags: Sequence[str] = TAGS) -> StandIn:
    """Make the image in the store at ``folder``; ``binary`` is a static busybox. Raises ``PracticeFailed``."""
    with packages.fetched([_PACKAGE], say) as fetched:
        version = fetched.version(_PACKAGE)
        files = fetched.tree(lambda path: path == _PACKAGED or packages.is_library(path))
    if _PACKAGED not in files:
        raise PracticeFailed(f"The distribution's package {_PACKAGE} has no /{_PACKAGED}.")
    needed = packages.needed([_PACKAGED], files)
    server = files.remove(lambda path: path in needed)
    server.file(_PROGRAM, server[_PACKAGED].content, 0o755)
    server.remove(lambda path: path == _PACKAGED)
    settings = {
        "Cmd": [f"/{_SETTINGS}"],
        "Entrypoint": ["/entrypoint.sh"],
        "Env": [f"PATH={busybox.PATH}"],
        "ExposedPorts": {"5000/tcp": {}},
        "Volumes": {_DATA: {}},
    }
    layers = [
        Layer(busybox.merged(binary).layer(), "a small system, from busybox"),
        Layer(server.layer(), f"{_PACKAGE} {version} and the libraries it needs"),
        Layer(_start().layer(), "stand-in for registry: its settings, the entrypoint"),
    ]
    return store.write(folder, REPOSITORY, tags, layers, settings)


def _start() -> Tree:
    tree = Tree()
    tree.file(_SETTINGS, _DEFAULT)
    tree.file("entrypoint.sh", _ENTRYPOINT, 0o755)
    tree.folder(_DATA.lstrip("/"))
    return tree


_DEFAULT = f"""\
version: 0.1
log:
  fields:
    service: registry
storage:
  filesystem:
    rootdirectory: {_DATA}
  cache:
    blobdescriptor: inmemory
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""

_ENTRYPOINT = """\
#!/bin/sh
# Gives to the registry what is meant for it: a file of settings, or what it does with one. Runs anything else.
case "$1" in
    *.yml | *.yaml) exec registry serve "$@" ;;
    serve | garbage-collect | help | -*) exec registry "$@" ;;
    *) exec "$@" ;;
esac
"""
