"""``python -m dockerlearn`` and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code."""
    import gc

    # Importing makes many objects and no rubbish: looking for some costs a command a twentieth of its time.
    gc.disable()
    from dockerlearn.cli.app import run

    code = run()
    # Nor is any looked for at the end, when the process gives everything back anyway: a tenth.
    gc.freeze()
    raise SystemExit(code)


if __name__ == "__main__":
    main()
