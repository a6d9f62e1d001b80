"""What became of each image."""

from __future__ import annotations

from typing import Literal

import msgspec

from dockerlearn.errors import DockerlearnError

Did = Literal[
    "present", "pulled", "made", "saved", "loaded", "served", "missing", "taken", "undeclared", "unfit", "failed"
]


class Outcome(msgspec.Struct, frozen=True):
    """What became of one image; ``reference`` as a person types it.

    ``present``: it was there already. ``missing``: it is not on the engine. ``taken``: another image has its name.
    ``undeclared``: no lesson uses an image of this name. ``unfit``: it is not for this engine. ``why`` says more of
    what went wrong, ``remedy`` what to do.
    """

    reference: str
    did: Did
    why: str = ""
    remedy: str | None = None
    size: int | None = None
    stand_in: bool = False

    @property
    def ok(self) -> bool:
        """Whether it is where it was to go."""
        return self.did in {"present", "pulled", "made", "saved", "loaded", "served"}


def failed(reference: str, error: DockerlearnError) -> Outcome:
    """Return the outcome of an error."""
    return Outcome(reference, "failed", error.message, error.remedy)
