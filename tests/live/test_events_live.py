"""What an engine tells of what was done to a container: cheats, unusual right ways, and who it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.author.prove import Prover
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import look
from dockerlearn.course.packs import open_pack
from dockerlearn.engine import client, endpoint
from dockerlearn.engine.client import DockerEngine
from dockerlearn.progress.store import Store
from dockerlearn.session.session import Looks
from dockerlearn.world.happened import ALWAYS, BASELINE, MEMORY, SOME
from dockerlearn.world.world import Scope, World
from tests.live.conftest import Docker
from tests.live.test_checks_live import check
from tests.matrix import NEWEST
from tests.waiting import until

BUSYBOX = "busybox:1.36"
IMAGES = {"busybox": BUSYBOX}
NAME = "dl-a"
PACK = Path(__file__).parents[1] / "packs" / "events"
OBEYS = ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"]
DEAF = ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"]


@pytest.fixture(scope="module")
def engine(docker_host: str) -> Iterator[DockerEngine]:
    found = client.connect(endpoint.find({"DOCKER_HOST": docker_host}, Path("/nonexistent")))
    yield found
    found.close()


class Step:
    """A step that begins with a container which runs ``command``; ``see`` looks from a process of its own."""

    def __init__(self, engine: DockerEngine, docker: Docker, folder: Path) -> None:
        self.engine, self.docker, self.folder = engine, docker, folder
        self.begin()

    def run(self, command: list[str], *options: str) -> None:
        self.docker("run", "-d", "--name", NAME, *options, BUSYBOX, *command)

    def begin(self) -> None:
        self.since = self.engine.precise_now()

    def see(self, **raw: Any) -> Outcome:
        """As another terminal's ``check`` would, with the store between them."""
        scope = Scope(IMAGES, {BASELINE: SOME}, self.since)
        with Store.open(self.folder / "progress") as store:
            own = Looks(store, "engine")
            return look([check(**raw)], lambda: World(self.engine, self.folder, scope, own=own)).outcomes[0]

    def ended(self) -> bool:
        there = self.engine.container(NAME)
        return there is None or there.status == "exited"


@pytest.fixture
def step(engine: DockerEngine, docker: Docker, tmp_path: Path) -> Iterator[Step]:
    yield Step(engine, docker, tmp_path)
    docker.try_("rm", "--force", "--volumes", NAME, "dl-b", "dl-new")
    if docker.try_("network", "inspect", "dl-net").returncode == 0:
        docker("network", "rm", "dl-net")
    docker.try_("volume", "rm", "--force", "dl-data")
    docker.try_("rmi", "dl-b:v1")


def is_met(outcome: Outcome) -> None:
    assert outcome.met, outcome


def is_not(outcome: Outcome) -> None:
    assert outcome.status is Status.UNMET, outcome
    assert outcome.expected
    assert outcome.found


# what runs, what is done, and which of stopped, killed, restarted and died are then so
HOW: dict[str, tuple[list[str], list[str], set[str]]] = {
    "docker stop": (OBEYS, [f"stop {NAME}"], {"stopped", "died"}),
    "docker stop of what does not listen": (DEAF, [f"stop -t 1 {NAME}"], {"stopped", "died"}),
    "docker stop -t 0": (OBEYS, [f"stop -t 0 {NAME}"], {"stopped", "died"}),
    "docker container stop by id": (OBEYS, ["container stop ID"], {"stopped", "died"}),
    "docker kill": (OBEYS, [f"kill {NAME}"], {"killed", "died"}),
    "docker kill -s TERM": (OBEYS, [f"kill -s TERM {NAME}"], {"killed", "died"}),
    "a signal that ends nothing": (OBEYS, [f"kill -s WINCH {NAME}"], {"killed"}),
    "its own end": (["sleep", "0.3"], [], {"died"}),
    "ended from inside": (OBEYS, [f"exec {NAME} kill 1"], {"died"}),
    "docker restart": (OBEYS, [f"restart {NAME}"], {"stopped", "died", "restarted"}),
    "stop and start": (OBEYS, [f"stop {NAME}", f"start {NAME}"], {"stopped", "died", "restarted"}),
    "kill and start": (OBEYS, [f"kill {NAME}", f"start {NAME}"], {"killed", "died", "restarted"}),
    "docker rm -f": (OBEYS, [f"rm -f {NAME}"], {"killed", "died"}),
    "killed in vain, then stopped": (
        DEAF, [f"kill -s TERM {NAME}", f"stop -t 1 {NAME}"], {"killed", "stopped", "died"},
    ),
    "nothing": (OBEYS, [f"logs {NAME}", f"inspect {NAME}", f"top {NAME}"], set()),
}  # fmt: skip


@pytest.mark.parametrize("case", HOW)
def test_how_a_container_was_stopped_is_told_truly(step: Step, case: str) -> None:
    command, lines, so = HOW[case]
    step.run(command)
    step.begin()
    there = step.engine.container(NAME)
    assert there is not None
    for line in lines:
        step.docker(*line.replace("ID", there.id[:12]).split())
    if so == {"died"} or "kill -s TERM" in case:
        until(step.ended)
    for word in ("stopped", "killed", "died", "restarted"):
        (is_met if word in so else is_not)(step.see(event=word, container=NAME))


@pytest.mark.also_on(*NEWEST)
def test_with_which_signal_and_code(step: Step) -> None:
    step.run(OBEYS)
    step.begin()
    step.docker("kill", "-s", "SIGTERM", NAME)
    until(step.ended)
    is_met(step.see(event="killed", container=NAME, signal="TERM", times="1"))
    is_not(step.see(event="killed", container=NAME, signal="KILL"))
    is_met(step.see(event="died", container=NAME, exit_code="5"))
    is_not(step.see(event="died", container=NAME, exit_code="137"))


def test_what_a_restart_policy_does_is_no_restart(step: Step) -> None:
    step.begin()
    step.run(["false"], "--restart", "on-failure:2")

    def given_up() -> bool:
        there = step.engine.container(NAME)
        return there is not None and there.restart_count == 2 and there.status == "exited"

    until(given_up)
    is_met(step.see(event="died", container=NAME, times="3", exit_code="1"))
    is_not(step.see(event="restarted", container=NAME))


def test_what_set_up_before_the_step_does_not_count(step: Step) -> None:
    step.run(OBEYS)
    step.docker("restart", NAME)
    step.begin()
    for word in ("created", "started", "restarted", "stopped", "died"):
        is_not(step.see(event=word, container=NAME))


def test_our_execs_do_not_count_in_any_process(step: Step) -> None:
    step.run(OBEYS)
    step.begin()
    is_met(step.see(exec=NAME, command=["echo", "hi"]))
    assert "echo hi" in {event.command for event in step.engine.events(step.since)}
    is_not(step.see(event="exec", container=NAME))
    is_not(step.see(event="exec", container=NAME, command="echo hi"))
    step.docker("exec", NAME, "echo", "hi")
    is_met(step.see(event="exec", container=NAME, command="echo hi", times="1"))
    is_met(step.see(event="exec", container=NAME, exit_code="0"))
    is_not(step.see(event="exec", container=NAME, exit_code="1"))


def test_health_checks_do_not_count(step: Step) -> None:
    step.run(OBEYS, "--health-cmd", "echo well", "--health-interval", "0.2s")
    step.begin()
    until(lambda: any(event.action == "exec_start" for event in step.engine.events(step.since)))
    is_not(step.see(event="exec", container=NAME))
    step.docker("exec", NAME, "sh", "-c", "echo hello")
    is_met(step.see(event="exec", container=NAME))
    is_not(step.see(event="exec", container=NAME, command={"contains": "well"}))


def test_a_health_check_without_a_shell_is_known_too(step: Step, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f'FROM {BUSYBOX}\nHEALTHCHECK --interval=0.2s CMD ["echo", "very", "well"]\n')
    step.docker("build", "-q", "-t", "dl-b:v1", str(tmp_path))
    step.docker("run", "-d", "--name", NAME, "dl-b:v1", "sleep", "600")
    step.begin()
    until(lambda: any(event.action == "exec_start" for event in step.engine.events(step.since)))
    is_not(step.see(event="exec", container=NAME))
    step.docker("rm", "-f", NAME)


def test_helpers_do_not_count(step: Step) -> None:
    step.docker("run", "--name", NAME, "-v", "dl-data:/data", BUSYBOX, "sh", "-c", "echo hi > /data/note")
    step.begin()
    is_met(step.see(volume="dl-data", files={"/note": {"contains": "hi"}}))
    is_not(step.see(event="mounted", volume="dl-data"))
    is_met(step.see(image="busybox", runs={"command": ["echo", "hi"], "prints": {"contains": "hi"}}))
    is_not(step.see(event="started", container="any", image="busybox"))
    is_not(step.see(event="died", container="any"))
    step.docker("run", "--rm", "-v", "dl-data:/data", BUSYBOX, "true")
    is_met(step.see(event="mounted", volume="dl-data"))
    is_met(step.see(event="mounted", volume="dl-data", container="any"))
    is_not(step.see(event="mounted", volume="dl-data", container=NAME))
    step.docker("rm", NAME)
    step.docker("volume", "rm", "dl-data")
    is_met(step.see(event="removed", volume="dl-data"))


@pytest.mark.also_on(*NEWEST)
def test_what_leaves_nothing_to_look_at(step: Step) -> None:
    step.begin()
    is_not(step.see(event="died", container="any", image="busybox"))
    step.docker.try_("run", "--rm", BUSYBOX, "sh", "-c", "exit 3")
    is_met(step.see(event="died", container="any", image="busybox", exit_code="3"))
    is_met(step.see(event="removed", container="any", image="busybox"))
    is_not(step.see(event="died", container="any", image="busybox", exit_code="0"))


@pytest.mark.also_on(*NEWEST)
def test_the_image_by_id_and_by_another_name(step: Step) -> None:
    image = step.engine.image(BUSYBOX)
    assert image is not None
    step.begin()
    step.docker("tag", BUSYBOX, "dl-b:v1")
    is_met(step.see(event="tagged", image="dl-b:v1"))
    is_not(step.see(event="tagged", image="busybox"))
    for name in ("dl-b:v1", image.id, image.id[7:19]):
        step.docker("run", "--rm", name, "true")
    is_met(step.see(event="created", container="any", image="busybox", times="3"))
    step.docker("pull", "-q", BUSYBOX)
    is_met(step.see(event="pulled", image="busybox"))
    is_not(step.see(event="pulled", image="dl-b:v1"))


@pytest.mark.also_on(*NEWEST)
def test_the_other_words(step: Step) -> None:
    step.run(OBEYS)
    step.begin()
    for line in (
        f"pause {NAME}", f"unpause {NAME}", "network create dl-net", f"network connect dl-net {NAME}",
        f"network disconnect dl-net {NAME}", "network rm dl-net", f"rename {NAME} dl-new",
        f"export -o {step.folder}/export.tar dl-new",
        f"save -o {step.folder}/image.tar {BUSYBOX}", f"load -i {step.folder}/image.tar", "rm -f dl-new",
    ):  # fmt: skip
        step.docker(*line.split())
    is_met(step.see(event="paused", container=NAME))
    is_met(step.see(event="unpaused", container=NAME))
    is_met(step.see(event="renamed", container=NAME))
    is_met(step.see(event="exported", container="dl-new"))
    is_met(step.see(event="removed", container="dl-new"))
    is_not(step.see(event="removed", container=NAME))
    for word in ("created", "connected", "disconnected", "removed"):
        is_met(step.see(event=word, network="dl-net"))
    is_met(step.see(event="connected", network="dl-net", container=NAME))
    is_not(step.see(event="connected", network="dl-net", container="dl-b"))
    is_met(step.see(event="saved", image="busybox"))
    is_met(step.see(event="loaded", image="busybox"))


def test_beyond_the_engines_memory(step: Step) -> None:
    step.run(OBEYS)
    step.begin()
    step.docker("exec", NAME, "true")
    image = step.engine.image(BUSYBOX)
    assert image is not None
    for _ in range(MEMORY):
        step.engine.tag(image.id, "dl-b:v1")
    assert all(event.time > step.since for event in step.engine.events(ALWAYS))
    outcome = step.see(event="started", container=NAME)
    assert outcome.status is Status.UNKNOWN, outcome
    assert outcome.next is not None
    step.docker("exec", NAME, "true")
    is_met(step.see(event="exec", container=NAME))


def test_the_prover_plays_events_and_what_is_typed(engine: DockerEngine, docker_host: str, tmp_path: Path) -> None:
    proved = Prover(open_pack(PACK), lambda: engine, docker_host, tmp_path).prove("lifecycle")
    assert [f"{one.step}: {one.claim}: {one.why}" for one in proved if not one.held] == []
    assert {one.claim for one in proved} >= {"mistake 'one dash'", "mistake 'another folder'", "it starts unmet"}
