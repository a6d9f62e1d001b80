"""What every test gets: an environment of its own; and for the live tests, namespaces of their own.

When tests of ``tests/live`` were selected, this pytest becomes one with the same arguments in namespaces of its own
(see ``own_engine``).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests import own_engine

LIVE = Path(__file__).parent / "live"

SHARES = ("the first share", "the second share")
"""What is run at the same time when much is; each of about the same time, by ``_seconds``."""

ALL = ""
"""The share of a run that does everything."""

MUCH = 120.0
"""Seconds of tests from which on it is worth while to divide them."""

LONG = {
    "test_every_claim_about_a_step_holds": 20.0,
    "test_every_claim_about_it_holds": 150.0,
    "test_a_new_lesson_is_proven": 30.0,
    "test_a_check_that_too_much_passes": 25.0,
    "test_a_lesson_by_its_commands_changes_nothing_foreign": 60.0,
    "test_killed_a_hundred_times": 60.0,
}
"""Live tests that take long by how their names begin, with about their seconds; any other takes a few."""
NO_ENGINE = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "keeps_things: a live test that leaves things on the engine on purpose")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background by a shell: what the tests start would ignore Ctrl-C, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if own_engine.is_inner():
        own_engine.begin()
        if folder := os.environ.get(own_engine.REPORTS):
            config.option.xmlpath = str(Path(folder) / f"{os.environ.get(own_engine.SHARE) or 'all'}.xml")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Run again in namespaces of our own if live tests are among those selected; else, go on as always."""
    config = session.config
    if own_engine.is_inner() or config.option.collectonly or session.testsfailed:
        return
    if not any(LIVE in item.path.parents for item in session.items):
        return
    terminal = config.pluginmanager.get_plugin("terminalreporter")

    def say(line: str) -> None:
        if terminal is not None:
            terminal.write_line(line)

    reason = own_engine.provide(say, "The live tests")
    if reason is not None:
        # The live tests fail with this; the others are run all the same.
        config.stash[NO_ENGINE] = reason
        return
    wanted = sorted({name for item in session.items for name in own_engine.IMAGES if name in _fixtures(item)})
    stand_ins = Path(tempfile.mkdtemp(prefix="dl-stand-ins-"))
    reason = own_engine.make_stand_ins(wanted, stand_ins, say) if wanted else None
    if reason is not None:
        shutil.rmtree(stand_ins)
        config.stash[NO_ENGINE] = reason
        return
    say("live tests selected: running again in namespaces of our own")
    if tuple(config.invocation_params.args) == tuple(sys.argv[1:]):
        again = [sys.executable, *sys.orig_argv[1:]]
    else:
        again = [sys.executable, "-m", "pytest", *map(str, config.invocation_params.args)]
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        # Else the new pytest would write into this one's temporary files.
        capture.stop_global_capturing()
    shares = _divided(session.items)
    is_much = len(set(shares.values())) > 1 and sum(map(_seconds, session.items)) > MUCH
    try:
        code = own_engine.run_inner_together(again, config.invocation_params.dir, SHARES if is_much else (ALL,))
    finally:
        shutil.rmtree(stand_ins)
    # Not exit by exception: this pytest has run nothing, and is to say nothing at its end.
    os._exit(code)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Keep this run's share of what was selected, after everything else that selects: all runs divide the same list."""
    yield
    share = os.environ.get(own_engine.SHARE, ALL)
    if share != ALL:
        shares = _divided(items)
        others = [item for item in items if shares[item.path] != share]
        items[:] = [item for item in items if shares[item.path] == share]
        config.hook.pytest_deselected(items=others)


def _divided(items: Sequence[pytest.Item]) -> dict[Path, str]:
    """Which share each file is in."""
    seconds: dict[Path, float] = {}
    for item in items:
        seconds[item.path] = seconds.get(item.path, 0.0) + _seconds(item)
    return own_engine.divide(seconds, SHARES)


def _seconds(item: pytest.Item) -> float:
    """About how long a test takes: proofs of lessons have many worlds, most other tests have no engine."""
    if LIVE not in item.path.parents:
        return 0.1
    return next((seconds for name, seconds in LONG.items() if item.name.startswith(name)), 3.0)


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, data folder and workspace of this test's own, and nothing of the outside about engines or proxies."""
    for name in list(os.environ):
        if name.startswith(("DOCKER_", "DOCKERLEARN_", "COMPOSE_", "BUILDX_", "BUILDKIT_", "CONTAINER_")):
            if name in own_engine.VARIABLES:
                continue
            monkeypatch.delenv(name)
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DOCKERLEARN_HOME", str(tmp_path / "dockerlearn-home"))
    monkeypatch.setenv("DOCKERLEARN_WORKSPACE", str(tmp_path / "dockerlearn-workspace"))
