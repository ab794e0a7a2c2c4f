"""Questions that people ask: is everything right, how does it stand, what of this record?

Nothing is written to QuickBooks from here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import simplejson

from qbosync import __version__
from qbosync.config.kind import duration
from qbosync.errors import QbosyncError, SetupError
from qbosync.ledger import Ledger
from qbosync.mapping.charged import charge_date
from qbosync.mapping.context import Context, Memory
from qbosync.model import Order, Snapshot, show
from qbosync.operation import Entity
from qbosync.outcome import BY_HAND
from qbosync.places import Connection
from qbosync.report import clock_time, plain, status_json
from qbosync.wiring import (
    Keeper,
    Setup,
    account_of,
    look_into_ledger,
    open_source,
    policy_of,
    token_store,
)

_HELD = 3
_WORKS = (0, _HELD, 5, 129, 130, 143)
"""Exit codes after which the next run goes on by itself."""
LINKS = {
    Entity.ESTIMATE: "estimate",
    Entity.INVOICE: "invoice",
    Entity.CREDIT_MEMO: "creditmemo",
    Entity.PAYMENT: "recvpayment",
}
"""QuickBooks' own pages (assumed: seen in other integrations)."""


def status(setup: Setup, max_age: str) -> dict[str, Any]:
    """Environment, company, Active or Inactive, Last Run; asks nobody but the ledger."""
    connection = setup.connection
    document = status_json() | {
        "environment": connection.environment
        if connection
        else setup.settings.quickbooks.environment,
        "company": connection.company if connection else "",
        "realm_id": connection.realm_id if connection else "",
        "connected": connection is not None,
        "active": bool(connection and connection.is_active),
        "version": __version__,
        "configuration": str(setup.places.config),
        "configuration_digest": setup.settings.digest()[:12],
    }
    if connection is not None:
        with look_into_ledger(setup, connection) as ledger:
            _from_ledger(document, ledger)
        document["token"]["refresh_days_left"] = _days_left(setup, connection)
    if error := _too_old(setup, document, max_age):
        document |= {"error": error, "exit_code": SetupError.exit_code}
    return document


def _too_old(setup: Setup, document: dict[str, Any], max_age: str) -> dict[str, str] | None:
    """Why the last success is not recent enough, for whoever watches."""
    if not max_age:
        return None
    success = document["last_success_at"]
    if success and setup.clock.now() - datetime.fromisoformat(success) <= duration(max_age):
        return None
    if not document["connected"]:
        return {"what": "Not connected to QuickBooks.", "todo": "Run `qbosync connect`."}
    last = f"was at {clock_time(success)}, longer ago than {max_age}" if success else "never was"
    return {
        "what": f"The last run that succeeded {last}.",
        "todo": "See whether cron still runs `qbosync sync`, and what it mailed.",
    }


def _from_ledger(document: dict[str, Any], ledger: Ledger) -> None:
    last, success = ledger.last_run(), ledger.last_success()
    if last:
        names = ("started_at", "finished_at", "exit_code", "written", "held", "error")
        document["last_run"] = {name: last[name] for name in names}
    document["last_success_at"] = success["finished_at"] if success else None
    names = ("source", "reason", "what", "todo", "amount", "since")
    rows = [{name: row[name] for name in names} for row in ledger.holds()]
    document["held"] = [row for row in rows if row["reason"] != BY_HAND]
    document["to_apply_by_hand"] = [row for row in rows if row["reason"] == BY_HAND]
    document["open_intents"] = len(ledger.open_intents())
    document["ledger"] = ledger.counts()
    document["accepted"] = ledger.facts("accepted:")
    code = last["exit_code"] if last else None
    if document["active"] and code in _WORKS:
        document["summary"] = "Working, needs you" if code == _HELD else "Working"
    elif document["active"] and code is None:
        document["summary"] = "Ready"


def _days_left(setup: Setup, connection: Connection) -> int | None:
    """Days until Intuit forgets us if nothing runs; unknown where the keyring is shut."""
    try:
        store = token_store(setup, False)
        blob = Keeper(store, account_of(connection.environment, connection.realm_id)).load()
    except QbosyncError:
        return None
    ends = [at for at in (blob.idle_expires_at, blob.hard_expires_at) if at]
    if not ends:
        return None
    return max((min(ends) - setup.clock.now()) // timedelta(days=1), 0)


def explain(setup: Setup, ref: str) -> dict[str, Any]:
    """One record's story: what the shop says, what was written, what holds it, what comes."""
    connection = setup.connected()
    with look_into_ledger(setup, connection) as ledger:
        source = _resolve(ledger, ref)
        entries = [e for e in ledger.entries() if e.key.source == source]
        writes = ledger.history(source)
        holds = [row for row in ledger.holds() if row["source"] == source]
    facts, rule = _source_side(setup, source)
    if not entries and not writes and not holds and not facts:
        raise SetupError(
            f"Nothing is known of {plain(ref)}.",
            "Give kind:id (order, payment, charge, credit_memo, customer) or a document's number.",
        )
    host = "app" if connection.environment == "production" else "sandbox"
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
                "link": f"https://{host}.qbo.intuit.com/app/{LINKS[entry.key.entity]}"
                f"?txnId={entry.qbo_id}"
                if entry.key.entity in LINKS and connection.environment != "emulator"
                else "",
            }
            for entry in entries
        ],
        "writes": [_write(row) for row in writes],
        "held": [{n: row[n] for n in ("reason", "what", "todo", "since")} for row in holds],
        "error": None,
    }


def _write(row: dict[str, Any]) -> dict[str, Any]:
    names = ("action", "entity", "reason", "first_sent", "last_sent", "attempts", "state")
    told = {name: row[name] for name in names}
    told |= {"run": row["run_id"], "qbo_id": row["qbo_id"], "request_id": row["request_id"]}
    told |= {"intuit_tid": row["trace_id"], "answer": row["answer"]}
    return told | {"changes": simplejson.loads(row["changes"], use_decimal=True)}


def _resolve(ledger: Ledger, ref: str) -> str:
    """A REF as kind:id; a bare number or Id means the document that bears it."""
    kind, colon, _ = ref.partition(":")
    kinds = ("customer", "order", "payment", "charge", "credit_memo", "credit_application")
    if colon and kind in kinds:
        return ref
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
    return facts, ""


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
        ctx = Context(snapshot, policy, Memory(), today)
        return f"{rule}: it is {order.status!r}, {show(order.total)} on {charge_date(order, ctx)}."
    return f"{rule}: it is {order.status!r}, so it is not charged yet."
