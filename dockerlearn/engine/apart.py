"""Runs a program in namespaces of its own, so that it can have an engine of its own beside another one.

Two dockerds in one network namespace rewrite each other's packet filter rules; each in one of its own knows nothing of
the other. Such a program has loopback and no way to any network, sees no process but its own, and an empty ``/run``,
for there are the sockets of the machine's own engine. When it ends, the kernel ends all that it has started.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from dockerlearn.engine.practice import require_linux
from dockerlearn.errors import PracticeFailed
from dockerlearn.text import safe

_UNSHARE = (
    "unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
)  # fmt: skip
# The shell stays, as process 1, and collects orphans, which the program would not.
_INSIDE = 'mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run && "$@"; exit $?'


def command(program: Sequence[str]) -> list[str]:
    """Return what to run instead of ``program`` to have it run apart."""
    return [*_UNSHARE, "sh", "-c", _INSIDE, "sh", *program]


def require() -> None:
    """Raise ``PracticeFailed``, with the reason, where nothing can be run apart."""
    require_linux()
    if os.geteuid() != 0:
        raise PracticeFailed(
            "Only root can start engines beside each other.",
            "dockerlearn author prove --practice    # on one engine, a private one",
        )
    try:
        done = subprocess.run(command(["true"]), capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise PracticeFailed(f"{_NEEDED} That cannot be had here: {error}.", "apt-get install util-linux") from None
    if done.returncode != 0:
        why = safe(done.stderr).strip() or f"unshare ended with status {done.returncode}"
        raise PracticeFailed(f"{_NEEDED} This machine gives none: {why}")


_NEEDED = "A second engine needs namespaces of its own, or the two would rewrite each other's packet filter rules."
