"""An order's two documents, whole: the estimate and the invoice as they are to be."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from qbosync.errors import RecordError
from qbosync.key import Entity, Key
from qbosync.mapping.charged import charge_date
from qbosync.mapping.context import Context, Skip
from qbosync.mapping.form import (
    NUMBER_LENGTH,
    address,
    again,
    customer_key,
    line_fields,
    memo,
    text,
)
from qbosync.mapping.order_line import order_lines
from qbosync.mapping.policy import Policy
from qbosync.mark import marker
from qbosync.model import Customer, Order
from qbosync.operation import Body, Draft, Entry

_NOTE_LENGTH = 3000
"""Of a memo on statements: PrivateNote holds 4,000, our marker among them."""


HIDDEN_FLAGS = {"EmailStatus": "NotSet", "PrintStatus": "NotSet"}
ONLINE_FLAGS = {"AllowOnlineCreditCardPayment": False, "AllowOnlineACHPayment": False}
"""QuickBooks must not act on our documents: no mail, no print queue, no online payment."""


def estimate_key(order_id: str) -> Key:
    return Key(Entity.ESTIMATE, "order", order_id)


def invoice_key(order_id: str) -> Key:
    return Key(Entity.INVOICE, "order", order_id)


def is_rejected(estimate: Entry) -> bool:
    return estimate.facts.get("TxnStatus") == "Rejected"


def estimate_draft(order: Order, ctx: Context) -> Draft:
    """The estimate of an order that is not charged yet."""
    key = estimate_key(order.id)
    epoch = ctx.epoch(key)
    body, facts, lines = _sales_form(order, epoch, ctx)
    status = "Pending" if order.status == "bid" else "Accepted"
    dated = order.placed or ctx.today
    entry = ctx.memory.live(key)
    if entry and entry.dated:
        dated = entry.dated
    elif ctx.is_closed(dated):
        dated = ctx.today  # it posts nothing: its day is no matter, and a closed one is refused
    # An estimate whose invoice was voided is as good as new again, whatever it reads now.
    invoice = ctx.memory.entries.get(invoice_key(order.id))
    times = 0
    if invoice:
        times = invoice.next_epoch + (invoice.key in ctx.going)
    if times:
        facts["Reopened"] = times
    return Draft(
        key,
        body
        | {
            "TxnDate": dated.isoformat(),
            "TxnStatus": status,
            "PrivateNote": _private_note(order, key, epoch, ctx.policy),
            **HIDDEN_FLAGS,
        },
        facts | {"TxnStatus": status},
        number=body["DocNumber"],
        customer=order.customer_id,
        amount=order.total,
        lines=lines,
        epoch=epoch,
    )


def invoice_draft(order: Order, ctx: Context) -> Draft | Skip:
    """The invoice of a charged order, linked to its estimate where there is one."""
    key = invoice_key(order.id)
    customer = ctx.customer(order.customer_id)
    entry = ctx.memory.live(key) if key not in ctx.going else None
    epoch = ctx.epoch(key) + (key in ctx.going)
    dated, charge_fact = _dates(order, entry, ctx)
    if ctx.policy.start_date and dated < ctx.policy.start_date and not entry:
        return Skip(order.ref, "before the start date")
    body, facts, lines = _sales_form(order, epoch, ctx)
    body |= {
        "TxnDate": dated.isoformat(),
        "PrivateNote": _private_note(order, key, epoch, ctx.policy),
        **HIDDEN_FLAGS,
        **ONLINE_FLAGS,
    }
    facts |= {"TxnDate": charge_fact}
    due_fields, due_facts = due(dated, order.due_date, customer)
    body |= due_fields
    facts |= due_facts
    if _can_link(order, ctx):
        body["LinkedTxn"] = [{"TxnId": estimate_key(order.id), "TxnType": "Estimate"}]
    return Draft(
        key,
        body,
        facts,
        number=body["DocNumber"],
        customer=order.customer_id,
        amount=order.total,
        lines=lines,
        epoch=epoch,
    )


def _dates(order: Order, entry: Entry | None, ctx: Context) -> tuple[date, str]:
    """The invoice's date, and the charge date that it comes from.

    It moves only if the charge date itself did, and both days are open.
    """
    told = order.charge_date.isoformat() if order.charge_date else ""
    if entry is None or entry.dated is None:
        return charge_date(order, ctx), told
    before = str(entry.facts.get("TxnDate", ""))
    if before == told:
        return entry.dated, told
    dated = charge_date(order, ctx)
    if ctx.is_fenced(entry.dated) or ctx.is_closed(dated):
        return entry.dated, before
    return dated, told


def _can_link(order: Order, ctx: Context) -> bool:
    """Whether there is an estimate to make the invoice from: a rejected one is none."""
    estimate = estimate_key(order.id)
    entry = ctx.memory.live(estimate)
    if entry and is_rejected(entry):
        return False
    return ctx.exists(estimate)


def due(
    dated: date, due_date: date | None, customer: Customer | None
) -> tuple[Body, dict[str, Any]]:
    """DueDate and SalesTermRef: the source's date, else the customer's terms, else neither.

    The Term is sent only where QuickBooks has an active one of so many days.
    """
    days = customer.terms_days if customer else None
    if due_date is None and days is None:
        return {}, {}
    by = due_date or dated + timedelta(days=days or 0)
    body: Body = {"DueDate": by.isoformat()}
    facts: dict[str, Any] = {"DueDate": due_date.isoformat() if due_date else f"terms {days}"}
    if days is not None and due_date is None:
        body["SalesTermRef"] = {"value": Key(Entity.TERM, "term", str(days))}
    return body, facts


def _private_note(order: Order, key: Key, epoch: int, policy: Policy) -> str:
    """Our marker, and before it the order's memo if it shall show on statements."""
    mark = marker(policy.instance, key, epoch)
    note = text(order.memo, _NOTE_LENGTH) if policy.memo_to == "statement" else ""
    return f"{note}\n{mark}" if note else mark


def number_of(order: Order, epoch: int, policy: Policy) -> str:
    """The order number on both estimate and invoice: QuickBooks numbers them apart.

    A void document keeps its number, so the one that takes its place gets another.
    """
    number = policy.order_prefix + order.number + again(epoch)
    if len(number) > NUMBER_LENGTH:
        raise RecordError(
            f"{order.where}: the number {number!r} is longer than QuickBooks'"
            f" {NUMBER_LENGTH} characters.",
            "Shorten the order number, or [documents] order_prefix.",
            reason="number_too_long",
        )
    return number


def _sales_form(
    order: Order, epoch: int, ctx: Context
) -> tuple[Body, dict[str, Any], tuple[str, ...]]:
    """What an order's estimate and invoice have in common."""
    policy = ctx.policy
    number = number_of(order, epoch, policy)
    customer = ctx.customer(order.customer_id)
    rows, row_facts, names = line_fields(order_lines(order, policy, customer))
    body: Body = {
        "CustomerRef": {"value": customer_key(order.customer_id)},
        "DocNumber": number,
        "Line": rows,
    }
    facts: dict[str, Any] = {
        "CustomerRef": f"customer:{order.customer_id}",
        "DocNumber": number,
        "Line": row_facts,
        "Total": str(order.total),
    }
    bill_to = address(order.bill, order.bill_name)
    ship_to = address(order.ship, order.ship_name)
    if bill_to:
        body["BillAddr"] = facts["BillAddr"] = bill_to
    if ship_to:
        body["ShipAddr"] = facts["ShipAddr"] = ship_to
    job = f"Job: {order.name.strip()}" if text(order.name) else ""
    note = order.memo if policy.memo_to == "customer" else ""
    if text(job) or text(note):
        words = "\n".join(part for part in (job, note) if text(part))
        body["CustomerMemo"] = memo(words)
        facts["CustomerMemo"] = words
    if policy.bill_email and customer and customer.email:
        body["BillEmail"] = {"Address": customer.email}
    return body, facts, names
