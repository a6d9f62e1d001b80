"""A command of the docker client as it was typed: subcommand, options and arguments, each with its place."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dockerlearn.world.command_line import Command, Word


class Option(msgspec.Struct, frozen=True):
    """An option: ``name`` with its dashes (``-it`` are two of them), its value if it takes one, and its words."""

    name: str
    value: str | None
    words: tuple[Word, ...]


class DockerLine(msgspec.Struct, frozen=True):
    """``docker run -d busybox sleep 5``: action ``run``, option ``-d``, arguments ``busybox``, ``sleep`` and ``5``.

    ``action`` is the short word where docker has two (``container run`` and ``run`` are one), ``said`` what was typed.
    ``action_words`` is empty when no subcommand was typed.
    """

    command: Command
    action: str
    said: str
    action_words: tuple[Word, ...]
    options: tuple[Option, ...]
    arguments: tuple[Word, ...]

    def option(self, *names: str) -> Option | None:
        """The last option with one of these names."""
        return next((option for option in reversed(self.options) if option.name in names), None)

    @property
    def inner(self) -> tuple[Word, ...]:
        """What is to be run inside, for run, create and exec; without the image or container before it."""
        return self.arguments[1:] if self.action in INSIDE else ()


INSIDE = frozenset({"run", "create", "exec"})
"""Actions whose options must come before the first argument, since what follows it is run inside."""

GROUPS = frozenset(
    {"builder", "buildx", "compose", "config", "container", "context", "image", "manifest", "network", "node", "plugin",
     "secret", "service", "stack", "swarm", "system", "trust", "volume"}
)  # fmt: skip

_SHORT: Mapping[str, str] = {
    "container ls": "ps", "container list": "ps", "container ps": "ps", "image ls": "images", "image list": "images",
    "image rm": "rmi", "image remove": "rmi", "image build": "build", "image tag": "tag", "image pull": "pull",
    "image push": "push", "image save": "save", "image load": "load", "image history": "history",
    "container remove": "rm", "network remove": "network rm", "volume remove": "volume rm", "buildx build": "build",
    "builder build": "build", "network list": "network ls", "volume list": "volume ls",
}  # fmt: skip

COMMANDS = (
    "attach", "build", "commit", "cp", "create", "diff", "events", "exec", "export", "history", "images", "import",
    "info", "inspect", "kill", "load", "login", "logout", "logs", "pause", "port", "ps", "pull", "push", "rename",
    "restart", "rm", "rmi", "run", "save", "search", "start", "stats", "stop", "tag", "top", "unpause", "update",
    "version", "wait", "container", "image", "network", "volume", "system", "context", "compose", "buildx", "builder",
)  # fmt: skip
"""What can follow ``docker``, those a beginner means first."""

GROUP_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "container": (
        "attach", "commit", "cp", "create", "diff", "exec", "export", "inspect", "kill", "logs", "ls", "pause", "port",
        "prune", "rename", "restart", "rm", "run", "start", "stats", "stop", "top", "unpause", "update", "wait",
    ),
    "image": ("build", "history", "import", "inspect", "load", "ls", "prune", "pull", "push", "rm", "save", "tag"),
    "network": ("connect", "create", "disconnect", "inspect", "ls", "prune", "rm"),
    "volume": ("create", "inspect", "ls", "prune", "rm"),
    "system": ("df", "events", "info", "prune"),
}  # fmt: skip

_GLOBAL_VALUES = frozenset(
    {"-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey"}
)

FLAGS: Mapping[str, frozenset[str]] = {
    "run": frozenset(
        {"-d", "--detach", "-i", "--interactive", "-t", "--tty", "-P", "--publish-all", "-q", "--quiet", "--rm",
         "--init", "--privileged", "--read-only", "--no-healthcheck", "--oom-kill-disable", "--sig-proxy", "--help",
         "--disable-content-trust", "--use-api-socket"}
    ),
    "exec": frozenset({"-d", "--detach", "-i", "--interactive", "-t", "--tty", "--privileged", "--help"}),
    "build": frozenset(
        {"--no-cache", "--pull", "-q", "--quiet", "--rm", "--force-rm", "--squash", "--compress", "--load", "--push",
         "--disable-content-trust", "--help"}
    ),
}  # fmt: skip
"""Options without a value, where most have one; of the other actions those in ``_WITH_VALUE`` have one."""

_WITH_VALUE = frozenset(
    {"-f", "--filter", "--format", "-n", "--tail", "--last", "--since", "--until", "-t", "--time", "--timeout", "-s",
     "--signal", "-o", "--output", "-i", "--input", "-d", "--driver", "--subnet", "--gateway", "--ip-range", "--opt",
     "--label", "--name", "--ip", "--alias", "--link", "-m", "--memory", "--cpus", "-c", "--change", "-a", "--author",
     "--message", "--platform", "--type", "--detach-keys", "--restart", "--pids-limit"}
)  # fmt: skip
_NO_VALUE: Mapping[str, frozenset[str]] = {
    "ps": frozenset({"-a", "-l", "-q", "-s", "--all", "--latest", "--quiet", "--size"}),
    "images": frozenset({"-a", "-q", "--all", "--quiet"}),
    "logs": frozenset({"-f", "-t", "--follow", "--timestamps", "--details"}),
    "rm": frozenset({"-f", "--force", "-v", "--volumes", "-l", "--link"}),
    "rmi": frozenset({"-f", "--force"}),
    "start": frozenset({"-a", "--attach", "-i", "--interactive"}),
    "cp": frozenset({"-a", "--archive", "-L"}),
    "network disconnect": frozenset({"-f", "--force"}),
    "volume rm": frozenset({"-f", "--force"}),
    "network rm": frozenset({"-f", "--force"}),
    "inspect": frozenset({"-s", "--size"}),
}

KNOWN: Mapping[str, tuple[str, ...]] = {
    "run": (
        "--add-host", "--attach", "--cap-add", "--cap-drop", "--cpus", "--detach", "--device", "--dns", "--entrypoint",
        "--env", "--env-file", "--expose", "--health-cmd", "--health-interval", "--health-retries", "--health-timeout",
        "--help", "--hostname", "--init", "--interactive", "--ip", "--ipc", "--label", "--link", "--log-driver",
        "--memory", "--mount", "--name", "--network", "--network-alias", "--no-healthcheck", "--pid", "--pids-limit",
        "--platform", "--privileged", "--publish", "--publish-all", "--pull", "--read-only", "--restart", "--rm",
        "--stop-signal", "--stop-timeout", "--tmpfs", "--tty", "--ulimit", "--user", "--volume", "--volumes-from",
        "--workdir",
    ),
    "exec": (
        "--detach", "--env", "--env-file", "--help", "--interactive", "--privileged", "--tty", "--user", "--workdir",
    ),
    "build": ("--build-arg", "--file", "--label", "--no-cache", "--progress", "--pull", "--quiet", "--tag", "--target"),
    "ps": ("--all", "--filter", "--format", "--last", "--latest", "--no-trunc", "--quiet", "--size"),
    "images": ("--all", "--digests", "--filter", "--format", "--no-trunc", "--quiet"),
    "logs": ("--details", "--follow", "--since", "--tail", "--timestamps", "--until"),
    "rm": ("--force", "--link", "--volumes"),
    "rmi": ("--force", "--no-prune"),
    "stop": ("--signal", "--time", "--timeout"),
    "restart": ("--signal", "--time", "--timeout"),
    "kill": ("--signal",),
    "start": ("--attach", "--detach-keys", "--interactive"),
    "inspect": ("--format", "--size", "--type"),
    "save": ("--output",),
    "load": ("--input", "--quiet"),
    "network create": ("--attachable", "--driver", "--gateway", "--internal", "--ipv6", "--label", "--opt", "--subnet"),
    "network connect": ("--alias", "--ip", "--link"),
    "volume create": ("--driver", "--label", "--name", "--opt"),
}  # fmt: skip
"""Long options by action, to find the one that was meant."""


def known_options(action: str) -> tuple[str, ...]:
    """The long options of an action; ``create`` has those of ``run``."""
    return KNOWN.get("run" if action == "create" else action, ())


def read_docker(command: Command) -> DockerLine | None:
    """Read a command of the docker client; None for any other.

    Words before it that set variables, and ``sudo``, are passed over.
    """
    words = list(command.words)
    while words and (words[0].text == "sudo" or _is_assignment(words[0].text)):
        words.pop(0)
    if not words or words[0].text.rpartition("/")[2] not in {"docker", "podman"}:
        return None
    rest = words[1:]
    while rest and rest[0].text.startswith("-"):
        takes = rest[0].text in _GLOBAL_VALUES
        rest = rest[2 if takes else 1 :]
    said_words = rest[: 2 if rest and rest[0].text in GROUPS else 1]
    said = " ".join(word.text for word in said_words)
    group, _, last = said.partition(" ")
    action = _SHORT.get(said, last if group in {"container"} and last else said)
    options, arguments = _options(action, rest[len(said_words) :])
    return DockerLine(command, action, said, tuple(said_words), tuple(options), tuple(arguments))


def takes_value(action: str, name: str) -> bool:
    """Whether an option of an action takes a value."""
    action = "run" if action == "create" else action
    if action in FLAGS:
        return name not in FLAGS[action]
    return name in _WITH_VALUE and name not in _NO_VALUE.get(action, ())


def read_options(action: str, words: list[Word]) -> tuple[list[Option], int]:
    """Read the options at the beginning of ``words``; the value's second part says how many words they are."""
    found: list[Option] = []
    at = 0
    while at < len(words):
        word = words[at]
        text = word.text
        if text == "--":
            at += 1
            break
        if not text.startswith("-") or text == "-":
            break
        at += 1
        if text.startswith("--"):
            name, equals, value = text.partition("=")
            if equals or not takes_value(action, name):
                found.append(Option(name, value if equals else None, (word,)))
                continue
            given = words[at : at + 1]
            at += len(given)
            found.append(Option(name, given[0].text if given else None, (word, *given)))
            continue
        letters = text[1:]
        for place, letter in enumerate(letters):
            name = f"-{letter}"
            if not takes_value(action, name):
                found.append(Option(name, None, (word,)))
                continue
            attached = letters[place + 1 :].removeprefix("=")
            given = [] if attached else words[at : at + 1]
            at += len(given)
            found.append(Option(name, attached or (given[0].text if given else None), (word, *given)))
            break
    return found, at


def _options(action: str, words: list[Word]) -> tuple[list[Option], list[Word]]:
    options, at = read_options(action, words)
    arguments = words[at:]
    if action in INSIDE:
        return options, arguments
    # Everywhere else options may stand anywhere.
    left: list[Word] = []
    while arguments:
        more, used = read_options(action, arguments)
        options += more
        arguments = arguments[used:]
        left += arguments[:1]
        arguments = arguments[1:]
    return options, left


def _is_assignment(text: str) -> bool:
    name, equals, _ = text.partition("=")
    return bool(equals) and name.isidentifier()
