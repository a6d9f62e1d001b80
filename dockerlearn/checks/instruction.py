"""Compares one instruction of a Dockerfile with what is asked for."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import msgspec

from dockerlearn.checks.matchers import ANY, NONE, Match, Wanted, describe, fits, fits_some
from dockerlearn.engine import references
from dockerlearn.world.world import World

if TYPE_CHECKING:
    # Every check knows these types; only one that looks at a Dockerfile needs the reader.
    from dockerlearn.world import dockerfile as text
    from dockerlearn.world.dockerfile import Instruction

Named = dict[str, Wanted] | str
"""``{PORT: "8000"}``: names with their values; or one name, or ``any``."""


class Seen(msgspec.Struct, frozen=True):
    """A Dockerfile, and the folder that it is in."""

    world: World
    file: text.Dockerfile
    ignored: tuple[str, ...] = ()

    def is_left_out(self, path: str) -> bool:
        """Whether ``.dockerignore`` keeps a path out of the build context."""
        from e2b_dockerfile_utils import PatternMatcher

        try:
            return bool(self.ignored) and PatternMatcher(list(self.ignored)).matches("/".join(_parts(path)))
        except ValueError:
            # A build refuses a bad pattern in its own words.
            return False


def ignored(world: World, dockerfile: str) -> tuple[str, ...]:
    """The patterns of the ``.dockerignore`` that goes with a Dockerfile: one of its own, or the folder's."""
    for path in (f"{dockerfile}.dockerignore", posixpath.join(posixpath.dirname(dockerfile), ".dockerignore")):
        there = world.file(path)
        if there is not None and there.kind == "file":
            lines = (line.strip() for line in there.text[:65_536].splitlines() if not line.startswith("#"))
            return tuple(_pattern(line) for line in lines if line)
    return ()


def _pattern(line: str) -> str:
    """A line of ``.dockerignore`` as the client cleans it: ``/app/`` and ``./app`` are ``app``."""
    kept = line.startswith("!")
    return ("!" if kept else "") + posixpath.normpath(line[kept:].strip()).lstrip("/")


class InstructionWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An instruction of a Dockerfile: one of its kinds with what it says, and how it says it.

    ``copy`` is a file or folder that COPY or ADD names, itself or by a pattern; ``.`` is all of the folder. ``brings``
    is one that comes along in any way: by its name, a folder above it, all of the folder, or a RUN that mounts it; what
    ``.dockerignore`` leaves out does not.
    ``add`` is ``copy`` by ADD alone. ``to`` is where it is put, and ``from`` the stage or image that it is taken from.
    ``run`` is the command's text; a list for ``cmd`` or ``entrypoint`` is its words. Of what a later instruction
    replaces (CMD, ENTRYPOINT, HEALTHCHECK, STOPSIGNAL, USER, a variable's or label's value), ``has`` looks at the last
    one. ``form`` is ``exec`` for a list in brackets, else ``shell``. ``options`` are those that begin with ``--``.

    >>> InstructionWanted(copy="requirements.txt", from_="none").told
    'a COPY of requirements.txt from the build context'
    """

    run: Wanted | None = None
    copy: Wanted | None = None
    add: Wanted | None = None
    brings: str | None = None
    workdir: Wanted | None = None
    env: Named | None = None
    arg: Named | None = None
    label: Named | None = None
    expose: Wanted | None = None
    user: Wanted | None = None
    cmd: list[str] | Wanted | None = None
    entrypoint: list[str] | Wanted | None = None
    healthcheck: Wanted | None = None
    volume: Wanted | None = None
    stopsignal: Wanted | None = None
    shell: list[str] | Wanted | None = None
    onbuild: Wanted | None = None

    to: Wanted | None = None
    from_: Wanted | None = msgspec.field(default=None, name="from")
    form: Literal["shell", "exec"] | None = None
    options: dict[str, Wanted] = {}

    def __post_init__(self) -> None:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            told = f"{given[0]} and {given[1]} are two" if given else "it does not say which instruction is meant"
            raise ValueError(f"{told}: one of its keys is {', '.join(_KINDS[:-1])} or {_KINDS[-1]}")
        if (self.to is not None or self.from_ is not None) and given[0] not in {"copy", "add", "brings"}:
            raise ValueError(f"{'to' if self.to is not None else 'from'}: belongs to copy and add, not to {given[0]}")
        if self.form is not None and given[0] not in _COMMANDS:
            raise ValueError(f"form: belongs to a command, not to {given[0]}")
        if self.brings is not None and (self.brings in {"", ANY, NONE} or self.brings.startswith(("/", ".."))):
            raise ValueError("brings: names a file or folder of the lesson's folder")
        if not self.options:
            return
        from dockerlearn.world.dockerfile import OPTIONS

        known = frozenset[str]().union(*(OPTIONS.get(word, ()) for word in self._words))
        for option in self.options:
            if option not in known:
                raise ValueError(f"options: {self.kind} has no option {option!r}")

    @property
    def key(self) -> str:
        """Which of the kinds it is."""
        return next(kind for kind in _KINDS if getattr(self, kind) is not None)

    @property
    def kind(self) -> str:
        """The instruction, as it is written in a Dockerfile."""
        return "COPY" if self.key == "brings" else self.key.upper()

    @property
    def kept_in_the_image(self) -> bool:
        """Whether it says how the image is run, which only the last stage does."""
        return self.key in {"env", "label", "expose", "user", "cmd", "entrypoint", "healthcheck", *_MORE_KEPT}

    @property
    def told(self) -> str:
        """What is asked for, in words."""
        wanted = getattr(self, self.key)
        if self.key in {"copy", "add", "brings"}:
            said = "" if wanted == ANY else " of everything" if wanted == "." else f" of {describe(wanted)}"
            said = f"{'a' if self.kind == 'COPY' else 'an'} {self.kind}{said}"
        else:
            said = f"{'an' if self.kind[0] in 'AEO' else 'a'} {self.kind}{_asked(wanted)}"
        if self.from_ is not None:
            said += " from the build context" if self.from_ == NONE else f" from {describe(self.from_)}"
        if self.to is not None:
            said += f" to {describe(self.to)}"
        if self.form is not None:
            said += f" in the {self.form} form"
        for option, value in self.options.items():
            said += f" without --{option}" if value == NONE else f" with --{option} {describe(value)}"
        return said

    def is_kind(self, one: Instruction) -> bool:
        """Whether it is such an instruction at all."""
        return one.word in self._words

    def in_force(self, section: Sequence[Instruction]) -> tuple[Instruction, ...]:
        """Of a stage's instructions, those of this kind that no later one replaces."""
        like = tuple(one for one in section if self.is_kind(one))
        if self.key in _ONE_COUNTS:
            return like[-1:]
        if self.key in {"env", "label"} and like:
            together = {name: value for one in like for name, value in one.pairs.items()}
            return (msgspec.structs.replace(like[-1], pairs=together),)
        return like

    def fits(self, seen: Seen, one: Instruction) -> bool:
        """Whether an instruction is the one that is asked for."""
        if not self.is_kind(one) or not self._says(seen, one):
            return False
        if self.form is not None and one.exec_form != (self.form == "exec"):
            return False
        if self.to is not None and not fits_some(self.to, tuple(_targets(one))):
            return False
        if self.from_ is not None and not self._is_from(seen, one, self.from_):
            return False
        return all(
            fits_some(value, tuple(said for key, said in one.options if key == name))
            for name, value in self.options.items()
        )

    @property
    def _words(self) -> tuple[str, ...]:
        return {"copy": ("COPY", "ADD"), "brings": ("COPY", "ADD", "RUN")}.get(self.key, (self.key.upper(),))

    def _says(self, seen: Seen, one: Instruction) -> bool:
        wanted = getattr(self, self.key)
        if self.key == "brings":
            return not seen.is_left_out(wanted) and any(_covers(source, wanted) for source in _brought(one, wanted))
        if self.key in {"copy", "add"}:
            return _names(wanted, one)
        if self.key in {"env", "arg", "label"}:
            return _pairs(wanted, one)
        if self.key == "expose":
            return fits_some(wanted, tuple(form for word in one.words for form in ports(word)))
        if self.key == "volume":
            return fits_some(wanted, tuple(word.rstrip("/") or "/" for word in one.words))
        if self.key == "user":
            return fits_some(wanted, tuple(dict.fromkeys((one.text, one.text.partition(":")[0]))))
        if self.key == "workdir":
            return fits_some(wanted, tuple(_folders(one)))
        if isinstance(wanted, list):
            return list(one.words) == wanted
        return fits(wanted, one.text)

    @staticmethod
    def _is_from(seen: Seen, one: Instruction, wanted: Wanted) -> bool:
        name = one.option("from") if one.word == "COPY" else None
        if name is None:
            return fits_some(wanted, ())
        place = seen.file.find(name)
        if place is not None:
            forms = tuple(form for form in (seen.file.stages[place].name, str(place)) if form)
            return fits_some(wanted.lower() if isinstance(wanted, str) else wanted, forms)
        if isinstance(wanted, str) and wanted not in {ANY, NONE}:
            return references.same(seen.world.scope.reference(wanted), name)
        return fits_some(wanted, (references.short(name),))


_COMMANDS = frozenset({"run", "cmd", "entrypoint", "healthcheck", "shell"})
_ONE_COUNTS = frozenset({"user", "cmd", "entrypoint", "healthcheck", "stopsignal"})
_MORE_KEPT = frozenset({"volume", "stopsignal", "onbuild"})
_KINDS = (
    *("run", "copy", "add", "brings", "workdir", "env", "arg", "label", "expose", "user", "cmd", "entrypoint"),
    *("healthcheck", "volume", "stopsignal", "shell", "onbuild"),
)


def _asked(wanted: object) -> str:
    if isinstance(wanted, list):
        return f" {' '.join(wanted)}"
    if isinstance(wanted, dict):
        return " " + " and ".join(f"{name} {describe(value)}" for name, value in wanted.items())
    if isinstance(wanted, Match):
        return f" with {describe(wanted).removeprefix('text with ')}"
    return "" if wanted == ANY else f" {wanted}"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def _names(wanted: Wanted, one: Instruction) -> bool:
    sources = one.sources
    if wanted == ANY:
        return bool(sources)
    if isinstance(wanted, str):
        asked = _parts(wanted)
        return any(_is_named(_parts(source), asked) for source in sources)
    return fits_some(wanted, tuple("/".join(_parts(source)) or "." for source in sources if "://" not in source))


def _is_named(source: list[str], asked: list[str]) -> bool:
    """Whether a source is this path or a pattern for it; one that takes everything names nothing but everything."""
    if not asked or all(part.strip("*") == "" for part in source):
        return not asked and all(part.strip("*") == "" for part in source)
    return len(source) == len(asked) and all(map(fnmatchcase, asked, source))


def _covers(source: str, wanted: str) -> bool:
    """Whether a source takes a path along: the path itself, a pattern for it, or a folder above it."""
    parts, asked = _parts(source), _parts(wanted)
    return len(parts) <= len(asked) and all(map(fnmatchcase, asked, parts))


def _brought(one: Instruction, wanted: str) -> Iterator[str]:
    """The sources of the build context that an instruction takes."""
    if one.word == "RUN":
        from dockerlearn.world.dockerfile import mounts

        for mount in mounts(one):
            if mount["type"] == "bind" and "from" not in mount:
                yield mount.get("source", mount.get("src", "."))
    elif one.option("from") is None:
        left_out = [value for name, value in one.options if name == "exclude"]
        if not any(_covers(pattern, wanted) for pattern in left_out):
            yield from (source for source in one.sources if "://" not in source and not source.startswith("<<"))


def _targets(one: Instruction) -> Iterator[str]:
    """The ways to say where COPY puts something: as written, whole, and the folder that a file is put into."""
    target = one.target
    yield target
    whole = posixpath.normpath(posixpath.join(one.folder or "/", target))
    yield from dict.fromkeys((whole, f"{whole}/".replace("//", "/"), target.rstrip("/") or "/"))
    if any(_parts(source)[-1:] == _parts(target)[-1:] for source in one.sources):
        yield posixpath.dirname(whole)


def _folders(one: Instruction) -> Iterator[str]:
    yield posixpath.normpath(one.text)
    yield posixpath.normpath(posixpath.join(one.folder or "/", one.text))


def _pairs(wanted: Named, one: Instruction) -> bool:
    if isinstance(wanted, str):
        return bool(one.pairs) if wanted == ANY else wanted in one.pairs
    return all(fits(value, one.pairs.get(name)) for name, value in wanted.items())


def ports(word: str) -> Iterator[str]:
    """The ways to say what EXPOSE exposes; a range is each of its ports.

    >>> list(ports("80")), list(ports("53/UDP"))
    (['80/tcp', '80'], ['53/udp'])
    """
    numbers, _, protocol = word.lower().partition("/")
    first, dash, last = numbers.partition("-")
    ports = [numbers]
    if dash and first.isdigit() and last.isdigit() and 0 <= int(last) - int(first) < 1000:
        ports = [str(port) for port in range(int(first), int(last) + 1)]
    for port in ports:
        yield f"{port}/{protocol or 'tcp'}"
        if protocol in {"", "tcp"}:
            yield port
