"""A stand-in for ``python:3.11-slim``: the distribution's python on a small system, both of its packages.

The contract, which is what lessons may rely on and what the tests hold it to:

- ``python``, ``python3`` and ``pip`` are on ``PATH``, in ``/usr/local/bin``; the command is ``python3``, there is no
  entrypoint, the user is root, the working directory is ``/``;
- the standard library works, ``ssl``, ``sqlite3``, ``json``, ``venv`` and ``http.server`` among it;
- ``pip install`` puts packages into ``/usr/local/lib/python3.N/site-packages`` and their programs into
  ``/usr/local/bin``, as root and without a virtual environment too; a user who is not root gets them in ``~/.local``;
  ``python -m venv`` makes an environment with a pip of its own, without the network;
- TLS connections, pip's among them, trust the authorities that the machine trusts on which the image was made: its
  ``/etc/ssl/certs/ca-certificates.crt`` is in the image. Nothing else of the machine's is, no configuration of its pip;
- ``sh``, ``bash``, the usual small programs (coreutils, grep, sed, awk, find, tar, gzip), ``useradd``, ``adduser`` and
  ``groupadd``; ``/etc/passwd`` has Debian's users; ``--user`` works with any name or number;
- there is no ``ps``, no compiler, no ``curl`` and no ``wget``, as in the real one.

Not in the contract: ``apt-get`` and ``dpkg`` (there are none: everything but pip works without a network), the version,
which is the distribution's (3.11 on Debian 12; it is in ``PYTHON_VERSION``), the size and the layers, ``tkinter``,
which of setuptools and wheel is there, and where the interpreter itself lies (``/usr/bin``).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from dockerlearn.engine.standins import packages, store
from dockerlearn.engine.standins.store import Layer, StandIn
from dockerlearn.engine.standins.tree import MERGED, Tree
from dockerlearn.errors import PracticeFailed

REPOSITORY = "library/python"
TAGS = ("3.11-slim",)
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

_SYSTEM = (
    "adduser", "base-files", "base-passwd", "bash", "ca-certificates", "coreutils", "dash", "debianutils", "findutils",
    "grep", "gzip", "hostname", "libc-bin", "login", "mawk", "media-types", "netbase", "passwd", "perl-base", "sed",
    "tar", "tzdata", "util-linux",
)  # fmt: skip
_PYTHON = ("python3", "python3-distutils", "python3-venv", "python3-pip-whl", "python3-setuptools-whl")
_OPTIONAL = frozenset({"python3-distutils"})  # part of the standard library's package, or gone, since Debian 13
# Of what these are for there is nothing in the image.
_LEFT_OUT = frozenset({"debconf", "dpkg", "python3", "python3-minimal", "python3-venv"})
_UNWANTED = re.compile(
    r"usr/share/(?:doc|man|info|locale|lintian|bug|doc-base|bash-completion|base-files|debconf|pam-configs)(?:/|$)"
    r"|usr/lib/systemd(?:/|$)|usr/lib/[^/]+/gconv(?:/|$)|.*/EXTERNALLY-MANAGED$|etc/(?:cron|init|logrotate)\.d(?:/|$)"
)
_INTERPRETER = re.compile(r"usr/bin/python(3\.\d+)")
_WHEEL = re.compile(r"usr/share/python-wheels/(?:pip|setuptools)-[^/]+\.whl")


def build(folder: Path, say: packages.Say, *, authorities: Path = AUTHORITIES, tags: Sequence[str] = TAGS) -> StandIn:
    """Make the image in the store at ``folder``. Raises ``PracticeFailed``."""
    with packages.fetched((*_SYSTEM, *_PYTHON), say, optional=_OPTIONAL) as fetched:
        # The libraries that python needs are in the layer of the system too.
        system = fetched.tree(_is_wanted, of=lambda name: name not in _LEFT_OUT and "python" not in name)
        python = fetched.tree(_is_wanted, of=lambda name: name not in _LEFT_OUT and "python" in name)
    interpreters = [match[1] for path in python if (match := _INTERPRETER.fullmatch(path))]
    if len(interpreters) != 1:
        raise PracticeFailed("The distribution's packages of python have no interpreter of one version.")
    version = interpreters[0]
    _require_libraries(system, python, version)
    _set_up(system, authorities)
    settings = {
        "Cmd": ["python3"],
        "Env": [
            "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            f"PYTHON_VERSION={fetched.version(f'python{version}')}",
        ],
    }
    layers = [
        Layer(system.layer(), "a small system, from the distribution's packages"),
        Layer(python.layer(), f"python {version}, from the distribution's packages"),
        Layer(_tools(python, version).layer(), "stand-in for python: python and pip in /usr/local"),
    ]
    return store.write(folder, REPOSITORY, tags, layers, settings)


def _is_wanted(path: str) -> bool:
    return _UNWANTED.match(path) is None


def _require_libraries(system: Tree, python: Tree, version: str) -> None:
    """Make sure that the closure of packages is whole where it matters. Raises ``PracticeFailed``."""
    both = Tree()
    both.put(system)
    both.put(python)
    modules = [path for path in python if path.startswith(f"usr/lib/python{version}/lib-dynload/")]
    packages.libraries([f"usr/bin/python{version}", "usr/bin/bash", "usr/bin/ls", "usr/sbin/useradd", *modules], both)


def _set_up(system: Tree, authorities: Path) -> None:
    """Do what the packages' scripts would have done."""
    for name in MERGED:
        if f"usr/{name}" in system:
            system.link(name, f"usr/{name}")
    for name in ("dev", "proc", "sys", "home", "run", "usr/local/bin", "usr/local/lib"):
        system.folder(name)
    system.link("var/run", "/run")
    system.link("usr/bin/sh", "dash")
    system.link("usr/bin/which", "which.debianutils")
    system.link("usr/bin/awk", "mawk")
    system.link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    system.file("etc/shells", "/bin/sh\n/bin/bash\n")
    for kind, rest in (("passwd", ":*:19723:0:99999:7:::"), ("group", ":*::")):
        text = system[f"usr/share/base-passwd/{kind}.master"].content.decode()
        shadow = "".join(line.partition(":")[0] + rest + "\n" for line in text.splitlines())
        system.file(f"etc/{kind}", text.replace(":*:", ":x:"))
        system.file({"passwd": "etc/shadow", "group": "etc/gshadow"}[kind], shadow, 0o600)
    for name, text in _PAM.items():
        system.file(f"etc/pam.d/common-{name}", text)
    bundled = system.remove(lambda path: path.startswith("usr/share/ca-certificates/"))
    try:
        trusted = authorities.read_bytes()
    except OSError:
        trusted = b"".join(bundled[path].content for path in bundled if path.endswith(".crt"))
    system.file("etc/ssl/certs/ca-certificates.crt", trusted)


def _tools(python: Tree, version: str) -> Tree:
    """What the real image has in /usr/local: names for the interpreter, pip, and the folder that pip installs into."""
    tree = Tree()
    for name in ("python", "python3", f"python{version}"):
        tree.link(f"usr/local/bin/{name}", f"/usr/bin/python{version}")
    for name in ("pip", "pip3", f"pip{version}"):
        tree.file(f"usr/local/bin/{name}", _PIP.replace("VERSION", version), 0o755)
    library = f"usr/local/lib/python{version}"
    tree.folder(f"{library}/site-packages")
    # Debian's python looks there, and its pip installs there.
    tree.link(f"{library}/dist-packages", "site-packages")
    wheels = [path for path in python if _WHEEL.fullmatch(path)]
    for path in wheels:
        with zipfile.ZipFile(io.BytesIO(python[path].content)) as wheel:
            for name in wheel.namelist():
                if not name.endswith("/"):
                    tree.file(f"{library}/site-packages/{name}", wheel.read(name))
    if f"{library}/site-packages/pip/__main__.py" not in tree:
        raise PracticeFailed("The distribution's packages have no pip for this python.")
    return tree


_PIP = """\
#!/usr/local/bin/pythonVERSION
import sys

from pip._internal.cli.main import main

sys.exit(main())
"""

_PAM = {
    "account": "account required pam_unix.so\n",
    "auth": "auth required pam_unix.so nullok\n",
    "password": "password required pam_unix.so yescrypt\n",
    "session": "session required pam_unix.so\n",
    "session-noninteractive": "session required pam_unix.so\n",
}
