"""What ``doctor`` found, as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dockerlearn.text import safe
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.doctor.finding import Finding

_MARKS = {"ok": ("✓", "good"), "advice": ("!", "bold"), "problem": ("✗", "bad")}
_ABOUT = 12


def finding_lines(findings: Iterable[Finding], style: Style) -> list[str]:
    """Return each finding: how it is, what that means, and what mends it, to be copied."""
    lines: list[str] = []
    wide = len(style.symbols("✓"))
    for finding in findings:
        mark, kind = _MARKS[finding.level]
        mark = f"{style.symbols(mark):<{wide}}"
        first = f" {mark} {finding.about:<{_ABOUT}}"
        rest = " " * len(first)
        said = [
            part for text in safe(finding.says).split("\n") for part in fill(text, style.width, first=rest, rest=rest)
        ]
        lines.append(f" {style.paint(kind, mark)} {finding.about:<{_ABOUT}}{said[0].lstrip()}")
        lines += said[1:]
        lines += fill(finding.means, style.width, first=rest, rest=rest) if finding.means else []
        # Not wrapped: it is there to be copied.
        lines += [f"{rest}→ {style.paint('code', safe(line))}" for line in finding.remedy]
    return lines


def verdict_line(findings: Iterable[Finding]) -> str:
    """Say whether lessons can run, and what stops them if not."""
    stops = dict.fromkeys(finding.about for finding in findings if finding.level == "problem")
    return f"Lessons cannot run as they should yet: {', '.join(stops)}." if stops else "Lessons can run."
