"""A stand-in for the ``busybox`` image: one static program, which Debian has as the package busybox-static.

The contract, which is what lessons may rely on and what the tests hold it to:

- the applets of ``APPLETS`` are on ``PATH``, ``/bin/sh`` among them;
- the command is ``sh``, there is no entrypoint, the user is root, the working directory is ``/``;
- ``/tmp`` can be written by everybody; ``/root``, ``/var/www`` and ``/etc/passwd`` with ``root`` and ``nobody`` exist.

Not in the contract: the size, the version that ``busybox`` prints, applets that are not named here, and ``wget -T``:
that of Debian 12 crashes at it (139). ``timeout 5 wget …`` does the same everywhere.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dockerlearn.engine.standins import store
from dockerlearn.engine.standins.elf import Elf
from dockerlearn.engine.standins.store import StandIn
from dockerlearn.engine.standins.tree import Tree
from dockerlearn.errors import PracticeFailed

APPLETS = (
    "cat", "chmod", "cp", "date", "df", "echo", "env", "expr", "false", "find", "free", "grep", "head", "hostname",
    "httpd", "id", "ip", "kill", "ln", "ls", "mkdir", "mv", "nc", "netstat", "nslookup", "ping", "printf", "ps", "pwd",
    "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "tail", "tar", "tee", "test", "timeout", "top", "touch", "tr",
    "true", "uname", "vi", "wc", "wget", "which", "whoami", "yes",
)  # fmt: skip
TAGS = ("1.36", "latest")

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Where ``install`` puts the binary when the package itself would push another one out.
UNPACKED = Path("/usr/local/lib/dockerlearn/busybox")

_FOLDERS = (
    ("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("root", 0o700), ("sbin", 0o755), ("tmp", 0o1777),
    ("usr", 0o755), ("usr/bin", 0o755), ("usr/sbin", 0o755), ("var", 0o755), ("var/spool", 0o755), ("var/www", 0o755),
)  # fmt: skip
_FILES = {
    # Without this file the C library asks the name server before it looks into /etc/hosts.
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
    "etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\n"
        "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
        "www-data:x:33:33:www-data:/var/www:/bin/false\n"
        "nobody:x:65534:65534:nobody:/home:/bin/false\n"
    ),
}


def find_busybox(search: str | None = None) -> Path:
    """Find a busybox that runs without libraries, on ``search`` (like ``PATH``) or where ``install`` unpacks it.

    Raises ``PracticeFailed`` when there is none: Debian's package ``busybox`` is linked with libraries and does not do.
    """
    where = search if search is not None else os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin:/usr/bin:/bin"
    candidates = [Path(folder) / "busybox" for folder in where.split(":") if folder]
    if search is None:
        candidates.append(UNPACKED)
    for candidate in candidates:
        if candidate.is_file() and is_static(candidate):
            return candidate
    raise PracticeFailed(
        "Stand-in images are made from a busybox that needs no libraries, and this machine has none.",
        "apt-get install --no-install-recommends busybox-static",
    )


def is_static(binary: Path) -> bool:
    """Whether this is an ELF program that asks for no dynamic loader."""
    try:
        with binary.open("rb") as file:
            return Elf(file.read(4096)).loader is None
    except (OSError, ValueError):
        return False


def build(binary: Path, folder: Path, *, repository: str = "library/busybox", tags: Sequence[str] = TAGS) -> StandIn:
    """Make the image of ``binary`` in the store at ``folder``, under ``repository`` and ``tags``.

    Raises ``PracticeFailed`` when the binary cannot run here or lacks an applet of the contract.
    """
    tree = Tree()
    for name, mode in _FOLDERS:
        tree.folder(name, mode)
    put_applets(tree, "bin", binary)
    for name, text in _FILES.items():
        tree.file(name, text)
    layer = store.Layer(tree.layer(), "stand-in for busybox")
    return store.write(folder, repository, tags, [layer], {"Cmd": ["sh"], "Env": [f"PATH={PATH}"]})


class User(NamedTuple):
    """Somebody as whom a service runs, with a group of the same name and number."""

    name: str
    number: int
    home: str


def merged(binary: Path, *users: User) -> Tree:
    """Return a small system as distributions lay it out now, with ``/bin`` in ``/usr/bin``, for their programs.

    Raises ``PracticeFailed`` as ``build``.
    """
    tree = Tree()
    for name in ("bin", "lib", "lib64", "sbin"):
        tree.folder(f"usr/{name}")
        tree.link(name, f"usr/{name}")
    for name in ("dev", "etc", "home", "proc", "run", "sys", "var/cache", "var/lib"):
        tree.folder(name)
    tree.folder("root", 0o700)
    tree.folder("tmp", 0o1777)
    tree.link("var/run", "/run")
    put_applets(tree, "usr/bin", binary)
    known = [User("root", 0, "/root"), User("daemon", 1, "/usr/sbin"), *users, User("nobody", 65534, "/")]
    tree.file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    tree.file("etc/group", "".join(f"{name}:x:{number}:\n" for name, number, _ in known))
    tree.file("etc/passwd", "".join(map(_account, known)))
    return tree


def _account(user: User) -> str:
    name, number, home = user
    return f"{name}:x:{number}:{number}:{name}:{home}:{'/bin/sh' if number == 0 else '/bin/false'}\n"


def put_applets(tree: Tree, folder: str, binary: Path) -> None:
    """Put ``binary`` with links for all its applets into a folder of an image.

    Raises ``PracticeFailed`` when it cannot run here or lacks an applet of the contract.
    """
    applets = _applets(binary)
    missing = [applet for applet in APPLETS if applet not in applets]
    if missing:
        raise PracticeFailed(f"{binary} cannot stand in for busybox: it has no {', '.join(missing)}.")
    tree.file(f"{folder}/busybox", binary.read_bytes(), 0o755)
    for applet in applets:
        tree.link(f"{folder}/{applet}", "busybox")


def _applets(binary: Path) -> tuple[str, ...]:
    try:
        listed = subprocess.run([str(binary), "--list"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        raise PracticeFailed(f"{binary} does not run here: {error}") from error
    return tuple(sorted({line.strip() for line in listed.stdout.splitlines()} - {"", "busybox"}))
