"""The web service of a mountain hut: a greeting, and a book in which visits are counted."""

import os
from pathlib import Path

from fastapi import FastAPI

NAME = os.environ.get("HUT_NAME", "a hut without a name")
BOOK = Path(os.environ.get("HUT_DATA", "/data")) / "visits"

app = FastAPI()


def visits() -> int:
    return int(BOOK.read_text()) if BOOK.exists() else 0


@app.get("/")
def greet() -> dict[str, str | int]:
    BOOK.parent.mkdir(parents=True, exist_ok=True)
    BOOK.write_text(f"{visits() + 1}\n")
    return {"hut": NAME, "visits": visits()}


@app.get("/visits")
def count() -> dict[str, int]:
    return {"visits": visits()}


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "open"}
