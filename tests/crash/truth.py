"""What has to be true after cron ran on: the books and the ledger are those of an undisturbed day.

Read from the files of both, never through the program.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from qbosync.emulator import Emulator
from qbosync.emulator.journal import entries
from tests.crash.week import Sets

_MARK = re.compile(r"\[qbosync main ([a-z_]+:[^\]]+)\]")
_OWN = {"Id", "SyncToken", "MetaData", "domain", "sparse"}
"""What only QuickBooks chooses, and what a write that was repeated may change."""
_KINDS = {"SalesTermRef": "Term", "ItemAccountRef": "Account", "ARAccountRef": "Account",
          "DepositToAccountRef": "Account", "IncomeAccountRef": "Account",
          "ParentRef": "Account"}  # fmt: skip
_RECORDS = {"orders": ("order", "order_id"), "payments": ("payment", "payment_id"),
            "credit_memos": ("credit_memo", "credit_id"), "charges": ("charge", "charge_id"),
            "refunds": ("refund", "refund_id")}  # fmt: skip
Names = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Truth:
    """Everything that may be compared with another day's."""

    books: Counter[str]
    balances: Mapping[str, Decimal]
    ledger: Counter[str]
    marks: Counter[tuple[str, str]]
    open_intents: int
    strays: frozenset[str]
    """Entries of the ledger whose object is not in QuickBooks, or is another's."""


def read_truth(company: Path, ledger: Path, realm_id: str) -> Truth:
    """How things stand; both files have to be at rest."""
    emulator = Emulator(data=company, limits="off", seed=1)
    try:
        shelf = emulator.companies[realm_id]
        bodies = {
            (kind, str(record.id)): record.read()
            for kind in shelf.store.records
            for record in shelf.store.all(kind)
        }
        balances: dict[str, Decimal] = defaultdict(Decimal)
        for entry in entries(shelf):
            for row in entry["postings"]:
                change = Decimal(row["debit"]) - Decimal(row["credit"])
                balances[f"{row['account']} {row['customer'] or ''}"] += change
    finally:
        assert emulator.storage is not None
        emulator.storage.close()
    names = {key: _name(body) for key, body in bodies.items()}
    marks = Counter(
        (kind, mark[1])
        for (kind, _), body in bodies.items()
        if (mark := _MARK.search(str(body.get("PrivateNote", ""))))
    )
    books = Counter(f"{kind} {_told(body, names)}" for (kind, _), body in bodies.items())
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM entries")]
        holds = [dict(row) for row in db.execute("SELECT source, reason, amount FROM holds")]
        refused = [dict(row) for row in db.execute("SELECT key, what FROM refusals")]
        [(still_open,)] = db.execute("SELECT count(*) FROM intents WHERE state = 'open'")
    return Truth(books, dict(balances), _ledger(rows, holds + refused), marks, still_open,
                 frozenset(_strays(rows, bodies)))  # fmt: skip


def _ledger(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> Counter[str]:
    own = {"qbo_id", "sync_token", "origin", "run_id", "written_at"}
    told = Counter(str({k: v for k, v in row.items() if k not in own}) for row in rows)
    return told + Counter(str(row) for row in others)


def _strays(rows: list[dict[str, Any]], bodies: Mapping[tuple[str, str], Any]) -> list[str]:
    found = []
    for row in rows:
        body = bodies.get((row["entity"], row["qbo_id"]))
        mark = _MARK.search(str(body.get("PrivateNote", ""))) if body else None
        if body is None or (mark and mark[1] != f"{row['kind']}:{row['source_id']}"):
            found.append(str(row["key"]))
    return found


def _name(body: Mapping[str, Any]) -> str:
    words = [body.get(k) for k in ("DocNumber", "DisplayName", "Name", "PrivateNote")]
    return str(next((word for word in words if word), body.get("Id")))


def _told(value: Any, names: Names, key: str = "") -> Any:
    """A value without Ids: what refers to something names it."""
    if isinstance(value, list):
        return sorted(str(_told(part, names, key)) for part in value)
    if not isinstance(value, dict):
        return str(value)
    if "TxnId" in value and "TxnType" in value:
        kind = str(value["TxnType"])
        return f"{kind} {names.get((kind, str(value['TxnId'])), value['TxnId'])}"
    if key.endswith("Ref") and "value" in value:
        kind = _KINDS.get(key, key.removesuffix("Ref"))
        return names.get((kind, str(value["value"])), f"{kind} {value['value']}")
    return {k: _told(value[k], names, k) for k in sorted(value) if k not in _OWN}


def differences(now: Truth, undisturbed: Truth) -> list[str]:
    """Where a disturbed day went wrong: nothing, if it went right."""
    wrong = []
    twice = now.marks - undisturbed.marks
    lost = undisturbed.marks - now.marks
    wrong += [f"twice: {kind} of {mark}" for kind, mark in twice.elements()]
    wrong += [f"lost: {kind} of {mark}" for kind, mark in lost.elements()]
    wrong += [f"too much in the books: {row}" for row in (now.books - undisturbed.books)]
    wrong += [f"not in the books: {row}" for row in (undisturbed.books - now.books)]
    if now.balances != undisturbed.balances:
        wrong.append(f"balances: {now.balances} instead of {undisturbed.balances}")
    wrong += [f"too much in the ledger: {row}" for row in (now.ledger - undisturbed.ledger)]
    wrong += [f"not in the ledger: {row}" for row in (undisturbed.ledger - now.ledger)]
    if now.open_intents:
        wrong.append(f"{now.open_intents} open intents")
    wrong += [f"the ledger's {key} is not in QuickBooks" for key in sorted(now.strays)]
    return wrong


def broken_copies(ledger: Path) -> list[str]:
    """Copies beside the ledger that nobody could restore."""
    wrong = []
    for path in sorted((ledger.parent / "backups").glob("*Z.db")):
        try:
            with closing(sqlite3.connect(path)) as db:
                [(count,)] = db.execute("SELECT count(*) FROM entries")
                is_whole = db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        except sqlite3.DatabaseError as error:
            wrong.append(f"broken copy: {path.name}: {error}")
            continue
        if not is_whole or not count:
            wrong.append(f"broken copy: {path.name}")
    return wrong


def without_disposition(sets: Sets, told: Mapping[str, Any], ledger: Path) -> list[str]:
    """Records of the source that are neither in QuickBooks nor held nor out of scope."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        there = {f"{k}:{i}" for k, i in db.execute("SELECT kind, source_id FROM entries")}
    held = Counter(row["source"] for row in (*told["held"], *told["to_apply_by_hand"]))
    wrong = [f"{ref} is held twice" for ref, count in held.items() if count > 1]
    refs = [f"{kind}:{row[key]}" for name, (kind, key) in _RECORDS.items()
            for row in sets.get(name, [])]  # fmt: skip
    nowhere = [ref for ref in refs if ref not in held and ref not in there]
    if len(nowhere) != sum(told["out_of_scope"].values()):
        wrong.append(f"without disposition: of {nowhere} only {told['out_of_scope']} are told")
    return wrong
