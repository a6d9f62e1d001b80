"""``dockerfile``: what the text of a Dockerfile in the lesson's folder says, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import msgspec

from dockerlearn.checks.base import Finding, Noun
from dockerlearn.checks.instruction import InstructionWanted, Seen, ignored
from dockerlearn.checks.lesson_file import beneath, text_of
from dockerlearn.checks.matchers import Wanted, describe, fits
from dockerlearn.engine import references
from dockerlearn.text import one_line
from dockerlearn.world.world import World

if TYPE_CHECKING:
    from dockerlearn.world import dockerfile as text
    from dockerlearn.world.dockerfile import Instruction


class Dockerfile(Noun, frozen=True, kw_only=True, tag="dockerfile"):
    """A Dockerfile, by its path beneath the lesson's folder. What it builds is asked of ``image``.

    ``stages`` is how many FROM there are, or a list of names of stages. ``from`` is the image that the last stage is
    made from in the end: a name of the pack's, a reference or ``scratch``. Each of ``has`` is an instruction that must
    be there, each of ``has_not`` one that must not; ``order`` wants the first instruction that fits each to stand
    below the first that fits the one before it.

    Looked at is what makes the last stage, with the stages that it is made FROM. A file is also brought along and a
    command run in a stage that the last one only takes files from: RUN, COPY, ADD, WORKDIR, SHELL and ARG are looked
    for there too. ``stage`` looks at one stage alone: its name, its number from 0, ``last``; or ``any`` for every one.

    >>> Dockerfile(dockerfile="Dockerfile", has=[InstructionWanted(copy="app.py", to="/app")]).subject
    'dockerfile Dockerfile'
    """

    word: ClassVar[str] = "dockerfile"

    dockerfile: str
    absent: bool | None = None
    stages: list[str] | Wanted | None = None
    stage: str | None = None
    from_: Wanted | None = msgspec.field(default=None, name="from")
    has: list[InstructionWanted] = []
    has_not: list[InstructionWanted] = []
    order: list[InstructionWanted] = []

    def __post_init__(self) -> None:
        beneath(self.dockerfile)
        if len(self.order) == 1:
            raise ValueError("order: names at least two instructions")

    def findings(self, world: World) -> Iterator[Finding]:
        """Read it, then look at its stages, what they are made from, what they have, and in which order."""
        name = self.dockerfile
        content = yield from text_of(world, name, "a Dockerfile", absent=self.absent)
        if content is None:
            return
        from dockerlearn.world.dockerfile import Broken
        from dockerlearn.world.dockerfile import read as read_text

        read = read_text(content)
        if isinstance(read, Broken):
            expected = f"{name} should be a Dockerfile that can be built"
            yield Finding(ok=False, expected=expected, found=f"line {read.line}: {read.reason}")
            return
        seen = Seen(world, read, ignored(world, name))
        yield Finding(ok=True, expected="", found="a Dockerfile")
        if self.stages is not None:
            yield from self._stages(read)
        chosen = self._chosen(read)
        if chosen is None:
            yield Finding(ok=False, expected=f"{name} should have a stage {self.stage}", found=_named(read))
            return
        if self.from_ is not None:
            yield self._from(world, read, chosen)
        for wanted in self.has:
            yield self._has(seen, wanted, chosen)
        for wanted in self.has_not:
            yield self._has_not(seen, wanted, chosen)
        if self.order:
            yield self._order(seen, chosen)

    def _stages(self, seen: text.Dockerfile) -> Iterator[Finding]:
        if isinstance(self.stages, list):
            for stage in self.stages:
                known = {one.name for one in seen.stages}
                expected = f"{self.dockerfile} should have a stage {stage}"
                yield Finding(ok=stage.lower() in known, expected=expected, found=_named(seen))
        elif self.stages is not None:
            expected = f"{self.dockerfile} should have {describe(self.stages)} stages"
            yield Finding(ok=fits(self.stages, len(seen.stages)), expected=expected, found=_named(seen))

    def _chosen(self, seen: text.Dockerfile) -> int | None:
        """The place of the stage that is asked about."""
        if self.stage in {None, "last", "any"}:
            return len(seen.stages) - 1
        return seen.find(str(self.stage))

    def _sections(self, seen: text.Dockerfile, wanted: InstructionWanted, chosen: int) -> list[tuple[Instruction, ...]]:
        """The instructions among which one is looked for, each list that of one stage."""
        if self.stage == "any":
            places = list(range(len(seen.stages)))
        elif self.stage is not None or wanted.kept_in_the_image:
            return [seen.instructions(chosen)]
        else:
            needed = seen.needed()
            places = [place for place in range(len(seen.stages)) if place in needed]
        # A stage that others are made from is looked at as their beginning.
        begun = {seen.stages[place].parent for place in places}
        return [seen.instructions(place) for place in places if place not in begun]

    def _from(self, world: World, seen: text.Dockerfile, chosen: int) -> Finding:
        base = seen.image(chosen)
        wanted = self.from_
        ok = wanted is not None and is_image(world, wanted, base)
        stage = f"the stage {self.stage}" if self.stage not in {None, "last", "any"} else self.dockerfile
        line = seen.stages[seen.lineage(chosen)[0]].line
        told = f"line {line}: FROM {one_line(base, 80)}"
        asked = describe(wanted) if wanted is not None else ""
        named = isinstance(wanted, str) and asked != "scratch"
        shown = references.short(world.scope.reference(asked)) if named else asked
        return Finding(ok=ok, expected=f"{stage} should be made from {shown}", found=told)

    def _has(self, seen: Seen, wanted: InstructionWanted, chosen: int) -> Finding:
        sections = self._sections(seen.file, wanted, chosen)
        for section in sections:
            if any(wanted.fits(seen, one) for one in wanted.in_force(section)):
                return Finding(ok=True, expected="", found=f"has {wanted.told}")
        like = [one for section in sections for one in section if wanted.is_kind(one)]
        return Finding(ok=False, expected=f"{self.dockerfile} should have {wanted.told}", found=_lines(wanted, like))

    def _has_not(self, seen: Seen, wanted: InstructionWanted, chosen: int) -> Finding:
        for section in self._sections(seen.file, wanted, chosen):
            for one in section:
                if wanted.fits(seen, one):
                    expected = f"{self.dockerfile} should not have {wanted.told}"
                    return Finding(ok=False, expected=expected, found=shown(one))
        return Finding(ok=True, expected="", found=f"has no {wanted.told.partition(' ')[2]}")

    def _order(self, seen: Seen, chosen: int) -> Finding:
        """In a stage where all are, they stand in order; and there is such a stage."""
        file = seen.file
        places = sorted(file.needed()) if self.stage is None else [chosen]
        places = list(range(len(file.stages))) if self.stage == "any" else places
        begun = {file.stages[place].parent for place in places}
        missing: InstructionWanted | None = None
        held = False
        for place in (place for place in places if place not in begun):
            section = file.instructions(place)
            firsts = [next((i for i, one in enumerate(section) if w.fits(seen, one)), None) for w in self.order]
            absent = next((w for w, first in zip(self.order, firsts, strict=True) if first is None), None)
            if absent is not None:
                missing = absent
                continue
            for before, after in zip(range(len(firsts)), range(1, len(firsts)), strict=False):
                upper, lower = firsts[before], firsts[after]
                if upper is not None and lower is not None and upper >= lower:
                    expected = f"{self.order[before].told} should stand above {self.order[after].told}"
                    one, other = section[upper], section[lower]
                    told = f"both are {shown(one)}" if upper == lower else f"{shown(other)} stands above {shown(one)}"
                    return Finding(ok=False, expected=expected, found=told)
            held = True
        if held or missing is None:
            return Finding(ok=True, expected="", found="in order")
        like = [one for place in places for one in file.stages[place].instructions if missing.is_kind(one)]
        expected = f"{self.dockerfile} should have {missing.told}"
        others = " and ".join(one.told for one in self.order if one is not missing)
        return Finding(ok=False, expected=f"{expected}, in one stage with {others}", found=_lines(missing, like))


def shown(one: Instruction) -> str:
    """Say where an instruction stands, and what it is.

    >>> from dockerlearn.world.dockerfile import Instruction
    >>> shown(Instruction("RUN", 3, "echo hello"))
    'line 3 (RUN echo hello)'
    """
    options = "".join(f"--{name}={value} " for name, value in one.options)
    return f"line {one.line} ({one_line(f'{one.word} {options}{one.text}', 80)})"


def is_image(world: World, wanted: Wanted, base: str) -> bool:
    """Whether an image is the one that is asked for. A reference with a tag and a digest counts as either."""
    name, at, _ = base.partition("@")
    forms = [base, name] if at and ":" in name.rpartition("/")[2] else [base]
    forms = [form if form == "scratch" else references.normalise(form) for form in forms]
    if isinstance(wanted, str):
        asked = world.scope.reference(wanted)
        return (asked if asked in {"scratch", "any"} else references.normalise(asked)) in {*forms, "any"}
    shorts = [form if form == "scratch" else references.short(form) for form in forms]
    if wanted.not_ is not None:
        return not is_image(world, wanted.not_, base)
    if wanted.one_of is not None:
        return any(is_image(world, one, base) for one in wanted.one_of)
    return any(fits(wanted, one) for one in shorts)


def _named(seen: text.Dockerfile) -> str:
    names = [one_line(stage.name, 40) for stage in seen.stages if stage.name]
    told = f"it has {len(seen.stages)} stage{'' if len(seen.stages) == 1 else 's'}"
    return f"{told} ({', '.join(names)})" if names else told


def _lines(wanted: InstructionWanted, like: list[Instruction]) -> str:
    if not like:
        return f"it has no {wanted.kind}"
    some = ", ".join(shown(one) for one in like[:4])
    return f"it has {some}" + (f" and {len(like) - 4} more" if len(like) > 4 else "")
