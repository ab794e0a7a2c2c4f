"""What the start date leaves behind: opening invoices, and deposits paid before it.

An invoice that was in QuickBooks before the start date is paid by payments in scope and
never edited: no document of ours stands for it, only its Id in the payment that pays it.
A deposit paid before the start date on an order charged later is in QuickBooks already, under
whatever form it was entered: it is listed and not sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from qbosync.edit import Says
from qbosync.errors import RecordError
from qbosync.key import Entity, Key
from qbosync.mapping.charged import charge_date
from qbosync.mapping.context import Context
from qbosync.mapping.form import customer_key
from qbosync.model import ZERO, Application, Payment

DEPOSIT = "opening deposit"
"""Why a deposit paid before the start date is not sent."""


def opening_key(number: str) -> Key:
    """What is looked up in QuickBooks: the invoice of that number, whoever made it."""
    return Key(Entity.INVOICE, "opening", number)


def is_before_start(target: str, ctx: Context) -> bool:
    """Whether an order or charge was an invoice before the start date."""
    start = ctx.policy.start_date
    if start is None:
        return False
    kind, _, target_id = target.partition(":")
    if kind == "charge":
        charge = ctx.snapshot.charges.get(target_id)
        return charge is not None and charge.issued < start
    order = ctx.snapshot.orders.get(target_id)
    if order is None or not ctx.is_charged(order):
        return False
    try:
        return charge_date(order, ctx) < start
    except RecordError:
        return False


def why_not_sent(key: Key, applied: Iterable[Application], ctx: Context) -> str:
    """Of a payment received before the start date: a deposit on what is charged later, or past.

    Blank where a person said that it goes out, or which payment in QuickBooks it is.
    """
    if said := ctx.memory.words.get(key):
        return "settled in QuickBooks by hand" if said.verdict is Says.THEIRS else ""
    targets = [application.target for application in applied]
    is_deposit = any(not is_before_start(target, ctx) for target in targets)
    return DEPOSIT if is_deposit else "before the start date"


def opening_invoice(target: str, amount: Decimal, payment: Payment, ctx: Context) -> str:
    """The Id of the invoice in QuickBooks that stands for what was charged before the start date.

    Of the number that it has or would have got from us, and of its customer, with so much of its
    balance left; blank where there is none, or nobody has looked yet.
    """
    number = _number(target, ctx)
    if not number:
        return ""
    key = opening_key(number)
    ctx.wanted.add(key)
    customer = ctx.customer(payment.customer_id)
    known = ctx.memory.live(customer_key(payment.customer_id))
    for candidate in ctx.found.objects.get(key, ()):
        body = candidate.object
        whose = body.get("CustomerRef", {})
        name = str(whose.get("name", "")).casefold()
        is_theirs = known is not None and str(whose.get("value")) == known.qbo_id
        is_theirs = is_theirs or (customer is not None and name == customer.name.strip().casefold())
        qbo_id = str(body["Id"])
        left = Decimal(str(body.get("Balance", 0))) - ctx.given.get(qbo_id, ZERO)
        if is_theirs and left >= amount:
            ctx.given[qbo_id] = ctx.given.get(qbo_id, ZERO) + amount
            return qbo_id
    return ""


def _number(target: str, ctx: Context) -> str:
    kind, _, target_id = target.partition(":")
    if kind == "charge":
        charge = ctx.snapshot.charges.get(target_id)
        return ctx.policy.charge_prefixes[charge.kind] + charge.id if charge else ""
    order = ctx.snapshot.orders.get(target_id)
    return order.number if order else ""
