"""``command``: what was typed, in mistakes only; and the journal that it is read from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.outcome import Outcome
from dockerlearn.world.journal import KEPT, TEXT, Journal, Typed, split
from dockerlearn.world.world import Scope, World
from tests.fake_engine import FakeEngine
from tests.test_nouns import check, no

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def journal(*lines: str | Typed) -> Journal:
    found = Journal()
    for line in lines:
        found.add(line if isinstance(line, Typed) else Typed(line, NOW, NOW, 0))
    return found


def see(typed: Journal | None, **raw: Any) -> Outcome:
    return check(**raw).look(World(FakeEngine(), Path("/nonexistent"), Scope(), journal=typed))


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("docker ps", (("docker", "ps"),)),
        ("docker run 'a b' \"c d\"", (("docker", "run", "a b", "c d"),)),
        ("docker ps; docker images", (("docker", "ps"), ("docker", "images"))),
        ("docker ps|grep x", (("docker", "ps"), ("grep", "x"))),
        ("docker ps &&docker rm x&", (("docker", "ps"), ("docker", "rm", "x"))),
        ("(docker ps)", (("docker", "ps"),)),
        ("X=$(docker ps -q; true) docker rm 'a(b'", (("docker", "rm", "a(b"),)),
        ("A=1 B= sudo docker ps", (("docker", "ps"),)),
        ("docker run -e A=1 x", (("docker", "run", "-e", "A=1", "x"),)),
        ("docker run \\\n -d x", (("docker", "run", "-d", "x"),)),
        ("docker ps\ndocker images", (("docker", "ps"), ("docker", "images"))),
        ("for x in a; do docker rm $x; done", (("for", "x", "in", "a"), ("docker", "rm", "$x"), ("done",))),
        ("echo 'docker run'", (("echo", "docker run"),)),
        ("docker run 'open", (("docker", "run", "'open"),)),
        ("docker $(rm -rf /)", (("docker", "$(rm -rf /)"),)),
        ("docker ps > out.txt # why", (("docker", "ps"),)),
        ("", ()),
        ("A=1", ()),
    ],
)
def test_a_line_is_split_as_a_shell_would(line: str, commands: tuple[tuple[str, ...], ...]) -> None:
    assert split(line) == commands


@pytest.mark.parametrize(
    ("asked", "line", "met"),
    [
        ({"command": "docker run"}, "docker run -d x", True),
        ({"command": "docker run"}, "/usr/bin/docker run -d x", True),
        ({"command": "docker run"}, "cd x && sudo docker run -d x", True),
        ({"command": "docker run"}, "docker start x", False),
        ({"command": "docker run"}, "echo docker run", False),
        ({"command": "docker run"}, "docker", False),
        ({"command": "docker run", "words": ["-name"]}, "docker run -name x y", True),
        ({"command": "docker run", "words": ["-name"]}, "docker run --name x y", False),
        ({"command": "docker run", "words": ["-name"]}, "docker run -d y; echo -name", False),
        ({"command": "docker", "words": ["build", "."]}, "docker -D build .", True),
        ({"command": "docker run", "matches": "-p [0-9]+ "}, "docker run -p 80 x", True),
        ({"command": "docker run", "matches": "-p [0-9]+ "}, "docker run -p 80:80 x", False),
    ],
)
def test_what_was_typed(asked: dict[str, Any], line: str, met: bool) -> None:
    outcome = see(journal(line), **asked)
    if met:
        assert outcome.met, outcome
    else:
        no(outcome)


def test_the_last_one_of_its_program_counts() -> None:
    typed = journal("docker run -name x y", "ls", "vi Dockerfile")
    assert see(typed, command="docker run", words=["-name"]).met
    typed.add(Typed("docker ps", NOW, NOW, 0))
    no(see(typed, command="docker run", words=["-name"]), "the last was docker ps")


def test_how_it_ended_and_what_it_printed() -> None:
    typed = journal(Typed("docker run x", NOW, NOW, 125, "unknown shorthand flag: 'n' in -name\n"))
    assert see(typed, command="docker run", exit_code="125", prints={"contains": "unknown shorthand"}).met
    no(see(typed, command="docker run", exit_code="0"), "it ended with 125")
    no(see(typed, command="docker run", prints={"contains": "port"}))
    running = journal(Typed("docker run x", NOW))
    no(see(running, command="docker run", exit_code="0"))
    no(see(running, command="docker run", prints={"contains": "x"}))
    no(see(running, command="docker run", prints={"not": "x"}))


def test_without_a_journal_it_never_matches() -> None:
    no(see(None, command="docker"), "nothing of the kind was typed here")


def test_the_journal_is_bounded_and_can_be_emptied() -> None:
    typed = journal(*(f"docker {number}" for number in range(KEPT + 5)))
    assert len(typed._typed) == KEPT
    typed.add(Typed("docker " + "x" * 10_000, NOW, NOW, 0, "y" * 10_000))
    last = typed.latest("docker")
    assert last is not None
    assert (len(last[0].text), len(last[0].printed or "")) == (TEXT, TEXT)
    typed.clear()
    assert typed.latest("docker") is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"command": ""}, "words that one command begins with"),
        ({"command": "docker ps; ls"}, "words that one command begins with"),
        ({"command": "docker", "matches": "("}, "regular expression"),
    ],
)
def test_what_cannot_be_asked(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        check(**raw)
