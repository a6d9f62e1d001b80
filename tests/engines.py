"""Engines that are not installed, unpacked into a folder from the distribution's packages of other releases.

Nothing is installed: apt reads a configuration of this folder's own, and each engine's programs are in a folder that
goes first on PATH. ``runc`` and ``docker-init`` are the machine's own: newer ones may need a newer C library.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SUITES = {"26.1": "trixie", "28.5": "sid"}
"""Which release of Debian has which engine. What moves on has a newer one some day: see ``fetch``."""

PACKAGES = ("docker.io", "docker-cli", "containerd", "docker-buildx", "docker-compose")

PROGRAMS = ("dockerd", "docker", "containerd", "containerd-shim-runc-v2", "docker-proxy")

PLUGINS = "cli-plugins"
"""The folder of the client's plugins, buildx and compose, beside the programs' one."""

ATTEMPTS = 3
"""How often a list or a package is asked for, where the network fails."""

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class NotFetched(Exception):
    """An engine cannot be had; the message says why."""


def fetch(engine: str, cache: Path, say: Callable[[str], None], *, pause: float = 5.0) -> Path:
    """Return the folder of an engine's programs below ``cache``, made at the first use.

    Where the release has moved on to a newer engine, that one is taken, and it is said. Raises ``NotFetched``.
    """
    folder = cache / engine
    programs = folder / "bin"
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / f"{engine}.lock"):
        if not programs.is_dir():
            began = time.monotonic()
            say(f"unpacking engine {engine} from packages of Debian {SUITES[engine]} to {folder}; nothing is installed")
            shutil.rmtree(folder, ignore_errors=True)
            _unpack(folder, SUITES[engine], pause)
            unfinished = _gather(folder)
            found = version(unfinished)
            if _numbers(found) < _numbers(engine):
                raise NotFetched(f"Debian {SUITES[engine]} has engine {found}, which is older than {engine}.")
            unfinished.rename(programs)
            say(f"fetched engine {found} in {time.monotonic() - began:.0f} seconds")
    found = version(programs)
    if not f"{found}.".startswith(f"{engine}."):
        say(f"Debian {SUITES[engine]} has moved on: engine {found} is what is used for {engine}")
    return programs


def version(programs: Path) -> str:
    """Return which engine the programs of a folder are, such as 28.5.2."""
    done = subprocess.run([programs / "dockerd", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+(\.\d+)+)", done.stdout)
    if found is None:
        raise NotFetched(f"dockerd of {programs} does not run here: {(done.stderr or done.stdout).strip()[-300:]}")
    return found.group(1)


def _unpack(folder: Path, suite: str, pause: float) -> None:
    options = _apt(folder, suite)
    archives = folder / "archives"
    archives.mkdir()
    # Without this mode, an update ends well though it could not read a thing.
    _again("update", ["apt-get", *options, "-qq", "-o", "APT::Update::Error-Mode=any", "update"], folder, pause)
    _again("download", ["apt-get", *options, "-qq", "download", *PACKAGES], archives, pause)
    for archive in sorted(archives.glob("*.deb")):
        _again(archive.name, ["dpkg-deb", "-x", str(archive), str(folder / "root")], folder, pause)
    for name in ("archives", "lists", "cache"):
        shutil.rmtree(folder / name)


def _gather(folder: Path) -> Path:
    """Link plugins and programs in folders of their own; return that of the programs."""
    root, gathered = folder / "root", folder / "bin.unfinished"
    (folder / PLUGINS).mkdir()
    for plugin in root.glob(f"usr/*/docker/{PLUGINS}/*"):
        (folder / PLUGINS / plugin.name).symlink_to(plugin)
    gathered.mkdir()
    for name in PROGRAMS:
        found = [path for path in (root / "usr/sbin" / name, root / "usr/bin" / name) if path.exists()]
        if not found:
            raise NotFetched(f"The packages {', '.join(PACKAGES)} have no program {name} any more.")
        (gathered / name).symlink_to(found[0])
    return gathered


def _again(what: str, command: Sequence[str], folder: Path, pause: float) -> None:
    """Run a command, if need be some times; raise ``NotFetched`` with what it said last."""
    for attempt in range(1, ATTEMPTS + 1):
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        if attempt < ATTEMPTS:
            time.sleep(pause)
    said = (done.stderr or done.stdout).strip()[-600:]
    raise NotFetched(f"{command[0]} {what} failed {ATTEMPTS} times, the last time with: {said}")


def _apt(folder: Path, suite: str) -> list[str]:
    """Options that make apt-get use another release, and nothing of this machine's state."""
    if shutil.which("apt-get") is None:
        raise NotFetched("Other engines come from Debian's packages, and there is no apt-get here.")
    if not _KEYRING.exists():
        raise NotFetched(f"Other engines come from Debian's packages; install debian-archive-keyring for {_KEYRING}.")
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {_site()} {suite} main\n")
    status = folder / "status"
    status.touch()
    return [
        "-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null",
        "-o", "Dir::Etc::Preferences=/dev/null", "-o", "Dir::Etc::PreferencesParts=/dev/null",
        "-o", f"Dir::State={folder}", "-o", f"Dir::State::Lists={folder / 'lists'}",
        "-o", f"Dir::State::Status={status}", "-o", f"Dir::Cache={folder / 'cache'}",
        "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3",
    ]  # fmt: skip


def _site() -> str:
    """Where this machine's own packages come from, if it is a Debian."""
    asked = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    sites = [site for origin, _, site in (line.partition(" ") for line in told) if origin == "Debian"]
    found = next((site for site in sites if not site.endswith("security")), None)
    if found is None:
        raise NotFetched("Other engines come from Debian's packages, and apt has no source of those here.")
    return found


def _numbers(release: str) -> list[int]:
    return [int(number) for number in release.split(".")]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two runs of tests do not fetch the same engine into the same folder."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
