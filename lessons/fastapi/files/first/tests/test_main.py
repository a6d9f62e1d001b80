"""Tests of the service. They are run before an image is built, and are not needed in it."""

import main


def test_the_hut_is_open() -> None:
    assert main.health() == {"status": "open"}
