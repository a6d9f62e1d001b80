"""A solution is text that sh runs as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dockerlearn.course.models import Choice, FileSolution, Question, Step
from dockerlearn.session.script import solution_script

STEP = Step(id="a", title="A")


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh"], input=script, capture_output=True, text=True, check=False)


def test_it_begins_with_a_quoted_cd(tmp_path: Path) -> None:
    folder = tmp_path / "it's a $HOME; folder"
    folder.mkdir()
    script = solution_script(STEP, "pwd", folder, docker_host=None, command=None)
    assert script.splitlines()[0].startswith("cd '")
    assert run(script).stdout.strip() == str(folder)


def test_the_engine_is_exported_where_the_client_would_not_find_it(tmp_path: Path) -> None:
    script = solution_script(STEP, 'echo "$DOCKER_HOST"', tmp_path, docker_host="unix:///a b/s.sock", command=None)
    assert run(script).stdout.strip() == "unix:///a b/s.sock"
    assert "DOCKER_HOST" not in solution_script(STEP, "true", tmp_path, docker_host=None, command=None)


def test_the_tutor_is_called_where_it_is(tmp_path: Path) -> None:
    script = solution_script(STEP, 'dockerlearn answer "a b"', tmp_path, docker_host=None, command="printf %s:")
    assert run(script).stdout == "answer:a b:"
    assert "dockerlearn()" not in solution_script(STEP, "docker ps", tmp_path, docker_host=None, command="x")


def test_a_question_is_answered_with_its_right_choice(tmp_path: Path) -> None:
    question = Question(ask="?", choices=[Choice(text="a", say=""), Choice(text="b", say="", right=True)])
    script = solution_script(Step(id="q", title="Q", question=question), None, tmp_path, docker_host=None, command=None)
    assert script.splitlines()[-1] == "dockerlearn answer 2"


def test_files_arrive_as_they_are(tmp_path: Path) -> None:
    content = "FROM x\nEOF\nRUN echo \"$HOME\" '\\n' `id`\nEOFF\n"
    solution = FileSolution(files={"app/Docker file": content, "b": "no newline"}, run="ls -d app b")
    done = run(solution_script(STEP, solution, tmp_path, docker_host=None, command=None))
    assert done.stderr == ""
    assert (tmp_path / "app" / "Docker file").read_text() == content
    assert (tmp_path / "b").read_text() == "no newline\n"
    assert done.stdout.split() == ["app", "b"]
