"""Installing packages: what apt is asked, what it says, and what is refused; with an apt of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlearn.engine import apt, install
from dockerlearn.engine.apt import Machine
from dockerlearn.engine.standins import busybox
from dockerlearn.errors import PracticeFailed
from tests.test_standins import elf

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n'
# apt-get writes down what it was asked; "install" without --simulate makes the programs appear.
APT_GET = """#!/bin/sh
echo "apt-get $*" >> {log}
echo "frontend ${{DEBIAN_FRONTEND-}}" >> {log}
case "$*" in
*update*) touch {root}/var/lib/apt/lists/x_Packages; echo "Get:1 lists" ;;
*--simulate*busybox-static*) cat {root}/plan-with-busybox ;;
*--simulate*) cat {root}/plan ;;
*install*)
  cp {root}/usr/sbin/policy-rc.d {root}/policy-seen 2>/dev/null
  echo "Setting up docker.io"
  [ -e {root}/apt-fails ] && {{ echo "E: Unable to fetch some archives" ; exit 100; }}
  for program in dockerd docker iptables ps; do printf '#!/bin/sh\\n' > {bin}/$program; chmod +x {bin}/$program; done
  [ -e {root}/elf ] && cp {root}/elf {bin}/busybox
  ;;
*download*) : > busybox-static.deb ;;
esac
"""
APT_CACHE = """#!/bin/sh
grep -qx "$3" {root}/known && echo "Package: $3"
"""
DPKG_DEB = """#!/bin/sh
mkdir -p "$3/bin" && cp {root}/elf "$3/bin/busybox"
"""
PLAN = """\
Reading package lists...
Inst runc (1.1.5+ds1-1 Debian:12/stable [amd64])
Inst iptables [1.8.8] (1.8.9-2 Debian:12/stable [amd64])
Inst docker.io (20.10.24+dfsg1-1 Debian:12/stable [amd64])
Conf runc (1.1.5+ds1-1 Debian:12/stable [amd64])
"""
STATIC = "Inst busybox-static (1:1.35.0-4 Debian:12/stable [amd64])\n"


class Box:
    """A machine in a folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.bin = folder / "bin"
        self.log = folder / "log"
        for path in (self.bin, self.root / "etc", self.root / "usr/sbin", self.root / "var/lib/apt/lists"):
            path.mkdir(parents=True)
        (self.root / "etc/os-release").write_text(DEBIAN)
        (self.root / "var/lib/apt/lists/main_Packages.lz4").touch()
        (self.root / "plan").write_text(PLAN)
        (self.root / "plan-with-busybox").write_text(PLAN + STATIC)
        (self.root / "known").write_text("docker.io\n")
        (self.root / "elf").write_bytes(elf(1))
        for name, text in (("apt-get", APT_GET), ("apt-cache", APT_CACHE), ("dpkg-deb", DPKG_DEB)):
            self.program(name, text.format(log=self.log, root=self.root, bin=self.bin))
        # What the scripts above use.
        for tool in ("touch", "cat", "cp", "chmod", "grep", "mkdir"):
            found = next(Path(place) / tool for place in ("/usr/bin", "/bin") if (Path(place) / tool).exists())
            (self.bin / tool).symlink_to(found)

    def program(self, name: str, text: str = "#!/bin/sh\n") -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def machine(self, *, is_root: bool = True) -> Machine:
        return Machine(self.root, str(self.bin), is_root)

    @property
    def asked(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith("apt-get")]

    @property
    def policy(self) -> Path:
        return self.root / "usr/sbin/policy-rc.d"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_a_plan_says_what_apt_would_do(box: Box) -> None:
    plan = install.plan(machine=box.machine())
    assert plan.missing == ("dockerd", "docker", "iptables", "ps", "busybox (static)")
    assert plan.packages == ("docker.io", "iptables", "procps", "busybox-static")
    assert plan.installs == (
        "runc 1.1.5+ds1-1", "iptables 1.8.9-2", "docker.io 20.10.24+dfsg1-1", "busybox-static 1:1.35.0-4"
    )  # fmt: skip
    assert plan.removes == ()
    assert plan.command[:3] == ("apt-get", "install", "--no-install-recommends")
    assert plan.command[3:] == plan.packages
    assert all("--simulate" in line for line in box.asked)


def test_where_the_client_is_a_package_of_its_own_it_is_asked_for(box: Box) -> None:
    (box.root / "known").write_text("docker.io\ndocker-cli\n")
    assert install.plan(machine=box.machine()).packages == (
        "docker.io",
        "docker-cli",
        "iptables",
        "procps",
        "busybox-static",
    )


def test_a_missing_client_alone_comes_with_the_engine_where_they_are_one(box: Box) -> None:
    for name in ("dockerd", "iptables", "ps"):
        box.program(name)
    assert install.plan(machine=box.machine()).packages == ("docker.io", "busybox-static")


def test_nothing_is_asked_when_everything_is_there(box: Box) -> None:
    for name in ("dockerd", "docker", "iptables", "ps"):
        box.program(name)
    (box.bin / "busybox").write_bytes(elf(1))
    plan = install.plan(machine=box.machine())
    assert plan.nothing_to_do
    install.install(plan, machine=box.machine())
    assert box.asked == []


def test_removals_are_refused(box: Box) -> None:
    removal = "Remv docker-ce [5:28.0.1]\nRemv docker-ce-cli [5:28.0.1]\n"
    (box.root / "plan-with-busybox").write_text(removal + PLAN + STATIC)
    with pytest.raises(PracticeFailed, match=r"would remove docker-ce 5:28.0.1, docker-ce-cli 5:28.0.1"):
        install.plan(machine=box.machine())


def test_the_other_busybox_is_kept_and_only_a_file_is_taken_out(box: Box) -> None:
    """Debian's busybox and busybox-static exclude each other, and an initramfs may need the first."""
    (box.root / "plan-with-busybox").write_text("Remv busybox [1:1.35.0-4]\n" + PLAN + STATIC)
    (box.bin / "busybox").write_bytes(elf(1, 3))
    plan = install.plan(machine=box.machine())
    assert (plan.packages, plan.unpacks, plan.removes) == (("docker.io", "iptables", "procps"), ("busybox-static",), ())
    box.program("apt-get", (box.bin / "apt-get").read_text().replace(f"cp {box.root}/elf", ": "))
    install.install(plan, machine=box.machine())
    unpacked = box.root / busybox.UNPACKED.relative_to("/")
    assert busybox.is_static(unpacked)
    assert install.plan(machine=box.machine()).nothing_to_do


def test_empty_lists_are_filled_first_and_said(box: Box) -> None:
    (box.root / "var/lib/apt/lists/main_Packages.lz4").unlink()
    said: list[str] = []
    plan = install.plan(progress=said.append, machine=box.machine())
    assert plan.packages
    assert "apt-get update" in said[0]
    assert said[1] == "Get:1 lists"
    assert "update" in box.asked[0]


def test_empty_lists_without_root(box: Box) -> None:
    (box.root / "var/lib/apt/lists/main_Packages.lz4").unlink()
    with pytest.raises(PracticeFailed, match="no package lists") as failed:
        install.plan(machine=box.machine(is_root=False))
    assert failed.value.remedy == "sudo apt-get update"
    assert box.asked == []


def test_installing(box: Box) -> None:
    said: list[str] = []
    install.install(install.plan(machine=box.machine()), said.append, machine=box.machine())
    assert said == ["Setting up docker.io"]
    assert "--no-remove" in box.asked[-1]
    assert "-y" in box.asked[-1].split()
    assert box.asked[-1].endswith("--no-install-recommends docker.io iptables procps busybox-static")
    assert "frontend noninteractive" in box.log.read_text()
    # Services were kept from starting for just that time.
    assert "exit 101" in (box.root / "policy-seen").read_text()
    assert (box.root / "policy-seen").stat().st_mode & 0o111
    assert not box.policy.exists()


def test_a_failure_is_told_and_leaves_no_policy_behind(box: Box) -> None:
    plan = install.plan(machine=box.machine())
    (box.root / "apt-fails").touch()
    with pytest.raises(PracticeFailed, match="Unable to fetch some archives"):
        install.install(plan, machine=box.machine())
    assert not box.policy.exists()


def test_a_policy_that_is_there_is_not_touched(box: Box) -> None:
    box.policy.write_text("#!/bin/sh\nexit 0\n")
    install.install(install.plan(machine=box.machine()), machine=box.machine())
    assert box.policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_an_apt_that_did_nothing_is_noticed(box: Box) -> None:
    plan = install.plan(machine=box.machine())
    box.program("apt-get")
    with pytest.raises(PracticeFailed, match="dockerd"):
        install.install(plan, machine=box.machine())


def test_only_root_installs(box: Box) -> None:
    plan = install.plan(machine=box.machine(is_root=False))
    with pytest.raises(PracticeFailed, match="Only root") as failed:
        install.install(plan, machine=box.machine(is_root=False))
    expected = "sudo apt-get install --no-install-recommends docker.io iptables procps busybox-static"
    assert failed.value.remedy == expected
    assert not any("install" in line and "--simulate" not in line for line in box.asked)


def without_release(box: Box) -> None:
    (box.root / "etc/os-release").unlink()


def fedora(box: Box) -> None:
    (box.root / "etc/os-release").write_text("ID=fedora\n")


def without_apt(box: Box) -> None:
    (box.bin / "apt-get").unlink()


@pytest.mark.parametrize("change", [without_release, fedora, without_apt])
def test_another_system_is_told_what_is_needed(box: Box, change: Callable[[Box], None]) -> None:
    change(box)
    with pytest.raises(PracticeFailed, match=r"needs dockerd, docker, iptables, ps, busybox \(static\)"):
        install.plan(machine=box.machine())


def test_derivatives_count_as_debian(box: Box) -> None:
    (box.root / "etc/os-release").write_text('ID=mint\nID_LIKE="ubuntu debian"\n')
    assert install.plan(machine=box.machine()).packages


def test_an_apt_that_cannot_say_is_quoted(box: Box) -> None:
    box.program("apt-get", "#!/bin/sh\necho 'E: Unable to locate package docker.io' >&2\nexit 100\n")
    with pytest.raises(PracticeFailed, match="Unable to locate package"):
        install.plan(machine=box.machine())


def test_this_machine_is_described_by_its_environment() -> None:
    assert Machine.this().is_root is (os.geteuid() == 0)
    assert "/usr/sbin" in Machine.this().path.split(":")


def test_packages_are_fetched_as_for_a_machine_that_has_nothing(box: Box, tmp_path: Path) -> None:
    said: list[str] = []
    apt.fetch(["nginx"], tmp_path / "archives", said.append, machine=box.machine(is_root=False))
    (asked,) = box.asked
    assert asked.endswith("install -y --download-only --no-install-recommends nginx")
    for option in (
        "Dir::State::status=/dev/null",
        f"Dir::Cache::archives={tmp_path / 'archives'}",
        "Dir::Cache::pkgcache= ",
    ):
        assert f"-o {option}" in asked
    assert "--simulate" not in asked
    assert said


def test_fetching_says_why_it_cannot(box: Box, tmp_path: Path) -> None:
    (box.root / "apt-fails").touch()
    with pytest.raises(PracticeFailed, match="E: Unable to fetch some archives"):
        apt.fetch(["nginx"], tmp_path, print, machine=box.machine())
    (box.root / "var/lib/apt/lists/main_Packages.lz4").unlink()
    with pytest.raises(PracticeFailed, match="no package lists"):
        apt.fetch(["nginx"], tmp_path, print, machine=box.machine(is_root=False))
    (box.root / "etc/os-release").write_text("ID=fedora\n")
    with pytest.raises(PracticeFailed, match="made from the packages of Debian and Ubuntu"):
        apt.fetch(["nginx"], tmp_path, print, machine=box.machine())
