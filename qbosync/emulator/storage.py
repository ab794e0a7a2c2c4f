"""The data file: what a restarted emulator goes on from.

Only what changed is written, after each request, in one transaction.  The emulator is no ledger:
a power cut may lose the last moments, a killed process loses nothing.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import keys
from .entities import ENTITIES
from .jsons import dumps, loads
from .store import Record

if TYPE_CHECKING:
    from .app import Emulator
    from .company import Company

SCHEMA = """
create table if not exists companies (
  realm text primary key, name text, environment text, preferences blob, state blob);
create table if not exists objects (
  realm text, entity text, id integer, created integer, updated integer, moved integer,
  last_line integer, text blob, primary key (realm, entity, id)) without rowid;
create table if not exists tombstones (
  realm text, entity text, id integer, updated integer, moved integer);
create table if not exists replies (
  realm text, key text, status integer, body blob, at integer, primary key (realm, key));
create table if not exists state (name text primary key, value blob);
"""


class Storage:
    """The SQLite file behind an emulator."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.executescript(SCHEMA)
        self._buried: dict[tuple[str, str], int] = {}
        self._saved: dict[str, bytes] = {}

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    # -- writing ------------------------------------------------------------------------------

    def save(self, emulator: Emulator) -> None:
        """Write what changed since the last time."""
        rows: list[tuple[str, tuple[object, ...]]] = []
        for company in emulator.companies.values():
            self._company(company, rows)
        self._state("drawn", dumps(emulator.drawn // 1000), rows)
        self._state("clock", dumps(str(emulator.clock.offset)), rows)
        self._state("keys", dumps(emulator.environments.keys), rows)
        reads = emulator.reads
        self._state("reads", dumps([reads.used, reads.most, reads.month]), rows)
        if emulator.oauth.moved:
            self._state("oauth", dumps(emulator.oauth.dump()), rows)
            emulator.oauth.moved = False
        if not rows:
            return
        self._db.execute("begin")
        for statement, values in rows:
            self._db.execute(statement, values)
        self._db.execute("commit")

    def _state(self, name: str, value: bytes, rows: list[tuple[str, tuple[object, ...]]]) -> None:
        if self._saved.get(name) != value:
            self._saved[name] = value
            rows.append(("insert or replace into state values (?, ?)", (name, value)))

    def _company(self, company: Company, rows: list[tuple[str, tuple[object, ...]]]) -> None:
        realm = company.realm_id
        if not (company.unsaved or company.new_replies or company.preferences_moved):
            return
        for (entity, number), record in company.unsaved.items():
            if record is None:
                rows.append(
                    (
                        "delete from objects where realm=? and entity=? and id=?",
                        (realm, entity, number),
                    )
                )
            else:
                values = (
                    realm, entity, number, record.created, record.updated, record.moved,
                    record.last_line, record.text,
                )  # fmt: skip
                rows.append(("insert or replace into objects values (?,?,?,?,?,?,?,?)", values))
        for entity, buried in company.tombstones.items():
            for gone in buried[self._buried.get((realm, entity), 0) :]:
                rows.append(("insert into tombstones values (?,?,?,?,?)", (realm, entity, *gone)))
            self._buried[realm, entity] = len(buried)
        for key in company.new_replies:
            status, body, at = company.replies[key]
            rows.append(
                (
                    "insert or replace into replies values (?,?,?,?,?)",
                    (realm, key, status, body, at),
                )
            )
        state = dumps(
            {
                "counters": company.counters,
                "previous": company.previous_status,
                "subscription": company.subscription,
            }
        )
        rows.append(
            (
                "insert or replace into companies values (?,?,?,?,?)",
                (realm, company.name, company.environment, dumps(company.preferences), state),
            )
        )
        company.unsaved.clear()
        company.new_replies.clear()
        company.preferences_moved = False

    # -- reading ------------------------------------------------------------------------------

    def load(self, emulator: Emulator) -> None:
        """Put everything back."""
        state = dict(self._db.execute("select name, value from state"))
        if "clock" in state:
            emulator.clock.offset = max(emulator.clock.offset, float(loads(state["clock"])))
        if "drawn" in state:
            emulator.drawn = (loads(state["drawn"]) + 1) * 1000
        if "keys" in state:
            emulator.environments.keys = loads(state["keys"])
        if "reads" in state:
            reads = emulator.reads
            reads.used, reads.most, reads.month = loads(state["reads"])
        if "oauth" in state:
            emulator.oauth.load(loads(state["oauth"]))
        for realm, name, environment, preferences, kept in self._db.execute(
            "select realm, name, environment, preferences, state from companies order by realm"
        ):
            company = emulator.new_company(realm, name, environment)
            company.preferences = loads(preferences)
            company.preferences_moved = False
            self._fill(company, loads(kept))

    def _fill(self, company: Company, kept: dict[str, Any]) -> None:
        realm = (company.realm_id,)
        company.counters = {name: int(str(value)) for name, value in kept["counters"].items()}
        company.previous_status = {k: str(v) for k, v in kept["previous"].items()}
        company.subscription = str(kept.get("subscription", "PAID"))
        records = []
        for entity, number, created, updated, moved, last_line, text in self._db.execute(
            "select entity, id, created, updated, moved, last_line, text from objects"
            " where realm=? order by id",
            realm,
        ):
            record = Record(ENTITIES[entity], number)
            record.text, record.new = text, False
            record.created, record.updated, record.moved = created, updated, moved
            record.last_line = last_line
            company.store.records[entity][number] = record
            records.append(record)
        for record in sorted(records, key=lambda r: r.entity.kind):
            keys.learn(company, record, record.read())
            company.store.index(record)
            if record.entity.kind == "txn":
                record.body = None
        for entity, number, updated, moved in self._db.execute(
            "select entity, id, updated, moved from tombstones where realm=? order by moved", realm
        ):
            company.tombstones.setdefault(entity, []).append((number, updated, moved))
            self._buried[company.realm_id, entity] = len(company.tombstones[entity])
        for key, status, body, at in self._db.execute(
            "select key, status, body, at from replies where realm=?", realm
        ):
            company.replies[key] = (status, body, at)
