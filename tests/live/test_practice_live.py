"""The practice engine itself: that it comes up, survives, and leaves nothing. Each test in a network of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerlearn.engine import processes, unix_http
from dockerlearn.engine.practice import Practice, PracticeStatus, address, read_record
from dockerlearn.errors import PracticeFailed
from tests.live.conftest import Docker
from tests.live.machine import machine, own_network, unchanged

UP = (
    "import sys; from pathlib import Path; from dockerlearn.engine.practice import Practice; "
    "status = Practice(Path(sys.argv[1])).up(stand_ins=True); print(status.engine_id, status.address)"
)


@pytest.fixture(autouse=True)
def _own_network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dl-practice-") as name:
        yield Path(name) / "engine"
        Practice(Path(name) / "engine").down(purge=True)


def client(status: PracticeStatus, folder: Path) -> Docker:
    assert status.address is not None
    home = folder.parent / "client"
    home.mkdir(exist_ok=True)
    return Docker(status.address, home)


def use(docker: Docker) -> None:
    """Make the engine do things that change the machine."""
    docker("network", "create", "own")
    docker("run", "-d", "--name", "web", "--network", "own", "-p", "127.0.0.1:8080:80", "busybox:1.36", "httpd", "-f")
    docker("run", "-d", "--name", "plain", "-p", "8081:80", "-v", "vol:/data", "busybox:1.36", "sleep", "1000")


def test_a_stock_pull_and_run_work_and_nothing_is_left(folder: Path) -> None:
    before = machine()
    practice = Practice(folder)
    said: list[str] = []
    status = practice.up(stand_ins=True, progress=said.append)
    assert status.up
    assert status.stand_ins
    assert any("stand-in" in line for line in said)
    assert (folder / "run").stat().st_mode & 0o777 == 0o700
    docker = client(status, folder)
    assert "Downloaded newer image for busybox:1.36" in docker("pull", "busybox:1.36")
    assert docker("run", "--rm", "busybox:1.36", "echo", "hello") == "hello"
    use(docker)
    subnet = docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Subnet}}")
    assert subnet.startswith("10.")
    during = machine()
    changed = {key for key in before if before[key] != during[key]}
    # If it changed less than this, the comparison below would prove less than it says.
    assert changed >= {"mounts", "links", "routes", "rules", "forwarding", "processes", "listening"}
    assert Practice(folder).status() == status
    assert practice.down().up is False
    unchanged(before)
    kept = {path.name for path in folder.iterdir()} - {"config"}
    assert kept == {"data", "dockerd.log", "lock", "mirror.log", "store"}
    assert address(folder) is None
    practice.down(purge=True)
    assert not folder.exists()


def test_up_again_is_the_same_engine(folder: Path) -> None:
    practice = Practice(folder)
    first = practice.up(stand_ins=True)
    begun = processes.naming([folder], ("dockerd",))
    assert Practice(folder).up() == first
    assert processes.naming([folder], ("dockerd",)) == begun
    client(first, folder)("pull", "-q", "busybox:1.36")
    practice.down()
    second = practice.up(stand_ins=False)
    assert second.engine_id == first.engine_id
    assert second.stand_ins is False
    # Its data was kept.
    assert client(second, folder)("image", "ls", "-q")


def test_stand_ins_come_only_where_no_registry_answers(folder: Path) -> None:
    """In this namespace there is nothing but loopback."""
    said: list[str] = []
    status = Practice(folder).up(progress=said.append)
    assert status.stand_ins
    assert "No registry answers from here." in said
    assert "Downloaded" in client(status, folder)("pull", "busybox:1.36")


def test_stand_ins_can_be_added_to_an_engine_that_runs(folder: Path) -> None:
    practice = Practice(folder)
    without = practice.up(stand_ins=False)
    docker = client(without, folder)
    assert docker.try_("pull", "busybox:1.36").returncode != 0
    with_them = practice.up(stand_ins=True)
    assert with_them.engine_id == without.engine_id
    assert with_them.stand_ins
    docker("pull", "busybox:1.36")
    # A mirror that ended is started again.
    record = read_record(folder)
    assert record is not None
    assert record.mirror is not None
    assert processes.send(record.mirror.process, signal.SIGKILL)
    processes.wait_gone([record.mirror.process], 5)
    practice.up()
    docker("rmi", "busybox:1.36")
    docker("pull", "busybox:1.36")


def test_it_comes_up_again_after_it_was_killed(folder: Path) -> None:
    before = machine()
    practice = Practice(folder)
    first = practice.up(stand_ins=True)
    use(client(first, folder))
    (dockerd,) = processes.naming([folder], ("dockerd",))
    processes.send(dockerd, signal.SIGKILL)
    processes.wait_gone([dockerd], 5)
    assert practice.status().up is False
    assert processes.naming([folder], ("containerd",)), "its containers outlive it; else this test proves little"
    second = practice.up(stand_ins=True)
    assert second.up
    assert second.engine_id == first.engine_id
    docker = client(second, folder)
    assert docker("ps", "-aq", "-f", "status=running") == ""
    docker("start", "web", "plain")
    practice.down()
    unchanged(before)


@pytest.mark.parametrize("victims", [("dockerd",), ("dockerd", "containerd")])
def test_down_after_it_was_killed_leaves_nothing(folder: Path, victims: tuple[str, ...]) -> None:
    before = machine()
    practice = Practice(folder)
    use(client(practice.up(stand_ins=True), folder))
    for process in processes.naming([folder], victims):
        processes.send(process, signal.SIGKILL)
    practice.down()
    unchanged(before)


def test_a_socket_left_behind_by_a_restart_of_the_machine(folder: Path) -> None:
    """As after one: the record and the files are there, no process, and the network is as new."""
    practice = Practice(folder)
    first = practice.up(stand_ins=True)
    record = (folder / "engine.json").read_bytes()
    practice.down()
    (folder / "run").mkdir()
    (folder / "run" / "p").write_text("1")
    (folder / "run" / "s").touch()
    (folder / "engine.json").write_bytes(record.replace(b'"boot": "', b'"boot": "x'))
    assert practice.up(stand_ins=True).engine_id == first.engine_id


def test_two_at_once_make_one_engine(folder: Path) -> None:
    command = [sys.executable, "-c", UP, str(folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1] != ""
    assert len(processes.naming([folder], ("dockerd",))) == 1
    # The commands that started it are gone, and it is not.
    assert Practice(folder).status().up


def test_beside_a_running_engine_it_is_refused(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dl-other-") as name:
        other = Practice(Path(name) / "engine")
        theirs = other.up(stand_ins=False)
        before = machine()
        with pytest.raises(PracticeFailed, match="Another engine runs here already"):
            Practice(folder).up()
        unchanged(before)
        assert other.status() == theirs
        other.down(purge=True)


def test_an_engine_at_the_default_socket_counts(folder: Path) -> None:
    """Also when its process cannot be told by its name, as in a virtual machine or behind a proxy."""
    with tempfile.TemporaryDirectory(prefix="dl-other-") as name:
        path = Path(name) / "docker.sock"
        script = (
            "import http.server, socketserver, sys\n"
            "class Handler(http.server.BaseHTTPRequestHandler):\n"
            "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'OK')\n"
            "    def address_string(self): return 'x'\n"
            "    def log_message(self, *_): pass\n"
            "class Server(socketserver.ThreadingUnixStreamServer): pass\n"
            "Server(sys.argv[1], Handler).serve_forever()\n"
        )
        running = subprocess.Popen([sys.executable, "-c", script, str(path)])
        try:
            deadline = time.monotonic() + 5
            while not unix_http.pings(str(path)):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            with pytest.raises(PracticeFailed, match=str(path)):
                Practice(folder, default_socket=path).up()
        finally:
            running.kill()
            running.wait()


def test_a_failing_start_quotes_the_log_and_leaves_nothing(folder: Path) -> None:
    before = machine()
    folder.mkdir()
    # A data root that cannot be one.
    (folder / "data").mkdir()
    (folder / "data" / "containers").write_text("not a folder")
    with pytest.raises(PracticeFailed, match="ended while it started") as failed:
        Practice(folder).up(stand_ins=True)
    assert "not a directory" in failed.value.message
    unchanged(before)
    assert address(folder) is None


def test_in_a_folder_with_a_long_name_the_sockets_are_elsewhere() -> None:
    with tempfile.TemporaryDirectory(prefix="dl-practice-") as name:
        folder = Path(name) / ("long" * 30) / "engine"
        before = machine()
        practice = Practice(folder)
        status = practice.up(stand_ins=True)
        record = read_record(folder)
        assert status.address is not None
        assert record is not None
        assert not status.address.startswith(f"unix://{folder}")
        assert Path(record.run).stat().st_mode & 0o777 == 0o700
        docker = Docker(status.address, Path(name))
        assert docker("run", "--rm", "busybox:1.36", "echo", "hello") == "hello"
        practice.down(purge=True)
        unchanged(before)


def test_a_chroot_is_refused_since_docker_exec_would_lead_out_of_it(tmp_path: Path) -> None:
    ask = "from dockerlearn.engine import practice; print(practice._is_chroot())"
    inside = f"mount --rbind / {tmp_path} && exec chroot {tmp_path} {sys.executable} -c '{ask}'"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    chroot = subprocess.run([*command, inside], capture_output=True, text=True, check=True, cwd="/")
    assert chroot.stdout.strip() == "True"
    plain = subprocess.run([*command, f"exec {sys.executable} -c '{ask}'"], capture_output=True, text=True, check=True)
    assert plain.stdout.strip() == "False"
