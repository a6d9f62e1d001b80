"""Waiting for what comes by itself: as long as a busy machine needs, and no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0
"""Seconds that anything may take on a busy machine."""


def until(what: Callable[[], Any], why: str = "") -> Any:
    """Wait until ``what`` gives something, and return that."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        if time.monotonic() > end:
            raise AssertionError(f"did not come: {why or what}")
        time.sleep(0.01)
    return found
