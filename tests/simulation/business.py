"""The order system's records as they are now, and what of them is still free."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random

from qbosync.model import (
    Application,
    Charge,
    CreditMemo,
    Customer,
    Order,
    Payment,
    Refund,
    Snapshot,
)

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def amount(dice: Random, least: int = 100, most: int = 90_000) -> Decimal:
    """So many cents."""
    return Decimal(dice.randint(least, most)) * CENT


@dataclass
class Business:
    """The order system's records as they are now."""

    customers: dict[str, Customer] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    credits: dict[str, CreditMemo] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    today: date = date(2026, 6, 1)

    def snapshot(self) -> Snapshot:
        """What a source hands over."""
        return Snapshot(
            dict(self.customers), dict(self.orders), dict(self.payments), dict(self.credits),
            dict(self.charges), dict(self.refunds), is_complete=True,
        )  # fmt: skip

    @property
    def count(self) -> int:
        sets = (self.customers, self.orders, self.payments, self.credits, self.charges)
        return sum(len(records) for records in sets)

    # Who is whom ---------------------------------------------------------------------------

    def heir(self, customer_id: str) -> str:
        """Whom a customer was merged into, or itself."""
        while into := self.customers[customer_id].merged_into:
            customer_id = into
        return customer_id

    @property
    def buyers(self) -> list[str]:
        """The customers that were not merged into another."""
        return [c.id for c in self.customers.values() if not c.merged_into]

    # What is still free ------------------------------------------------------------------

    def given(self) -> dict[str, Decimal]:
        """What payments and credits give to each order and charge."""
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for payment in self.payments.values():
            if payment.is_received:
                for application in payment.applied:
                    sums[application.target] += application.amount
        for credit in self.credits.values():
            for application in spendings(credit):
                sums[application.target] += application.amount
        return sums

    def owed(self, customer_id: str = "") -> list[tuple[str, str, Decimal]]:
        """(target, customer, open amount) of what can still be paid."""
        given = self.given()
        rows = [(o.ref, self.heir(o.customer_id), o.total - given[o.ref])
                for o in self.orders.values() if o.status not in ("void", "?")]  # fmt: skip
        rows += [(c.ref, self.heir(c.customer_id), c.amount - given[c.ref])
                 for c in self.charges.values() if not c.is_deleted]  # fmt: skip
        return [r for r in rows if r[2] > 0 and customer_id in ("", r[1])]

    def rest(self, payment: Payment) -> Decimal:
        """What of a payment is given to nobody, overpayment credits included."""
        rest = payment.amount - sum((a.amount for a in payment.applied), ZERO)
        for credit in self.credits.values():
            if credit.reason == "overpayment" and credit.payment_id == payment.id:
                rest -= credit.amount
        return rest


def spendings(credit: CreditMemo) -> tuple[Application, ...]:
    """What a credit goes to; one made for its order goes there without being told twice."""
    if credit.is_deleted:
        return ()
    if credit.reason in ("write_off", "cash_discount") and credit.order_id and not credit.applied:
        return (Application(f"order:{credit.order_id}", credit.amount, credit.issued),)
    return credit.applied
