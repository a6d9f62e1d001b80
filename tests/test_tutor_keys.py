"""A line from keys, and what to press where a program holds the terminal."""

from __future__ import annotations

import pytest

from dockerlearn.ui.tutor.keys import Typing
from dockerlearn.ui.tutor.stuck import what_to_press


class Reader:
    """Keeps what was shown and read."""

    def __init__(self) -> None:
        self.shown = ""
        self.lines: list[str] = []
        self.left = 0
        self.typing = Typing(self.show, self.lines.append, self.leave)

    def show(self, text: str) -> None:
        self.shown += text

    def leave(self) -> None:
        self.left += 1


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (b"2\r", "2"),
        (b"2\n", "2"),
        (b"12\x7f\r", "1"),
        (b"12\x08\x08\x08\x083\r", "3"),
        (b"abc\x15d\r", "d"),
        (b"abc\x03d\r", "d"),
        ("é✓\r".encode(), "é✓"),
        ("é\x7f✓\r".encode(), "✓"),
        (b"\x1b[A\x1b[1;5C1\x1b[D\x1bOP\r", "1"),
        (b"\x1b[200~2\x1b[201~\r", "2"),
        (b"a\x00\x01\tb\r", "ab"),
        (b"x\x04\r", "x"),
        (b"\xff2\r", "�2"),
    ],
)
def test_a_line(typed: bytes, line: str, size: int) -> None:
    reader = Reader()
    for at in range(0, len(typed), size):
        reader.typing.keys(typed[at : at + size])
    assert reader.lines == [line]
    assert reader.shown.endswith("\n")
    assert reader.left == 0


def test_what_comes_behind_a_line_waits() -> None:
    reader = Reader()
    reader.typing.keys(b"1\r2\rls\r")
    assert reader.lines == ["1"]
    reader.typing.again()
    assert reader.lines == ["1", "2"]
    assert reader.typing.rest() == b"ls\r"
    reader.typing.again()
    assert reader.lines == ["1", "2"]


def test_the_end_of_the_input() -> None:
    reader = Reader()
    reader.typing.keys(b"\x04")
    assert reader.left == 1


def test_a_line_has_an_end() -> None:
    reader = Reader()
    reader.typing.keys(b"x" * 10_000 + b"\r")
    assert len(reader.lines[0]) == 500


@pytest.mark.parametrize(
    ("command", "press"),
    [
        ("docker logs -f web", "Ctrl-C ends it"),
        ("docker run nginx", "Ctrl-C ends it, else docker stop with its name in another terminal"),
        ("docker run --rm --name web nginx", "Ctrl-C ends it, else docker stop web in another terminal"),
        ("docker container run --name=web nginx sleep 9", "else docker stop web in another terminal"),
        ("docker start -a web", "Ctrl-C ends it, else docker stop web in another terminal"),
        ("docker run -it busybox", "exit or Ctrl-D"),
        ("docker run --rm -ti busybox sh", "exit or Ctrl-D leaves the container, Ctrl-P Ctrl-Q leaves it running"),
        ("docker container exec -it web sh", "exit or Ctrl-D"),
        ("docker start -ai web", "exit or Ctrl-D"),
        ("sudo docker exec -i -t web sh", "exit or Ctrl-D"),
        ("docker attach web", "Ctrl-P Ctrl-Q detaches"),
        ("vim Dockerfile", ":q! Enter"),
        ("EDITOR=vi /usr/bin/vi x", ":q! Enter"),
        ("docker logs web | less", "q leaves"),
        ("man docker-run", "q leaves"),
        ("nano x", "Ctrl-X"),
        ("sleep 100", "Ctrl-C ends it"),
        ("docker run 'unfinished", "Ctrl-C ends it"),
        ("", "Ctrl-C ends it"),
        ("a |", "Ctrl-C ends it"),
        ("X=1", "Ctrl-C ends it"),
        ("docker", "Ctrl-C ends it"),
    ],
)
def test_what_to_press(command: str, press: str) -> None:
    assert press in what_to_press(command)
