"""What a person may give as the place of a pack: a folder, an archive, or an address for git."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec

from dockerlearn.errors import UsageError
from dockerlearn.text import one_line, safe

_ADDRESS = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)(?:://|::)")
_HTTPS = re.compile(r"^https://(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/[^\s@:\\]+$")
_SSH = re.compile(r"^ssh://(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/[^\s:\\]+$")
# The short form of ssh; with a user, so that no file of this machine is meant.
_SCP = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9~./_][^\s:\\]*$")
_REF = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")


class Source(msgspec.Struct, frozen=True):
    """Where a pack is. ``place`` is a path or an address; ``ref`` a branch or tag there, of git.

    ``text`` is what is noted, and means the same from any folder.
    """

    kind: Literal["folder", "archive", "git"]
    place: str
    ref: str = ""

    @property
    def text(self) -> str:
        """``PATH``, ``ADDRESS`` or ``ADDRESS#REF``."""
        return f"{self.place}#{self.ref}" if self.ref else self.place


def read(text: str, here: Path) -> Source:
    """Read a source as somebody in the folder ``here`` wrote it. Raises ``UsageError`` for what is none.

    >>> read("https://git.example/lessons.git#v2", Path("/")).ref
    'v2'
    """
    address, _, ref = text.partition("#")
    found = _ADDRESS.match(text)
    if found is not None or _SCP.match(address):
        return _git(address, ref, found["scheme"].lower() if found is not None else "ssh")
    path = here / Path(text).expanduser()
    try:
        if path.is_dir():
            return Source("folder", str(path.resolve()))
        if path.is_file():
            return Source("archive", str(path.resolve()))
    except (OSError, ValueError):
        pass
    raise UsageError(f"There is no {one_line(text)} here.", _SAY)


def _git(address: str, ref: str, scheme: str) -> Source:
    if scheme not in {"https", "ssh"}:
        raise UsageError(f"Packs come over https and ssh, not {one_line(scheme, 20)}.", _SAY)
    if (
        "?" in address
        or safe(address) != address
        or not (_HTTPS.match(address) or _SSH.match(address) or _scp(address))
    ):
        secret = re.match(r"^[a-z]+://[^/]*:[^/]*@", address)
        why = " A password in it would be kept in a file." if secret else ""
        raise UsageError(f"{one_line(_without_secret(address))} is not an address for git.{why}", _SAY)
    if ref and (not _REF.match(ref) or ".." in ref):
        raise UsageError(f"'{one_line(ref, 60)}' is not a branch or tag of git.")
    return Source("git", address, ref)


def _scp(address: str) -> bool:
    return _ADDRESS.match(address) is None and _SCP.match(address) is not None


def _without_secret(address: str) -> str:
    return re.sub(r"^([a-z]+://)[^/]*@", r"\1", address)


_SAY = (
    "Give a folder, an archive (.tar.gz, .zip), or an address: https://HOST/REPOSITORY or ssh://USER@HOST/REPOSITORY."
)
