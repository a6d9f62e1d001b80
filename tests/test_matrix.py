"""What the matrix makes of reports, and how it chooses programs; the engines themselves are run by hand."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from dockerlearn.course.packs import open_pack
from dockerlearn.engine.abilities import PODMAN_LACKS
from tests import engines, matrix, own_engine, podman_engine

REPORT = """<testsuites><testsuite>
<testcase classname="tests.live.test_nouns_live" name="test_a" />
<testcase classname="tests.live.test_nouns_live.TestProbes" name="test_b"><failure message="no:&#10; why" /></testcase>
<testcase classname="tests.live.test_multi_stage_live" name="test_c[x]" />
<testcase classname="tests.live.test_multi_stage_live" name="test_d"><error message="no" /></testcase>
</testsuite></testsuites>
"""


def test_reports_are_summed_up_by_column(tmp_path: Path) -> None:
    (tmp_path / "the first share.xml").write_text(REPORT)
    (tmp_path / "the second share.xml").write_text(REPORT.replace('<failure message="no:&#10; why" />', ""))
    columns, seen = matrix.read(tmp_path)
    failed = [matrix.Failed("test_b", "no: why")]
    assert (columns["checks"].passed, columns["checks"].failed) == (3, failed)
    assert columns["multi-stage"].passed == 2
    assert [one.test for one in columns["multi-stage"].failed] == ["test_d", "test_d"]
    assert seen == {"test_nouns_live", "test_multi_stage_live"}


def test_the_table_tells_what_was_not_run_and_what_fails_and_why() -> None:
    old = matrix.Column("2026-01-01", "abc1234", "28.5.1", False, 3, [matrix.Failed("test_b[x]", "a_b | c")])
    new = matrix.Column("2026-01-02", "def5678", "28.5.2", True, 9)
    text = matrix.table({"28.5": {"checks": old, "multi-stage": new, "volumes": new}})
    row = next(line for line in text.splitlines() if line.startswith("| 28.5 | overlay2 | 28.5 | BuildKit |"))
    assert "1 of 4 fail" in row
    assert row.count("9 pass") == 2
    assert "not run" in row
    assert "- 28.5, checks: `test_b[x]`: a\\_b \\| c" in text
    assert "- 28.5: engine 28.5.1, 2026-01-01, commit abc1234: checks\n" in text
    for why in podman_engine.EXCLUDED:
        assert f"- {why}: " in text
    assert (
        "- 28.5: engine 28.5.2, 2026-01-02, commit def5678, with the prover's own cheats: volumes; multi-stage" in text
    )


def test_columns_are_chosen_by_their_words() -> None:
    assert matrix.chosen("lifecycle, ledger,checks") == ["checks", "set-up, ledger, safety", "lifecycle"]
    assert matrix.chosen("multi-stage") == ["multi-stage"]
    with pytest.raises(ValueError, match="there is no column lifecircle"):
        matrix.chosen("lifecircle,checks")


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A matrix that notes in a folder of the test's; its tests are a stub, told by CODE and REPORT."""
    monkeypatch.setattr(matrix, "RESULTS", tmp_path / "engines.json")
    monkeypatch.setattr(matrix, "TABLE", tmp_path / "engines.md")
    monkeypatch.setattr(matrix, "README", tmp_path / "README.md")
    (tmp_path / "README.md").write_text("Measured:\n<!-- engines -->\nold\n<!-- /engines -->\nMore.\n")
    monkeypatch.setattr(matrix, "engine_of", lambda _: "20.10.1")
    stub = tmp_path / "python"
    stub.write_text(f'#!/bin/sh\nprintf "%s" "$REPORT" > "${own_engine.REPORTS}/all.xml"\nexit $CODE\n')
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stub))
    monkeypatch.setenv("CODE", "0")
    return tmp_path


def cases(*files: str) -> str:
    listed = "".join(f'<testcase classname="tests.live.test_{file}_live" name="test_a" />' for file in files)
    return f"<testsuites><testsuite>{listed}</testsuite></testsuites>"


def test_a_column_is_noted_beside_what_was_noted_before(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORT", cases("volumes"))
    assert matrix.main(["20.10", "--only", "volumes"]) == 0
    monkeypatch.setenv("REPORT", cases("images", "networking"))
    assert matrix.main(["20.10", "--only", "images,networking", "--thorough"]) == 0
    row = matrix.load()["20.10"]
    assert {name: (column.passed, column.thorough) for name, column in row.items()} == {
        "volumes": (1, False), "images": (1, True), "networking": (1, True),
    }  # fmt: skip
    assert row["images"].engine == "20.10.1"
    assert (notes / "engines.md").read_text() == matrix.table({"20.10": row})
    readme = (notes / "README.md").read_text()
    assert readme.startswith("Measured:\n<!-- engines -->\n| engine |")
    assert readme.endswith("<!-- /engines -->\nMore.\n")
    told = f"3 passed, {len(matrix.columns_of()) - 3} of {len(matrix.columns_of())} groups not run"
    assert f"| 20.10 | overlay2 | 20.10 | legacy | {told} | {row['images'].on} |\n" in readme
    assert "| 26.1 | overlay2 | 26.1 | BuildKit | not run |  |\n" in readme
    assert "old" not in readme


def test_what_was_not_run_whole_is_not_noted(
    notes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPORT", cases("advice", "volumes"))  # not diagnoses
    assert matrix.main(["20.10", "--only", "advice,volumes"]) == 1
    assert set(matrix.load()["20.10"]) == {"volumes"}
    assert "20.10, diagnoses, advice: not all of it was run; not noted" in capsys.readouterr().out
    monkeypatch.setenv("REPORT", cases("images"))
    monkeypatch.setenv("CODE", "2")  # interrupted
    assert matrix.main(["20.10", "--only", "images"]) == 1
    monkeypatch.setenv("CODE", "0")
    assert matrix.main(["20.10", "--only", "images", "-k", "one"]) == 0
    assert set(matrix.load()["20.10"]) == {"volumes"}


def test_an_ordinary_runs_reports_are_noted(notes: Path, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "share-1.xml").write_text(cases("volumes", "advice"))
    (reports / "share-2.xml").write_text(cases("volumes"))
    (reports / "engine-28.5.xml").write_text(cases("volumes", "images"))
    assert matrix.main(["20.10", "--only", "volumes,advice,images", "--reports", str(reports)]) == 1
    row = matrix.load()["20.10"]
    assert {name: column.passed for name, column in row.items()} == {"volumes": 2}
    assert (row["volumes"].engine, row["volumes"].thorough) == ("20.10.1", False)
    with pytest.raises(SystemExit):
        matrix.main(["--reports", str(reports)])


def test_an_engine_that_cannot_be_had_is_told(
    notes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(*_: object) -> Path:
        raise engines.NotFetched("no network")

    monkeypatch.setattr(engines, "fetch", fetch)
    assert matrix.main(["26.1", "--only", "images"]) == 1
    assert "26.1 could not be run: no network" in capsys.readouterr().out
    assert matrix.load() == {}


def test_every_file_of_a_column_is_there() -> None:
    named = {file for files in matrix.GROUPS.values() for file in files} | set(matrix.lessons())
    there = {path.name for path in Path("tests/live").glob("test_*_live.py")}
    assert {f"test_{file}_live.py" for file in named} <= there


def test_the_table_in_the_documents_is_what_was_measured() -> None:
    assert matrix.TABLE.read_text() == matrix.table(matrix.load())
    readme = matrix.README.read_text()
    assert matrix.in_readme(readme, matrix.load()) == readme


def test_what_fails_is_in_the_summary() -> None:
    row = dict.fromkeys(matrix.columns_of(), matrix.Column("2026-01-01", "abc1234", "28.5.1", False, 3))
    assert "| 28.5 | overlay2 | 28.5 | BuildKit | 42 passed | 2026-01-01 |" in matrix.summary({"28.5": row})
    row["checks"] = matrix.Column("2026-01-02", "abc1234", "28.5.1", False, 3, [matrix.Failed("test_b", "no")])
    assert "| BuildKit | 1 of 43 failed | 2026-01-02 |" in matrix.summary({"28.5": row})
    with pytest.raises(ValueError, match="no place"):
        matrix.in_readme("Nothing.", {})


def test_programs_of_a_cell_come_from_its_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_programs(tmp_path / "cache")
    monkeypatch.setattr(matrix, "CACHE", tmp_path / "cache")
    told = matrix.environment(matrix.CELLS["20.10-buildkit"], tmp_path, print)
    assert Path(told[own_engine.PROGRAMS], "docker").read_text() == "28.5"
    assert not Path(told[own_engine.PROGRAMS], "dockerd").exists()  # the installed one follows on PATH
    assert told[own_engine.PLUGINS] == str(tmp_path / "cache" / "28.5" / "cli-plugins")
    told = matrix.environment(matrix.CELLS["28.5-legacy"], tmp_path / "other", print)
    assert matrix.described(matrix.CELLS["28.5-legacy"], told) == "engine 28.5.1, overlay2, client 28.5, legacy"
    assert own_engine.PLUGINS not in told


def fake_programs(cache: Path) -> None:
    for release in engines.SUITES:
        programs = cache / release / "bin"
        programs.mkdir(parents=True)
        for name in engines.PROGRAMS:
            (programs / name).write_text(release)
        (programs / "dockerd").write_text(f"#!/bin/sh\necho Docker version {release}.1, build 1\n")
        (programs / "dockerd").chmod(0o755)


def test_podman_is_asked_for_by_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_programs(tmp_path / "cache")
    monkeypatch.setattr(matrix, "CACHE", tmp_path / "cache")
    told = matrix.environment(matrix.CELLS[matrix.PODMAN], tmp_path, print)
    assert told[own_engine.ENGINE] == "podman"
    assert own_engine.PLUGINS not in told  # buildx would not build with Podman's own builder
    assert all(
        own_engine.ENGINE not in matrix.environment(cell, tmp_path / name, print) for name, cell in others(tmp_path)
    )


def others(folder: Path) -> list[tuple[str, matrix.Cell]]:
    for name in matrix.CELLS:
        (folder / name).mkdir()
    return [(name, cell) for name, cell in matrix.CELLS.items() if name != matrix.PODMAN]


def test_what_is_not_for_podman_is_a_test() -> None:
    """A test that was renamed would run there again, and nobody would know why it had not."""
    code = "".join(path.read_text() for path in [*Path("tests/live").glob("*.py"), Path("tests/engine_contract.py")])
    for names in podman_engine.EXCLUDED.values():
        for name in names:
            function, _, case = name.rpartition("::")[2].removesuffix("]").partition("[")
            assert f"def {function}(" in code
            assert f'"{case}"' in code or not case, name
    assert podman_engine.why_not("tests/live/test_x.py::TestY::test_nothing_is_left_of_looks_inside")
    assert podman_engine.why_not("tests/live/test_x.py::test_nothing_is_left_of_looks_inside[podman]")
    assert podman_engine.why_not("tests/live/test_x.py::test_cheats_do_not_pass_as_running[podman-a restart loop]")
    assert not podman_engine.why_not("tests/live/test_x.py::test_that_nothing_is_left_of_looks_inside")
    step = "test_every_claim_about_a_step_holds"
    assert podman_engine.why_not(f"tests/live/test_lifecycle_live.py::{step}[gone]")
    assert not podman_engine.why_not(f"tests/live/test_volumes_live.py::{step}[gone]")


def test_the_steps_that_are_left_out_on_podman_are_those_that_say_what_they_need() -> None:
    pack, lacking = open_pack(), {"grace", *PODMAN_LACKS}
    said = {
        (lesson, step.id) for lesson in pack.lessons for step in pack.lesson(lesson).steps if lacking & set(step.needs)
    }
    known = {
        (matched[1].replace("_", "-"), matched[2])
        for names in podman_engine.EXCLUDED.values()
        for name in names
        if (matched := re.fullmatch(r"test_(\w+)_live\.py::test_every_claim_about_a_step_holds\[(.+)\]", name))
    }
    # The lesson containers is proven as a whole.
    assert known == said - {("containers", "stop")}


def test_what_is_known_of_podman_is_told_with_its_failures_alone() -> None:
    failed = matrix.Failed("test_b[x]", "`docker commit x y` ended with status 1: Error: Decode(): EOF")
    rows = {name: {"checks": matrix.Column(failed=[failed])} for name in ("28.5", matrix.PODMAN)}
    podman, docker = (
        next(line for line in matrix.table(rows).splitlines() if line.startswith(f"- {name}, checks"))
        for name in (matrix.PODMAN, "28.5")
    )
    assert "`test_b[x]`: Podman 4.3 refuses what docker commit of this client sends. (" in podman
    assert "Podman" not in docker
