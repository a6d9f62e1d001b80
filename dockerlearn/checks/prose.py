"""The words for what was found. All of it is here, so that one state is told in one way everywhere."""

from __future__ import annotations

from datetime import timedelta

from dockerlearn.engine import references
from dockerlearn.engine.snapshots import Binding, ContainerSnapshot
from dockerlearn.text import nearest, one_line
from dockerlearn.world.world import World

EXIT_CODES = {
    0: "it had nothing more to do",
    1: "the program reported an error of its own",
    125: "the engine could not start it",
    126: "the command was found and may not be executed",
    127: "the command was not found in the image",
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
    """Say that a container is not there, and which one was probably meant; and a next move."""
    began = world.began_as(name)
    renamed = world.container_by_id(began) if began else None
    if renamed is not None:
        return f"it is called {renamed.name} now", f"docker rename {renamed.name} {name}"
    rows = world.containers()
    if not rows:
        return "there is none", None
    close = nearest(name, [row.name for row in rows if row.name.startswith(name[:2]) or len(row.name) <= len(name) + 2])
    if close is not None:
        return f"there is none; there is one named {close}", f"docker rename {close} {name}"
    fresh = [row for row in rows if world.scope.since is not None and row.created >= world.scope.since]
    fresh = [row for row in fresh if "_" in row.name]  # the engine's own names: adjective_surname
    if len(fresh) == 1:
        return (
            f"there is none; the engine named the one you made {fresh[0].name}",
            f"docker rename {fresh[0].name} {name}   (--name gives a name from the start)",
        )
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
    return f'"{one_line(lines[-1], 120)}"' if lines else "nothing"
