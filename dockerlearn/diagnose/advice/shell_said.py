"""Slips that never reached docker: the learner's shell stopped them."""

from __future__ import annotations

import difflib

from dockerlearn.diagnose.advice.slip import Advice, Slip, shown
from dockerlearn.world.command_line import Line


def open_quote(line: Line) -> Advice | None:
    """A quote that is not closed: the shell waits for the rest."""
    if line.open_quote is None:
        return None
    quote, at = line.open_quote
    tail = shown(line.text[at : at + 24])
    say = (
        f"{'The bracket' if quote == '$(' else 'The quote'} that opens at {tail} "
        "is never closed, so the shell waits for "
        "the rest. Ctrl-C leaves that; then type it again with both ends."
    )
    return Advice("open quote", say)


def typed_prompt(slip: Slip) -> Advice | None:
    """``$ docker ps``: the prompt sign of an example was typed too."""
    first, *rest = slip.command.words
    if first.text not in {"$", "%", "#", ">"} or first.quoted or not rest:
        return None
    say = f"The {first.text} at the beginning of an example stands for the prompt. It is not part of the command."
    return Advice("typed prompt", say, slip.changed((first, "")).lstrip())


def misspelt_docker(slip: Slip) -> Advice | None:
    """``dokcer``: no such program, but nearly docker."""
    first = slip.command.words[0]
    if slip.exit_code != 127 or slip.docker is not None or (slip.printed and not slip.says("not found")):
        return None
    if first.text == "docker-compose":
        say = "docker-compose was version 1, a program of its own. Today it is docker compose, with a space."
        return Advice("old compose", say, slip.changed((first, "docker compose")))
    if difflib.SequenceMatcher(None, first.text.lower(), "docker").ratio() < 0.75 or first.text == "docker":
        return None
    return Advice(
        "misspelt docker",
        f"There is no program {shown(first.text)}. Probably docker was meant.",
        slip.changed((first, "docker")),
    )
