"""Networks and volumes of a lesson on a real engine: set up, entered into the ledger, cleaned; others' left alone."""

from __future__ import annotations

import threading
import time

import pytest

from dockerlearn.errors import NameTaken
from dockerlearn.setup import clean, ledger
from dockerlearn.setup.spec import Declared, SetupMount, SetupNetwork, SetupVolume
from dockerlearn.world import probes
from tests.live.conftest import Docker, things
from tests.live.live_bench import BUSYBOX, LiveBench
from tests.live.test_setup_live import SLEEP
from tests.setup_bench import container, image

NET = SetupNetwork(network="dl-net", internal=True)
BACK = SetupNetwork(network="dl-back")
VOL = SetupVolume(volume="dl-data", files={"note": "hello", "other": "there"})
NAMES = Declared(networks=frozenset({"dl-net"}), volumes=frozenset({"dl-data"}))


def shows(docker: Docker, name: str, template: str) -> str:
    return docker("inspect", "--format", template, name)


def test_made_as_stated_and_then_nothing_is_done(bench: LiveBench, docker: Docker) -> None:
    before = things(docker.host)
    web = container(
        "dl-web",
        command=SLEEP,
        networks={"dl-net": ["www"], "dl-back": ["db"]},
        mounts={"/data": SetupMount(volume="dl-data", read_only=True), "/site": "./site"},
    )
    assert [subject for subject, _ in bench.bring(NET, BACK, VOL, web)] == [
        "network dl-net", "network dl-back", "volume dl-data", "container dl-web",
    ]  # fmt: skip
    assert docker("exec", "dl-web", "cat", "/data/note", "/data/other") == "hellothere"
    assert docker.try_("exec", "dl-web", "touch", "/data/x").returncode != 0
    docker("exec", "dl-web", "touch", "/site/made")
    assert (bench.folder / "workspace" / "site" / "made").exists()
    assert shows(docker, "dl-net", "{{.Internal}} {{.Driver}}") == "true bridge"
    aliases = shows(docker, "dl-web", "{{range .NetworkSettings.Networks}}{{.Aliases}}{{end}}")
    assert "www" in aliases
    assert "db" in aliases
    assert bench.bring(NET, BACK, VOL, web) == []
    assert bench.known() >= {shows(docker, "dl-net", "{{.Id}}"), shows(docker, "dl-back", "{{.Id}}")}
    assert [did for _, did in bench.clean()] == ["removed"] * 4
    assert things(docker.host) == before


def test_what_a_tutor_looks_at_just_now_can_be_taken_away(bench: LiveBench, docker: Docker) -> None:
    """Its helper has the volume, and the image; both are taken away as soon as it is gone."""
    (bench.files / "Dockerfile").write_text(f"FROM {BUSYBOX}\nENV A=b\n")
    bench.bring(VOL, image("dl-app:v1", build="."))
    helper = docker("create", "--hostname", probes.HELPER, "--volume", "dl-data:/data", "dl-app:v1")
    timer = threading.Timer(1.0, lambda: docker("rm", helper))
    timer.start()
    try:
        assert dict(bench.clean()) == {"dl-data": "removed", "dl-app:v1": "removed"}
    finally:
        timer.join()


def test_a_volume_is_brought_back_to_its_contents(bench: LiveBench, docker: Docker) -> None:
    bench.bring(VOL)
    docker("run", "--rm", "-v", "dl-data:/data", BUSYBOX, "sh", "-c", "echo changed > /data/note; rm /data/other")
    assert bench.bring(VOL) == [("volume dl-data", "made")]
    assert docker("run", "--rm", "-v", "dl-data:/data", BUSYBOX, "cat", "/data/note", "/data/other") == "hellothere"
    bench.bring(SetupVolume(volume="dl-data", fresh=True))
    assert docker("run", "--rm", "-v", "dl-data:/data", BUSYBOX, "ls", "/data") == ""
    assert bench.bring(SetupVolume(volume="dl-data", absent=True)) == [("volume dl-data", "removed")]


def test_what_the_learner_makes_is_known_and_cleaned(bench: LiveBench, docker: Docker) -> None:
    docker("network", "create", "dl-net")
    docker("run", "--rm", "-v", "dl-data:/data", BUSYBOX, "sh", "-c", "echo mine > /data/note")
    ledger.observe(bench.engine, bench.store, bench.attempt, NAMES)
    docker("run", "--rm", "-v", "dl-data:/data", BUSYBOX, "sh", "-c", "echo more >> /data/note")
    ledger.observe(bench.engine, bench.store, bench.attempt, NAMES)
    assert len(bench.known()) == 2
    assert bench.clean() == [("dl-net", "removed"), ("dl-data", "removed")]


def test_what_was_there_before_is_somebody_elses(bench: LiveBench, docker: Docker) -> None:
    docker("network", "create", "dl-net")
    docker("volume", "create", "dl-data")
    try:
        with pytest.raises(NameTaken):
            ledger.refuse_taken(bench.engine, bench.store, None, NAMES)  # as every attempt begins
        time.sleep(1.1)  # this one begins without; then a volume's time, told to the second, must tell
        bench.begin_anew()
        for item in (NET, VOL, SetupVolume(volume="dl-data", absent=True), SetupNetwork(network="dl-net", absent=True)):
            with pytest.raises(NameTaken):
                bench.bring(item)
        assert bench.clean() == []
        docker("network", "inspect", "dl-net")
        docker("volume", "inspect", "dl-data")
        # The remedy that is told keeps what is in it.
        docker("run", "--rm", "-v", "dl-data:/data", BUSYBOX, "sh", "-c", "echo dear > /data/note")
        taken = ledger.taken(bench.engine, bench.store, NAMES)
        for part in taken[1].remedy.replace("busybox cp", f"{BUSYBOX} cp").split(" && "):
            docker(*part.split()[1:])
        assert docker("run", "--rm", "-v", "dl-data-mine:/data", BUSYBOX, "cat", "/data/note") == "dear"
    finally:
        docker.try_("network", "rm", "dl-net")
        docker.try_("volume", "rm", "dl-data", "dl-data-mine")


def test_what_others_have_come_to_use_stays(bench: LiveBench, docker: Docker) -> None:
    bench.bring(NET, BACK, VOL, container("dl-web", command=SLEEP, mounts={"/data": "dl-data"}))
    docker("run", "-d", "--name", "theirs", "--network", "dl-net", BUSYBOX, *SLEEP)
    docker("create", "--name", "theirs-too", "--network", "dl-back", "--volumes-from", "dl-web:ro", BUSYBOX)
    try:
        items = {item.name: item for item in clean.plan(bench.engine, bench.store).items}
        assert {name: item.action for name, item in items.items()} == dict.fromkeys(items, "leave")
        assert items["dl-net"].reason == "theirs is on it"
        assert items["dl-back"].reason == "theirs-too is on it"
        assert "theirs-too" in items["dl-data"].reason
        assert {did for _, did in bench.clean()} == {"left"}
        for remedy in (items["dl-net"].remedy, items["dl-back"].remedy, items["dl-web"].remedy):
            docker(*str(remedy).split()[1:])
        assert {did for _, did in bench.clean()} == {"removed"}
    finally:
        docker.try_("rm", "-f", "theirs", "theirs-too")


def test_bystanders_that_look_alike_are_untouched(bench: LiveBench, docker: Docker) -> None:
    label = "com.docker.compose.project=dl-models"
    docker("network", "create", "--label", label, "dl-models_default")
    docker("volume", "create", "--label", label, "dl-models_data")
    docker(
        "run",
        "--name",
        "dl-models-db",
        "--network",
        "dl-models_default",
        "-v",
        "dl-models_data:/d",
        BUSYBOX,
        "touch",
        "/d/x",
    )
    try:
        before = things(docker.host)
        bench.bring(NET, VOL, container("dl-web", command=SLEEP, networks=["dl-net"], mounts={"/data": "dl-data"}))
        ledger.observe(bench.engine, bench.store, bench.attempt, NAMES)
        bench.clean()
        assert things(docker.host) == before
        assert docker("run", "--rm", "-v", "dl-models_data:/d", BUSYBOX, "ls", "/d") == "x"
    finally:
        docker.try_("rm", "-f", "dl-models-db")
        docker.try_("network", "rm", "dl-models_default")
        docker.try_("volume", "rm", "dl-models_data")
