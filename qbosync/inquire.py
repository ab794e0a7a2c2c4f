"""What became of one record: what the shop says, what was written, what holds it, what comes.

Nothing is written to QuickBooks from here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import simplejson

from qbosync.errors import QbosyncError, SetupError
from qbosync.key import item_key
from qbosync.ledger import Ledger
from qbosync.mapping.charged import charge_date
from qbosync.mapping.context import Context, Memory
from qbosync.model import Order, Payment, Snapshot, show
from qbosync.outcome import link
from qbosync.person import edited_rows
from qbosync.rules import policy_of
from qbosync.screen import plain
from qbosync.wiring import Setup, look_into_ledger, open_source


def explain(setup: Setup, ref: str) -> dict[str, Any]:
    """One record's story: what the shop says, what was written, what holds it, what comes."""
    connection = setup.connected()
    with look_into_ledger(setup, connection) as ledger:
        source = source_of(ledger, ref)
        entries = [e for e in ledger.entries() if source in (e.key.source, e.key.record)]
        sources = dict.fromkeys((source, *(e.key.source for e in entries)))
        writes = [row for each in sources for row in ledger.history(each)]
        holds = [row for row in ledger.holds() if row["source"] == source]
        edits = {k: e for k, e in ledger.edits().items() if k.source in sources}
        said = {k: w for k, w in ledger.words().items() if k.source in sources}
        asides = [row for row in ledger.asides() if row["source"] == source]
    facts, rule = _source_side(setup, source)
    if not entries and not writes and not holds and not facts:
        raise SetupError(
            f"Nothing is known of {plain(ref)}.",
            "Give kind:id (order, payment, charge, credit_memo, customer) or a document's number.",
        )
    return {
        "ref": source,
        "source": facts,
        "rule": rule,
        "documents": [
            {
                "entity": entry.key.entity.value,
                "qbo_id": entry.qbo_id,
                "number": entry.number,
                "amount": "" if entry.amount is None else f"{entry.amount:.2f}",
                "dated": entry.dated.isoformat() if entry.dated else "",
                "state": entry.state,
                "origin": entry.origin,
                "link": link(connection.environment, entry.key.entity, entry.qbo_id),
            }
            for entry in entries
        ],
        "writes": [_write(row, setup.settings.sync.resend_after) for row in writes],
        "held": [{n: row[n] for n in ("reason", "what", "todo", "since")} for row in holds],
        "edited": edited_rows(edits, {}, {entry.key: entry for entry in entries}),
        "said": [
            {
                "entity": word.key.entity.value,
                "verdict": word.verdict.value,
                "by": word.by,
                "at": word.given_at.isoformat(),
                "qbo_id": word.qbo_id,
            }
            for word in said.values()
        ],
        "put_aside": asides,
        "error": None,
    }


def _write(row: dict[str, Any], resend_after: timedelta) -> dict[str, Any]:
    """One write; of an open one also until when it is left alone, and what was found of it."""
    names = ("action", "entity", "reason", "first_sent", "last_sent", "attempts", "state")
    told = {name: row[name] for name in names}
    told |= {"run": row["run_id"], "qbo_id": row["qbo_id"], "request_id": row["request_id"]}
    told |= {"intuit_tid": row["trace_id"], "answer": row["answer"]}
    is_open = row["state"] == "open"
    until = datetime.fromisoformat(row["last_sent"]) + resend_after
    told["until"] = until.isoformat() if is_open else None
    return told | {"changes": simplejson.loads(row["changes"], use_decimal=True)}


def source_of(ledger: Ledger, ref: str) -> str:
    """A REF as kind:id; a bare number or Id means the document that bears it."""
    kind, colon, _ = ref.partition(":")
    kinds = ("customer", "order", "payment", "charge", "credit_memo", "credit_application",
             "correction")  # fmt: skip
    if colon and kind in kinds:
        return ref
    if colon and kind == "item":
        return item_key(ref.partition(":")[2]).source
    hits = {e.key.source for e in ledger.entries() if ref in (e.number, e.name) and ref}
    # Documents share one series of Ids in QuickBooks; customers and items have their own.
    by_id = [e for e in ledger.entries() if e.qbo_id == ref and e.key.entity.wave >= 0]
    hits = hits or {e.key.source for e in by_id if not e.key.entity.is_named}
    hits = hits or {e.key.source for e in by_id}
    if len(hits) > 1:
        raise SetupError(
            f"{plain(ref)} may mean {', '.join(sorted(hits))}.", "Say which, as kind:id."
        )
    return hits.pop() if hits else f"order:{ref}"


def _source_side(setup: Setup, source: str) -> tuple[dict[str, str], str]:
    """The record as the shop system has it now, and the rule that decides about it."""
    try:
        snapshot = open_source(setup, expect_orders=False).read()
    except QbosyncError as error:
        return {}, f"The source cannot be read now: {error.what}"
    for problem in snapshot.problems:
        if problem.source == source:
            return {}, problem.what
    kind, _, record_id = source.partition(":")
    sets: dict[str, Any] = {
        "customer": snapshot.customers,
        "order": snapshot.orders,
        "payment": snapshot.payments,
        "charge": snapshot.charges,
        "credit_memo": snapshot.credit_memos,
    }
    record = sets.get(kind, {}).get(record_id)
    if record is None:
        return {}, "It is not in the export."
    names = ("where", "number", "name", "status", "total", "amount", "method", "customer_id",
             "charge_date", "status_at", "ship_date", "received", "issued", "kind")  # fmt: skip
    facts = {
        n: str(getattr(record, n)) for n in names if getattr(record, n, None) not in (None, "")
    }
    if isinstance(record, Order):
        return facts, _order_rule(setup, record, snapshot)
    return facts, _start_rule(setup, record)


def _start_rule(setup: Setup, record: Any) -> str:
    """What the start date says of a payment, charge or credit from before it; else blank."""
    start = policy_of(setup.settings).start_date
    dated = record.received if isinstance(record, Payment) else getattr(record, "issued", None)
    if start is None or dated is None or dated >= start:
        return ""
    if isinstance(record, Payment):
        return (
            f"Received before the start date {start}: it goes out only once a person says so"
            f" (qbosync resolve {record.ref} --ours, or --relink ID where QuickBooks has it)."
        )
    return f"Dated before the start date {start}: that is QuickBooks' own, and nothing is sent."


def _order_rule(setup: Setup, order: Order, snapshot: Snapshot) -> str:
    policy = policy_of(setup.settings)
    customer = snapshot.customers.get(order.customer_id)
    today = setup.clock.now().astimezone(setup.zone).date()
    at = policy.charge_status_of(customer)
    whose = "the customer's own" if customer and customer.charge_status else "the"
    rule = f"Charged = invoiced at or past {at!r} ({whose} Status to Charge Customer)"
    if order.charge_date:
        when = "reached" if order.charge_date <= today else "to come"
        return f"Charged by its charge date {order.charge_date} ({when})."
    if policy.is_charged(order, customer, today):
        dated = charge_date(order, Context(snapshot, policy, Memory(), today))
        start = policy.start_date
        is_old = start is not None and dated < start
        fence = f" Before the start date {start}: its invoice is QuickBooks' own." if is_old else ""
        return f"{rule}: it is {order.status!r}, {show(order.total)} on {dated}.{fence}"
    return f"{rule}: it is {order.status!r}, so it is not charged yet."
