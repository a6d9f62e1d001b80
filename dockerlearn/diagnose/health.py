"""The container runs, and its health check says that it is not well."""

from __future__ import annotations

import re

from dockerlearn.checks.container import Container
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.text import one_line

_NO_PROBE = re.compile(r"executable file not found|: not found|no such file or directory|command not found", re.I)


def look(case: Case) -> Diagnosis | None:
    """Tell what the last probe said, and whether the probe itself could not run."""
    there = case.there
    if there is None or case.field != "health" or not isinstance(case.check, Container) or not there.is_up:
        return None
    health = there.health
    if health is None or health.status == "healthy" or case.check.health != "healthy":
        return None
    if not health.failing_streak:
        return None
    lines = [text for line in health.log.splitlines() if (text := one_line(line, 120))][-2:]
    last = f'The last probe said: "{" / ".join(lines)}"' if lines else "The last probe said nothing"
    code = f" and ended with exit code {health.exit_code}." if health.exit_code is not None else "."
    times = "once" if health.failing_streak == 1 else f"{health.failing_streak} times in a row"
    if health.exit_code in {126, 127, -1} and _NO_PROBE.search(health.log):
        return Diagnosis(
            name="the probe is not in the image",
            found=f"it is {health.status}: its health check failed {times}, since its command is not in the image",
            why=f"A health check runs inside the container, with what the image has. {last}{code}",
            next=f"docker rm -f {there.name}, then run it again with a --health-cmd that the image has",
        )
    return Diagnosis(
        name="health failing",
        found=f"it is {health.status}: its health check failed {times}",
        why=f"{last}{code}",
        next=f"docker logs {there.name}",
    )
