"""The ledger's file: its tables, and how it is opened.

WAL with ``synchronous=FULL``: anything less lets a request leave before its intent is on
the disk.  The answer of each pragma is compared, since SQLite refuses silently.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from qbosync.errors import LedgerError

SCHEMA = 1
TABLES: dict[str, tuple[dict[str, type], str]] = {
    "meta": ({"name": str, "value": str}, "name"),
    "entries": (
        {
            "key": str,
            "entity": str,
            "kind": str,
            "source_id": str,
            "qbo_id": str,
            "sync_token": str,
            "number": str,
            "name": str,
            "customer": str,
            "amount": str,
            "dated": str,
            "facts": str,
            "digest": str,
            "lines": str,
            "epoch": int,
            "origin": str,
            "state": str,
            "run_id": int,
            "written_at": str,
        },
        "key",
    ),
    "intents": (
        {
            "id": int,
            "key": str,
            "entity": str,
            "kind": str,
            "source_id": str,
            "action": str,
            "reason": str,
            "body": str,
            "request_id": str,
            "batch_id": str,
            "draft": str,
            "changes": str,
            "epoch": int,
            "run_id": int,
            "first_sent": str,
            "last_sent": str,
            "attempts": int,
            "state": str,
            "qbo_id": str,
            "trace_id": str,
            "answer": str,
            "closed_at": str,
        },
        "id",
    ),
    "runs": (
        {
            "id": int,
            "started_at": str,
            "read_at": str,
            "finished_at": str,
            "exit_code": int,
            "written": int,
            "held": int,
            "requests": int,
            "reads": int,
            "orders": int,
            "settings": str,
            "error": str,
        },
        "id",
    ),
    "holds": (
        {
            "source": str,
            "reason": str,
            "what": str,
            "todo": str,
            "amount": str,
            "since": str,
            "run_id": int,
        },
        "source",
    ),
    "refusals": (
        {"key": str, "digest": str, "what": str, "todo": str, "refused_at": str},
        "key",
    ),
    "sightings": (
        {"order_id": str, "charge_status": str, "charged_on": str, "status": str},
        "order_id",
    ),
}
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}


def connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
    for name, wanted in _PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {wanted}").fetchone()
        answer = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if answer != wanted:
            raise LedgerError(
                f"The disk under {path} does not allow {name} = {wanted} (it says {answer}).",
                "Put the data directory on a local disk.",
            )
    connection.execute("PRAGMA fullfsync = ON").fetchone()
    return connection


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk say into words and a way out."""
    try:
        yield
    except FileExistsError as error:
        raise LedgerError(f"{path} exists already.", "Move it away first.") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise
        code = getattr(error, "sqlite_errorname", type(error).__name__)
        raise LedgerError(
            f"The ledger {path} cannot be used: {error} ({code}).",
            "Free the disk or make it writable; a damaged ledger is restored from a backup or"
            " by `qbosync ledger rebuild`.",
        ) from error
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be used: {error.strerror}.",
            "Look at the disk and at the file's owner and mode.",
        ) from error
