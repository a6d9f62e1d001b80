"""The words for what was found. All of it is here, so that one state is told in one way everywhere.

Why it is so, and what was probably meant, is not told here but in ``diagnose``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from dockerlearn.checks.matchers import ANY, NONE, Wanted, describe
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import Binding, ContainerSnapshot, Mount
from dockerlearn.text import in_quotes, nearest, one_line
from dockerlearn.world.world import World

EXIT_CODES = {
    0: "it had nothing more to do",
    1: "the program reported an error of its own",
    125: "the engine could not start it",
    126: "the command was found and may not be executed",
    127: "a command was not found in the image",
    130: "it was interrupted, as Ctrl-C does",
    134: "it aborted itself",
    137: "it was killed (128 + signal 9)",
    139: "it crashed: it touched memory that is not its own (128 + signal 11)",
    143: "it was asked to end and did (128 + signal 15)",
}


def exit_meaning(code: int, *, oom_killed: bool = False) -> str:
    """Say what an exit code usually means.

    >>> exit_meaning(137, oom_killed=True)
    'the kernel killed it: it needed more memory than it was allowed'
    """
    if oom_killed:
        return "the kernel killed it: it needed more memory than it was allowed"
    if code in EXIT_CODES:
        return EXIT_CODES[code]
    if 128 < code < 160:
        return f"signal {code - 128} ended it (128 + {code - 128})"
    return "the program reported an error of its own"


def state(container: ContainerSnapshot) -> str:
    """Say what state a container is in, as the end of "NAME …"."""
    if container.paused:
        return "is paused: its processes are frozen"
    if container.restarting:
        return (
            f"is between two starts: it keeps ending with exit code {container.exit_code} "
            f"and has been restarted {times(container.restart_count)}"
        )
    if container.status == "running":
        return "is running"
    if container.never_started and container.error:
        return f"was made and could not be started: {one_line(container.error)}"
    if container.never_started:
        return "was made and never started"
    if container.status in {"exited", "created", "dead"}:
        meaning = exit_meaning(container.exit_code, oom_killed=container.oom_killed)
        told = f"has ended with exit code {container.exit_code}: {meaning}"
        return f"{told}. {one_line(container.error)}" if container.error else told
    return f"is {one_line(container.status)}"


def lasted(container: ContainerSnapshot) -> timedelta | None:
    """How long its last run lasted."""
    if container.started is None or container.finished is None or container.running:
        return None
    # A process that ends at once can be told to have ended some microseconds before it began.
    return max(timedelta(0), container.finished - container.started)


def way_to_run(container: ContainerSnapshot) -> str | None:
    """Return one command or sentence that leads from a container's state to a running one."""
    name = container.name
    if container.paused:
        return f"docker unpause {name}"
    if container.restarting:
        return f"docker logs {name}"
    if container.never_started and not container.error:
        return f"docker start {name}"
    if container.never_started:
        return f"docker rm {name}, then make it again"
    span = lasted(container)
    if span is not None and span < timedelta(seconds=5):
        # Starting it again would end the same way.
        return f"docker logs {name} shows what it said; docker rm {name} frees the name"
    return f"docker start {name}"


def missing(world: World, name: str) -> tuple[str, str | None]:
    """Say that a container is not there, or that it was renamed, and a next move; ``diagnose`` says what was meant."""
    began = world.began_as(name)
    renamed = world.container_by_id(began) if began else None
    if renamed is not None:
        return f"it is called {renamed.name} now", f"docker rename {renamed.name} {name}"
    return "there is none", None


def times(count: int) -> str:
    """Count in words.

    >>> times(1), times(3)
    ('once', '3 times')
    """
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")


def port_list(ports: dict[str, tuple[Binding, ...]]) -> str:
    """Say which ports are published where, as ``docker ps`` would."""
    told = [
        f"{binding.host_port or 'any'}->{port}"
        for port, bindings in sorted(ports.items())
        for binding in dict.fromkeys(Binding("", b.host_port) for b in bindings)
    ]
    return ", ".join(told) or "no port"


def place(where: str) -> str:
    """Say where on the host a port is open.

    >>> place("loopback"), place("everywhere"), place("10.0.0.5")
    ('on loopback (127.0.0.1)', 'on every address of the host', 'on the address 10.0.0.5')
    """
    known = {"loopback": "on loopback (127.0.0.1)", "everywhere": "on every address of the host"}
    return known.get(where, f"on the address {one_line(where)}")


def image_name(world: World, container: ContainerSnapshot) -> str:
    """Say which image a container was made from: its name and id."""
    image = world.image(container.image_id)
    typed = container.image_ref
    named = image.tags[0] if image and image.tags and references.looks_like_id(typed) else typed
    shown = references.short_id(container.image_id)
    return f"{one_line(named)} ({shown})" if named and not references.looks_like_id(named) else shown


def excerpt(text: str) -> str:
    r"""The last line that says something, in quotes.

    >>> excerpt("one\ntwo\n\n")
    '"two"'
    """
    lines = [line for line in text.splitlines() if line.strip()]
    return in_quotes(one_line(lines[-1], 120)) if lines else "nothing"


def contents(wanted: object, text: str) -> str:
    r"""Say what a file holds, by the first line that is not as it should be where all of them are known.

    >>> contents("a\nb", "a\nc\n"), contents("a\nb", "a"), contents("x", "y"), contents("x", "")
    ('its line 2 is "c"', 'it ends after line 1', 'it holds "y"', 'it is empty')
    """
    if not text.strip():
        return "it is empty"
    lines = text.rstrip().splitlines()
    right = wanted.rstrip().splitlines() if isinstance(wanted, str) else []
    if len(lines) > 1 or len(right) > 1:
        for number, (line, should) in enumerate(zip(lines, right, strict=False), 1):
            if line != should:
                return f'its line {number} is "{one_line(line, 120)}"'
        if right and len(lines) < len(right):
            return f"it ends after line {len(lines)}"
        if right and len(lines) > len(right):
            return f"it goes on after line {len(right)}"
        return f"its last line is {excerpt(text)}"
    return f"it holds {excerpt(text)}"


def mounted(mount: Mount) -> str:
    """Say what is mounted at one place.

    >>> mounted(Mount("volume", "/v", "/data", read_only=True, name="dl-data"))
    'the volume dl-data is mounted at /data, read-only'
    """
    if mount.kind == "volume":
        what = "a volume without a name of its own" if mount.anonymous else f"the volume {one_line(mount.name or '')}"
    elif mount.kind == "bind":
        what = f"the folder {one_line(mount.source)} of the host"
    else:
        what = f"a {one_line(mount.kind)}"
    return f"{what} is mounted at {one_line(mount.target)}{', read-only' if mount.read_only else ''}"


def mount_list(mounts: tuple[Mount, ...]) -> str:
    """Say what is mounted altogether."""
    return "; ".join(mounted(mount) for mount in mounts) or "nothing is mounted in it"


def networks_of(container: ContainerSnapshot) -> tuple[str, ...]:
    """The networks that a container is on; Docker calls it a network named none when there is none."""
    return tuple(member.network for member in container.networks if member.network != "none")


def network_list(container: ContainerSnapshot) -> str:
    """Say which networks a container is on."""
    on = networks_of(container)
    if on:
        return f"it is on {', '.join(one_line(name) for name in on)}"
    if container.network_mode.startswith("container:"):
        return "it uses the network of another container"
    return "it is on no network"


def names(seen: Iterable[str]) -> str:
    """Say which names something has; the engine's own, the beginning of an id, is left out.

    >>> names({"db", "0123456789ab"})
    'db'
    """
    return ", ".join(sorted(one_line(name) for name in seen if not references.looks_like_id(name))) or "nothing"


def process(wanted: Wanted) -> str:
    """Say which process is asked for."""
    if wanted == ANY:
        return "a process"
    if wanted == NONE:
        return "no process"
    return f"a process whose command line is {describe(wanted)}"


def quoted(lines: Sequence[str]) -> str:
    """Some lines, in quotes, and how many more.

    >>> quoted(["sh", "sleep 5"])
    '"sh", "sleep 5"'
    """
    told = ", ".join(in_quotes(one_line(line, 60)) for line in lines[:4])
    return (told + (f" and {len(lines) - 4} more" if len(lines) > 4 else "")) or "nothing"


def layers(wanted: Wanted) -> str:
    """Say how many layers.

    >>> layers("1"), layers("any"), layers("0")
    ('1 layer', 'some layers', 'no layers')
    """
    told = {ANY: "some", NONE: "no", "0": "no"}.get(wanted, wanted) if isinstance(wanted, str) else describe(wanted)
    return f"{told} layer{'' if told == '1' else 's'}"


def count(seen: Sequence[str]) -> str:
    """Say how many there are, and which.

    >>> count(["dl-a", "dl-b"]), count([])
    ('there are 2 (dl-a, dl-b)', 'there is none')
    """
    if not seen:
        return "there is none"
    some = ", ".join(one_line(name) for name in seen[:6]) + (", …" if len(seen) > 6 else "")
    return f"there {'is' if len(seen) == 1 else 'are'} {len(seen)} ({some})"


def ended(exit_code: int, output: str) -> str:
    """Say how a command ended and what it said.

    >>> ended(1, "cannot open")
    'it ended with exit code 1 and said "cannot open"'
    """
    return f"it ended with exit code {exit_code} and said {excerpt(output)}"


def changes(seen: Mapping[str, str]) -> str:
    """Say what differs from the image."""
    told = ", ".join(f"{one_line(path, 60)} is {kind}" for path, kind in list(seen.items())[:4])
    return (told + (f" and {len(seen) - 4} more" if len(seen) > 4 else "")) or "nothing differs"


def missing_thing(name: str, there: Iterable[str], *, but: frozenset[str] = frozenset()) -> str:
    """Say that a network or volume is not there, and which one was probably meant.

    >>> missing_thing("dl-net", ["bridge", "dl-nte"])
    'there is none; there is one named dl-nte'
    """
    close = nearest(name, [one for one in there if one not in but])
    return f"there is none; there is one named {one_line(close)}" if close else "there is none"
