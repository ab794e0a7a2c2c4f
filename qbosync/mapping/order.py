"""Orders become Estimates, and Invoices when they reach the Status to Charge Customer.

An invoice is linked to its estimate; QuickBooks copies no lines (documented), so both
carry them.  What the customer owes is the source's total: lines that do not add up to
it hold the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from qbosync.errors import RecordError
from qbosync.mapping.charged import charge_date
from qbosync.mapping.context import Answer, Context, Keep, Skip
from qbosync.mapping.form import (
    NUMBER_LENGTH,
    address,
    customer_key,
    line_fields,
    memo,
    text,
)
from qbosync.mapping.order_line import order_lines
from qbosync.mapping.policy import Policy
from qbosync.model import Customer, Order, Problem
from qbosync.operation import Body, Draft, Entity, Key, marker

_NOTE_LENGTH = 3000
"""Of a memo on statements: PrivateNote holds 4,000, our marker among them."""
HIDDEN_FLAGS = {
    "EmailStatus": "NotSet",
    "PrintStatus": "NotSet",
}
ONLINE_FLAGS = {"AllowOnlineCreditCardPayment": False, "AllowOnlineACHPayment": False}
"""QuickBooks must not act on our documents: no mail, no print queue, no online payment."""


def estimate_key(order_id: str) -> Key:
    return Key(Entity.ESTIMATE, "order", order_id)


def invoice_key(order_id: str) -> Key:
    return Key(Entity.INVOICE, "order", order_id)


def answers(ctx: Context) -> Iterator[Answer]:
    """One answer an order: its estimate, its invoice, or why there is none."""
    for order in ctx.snapshot.orders.values():
        if order.ref in ctx.held:
            continue
        try:
            yield from _answers(order, ctx)
        except RecordError as error:
            yield Problem(order.ref, error.reason, error.what, error.todo, order.total)


def _answers(order: Order, ctx: Context) -> Iterator[Answer]:
    """Mostly one; an order first seen charged may have its estimate made with its invoice."""
    keys = (invoice_key(order.id), estimate_key(order.id))
    is_new = not any(key in ctx.memory.entries for key in keys)
    if ctx.policy.estimate_always and is_new and ctx.is_charged(order):
        invoice = invoice_draft(order, ctx)
        if isinstance(invoice, Draft):
            yield estimate_draft(order, ctx)
    yield _answer(order, ctx)


def _answer(order: Order, ctx: Context) -> Answer:
    policy = ctx.policy
    invoice = ctx.memory.entries.get(invoice_key(order.id))
    estimate = ctx.memory.entries.get(estimate_key(order.id))
    if order.status in policy.void:
        return _void(order, ctx)
    if order.status in policy.on_hold:
        if invoice or estimate:
            return Keep(order.ref, "on hold in the shop system: its documents stay as they are")
        return Skip(order.ref, "on hold")
    if order.total == 0 and policy.zero_total == "skip" and not (invoice or estimate):
        return Skip(order.ref, "zero total")
    if ctx.is_charged(order):
        return invoice_draft(order, ctx)
    if invoice:
        return Keep(order.ref, f"back to {order.status!r} after it was charged: the invoice stays")
    if policy.is_ordered(order):
        return estimate_draft(order, ctx)
    if estimate:
        return Keep(order.ref, f"back to {order.status!r}: the estimate stays")
    return Skip(order.ref, f"not yet {policy.estimate_from}")


def _void(order: Order, ctx: Context) -> Answer:
    """A void order: its estimate is rejected, its unpaid invoice voided, nothing is deleted."""
    invoice = ctx.memory.entries.get(invoice_key(order.id))
    estimate = ctx.memory.live(estimate_key(order.id))
    if invoice is not None:
        if not invoice.is_live:
            return Keep(order.ref)
        paid = _applied_to(order.ref, ctx)
        if paid:
            return Problem(
                order.ref,
                "void_with_money",
                f"Order {order.number} was voided in the shop system, but {paid} is applied to"
                " its invoice.",
                f"In QuickBooks take the payment off invoice {invoice.number} and void it.",
                order.total,
            )
        return Draft(
            invoice.key,
            {},
            {},
            number=invoice.number,
            customer=invoice.customer,
            amount=invoice.amount,
            is_void=True,
        )
    if estimate is not None:
        # Its lines are no matter any more, whatever became of them in the shop system.
        body: Body = {
            "CustomerRef": {"value": customer_key(estimate.customer)},
            "TxnStatus": "Rejected",
        }
        if estimate.dated:
            body["TxnDate"] = estimate.dated.isoformat()
        return Draft(
            estimate.key,
            body,
            estimate.facts | {"TxnStatus": "Rejected"},
            number=estimate.number,
            customer=estimate.customer,
            amount=estimate.amount,
        )
    return Skip(order.ref, "void")


def _applied_to(target: str, ctx: Context) -> str:
    """Which of our payments and credits the ledger knows on this invoice, for people."""
    sources = [
        entry.key.source
        for entry in ctx.memory.entries.values()
        if entry.key.entity is Entity.PAYMENT
        and entry.is_live
        and any(row[0] == target for row in entry.facts.get("Line", []))
    ]
    return ", ".join(source.replace(":", " ") for source in sources)


def estimate_draft(order: Order, ctx: Context) -> Draft:
    """The estimate of an order that is not charged yet."""
    body, facts, lines = _sales_form(order, ctx)
    key = estimate_key(order.id)
    status = "Pending" if order.status == "bid" else "Accepted"
    dated = order.placed or ctx.today
    entry = ctx.memory.live(key)
    if entry and entry.dated:
        dated = entry.dated
    return Draft(
        key,
        body
        | {
            "TxnDate": dated.isoformat(),
            "TxnStatus": status,
            "PrivateNote": _private_note(order, key, ctx.policy),
            **HIDDEN_FLAGS,
        },
        facts | {"TxnStatus": status},
        number=body["DocNumber"],
        customer=order.customer_id,
        amount=order.total,
        lines=lines,
    )


def invoice_draft(order: Order, ctx: Context) -> Draft | Skip:
    """The invoice of a charged order, linked to its estimate where there is one."""
    key = invoice_key(order.id)
    customer = ctx.customer(order.customer_id)
    entry = ctx.memory.live(key)
    charged_on = entry.facts.get("TxnDate") if entry else None
    if entry and entry.dated and charged_on == _charge_fact(order):
        dated = entry.dated
    else:
        dated = charge_date(order, ctx)
    if ctx.policy.start_date and dated < ctx.policy.start_date and not entry:
        return Skip(order.ref, "before the start date")
    body, facts, lines = _sales_form(order, ctx)
    body |= {
        "TxnDate": dated.isoformat(),
        "PrivateNote": _private_note(order, key, ctx.policy),
        **HIDDEN_FLAGS,
        **ONLINE_FLAGS,
    }
    facts |= {"TxnDate": _charge_fact(order)}
    due_fields, due_facts = due(dated, order.due_date, customer)
    body |= due_fields
    facts |= due_facts
    estimate = estimate_key(order.id)
    if ctx.exists(estimate):
        body["LinkedTxn"] = [{"TxnId": estimate, "TxnType": "Estimate"}]
    return Draft(
        key,
        body,
        facts,
        number=body["DocNumber"],
        customer=order.customer_id,
        amount=order.total,
        lines=lines,
    )


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


def _charge_fact(order: Order) -> str:
    return order.charge_date.isoformat() if order.charge_date else ""


def _private_note(order: Order, key: Key, policy: Policy) -> str:
    """Our marker, and before it the order's memo if it shall show on statements."""
    mark = marker(policy.instance, key)
    note = text(order.memo, _NOTE_LENGTH) if policy.memo_to == "statement" else ""
    return f"{note}\n{mark}" if note else mark


def number_of(order: Order, policy: Policy) -> str:
    """The order number on both estimate and invoice: QuickBooks numbers them apart."""
    number = policy.order_prefix + order.number
    if len(number) > NUMBER_LENGTH:
        raise RecordError(
            f"{order.where}: the number {number!r} is longer than QuickBooks'"
            f" {NUMBER_LENGTH} characters.",
            "Shorten the order number, or [documents] order_prefix.",
            reason="number_too_long",
        )
    return number


def _sales_form(order: Order, ctx: Context) -> tuple[Body, dict[str, Any], tuple[str, ...]]:
    """What an order's estimate and invoice have in common."""
    policy = ctx.policy
    number = number_of(order, policy)
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
