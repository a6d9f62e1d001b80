"""The progress file: what it keeps, and what cannot harm it."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import pytest

from dockerlearn.errors import StoreDamaged, StoreError, StoreNewer, UsageError
from dockerlearn.progress.schema import APPLICATION_ID, MIGRATIONS
from dockerlearn.progress.store import Attempt, ImagesBefore, StepKey, Store

BEGAN = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "progress.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


@pytest.fixture
def attempt(store: Store) -> Attempt:
    return store.begin_attempt("docker", "images", "ENGINE", {"port": "8080"}, BEGAN)


def test_current_survives_closing(path: Path) -> None:
    with Store.open(path) as store:
        assert store.current() is None
        store.set_current("docker", "images", "tag")
        store.set_current("docker", "images", "build")
    with Store.open(path) as store:
        assert store.current() == StepKey("docker", "images", "build")


def test_attempt_is_kept_whole(store: Store, attempt: Attempt) -> None:
    again = store.attempt("docker", "images")
    assert again == attempt
    assert (attempt.engine_id, attempt.variables, attempt.began) == ("ENGINE", {"port": "8080"}, BEGAN)
    assert store.attempt("docker", "containers") is None


def test_second_terminal_gets_the_open_attempt(store: Store, attempt: Attempt) -> None:
    assert store.begin_attempt("docker", "images", "ENGINE", {"port": "9090"}, BEGAN) == attempt


def test_attempt_on_another_engine_ends_the_first(store: Store, attempt: Attempt) -> None:
    other = store.begin_attempt("docker", "images", "OTHER", {}, BEGAN)
    assert other.id != attempt.id
    assert store.attempt("docker", "images") == other
    assert store.attempts() == (other,)
    assert store.attempts("ENGINE") == ()


def test_ended_attempt_is_not_open(store: Store, attempt: Attempt) -> None:
    store.end_attempt(attempt.id)
    assert store.attempt("docker", "images") is None
    assert store.attempts_of("docker", "images") == (attempt.id,)


def test_step_from_open_to_passed(store: Store, attempt: Attempt) -> None:
    store.open_step(attempt.id, "tag", BEGAN, {"container dl-web": "abc"})
    opened = store.steps(attempt.id)["tag"]
    assert (opened.status, opened.since, opened.baseline) == ("open", BEGAN, {"container dl-web": "abc"})
    assert store.ever_passed("docker") == set()
    assert store.pass_step(attempt.id, "tag", ["image dl-tools:v1: there"])
    passed = store.steps(attempt.id)["tag"]
    assert (passed.status, passed.verified) == ("passed", ("image dl-tools:v1: there",))
    assert passed.passed_at == passed.first_passed_at is not None
    assert store.ever_passed("docker") == {("images", "tag")}
    assert store.ever_passed("other") == set()


def test_opening_again_keeps_that_it_was_passed(store: Store, attempt: Attempt) -> None:
    store.open_step(attempt.id, "tag", BEGAN, {})
    store.record_hint(attempt.id, "tag")
    store.pass_step(attempt.id, "tag", ["x"])
    first = store.steps(attempt.id)["tag"].first_passed_at
    store.open_step(attempt.id, "tag", BEGAN + timedelta(hours=1), {"a": "b"})
    again = store.steps(attempt.id)["tag"]
    assert (again.status, again.passed_at, again.first_passed_at, again.verified) == ("open", None, first, ())
    assert (again.hints_shown, again.baseline) == (1, {"a": "b"})
    assert store.ever_passed("docker") == {("images", "tag")}


def test_pass_counts_once(store: Store, attempt: Attempt) -> None:
    store.open_step(attempt.id, "tag", BEGAN, {})
    assert store.pass_step(attempt.id, "tag", ["x"])
    assert not store.pass_step(attempt.id, "tag", ["y"])
    assert [mark.verified for mark in store.history()] == [("x",)]


def test_pass_of_a_step_that_was_never_opened_is_none(store: Store, attempt: Attempt) -> None:
    assert not store.pass_step(attempt.id, "tag", ["x"])
    assert store.history() == ()


def test_old_verdict_does_not_pass_a_step_opened_again(store: Store, attempt: Attempt) -> None:
    store.open_step(attempt.id, "tag", BEGAN, {})
    store.open_step(attempt.id, "tag", BEGAN + timedelta(seconds=9), {})
    assert not store.pass_step(attempt.id, "tag", ["x"], since=BEGAN)
    assert store.pass_step(attempt.id, "tag", ["x"], since=BEGAN + timedelta(seconds=9))


def test_skip_is_a_mark_and_a_pass_stays_a_pass(store: Store, attempt: Attempt) -> None:
    store.open_step(attempt.id, "tag", BEGAN, {})
    assert store.skip_step(attempt.id, "tag")
    assert not store.skip_step(attempt.id, "tag")
    assert store.steps(attempt.id)["tag"].status == "skipped"
    assert store.pass_step(attempt.id, "tag", [])
    assert not store.skip_step(attempt.id, "tag")
    assert [mark.kind for mark in store.history("docker")] == ["skipped", "passed"]
    assert store.ever_passed("docker") == {("images", "tag")}


def test_hints_choice_wrong_answers_and_solution(store: Store, attempt: Attempt) -> None:
    store.open_step(attempt.id, "tag", BEGAN, {})
    assert [store.record_hint(attempt.id, "tag") for _ in range(3)] == [1, 2, 3]
    assert store.record_choice(attempt.id, "tag", 2)
    assert not store.record_choice(attempt.id, "tag", 0)
    store.record_wrong(attempt.id, "tag")
    store.record_wrong(attempt.id, "tag")
    store.record_solution_shown(attempt.id, "tag")
    record = store.steps(attempt.id)["tag"]
    assert (record.hints_shown, record.choice, record.wrong_answers, record.solution_shown) == (3, 2, 2, True)


def test_ledger_from_intent_to_forgotten(store: Store, attempt: Attempt) -> None:
    entry = store.intend("ENGINE", "container", "dl-web", attempt.id, "nonce")
    assert [(e.object_id, e.nonce) for e in store.entries()] == [(None, "nonce")]
    assert store.confirm(entry, "abc")
    assert [(e.id, e.object_id) for e in store.entries("ENGINE")] == [(entry, "abc")]
    assert store.entries("OTHER") == ()
    store.forget(entry)
    assert store.entries() == ()
    assert not store.confirm(entry, "abc")


def test_entering_twice_is_entering_once(store: Store, attempt: Attempt) -> None:
    first = store.enter("ENGINE", "container", "abc", "dl-web", attempt.id)
    assert store.enter("ENGINE", "container", "abc", "dl-renamed", attempt.id) == first
    assert store.enter("OTHER", "container", "abc", "dl-web", attempt.id) != first
    one = store.enter("ENGINE", "image", "sha256:1", "dl-a:v1", attempt.id)
    assert store.enter("ENGINE", "image", "sha256:1", "dl-b:v1", attempt.id) != one
    assert len(store.entries()) == 4


def test_intent_whose_object_another_terminal_entered(store: Store, attempt: Attempt) -> None:
    entry = store.intend("ENGINE", "container", "dl-web", attempt.id, "nonce")
    store.enter("ENGINE", "container", "abc", "dl-web", attempt.id)
    assert store.confirm(entry, "abc")
    assert [(e.id, e.object_id) for e in store.entries()] == [(entry, "abc")]


def test_trusted_images(store: Store, attempt: Attempt) -> None:
    store.trust_image(attempt.id, "busybox:1.36", "sha256:1")
    store.trust_image(attempt.id, "busybox:1.36", "sha256:2")
    store.trust_image(attempt.id, "nginx:1.27", "sha256:3")
    assert store.attempts()[0].images == {"busybox:1.36": "sha256:2", "nginx:1.27": "sha256:3"}
    assert store.trusted_images("ENGINE")["sha256:2"] == {"busybox:1.36"}


# Taking progress elsewhere


def test_export_is_json_and_import_merges_once(store: Store, attempt: Attempt, tmp_path: Path) -> None:
    store.open_step(attempt.id, "tag", BEGAN, {})
    store.pass_step(attempt.id, "tag", ["x"])
    store.set_current("docker", "images", "tag")
    exported = json.loads(json.dumps(store.export()))
    with Store.open(tmp_path / "other.sqlite3") as other:
        assert other.import_(exported) == 1
        assert other.import_(exported) == 0
        assert other.ever_passed("docker") == {("images", "tag")}
        assert other.history() == store.history()
        assert other.current() == StepKey("docker", "images", "tag")
        other.set_current("docker", "images", "build")
        other.import_(exported)
        assert other.current() == StepKey("docker", "images", "build")


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"format": 0, "current": None, "marks": []},
        {"format": 1, "current": None, "marks": [{"id": "x"}]},
        {"format": 1, "current": None, "marks": [], "more": 1},
        {"format": 1, "current": {"pack": "", "lesson": "a", "step": "b"}, "marks": []},
    ],
)
def test_import_of_something_else_changes_nothing(store: Store, wrong: object) -> None:
    with pytest.raises(UsageError):
        store.import_(wrong)
    assert store.history() == ()


def test_import_of_a_newer_export_is_refused(store: Store) -> None:
    with pytest.raises(StoreNewer):
        store.import_({"format": 2, "whatever": 1})


# What can go wrong with the file


def test_file_of_a_newer_version_is_refused_and_left(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreNewer):
        Store.open(path)
    assert path.read_bytes() == before


def test_file_of_the_first_version_is_brought_to_this_one(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as raw:
        raw.executescript(MIGRATIONS[0])
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("PRAGMA user_version = 1")
        raw.execute(
            "INSERT INTO attempts (pack, lesson, engine_id, variables, began) VALUES ('docker', 'a', 'E', '{}', ?)",
            ("2026-01-01T00:00:00.000000+00:00",),
        )
        row = "INSERT INTO ledger (id, engine_id, kind, object_id, name, attempt_id, nonce, made, entered) VALUES "
        when = "'2026-01-01T00:00:00.000000+00:00'"
        raw.execute(f"{row} (7, 'E', 'container', 'c1', 'dl-web', 1, NULL, 1, {when})")
        raw.execute(f"{row} (9, 'E', 'image', NULL, 'dl-app:v1', 1, 'abc', 1, {when})")
    raw.close()
    with Store.open(path) as store:
        assert [(one.id, one.kind, one.name, one.nonce) for one in store.entries("E")] == [
            (7, "container", "dl-web", None),
            (9, "image", "dl-app:v1", "abc"),
        ]
        assert store.enter("E", "container", "c1", "dl-web", 1) == 7
        network = store.enter("E", "network", "n1", "dl-net", 1)
        assert network > 9
        assert store.enter("E", "network", "n1", "dl-net", 1) == network
        intent = store.intend("E", "volume", "dl-data", 1, "nonce")
        assert store.confirm(intent, "dl-data@1")
        assert {one.kind for one in store.entries("E")} == {"container", "image", "network", "volume"}


@pytest.mark.parametrize("damage", ["text", "header", "middle"])
def test_damage_is_kept_aside_and_told(path: Path, damage: str) -> None:
    with Store.open(path) as store:
        attempt = store.begin_attempt("docker", "images", "ENGINE", {}, BEGAN)
        for number in range(200):
            store.enter("ENGINE", "container", f"{number:064}", f"dl-{number}", attempt.id)
    data = bytearray(path.read_bytes())
    if damage == "text":
        data = bytearray(b"this is no database\n" * 500)
    elif damage == "header":
        data[0:16] = b"x" * 16
    else:
        data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreDamaged) as caught:
        Store.open(path)
    kept = [item for item in path.parent.iterdir() if ".damaged-" in item.name]
    assert [item.read_bytes() for item in kept] == [bytes(data)]
    assert kept[0].name in caught.value.message
    with Store.open(path) as store:
        assert store.entries() == ()


def test_somebody_elses_database_is_kept_aside(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE songs (title)")
    raw.close()
    with pytest.raises(StoreDamaged):
        Store.open(path)
    assert len([item for item in path.parent.iterdir() if ".damaged-" in item.name]) == 1


def test_sound_file_is_never_set_aside(path: Path, store: Store) -> None:
    """Two terminals met the same damage: the second must not set aside the first one's new file."""
    from dockerlearn.progress.store import _damaged

    store.set_current("docker", "images", "tag")
    error = _damaged(path, lambda: None, "x")
    assert not isinstance(error, StoreDamaged)
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_lock_is_waited_for(path: Path, store: Store) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    # Not forked: SQLite's idea of its own locks must not be inherited.
    child = subprocess.Popen([sys.executable, "-c", _SET_CURRENT, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    time.sleep(0.5)
    assert child.poll() is None
    holder.execute("ROLLBACK")
    holder.close()
    assert child.wait(10) == 0
    child.stdout.close()
    assert store.current() == StepKey("a", "b", "c")


def test_lock_that_stays_is_told(path: Path, store: Store) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="Another dockerlearn"):
        Store.open(path, wait=0.05)
    holder.close()


def test_full_disk_is_told_and_loses_nothing(store: Store, attempt: Attempt) -> None:
    store._db.execute("PRAGMA max_page_count = 1")  # SQLite sets it to the present size, and then is full
    with pytest.raises(StoreError, match="disk is full"):
        _enter_for_ever(store, attempt)
    count = len(store.entries())
    store._db.execute("PRAGMA max_page_count = 100000")
    store.enter("ENGINE", "container", "last", "dl-last", attempt.id)
    assert len(store.entries()) == count + 1


def _enter_for_ever(store: Store, attempt: Attempt) -> None:
    for number in range(100_000):
        store.enter("ENGINE", "container", f"{number:064}", "dl-" + "x" * 200, attempt.id)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that an ordinary user can reach and not write to, while we are that user."""
    folder = Path(tempfile.mkdtemp())
    Store.open(folder / "progress.sqlite3").close()
    (folder / "progress.sqlite3").chmod(0o444)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_read_only_folder_can_be_read_and_writing_is_told(as_nobody: Path) -> None:
    with Store.open(as_nobody / "progress.sqlite3") as store:
        assert store.current() is None
        with pytest.raises(StoreError, match="may not be written"):
            store.set_current("a", "b", "c")
    with pytest.raises(StoreError, match="cannot be"):
        Store.open(as_nobody / "new.sqlite3")
    with pytest.raises(StoreError, match="cannot be kept"):
        Store.open(as_nobody / "folder" / "new.sqlite3")


def test_file_in_the_way_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    with pytest.raises(StoreError, match="cannot be kept"):
        Store.open(tmp_path / "kept" / "progress.sqlite3")


# Several processes


def test_four_processes_lose_nothing(path: Path) -> None:
    children = [FORK.Process(target=_enter_many, args=(path, number)) for number in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0, 0]
    with Store.open(path) as store:
        assert len(store.entries()) == 400


def test_tables_made_by_another_process_meanwhile_are_no_damage(path: Path) -> None:
    """Who looks before and after another process's commit sees half of each, which must not look like damage."""

    class Slow:
        def __init__(self, database: sqlite3.Connection) -> None:
            self.database = database
            self.child: subprocess.Popen[bytes] | None = None

        @property
        def in_transaction(self) -> bool:
            return self.database.in_transaction

        def execute(self, statement: str) -> object:
            found = self.database.execute(statement)
            if statement == "PRAGMA application_id" and self.child is None:
                self.child = subprocess.Popen([sys.executable, "-c", _SET_CURRENT, str(path)])
                time.sleep(0.7)
            return found

    path.parent.mkdir()
    database = sqlite3.connect(path, isolation_level=None, timeout=10)
    slow = Slow(database)
    Store(cast("sqlite3.Connection", slow), path, lambda: BEGAN)._prepare()
    assert slow.child is not None
    assert slow.child.wait(10) == 0
    database.close()
    with Store.open(path) as store:
        assert store.current() == StepKey("a", "b", "c")


def test_kill_at_any_moment_loses_no_pass(path: Path) -> None:
    rng = random.Random(7)
    told: set[str] = set()
    with Store.open(path) as store:
        store.begin_attempt("docker", "images", "ENGINE", {}, BEGAN)
    for turn in range(50):
        here, there = FORK.Pipe(duplex=False)
        child = FORK.Process(target=_pass_for_ever, args=(path, turn, there))
        child.start()
        there.close()
        told.add(here.recv())  # it is up
        time.sleep(rng.uniform(0, 0.03))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join(10)
        while True:
            try:
                told.add(here.recv())
            except EOFError:
                break
        with Store.open(path) as store:
            passed = {step for _, step in store.ever_passed("docker")}
        assert told <= passed
    assert len(told) >= 50


_SET_CURRENT = """
import sys
from pathlib import Path
from dockerlearn.progress.store import Store
print("up", flush=True)
with Store.open(Path(sys.argv[1])) as store:
    store.set_current("a", "b", "c")
"""


def _enter_many(path: Path, number: int) -> None:
    with Store.open(path) as store:
        attempt = store.begin_attempt("docker", "images", "ENGINE", {}, BEGAN)
        for count in range(100):
            store.enter("ENGINE", "container", f"{number}-{count}", "dl-x", attempt.id)


def _pass_for_ever(path: Path, turn: int, told: Connection) -> None:
    with Store.open(path) as store:
        attempt = store.attempts()[0]
        for count in range(10_000):
            step = f"{turn}-{count}"
            store.open_step(attempt.id, step, BEGAN, {})
            store.pass_step(attempt.id, step, ["x"])
            told.send(step)


def test_what_was_there_when_an_attempt_began_is_known_while_it_is_open(store: Store) -> None:
    ids = [f"sha256:{number:064x}" for number in (0, 1 << 255, 7 << 250)]
    attempt = store.begin_attempt("docker", "images", "ENGINE", {}, BEGAN, images=ids)
    before = store.images_before(attempt.id)
    assert before is not None
    assert all(one in before for one in ids)
    assert f"sha256:{5 << 250:064x}" not in before
    store.begin_attempt("docker", "images", "ENGINE", {}, BEGAN, images=())  # another terminal: the first one counts
    again = store.images_before(attempt.id)
    assert again is not None
    assert ids[0] in again
    store.end_attempt(attempt.id)
    assert store.images_before(attempt.id) is None


def test_an_engine_without_images_is_not_one_that_is_not_known(store: Store) -> None:
    empty = store.begin_attempt("docker", "a", "ENGINE", {}, BEGAN, images=())
    unknown = store.begin_attempt("docker", "b", "ENGINE", {}, BEGAN)
    assert store.images_before(empty.id) is not None
    assert store.images_before(unknown.id) is None


def test_too_many_images_are_not_noted(store: Store) -> None:
    ids = [f"sha256:{number << 192:064x}" for number in range(ImagesBefore.MOST + 1)]
    many = store.begin_attempt("docker", "a", "ENGINE", {}, BEGAN, images=ids)
    most = store.begin_attempt("docker", "b", "ENGINE", {}, BEGAN, images=ids[1:])
    assert store.images_before(many.id) is None
    kept = store.images_before(most.id)
    assert kept is not None
    assert len(kept.packed) == 8 * ImagesBefore.MOST
    assert (ids[0] in kept, ids[1] in kept, ids[-1] in kept) == (False, True, True)
