"""In which row the cursor is after a prompt, and what is not asked of the terminal twice."""

from __future__ import annotations

import pytest

from dockerlearn.shell.modes import Modes
from dockerlearn.shell.prompt import LONGEST, Prompt

ZSH_SP = b"\x1b[1m\x1b[7m%\x1b[27m\x1b[1m\x1b[0m" + b" " * 19 + b"\r \r"
RPROMPT = b"\r\x1b[0m\x1b[27m\x1b[24m\x1b[J$ \x1b[K\x1b[12C right\x1b[18D"


def rows(data: bytes, width: int = 20) -> int | None:
    prompt = Prompt(width)
    prompt.add(data)
    return prompt.rows()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"$ ", 0),
        (b"line\r\n$ ", 1),
        (b"x" * 20, 0),
        (b"x" * 21, 1),
        (b"x" * 41, 2),
        (b"x" * 20 + b"\r\n$ ", 1),
        (b"\x1b[1;31m" + b"x" * 20 + b"\x1b[0m", 0),
        ("✓ ".encode() * 10, 0),
        ("日本".encode() * 5, 0),
        ("日本".encode() * 5 + b"x", 1),
        ("x日".encode() * 7, 1),
        ("e\u0301".encode() * 20, 0),
        (b"\x1b]0;a very very very long title indeed\x07$ ", 0),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ $ ", 0),
        (b"\x1b[?2004h$ ", 0),
        (ZSH_SP, 0),
        (ZSH_SP + RPROMPT, 0),
        (b"a\tb\tc\td\t", 0),
        (b"one\r\n\x1b[5Gx\x1b[2D\x08", 1),
        (b"\x1b(B\x1b[m\x1b=\x1b[?1h$ ", 0),
        (b"\xff\xfe$ ", 0),
    ],
)
def test_rows(data: bytes, expected: int) -> None:
    assert rows(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b[H$ ", b"\x1b[5;1H", b"\x1b[2J", b"\x1b[3J", b"\x1b[?1049h", b"\x1b[?25;1049h", b"\x1b[?7l", b"\x1b7",
        b"\x1b8", b"\x1b[s", b"\x1b[u", b"\x1bM", b"\x1bc", b"\x1b[A", b"a\r\n\x1b[2A", b"\x1b[1;10r", b"$ \x1b[3",
        b"\x1b[S", b"\x1b[2L", b"one\r\ntwo\x1b[A",
    ],
)  # fmt: skip
def test_what_is_not_followed_is_not_put_back(data: bytes) -> None:
    assert rows(data) is None


def test_a_stale_prompt_and_one_too_long() -> None:
    prompt = Prompt(20)
    prompt.add(b"$ ")
    prompt.grow_stale()
    assert prompt.rows() is None
    assert rows(b"x" * (LONGEST + 1), 80) is None


@pytest.mark.parametrize(
    "question",
    [
        b"\x1b[c", b"\x1b[0c", b"\x1b[>c", b"\x1b[=c", b"\x1b[6n", b"\x1b[?6n", b"\x1b[?2026$p", b"\x1b[>0q",
        b"\x1b[?u", b"\x1b[18t", b"\x1bP+q5463\x1b\\", b"\x1bP$qm\x1b\\", b"\x1b]11;?\x07", b"\x1b]10;?\x1b\\",
    ],
)  # fmt: skip
def test_a_terminal_is_asked_once(question: bytes) -> None:
    prompt = Prompt(80)
    prompt.add(b"a" + question + b"$ ")
    assert prompt.again() == b"a$ "


def test_all_else_is_put_back_as_it_was() -> None:
    data = b"\x1b]0;t\x07\x1b[?2004h\x1b[1m$\x1b[0m \xe2\x9c\x93\x1b[22;2t"
    prompt = Prompt(80)
    for at in range(len(data)):
        prompt.add(data[at : at + 1])
    assert prompt.again() == data
    assert prompt.text == "$ ✓"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_modes(size: int) -> None:
    """What programs switched on is known, however it was cut."""

    def after(data: bytes) -> Modes:
        modes = Modes()
        for at in range(0, len(data), size):
            modes.add(data[at : at + size])
        return modes

    assert not after(b"plain \x1b[?25l text").alternate_screen
    assert after(b"x\x1b[?1049hy").alternate_screen
    assert after(b"x\x1b[?25;47h").alternate_screen
    assert not after(b"\x1b[?1049h" + b"z" * 50 + b"\x1b[?1049l").alternate_screen
    assert after(b"\x1b[?1049h").undo().startswith(b"\x1b[?1049l")
    assert b"1049" not in after(b"\x1b[?1049h \x1b[?1049l").undo()
    assert after(b"\x1b]0;one\x07 \x1b]2;two\x1b\\x").title == b"two"
    assert after(b"\x1b]52;c;eA==\x07 \x1b]1;icon\x07").title is None
    assert after(b"\x1b]0;" + b"t" * 100_000 + b"\x07 \x1b]0;short\x07").title == b"short"
