"""Orders become Estimates, and Invoices when they reach the Status to Charge Customer.

An invoice is linked to its estimate; QuickBooks copies no lines (documented), so both
carry them.  What the customer owes is the source's total: lines that do not add up to
it hold the order.
"""

from __future__ import annotations

from collections.abc import Iterator

from qbosync.errors import RecordError
from qbosync.key import Key
from qbosync.mapping.context import Answer, Context, Keep, Skip, gone_problem
from qbosync.mapping.form import customer_key
from qbosync.mapping.merged import handed_over, is_merge
from qbosync.mapping.salesform import (
    estimate_draft,
    estimate_key,
    invoice_draft,
    invoice_key,
    is_rejected,
)
from qbosync.model import Order, Problem
from qbosync.operation import Body, Draft, Entry, void_draft


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
    if not is_same and not is_rejected(estimate):
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
        moved = handed_over(invoice, order.customer_id, ctx)
        yield moved or Keep(order.ref, f"{words}: the invoice stays")
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
    if estimate is not None and (not is_rejected(estimate) or not (invoice and invoice.is_live)):
        yield _rejected(estimate, reason)
    elif invoice is None and estimate is None:
        yield Skip(ref, "void")
    elif estimate is None and invoice is not None and not invoice.is_live:
        yield Keep(ref)


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
