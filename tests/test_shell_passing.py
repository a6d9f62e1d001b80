"""How output passes through the ride: each piece goes on before the next is read, and stops where it must wait."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from dockerlearn.shell.child import Child
from dockerlearn.shell.marks import MarkReader
from dockerlearn.shell.ride import Ride
from dockerlearn.shell.rider import Done
from dockerlearn.shell.terminal import Terminal

PIECE, PIECES = 4096, 200


class Screen(Terminal):
    """Takes everything at once, until it is to be full."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self.got = 0
        self.full_at = PIECE * PIECES * 2
        self.waits = 0

    def write(self, data: bytes) -> None:
        self.got += len(data)

    @property
    def left(self) -> int:
        return max(self.got - self.full_at, 0)

    def flush(self) -> None:
        self.waits += 1
        self.full_at = self.got + 10 * PIECE


class Program(Child):
    """Has ``PIECES`` to write, notes how much the screen had when it was read from, and ends."""

    def __init__(self, fd: int, screen: Screen, at: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(0, fd)
        self.screen = screen
        self.at = at
        self.had: list[int] = []

    def read(self) -> bytes | None:
        if len(self.had) == PIECES:
            return b""
        self.had.append(self.screen.got)
        self.at(len(self.had))
        return b"x" * PIECE

    def ended(self) -> int | None:
        return 0 if len(self.had) == PIECES else None

    def hang_up(self, wait: Callable[[float], object], patience: float = 2.0) -> None:
        pass


class Silent:
    """A rider with nothing to say."""

    def began(self, text: str) -> None:
        pass

    def done(self, done: Done) -> None:
        pass

    def prompt(self, *, empty: bool) -> None:
        pass

    def unfinished(self) -> None:
        pass

    def lost(self, why: str) -> None:
        pass


@pytest.fixture
def screen() -> Iterator[Screen]:
    ours, theirs = os.openpty()
    screen = Screen(theirs)
    yield screen
    for fd in {ours, theirs, screen.fd}:
        os.close(fd)


@pytest.fixture
def fd() -> Iterator[int]:
    """Always has something to read."""
    reading, writing = os.pipe()
    os.write(writing, b"x")
    yield reading
    os.close(reading)
    os.close(writing)


def test_each_piece_is_passed_on_before_the_next_is_read(screen: Screen, fd: int) -> None:
    """Else the program, the tutor and the terminal work one after the other, and much output takes twice its time."""
    program = Program(fd, screen)
    assert Ride(program, screen, MarkReader("s"), lambda _: Silent()).run() == 0
    assert program.had == [PIECE * number for number in range(PIECES)]
    assert screen.got == PIECE * PIECES


def test_a_terminal_that_is_full_is_waited_for(screen: Screen, fd: int) -> None:
    screen.full_at = 0
    program = Program(fd, screen)
    Ride(program, screen, MarkReader("s"), lambda _: Silent()).run()
    assert screen.got == PIECE * PIECES
    assert screen.waits >= PIECES // 11


def test_nothing_is_shown_while_the_output_is_held(screen: Screen, fd: int) -> None:
    def hold(number: int) -> None:
        if number == 20:
            ride.hold(0.05)

    program = Program(fd, screen, hold)
    ride = Ride(program, screen, MarkReader("s"), lambda _: Silent())
    ride.run()
    assert program.had[20] == 20 * PIECE  # the piece that was held went on before another was read
    assert screen.got == PIECE * PIECES
