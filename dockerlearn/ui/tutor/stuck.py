"""What to press when a program holds the terminal, for the window's title."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import pairwise

from dockerlearn.text import one_line

_INSIDE = re.compile(r"^-(?:[a-z]*i[a-z]*t|[a-z]*t[a-z]*i)[a-z]*$")

_PRESS = {
    "vim": "Esc :q! Enter leaves",
    "vi": "Esc :q! Enter leaves",
    "nvim": "Esc :q! Enter leaves",
    "view": "Esc :q! Enter leaves",
    "nano": "Ctrl-X leaves",
    "pico": "Ctrl-X leaves",
    "emacs": "Ctrl-X Ctrl-C leaves",
    "less": "q leaves",
    "more": "q leaves",
    "most": "q leaves",
    "man": "q leaves",
    "top": "q leaves",
    "htop": "q leaves",
    "tmux": "exit leaves",
    "screen": "exit leaves",
}
_USUAL = "Ctrl-C ends it"
_FULL_SCREEN = "q leaves, or Ctrl-C"
_CONTAINER = "exit or Ctrl-D leaves the container"
_CLIENTS = frozenset({"docker", "podman"})


def what_to_press(typed: str, running: Sequence[Sequence[str]] = (), *, full_screen: bool = False) -> str:
    """Return what gets the terminal back, from the words of what has it, else from those of the line that was typed.

    >>> what_to_press("docker logs -f web"), what_to_press("docker run -it busybox")
    ('Ctrl-C ends it', 'exit or Ctrl-D leaves the container, Ctrl-P Ctrl-Q leaves it running')
    >>> what_to_press("dl edit", [["dockerlearn", "edit"], ["/usr/bin/vim.tiny", "Dockerfile"]])
    'Esc :q! Enter leaves'
    """
    found = [press for words in running if (press := _of(words)) is not None]
    if found:
        # The last one of a pipe, or what another program started, has the keyboard.
        return found[-1]
    try:
        words = shlex.split(typed)
    except ValueError:
        words = typed.split()
    if "|" in words[:-1]:
        words = words[len(words) - words[::-1].index("|") :]
    words = [word for word in words if "=" not in word or word.startswith("-")]
    while words[:1] in (["sudo"], ["exec"], ["command"]):
        words = words[1:]
    return _of(words) or (_FULL_SCREEN if full_screen else _USUAL)


def _of(words: Sequence[str]) -> str | None:
    if not words:
        return None
    # Debian's names of vi are vim.tiny and vim.basic.
    name = words[0].rpartition("/")[2].partition(".")[0]
    if name in _CLIENTS:
        return _of_docker([word for word in words[1:] if word != "container"])
    return _PRESS.get(name)


def _of_docker(words: Sequence[str]) -> str:
    if words[:1] == ["attach"]:
        return "Ctrl-P Ctrl-Q detaches, Ctrl-C may end the container"
    if words[:1] in (["run"], ["exec"], ["start"]):
        for word in words[1:]:
            if _INSIDE.match(word):
                return f"{_CONTAINER}, Ctrl-P Ctrl-Q leaves it running"
            if word in {"-i", "--interactive", "-ai", "-ia"}:
                return _CONTAINER
    if words[:1] in (["run"], ["start"]):
        # The first process of a container takes a signal only if it has asked for it; sleep, for one, has not.
        return f"{_USUAL}, else docker stop {_container(words)} in another terminal"
    return _USUAL


def _container(words: Sequence[str]) -> str:
    if words[0] == "start":
        return one_line(words[-1], 40)
    for word, following in pairwise([*words, ""]):
        if word == "--name" or word.startswith("--name="):
            return one_line(word.partition("=")[2] or following, 40)
    return "with its name"
