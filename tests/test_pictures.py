"""Pictures of screens: well-formed, nothing loaded, and each screen shown in its time."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tests.pictures import Shot, moving, still

SCREEN = "$ docker ps\n\x1b[31m✗\x1b[0m no <such> & engine\n"


def words(picture: str) -> str:
    texts = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return "".join(text.text or "" for text in texts).replace("\xa0", " ")


def test_a_still_one() -> None:
    picture = still(SCREEN, 40)
    assert "✗ no <such> & engine".replace("✗ ", "") in words(picture)
    assert "✗" in words(picture)
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_a_moving_one_shows_each_screen_once_and_none_for_long() -> None:
    shots = [Shot("one", 0.0), Shot("one", 0.1), Shot("two", 0.5), Shot("three", 60.0)]
    picture = moving(shots, 20, 3, longest=2.0, last=3.0)
    assert [len(re.findall(word, words(picture))) for word in ("one", "two", "three")] == [1, 1, 1]
    assert "5.50s step-end" in picture
    assert re.search(r"k1 \{ 0% \{ visibility: hidden \} 9\.091% \{ visibility: visible \} 45\.455%", picture)
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
