"""The practice engine as far as no engine is needed: its record, what is refused, processes and address ranges."""

from __future__ import annotations

import ipaddress
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dockerlearn.engine import bridge, practice, processes
from dockerlearn.engine.practice import Before, MirrorProcess, Practice, Record, address, address_if_up, read_record
from dockerlearn.engine.standins import hello_world
from dockerlearn.errors import PracticeFailed
from tests.waiting import until


def record(folder: Path, **fields: object) -> Record:
    values: dict[str, object] = {
        "boot": "boot", "network": "net:[1]", "run": str(folder / "run"), "bridge": "dl1", "subnet": "10.200.0.0/16",
        "before": Before(),
    }  # fmt: skip
    made = msgspec.convert({**values, **fields}, Record, from_attributes=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / practice.RECORD).write_bytes(msgspec.json.encode(made))
    return made


@pytest.fixture
def sleeper() -> Iterator[processes.Process]:
    """A process that is there."""
    running = subprocess.Popen(["sleep", "100"])
    found = processes.look(running.pid)
    assert found is not None
    yield found
    running.kill()
    running.wait()


def test_there_is_no_address_without_a_record(tmp_path: Path) -> None:
    assert address(tmp_path / "nowhere") is None
    assert address_if_up(tmp_path / "nowhere") is None


def test_the_address_is_the_records(tmp_path: Path) -> None:
    record(tmp_path, address="unix:///somewhere/s")
    assert address(tmp_path) == "unix:///somewhere/s"


def test_one_that_is_still_starting_has_no_address(tmp_path: Path) -> None:
    record(tmp_path)
    assert address(tmp_path) is None


def test_only_an_engine_with_stand_ins_lacks_any(tmp_path: Path, sleeper: processes.Process) -> None:
    wanted = ["hello-world", "redis:7"]
    assert Practice(tmp_path).unmade(wanted) == ()
    record(tmp_path)
    assert Practice(tmp_path).unmade(wanted) == ()
    record(tmp_path, mirror=MirrorProcess(sleeper, 5000))
    assert Practice(tmp_path).unmade(wanted) == ("hello-world",)
    if platform.machine() in hello_world.MACHINES:
        Practice(tmp_path).make("hello-world")
        assert Practice(tmp_path).unmade(wanted) == ()


def test_what_has_no_stand_in_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PracticeFailed, match="There is no stand-in for redis:7"):
        Practice(tmp_path).make("redis:7")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b"\xff\xfe"])
def test_a_damaged_record_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / practice.RECORD).write_bytes(content)
    assert address(tmp_path) is None
    assert read_record(tmp_path) is None
    assert Practice(tmp_path).status().up is False


def test_an_engine_that_ended_is_not_up(tmp_path: Path, sleeper: processes.Process) -> None:
    record(tmp_path, address="unix:///x/s", dockerd=sleeper)
    assert address_if_up(tmp_path) == "unix:///x/s"
    # The same number, another process: it was used again.
    record(tmp_path, address="unix:///x/s", dockerd=processes.Process(sleeper.pid, sleeper.start + 1))
    assert address_if_up(tmp_path) is None
    assert address(tmp_path) == "unix:///x/s"


def test_another_process_of_its_number_is_neither_taken_for_it_nor_ended(
    tmp_path: Path, sleeper: processes.Process
) -> None:
    made = record(tmp_path, address="unix:///x/s", dockerd=sleeper)
    if os.geteuid() != 0:
        with pytest.raises(PracticeFailed):
            Practice(tmp_path).down()
        assert processes.is_alive(sleeper)
        return
    assert Practice(tmp_path).status().up is False
    status = Practice(tmp_path).down()
    assert status.up is False
    assert read_record(tmp_path) is None
    assert made.dockerd == sleeper
    assert processes.is_alive(sleeper)


def test_down_where_nothing_is_makes_nothing(tmp_path: Path) -> None:
    status = Practice(tmp_path / "engine").down()
    assert (status.up, status.address, status.folder) == (False, None, tmp_path / "engine")
    assert not (tmp_path / "engine").exists()


def test_purging_keeps_what_is_not_the_engines(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "layer").touch()
    (tmp_path / "mine").touch()
    Practice(tmp_path).down(purge=True)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "mine"}


def test_a_lock_on_a_file_that_was_purged_locks_nobody_out(tmp_path: Path) -> None:
    first, second = Practice(tmp_path / "e"), Practice(tmp_path / "e")
    with first._locked():
        assert second._take_lock() is None
        (tmp_path / "e" / "lock").unlink()
        (tmp_path / "e").rmdir()
        # Somebody makes a new one while the old one is still held.
        with second._locked():
            assert first._take_lock() is None
    assert first.down(purge=True).up is False
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("folder", "fits"), [("/short", True), ("/" + "x" * 61, True), ("/" + "x" * 62, False), ("/" + "ü" * 31, False)]
)
def test_what_counts_for_a_socket_is_bytes(folder: str, fits: bool) -> None:
    run = Path(folder) / "run"
    assert (len(os.fsencode(run)) <= practice._LONGEST_RUN) is fits
    if fits:
        longest = f"{run}/x/containerd/containerd-debug.sock.ttrpc"
        assert len(os.fsencode(longest)) <= 107


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = record(
        tmp_path, address="unix:///x", engine_id="A", before=Before(filters={"iptables": "*nat"}, links=["lo"])
    )
    assert read_record(tmp_path) == made


def test_looking_imports_no_sdk_and_no_subprocess() -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom dockerlearn.engine.practice import address, address_if_up\n"
        "address(Path('/nowhere')), address_if_up(Path('/nowhere'))\n"
        "print(sorted({'docker', 'requests', 'subprocess', 'http.client', 'socket'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", f"import site; site.main()\n{script}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_a_free_range_overlaps_no_route() -> None:
    taken = [ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12")]
    assert bridge.free_range(taken) == ipaddress.IPv4Network("192.168.0.0/16")
    assert bridge.free_range([*taken, ipaddress.IPv4Network("192.168.3.0/24")]) is None
    first = bridge.free_range([], prefer=7)
    assert first is not None
    assert bridge.free_range([ipaddress.IPv4Network("10.207.5.0/24")], prefer=7) != first
    assert bridge.free_range([ipaddress.IPv4Network("10.1.0.0/16")], prefer=7) == first


class TestProcesses:
    def test_a_signal_goes_to_the_very_process_only(self, sleeper: processes.Process) -> None:
        later = processes.Process(sleeper.pid, sleeper.start + 1)
        assert processes.send(later, signal.SIGKILL) is False
        assert processes.is_alive(sleeper)
        assert processes.send(sleeper, signal.SIGKILL) is True
        assert processes.wait_gone([sleeper], 5) == []
        assert processes.send(sleeper, signal.SIGKILL) is False

    def test_processes_are_found_by_the_folder_they_name(self, tmp_path: Path) -> None:
        program = tmp_path / "dockerd"
        program.symlink_to("/bin/sh")
        ran = [
            subprocess.Popen([program, "-c", "sleep 100; :", "x", f"--data-root={tmp_path}/{place}/data"])
            for place in ("mine", "mine-not", "other")
        ]
        shells = [shell for process in ran if (shell := processes.look(process.pid))]

        def below(roots: list[processes.Process]) -> list[str]:
            return [processes.command_line(process.pid)[0] for process in processes.descendants(roots)]

        try:
            # Until then, what a shell has forked still carries the shell's own command line.
            until(lambda: below(shells) == ["sleep"] * 3, "the commands of the shells")
            found = processes.naming([tmp_path / "mine"], ("dockerd",))
            assert found == shells[:1]
            assert processes.naming([tmp_path / "mine"], ("containerd",)) == []
            assert below(found) == ["sleep"]
        finally:
            for process in ran:
                for child in processes.descendants([found for found in [processes.look(process.pid)] if found]):
                    processes.send(child, signal.SIGKILL)
                process.kill()
                process.wait()

    def test_what_is_spawned_has_a_session_of_its_own_and_no_terminal(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        script = "ps=$(cut -d' ' -f6 /proc/$$/stat); echo $$ $ps; pwd; readlink /proc/$$/fd/0"
        spawned = processes.spawn(["/bin/sh", "-c", f"{script}; sleep 0.2"], {"PATH": os.environ["PATH"]}, log)
        assert processes.wait_gone([spawned], 5) == []
        pid, session, folder, stdin = log.read_text().split()
        assert pid == session == str(spawned.pid)
        assert (folder, stdin) == ("/", os.devnull)

    def test_a_program_that_is_not_there_says_so(self, tmp_path: Path) -> None:
        try:
            spawned = processes.spawn([str(tmp_path / "nothing")], {}, tmp_path / "log")
        except OSError:
            pass
        else:
            assert processes.wait_gone([spawned], 5) == []
        assert "nothing" in (tmp_path / "log").read_text()


def test_a_machine_without_the_programs_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(practice, "_SBIN", str(tmp_path))
    if os.geteuid() != 0:
        with pytest.raises(PracticeFailed, match="programs dockerd, containerd"):
            Practice(tmp_path / "e").up()
        return
    with pytest.raises(PracticeFailed, match="dockerd and containerd and iptables") as failed:
        Practice(tmp_path / "e").up()
    assert failed.value.remedy == "apt-get install --no-install-recommends docker.io iptables"
    assert not (tmp_path / "e" / practice.RECORD).exists()


def test_rules_are_not_taken_away_before_those_that_are_being_set(tmp_path: Path) -> None:
    (tmp_path / "iptables").symlink_to("/bin/sleep")
    setting = subprocess.Popen([tmp_path / "iptables", "0.5"])
    until(lambda: practice._program(setting.pid) == "iptables", "its name")
    practice._wait_for_filters()
    assert setting.poll() == 0


def test_what_another_user_made_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here another user's is told by number; that it is so on a machine is shown live."""
    made = record(tmp_path, user=os.geteuid() + 1)
    monkeypatch.setattr(os, "geteuid", lambda: made.user + 1)
    with pytest.raises(PracticeFailed, match="another user's, whose number is"):
        Practice(tmp_path).down()
    assert read_record(tmp_path) == made
    (tmp_path / practice.RECORD).unlink()
    (tmp_path / "data").mkdir()
    with pytest.raises(PracticeFailed, match="those of another user's practice engine") as failed:
        Practice(tmp_path)._require_possible()
    assert str(failed.value.remedy).startswith("dockerlearn engine down --purge")


def test_a_record_of_before_there_were_rootless_ones_is_roots(tmp_path: Path) -> None:
    made = record(tmp_path)
    text = (tmp_path / practice.RECORD).read_bytes()
    (tmp_path / practice.RECORD).write_bytes(text.replace(b'"user":0,', b"").replace(b',"kit":null', b""))
    assert b"user" not in (tmp_path / practice.RECORD).read_bytes()
    assert read_record(tmp_path) == made
    assert made.rootless is False
