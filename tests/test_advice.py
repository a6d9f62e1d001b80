"""Advice on the docker client's command line, on what real clients printed (``tests/recorded/slips-*.json``)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from dockerlearn.diagnose.advice import advise as module
from dockerlearn.diagnose.advice.advise import advise
from dockerlearn.diagnose.advice.docker_line import read_docker
from dockerlearn.diagnose.advice.slip import Slip
from dockerlearn.engine.snapshots import Binding
from dockerlearn.errors import EngineSilent
from dockerlearn.world.command_line import LONGEST, read
from dockerlearn.world.world import Scope, World
from tests.fake_engine import FakeEngine
from tests.slips import SLIPS, Typed, fake_world

RECORDED = {
    path.stem.removeprefix("slips-"): json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "recorded").glob("slips-*.json"))
}


def world(engine: FakeEngine | None = None, folder: Path = Path("/nonexistent")) -> World:
    return World(engine or fake_world(), folder, Scope())


@pytest.mark.parametrize("client", RECORDED)
@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.line)
def test_each_slip_with_each_client(client: str, slip: Typed) -> None:
    code, printed = RECORDED[client][slip.line]
    engine = fake_world()
    if (slip.command or "").startswith("docker rm dl-x"):  # what the failed command has left behind
        engine.add("dl-x", status="created", running=False, started=None)
    advice = advise(slip.line, code, printed, world(engine))
    assert (advice and advice.name) == slip.advice, (code, printed, advice)
    if advice is not None and slip.command is not None:
        assert advice.command == slip.command
    if advice is not None:
        assert advice.say.endswith((".", ":"))
        assert len(advice.say) < 300
        assert "\x1b" not in advice.say


def test_every_rule_has_a_slip() -> None:
    heard = set()
    for said in RECORDED.values():
        for slip in SLIPS:
            code, printed = said[slip.line]
            for rule in module.FAILED if code else module.DONE:
                if advise(slip.line, code, printed, world()) and _speaks(rule, slip.line, code, printed):
                    heard.add(rule)
                    break
    assert {rule.__name__ for rule in {*module.FAILED, *module.DONE} - heard} == set(UNRECORDED)


# What no client here can be brought to print, and what was not typed when they were recorded; shown below by the words
# that they would print.
UNRECORDED = {"no_engine", "spaced_value"}


def _speaks(rule: module.Rule, line: str, code: int, printed: str) -> bool:
    cut = read(line)
    return any(
        rule(Slip(cut, command, read_docker(command), code, printed, world())) is not None for command in cut.commands
    )


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        ("Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?", "no engine"),
        ("permission denied while trying to connect to the Docker daemon socket at unix:///x", "not allowed"),
    ],
)
def test_without_an_engine(printed: str, advice: str) -> None:
    found = advise("docker ps", 1, printed)
    assert found is not None
    assert found.name == advice


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        ("toomanyrequests: You have reached your pull rate limit.", "pull limit"),
        ("manifest for x:nope not found: manifest unknown: manifest unknown", "no such tag"),
        ("pull access denied for x, repository does not exist or may require 'docker login'", "no such repository"),
    ],
)
def test_what_a_registry_says(printed: str, advice: str) -> None:
    said = f"Unable to find image 'zzzz:nope' locally\ndocker: Error response from daemon: {printed}.\n"
    found = advise("docker run zzzz:nope", 125, said, world())
    assert found is not None
    assert found.name == advice


@pytest.mark.parametrize("client", RECORDED)
@pytest.mark.parametrize(
    ("line", "command"),
    [
        (
            "docker run -d --name dl-x -e HUT=Ridge zzzzzz -p 18090:80 busybox:1.36 true",
            "docker run -d --name dl-x -e 'HUT=Ridge zzzzzz' -p 18090:80 busybox:1.36 true",
        ),
        ("docker create -eA=b zzzzzz of c busybox:1.36", "docker create '-eA=b zzzzzz of c' busybox:1.36"),
        ("docker run --label=a=b zzzzzz --rm tool", "docker run '--label=a=b zzzzzz' --rm tool"),
        ("docker run -e A=b zzzzzz", None),
        ("docker run -e A=b zzzzzz -d", None),
        ("docker run -e A=b zzzzzz true", None),
        ("docker run -e A zzzzzz -d tool", None),
        ("docker run -e A=b --rm zzzzzz -d tool", None),
    ],
)
def test_a_value_that_ends_at_a_space(client: str, line: str, command: str | None) -> None:
    code, printed = RECORDED[client]["docker run --rm zzzzzz true"]
    found = advise(line, code, printed, world())
    assert found is None or (found.name == "value with a space") == (command is not None)
    if command is not None:
        assert found is not None
        assert found.command == command


NOT_GOT = """\
Dockerfile:3
--------------------
   2 |     FROM busybox:1.36
   3 | >>> COPY {}
--------------------
ERROR: failed to build: failed to solve: {}
"""
"""As the BuildKit of Engine 28.5 prints it, the end."""


def test_a_stage_that_copies_from_itself_is_there() -> None:
    said = advise("docker build .", 1, "invalid from flag value build: refers to current build stage\n", world())
    assert said is None or said.name != "no such stage"


@pytest.mark.parametrize(
    ("copied", "solve", "advice"),
    [
        ("--chmod=755 --from=biuld /a /b", "biuld: failed to resolve source metadata for x: not found", True),
        ("--from=nginx:1.27 /a /b", "nginx:1.27: failed to resolve source metadata for x: not found", False),
        ("--from=build /a /b", 'failed to compute cache key: failed to calculate checksum: "/a": not found', False),
    ],
)
def test_from_which_stage_the_newest_builder_could_not_copy(copied: str, solve: str, advice: bool) -> None:
    said = advise("docker build .", 1, NOT_GOT.format(copied, solve), world())
    assert (said is not None and said.name == "no such stage" and "FROM … AS biuld" in said.say) == advice


PULLED = "Unable to find image 'busybox:1.36' locally\n1.36: Pulling from library/busybox\nStatus: Downloaded\n"


@pytest.mark.parametrize(
    ("line", "code", "printed"),
    [
        # Pulled, and then a shell in which the last word was none.
        ("docker run -it --name dl-x busybox:1.36", 127, f"{PULLED}/ # dl hint\r\nsh: dl: not found\r\n/ # \r\n"),
        ("docker run --rm busybox:1.36 cat log", 1, "Error response from daemon: No such container: dl-wbe\n"),
        ("docker run --rm busybox:1.36 cat log", 1, "Cannot connect to the Docker daemon at unix:///x.sock. \n"),
        ("docker exec -it dl-web sh", 1, "# cat log\nError response from daemon: No such container: dl-web\n"),
        ("docker exec dl-web cat log", 1, "it said: manifest unknown, No such image: busybox:1.36\n"),
    ],
)
def test_what_a_program_in_a_container_prints_are_not_the_clients_words(line: str, code: int, printed: str) -> None:
    assert advise(line, code, printed, world()) is None


def test_a_client_that_pulled_is_heard_all_the_same() -> None:
    line = "docker run --name dl-x busybox:1.36 nosuchprog"
    refusal = RECORDED["28.5"]["docker run --rm busybox:1.36 nosuchprog"][1]
    found = advise(line, 127, PULLED + refusal, world())
    assert found is not None
    assert found.name == "no such program"


def test_of_several_commands_the_one_that_was_refused_is_advised_on() -> None:
    said = RECORDED["20.10"]["docker strat dl-job"][1]
    found = advise("docker ps && docker strat dl-job; echo done", 1, said, world())
    assert found is not None
    assert found.command == "docker start dl-job"


def test_a_program_of_the_image_may_have_options_of_its_own() -> None:
    assert advise("docker run --rm tool -d --name x", 0, "", world()) is None
    assert advise("docker run --rm busybox:1.36 sh -c 'exit 1' --name x", 1, "", world()) is None
    assert advise("docker run --rm busybox:1.36 grep -d x", 1, "", world()) is None


def test_an_engine_that_cannot_be_asked_costs_the_names_only() -> None:
    engine = fake_world()
    engine.failure = EngineSilent("no answer")
    code, printed = RECORDED["20.10"]["docker stop -t 0 dl-wbe"]
    found = advise("docker stop -t 0 dl-wbe", code, printed, world(engine))
    assert found is not None
    assert (found.name, found.command) == ("no such container", None)


def test_a_port_that_is_proposed_is_free() -> None:
    engine = fake_world()
    engine.add("next", published={"80/tcp": (Binding("0.0.0.0", 18081),)})
    line = "docker run -p 18080:80 busybox:1.36 true"
    found = advise(line, 125, "Bind for 0.0.0.0:18080 failed: port is already allocated", world(engine))
    assert found is not None
    assert found.command == line.replace("18080", "18082")
    assert "by the container dl-port" in found.say


def test_what_is_quoted_stays_as_it_was_typed() -> None:
    line = 'docker run -name dl-x -e "A=a  b" busybox:1.36 echo \'x  $Y\' "z"'
    found = advise(line, 125, "unknown shorthand flag: 'n' in -name", world())
    assert found is not None
    assert found.command == line.replace("-name", "--name")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("docker run  -d\timg", [["docker", "run", "-d", "img"]]),
        ("a 'b c' \"d 'e'\" f\\ g", [["a", "b c", "d 'e'", "f g"]]),
        ("a&&b||c;d|e&", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("a $(b c) d", [["a", "$(b c)", "d"]]),
        ("a > x 2>&1 < y b", [["a", "b"]]),
        ("a # docker ps", [["a"]]),
        ("a\\\n b", [["a", "b"]]),
        ("", []),
        ("  ;  ", []),
    ],
)
def test_words(line: str, words: list[list[str]]) -> None:
    assert [[word.text for word in command.words] for command in read(line).commands] == words


def test_a_word_knows_its_place() -> None:
    text = "docker  run 'a b' c"
    for command in read(text).commands:
        for word in command.words:
            assert text[word.start : word.end].strip("'") == word.text


@pytest.mark.parametrize(
    ("line", "action", "options", "arguments"),
    [
        ("docker run -itd --name x -p8080:80 -e A=b img cmd -x", "run",
         ["-i", "-t", "-d", "--name", "-p", "-e"], ["img", "cmd", "-x"]),
        ("docker container run --rm=true img", "run", ["--rm"], ["img"]),
        ("sudo DOCKER_HOST=x docker -H y ps -a", "ps", ["-a"], []),
        ("docker rm x -f", "rm", ["-f"], ["x"]),
        ("docker logs -f --tail 5 x", "logs", ["-f", "--tail"], ["x"]),
        ("docker network connect --alias db net x", "network connect", ["--alias"], ["net", "x"]),
        ("docker image rm x", "rmi", [], ["x"]),
        ("docker run -- img", "run", [], ["img"]),
        ("docker", "", [], []),
    ],
)  # fmt: skip
def test_a_docker_line(line: str, action: str, options: list[str], arguments: list[str]) -> None:
    found = read_docker(read(line).commands[0])
    assert found is not None
    assert found.action == action
    assert [option.name for option in found.options] == options
    assert [word.text for word in found.arguments] == arguments


def test_other_programs_are_none_of_dockers() -> None:
    assert read_docker(read("docker-ls ps").commands[0]) is None
    assert advise("make docker", 2, "No such container: x", world()) is None


def test_whatever_is_typed_and_printed_there_is_an_answer() -> None:
    """Pieces of all slips and their outputs in any mixture: no error, nothing that hangs."""
    chance = random.Random(3)
    pieces = [word for slip in SLIPS for word in slip.line.split(" ")] + ["'", '"', "$(", "\\", "", ">", "|", "\x1b[2J"]
    printed = [text for said in RECORDED.values() for _, text in said.values()]
    for _ in range(3000):
        line = " ".join(chance.choices(pieces, k=chance.randint(0, 9)))
        advise(line, chance.choice([0, 1, 2, 125, 126, 127]), chance.choice(printed), world())
    assert advise("docker " + "x " * LONGEST, 1, printed[0]) is None
