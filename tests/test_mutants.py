"""A check made looser: each way once, each really looser, nothing that asks for something else."""

from __future__ import annotations

from dockerlearn.author.mutants import mutants
from dockerlearn.checks.base import Noun
from dockerlearn.checks.container import Container
from dockerlearn.checks.containers import Containers, Which
from dockerlearn.checks.dockerfile import Dockerfile
from dockerlearn.checks.exec import Exec
from dockerlearn.checks.http import Http
from dockerlearn.checks.image import Image
from dockerlearn.checks.inside_image import Runs
from dockerlearn.checks.instruction import InstructionWanted
from dockerlearn.checks.matchers import Match
from dockerlearn.checks.network import Network
from dockerlearn.checks.reach import Reach
from dockerlearn.checks.volume import Volume


def ways(*checks: Noun) -> list[str]:
    return [f"{one.field} {one.change}".strip() for one in mutants(checks)]


def test_each_field_is_dropped_and_what_is_wanted_loosened() -> None:
    assert ways(Container(container="dl-a", running=True, image="busybox", user="root")) == [
        "running dropped", "image dropped", "user dropped", "user loosened to any",
    ]  # fmt: skip


def test_each_way_has_its_place_as_an_author_writes_it() -> None:
    checks = [Container(container="dl-a", env={"A": "1", "B": "2"}), Http(http="dl-a:80", headers={"x-a": "b"})]
    assert list(dict.fromkeys(one.where for one in mutants(checks))) == [
        "check[0]", "check[0].env", "check[0].env.A", "check[0].env.B", "check[1]", "check[1].headers",
        "check[1].headers.x-a",
    ]  # fmt: skip


def test_names_time_and_absence_stay() -> None:
    assert ways(Container(container="dl-a", absent=True, within="5s")) == []
    assert ways(Http(http="dl-a:80", path="/x", status="200")) == ["status dropped", "status loosened to any"]


def test_a_check_of_several_is_dropped_whole() -> None:
    both = (Container(container="dl-a"), Container(container="dl-b", absent=True))
    assert [(one.check, one.checks) for one in mutants(both)] == [
        ("check[0] container dl-a", both[1:]),
        ("check[1] container dl-b", both[:1]),
    ]


def test_a_check_that_is_there_twice_is_no_way() -> None:
    """Without one of them the other is left, but the list is another one: dropping either is one and the same."""
    twice = (Container(container="dl-a"), Container(container="dl-a"))
    assert len(mutants(twice)) == 1


def test_parts_of_mappings_matchers_and_lists() -> None:
    assert ways(Container(container="dl-a", env={"A": "1", "B": Match(contains=["x", "y"])})) == [
        "env dropped", "env.A dropped", "env.A loosened to any", "env.B dropped", "env.B loosened to any",
        "env.B.contains[0] dropped", "env.B.contains[1] dropped",
    ]  # fmt: skip
    assert ways(Container(container="dl-a", memory=Match(greater="1m", less="9m"))) == [
        "memory dropped", "memory loosened to any", 'memory[">"] dropped', 'memory["<"] dropped',
    ]  # fmt: skip
    assert ways(Container(container="dl-a", networks=["dl-x", "dl-y"])) == [
        "networks dropped", "networks[0] dropped", "networks[1] dropped",
    ]  # fmt: skip


def test_what_must_not_be_is_not_made_more() -> None:
    """``any`` instead of ``none``, or instead of what is not wanted, would ask for something else."""
    assert ways(Container(container="dl-a", logs="none")) == ["logs dropped"]
    assert ways(Container(container="dl-a", published={"80/tcp": "false"})) == ["published dropped"]
    assert ways(Container(container="dl-a", user=Match(not_="root"))) == ["user dropped"]
    assert ways(Container(container="dl-a", user=Match(not_=Match(one_of=["root", "0"])))) == ["user dropped"]


def test_of_a_dockerfile_what_must_not_be_and_what_comes_first_is_left_out_as_it_is() -> None:
    copies = [InstructionWanted(copy=".", from_="night"), InstructionWanted(run="rm")]
    assert ways(Dockerfile(dockerfile="Dockerfile", has_not=copies[:1])) == ["has_not dropped"]
    assert ways(Dockerfile(dockerfile="Dockerfile", has_not=copies)) == [
        "has_not dropped", "has_not[0] dropped", "has_not[1] dropped",
    ]  # fmt: skip
    # One thing alone has no order.
    assert ways(Dockerfile(dockerfile="Dockerfile", order=copies)) == ["order dropped"]
    assert ways(Dockerfile(dockerfile="Dockerfile", has=copies[:1])) == [
        "has dropped", "has[0].copy loosened to any", "has[0].from dropped", "has[0].from loosened to any",
    ]  # fmt: skip


def test_what_is_run_in_an_image_stays() -> None:
    runs = Runs(command=["id", "-u"], prints="1000")
    assert ways(Image(image="dl-a", runs=runs)) == [
        "runs dropped",
        "runs.prints dropped",
        "runs.prints loosened to any",
    ]


def test_what_a_stage_is_made_from_is_wanted_and_who_asks_is_not() -> None:
    assert ways(Dockerfile(dockerfile="Dockerfile", from_="scratch")) == ["from dropped", "from loosened to any"]
    assert ways(Http(http="dl-a:80", from_="dl-b", status="200")) == ["status dropped", "status loosened to any"]


def test_a_command_is_one_value() -> None:
    assert ways(Container(container="dl-a", command=["sleep", "60"])) == ["command dropped", "command loosened to any"]
    assert ways(Exec(exec="dl-a", command=["cat", "/a"], output="b")) == ["output dropped", "output loosened to any"]


def test_parts_that_are_needed_are_loosened_within() -> None:
    assert ways(Containers(containers=Which(image="busybox", running=True), count="3")) == [
        "containers.image dropped", "containers.running dropped", "count dropped", "count loosened to any",
    ]  # fmt: skip
    assert ways(Containers(containers=Which(image="busybox", running=True), count="0")) == [
        "count dropped", "count loosened to any",
    ]  # fmt: skip
    assert ways(Network(network="dl-n", reaches=[Reach(from_="dl-a", to="dl-b")]))[0] == "reaches dropped"
    assert ways(Volume(volume="dl-v", files={"a": "x", "b": "none"})) == [
        "files dropped", "files.a dropped", "files.a loosened to any", "files.b dropped",
    ]  # fmt: skip


def test_that_a_command_ends_with_0_goes_without_saying() -> None:
    assert ways(Exec(exec="dl-a", command="test -f /a", exit_code="0")) == []
    assert "exit_code dropped" in ways(Exec(exec="dl-a", command="test -f /a", exit_code="1"))
    assert "exit_code dropped" in ways(Exec(exec="dl-a", command="cat /a", exit_code="0", output="b"))
    assert ways(Image(image="dl-a:v1", runs=Runs(command="true", exit_code="0"))) == ["runs dropped"]


def test_what_a_part_objects_to_is_left_out() -> None:
    """A matcher that wants nothing does not exist."""
    assert ways(Image(image="dl-a", size=Match(less="20MB"))) == ["size dropped", "size loosened to any"]


def test_nothing_to_check_is_no_mutant() -> None:
    assert mutants([]) == ()
    assert mutants([Container(container="dl-a")]) == ()
    assert all(one.checks for one in mutants([Container(container="dl-a", running=True), Image(image="dl-b")]))


def test_words_for_a_pattern_want_nothing_that_could_be_left_out() -> None:
    spoken = Match(matches="^1", not_="10", means="a one and no ten")
    assert ways(Container(container="dl-a", logs=spoken)) == ways(
        Container(container="dl-a", logs=Match(matches="^1", not_="10"))
    )
