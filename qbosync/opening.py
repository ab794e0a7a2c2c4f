"""The opening list: what the start date leaves behind, to compare with the books of that day.

Pure.  Invoices before the start date are QuickBooks' own already; what of them is unpaid,
what was paid in advance and which credits are unspent must be the same on both sides on the
day before, or the books never agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from qbosync.mapping.context import Context, Memory
from qbosync.mapping.opening import is_before_start
from qbosync.mapping.policy import Policy
from qbosync.model import ZERO, Application, Snapshot, show

MANY = 20
"""Rows of each kind before the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that stood open: which, whose, how much."""

    source: str
    what: str
    customer: str
    amount: Decimal


@dataclass(frozen=True)
class Opening:
    """What stood open at the end of the day before the start date."""

    day: date
    invoices: tuple[Row, ...] = ()
    deposits: tuple[Row, ...] = ()
    credits: tuple[Row, ...] = ()
    orders: tuple[Row, ...] = ()

    def words(self) -> list[str]:
        """A few lines to hold beside QuickBooks' A/R Aging."""
        owed = _sum(self.invoices) - _sum(self.deposits) - _sum(self.credits)
        return [
            f"Opening list as of {self.day}. Compare it in QuickBooks: Reports → A/R Aging Detail,"
            " as of that day.",
            *_told("unpaid invoices, which QuickBooks must have", self.invoices),
            *_told("deposits paid by then on orders charged later", self.deposits),
            *_told("unspent credits", self.credits),
            *_told("open orders that come along", self.orders, is_listed=False),
            f"  owed by customers in all: {show(owed)}",
        ]


def _told(title: str, rows: tuple[Row, ...], is_listed: bool = True) -> Iterator[str]:
    yield f"  {title}: {len(rows)}, {show(_sum(rows))}"
    if is_listed:
        yield from (f"    {r.what}, {r.customer}: {show(r.amount)}" for r in rows[:MANY])
        if len(rows) > MANY:
            yield f"    … {len(rows) - MANY} more"


def _sum(rows: Iterable[Row]) -> Decimal:
    return sum((row.amount for row in rows), ZERO)


def opening_list(snapshot: Snapshot, policy: Policy, today: date) -> Opening | None:
    """The list, where the configuration has a start date that has come."""
    start = policy.start_date
    if start is None:
        return None
    ctx = Context(snapshot, policy, Memory(), today)
    before = {f"order:{o.id}" for o in snapshot.orders.values()
              if is_before_start(f"order:{o.id}", ctx)}  # fmt: skip
    before |= {c.ref for c in snapshot.charges.values() if c.issued < start and not c.is_deleted}
    paid: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for application in _given_before(snapshot, start):
        paid[application.target] += application.amount

    def name(customer_id: str) -> str:
        customer = snapshot.customers.get(customer_id)
        return customer.name.strip() if customer else customer_id

    totals = {f"order:{o.id}": (f"order {o.number}", o.customer_id, o.total)
              for o in snapshot.orders.values()}  # fmt: skip
    totals |= {c.ref: (f"charge {c.id}", c.customer_id, c.amount)
               for c in snapshot.charges.values()}  # fmt: skip
    rows = ((ref, *totals[ref]) for ref in sorted(before))
    invoices = tuple(
        Row(ref, what, name(whose), total - paid[ref])
        for ref, what, whose, total in rows
        if total > paid[ref]
    )
    orders = tuple(
        Row(o.ref, f"order {o.number}", name(o.customer_id), o.total)
        for o in snapshot.orders.values()
        if o.ref not in before and policy.is_ordered(o)
    )
    return Opening(
        start - timedelta(days=1),
        invoices,
        tuple(_deposits(ctx, start, before, name)),
        tuple(_credits(snapshot, start, name)),
        orders,
    )


def _given_before(snapshot: Snapshot, start: date) -> Iterator[Application]:
    """What payments and credits gave before that day."""
    for payment in snapshot.payments.values():
        if payment.received < start and payment.status == "posted":
            yield from payment.applied
    for credit in snapshot.credit_memos.values():
        if not credit.is_deleted and credit.reason != "overpayment":
            yield from (a for a in credit.applied if (a.on or credit.issued) < start)


def _deposits(
    ctx: Context, start: date, before: set[str], name: Callable[[str], str]
) -> Iterator[Row]:
    for payment in ctx.snapshot.payments.values():
        is_money = payment.method.casefold() not in ctx.policy.not_money
        if payment.received >= start or payment.status != "posted" or not is_money:
            continue
        used = sum((a.amount for a in payment.applied if a.target in before), ZERO)
        if payment.amount > used:
            what = f"payment {payment.id} of {payment.received}"
            yield Row(payment.ref, what, name(payment.customer_id), payment.amount - used)


def _credits(snapshot: Snapshot, start: date, name: Callable[[str], str]) -> Iterator[Row]:
    for credit in snapshot.credit_memos.values():
        if credit.issued >= start or credit.is_deleted or credit.reason == "overpayment":
            continue
        spent = sum((a.amount for a in credit.applied if (a.on or credit.issued) < start), ZERO)
        if credit.amount > spent:
            what = f"credit {credit.id} of {credit.issued}"
            yield Row(credit.ref, what, name(credit.customer_id), credit.amount - spent)
