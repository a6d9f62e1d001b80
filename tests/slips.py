"""Slips at the docker client: what is typed, what the advice on it must be called, and the command it must give.

The world that they are typed in is made by ``SETUP`` on a real engine and by ``fake_world`` without one.
"""

from __future__ import annotations

from typing import NamedTuple

from dockerlearn.engine.snapshots import Binding, Membership
from tests.fake_engine import FakeEngine, make_id, make_image

SETUP = """
set -e
docker run -d --name dl-web busybox:1.36 httpd -f -h /
docker create --name dl-job busybox:1.36 sleep 100
docker network create dl-net
docker volume create dl-data
docker run -d --name dl-keeper -v dl-data:/data --network dl-net busybox:1.36 httpd -f -h /
docker run -d --name dl-port -p 18080:80 busybox:1.36 httpd -f -h /
docker run -d --name dl-gone busybox:1.36 nosuchprog 2> /dev/null || true
mkdir empty outside missing typo failing nobase nostage ok here
printf 'FROM busybox:1.36\\nCOPY ../x /x\\n' > outside/Dockerfile
printf 'FROM busybox:1.36\\nCOPY app.py /x\\n' > missing/Dockerfile
printf 'FROM busybox:1.36\\nRUM true\\n' > typo/Dockerfile
printf 'FROM busybox:1.36\\nRUN nosuchprog\\n' > failing/Dockerfile
printf 'FROM dl-nobase:v1\\n' > nobase/Dockerfile
printf 'FROM busybox:1.36 AS build\\nFROM busybox:1.36\\nCOPY --from=biuld /bin/sh /x\\n' > nostage/Dockerfile
printf 'FROM busybox:1.36\\n' > ok/Dockerfile
"""

AGAIN = """
docker rm -f dl-job dl-gone dl-x
docker create --name dl-job busybox:1.36 sleep 100
docker run -d --name dl-gone busybox:1.36 nosuchprog
docker start dl-web
exit 0
"""
"""Puts back what a corrected command has changed."""

CLEAN = """
docker rm -f dl-web dl-job dl-keeper dl-port dl-gone dl-x
docker network rm dl-net dl-nte
docker volume rm dl-data
docker rmi dl-tools:v1 dl-img:latest
exit 0
"""


class Typed(NamedTuple):
    """A line, the advice on it, and the corrected command; ``mends`` when that must succeed as it stands."""

    line: str
    advice: str | None
    command: str | None = None
    mends: bool = True


SLIPS = (
    # The learner's shell
    Typed("$ docker ps", "typed prompt", "docker ps"),
    Typed("dokcer ps", "misspelt docker", "docker ps"),
    Typed("docker-compose up", "old compose", "docker compose up", mends=False),
    Typed('docker run --name "dl-x busybox:1.36', "open quote"),
    Typed("docker rm $(docker ps -q", "open quote"),
    # Dashes and options
    Typed("docker run –d --name dl-x busybox:1.36 true", "pasted dash", "docker run -d --name dl-x busybox:1.36 true"),
    Typed("docker run —name dl-x busybox:1.36 true", "pasted dash", "docker run --name dl-x busybox:1.36 true"),
    Typed("docker run --name dl-x busybox:1.36 echo1 “hi”", "pasted quotes", None, mends=False),
    Typed("docker run -name dl-x busybox:1.36 true", "single dash", "docker run --name dl-x busybox:1.36 true"),
    Typed("docker run -rm busybox:1.36 true", "single dash", "docker run --rm busybox:1.36 true"),
    Typed("docker logs -tail 5 dl-web", "single dash", "docker logs --tail 5 dl-web"),
    Typed("docker ps -all", "single dash", "docker ps --all"),
    Typed("docker run --nmae dl-x busybox:1.36 true", "unknown option", "docker run --name dl-x busybox:1.36 true"),
    Typed("docker ps --flter name=x", "unknown option", "docker ps --filter name=x"),
    Typed("docker ps -y", "unknown option"),
    Typed("docker strat dl-job", "unknown command", "docker start dl-job"),
    Typed("docker contianer ls", "unknown command", "docker container ls"),
    Typed("docker container lss", "unknown command", "docker container ls"),
    Typed("docker frobnicate", "unknown command"),
    Typed("docker compose up", "plugin missing"),
    # The order of words
    Typed(
        "docker run busybox:1.36 -d --name dl-x sleep 100",
        "options after the image",
        "docker run -d --name dl-x busybox:1.36 sleep 100",
    ),
    Typed(
        "docker run --name dl-x busybox:1.36 -d sleep 100",
        "options after the image",
        "docker rm dl-x && docker run --name dl-x -d busybox:1.36 sleep 100",
    ),
    Typed(
        "docker run busybox:1.36 sleep 100 --name dl-x -d",
        "options after the image",
        "docker run --name dl-x -d busybox:1.36 sleep 100",
    ),
    Typed("docker exec dl-web -it sh", "options after the image", "docker exec -it dl-web sh", mends=False),
    Typed(
        "docker create busybox:1.36 --name dl-x true",
        "options after the image",
        "docker create --name dl-x busybox:1.36 true",
    ),
    Typed("docker run -d --name dl-x", "missing image"),
    Typed("docker exec dl-web", "exec without a command", "docker exec -it dl-web sh", mends=False),
    Typed("docker tag busybox:1.36", "wrong number of words"),
    Typed("docker stop", "which container"),
    Typed("docker rm $(docker ps --quiet --filter name=dl-nobody)", "empty list"),
    Typed("docker network connect dl-web dl-net", "swapped", "docker network connect dl-net dl-web"),
    Typed("docker run dl-job", "run for start", "docker start dl-job"),
    Typed("docker start busybox:1.36", "start for run", "docker run busybox:1.36"),
    Typed("docker rm busybox:1.36", "rm for rmi", "docker rmi busybox:1.36", mends=False),
    Typed("docker rmi dl-gone", "rmi for rm", "docker rm dl-gone"),
    # Values
    Typed(
        "docker run --rm -p 18081/80 busybox:1.36 true",
        "port with a slash",
        "docker run --rm -p 18081:80 busybox:1.36 true",
    ),
    Typed("docker run --rm -p 80: busybox:1.36 true", "port value"),
    Typed("docker run --rm -p 99999:80 busybox:1.36 true", "port value"),
    Typed("docker run --rm -p 8080 busybox:1.36 true", "port without a colon"),
    Typed("docker run --rm BusyBox:1.36 true", "upper case", "docker run --rm busybox:1.36 true"),
    Typed("docker tag busybox:1.36 Dl-Tools:v1", "upper case", "docker tag busybox:1.36 dl-tools:v1"),
    Typed("docker build -t Dl-Img ok", "upper case", "docker build -t dl-img ok"),
    Typed("docker run --rm busybox:1.36: true", "not an image"),
    Typed("docker run --rm -e A = b busybox:1.36 true", "spaces around =", "docker run --rm -e A=b busybox:1.36 true"),
    Typed(
        "docker run --rm -m 512 busybox:1.36 true", "memory without a unit", "docker run --rm -m 512m busybox:1.36 true"
    ),
    Typed(
        "docker run --rm -w data busybox:1.36 true",
        "relative folder inside",
        "docker run --rm -w /data busybox:1.36 true",
    ),
    Typed("docker run --rm -u nobodyx busybox:1.36 true", "no such user"),
    Typed("docker run --name dl-x: busybox:1.36 true", "bad name"),
    Typed("docker run --rm --restart always busybox:1.36 true", "rm and restart"),
    Typed("docker stop -t dl-web", "option value"),
    Typed("docker ps --filter dl-web", "filter without a key", "docker ps --filter name=dl-web"),
    Typed("docker inspect -f {{.Name} dl-web", "template"),
    Typed("docker run --rm -it busybox:1.36 true", "no terminal", "docker run --rm -i busybox:1.36 true"),
    Typed("docker run --rm --env-file nothere busybox:1.36 true", "no such file here"),
    # Mounts
    Typed(
        "docker run --rm -v here/sub:/x busybox:1.36 true",
        "relative folder",
        'docker run --rm -v "$PWD"/here/sub:/x busybox:1.36 true',
    ),
    Typed(
        "docker run --rm -v dl-data:data busybox:1.36 true",
        "relative target",
        "docker run --rm -v dl-data:/data busybox:1.36 true",
    ),
    Typed(
        "docker run --rm --mount type=bind,source=/dl-nowhere,target=/x busybox:1.36 true",
        "no source",
        "mkdir -p /dl-nowhere",
        mends=False,
    ),
    Typed("docker run --rm --mount source=dl-data busybox:1.36 true", "mount value"),
    # Names
    Typed("docker run -d --name dl-web busybox:1.36 sleep 100", "name taken"),
    Typed(
        "docker run -d --name dl-gone busybox:1.36 sleep 100",
        "name taken by what never started",
        "docker rm dl-gone && docker run -d --name dl-gone busybox:1.36 sleep 100",
    ),
    Typed("docker stop -t 0 dl-wbe", "no such container", "docker stop -t 0 dl-web"),
    Typed("docker logs dl-none-at-all", "no such container"),
    Typed("docker tag busybox dl-tools:v1", "tag missing", "docker tag busybox:1.36 dl-tools:v1"),
    Typed("docker rmi quite-another:v1", "no such image"),
    Typed("docker run --rm busybx:1.36 true", "no such image", "docker run --rm busybox:1.36 true"),
    Typed("docker run --rm zzzzzz true", "registry not reached"),
    Typed("docker pull busybox:9.99", "registry not reached"),
    Typed(
        "docker run --rm --network dl-nte busybox:1.36 true",
        "no such network",
        "docker run --rm --network dl-net busybox:1.36 true",
    ),
    Typed(
        "docker run --rm --network dl-web busybox:1.36 true",
        "a container for a network",
        "docker run --rm --network container:dl-web busybox:1.36 true",
    ),
    Typed(
        "docker run --rm --net=dl-web busybox:1.36 true",
        "a container for a network",
        "docker run --rm --net=container:dl-web busybox:1.36 true",
    ),
    Typed("docker network create dl-net", "network is there", "docker network inspect dl-net"),
    Typed("docker network rm bridge", "own network of docker"),
    # What runs inside
    Typed("docker run --rm busybox:1.36 bash", "no such shell", "docker run --rm busybox:1.36 sh"),
    Typed("docker exec dl-web bash", "no such shell", "docker exec dl-web sh"),
    Typed("docker run --rm busybox:1.36 nosuchprog", "no such program"),
    Typed('docker run --rm busybox:1.36 "echo hello"', "quoted command", "docker run --rm busybox:1.36 echo hello"),
    Typed(
        'docker run --rm --entrypoint "sleep 0" busybox:1.36',
        "arguments in the entrypoint",
        "docker run --rm --entrypoint sleep busybox:1.36 0",
    ),
    Typed("docker exec dl-web cd /tmp", "word of the shell", "docker exec dl-web sh -c 'cd /tmp && pwd'"),
    Typed("docker exec dl-web wget -qO- localhost:18080", "localhost inside"),
    Typed("docker exec dl-web echo $HOME", "expanded too early", "docker exec dl-web sh -c 'echo $HOME'"),
    Typed('docker exec dl-web sh -c "echo $HOME"', "expanded too early", "docker exec dl-web sh -c 'echo $HOME'"),
    Typed(
        "docker exec dl-web echo x > /tmp/dl-slip",
        "redirected outside",
        "docker exec dl-web sh -c 'echo x > /tmp/dl-slip'",
    ),
    # States
    Typed("docker exec dl-job ls", "not running", "docker start dl-job && docker exec dl-job ls"),
    Typed("docker attach dl-job", "not running", "docker start dl-job && docker attach dl-job", mends=False),
    Typed("docker kill dl-job", "ended already"),
    Typed("docker rm dl-web", "still running", "docker stop dl-web && docker rm dl-web", mends=False),
    Typed("docker rmi busybox:1.36", "image in use"),
    Typed("docker volume rm dl-data", "volume in use"),
    Typed("docker network rm dl-net", "network in use", "docker network inspect dl-net"),
    Typed(
        "docker run --name dl-x -p 18080:80 busybox:1.36 true",
        "port taken",
        "docker rm dl-x && docker run --name dl-x -p 18081:80 busybox:1.36 true",
    ),
    Typed("docker run --rm --network host -p 80:80 busybox:1.36 true", "ports on the host's network"),
    # Builds
    Typed("docker build -t dl-img", "build without a path", "docker build -t dl-img .", mends=False),
    Typed("docker build -t dl img ok", "build with too many words"),
    Typed("docker build -t dl-img nowhere", "no such folder"),
    Typed("docker build -t dl-img empty", "no Dockerfile"),
    Typed("docker build -t dl-img outside", "outside the context"),
    Typed("docker build -t dl-img missing", "not in the context"),
    Typed("docker build -t dl-img typo", "unknown instruction"),
    Typed("docker build -t dl-img failing", "no such program in the base"),
    Typed("docker build -t dl-img nobase", "registry not reached"),
    Typed("docker build -t dl-img nostage", "no such stage"),
    # Copies
    Typed("docker cp nothere dl-web:/", "nothing to copy"),
    Typed("docker cp dl-web:/nothere .", "no such file inside"),
    Typed("docker cp here there", "copy without a container"),
    # Nothing to say
    Typed("docker ps", None),
    Typed("docker run --rm busybox:1.36 false", None),
    Typed("docker run --rm busybox:1.36 ls -l /nowhere", None),
    Typed("docker exec dl-web ls -l /", None),
    Typed("docker exec dl-web sh -c 'exit 3'", None),
    Typed("docker exec dl-web sh -c 'echo $HOME'", None),
    Typed("ls /nowhere", None),
    Typed("docker ps | grpe x", None),
    Typed("docker exec dl-web cat /etc/hostname > here/name", None),
)


def fake_world() -> FakeEngine:
    """What ``SETUP`` makes, without an engine."""
    engine = FakeEngine(make_image("docker.io/library/busybox:1.36"))
    engine.add_network("dl-net")
    engine.add_volume("dl-data")
    engine.add("dl-web")
    engine.add("dl-job", status="created", running=False, started=None)
    engine.add("dl-gone", status="created", running=False, started=None)
    engine.add("dl-keeper", networks=(Membership("dl-net", make_id("network", "dl-net"), None, frozenset()),))
    engine.add("dl-port", published={"80/tcp": (Binding("0.0.0.0", 18080),)})
    return engine
