"""Money given to invoices, by payments and credits: does it add up?

No more is given than there is, and no more than is owed: the latest giving is held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qbosync.mapping.context import Memory
from qbosync.mapping.payment import application_key, spent, target_key
from qbosync.mapping.policy import Policy
from qbosync.model import (
    ZERO,
    Application,
    Charge,
    CreditMemo,
    Order,
    Payment,
    Problem,
    Snapshot,
    show,
)

IN_SHOP = "Correct it in the shop system; it goes out by itself."

Fault = tuple[str, str, str]
"""The technical reason, what is wrong, what to do."""


def application_fault(
    record: Payment | CreditMemo,
    applied: Iterable[Application],
    snapshot: Snapshot,
    memory: Memory,
) -> Fault | None:
    """Why an application cannot be carried out."""
    name = record.ref.replace("_", " ").replace(":", " ")
    for application in applied:
        where = application.where or record.where
        to = application.target.replace(":", " ")
        if application.amount <= 0:
            return ("bad_amount", f"{where}: {name} gives {show(application.amount)} to {to}.",
                    IN_SHOP)  # fmt: skip
        target = _target(application.target, snapshot)
        if target is None and not memory.live(target_key(application.target)):
            if any(problem.source == application.target for problem in snapshot.problems):
                # Its order is held: the money has come all the same, and waits unapplied.
                continue
            return ("unknown_target", f"{where}: {name} pays {to}, which is not in the export.",
                    "Export it too, or correct it; it goes out by itself.")  # fmt: skip
        if target and target.customer_id != record.customer_id:
            return ("other_customer",
                    f"{where}: {name} is customer {record.customer_id}'s, but {to} is customer"
                    f" {target.customer_id}'s.", IN_SHOP)  # fmt: skip
    return None


def _target(target: str, snapshot: Snapshot) -> Order | Charge | None:
    kind, _, target_id = target.partition(":")
    if kind == "charge":
        return snapshot.charges.get(target_id)
    return snapshot.orders.get(target_id) if kind == "order" else None


@dataclass(frozen=True, slots=True)
class _Spending:
    """So much of a payment or credit, in the order in which money is owed to it."""

    on: date
    holder: str
    record: Payment | CreditMemo
    application: Application


def too_much(snapshot: Snapshot, policy: Policy, held: set[str]) -> Iterator[Problem]:
    """Payments and credits beyond what their order or charge is worth: the latest is held."""
    worth = {order.ref: order.total for order in snapshot.orders.values()}
    worth |= {charge.ref: charge.amount for charge in snapshot.charges.values()}
    spendings = [
        _Spending(payment.received, payment.ref, payment, application)
        for payment in snapshot.payments.values()
        if payment.status == "posted"
        and payment.ref not in held
        and payment.method.casefold() not in policy.not_money
        for application in payment.applied
    ]
    for credit in snapshot.credit_memos.values():
        if not credit.is_deleted and credit.ref not in held:
            spendings.extend(_credit_spendings(credit))
    given: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for spending in sorted(spendings, key=lambda row: (row.on, row.holder)):
        record, application = spending.record, spending.application
        target, amount = application.target, application.amount
        if target not in worth:
            continue
        if given[target] + amount <= worth[target]:
            given[target] += amount
            continue
        name = record.ref.replace("_", " ").replace(":", " ")
        yield Problem(
            spending.holder,
            "too_much",
            f"{record.where}: {name} gives {show(amount)} to {target.replace(':', ' ')}, of whose"
            f" {show(worth[target])} only {show(worth[target] - given[target])} are open.",
            IN_SHOP,
            amount,
        )


def _credit_spendings(credit: CreditMemo) -> Iterator[_Spending]:
    seen: dict[str, int] = defaultdict(int)
    for application in sorted(spent(credit), key=lambda a: a.on or credit.issued):
        seen[application.target] += 1
        holder = application_key(credit.id, application.target, seen[application.target]).source
        if credit.reason == "overpayment":
            holder = f"payment:{credit.payment_id}"
        yield _Spending(application.on or credit.issued, holder, credit, application)
