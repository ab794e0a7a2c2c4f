"""What is wrong with the source's records, before anything is planned.

A problem holds its record and nothing else.  Every check names the record, where it
was read, and what to do; nothing is corrected here.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from qbosync.application import IN_SHOP, Allotment, Fault, allot, application_fault
from qbosync.mapping.context import Memory
from qbosync.mapping.policy import Policy
from qbosync.mapping.spending import spent
from qbosync.model import (
    ZERO,
    Charge,
    CreditMemo,
    Customer,
    Order,
    Payment,
    Problem,
    Snapshot,
    show,
)

NAME_LENGTH = 100
"""QuickBooks' screens take no more (reported), whatever the API says."""
_FORBIDDEN = {":": "a colon", "\t": "a tab", "\n": "a line break", "\r": "a line break"}
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def find_problems(
    snapshot: Snapshot, policy: Policy, memory: Memory
) -> tuple[dict[str, Problem], Allotment]:
    """Every record that cannot go out as the source has it, by its reference; what fits whom."""
    problems = list(snapshot.problems)
    problems += _customers(snapshot, memory)
    problems += _orders(snapshot, policy)
    problems += _documents(snapshot)
    problems += _payments(snapshot, policy, memory)
    problems += _credits(snapshot, memory)
    found: dict[str, Problem] = {}
    for problem in problems:
        found.setdefault(problem.source, problem)
    allotment = allot(snapshot, policy, memory, set(found))
    for problem in allotment.problems:
        found.setdefault(problem.source, problem)
    return found, allotment


def _needed(snapshot: Snapshot, memory: Memory) -> set[str]:
    """Customers that a record names, or that QuickBooks has from us."""
    records: Iterable[Order | Payment | Charge | CreditMemo] = (
        *snapshot.orders.values(),
        *snapshot.payments.values(),
        *snapshot.charges.values(),
        *snapshot.credit_memos.values(),
    )
    needed = {record.customer_id for record in records}
    return needed | {key.id for key in memory.entries if key.kind == "customer"}


def _customers(snapshot: Snapshot, memory: Memory) -> Iterator[Problem]:
    needed = _needed(snapshot, memory)
    known = {key.id for key in memory.entries if key.kind == "customer"}
    first: dict[str, Customer] = {}
    by_age = sorted(snapshot.customers.values(), key=lambda c: c.id not in known)
    for customer in by_age:
        if customer.id not in needed or customer.merged_into:
            continue
        if fault := _name_fault(customer.name.strip()):
            yield Problem(
                customer.ref,
                "bad_name",
                f"{customer.where}: the name of customer {customer.id} {fault}.",
                "QuickBooks refuses it: rename the customer in the shop system.",
            )
            continue
        twin = first.setdefault(customer.name.strip().casefold(), customer)
        if twin is not customer:
            yield Problem(
                customer.ref,
                "same_name",
                f"{customer.where}: customers {twin.id} and {customer.id} are both called"
                f" {customer.name.strip()!r}.",
                "Merge them or rename one in the shop system.",
            )


def _name_fault(name: str) -> str:
    if not name:
        return "is blank"
    for char, words in _FORBIDDEN.items():
        if char in name:
            return f"({name!r}) has {words} in it"
    if _ASTRAL.search(name):
        return f"({name!r}) has a character in it that QuickBooks does not take"
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        return f"({name!r}) has a control character in it"
    if len(name) > NAME_LENGTH:
        return f"({name[:40]!r}…) has {len(name)} characters, more than {NAME_LENGTH}"
    return ""


def _orders(snapshot: Snapshot, policy: Policy) -> Iterator[Problem]:
    known = {*policy.statuses, *policy.on_hold, *policy.void}
    numbers = Counter(order.number for order in snapshot.orders.values())
    for order in snapshot.orders.values():
        if order.status not in known:
            yield Problem(
                order.ref,
                "unknown_status",
                f"{order.where}: order {order.number} has the status {order.status!r},"
                " which the configuration does not know.",
                "Add it to [orders] statuses, on_hold or void, or correct the order.",
                order.total,
            )
        elif numbers[order.number] > 1:
            yield Problem(
                order.ref,
                "same_number",
                f"{order.where}: {numbers[order.number]} orders bear the number {order.number}.",
                IN_SHOP,
                order.total,
            )
        elif order.customer_id not in snapshot.customers:
            yield _unknown_customer(order, f"order {order.number}", order.total)
        elif own := _foreign_status(snapshot.customers[order.customer_id], policy):
            yield Problem(
                order.ref, "unknown_status", own, "Correct the customer's setting.", order.total
            )


def _foreign_status(customer: Customer, policy: Policy) -> str:
    if customer.charge_status and customer.charge_status not in policy.statuses:
        return (
            f"{customer.where}: customer {customer.id} is charged at"
            f" {customer.charge_status!r}, which is not in [orders] statuses."
        )
    return ""


def _unknown_customer(
    record: Order | Payment | Charge | CreditMemo, name: str, amount: Decimal
) -> Problem:
    return Problem(
        record.ref,
        "unknown_customer",
        f"{record.where}: {name} is of customer {record.customer_id}, who is not in the export.",
        "Export the customer too; it goes out by itself.",
        amount,
    )


def _documents(snapshot: Snapshot) -> Iterator[Problem]:
    records: list[Charge | CreditMemo] = [
        *snapshot.charges.values(),
        *snapshot.credit_memos.values(),
    ]
    for record in records:
        name = record.ref.replace("_", " ").replace(":", " ")
        if record.is_deleted:
            continue
        if record.customer_id not in snapshot.customers:
            yield _unknown_customer(record, name, record.amount)
        elif record.amount <= 0 or not 0 <= record.tax <= record.amount:
            yield Problem(
                record.ref,
                "bad_amount",
                f"{record.where}: {name} has the amount {show(record.amount)}, of which tax"
                f" {show(record.tax)}.",
                IN_SHOP,
                record.amount,
            )


def _payments(snapshot: Snapshot, policy: Policy, memory: Memory) -> Iterator[Problem]:
    surplus: dict[str, Decimal] = defaultdict(lambda: ZERO)
    if policy.payment_amount == "received":
        for credit in snapshot.credit_memos.values():
            if credit.reason == "overpayment" and not credit.is_deleted:
                surplus[credit.payment_id] += credit.amount
    for payment in snapshot.payments.values():
        if not payment.is_received:
            continue
        if payment.customer_id not in snapshot.customers:
            yield _unknown_customer(payment, f"payment {payment.id}", payment.amount)
            continue
        fault = (
            _method_fault(payment, snapshot, policy)
            or application_fault(payment, payment.applied, snapshot, memory)
            or _sum_fault(payment, surplus[payment.id])
        )
        if fault:
            yield Problem(payment.ref, *fault, payment.amount)


def _method_fault(payment: Payment, snapshot: Snapshot, policy: Policy) -> Fault | None:
    method = payment.method.casefold()
    name = f"{payment.where}: payment {payment.id}"
    if method in policy.not_money and not _is_a_credit(payment, snapshot):
        return (
            "not_money",
            f"{name} of {show(payment.amount)} is by {method!r}, which is not money, and no"
            " credit of that amount is spent on the same order.",
            "Export the credit memo it spends, or move the method to [payments] money.",
        )
    if method and method not in policy.money and method not in policy.not_money:
        return (
            "unknown_method",
            f"{name} is by {payment.method!r}, which the configuration does not know.",
            "Add it to [payments] money, or to not_money.",
        )
    return None


def _sum_fault(payment: Payment, surplus: Decimal) -> Fault | None:
    name = f"{payment.where}: payment {payment.id} is over {show(payment.amount)}"
    if payment.amount <= 0:
        return ("bad_amount", f"{name}.", IN_SHOP)
    given = sum((application.amount for application in payment.applied), surplus)
    if given > payment.amount:
        return ("over_applied", f"{name}, but {show(given)} of it are given out.", IN_SHOP)
    return None


def _is_a_credit(payment: Payment, snapshot: Snapshot) -> bool:
    """Whether a payment that is not money only repeats the spending of a credit."""
    targets = {application.target for application in payment.applied}
    for credit in snapshot.credit_memos.values():
        if credit.customer_id != payment.customer_id or credit.is_deleted:
            continue
        for application in spent(credit):
            same_target = not targets or application.target in targets
            if same_target and application.amount == payment.amount:
                return True
    return False


def _credits(snapshot: Snapshot, memory: Memory) -> Iterator[Problem]:
    for credit in snapshot.credit_memos.values():
        if credit.is_deleted:
            continue
        name = f"credit memo {credit.id}"
        if credit.reason == "overpayment" and credit.payment_id not in snapshot.payments:
            yield Problem(
                credit.ref,
                "overpayment_of_nothing",
                f"{credit.where}: {name} is an overpayment, but of no payment in the export.",
                "Export its payment_id; money received once is booked once.",
                credit.amount,
            )
        elif credit.reason == "write_off" and not credit.order_id:
            yield Problem(
                credit.ref,
                "write_off_of_nothing",
                f"{credit.where}: {name} is a write-off, but names no order.",
                "Export its order_id.",
                credit.amount,
            )
        elif fault := application_fault(credit, spent(credit), snapshot, memory):
            yield Problem(credit.ref, *fault, credit.amount)
        elif (given := sum((a.amount for a in spent(credit)), ZERO)) > credit.amount:
            yield Problem(
                credit.ref,
                "over_applied",
                f"{credit.where}: {name} is over {show(credit.amount)}, but {show(given)} of it"
                " are spent.",
                IN_SHOP,
                credit.amount,
            )
