"""A solution as text that ``sh`` runs as it is."""

from __future__ import annotations

import shlex
from pathlib import Path

from dockerlearn.course.models import FileSolution, Step


def solution_script(
    step: Step, solution: str | FileSolution | None, folder: Path, *, docker_host: str | None, command: str | None
) -> str:
    """Put a solution together: ``cd`` into the lesson's folder first, then files, then commands.

    ``docker_host`` is exported when the docker client would look at another engine than the tutor; ``command`` says
    how to call dockerlearn when it is not on PATH under that name.
    """
    lines = [f"cd {shlex.quote(str(folder))}"]
    if docker_host is not None:
        lines.append(f"export DOCKER_HOST={shlex.quote(docker_host)}")
    body = _body(step, solution)
    if command is not None and "dockerlearn " in body:
        lines.append(f'dockerlearn() {{ {command} "$@"; }}')
    return "\n".join([*lines, body]).rstrip("\n") + "\n"


def _body(step: Step, solution: str | FileSolution | None) -> str:
    if step.question is not None:
        right = next(number for number, choice in enumerate(step.question.choices, 1) if choice.right)
        return f"dockerlearn answer {right}"
    if solution is None:
        return ""
    if isinstance(solution, str):
        return solution
    parts = [_heredoc(name, content) for name, content in solution.files.items()]
    return "\n".join([*parts, solution.run])


def _heredoc(name: str, content: str) -> str:
    marker = "EOF"
    while marker in content.splitlines():
        marker += "F"
    folder = str(Path(name).parent)
    make = f"mkdir -p {shlex.quote(folder)}\n" if folder != "." else ""
    text = content if content.endswith("\n") else content + "\n"
    return f"{make}cat > {shlex.quote(name)} <<'{marker}'\n{text}{marker}"
