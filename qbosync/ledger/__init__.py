"""The ledger: which record became which QuickBooks object.

A write is entered twice: as an *intent*, committed to the disk before the request
leaves, and as an *entry* once QuickBooks has answered.  A run that dies in between
leaves its intent open, and the next run looks for it, waits, and only then sends it
again.  No transaction stays open across the network.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qbosync.drift import owned
from qbosync.key import Action, Entity, Key
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
from qbosync.ledger.watch import Watch
from qbosync.mapping.context import Memory, Refusal, Sighting
from qbosync.model import Problem
from qbosync.operation import Body, Entry, Intent, Operation, Posted

Facts = Mapping[str, Any]


WHOLE_RUN = "whole_run_at"
"""The fact that says when a run first went through everything."""
_STATES = {Action.VOID: "void", Action.DELETE: "deleted"}


class Ledger(Watch):
    """One company's ledger.  Used by one thread of one process: the one that holds the lock."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._next_intent = 0

    def _opened(self) -> None:
        last = self.db.execute("SELECT coalesce(max(id), 0) FROM intents").fetchone()[0]
        self._next_intent = int(last)

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
        memory = Memory(entries, sightings, refusals, waiting, not self.fact(WHOLE_RUN))
        return self.with_people(memory)

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
        draft = replace(operation.draft, facts=agreed)
        entry = entry_of(draft, Posted(found), draft.epoch, "adopted")
        with self.transaction():
            self._save(entry, run_id, now, found)
        return entry

    def confirm(self, operation: Operation, object_: Body, run_id: int, now: datetime) -> Entry:
        """Enter that QuickBooks already says what an update would have made it say."""
        known = operation.entry
        epoch, origin = (known.epoch, known.origin) if known else (0, "adopted")
        state = _STATES.get(operation.action, "live")
        entry = entry_of(operation.draft, Posted(object_), epoch, origin, state)
        with self.transaction():
            self._save(entry, run_id, now, object_)
        return entry

    def take_over(self, pairs: Iterable[tuple[Operation, Body]], now: datetime) -> None:
        """Enter what people or another program made, with the source's facts of today.

        So it counts as unchanged, and is sent only what the source changes from now on.
        """
        with self.transaction():
            for operation, found in pairs:
                entry = entry_of(operation.draft, Posted(found), 0, "adopted")
                self._save(entry, 0, now, found)

    def reference(self, key: Key, qbo_id: str, run_id: int, now: datetime) -> Entry:
        """Remember the Id of an account or term that documents refer to."""
        entry = Entry(key, qbo_id, "", name=key.id, origin="found")
        with self.transaction():
            self._save(entry, run_id, now)
        return entry

    def _save(
        self,
        entry: Entry,
        run_id: int,
        now: datetime,
        object_: Body | None = None,
        sent: Body | None = None,
    ) -> None:
        """Enter a document; of a customer only what was `sent` is as we wish it."""
        row = entry_row(entry) | {"run_id": run_id, "written_at": now.isoformat()}
        self._put("entries", row)
        if object_ is None:
            return
        seen = owned(entry.key.entity, object_)
        is_part = entry.key.entity is Entity.CUSTOMER and sent is not None and "Id" in sent
        if is_part and sent is not None:
            before = self.seen([entry.key]).get(entry.key, seen)
            seen = before | {name: value for name, value in seen.items() if name in sent}
        self._see(entry.key, seen)
        self._settled(entry.key, is_whole=not is_part)

    # Intents ---------------------------------------------------------------------------

    def intend(self, intents: Iterable[tuple[Operation, Intent]]) -> list[Intent]:
        """Commit what is about to be sent, before a byte of it leaves."""
        numbered = []
        with self.transaction():
            for operation, intent in intents:
                self._next_intent += 1
                row = intent_row(intent, operation) | {"id": self._next_intent}
                self._put("intents", row)
                numbered.append(replace(intent, id=self._next_intent))
        return numbered

    def resend(self, intent: Intent, now: datetime) -> Intent:
        """Note that an open intent is about to be sent once more, alone and as it was."""
        with self.transaction():
            row = {"last_sent": now.isoformat(), "attempts": intent.attempts + 1, "batch_id": ""}
            self._change("intents", intent.id, row)
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
        state = _STATES.get(intent.action, "live")
        entry = entry_of(intent.draft, posted, intent.epoch, self._origin(intent), state)
        self._close(intent, how, now, posted.qbo_id, posted.trace_id)
        self.db.execute("DELETE FROM refusals WHERE key = ?", [key_text(intent.key)])
        self._save(entry, intent.run_id, now, posted.object, intent.body)
        return entry

    def _origin(self, intent: Intent) -> str:
        """Whether a document was made by us: an update of an adopted one does not make it so."""
        key = [key_text(intent.key)]
        row = self.db.execute("SELECT origin FROM entries WHERE key = ?", key).fetchone()
        if "Id" not in intent.body:
            return "created"
        return str(row[0]) if row else "adopted"

    def drop(self, intents: Iterable[Intent], now: datetime, answer: str) -> None:
        """Close intents that were not applied, and can no longer be: what they wanted is
        planned afresh."""
        with self.transaction():
            for intent in intents:
                self._close(intent, "dropped", now, answer=answer)

    def refuse(
        self,
        intent: Intent,
        problem: Problem,
        now: datetime,
        trace_id: str,
        *,
        keeps_id: bool = False,
    ) -> None:
        """Close an intent that QuickBooks refused: it is not tried again until it changes.

        It then goes under a new request id, or where it `keeps_id` under the same.
        """
        state = "dropped" if keeps_id else "refused"
        with self.transaction():
            self._close(intent, state, now, trace_id=trace_id, answer=problem.what)
            row = {
                "key": key_text(intent.key),
                "digest": intent.draft.digest,
                "what": problem.what,
                "todo": problem.todo,
                "refused_at": now.isoformat(),
            }
            self._put("refusals", row)

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
            "closed_at": now.isoformat(),
        }
        if answer:
            row["answer"] = answer
        self._change("intents", intent.id, row)

    def note(self, intent: Intent, words: str) -> None:
        """Remember what was looked for and found of a write whose outcome is open."""
        with self.transaction():
            self._change("intents", intent.id, {"answer": words})

    def open_intents(self) -> list[Intent]:
        """Writes whose outcome is not known, oldest first."""
        rows = self._rows("SELECT * FROM intents WHERE state = 'open' ORDER BY id")
        return [read_intent(row) for row in rows]

    def sent(self) -> frozenset[Key]:
        """What this ledger ever sent to be created, whatever became of it."""
        rows = self._rows("SELECT DISTINCT key FROM intents WHERE action = 'create'")
        return frozenset(read_key(row["key"]) for row in rows)

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

    def counts(self) -> dict[str, int]:
        """Live entries by QuickBooks' entity."""
        rows = self._rows(
            "SELECT entity, count(*) AS n FROM entries WHERE state = 'live' GROUP BY entity"
        )
        return {row["entity"]: int(row["n"]) for row in rows}
