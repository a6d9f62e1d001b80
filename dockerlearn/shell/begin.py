"""Begins a ride: starts the learner's shell and puts the loop between it and her terminal."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dockerlearn.shell.child import Child
from dockerlearn.shell.known import Known
from dockerlearn.shell.marks import MarkReader
from dockerlearn.shell.ride import Ride
from dockerlearn.shell.rider import Rider
from dockerlearn.shell.startup import Setting, prepare
from dockerlearn.shell.terminal import Terminal


def ride(
    shell: Known,
    rider: Callable[[Ride], Rider],
    *,
    program: Sequence[str],
    words: Sequence[str],
    folder: Path,
    variables: Mapping[str, str | None],
    environ: Mapping[str, str],
    fd: int = 0,
) -> int:
    """Ride along until the shell ends, and return its exit status; the terminal at ``fd`` is restored.

    For the other arguments see ``Setting``.
    """
    secret = secrets.token_hex(16)
    setting = Setting(secret, program, words, folder, variables, os.getpid())
    with tempfile.TemporaryDirectory(prefix="dockerlearn-") as scratch, Terminal(fd) as terminal:
        started = prepare(shell, setting, environ, Path(scratch))
        child = Child.start(started, folder, terminal.size(), terminal.attributes)
        return Ride(child, terminal, MarkReader(secret), rider).run()
