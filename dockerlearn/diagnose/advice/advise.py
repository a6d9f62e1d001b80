"""Advice on a command line: what was probably meant, and how it is written."""

from __future__ import annotations

from collections.abc import Callable

from dockerlearn.diagnose.advice import build_said, client_said, engine_said, shell_said, typed
from dockerlearn.diagnose.advice.docker_line import read_docker
from dockerlearn.diagnose.advice.slip import Advice, Slip
from dockerlearn.errors import DockerlearnError
from dockerlearn.text import safe
from dockerlearn.world import command_line
from dockerlearn.world.world import World

Rule = Callable[[Slip], Advice | None]

# The most certain first: what was refused with words of its own before what only looks unusual.
FAILED: tuple[Rule, ...] = (
    shell_said.typed_prompt,
    shell_said.misspelt_docker,
    typed.pasted_dash,
    typed.pasted_quotes,
    engine_said.no_engine,
    client_said.unknown_command,
    typed.single_dash,
    client_said.unknown_option,
    typed.spaced_value,
    typed.options_after_image,
    client_said.wrong_number,
    client_said.port_value,
    client_said.upper_case,
    client_said.not_a_reference,
    client_said.option_value,
    client_said.template,
    client_said.no_terminal,
    client_said.conflicting,
    client_said.mount_source,
    client_said.setting_value,
    build_said.context,
    build_said.copying,
    build_said.no_such_stage,
    build_said.instruction,
    build_said.run_failed,
    engine_said.name_taken,
    client_said.copy_sides,
    engine_said.no_such_container,
    engine_said.no_such_image,
    engine_said.cannot_pull,
    engine_said.not_in_image,
    engine_said.not_running,
    engine_said.in_use,
    engine_said.port_taken,
    engine_said.networks,
    engine_said.loopback_inside,
    client_said.missing_here,
)

# What docker did without a complaint, and which is still hardly what was meant: told only to one who asks why.
DONE: tuple[Rule, ...] = (
    typed.single_dash,
    typed.options_after_image,
    typed.port_without_colon,
    typed.expanded_too_early,
    typed.redirected_outside,
    engine_said.ports_discarded,
)


def advise(text: str, exit_code: int, printed: str = "", world: World | None = None) -> Advice | None:
    """Return advice on a line that was typed, how it ended and what it printed; None when nothing is recognised.

    For a line that ended well there is advice too; say it only when what it did is not what the task needs and the
    learner asks. ``printed`` may be the beginning and the end of a long output. Nothing of ``text`` is run. The engine
    is asked for names at most, and when it cannot be asked there is advice without them.
    """
    line = command_line.read(text.strip())
    if (advice := shell_said.open_quote(line)) is not None:
        return advice
    said = safe(printed)
    for command in line.commands:
        slip = Slip(line, command, read_docker(command), exit_code, said, world)
        for rule in FAILED if exit_code else DONE:
            if (advice := _ask(rule, slip)) is not None:
                return advice
    return None


def _ask(rule: Rule, slip: Slip) -> Advice | None:
    try:
        return rule(slip)
    except DockerlearnError:
        if slip.world is None:
            return None
        return _ask(rule, Slip(slip.line, slip.command, slip.docker, slip.exit_code, slip.printed, None))
