"""Fetches a pack with git: one commit, by https or ssh, and nothing of it is run or checked out.

The repository is cloned bare and read with ``git archive``, so that no hook, filter, link or submodule of it ever comes
into play; the user's own configuration of git, which could name a filter, is not read. Nobody is asked for anything.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from dockerlearn.errors import PackRefused, SourceFailed
from dockerlearn.packs import archive
from dockerlearn.packs.source import Source
from dockerlearn.text import one_line

SECONDS = 180.0
"""What a fetch may take."""

_BLOCKS = archive.MAX_ARCHIVE // 512
"""Of 512 bytes, in a file that git writes."""

_KIB = 2 * 1024 * 1024
"""Of memory, for one git: what is packed small may be large when it is looked at."""

_KEPT = (
    "PATH", "SSH_AUTH_SOCK", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR",
)  # fmt: skip

_SETTINGS = {
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.ssh.allow": "always",
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    # Kept as the one file that came, and looked at: an object that git itself would not make is refused.
    "transfer.unpackLimit": "1",
    "transfer.fsckObjects": "true",
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "gc.auto": "0",
    "core.bigFileThreshold": "16m",
}

_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oPermitLocalCommand=no -oClearAllForwardings=yes"


def fetch(source: Source, place: Path, into: Path, environ: Mapping[str, str]) -> str:
    """Fetch a repository and unpack its newest commit into the new folder ``into``; return the commit.

    ``place`` is an empty folder for git to work in. Raises ``SourceFailed``, and ``PackRefused`` as ``archive`` does.
    """
    repository = place / "repository"
    environment = {name: environ[name] for name in _KEPT if name in environ} | {
        "HOME": str(place),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:ssh",
        "GIT_SSH_COMMAND": _SSH,
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
    }
    ends = time.monotonic() + SECONDS
    words = ["clone", "--quiet", "--bare", "--depth=1", "--single-branch", "--no-tags", "--no-recurse-submodules"]
    words += ["--template=", *(["--branch", source.ref] if source.ref else []), "--", source.place, str(repository)]
    with _Git(words, place, environment) as clone:
        clone.finish(ends, source)
    with _Git([f"--git-dir={repository}", "rev-parse", "HEAD"], place, environment) as parse:
        revision = parse.read(ends, source)
    with _Git(
        [f"--git-dir={repository}", "ls-tree", "-r", "-t", "-z", "--long", "HEAD"], place, environment
    ) as listing:
        _bounded(listing.stream)
        listing.finish(ends, source)
    with _Git([f"--git-dir={repository}", "archive", "--format=tar", "HEAD"], place, environment) as packed:
        archive.untar(packed.stream, into, source.text)
        packed.finish(ends, source)
    return revision


def _bounded(listing: IO[bytes]) -> None:
    """Refuse a tree that is more than may be unpacked: ``git archive`` would hold all of its names in memory.

    A folder that is in itself again and again needs a few bytes to be endless; it is told here as it is gone through.
    """
    entries, size, rest = 0, 0, b""
    while chunk := listing.read1(65_536):  # type: ignore[attr-defined]  # a buffered stream, as a pipe of Popen's is
        *lines, rest = (rest + chunk).split(b"\0")
        entries += len(lines)
        size += sum(int(field) for line in lines if (field := line.partition(b"\t")[0].split()[-1]).isdigit())
        if entries > archive.MAX_ENTRIES:
            raise PackRefused(f"It has more than {archive.MAX_ENTRIES:,} files.")
        if size > archive.MAX_BYTES:
            raise PackRefused(f"All its files together are larger than {archive.MAX_BYTES // (1024 * 1024)} MiB.")


class _Git:
    """One run of git, which is over when the block is."""

    def __init__(self, words: list[str], place: Path, environment: Mapping[str, str]) -> None:
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        self._errors = place / "errors"
        # Not every system bounds memory.
        script = f'ulimit -f {_BLOCKS}; ulimit -v {_KIB} 2>/dev/null; exec "$@"'
        try:
            with self._errors.open("wb") as errors:
                self._process = subprocess.Popen(
                    ["sh", "-c", script, "sh", "git", *settings, *words],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=place, env=dict(environment),
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise SourceFailed(f"git cannot be started: {error.strerror or error}.") from None
        if self._process.stdout is None:
            raise SourceFailed("git cannot be listened to.")
        self.stream = self._process.stdout

    def __enter__(self) -> _Git:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        # ssh and git's own helpers belong to its group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def read(self, ends: float, source: Source) -> str:
        """Return what it prints, which is a line."""
        printed = self.stream.read(200)
        self.finish(ends, source)
        return printed.decode("ascii", "replace").strip()

    def finish(self, ends: float, source: Source) -> None:
        """Wait for its end. Raises ``SourceFailed`` with its last words when it is a bad one."""
        try:
            code = self._process.wait(max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise SourceFailed(f"{one_line(source.text)} could not be fetched in {SECONDS:.0f} seconds.") from None
        if code == 0:
            return
        if code == 127:
            raise SourceFailed(
                "There is no git here, which fetches packs from an address.",
                "Install git, or give a folder or an archive.",
            )
        said = self._errors.read_bytes()[-4_000:].decode("utf-8", "replace").strip().splitlines()
        told = next((line for line in reversed(said) if line.startswith(("fatal:", "error:", "Host key"))), "")
        last = one_line(told or (said[-1] if said else f"it ended with {code}"), 200)
        raise SourceFailed(f"{one_line(source.text)} could not be fetched. git says: {last}", _remedy(source, said))


def _remedy(source: Source, said: list[str]) -> str | None:
    text = " ".join(said)
    if "Host key verification failed" in text:
        host = source.place.partition("://")[2] or source.place
        return f"ssh {one_line(host.partition('/')[0].partition(':')[0])}    # once, to get to know that machine"
    if "terminal prompts disabled" in text or "could not read Username" in text:
        return "A private repository is fetched over ssh with a key, or cloned by you and given as a folder."
    return None
