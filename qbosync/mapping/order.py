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
from qbosync.mapping.context import Answer, Context, Keep, Skip, gone_problem
from qbosync.mapping.form import (
    NUMBER_LENGTH,
    address,
    again,
    customer_key,
    line_fields,
    memo,
    text,
)
from qbosync.mapping.merged import is_merge
from qbosync.mapping.order_line import order_lines
from qbosync.mapping.policy import Policy
from qbosync.model import Customer, Order, Problem
from qbosync.operation import Body, Draft, Entity, Entry, Key, marker, void_draft

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
    """For each order its estimate, its invoice, or why there is none."""
    for order in ctx.snapshot.orders.values():
        if order.ref in ctx.held:
            continue
        try:
            yield from _answers(order, ctx)
        except RecordError as error:
            yield Problem(order.ref, error.reason, error.what, error.todo, order.total)
    for order_id in ctx.gone("order", ctx.snapshot.orders):
        yield from _gone(order_id, ctx)


def _answers(order: Order, ctx: Context) -> Iterator[Answer]:
    """Mostly one; two where one document takes the place of another."""
    policy = ctx.policy
    invoice, estimate = (ctx.memory.entries.get(key) for key in _keys(order.id))
    is_charged = ctx.is_charged(order)
    if order.status in policy.void:
        yield from _void(order.id, "void in the shop system", ctx)
    elif order.status in policy.on_hold:
        if invoice or estimate:
            yield Keep(order.ref, "on hold in the shop system: its documents stay as they are")
        else:
            yield Skip(order.ref, "on hold")
    elif order.total == 0 and policy.zero_total == "skip" and not (invoice or estimate):
        yield Skip(order.ref, "zero total")
    elif is_charged:
        yield from _charged(order, ctx)
    elif invoice and invoice.is_live:
        yield from _fallen_back(order, invoice, ctx)
    elif policy.is_ordered(order):
        yield estimate_draft(order, ctx)
    elif estimate:
        yield Keep(order.ref, f"back to {order.status!r}: the estimate stays")
    else:
        yield Skip(order.ref, f"not yet {policy.estimate_from}")


def _keys(order_id: str) -> tuple[Key, Key]:
    return invoice_key(order_id), estimate_key(order_id)


def _charged(order: Order, ctx: Context) -> Iterator[Answer]:
    """Its invoice; before it what makes room for it."""
    invoice, estimate = (ctx.memory.entries.get(key) for key in _keys(order.id))
    if estimate and estimate.is_live and not (invoice and invoice.is_live):
        yield from _handed_over(order, estimate, ctx)
    draft = invoice_draft(order, ctx)
    is_first = invoice is None and estimate is None
    if isinstance(draft, Draft) and is_first and ctx.policy.estimate_always:
        yield estimate_draft(order, ctx)
        draft = invoice_draft(order, ctx)
    elif invoice and _has_moved(order, invoice, ctx) and not ctx.paid(order.ref):
        # QuickBooks knows no invoice that changes hands: it is made anew.
        yield from _void(order.id, "another customer's now in the shop system", ctx)
        draft = invoice_draft(order, ctx)
    yield draft


def _handed_over(order: Order, estimate: Entry, ctx: Context) -> Iterator[Answer]:
    """An estimate that changes hands, before QuickBooks makes an invoice of it: both are one's."""
    is_same = estimate.facts.get("CustomerRef") == f"customer:{order.customer_id}"
    if not is_same and not _is_rejected(estimate):
        yield estimate_draft(order, ctx)


def _has_moved(order: Order, invoice: Entry, ctx: Context) -> bool:
    """Whether an invoice is another customer's now, who is not just the old one merged."""
    is_same = invoice.facts.get("CustomerRef") == f"customer:{order.customer_id}"
    return invoice.is_live and not is_same and not is_merge(invoice, order.customer_id, ctx)


def _fallen_back(order: Order, invoice: Entry, ctx: Context) -> Iterator[Answer]:
    """A charged order below its charge status again: its invoice stays, unless told otherwise.

    Where only the setting moved, what was invoiced stays in any case.
    """
    words = f"back to {order.status!r} after it was charged"
    if ctx.policy.on_backward == "keep" or not _went_back(order, ctx):
        yield Keep(order.ref, f"{words}: the invoice stays")
        return
    yield void_draft(invoice, f"{words} in the shop system")
    if ctx.policy.is_ordered(order):
        yield estimate_draft(order, ctx)


def _went_back(order: Order, ctx: Context) -> bool:
    """Whether the order itself moved since it was charged, and not only the charge status."""
    seen = ctx.memory.sightings.get(order.id)
    rank = ctx.policy.rank
    if seen is None:
        return False
    ranks = [n for n in (rank(seen.charge_status), rank(seen.status)) if n is not None]
    now = rank(order.status)
    return now is not None and bool(ranks) and now < min(ranks)


def _void(order_id: str, reason: str, ctx: Context) -> Iterator[Answer]:
    """The invoice is voided, the estimate rejected; nothing is deleted."""
    invoice = ctx.memory.entries.get(invoice_key(order_id))
    estimate = ctx.memory.live(estimate_key(order_id))
    ref = f"order:{order_id}"
    if invoice is not None and invoice.is_live:
        yield void_draft(invoice, reason)
    if estimate is not None and (not _is_rejected(estimate) or not (invoice and invoice.is_live)):
        yield _rejected(estimate, reason)
    elif invoice is None and estimate is None:
        yield Skip(ref, "void")
    elif estimate is None and invoice is not None and not invoice.is_live:
        yield Keep(ref)


def _is_rejected(estimate: Entry) -> bool:
    return estimate.facts.get("TxnStatus") == "Rejected"


def _rejected(estimate: Entry, reason: str) -> Draft:
    """The estimate's end.  Its lines are no matter any more, whatever became of them."""
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
        epoch=estimate.epoch,
        reason=reason,
    )


def _gone(order_id: str, ctx: Context) -> Iterator[Answer]:
    """An order that the shop system no longer has.

    Deleted there: as if it were void.  Only missing from a delivery that says it is whole: an
    estimate is rejected, an invoice is for a person.
    """
    invoice = ctx.memory.live(invoice_key(order_id))
    if ctx.is_deleted("order", order_id):
        yield from _void(order_id, "deleted in the shop system", ctx)
    elif invoice:
        yield gone_problem(invoice)
    else:
        yield from _void(order_id, "no longer in the shop system", ctx)


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
    if entry and _is_rejected(entry):
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
