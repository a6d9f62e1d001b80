"""The boundary that makes foreign text safe."""

from __future__ import annotations

import random
import time

import pytest

from dockerlearn.text import nearest, one_line, safe


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("plain", "plain"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b]52;c;c2VjcmV0\x07b", "ab"),
        ("a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x1bP1;2q data\x1b\\b", "ab"),
        ("a\x9b31mb", "ab"),
        ("a\x9d0;title\x9cb", "ab"),
        ("a\x1b(Bb", "ab"),
        ("over\rwritten", "overwritten"),
        ("back\x08space\x7f", "backspace"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("a\u2066b\u2069c\u200fd", "abcd"),
        ("nul\x00byte", "nulbyte"),
        ("unfinished \x1b[31", "unfinished "),
        ("unfinished \x1b]0;title", "unfinished "),
        ("lone \x1b", "lone "),
        ("line\u2028sep", "linesep"),
        ("ümläut, 東京 🐳", "ümläut, 東京 🐳"),
    ],
)
def test_nothing_a_terminal_could_obey_gets_through(dirty: str, clean: str) -> None:
    assert safe(dirty) == clean


def test_every_control_character_but_tab_and_newline_is_taken_out() -> None:
    everything = "".join(chr(code) for code in range(0xA0))
    kept = {character for character in everything if character in safe(f"a{character} ")}
    assert {ord(c) for c in kept if ord(c) < 32 or 0x7F <= ord(c) < 0xA0} <= {9, 10}


def test_one_line_is_one_line_and_bounded() -> None:
    assert one_line("a\n\n  b\tc\x1b[2J") == "a b c"
    assert len(one_line("x" * 1000, 50)) == 50
    assert one_line("x" * 1000, 50).endswith("…")


def test_nearest_knows_typing_errors_and_refuses_guesses() -> None:
    assert nearest("contaner", ["container", "image"]) == "container"
    assert nearest("zebra", ["container", "image"]) is None


def test_long_texts_are_not_compared() -> None:
    """A lesson by others may call a lesson, or an image, with as many letters as a file holds."""
    rng = random.Random(1)
    one, other = ("".join(rng.choices("abcdef", k=100_000)) for _ in range(2))
    began = time.process_time()
    assert nearest(one, [other, "image"]) is None
    assert nearest("imge", [other, "image"]) == "image"
    assert time.process_time() - began < 1
