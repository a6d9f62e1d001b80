"""``python -m dockerlearn`` and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code."""
    from dockerlearn.cli.app import run

    raise SystemExit(run())


if __name__ == "__main__":
    main()
