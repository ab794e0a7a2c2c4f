"""What is in an export: counts, dates, sums, and what does not add up.

Counting only: nothing is decided or corrected here, and every record of the snapshot is
in the counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from qbosync.init.export import Arrangement, Head, arrange
from qbosync.model import ZERO, Order, Snapshot, cents, show

ROUNDING = Decimal("0.05")
"""What goes on a rounding line and needs nobody's decision."""
TAX_AT_MOST = Decimal("0.11")
NO_CLASS = ("", "undefined")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many, and how much together."""

    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Month:
    """The orders placed and the money received in one month, such as ``2026-01``."""

    name: str
    orders: Tally
    payments: Tally


@dataclass(frozen=True, slots=True)
class Residual:
    """An order whose lines, shipping, discount and tax do not make its total."""

    ref: str
    number: str
    total: Decimal
    explained: Decimal
    is_like_tax: bool

    @property
    def difference(self) -> Decimal:
        """What nobody has itemised; negative where the lines are more than the total."""
        return self.total - self.explained


@dataclass(frozen=True)
class Survey:
    """An export, counted; the most frequent first."""

    counts: Mapping[str, int]
    first: date | None
    last: date | None
    months: tuple[Month, ...]
    statuses: Mapping[str, int]
    classes: Mapping[str, Tally]
    methods: Mapping[str, Tally]
    residuals: tuple[Residual, ...]
    numbers: tuple[int, int] | None = None
    has_tax: bool = True
    problems: tuple[str, ...] = ()
    arrangement: Arrangement = field(default_factory=Arrangement)

    def words(self) -> list[str]:
        """The survey as lines to read."""
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items() if count)
        lines = [counts or "nothing"]
        if self.first and self.last:
            lines.append(f"from {self.first} to {self.last}")
        lines += ["", "month      orders          total   payments          total"]
        for month in self.months:
            lines.append(
                f"{month.name:7} {month.orders.count:9,} {show(month.orders.total):>14}"
                f" {month.payments.count:10,} {show(month.payments.total):>14}"
            )
        lines.append("")
        lines += self._listed("statuses", {name: str(n) for name, n in self.statuses.items()})
        for title, tallies in (("export classes", self.classes), ("methods", self.methods)):
            told = {name or "none": _tally(tally) for name, tally in tallies.items()}
            lines += self._listed(title, told)
        lines += self._residual_words()
        lines += [f"cannot be read: {what}" for what in self.problems]
        return lines

    @staticmethod
    def _listed(title: str, told: Mapping[str, str]) -> list[str]:
        return [f"{title}: " + ", ".join(f"{name} ({n})" for name, n in told.items())] * bool(told)

    def _residual_words(self) -> list[str]:
        if not self.residuals:
            return []
        like_tax = [each for each in self.residuals if each.is_like_tax]
        rest = [each for each in self.residuals if not each.is_like_tax]
        return [
            f"lines do not make the total: {_sum(self.residuals)};"
            f" could be tax: {_sum(like_tax)}; more than tax or less than nothing: {_sum(rest)}"
        ]


def _tally(tally: Tally) -> str:
    return f"{tally.count:,}, {show(tally.total)}"


def _sum(residuals: Iterable[Residual]) -> str:
    each = [residual.difference for residual in residuals]
    return f"{len(each)} orders, {show(sum(each, ZERO))}"


def survey(snapshot: Snapshot, heads: Mapping[str, Head]) -> Survey:
    """Count what the source says; `heads` are the beginnings of its files."""
    orders = snapshot.orders.values()
    days = sorted(_days(snapshot))
    numbers = [int(order.number) for order in orders if order.number.isdecimal()]
    classes: dict[str, list[Decimal]] = defaultdict(list)
    for order in orders:
        for line in order.lines:
            classes[line.export_class.strip()].append(line.amount)
    methods: dict[str, list[Decimal]] = defaultdict(list)
    for payment in snapshot.payments.values():
        methods[payment.method.casefold()].append(payment.amount)
    return Survey(
        counts=_counts(snapshot),
        first=days[0] if days else None,
        last=days[-1] if days else None,
        months=_months(snapshot),
        statuses=dict(Counter(order.status for order in orders).most_common()),
        classes=_tallies(classes),
        methods=_tallies(methods),
        residuals=tuple(_residuals(snapshot)),
        numbers=(min(numbers), max(numbers)) if numbers else None,
        has_tax=any(order.tax is not None for order in orders),
        problems=tuple(problem.what for problem in snapshot.problems),
        arrangement=arrange(heads),
    )


def _counts(snapshot: Snapshot) -> dict[str, int]:
    return {
        "customers": len(snapshot.customers),
        "orders": len(snapshot.orders),
        "order lines": sum(len(order.lines) for order in snapshot.orders.values()),
        "payments": len(snapshot.payments),
        "charges": len(snapshot.charges),
        "credit memos": len(snapshot.credit_memos),
        "refunds": len(snapshot.refunds),
        "deletions": len(snapshot.deletions),
        "unreadable": len(snapshot.problems),
    }


def _tallies(amounts: Mapping[str, list[Decimal]]) -> dict[str, Tally]:
    tallies = {name: Tally(len(each), cents(sum(each, ZERO))) for name, each in amounts.items()}
    return dict(sorted(tallies.items(), key=lambda item: (-item[1].count, item[0])))


def _day(order: Order) -> date | None:
    return order.placed or order.charge_date or order.ship_date or order.status_at


def _days(snapshot: Snapshot) -> Iterator[date]:
    for order in snapshot.orders.values():
        if day := _day(order):
            yield day
    yield from (payment.received for payment in snapshot.payments.values())
    yield from (charge.issued for charge in snapshot.charges.values())
    yield from (credit.issued for credit in snapshot.credit_memos.values())
    yield from (refund.paid for refund in snapshot.refunds.values())


def _months(snapshot: Snapshot) -> tuple[Month, ...]:
    """Oldest first; what has no date comes last, under ``no date``."""
    orders: dict[str, list[Decimal]] = defaultdict(list)
    payments: dict[str, list[Decimal]] = defaultdict(list)
    for order in snapshot.orders.values():
        orders[_month(_day(order))].append(order.total)
    for payment in snapshot.payments.values():
        payments[_month(payment.received)].append(payment.amount)
    return tuple(
        Month(
            name,
            Tally(len(orders[name]), sum(orders[name], ZERO)),
            Tally(len(payments[name]), sum(payments[name], ZERO)),
        )
        for name in sorted({*orders, *payments})
    )


def _month(day: date | None) -> str:
    return f"{day:%Y-%m}" if day else "no date"


def _residuals(snapshot: Snapshot) -> Iterator[Residual]:
    """Orders without lines go as one line of their total: they have no residual."""
    for order in snapshot.orders.values():
        if not order.lines:
            continue
        goods = sum((cents(line.amount) for line in order.lines), ZERO)
        explained = goods + (order.shipping or ZERO) + (order.tax or ZERO) - order.discount
        difference = order.total - explained
        if abs(difference) > ROUNDING:
            customer = snapshot.customers.get(order.customer_id)
            is_exempt = customer is not None and customer.tax_exempt
            is_like_tax = 0 < difference <= TAX_AT_MOST * goods and not is_exempt
            yield Residual(order.ref, order.number, order.total, explained, is_like_tax)
