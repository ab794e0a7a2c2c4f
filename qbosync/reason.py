"""Why an operation is planned, and why a record waits, in words.

What changed is compared fact by fact, so that a plan can show before and after.
"""

from __future__ import annotations

import json
from dataclasses import replace

from qbosync.key import Action, Entity
from qbosync.model import Problem
from qbosync.operation import Draft, Entry, Operation, canonical


def change(draft: Draft, entry: Entry) -> Operation:
    """The update or void that makes the document say what the source says now."""
    if draft.is_void:
        return Operation(Action.VOID, draft, draft.reason or "void in the shop system", entry)
    before, after = entry.facts, json.loads(canonical(draft.facts))
    changes = {
        name: (before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
    update = Operation(Action.UPDATE, draft, draft.reason, entry, changes)
    return update if draft.reason else replace(update, reason=_changed(update))


def reactivation(draft: Draft, entry: Entry) -> Operation:
    """Make a customer active again, with whatever else the source says of it now."""
    update = change(draft, entry)
    changes = {**update.changes, "Active": (False, True)}
    return replace(update, reason="inactive in QuickBooks, and needed", changes=changes)


def _changed(update: Operation) -> str:
    changes = update.changes
    if update.key.entity is Entity.PAYMENT and set(changes) == {"Line"}:
        if not update.gives:
            return "its order is charged now: apply it"
        names = ", ".join(sorted(name.replace(":", " ") for name in update.gives))
        return f"gives back to {names}" + (", pays another" if update.takes else "")
    words = ", ".join(_FIELD_WORDS.get(name, name) for name in changes)
    return f"changed in the shop system: {words}"


_FIELD_WORDS = {
    "Active": "active again",
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
    "PrivateNote": "note",
    "Reopened": "open again",
    "ShipAddr": "shipping address",
    "Total": "total",
    "TotalAmt": "amount",
    "TxnDate": "date",
    "TxnStatus": "status",
}


def why(draft: Draft) -> str:
    if draft.reason:
        return draft.reason
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
