"""A tree of files that becomes one layer of an image: a tar archive that is the same on every machine.

Times are fixed, names sorted, owners numbers, and nothing is compressed (a compressor's output changes with its
version). Paths are relative to the image's root, without a leading ``/``.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

# The birth of every file in an image: 2024-01-01. Zero would be read as "not set" by some tools.
BORN = 1_704_067_200

# Since Debian 12 these are links into usr/; packages of then still name some files by the old paths.
MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")


class Node(NamedTuple):
    """A file, a folder or a symbolic link (``target``). ``kind`` is tarfile's type."""

    kind: bytes
    mode: int
    content: bytes = b""
    target: str = ""
    owner: int = 0


class Tree:
    """Files by path. What is put in later under the same path takes the place of what was there."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._nodes

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._nodes))

    def __getitem__(self, path: str) -> Node:
        return self._nodes[path]

    def folder(self, path: str, mode: int = 0o755, *, owner: int = 0) -> None:
        """Put in a folder."""
        self._nodes[path] = Node(tarfile.DIRTYPE, mode, owner=owner)

    def file(self, path: str, content: str | bytes, mode: int = 0o644, *, owner: int = 0) -> None:
        """Put in a file."""
        self._nodes[path] = Node(
            tarfile.REGTYPE, mode, content.encode() if isinstance(content, str) else content, owner=owner
        )

    def link(self, path: str, target: str) -> None:
        """Put in a symbolic link."""
        self._nodes[path] = Node(tarfile.SYMTYPE, 0o777, target=target)

    def put(self, other: Tree) -> None:
        """Put in what another tree has."""
        self._nodes.update(other._nodes)

    def remove(self, wanted: Callable[[str], bool]) -> Tree:
        """Take out the paths that are ``wanted``, and return them."""
        taken = Tree()
        taken._nodes = {path: node for path, node in self._nodes.items() if wanted(path)}
        for path in taken:
            del self._nodes[path]
        return taken

    def resolve(self, path: str) -> str | None:
        """The path of the file that ``path`` leads to through links at its end; None when it leads nowhere."""
        for _ in range(20):
            node = self._nodes.get(path)
            if node is None or node.kind != tarfile.SYMTYPE:
                return None if node is None else path
            path = merged(joined(path, node.target))
        return None

    def unpack(self, archive: IO[bytes], wanted: Callable[[str], bool] = lambda _: True) -> None:
        """Put in the files of a tar stream, as a package has it, under ``usr/`` where the system has them there."""
        with tarfile.open(fileobj=archive, mode="r|") as tar:
            for member in tar:
                path = merged(member.name.removeprefix("./").strip("/"))
                if path in ("", ".", *MERGED) or ".." in path.split("/") or not wanted(path):
                    continue
                if member.isdir():
                    # A folder's owner is set by the package's scripts, which are not run.
                    self.folder(path, member.mode)
                elif member.issym():
                    self.link(path, member.linkname)
                elif member.islnk():
                    self.link(path, "/" + merged(member.linkname.removeprefix("./").strip("/")))
                elif member.isreg():
                    content = tar.extractfile(member)
                    self.file(path, content.read() if content is not None else b"", member.mode)

    def layer(self) -> bytes:
        """The archive."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path, node in sorted(self._with_folders().items()):
                member = tarfile.TarInfo(path)
                member.type, member.mode, member.mtime = node.kind, node.mode, BORN
                member.uid = member.gid = node.owner
                member.linkname, member.size = node.target, len(node.content)
                tar.addfile(member, io.BytesIO(node.content))
        return out.getvalue()

    def _with_folders(self) -> dict[str, Node]:
        """The nodes, with the folders that nobody put in: a layer without them would leave their mode to the engine."""
        nodes = dict(self._nodes)
        for path in self._nodes:
            while "/" in path:
                path = path.rpartition("/")[0]  # noqa: PLW2901 - from the path up to the root
                nodes.setdefault(path, Node(tarfile.DIRTYPE, 0o755))
        return nodes


def merged(path: str) -> str:
    """The path where a system with a merged ``/usr`` has a file."""
    return f"usr/{path}" if path.partition("/")[0] in MERGED else path


def joined(path: str, target: str) -> str:
    """Where a link at ``path`` leads, without following further links."""
    import posixpath

    return posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target)).lstrip("/")
