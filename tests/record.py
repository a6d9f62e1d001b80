"""Makes things on an engine and keeps what its API says of them, as ``tests/recorded/ENGINE.KIND-NAME.json``.

``python -m tests.record ENGINE SOCKET``, such as ``docker-28.5 /run/user/1000/docker.sock``. The engine needs an image
``busybox:1.36`` and should be one of your own: what is made is called ``dl-…`` and is taken away at the end. Recorded
with API 1.41 of 20.10 and Podman and 1.51 of 28.5, the newest that each speaks and the tutor knows. CONTRIBUTING's
engines: Debian's docker.io is 20.10; 28.5 is that of Debian sid, unpacked with ``dpkg-deb -x`` and first on ``PATH``,
with ``{"features": {"containerd-snapshotter": true}}`` for the other store; Podman is Debian's, served by
``podman system service``.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dockerlearn.engine import unix_http

RECORDED = Path(__file__).parent / "recorded"
BOX = "busybox:1.36"

CONTAINERS = ("dl-db", "dl-web", "dl-job", "dl-alone")
NETWORKS = ("dl-net", "dl-in")
VOLUMES = ("dl-data", "dl-plain")

MOUNTS = "-v dl-data:/data -v dl-plain:/plain:ro -v /anon -v /etc:/host:ro --tmpfs /scratch"

COMMANDS = (
    "network create --subnet 10.213.128.0/24 --label course=yes dl-net",
    "network create --internal --subnet 10.213.129.0/24 dl-in",
    "volume create --label course=yes dl-data",
    "volume create dl-plain",
    f"run -d --name dl-db --network dl-net --network-alias db {MOUNTS} {BOX} sleep 600",
    f"run -d --name dl-web {BOX} sleep 600",
    "network connect --alias www dl-net dl-web",
    "network connect dl-in dl-web",
    f"create --name dl-alone --network none {BOX} sleep 600",
    "exec dl-db sh -c echo%new>/etc/new;rm%/etc/group;echo%x>/data/x",
    "exec -d dl-db sleep 700",
    f"run --name dl-job {BOX} sh -c exit%3",
    "rename dl-alone dl-alone2",
    "rename dl-alone2 dl-alone",
    "network disconnect bridge dl-web",
    "pause dl-web",
    "unpause dl-web",
    "restart -t 0 dl-web",
    "kill dl-web",
    "start dl-web",
    f"tag {BOX} dl-app:v1",
    "rmi dl-app:v1",
)


def record(engine: str, socket: str) -> None:
    """Make everything, keep what the API says, and take everything away."""
    docker(socket, "version")
    remove(socket)
    version = min(str(ask(socket, "/version")["ApiVersion"]), "1.51", key=lambda text: int(text.partition(".")[2]))
    since = time.time()
    try:
        for command in COMMANDS:
            words = [word.replace("%", " ") for word in command.split()]
            if docker(socket, *words) not in {0, 3}:  # 3 is what dl-job ends with
                print(f"refused: docker {command}", file=sys.stderr)  # noqa: T201
        for kind, paths in {
            "network": {"net": "/networks/dl-net", "internal": "/networks/dl-in"},
            "volume": {"vol": "/volumes/dl-data", "plain": "/volumes/dl-plain"},
            "container": {
                "db": "/containers/dl-db/json",
                "joined": "/containers/dl-web/json",
                "alone": "/containers/dl-alone/json",
            },
        }.items():
            for name, path in paths.items():
                keep(f"{engine}.{kind}-{name}", ask(socket, f"/v{version}{path}"))
        keep(f"{engine}.top", ask(socket, f"/v{version}/containers/dl-db/top"))
        keep(f"{engine}.changes", ask(socket, f"/v{version}/containers/dl-db/changes"))
        time.sleep(1)  # Podman's events come late
        # Docker ends the answer at ``until``. Podman sends nothing with one in the past, and ends when not to stream.
        end = "stream=false" if "Podman" in str(ask(socket, "/version")) else f"until={time.time():.6f}"
        keep(f"{engine}.events", lines(socket, f"/v{version}/events?since={since:.6f}&{end}"))
    finally:
        remove(socket)


def docker(socket: str, *words: str) -> int:
    """Run the docker client and return its exit code."""
    environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}"}
    return subprocess.run(["docker", *words], env=environment, stdout=subprocess.DEVNULL, check=False).returncode


def remove(socket: str) -> None:
    """Take away what ``COMMANDS`` make."""
    for words in (["rm", "-f", "-v", *CONTAINERS], ["network", "rm", *NETWORKS], ["volume", "rm", *VOLUMES]):
        with contextlib.suppress(OSError):
            docker(socket, *words)


def ask(socket: str, path: str) -> Any:
    """Return what a GET is answered with."""
    return unix_http.ask(socket, path, timeout=30).json()


def lines(socket: str, path: str) -> list[Any]:
    """Return what a GET is answered with, an object per line."""
    url = f"http://engine{path}"
    done = subprocess.run(["curl", "-s", "--unix-socket", socket, url], capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def keep(name: str, said: object) -> None:
    """Write a file."""
    (RECORDED / f"{name}.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")


def main(arguments: Sequence[str]) -> None:
    """Record one engine."""
    engine, socket = arguments
    record(engine, socket)


if __name__ == "__main__":
    main(sys.argv[1:])
