"""Who reaches whom by name: right ways, cheats, and containers that cannot ask for themselves, on a real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import look
from dockerlearn.diagnose.explain import explain
from dockerlearn.engine.client import DockerEngine
from dockerlearn.world.world import Scope, World
from tests.live.conftest import Docker, things
from tests.live.test_checks_live import check
from tests.live.test_nouns_live import play

IMAGES = {"busybox": "busybox:1.36"}
BOX = "busybox:1.36"
NAMES = ("dl-a", "dl-b", "dl-c", "other")
SLEEP = f"{BOX} sleep 600"
WEB = f"{BOX} httpd -f -p 80 -h /etc"
NET = "network create dl-net"
PAIR = [NET, f"run -d --name dl-b --network dl-net {WEB}", f"run -d --name dl-a --network dl-net {SLEEP}"]
ON_NET = {"from": "dl-a", "to": "dl-b"}

Look = Callable[..., Outcome]


@pytest.fixture
def engine(connection: DockerEngine) -> DockerEngine:
    return connection


@pytest.fixture
def hands(docker: Docker) -> Iterator[Docker]:
    """The docker client; what it makes under the usual names is taken away afterwards."""
    yield docker
    docker.try_("rm", "--force", "--volumes", *NAMES)
    for name in ("dl-net", "dl-net2"):
        docker.try_("network", "rm", name)


@pytest.fixture
def seen(engine: DockerEngine, tmp_path: Path) -> Look:
    def look_at(*, limit: float = 1, **raw: Any) -> Outcome:
        checks = [check(**raw)]
        result = look(checks, lambda: World(engine, tmp_path, Scope(IMAGES)), limit=limit)
        (outcome,) = explain(checks, result.outcomes, result.world)
        assert outcome.status is result.outcomes[0].status
        return outcome

    return look_at


def reaches(network: str = "dl-net", **raw: Any) -> dict[str, Any]:
    return {"network": network, "reaches": [{**ON_NET, **raw}]}


MET = ""

Case = tuple[dict[str, Any], str, str]
"""What is asked; what has to be in what is found, or ``MET``; the diagnosis."""

# A network where three serve, of which dl-b and dl-c share a name, and dl-a asks.
SHOP = [
    "network create --subnet 10.213.91.0/24 dl-net",
    f"run -d --name dl-b --network dl-net --ip 10.213.91.7 --network-alias web --network-alias shared {WEB}",
    f"run -d --name dl-c --network dl-net --ip 10.213.91.8 --network-alias shared --network-alias dl-b.shop {WEB}",
]
HOSTS = "--add-host shop.example:10.213.91.7 --add-host wrong:10.9.8.7"
ASKS = f"run -d --name dl-a --network dl-net {HOSTS}"
IN_SHOP: list[Case] = [
    (reaches(), MET, ""),
    (reaches(port="80"), MET, ""),
    (reaches(by_name="web", port="80"), MET, ""),
    (reaches(by_name="shop.example", port="80"), MET, ""),
    (reaches(to=["dl-b", "dl-c"], by_name="shared", port="80"), MET, ""),
    (reaches(port="81", reached="false"), MET, ""),
    ({"http": "dl-b:80", "path": "/passwd", "from": "dl-a", "status": "200", "body": {"contains": "root"}}, MET, ""),
    ({"http": "dl-b:80", "path": "/none", "from": "dl-a", "by_name": "shop.example", "status": "404"}, MET, ""),
    ({"tcp": "dl-b:80", "from": "dl-a"}, MET, ""),
    (reaches(reached="false"), "it does: in dl-a the name dl-b leads to dl-b", ""),
    (reaches(port="80", reached="false"), "it does", ""),
    (reaches(by_name="shared", reached="false"), "it does", ""),
    (reaches(by_name="dl-c"), "it is the name of dl-c", "another container has the name"),
    (reaches(by_name="shared"), "10.213.91.8, too: on dl-net it is the name of dl-c", "another container has the name"),
    (reaches(to=["dl-b", "dl-c"], by_name="web"), "that name does not lead to dl-c", ""),
    (reaches(by_name="wrong"), "a line of /etc/hosts says that wrong is 10.9.8.7", "a line in the hosts file"),
    (reaches(by_name="localhost"), "127.0.0.1: to dl-a itself", "its own loopback"),
    (reaches(port="81"), "its program listens on 80", "listens on another port"),
    ({"http": "dl-b:8080", "from": "dl-a"}, "its program listens on 80", "listens on another port"),
    ({"tcp": "dl-b:80", "from": "dl-a", "by_name": "dl-c"}, "it is the name of dl-c", "another container has the name"),
    ({"http": "dl-b:80", "path": "/none", "from": "dl-a", "status": "200"}, "status 404", ""),
    ({"http": "dl-b:80", "path": "/passwd", "from": "dl-a", "body": "no"}, "it answers with", ""),
]  # fmt: skip
NO_SUCH_NAME: Case = (reaches(by_name="db"), "there dl-b is called", "not a name of it")

SCENES: dict[str, tuple[list[str], list[Case]]] = {
    "a network": (
        [*SHOP, f"{ASKS} {SLEEP}"], [*IN_SHOP, NO_SUCH_NAME, (reaches(by_name="db", reached="false"), MET, "")],
    ),
    "without rights": ([*SHOP, f"{ASKS} -u 1000 --read-only --cap-drop ALL {SLEEP}"], IN_SHOP[:10]),
    "without a shell": ([*SHOP, f"{ASKS} {SLEEP}", "exec dl-a rm /bin/sh /bin/ash"], [*IN_SHOP, NO_SUCH_NAME]),
    "without wget": ([*SHOP, f"{ASKS} {SLEEP}", "exec dl-a rm /bin/wget"], IN_SHOP[1:7]),
    "without nc": ([*SHOP, f"{ASKS} {SLEEP}", "exec dl-a rm /bin/nc"], IN_SHOP[1:7]),
    "a search domain that goes first": (
        [*SHOP, f"{ASKS} --dns-search shop --dns-option ndots:1 {SLEEP}"],
        [(reaches(), "it is the name of dl-c", "another container has the name")],
    ),
    "an internal network, joined later, renamed": (
        ["network create --internal dl-net", f"run -d --name other {WEB}", f"run -d --name dl-a {SLEEP}",
         "network connect --alias db dl-net other", "network connect dl-net dl-a", "rename other dl-b"],
        [(reaches(port="80"), MET, ""), (reaches(by_name="db"), MET, ""),
         ({"http": "dl-b:80", "path": "/passwd", "from": "dl-a", "by_name": "db", "status": "200"}, MET, "")],
    ),
    "two networks": (
        [*PAIR, "network create dl-net2", "network connect --alias db dl-net2 dl-b", "network connect dl-net2 dl-a"],
        [(reaches(port="80"), MET, ""), (reaches("dl-net2", by_name="db"), MET, ""),
         (reaches(by_name="db"), "not an address of dl-b there", ""),
         ({"tcp": "dl-b:80", "from": "dl-a", "by_name": "db"}, MET, "")],
    ),
    "the default bridge": (
        [f"run -d --name dl-b -p 18230:80 {WEB}", f"run -d --name dl-a {SLEEP}"],
        [(reaches("bridge"), "share only the network bridge", "the default bridge has no names"),
         (reaches("bridge", reached="false"), MET, ""),
         ({"http": "dl-b:80", "from": "dl-a"}, "share only the network bridge", "the default bridge has no names")],
    ),
    "a link on the default bridge": (
        [f"run -d --name dl-b {WEB}", f"run -d --name dl-a --link dl-b:db {SLEEP}"],
        [(reaches("bridge", by_name="db", port="80"), MET, ""),
         (reaches("bridge", by_name="db", port="81"), "its program listens on 80", "listens on another port")],
    ),
    "networks of other containers": (
        [NET, f"run -d --name dl-c --network dl-net {SLEEP}",
         f"run -d --name dl-b --network container:dl-c {BOX} httpd -f -p 127.0.0.1:80 -h /etc",
         f"run -d --name dl-a --network container:dl-c {SLEEP}", f"run -d --name other --network dl-net {SLEEP}"],
        [(reaches(by_name="dl-c"), MET, ""),
         ({"http": "dl-b:80", "path": "/passwd", "from": "dl-a", "by_name": "localhost", "status": "200"}, MET, ""),
         (reaches(by_name="dl-c", port="80"), "80 is open on 127.0.0.1 only", "bound to its own loopback"),
         (reaches(), "there dl-c is called dl-c", "not a name of it")],
    ),
    "a network of another container, without a shell": (
        [*PAIR[:2], f"run -d --name dl-c --network dl-net {SLEEP}",
         f"run -d --name dl-a --network container:dl-c {SLEEP}", "exec dl-a rm /bin/sh /bin/ash"],
        [(reaches(port="80"), MET, ""), ({"http": "dl-b:80", "path": "/passwd", "from": "dl-a"}, MET, "")],
    ),
    "apart": (
        [*PAIR[:2], f"run -d --name dl-a {SLEEP}"],
        [(reaches(), "dl-a is on bridge, dl-b on dl-net", "not on the same network"),
         (reaches(reached="false"), MET, ""),
         ({"tcp": "dl-b:80", "from": "dl-a"}, "they share no network", "not on the same network"),
         ({"http": "dl-b:80", "path": "/passwd", "from": "dl-b", "status": "200"}, MET, "")],
    ),
    "on no network": (
        [*PAIR[:2], f"run -d --name dl-a --network none {SLEEP}"],
        [(reaches(), "they share no network", "not on the same network")],
    ),
    "on the host's network": (
        [*PAIR[:2], f"run -d --name dl-a --network host {SLEEP}"],
        [(reaches(), "they share no network", "not on the same network")],
    ),
    "the one that is asked has ended": (
        [*PAIR, "kill dl-b"],
        [(reaches(), "dl-b has ended", "the other one does not run"),
         (reaches(reached="false"), "dl-b has ended", ""),
         ({"http": "dl-b:80", "from": "dl-a"}, "has ended", "ended 137")],
    ),
    "the one that is asked is paused": (
        [*PAIR, "pause dl-b"], [(reaches(port="80"), "is paused", "the other one does not run")],
    ),
    "the one that asks has ended": (
        [*PAIR, "kill dl-a"],
        [(reaches(), "dl-a has ended", ""), ({"http": "dl-b:80", "from": "dl-a"}, "dl-a has ended", "")],
    ),
    "one is missing": (
        [NET, PAIR[2]],
        [(reaches(), "there is none", ""), ({"tcp": "dl-a:80", "from": "dl-b"}, "there is none", "")],
    ),
    "bound to its own loopback": (
        [NET, f"run -d --name dl-b --network dl-net {BOX} httpd -f -p 127.0.0.1:80", PAIR[2]],
        [(reaches(port="80"), "80 is open on 127.0.0.1 only", "bound to its own loopback"),
         ({"http": "dl-b:80", "from": "dl-a"}, "80 is open on 127.0.0.1 only", "bound to its own loopback")],
    ),
    "nobody listens": (
        [NET, f"run -d --name dl-b --network dl-net {SLEEP}", PAIR[2]],
        [(reaches(port="80"), "no program in dl-b listens", "nobody listens"),
         ({"tcp": "dl-b:80", "from": "dl-a"}, "no program in dl-b listens", "nobody listens")],
    ),
    "it comes up after a while": (
        [NET, PAIR[2], f"run -d --name dl-b --network dl-net {BOX} sh -c sleep%1;httpd%-f%-p%80"],
        [(reaches(port="80"), MET, "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENES)
def test_who_reaches_whom(hands: Docker, seen: Look, tmp_path: Path, name: str) -> None:
    lines, cases = SCENES[name]
    play(hands, lines, tmp_path)
    before = things(hands.host)
    for asked, words, diagnosis in cases:
        # What does not come is not waited for; what comes may take its time on a busy machine.
        outcome = seen(**asked, limit=1 if words else 20)
        assert outcome.status is (Status.UNMET if words else Status.MET), (asked, outcome)
        assert words in outcome.found, (asked, outcome)
        assert outcome.diagnosis == diagnosis, (asked, outcome)
    assert things(hands.host) == before
