"""The command line: which commands there are, and how their ends become exit codes.

====  ==========================================================================================
0     met, or done
1     not met
2     wrong usage, a bad lesson file, or declined
3     could not look (no engine, no permission, a failed set-up), and anything unexpected
130   Ctrl-C
====  ==========================================================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.ui.view import View

NAME = "dockerlearn"
COMPLETE = f"_{NAME.upper()}_COMPLETE"
"""Set by the shell when it asks for completion."""


def commands() -> typer.Typer:
    """Return the whole command line."""
    import typer

    from dockerlearn.cli import authoring, checking, doctoring, engines, imaging, keeping, learning, mapping, packing

    # Without rich: it would be imported for every help text and usage error.
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=_CONTEXT)
    app.callback(invoke_without_command=True)(learning.alone)

    app.command()(learning.start)
    app.add_typer(
        _group(checking.check, step=checking.step, lesson=checking.lesson, course=checking.course), name="check"
    )
    app.command()(learning.answer)
    app.command()(learning.task)
    app.command("help")(learning.help_)
    app.command()(learning.hint)
    app.command()(learning.solution)
    app.command("next")(learning.next_)
    app.command()(learning.skip)
    app.command()(learning.back)
    app.command()(learning.redo)
    app.command()(learning.edit)
    app.command()(learning.concept)
    app.command()(learning.lessons)
    app.add_typer(_group(keeping.progress, export=keeping.export, **{"import": keeping.import_}), name="progress")
    app.command("map")(mapping.map_)
    app.command()(doctoring.doctor)
    app.command()(keeping.clean)
    app.add_typer(_group(engines.engine, up=engines.up, down=engines.down, status=engines.status), name="engine")
    app.add_typer(
        _group(packing.packs, add=packing.add, list=packing.list_, update=packing.update, remove=packing.remove),
        name="packs",
    )
    app.add_typer(
        _group(
            imaging.images,
            list=imaging.list_,
            pull=imaging.pull,
            save=imaging.save,
            load=imaging.load,
            serve=imaging.serve,
            build=imaging.build,
        ),
        name="images",
    )
    app.add_typer(
        _group(
            authoring.author,
            new=authoring.new,
            lint=authoring.lint,
            prove=authoring.prove,
            preview=authoring.preview,
            schema=authoring.schema,
        ),
        name="author",
    )
    return app


_CONTEXT = {"help_option_names": ["-h", "--help"]}


def _group(main: Any, **subcommands: Any) -> typer.Typer:
    import typer

    group = typer.Typer(rich_markup_mode=None, context_settings=_CONTEXT)
    group.callback(invoke_without_command=True)(main)
    for name, command in subcommands.items():
        group.command(name)(command)
    return group


def run(arguments: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Run one command and return its exit code. Nothing but this turns errors into exit codes."""
    view: View | None = None
    code = 3
    try:
        from dockerlearn.cli.wiring import Wiring

        wired = wiring or Wiring()
        view = wired.view
        try:
            code = _dispatch(arguments, wired)
        finally:
            wired.close()
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - the one place that must not let anything through
        code = _explain(error, view)
    try:
        if code == 130 and view is not None and view.watched:
            view.note("")
        if view is not None:
            view.flush()
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        code = _explain(error, view)
    return code


def _dispatch(arguments: Sequence[str] | None, wiring: Wiring) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    completing = COMPLETE in wiring.environ
    if given[:1] == ["check"] and not completing:
        # Typer costs this command a third more; tests hold the two ways to the same.
        from dockerlearn.cli import verifying

        if asked := verifying.read_simple(given):
            return verifying.check_step(wiring.use(json=asked.json, plain=asked.plain), asked.step)
    import typer

    command = typer.main.get_command(commands())
    try:
        returned = command.main(given, prog_name=NAME, standalone_mode=False, obj=wiring)
    except typer.Abort:
        return 130
    except SystemExit as ended:
        # Completion ends so; and typer itself when the reader of a help text went away, which is nobody's fault.
        return ended.code if completing and isinstance(ended.code, int) else 0
    return returned if isinstance(returned, int) else 0


def _explain(error: Exception, view: View | None) -> int:
    """Tell an error and return its exit code."""
    from dockerlearn.errors import DockerlearnError, UsageError
    from dockerlearn.text import one_line
    from dockerlearn.ui.view import View

    view = view or View(sys.stdout, sys.stderr)
    told: DockerlearnError
    if isinstance(error, DockerlearnError):
        told = error
    elif (usage := _usage_error(error)) is not None:
        told = UsageError(*usage)
    elif isinstance(error, OSError) and error.strerror:
        where = f"{one_line(str(error.filename))}: " if error.filename else ""
        told = DockerlearnError(f"{where}{error.strerror}.")
    else:
        told = DockerlearnError(
            f"Stopped by a defect of dockerlearn's own: {type(error).__name__}: {one_line(str(error))}",
            f"Please report it, with what DOCKERLEARN_DEBUG=1 {NAME} … prints, where you got dockerlearn from.",
        )
    try:
        if os.environ.get("DOCKERLEARN_DEBUG") == "1":
            import traceback

            view.note("".join(traceback.format_exception(error)))
        view.error(told)
    except OSError:
        pass  # there is nowhere left to say it
    return told.exit_code


def _usage_error(error: Exception) -> tuple[str, str] | None:
    """Return typer's complaint about the command line as a message and a remedy."""
    import typer

    from dockerlearn.text import one_line

    # Typer carries its own click and does not export the class; BadParameter is a public child of it.
    if not isinstance(error, typer.BadParameter.__mro__[1]):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else NAME
    remedy = f"{path} --help"
    words = getattr(error, "message", "")
    if path == f"{NAME} check" and words.startswith("No such command"):
        remedy = f"{NAME} check step STEP    # or: check lesson LESSON, check course"
    if path == f"{NAME} answer" and words.startswith("No such option"):
        remedy = f"{NAME} answer -- ANSWER    # for an answer that begins with a dash"
    return one_line(error.format_message(), 300), remedy  # type: ignore[attr-defined]
