"""Bringing the world into the stated state."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.engine.api import ContainerSpec, PathInContainer
from dockerlearn.errors import EngineRejected, EngineSilent, NameTaken, SetupFailed, WorkspaceError
from dockerlearn.setup import bring, clean, ledger
from dockerlearn.setup.bring import SOURCE_LABEL
from dockerlearn.setup.ledger import NONCE_LABEL
from dockerlearn.setup.spec import Setup, SetupFile
from dockerlearn.setup.workspace import MARKER
from tests.fake_engine import make_image
from tests.setup_bench import IMAGES, Bench, Killed, container, declared, file, image, no_container

SLEEP = ["sleep", "1000"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


# Containers


def test_absent_container_is_made_with_limits_and_nonce(bench: Bench) -> None:
    report = bench.bring(container(command=SLEEP, env={"A": "b"}, publish={"80": 8080}))
    made = bench.engine.by_name["dl-web"]
    assert made.is_up
    assert (made.command, made.env["A"], made.image_ref) == (tuple(SLEEP), "b", "busybox:1.36")
    assert made.memory == 256 * 1024 * 1024
    assert made.pids_limit == 256
    assert [(b.host_ip, b.host_port) for b in made.asked["80/tcp"]] == [("127.0.0.1", 8080)]
    assert bench.known() == {made.id}
    assert bench.store.entries()[0].nonce == made.labels[ledger.NONCE_LABEL]
    assert [(action.subject, action.did) for action in report.actions] == [("container dl-web", "made")]


def test_as_stated_nothing_is_written(bench: Bench) -> None:
    items = [container(command=SLEEP, files={"/etc/motd": "hello"}, publish={"80/tcp": 8080}), no_container("dl-gone")]
    bench.bring(*items)
    assert bench.writes()
    assert bench.bring(*items).actions == ()
    assert bench.writes() == []


def test_what_the_learner_made_in_the_step_before_is_as_stated(bench: Bench) -> None:
    bench.engine.start_container(
        bench.engine.create_container(ContainerSpec(name="dl-web", image="busybox:1.36", command=tuple(SLEEP)))
    )
    bench.engine.tag("busybox:1.36", "dl-tools:v1")
    bench.engine.calls.clear()
    bench.bring(container(command=SLEEP), image("dl-tools:v1", tag_of="busybox"), image("busybox"))
    assert bench.writes() == []
    assert bench.engine.by_name["dl-web"].id in bench.known()


def test_after_a_reboot_it_is_started_not_made_anew(bench: Bench) -> None:
    bench.bring(container(), container("dl-two"))
    before = {name: item.id for name, item in bench.engine.by_name.items()}
    for item in before.values():
        bench.engine.stop_container(item)
    bench.writes()
    bench.bring(container(), container("dl-two"))
    assert bench.writes() == ["start_container", "start_container"]
    assert {name: item.id for name, item in bench.engine.by_name.items()} == before


@pytest.mark.parametrize(
    ("stated", "status"),
    [
        ({}, "running"),
        ({"running": False}, "exited"),
        ({"status": "created"}, "created"),
        ({"status": "paused"}, "paused"),
    ],
)
@pytest.mark.parametrize("before", ["absent", "running", "exited", "created", "paused"])
def test_every_status_is_reached_from_every_other(
    bench: Bench, stated: dict[str, Any], status: str, before: str
) -> None:
    if before != "absent":
        starts: dict[str, dict[str, Any]] = {"running": {}, "exited": {"running": False}}
        start = starts.get(before, {"status": before})
        bench.bring(container(**start))
        assert bench.engine.by_name["dl-web"].status == before
    bench.writes()
    bench.bring(container(**stated))
    assert bench.engine.by_name["dl-web"].status == status
    if status == before:
        assert bench.writes() == []
    else:
        bench.bring(container(**stated))
        assert "create_container" not in bench.writes() or before == "absent" or status == "created"


def test_ended_container_was_run(bench: Bench) -> None:
    bench.bring(container(running=False))
    made = bench.engine.by_name["dl-web"]
    assert (made.status, made.never_started) == ("exited", False)


def test_short_command_ends_by_itself(bench: Bench) -> None:
    class Short(type(bench.engine)):  # type: ignore[misc]  # the engine's class is a value here
        def start_container(self, container_id: str) -> None:
            super().start_container(container_id)
            self.change("dl-web", status="exited", running=False, exit_code=3)

    bench.engine.__class__ = Short
    bench.bring(container(running=False))
    assert bench.engine.by_name["dl-web"].exit_code == 3
    assert "stop_container" not in bench.writes()


@pytest.mark.parametrize(
    "changed",
    [
        {"image": "nginx"},
        {"command": ["true"]},
        {"env": {"A": "c"}},
        {"publish": {"80": 9090}},
        {"user": "nobody"},
        {"workdir": "/tmp"},
        {"files": {"/etc/motd": "other"}},
        {"fresh": True},
    ],
)
def test_what_is_made_otherwise_is_made_anew(bench: Bench, changed: dict[str, Any]) -> None:
    bench.bring(container(command=SLEEP, env={"A": "b"}, publish={"80": 8080}, files={"/etc/motd": "hello"}))
    first = bench.engine.by_name["dl-web"].id
    same = {"command": SLEEP, "env": {"A": "b"}, "publish": {"80": 8080}, "files": {"/etc/motd": "hello"}}
    bench.bring(container(**(same | changed)))
    second = bench.engine.by_name["dl-web"].id
    assert second != first
    assert bench.known() == {second}


def test_absent_removes_what_is_the_courses_and_forgets_it(bench: Bench) -> None:
    bench.bring(container())
    bench.bring(no_container())
    assert bench.engine.by_name == {}
    assert bench.store.entries() == ()


@pytest.mark.parametrize("item", [container(), container(fresh=True), no_container()])
def test_taken_name_is_told_and_left(bench: Bench, item: Setup) -> None:
    foreign = bench.engine.add("dl-web")
    with pytest.raises(NameTaken, match="dl-web"):
        bench.bring(item)
    assert bench.engine.by_name == {"dl-web": foreign}
    assert bench.writes() == []


def test_name_taken_in_the_last_moment(bench: Bench) -> None:
    class Raced(type(bench.engine)):  # type: ignore[misc]  # the engine's class is a value here
        def create_container(self, spec: ContainerSpec) -> str:
            self.add(spec.name)
            return str(super().create_container(spec))

    bench.engine.__class__ = Raced
    with pytest.raises(NameTaken):
        bench.bring(container())
    assert bench.store.entries() == ()


def test_container_that_ends_at_once_is_told(bench: Bench) -> None:
    class Short(type(bench.engine)):  # type: ignore[misc]  # the engine's class is a value here
        def start_container(self, container_id: str) -> None:
            super().start_container(container_id)
            self.change("dl-web", status="exited", running=False, exit_code=1)
            self.output[container_id] = "no such file\n"

    bench.engine.__class__ = Short
    with pytest.raises(SetupFailed, match=r'exit code 1; it said "no such file"'):
        bench.bring(container())
    assert bench.engine.by_name["dl-web"].id in bench.known()


def test_refusal_says_what_could_not_be_done_and_why(bench: Bench) -> None:
    class Full(type(bench.engine)):  # type: ignore[misc]  # the engine's class is a value here
        def start_container(self, container_id: str) -> None:
            raise EngineRejected("The engine refused: port is already allocated.", 500, "docker ps")

    bench.engine.__class__ = Full
    with pytest.raises(SetupFailed, match="start dl-web: The engine refused: port is already allocated") as caught:
        bench.bring(container())
    assert caught.value.remedy == "docker ps"


def test_silence_leaves_the_intent(bench: Bench) -> None:
    class Silent(type(bench.engine)):  # type: ignore[misc]  # the engine's class is a value here
        def create_container(self, spec: ContainerSpec) -> str:
            super().create_container(spec)
            raise EngineSilent("no answer")

    bench.engine.__class__ = Silent
    with pytest.raises(EngineSilent):
        bench.bring(container())
    ledger.resolve(bench.engine, bench.store)
    assert bench.known() == {bench.engine.by_name["dl-web"].id}


def test_foreign_container_on_our_network_keeps_ours(bench: Bench) -> None:
    bench.bring(container())
    ours = bench.engine.by_name["dl-web"]
    bench.engine.add("friend", created=bench.engine.clock, leans_on=frozenset({ours.id}))
    with pytest.raises(SetupFailed, match="friend"):
        bench.bring(container(fresh=True))
    assert bench.engine.by_name["dl-web"].id == ours.id


def test_names_without_prefix_are_refused_before_anything_is_done(bench: Bench) -> None:
    for item in (container("web"), image("tools:v1", tag_of="busybox"), image("nginx", absent=True)):
        with pytest.raises(SetupFailed):
            bench.bring(no_container("dl-x"), container("dl-y"), item)
    assert bench.writes() == []


# Images


def test_pack_image_is_pulled_when_absent(bench: Bench) -> None:
    bench.engine.registry["docker.io/library/redis:7"] = make_image("redis:7")
    lines: list[str] = []
    bench.bring(container(image="redis"), images={**IMAGES, "redis": "redis:7"}, progress=lines.append)
    assert bench.writes()[0] == "pull"
    assert lines
    assert bench.store.attempts()[0].images["redis:7"] == bench.engine.by_name["dl-web"].image_id


def test_image_that_is_not_the_packs_is_never_pulled(bench: Bench) -> None:
    bench.engine.registry["docker.io/library/dl-app:v1"] = make_image("dl-app:v1")
    with pytest.raises(SetupFailed, match="dl-app:v1 is not on the engine"):
        bench.bring(container(image="dl-app:v1"))
    assert bench.writes() == []


def test_pull_that_fails_gives_the_engines_reason(bench: Bench) -> None:
    with pytest.raises(SetupFailed, match=r"pull redis:7: .*registry has no such image"):
        bench.bring(image("redis"), images={**IMAGES, "redis": "redis:7"})


def test_foreign_image_under_a_public_name_is_left(bench: Bench) -> None:
    other = make_image("busybox:1.36", id="sha256:" + "9" * 64, digests=("evil@sha256:" + "3" * 64,))
    bench.engine.add_image(other)
    with pytest.raises(SetupFailed, match="another image"):
        bench.bring(container())
    assert bench.engine.image("busybox:1.36") == other
    assert bench.writes() == []


def test_tag_of(bench: Bench) -> None:
    bench.bring(image("dl-tools:v1", tag_of="busybox"))
    assert bench.engine.images[bench.engine.image("busybox:1.36").id].has_tag("dl-tools:v1")  # type: ignore[union-attr]
    bench.writes()
    bench.bring(image("dl-tools:v1", tag_of="busybox"))
    assert bench.writes() == []
    bench.bring(image("dl-tools:v1", tag_of="nginx"))
    nginx, busybox = bench.engine.image("nginx:1.27"), bench.engine.image("busybox:1.36")
    assert nginx is not None
    assert busybox is not None
    assert (nginx.tags, busybox.tags) == (("nginx:1.27", "dl-tools:v1"), ("busybox:1.36",))
    assert [entry.object_id for entry in bench.store.entries()] == [nginx.id]


def test_absent_image_loses_only_the_courses_name(bench: Bench) -> None:
    bench.bring(image("dl-tools:v1", tag_of="busybox"))
    bench.bring(image("dl-tools:v1", absent=True))
    there = bench.engine.image("busybox:1.36")
    assert there is not None
    assert there.tags == ("busybox:1.36",)
    assert bench.store.entries() == ()


@pytest.mark.parametrize("item", [image("dl-tools:v1", absent=True), image("dl-tools:v1", tag_of="busybox")])
def test_tag_taken_in_the_last_moment_is_told_and_left(bench: Bench, item: Setup) -> None:
    class Raced(type(bench.engine)):  # type: ignore[misc]  # the engine's class is a value here
        def create_container(self, spec: ContainerSpec) -> str:
            self.add_image(make_image("dl-tools:v1"))
            return str(super().create_container(spec))

    bench.engine.__class__ = Raced
    with pytest.raises(NameTaken, match="dl-tools:v1"):
        bench.bring(container(), item)
    assert bench.engine.image("dl-tools:v1") == make_image("dl-tools:v1")


def test_build_once_and_anew_when_the_files_change(bench: Bench) -> None:
    app = bench.files / "app"
    app.mkdir()
    (app / "Dockerfile").write_text("FROM busybox:1.36\nENV PORT=@{port}\n")
    bench.bring(image("dl-app:v1", build="app/"))
    first = bench.engine.image("dl-app:v1")
    assert first is not None
    assert first.id in bench.known()
    bench.writes()
    bench.bring(image("dl-app:v1", build="app/"))
    assert bench.writes() == []
    (app / "Dockerfile").write_text("FROM nginx:1.27\n")
    bench.bring(image("dl-app:v1", build="app/"))
    second = bench.engine.image("dl-app:v1")
    assert second is not None
    assert second.id != first.id
    assert second.id in bench.known()


def test_what_the_stages_of_a_build_leave_is_the_courses(bench: Bench) -> None:
    (bench.files / "Dockerfile").write_text("FROM busybox:1.36 AS one\nRUN true\nFROM busybox:1.36\n")
    before = set(bench.engine.images)
    bench.bring(image("dl-app:v1", build="."))
    new = set(bench.engine.images) - before
    assert len(new) == 2
    assert new <= bench.known()
    bring.take_away(bench.context())
    assert set(bench.engine.images) == before


def test_image_the_learner_built_is_as_stated(bench: Bench, tmp_path: Path) -> None:
    (bench.files / "Dockerfile").write_text("FROM busybox:1.36\n")
    (tmp_path / "Dockerfile").write_text("FROM busybox:1.36\nRUN true\n")
    bench.engine.build(tmp_path, "dl-app:v1", {})
    bench.writes()
    bench.bring(image("dl-app:v1", build="."))
    assert bench.writes() == []


@pytest.mark.parametrize("name", ["link", ".git", ".ssh"])
def test_forbidden_files_are_not_built_from(bench: Bench, name: str) -> None:
    (bench.files / "Dockerfile").write_text("FROM busybox:1.36\n")
    if name == "link":
        (bench.files / name).symlink_to("/etc/passwd")
    else:
        (bench.files / name).mkdir()
    with pytest.raises(SetupFailed, match=name):
        bench.bring(image("dl-app:v1", build="."))
    assert bench.writes() == []


# Files


def test_files_and_folders_are_placed_with_variables_and_mode(bench: Bench) -> None:
    (bench.files / "app" / "sub").mkdir(parents=True)
    (bench.files / "app" / "sub" / "run.sh").write_text("echo @{port} ${HOME} @@{x} @{image.nginx}")
    (bench.files / "app" / "sub" / "run.sh").chmod(0o755)
    (bench.files / "app" / "raw").write_bytes(b"\xff@{port}")
    (bench.files / "Dockerfile").write_text("FROM x\n")
    bench.engine.calls.clear()
    report = bring.place_files(["Dockerfile", "app/"], bench.context())
    run = bench.workspace / "app" / "sub" / "run.sh"
    assert run.read_text() == "echo 8080 ${HOME} @{x} nginx:1.27"
    assert os.access(run, os.X_OK)
    assert not os.access(bench.workspace / "Dockerfile", os.X_OK)
    assert (bench.workspace / "app" / "raw").read_bytes() == b"\xff@{port}"
    assert len(report.actions) == 3
    assert bring.place_files(["Dockerfile", "app/"], bench.context()).actions == ()


def test_own_edits_are_kept_and_each_once(bench: Bench) -> None:
    bench.bring(file("Dockerfile", "one"))
    at = bench.workspace / "Dockerfile"
    at.write_text("mine")
    assert bench.bring(file("Dockerfile", "two")).kept == ("Dockerfile.yours-1",)
    at.write_text("mine again")
    bench.bring(file("Dockerfile", "three"))
    at.write_text("mine")
    bench.bring(file("Dockerfile", "four"))
    assert {item.name: item.read_text() for item in bench.workspace.iterdir() if item.name != MARKER} == {
        "Dockerfile": "four", "Dockerfile.yours-1": "mine", "Dockerfile.yours-2": "mine again",
    }  # fmt: skip


def test_what_the_course_wrote_is_not_kept(bench: Bench) -> None:
    for content in ("one", "two", "three"):
        assert bench.bring(file("app/main.py", content)).kept == ()
    bench.bring(file("app/main.py"))
    assert list((bench.workspace / "app").iterdir()) == []


def test_absent_keeps_what_is_the_learners(bench: Bench) -> None:
    bench.bring(file("other", "x"))
    (bench.workspace / "Dockerfile").write_text("mine")
    assert bench.bring(file("Dockerfile")).kept == ("Dockerfile.yours-1",)
    assert (bench.workspace / "Dockerfile.yours-1").read_text() == "mine"
    assert not (bench.workspace / "Dockerfile").exists()


def test_folder_in_the_way_is_kept(bench: Bench) -> None:
    bench.bring(file("other", "x"))
    (bench.workspace / "Dockerfile").mkdir()
    (bench.workspace / "Dockerfile" / "inner").write_text("mine")
    bench.bring(file("Dockerfile", "one"))
    assert (bench.workspace / "Dockerfile").read_text() == "one"
    assert (bench.workspace / "Dockerfile.yours-1" / "inner").read_text() == "mine"


def test_resuming_keeps_half_done_work(bench: Bench) -> None:
    bench.bring(file("Dockerfile", "broken"))
    (bench.workspace / "Dockerfile").write_text("half mended")
    bench.bring(file("Dockerfile", "broken"), file("new", "x"), keep_files=True)
    assert (bench.workspace / "Dockerfile").read_text() == "half mended"
    assert (bench.workspace / "new").read_text() == "x"


def test_mode_is_brought_back(bench: Bench) -> None:
    bench.bring(file("run.sh", "x", executable=True))
    (bench.workspace / "run.sh").chmod(0o644)
    bench.bring(file("run.sh", "x", executable=True))
    assert os.access(bench.workspace / "run.sh", os.X_OK)


def test_an_archive_holds_its_files_and_is_written_once(bench: Bench) -> None:
    item = SetupFile(file="backup.tar", archive={"note": "hello\n", "deep/other": "näh"})
    bench.bring(item)
    with tarfile.open(bench.workspace / "backup.tar") as archive:
        held = {name: (file := archive.extractfile(name)) and file.read() for name in archive.getnames()}
    assert held == {"note": b"hello\n", "deep/other": "näh".encode()}
    assert bench.bring(item).actions == ()
    (bench.workspace / "backup.tar").write_text("mine")
    assert bench.bring(item).kept == ("backup.tar.yours-1",)


@pytest.mark.parametrize(
    "fields",
    [{}, {"content": "x", "archive": {"note": "x"}}, *({"archive": {p: "x"}} for p in ("/etc", "../x", "a//b", ""))],
)
def test_what_is_no_file_to_set_up(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needs either|not the path"):
        SetupFile(file="backup.tar", **fields)


def test_link_to_a_file_outside_is_not_written_through(bench: Bench, tmp_path: Path) -> None:
    bench.bring(file("other", "x"))
    outside = tmp_path / "precious"
    outside.write_text("precious")
    (bench.workspace / "Dockerfile").symlink_to(outside)
    bench.bring(file("Dockerfile", "one"))
    assert outside.read_text() == "precious"
    assert (bench.workspace / "Dockerfile").read_text() == "one"
    assert not (bench.workspace / "Dockerfile").is_symlink()


def test_second_name_of_a_file_outside_is_not_written_through(bench: Bench, tmp_path: Path) -> None:
    bench.bring(file("Dockerfile", "one"))
    (tmp_path / "precious").hardlink_to(bench.workspace / "Dockerfile")
    bench.bring(file("Dockerfile", "two"))
    assert (tmp_path / "precious").read_text() == "one"


@pytest.mark.parametrize("item", [file("app/x", "1"), file("app/x")])
def test_linked_folder_is_refused(bench: Bench, tmp_path: Path, item: Setup) -> None:
    bench.bring(file("other", "x"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("precious")
    (bench.workspace / "app").symlink_to(outside)
    with pytest.raises(WorkspaceError, match="Links are not followed"):
        bench.bring(item)
    assert (outside / "x").read_text() == "precious"


def test_marker_may_not_be_written(bench: Bench) -> None:
    for item in (file(MARKER, "x"), file(MARKER), file(".", "x")):
        with pytest.raises(WorkspaceError):
            bench.bring(item)


def test_folder_of_somebody_else_is_not_taken_over(bench: Bench) -> None:
    bench.workspace.mkdir(parents=True)
    (bench.workspace / "thesis.tex").write_text("x")
    with pytest.raises(WorkspaceError) as caught:
        bench.bring(file("Dockerfile", "one"))
    assert str(caught.value.remedy).startswith("mv ")
    assert [item.name for item in bench.workspace.iterdir()] == ["thesis.tex"]


def test_folder_of_another_lesson_is_not_taken_over(bench: Bench) -> None:
    bench.bring(file("Dockerfile", "one"))
    other = bench.store.begin_attempt("docker", "volumes", bench.attempt.engine_id, {}, bench.engine.clock)
    with pytest.raises(WorkspaceError, match="docker:images"):
        bench.bring(file("Dockerfile", "two"), attempt=other)


def test_linked_marker_is_no_marker(bench: Bench, tmp_path: Path) -> None:
    bench.bring(file("Dockerfile", "one"))
    (bench.workspace / MARKER).rename(tmp_path / "marker")
    (bench.workspace / MARKER).symlink_to(tmp_path / "marker")
    with pytest.raises(WorkspaceError):
        bench.bring(file("Dockerfile", "two"))


def test_marker_cut_short_by_a_kill_does_not_lock_the_folder(bench: Bench) -> None:
    bench.workspace.mkdir(parents=True)
    (bench.workspace / f".{MARKER}.1.abcd.tmp").write_text("{")
    bench.bring(file("Dockerfile", "one"))
    assert (bench.workspace / "Dockerfile").read_text() == "one"


# Afresh


def test_take_away_and_bring(bench: Bench) -> None:
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"))
    foreign = bench.engine.add("dl-models")
    first = bench.engine.by_name["dl-web"].id
    bench.engine.create_container(ContainerSpec(name="dl-extra", image="busybox:1.36"))
    bench.observe("dl-extra")
    bring.take_away(bench.context())
    assert bench.engine.by_name == {"dl-models": foreign}
    assert bench.engine.image("dl-tools:v1") is None
    assert bench.store.entries() == ()
    bench.bring(container())
    assert bench.engine.by_name["dl-web"].id != first


def _built(bench: Bench) -> tuple[Setup, str]:
    """An image that the set-up has built of the lesson's files, and its id."""
    (bench.files / "Dockerfile").write_text("FROM busybox:1.36\n")
    stated = image("dl-app:v1", build=".")
    bench.bring(stated)
    return stated, _id_of(bench, "dl-app:v1")


def _id_of(bench: Bench, name: str) -> str:
    there = bench.engine.image(name)
    assert there is not None
    return there.id


def test_an_image_that_would_be_built_alike_is_not_taken_away(bench: Bench) -> None:
    stated, first = _built(bench)
    bench.bring(image("dl-other:v1", tag_of="busybox"), container(image="dl-app:v1"))
    bring.take_away(bench.context(), [stated, image("dl-other:v1", tag_of="busybox")])
    assert "dl-web" not in bench.engine.by_name
    assert bench.engine.image("dl-other:v1") is None
    bench.writes()
    bench.bring(stated)
    assert bench.writes() == []
    assert _id_of(bench, "dl-app:v1") == first
    bring.take_away(bench.context())
    assert bench.engine.image("dl-app:v1") is None
    assert bench.store.entries() == ()


def test_an_image_whose_files_have_changed_is_taken_away(bench: Bench) -> None:
    stated, first = _built(bench)
    (bench.files / "Dockerfile").write_text("FROM nginx:1.27\n")
    bring.take_away(bench.context(), [stated])
    assert bench.engine.image(first) is None


@pytest.mark.parametrize("forged", [{NONCE_LABEL, SOURCE_LABEL}, {SOURCE_LABEL}])
def test_an_image_that_the_learner_built_with_the_same_labels_is_taken_away(
    bench: Bench, tmp_path: Path, forged: set[str]
) -> None:
    stated, first = _built(bench)
    labels = {key: value for key, value in bench.engine.images[first].labels.items() if key in forged}
    (tmp_path / "Dockerfile").write_text("FROM busybox:1.36\nRUN true\n")
    second = bench.engine.build(tmp_path, "dl-app:v1", labels).id
    assert second != first
    bench.observe(images=("dl-app:v1",))
    bring.take_away(bench.context(), [stated])
    assert bench.engine.image(second) is None
    assert bench.engine.image(first) is None


def test_a_foreign_image_under_the_name_is_nothing_to_keep_or_take_away(bench: Bench) -> None:
    stated, first = _built(bench)
    bench.engine.remove_image("dl-app:v1")
    foreign = make_image("dl-app:v1", id="sha256:" + "9" * 64)
    bench.engine.add_image(foreign)
    bring.take_away(bench.context(), [stated])
    assert bench.engine.image("dl-app:v1") == foreign
    assert bench.engine.image(first) is None


def test_what_an_image_that_stays_is_built_on_stays_too_without_its_name(bench: Bench) -> None:
    """The old builder gives the learner, who builds the same files, the image below the one with the labels."""
    stated, first = _built(bench)
    image_of = bench.engine.images[first]
    below = msgspec.structs.replace(image_of, id="sha256:" + "8" * 64, tags=("dl-app:v2",), labels={})
    bench.engine.add_image(below)
    bench.engine.images[first] = msgspec.structs.replace(image_of, parent=below.id)
    bench.observe(images=("dl-app:v2",))
    for _ in range(2):
        bring.take_away(bench.context(), [stated])
        assert _id_of(bench, "dl-app:v1") == first
        assert bench.engine.images[below.id].tags == ()
    bring.take_away(bench.context())
    assert {first, below.id} & set(bench.engine.images) == set()


def test_what_lost_its_name_goes_after_what_is_built_on_it(bench: Bench) -> None:
    """Also when it was entered before that."""
    (bench.files / "Dockerfile").write_text("FROM nginx:1.27\n")
    bench.bring(image("dl-base:v1", build="."))
    base = _id_of(bench, "dl-base:v1")
    stated, first = _built(bench)
    bench.engine.images[first] = msgspec.structs.replace(bench.engine.images[first], parent=base)
    bring.take_away(bench.context(), [stated])
    assert bench.engine.images[base].tags == ()
    report = clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    assert [done.did for done in report.done] == ["removed", "removed"]
    assert {first, base} & set(bench.engine.images) == set()


def test_a_name_that_the_learner_gave_to_it_is_taken_away(bench: Bench) -> None:
    stated, first = _built(bench)
    bench.engine.tag(first, "dl-app:v2")
    bench.observe(images=("dl-app:v2",))
    bring.take_away(bench.context(), [stated])
    assert bench.engine.images[first].tags == ("dl-app:v1",)


def test_take_away_is_refused_when_something_foreign_depends_on_it(bench: Bench) -> None:
    bench.bring(container())
    bench.engine.add("friend", created=bench.engine.clock, leans_on=frozenset({"dl-web"}))
    with pytest.raises(SetupFailed, match="friend") as caught:
        bring.take_away(bench.context())
    assert caught.value.remedy == "docker rm -f friend"
    assert set(bench.engine.by_name) == {"dl-web", "friend"}


def test_baseline(bench: Bench) -> None:
    bench.bring(container())
    assert bring.baseline(bench.engine, declared("dl-web", "dl-gone")) == {
        "container dl-web": bench.engine.by_name["dl-web"].id
    }


# Killed


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 14))
def test_killed_at_any_change_the_ledger_knows_everything(tmp_path: Path, dies_at: int, after: bool) -> None:
    bench = Bench(tmp_path)
    (bench.files / "Dockerfile").write_text("FROM busybox:1.36\n")
    foreign = {bench.engine.add("dl-models").id}
    bench.bring(container("dl-old"), container("dl-three", command=["other"]))
    items: list[Setup] = [
        no_container("dl-old"),
        container(files={"/a": "1", "/b": "2"}),
        container("dl-two", running=False),
        image("dl-app:v1", build="."),
        image("dl-tools:v1", tag_of="busybox"),
        container("dl-three", image="dl-app:v1"),
    ]
    bench.engine.calls.clear()
    bench.engine.dies_at, bench.engine.after = dies_at, after
    with pytest.raises(Killed):
        bench.bring(*items)
    bench.engine.dies_at = None
    bench.reopen()
    ledger.resolve(bench.engine, bench.store)
    on_engine = {item.id for item in bench.engine.by_name.values()} - foreign
    assert on_engine <= bench.known()
    for name in ("dl-app:v1", "dl-tools:v1"):
        assert name not in bench.engine.image_tags() or bench.engine.image(name).id in bench.known()  # type: ignore[union-attr]
    bench.bring(*items)
    assert bench.bring(*items).actions == ()
    assert bench.engine.path(bench.engine.by_name["dl-web"].id, "/b") == PathInContainer("file", 0o644, 1, b"2")
    assert bench.engine.by_name["dl-two"].status == "exited"
    bench.store.close()
