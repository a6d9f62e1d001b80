"""The house rules that tools can hold: format, lint, types, one-way imports; and what must be true of the papers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON_FILES = sorted(
    path for folder in ("dockerlearn", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).parent / command[0]
    return subprocess.run([str(tool), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("lint-imports",),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_tools_have_nothing_to_say(command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_test_runs() -> None:
    """Nothing is skipped, nothing is expected to fail."""
    marks = re.compile(r"@pytest\.mark\.(skip|xfail)|pytest\.(skip|xfail|importorskip)\(")
    found = [str(path) for path in PYTHON_FILES if path != Path(__file__) and marks.search(path.read_text())]
    assert found == []


def test_every_doctest_holds() -> None:
    done = run("pytest", "-q", "--doctest-modules", "dockerlearn", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert re.search(r"\d\d+ passed", done.stdout)


def test_every_ignore_has_its_reason() -> None:
    """A ``noqa`` or ``type: ignore`` names its rule; in the product it also says why."""
    bare = re.compile(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[))")
    unexplained = re.compile(r"#\s*noqa: [A-Z0-9, ]+\s*$")
    for path in PYTHON_FILES:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if path == Path(__file__):
                continue
            assert not bare.search(line), f"{path}:{number}"
            if "dockerlearn" in path.relative_to(ROOT).parts[0]:
                assert not unexplained.search(line), f"{path}:{number}: {line.strip()}"


def test_errors_are_drawn_in_their_docstring() -> None:
    from dockerlearn import errors

    drawn = set(re.findall(r"\b[A-Z]\w+\b", (errors.__doc__ or "").split("::", 1)[1]))
    classes = {
        node.name for node in ast.parse(Path(errors.__file__).read_text()).body if isinstance(node, ast.ClassDef)
    }
    assert classes <= drawn


def test_the_readme_names_every_lesson() -> None:
    from dockerlearn.course.packs import open_pack

    readme = (ROOT / "README.md").read_text()
    assert all(f"`{lesson}`" in readme for lesson in open_pack().lessons)


def test_the_solutions_that_are_shown_run_on_a_mac_too() -> None:
    from dockerlearn.course.packs import open_pack

    pack = open_pack()
    for step in (step for lesson in pack.lessons for step in pack.lesson(lesson).steps):
        way = step.solution if isinstance(step.solution, str) else (step.solution.run if step.solution else "") or ""
        # There, sed wants a word after -i; and reads \n in what it puts in as an n.
        assert not [line for line in way.splitlines() if line.lstrip().startswith("sed -i")], step.id
        assert not [line for line in way.splitlines() if line.startswith("sed ") and "\\n" in line], step.id


def test_ci_runs_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text()
    command = readme.split("<!-- test command -->")[1].split("```sh\n")[1].split("\n```")[0]
    assert command.endswith(".venv/bin/pytest")
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- test command -->" in script
    extracted = subprocess.run(
        [
            "bash",
            "-c",
            script.split("[ -n ")[0].replace('cd "$(dirname "$0")/.."', f"cd '{ROOT}'") + 'printf %s "$command"',
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert extracted.stdout == command
