"""``volume``: what a volume is, who uses it, what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.files import content
from dockerlearn.checks.findings import value
from dockerlearn.checks.matchers import ANY, NONE, Wanted
from dockerlearn.text import one_line
from dockerlearn.world.world import World


class Volume(Noun, frozen=True, kw_only=True, tag="volume"):
    """A volume, by its name.

    ``used_by`` are containers that have it mounted, running or not: a list of names, or a mapping from the name to
    ``any`` or ``none``; or ``any``, or ``none``. ``files`` maps paths within it to what they hold.

    >>> Volume(volume="dl-data", used_by=["dl-db"], files={"/note": {"contains": "hello"}}).subject
    'volume dl-data'
    """

    word: ClassVar[str] = "volume"

    volume: str
    absent: bool | None = None
    driver: Wanted | None = None
    labels: dict[str, Wanted] = {}
    used_by: list[str] | dict[str, str] | str | None = None
    files: dict[str, Wanted] = {}

    def mentions(self) -> Iterator[Mention]:
        """Itself, and the containers that have it."""
        yield "volume", self.volume
        asked = self.used_by
        named = [] if asked in (None, ANY, NONE) else [asked] if isinstance(asked, str) else list(asked or ())
        yield from (("container", name) for name in named)

    def findings(self, world: World) -> Iterator[Finding]:
        """Look whether it is there, at what it was made of, for those who use it, then into it."""
        name = self.volume
        there = world.volume(name)
        if self.absent:
            yield self._gone(world)
            return
        if there is None:
            found = prose.missing_thing(name, (one for one in world.engine.volumes() if len(one) < 64))
            expected = f"there should be a volume named {name}"
            yield Finding(ok=False, expected=expected, found=found, next=f"docker volume create {name}")
            return
        yield Finding(ok=True, expected="", found="there")
        if self.driver is not None:
            yield value(name, "driver", self.driver, there.driver)
        for label, wanted in self.labels.items():
            yield value(name, f"label {label}", wanted, there.labels.get(label))
        if self.used_by is not None:
            yield from self._used_by(world)
        if self.files:
            seen = world.volume_paths(there, tuple(self.files))
            if seen is None:
                expected = f"a look into the volume {name}"
                yield Finding(ok=None, expected=expected, found="there is no image on the engine to look with")
                return
            for path, wanted in self.files.items():
                yield content(f"the volume {name}", path, wanted, seen[path])

    def _gone(self, world: World) -> Finding:
        if world.volume(self.volume) is None:
            return Finding(ok=True, expected="", found="gone")
        users = ", ".join(one_line(row.name) for row in world.users_of_volume(self.volume)[:4])
        return Finding(
            ok=False,
            expected=f"the volume {self.volume} should be gone",
            found="it is there" + (f", and {users} has it" if users else ""),
            next=f"docker rm {users.replace(',', '')}, then docker volume rm {self.volume}"
            if users
            else f"docker volume rm {self.volume}",
        )

    def _used_by(self, world: World) -> Iterator[Finding]:
        asked = self.used_by
        if isinstance(asked, str) and asked in {ANY, NONE}:
            users = [one_line(row.name) for row in world.users_of_volume(self.volume)]
            expected = f"{'some' if asked == ANY else 'no'} container should have the volume {self.volume}"
            found = f"{', '.join(users[:4])} {'has' if len(users) == 1 else 'have'} it" if users else "none has it"
            yield Finding(ok=bool(users) == (asked == ANY), expected=expected, found=found)
            return
        wanted = {asked: ANY} if isinstance(asked, str) else asked or {}
        for name, how in (dict.fromkeys(wanted, ANY) if isinstance(wanted, list) else wanted).items():
            container = world.container(name)
            unwanted = how in {NONE, "false"}
            if container is None and not unwanted:
                found, hint = prose.missing(world, name)
                yield Finding(ok=False, expected=f"there should be a container named {name}", found=found, next=hint)
            elif container is not None:
                has = any(mount.kind == "volume" and mount.name == self.volume for mount in container.mounts)
                expected = f"{name} should {'not ' if unwanted else ''}have the volume {self.volume}"
                yield Finding(ok=has != unwanted, expected=expected, found=prose.mount_list(container.mounts))
