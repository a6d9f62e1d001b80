"""Runs what ``--fix`` may run: the safe commands of findings, one after the other, each to its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

import msgspec

from dockerlearn.doctor.finding import Finding

Run = Callable[[tuple[str, ...], Mapping[str, str]], int]


class Mended(msgspec.Struct, frozen=True):
    """A command that was run, and how it ended."""

    command: tuple[str, ...]
    code: int


def safe_commands(findings: Iterable[Finding]) -> tuple[tuple[str, ...], ...]:
    """Return what there is to run, each once."""
    return tuple(dict.fromkeys(command for finding in findings for command in finding.safe))


def mend(
    commands: Iterable[tuple[str, ...]], environ: Mapping[str, str], docker_host: str | None, run: Run
) -> tuple[Mended, ...]:
    """Run commands; ``docker_host`` is where docker has to look when it does not find the engine by itself."""
    told = {**environ, "DOCKER_HOST": docker_host} if docker_host else environ
    return tuple(Mended(command, run(command, told)) for command in commands)


def run_here(command: tuple[str, ...], environ: Mapping[str, str]) -> int:
    """Run a command in this terminal, its output on standard error; 127 when there is no such program."""
    words = [sys.executable, "-m", *command] if command[0] == "dockerlearn" else list(command)
    try:
        return subprocess.run(words, env=dict(environ), stdout=2, check=False).returncode
    except OSError:
        return 127
