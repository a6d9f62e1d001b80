"""Reading what engines say of containers and images: recorded answers of real engines, none of them touched.

Each of the four was given the same command lines. 20.10 and Podman were asked through API 1.41, 28.5 through 1.51.
"""

from __future__ import annotations

import doctest
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.engine import snapshots
from dockerlearn.engine.snapshots import (
    Binding,
    ContainerSnapshot,
    ImageSnapshot,
    changes_from_diff,
    commands_from_top,
    container_from_inspect,
    event_from_message,
    image_from_inspect,
    moment,
    network_from_inspect,
    volume_from_inspect,
)

RECORDED = Path(__file__).parent / "recorded"
DOCKER = ("docker-20.10", "docker-28.5", "docker-28.5-containerd")
PODMAN = "podman-4.3"
LAYER = "sha256:31f8e5f67b4750abaef175f552791f35b9328f851242741aa5687d5229546522"

every_engine = pytest.mark.parametrize("engine", [*DOCKER, PODMAN])
every_docker = pytest.mark.parametrize("engine", DOCKER)


def read(name: str) -> dict[str, Any]:
    raw = json.loads((RECORDED / f"{name}.json").read_text())
    assert isinstance(raw, dict)
    return raw


def container(engine: str, name: str) -> ContainerSnapshot:
    return container_from_inspect(read(f"{engine}.container-{name}"), podman=engine == PODMAN)


def image(engine: str, name: str) -> ImageSnapshot:
    return image_from_inspect(read(f"{engine}.image-{name}"), podman=engine == PODMAN)


@every_engine
def test_the_same_command_gives_the_same_picture(engine: str) -> None:
    """What the engines write differently must not be seen above."""
    full = container(engine, "full")

    assert full.name == "h2-full"
    assert len(full.id) == 64
    assert (full.status, full.running, full.is_up, full.never_started) == ("running", True, True, False)
    assert full.started is not None
    assert full.started.tzinfo is not None
    assert full.finished is None
    assert full.argv == ("sh", "-c", "sleep 1000")
    assert full.command == ("sh", "-c", "sleep 1000")
    assert full.entrypoint == ()
    assert full.env["TOKEN"] == "a=b"
    assert full.env["EMPTY"] == ""
    assert (full.user, full.workdir, full.hostname) == ("1000:1000", "/vol", "box")
    assert full.labels["course"] == "yes"
    assert full.stop_signal == "SIGINT"
    assert full.exposed == {"80/tcp", "81/udp", "82/tcp"}
    assert full.published["80/tcp"] == (Binding("127.0.0.1", 18990),)
    assert full.asked["80/tcp"] == (Binding("127.0.0.1", 18990),)
    assert {binding.host_port for binding in full.published["81/udp"]} == {18991}
    assert "82/tcp" not in full.published
    assert (full.restart_policy, full.restart_max) == ("on-failure", 3)
    assert full.read_only
    assert not full.privileged
    assert full.memory == 64 * 1024 * 1024
    (member,) = full.networks
    assert member.network == "h2-net"
    assert {"alias-one", full.id[:12]} <= member.names
    assert member.ip is not None
    assert member.ip.count(".") == 3


def test_where_a_port_is_bound_is_told_in_one_order() -> None:
    """Engine 28.5 with the containerd store gave two bindings in another order than 20.10."""
    bound = [{"HostIp": "127.0.0.1", "HostPort": "8090"}, {"HostIp": "0.0.0.0", "HostPort": "10099"}]
    one, other = (
        container_from_inspect({"Id": "c", "NetworkSettings": {"Ports": {"80/tcp": order}}})
        for order in (bound, bound[::-1])
    )
    assert one.published == other.published == {"80/tcp": (Binding("0.0.0.0", 10099), Binding("127.0.0.1", 8090))}


@every_engine
def test_mounts(engine: str) -> None:
    mounts = {mount.target: mount for mount in container(engine, "full").mounts}
    assert (mounts["/vol"].kind, mounts["/vol"].name, mounts["/vol"].read_only) == ("volume", "h2-vol", True)
    assert not mounts["/vol"].anonymous
    assert (mounts["/anon"].kind, mounts["/anon"].anonymous, mounts["/anon"].read_only) == ("volume", True, False)
    assert mounts["/run"].kind == "tmpfs"
    assert list(mounts) == sorted(mounts)


@every_docker
def test_what_podman_was_not_asked_for(engine: str) -> None:
    full = container(engine, "full")
    assert full.health is not None
    assert (full.health.status, full.health.log, full.health.exit_code) == ("healthy", "probed\n", 0)
    assert full.health.interval == 2.0
    assert (full.pids_limit, full.cpus, full.init) == (50, 0.5, True)
    assert full.cap_add == {"NET_BIND_SERVICE"}
    assert full.cap_drop == {"ALL"}
    assert full.image_ref == "busybox:1.36"
    assert full.network_mode == "h2-net"


@every_engine
def test_a_job_that_ended(engine: str) -> None:
    done = container(engine, "done")
    assert (done.status, done.running, done.exit_code, done.never_started) == ("exited", False, 3, False)
    assert done.finished is not None
    assert done.health is None


@every_engine
def test_one_that_was_only_made(engine: str) -> None:
    new = container(engine, "new")
    assert (new.status, new.never_started, new.is_up) == ("created", True, False)
    assert (new.tty, new.open_stdin) == (True, True)
    assert new.started is None


@every_engine
def test_one_that_could_not_start(engine: str) -> None:
    bad = container(engine, "bad")
    assert (bad.status, bad.never_started) == ("created", True)
    assert bad.argv[0] == "/nope"


@every_docker
def test_why_it_could_not_start(engine: str) -> None:
    assert "no such file" in container(engine, "bad").error


@every_engine
def test_a_paused_one_is_running_and_not_up(engine: str) -> None:
    paused = container(engine, "paused")
    assert (paused.status, paused.running, paused.paused, paused.is_up) == ("paused", True, True, False)


@every_docker
def test_attached(engine: str) -> None:
    assert container(engine, "done").attached
    assert not container(engine, "full").attached


@every_engine
def test_the_image_of_a_container_is_the_one_it_was_made_from(engine: str) -> None:
    assert container(engine, "full").image_id == image(engine, "busybox").id


@every_engine
def test_image(engine: str) -> None:
    busybox = image(engine, "busybox")
    assert busybox.id.startswith("sha256:")
    assert busybox.layers == (LAYER,)
    assert busybox.os == "linux"
    assert busybox.created is not None
    assert 1_900_000 < busybox.size < 2_300_000


@every_docker
def test_tags_are_compared_in_full_form(engine: str) -> None:
    busybox = image(engine, "busybox")
    assert busybox.tags == ("busybox:1.36",)
    assert busybox.has_tag("docker.io/library/busybox:1.36")
    assert not busybox.has_tag("busybox")


def test_podman_names_a_loaded_image_by_localhost() -> None:
    assert image(PODMAN, "busybox").has_tag("localhost/busybox:1.36")
    assert not image(PODMAN, "busybox").has_tag("busybox:1.36")


@every_engine
def test_configuration_of_a_built_image(engine: str) -> None:
    built = image(engine, "built")
    assert built.env["A"] == "b"
    assert (built.user, built.workdir, built.stop_signal) == ("7", "/w", "SIGQUIT")
    assert built.exposed == {"8080/tcp"}
    assert built.volumes == {"/d"}
    assert built.labels["k"] == "v"
    assert (built.entrypoint, built.command) == (("sh", "-c"), ("id",))
    assert built.layers[0] == LAYER
    assert built.parent.startswith("sha256:")
    assert built.healthcheck is (engine != PODMAN)  # Podman leaves it out of the OCI format
    assert built.probe == (() if engine == PODMAN else ("/bin/sh", "-c", "true"))


def test_the_image_id_depends_on_the_store_and_the_layers_do_not() -> None:
    """The reason for comparing layers (ENGINE-NOTES)."""
    graph, containerd = image("docker-28.5", "busybox"), image("docker-28.5-containerd", "busybox")
    assert graph.id != containerd.id
    assert graph.layers == containerd.layers


def test_only_the_containerd_store_tells_which_manifest_a_container_was_made_from() -> None:
    there = {engine: container(engine, "new") for engine in DOCKER}
    assert {engine: bool(one.manifest) for engine, one in there.items()} == {
        "docker-20.10": False, "docker-28.5": False, "docker-28.5-containerd": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "seen"),
    [("/app/", "/app"), ("/app", "/app"), ("/", "/"), ("", ""), (None, ""), ("/app//src/.", "/app/src")],
)
def test_a_working_directory_has_one_spelling(said: str | None, seen: str) -> None:
    config = {"Config": {"WorkingDir": said}}
    assert image_from_inspect(config).workdir == seen
    assert container_from_inspect(config).workdir == seen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T03:29:46.826848648Z", datetime(2026, 11, 24, 3, 29, 46, 826848, UTC)),
        ("2026-11-24T03:29:46.8Z", datetime(2026, 11, 24, 3, 29, 46, 800000, UTC)),
        ("2026-11-24T03:29:46Z", datetime(2026, 11, 24, 3, 29, 46, 0, UTC)),
        ("2026-11-24T05:29:46.5+02:00", datetime(2026, 11, 24, 3, 29, 46, 500000, UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_moment(text: str | None, expected: datetime | None) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize("raw", [{}, {"State": None, "Config": None, "HostConfig": None, "NetworkSettings": None}])
def test_what_is_left_out_is_empty(raw: dict[str, Any]) -> None:
    """API 1.52 drops empty keys, and Podman has null where Docker has lists."""
    nothing = container_from_inspect(raw)
    assert (nothing.networks, nothing.mounts, nothing.health, nothing.published) == ((), (), None, {})
    assert image_from_inspect(raw).tags == ()


def test_untagged_is_untagged_in_both_spellings() -> None:
    assert image_from_inspect({"RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}).tags == ()
    assert image_from_inspect({"RepoTags": []}).digests == ()


def test_examples_in_the_docstrings() -> None:
    outcome = doctest.testmod(snapshots)
    assert outcome.attempted >= 1
    assert outcome.failed == 0


@every_engine
def test_networks(engine: str) -> None:
    net = network_from_inspect(read(f"{engine}.network-net"))
    assert (net.name, net.driver, net.scope, net.internal) == ("dl-net", "bridge", "local", False)
    assert len(net.id) == 64
    assert net.created.date() == datetime(2026, 11, 24).date()
    assert net.labels == {"course": "yes"}
    assert net.options == {}
    assert net.subnets == ("10.213.128.0/24",)
    assert net.members == {container(engine, "db").id, container(engine, "joined").id}
    inner = network_from_inspect(read(f"{engine}.network-internal"))
    assert (inner.name, inner.internal, inner.labels, inner.subnets) == ("dl-in", True, {}, ("10.213.129.0/24",))


@every_engine
def test_volumes(engine: str) -> None:
    volume = volume_from_inspect(read(f"{engine}.volume-vol"))
    assert (volume.name, volume.driver, volume.labels, volume.options) == ("dl-data", "local", {"course": "yes"}, {})
    assert volume.mountpoint.endswith("/volumes/dl-data/_data")
    assert not volume.anonymous
    assert volume.created is not None
    plain = volume_from_inspect(read(f"{engine}.volume-plain"))
    assert (plain.name, plain.labels) == ("dl-plain", {})
    assert volume_from_inspect({"Name": "a" * 64}).anonymous


@every_engine
def test_memberships(engine: str) -> None:
    net, inner = (network_from_inspect(read(f"{engine}.network-{name}")) for name in ("net", "internal"))
    joined = {member.network: member for member in container(engine, "joined").networks}
    assert set(joined) == {"dl-net", "dl-in"}
    assert "www" in joined["dl-net"].names
    assert "www" not in joined["dl-in"].names
    assert str(joined["dl-in"].ip).startswith("10.213.129.")
    # Podman tells a name for an id; what is no id must not be compared with one.
    assert {joined["dl-net"].network_id, joined["dl-in"].network_id} <= {net.id, inner.id, ""}
    assert (joined["dl-net"].network_id == "") is (engine == PODMAN)
    assert joined["dl-net"].ip6 is None
    assert [member.network for member in container(engine, "alone").networks if member.network != "none"] == []


@every_engine
def test_mounts_of_all_kinds(engine: str) -> None:
    mounts = {mount.target: mount for mount in container(engine, "db").mounts}
    assert set(mounts) == {"/data", "/plain", "/anon", "/host", "/scratch"}
    assert (mounts["/data"].kind, mounts["/data"].name, mounts["/data"].read_only) == ("volume", "dl-data", False)
    assert (mounts["/plain"].name, mounts["/plain"].read_only) == ("dl-plain", True)
    assert mounts["/anon"].anonymous
    assert (mounts["/host"].kind, mounts["/host"].source, mounts["/host"].read_only) == ("bind", "/etc", True)
    assert mounts["/scratch"].kind == "tmpfs"


@every_engine
def test_processes_and_changes(engine: str) -> None:
    assert commands_from_top(read(f"{engine}.top")) == ("sleep 600", "sleep 700")
    changes = changes_from_diff(json.loads((RECORDED / f"{engine}.changes.json").read_text()))
    assert (changes["/etc/new"], changes["/etc/group"], changes["/etc"]) == ("added", "deleted", "changed")
    assert changes["/data"] == "added"  # every engine counts where something is mounted; the world does not


def test_processes_and_changes_of_nothing() -> None:
    assert commands_from_top({"Titles": ["PID", "COMMAND"], "Processes": [["1", "sh -c a"], ["2"]]}) == ("sh -c a",)
    assert commands_from_top({"Titles": ["PID USER COMMAND"], "Processes": [["1 root sh -c a  b"], ["2"], []]}) == (
        "sh -c a  b",
    )
    assert commands_from_top({"Titles": ["COMMAND"], "Processes": [["sh -c a"]]}) == ("sh -c a",)
    assert commands_from_top({}) == ()
    assert changes_from_diff(None) == {}


@every_engine
def test_events(engine: str) -> None:
    events = [event_from_message(raw) for raw in json.loads((RECORDED / f"{engine}.events.json").read_text())]
    db, web = container(engine, "db").id, container(engine, "joined").id
    told = [(event.kind, event.action, event.name) for event in events]
    for expected in (
        ("container", "create", "dl-db"), ("container", "start", "dl-db"), ("container", "die", "dl-job"),
        ("container", "rename", "dl-alone2"), ("container", "pause", "dl-web"), ("container", "unpause", "dl-web"),
        ("container", "restart", "dl-web"), ("container", "kill", "dl-web"), ("volume", "create", "dl-data"),
        ("volume", "create", "dl-plain"),
    ):  # fmt: skip
        assert expected in told, expected
    assert {event.id for event in events if event.name == "dl-db" and event.kind == "container"} == {db}
    assert [event.attributes["exitCode"] for event in events if event.action == "die" and event.id == web] == [
        "137"
    ] * 2
    assert [event.attributes["exitCode"] for event in events if event.action == "die" and event.id not in {web}] == [
        "3"
    ]
    assert [event for event in events if event.kind == "volume" and event.id != event.name] == []
    assert all(event.time.year == 2026 for event in events)
    execs = [event for event in events if event.action in {"exec_start", "exec"}]
    # Podman does not tell what was run, nor by which exec.
    commands = (
        ["", "", ""] if engine == PODMAN else ["sh -c echo new>/etc/new;rm /etc/group;echo x>/data/x", "sleep 700"]
    )
    assert [event.command for event in execs] == commands
    assert [bool(event.attributes.get("execID")) for event in execs] == [engine != PODMAN] * len(execs)


@every_docker
def test_events_of_networks(engine: str) -> None:
    """Podman tells of the container there, and not of the network."""
    events = [event_from_message(raw) for raw in json.loads((RECORDED / f"{engine}.events.json").read_text())]
    web = container(engine, "joined").id
    net = network_from_inspect(read(f"{engine}.network-net"))
    joined = [event for event in events if (event.kind, event.action, event.id) == ("network", "connect", net.id)]
    assert web in {event.attributes["container"] for event in joined}
    assert ("network", "create", "dl-in") in {(event.kind, event.action, event.name) for event in events}


def test_an_event() -> None:
    said = {
        "status": "exec_create: cat /etc/hosts",
        "id": "ab" * 32,
        "Type": "container",
        "Action": "exec_create: cat /etc/hosts ",
        "Actor": {"ID": "ab" * 32, "Attributes": {"execID": "cd" * 32, "image": "busybox:1.36", "name": "dl-web"}},
        "time": 1795504186,
        "timeNano": 1795504186826848648,
    }
    event = event_from_message(said)
    assert (event.kind, event.action, event.command) == ("container", "exec_create", "cat /etc/hosts")
    assert (event.id, event.name, event.attributes["execID"]) == ("ab" * 32, "dl-web", "cd" * 32)
    assert event.time.isoformat() == "2026-11-24T07:09:46.826848+00:00"
    bare = event_from_message({"Type": "image", "Action": "pull", "time": 5})
    assert (bare.time.timestamp(), bare.id, bare.name, bare.command) == (5.0, "", "", "")
