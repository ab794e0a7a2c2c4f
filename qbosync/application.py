"""Money given to invoices, by payments and credits: does it add up?

No more is given than there is, and no more than is owed: the latest giving is held.  An
order that became less after it was paid keeps its oldest money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from qbosync.key import Entity, Key
from qbosync.mapping.context import Memory
from qbosync.mapping.payment import application_key, target_key
from qbosync.mapping.policy import Policy
from qbosync.mapping.spending import spent
from qbosync.model import (
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


@dataclass
class Allotment:
    """What fits each order and charge: `problems` are givings beyond it that are new.

    `granted` is what an order takes of what is given to it, by (who gives, order); `caps` are
    those of them that it had taken more of before it became less.  The oldest money stays,
    the newest gives back.
    """

    problems: list[Problem] = field(default_factory=list)
    granted: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    caps: dict[tuple[str, str], Decimal] = field(default_factory=dict)


def allot(snapshot: Snapshot, policy: Policy, memory: Memory, held: set[str]) -> Allotment:
    """Give each order what it is worth, oldest money first, and say what is too much."""
    worth = {order.ref: order.total for order in snapshot.orders.values()}
    worth |= {charge.ref: charge.amount for charge in snapshot.charges.values()}
    allotment = Allotment()
    open_ = dict(worth)
    granted = allotment.granted
    for spending in sorted(
        _spendings(snapshot, policy, held), key=lambda row: (row.on, row.holder)
    ):
        record, target = spending.record, spending.application.target
        amount, pair = spending.application.amount, (spending.holder, target)
        if target not in worth:
            continue
        fits = min(amount, open_[target])
        if fits < amount and not _is_given(spending, memory):
            name = record.ref.replace("_", " ").replace(":", " ")
            allotment.problems.append(
                Problem(
                    spending.holder,
                    "too_much",
                    f"{record.where}: {name} gives {show(amount)} to {target.replace(':', ' ')},"
                    f" of whose {show(worth[target])} only {show(open_[target])} are open.",
                    IN_SHOP,
                    amount,
                )
            )
            continue
        open_[target] -= fits
        granted[pair] += fits
        if fits < amount or pair in allotment.caps:
            allotment.caps[pair] = granted[pair]
    return allotment


def _is_given(spending: _Spending, memory: Memory) -> bool:
    """Whether QuickBooks has this payment or credit on this invoice already."""
    kind, _, id_ = spending.holder.partition(":")
    entry = memory.live(Key(Entity.PAYMENT, kind, id_))
    return entry is not None and spending.application.target in entry.gives


def _spendings(snapshot: Snapshot, policy: Policy, held: set[str]) -> Iterator[_Spending]:
    """All that is given to orders and charges by what is not held."""
    for payment in snapshot.payments.values():
        is_money = payment.method.casefold() not in policy.not_money
        if payment.is_received and payment.ref not in held and is_money:
            for application in payment.applied:
                yield _Spending(payment.received, payment.ref, payment, application)
    for credit in snapshot.credit_memos.values():
        if not credit.is_deleted and credit.ref not in held:
            yield from _credit_spendings(credit)


def _credit_spendings(credit: CreditMemo) -> Iterator[_Spending]:
    seen: dict[str, int] = defaultdict(int)
    for application in sorted(spent(credit), key=lambda a: a.on or credit.issued):
        seen[application.target] += 1
        holder = application_key(credit.id, application.target, seen[application.target]).source
        if credit.reason == "overpayment":
            holder = f"payment:{credit.payment_id}"
        yield _Spending(application.on or credit.issued, holder, credit, application)
