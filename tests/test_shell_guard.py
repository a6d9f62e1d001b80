"""What output of a container may ask of the terminal."""

from __future__ import annotations

import pytest

from dockerlearn.shell.guard import Guard

PASSES = [
    b"plain", b"\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
    b"\x1b]133;A\x07", b"\x1b]520;x\x07", b"52;c;x\x07", "✓ \x1b[1m".encode(),
]  # fmt: skip
STAYS = [
    b"\x1b]52;c;aGk=\x07", b"\x1b]52;c;?\x1b\\", b"\x1b]1337;File=x\x07", b"\x1b]7717;x;D;0\x07", b"\x1b]52;c;a\x18",
]  # fmt: skip


@pytest.mark.parametrize("data", PASSES)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_passes(data: bytes, piece: int) -> None:
    guard = Guard()
    pieces = [guard.take(data[at : at + piece]) for at in range(0, len(data), piece)]
    assert b"".join(pieces) + guard.rest() == data


@pytest.mark.parametrize("data", STAYS)
@pytest.mark.parametrize("piece", [1, 2, 5, 1000])
def test_stays(data: bytes, piece: int) -> None:
    guard = Guard()
    whole = b"before" + data + data + b"after"
    pieces = [guard.take(whole[at : at + piece]) for at in range(0, len(whole), piece)]
    assert b"".join(pieces) + guard.rest() == b"beforeafter"


def test_another_command_of_the_terminal_ends_one_that_was_broken_off() -> None:
    assert Guard().take(b"\x1b]52;c;abc\x1b[31mred") == b"\x1b[31mred"


def test_one_that_never_ends_is_over_with_the_program() -> None:
    guard = Guard()
    assert guard.take(b"a\x1b]52;c;" + b"x" * 100_000) == b"a"
    assert guard.rest() == b""
