"""The fake engine keeps the contract, and what it adds for tests works."""

from __future__ import annotations

import pytest

from dockerlearn.engine.api import EngineApi, PullNews
from dockerlearn.errors import NoEngine
from tests.engine_contract import BUSYBOX, EngineContract
from tests.exported import Example
from tests.fake_engine import FakeEngine, make_image


class TestFakeEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> EngineApi:
        busybox = Example(BUSYBOX)
        engine = FakeEngine(busybox.snapshot())
        engine.exports["docker.io/library/busybox:1.36"] = busybox.export()
        return engine


def test_a_failure_is_raised_by_every_call() -> None:
    engine = FakeEngine(make_image(BUSYBOX))
    engine.failure = NoEngine("gone", "start it")
    for call in (engine.containers, engine.image_tags, lambda: engine.container("x"), lambda: engine.identity):
        with pytest.raises(NoEngine):
            call()
    assert engine.calls == ["containers", "image_tags", "container", "identity"]


def test_output_is_cut_at_its_end() -> None:
    engine = FakeEngine()
    engine.output[engine.add("web").id] = "one\ntwo\nthree\n"
    assert engine.logs("web", tail=2) == "two\nthree\n"
    assert engine.logs("web", limit=4) == "ree\n"


def test_pulling_moves_the_tag() -> None:
    engine = FakeEngine(make_image(BUSYBOX))
    newer = make_image(BUSYBOX, id="sha256:" + "a" * 64)
    engine.registry["docker.io/library/busybox:1.36"] = newer
    heard: list[PullNews] = []
    engine.pull("busybox:1.36", heard.append)
    assert heard
    assert engine.image(BUSYBOX) == newer
    assert [image.tags for image in engine.images.values()] == [(), (BUSYBOX,)]
