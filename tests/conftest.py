"""What every test gets: an environment of its own; and for the live tests, namespaces of their own.

When tests of ``tests/live`` were selected, this pytest becomes one with the same arguments in namespaces of its own
(see ``own_engine``). Tests that are marked to run on other engines, too, are there once for each, and are run in
namespaces of each (see ``tests.live.conftest.pytest_generate_tests``).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests import engines, matrix, own_engine, own_shells, podman_engine

LIVE = Path(__file__).parent / "live"

SHARES = min((os.cpu_count() or 1) * 2, 6)
"""How many runs are made at the same time when there is much to do: a proof waits for more than half of its time."""

MUCH = 120.0
"""Seconds of tests from which on it is worth while to divide them."""

LONG = {
    "test_every_claim_about_a_step_holds": 20.0,
    "test_every_claim_about_it_holds": 150.0,
    "test_a_new_lesson_is_proven": 30.0,
    "test_a_check_that_too_much_passes": 25.0,
    "test_a_lesson_by_its_commands_changes_nothing_foreign": 60.0,
    "test_killed_a_hundred_times": 60.0,
    "test_twenty_times_up_and_down": 60.0,
    "test_the_tools_have_nothing_to_say[mypy]": 30.0,
}
"""Tests that take long by how their names begin, with about their seconds."""
NO_ENGINE = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "keeps_things: a live test that leaves things on the engine on purpose")
    config.addinivalue_line("markers", "also_on(*cells): a live test that runs on these cells of tests.matrix, too")
    config.addinivalue_line("markers", "only_on(*cells): a live test that runs on these cells of tests.matrix alone")
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            # Started in the background by a shell, or with nohup: what the tests start would ignore it, too.
            signal.signal(number, usual)
    if own_engine.is_inner():
        own_engine.begin()
        if folder := os.environ.get(own_engine.REPORTS):
            config.option.xmlpath = str(Path(folder) / f"{os.environ.get(own_engine.SHARE) or 'all'}.xml")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run again in namespaces of our own if live tests are among those selected; else, go on as always."""
    config = session.config
    if config.option.collectonly or session.testsfailed:
        return None
    if own_engine.is_inner():
        return own_engine.run_taken(session) if own_engine.is_divided() else None
    terminal = config.pluginmanager.get_plugin("terminalreporter")

    def say(line: str) -> None:
        if terminal is not None:
            terminal.write_line(line)

    if any("shells" in _fixtures(item) for item in session.items):
        # Here, since there is no network in namespaces of our own.
        reason = own_shells.provide(say)
        if reason is not None:
            say(reason)
    if not any(LIVE in item.path.parents for item in session.items):
        return None
    reason = own_engine.provide(say, "The live tests")
    if reason is not None:
        # The live tests fail with this; the others are run all the same.
        config.stash[NO_ENGINE] = reason
        return None
    wanted = sorted({name for item in session.items for name in own_engine.IMAGES if name in _fixtures(item)})
    stand_ins = Path(tempfile.mkdtemp(prefix="dl-stand-ins-"))
    reason = own_engine.make_stand_ins(wanted, stand_ins, say) if wanted else None
    if reason is None and any("served_packages" in _fixtures(item) for item in session.items):
        (stand_ins / "packages").mkdir()
        reason = own_engine.fetch_packages(stand_ins / "packages", say)
    if reason is not None:
        shutil.rmtree(stand_ins)
        config.stash[NO_ENGINE] = reason
        return None
    say("live tests selected: running again in namespaces of our own")
    if tuple(config.invocation_params.args) == tuple(sys.argv[1:]):
        again = [sys.executable, *sys.orig_argv[1:]]
    else:
        again = [sys.executable, "-m", "pytest", *map(str, config.invocation_params.args)]
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        # Else the new pytest would write into this one's temporary files.
        capture.stop_global_capturing()
    here, elsewhere = by_engine(session.items, None)
    try:
        with tempfile.TemporaryDirectory(prefix="dl-runs-") as scratch:
            folder = Path(scratch)
            own = own_engine.shares(how_many(here), folder / "taken")
            on_others, lacking = others(elsewhere, folder, say)
            # Those on other engines are begun early, and shares take what is left.
            runs = [*own[:1], *on_others, *own[1:]]
            code = own_engine.run_inner_together(again, config.invocation_params.dir, runs, SHARES) if runs else 1
            if not code and (left := not_done(session.items, runs)):
                say(f"no run has done: {', '.join(left)}")
                code = 1
            for reason in lacking:
                say(reason)
                code = code or 1
    finally:
        shutil.rmtree(stand_ins)
    # Not exit by exception: this pytest has run nothing, and is to say nothing at its end.
    sys.stdout.flush()
    os._exit(code)


def others(
    items: list[pytest.Item], folder: Path, say: Callable[[str], None]
) -> tuple[list[own_engine.Run], list[str]]:
    """The runs on other engines that some of the tests are for, and why others cannot be made."""
    runs: list[own_engine.Run] = []
    lacking: list[str] = []
    for cell in sorted({cell for item in items if (cell := cell_of(item))}):
        try:
            if cell == matrix.PODMAN and (missing := podman_engine.provide(say)):
                raise engines.NotFetched(missing)  # noqa: TRY301  # told like any other
            told = matrix.environment(matrix.CELLS[cell], folder / cell, say)
        except (engines.NotFetched, OSError) as reason:
            lacking.append(f"FAILED: the tests on engine {cell} could not be run. {reason}")
            say(lacking[-1])
        else:
            name = f"{cell}: {matrix.described(matrix.CELLS[cell], told)}"
            say(f"also on {name}")
            told |= {own_engine.CELL: cell, own_engine.SHARE: f"{own_engine.ON_OTHERS}{cell}"}
            number = how_many(by_engine(items, cell)[0])
            parts = own_engine.shares(number, folder / cell / "taken", told)
            runs += [part._replace(name=f"{name}{part.name.removeprefix(told[own_engine.SHARE])}") for part in parts]
    return runs, lacking


def how_many(items: list[pytest.Item]) -> int:
    """Among how many runs some tests on one engine are divided, by files: one, unless there is much to do."""
    files = len({item.path for item in items})
    return min(SHARES if sum(map(_seconds, items)) > MUCH else 1, files)


def not_done(items: list[pytest.Item], runs: list[own_engine.Run]) -> list[str]:
    """The files of tests that none of the runs among which they were divided has taken, with the engine's name."""
    left: set[str] = set()
    for cell, taken in {(run.told.get(own_engine.CELL), run.told.get(own_engine.TAKEN)) for run in runs}:
        if taken is not None:
            files = {item.path for item in by_engine(items, cell)[0]}
            on = f" on {cell}" if cell else ""
            left |= {f"{path.name}{on}" for path in own_engine.left_over(files, Path(taken))}
    return sorted(left)


def by_engine(items: list[pytest.Item], cell: str | None) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Tests that are for a cell of ``tests.matrix``, or with None for this machine's own engine; and the others."""
    return [item for item in items if cell_of(item) == cell], [item for item in items if cell_of(item) != cell]


def cell_of(item: pytest.Item) -> str | None:
    """The cell of ``tests.matrix`` that a test is for; None for this machine's own engine."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("cell") if callspec is not None else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Leave out what is for another engine, and what Podman's API is not for, where that is the engine.

    Begin with the files that take longest where files are divided, so that the runs end at about the same time.
    """
    yield
    if own_engine.is_inner():
        here, elsewhere = by_engine(items, os.environ.get(own_engine.CELL))
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = here
    if own_engine.is_podman():
        excluded = [item for item in items if podman_engine.why_not(item.nodeid)]
        config.hook.pytest_deselected(items=excluded)
        items[:] = [item for item in items if item not in excluded]
    if own_engine.is_divided():
        seconds: dict[Path, float] = {}
        for item in items:
            seconds[item.path] = seconds.get(item.path, 0.0) + _seconds(item)
        items.sort(key=lambda item: (-seconds[item.path], item.path))


def _seconds(item: pytest.Item) -> float:
    """About how long a test takes: proofs of lessons have many worlds, most other tests have no engine."""
    is_live = LIVE in item.path.parents
    usual = 3.0 if is_live else 1.0 if "shells" in _fixtures(item) else 0.1
    return next((seconds for name, seconds in LONG.items() if item.name.startswith(name)), usual)


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(scope="session")
def shells() -> None:
    """Asked for by tests that need the shells and programs of ``own_shells``; they fail where these are missing."""
    if left := own_shells.missing():
        pytest.fail(f"not installed: {', '.join(left)}", pytrace=False)


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, data folder and workspace of this test's own, and nothing of the outside about engines or proxies."""
    for name in list(os.environ):
        if name.startswith(("DOCKER_", "DOCKERLEARN_", "COMPOSE_", "BUILDX_", "BUILDKIT_", "CONTAINER_")):
            if name in own_engine.VARIABLES:
                continue
            monkeypatch.delenv(name)
        if name.startswith("PIP_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DOCKERLEARN_HOME", str(tmp_path / "dockerlearn-home"))
    monkeypatch.setenv("DOCKERLEARN_WORKSPACE", str(tmp_path / "dockerlearn-workspace"))
