"""The source as it is now beside the books as they are, and what is held with reason.

That is where the source contradicts itself (more given than is owed), where the books are
closed, where a ledger forgot, or where a person has a hand on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal

from qbosync.model import Charge, CreditMemo, Order, Payment
from tests.simulation.books import Document
from tests.simulation.oracle import ZERO, Oracle, Record, spendings


class Beside:
    """The source as it is now, beside the books as they are."""

    def __init__(
        self,
        oracle: Oracle,
        books: list[Document],
        people: Mapping[str, str],
        companies: Mapping[str, str],
        held: Collection[str],
    ) -> None:
        self.oracle, self.people, self.companies = oracle, people, companies
        self.held, self.now = set(held), oracle.now
        self.latest = sorted((d for d in books if d.source), key=lambda d: d.nth)
        self.there = {(d.entity, d.source): d for d in self.latest}
        self.by_place = {(d.entity, d.id): d for d in books}
        self.given: dict[str, list[tuple[date, str, Decimal]]] = defaultdict(list)
        givers: list[Payment | CreditMemo] = [*self.now.payments.values()]
        givers += self.now.credit_memos.values()
        for giver in givers:
            for a in spendings(giver):
                day = giver.received if isinstance(giver, Payment) else a.on or giver.issued
                self.given[a.target].append((day, self._payer(giver), a.amount))
        self.too_much = {
            target for target, rows in self.given.items()
            if sum((n for _, _, n in rows), ZERO) > self._worth(target)
        }  # fmt: skip
        self.loose = oracle.loose() | self._forgotten()
        self.loose |= oracle.spread(self._contradicted() | self._shut() | self._same_money())

    @staticmethod
    def _payer(giver: Payment | CreditMemo) -> str:
        """An overpayment credit is the unapplied part of its payment."""
        if isinstance(giver, CreditMemo) and giver.reason == "overpayment":
            return f"payment:{giver.payment_id}"
        return giver.ref

    def _worth(self, target: str) -> Decimal:
        kind, _, id_ = target.partition(":")
        if kind == "order":
            return self.now.orders[id_].total
        return self.now.charges[id_].amount

    # What is held with reason --------------------------------------------------------------

    def _contradicted(self) -> set[str]:
        """Who gives more than is owed, and is held for it: that is the shop's to set right."""
        stems = {ref.partition("/")[0].replace("credit_application:", "credit_memo:")
                 for ref in self.held}  # fmt: skip
        return {payer for target in self.too_much for _, payer, _ in self.given[target]
                if payer in stems}  # fmt: skip

    def _shut(self) -> set[str]:
        """What is held and stands in closed books, or would."""
        closed = self.oracle.deeds.closed
        if closed is None:
            return set()
        stems = {ref.partition("/")[0].replace("credit_application:", "credit_memo:")
                 for ref in self.held}  # fmt: skip
        old = {d.source for d in self.latest if d.dated and d.dated <= closed}
        for ref in stems - old:
            versions = self.oracle.versions.get(ref)
            if versions and any(day <= closed for day in _days(versions[-1])):
                old.add(ref)
        return old & stems

    def _same_money(self) -> set[str]:
        """What is held because money that was taken back is still there and cannot be voided."""
        found = set()
        for payment in self.now.payments.values():
            for other in self.now.payments.values():
                is_same = (other.amount, other.customer_id) == (
                    payment.amount, payment.customer_id,
                )  # fmt: skip
                is_back = other.ref in self.held | self.loose and not other.is_received
                if payment.ref in self.held and is_same and is_back:
                    found.add(payment.ref)
        return found

    def _forgotten(self) -> set[str]:
        """Records that a ledger which forgot cannot be sure of: they are a person's to settle."""
        oracle = self.oracle
        if not oracle.has_forgotten:
            return set()
        unsure = set()
        for (_, source), document in self.there.items():
            versions = oracle.versions.get(source)
            if versions and not oracle.says_now(document):
                unsure.add(source)
            if (versions and versions[-1] in versions[:-1]) or len(versions or ()) > 2:
                # An old copy may hold what is wanted again, though QuickBooks was told otherwise.
                unsure.add(source)
        for order in self.now.orders.values():
            is_open = order.status == "void" or not oracle.is_charged(order)
            if is_open and ("Invoice", order.ref) in self.there:
                unsure.add(order.ref)
            if order.status == "void":
                unsure.add(order.ref)
        gone: list[Charge | CreditMemo] = [*self.now.charges.values()]
        gone += self.now.credit_memos.values()
        unsure |= {record.ref for record in gone if record.is_deleted}
        for payment_id in self.now.payments:
            statuses = [v.status for v in oracle.versions[f"payment:{payment_id}"]
                        if isinstance(v, Payment)]  # fmt: skip
            if len(statuses) > 1 or set(statuses) != {"posted"}:
                unsure |= oracle.spread({f"payment:{payment_id}"})
        unsure |= {d.source for d in self.latest if d.nth > 1}
        renamed = {id_ for id_, names in oracle.names.items() if len(names) > 1}
        renamed |= {c.id for c in self.now.customers.values() if c.merged_into}
        for versions in oracle.versions.values():
            if versions[-1].customer_id in renamed:
                unsure.add(versions[-1].ref)
        return unsure | {p for target in self.too_much for _, p, _ in self.given[target]}

    # What the books say ------------------------------------------------------------------

    def _net_of(self, ref: str) -> Decimal:
        """What corrections in other documents add to an invoice."""
        net = ZERO
        for document in self.latest:
            if document.source.startswith(f"correction:{ref}/") and not document.is_void:
                net += document.total if document.entity == "Invoice" else -document.total
        return net

    def _is_corrected(self, ref: str) -> bool:
        return any(d.source.startswith(f"correction:{ref}/") for d in self.latest)

    def _corrected(self, kind: str, id_: str) -> tuple[str, str]:
        """The invoice that another one adds to: what is paid there is paid for the same record."""
        document = self.by_place.get((kind, id_))
        if document is not None and document.source.startswith("correction:"):
            whole = document.source.removeprefix("correction:").rpartition("/")[0]
            if (original := self.there.get((kind, whole))) is not None:
                return kind, original.id
        return kind, id_

    def _applied(self, id_: str) -> Decimal:
        rows = (row for d in self.there.values() for row in d.pays)
        return sum((n for kind, to, n in rows if (kind, to) == ("Invoice", id_)), ZERO)

    def _got(self, payer: str, invoice_id: str) -> Decimal:
        stem = payer.replace("credit_memo:", "credit_application:")
        return sum(
            (n for d in self.there.values() for kind, id_, n in d.pays
             if (kind, id_) == ("Invoice", invoice_id)
             if d.source == payer or d.source.startswith(f"{stem}/")), ZERO,
        )  # fmt: skip

    def _is_apart(self, payer: str, invoice: Document) -> bool:
        document = self.there.get(("Payment", payer)) or self.there.get(("CreditMemo", payer))
        return document is None or document.customer != invoice.customer


def _days(record: Record) -> Iterator[date]:
    if isinstance(record, Order):
        yield from (d for d in (record.placed, record.status_at, record.charge_date) if d)
    elif isinstance(record, Payment):
        yield record.received
    else:
        yield record.issued
