"""How a shell is started so that its own configuration comes first and the marks after it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dockerlearn.shell.known import RIDING, Known

_ARRAYS_SINCE = (5, 1)
"""The version of bash in which PROMPT_COMMAND may be an array."""

_WORD = re.compile(r"[a-z][a-z-]*")


class Setting(NamedTuple):
    """What the shell is to be like beyond the learner's own configuration.

    ``program`` is how this installation of dockerlearn is called, ``words`` its commands that get short names,
    ``folder`` where the shell begins. ``variables`` are set after the learner's configuration was read; None takes one
    away. ``pid`` is the tutor's.
    """

    secret: str
    program: Sequence[str]
    words: Sequence[str]
    folder: Path
    variables: Mapping[str, str | None]
    pid: int


class Started(NamedTuple):
    """What to run, and in which environment."""

    arguments: list[str]
    environment: dict[str, str]


def prepare(shell: Known, setting: Setting, environ: Mapping[str, str], scratch: Path) -> Started:
    """Write the start-up file into ``scratch``, a folder that only the learner may read, and return how to start."""
    environment = {**environ, RIDING: str(setting.pid), "SHELL": shell.path}
    if shell.kind == "bash":
        file = _write(scratch / "bashrc", _bash(shell, setting))
        return Started([shell.path, "--rcfile", str(file), "-i"], environment)
    if shell.kind == "zsh":
        _write(scratch / ".zshenv", _zsh(setting, environ.get("ZDOTDIR")))
        return Started([shell.path, "-i"], {**environment, "ZDOTDIR": str(scratch)})
    file = _write(scratch / "init.fish", _fish(setting))
    return Started([shell.path, "-i", "-C", f"source {quote_fish(str(file))}"], environment)


def quote_fish(text: str) -> str:
    r"""Return ``text`` as one word of fish.

    >>> quote_fish("it's \\ here")
    "'it\\'s \\\\ here'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _bash(shell: Known, setting: Setting) -> str:
    return (
        "if [ -r ~/.bashrc ]; then . ~/.bashrc; fi\n"
        f"{_posix(setting)}__dl_arrays={int(shell.version >= _ARRAYS_SINCE)}\n{_script('bash.sh')}"
    )


def _zsh(setting: Setting, zdotdir: str | None) -> str:
    before = "" if zdotdir is None else f"__dl_zdotdir={shlex.quote(zdotdir)}\n"
    return f"{_posix(setting)}{before}{_script('zsh.sh')}"


def _posix(setting: Setting) -> str:
    lines = [
        f"__dl_secret={shlex.quote(setting.secret)}",
        f"__dl_program=({shlex.join(setting.program)})",
        f"__dl_words=({shlex.join(_words(setting))})",
        f"__dl_folder={shlex.quote(str(setting.folder))}",
        "__dl_environment() {",
        *(
            f"  builtin unset {name}" if value is None else f"  builtin export {name}={shlex.quote(value)}"
            for name, value in setting.variables.items()
        ),
        "  :",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _fish(setting: Setting) -> str:
    lines = [
        f"set --global __dl_secret {quote_fish(setting.secret)}",
        f"set --global __dl_program {' '.join(map(quote_fish, setting.program))}",
        f"set --global __dl_words {' '.join(_words(setting))}",
        f"set --global __dl_folder {quote_fish(str(setting.folder))}",
        "function __dl_environment",
        *(
            f"    set --erase {name}" if value is None else f"    set --global --export {name} {quote_fish(value)}"
            for name, value in setting.variables.items()
        ),
        "end",
    ]
    return "\n".join(lines) + f"\n{_script('fish.fish')}"


def _words(setting: Setting) -> list[str]:
    if wrong := [word for word in setting.words if not _WORD.fullmatch(word) or word == "reset"]:
        raise ValueError(f"{', '.join(wrong)}: no names for the tutor's words")
    return list(setting.words)


def _script(name: str) -> str:
    return (Path(__file__).with_name("scripts") / name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    path.chmod(0o600)
    return path
