"""Entries and intents as rows of the ledger, and back: what goes in comes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import simplejson

from qbosync.key import Action, Entity, Key
from qbosync.operation import Draft, Entry, Intent, Operation, Posted, canonical


def entry_of(draft: Draft, posted: Posted, epoch: int, origin: str, state: str = "live") -> Entry:
    """What the ledger remembers of a document once QuickBooks has answered."""
    body = posted.object
    named = [
        str(line["Id"])
        for line in body.get("Line", [])
        if line.get("DetailType") == "SalesItemLineDetail" and "Id" in line
    ]
    ids = dict(zip(draft.lines, named, strict=True)) if len(named) == len(draft.lines) else {}
    dated = str(body.get("TxnDate", ""))[:10]
    return Entry(
        draft.key,
        posted.qbo_id,
        posted.sync_token,
        canonical(draft.facts),
        draft.digest,
        str(body.get("DocNumber", draft.number)),
        draft.name,
        draft.customer,
        draft.amount,
        date.fromisoformat(dated) if dated else None,
        ids,
        epoch,
        origin,
        state,
    )


def key_text(key: Key) -> str:
    return f"{key.entity}|{key.kind}|{key.id}"


def read_key(text: str) -> Key:
    entity, kind, source_id = text.split("|", 2)
    return Key(Entity(entity), kind, source_id)


def read_date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def read_amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "key": key_text(entry.key),
        "entity": entry.key.entity.value,
        "kind": entry.key.kind,
        "source_id": entry.key.id,
        "qbo_id": entry.qbo_id,
        "sync_token": entry.sync_token,
        "number": entry.number,
        "name": entry.name,
        "customer": entry.customer,
        "amount": "" if entry.amount is None else str(entry.amount),
        "dated": entry.dated.isoformat() if entry.dated else "",
        "facts": entry.facts_text,
        "digest": entry.digest,
        "lines": simplejson.dumps(entry.lines),
        "epoch": entry.epoch,
        "origin": entry.origin,
        "state": entry.state,
    }


def read_entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        read_key(row["key"]),
        row["qbo_id"],
        row["sync_token"],
        row["facts"],
        row["digest"],
        row["number"],
        row["name"],
        row["customer"],
        read_amount(row["amount"]),
        read_date(row["dated"]),
        simplejson.loads(row["lines"]),
        row["epoch"],
        row["origin"],
        row["state"],
    )


def intent_row(intent: Intent, operation: Operation) -> dict[str, Any]:
    draft = intent.draft
    return {
        "key": key_text(intent.key),
        "entity": intent.key.entity.value,
        "kind": intent.key.kind,
        "source_id": intent.key.id,
        "action": intent.action.value,
        "reason": operation.reason,
        "body": simplejson.dumps(intent.body, use_decimal=True),
        "request_id": intent.request_id,
        "batch_id": intent.batch_id,
        "draft": canonical(
            {
                "facts": draft.facts,
                "number": draft.number,
                "name": draft.name,
                "customer": draft.customer,
                "amount": "" if draft.amount is None else str(draft.amount),
                "lines": list(draft.lines),
                "is_void": draft.is_void,
            }
        ),
        "changes": canonical(operation.changes),
        "epoch": intent.epoch,
        "run_id": intent.run_id,
        "first_sent": intent.first_sent.isoformat(),
        "last_sent": intent.last_sent.isoformat(),
        "attempts": intent.attempts,
        "state": "open",
        "qbo_id": "",
        "trace_id": "",
        "answer": "",
        "closed_at": "",
    }


def read_intent(row: Mapping[str, Any]) -> Intent:
    told = simplejson.loads(row["draft"])
    body = simplejson.loads(row["body"], use_decimal=True)
    draft = Draft(
        read_key(row["key"]),
        body,
        told["facts"],
        told["number"],
        told["name"],
        told["customer"],
        read_amount(told["amount"]),
        tuple(told["lines"]),
        told["is_void"],
        epoch=row["epoch"],
    )
    return Intent(
        row["id"],
        draft.key,
        Action(row["action"]),
        body,
        row["request_id"],
        draft,
        row["epoch"],
        row["run_id"],
        datetime.fromisoformat(row["first_sent"]),
        datetime.fromisoformat(row["last_sent"]),
        row["attempts"],
        row["batch_id"],
    )
