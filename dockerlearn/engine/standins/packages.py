"""Packages of this machine's distribution, as trees of files: nothing is installed, and no script of theirs is run."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dockerlearn.engine import apt
from dockerlearn.engine.standins.elf import Elf
from dockerlearn.engine.standins.tree import Tree
from dockerlearn.errors import PracticeFailed

Say = Callable[[str], None]


class Packages:
    """The archives of packages and of all that they depend on, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._archives = sorted(folder.glob("*.deb"))

    def tree(self, wanted: Callable[[str], bool], *, of: Callable[[str], bool] = lambda _: True) -> Tree:
        """The files whose paths are ``wanted``, of the packages whose names are asked for by ``of``."""
        tree = Tree()
        for archive in self._archives:
            if of(archive.name.partition("_")[0]):
                with _reading(archive) as files:
                    tree.unpack(files, wanted)
        return tree

    def version(self, name: str) -> str:
        """The version of a package, without epoch and revision of the distribution's: ``1.22.1``."""
        for archive in self._archives:
            package, _, rest = archive.name.partition("_")
            if package == name:
                return rest.partition("_")[0].rpartition("%3a")[2].partition("-")[0].partition("+")[0]
        raise PracticeFailed(f"apt did not fetch the package {name}.")


@contextmanager
def fetched(names: Sequence[str], say: Say, *, optional: Collection[str] = ()) -> Iterator[Packages]:
    """Fetch packages with what they depend on, as for a machine that has nothing; they are gone afterwards.

    Of the names that are ``optional``, those that the distribution does not have are left out. Raises
    ``PracticeFailed`` where there is no apt, a package is unknown, or cannot be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="dl-packages-") as name:
        folder = Path(name)
        # apt fetches as a user of its own, who has to be able to come here.
        folder.chmod(0o755)
        (folder / "partial").mkdir()
        known = [name for name in names if name not in optional or apt.is_known(name)]
        apt.fetch(known, folder, say)
        yield Packages(folder)


def libraries(programs: Sequence[str], files: Tree) -> set[str]:
    """The paths in ``files`` that ``programs`` need to run: loaders, libraries, and the links that lead to them.

    Raises ``PracticeFailed`` naming what is not there.
    """
    places = {path.rpartition("/")[2]: path for path in files if ".so" in path}
    found: set[str] = set()
    ask = list(programs)
    while ask:
        path = ask.pop()
        elf = Elf(files[path].content)
        loader = elf.loader
        for name in (*elf.libraries, *([loader.rpartition("/")[2]] if loader else [])):
            link = places.get(name)
            real = files.resolve(link) if link is not None else None
            if link is None or real is None:
                raise PracticeFailed(f"/{path} needs {name}, which none of the packages has.")
            if link not in found:
                found |= {link, real}
                ask.append(real)
    return found


# glibc loads these by name when it looks up users and hosts; since 2.34 it has them built in.
_LOADED_BY_NAME = frozenset({"libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"})


def needed(programs: Sequence[str], files: Tree) -> set[str]:
    """The paths of ``programs`` and of all that they need in ``files``. Raises ``PracticeFailed`` as ``libraries``."""
    found = {*programs, *libraries(programs, files)}
    found |= {path for path in files if path.rpartition("/")[2] in _LOADED_BY_NAME}
    return found | {real for path in found if (real := files.resolve(path)) is not None}


def is_library(path: str) -> bool:
    """Whether a path of a package is a library's, or a link to one."""
    return path.startswith("usr/lib") and ".so" in path and "/gconv/" not in path


@contextmanager
def _reading(archive: Path) -> Iterator[IO[bytes]]:
    """The files of a package, as a tar stream."""
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None  # noqa: S101  # asked for above
        yield running.stdout
        running.stdout.read()  # what tar leaves unread, so that dpkg-deb can end
    if running.returncode != 0:
        raise PracticeFailed(f"{archive.name} cannot be read: dpkg-deb ended with {running.returncode}.")
