"""What the text of a Dockerfile says: its stages, and the instructions of each with the variables that are known.

The grammar (continuations, comments, directives, quotes, the exec form, heredocs) is read by ``e2b_dockerfile_utils``,
a port of BuildKit's parser; what it leaves to the builder (stages, options, what an instruction must have) is here.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from dockerlearn.text import nearest, one_line

if TYPE_CHECKING:
    from e2b_dockerfile_utils import DockerfileInstruction

LIMIT = 128 * 1024
"""Characters of a Dockerfile that is looked at."""

_LINE = 65_535
"""Bytes of a line that BuildKit reads."""

OPTIONS: Mapping[str, frozenset[str]] = {
    "ADD": frozenset({"checksum", "chmod", "chown", "exclude", "keep-git-dir", "link", "unpack"}),
    "COPY": frozenset({"chmod", "chown", "exclude", "from", "link", "parents"}),
    "FROM": frozenset({"platform"}),
    "HEALTHCHECK": frozenset({"interval", "retries", "start-interval", "start-period", "timeout"}),
    "RUN": frozenset({"device", "mount", "network", "security"}),
}
"""The options that BuildKit 0.29 knows, by instruction; the others have none."""

WORDS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
"""All instructions."""

_STAGE_NAME = re.compile(r"^[a-z][a-z0-9_.-]*$")
_NAME = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_HAS_DEFAULT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*):?[-+]")
_IMAGE = re.compile(r"^(?:[^/]*[.:][^/]*/|localhost/)?[a-z0-9._/-]+(?::[A-Za-z0-9_.-]+)?(?:@[a-z0-9+._-]+:[0-9a-f]+)?$")
_PREFIX = re.compile(r"^Dockerfile parse error(?: on line \d+)?: ")
# Patterns in ${NAME#…} and the like become regular expressions, and values can double with every line.
_MOST_STARS, _MOST_DOLLARS, _LONGEST_VALUE, _MOST_TEXT = 3, 64, 4096, 4 * 1024 * 1024


class Instruction(msgspec.Struct, frozen=True):
    """One instruction. Variables that are known are put in where the builder does so; others stay as written.

    ``text`` is what it says after its options: of a command all of it, on one line, the heredocs' lines below.
    ``words`` are a command's words, or the values of other instructions. ``pairs`` are the names that ENV, LABEL or ARG
    set; None where an ARG has no default. ``folder`` is the working directory that it meets, where the text tells it.
    """

    word: str
    line: int
    text: str
    words: tuple[str, ...] = ()
    exec_form: bool = False
    options: tuple[tuple[str, str], ...] = ()
    pairs: Mapping[str, str | None] = {}
    folder: str | None = None

    def option(self, name: str) -> str | None:
        """The value of an option; None when it is not given."""
        return next((value for key, value in reversed(self.options) if key == name), None)

    @property
    def sources(self) -> tuple[str, ...]:
        """What COPY or ADD takes."""
        return self.words[:-1]

    @property
    def target(self) -> str:
        """Where COPY or ADD puts it."""
        return self.words[-1]


class Stage(msgspec.Struct, frozen=True):
    """A stage: the image it is made from, or the earlier stage (by its place), and its own instructions."""

    name: str
    line: int
    base: str
    parent: int | None
    instructions: tuple[Instruction, ...]


class Dockerfile(msgspec.Struct, frozen=True):
    """A Dockerfile that can be read."""

    stages: tuple[Stage, ...]

    def find(self, name: str, before: int | None = None) -> int | None:
        """The place of the stage of this name or number, among the first ``before``."""
        stages = self.stages[:before]
        # As in BuildKit, the last one of a name counts, and a name counts before a number.
        for index in reversed(range(len(stages))):
            if stages[index].name and stages[index].name == name.lower():
                return index
        return int(name) if name.isascii() and name.isdigit() and len(name) < 5 and int(name) < len(stages) else None

    def lineage(self, index: int) -> tuple[int, ...]:
        """A stage and those it is made from, the first one first."""
        chain = [index]
        while (parent := self.stages[chain[-1]].parent) is not None:
            chain.append(parent)
        return tuple(reversed(chain))

    def instructions(self, index: int) -> tuple[Instruction, ...]:
        """What makes a stage: it begins with what made the stage that it is made from."""
        return tuple(one for stage in self.lineage(index) for one in self.stages[stage].instructions)

    def image(self, index: int) -> str:
        """The image that a stage is made from in the end."""
        return self.stages[self.lineage(index)[0]].base

    def needed(self) -> frozenset[int]:
        """The stages that are built for the last one."""
        waiting, seen = [len(self.stages) - 1], set[int]()
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            stage = self.stages[index]
            others = [stage.parent, *(self.find(name, index) for one in stage.instructions for name in taken_from(one))]
            waiting += [other for other in others if other is not None]
        return frozenset(seen)


class Broken(msgspec.Struct, frozen=True):
    """A Dockerfile that no builder takes: the first line that is wrong, and why."""

    line: int
    reason: str


def read(text: str) -> Dockerfile | Broken:
    """Read a Dockerfile; never raises, and takes a bounded time."""
    from e2b_dockerfile_utils import DockerfileSyntaxError, parse_dockerfile_ast

    if len(text) > LIMIT:
        return Broken(1, f"it is larger than {LIMIT // 1024} KiB")
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if "\x00" in line:
            return Broken(number, "it is not text")
        if len(line) > _LINE:
            return Broken(number, "the line is too long")
    try:
        parsed = parse_dockerfile_ast(_plain_head(lines))
        return _Reader(parsed.escape_token).read(parsed.instructions)
    except DockerfileSyntaxError as error:
        reason = _PREFIX.sub("", str(error))
        return Broken(error.line or 1, _unknown(reason.removeprefix("unknown instruction: "), reason))
    except _Wrong as wrong:
        return Broken(wrong.line, wrong.reason)
    except RecursionError:
        return Broken(1, "it is nested too deeply")


def mounts(run: Instruction) -> Iterator[Mapping[str, str]]:
    """What each ``--mount`` of a RUN says; its type is bind where none is given."""
    for name, value in run.options:
        if run.word == "RUN" and name == "mount":
            parts = {key.strip().lower(): said for key, _, said in (part.partition("=") for part in value.split(","))}
            yield {"type": "bind", **parts}


def taken_from(one: Instruction) -> Iterator[str]:
    """The stages or images that an instruction takes files from."""
    if one.word == "COPY" and (name := one.option("from")) is not None:
        yield name
    yield from (mount["from"] for mount in mounts(one) if "from" in mount)


def _unknown(word: str, reason: str) -> str:
    if word == reason:
        return one_line(reason)
    near = nearest(word.upper()[:40], WORDS)
    return f"there is no instruction {one_line(word, 40)}" + (f"; {near} was probably meant" if near else "")


def _plain_head(lines: Sequence[str]) -> str:
    """The text, the comments before the first instruction cut to what a directive needs.

    The library's pattern for directives takes time that grows with the square of a line's length.
    """
    head = list(lines)
    for index, line in enumerate(head):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        head[index] = line.strip()[:200]
    return "\n".join(head)


class _Wrong(Exception):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = one_line(reason)


class _Reader:
    """Follows the instructions as the builder does."""

    def __init__(self, escape: str) -> None:
        self._escape = escape
        self._left = _MOST_TEXT
        self._globals: dict[str, str] = {}
        self._stages: list[Stage] = []
        self._places: dict[str, int] = {}
        self._own: list[Instruction] = []
        # Of each stage at its end: the variables, and the working directory where it is known.
        self._ends: list[tuple[dict[str, str], str | None]] = []
        self._known: dict[str, str] = {}
        self._folder: str | None = None

    def read(self, instructions: Iterable[DockerfileInstruction]) -> Dockerfile:
        for one in instructions:
            name, options = one.name, self._options(one)
            if name == "FROM":
                self._from(one)
            elif not self._stages and name == "ARG":
                self._args(one, {})
            elif not self._stages:
                raise _Wrong(one.start_line, f"{name} stands before the first FROM")
            else:
                self._own.append(self._instruction(one, options))
        if not self._stages:
            raise _Wrong(1, "there is no FROM in it")
        self._close()
        found = Dockerfile(tuple(self._stages))
        for place in sorted(found.needed()):
            for taker in found.stages[place].instructions:
                for name in taken_from(taker):
                    if name.isascii() and name.isdigit() and int(name[:5]) >= place:
                        raise _Wrong(taker.line, f"--from={name} is not a stage above this one")
        return found

    def _close(self) -> None:
        if self._stages:
            self._stages[-1] = msgspec.structs.replace(self._stages[-1], instructions=tuple(self._own))
            self._ends.append((self._known, self._folder))

    def _from(self, one: DockerfileInstruction) -> None:
        words = one.args
        if len(words) not in {1, 3} or not words[0] or (len(words) == 3 and words[1].lower() != "as"):
            raise _Wrong(one.start_line, "FROM is followed by an image, or by IMAGE AS NAME")
        name = words[2].lower() if len(words) == 3 else ""
        if name and not _STAGE_NAME.match(name):
            raise _Wrong(one.start_line, f"{words[2]} is not a name for a stage, which begins with a letter")
        self._close()
        base = self._expand(words[0], self._globals, one.start_line)
        if not base:
            raise _Wrong(one.start_line, "the image after FROM is empty")
        # Here a number is an image, and capitals count; only --from knows stages by number and in any case.
        parent = self._places.get(base)
        if "$" not in base and not _IMAGE.match(base):
            raise _Wrong(one.start_line, f"{base} is not a name for an image, which has no capitals")
        if name:
            self._places[name] = len(self._stages)
        self._stages.append(Stage(name, one.start_line, base, parent, ()))
        self._own = []
        known, self._folder = self._ends[parent] if parent is not None else ({}, "/" if base == "scratch" else None)
        self._known = dict(known)

    def _options(self, one: DockerfileInstruction) -> tuple[tuple[str, str], ...]:
        found = []
        for flag in one.flags:
            name, equals, value = flag.removeprefix("--").partition("=")
            if name not in OPTIONS.get(one.name, ()):
                near = nearest(name[:40], tuple(OPTIONS.get(one.name, ())))
                meant = f"; --{near} was probably meant" if near else ""
                raise _Wrong(one.start_line, f"{one.name} has no option --{one_line(name, 40)}{meant}")
            expands = one.name in {"ADD", "COPY"} and name != "from"
            found.append((name, self._expand(value, self._known, one.start_line) if expands else value))
            if not equals and name not in {"link", "parents", "keep-git-dir", "unpack"}:
                raise _Wrong(one.start_line, f"--{name} needs a value, as in --{name}=…")
        return tuple(found)

    def _instruction(self, one: DockerfileInstruction, options: tuple[tuple[str, str], ...]) -> Instruction:
        line, name = one.start_line, one.name
        text, words, pairs, exec_form, folder = "", tuple[str, ...](), dict[str, str | None](), False, self._folder
        if name in {"ENV", "LABEL"}:
            pairs = self._pairs(one)
        elif name == "ARG":
            pairs = self._args(one, self._globals)
        elif name in _COMMANDS:
            text, words, exec_form = self._command(one)
        elif name == "ONBUILD":
            # Its arguments are another instruction, which the library leaves unread.
            words = tuple(one.original.split()[1:])
            if words and words[0].upper() in {"FROM", "MAINTAINER", "ONBUILD"}:
                raise _Wrong(line, f"{words[0]} may not stand after ONBUILD")
        else:
            words = self._values(one)
        if pairs:
            text = " ".join(key if value is None else f"{key}={value}" for key, value in pairs.items())
        elif name not in _COMMANDS:
            text = " ".join(words)
        least = _LEAST.get(name, 1)
        if (len(words) < least and not pairs) or (name == "RUN" and exec_form and not words):
            told = "a source and a target" if least == 2 else "something after it"
            raise _Wrong(line, f"{name} needs {told}")
        if name == "WORKDIR" and (self._folder is not None or text.startswith("/")):
            self._folder = posixpath.normpath(posixpath.join(self._folder or "/", text))
        return Instruction(name, line, text, words, exec_form, options, pairs, folder)

    def _command(self, one: DockerfileInstruction) -> tuple[str, tuple[str, ...], bool]:
        args = list(one.args)
        if one.name == "HEALTHCHECK":
            kind = args.pop(0).upper() if args else ""
            if kind == "NONE" and not args:
                return "", ("NONE",), False
            if kind != "CMD" or not args:
                raise _Wrong(one.start_line, "HEALTHCHECK is followed by CMD and a command, or by NONE")
        if one.json:
            return " ".join(args), tuple(args), True
        if one.name == "SHELL":
            raise _Wrong(one.start_line, 'SHELL is followed by a list, as in ["/bin/sh", "-c"]')
        shell = _flat(args[0]) if args else ""
        below = [_flat(line) for heredoc in one.heredocs for line in heredoc.content.splitlines()]
        return "\n".join([shell, *below]), _shell_words(shell), False

    def _values(self, one: DockerfileInstruction) -> tuple[str, ...]:
        args = list(one.args)
        if one.name in {"ADD", "COPY"} and not one.json:
            # The builder splits at blanks, whatever quotes say; a name with a blank needs the list form.
            args = " ".join(args).split()
        if one.name in {"USER", "WORKDIR", "STOPSIGNAL"}:
            args = [" ".join(args)] if args else []
            if one.name == "STOPSIGNAL" and args and " " in args[0]:
                raise _Wrong(one.start_line, "STOPSIGNAL is followed by one signal")
        return tuple(self._expand(arg, self._known, one.start_line) for arg in args)

    def _pairs(self, one: DockerfileInstruction) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        before = dict(self._known)
        for name, value in zip(one.args[::3], one.args[1::3], strict=True):
            key = self._expand(name, before, one.start_line)
            if not key:
                raise _Wrong(one.start_line, f"{one.name} has a value without a name")
            found[key] = self._expand(value, before, one.start_line)
        if one.name == "ENV":
            self._known |= {key: value for key, value in found.items() if value is not None}
        return found

    def _args(self, one: DockerfileInstruction, inherited: Mapping[str, str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for word in one.args:
            name, equals, raw = word.partition("=")
            known = self._known if self._stages else self._globals
            key = self._expand(name, known, one.start_line)
            value = self._expand(raw, known, one.start_line) if equals else inherited.get(key)
            found[key] = value
            if value is not None:
                known[key] = value
        return found

    def _expand(self, word: str, known: Mapping[str, str], line: int) -> str:
        """Put in what is known, as the builder does; a word that would cost too much stays as it is written."""
        from e2b_dockerfile_utils import ShellLex

        if word.count("$") > _MOST_DOLLARS or ("${" in word and word.count("*") > _MOST_STARS):
            lex = ShellLex(self._escape)
        else:
            values = {name: value for name, value in known.items() if len(value) <= _LONGEST_VALUE}
            # What the base image or --build-arg may set stays as it is, unless the word says what else to take.
            unknown = set(_NAME.findall(word)) - set(values) - set(_HAS_DEFAULT.findall(word))
            lex = ShellLex(
                self._escape, env={**values, **{name: f"${{{name}}}" for name in unknown}}, skip_unset_env=False
            )
        try:
            found = lex.process_word(word)
        except (ValueError, re.error) as error:
            raise _Wrong(line, str(error)) from None
        self._left -= len(found)
        if self._left < 0:
            raise _Wrong(line, "its variables grow too large")
        return found


_COMMANDS = frozenset({"RUN", "CMD", "ENTRYPOINT", "SHELL", "HEALTHCHECK"})
# How many words an instruction needs. BuildKit takes an empty RUN too, which does nothing.
_LEAST = {"ADD": 2, "COPY": 2, "CMD": 0, "ENTRYPOINT": 0, "RUN": 0}


def _flat(text: str) -> str:
    return " ".join(text.split())


def _shell_words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())
