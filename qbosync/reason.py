"""Why an operation is planned, and why a record waits, in words.

What changed is compared fact by fact, so that a plan can show before and after.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from qbosync.model import ZERO, Problem, show
from qbosync.operation import Action, Draft, Entity, Entry, Operation, canonical


def change(draft: Draft, entry: Entry) -> Operation:
    """The update or void that makes the document say what the source says now."""
    if draft.is_void:
        return Operation(Action.VOID, draft, "void in the shop system", entry)
    before, after = entry.facts, json.loads(canonical(draft.facts))
    changes = {
        name: (before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
    return Operation(Action.UPDATE, draft, _changed(draft, changes), entry, changes)


def _changed(draft: Draft, changes: Mapping[str, tuple[Any, Any]]) -> str:
    if draft.key.entity is Entity.PAYMENT and set(changes) == {"Line"}:
        return "its order is charged now: apply it"
    words = ", ".join(_FIELD_WORDS.get(name, name) for name in changes)
    return f"changed in the shop system: {words}"


_FIELD_WORDS = {
    "BillAddr": "billing address",
    "CompanyName": "company name",
    "CustomerMemo": "job",
    "CustomerRef": "customer",
    "DisplayName": "name",
    "DocNumber": "number",
    "DueDate": "due date",
    "Line": "lines",
    "PaymentMethodRef": "method",
    "PaymentRefNum": "reference",
    "PrimaryEmailAddr": "e-mail",
    "PrimaryPhone": "phone",
    "ShipAddr": "shipping address",
    "Total": "total",
    "TotalAmt": "amount",
    "TxnDate": "date",
    "TxnStatus": "status",
}


def why(draft: Draft) -> str:
    reasons = {
        Entity.ESTIMATE: "ordered",
        Entity.INVOICE: "charged",
        Entity.CREDIT_MEMO: "new",
        Entity.PAYMENT: "received",
    }
    if draft.key.kind == "credit_application":
        return "credit spent"
    if draft.key.kind == "charge":
        return "new"
    return reasons[draft.key.entity]


def unsafe_change(draft: Draft, entry: Entry, paid: Mapping[str, Decimal]) -> Problem | None:
    """A change that would leave money on the wrong document, for a person to make.

    `paid` is what is applied to each record by the payments and credits we wrote.
    """
    entity = draft.key.entity
    if draft.is_void or entity in (Entity.CUSTOMER, Entity.ESTIMATE):
        return None
    document = f"{word(entity).capitalize()} {entry.number or entry.qbo_id}"
    if entry.facts.get("CustomerRef") != draft.facts.get("CustomerRef"):
        return Problem(
            draft.key.source,
            "moved_customer",
            f"{document} is another customer's now in the shop system.",
            "Void it in QuickBooks and enter it for the right customer, or move it back.",
            draft.amount,
        )
    given = paid.get(draft.key.source, ZERO)
    if entity is Entity.INVOICE and draft.amount is not None and draft.amount < given:
        return Problem(
            draft.key.source,
            "less_than_paid",
            f"{document} comes to {show(draft.amount)} now, but {show(given)} are applied to it.",
            "Take the surplus off the payment in QuickBooks, or correct the shop system.",
            draft.amount,
        )
    return None


def closed(draft: Draft, entry: Entry | None, until: date | None) -> Problem | None:
    """A document dated in a period whose books are closed: QuickBooks would refuse it (6210)."""
    if until is None or draft.key.entity in (Entity.CUSTOMER, Entity.ESTIMATE):
        return None
    text = str(draft.body.get("TxnDate", ""))
    dates = [date.fromisoformat(text)] if text else []
    if entry is not None and entry.dated is not None:
        dates.append(entry.dated)
    if not dates or min(dates) > until:
        return None
    document = f"{word(draft.key.entity).capitalize()} {draft.number or draft.key.id}"
    return Problem(
        draft.key.source,
        "closed_books",
        f"{document} is dated {min(dates)}, but the books are closed until {until}.",
        "Reopen the period in QuickBooks, or let the bookkeeper enter it there.",
        draft.amount,
    )


def not_live(draft: Draft, entry: Entry) -> Problem | None:
    """QuickBooks' document is void or gone: nothing brings it back but a person's word."""
    if draft.is_void:
        return None
    what = f"{word(entry.key.entity).capitalize()} {entry.number or entry.qbo_id}"
    return Problem(
        draft.key.source,
        "not_live",
        f"{what} was {'voided' if entry.state == 'void' else 'deleted'} in QuickBooks.",
        "It is not written again by itself; enter it by hand if it should count.",
        draft.amount,
    )


def waits(draft: Draft, problem: Problem) -> Problem:
    source = problem.source.replace("_", " ").replace(":", " ", 1)
    return Problem(
        draft.key.source,
        "waits",
        f"{draft.key.source.replace('_', ' ').replace(':', ' ', 1).capitalize()} waits for"
        f" {source}." + (f" {problem.what}" if problem.what != source else ""),
        problem.todo or "It goes out by itself then.",
        draft.amount,
    )


def word(entity: Entity) -> str:
    return {
        Entity.PAYMENT_METHOD: "payment method",
        Entity.CREDIT_MEMO: "credit memo",
    }.get(entity, entity.value.lower())
