"""The ledger: which record became which QuickBooks object.

A write is entered twice: as an *intent*, committed to the disk before the request
leaves, and as an *entry* once QuickBooks has answered.  A run that dies in between
leaves its intent open, and the next run looks for it, waits, and only then sends it
again.  No transaction stays open across the network.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import Table

from qbosync.errors import LedgerError
from qbosync.ledger.row import (
    entry_of,
    entry_row,
    intent_row,
    key_text,
    read_date,
    read_entry,
    read_intent,
    read_key,
)
from qbosync.ledger.schema import SCHEMA, TABLES, connect, explained
from qbosync.mapping.context import Memory, Refusal, Sighting
from qbosync.model import Problem
from qbosync.operation import (
    Action,
    Body,
    Entry,
    Intent,
    Key,
    Operation,
    Posted,
)

Facts = Mapping[str, Any]


WHOLE_RUN = "whole_run_at"
"""The fact that says when a run first went through everything."""


class Ledger:
    """One company's ledger.  Used by one thread of one process: the one that holds the lock."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.db = Database(connection)
        self._next_intent = 0

    @classmethod
    def create(cls, path: Path, facts: Mapping[str, str]) -> Ledger:
        """Make a new ledger; `facts` are its uuid, environment, realm id, company, instance.

        Raises:
            LedgerError: If there is one already, or the disk does not take it.
        """
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            os.close(descriptor)
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
    def open(cls, path: Path) -> Ledger:
        """Open an existing ledger; a missing or damaged one is never taken for a new one.

        Raises:
            LedgerError: If it is missing, not a ledger, of another version, or damaged.
        """
        if not path.exists():
            raise LedgerError(
                f"The ledger {path} is missing.",
                "Restore it from a backup, or run `qbosync ledger rebuild`: nothing is"
                " created in QuickBooks until then.",
            )
        with explained(path), contextlib.ExitStack() as on_failure:
            ledger = cls(path, connect(path))
            on_failure.callback(ledger.close)
            check = ledger.db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if check != "ok":
                raise LedgerError(
                    f"The ledger {path} is damaged: {check}.",
                    "Keep the file, restore a backup or run `qbosync ledger rebuild`.",
                )
            if "meta" not in ledger.db.table_names() or ledger.fact("schema") != str(SCHEMA):
                raise LedgerError(
                    f"{path} is not a ledger of this version of qbosync.",
                    "Restore the ledger from a backup, or upgrade qbosync.",
                )
            last = ledger.db.execute("SELECT coalesce(max(id), 0) FROM intents").fetchone()[0]
            ledger._next_intent = int(last)
            on_failure.pop_all()
        return ledger

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

    def _rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with explained(self.path):
            return list(self.db.query(sql, parameters))

    # What the ledger is of -------------------------------------------------------------

    def fact(self, name: str) -> str:
        """One of the ledger's own facts, `""` where it has none of that name."""
        rows = self._rows("SELECT value FROM meta WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else ""

    def set_fact(self, name: str, value: str) -> None:
        """Remember a fact about this company."""
        with self.transaction():
            self._table("meta").upsert({"name": name, "value": value}, pk="name")

    def facts(self, prefix: str) -> dict[str, str]:
        """All facts whose names begin so, without the prefix."""
        rows = self._rows("SELECT name, value FROM meta WHERE name LIKE ?", prefix + "%")
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    def advance(self) -> int:
        """The next sequence number, committed before the keyring hears of it."""
        number = int(self.fact("sequence") or 0) + 1
        self.set_fact("sequence", str(number))
        return number

    # Runs ------------------------------------------------------------------------------

    def begin_run(self, now: datetime) -> int:
        """Enter a run; it has an end only if it comes to `end_run`."""
        with self.transaction():
            row = {"started_at": now.isoformat(), "exit_code": -1, "written": 0, "held": 0}
            self._table("runs").insert(row)
            (run_id,) = self.db.execute("SELECT max(id) FROM runs").fetchone()
        return int(run_id)

    def end_run(self, run_id: int, facts: Mapping[str, Any]) -> None:
        """Close a run with its exit code, counts, and how far QuickBooks was read."""
        with self.transaction():
            self._table("runs").update(run_id, dict(facts))

    def last_run(self) -> dict[str, Any] | None:
        """The latest run that came to an end."""
        rows = self.recent_runs(1)
        return rows[0] if rows else None

    def recent_runs(self, count: int) -> list[dict[str, Any]]:
        """The latest runs that came to an end, newest first."""
        return self._rows(
            "SELECT * FROM runs WHERE finished_at <> '' ORDER BY id DESC LIMIT ?", count
        )

    def last_success(self) -> dict[str, Any] | None:
        """The latest run that did all that could be done (exit 0 or 3)."""
        rows = self._rows("SELECT * FROM runs WHERE exit_code IN (0, 3) ORDER BY id DESC LIMIT 1")
        return rows[0] if rows else None

    def last_read(self) -> datetime | None:
        """QuickBooks' own time of the read up to which its changes are known."""
        rows = self._rows(
            "SELECT read_at FROM runs WHERE read_at IS NOT NULL ORDER BY id DESC LIMIT 1"
        )
        return datetime.fromisoformat(rows[0]["read_at"]) if rows else None

    # Entries ---------------------------------------------------------------------------

    def memory(self, waiting: Mapping[Key, Problem], retry_before: datetime) -> Memory:
        """All that planning needs to know.

        Refusals older than `retry_before` are forgotten, so that what a person mended
        elsewhere goes out by itself.
        """
        refusals = {
            read_key(row["key"]): Refusal(row["digest"], row["what"], row["todo"])
            for row in self._rows("SELECT * FROM refusals")
            if datetime.fromisoformat(row["refused_at"]) > retry_before
        }
        sightings = {
            row["order_id"]: Sighting(
                row["charge_status"], read_date(row["charged_on"]), row["status"]
            )
            for row in self._rows("SELECT * FROM sightings")
        }
        entries = {entry.key: entry for entry in self.entries()}
        return Memory(entries, sightings, refusals, waiting, not self.fact(WHOLE_RUN))

    def entries(self) -> Iterator[Entry]:
        """Every document and named object that came from here or was adopted."""
        for row in self._rows("SELECT * FROM entries"):
            yield read_entry(row)

    def written_since(self, at: datetime) -> dict[str, int]:
        """How many objects of each entity were last written since then."""
        rows = self._rows(
            "SELECT entity, count(*) AS n FROM entries WHERE written_at >= ? GROUP BY entity",
            at.isoformat(),
        )
        return {row["entity"]: int(row["n"]) for row in rows}

    def touch(self, tokens: Mapping[tuple[str, str], str]) -> None:
        """Take over fresh SyncTokens, by (entity, Id), of objects that changed in QuickBooks."""
        with self.transaction():
            self.db.conn.executemany(
                "UPDATE entries SET sync_token = ? WHERE entity = ? AND qbo_id = ?",
                [(token, entity, qbo_id) for (entity, qbo_id), token in tokens.items()],
            )

    def adopt(
        self, operation: Operation, found: Body, agreed: Facts, run_id: int, now: datetime
    ) -> Entry:
        """Enter an object that QuickBooks holds already as ours from now on.

        `agreed` are the facts that it really says; the others are planned as a change.
        """
        entry = entry_of(replace(operation.draft, facts=agreed), Posted(found), 0, "adopted")
        with self.transaction():
            self._save(entry, run_id, now)
        return entry

    def confirm(self, operation: Operation, object_: Body, run_id: int, now: datetime) -> Entry:
        """Enter that QuickBooks already says what an update would have made it say."""
        known = operation.entry
        epoch, origin = (known.epoch, known.origin) if known else (0, "adopted")
        entry = entry_of(operation.draft, Posted(object_), epoch, origin)
        with self.transaction():
            self._save(entry, run_id, now)
        return entry

    def take_over(self, pairs: Iterable[tuple[Operation, Body]], now: datetime) -> None:
        """Enter what people or another program made, with the source's facts of today.

        So it counts as unchanged, and is sent only what the source changes from now on.
        """
        with self.transaction():
            for operation, found in pairs:
                self._save(entry_of(operation.draft, Posted(found), 0, "adopted"), 0, now)

    def reference(self, key: Key, qbo_id: str, run_id: int, now: datetime) -> Entry:
        """Remember the Id of an account or term that documents refer to."""
        entry = Entry(key, qbo_id, "", name=key.id, origin="found")
        with self.transaction():
            self._save(entry, run_id, now)
        return entry

    def _save(self, entry: Entry, run_id: int, now: datetime) -> None:
        row = entry_row(entry) | {"run_id": run_id, "written_at": now.isoformat()}
        self._table("entries").upsert(row, pk="key")

    # Intents ---------------------------------------------------------------------------

    def intend(self, intents: Iterable[tuple[Operation, Intent]]) -> list[Intent]:
        """Commit what is about to be sent, before a byte of it leaves."""
        numbered = []
        with self.transaction():
            for operation, intent in intents:
                self._next_intent += 1
                row = intent_row(intent, operation) | {"id": self._next_intent}
                self._table("intents").insert(row)
                numbered.append(replace(intent, id=self._next_intent))
        return numbered

    def resend(self, intent: Intent, now: datetime) -> Intent:
        """Note that an open intent is about to be sent once more, alone and as it was."""
        with self.transaction():
            row = {"last_sent": now.isoformat(), "attempts": intent.attempts + 1, "batch_id": ""}
            self._table("intents").update(intent.id, row)
        return replace(intent, last_sent=now, attempts=intent.attempts + 1, batch_id="")

    def record(self, results: Iterable[tuple[Intent, Posted]], now: datetime) -> list[Entry]:
        """Close the intents and remember the answers, all or none."""
        with self.transaction():
            return [self._enter(intent, posted, now, "posted") for intent, posted in results]

    def recognise(
        self, intent: Intent, found: Body, agreed: Facts, now: datetime, trace_id: str = ""
    ) -> Entry:
        """Close an intent whose document was found; `agreed` are the facts that it really says."""
        with self.transaction():
            known = replace(intent, draft=replace(intent.draft, facts=agreed))
            return self._enter(known, Posted(found, trace_id), now, "adopted")

    def _enter(self, intent: Intent, posted: Posted, now: datetime, how: str) -> Entry:
        state = "void" if intent.action is Action.VOID else "live"
        entry = entry_of(intent.draft, posted, intent.epoch, self._origin(intent), state)
        self._close(intent, how, now, posted.qbo_id, posted.trace_id)
        self.db.execute("DELETE FROM refusals WHERE key = ?", [key_text(intent.key)])
        self._save(entry, intent.run_id, now)
        return entry

    def _origin(self, intent: Intent) -> str:
        """Whether a document was made by us: an update of an adopted one does not make it so."""
        key = [key_text(intent.key)]
        row = self.db.execute("SELECT origin FROM entries WHERE key = ?", key).fetchone()
        return str(row[0]) if row and "Id" in intent.body else "created"

    def drop(self, intents: Iterable[Intent], now: datetime, answer: str) -> None:
        """Close intents that were not applied, and can no longer be: what they wanted is
        planned afresh."""
        with self.transaction():
            for intent in intents:
                self._close(intent, "dropped", now, answer=answer)

    def refuse(self, intent: Intent, problem: Problem, now: datetime, trace_id: str) -> None:
        """Close an intent that QuickBooks refused: it is not tried again until it changes."""
        with self.transaction():
            self._close(intent, "refused", now, trace_id=trace_id, answer=problem.what)
            row = {
                "key": key_text(intent.key),
                "digest": intent.draft.digest,
                "what": problem.what,
                "todo": problem.todo,
                "refused_at": now.isoformat(),
            }
            self._table("refusals").upsert(row, pk="key")

    def _close(
        self,
        intent: Intent,
        state: str,
        now: datetime,
        qbo_id: str = "",
        trace_id: str = "",
        answer: str = "",
    ) -> None:
        row = {
            "state": state,
            "qbo_id": qbo_id,
            "trace_id": trace_id,
            "answer": answer,
            "closed_at": now.isoformat(),
        }
        self._table("intents").update(intent.id, row)

    def open_intents(self) -> list[Intent]:
        """Writes whose outcome is not known, oldest first."""
        rows = self._rows("SELECT * FROM intents WHERE state = 'open' ORDER BY id")
        return [read_intent(row) for row in rows]

    def refused_ids(self) -> Counter[str]:
        """How often QuickBooks refused what went out under each request id."""
        rows = self._rows(
            "SELECT request_id, count(*) AS n FROM intents WHERE state = 'refused'"
            " GROUP BY request_id"
        )
        return Counter({row["request_id"]: int(row["n"]) for row in rows})

    def history(self, source: str) -> list[dict[str, Any]]:
        """Every write for a record, oldest first."""
        kind, _, source_id = source.partition(":")
        return self._rows(
            "SELECT * FROM intents WHERE kind = ? AND source_id = ? ORDER BY id", kind, source_id
        )

    # Holds and sightings ---------------------------------------------------------------

    def hold(
        self,
        problems: Iterable[Problem],
        run_id: int,
        now: datetime,
        settled: Collection[str] | None = None,
    ) -> None:
        """The records held as of this run; one that is held again keeps its `since`.

        A run that did not go through everything names what it `settled`: other records
        that were held before stay so.
        """
        held = {str(row["source"]): row for row in self.holds()}
        kept = [] if settled is None else [held[s] for s in held.keys() - set(settled)]
        rows = {
            problem.source: {
                "source": problem.source,
                "reason": problem.reason,
                "what": problem.what,
                "todo": problem.todo,
                "amount": "" if problem.amount is None else str(problem.amount),
                "since": held[problem.source]["since"]
                if problem.source in held
                else now.isoformat(),
                "run_id": run_id,
            }
            for problem in problems
        }
        with self.transaction():
            self.db.execute("DELETE FROM holds")
            self._table("holds").insert_all(({r["source"]: r for r in kept} | rows).values())

    def holds(self) -> list[dict[str, Any]]:
        """Held records as of the last run, oldest first."""
        return self._rows("SELECT * FROM holds ORDER BY since, source")

    def sight(self, sightings: Mapping[str, Sighting]) -> None:
        """Remember when orders were first seen charged."""
        with self.transaction():
            self._table("sightings").upsert_all(
                (
                    {
                        "order_id": order_id,
                        "charge_status": sighting.charge_status,
                        "charged_on": sighting.charged_on.isoformat()
                        if sighting.charged_on
                        else "",
                        "status": sighting.status,
                    }
                    for order_id, sighting in sightings.items()
                ),
                pk="order_id",
            )

    def counts(self) -> dict[str, int]:
        """Live entries by QuickBooks' entity."""
        rows = self._rows(
            "SELECT entity, count(*) AS n FROM entries WHERE state = 'live' GROUP BY entity"
        )
        return {row["entity"]: int(row["n"]) for row in rows}

    def backup(self, path: Path) -> None:
        """A consistent copy, also while a run is writing."""
        with explained(self.path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            copy = sqlite3.connect(path)
            try:
                self.db.conn.backup(copy)
            finally:
                copy.close()
