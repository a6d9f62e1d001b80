"""What a machine is, by files of many, and the commands that follow from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlearn.engine import mending
from dockerlearn.engine.system import System, becomes_root, read_os_release
from tests.doctor_facts import OS_RELEASE, SYSTEMS, linux


@pytest.mark.parametrize(
    ("name", "distribution", "release"),
    [
        ("debian-12", "debian", "12"),
        ("ubuntu", "debian", "24.04"),
        ("fedora", "fedora", "41"),
        ("arch", "arch", ""),
        ("manjaro", "arch", ""),
        ("alpine", "alpine", "3.20.3"),
        ("rocky", "other", "9.4"),  # of Fedora's kin, but without its engine
    ],
)
def test_distributions(name: str, distribution: str, release: str) -> None:
    assert read_os_release(OS_RELEASE[name])[:2] == (distribution, release)
    assert read_os_release(OS_RELEASE[name])[2]


@pytest.mark.parametrize("text", ["", "nothing\n", "=\n", "ID\n", "ID=\n", "\x00\n"])
def test_an_os_release_that_tells_nothing(text: str) -> None:
    assert read_os_release(text) == ("other", "", "")


def test_looking_at_a_machine(tmp_path: Path) -> None:
    for path, text in {
        "etc/os-release": OS_RELEASE["ubuntu"],
        "proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n",
        "run/systemd/system/x": "",
        "bin/sudo": "",
        "bin/doas": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o755)
    found = System.here({"PATH": str(tmp_path / "bin")}, tmp_path)
    assert (found.distribution, found.name, found.wsl, found.systemd) == ("debian", "Ubuntu 24.04.1 LTS", True, True)
    assert found.becomes_root == "sudo"
    (tmp_path / "bin/sudo").unlink()
    (tmp_path / "proc/sys/kernel/osrelease").write_text("6.1.0-28-amd64\n")
    found = System.here({"PATH": str(tmp_path / "bin")}, tmp_path)
    assert (found.becomes_root, found.wsl) == ("doas", False)
    assert becomes_root("/nonexistent") == "su"


@pytest.mark.parametrize(
    ("path", "text", "vendor"),
    [
        ("etc/apt/sources.list.d/docker.list", "deb [arch=amd64] https://download.docker.com/linux/debian x y", True),
        ("etc/apt/sources.list.d/docker.sources", "Types: deb\nURIs: https://download.docker.com/linux/debian\n", True),
        ("etc/apt/sources.list", "# deb https://download.docker.com/linux/debian x y\n", False),
        ("etc/apt/sources.list", "deb http://deb.example/debian x main\n", False),
        ("etc/yum.repos.d/docker-ce.repo", "", True),
    ],
)
def test_packages_of_dockers_own(tmp_path: Path, path: str, text: str, vendor: bool) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    assert System.here({}, tmp_path).vendor is vendor


@pytest.mark.parametrize(
    ("system", "command"),
    [
        (SYSTEMS["debian-12"], "sudo systemctl start docker"),
        (SYSTEMS["alpine"], "doas rc-service docker start"),
        (SYSTEMS["wsl"], "sudo service docker start"),
        (System(becomes_root="su"), "su -c 'systemctl start docker'"),
        (System(systemd=False), "sudo sh -c 'dockerd > /tmp/dockerd.log 2>&1 &'"),
        (System(systemd=False, root=True), "dockerd > /tmp/dockerd.log 2>&1 &"),
        (System(systemd=False, becomes_root="su"), "su -c 'dockerd > /tmp/dockerd.log 2>&1 &'"),
    ],
)
def test_how_the_service_is_started(system: System, command: str) -> None:
    assert mending.start_service(system) == command


@pytest.mark.parametrize(
    ("system", "command"),
    [
        (SYSTEMS["debian-12"], 'sudo usermod -aG docker "$USER" && newgrp docker'),
        (SYSTEMS["fedora"], 'sudo usermod -aG docker "$USER" && newgrp docker'),
        (SYSTEMS["alpine"], "doas addgroup $USER docker"),
        (System(becomes_root="su"), 'su -c "usermod -aG docker $USER" && newgrp docker'),
        (System(member=True), "newgrp docker"),
    ],
)
def test_how_one_is_let_in(system: System, command: str) -> None:
    assert mending.join_group(system).partition("    #")[0] == command


@pytest.mark.parametrize(
    ("system", "command"),
    [
        (SYSTEMS["debian-12"], "sudo apt-get install --only-upgrade docker.io"),
        (linux("ubuntu", vendor=True), "sudo apt-get install --only-upgrade docker-ce"),
        (SYSTEMS["fedora"], "sudo dnf upgrade moby-engine"),
        (SYSTEMS["arch"], "sudo pacman -Syu docker"),
        (SYSTEMS["alpine"], "doas apk add --upgrade docker"),
        (SYSTEMS["macos"], "brew upgrade colima docker"),
        (SYSTEMS["windows"], "winget upgrade Docker.DockerDesktop"),
        (System(), "https://docs.docker.com/engine/install/"),
    ],
)
def test_how_an_engine_is_made_newer(system: System, command: str) -> None:
    assert mending.upgrade_engine(system).partition("    #")[0] == command
