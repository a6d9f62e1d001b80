"""Where files live."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

OF_PACK = ".pack"
"""Ends the name of a folder in the workspace that holds the folders of a pack's lessons."""


class Paths(msgspec.Struct, frozen=True):
    """The folders of one learner.

    ``home`` holds progress, the cache and the practice engine (``DOCKERLEARN_HOME``); ``workspace`` holds the
    learner's own files, a folder per lesson (``DOCKERLEARN_WORKSPACE``).
    """

    home: Path
    workspace: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Paths:
        """Read the two variables; the defaults are the platform's data folder and ``~/dockerlearn``."""
        home = environ.get("DOCKERLEARN_HOME")
        workspace = environ.get("DOCKERLEARN_WORKSPACE")
        return cls(
            home=Path(home).absolute() if home else _data_dir(environ),
            workspace=Path(workspace).absolute() if workspace else Path.home() / "dockerlearn",
        )

    @property
    def progress(self) -> Path:
        """The SQLite file of the store."""
        return self.home / "progress.sqlite3"

    @property
    def turns(self) -> Path:
        """The file by whose lock terminals take turns at a step's world."""
        return self.home / "turns.lock"

    @property
    def cache(self) -> Path:
        """Lessons that were read before, in a form that is quick to read again."""
        return self.home / "cache"

    @property
    def practice(self) -> Path:
        """The practice engine's folder."""
        return self.home / "engine"

    @property
    def packs(self) -> Path:
        """Packs of lessons that were added, a folder each."""
        return self.home / "packs"

    def lesson(self, slug: str, pack: str | None = None) -> Path:
        """The learner's folder for a lesson; ``pack`` is the one that was added and has it.

        Names of lessons have no dot, so that the folder of a pack is never that of a lesson.
        """
        return self.workspace / f"{pack}{OF_PACK}" / slug if pack else self.workspace / slug


def _data_dir(environ: Mapping[str, str]) -> Path:
    # platformdirs costs a sixth of a command's start-up, and on Linux the rule is one line of the XDG specification.
    import sys

    if sys.platform.startswith("linux"):
        base = environ.get("XDG_DATA_HOME", "")
        return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "dockerlearn"
    import platformdirs

    return Path(platformdirs.user_data_dir("dockerlearn", appauthor=False))
