"""What a proof came to: by lesson and step, and as a JUnit file for CI."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dockerlearn.author.prove import Loosened, Needless, Proved
from dockerlearn.text import safe


class LessonProof(msgspec.Struct, frozen=True):
    """The claims about one lesson, in the order in which they were looked at; ``loosened`` with mutation mode only."""

    lesson: str
    claims: tuple[Proved, ...]
    loosened: tuple[Loosened, ...] = ()
    needless: tuple[Needless, ...] = ()

    @property
    def unnoticed(self) -> tuple[Loosened, ...]:
        """What could be left out of a check, and nobody would notice or has said why."""
        return tuple(one for one in self.loosened if one.noticed is None and one.untested is None)

    @property
    def untested(self) -> tuple[Loosened, ...]:
        """What could be left out of a check unnoticed, and the author has said why that is all right."""
        return tuple(one for one in self.loosened if one.untested is not None)

    @property
    def held(self) -> bool:
        """Whether every claim holds that was looked at; no claim at all is none that holds."""
        return bool(self.claims) and not any(claim.fell for claim in self.claims)

    @property
    def left_out(self) -> tuple[Proved, ...]:
        """A claim for each step that could not be done here, of which nothing is known."""
        return tuple(claim for claim in self.claims if claim.held is None)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return sum(claim.seconds for claim in self.claims)

    def by_step(self) -> dict[str, tuple[Proved, ...]]:
        """The claims about each step, in order; those about the lesson as a whole are under the lesson's name."""
        return _by_step(self.claims)


def junit(proofs: Sequence[LessonProof]) -> str:
    """Return the proofs as JUnit's XML: a suite per step, with its time, and a case per claim.

    What nobody would miss of a check is a case that failed, too; with mutation mode only. A step that is left out is
    a case that was skipped.
    """
    from xml.etree import ElementTree

    root = ElementTree.Element("testsuites", _counts([case for proof in proofs for case in _cases(proof)]))
    for step, claims in (pair for proof in proofs for pair in _by_step(_cases(proof)).items()):
        suite = ElementTree.SubElement(root, "testsuite", {"name": step, **_counts(claims)})
        for claim in claims:
            named = {"classname": claim.step.replace("/", "."), "name": safe(claim.claim), "time": _time(claim.seconds)}
            case = ElementTree.SubElement(suite, "testcase", named)
            if claim.held is None:
                ElementTree.SubElement(case, "skipped", {"message": safe(claim.why)})
            elif claim.fell:
                # XML has no place for control characters, which logs are full of.
                why = safe(claim.why)
                ElementTree.SubElement(case, "failure", {"message": why.split("\n", 1)[0]}).text = why
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _by_step(claims: Sequence[Proved]) -> dict[str, tuple[Proved, ...]]:
    found: dict[str, list[Proved]] = {}
    for claim in claims:
        found.setdefault(claim.step, []).append(claim)
    return {step: tuple(claims) for step, claims in found.items()}


def _cases(proof: LessonProof) -> tuple[Proved, ...]:
    """The claims of a proof, and what mutation mode found, as claims that do not hold."""
    missed = [
        Proved(
            one.step, f"{one.where} {one.change} is noticed", False, "no mistake and no cheat makes a difference", 0.0
        )
        for one in proof.unnoticed
    ]
    needless = [
        Proved(
            one.step,
            f"{one.where} is untested",
            False,
            f"it is noticed by {one.noticed or 'nothing: it is not there'}",
            0.0,
        )
        for one in proof.needless
    ]
    return (*proof.claims, *missed, *needless)


def _counts(claims: Sequence[Proved]) -> dict[str, str]:
    return {
        "tests": str(len(claims)),
        "failures": str(sum(claim.fell for claim in claims)),
        "errors": "0",
        "skipped": str(sum(claim.held is None for claim in claims)),
        "time": _time(sum(claim.seconds for claim in claims)),
    }


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
