"""Finance charges, processing fees, bounced-payment fees and others become Invoices.

They go out as soon as they exist (the guide: "sync upon generation").  `amount` is all
that is owed, tax included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qbosync.key import Entity, Key
from qbosync.mapping.context import Answer, Context, Keep, Skip, gone_problem
from qbosync.mapping.form import (
    NUMBER_LENGTH,
    FormLine,
    again,
    customer_key,
    line_fields,
    memo,
    text,
)
from qbosync.mapping.salesform import HIDDEN_FLAGS, ONLINE_FLAGS, due
from qbosync.mark import marker
from qbosync.model import Charge, Problem
from qbosync.operation import Body, Draft, Entry, void_draft

_WORDS = {
    "finance_charge": "Finance charge",
    "processing_fee": "Processing fee",
    "bounced_payment": "Bounced payment fee",
    "other": "Other charge",
}


def charge_key(charge_id: str) -> Key:
    return Key(Entity.INVOICE, "charge", charge_id)


def answers(ctx: Context) -> Iterator[Answer]:
    """One answer a charge: its invoice, its void, or why there is none."""
    for charge in ctx.snapshot.charges.values():
        if charge.ref not in ctx.held:
            yield _answer(charge, ctx)
    for charge_id in ctx.gone("charge", ctx.snapshot.charges):
        entry = ctx.memory.entries[charge_key(charge_id)]
        is_deleted = ctx.is_deleted("charge", charge_id)
        yield _withdrawn(entry, ctx) if is_deleted else gone_problem(entry)


def _withdrawn(entry: Entry, ctx: Context) -> Answer:
    """A deleted charge is void, once the shop system has taken its money elsewhere."""
    if not entry.is_live:
        return Keep(entry.key.source)
    if givers := ctx.still_given(entry.key.source):
        return Problem(
            entry.key.source,
            "void_with_money",
            f"Charge {entry.number} was deleted in the shop system, but {', '.join(givers)}"
            f" {'pays' if len(givers) == 1 else 'pay'} it there.",
            "Apply the money elsewhere in the shop system; the invoice is voided then.",
            entry.amount,
        )
    return void_draft(entry, "deleted in the shop system")


def _answer(charge: Charge, ctx: Context) -> Answer:
    entry = ctx.memory.entries.get(charge_key(charge.id))
    if charge.is_deleted:
        return _withdrawn(entry, ctx) if entry else Skip(charge.ref, "deleted")
    if ctx.policy.start_date and charge.issued < ctx.policy.start_date and entry is None:
        return Skip(charge.ref, "before the start date")
    return _draft(charge, ctx)


def _draft(charge: Charge, ctx: Context) -> Draft | Problem:
    policy, items = ctx.policy, ctx.policy.items
    key = charge_key(charge.id)
    epoch = ctx.epoch(key)
    number = policy.charge_prefixes[charge.kind] + charge.id + again(epoch)
    if len(number) > NUMBER_LENGTH:
        return Problem(
            charge.ref,
            "number_too_long",
            f"{charge.where}: the number {number!r} is longer than QuickBooks'"
            f" {NUMBER_LENGTH} characters.",
            "Shorten the prefix in [documents].",
            charge.amount,
        )
    payment = ctx.snapshot.payments.get(charge.payment_id)
    is_fee = charge.kind == "processing_fee"
    dated = payment.received if is_fee and payment else charge.issued
    item = charge.export_class.strip() or items.of_charge(charge.kind)
    words = _WORDS[charge.kind] + (f" for order {charge.order_id}" if charge.order_id else "")
    lines = [FormLine("charge", item, charge.amount - charge.tax, text(charge.memo) or words)]
    if charge.tax:
        lines.append(FormLine("tax", items.sales_tax, charge.tax, "Sales tax"))
    rows, row_facts, names = line_fields(lines)
    due_fields, due_facts = due(dated, charge.due_date or dated, None)
    body: Body = {
        "CustomerRef": {"value": customer_key(charge.customer_id)},
        "DocNumber": number,
        "TxnDate": dated.isoformat(),
        "Line": rows,
        "PrivateNote": marker(policy.instance, key, epoch),
        **due_fields,
        **HIDDEN_FLAGS,
        **ONLINE_FLAGS,
    }
    facts: dict[str, Any] = {
        "CustomerRef": f"customer:{charge.customer_id}",
        "DocNumber": number,
        "Line": row_facts,
        "Total": str(charge.amount),
        **due_facts,
    }
    if text(charge.memo) and policy.memo_to == "customer":
        body["CustomerMemo"] = memo(charge.memo)
        facts["CustomerMemo"] = charge.memo
    return Draft(
        key,
        body,
        facts,
        number=number,
        customer=charge.customer_id,
        amount=charge.amount,
        lines=names,
        epoch=epoch,
    )
