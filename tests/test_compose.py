"""Reading Compose files, and the noun ``compose``: each field says yes and no, however a thing is written."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.compose import Compose, DeclaredWanted, ServiceWanted
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.world import compose_file
from dockerlearn.world.compose_file import Broken, ComposeFile, NotRead
from dockerlearn.world.interpolation import CannotExpand, expand
from dockerlearn.world.world import Scope, World
from tests.compose_samples import FILES, SAMPLES, told, web
from tests.dockerfile_samples import recorded
from tests.fake_engine import FakeEngine

CONFIG = json.loads((Path(__file__).parent / "recorded" / "compose-2.40.config.json").read_text())
TOP = "volumes: {data: {}, more: {}}\nnetworks: {front: {}, back: {}}\n"


def noun(**raw: Any) -> Compose:
    return msgspec.convert({"noun": "compose", "compose": "compose.yaml", **raw}, Compose, strict=False)


def seen(tmp_path: Path, text: str, /, dotenv: str = "", **raw: Any) -> Outcome:
    (tmp_path / "compose.yaml").write_text(text)
    (tmp_path / ".env").write_text(dotenv)
    return noun(**raw).look(World(FakeEngine(), tmp_path, Scope({"nginx": "nginx:1.27"})))


def no(outcome: Outcome, *words: str) -> None:
    assert outcome.status is Status.UNMET, outcome
    assert outcome.expected
    assert outcome.found
    for word in words:
        assert word in outcome.found, outcome


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_read_is_what_compose_says(name: str) -> None:
    """``two documents`` is the one sample that Compose takes and we say we do not read."""
    text, dotenv = SAMPLES[name]
    found = compose_file.read(text, {**FILES, ".env": dotenv}.get)
    if name == "two documents":
        assert isinstance(found, NotRead)
        return
    assert isinstance(found, Broken) == (CONFIG[name] is None), found
    if isinstance(found, ComposeFile):
        assert json.loads(recorded({name: told(found)}))[name] == CONFIG[name]


def test_every_sample_was_recorded() -> None:
    assert set(CONFIG) == set(SAMPLES)
    assert 20 < sum(said is None for said in CONFIG.values()) < len(SAMPLES) - 40


# what is asked of a service: ways to write it; and what it is not
SERVICES: list[tuple[dict[str, Any], list[list[str]], list[list[str]]]] = [
    (
        {"image": "nginx"},
        [["image: nginx:1.27"], ["image: docker.io/library/nginx:1.27"], ["image: nginx:${V:-1.27}"], ["image: *i"]],
        [["image: nginx"], ["image: nginx:1.26"], ["build: ."]],
    ),
    ({"image": "none"}, [["build: ."]], [["image: nginx:1.27"]]),
    (
        {"build": "./app"},
        [["build: app"], ["build: ./app"], ["build: app/"], ["build: {context: ./app}"], ["build: ${D:-app}"]],
        [["build: ."], ["image: app"]],
    ),
    ({"build": "."}, [["build: ."], ["build: ./"], ["build: {target: x}"]], [["build: app"]]),
    ({"target": "run"}, [["build: {context: ., target: run}"]], [["build: ."], ["build: {target: build}"]]),
    (
        {"command": ["python", "app.py"]},
        [["image: a", "command: python app.py"], ["image: a", "command: [python, app.py]"]],
        [["image: a"], ["image: a", "command: python -m app.py"], ["image: a", "command: ['python app.py']"]],
    ),
    ({"command": "none"}, [["image: a"], ["image: a", "command: []"]], [["image: a", "command: x"]]),
    (
        {"entrypoint": {"contains": "sh"}},
        [["image: a", "entrypoint: sh -c"], ["image: a", "entrypoint: [sh]"]],
        [["image: a", "command: sh"]],
    ),
    (
        {"environment": {"PORT": "8000", "DEBUG": "none"}},
        [
            ["image: a", "environment: {PORT: 8000}"],
            ["image: a", "environment: [PORT=8000]"],
            ["image: a", "environment: ['PORT=${P:-8000}']"],
            ["image: a", "environment: {<<: *e}"],
        ],
        [
            ["image: a", "environment: {PORT: 80}"],
            ["image: a", "environment: [PORT]"],
            ["image: a", "environment: {PORT: 8000, DEBUG: 1}"],
            ["image: a", "labels: {PORT: 8000}"],
        ],
    ),
    (
        {"labels": {"team": "a"}},
        [["image: a", "labels: {team: a}"], ["image: a", "labels: [team=a]"]],
        [["image: a", "environment: {team: a}"]],
    ),
    (
        {"ports": {"80": "8080"}},
        [
            ["image: a", "ports: ['8080:80']"],
            ["image: a", "ports: ['127.0.0.1:8080:80/tcp', '1:2']"],
            ["image: a", "ports: [{target: 80, published: 8080}]"],
            ["image: a", "ports: ['8079-8081:79-81']"],
            ["image: a", "ports: ['${P:-8080}:80']"],
        ],
        [
            ["image: a"],
            ["image: a", "ports: ['80:8080']"],
            ["image: a", "ports: ['80']"],
            ["image: a", "ports: ['8080:80/udp']"],
            ["image: a", "expose: ['80']"],
        ],
    ),
    ({"ports": {"5432": "none"}}, [["image: a"], ["image: a", "expose: [5432]"]], [["image: a", "ports: [5432]"]]),
    ({"ports": "none"}, [["image: a"]], [["image: a", "ports: [80]"]]),
    ({"ports": "any"}, [["image: a", "ports: [80]"]], [["image: a"]]),
    (
        {"volumes": {"/data": "data"}},
        [
            ["image: a", "volumes: ['data:/data']"],
            ["image: a", "volumes: ['data:/data/:rw']"],
            ["image: a", "volumes: [{type: volume, source: data, target: /data}]"],
        ],
        [
            ["image: a", "volumes: ['./data:/data']"],
            ["image: a", "volumes: ['more:/data']"],
            ["image: a", "volumes: ['data:/other']"],
            ["image: a", "volumes: [/data]"],
            ["image: a"],
        ],
    ),
    (
        {"volumes": {"/site": {"kind": "bind", "source": "./site", "read_only": True}}},
        [
            ["image: a", "volumes: ['./site:/site:ro']"],
            ["image: a", "volumes: ['./site/:/site:ro,z']"],
            ["image: a", "volumes: [{type: bind, source: ./site, target: /site, read_only: true}]"],
        ],
        [
            ["image: a", "volumes: ['./site:/site']"],
            ["image: a", "volumes: ['./other:/site:ro']"],
            ["image: a", "volumes: ['data:/site:ro']"],
        ],
    ),
    ({"volumes": {"/x": {"anonymous": True}}}, [["image: a", "volumes: [/x]"]], [["image: a", "volumes: ['data:/x']"]]),
    ({"volumes": {"/x": {"name": "data"}}}, [["image: a", "volumes: ['data:/x']"]], [["image: a", "volumes: [/x]"]]),
    ({"volumes": {"/x": {"kind": "tmpfs"}}}, [["image: a", "tmpfs: /x"]], [["image: a", "volumes: [/x]"]]),
    ({"volumes": {"/x": "none"}}, [["image: a"]], [["image: a", "volumes: [/x]"]]),
    ({"volumes": "any"}, [["image: a", "volumes: [/x]"]], [["image: a"]]),
    ({"volumes": "none"}, [["image: a"]], [["image: a", "tmpfs: /x"]]),
    (
        {"networks": ["front"]},
        [
            ["image: a", "networks: [back, front]"],
            ["image: a", "networks: {front: }"],
            ["image: a", "networks: {front: {aliases: [x]}}"],
        ],
        [["image: a"], ["image: a", "networks: [back]"], ["image: a", "network_mode: host"]],
    ),
    (
        {"networks": {"front": "www", "back": "none"}},
        [["image: a", "networks: {front: {aliases: [a, www]}}"]],
        [["image: a", "networks: [front]"], ["image: a", "networks: {front: {aliases: [www]}, back: }"]],
    ),
    ({"networks": "none"}, [["image: a", "network_mode: none"]], [["image: a"]]),
    ({"networks": "default"}, [["image: a"]], [["image: a", "networks: [back]"]]),
    ({"network_mode": "host"}, [["image: a", "network_mode: host"]], [["image: a"]]),
    (
        {"depends_on": ["db"]},
        [["image: a", "depends_on: [db]"], ["image: a", "depends_on: {db: {condition: service_healthy}}"]],
        [["image: a"], ["image: a", "links: [db]"]],
    ),
    (
        {"depends_on": {"db": "service_healthy"}},
        [["image: a", "depends_on: {db: {condition: service_healthy}}"]],
        [["image: a", "depends_on: [db]"], ["image: a"]],
    ),
    ({"depends_on": "any"}, [["image: a", "depends_on: [db]"]], [["image: a"]]),
    ({"depends_on": "none"}, [["image: a"]], [["image: a", "depends_on: [db]"]]),
    (
        {"healthcheck": {"contains": "wget"}},
        [
            ["image: a", "healthcheck: {test: wget x}"],
            ["image: a", "healthcheck: {test: [CMD, wget, x]}"],
            ["image: a", "healthcheck: {test: [CMD-SHELL, wget x]}"],
        ],
        [["image: a"], ["image: a", "healthcheck: {test: wget x, disable: true}"], ["image: a", "command: wget x"]],
    ),
    (
        {"healthcheck": "none"},
        [["image: a"], ["image: a", "healthcheck: {test: [NONE]}"], ["image: a", "healthcheck: {interval: 5s}"]],
        [["image: a", "healthcheck: {test: x}"]],
    ),
    ({"profiles": ["debug"]}, [["image: a", "profiles: [debug, x]"]], [["image: a"], ["image: a", "profiles: [x]"]]),
    ({"profiles": "none"}, [["image: a"]], [["image: a", "profiles: [x]"]]),
    ({"restart": "always"}, [["image: a", "restart: always"], ["image: a", "<<: *b"]], [["image: a", "restart: 'no'"]]),
    (
        {"restart": "no"},
        [["image: a", "restart: 'no'"], ["image: a", "<<: *b", "restart: no"]],
        [["image: a", "<<: *b"]],
    ),
    ({"user": "1000"}, [["image: a", "user: 1000"], ["image: a", "user: '${U:-1000}'"]], [["image: a"]]),
    ({"container_name": "dl-web"}, [["image: a", "container_name: dl-web"]], [["image: a"]]),
    ({"working_dir": "/app"}, [["image: a", "working_dir: /app"]], [["image: a", "working_dir: /"]]),
]
HEAD = "x-i: &i nginx:1.27\nx-e: &e {PORT: 8000}\nx-b: &b {restart: always}\n"


@pytest.mark.parametrize(("asked", "good", "bad"), SERVICES, ids=[str(case[0]) for case in SERVICES])
def test_a_service_however_it_is_written(
    tmp_path: Path, asked: dict[str, Any], good: list[list[str]], bad: list[list[str]]
) -> None:
    for lines, right in [*((lines, True) for lines in good), *((lines, False) for lines in bad)]:
        text = HEAD + "services:\n  db: {image: x}\n  web:\n" + "".join(f"    {line}\n" for line in lines) + TOP
        outcome = seen(tmp_path, text, services={"web": asked})
        if right:
            assert outcome.met, (lines, outcome)
        else:
            no(outcome)


def test_every_field_of_a_service_has_a_case() -> None:
    asked = {key for case, _, _ in SERVICES for key in case}
    assert asked == {field.name for field in msgspec.structs.fields(ServiceWanted)}


def test_services_there_and_not(tmp_path: Path) -> None:
    text = "services: {web: {image: a}, db: {image: b}}\n"
    assert seen(tmp_path, text, services=["web", "db"]).met
    assert seen(tmp_path, text, services={"web": "any", "cache": "none"}).met
    no(seen(tmp_path, text, services=["wbe"]), "there is one called web")
    no(seen(tmp_path, text, services=["zzz"]), "it has web, db")
    no(seen(tmp_path, text, services={"db": "none"}), "line 1")


def test_what_is_declared_at_the_top(tmp_path: Path) -> None:
    text = web() + "volumes: {data: {name: dl-data, driver: local}}\n"
    text += "networks: {back: {internal: true}, front: , x: {external: true}}\n"
    assert seen(tmp_path, text, volumes=["data"], networks=["back", "front"], project="none").met
    networks = {"back": {"internal": True}, "x": {"external": True}, "y": "none", "front": {"internal": False}}
    volumes = {"data": {"name": "dl-data", "driver": "local"}}
    assert seen(tmp_path, text, volumes=volumes, networks=networks).met
    no(seen(tmp_path, text, volumes=["more"]), "it declares data")
    no(seen(tmp_path, text, volumes={"data": "none"}), "it declares data")
    no(seen(tmp_path, text, volumes={"data": {"name": "other"}}), "dl-data")
    no(seen(tmp_path, text, volumes={"data": {"driver": "x"}}), "local")
    no(seen(tmp_path, text, networks={"front": {"internal": True}}), "it is not")
    no(seen(tmp_path, text, networks={"x": {"external": False}}), "it is")
    no(seen(tmp_path, text, project="shop"), "there is none")
    assert seen(tmp_path, "name: shop\n" + text, project="shop").met
    assert {"name", "driver", "external", "internal"} == {one.name for one in msgspec.structs.fields(DeclaredWanted)}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"services": {"web": "nginx"}}, "services: a text here is any or none"),
        ({"networks": {"a": "b"}}, "networks: a text here is any or none"),
        ({"services": {"web": {"ports": "80"}}}, "ports: a text here is any or none"),
        ({"services": {"web": {"volumes": "data"}}}, "volumes: a text here is any or none"),
        ({"services": {"web": {"imag": "x"}}}, "imag"),
        ({"compose": "/etc/x"}, "not a path beneath"),
    ],
)
def test_what_an_author_may_not_say(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        noun(**raw)


class TestBroken:
    @pytest.mark.parametrize(
        ("text", "line", "reason"),
        [
            ("services:\n  web: [a\n", 3, "this is not YAML"),
            ("services:\n  web:\n    imag: a\n", 3, "the service web has no key imag; image was probably meant"),
            ("servces: {}\n", 1, "services was probably meant"),
            (web("user: ${U?say who}"), 4, "U is not set: say who"),
            (web("depends_on: [db]"), 3, "web depends on db, which is no service"),
            (web("networks: [front]"), 3, "the network front, which is not declared"),
            (web("volumes: ['data:/x']"), 3, "the volume data, which is not declared"),
            (web("ports: ['a:b']"), 4, "is not a port"),
            (web("image: b"), 4, "the key image was given before"),
            (web("env_file: no.env"), 4, "there is no file no.env"),
            (web("env_file: ../../etc/passwd"), 4, "there is no file"),
            ("services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}\n", 1, "waits for itself"),
            ("\x00", 1, "this is not YAML"),
            ("a: " + "[" * 100 + "\n", 1, "nested more than"),
            ("services:\n" + "  a: b\n" * 80_000, 1, "larger than 256 KiB"),
        ],
    )
    def test_is_told_with_line_and_reason(self, tmp_path: Path, text: str, line: int, reason: str) -> None:
        outcome = seen(tmp_path, text, services=["web"])
        no(outcome, f"line {line}: ", reason)
        assert outcome.next == "docker compose -f compose.yaml config"

    def test_aliases_cannot_grow_it(self, tmp_path: Path) -> None:
        laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        )
        no(seen(tmp_path, laughs), "too large to be looked at")
        no(seen(tmp_path, "services: &a\n  web: *a\n"), "*a is not defined above")

    def test_nothing_is_constructed(self, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        for tag in ("!!python/object/apply:os.system", "!x"):
            outcome = seen(tmp_path, web(f"user: {tag} ['touch {mark}']"))
            assert not outcome.met
        assert not mark.exists()

    def test_variables_cannot_grow(self, tmp_path: Path) -> None:
        long = "A=" + "x" * 16_000 + "\n"
        no(seen(tmp_path, web("user: '" + "$A" * 1000 + "'"), long, services=["web"]), "line 4: a value is too long")
        labels = web("labels:", *(f"  l{number}: $A" for number in range(1000)))
        no(seen(tmp_path, labels, long, services=["web"]), "grow too large")
        doubled = long + "".join(f"{new}=${old}${old}\n" for old, new in zip("ABCDEFG", "BCDEFGH", strict=True))
        assert seen(tmp_path, web("user: a"), doubled, services=["web"]).met
        with pytest.raises(CannotExpand):
            expand("${A:-" * 50, {})

    def test_reading_never_raises(self) -> None:
        chance = random.Random(4)
        pieces = [
            "web:",
            "image: a",
            "\n",
            "  ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "&a ",
            "*a",
            "<<: ",
            "$",
            "${A",
            ":-",
            "'",
            '"',
            "? ",
            ": ",
        ]
        kinds = set()
        for _ in range(4000):
            text = "services:\n  " + "".join(chance.choice(pieces) for _ in range(chance.randrange(14)))
            kinds.add(type(compose_file.read(text, lambda _path: None)))
        assert kinds == {Broken, ComposeFile}


class TestNotTold:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (web("extends: {file: a.yaml, service: b}"), "extends"),
            ("include: [a.yaml]\n" + web(), "include"),
            (web() + "---\n" + web(), "a second document"),
            (web("ports: !reset []"), "!reset"),
        ],
    )
    def test_what_is_not_read_is_unknown_never_met(self, tmp_path: Path, text: str, what: str) -> None:
        outcome = seen(tmp_path, text, services=["web"])
        assert outcome.status is Status.UNKNOWN
        assert what in outcome.found

    @pytest.mark.parametrize("name", ["compose.override.yaml", "docker-compose.override.yml"])
    def test_what_is_merged_into_it(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("services: {}\n")
        assert seen(tmp_path, web(), services=["web"]).status is Status.UNKNOWN


def test_none_and_absent(tmp_path: Path) -> None:
    no(noun().look(World(FakeEngine(), tmp_path, Scope())), "it is not there")
    assert noun(absent="true").look(World(FakeEngine(), tmp_path, Scope())).met
    no(seen(tmp_path, web(), absent="true"), "it is there")
    (tmp_path / "compose.yaml").unlink()
    (tmp_path / "compose.yaml").mkdir()
    no(noun().look(World(FakeEngine(), tmp_path, Scope())), "it is a directory")
