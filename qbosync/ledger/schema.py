"""The ledger's file: its tables, and how it is opened.

WAL with ``synchronous=FULL``: anything less lets a request leave before its intent is on
the disk.  The answer of each pragma is compared, since SQLite refuses silently.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from qbosync.errors import LedgerError

SCHEMA = 2
PATIENCE = 5.0
"""Seconds that another program may keep it locked."""
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
    "seen": ({"key": str, "seen": str}, "key"),
    "edits": (
        {
            "key": str,
            "kind": str,
            "source": str,
            "theirs": str,
            "found_at": str,
            "fields": str,
            "became": str,
        },
        "key",
    ),
    "words": (
        {
            "key": str,
            "verdict": str,
            "given_at": str,
            "said_by": str,
            "theirs": str,
            "digest": str,
            "qbo_id": str,
        },
        "key",
    ),
    "asides": ({"source": str, "why": str, "said_by": str, "since": str}, "source"),
    "strangers": (
        {
            "id": str,
            "entity": str,
            "qbo_id": str,
            "customer": str,
            "amount": str,
            "dated": str,
            "reference": str,
            "estimate": str,
        },
        "id",
    ),
}
ADDED = {2: ("seen", "edits", "words", "asides", "strangers")}
"""The tables that a version added: an older ledger is given them when it is opened."""
_LITTLE = 128 * 1024
WAY_OUT = "Restore it from a copy in the folder backups beside it, or run `qbosync ledger rebuild`"
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}


_WORDS = {
    "SQLITE_FULL": ("the disk is full", "Make room on it; the next run goes on."),
    "SQLITE_READONLY": ("it can only be read", "Make the disk and the file writable."),
    "SQLITE_BUSY": (
        "another program keeps it locked",
        "Close what has it open, such as a database browser or a backup program.",
    ),
    "SQLITE_CORRUPT": ("it is damaged", f"Keep the file. {WAY_OUT}."),
    "SQLITE_NOTADB": ("it is no database", f"Keep the file. {WAY_OUT}."),
    "SQLITE_IOERR": ("the disk does not read or write", "Look at the disk; then run again."),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Look at the folder's owner, mode and free room."),
}
"""What SQLite's codes mean to a person, by their beginning."""


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing; each pragma's answer is compared."""
    connection = _open(path, "mode=rw")
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(connection.close)
        for name, wanted in _PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {wanted}").fetchone()
            answer = connection.execute(f"PRAGMA {name}").fetchone()[0]
            if answer != wanted:
                raise LedgerError(
                    f"The disk under {path} does not allow {name} = {wanted} (it says {answer}).",
                    "Put the data directory on a local disk.",
                )
        connection.execute("PRAGMA fullfsync = ON").fetchone()
        on_failure.pop_all()
    return connection


@contextlib.contextmanager
def look(path: Path) -> Iterator[sqlite3.Connection]:
    """Open for reading, where need be without a single write beside the file.

    A write-ahead log needs a shared index that a disk which takes nothing has not: without a
    log the file is read as it is, with one a copy of both is read elsewhere.
    """
    connection = _open(path, "mode=ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        connection.close()
    else:
        yield connection
        return
    log = path.with_name(path.name + "-wal")
    if not log.exists() or not log.stat().st_size:
        yield _open(path, "immutable=1")
        return
    with tempfile.TemporaryDirectory(prefix="qbosync-") as folder:
        for part in (path, log):
            shutil.copyfile(part, Path(folder) / part.name)
        yield _open(Path(folder) / path.name, "mode=rw")


def _open(path: Path, how: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE)


def _is_full(path: Path) -> bool:
    """SQLite calls a disk without room for its shared index an error of the disk."""
    try:
        return shutil.disk_usage(path.parent).free < _LITTLE
    except OSError:
        return False


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk say into words and a way out."""
    try:
        yield
    except FileExistsError as error:
        in_the_way = error.filename or path
        raise LedgerError(f"{in_the_way} exists already.", "Move it away first.") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise
        code = getattr(error, "sqlite_errorname", None) or type(error).__name__
        if code.startswith("SQLITE_IOERR") and _is_full(path):
            code = f"SQLITE_FULL, {code}"
        known = next((words for name, words in _WORDS.items() if code.startswith(name)), None)
        what, todo = known or (str(error), f"Look at the disk. {WAY_OUT}.")
        raise LedgerError(f"The ledger {path} cannot be used: {what} ({code}).", todo) from error
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be used: {error.strerror}.",
            "Look at the disk and at the file's owner and mode.",
        ) from error
