"""The command line as a whole, and the ways to an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from dockerlearn.cli.app import commands, run
from dockerlearn.cli.consent import Consents
from dockerlearn.cli.wiring import Wiring, this_command
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.practice import can_start
from dockerlearn.errors import NoEngine
from tests.cli_support import Learner

README = Path(__file__).parent.parent / "README.md"
OFFERED = can_start()


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def leaves(command: Any, path: str = "dockerlearn") -> list[tuple[str, Any]]:
    """Every command that can be typed, with what it is."""
    inside = getattr(command, "commands", {})
    return [(path, command), *(leaf for name, sub in inside.items() for leaf in leaves(sub, f"{path} {name}"))]


ALL = leaves(typer.main.get_command(commands()))


def test_every_command_is_in_the_readme() -> None:
    section = README.read_text().partition("## Commands")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(dockerlearn[a-z ]*[a-z])", section))
    missing = [path for path, command in ALL if path not in told and not hasattr(command, "commands")]
    assert missing == []
    assert told - {path for path, _ in ALL} == set()


def test_every_option_says_what_it_does() -> None:
    for path, command in ALL:
        assert command.help, path
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert getattr(parameter, "help", None), f"{path} {parameter.name}"


def test_every_command_that_reports_has_json() -> None:
    silent = {
        "dockerlearn",
        "dockerlearn author",
        "dockerlearn edit",
        "dockerlearn progress export",
        "dockerlearn author schema",
    }
    for path, command in ALL:
        assert path in silent or "json" in {parameter.name for parameter in command.params}, path


def lost(learner: Learner, *arguments: str, typed: str | None = None) -> tuple[int, str]:
    """Run a command on a machine on which nothing names an engine and none is there; the code and what was told."""
    import io

    from dockerlearn.ui.view import View

    def nothing() -> EngineApi:
        raise NoEngine("There is no engine here.", "systemctl start docker")

    del learner.environ["DOCKER_HOST"]
    err = io.StringIO()
    view = View(io.StringIO(), err, io.StringIO(typed or ""), interactive=typed is not None)
    return run(arguments, Wiring(view, environ=learner.environ, engine=nothing)), err.getvalue()


def test_without_an_engine_the_practice_engine_is_offered(learner: Learner) -> None:
    code, told = lost(learner, "start", typed="n\n")
    assert "There is no engine here." in told
    assert ("Use the practice engine? [y/N]" in told) is OFFERED
    assert code == (2 if OFFERED else 3)


def test_without_a_terminal_it_is_named(learner: Learner) -> None:
    code, told = lost(learner, "start")
    assert code == 3
    assert told.startswith("dockerlearn: There is no engine here.\n  systemctl start docker\n")
    # To an ordinary user without what it takes it is named too: it tells that.
    assert told.count("dockerlearn start --practice") == 1
    assert ("it says what is missing" in told) is not OFFERED


def test_an_author_without_an_engine_is_offered_the_practice_engine_too(learner: Learner) -> None:
    code, told = lost(learner, "author", "prove", "one")
    assert code == 3
    assert told.startswith("dockerlearn: There is no engine here.\n  systemctl start docker\n")
    assert "dockerlearn author prove --practice" in told
    assert "runs every solution" not in told


def test_the_practice_engine_is_not_brought_up_beside_one_that_is_named(learner: Learner) -> None:
    ended = learner("start", "--practice", code=2)
    assert ended.err == (
        "dockerlearn: DOCKER_HOST names another engine (unix:///nonexistent/docker.sock),\n"
        "  which goes before the practice engine.\n  unset DOCKER_HOST\n"
    )


def test_engine_status(learner: Learner) -> None:
    told = learner("engine", "status", "--json", code=0).json
    assert set(told) == {"engine", "practice"}
    assert set(told["engine"]) == {"address", "source", "id", "version", "api_version", "kernel", "export"}
    assert set(told["practice"]) == {"up", "address", "stand_ins", "id", "version", "folder"}
    assert told["practice"]["up"] is False
    assert "Practice engine: not up" in learner("engine", code=0).out
    learner.engine.failure = NoEngine("Gone.", None)
    failed = learner("engine", "--json", code=3)
    assert failed.json["engine"] is None
    assert failed.err == "dockerlearn: Gone.\n"


def test_engine_down_when_none_is_up(learner: Learner) -> None:
    assert learner("engine", "down", "--json", code=0).json["up"] is False
    assert "down --purge --yes" in learner("engine", "down", "--purge", code=2).err


def test_a_remote_engine_is_used_only_after_a_yes(learner: Learner) -> None:
    env: dict[str, str | None] = {"DOCKER_HOST": "tcp://engine.invalid:2375"}
    refused = learner.process("start", env=env)
    assert refused.code == 2
    assert "on another machine" in refused.err
    assert "dockerlearn start --yes" in refused.err
    home = Path(learner.environ["DOCKERLEARN_HOME"])
    assert not (home / "remote-engines").exists()
    # With a yes it is tried; it does not answer, so there is nothing to write down.
    assert learner.process("start", "--yes", env=env).code == 3
    assert not (home / "remote-engines").exists()
    Consents(home).add("tcp://engine.invalid:2375", "ID")
    assert learner.process("start", env=env).code == 3


def test_consent_is_to_one_engine_at_one_address(tmp_path: Path) -> None:
    consents = Consents(tmp_path / "new")
    assert not consents.knows_address("tcp://a:1")
    consents.add("tcp://a:1", "ID:1")
    consents.add("tcp://a:1", "ID:1")
    assert consents.knows_address("tcp://a:1")
    assert consents.knows("tcp://a:1", "ID:1")
    assert not consents.knows("tcp://a:1", "ID:2")
    assert not consents.knows_address("tcp://a:12")
    assert (tmp_path / "new" / "remote-engines").read_text() == "tcp://a:1 ID:1\n"


def test_how_a_script_calls_this_program(tmp_path: Path) -> None:
    other = tmp_path / "dockerlearn"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert str(this_command({"PATH": str(tmp_path)})).endswith(" -m dockerlearn")
    assert str(this_command({"PATH": "/nonexistent"})).endswith(" -m dockerlearn")


def test_a_solution_that_answers_calls_this_program(learner: Learner) -> None:
    learner("start", "one/word", code=0)
    learner.environ["PATH"] = "/usr/bin:/bin"
    script = learner("solution", "--plain", code=0).out
    done = learner.process(command=["sh", "-c", script])
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("✓ Right.")
