"""Slips that the typed words show by themselves."""

from __future__ import annotations

import re

from dockerlearn.diagnose.advice.docker_line import INSIDE, known_options, read_options
from dockerlearn.diagnose.advice.slip import Advice, Slip, shown
from dockerlearn.engine import references
from dockerlearn.world.command_line import Word

_DASHES = "\u2012\u2013\u2014\u2015\u2212"
_QUOTES = {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'"}
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|\{[A-Za-z_]|\()")
_OURS_IF_INSIDE = re.compile(r"--(?:name|rm|publish|detach)(?:=.*)?")


def pasted_dash(slip: Slip) -> Advice | None:
    """``–d``: a dash that a word processor made."""
    bad = [word for word in slip.command.words if word.text[:1] in set(_DASHES)]
    if not bad or slip.docker is None or not slip.failed:
        return None
    bare = {word: word.text.lstrip(_DASHES + "-") for word in bad}
    edits = [(word, ("-" if len(text) == 1 else "--") + text) for word, text in bare.items()]
    say = (
        f"{shown(bad[0].text)} begins with a long dash, as word processors and "
        "web pages make them. Docker knows - and --."
    )
    return Advice("pasted dash", say, slip.changed(*edits))


def pasted_quotes(slip: Slip) -> Advice | None:
    """Curly quotes, which no shell takes for quotes."""
    text = slip.typed
    if slip.docker is None or not slip.failed or not any(quote in text for quote in _QUOTES):
        return None
    say = "The curly quotes in it are letters to the shell. The straight ones, \" and ', hold words together."
    return Advice("pasted quotes", say, "".join(_QUOTES.get(letter, letter) for letter in text))


def single_dash(slip: Slip) -> Advice | None:
    """``-name``: a long option with one dash."""
    if slip.docker is None:
        return None
    for option in slip.docker.options:
        word = option.words[0]
        if not re.fullmatch(r"-[a-z][a-z-]+(=.*)?", word.text) or "-" + word.text.partition("=")[
            0
        ] not in known_options(slip.action):
            continue
        if slip.failed or word.text == "-all":
            say = f"A long option has two dashes. One dash begins short options, a letter each: {_letters(word)}."
            return Advice("single dash", say, slip.changed((word, "-" + word.text)))
    return None


def _letters(word: Word) -> str:
    letters = word.text[1:].partition("=")[0]
    return f"{word.text} is read as " + " ".join(f"-{letter}" for letter in letters[:4]) + (" …" if letters[4:] else "")


def spaced_value(slip: Slip) -> Advice | None:
    """``-e NAME=two words IMAGE``: the value ends at the space, and its second word is taken for the image."""
    docker = slip.docker
    if docker is None or not slip.failed or docker.action not in {"run", "create"} or not docker.options:
        return None
    setting, (taken, *rest) = docker.options[-1], docker.arguments or (None,)
    if taken is None or setting.name not in _SETTINGS or "=" not in (setting.value or ""):
        return None
    if not slip.says(rf"Unable to find image '{re.escape(taken.text)}(:latest)?' locally"):
        return None
    known = set(map(references.short, slip.world.image_tags())) if slip.world is not None else set()
    more = next(
        (at for at, word in enumerate(rest) if word.text.startswith("-") or references.short(word.text) in known), None
    )
    if more is None or read_options(docker.action, rest[more:])[1] == len(rest[more:]):
        return None  # No image is left, so that the second word may well have been meant for one.
    value = setting.words[-1]
    whole = " ".join(slip.line.text[word.start : word.end] for word in (value, taken, *rest[:more]))
    say = f"Without quotes a value ends at the space, so {shown(taken.text)} was taken for the image."
    edits = [(word, "") for word in (taken, *rest[:more])]
    return Advice("value with a space", say, slip.changed((value, f"'{whole}'"), *edits))


_SETTINGS = frozenset({"-e", "--env", "-l", "--label"})


def options_after_image(slip: Slip) -> Advice | None:
    """``docker run IMAGE -d``: what follows the image is the command to run inside."""
    docker = slip.docker
    if docker is None or docker.action not in INSIDE or not docker.inner:
        return None
    first = docker.arguments[0]
    after = "container" if docker.action == "exec" else "image"
    moved: tuple[Word, ...] = ()
    if docker.inner[0].text.startswith("-") and (slip.failed or docker.action == "create"):
        # An image with an entrypoint takes options of its own there; where that went well, it was meant.
        _, used = read_options(docker.action, list(docker.inner))
        moved = docker.inner[:used]
    elif slip.failed and docker.action != "exec" and slip.shows("invalid|unrecognized|unknown|usage:|not found"):
        moved = _among(docker.inner)
    if not moved:
        return None
    edits = [(word, "") for word in moved]
    options = " ".join(slip.line.text[word.start : word.end] for word in moved)
    command = slip.changed((first, f"{options} {slip.line.text[first.start : first.end]}"), *edits)
    say = (
        f"What stands after the {after} is run inside, so {shown(moved[0].text)} "
        "was taken for a program or its argument. "
        f"Docker's own options go before the {after}."
    )
    return Advice("options after the image", say, slip.again(command))


def _among(inner: tuple[Word, ...]) -> tuple[Word, ...]:
    """Options that can only have been docker's, further back; with ``-d`` at the very end."""
    for place, word in enumerate(inner):
        following = inner[place + 1 : place + 2]
        is_port = word.text == "-p" and following and re.fullmatch(r"[\d.]+:\d+(/\w+)?", following[0].text)
        if is_port or _OURS_IF_INSIDE.fullmatch(word.text):
            _, used = read_options("run", list(inner[place:]))
            return inner[place : place + used]
    ends_with = inner[-1].text in {"-d", "-it", "-ti"} and not any(word.text.startswith("-") for word in inner[:-1])
    return inner[-1:] if ends_with else ()


def port_without_colon(slip: Slip) -> Advice | None:
    """``-p 8080``: a port of the container, at any free port of the host."""
    if slip.docker is None or slip.action not in {"run", "create"}:
        return None
    for option in slip.docker.options:
        if option.name not in {"-p", "--publish"} or not option.value or not option.value.isdigit():
            continue
        say = (
            f"-p {option.value} publishes port {option.value} of the container at whatever port of the host is free. "
            "The whole form is HOST:CONTAINER."
        )
        inside = _exposed(slip)
        command = (
            slip.changed((option.words[-1], f"{option.value}:{inside}")) if inside and len(option.words) > 1 else None
        )
        return Advice("port without a colon", say, command)
    return None


def _exposed(slip: Slip) -> str | None:
    image = slip.world.image(slip.arguments[0].text) if slip.world and slip.arguments else None
    ports = sorted(image.exposed) if image else []
    return ports[0].partition("/")[0] if len(ports) == 1 else None


def expanded_too_early(slip: Slip) -> Advice | None:
    """``docker exec web echo $HOME``: the learner's own shell puts its value in."""
    docker = slip.docker
    if docker is None or docker.action not in INSIDE:
        return None
    early = next((word for word in docker.inner if _VARIABLE.search(word.bare)), None)
    if early is None:
        return None
    found = _VARIABLE.search(early.bare)
    say = (
        f"{shown(early.text)} was replaced by your own shell, with what it is on your machine, before docker saw it. "
        "In single quotes it reaches the shell inside."
    )
    command = None
    if found and docker.inner[0].text in {"sh", "bash", "ash"} and '"' in slip.line.text[early.start : early.end]:
        command = slip.changed((early, f"'{early.text}'")) if "'" not in early.text else None
    elif not any("'" in word.text for word in docker.inner):
        begin, end = docker.inner[0].start, docker.inner[-1].end
        script = slip.line.text[begin:end].replace('"', "").replace("\\", "")
        command = slip.line.changed(slip.command, (begin, end, f"sh -c '{script}'"))
    return Advice("expanded too early", say, command)


def redirected_outside(slip: Slip) -> Advice | None:
    """``docker exec web echo x > /file``: the file lands on the learner's machine."""
    docker = slip.docker
    outward = [word for sign, word in slip.command.redirects if sign.startswith(">")]
    if docker is None or docker.action != "exec" or not outward or docker.inner[:1] == ():
        return None
    if not outward[0].text.startswith("/") or outward[0].text.startswith("/dev/"):
        return None
    begin, end = docker.inner[0].start, outward[0].end
    script = slip.line.text[begin:end]
    command = None if "'" in script else slip.line.changed(slip.command, (begin, end, f"sh -c '{script}'"))
    say = (
        f"> {shown(outward[0].text)} is done by your own shell: the file is on your machine, not in the container. "
        "Inside, a shell of the container has to do it."
    )
    return Advice("redirected outside", say, command)
