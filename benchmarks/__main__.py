"""``python -m benchmarks``: measure, print the table, and end with 1 when a bound is broken."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Row, broken, table
from tests import own_engine

TIMES, QUICK = 31, 7


def main(arguments: Sequence[str] | None = None) -> int:
    from benchmarks import figures

    usual = [name for name in figures.GROUPS if name != "prove"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the figures of speed.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(figures.GROUPS)}; default: {usual}")
    parser.add_argument("--quick", action="store_true", help=f"run each pair {QUICK} times instead of {TIMES}")
    asked = parser.parse_args(arguments)
    if wrong := set(asked.groups) - set(figures.GROUPS):
        parser.error(f"no such group: {', '.join(sorted(wrong))}")

    if not own_engine.is_inner():
        reason = own_engine.provide(_say, "The benchmarks")
        if reason is not None:
            _say(reason)
            return 3
        own_engine.become_inner([sys.executable, "-m", "benchmarks", *(arguments or sys.argv[1:])], Path.cwd())
    own_engine.begin()
    rows: list[Row] = []
    times = QUICK if asked.quick else TIMES
    before = os.getloadavg()[0]
    with own_engine.own_engine() as (_, status), tempfile.TemporaryDirectory(prefix="dl-bench-") as folder:
        assert status.address is not None
        bench = figures.Bench(Path(folder), status.address, times, _say)
        for group in asked.groups or usual:
            rows += figures.GROUPS[group](bench)
    print(table(rows))
    print(f"\n{times} pairs each; the machine's load was {before:.2f} at the start ({os.cpu_count()} processors).")
    if before > 0.5:
        print("It was busy with something else: what the clock says is not to be relied on, the processor's time is.")
    fallen = broken(rows)
    print(f"Broken: {', '.join(fallen)}." if fallen else "Every bound holds.")
    return 1 if fallen else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
