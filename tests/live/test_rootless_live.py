"""An ordinary user's practice engine; and that up and down leave nothing, for root and for such a user."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlearn.engine import packet_filter, processes
from dockerlearn.engine.practice import Practice, read_record
from dockerlearn.engine.processes import Process
from tests.live.conftest import Docker
from tests.live.machine import at_rest, machine, own_network, unchanged
from tests.live.ordinary import NAME, Ordinary, ordinary_user
from tests.waiting import until

ROUNDS = 20
KEPT = {"lock", "config", "data", "store", "dockerd.log", "mirror.log"}


@pytest.fixture(autouse=True)
def _own_network() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
def ann() -> Iterator[Ordinary]:
    with ordinary_user() as user:
        yield user


def twenty_times(folder: Path, command: Callable[..., list[str]], use: Callable[[], None]) -> None:
    """Up and down, once with the engine killed in the middle of its work, and a few times with the command."""
    before = machine()

    def run(*arguments: str) -> dict[str, object]:
        done = subprocess.run(
            command("engine", *arguments, "--json"),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    for number in range(ROUNDS):
        if number in (6, 9, 12):
            # The command is killed when the engine has just been started, a little later, and when it nearly answers.
            starting = subprocess.Popen(command("engine", "up", "--stand-ins"), stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
            until(lambda: bool(processes.naming([folder], ("dockerd", "rootlesskit"))), "the engine's process")
            time.sleep(number / 40 - 0.15)
            os.killpg(starting.pid, signal.SIGKILL)
            starting.wait()
        else:
            assert run("up", "--stand-ins")["up"] is True
        if number == 3:
            use()
            kill(engine(folder))
        assert run("down")["up"] is False
        unchanged(before)
        assert {path.name for path in folder.iterdir()} <= KEPT
    run("down", "--purge", "--yes")
    unchanged(before)
    assert not folder.exists()


def engine(folder: Path) -> list[Process]:
    return [process for process in processes.naming([folder], ("dockerd",))
            if processes.command_line(process.pid)[0].endswith("dockerd")]  # fmt: skip


def kill(victims: list[Process]) -> None:
    assert victims
    for victim in victims:
        processes.send(victim, signal.SIGKILL)
    assert processes.wait_gone(victims, 5) == []


@pytest.fixture
def _own_docker_folder() -> Iterator[None]:
    """Nothing in ``/etc/docker``, as on a machine on which no engine has been: else what is put there is not seen."""
    there = Path("/etc/docker").is_dir()
    if there:
        subprocess.run(["mount", "-t", "tmpfs", "dl-none", "/etc/docker"], check=True)
    yield
    if there:
        subprocess.run(["umount", "/etc/docker"], check=True)


def roots_files() -> list[str]:
    """What is where an engine of root's puts things by itself, outside of its own folders."""
    places = ("/etc/docker", "/opt", "/var/lib/docker", "/var/lib/containerd", "/etc/cni", "/etc/containerd")
    return sorted(str(path) for place in places for path in [Path(place), *Path(place).rglob("*")] if path.exists())


@pytest.mark.usefixtures("_own_docker_folder")
def test_twenty_times_up_and_down_leave_nothing_of_roots() -> None:
    before = roots_files()
    with tempfile.TemporaryDirectory(prefix="dl-practice-") as name:
        folder = Path(name) / "engine"
        told = {"DOCKERLEARN_HOME": name, "DOCKERLEARN_WORKSPACE": f"{name}/work", "HOME": name}

        def command(*arguments: str) -> list[str]:
            variables = [f"{key}={value}" for key, value in told.items()]
            return ["env", *variables, sys.executable, "-m", "dockerlearn", *arguments]

        (Path(name) / "client").mkdir()
        docker = Docker(f"unix://{folder}/run/s", Path(name) / "client")
        twenty_times(folder, command, lambda: use(docker))
    assert roots_files() == before


def test_twenty_times_up_and_down_leave_nothing_of_an_ordinary_users(ann: Ordinary) -> None:
    def command(*arguments: str) -> list[str]:
        return ann.command(sys.executable, "-m", "dockerlearn", *arguments)

    twenty_times(ann.engine, command, lambda: use(ann.docker))
    assert ann.processes() == []
    left = set(ann.files()) - {str(ann.home / "docker")}
    assert {path for path in left if not path.startswith(str(ann.home / "dl"))} == set()


def use(docker: Callable[..., str]) -> None:
    """Make the engine do things that change the machine."""
    docker("network", "create", "own")
    docker("run", "-d", "--name", "web", "--network", "own", "-p", "127.0.0.1:8080:80", "busybox:1.36", "httpd", "-f")
    docker(
        "run", "-d", "--name", "plain", "-p", "8081:80", "-v", "vol:/data", "-u", "33", "busybox:1.36", "sleep", "99"
    )


@pytest.mark.parametrize(
    "victims",
    [("dockerd",), ("rootlesskit",), ("containerd-shim-runc-v2",), ("rootlesskit", "containerd-shim-runc-v2")],
    ids="+".join,
)
def test_down_after_it_was_killed_leaves_nothing(ann: Ordinary, victims: tuple[str, ...]) -> None:
    """Containers outlive their engine, and those whose keeper was killed too have no name of ours on them."""
    before = machine()
    assert ann.learn("engine", "up", "--stand-ins").returncode == 0
    use(ann.docker)
    until(lambda: "sleep 99" in ann.processes(), "the container's process")
    kill([one for one in processes.naming([ann.engine], victims)
          if processes.command_line(one.pid)[0].rpartition("/")[2] in victims])  # fmt: skip
    down = ann.learn("engine", "down")
    assert down.returncode == 0, down.stderr
    assert ann.processes() == []
    unchanged(before)
    # What the containers of user 33 have written is gone with the rest.
    assert ann.learn("engine", "down", "--purge", "--yes").returncode == 0
    assert not ann.engine.exists()


def test_its_machine_sees_nothing_of_it_but_ports(ann: Ordinary) -> None:
    before = machine()
    up = ann.learn("engine", "up", "--stand-ins", "--json")
    assert up.returncode == 0, up.stderr
    assert ann.learn("engine", "up", "--json").stdout == up.stdout
    use(ann.docker)
    during = machine()
    changed = {key for key in before if before[key] != during[key]}
    assert changed == {"processes", "listening"}
    assert (ann.engine / "run").stat().st_mode & 0o777 == 0o700
    assert "rootless" in ann.docker("info", "-f", "{{.SecurityOptions}}")
    # A published port is on this machine; what is on loopback there stays there.
    assert get(8080) == 404
    record = read_record(ann.engine)
    assert record is not None
    assert record.kit is not None
    assert record.mirror is not None
    assert processes.network_namespace(record.mirror.process.pid) != processes.network_namespace()
    # Down and up again, it is the same engine with what was on it.
    assert ann.learn("engine", "down").returncode == 0
    assert ann.learn("engine", "up", "--json").stdout == up.stdout
    assert set(ann.docker("ps", "-a", "--format", "{{.Names}}").split()) == {"web", "plain"}


def get(port: int) -> int:
    """The status with which a port on this machine's loopback answers a request."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_running_engine_beside_it_is_as_before(ann: Ordinary) -> None:
    """The machine's own engine has a port published: its rules are the same text, and the port answers all the time."""
    with tempfile.TemporaryDirectory(prefix="dl-other-") as name:
        other = Practice(Path(name) / "engine")
        theirs = other.up(stand_ins=True)
        assert theirs.address is not None
        (Path(name) / "client").mkdir()
        docker = Docker(theirs.address, Path(name) / "client")
        docker("run", "-d", "--name", "theirs", "-p", "8070:80", "busybox:1.36", "httpd", "-f")
        address = docker("inspect", "theirs", "-f", "{{.NetworkSettings.IPAddress}}")
        until(lambda: get(8070) == 404, "their port")
        before, rules = at_rest(), rules_now()
        assert any("8070" in text for text in rules.values())
        for _ in range(2):
            assert ann.learn("engine", "up", "--stand-ins").returncode == 0
            if not ann.docker("ps", "-aq"):
                use(ann.docker)
            assert (rules_now(), get(8070)) == (rules, 404)
            assert ann.learn("engine", "down").returncode == 0
            assert (rules_now(), get(8070)) == (rules, 404)
        unchanged(before)
        assert (
            docker("inspect", "theirs", "-f", "{{.NetworkSettings.IPAddress}} {{.State.Running}}") == f"{address} true"
        )
        assert other.status() == theirs
        other.down(purge=True)


def rules_now() -> dict[str, str]:
    """The packet filter as it is, but for what counts packets and times."""
    return {
        family: "\n".join(
            re.sub(r"\[\d+:\d+\]", "", line) for line in text.splitlines() if not line.startswith("#")
        )
        for family, text in packet_filter.save().items()
    }  # fmt: skip


def test_one_command_and_the_first_task_with_the_stock_client(ann: Ordinary) -> None:
    start = ann.learn("start", "--practice", "--yes", "--plain")
    assert start.returncode == 0, start.stderr
    said = start.stdout + start.stderr
    host = re.search(r"export (DOCKER_HOST=\S+)", said)
    assert host is not None, said
    name, _, value = host[1].partition("=")
    ann.environment[name] = value
    assert ann.learn("check").returncode == 1
    solution = ann.learn("solution", "--plain").stdout
    assert "docker run -d --name dl-first" in solution
    done = ann("sh", "-c", solution)
    assert done.returncode == 0, done.stderr
    # Here no name server can be reached, and none is waited for long: each pull asks one.
    assert "options timeout:1" in ann.docker("run", "--rm", "busybox:1.36", "cat", "/etc/resolv.conf")
    passed = ann.learn("check", "step")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    ann.docker("run", "-d", "--name", "web", "-p", "8080:80", "busybox:1.36", "httpd", "-f")
    until(lambda: get(8080) == 404, "the published port")
    assert ann.learn("clean", "--yes").returncode == 0


class TestWhatIsMissing:
    """Each piece taken away for real, and the command that is told run for real."""

    def told(self, ann: Ordinary) -> tuple[str, str]:
        """What is said, and the command: the last line, which stands alone."""
        up = ann.learn("engine", "up", "--stand-ins")
        assert (up.returncode, up.stdout) == (3, "")
        assert not ann.engine.exists(), "nothing may be begun"
        *message, remedy = up.stderr.strip().removeprefix("dockerlearn: ").splitlines()
        return " ".join(map(str.strip, message)), remedy.strip()

    def works_after(self, ann: Ordinary, command: str) -> None:
        ann.as_root(command)
        up = ann.learn("engine", "up", "--stand-ins")
        assert up.returncode == 0, up.stderr

    @pytest.mark.parametrize("files", [("subuid",), ("subgid",), ("subuid", "subgid")], ids="+".join)
    def test_subordinate_ids(self, ann: Ordinary, files: tuple[str, ...]) -> None:
        for file in files:
            ann.as_root(f"sed -i /{NAME}/d /etc/{file}")
        message, remedy = self.told(ann)
        assert " and ".join(f"/etc/{file}" for file in files) in message
        assert "usermod" in remedy
        self.works_after(ann, remedy)

    def test_the_device(self, ann: Ordinary) -> None:
        ann.as_root("chmod 0600 /dev/net/tun")
        message, remedy = self.told(ann)
        assert "access to the device /dev/net/tun" in message
        self.works_after(ann, remedy)

    def test_all_of_the_system_at_once(self, ann: Ordinary) -> None:
        ann.as_root(f"chmod 0600 /dev/net/tun; sed -i /{NAME}/d /etc/subuid /etc/subgid")
        message, remedy = self.told(ann)
        assert message.endswith("This one command brings all of it:")
        self.works_after(ann, remedy)

    def test_user_namespaces(self, ann: Ordinary) -> None:
        # Of the whole machine, so it is not switched off here: another file is laid over what says so.
        ann.as_root("echo 0 > /etc/none && mount --bind /etc/none /proc/sys/user/max_user_namespaces")
        message, remedy = self.told(ann)
        assert "user namespaces, which are switched off here" in message
        assert "sysctl -w user.max_user_namespaces=28633" in remedy
        self.works_after(ann, "umount /proc/sys/user/max_user_namespaces")

    @pytest.mark.parametrize(
        ("program", "package"),
        [("dockerd", "docker.io"), ("rootlesskit", "rootlesskit"), ("slirp4netns", "slirp4netns"),
         ("newuidmap", "uidmap")],
    )  # fmt: skip
    def test_programs(self, ann: Ordinary, program: str, package: str) -> None:
        place = ann.as_root(f"readlink -f $(command -v {program})").strip()
        ann.as_root(f"mount --bind /dev/null {place}")
        message, remedy = self.told(ann)
        assert f"Missing: the program {program}. This one command brings it:" in message
        assert f"apt-get install --no-install-recommends {package}" in remedy
        self.works_after(ann, f"umount {place}")


LOOK = """
import sys
from pathlib import Path
from dockerlearn.engine import abilities, client, endpoint
engine = client.connect(endpoint.find({"DOCKER_HOST": sys.argv[1]}, Path("/nonexistent")))
says = engine.condition()
print(says.rootless, says.limits, says.cpus, says.pids)
print(abilities.Abilities(lambda: engine, {}).lacking(["cgroup"]))
print(*sorted(engine.top("web")), sep=",")
"""


def test_without_control_groups_it_is_not_believed_and_its_processes_are_seen(ann: Ordinary) -> None:
    """This user has no systemd of its own that could give any: the engine takes limits and ignores them."""
    assert ann.learn("engine", "up", "--stand-ins").returncode == 0
    script = "sleep 1001 & exec httpd -f"
    ann.docker("run", "-d", "--name", "web", "-m", "64m", "busybox:1.36", "sh", "-c", script)
    assert ann.docker("inspect", "web", "-f", "{{.HostConfig.Memory}}") == str(64 << 20)
    looked = ann(sys.executable, "-c", LOOK, f"unix://{ann.engine}/run/s")
    assert looked.returncode == 0, looked.stderr
    can, needs, listed = looked.stdout.splitlines()
    assert can == "True False False False"
    assert needs == "control groups (to limit, pause and measure), which this engine cannot use"
    assert listed == "httpd -f,sleep 1001"


def test_in_a_folder_with_a_long_name_and_a_space(ann: Ordinary) -> None:
    """Its sockets are then in the temporary folder, and go with it."""
    before = [path for path in ann.files() if not path.startswith(str(ann.home))]
    ann.environment["DOCKERLEARN_HOME"] = str(ann.home / ("a space " + "long" * 25))
    up = ann.learn("engine", "up", "--stand-ins", "--json")
    assert up.returncode == 0, up.stderr
    address = json.loads(up.stdout)["address"]
    assert not address.startswith(f"unix://{ann.home}")
    run = Path(address.removeprefix("unix://")).parent
    assert run.stat().st_mode & 0o777 == 0o700
    done = ann("docker", "run", "--rm", "busybox:1.36", "echo", "hello", more={"DOCKER_HOST": address})
    assert done.stdout == "hello\n", done.stderr
    down = ann.learn("engine", "down", "--purge", "--yes")
    assert down.returncode == 0, down.stderr
    assert not run.exists()
    assert not Path(ann.environment["DOCKERLEARN_HOME"], "engine").exists()
    assert [path for path in ann.files() if not path.startswith(str(ann.home))] == before
    assert ann.processes() == []
