"""``compose``: what a Compose file in the lesson's folder says, service by service."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import msgspec

from dockerlearn.checks.base import Finding, Noun
from dockerlearn.checks.dockerfile import is_image
from dockerlearn.checks.findings import several, value
from dockerlearn.checks.lesson_file import beneath, text_of
from dockerlearn.checks.matchers import ANY, NONE, Wanted, describe, fits, fits_some
from dockerlearn.checks.mounts import Mounts, MountWanted
from dockerlearn.engine import references
from dockerlearn.text import nearest, one_line
from dockerlearn.world.world import World

if TYPE_CHECKING:
    # Only a check that looks at a Compose file needs its reader.
    from dockerlearn.world.compose_file import ComposeFile, Mounted, Port, Service

_UNWANTED = (NONE, "false")


class ServiceWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A service of a Compose file, with the variables of ``.env`` put in.

    ``build`` is the folder that is built, ``target`` the stage; ``ports`` maps ports inside to those outside;
    ``volumes`` is as ``mounts`` of a container; ``networks`` are names, or names with an alias there; ``depends_on``
    are names, or names with the condition; ``healthcheck`` is the command; ``none`` wherever there should be nothing.

    >>> ServiceWanted(image="nginx", ports={"80": "8080"}).image
    'nginx'
    """

    image: Wanted | None = None
    build: Wanted | None = None
    target: Wanted | None = None
    command: list[str] | Wanted | None = None
    entrypoint: list[str] | Wanted | None = None
    environment: dict[str, Wanted] = {}
    labels: dict[str, Wanted] = {}
    ports: dict[str, Wanted] | str | None = None
    volumes: Mounts | None = None
    networks: list[str] | dict[str, Wanted] | str | None = None
    network_mode: Wanted | None = None
    depends_on: list[str] | dict[str, Wanted] | str | None = None
    healthcheck: Wanted | None = None
    profiles: list[str] | Wanted | None = None
    restart: Wanted | None = None
    user: Wanted | None = None
    container_name: Wanted | None = None
    working_dir: Wanted | None = None

    def __post_init__(self) -> None:
        for field in ("ports", "volumes"):
            given = getattr(self, field)
            if isinstance(given, str) and given not in {ANY, NONE}:
                raise ValueError(f"{field}: a text here is any or none, not {given!r}")


class DeclaredWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A network or volume that a Compose file declares at the top: settings of it that are one text."""

    name: Wanted | None = None
    driver: Wanted | None = None
    external: bool | None = None
    internal: bool | None = None


Declared = list[str] | dict[str, DeclaredWanted | str]
"""Names; or names with ``any``, ``none``, or their settings."""


class Compose(Noun, frozen=True, kw_only=True, tag="compose"):
    """A Compose file, by its path beneath the lesson's folder. What runs of it is asked of ``container``.

    ``services`` maps each to what it should be, or to ``any`` or ``none``; a list wants each to be there. ``networks``
    and ``volumes`` are those declared at the top. Long and short forms are the same, variables of the ``.env`` beside
    the file are put in, anchors and merge keys too. A file with ``include`` or ``extends``, or one that another is
    merged into (``compose.override.yaml``), cannot be told.

    >>> Compose(compose="compose.yaml", services={"web": ServiceWanted(image="nginx"), "old": "none"}).subject
    'compose compose.yaml'
    """

    word: ClassVar[str] = "compose"

    compose: str
    absent: bool | None = None
    project: Wanted | None = None
    services: list[str] | dict[str, ServiceWanted | str] = []
    networks: Declared = []
    volumes: Declared = []

    def __post_init__(self) -> None:
        beneath(self.compose)
        for field in ("services", "networks", "volumes"):
            given = getattr(self, field)
            for how in given.values() if isinstance(given, dict) else ():
                if isinstance(how, str) and how not in {ANY, *_UNWANTED}:
                    raise ValueError(f"{field}: a text here is any or none, not {how!r}")

    def findings(self, world: World) -> Iterator[Finding]:
        """Read it, then look at its services one after the other, and at what it declares."""
        name = self.compose
        content = yield from text_of(world, name, "a Compose file", absent=self.absent)
        if content is None:
            return
        if (other := _override(world, name)) is not None:
            yield Finding(ok=None, expected=f"a look into {name}", found=f"{other} is merged into it")
            return
        from dockerlearn.world import compose_file

        seen = compose_file.read(content, lambda path: _beside(world, name, path))
        if isinstance(seen, compose_file.NotRead):
            found = f"line {seen.line}: it uses {seen.what}, which is not read here"
            yield Finding(ok=None, expected=f"a look into {name}", found=found, next=f"docker compose -f {name} config")
            return
        if isinstance(seen, compose_file.Broken):
            expected = f"{name} should be a Compose file that can be used"
            found = f"line {seen.line}: {seen.reason}"
            yield Finding(ok=False, expected=expected, found=found, next=f"docker compose -f {name} config")
            return
        yield Finding(ok=True, expected="", found="a Compose file")
        if self.project is not None:
            yield value(name, "project name", self.project, seen.name)
        yield from self._services(world, seen)
        for word, wanted, declared in (
            ("network", self.networks, seen.networks),
            ("volume", self.volumes, seen.volumes),
        ):
            yield from self._declared(word, wanted, declared)

    def _services(self, world: World, seen: ComposeFile) -> Iterator[Finding]:
        asked = self.services if isinstance(self.services, dict) else dict.fromkeys(self.services, ANY)
        for name, how in asked.items():
            service = seen.services.get(name)
            if how in _UNWANTED:
                found = f"line {service.line}: it is there" if service else "none"
                expected = f"{self.compose} should have no service {name}"
                yield Finding(ok=service is None, expected=expected, found=found)
            elif service is None:
                near = nearest(name, list(seen.services))
                told = ", ".join(one_line(one, 40) for one in list(seen.services)[:6])
                found = f"there is one called {one_line(near)}" if near else f"it has {told}"
                yield Finding(ok=False, expected=f"{self.compose} should have a service {name}", found=found)
            else:
                yield Finding(ok=True, expected="", found=f"service {name}")
                if isinstance(how, ServiceWanted):
                    yield from _service(world, name, service, how)

    def _declared(self, word: str, wanted: Declared, seen: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
        asked = wanted if isinstance(wanted, dict) else dict.fromkeys(wanted, ANY)
        for name, how in asked.items():
            there = seen.get(name)
            unwanted = how in _UNWANTED
            told = f"it declares {', '.join(one_line(one, 40) for one in list(seen)[:6]) or 'none'}"
            expected = f"{self.compose} should {'not ' if unwanted else ''}declare the {word} {name}"
            yield Finding(ok=(there is None) == unwanted, expected=expected, found=told)
            if there is None or not isinstance(how, DeclaredWanted):
                continue
            for key, flag in (("external", how.external), ("internal", how.internal)):
                if flag is not None:
                    is_so = there.get(key, "false").lower() == "true"
                    expected = f"the {word} {name} should {'' if flag else 'not '}be {key}"
                    yield Finding(ok=is_so == flag, expected=expected, found="it is" if is_so else "it is not")
            for key, text in (("name", how.name), ("driver", how.driver)):
                if text is not None:
                    yield value(f"the {word} {name}", key, text, there.get(key))


def _service(world: World, name: str, there: Service, asked: ServiceWanted) -> Iterator[Finding]:
    if asked.image is not None:
        ok = is_image(world, asked.image, there.image) if there.image else fits(asked.image, None)
        wanted = asked.image
        shown = references.short(world.scope.reference(wanted)) if isinstance(wanted, str) and ok else describe(wanted)
        found = f"it is {one_line(there.image)}" if there.image else "it names none"
        yield Finding(ok=ok, expected=f"the image of {name} should be {shown}", found=found)
    if asked.build is not None:
        forms = () if there.build is None else tuple(dict.fromkeys((there.build, *_folder_forms(there.build))))
        found = "it builds nothing" if there.build is None else f"it builds {one_line(there.build)}"
        expected = f"{name} should build {describe(asked.build)}"
        yield Finding(ok=fits_some(asked.build, forms), expected=expected, found=found)
    for word, wanted_words, words in (
        ("command", asked.command, there.command),
        ("entrypoint", asked.entrypoint, there.entrypoint),
    ):
        if wanted_words is not None:
            yield _words(name, word, wanted_words, words)
    for word, pairs, known in (
        ("environment variable", asked.environment, there.environment),
        ("label", asked.labels, there.labels),
    ):
        for key, wanted in pairs.items():
            yield value(name, f"{word} {key}", wanted, known.get(key))
    if asked.ports is not None:
        yield from _ports(name, asked.ports, there.ports)
    if asked.volumes is not None:
        yield from _volumes(name, asked.volumes, there.volumes)
    if asked.networks is not None:
        yield from _named(name, "be on the network", asked.networks, there.networks, "it is on")
    if asked.depends_on is not None:
        seen = {other: (condition,) for other, condition in there.depends_on.items()}
        yield from _named(name, "depend on", asked.depends_on, seen, "it depends on")
    if asked.healthcheck is not None:
        test = "" if there.healthcheck[:1] in {(), ("NONE",)} else " ".join(there.healthcheck[1:])
        yield value(name, "health check", asked.healthcheck, test)
    if asked.profiles is not None:
        yield several(name, "profiles", asked.profiles, there.profiles)
    if asked.network_mode is not None:
        yield value(name, "network mode", asked.network_mode, there.network_mode)
    if asked.target is not None:
        yield value(name, "stage that is built", asked.target, there.target)
    for word, key, wanted_text in (
        ("restart policy", "restart", asked.restart),
        ("user", "user", asked.user),
        ("container name", "container_name", asked.container_name),
        ("working directory", "working_dir", asked.working_dir),
    ):
        if wanted_text is not None:
            yield value(name, word, wanted_text, there.settings.get(key))


def _words(name: str, word: str, wanted: list[str] | Wanted, seen: tuple[str, ...] | None) -> Finding:
    text = " ".join(seen) if seen is not None else None
    ok = (seen is not None and list(seen) == wanted) if isinstance(wanted, list) else fits(wanted, text)
    asked = " ".join(wanted) if isinstance(wanted, list) else describe(wanted)
    found = f"it is {one_line(text)}" if text else "there is none"
    return Finding(ok=ok, expected=f"the {word} of {name} should be {asked}", found=found)


def _ports(name: str, wanted: dict[str, Wanted] | str, seen: tuple[Port, ...]) -> Iterator[Finding]:
    told = ", ".join(f"{port.published or 'any'}->{port.target}/{port.protocol}" for port in seen) or "no port"
    if isinstance(wanted, str):
        expected = f"{name} should publish {'a port' if wanted == ANY else 'no port'}"
        yield Finding(ok=bool(seen) == (wanted == ANY), expected=expected, found=f"it publishes {one_line(told)}")
        return
    for port, outside in wanted.items():
        target, _, protocol = port.partition("/")
        there = [one.published for one in seen if (one.target, one.protocol) == (target, protocol or "tcp")]
        unwanted = outside in _UNWANTED
        ok = not there if unwanted else bool(there) and (outside == ANY or fits_some(outside, there))
        end = "" if unwanted or outside == ANY else f" as port {describe(outside)}"
        expected = f"{name} should {'not ' if unwanted else ''}publish its port {port.removesuffix('/tcp')}{end}"
        yield Finding(ok=ok, expected=expected, found=f"it publishes {one_line(told)}")


def _volumes(name: str, wanted: Mounts, seen: tuple[Mounted, ...]) -> Iterator[Finding]:
    told = "; ".join(_mounted(one) for one in seen) or "nothing is mounted in it"
    if isinstance(wanted, str):
        expected = f"{name} should have {'something' if wanted == ANY else 'nothing'} mounted"
        yield Finding(ok=bool(seen) == (wanted == ANY), expected=expected, found=told)
        return
    for path, how in wanted.items():
        there = next((one for one in seen if (one.target.rstrip("/") or "/") == (path.rstrip("/") or "/")), None)
        if how in _UNWANTED:
            expected = f"{name} should have nothing mounted at {path}"
            yield Finding(ok=there is None, expected=expected, found=told)
            continue
        asked = how if isinstance(how, str) else how.kind or how.name or how.source or "something"
        expected = f"{name} should have {describe(asked)} mounted at {path}"
        if there is None:
            yield Finding(ok=False, expected=expected, found=told)
        elif isinstance(how, str):
            yield Finding(ok=how == ANY or _is_source(there, how), expected=expected, found=_mounted(there))
        else:
            yield _as_wanted(there, how, expected)


def _as_wanted(there: Mounted, how: MountWanted, expected: str) -> Finding:
    ok = how.kind is None or fits(how.kind, there.kind)
    if how.name is not None:
        ok = ok and there.kind == "volume" and fits(how.name, there.source)
    if how.source is not None:
        same = _is_source(there, how.source) if isinstance(how.source, str) else fits(how.source, there.source)
        ok = ok and same
    if how.anonymous is not None:
        ok = ok and how.anonymous == (there.kind == "volume" and not there.source)
    if how.read_only is not None:
        expected += ", read-only" if how.read_only else ", writable"
        ok = ok and how.read_only == there.read_only
    return Finding(ok=ok, expected=expected, found=_mounted(there))


def _is_source(there: Mounted, wanted: str) -> bool:
    if wanted.startswith((".", "/")):
        return there.kind == "bind" and posixpath.normpath(there.source) == posixpath.normpath(wanted)
    return there.kind == "volume" and there.source == wanted


def _mounted(one: Mounted) -> str:
    what = {"volume": f"the volume {one.source}" if one.source else "a volume without a name", "bind": one.source}
    told = what.get(one.kind, f"a {one.kind}")
    return one_line(f"{told} is mounted at {one.target}{', read-only' if one.read_only else ''}")


def _named(
    name: str,
    verb: str,
    wanted: list[str] | dict[str, Wanted] | str,
    seen: Mapping[str, Collection[str]],
    told: str,
) -> Iterator[Finding]:
    found = f"{told} {', '.join(one_line(one, 40) for one in seen) or 'none'}"
    if isinstance(wanted, str):
        if wanted in {ANY, NONE}:
            expected = f"{name} should {verb} {'something' if wanted == ANY else 'nothing'}"
            yield Finding(ok=bool(seen) == (wanted == ANY), expected=expected, found=found)
            return
        wanted = [wanted]
    for other, how in (dict.fromkeys(wanted, ANY) if isinstance(wanted, list) else wanted).items():
        there = seen.get(other)
        if how in _UNWANTED:
            yield Finding(ok=there is None, expected=f"{name} should not {verb} {other}", found=found)
        elif there is None or how == ANY:
            yield Finding(ok=there is not None, expected=f"{name} should {verb} {other}", found=found)
        else:
            expected = f"{name} should {verb} {other} ({describe(how)})"
            some = ", ".join(one_line(one) for one in there) or "nothing"
            yield Finding(ok=fits_some(how, there), expected=expected, found=f"{found} ({some})")


def _folder_forms(path: str) -> Iterator[str]:
    """The ways to write a folder: ``app``, ``./app``, ``app/``."""
    if "://" not in path and not path.startswith("/"):
        plain = posixpath.normpath(path)
        yield from (plain, plain if plain == "." else f"./{plain}")


def _beside(world: World, name: str, path: str) -> str | None:
    """The text of a file that a Compose file names; None where there is none that may be looked at."""
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    if whole.startswith(("/", "..")):
        return None
    there = world.file(whole)
    return there.text if there is not None and there.kind == "file" else None


_USUAL = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")


def _override(world: World, name: str) -> str | None:
    """The file that ``docker compose`` merges into this one without being told to."""
    if posixpath.basename(name) not in _USUAL:
        return None
    usual = (one.replace(".y", ".override.y") for one in _USUAL)
    return next((one for one in usual if _beside(world, name, one) is not None), None)
