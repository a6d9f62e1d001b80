"""Compose files, right and wrong, and what ``docker compose config`` says about them.

``python -m tests.compose_samples COMMAND… > tests/recorded/compose-2.40.config.json`` asks it; COMMAND is ``docker
compose`` or the plugin's path. No engine is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dockerlearn.world.compose_file import ComposeFile
from tests.dockerfile_samples import recorded

FILES = {"web.env": "FROM_FILE=f\nBOTH=file\n", "app/Dockerfile": "FROM busybox\n"}
WEB = "services:\n  web:\n    image: nginx\n"


def web(*lines: str) -> str:
    """A file with one service, and these lines of it."""
    return WEB + "".join(f"    {line}\n" for line in lines)


ANCHORS = """
x-base: &base
  restart: always
  environment: &env {A: 1}
services:
  web: {<<: *base, image: nginx}
  two: {<<: *base, image: x, restart: "no", environment: {<<: *env, B: 2}}
"""
MERGED = """
x-a: &a {restart: always}
x-b: &b {restart: "no", user: me}
services:
  web: {<<: [*a, *b], image: nginx}
"""

# name: the file, and its .env
SAMPLES: dict[str, tuple[str, str]] = {
    "nothing": ("", ""),
    "no services": ("services: {}\n", ""),
    "a list": ("- a\n", ""),
    "the least": (WEB, ""),
    "version": ('version: "3.8"\n' + WEB, ""),
    "name": ("name: shop\n" + WEB, ""),
    "extension": ("x-a: {b: c}\n" + WEB + "    x-d: e\n", ""),
    "unknown key at the top": ("servces: {}\n" + WEB, ""),
    "unknown key of a service": (web("imag: a"), ""),
    "neither image nor build": ("services: {web: {restart: always}}\n", ""),
    "duplicate key": (web("image: b"), ""),
    "two documents": (WEB + "---\n" + WEB, ""),
    "tabs": ("services:\n\tweb: {image: a}\n", ""),
    "a service of nothing": ("services:\n  web:\n", ""),
    "build": ("services: {web: {build: ./app}}\n", ""),
    "build long": ("services: {web: {build: {context: app, target: run, args: {A: 1}}}}\n", ""),
    "build without context": ("services: {web: {build: {target: run}}}\n", ""),
    "default in place": (web("user: ${U:-app}"), ""),
    "default in place, set": (web("user: ${U:-app}"), "U=me\n"),
    "default in place, empty": (web("user: ${U:-app}"), "U=\n"),
    "default only if unset": (web("user: a${U-app}"), "U=\n"),
    "default within a default": (web("user: ${U:-${V:-x}y}"), ""),
    "default of a variable": (web("user: ${U:-$V}"), "V=v\n"),
    "default with odd signs": (web('user: "${U:-a:b-c d}"'), ""),
    "default empty": (web('user: "a${U:-}b"'), ""),
    "must be set": (web("user: ${U?say who}"), ""),
    "must be set, is": (web("user: ${U:?say who}"), "U=me\n"),
    "must not be empty": (web("user: ${U:?say who}"), "U=\n"),
    "must be set, empty": (web("user: a${U?say who}"), "U=\n"),
    "instead": (web("user: a${U:+set}b${V+set}"), "U=1\nV=\n"),
    "instead, unset": (web("user: a${U:+set}b${V+set}"), ""),
    "unset": (web('user: "a$U${V}b"'), ""),
    "two dollars": (web('user: "$$U$$"'), ""),
    "three dollars": (web('user: "$$$U"'), "U=1\n"),
    "a dollar at the end": (web('user: "a$"'), ""),
    "a dollar and a digit": (web('user: "a$1"'), ""),
    "open brace": (web('user: "a${U"'), ""),
    "brace of nothing": (web('user: "a${}"'), ""),
    "brace with a blank": (web('user: "${U V}"'), ""),
    "a name and more": (web('user: "$U-x.$V/y"'), "U=1\nV=2\n"),
    "not in keys": (web("labels: {$U: x}"), "U=1\n"),
    "dotenv": (
        web("command: [$A, $B, $C, $D, $E, $F, $G, $H]"),
        "# no\nA=1\nexport B=2\nC='$A'\nD=\"$A x\"\nE=a b # c\nF=a#b\n G = 7 \nH=${A}${Z:-z}\n",
    ),
    "dotenv escapes": (web("labels: {a: $A, b: $B}"), "A=\"a\\tb\"\nB='a\\tb'\n"),
    "dotenv twice": (web("user: $A"), "A=1\nA=2\n"),
    "dotenv colon": (web("user: $A"), "A: 1\n"),
    "dotenv empty": (web('user: "x$A"'), "A=\n"),
    "command text": (web("command: python app.py --port 80"), ""),
    "command quoted": (web("command: sh -c 'echo \"a b\"'"), ""),
    "command folded": (web("command: >", "  sh -c", "  ls"), ""),
    "command list": (web('command: [python, "app.py"]'), ""),
    "command of a variable": (web("command: [python, $F]"), "F=a b\n"),
    "command null": (web("command: null"), ""),
    "command empty": (web("command: []"), ""),
    "command quote open": (web("command: sh -c 'ls"), ""),
    "entrypoint": (web("entrypoint: sh -c", "command: [ls]"), ""),
    "environment list": (web("environment: [A=1, 'B=two words', C=, D]"), "D=from-env\n"),
    "environment mapping": (web("environment: {A: 1, B: 'x', C: '', D: null, E: null}"), "D=from-env\n"),
    "environment numbers": (web("environment: {A: 1.10, B: '1.10', C: 22:22, D: 10, E: 1.0, F: true, G: yes}"), ""),
    "environment with an equals sign": (web("environment: [A=b=c]"), ""),
    "env_file": (web("env_file: web.env", "environment: {BOTH: here}"), ""),
    "env_file list": (web("env_file: [web.env]"), ""),
    "env_file long": (web("env_file: [{path: web.env}, {path: no.env, required: false}]"), ""),
    "env_file missing": (web("env_file: no.env"), ""),
    "labels list": (web("labels: [a=b, c]"), ""),
    "ports": (web("ports: ['8080:80', '443', '127.0.0.1:8443:443', '53:53/udp']"), ""),
    "ports plain": (web("ports:", "- 8080:80", "- 22:22", "- 443"), ""),
    "ports range": (web("ports: ['8000-8001:80-81', '9000-9005:90']"), ""),
    "ports ranges differ": (web("ports: ['8000-8002:80-81']"), ""),
    "ports v6": (web("ports: ['[::1]:8080:80']"), ""),
    "ports long": (
        web("ports:", "- {target: 80, published: '8080', host_ip: 127.0.0.1, protocol: tcp}", "- target: 443"),
        "",
    ),
    "ports of a variable": (web('ports: ["${P:-8080}:80"]'), ""),
    "ports wrong": (web("ports: ['a:b']"), ""),
    "volumes": (web("volumes: ['data:/data', './site:/site:ro', '/tmp:/t', '/anon']") + "volumes: {data: {}}\n", ""),
    "volumes long": (
        web(
            "volumes:",
            "- {type: volume, source: data, target: /data, read_only: true}",
            "- {type: bind, source: ./site, target: /site}",
            "- {type: tmpfs, target: /tmp}",
        )
        + "volumes: {data: }\n",
        "",
    ),
    "volume not declared": (web("volumes: ['data:/data']"), ""),
    "tmpfs": (web("tmpfs: /run"), ""),
    "networks": (web("networks: [front, default]") + "networks: {front: {}}\n", ""),
    "networks with aliases": (
        web("networks: {front: {aliases: [www, w]}, back: }") + "networks: {front: , back: {internal: true}}\n",
        "",
    ),
    "network not declared": (web("networks: [front]"), ""),
    "network mode": (web("network_mode: host"), ""),
    "depends_on": (WEB + "    depends_on: [db]\n  db: {image: x}\n", ""),
    "depends_on long": (WEB + "    depends_on: {db: {condition: service_healthy}}\n  db: {image: x}\n", ""),
    "depends_on nobody": (web("depends_on: [db]"), ""),
    "depends_on oneself": (web("depends_on: [web]"), ""),
    "healthcheck": (web("healthcheck: {test: wget x, interval: 5s}"), ""),
    "healthcheck list": (web("healthcheck: {test: [CMD, wget, x]}"), ""),
    "healthcheck none": (web("healthcheck: {test: [NONE]}"), ""),
    "healthcheck off": (web("healthcheck: {disable: true}"), ""),
    "profiles": (WEB + "  debug: {image: x, profiles: [debug]}\n", ""),
    "anchors": (ANCHORS, ""),
    "merge of two": (MERGED, ""),
    "merge of a text": ("services:\n  web: {<<: a, image: nginx}\n", ""),
    "alias of nothing": ("services:\n  web: *a\n", ""),
    "alias within itself": ("services: &a\n  web: *a\n", ""),
}


def told(seen: ComposeFile) -> dict[str, Any]:
    """What was read of a file, in the shape of ``asked``."""
    return {
        name: {
            "image": one.image or None,
            "build": one.build and one.build.removeprefix("./"),
            "target": one.target or None,
            "command": None if one.command is None else list(one.command),
            "entrypoint": None if one.entrypoint is None else list(one.entrypoint),
            "environment": dict(one.environment),
            "labels": dict(one.labels),
            "ports": sorted([port.target, port.protocol, port.published, port.host] for port in one.ports),
            "volumes": sorted(
                [mount.kind, mount.source.removeprefix("./"), mount.target, mount.read_only] for mount in one.volumes
            ),
            "networks": {network: list(aliases) for network, aliases in one.networks.items()},
            "depends_on": dict(one.depends_on),
            "healthcheck": list(one.healthcheck),
            "profiles": list(one.profiles),
            "restart": one.settings.get("restart"),
            "user": one.settings.get("user"),
        }
        for name, one in seen.services.items()
    }


def asked(command: Sequence[str], text: str, dotenv: str, folder: Path) -> dict[str, Any] | None:
    """What ``docker compose config`` says; None when it refuses the file."""
    for name, content in {**FILES, ".env": dotenv, "compose.yaml": text}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    done = subprocess.run(
        [*command, "-f", "compose.yaml", "--profile", "*", "config", "--format", "json", "--no-path-resolution"],
        cwd=folder, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write(done.stderr[-200:])
        return None
    services = json.loads(done.stdout)["services"]
    return {name: _service(one) for name, one in services.items()}


def _service(one: dict[str, Any]) -> dict[str, Any]:
    build = one.get("build") or {}
    health = one.get("healthcheck") or {}
    tmpfs = [["tmpfs", "", path, False] for path in one.get("tmpfs") or ()]
    return {
        "image": one.get("image"),
        "build": build.get("context") and build["context"].removeprefix("./"),
        "target": build.get("target"),
        "command": _undollar(one.get("command")),
        "entrypoint": _undollar(one.get("entrypoint")),
        "environment": _undollar(one.get("environment") or {}),
        "labels": _undollar(one.get("labels") or {}),
        "ports": sorted(
            [str(port["target"]), port.get("protocol", "tcp"), port.get("published", ""), port.get("host_ip", "")]
            for port in one.get("ports") or ()
        ),
        "volumes": sorted(
            [
                [
                    mount["type"],
                    mount.get("source", "").removeprefix("./"),
                    mount["target"],
                    mount.get("read_only", False),
                ]
                for mount in one.get("volumes") or ()
            ]
            + tmpfs
        ),
        "networks": {name: (how or {}).get("aliases", []) for name, how in (one.get("networks") or {}).items()},
        "depends_on": {name: how["condition"] for name, how in (one.get("depends_on") or {}).items()},
        "healthcheck": ["NONE"] if health.get("disable") else _undollar(health.get("test") or []),
        "profiles": one.get("profiles") or [],
        "restart": one.get("restart"),
        "user": _undollar(one.get("user")),
    }


def _undollar(value: Any) -> Any:
    """``config`` doubles dollars again, so that what it prints can be read by Compose."""
    if isinstance(value, list):
        return [_undollar(item) for item in value]
    if isinstance(value, dict):
        return {_undollar(key): _undollar(item) for key, item in value.items()}
    return value.replace("$$", "$") if isinstance(value, str) else value


def main() -> None:
    """Print what Compose says about every sample."""
    found = {}
    for name, (text, dotenv) in SAMPLES.items():
        sys.stderr.write(f"\n# {name} ")
        with tempfile.TemporaryDirectory() as folder:
            found[name] = asked(sys.argv[1:], text, dotenv, Path(folder))
    sys.stdout.write(recorded(found))


if __name__ == "__main__":
    main()
