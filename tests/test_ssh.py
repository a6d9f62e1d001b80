"""An engine behind ssh: by a program named ssh that does and says what the real one was seen to.

It is a real process with real pipes; only the network between it and the other end is left out.
"""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dockerlearn.cli.app import run
from dockerlearn.cli.consent import Consents
from dockerlearn.cli.wiring import Wiring
from dockerlearn.engine import ssh
from dockerlearn.engine.client import DockerEngine, connect
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.engine.ssh import SshEnded, Target, why
from dockerlearn.engine.system import System
from dockerlearn.errors import (
    EngineError,
    EnginePermission,
    EngineRefused,
    EngineSilent,
    HostInvalid,
    NoEngine,
    NotAnEngine,
)
from dockerlearn.ui.view import View
from tests.cli_support import Learner
from tests.test_client_errors import Reply, Stub, answer, pong

# Writes down how it was called; then is what its host is called.
FAKE = """#!{python}
import os, socket, sys, threading, time
folder = {folder!r}
with open(folder + "/asked", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
host = sys.argv[sys.argv.index("--") + 1]
if "-G" in sys.argv:
    print("user me\\nhostname 10.9.8.7\\nport 22") if host == "alias" else None
    sys.exit(0 if host == "alias" else 255)
if os.path.exists(folder + "/says-" + host):
    code, _, words = open(folder + "/says-" + host).read().partition(" ")
    sys.stderr.write(words)
    sys.exit(int(code))
if host == "hangs":
    time.sleep(600)
there = socket.socket(socket.AF_UNIX)
there.connect(folder + "/engine")
sys.stderr.write("Welcome to the machine.\\n"); sys.stderr.flush()
def up():
    while piece := os.read(0, 65536):
        there.sendall(piece)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while piece := there.recv(65536):
    while piece:
        piece = piece[os.write(1, piece):]
"""


class Far:
    """The other end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stubs: list[Stub] = []

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()

    def serve(self, reply: Reply) -> Stub:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.folder / "engine"))
        listening.listen()
        self.stubs.append(Stub(listening, reply))
        return self.stubs[-1]

    def says(self, host: str, code: int, words: str) -> None:
        (self.folder / f"says-{host}").write_text(f"{code} {words}")


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    with TemporaryDirectory(prefix="dl-") as name:
        folder = Path(name)
        (folder / "bin").mkdir()
        (folder / "bin/ssh").write_text(FAKE.format(python=sys.executable, folder=name))
        (folder / "bin/ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        found = Far(folder)
        yield found
        for stub in found.stubs:
            stub.close()


def reach(address: str, seconds: float = 10) -> DockerEngine:
    return connect(Endpoint(address, "DOCKER_HOST"), look_seconds=seconds, system=System())


def test_it_is_reached_as_the_docker_client_reaches_it(far: Far) -> None:
    stub = far.serve(lambda path: pong("1.47") if path.endswith("_ping") else answer("[]"))
    engine = reach("ssh://me@build.example:2222/run/user/1/docker.sock")
    assert engine.containers() == ()
    assert [line.split()[1].rpartition("/v1.47")[2].split("?")[0] for line in stub.asked] == [
        "/_ping",
        "/containers/json",
    ]
    assert far.asked[0] == (
        "-T -o BatchMode=yes -o ConnectTimeout=10 -l me -p 2222 -- build.example"
        " docker --host unix:///run/user/1/docker.sock system dial-stdio"
    )
    engine.close()


def test_one_line_serves_many_requests(far: Far) -> None:
    body = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"

    def keep(listening: socket.socket) -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(taken,), daemon=True).start()

    def talk(taken: socket.socket) -> None:
        held = b""
        while piece := taken.recv(4096):
            held += piece
            while b"\r\n\r\n" in held:
                held = held.partition(b"\r\n\r\n")[2]
                taken.sendall(body)
        taken.close()

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(far.folder / "engine"))
    listening.listen()
    threading.Thread(target=keep, args=(listening,), daemon=True).start()
    engine = reach("ssh://h")
    for _ in range(5):
        assert engine.containers() == ()
    assert len(far.asked) == 2  # to agree on a version, and for all looks
    engine.close()
    listening.close()


def test_it_ends_with_the_connection(far: Far) -> None:
    far.serve(lambda path: pong() if path == "/_ping" else answer("[]"))
    lines: list[ssh.Line] = []

    def open_line(command: list[str]) -> ssh.Line:
        lines.append(ssh.Line(command))
        return lines[-1]

    line = open_line(Target("h").dial)
    line.socket.close()
    assert line._ended.wait(20)
    assert line._process.returncode is not None


@pytest.mark.parametrize(
    ("code", "words", "kind", "says", "remedy"),
    [
        (255, "me@far: Permission denied (publickey,password).\n", EnginePermission, "does not let you in",
         "ssh-copy-id -p 7 me@far"),
        (255, "Host key verification failed.\r\n", EnginePermission, "does not know the key of far",
         "ssh -p 7 me@far docker version"),
        (255, "@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\nHost key verification failed.\n",
         EnginePermission, "or it has changed", "ssh -p 7 me@far docker version"),
        (255, "ssh: Could not resolve hostname far: Name or service not known\n", HostInvalid, "not known by name",
         "unset DOCKER_HOST"),
        (255, "ssh: connect to host far port 7: Connection refused\n", EngineRefused, "Nobody listens for ssh",
         "ssh -p 7 me@far docker version"),
        (255, "ssh: connect to host far port 7: Connection timed out\n", EngineSilent, "does not answer to ssh",
         "ssh -p 7 me@far docker version"),
        (255, "ssh: connect to host far port 7: No route to host\n", NoEngine, "cannot be reached",
         "unset DOCKER_HOST"),
        (127, "bash: line 1: docker: command not found\n", NoEngine, "no docker command",
         "ssh -p 7 me@far docker version"),
        (127, "sh: 1: docker: not found\n", NoEngine, "no docker command", "ssh -p 7 me@far docker version"),
        (1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
         NoEngine, "No engine runs on far", "ssh -p 7 me@far -t sudo systemctl start docker"),
        (1, "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\n",
         EnginePermission, "may not open its socket", "ssh -p 7 me@far -t 'sudo usermod -aG docker"),
        (255, "kex_exchange_identification: Connection closed by remote host\n", EngineRefused, "The way by ssh to far",
         "ssh -p 7 me@far docker version"),
        (3, "", EngineRefused, "it ended with 3", "ssh -p 7 me@far docker version"),
    ],
)  # fmt: skip
def test_why_it_ended(far: Far, code: int, words: str, kind: type[EngineError], says: str, remedy: str) -> None:
    far.says("far", code, words)
    with pytest.raises(EngineError) as caught:
        reach("ssh://me@far:7")
    error = caught.value
    assert type(error) is kind, error.message
    assert says in error.message
    assert "(DOCKER_HOST)." in error.message
    assert "\n" not in error.message
    assert str(error.remedy).startswith(remedy)


def test_no_ssh_at_all(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(far.folder))
    with pytest.raises(HostInvalid, match="no program ssh") as caught:
        connect(Endpoint("ssh://h", "DOCKER_HOST"), system=System(distribution="alpine", root=True))
    assert caught.value.remedy == "apk add openssh-client"


def test_one_that_hangs(far: Far) -> None:
    began = time.monotonic()
    with pytest.raises(EngineSilent, match=r"ssh://hangs .* did not answer within 0.5 s"):
        reach("ssh://hangs", 0.5)
    assert time.monotonic() - began < 10


def test_something_else_that_answers(far: Far) -> None:
    far.serve(lambda _: answer("<html>It works!</html>", kind="text/html"))
    with pytest.raises(NotAnEngine, match="ssh://h is not Docker's API"):
        reach("ssh://h")


def test_it_goes_away_between_two_questions(far: Far) -> None:
    far.serve(lambda path: pong() if path == "/_ping" else answer("[]"))
    engine = reach("ssh://h")
    assert engine.containers() == ()
    far.says("h", 255, "Connection to h closed by remote host.\n")
    with pytest.raises(EngineRefused, match="closed by remote host"):
        engine.containers()


def test_control_sequences_of_the_other_end_do_not_pass(far: Far) -> None:
    far.says("h", 255, "no\x1b[2J \x1b]0;title\x07way\n")
    with pytest.raises(EngineRefused) as caught:
        reach("ssh://h")
    assert "no way (DOCKER_HOST)" in caught.value.message


def test_published_ports_are_looked_for_where_ssh_goes(far: Far) -> None:
    info = answer('{"ID": "X", "ServerVersion": "28.0"}')
    far.serve(lambda path: pong() if path == "/_ping" else info)
    assert reach("ssh://alias").identity.host == "10.9.8.7"
    assert reach("ssh://plain.example").identity.host == "plain.example"
    assert any(line == "-G -- alias" for line in far.asked)


class TestConsent:
    """An engine behind ssh is on another machine: it is used after a yes, and after another one when it is another."""

    @pytest.fixture
    def learner(self, far: Far, tmp_path: Path) -> Learner:
        found = Learner(tmp_path)
        found.environ |= {"DOCKER_HOST": "ssh://me@far", "PATH": os.environ["PATH"]}
        return found

    def serve(self, far: Far, engine_id: str) -> Stub:
        info = {"ID": engine_id, "DockerRootDir": "/d", "ServerVersion": "28.0", "OSType": "linux"}
        (far.folder / "engine").unlink(missing_ok=True)
        return far.serve(lambda path: pong() if path == "/_ping" else answer(json.dumps(info)))

    def test_nothing_is_connected_to_before_a_yes(self, far: Far, learner: Learner) -> None:
        self.serve(far, "FIRST")
        refused = learner.process("engine", "status")
        assert refused.code == 2
        assert "ssh://me@far (DOCKER_HOST) is on another machine" in " ".join(refused.err.split())
        assert not (far.folder / "asked").exists()

    def test_the_doctor_asks_once(self, far: Far, learner: Learner) -> None:
        self.serve(far, "FIRST")
        out, err = io.StringIO(), io.StringIO()
        view = View(out, err, io.StringIO("n\nn\nn\n"), interactive=True)
        assert run(("doctor",), Wiring(view, environ=learner.environ)) == 1
        assert err.getvalue().count("Use it?") == 1
        assert "you have not agreed to it yet" in " ".join(out.getvalue().split())

    def test_once_is_enough_for_one_engine(self, far: Far, learner: Learner) -> None:
        self.serve(far, "FIRST")
        # There is nothing on it to begin a lesson with; but it has been agreed to and looked at.
        learner.process("start", "--yes")
        told = (Path(learner.environ["DOCKERLEARN_HOME"]) / "remote-engines").read_text()
        assert told == "ssh://me@far FIRST:/d\n"
        status = learner.process("engine", "status", "--json")
        assert (status.code, status.json["engine"]["address"]) == (0, "ssh://me@far")

    def test_another_engine_there_is_asked_about_anew(self, far: Far, learner: Learner) -> None:
        self.serve(far, "FIRST").close()
        Consents(Path(learner.environ["DOCKERLEARN_HOME"])).add("ssh://me@far", "FIRST:/d")
        self.serve(far, "SECOND")
        refused = learner.process("engine", "status")
        assert refused.code == 2
        assert "another one than the one you agreed to" in " ".join(refused.err.split())
        doctor = learner.process("doctor", "--json")
        assert (doctor.code, doctor.json["findings"][0]["level"]) == (1, "problem")


@pytest.mark.parametrize(
    ("address", "target", "typed"),
    [
        ("ssh://h", Target("h"), "ssh h"),
        ("ssh://Alias", Target("Alias"), "ssh Alias"),
        ("ssh://me@h:7", Target("h", "me", 7), "ssh -p 7 me@h"),
        ("ssh://me@[::1]:7/x", Target("::1", "me", 7, "/x"), "ssh -p 7 me@::1"),
    ],
)
def test_targets(address: str, target: Target, typed: str) -> None:
    assert Target.of(address) == target
    assert target.typed == typed


def test_every_reason_has_its_words() -> None:
    from dockerlearn.engine import failures

    reasons = {kind for kind, _ in ssh._WHY} | {"no ssh", "other", "no docker"}
    assert reasons == set(failures._SSH)
    assert why(SshEnded(127, "")) == "no docker"
    assert why(SshEnded(1, "")) == "other"
