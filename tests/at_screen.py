"""Somebody at a terminal with the tutor in it, who types what a lesson knows: its solutions and its mistakes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dockerlearn.course.models import Choice, Mistake
from dockerlearn.session.script import solution_script
from dockerlearn.session.session import Place
from tests.screen import Screen

PROMPTS = {
    "bash": "PS1='$ '\n",
    "zsh": "PS1='$ '\nPS2='> '\nunsetopt prompt_sp\n",
    "fish": "set fish_greeting\nfunction fish_prompt; echo -n '$ '; end\n",
}
GOES_ON = "Enter for the next step."
SH = re.compile(r"^\s*(?:for|while|until|if|case|\w+=)|<<|\|\| \w+=", re.MULTILINE)
"""What fish, which is no sh, reads in another way or not at all."""


class At:
    """Somebody at a screen, who waits for what she is told before she goes on."""

    def __init__(self, screen: Screen, *, reads_sh: bool = True) -> None:
        self.screen = screen
        self.reads_sh = reads_sh
        self.seen = 0

    def sees(self, text: str) -> str:
        """Wait until the screen shows a text that was not there before, and return all up to its end."""
        self.screen.shows(lambda: text in self.screen.text[self.seen :])
        shown = self.screen.text
        self.seen = shown.index(text, self.seen) + len(text)
        return shown[: self.seen]

    def ready(self) -> None:
        """Wait for a prompt with nothing behind it."""
        self.screen.shows(lambda: self.screen.lines[-1] == "$")

    def types(self, line: str, sees: str = "", *, ready: bool = True) -> None:
        """Type a line, wait for what it brings, and for the prompt."""
        at_prompt = self.screen.lines[-1] == "$"
        self.screen.type(f"{line}\n")
        if at_prompt and line:
            # Else the prompt before would be taken for the one after.
            self.sees(f"$ {line}\n")
        if sees:
            self.sees(sees)
        if ready:
            self.ready()

    def predicts(self, choice: str = "2") -> None:
        """Answer what is asked before one goes on."""
        self.sees("your answer (1-3) ›")
        self.types(choice, "Right.")

    def types_script(self, script: str) -> None:
        """Type what stands in a solution or a mistake, line by line."""
        if not self.reads_sh and SH.search(script):
            self.types("PS1='$ ' sh")
            self._types_lines(script)
            self.types("exit")
        else:
            self._types_lines(script)

    def _types_lines(self, script: str) -> None:
        by_hand = "only the first line, without the &" in script
        for line in script.strip("\n").split("\n"):
            self.screen.type(f"{line.removesuffix(' &') if by_hand else line}\n")
            if by_hand and line.endswith("&"):
                self.sees("UTC")
                self.screen.press("C-c")
                self.screen.shows(lambda: self.screen.lines[-1].endswith("$"))
                return
            if line.strip():
                self._sees_typed(line)
            self.screen.shows(lambda: self.screen.lines[-1] in {"$", ">"})

    def _sees_typed(self, line: str) -> None:
        """Wait for a line that was typed; one wider than the screen is broken by the shell, by each in its own way.

        Where it is broken at a space, that is not on the screen.
        """
        wanted = "".join(line.split())

        def end() -> int:
            shown = self.screen.text
            places = [place for place in range(self.seen, len(shown)) if not shown[place].isspace()]
            at = "".join(shown[place] for place in places).find(wanted)
            return places[at + len(wanted) - 1] + 1 if at >= 0 else 0

        self.screen.shows(lambda: end() > 0)
        self.seen = end()

    def reads(self, text: str) -> None:
        """Wait for a text of a lesson, however it is wrapped and marked up."""

        def plain(text: str) -> str:
            return " ".join(text.replace("`", "").replace("*", "").split())

        beginning = plain(text)[:40]
        self.screen.shows(lambda: beginning in plain(self.screen.text[self.seen :]))

    def goes_on(self) -> None:
        """Press Enter on an empty line."""
        self.screen.press("Enter")


def take(me: At, place: Place, *, cd: bool = False) -> None:
    """Take a step by typing its solution, with its first mistake before; ``cd`` goes to its lesson's folder first."""
    step = place.step
    if place.prediction_open:
        assert step.predict is not None
        _choose(me, step.predict.choices)
    if step.question is not None:
        _choose(me, step.question.choices)
    elif step.kind != "read":
        me.ready()
        if cd:
            me.types(f"cd {place.folder}")
        if step.mistakes:
            _err(me, step.mistakes[0], place)
        before = me.seen
        if isinstance(step.solution, str):
            me.types_script(step.solution)
        else:
            me.types_script(solution_script(step, step.solution, place.folder, docker_host=None, command=None))
        # A solution may go on when the step is done already, to show something.
        me.seen = before
    me.sees(GOES_ON)


def _choose(me: At, choices: Sequence[Choice]) -> None:
    me.sees("your answer")
    me.types(str([choice.right for choice in choices].index(True) + 1), "Right.", ready=False)


def _err(me: At, mistake: Mistake, place: Place) -> None:
    """Make a mistake, be told so, unasked where no way leads on from it, and mend it."""
    me.types_script(mistake.try_)
    if not mistake.dead_end:
        me.types("dl check", ready=False)
    me.reads(mistake.say)
    me.ready()
    me.seen = me.screen.text.rindex("$")
    if mistake.fix is not None:
        me.types_script(mistake.fix)
    else:
        me.types("dl redo", f"step {place.number} of")
        me.ready()
