"""Engines that are not installed, unpacked into a folder from the distribution's packages of other releases.

Nothing is installed: apt reads a configuration of this folder's own, and each engine's programs are in a folder that
goes first on PATH. ``runc`` and ``docker-init`` are the machine's own: newer ones may need a newer C library.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

SUITES = {"26.1": "trixie", "28.5": "sid"}
"""Which release of Debian has which engine."""

PACKAGES = ("docker.io", "docker-cli", "containerd", "docker-buildx", "docker-compose")

PROGRAMS = ("dockerd", "docker", "containerd", "containerd-shim-runc-v2", "docker-proxy")

PLUGINS = "cli-plugins"
"""The folder of the client's plugins, buildx and compose, beside the programs' one."""


def fetch(engine: str, cache: Path, say: Callable[[str], None]) -> Path:
    """Return the folder of an engine's programs below ``cache``, made at the first use.

    Raises ``CalledProcessError``, and ``ValueError`` when the release has another engine by now.
    """
    folder = cache / engine
    programs = folder / "bin"
    if programs.is_dir():
        return programs
    say(f"Fetching the programs of engine {engine}.")
    shutil.rmtree(folder, ignore_errors=True)
    options = _apt(folder, SUITES[engine])
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    archives = folder / "archives"
    archives.mkdir()
    subprocess.run(["apt-get", *options, "-qq", "download", *PACKAGES], cwd=archives, check=True)
    root = folder / "root"
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)
    (folder / PLUGINS).mkdir()
    for plugin in root.glob(f"usr/*/docker/{PLUGINS}/*"):
        (folder / PLUGINS / plugin.name).symlink_to(plugin)
    unfinished = folder / "bin.unfinished"
    unfinished.mkdir()
    for name in PROGRAMS:
        found = next(path for path in (root / "usr/sbin" / name, root / "usr/bin" / name) if path.exists())
        (unfinished / name).symlink_to(found)
    told = subprocess.run([unfinished / "dockerd", "--version"], capture_output=True, text=True, check=True).stdout
    if f" {engine}." not in told:
        raise ValueError(f"{SUITES[engine]} has another engine by now: {told.strip()}")
    unfinished.rename(programs)
    return programs


def _apt(folder: Path, suite: str) -> list[str]:
    """Options that make apt-get use another release, from where this machine's own comes, and nothing of its state."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE)"]
    sites = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    site = next(site for site in sites if not site.endswith("security"))
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "sources.list"
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources.write_text(f"deb [signed-by={keyring}] {site} {suite} main\n")
    status = folder / "status"
    status.touch()
    return [
        "-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null",
        "-o", "Dir::Etc::Preferences=/dev/null", "-o", "Dir::Etc::PreferencesParts=/dev/null",
        "-o", f"Dir::State={folder}", "-o", f"Dir::State::Lists={folder / 'lists'}",
        "-o", f"Dir::State::Status={status}", "-o", f"Dir::Cache={folder / 'cache'}",
        "-o", "APT::Sandbox::User=root",
    ]  # fmt: skip
