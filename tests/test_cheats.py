"""Cheats that need no author: which ones there are for what a solution has left behind, and what they are made of."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from dockerlearn.author.cheats import Cheat, Group, Left, groups
from dockerlearn.author.decoy import Decoy
from dockerlearn.checks.base import Noun
from dockerlearn.checks.container import Container
from dockerlearn.checks.exec import Exec
from dockerlearn.checks.file import File
from dockerlearn.checks.http import Http
from dockerlearn.checks.image import Image
from dockerlearn.checks.matchers import Match
from dockerlearn.checks.vocabulary import Check
from dockerlearn.course.models import Step
from dockerlearn.engine.snapshots import Binding, ContainerSnapshot, Membership, Mount
from tests.fake_engine import make_container

IMAGES = {"busybox": "busybox:1.36"}


def container(**fields: Any) -> ContainerSnapshot:
    return make_container("dl-web", **{"argv": ("sleep", "60"), **fields})


def step(*checks: Noun, task: str = "Do it.") -> Step:
    return Step(id="s", title="S", check=cast("list[Check]", list(checks)), task=task)


def left(*made: ContainerSnapshot, folder: Path = Path("/nonexistent"), **fields: Any) -> Left:
    plain = Left(up=made, made=made, named={}, others=(), folder=folder, images=IMAGES, shells=frozenset({"dl-web"}))
    return msgspec.structs.replace(plain, **fields)


def all_of(found: Any) -> list[Cheat]:
    return [cheat for group in found for cheat in group.cheats]


def names(found: Any) -> list[str]:
    return [cheat.name for cheat in all_of(found)]


ALWAYS = ["dl-web paused", "dl-web only created", "dl-web crashes after a moment"]


def test_what_a_check_asks_for_says_which_lies_there_are() -> None:
    plain = Container(container="dl-web", running=True)
    assert names(groups(step(plain), left(container()))) == ALWAYS
    logs = Container(container="dl-web", running=True, logs="ready")
    assert names(groups(step(logs), left(container()))) == [*ALWAYS, "dl-web with another command"]
    beside = Exec(exec="dl-web", command="true")
    assert names(groups(step(plain, beside), left(container()))) == ALWAYS
    image = Container(container="dl-web", running=True, image="busybox")
    assert names(groups(step(image), left(container()))) == [*ALWAYS, "dl-web from another image"]


def test_what_the_task_asks_for_counts_where_the_check_is_silent() -> None:
    """That is what an author forgets."""
    plain = Container(container="dl-web", running=True)
    told = step(plain, task="Run `while true; do date; done` from busybox:1.36.")
    found = names(groups(told, left(container(argv=("sh", "-c", "while true; do date; done")))))
    assert found == [*ALWAYS, "dl-web with another command", "dl-web from another image"]


def test_without_a_shell_no_other_command_can_be_run() -> None:
    logs = Container(container="dl-web", running=True, image="busybox", logs="ready")
    found = names(groups(step(logs), left(container(), shells=frozenset())))
    assert found == ["dl-web paused", "dl-web only created", "dl-web from another image"]


def test_where_nothing_can_be_paused_nothing_is() -> None:
    plain = Container(container="dl-web", running=True)
    assert names(groups(step(plain), left(container(), made=(), pausable=False))) == []


def test_what_only_came_to_run_again_is_paused_and_not_made_anew() -> None:
    plain = Container(container="dl-web", running=True)
    assert names(groups(step(plain), left(container(), made=()))) == ["dl-web paused"]
    assert names(groups(step(plain), left())) == []


def test_a_server_beside_it_answers_at_the_published_port() -> None:
    served = container(
        published={"80/tcp": (Binding("0.0.0.0", 8080), Binding("::", 8080))}, asked={"80/tcp": (Binding("", 8080),)}
    )
    found = all_of(groups(step(Http(http="dl-web:80")), left(served)))
    beside = next(cheat for cheat in found if cheat.name == "a server beside dl-web")
    assert beside.ports == (8080,)
    assert "--publish" not in beside.script
    assert "--publish 8080:80/tcp" in next(cheat for cheat in found if "another command" in cheat.name).script
    inside = Http(http="dl-web:80", from_="dl-client")
    assert "a server beside dl-web" not in names(groups(step(inside), left(served)))


def test_the_control_is_the_same_without_a_lie() -> None:
    there = container(
        image_id="sha256:1", argv=("httpd", "-f"), env={"A": "1 2"}, labels={"l": "v"}, user="1000", workdir="/www",
        mounts=(
            Mount("volume", "/var/lib/x", "/data", True, name="dl-data"),
            Mount("bind", "/home/me/site", "/www", False),
            Mount("volume", "/var/lib/y", "/cache", False, name="f" * 64, anonymous=True),
            Mount("tmpfs", "", "/run", False),
        ),
        networks=(
            Membership("dl-net", "1", "10.0.0.2", frozenset({"web", "dl-web"})),
            Membership("dl-more", "2", None, frozenset()),
        ),
        network_mode="dl-net", asked={"80/tcp": (Binding("127.0.0.1", 8080),)}, restart_policy="on-failure",
        restart_max=3, memory=1024, cpus=0.5, init=True, cap_drop=frozenset({"ALL"}),
    )  # fmt: skip
    control = next(group for group in groups(step(Container(container="dl-web")), left(there)) if group.control).control
    assert control.splitlines()[0] == "docker rm -f dl-web"
    assert control.splitlines()[2:] == ["docker network connect dl-more dl-web", "docker start dl-web"]
    words = shlex.split(control.splitlines()[1])
    assert words[:4] == ["docker", "create", "--name", "dl-web"]
    assert words[-4:] == ["--entrypoint", "httpd", "sha256:1", "-f"]
    told = " ".join(words)
    for option in (
        "--network dl-net", "--network-alias web", "--volume dl-data:/data:ro", "--volume /home/me/site:/www",
        "--volume /cache", "--tmpfs /run", "--env A=1 2", "--label l=v", "--user 1000", "--workdir /www",
        "--publish 127.0.0.1:8080:80/tcp", "--restart on-failure:3", "--memory 1024", "--cpus 0.5", "--init",
        "--cap-drop ALL",
    ):  # fmt: skip
        assert option in told, option


def test_files_that_were_put_into_it_come_along() -> None:
    """But where the lie is another command: what that one would have written is its own to write."""
    asked = Container(
        container="dl-web", running=True, image="busybox", logs="ready",
        files={"/note": "red", "/data/kept": "any", "/none": "none", "/other": Match(not_="x")},
    )  # fmt: skip
    there = container(mounts=(Mount("volume", "/var/lib/x", "/data", True, name="dl-data"),))
    (group,) = (group for group in groups(step(asked), left(there)) if group.control)
    back = 'docker cp - dl-web:/ < "$HOME/.dl-cheat-kept-0"'
    assert group.control.splitlines()[0] == 'docker cp dl-web:/note - > "$HOME/.dl-cheat-kept-0"'
    assert group.control.count("docker cp") == 2
    assert back in group.control
    carried = {cheat.name: back in cheat.script for cheat in group.cheats}
    assert carried == {
        "dl-web only created": True,
        "dl-web crashes after a moment": True,
        "dl-web with another command": False,
        "dl-web from another image": True,
    }
    locked = groups(step(asked), left(msgspec.structs.replace(there, read_only=True)))
    assert not any("docker cp" in group.control for group in locked)


def test_an_image_that_was_named_is_exchanged_and_put_back() -> None:
    checked = step(Image(image="dl-app:v1"))
    named = {"docker.io/library/dl-app:v1": "sha256:new"}
    found = all_of(groups(checked, left(named=named, others=("sha256:other",))))
    assert [cheat.name for cheat in found] == ["an empty image called dl-app:v1", "another image called dl-app:v1"]
    assert found[1].script == "docker tag sha256:other docker.io/library/dl-app:v1"
    assert all(cheat.undo.startswith("docker tag sha256:new docker.io/library/dl-app:v1") for cheat in found)
    assert names(groups(checked, left(named=named))) == ["an empty image called dl-app:v1"]
    assert names(groups(step(Image(image="dl-app:v1", absent=True)), left(named=named))) == []
    assert names(groups(step(Image(image="dl-other")), left(named=named))) == []


def test_a_file_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("hello")
    (tmp_path / "empty").write_text("")
    assert names(groups(step(File(file="page", content="hello")), left(folder=tmp_path))) == ["page empty"]
    # Whether it is there was all that was asked; an empty one is.
    for check in (File(file="page"), File(file="page", absent=True), File(file="empty", content=""), File(file="none")):
        assert names(groups(step(check), left(folder=tmp_path))) == []


def test_only_what_is_made_anew_needs_a_control() -> None:
    found: list[Group] = list(groups(step(Container(container="dl-web", running=True)), left(container())))
    assert [bool(group.control) for group in found] == [False, True]


@pytest.fixture
def server() -> Any:
    """Somebody who answers once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_decoy_answers_as_was_answered_before(server: socket.socket) -> None:
    import threading

    def answer() -> None:
        asked, _ = server.accept()
        with asked:
            asked.recv(1000)
            asked.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

    port = server.getsockname()[1]
    thread = threading.Thread(target=answer)
    thread.start()
    decoy = Decoy(port)
    thread.join()
    server.close()
    decoy.open()
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as asking:
            asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert asking.recv(1000) == b"HTTP/1.0 200 OK\r\n\r\nhello"
    decoy.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
