"""What the matrix makes of reports, and how it chooses programs; the engines themselves are run by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import engines, matrix, own_engine

REPORT = """<testsuites><testsuite>
<testcase classname="tests.live.test_nouns_live" name="test_a" />
<testcase classname="tests.live.test_nouns_live.TestProbes" name="test_b"><failure message="no" /></testcase>
<testcase classname="tests.live.test_multi_stage_live" name="test_c[x]" />
<testcase classname="tests.live.test_multi_stage_live" name="test_d"><error message="no" /></testcase>
</testsuite></testsuites>
"""


def test_reports_are_summed_up_by_column(tmp_path: Path) -> None:
    (tmp_path / "the first share.xml").write_text(REPORT)
    (tmp_path / "the second share.xml").write_text(REPORT.replace('<failure message="no" />', ""))
    columns = matrix.read(tmp_path)
    assert (columns["checks"].passed, columns["checks"].failed) == (3, ["test_b"])
    assert (columns["multi-stage"].passed, columns["multi-stage"].failed) == (2, ["test_d", "test_d"])


def test_the_table_tells_what_was_not_run_and_what_fails() -> None:
    columns = {"checks": matrix.Column(3, ["test_b"]), "multi-stage": matrix.Column(9)}
    text = matrix.table({"28.5": matrix.Row("2026-01-01", "abc1234", columns)})
    row = next(line for line in text.splitlines() if line.startswith("| 28.5 | overlay2 | 28.5 | BuildKit |"))
    assert "1 of 4 fail" in row
    assert "9 pass" in row
    assert "not run" in row
    assert "- 28.5, checks: `test_b`" in text
    assert "commit abc1234" in text


def test_every_file_of_a_column_is_there() -> None:
    named = {file for files in matrix.GROUPS.values() for file in files} | set(matrix.lessons())
    there = {path.name for path in Path("tests/live").glob("test_*_live.py")}
    assert {f"test_{file}_live.py" for file in named} <= there


def test_the_table_in_the_documents_is_what_was_measured() -> None:
    import msgspec

    rows = msgspec.json.decode(matrix.RESULTS.read_bytes(), type=dict[str, matrix.Row])
    assert matrix.TABLE.read_text() == matrix.table(rows)


def test_programs_of_a_cell_come_from_its_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for release in engines.SUITES:
        programs = tmp_path / "cache" / release / "bin"
        programs.mkdir(parents=True)
        for name in engines.PROGRAMS:
            (programs / name).write_text(release)
    monkeypatch.setattr(matrix, "CACHE", tmp_path / "cache")
    told = matrix.environment(matrix.CELLS["20.10-buildkit"], tmp_path)
    assert Path(told[own_engine.PROGRAMS], "docker").read_text() == "28.5"
    assert not Path(told[own_engine.PROGRAMS], "dockerd").exists()  # the installed one follows on PATH
    assert told[own_engine.PLUGINS] == str(tmp_path / "cache" / "28.5" / "cli-plugins")
    (tmp_path / "other").mkdir()
    told = matrix.environment(matrix.CELLS["28.5-legacy"], tmp_path / "other")
    assert Path(told[own_engine.PROGRAMS], "dockerd").read_text() == "28.5"
    assert own_engine.PLUGINS not in told
