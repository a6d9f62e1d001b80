"""Tries to cheat the nouns about networks, volumes, ports, commands and insides, and to be right in unusual ways."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import docker as sdk
import pytest

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import look
from dockerlearn.engine.client import DockerEngine
from dockerlearn.world import probes
from dockerlearn.world.happened import OwnHere
from dockerlearn.world.probes import HELPER, Probes
from dockerlearn.world.world import Scope, World
from tests.live.conftest import Docker, things
from tests.live.test_checks_live import check
from tests.matrix import NEWEST

IMAGES = {"busybox": "busybox:1.36"}
BUSYBOX = "busybox:1.36"
LASTING = ("sleep", "600")
NAMES = ("dl-a", "dl-b", "dl-c", "other")
NETWORKS = ("dl-net", "dl-net2", "other-net")
VOLUMES = ("dl-data", "dl-more", "other-data")
TAGS = ("dl-app:v1", "dl-app:v2", "dl-base:v1")

Line = str
"""A command line for docker without ``docker``; its words are split at blanks, ``%`` in a word stands for a blank."""


@pytest.fixture
def engine(connection: DockerEngine) -> DockerEngine:
    return connection


@pytest.fixture
def hands(docker: Docker) -> Iterator[Docker]:
    """The docker client; what it makes under the usual names is taken away afterwards."""
    yield docker
    if docker.try_("rm", "--force", "--volumes", *NAMES).returncode:  # Podman: one after the one that uses its network
        docker.try_("rm", "--force", "--volumes", *NAMES)
    docker.try_(
        "network", "rm", *(name for name in NETWORKS if docker.try_("network", "inspect", name).returncode == 0)
    )
    docker.try_("volume", "rm", "--force", *VOLUMES)
    docker.try_("rmi", *TAGS)


Look = Callable[..., Outcome]


@pytest.fixture
def seen(engine: DockerEngine, tmp_path: Path) -> Look:
    def look_at(scope: Scope | None = None, /, **raw: Any) -> Outcome:
        return look([check(**raw)], lambda: World(engine, tmp_path, scope or Scope(IMAGES)), limit=4).outcomes[0]

    return look_at


def play(hands: Docker, lines: list[Line], folder: Path) -> None:
    for line in lines:
        words = [word.replace("%", " ").replace("FOLDER", str(folder)) for word in line.split()]
        hands(*words)


RUN = f"run -d --name dl-a {BUSYBOX} sleep 600"
NET = "network create dl-net"
VOL = "volume create dl-data"
COMPOSE = "com.docker.compose"

# name: what is done, what is checked
RIGHT: dict[str, tuple[list[Line], dict[str, Any]]] = {
    "network: by id": (
        [NET, f"run -d --name dl-a --network=dl-net {BUSYBOX} sleep 600"],
        {"network": "dl-net", "attached": ["dl-a"]},
    ),
    "network: connected later": ([NET, RUN, "network connect dl-net dl-a"], {"network": "dl-net", "attached": "dl-a"}),
    "network: only created": (
        [NET, f"create --name dl-a --network dl-net {BUSYBOX} sleep 600"],
        {"network": "dl-net", "attached": {"dl-a": "dl-a"}},
    ),
    "network: connected with an alias": (
        [NET, RUN, "network connect --alias db --alias cache dl-net dl-a"],
        {"network": "dl-net", "attached": {"dl-a": "db"}},
    ),
    "network: a link's name is no alias, and the alias counts": (
        [NET, f"run -d --name dl-a --network dl-net --network-alias db {BUSYBOX} sleep 600"],
        {"container": "dl-a", "networks": {"dl-net": "db", "bridge": "none"}},
    ),
    "network: with a subnet, a label and options": (
        ["network create --driver=bridge --subnet 10.213.77.0/24 --internal --label a=b -o x=y dl-net"],
        {"network": "dl-net", "driver": "bridge", "internal": "true", "labels": {"a": "b"}, "attached": "none"},
    ),
    "network: both networks": (
        [NET, "network create dl-net2", RUN, "network connect dl-net dl-a", "network connect dl-net2 dl-a"],
        {"container": "dl-a", "networks": ["dl-net", "dl-net2", "bridge"]},
    ),
    "network: removed and made again": (
        [NET, "network rm dl-net", NET, f"run -d --name dl-a --network dl-net {BUSYBOX} sleep 600"],
        {"container": "dl-a", "networks": "dl-net"},
    ),
    "network: renamed container": (
        [NET, f"run -d --name other --network dl-net {BUSYBOX} sleep 600", "rename other dl-a"],
        {"network": "dl-net", "attached": {"dl-a": "dl-a"}},
    ),
    "network: none": (
        [f"run -d --name dl-a --network none {BUSYBOX} sleep 600"], {"container": "dl-a", "networks": "none"},
    ),
    "network: a host name is known there too": (
        [NET, f"run -d --name dl-a --hostname db --network dl-net {BUSYBOX} sleep 600"],
        {"container": "dl-a", "networks": {"dl-net": "db"}},
    ),
    "network: left": (
        [NET, f"run -d --name dl-a --network dl-net {BUSYBOX} sleep 600", "network disconnect dl-net dl-a"],
        {"network": "dl-net", "attached": {"dl-a": "none"}},
    ),
    "network: gone": ([NET, "network rm dl-net"], {"network": "dl-net", "absent": "true"}),
    "volume: made by run": (
        [f"run -d --name dl-a -v dl-data:/data {BUSYBOX} sleep 600"],
        {"volume": "dl-data", "used_by": ["dl-a"]},
    ),
    "volume: --mount": (
        [f"create --name dl-a --mount type=volume,source=dl-data,target=/data {BUSYBOX}"],
        {"volume": "dl-data", "used_by": {"dl-a": "any"}, "driver": "local"},
    ),
    "volume: --volumes-from": (
        [f"create --name dl-b -v dl-data:/data {BUSYBOX}", f"create --name dl-a --volumes-from dl-b {BUSYBOX}"],
        {"volume": "dl-data", "used_by": ["dl-a", "dl-b"]},
    ),
    "volume: nested path": (
        [f"run --name dl-a -v dl-data:/data {BUSYBOX} sh -c mkdir%/data/a;echo%hi>/data/a/b"],
        {"volume": "dl-data", "files": {"/a/b": "hi", "a": "any", "/c": "none"}},
    ),
    "volume: filled from the image": (
        [f"create --name dl-a -v dl-data:/etc {BUSYBOX}"],
        {"volume": "dl-data", "files": {"/passwd": {"contains": "root"}}},
    ),
    "volume: labels": (["volume create --label a=b dl-data"], {"volume": "dl-data", "labels": {"a": "b"}}),
    "volume: gone": ([VOL, "volume rm dl-data"], {"volume": "dl-data", "absent": "true"}),
    "mount: read-only by -v": (
        [f"create --name dl-a -v dl-data:/data:ro {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/data": {"name": "dl-data", "read_only": "true"}}},
    ),
    "mount: read-only by --mount": (
        [f"create --name dl-a --mount type=volume,src=dl-data,dst=/data/,readonly {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/data": {"name": "dl-data", "read_only": "true"}}},
    ),
    "mount: a folder by -v": (
        [f"create --name dl-a -v FOLDER:/site {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/site": "."}},
    ),
    "mount: a folder beneath by --mount, through a link": (
        [f"create --name dl-a --mount type=bind,src=FOLDER/link,dst=/site {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/site": {"kind": "bind", "source": "./site", "read_only": "false"}}},
    ),
    "mount: a folder with a slash and dots": (
        [f"create --name dl-a -v FOLDER/./site/../site/:/site {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/site": "./site"}},
    ),
    "mount: tmpfs in both ways": (
        [f"create --name dl-a --tmpfs /one --mount type=tmpfs,dst=/two {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/one": {"kind": "tmpfs"}, "/two": {"kind": "tmpfs"}}},
    ),
    "mount: without a name": (
        [f"create --name dl-a -v /data {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/data": {"kind": "volume", "anonymous": "true"}}},
    ),
    "container: limits by other flags": (
        [f"create --name dl-a --cpu-period 50000 --cpu-quota 25000 --pids-limit 30 {BUSYBOX}"],
        {"container": "dl-a", "cpus": "0.5", "pids_limit": "30"},
    ),
    "container: capabilities with CAP_": (
        [f"create --name dl-a --cap-drop all --cap-add CAP_CHOWN {BUSYBOX}"],
        {"container": "dl-a", "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
    ),
    "container: a terminal and input": (
        [f"create -it --name dl-a {BUSYBOX}"],
        {"container": "dl-a", "tty": "true", "open_stdin": "true", "attached": "true"},
    ),
    "container: in the background": ([RUN], {"container": "dl-a", "attached": "false", "open_stdin": "false"}),
    "container: a process of exec": (
        [RUN, "exec -d dl-a sleep 601"],
        {"container": "dl-a", "processes": {"contains": "sleep 601"}},
    ),
    "container: changed by cp and exec": (
        [RUN, "exec dl-a sh -c rm%/etc/group;echo%hi>/note", "cp FOLDER/site dl-a:/site"],
        {"container": "dl-a", "changed": {"/note": "added", "/etc/group": "deleted", "/site/index": "added"}},
    ),
    "container: labelled as Compose does": (
        [
            f"create --name dl-a -l {COMPOSE}.project=dl-shop -l {COMPOSE}.service=web {BUSYBOX}"
        ],
        {"container": "dl-a", "compose": {"project": "dl-shop", "service": "web"}},
    ),
    "exec: as another user, in another folder": (
        [f"run -d --name dl-a -u 1000 -w /etc --network none {BUSYBOX} sleep 600"],
        {"exec": "dl-a", "command": "pwd", "output": "/etc"},
    ),
    "exec: read-only root": (
        [f"run -d --name dl-a --read-only {BUSYBOX} sleep 600"],
        {"exec": "dl-a", "command": "touch /x", "exit_code": {"not": "0"}},
    ),
    "exec: it becomes ready": (
        [f"run -d --name dl-a {BUSYBOX} sh -c sleep%1;touch%/ready;sleep%600"],
        {"exec": "dl-a", "command": "test -e /ready"},
    ),
    "tcp: published on one address": (
        [f"run -d --name dl-a -p 127.0.0.1:18211:80 {BUSYBOX} httpd -f -p 80"],
        {"tcp": "dl-a:80"},
    ),
    "tcp: published anywhere, after a while": (
        [f"run -d --name dl-a -P --expose 80 {BUSYBOX} sh -c sleep%1;httpd%-f%-p%80"],
        {"tcp": "dl-a:80"},
    ),
    "image: built from another, files and layers": (
        ["tag busybox:1.36 dl-base:v1", "run --name dl-a dl-base:v1 sh -c echo%hi>/note", "commit dl-a dl-app:v1"],
        {"image": "dl-app:v1", "layers_shared_with": {"busybox": "any"}, "larger_than": "busybox",
         "files": {"/note": "hi"}},
    ),
    "image: runs what commit was told": (
        [f"create --name dl-a {BUSYBOX}", 'commit --change CMD%["echo","hello"] dl-a dl-app:v1'],
        {"image": "dl-app:v1", "runs": {"prints": "hello", "exit_code": "0"}},
    ),
    "image: runs with another command": (
        ["tag busybox:1.36 dl-app:v1"],
        {"image": "dl-app:v1", "runs": {"command": ["sh", "-c", "echo no; exit 3"], "prints": "no", "exit_code": "3"}},
    ),
    "image: without a command": (
        [f"create --name dl-a --entrypoint x {BUSYBOX}",
         "commit --change CMD%[] --change ENTRYPOINT%[] dl-a dl-app:v1"],
        {"image": "dl-app:v1", "files": {"/etc/passwd": "any"}},
    ),
    "image: a file in a volume of the image": (
        [f"run --name dl-a {BUSYBOX} sh -c mkdir%/data;echo%hi>/data/note",
         "commit --change VOLUME%/data dl-a dl-app:v1"],
        {"image": "dl-app:v1", "files": {"/data/note": "hi", "/etc/passwd": "any"}},
    ),
}  # fmt: skip

CHEATS: dict[str, tuple[list[Line], dict[str, Any], str]] = {
    "network: nearly its name": (["network create dl-net2"], {"network": "dl-net"}, "there is one named dl-net2"),
    "network: the default bridge only": ([NET, RUN], {"network": "dl-net", "attached": ["dl-a"]}, "it is on bridge"),
    "network: another container": (
        [NET, RUN, f"run -d --name dl-b --network dl-net {BUSYBOX} sleep 600"],
        {"network": "dl-net", "attached": ["dl-a"]},
        "it is on bridge",
    ),
    "network: the network of a container that is on it": (
        [NET, f"run -d --name dl-b --network dl-net {BUSYBOX} sleep 600",
         f"run -d --name dl-a --network container:dl-b {BUSYBOX} sleep 600"],
        {"network": "dl-net", "attached": ["dl-a"]},
        "the network of another container",
    ),
    "network: stopped on one that is gone": (
        [NET, f"create --name dl-a --network dl-net {BUSYBOX}", "network rm dl-net"],
        {"container": "dl-a", "networks": ["dl-net"]},
        "",
    ),
    "network: stopped on one of the same name before": (
        [NET, f"run -d --name dl-a --network dl-net {BUSYBOX} sleep 600", "kill dl-a", "network rm dl-net", NET],
        {"network": "dl-net", "attached": ["dl-a"]},
        "",
    ),
    "network: left again": (
        [NET, f"run -d --name dl-a --network dl-net {BUSYBOX} sleep 600", "network disconnect dl-net dl-a"],
        {"network": "dl-net", "attached": ["dl-a"]},
        "on no network",
    ),
    "network: the name of another one on it": (
        [NET, f"run -d --name dl-a --network dl-net --network-alias web {BUSYBOX} sleep 600",
         f"run -d --name dl-b --network dl-net --network-alias db {BUSYBOX} sleep 600"],
        {"container": "dl-a", "networks": {"dl-net": "db"}},
        "called dl-a, web",
    ),
    "network: a label says internal": (
        ["network create --label internal=true dl-net"],
        {"network": "dl-net", "internal": "true"},
        "it is not",
    ),
    "network: another driver": (
        [], {"network": "host", "driver": "bridge"}, "it is host",
    ),
    "network: still there": ([NET], {"network": "dl-net", "absent": "true"}, "it is there"),
    "network: still on the bridge": (
        [NET, RUN, "network connect dl-net dl-a"],
        {"container": "dl-a", "networks": {"dl-net": "any", "bridge": "none"}},
        "on bridge, dl-net",
    ),
    "volume: a folder of the host": (
        [VOL, f"create --name dl-a -v FOLDER:/data {BUSYBOX}"],
        {"volume": "dl-data", "used_by": ["dl-a"]},
        "the folder",
    ),
    "volume: without a name": (
        [VOL, f"create --name dl-a -v /data {BUSYBOX}"],
        {"volume": "dl-data", "used_by": ["dl-a"]},
        "without a name of its own",
    ),
    "volume: nobody has it": ([VOL, RUN], {"volume": "dl-data", "used_by": "any"}, "none has it"),
    "volume: somebody still has it": (
        [f"create --name dl-a -v dl-data:/data {BUSYBOX}"], {"volume": "dl-data", "used_by": "none"}, "dl-a has it",
    ),
    "volume: a tmpfs over it": (
        [VOL, f"create --name dl-a --tmpfs /data {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/data": "dl-data"}},
        "a tmpfs is mounted",
    ),
    "volume: written beside it": (
        [f"run --name dl-a -v dl-data:/data {BUSYBOX} sh -c echo%hi>/note"],
        {"volume": "dl-data", "files": {"/note": "hi"}},
        "no such file",
    ),
    "volume: a link out of it": (
        [f"run --name dl-a -v dl-data:/data {BUSYBOX} ln -s /etc/passwd /data/note"],
        {"volume": "dl-data", "files": {"/note": "hello"}},
        "",
    ),
    "volume: a folder of that name": (
        [f"run --name dl-a -v dl-data:/data {BUSYBOX} mkdir /data/note"],
        {"volume": "dl-data", "files": {"/note": "hi"}},
        "it is a directory",
    ),
    "mount: another folder of that name": (
        [f"create --name dl-a -v /tmp/site:/site {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/site": "./site"}},
        "/tmp/site",
    ),
    "mount: the folder above": (
        [f"create --name dl-a -v FOLDER:/site {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/site": "./site"}},
        "the folder",
    ),
    "mount: a volume where a folder was meant": (
        [f"create --name dl-a -v dl-data:/site {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/site": "./site"}},
        "the volume dl-data",
    ),
    "mount: at another path": (
        [f"create --name dl-a -v dl-data:/dat {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/data": "dl-data"}},
        "mounted at /dat",
    ),
    "mount: writable": (
        [f"create --name dl-a -v dl-data:/data {BUSYBOX}"],
        {"container": "dl-a", "mounts": {"/data": {"read_only": "true"}}},
        "the volume dl-data",
    ),
    "container: a process that has ended": (
        [RUN, "exec dl-a true"],
        {"container": "dl-a", "processes": {"contains": "true"}, "within": "0.3s"},
        "sleep 600",
    ),
    "container: not changed": ([RUN], {"container": "dl-a", "changed": {"/note": "added"}}, "as in the image"),
    "container: shares are no limit": (
        [f"create --name dl-a --cpu-shares 512 {BUSYBOX}"], {"container": "dl-a", "cpus": "any"}, "there is none",
    ),
    "container: privileged is no capability": (
        [f"create --name dl-a --privileged {BUSYBOX}"],
        {"container": "dl-a", "capabilities": {"add": ["NET_ADMIN"]}},
        "there are none",
    ),
    "exec: a command that prints it and fails": (
        [RUN], {"exec": "dl-a", "command": ["sh", "-c", "echo ok; exit 1"], "within": "0.3s"}, "exit code 1",
    ),
    "exec: no such command": ([RUN], {"exec": "dl-a", "command": "dl-nothing", "within": "0.3s"}, "exit code"),
    "exec: not running": ([RUN, "kill dl-a"], {"exec": "dl-a", "command": "true"}, "exit code 137"),
    "exec: what a shell would put in": (
        [RUN], {"exec": "dl-a", "command": "echo $HOME", "output": {"contains": "root"}, "within": "0.3s"}, "$HOME",
    ),
    "tcp: nobody listens behind the engine's proxy": (
        [f"run -d --name dl-a -p 18212:80 {BUSYBOX} sleep 600"], {"tcp": "dl-a:80", "within": "1s"}, "closed at once",
    ),
    "tcp: listens on its own loopback": (
        [f"run -d --name dl-a -p 18213:80 {BUSYBOX} httpd -f -p 127.0.0.1:80"],
        {"tcp": "dl-a:80", "within": "1s"},
        "on port 18213",
    ),
    "tcp: exposed only": (
        [f"run -d --name dl-a --expose 80 {BUSYBOX} httpd -f -p 80"], {"tcp": "dl-a:80"}, "not published",
    ),
    "tcp: udp": ([f"run -d --name dl-a -p 18214:80/udp {BUSYBOX} sleep 600"], {"tcp": "dl-a:80"}, "18214->80/udp"),
    "image: a file of a container is not the image's": (
        ["tag busybox:1.36 dl-app:v1", "run --name dl-a dl-app:v1 touch /note"],
        {"image": "dl-app:v1", "files": {"/note": "any"}},
        "not there",
    ),
    "image: a second name is not smaller": (
        ["tag busybox:1.36 dl-app:v1"], {"image": "dl-app:v1", "smaller_than": "busybox"}, "MB",
    ),
    "image: flattened": (
        [f"create --name dl-a {BUSYBOX}", "export -o FOLDER/x.tar dl-a", "import FOLDER/x.tar dl-app:v1"],
        {"image": "dl-app:v1", "layers_shared_with": {"busybox": "any"}},
        "they share no layers",
    ),
    "image: what it needs is on the network": (
        ["tag busybox:1.36 dl-app:v1"],
        {"image": "dl-app:v1", "runs": {"command": ["ping", "-c", "1", "-W", "1", "10.213.128.1"]}},
        "exit code 1",
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index").write_text("hello\n")
    (tmp_path / "link").symlink_to("site")
    return tmp_path


@pytest.mark.parametrize("name", RIGHT)
def test_unusual_right_ways_pass(hands: Docker, seen: Look, folder: Path, name: str) -> None:
    lines, asked = RIGHT[name]
    play(hands, lines, folder)
    outcome = seen(**asked)
    assert outcome.status is Status.MET, outcome


@pytest.mark.parametrize("name", CHEATS)
def test_cheats_do_not_pass(hands: Docker, seen: Look, folder: Path, name: str) -> None:
    lines, asked, reason = CHEATS[name]
    play(hands, lines, folder)
    outcome = seen(**asked)
    assert outcome.status is Status.UNMET, outcome
    assert outcome.expected
    assert reason in f"{outcome.found} / {outcome.next}"


@pytest.mark.also_on(*NEWEST)
def test_a_network_by_its_id(hands: Docker, seen: Look) -> None:
    identifier = hands("network", "create", "dl-net")
    hands("create", "--name", "dl-a", "--network", identifier, BUSYBOX, *LASTING)
    assert seen(network="dl-net", attached=["dl-a"]).met
    hands("start", "dl-a")
    assert seen(network="dl-net", attached={"dl-a": "dl-a"}).met


def test_the_python_sdk_counts(hands: Docker, seen: Look) -> None:
    theirs = sdk.DockerClient(base_url=hands.host)
    try:
        network = theirs.networks.create("dl-net")
        volume = theirs.volumes.create("dl-data")
        made = theirs.containers.create(
            BUSYBOX, list(LASTING), name="dl-a", volumes={volume.name: {"bind": "/data", "mode": "ro"}}
        )
        network.connect(made, aliases=["db"])
    finally:
        theirs.close()
    assert seen(network="dl-net", attached={"dl-a": "db"}).met
    assert seen(container="dl-a", mounts={"/data": {"name": "dl-data", "read_only": "true"}}).met


@pytest.mark.also_on(*NEWEST)
def test_a_digest(hands: Docker, seen: Look) -> None:
    full = hands("image", "inspect", "--format", "{{index .RepoDigests 0}}", BUSYBOX)
    assert seen(image="busybox", digest=full).met
    assert seen(image="busybox", digest=full.partition("@")[2]).met
    assert seen(image="busybox", digest="none").status is Status.UNMET


@pytest.mark.also_on(*NEWEST)
def test_counted_are_own_and_new_ones_only(engine: DockerEngine, hands: Docker, seen: Look) -> None:
    own = hands("run", "-d", "--name", "dl-a", BUSYBOX, *LASTING)
    hands("run", "-d", "--name", "other", BUSYBOX, *LASTING)
    time.sleep(1.1)  # since is a whole second
    scope = Scope(IMAGES, since=engine.precise_now(), own=frozenset({own}))
    hands("run", "-d", "--name", "dl-b", BUSYBOX, *LASTING)
    hands("create", "--name", "dl-c", BUSYBOX, *LASTING)
    assert seen(scope, containers={"image": "busybox", "running": "true"}, count="2").met
    assert seen(scope, containers={"image": "busybox"}, count="3").met
    assert seen(scope, containers={"status": "created"}, count="1").met
    assert "dl-a, dl-b" in seen(scope, containers={"running": "true"}, count="3").found


@pytest.mark.also_on(*NEWEST)
def test_the_same_container_or_a_new_one(hands: Docker, seen: Look) -> None:
    first = hands("run", "-d", "--name", "dl-a", BUSYBOX, *LASTING)
    scope = Scope(IMAGES, baseline={"container dl-a": first})
    hands("restart", "-t", "0", "dl-a")
    assert seen(scope, container="dl-a", same_as_at_start="true").met
    hands("rename", "dl-a", "other")
    hands("rename", "other", "dl-a")
    assert seen(scope, container="dl-a", same_as_at_start="true").met
    hands("rm", "-f", "dl-a")
    hands("run", "-d", "--name", "dl-a", BUSYBOX, *LASTING)
    assert seen(scope, container="dl-a", same_as_at_start="false").met
    assert seen(scope, container="dl-a", same_as_at_start="true").status is Status.UNMET


class TestProbes:
    """What they may cost, and what they leave behind."""

    def run(self, hands: Docker, *options: str) -> str:
        return hands("run", "-d", "--name", "dl-a", *options, BUSYBOX, *LASTING)

    def test_output_is_cut_and_a_flood_ends(self, engine: DockerEngine, hands: Docker, seen: Look) -> None:
        self.run(hands)
        began = time.monotonic()
        done = engine.exec(
            "dl-a", ["sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo $i$i$i$i; i=$((i+1)); done"], seconds=5, limit=100
        )
        assert (done.exit_code, len(done.output), done.cut) == (0, 100, True)
        assert time.monotonic() - began < 5

    @pytest.mark.parametrize(
        "script", ["yes", "sleep 500", "while :; do echo x; sleep 0.1; done", "sleep 501 & cat /dev/zero"]
    )
    def test_what_does_not_end_is_ended(
        self, engine: DockerEngine, hands: Docker, script: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(probes, "EXEC_SECONDS", 0.6)
        self.run(hands)
        began = time.monotonic()
        done = Probes(engine).exec("dl-a", ["sh", "-c", script])
        assert done.exit_code is None
        assert len(done.output) <= probes.OUTPUT
        assert time.monotonic() - began < 3
        assert engine.top("dl-a") == ("sleep 600",)

    def test_a_container_without_a_shell(
        self, engine: DockerEngine, hands: Docker, seen: Look, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(probes, "EXEC_SECONDS", 0.6)
        self.run(hands)
        hands("exec", "dl-a", "rm", "/bin/sh", "/bin/ash", "/bin/tr", "/bin/grep")
        assert seen(exec="dl-a", command=["cat", "/etc/hostname"], output={"contains": hands("ps", "-q")}).met
        assert Probes(engine).exec("dl-a", ["cat", "/dev/zero"]).exit_code is None
        assert engine.top("dl-a") == ("sleep 600",)

    def test_both_streams_and_no_input(self, engine: DockerEngine, hands: Docker) -> None:
        self.run(hands)
        done = engine.exec("dl-a", ["sh", "-c", "echo out; echo err >&2; cat; exit 4"], seconds=5)
        assert (sorted(done.output.split()), done.exit_code) == (["err", "out"], 4)

    def test_first_bytes_are_not_lost(self, engine: DockerEngine, hands: Docker) -> None:
        self.run(hands)
        for number in range(10):
            assert engine.exec("dl-a", ["echo", f"word-{number}"], seconds=5).output == f"word-{number}\n"

    def test_a_container_is_stopped_while_we_look(self, engine: DockerEngine, hands: Docker) -> None:
        import threading

        self.run(hands, "--init")
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.append(Probes(engine).exec("dl-a", ["sleep", "400"])))
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        hands("stop", "-t", "5", "dl-a")
        assert time.monotonic() - began < 3
        thread.join(10)
        assert not thread.is_alive()

    def test_nothing_is_left_of_looks_inside(self, engine: DockerEngine, hands: Docker, seen: Look) -> None:
        hands(
            "run",
            "--name",
            "dl-a",
            "-v",
            "dl-data:/data",
            BUSYBOX,
            "sh",
            "-c",
            "echo hi > /data/x; mkdir /v; echo v > /v/v",
        )
        hands("commit", "--change", "VOLUME /v", "--change", "VOLUME /w", "dl-a", "dl-app:v1")
        before = things(hands.host)
        assert seen(image="dl-app:v1", files={"/v/v": "v"}, runs={"command": ["cat", "/v/v"], "prints": "v"}).met
        assert seen(volume="dl-data", files={"/x": "hi"}).met
        assert things(hands.host) == before

    def test_a_run_that_does_not_end(
        self, engine: DockerEngine, hands: Docker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(probes, "RUN_SECONDS", 1.0)
        image = engine.image(BUSYBOX)
        assert image is not None
        before = things(hands.host)
        ran = Probes(engine).run(image, ["sh", "-c", "echo begun; yes"])
        assert ran.exit_code is None
        assert len(ran.output) <= probes.OUTPUT
        assert things(hands.host) == before
        assert Probes(engine).run(image, ["dl-nothing"]).error

    def test_what_a_killed_tutor_left_is_swept_away(
        self, engine: DockerEngine, hands: Docker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = engine.image(BUSYBOX)
        assert image is not None
        hands("create", "--name", "other", "--network", "none", "--hostname", HELPER, BUSYBOX)
        with monkeypatch.context() as patched:
            patched.setattr(engine, "remove_container", lambda _: True)
            Probes(engine).image_paths(image, ["/etc"])
            Probes(engine).run(image, ["echo", "x"])
        assert probes.sweep(engine) == 0  # they could be another tutor's, at work
        monkeypatch.setattr(probes, "LEFT_AFTER", timedelta(0))
        assert probes.sweep(engine) == 2
        assert engine.container("other") is not None

    def test_helpers_have_no_name_label_or_network(self, engine: DockerEngine, hands: Docker) -> None:
        image = engine.image(BUSYBOX)
        assert image is not None
        found: list[Any] = []

        own = OwnHere()
        watching = Probes(engine, own=own)
        real = engine.path

        def path(container_id: str, path: str, limit: int = 10) -> Any:
            found.append(engine.container(container_id))
            return real(container_id, path, limit)

        engine.path = path  # type: ignore[method-assign]
        try:
            watching.image_paths(image, ["/etc/passwd"])
        finally:
            del engine.path
        (helper,) = found
        assert (helper.never_started, helper.hostname, helper.labels) == (True, HELPER, dict(image.labels))
        assert not helper.name.startswith("dl-")
        assert [member.network for member in helper.networks] == ["none"]
        assert own.ids() == {helper.id}
