"""``doctor``: what is in place for the course, and the command that mends what is not."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from dockerlearn.cli.options import Json, Plain, Yes
from dockerlearn.errors import DockerlearnError

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.doctor.facts import Facts
    from dockerlearn.doctor.finding import Finding
    from dockerlearn.doctor.gather import Sources
    from dockerlearn.engine.api import EngineApi

Fix = Annotated[
    bool, typer.Option("--fix", help="Run the commands that are safe, after showing them and asking; then look again.")
]


def doctor(ctx: typer.Context, fix: Fix = False, yes: Yes = False, plain: Plain = False, json: Json = False) -> int:
    """Say what is in place and what mends what is not. Ends with 0 when lessons can run, else with 1."""
    from dockerlearn.doctor.finding import can_run
    from dockerlearn.doctor.mend import mend, run_here, safe_commands
    from dockerlearn.ui import shapes

    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    facts, findings = _look(wiring)
    commands = safe_commands(findings) if fix else ()
    mended = None
    if not wiring.view.json:
        wiring.view.findings(findings)
    if commands:
        wiring.view.note("This can be run safely:\n" + "\n".join(f"  {shlex.join(command)}" for command in commands))
        wiring.agree("Run it?", otherwise="dockerlearn doctor --fix --yes")
        host = facts.engine.address if facts.engine is not None and facts.engine.export else None
        mended = mend(commands, wiring.environ, host, run_here)
        wiring.forget_engine()
        before = findings
        facts, findings = _look(wiring)
        if not wiring.view.json:
            wiring.view.findings(findings, before)
    elif fix and not wiring.view.json:
        wiring.view.note("There is nothing here that can be mended without you.")
    if wiring.view.json:
        wiring.view.as_json(shapes.doctor_shape(facts, findings, mended))
    return 0 if can_run(findings) else 1


def _look(wiring: Wiring) -> tuple[Facts, tuple[Finding, ...]]:
    from dockerlearn.doctor.examine import examine
    from dockerlearn.doctor.gather import gather

    connect = _ask_first(wiring)
    with wiring.view.activity("Looking"):
        facts = gather(_sources(wiring, connect))
    return facts, examine(facts)


def _ask_first(wiring: Wiring) -> Callable[[], EngineApi]:
    """Have it agreed to a remote engine before anything moves on the screen, and once; return how to connect."""
    try:
        if wiring.endpoint().is_remote:
            wiring.engine()
    except DockerlearnError as error:
        refused = error

        def refuse() -> EngineApi:
            raise refused

        return refuse
    return wiring.engine


def _sources(wiring: Wiring, connect: Callable[[], EngineApi]) -> Sources:
    from dockerlearn.doctor.gather import Sources, look_at_terminal
    from dockerlearn.engine.practice import Practice
    from dockerlearn.engine.system import System

    def unmade(references: tuple[str, ...]) -> tuple[str, ...]:
        return Practice(wiring.paths.practice, environ=wiring.environ).unmade(references)

    out = wiring.view.out
    return Sources(
        environ=wiring.environ,
        home=wiring.home,
        paths=wiring.paths,
        terminal=look_at_terminal(
            wiring.environ,
            is_terminal=wiring.view.on_terminal,
            encoding=getattr(out, "encoding", None) or "",
            columns=wiring.view.style.width if wiring.view.on_terminal else None,
        ),
        endpoint=wiring.endpoint,
        connect=connect,
        pack=lambda: wiring.pack,
        store=lambda: wiring.store,
        practice=wiring.practice_address,
        unmade=unmade,
        system=System.here(wiring.environ),
    )
