"""What Podman has to be asked for in another way, over a socket, with its recorded answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dockerlearn.engine.client import DockerEngine, connect
from dockerlearn.engine.snapshots import (
    ContainerSnapshot,
    container_from_inspect,
    event_from_message,
    image_from_inspect,
)
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


class TestOverASocket:
    @pytest.fixture(params=[True, False], ids=["podman", "docker"])
    def podman(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    @pytest.fixture
    def engine(self, serve_tcp: ServeTcp, podman: bool) -> Iterator[DockerEngine]:
        def reply(path: str) -> bytes:
            self.asked.append(path)
            if path.endswith("/_ping"):
                return pong(**({"Libpod_API_Version": "4.3.1"} if podman else {}))
            if path.endswith("/info"):
                return answer(json.dumps({"SystemTime": (datetime.now(UTC) + timedelta(days=1)).isoformat()}))
            if "/networks/" in path:
                return answer(json.dumps({"message": "network not found"}), status="404 Not Found")
            return answer(json.dumps(ROWS[: 1 if "limit=1" in path else None]))

        self.asked: list[str] = []
        endpoint, _ = serve_tcp(reply)
        engine = connect(endpoint)
        yield engine
        engine.close()

    def test_a_forced_removal_does_not_wait_for_a_stop(self, engine: DockerEngine, podman: bool) -> None:
        assert engine.remove_container("c" * 64)
        assert any(path.endswith("/kill") for path in self.asked) is podman

    def test_it_is_waited_for_longer(self, engine: DockerEngine, podman: bool) -> None:
        assert engine._look_seconds == (20.0 if podman else 5.0)

    def test_the_clock_is_asked_once(self, engine: DockerEngine, podman: bool) -> None:
        """It starts programs for each answer; in between its clock is reckoned from ours."""
        for _ in range(3):
            assert abs(engine.precise_now() - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=5)
        assert sum(path.endswith("/info") for path in self.asked) == (1 if podman else 3)

    def test_host_and_none_are_networks_there_too(self, engine: DockerEngine, podman: bool) -> None:
        found = [engine.network(name) for name in ("host", "none")]
        assert [one and one.driver for one in found] == (["host", "null"] if podman else [None, None])
        assert engine.network("dl-net") is None

    def test_who_is_on_no_network(self, engine: DockerEngine, podman: bool) -> None:
        if podman:
            nowhere = engine.network("none")
            assert nowhere is not None
            assert [row.name for row in engine.users_of_network(nowhere)] == ["dl-old"]

    def test_the_newest_is_first(self, engine: DockerEngine, podman: bool) -> None:
        """Podman gives its containers in no order, and of them any so many."""
        names = [row.name for row in engine.containers()]
        assert names == (["dl-new", "dl-web", "dl-old"] if podman else ["dl-old", "dl-new", "dl-web"])
        assert [row.name for row in engine.containers(newest=1)] == (["dl-new"] if podman else ["dl-old"])


ROWS = [
    {"Id": "a" * 64, "Names": ["/dl-old"], "Created": 1, "NetworkSettings": {"Networks": None}},
    {"Id": "b" * 64, "Names": ["/dl-new"], "Created": 3, "NetworkSettings": {"Networks": {"podman": {}}}},
    {"Id": "c" * 64, "Names": ["/dl-web"], "Created": 2, "NetworkSettings": {"Networks": {"dl-net": {}}}},
]


def container(name: str) -> ContainerSnapshot:
    return container_from_inspect(json.loads((RECORDED / f"podman-4.3.container-{name}.json").read_text()), podman=True)


class TestInDockersWords:
    """What Podman tells otherwise is told as Docker does, so that nothing above has to know."""

    def test_its_default_network_is_called_as_it_lists_it(self) -> None:
        new = container("new")
        assert [one.network for one in new.networks] == ["bridge"]
        assert new.network_mode == "bridge"

    @pytest.mark.parametrize(
        ("name", "mode"), [("full", "h2-net"), ("db", "dl-net"), ("host", "host"), ("alone", "none")]
    )
    def test_the_mode_is_the_network_it_was_made_with(self, name: str, mode: str) -> None:
        found = container(name)
        assert found.network_mode == mode
        assert [one.network for one in found.networks] == [mode]

    def test_whoever_uses_anothers_network_is_on_none(self) -> None:
        found = container("sharing")
        assert found.networks == ()
        assert found.network_mode.startswith("container:")

    @pytest.mark.parametrize(
        ("name", "added", "dropped"),
        [("full", "NET_BIND_SERVICE", "ALL"), ("caps", "CHOWN NET_ADMIN", "ALL"), ("new", "", "")],
    )
    def test_capabilities(self, name: str, added: str, dropped: str) -> None:
        found = container(name)
        assert (sorted(found.cap_add), sorted(found.cap_drop)) == (added.split(), dropped.split())

    def test_one_that_is_dropped_is_not_all(self) -> None:
        raw = {"Id": "c", "HostConfig": {"CapDrop": ["CAP_NET_RAW"], "CapAdd": []}}
        found = container_from_inspect(raw, podman=True)
        assert (sorted(found.cap_add), sorted(found.cap_drop)) == ([], ["NET_RAW"])

    def test_what_it_does_not_tell_is_not_told(self) -> None:
        assert (container("bad").tells_error, container("host").attached) == (False, None)

    @pytest.mark.parametrize("name", ["busybox", "built"])
    def test_digests_are_not_where_an_image_came_from(self, name: str) -> None:
        raw = json.loads((RECORDED / f"podman-4.3.image-{name}.json").read_text())
        found = image_from_inspect(raw, podman=True)
        assert found.digests
        assert not found.has_origin

    def test_a_parent_is_believed_of_what_was_built_here_only(self) -> None:
        built = json.loads((RECORDED / "podman-4.3.image-built.json").read_text())
        pulled = {**built, "Config": {**built["Config"], "Labels": {"maintainer": "somebody"}}}
        assert image_from_inspect(built, podman=True).parent.startswith("sha256:ebccf3ed0e99")
        assert image_from_inspect(pulled, podman=True).parent == ""

    def test_what_happened_to_images(self) -> None:
        told = json.loads((RECORDED / "podman-4.3.events-image.json").read_text())
        seen = [(event.action, event.id, event.name) for event in map(event_from_message, told)]
        built = "sha256:37b9ee15a89b"
        name = "docker.io/library/busybox:1.36"
        short = [(action, one[:19] if one.startswith("sha256") else one) for action, one, _ in seen]
        assert short == [("build", built), ("tag", built), ("pull", name), ("save", built), ("load", "")]
        assert [name for action, _, name in seen if action == "tag"] == [name]
