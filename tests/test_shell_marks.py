"""The marks in a stream of bytes, however it is cut; and what is nobody's mark."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from dockerlearn.shell.marks import LONGEST, CommandBegins, CommandDone, Mark, MarkReader, PromptBegins

SECRET = "0123456789abcdef"
PREFIX = b"\x1b]7717;0123456789abcdef;"
STREAM = (
    b"before \x1b[1mbold\x1b[0m "
    + PREFIX
    + b"D;130\x07\x1b]0;a title\x07"
    + PREFIX
    + b"A\x07$ \xe2\x9c\x93"
    + PREFIX
    + b"C;1;echo %1B%0A 50%25\x07after\x1b"
)
PARTS: list[bytes | Mark] = [
    b"before \x1b[1mbold\x1b[0m ",
    CommandDone(130),
    b"\x1b]0;a title\x07",
    PromptBegins(),
    b"$ \xe2\x9c\x93",
    CommandBegins("echo \x1b\n 50%"),
    b"after\x1b",
]


def read(pieces: Sequence[bytes]) -> list[bytes | Mark]:
    """Feed pieces and join what is not a mark."""
    reader = MarkReader(SECRET)
    found = [part for piece in pieces for part in reader.feed(piece)]
    return joined([*found, reader.flush()])


def joined(parts: Sequence[bytes | Mark]) -> list[bytes | Mark]:
    result: list[bytes | Mark] = []
    for part in parts:
        if isinstance(part, bytes) and result and isinstance(result[-1], bytes):
            result[-1] += part
        elif part != b"":
            result.append(part)
    return result


def test_whole() -> None:
    assert read([STREAM]) == PARTS


@pytest.mark.parametrize("at", range(1, len(STREAM)))
def test_cut_anywhere(at: int) -> None:
    assert read([STREAM[:at], STREAM[at:]]) == PARTS


def test_byte_by_byte() -> None:
    assert read([STREAM[at : at + 1] for at in range(len(STREAM))]) == PARTS


def test_cut_at_random() -> None:
    rng = random.Random(1)
    for _ in range(500):
        cuts = sorted(rng.sample(range(1, len(STREAM)), rng.randrange(1, 8)))
        assert read([STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]) == PARTS


def test_nothing_is_lost_or_made_up() -> None:
    """Random pieces of marks, of others' sequences and of noise: what is no mark of ours comes out as it went in."""
    rng = random.Random(2)
    foreign = [
        b"\x1b]7717;wrong;D;0\x07", b"\x1b]7717;", b"\x1b]52;c;aGk=\x07", b"\x1b]133;A\x07", b"\x1b", b"\x1b]", b"\x07",
        b"\x1b]7717;0123456789abcde;A\x07", b"\x1b]7717;0123456789abcdef", b"text", b"\r\n", b"\xff\xfe",
        b"\x00", PREFIX[:-1],
    ]  # fmt: skip
    ours: list[tuple[bytes, Mark]] = [
        (PREFIX + b"A\x07", PromptBegins()),
        (PREFIX + b"D;7\x07", CommandDone(7)),
        (PREFIX + b"C;0;x\x07", CommandBegins("x", sure=False)),
    ]
    for _ in range(2000):
        sent: list[bytes] = []
        expected: list[bytes | Mark] = []
        for _ in range(rng.randrange(1, 8)):
            if rng.random() < 0.4:
                data, mark = rng.choice(ours)
                sent.append(data)
                expected.append(mark)
            else:
                data = rng.choice(foreign)
                # A piece that another one would complete to a mark is none of the foreign ones here.
                if sent and PREFIX in sent[-1] + data:
                    continue
                sent.append(data)
                expected.append(data)
        whole = b"".join(sent)
        size = rng.randrange(1, 12)
        assert read([whole[at : at + size] for at in range(0, len(whole), size)]) == joined(expected), sent


def test_a_wrong_secret_passes_and_does_nothing() -> None:
    forged = b"\x1b]7717;0123456789abcdee;D;0\x07"
    assert read([forged]) == [forged]


@pytest.mark.parametrize("body", [b"", b"X", b"D", b"D;", b"D;x", b"D;1234", b"D;-1", b"H;__dl_last", b"\xff"])
def test_a_garbled_mark_of_ours_is_not_shown_and_does_nothing(body: bytes) -> None:
    assert read([b"a" + PREFIX + body + b"\x07b"]) == [b"ab"]


def test_a_mark_that_was_broken_off() -> None:
    assert read([PREFIX + b"C;1;ec", PREFIX + b"D;0\x07x"]) == [CommandDone(0), b"x"]


def test_a_mark_without_end_does_not_swallow_the_rest() -> None:
    reader = MarkReader(SECRET)
    assert reader.feed(PREFIX + b"C;1;") == []
    assert reader.in_a_mark
    assert reader.flush() == b""
    out = b""
    for _ in range(LONGEST // 1000 + 2):
        out += b"".join(part for part in reader.feed(b"x" * 1000) if isinstance(part, bytes))
    assert len(out) > LONGEST
    assert set(out) <= set(PREFIX + b"C;1;x")
    assert reader.feed(PREFIX + b"A\x07") == [PromptBegins()]


def test_an_escape_is_held_back_until_it_is_flushed() -> None:
    reader = MarkReader(SECRET)
    assert reader.feed(b"a\x1b") == [b"a"]
    assert (reader.holds, reader.in_a_mark) == (1, False)
    assert reader.flush() == b"\x1b"
    assert reader.holds == 0
    assert reader.feed(b"[A") == [b"[A"]


def test_a_long_command_line_is_cut() -> None:
    (mark,) = MarkReader(SECRET).feed(PREFIX + b"C;1;" + b"y" * 10_000 + b"\x07")
    assert mark == CommandBegins("y" * 4096)


def test_what_is_no_text_is_read_all_the_same() -> None:
    assert MarkReader(SECRET).feed(PREFIX + b"C;1;\xff%ff\x07") == [CommandBegins("��")]
