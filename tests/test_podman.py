"""What Podman has to be asked for in another way, over a socket, with its recorded answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dockerlearn.engine.client import connect
from tests.test_client_errors import ServeTcp, answer, pong, serve_tcp
from tests.test_snapshots import RECORDED

__all__ = ["serve_tcp"]

EVENTS = json.loads((RECORDED / "podman-4.3.events.json").read_text())
FIRST = datetime.fromtimestamp(EVENTS[0]["time"], UTC)
LAST = datetime.fromtimestamp(EVENTS[-1]["time"] + 1, UTC)


@pytest.mark.parametrize("podman", [True, False])
def test_it_is_asked_for_the_past_without_an_end(serve_tcp: ServeTcp, podman: bool) -> None:
    """With ``until`` in the past Podman 4.3 answers nothing at all; Docker does not know ``stream``."""

    def reply(path: str) -> bytes:
        if path.endswith("/_ping"):
            return pong(**({"Libpod_API_Version": "4.3.1"} if podman else {}))
        lines = "\n".join(json.dumps(event) for event in EVENTS)
        return answer("" if podman and "until=" in path else lines)

    endpoint, stub = serve_tcp(reply)
    engine = connect(endpoint)
    try:
        assert len(engine.events(FIRST, LAST)) == len(EVENTS)
        asked = stub.asked[-1]
        assert ("until=" in asked, "stream=false" in asked) == (not podman, podman)
        some = engine.events(FIRST, FIRST + timedelta(seconds=2))
        assert 0 < len(some) < len(EVENTS)
        assert all(event.time <= FIRST + timedelta(seconds=2) for event in some)
    finally:
        engine.close()
