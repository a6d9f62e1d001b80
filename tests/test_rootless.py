"""An ordinary user's engine as far as no engine is needed: what is missing on a machine, and the command for it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from dockerlearn.engine import install, rootless
from dockerlearn.engine.apt import Machine
from dockerlearn.engine.rootless import Ground
from dockerlearn.engine.system import System
from dockerlearn.errors import PracticeFailed
from tests.test_install import Box

PROGRAMS = ("dockerd", "containerd", "iptables", "rootlesskit", "slirp4netns", "newuidmap")


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """A machine on which nothing is missing, and its user ann."""
    root = tmp_path / "ready"
    for path, text in {
        "etc/subuid": "root:100000:65536\nann:165536:65536\n",
        "etc/subgid": "ann:165536:65536\n",
        "proc/self/mountinfo": "23 28 0:21 / / rw - ext4 /dev/vda rw\n",
        "proc/sys/user/max_user_namespaces": "96364\n",
        "dev/net/tun": "",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    return Ground(root, str(programs), 1000, "ann")


def put(ground: Ground, path: str, text: str) -> None:
    (ground.root / path).parent.mkdir(parents=True, exist_ok=True)
    (ground.root / path).write_text(text)


def require(ground: Ground, packages: Sequence[str] = ()) -> tuple[str, str | None]:
    with pytest.raises(PracticeFailed) as failed:
        rootless.require(ground, lambda: packages, System().as_root_together)
    return failed.value.message, failed.value.remedy


def test_where_nothing_is_missing_nothing_is_said(ground: Ground) -> None:
    rootless.require(ground, lambda: pytest.fail("no package is needed"), System().as_root_together)


IDS = "65,536 user ids for the users inside your containers"


@pytest.mark.parametrize(
    ("path", "text", "said", "command"),
    [
        ("etc/subuid", "bob:100000:65536\n", f"{IDS} (/etc/subuid)", "sudo usermod --add-subuids 231072-296607 ann"),
        ("etc/subgid", "bob:100000:65536\n", f"{IDS} (/etc/subgid)", "sudo usermod --add-subgids 231072-296607 ann"),
        # Too few do not do, and neither does somebody else's.
        ("etc/subuid", "ann:100000:1000\n", f"{IDS} (/etc/subuid)", "sudo usermod --add-subuids 231072-296607 ann"),
        ("etc/subuid", "anna:100000:65536\n", f"{IDS} (/etc/subuid)", "sudo usermod --add-subuids 231072-296607 ann"),
        ("proc/sys/user/max_user_namespaces", "0\n", "user namespaces, which are switched off here",
         "sudo sysctl -w user.max_user_namespaces=28633"),
        ("proc/sys/kernel/unprivileged_userns_clone", "0\n", "user namespaces, which only root may make here",
         "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ],
)  # fmt: skip
def test_each_missing_piece_has_its_command(ground: Ground, path: str, text: str, said: str, command: str) -> None:
    put(ground, path, text)
    message, remedy = require(ground)
    assert message.endswith(f"Missing: {said}. This one command brings it:")
    assert remedy == command


def test_a_range_that_is_proposed_is_nobodys(ground: Ground) -> None:
    put(ground, "etc/subuid", "bob:100000:65536\neve:200000:70000\n")
    put(ground, "etc/subgid", "")
    _, remedy = require(ground)
    assert remedy == "sudo usermod --add-subuids 270000-335535 --add-subgids 270000-335535 ann"
    put(ground, "etc/subuid", "")
    _, remedy = require(ground)
    assert remedy == "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann"


@pytest.mark.parametrize("owner", ["ann", "1000"])
def test_ids_count_by_name_and_by_number(ground: Ground, owner: str) -> None:
    for kind in ("uid", "gid"):
        put(ground, f"etc/sub{kind}", f"{owner}:100000:65536\n")
    assert list(rootless.lacks(ground)) == []


def test_ids_from_a_directory_of_users_are_believed(ground: Ground) -> None:
    put(ground, "etc/subuid", "")
    put(ground, "etc/nsswitch.conf", "passwd: files\nsubid: files\n")
    assert len(list(rootless.lacks(ground))) == 1
    put(ground, "etc/nsswitch.conf", "passwd: files\nsubid: sss\n")
    assert list(rootless.lacks(ground)) == []


def test_a_device_that_is_not_there_is_brought_by_its_module(ground: Ground) -> None:
    (ground.root / "dev/net/tun").unlink()
    message, remedy = require(ground)
    assert "the device /dev/net/tun" in message
    assert remedy == "sudo sh -c 'modprobe tun && chmod 0666 /dev/net/tun'"


def test_all_that_is_missing_is_one_command(ground: Ground) -> None:
    for path in ("etc/subuid", "etc/subgid", "dev/net/tun"):
        (ground.root / path).unlink()
    (Path(ground.path) / "slirp4netns").unlink()
    (Path(ground.path) / "rootlesskit").unlink()
    message, remedy = require(ground, ["apt-get install x y"])
    assert "Missing: the programs rootlesskit and slirp4netns, 65,536 user ids" in message
    assert message.endswith("This one command brings all of it:")
    assert remedy == (
        "sudo sh -c 'apt-get install x y && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann"
        " && modprobe tun && chmod 0666 /dev/net/tun'"
    )


def test_root_kit_under_its_other_name_does(ground: Ground) -> None:
    (Path(ground.path) / "rootlesskit").rename(Path(ground.path) / "docker-rootlesskit")
    assert rootless.missing_programs(ground.path) == ()
    assert rootless.command(["dockerd"], Path("/s"), ground.path)[0] == f"{ground.path}/docker-rootlesskit"


def test_offline_no_name_server_is_waited_for_long(ground: Ground) -> None:
    online, offline = (rootless.command(["x"], Path("/s"), ground.path, offline=off) for off in (False, True))
    assert not any("resolv.conf" in word for word in online)
    assert any("options timeout:1 attempts:1 >> /etc/resolv.conf" in word for word in offline)


def test_without_known_packages_there_is_a_page(ground: Ground) -> None:
    (Path(ground.path) / "newuidmap").unlink()
    message, remedy = require(ground, ())
    assert "the program newuidmap" in message
    assert remedy == "https://docs.docker.com/engine/security/rootless/"


def test_in_a_chroot_there_is_no_way(ground: Ground) -> None:
    put(ground, "proc/self/mountinfo", "23 28 0:21 / /home rw - ext4 /dev/vda rw\n")
    assert require(ground) == ("This is a chroot, in which the kernel lets nobody but root start an engine.", None)


class TestPackages:
    """What apt is told, by an apt of the test's own."""

    @pytest.fixture
    def box(self, tmp_path: Path) -> Box:
        box = Box(tmp_path / "box")
        for name in ("dockerd", "docker", "iptables", "ps"):
            box.program(name)
        shutil.copyfile(box.root / "elf", box.bin / "busybox")
        (box.bin / "busybox").chmod(0o755)
        return box

    def machine(self, box: Box) -> Machine:
        return box.machine(is_root=False)

    def test_what_is_missing_is_named(self, box: Box) -> None:
        for name in ("dockerd", "docker"):
            (box.bin / name).unlink()
        box.program("newuidmap")
        commands = install.for_administrator(machine=self.machine(box))
        assert commands == ("apt-get install --no-install-recommends docker.io rootlesskit slirp4netns",)

    def test_nothing_missing_is_no_command(self, box: Box) -> None:
        for name in ("rootlesskit", "slirp4netns", "newuidmap"):
            box.program(name)
        assert install.for_administrator(machine=self.machine(box)) == ()

    def test_beside_dockers_own_packages_its_own_is_named(self, box: Box) -> None:
        (box.root / "known").write_text("docker.io\ndocker-ce-rootless-extras\n")
        commands = install.for_administrator(machine=self.machine(box))
        assert commands == ("apt-get install --no-install-recommends docker-ce-rootless-extras slirp4netns uidmap",)

    def test_without_lists_they_are_got_first(self, box: Box) -> None:
        (box.root / "var/lib/apt/lists/main_Packages.lz4").unlink()
        commands = install.for_administrator(machine=self.machine(box))
        wanted = "apt-get install --no-install-recommends rootlesskit slirp4netns uidmap"
        assert commands == ("apt-get update", wanted)

    def test_what_would_remove_packages_is_refused(self, box: Box) -> None:
        (box.root / "plan").write_text("Remv docker-ce [5:28.0] (5:28.0 Docker:x [amd64])\n")
        with pytest.raises(PracticeFailed, match=r"apt would remove docker-ce 5:28\.0"):
            install.for_administrator(machine=self.machine(box))

    def test_a_busybox_that_pushes_another_out_is_left_away(self, box: Box) -> None:
        (box.bin / "busybox").unlink()
        (box.root / "plan-with-busybox").write_text("Remv busybox [1:1.35] (1:1.35 Debian:12 [amd64])\n")
        commands = install.for_administrator(machine=self.machine(box))
        assert commands == ("apt-get install --no-install-recommends rootlesskit slirp4netns uidmap",)

    def test_the_tests_have_it_installed_with_the_rest(self, box: Box) -> None:
        plan = install.plan(machine=box.machine(), also=rootless.PROGRAMS)
        assert (plan.missing, plan.packages) == (
            ("rootlesskit", "slirp4netns", "newuidmap"),
            ("rootlesskit", "slirp4netns", "uidmap"),
        )

    def test_elsewhere_no_package_is_named(self, box: Box) -> None:
        (box.root / "etc/os-release").write_text("ID=alpine\n")
        assert install.for_administrator(machine=self.machine(box)) == ()


def test_its_environment_finds_the_users_systemd(tmp_path: Path) -> None:
    import socket

    given = {"XDG_RUNTIME_DIR": str(tmp_path), "ROOTLESSKIT_STATE_DIR": "/x", "HOME": "/h"}
    folders = Path("/run/r"), Path("/c")
    own = {"XDG_RUNTIME_DIR": "/run/r", "XDG_CONFIG_HOME": "/c", "HOME": "/h"}
    assert rootless.environment(given, *folders) == own
    assert rootless.options(given) == {"exec-opts": ["native.cgroupdriver=cgroupfs"]}
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(tmp_path / "bus"))
        there = rootless.environment(given, *folders)
        assert there["DBUS_SESSION_BUS_ADDRESS"] == f"unix:path={tmp_path}/bus"
        assert rootless.options(given) == {}
    told = {**given, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/other"}
    assert rootless.environment(told, *folders)["DBUS_SESSION_BUS_ADDRESS"] == "unix:path=/other"


def test_folders_go_without_rootlesskit_where_all_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "data/x").mkdir(parents=True)
    rootless.remove([tmp_path / "data", tmp_path / "nothing"], "/nonexistent")
    assert not (tmp_path / "data").exists()
