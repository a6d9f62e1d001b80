"""Things of somebody else's on an engine, and a complete picture of all that is on it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dockerlearn.engine import unix_http
from tests.live.conftest import Docker
from tests.own_engine import BASE_IMAGE

SLEEP = ("sleep", "3600")
DATA = "dl-models-db-1:/data"

_PREDEFINED = frozenset({"bridge", "host", "none"})


def have_a_project(docker: Docker) -> None:
    """A Compose project of somebody in deep learning, made by hand since its client may not be there."""

    def labels(service: str = "", **more: str) -> list[str]:
        words = {"project": "dl-models", "service": service, "version": "2.26.1", **more}
        return [word for key, text in words.items() if text for word in ("--label", f"com.docker.compose.{key}={text}")]

    docker("network", "create", *labels(network="default"), "dl-models_default")
    docker("volume", "create", *labels(volume="data"), "dl-models_data")
    place = ("--network", "dl-models_default", "--network-alias", "db", "--volume", "dl-models_data:/data")
    writing = ("sh", "-c", "echo precious > /data/weights; echo ready; exec sleep 3600")
    run(docker, "dl-models-db-1", *labels("db", oneoff="False"), *place, command=writing)
    run(docker, "dl-models-train-1", *labels("train", oneoff="False"), *place, command=("true",))
    run(docker, "dl-jobs", "--label", "dockerlearn.nonce=copied", "--restart", "unless-stopped")
    docker("tag", BASE_IMAGE, "theirs/tools:v1")
    docker("tag", BASE_IMAGE, "dl-models:latest")
    docker("commit", "--pause=false", "dl-models-db-1", "dl-trained:v1")
    docker("wait", "dl-models-train-1")


def run(docker: Docker, name: str, *options: str, image: str = BASE_IMAGE, command: tuple[str, ...] = SLEEP) -> None:
    """Run a container of theirs."""
    docker("run", "--detach", "--name", name, *options, image, *command)


def picture(host: str) -> dict[str, Any]:
    """All that an engine says about each thing that it has, and what is in the project's volume.

    By kind and name; an image by its id, and each of its names apart. What changes by itself or by somebody else's
    right is left out: when an image was given a name last, who is on Docker's own networks, and what a health check
    runs and has said.
    """
    socket = host.removeprefix("unix://")

    def get(path: str) -> Any:
        answer = unix_http.ask(socket, path, timeout=30)
        assert answer.ok, (path, answer)
        return answer.json()

    seen: dict[str, Any] = {}
    for row in get("/containers/json?all=1"):
        there = get(f"/containers/{row['Id']}/json")
        there["State"].pop("Health", None)
        there.pop("ExecIDs", None)
        seen[f"container {there['Name'].removeprefix('/')}"] = there
    for row in get("/images/json?all=1"):
        there = get(f"/images/{row['Id']}/json")
        for tag in there.pop("RepoTags") or ():
            seen[f"tag {tag}"] = there["Id"]
        there.pop("Metadata", None)
        # The containerd store gives an image a digest, its own id, under each of its names.
        there["RepoDigests"] = [one for one in there["RepoDigests"] or () if not one.endswith(there["Id"])]
        seen[f"image {there['Id']}"] = there
    for row in get("/networks"):
        there = get(f"/networks/{row['Id']}")
        if there["Name"] in _PREDEFINED:
            there.pop("Containers")
        seen[f"network {there['Name']}"] = there
    for row in get("/volumes")["Volumes"] or ():
        seen[f"volume {row['Name']}"] = get(f"/volumes/{row['Name']}")
    name, _, path = DATA.partition(":")
    if f"container {name}" in seen:
        archive = unix_http.ask(socket, f"/containers/{name}/archive?path={quote(path)}", timeout=30)
        assert b"precious" in archive.body
        seen["what is in the volume"] = archive.body
    return seen
