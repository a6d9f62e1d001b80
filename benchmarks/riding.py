"""A shell on a pty, with a rider who has nothing to say or bare: what passes through, and how soon the prompt comes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pexpect

from benchmarks.measure import Cost
from tests import own_shells

KINDS = ("bash", "zsh", "fish")
SIZE = 30_000_000
PROMPT = "ready> "
_ROOT = Path(__file__).parent.parent
_RCS = {
    "bash": (".bashrc", f"PS1='{PROMPT}'"),
    "zsh": (".zshrc", f"PS1='{PROMPT}'"),
    "fish": (".config/fish/config.fish", f"set fish_greeting\nfunction fish_prompt; echo -n '{PROMPT}'; end"),
}


def pass_through(folder: Path, times: int) -> tuple[Sequence[Cost], Sequence[Cost], Sequence[Cost]]:
    """Read 30 MB that a program in the shell writes, by turns through the ride, from a bare pty, and through script(1).

    The last is a program in C that does nothing but pass bytes on, and shows what a second pty costs at least.
    """
    home = _home(folder / "through", "bash")
    (home / "much").write_bytes((b"x" * 78 + b"\r\n") * (SIZE // 80))
    # The tty would make of each new line two characters.
    with (home / ".bashrc").open("a") as rc:
        rc.write("\nstty -opost; cat ~/much; exit 0\n")
    ours: list[Cost] = []
    base: list[Cost] = []
    least: list[Cost] = []
    through_c = ["script", "--quiet", "--return", "--command", "bash -i", os.devnull]
    for turn in range(times + 1):
        programs = [(_ridden("bash"), ours), (["bash", "-i"], base), (through_c, least)]
        for command, costs in programs if turn % 2 else reversed(programs):
            cost = _drained(command, home)
            if turn:
                costs.append(cost)
    return ours, base, least


def prompts(folder: Path, kind: str, times: int) -> tuple[Sequence[float], Sequence[float]]:
    """Seconds from Enter after ``true`` to the next prompt, by turns with a rider and without."""
    home = _home(folder / kind, kind)
    pair = [
        pexpect.spawn(command[0], command[1:], env=environment(home), cwd=str(home), timeout=60)
        for command in (_ridden(kind), [kind, "-i"])
    ]
    try:
        for process in pair:
            process.delaybeforesend = None
            process.expect_exact(PROMPT)
        return by_turns(pair, "true", times, echo="true" if kind != "zsh" else "rue")
    finally:
        for process in pair:
            process.close(force=True)


def by_turns(
    pair: Sequence[pexpect.spawn[Any]], line: str, times: int, *, echo: str
) -> tuple[Sequence[float], Sequence[float]]:
    """Seconds from Enter after ``line``, which shows as ``echo``, to the next prompt, in one shell and the other."""
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(times):
        for number in (0, 1) if turn % 2 else (1, 0):
            pair[number].send(line)
            pair[number].expect_exact(echo)
            began = time.perf_counter()
            pair[number].send("\r")
            pair[number].expect_exact(PROMPT)
            taken[number].append(time.perf_counter() - began)
    return taken


def _drained(command: list[str], home: Path) -> Cost:
    """From the first byte to the last; the processor's time is that of the whole process, its start included."""
    pid, fd = os.forkpty()
    if pid == 0:
        os.execvpe(command[0], command, environment(home))
    began = last = 0.0
    read = 0
    while True:
        try:
            data = os.read(fd, 65_536)
        except OSError:
            break
        if not data:
            break
        began = began or time.perf_counter()
        read += len(data)
        if read >= SIZE and not last:
            last = time.perf_counter()
    _, status, usage = os.wait4(pid, 0)
    os.close(fd)
    if status or not last:
        raise RuntimeError(f"{command[0]} ended with {status} after {read} bytes")
    return Cost(last - began, usage.ru_utime + usage.ru_stime)


def _ridden(kind: str) -> list[str]:
    return [sys.executable, "-m", "tests.shell_rider", kind, os.devnull]


def _home(folder: Path, kind: str) -> Path:
    name, text = _RCS[kind]
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")
    own_shells.settle_in(folder)
    return folder


def environment(home: Path) -> dict[str, str]:
    """That of somebody whose home is ``home``, with nothing of the outside but programs and language."""
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG"}}
    return {**kept, "HOME": str(home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(_ROOT)}
