"""What is said between prompts, as a terminal shows it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ridden import Ridden
from tests.screen import Screen

pytestmark = pytest.mark.usefixtures("shells")

ROOT = Path(__file__).parent.parent
SAYS = """
if event["event"] == "poked":
    for line in event["text"].splitlines():
        exec(line)
"""

Start = Callable[..., "Poked"]


class Poked:
    """A shell in a screen, whose rider says what it is poked with."""

    def __init__(self, folder: Path, kind: str, rc: str, size: tuple[int, int], says: str = "") -> None:
        learner = Ridden(folder, kind)
        learner.rc(rc)
        self.fifo = folder / "fifo"
        os.mkfifo(self.fifo)
        self.log = learner.log
        environment = {
            **learner.environment, "PYTHONPATH": str(ROOT), "RIDER_FIFO": str(self.fifo), "RIDER_SAYS": says + SAYS,
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.shell_rider", kind, str(learner.log)]
        self.screen = Screen(command, environment, learner.home, size)

    def poke(self, line: str) -> None:
        """Have the rider run a line of Python."""
        with self.fifo.open("w") as fifo:
            fifo.write(line + "\n")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[Poked] = []

    def begin(kind: str, rc: str, size: tuple[int, int] = (24, 80), says: str = "") -> Poked:
        begun.append(Poked(tmp_path, kind, rc, size, says))
        return begun[-1]

    yield begin
    for poked in begun:
        poked.screen.close()


PROMPTS = {
    "bash": ("bash", "PS1='mine> '", ["mine> "]),
    "bash, coloured": ("bash", r"PS1='\[\e]0;title\a\e[1;32m\]mine\[\e[0m\]> '", ["mine> "]),
    "bash, two lines": ("bash", r"PS1='\n┌ folder ✓\n└ > '", ["", "┌ folder ✓", "└ > "]),
    "bash, longer than the width": ("bash", f"PS1='{'x' * 100}> '", ["x" * 80, "x" * 20 + "> "]),
    "bash, as wide as the screen": ("bash", f"PS1='{'x' * 79}日> '", ["x" * 79, "日> "]),
    "zsh": ("zsh", "PS1='mine> '", ["mine> "]),
    "zsh, two lines and one on the right": (
        "zsh", "PS1=$'top line\\n> '; RPS1='right'", ["top line", "> ".ljust(74) + "right"],
    ),
    "fish": ("fish", "set fish_greeting\nfunction fish_prompt; echo -n 'mine> '; end", ["mine> "]),
    "fish, two lines and one on the right": (
        "fish",
        ("set fish_greeting\nfunction fish_prompt; echo top; echo -n '> '; end\n"
         "function fish_right_prompt; echo -n right; end"),
        ["top", "> ".ljust(75) + "right"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rows"), [*((name, 24) for name in PROMPTS), ("bash, two lines", 6), ("zsh", 6), ("fish", 6)]
)
def test_said_above_the_prompt(start: Start, name: str, rows: int) -> None:
    """The prompt is put back below, once, with the cursor where it was; on a screen that is full, too."""
    kind, rc, prompt = PROMPTS[name]
    poked = start(kind, rc, (rows, 80))
    screen = poked.screen
    bottom = [line.rstrip() for line in prompt]
    screen.shows(lambda: screen.lines[-len(bottom) :] == bottom)
    before = screen.cursor
    poked.poke(r"ride.say('✓ said\nin two lines\n')")
    screen.shows("in two lines")
    screen.shows(lambda: screen.lines[-len(bottom) - 2 :] == ["✓ said", "in two lines", *bottom])
    assert screen.cursor[1] == before[1]
    assert screen.lines.count(bottom[-1]) == 1, screen.text
    assert screen.text.count("in two lines") == 1
    screen.type("echo typed after\n")
    screen.shows(lambda: "\ntyped after\n" in screen.text)
    assert f"{bottom[-1].split('right')[0].rstrip()} echo typed after" in screen.text
    screen.close()


def test_nothing_is_said_while_something_is_typed(start: Start) -> None:
    poked = start("bash", "PS1='mine> '")
    screen = poked.screen
    screen.shows("mine>")
    screen.type("echo half")
    screen.shows("mine> echo half")
    poked.poke(r"ride.say('said late\n')")
    screen.type(" and half\n")
    screen.shows("said late")
    assert screen.lines == ["mine> echo half and half", "half and half", "said late", "mine>"]


def test_what_is_passing_can_be_forgotten_and_the_rest_is_said(start: Start) -> None:
    poked = start("bash", "PS1='mine> '")
    screen = poked.screen
    screen.shows("mine>")
    screen.type("echo half")
    screen.shows("mine> echo half")
    poked.poke(r"ride.say('a verdict\n', passing=True); ride.say('a step\n'); ride.unsay()")
    screen.type("\n")
    screen.shows("a step")
    assert screen.lines == ["mine> echo half", "half", "a step", "mine>"]


def test_nothing_is_said_over_a_program(start: Start) -> None:
    poked = start("zsh", "PS1='mine> '")
    screen = poked.screen
    screen.shows("mine>")
    screen.type("cat\n")
    screen.type("one\n")
    screen.shows("one\none")
    poked.poke(r"ride.say('said late\n')")
    screen.type("two\n")
    screen.shows("two\ntwo")
    assert "said" not in screen.text
    screen.press("C-d")
    screen.shows("said late\nmine>")


def test_what_was_typed_ahead_is_not_disturbed(start: Start) -> None:
    poked = start("bash", "PS1='mine> '")
    screen = poked.screen
    screen.shows("mine>")
    screen.type("until [ -e go ]; do sleep 0.05; done\n")
    screen.type("echo ahead")
    poked.poke(r"import pathlib; pathlib.Path('go').touch()")
    screen.shows("mine> echo ahead")
    poked.poke(r"ride.say('said late\n')")
    screen.type("\n")
    screen.shows("said late")
    assert screen.text.endswith("mine> echo ahead\nahead\nsaid late\nmine>")


def test_after_a_resize_it_waits_for_the_next_prompt(start: Start) -> None:
    says = """
def narrow(act):
    act() if ride.columns == 50 else ride.later(0.01, lambda: narrow(act))
"""
    poked = start("bash", r"PS1='top\nmine> '", says=says)
    screen = poked.screen
    screen.shows("mine>")
    screen.resize(20, 60)
    screen.type("stty size\n")
    screen.shows("20 60")
    screen.resize(22, 50)
    # Of a second resize, tmux tells its programs a quarter of a second later.
    poked.poke(r"narrow(lambda: (ride.say('said late\n'), ride.later(0.2, lambda: ride.title('asked'))))")
    screen.shows(lambda: screen.title == "asked")
    assert "said late" not in screen.text
    screen.type("\n")
    screen.shows("said late\ntop\nmine>")


def test_the_title_and_the_one_before(start: Start) -> None:
    poked = start("bash", r"PS1='\[\e]0;of the shell\a\]mine> '")
    screen = poked.screen
    screen.shows(lambda: screen.title == "of the shell")
    poked.poke("ride.title('of the tutor')")
    screen.shows(lambda: screen.title == "of the tutor")
    poked.poke("ride.title(None)")
    screen.shows(lambda: screen.title == "of the shell")


def test_a_conversation_at_an_idle_prompt(start: Start) -> None:
    says = """
def keys(data):
    ride.show(data.decode().replace("\\r", "\\n"))
    if data.endswith(b"\\r"):
        ride.show("thank you\\n")
        ride.give_keyboard()
"""
    poked = start("zsh", "PS1=$'top\\nmine> '", says=says)
    screen = poked.screen
    screen.shows("mine>")
    poked.poke("ride.take_keyboard(lambda: ride.show('which? '), keys)")
    screen.shows("which?")
    assert screen.lines == ["which?"]
    screen.type("2\n")
    screen.shows("thank you\ntop\nmine>")
    screen.type("echo on\n")
    screen.shows("mine> echo on\non\n")
