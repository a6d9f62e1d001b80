"""Installing an engine from the distribution's packages, after showing what apt would do.

``plan`` changes nothing but, when they are empty, apt's package lists. ``install`` does what the plan says and nothing
more: apt is told to remove nothing, and services are kept from starting while it runs.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dockerlearn.engine import apt, rootless
from dockerlearn.engine.apt import Machine, Progress
from dockerlearn.engine.standins import busybox
from dockerlearn.errors import PracticeFailed

_POLICY = "#!/bin/sh\n# Of dockerlearn, while it installs packages: their services are not to be started.\nexit 101\n"


class InstallPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What apt would do. ``missing`` are programs; ``installs`` and ``removes`` are packages with their versions.

    ``packages`` are those asked for, the rest of ``installs`` is what they need. ``unpacks`` are packages of which one
    file is taken out without installing them, since they would push others out. ``removes`` of a plan to be carried
    out is empty: ``plan`` refuses otherwise.
    """

    missing: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    installs: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    unpacks: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything is there."""
        return not self.packages and not self.unpacks


def plan(
    *, progress: Progress | None = None, machine: Machine | None = None, also: Sequence[tuple[str, str]] = ()
) -> InstallPlan:
    """Find out what is missing for a practice engine and what apt would do about it.

    ``also`` are more programs that are needed, each with its package.
    Raises ``PracticeFailed`` on systems without apt, when apt cannot say, and when it would remove a package.
    """
    here = machine or Machine.this()
    say = progress or _silent
    needs = _needs(here, also)
    if not needs:
        return InstallPlan()
    if not here.has_apt:
        raise PracticeFailed(
            f"The practice engine needs {', '.join(needs)} on this machine; only the packages of Debian and Ubuntu can "
            "be installed for you, and this is another system."
        )
    if not here.has_lists:
        apt.update(here, say)
    packages = _packages(here, needs)
    installs, removes = _simulate(here, packages)
    unpacks: tuple[str, ...] = ()
    if "busybox-static" in packages and any(name.split()[0] == "busybox" for name in removes):
        # Debian's two builds of busybox exclude each other, and the one that is here may be needed to start up.
        unpacks, packages = ("busybox-static",), tuple(name for name in packages if name != "busybox-static")
        installs, removes = _simulate(here, packages) if packages else ((), ())
    if removes:
        raise PracticeFailed(
            f"To install {', '.join(packages)}, apt would remove {', '.join(removes)}. That is not done for you; "
            "if another Docker is installed here, start that one."
        )
    return InstallPlan(
        missing=tuple(needs),
        packages=packages,
        installs=installs,
        removes=removes,
        unpacks=unpacks,
        command=_command(packages),
    )


def for_administrator(*, machine: Machine | None = None) -> tuple[str, ...]:
    """Return the commands by which root installs all that an ordinary user's practice engine lacks; empty without apt.

    Raises ``PracticeFailed`` when apt would remove a package for it.
    """
    here = machine or Machine.this()
    if not here.has_apt:
        return ()
    missing = rootless.missing_programs(here.path)
    extras = rootless.packages_for(missing, lambda package: apt.is_known(package, machine=here))
    packages = (*_packages(here, _needs(here)), *extras)
    if not here.has_lists:
        return ("apt-get update", " ".join(_command(packages)))
    removes = _simulate(here, packages)[1]
    if removes and "busybox-static" in packages:
        # It is for stand-ins alone, and pushes another busybox out.
        packages = tuple(name for name in packages if name != "busybox-static")
        removes = _simulate(here, packages)[1] if packages else ()
    if removes:
        raise PracticeFailed(
            f"An engine of your own needs {', '.join(packages)}, for which apt would remove {', '.join(removes)}. "
            "If another Docker is installed here, ask the administrator to let you use that one."
        )
    return (" ".join(_command(packages)),) if packages else ()


def install(plan: InstallPlan, progress: Progress | None = None, *, machine: Machine | None = None) -> None:
    """Carry out a plan; ``progress`` gets apt's lines. Raises ``PracticeFailed`` when it fails or this is not root."""
    here = machine or Machine.this()
    say = progress or _silent
    if plan.nothing_to_do:
        return
    if not here.is_root:
        raise PracticeFailed(
            "Only root can install packages; an administrator has to run this:",
            "sudo " + " ".join(_command((*plan.packages, *plan.unpacks))),
        )
    if plan.packages:
        with _services_stay_off(here):
            apt.run(
                here,
                ["apt-get", *apt.QUIET, "install", "-y", "--no-remove", "--no-install-recommends", *plan.packages],
                say,
            )
    for package in plan.unpacks:
        _unpack(here, package, say)
    left = _needs(here)
    if left:
        raise PracticeFailed(f"apt is done, and {', '.join(left)} is still not there.")


PROGRAMS = (
    ("dockerd", "docker.io"),
    ("docker", "docker-cli"),
    ("iptables", "iptables"),
    ("ps", "procps"),  # the engine runs it for docker top, and a minimal Debian has none
)


def _silent(_: str) -> None:
    """Report to nobody."""


def _needs(machine: Machine, also: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """Programs that are missing, each with the package that has it."""
    wanted = (*PROGRAMS, *also)
    needs = {program: package for program, package in wanted if shutil.which(program, path=machine.path) is None}
    places = [*machine.path.split(":"), str(machine.inside(busybox.UNPACKED.parent))]
    try:
        busybox.find_busybox(":".join(places))
    except PracticeFailed:
        needs["busybox (static)"] = "busybox-static"
    return needs


def _packages(machine: Machine, needs: dict[str, str]) -> tuple[str, ...]:
    packages = list(needs.values())
    if "docker-cli" in packages and not apt.is_known("docker-cli", machine=machine):
        # Before Debian 13 the client is part of docker.io.
        packages.remove("docker-cli")
        packages.insert(0, "docker.io")
    return tuple(dict.fromkeys(packages))


def _command(packages: tuple[str, ...]) -> tuple[str, ...]:
    return ("apt-get", "install", "--no-install-recommends", *packages)


def _simulate(machine: Machine, packages: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What apt says it would install and remove, as ``name version``."""
    done = apt.capture(machine, ["apt-get", "install", "--simulate", "--no-install-recommends", *packages])
    if done.returncode != 0:
        said = apt.reason(done.stderr.splitlines() or done.stdout.splitlines())
        raise PracticeFailed(f"apt cannot install {', '.join(packages)}: {said}", "apt-get update")
    installs, removes = [], []
    for line in done.stdout.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "Inst":
            # "Inst NAME [OLD] (NEW ORIGIN [ARCHITECTURE])"
            installs.append(f"{rest.split()[0]} {rest.partition('(')[2].split(' ')[0].rstrip(')')}".strip())
        elif kind in ("Remv", "Purg"):
            removes.append(" ".join(word.strip("[]") for word in rest.split()[:2]))
    return tuple(installs), tuple(removes)


@contextlib.contextmanager
def _services_stay_off(machine: Machine) -> Iterator[None]:
    """Have maintainer scripts start no services, by the file that Debian has for that; one that is there is kept."""
    path = machine.inside(Path("/usr/sbin/policy-rc.d"))
    try:
        with path.open("x") as file:
            file.write(_POLICY)
    except FileExistsError:
        yield
        return
    try:
        path.chmod(0o755)
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text() == _POLICY:
                path.unlink()


def _unpack(machine: Machine, package: str, say: Progress) -> None:
    """Fetch a package and take the busybox out of it, without installing it."""
    with tempfile.TemporaryDirectory(prefix="dl-") as name:
        folder = Path(name)
        # apt fetches as a user of its own, who has to be able to write here.
        folder.chmod(0o777)
        apt.run(machine, ["apt-get", *apt.QUIET, "download", package], say, cwd=folder)
        for archive in folder.glob("*.deb"):
            apt.run(machine, ["dpkg-deb", "-x", str(archive), str(folder / "tree")], say)
        found = next(
            (path for path in (folder / "tree/bin/busybox", folder / "tree/usr/bin/busybox") if path.is_file()), None
        )
        if found is None:
            raise PracticeFailed(f"The package {package} has no busybox in it.")
        target = machine.inside(busybox.UNPACKED)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, target)
        target.chmod(0o755)
