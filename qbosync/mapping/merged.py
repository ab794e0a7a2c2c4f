"""Customers that were merged in the shop system: what is open moves, history stays.

Records of a customer that is gone count as those of the one that is left.  A document that
QuickBooks has on the old customer goes over as long as no money hangs on it; one that is paid,
applied or converted stays, and so does what pays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qbosync.key import Entity, Key
from qbosync.mapping.context import Context
from qbosync.mapping.form import customer_key
from qbosync.model import Snapshot
from qbosync.operation import Body, Draft, Entry


def heirs(snapshot: Snapshot) -> dict[str, str]:
    """Each merged customer, and the one that its records belong to now."""
    into = {c.id: c.merged_into for c in snapshot.customers.values() if c.merged_into}
    found = {}
    for id_ in into:
        seen, heir = {id_}, into[id_]
        while heir in into and heir not in seen:
            seen.add(heir)
            heir = into[heir]
        if heir in snapshot.customers and heir not in seen:
            found[id_] = heir
    return found


def follow(snapshot: Snapshot, merged: Mapping[str, str]) -> Snapshot:
    """The snapshot with every record on the customer that is left."""
    if not merged:
        return snapshot

    def moved(records: Mapping[str, Any]) -> dict[str, Any]:
        return {
            id_: replace(record, customer_id=merged[record.customer_id])
            if record.customer_id in merged
            else record
            for id_, record in records.items()
        }

    return replace(
        snapshot,
        orders=moved(snapshot.orders),
        payments=moved(snapshot.payments),
        charges=moved(snapshot.charges),
        credit_memos=moved(snapshot.credit_memos),
        refunds=moved(snapshot.refunds),
    )


def is_merge(entry: Entry, customer_id: str, ctx: Context) -> bool:
    """Whether a document changes hands only because its customer was merged."""
    return entry.customer != customer_id and ctx.merged.get(entry.customer) == customer_id


def settled(draft: Draft, entry: Entry, ctx: Context) -> Draft:
    """The draft on the customer it stays with, where a merge must not move it."""
    if draft.is_end or not is_merge(entry, draft.customer, ctx) or _is_open(draft, entry, ctx):
        return draft
    ref = customer_key(entry.customer)
    return replace(
        draft,
        body={**draft.body, "CustomerRef": {"value": ref}},
        facts={**draft.facts, "CustomerRef": ref.source},
        customer=entry.customer,
    )


def handed_over(entry: Entry, customer_id: str, ctx: Context) -> Draft | None:
    """An open invoice on the customer that is left and otherwise as it is, or `None`: it stays."""
    if not is_merge(entry, customer_id, ctx) or _stays(entry, ctx):
        return None
    ref = customer_key(customer_id)
    body: Body = {"CustomerRef": {"value": ref}}
    if entry.dated:
        body["TxnDate"] = entry.dated.isoformat()
    return Draft(
        entry.key,
        body,
        {**entry.facts, "CustomerRef": ref.source},
        number=entry.number,
        lines=tuple(entry.lines),
        customer=customer_id,
        amount=entry.amount,
        epoch=entry.epoch,
    )


def _is_open(draft: Draft, entry: Entry, ctx: Context) -> bool:
    entity = draft.key.entity
    if entity is Entity.ESTIMATE:
        return ctx.memory.live(Key(Entity.INVOICE, draft.key.kind, draft.key.id)) is None
    if entity is Entity.PAYMENT:
        return not entry.gives and draft.key.kind == "payment"
    return not _stays(entry, ctx)


def _stays(entry: Entry, ctx: Context) -> bool:
    """Whether an invoice or credit memo is history: paid, spent, or made of an estimate.

    QuickBooks lets an invoice go to no other customer than its estimate's.
    """
    estimate = ctx.memory.live(Key(Entity.ESTIMATE, entry.key.kind, entry.key.id))
    is_pair = estimate is not None and estimate.facts.get("TxnStatus") != "Rejected"
    is_converted = entry.key.entity is Entity.INVOICE and is_pair
    return bool(ctx.paid(entry.key.source)) or is_converted


def payer(customer_id: str, targets: Mapping[str, Key], ctx: Context) -> str:
    """Whose a payment is: the old customer's, where what it pays stayed with that one.

    `targets` are the invoices that it would pay, by the order or charge.
    """
    owners = (holder(key, customer_id, ctx) for key in targets.values())
    return next((owner for owner in owners if owner != customer_id), customer_id)


def holder(key: Key, customer_id: str, ctx: Context) -> str:
    """Whose the invoice of an order or charge is in QuickBooks, once the plan is carried out."""
    entry = ctx.memory.live(key)
    if entry is None or not is_merge(entry, customer_id, ctx):
        return customer_id
    is_left = key not in ctx.planned  # on hold, or held
    return entry.customer if is_left or _stays(entry, ctx) else customer_id
