"""What customers owe by the shop system alone: its records, the configuration, and a day.

The ledger and the plan only lend dates: that of an invoice is fixed when it is made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from qbosync.key import Entity
from qbosync.mapping.policy import Policy
from qbosync.mapping.spending import spent
from qbosync.model import ZERO, Application, Charge, CreditMemo, Order, Payment, Snapshot
from qbosync.operation import Entry, Operation

Record = Order | Charge | CreditMemo | Payment


def live(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that count: an estimate that became an invoice no longer does."""
    alive = [e for e in entries if e.is_live and not e.key.entity.is_named]
    if any(e.key.entity is Entity.INVOICE for e in alive):
        alive = [e for e in alive if e.key.entity is not Entity.ESTIMATE]
    return alive


@dataclass
class ShopSide:
    """`owing` are the orders and charges that were owed by the end of `on`; `given` what
    payments and credits gave to each of them by then, and `payers` who."""

    snapshot: Snapshot
    policy: Policy
    entries: Mapping[str, list[Entry]]
    planned: Mapping[str, list[Operation]]
    skipped: Mapping[str, str]
    on: date
    today: date
    owing: set[str] = field(default_factory=set)
    given: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    payers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.surplus: dict[str, list[CreditMemo]] = defaultdict(list)
        for credit in self.snapshot.credit_memos.values():
            if credit.reason == "overpayment" and not credit.is_deleted:
                self.surplus[credit.payment_id].append(credit)
        debts: tuple[Order | Charge, ...] = (
            *self.snapshot.orders.values(),
            *self.snapshot.charges.values(),
        )
        self.owing |= {d.ref for d in debts if self.counts(d) and self.amount(d)}
        payers: tuple[Payment | CreditMemo, ...] = (
            *self.snapshot.payments.values(),
            *self.snapshot.credit_memos.values(),
        )
        for payer in payers:
            for target, amount in self.applied(payer).items():
                self.given[target] += amount
                self.payers[target].append(payer.ref)

    def counts(self, record: Record) -> bool:
        """Whether a record is compared: not what is out of scope, nor what came later."""
        if record.ref in self.skipped and not live(self.entries.get(record.ref, ())):
            return False
        return self._dated(record) <= self.on

    def _dated(self, record: Record) -> date:
        """The date of its document; of an order without one its own."""
        if isinstance(record, Payment):
            return record.received
        if not isinstance(record, Order):
            return record.issued
        known = live(self.entries.get(record.ref, ()))
        dates = [e.dated for e in known if e.dated and e.key.kind != "correction"]
        for operation in self.planned.get(record.ref, ()):
            if operation.key.kind == "correction":
                continue
            text = operation.draft.body.get("TxnDate")
            dates += [date.fromisoformat(text)] if text else []
        return max(dates, default=min(record.placed or self.on, self.on))

    def amount(self, record: Record) -> Decimal:
        """What it adds to or takes off the customer's account."""
        policy = self.policy
        if isinstance(record, Payment):
            if record.status != "posted" or record.method.casefold() in policy.not_money:
                return ZERO
            is_all = policy.payment_amount != "applied"
            extra = () if is_all else (credit.amount for credit in self.surplus[record.id])
            return record.amount + sum(extra, ZERO)
        if isinstance(record, Order):
            is_kept = record.status in policy.on_hold and self.is_invoiced(record.ref)
            customer = self.snapshot.customers.get(record.customer_id)
            is_charged = policy.is_charged(record, customer, self.today)
            return record.total if is_charged or is_kept else ZERO
        if record.is_deleted or (isinstance(record, CreditMemo) and record.reason == "overpayment"):
            return ZERO
        return record.amount

    def applied(self, payer: Payment | CreditMemo) -> dict[str, Decimal]:
        """What it gives to orders and charges that are owed by then."""
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        if self.counts(payer) and self.amount(payer):
            for row in self._applications(payer):
                if row.target in self.owing:
                    sums[row.target] += row.amount
        return sums

    def _applications(self, payer: Payment | CreditMemo) -> Iterator[Application]:
        if isinstance(payer, CreditMemo):
            yield from (a for a in spent(payer) if (a.on or payer.issued) <= self.on)
            return
        yield from payer.applied
        for credit in self.surplus[payer.id]:
            yield from credit.applied

    def is_invoiced(self, source: str) -> bool:
        return any(e.key.entity is Entity.INVOICE for e in live(self.entries.get(source, ())))
