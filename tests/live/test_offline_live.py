"""``dockerlearn images`` on an engine: what one gives another one gets, by a file and by a mirror; and pull limits."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.course.packs import open_pack
from dockerlearn.engine import unix_http
from dockerlearn.engine.practice import Practice
from dockerlearn.images.archive import LIST_TYPE, Archive
from tests import own_engine
from tests.live.conftest import Docker
from tests.live.lessons import DOCKERLEARN, Learner

HELLO = "hello-world:latest"
LIMIT = (
    "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"  # Docker Hub's
)


@pytest.fixture
def owner(practice: Practice, docker_host: str, tmp_path: Path) -> Learner:
    """Somebody whose practice engine this is."""
    owner = Learner(tmp_path, docker_host)
    owner.environment["DOCKERLEARN_HOME"] = str(practice.folder.parent)
    return owner


def pack(folder: Path, images: str) -> Path:
    """A course with these images."""
    made = folder / "pack"
    shutil.copytree(Path(__file__).parents[1] / "packs" / "cli", made)
    file = made / "pack.yaml"
    file.write_text(file.read_text().replace("{busybox: busybox:1.36}", images))
    return made


def told(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {image["reference"]: image["did"] for image in json.loads(done.stdout)["images"]}


def test_what_was_saved_is_loaded_and_no_name_is_moved(owner: Learner, docker: Docker, tmp_path: Path) -> None:
    docker("pull", "-q", HELLO)
    file = tmp_path / "images.tar"
    assert told(owner("images", "save", str(file), "--json"))[HELLO] == "saved"
    before = docker("image", "inspect", "-f", "{{.RootFS.Layers}} {{.Config.Cmd}}", HELLO)
    docker("rmi", HELLO)
    try:
        loaded = owner("images", "load", str(file), "--json")
        assert (loaded.returncode, told(loaded)) == (0, {"busybox:1.36": "present", HELLO: "loaded"})
        assert docker("image", "inspect", "-f", "{{.RootFS.Layers}} {{.Config.Cmd}}", HELLO) == before
        assert docker("run", "--rm", HELLO).startswith("Hello from Docker!")
        # What the learner gave the name to keeps it.
        docker("rmi", HELLO)
        docker("tag", "busybox:1.36", HELLO)
        mine = docker("image", "inspect", "-f", "{{.Id}}", HELLO)
        loaded = owner("images", "load", str(file), "--json")
        assert (loaded.returncode, told(loaded)) == (3, {"busybox:1.36": "present", HELLO: "taken"})
        assert docker("image", "inspect", "-f", "{{.Id}}", HELLO) == mine
        # The stock client takes such a file too. It moves names, so it gets one with this image alone.
        docker("rmi", HELLO)
        docker("pull", "-q", HELLO)
        alone = tmp_path / "alone.tar"
        owner.environment["DOCKERLEARN_PACK"] = str(pack(tmp_path, f"{{hello: {HELLO}}}"))
        assert told(owner("images", "save", str(alone), "--json")) == {HELLO: "saved"}
        docker("rmi", HELLO)
        assert HELLO in docker("load", "-i", str(alone))
        assert docker("run", "--rm", HELLO).startswith("Hello from Docker!")
        # It is a stand-in: another engine than its owner's practice engine does not get it under this name.
        docker("rmi", HELLO)
        other = Learner(tmp_path / "other", docker.host)
        loaded = other("images", "load", str(file), "--json")
        assert (loaded.returncode, set(told(loaded).values())) == (3, {"unfit"})
        assert docker.try_("image", "inspect", HELLO).returncode != 0
        assert other("images", "build").returncode == 2
    finally:
        docker.try_("rmi", HELLO)


def test_stand_ins_are_made_and_pulled_in_the_practice_engine(
    owner: Learner, docker: Docker, nginx: str, python: str
) -> None:
    try:
        built = owner("images", "build", "--json")
        names = open_pack().references.values()
        assert (built.returncode, told(built)) == (0, dict.fromkeys(names, "made") | {"busybox:1.36": "present"})
        assert docker("run", "--rm", python, "python", "-c", "print(6 * 7)") == "42"
        assert told(owner("images", "build", "--json")) == dict.fromkeys(names, "present")
    finally:
        docker.try_("rmi", nginx, python, HELLO)


@contextmanager
def engines(mirror: str, count: int) -> Iterator[list[Docker]]:
    """Start engines that pull from ``mirror`` and do nothing else: they have no bridge, and leave packet filters be."""
    is_containerd = os.environ.get(own_engine.STORE) == "containerd"
    features = {"containerd-snapshotter": True}
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            folder = Path(tempfile.mkdtemp(prefix="dl-e-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "dl-e", str(folder)], check=True)
            stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
            (folder / "config.json").write_text(json.dumps({"features": features} if is_containerd else {}))
            log = stack.enter_context((folder / "log").open("wb"))
            command = ["dockerd", "--config-file", str(folder / "config.json"), "-H", f"unix://{folder}/s"]
            command += ["--data-root", f"{folder}/d", "--exec-root", f"{folder}/x", "--pidfile", f"{folder}/p"]
            command += ["--bridge", "none", "--iptables=false", "--ip6tables=false", f"--registry-mirror={mirror}"]
            running = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(running.wait, 30)
            stack.callback(running.terminate)
            (folder / "home").mkdir()
            found.append(Docker(f"unix://{folder}/s", folder / "home"))
        end = time.monotonic() + 60
        for docker in found:
            while not unix_http.pings(docker.host.removeprefix("unix://")):
                assert time.monotonic() < end, (docker.home.parent / "log").read_text()[-2000:]
                time.sleep(0.05)
        yield found


@contextmanager
def served(learner: Learner, *arguments: str) -> Iterator[dict[str, Any]]:
    """Run ``images serve``; the value is what it says."""
    serving = subprocess.Popen(
        [*DOCKERLEARN, "images", "serve", *arguments, "--json"],
        env=learner.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert serving.stdout is not None
        line = serving.stdout.readline()
        yield json.loads(line or json.dumps({"failed": serving.communicate()[1]}))
    finally:
        serving.terminate()
        serving.communicate(timeout=20)


def test_two_engines_pull_every_image_of_the_lessons_from_it_at_once(
    owner: Learner, docker: Docker, nginx: str, python: str, tmp_path: Path
) -> None:
    names = tuple(open_pack().references.values())
    assert owner("images", "pull").returncode == 0
    try:
        file = tmp_path / "images.tar"
        assert owner("images", "save", str(file)).returncode == 0
        with served(owner, str(file), "--port", "0") as says, engines(says["url"], 2) as both:
            assert [image["reference"] for image in says["images"]] == list(names)
            pulls = [threading.Thread(target=pull_all, args=(one, names)) for one in both]
            for pull in pulls:
                pull.start()
            for pull in pulls:
                pull.join()
            with Archive.open(file) as archive:
                wanted = {image.reference.rpartition("/")[2]: image.snapshot.layers for image in archive.images}
            for one in both:
                for name in names:
                    layers = json.loads(one("image", "inspect", "-f", "{{json .RootFS.Layers}}", name))
                    assert tuple(layers) == wanted[name]
            address = says["url"].removeprefix("http://")
            both[0]("tag", HELLO, f"{address}/library/hello-world:evil")
            pushed = both[0].try_("push", f"{address}/library/hello-world:evil")
            assert pushed.returncode != 0
            # The containerd store does not get as far: it wants TLS of a registry that it is to push to.
            assert re.search("read-only|TLS handshake", pushed.stderr + pushed.stdout)
            assert both[1].try_("pull", f"{address}/library/hello-world:evil").returncode != 0
    finally:
        docker.try_("rmi", nginx, python, HELLO)


def pull_all(docker: Docker, names: Sequence[str]) -> None:
    for name in names:
        docker("pull", "-q", name, timeout=120)


@contextmanager
def limited(body: bytes, folder: Path) -> Iterator[str]:
    """A registry on loopback that gives ``body`` with status 429 for each manifest, by TLS, which all engines try."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=x", "-keyout", str(folder / "key"), "-out", str(folder / "pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem", folder / "key")

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(429 if "/manifests/" in self.path else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:  # counts as no pull, and is answered
            self.send_response(200)
            self.send_header("Content-Type", LIST_TYPE)
            self.send_header("Content-Length", "1000")
            self.send_header("Docker-Content-Digest", "sha256:" + "0" * 64)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": LIMIT}]}).encode(), "limit on pulls"),
        (b"Too Many Requests", "answers too many requests"),
    ],
    ids=["pull limit", "abuse guard"],
)
def test_the_pull_limit_and_the_guard_against_abuse_are_told_apart(
    owner: Learner, docker: Docker, tmp_path: Path, body: bytes, says: str
) -> None:
    """By what a real engine makes of either answer; what can be had is pulled all the same."""
    with limited(body, tmp_path) as registry:
        images = f"{{limited: {registry}/team/limited:1, busybox: busybox:1.36, hello: {HELLO}}}"
        owner.environment["DOCKERLEARN_PACK"] = str(pack(tmp_path, images))
        try:
            pulled = owner("images", "pull", "--json")
        finally:
            docker.try_("rmi", HELLO)
    assert (pulled.returncode, pulled.stderr[:8]) == (3, "Pulling ")
    found = {image["reference"]: image for image in json.loads(pulled.stdout)["images"]}
    assert {name: image["did"] for name, image in found.items()} == {
        f"{registry}/team/limited:1": "failed",
        "busybox:1.36": "present",
        HELLO: "pulled",
    }
    assert says in found[f"{registry}/team/limited:1"]["why"]
    assert "images load FILE" in found[f"{registry}/team/limited:1"]["remedy"]
