"""Fifteen subjects of a first course in Docker, a lesson of one step each: what the format must be able to say."""

from __future__ import annotations

from pathlib import Path

PACK = Path(__file__).parent / "packs" / "subjects"

SUBJECTS = {
    "first-image": "first image",
    "published-nginx": "published nginx",
    "logs": "logs",
    "exec-and-copy": "exec and copy",
    "python-app": "image of a Python app",
    "label-and-env": "LABEL and ENV",
    "copy-files": "COPY",
    "volume-survives": "named volume that survives removal",
    "live-reload": "bind mount with live reload",
    "two-by-name": "two containers by name",
    "ports": "ports",
    "compose-one": "one Compose service",
    "compose-with-state": "two with state",
    "compose-networks": "Compose with volumes and networks",
    "multi-stage": "a multi-stage build that is much smaller and works",
}
"""Lesson to subject."""

COMPOSE = tuple(lesson for lesson in SUBJECTS if lesson.startswith("compose-"))
"""Those that need the client's plugin for Compose."""

QUICK = ("logs", "exec-and-copy", "label-and-env")
"""Those that are proven in every run of the tests, in seconds each; the others where much time is given."""
