"""What a run is about: what a person asked of it, and the records that this concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from qbosync.key import Key
from qbosync.model import Charge, CreditMemo, Order, Payment, Refund, Snapshot
from qbosync.plan import Plan


@dataclass(frozen=True)
class Options:
    """What a person asked of this one run.

    `adopts_only` enters what QuickBooks already has of us and sends nothing.
    """

    is_dry: bool = False
    plan_id: str = ""
    only: frozenset[str] = frozenset()
    allow_mass_update: bool = False
    is_first: bool = False
    confirm: Callable[[str], bool] | None = None
    adopts_only: bool = False


@dataclass
class Stop:
    """Set by a signal: finish the request in flight, take nothing new."""

    signal: int = 0


def owners(snapshot: Snapshot) -> dict[str, str]:
    """Whose each record is, by its reference; those that cannot be read are there too."""
    records: tuple[Order | Payment | Charge | CreditMemo | Refund, ...] = (
        *snapshot.orders.values(),
        *snapshot.payments.values(),
        *snapshot.charges.values(),
        *snapshot.credit_memos.values(),
        *snapshot.refunds.values(),
    )
    owners = {problem.source: "" for problem in snapshot.problems}
    owners |= {customer.ref: customer.id for customer in snapshot.customers.values()}
    return owners | {record.ref: record.customer_id for record in records}


def only(plan: Plan, sources: Iterable[str]) -> Plan:
    """The part of a plan that concerns these records, and what they depend on."""
    chosen = set(sources)
    if not chosen:
        return plan
    by_key = {op.key: op for op in plan.operations}
    keep: set[Key] = set()
    rest = [op.key for op in plan.operations if op.key.source in chosen]
    while rest:
        key = rest.pop()
        if key in by_key and key not in keep:
            keep.add(key)
            rest.extend(by_key[key].draft.refs)
    return replace(
        plan,
        operations=tuple(op for op in plan.operations if op.key in keep),
        held=tuple(p for p in plan.held if p.source in chosen),
    )
