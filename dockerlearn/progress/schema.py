"""The tables of the progress file, as the statements that lead from each version to the next."""

from __future__ import annotations

APPLICATION_ID = 0x646C_726E  # "dlrn": tells our file from any other SQLite file

MIGRATIONS = (
    """
    CREATE TABLE place (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1), pack TEXT NOT NULL, lesson TEXT NOT NULL, step TEXT NOT NULL
    );
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        pack TEXT NOT NULL, lesson TEXT NOT NULL, engine_id TEXT NOT NULL,
        variables TEXT NOT NULL, images TEXT NOT NULL DEFAULT '{}',
        began TEXT NOT NULL, ended TEXT
    );
    CREATE UNIQUE INDEX open_attempt ON attempts (pack, lesson) WHERE ended IS NULL;
    CREATE TABLE steps (
        attempt_id INTEGER NOT NULL REFERENCES attempts (id), step TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('open', 'passed', 'skipped')),
        since TEXT NOT NULL, baseline TEXT NOT NULL,
        hints_shown INTEGER NOT NULL DEFAULT 0, choice INTEGER, wrong_answers INTEGER NOT NULL DEFAULT 0,
        solution_shown INTEGER NOT NULL DEFAULT 0, passed_at TEXT, first_passed_at TEXT,
        verified TEXT NOT NULL DEFAULT '[]',
        PRIMARY KEY (attempt_id, step)
    ) WITHOUT ROWID;
    CREATE TABLE marks (
        id TEXT PRIMARY KEY, pack TEXT NOT NULL, lesson TEXT NOT NULL, step TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('passed', 'skipped')), at TEXT NOT NULL, verified TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX marks_of_step ON marks (pack, lesson, step, kind);
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        engine_id TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('container', 'image')),
        object_id TEXT, name TEXT NOT NULL, attempt_id INTEGER NOT NULL REFERENCES attempts (id),
        nonce TEXT, made INTEGER NOT NULL, entered TEXT NOT NULL
    );
    CREATE UNIQUE INDEX ledger_container ON ledger (engine_id, object_id)
        WHERE kind = 'container' AND object_id IS NOT NULL;
    CREATE UNIQUE INDEX ledger_image ON ledger (engine_id, object_id, name)
        WHERE kind = 'image' AND object_id IS NOT NULL;
    """,
    # Networks and volumes. SQLite cannot change a CHECK: the table is made anew, and keeps its ids.
    """
    CREATE TABLE wider_ledger (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        engine_id TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('container', 'image', 'network', 'volume')),
        object_id TEXT, name TEXT NOT NULL, attempt_id INTEGER NOT NULL REFERENCES attempts (id),
        nonce TEXT, made INTEGER NOT NULL, entered TEXT NOT NULL
    );
    INSERT INTO wider_ledger SELECT * FROM ledger;
    DROP TABLE ledger;
    ALTER TABLE wider_ledger RENAME TO ledger;
    CREATE UNIQUE INDEX ledger_object ON ledger (engine_id, kind, object_id)
        WHERE kind != 'image' AND object_id IS NOT NULL;
    CREATE UNIQUE INDEX ledger_image ON ledger (engine_id, object_id, name)
        WHERE kind = 'image' AND object_id IS NOT NULL;
    """,
    # Which images were on the engine when an attempt began. The last column, so that reading the others skips it.
    "ALTER TABLE attempts ADD COLUMN images_before BLOB",
    # What we ran and made on an engine to look at it, so that no process of ours takes another's for the learner's.
    """
    CREATE TABLE looks (
        id INTEGER PRIMARY KEY AUTOINCREMENT, engine_id TEXT NOT NULL, object_id TEXT NOT NULL
    );
    CREATE INDEX looks_on_engine ON looks (engine_id, id);
    """,
)
