"""The ledger's file: made once, opened with care, copied, and never taken for a new one.

It is opened for writing by the one process that holds the lock, or only to be looked at,
which works on a disk that takes nothing.  What it is of (its uuid, environment, realm id,
instance and other facts) stands in it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database
from sqlite_utils.db import Table

from qbosync.errors import LedgerError
from qbosync.ledger.schema import ADDED, SCHEMA, TABLES, WAY_OUT, connect, explained, look

PART = ".part"
"""How the name of a copy ends that is not whole yet."""


class LedgerFile:
    """One company's file, its transactions and its own facts."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.db = Database(connection)

    @classmethod
    def create(cls, path: Path, facts: Mapping[str, str]) -> Self:
        """Make a new ledger; `facts` are its uuid, environment, realm id, company, instance.

        Raises:
            LedgerError: If there is one already, or the disk does not take it.
        """
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
            ledger = cls(path, connect(path))
            with ledger.transaction():
                for name, (columns, pk) in TABLES.items():
                    ledger._table(name).create(columns, pk=pk, strict=True)
                ledger._table("intents").create_index(["state"])
                ledger._table("intents").create_index(["kind", "source_id"])
                ledger._table("entries").create_index(["entity", "qbo_id"])
                ledger.db.execute(
                    "CREATE UNIQUE INDEX one_open ON intents(key) WHERE state = 'open'"
                )
                rows = {"schema": str(SCHEMA), "sequence": "0"} | dict(facts)
                ledger._table("meta").insert_all(
                    {"name": name, "value": value} for name, value in rows.items()
                )
        return ledger

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing ledger; a missing or damaged one is never taken for a new one.

        Raises:
            LedgerError: If it is missing, not ours, not a ledger, of another version, or damaged.
        """
        _refuse_what_is_none(path)
        with explained(path):
            return cls._checked(path, connect(path))

    def _migrate(self, version: int) -> None:
        """Bring the tables of an older version up to date: all of it or nothing."""
        with self.transaction():
            for added in range(version + 1, SCHEMA + 1):
                for name in ADDED[added]:
                    columns, pk = TABLES[name]
                    self._table(name).create(columns, pk=pk, strict=True)
            self._put("meta", {"name": "schema", "value": str(SCHEMA)})

    @classmethod
    @contextlib.contextmanager
    def looked_at(cls, path: Path) -> Iterator[Self]:
        """A ledger that is only read, also while a run writes and on a disk that takes nothing.

        Raises:
            LedgerError: As `open`.
        """
        _refuse_what_is_none(path)
        with explained(path), look(path) as connection:
            ledger = cls._checked(path, connection, is_looked_at=True)
            try:
                yield ledger
            finally:
                ledger.close()

    @classmethod
    def _checked(
        cls, path: Path, connection: sqlite3.Connection, *, is_looked_at: bool = False
    ) -> Self:
        with contextlib.ExitStack() as on_failure:
            ledger = cls(path, connection)
            on_failure.callback(ledger.close)
            check = ledger.db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if check != "ok":
                raise LedgerError(
                    f"The ledger {path} is damaged: {check}.", f"Keep the file. {WAY_OUT}."
                )
            tables = set(ledger.db.table_names())
            version = ledger.fact("schema") if "meta" in tables else ""
            if version.isdecimal() and 0 < int(version) < SCHEMA:
                if is_looked_at:
                    ledger = cls(path, _copy(connection))
                    on_failure.callback(ledger.close)
                ledger._migrate(int(version))
                version = str(SCHEMA)
            if version != str(SCHEMA):
                made_by = f"version {version}" if version else "none"
                raise LedgerError(
                    f"{path} is not a ledger of this version of qbosync (it needs version"
                    f" {SCHEMA}, this is {made_by}).",
                    f"{WAY_OUT}; after a downgrade, go back to the newer qbosync.",
                )
            ledger._opened()
            on_failure.pop_all()
        return ledger

    def _opened(self) -> None:
        """What a subclass reads once."""

    def close(self) -> None:
        """Give the file back; the write-ahead log is folded in."""
        self.db.conn.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; on the disk when it returns."""
        with explained(self.path):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                with self.db.atomic():
                    yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.conn.in_transaction:
                    self.db.conn.rollback()
                raise

    def _table(self, name: str) -> Table:
        return self.db.table(name)

    def _put(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Enter rows of one form, each in place of one of the same key, and of no other.

        `OR REPLACE` would drop an open intent for another one of the same document.
        sqlite-utils would ask for the table's columns at each of them.
        """
        if rows:
            names = list(rows[0])
            marks = ", ".join("?" * len(names))
            sets = ", ".join(f"{name} = excluded.{name}" for name in names)
            sql = (
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
                f" ON CONFLICT ({TABLES[table][1]}) DO UPDATE SET {sets}"
            )
            self.db.conn.executemany(sql, [tuple(row[name] for name in names) for row in rows])

    def _change(self, table: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Change columns of one numbered row."""
        sets = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE {table} SET {sets} WHERE id = ?"  # noqa: S608  the names are ours
        self.db.execute(sql, [*values.values(), row_id])

    def _rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with explained(self.path):
            cursor = self.db.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What a question in SQL is answered with; for exports and support."""
        return self._rows(sql)

    # What the ledger is of -------------------------------------------------------------

    def fact(self, name: str) -> str:
        """One of the ledger's own facts, `""` where it has none of that name."""
        rows = self._rows("SELECT value FROM meta WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else ""

    def set_fact(self, name: str, value: str) -> None:
        """Remember a fact about this company."""
        self.set_facts({name: value})

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Remember facts about this company: all of them or none."""
        with self.transaction():
            self._put("meta", *({"name": n, "value": value} for n, value in facts.items()))

    def facts(self, prefix: str) -> dict[str, str]:
        """All facts whose names begin so, without the prefix."""
        rows = self._rows("SELECT name, value FROM meta WHERE name LIKE ?", prefix + "%")
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    def advance(self) -> int:
        """The next sequence number, committed before the keyring hears of it."""
        number = int(self.fact("sequence") or 0) + 1
        self.set_fact("sequence", str(number))
        return number

    # Copies ----------------------------------------------------------------------------

    def backup(self, path: Path) -> None:
        """A consistent copy, also while a run is writing.

        It bears its name only when it is whole; nothing is left of one that fails.
        """
        part = path.with_name(path.name + PART)
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                raise FileExistsError(path)
            _remove(part)
            _make(part)
            try:
                with contextlib.closing(sqlite3.connect(part)) as copy:
                    self.db.conn.backup(copy)
                part.rename(path)
            except BaseException:
                _remove(part)
                raise


def _remove(part: Path) -> None:
    """What is left of a copy, with the journal that another one would take for its own."""
    for path in (part, part.with_name(part.name + "-journal")):
        path.unlink(missing_ok=True)


def _copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The same ledger in memory, where it can be brought up to date without touching it."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    return copy


def _make(path: Path) -> None:
    """An empty file that is the owner's alone; SQLite gives its log the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _refuse_what_is_none(path: Path) -> None:
    """SQLite takes a missing or an empty file for a new one; we do not."""
    try:
        now = path.stat()
    except FileNotFoundError:
        raise LedgerError(
            f"The ledger {path} is missing.",
            f"{WAY_OUT}: nothing is written to QuickBooks until then.",
        ) from None
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be read: {error.strerror}.",
            "Give this user the right to read it.",
        ) from None
    if not stat.S_ISREG(now.st_mode):
        raise LedgerError(f"The ledger {path} is no file.", f"Move it away. {WAY_OUT}.")
    if now.st_size == 0:
        raise LedgerError(f"The ledger {path} is empty.", f"{WAY_OUT}.")
    if hasattr(os, "geteuid") and now.st_uid != os.geteuid() and os.geteuid() != 0:
        raise LedgerError(
            f"The ledger {path} belongs to another user.",
            "Run qbosync as that user; two users never share one company.",
        )
