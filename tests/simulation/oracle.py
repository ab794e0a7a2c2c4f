"""What the books must say, worked out from the source alone.

Shares no code with the product but its values.  Two questions: `wrong()` is asked after
every run and every death (is anything there twice, unasked for, or with other figures
than the source ever had?), `missing()` once all is quiet (is everything there, once, as
the source says now, and is held only what has to be?).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from qbosync.model import Charge, CreditMemo, Customer, Order, Payment, Snapshot
from tests.simulation.books import Document

ZERO = Decimal("0.00")
WAY = ("bid", "ordered", "verified", "in progress", "completed", "shipped")
PREFIX = {"finance_charge": "FC-", "processing_fee": "PF-", "bounced_payment": "BP-",
          "other": "OC-"}  # fmt: skip
Record = Order | Payment | Charge | CreditMemo


@dataclass
class Oracle:
    """Remembers every version that a run could have read.

    `loose` are records that a person touched in QuickBooks: they may not double, and are
    otherwise theirs; `edited_people` are customers, by QuickBooks' Id, that one changed there.
    `has_forgotten` is set once a ledger was lost or restored.
    """

    charge_status: str = "shipped"
    versions: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ever_charged: set[str] = field(default_factory=set)
    now: Snapshot = field(default_factory=Snapshot)
    loose: set[str] = field(default_factory=set)
    edited_people: set[str] = field(default_factory=set)
    unlinked: set[str] = field(default_factory=set)
    has_forgotten: bool = False

    def see(self, snapshot: Snapshot) -> None:
        """A run is about to read this."""
        self.now = snapshot
        sets: tuple[Mapping[str, Record], ...] = (
            snapshot.orders, snapshot.payments, snapshot.charges, snapshot.credit_memos,
        )  # fmt: skip
        for records in sets:
            for record in records.values():
                seen = self.versions[record.ref]
                if not seen or seen[-1] != record:
                    seen.append(record)
        for customer in snapshot.customers.values():
            self.names[customer.id].add(customer.name)
        for order in snapshot.orders.values():
            if self.is_charged(order):
                self.ever_charged.add(order.ref)

    # The rules of the shop ---------------------------------------------------------------

    def is_charged(self, order: Order) -> bool:
        """At or past the Status to Charge Customer, or charged by date."""
        if order.status not in WAY[1:]:
            return False
        if order.charge_date:
            return True
        own = self._customer(order.customer_id).charge_status
        return WAY.index(order.status) >= WAY.index(own or self.charge_status)

    def _customer(self, customer_id: str) -> Customer:
        return self.now.customers[customer_id]

    def is_odd(self, order: Order) -> bool:
        """Held by itself: an unknown status, or a total that its parts do not explain."""
        parts = sum((line.amount for line in order.lines), ZERO) - order.discount
        parts += (order.shipping or ZERO) + (order.tax or ZERO)
        return order.status == "?" or abs(order.total - parts) > Decimal("0.05")

    # After every run ---------------------------------------------------------------------

    def wrong(self, books: list[Document], people: Mapping[str, str]) -> Iterator[str]:
        """What must never be, however a run ended."""
        ours = [d for d in books if d.source]
        for (entity, source, _), n in Counter((d.entity, d.source, d.nth) for d in ours).items():
            alive = sum((d.entity, d.source, d.is_void) == (entity, source, False) for d in ours)
            if n > 1 or alive > 1:
                both = ", ".join(str(d) for d in ours if (d.entity, d.source) == (entity, source))
                yield f"twice: {both}"
        for document in ours:
            if document.source in self.loose or document.is_void:
                continue
            yield from self._figures(document, people)
        if not self.has_forgotten:
            for customer_id, names in self.names.items():
                twins = [id_ for id_, name in people.items() if name in names]
                if len(twins) > 1:
                    yield f"customer {customer_id} is there {len(twins)} times"

    def _figures(self, document: Document, people: Mapping[str, str]) -> Iterator[str]:
        kind, _, id_ = document.source.partition(":")
        if kind == "credit_application":
            yield from self._spending(document, id_)
            return
        versions = self.versions.get(document.source)
        if not versions:
            yield f"nobody asked for {document}"
            return
        if not any(self._says(v, document) for v in versions):
            yield f"the source never said so: {document}"
        if people.get(document.customer) not in self.names[versions[-1].customer_id]:
            yield f"{document} is on customer {people.get(document.customer)}"
        if document.entity == "Payment":
            given = sum((n for _, _, n in document.pays), ZERO)
            if given + document.left != document.total:
                yield f"{document}: {given} applied and {document.left} unapplied"
        elif document.lines != document.total:
            yield f"{document}: its lines make {document.lines}"
        if document.entity == "Invoice" and kind == "order" and not self._may_owe(document):
            yield f"{document} was never charged"

    def _may_owe(self, document: Document) -> bool:
        return document.source in self.ever_charged

    def _says(self, version: Record, document: Document) -> bool:
        if isinstance(version, Order):
            number = _again(version.number, document)
            return (version.total, number) == (document.total, document.number)
        if isinstance(version, Charge):
            number = _again(PREFIX[version.kind] + version.id, document)
            return (version.amount, number) == (document.total, document.number)
        if isinstance(version, CreditMemo):
            is_one = version.reason != "overpayment"
            worth = ZERO if version.is_deleted else version.amount
            return is_one and (worth, f"CM-{version.id}") == (
                document.total, document.number,
            )  # fmt: skip
        return version.amount == document.total

    def _spending(self, document: Document, id_: str) -> Iterator[str]:
        credit_id = id_.partition("/")[0]
        if document.total:
            yield f"{document} spends a credit with money"
        if f"credit_memo:{credit_id}" not in self.versions:
            yield f"nobody asked for {document}"

    # When all is quiet -------------------------------------------------------------------

    def missing(
        self, books: list[Document], people: Mapping[str, str], held: set[str]
    ) -> Iterator[str]:
        """What must be there now and is not, and what is held without need."""
        latest = sorted((d for d in books if d.source), key=lambda d: d.nth)
        there = {(d.entity, d.source): d for d in latest}
        loose = self.loose | self._forgotten(there)
        loose |= {target for ref in self.loose for target in self._targets(ref)}
        for order in self.now.orders.values():
            if order.ref not in loose:
                yield from self._order(order, there, held)
        for charge in self.now.charges.values():
            if charge.ref not in loose:
                yield from self._charge(charge, there, held)
        for credit in self.now.credit_memos.values():
            if credit.ref not in loose and credit.reason != "overpayment":
                yield from self._credit(credit, there, held)
        for payment in self.now.payments.values():
            if payment.ref not in loose:
                yield from self._payment(payment, there, held, loose)
        yield from self._spent(there, loose)
        yield from self._people(there, people)

    def _targets(self, ref: str) -> Iterator[str]:
        """All that a payment or credit was ever given to."""
        for version in self.versions.get(ref, ()):
            if isinstance(version, Payment | CreditMemo):
                yield from (application.target for application in version.applied)

    def _forgotten(self, there: Mapping[tuple[str, str], Document]) -> set[str]:
        """Records that a ledger which forgot cannot be sure of: they are a person's to settle."""
        if not self.has_forgotten:
            return set()
        unsure = set()
        for (_, source), document in there.items():
            versions = self.versions.get(source)
            if versions and not self._says(versions[-1], document):
                unsure.add(source)
            if (versions and versions[-1] in versions[:-1]) or len(versions or ()) > 2:
                # An old copy may hold what is wanted again, though QuickBooks was told otherwise.
                unsure.add(source)
        for order in self.now.orders.values():
            is_open = order.status == "void" or not self.is_charged(order)
            if is_open and ("Invoice", order.ref) in there:
                unsure.add(order.ref)
            if order.status == "void":
                unsure.add(order.ref)
        gone: list[Charge | CreditMemo] = [
            *self.now.charges.values(),
            *self.now.credit_memos.values(),
        ]
        unsure |= {record.ref for record in gone if record.is_deleted}
        unsure |= {p.ref for p in self.now.payments.values() if p.status != "posted"}
        renamed = {id_ for id_, names in self.names.items() if len(names) > 1}
        for versions in self.versions.values():
            if versions[-1].customer_id in renamed:
                unsure.add(versions[-1].ref)
        return unsure

    def _order(
        self, order: Order, there: Mapping[tuple[str, str], Document], held: set[str]
    ) -> Iterator[str]:
        invoice, estimate = there.get(("Invoice", order.ref)), there.get(("Estimate", order.ref))
        if self.is_odd(order) and order.status != "void" and order.status != "on hold":
            if order.ref not in held and self._matters(order, invoice):
                yield f"{order.ref} is odd and not held"
            return
        if order.status == "on hold" or order.status == "bid":
            return
        if order.status == "void":
            yield from self._void(order, invoice, estimate, there, held)
            return
        if invoice is not None and invoice.is_void:
            if self.is_charged(order):
                yield f"{order.ref} came back, and {invoice} is void"
            return
        if not self.is_charged(order):
            if invoice is None:
                yield from self._equal(order.ref, estimate, order.total, order.number, held)
            return
        yield from self._equal(order.ref, invoice, order.total, order.number, held)
        if invoice and estimate and order.ref not in self.unlinked and not self.has_forgotten:
            is_linked = ("Estimate", estimate.id) in invoice.links
            if not is_linked and estimate.status != "Rejected":
                yield f"{invoice} is not linked to {estimate}"

    def _matters(self, order: Order, invoice: Document | None) -> bool:
        if order.status == "?" or self.is_charged(order):
            return True
        return invoice is None and order.status != "bid"

    def _void(
        self,
        order: Order,
        invoice: Document | None,
        estimate: Document | None,
        there: Mapping[tuple[str, str], Document],
        held: set[str],
    ) -> Iterator[str]:
        if invoice is not None:
            paid = self._applied(invoice.id, there)
            if paid and (invoice.is_void or order.ref not in held):
                yield f"{order.ref} is void and paid with {paid}, and not held"
            if not invoice.is_void:
                yield f"{order.ref} is void, {invoice} is not"
            if estimate is not None and estimate.status != "Rejected":
                yield f"{order.ref} is void, {estimate} is {estimate.status}"
        elif estimate is not None and estimate.status != "Rejected":
            yield f"{order.ref} is void, {estimate} is {estimate.status}"

    def _applied(self, id_: str, there: Mapping[tuple[str, str], Document]) -> Decimal:
        rows = (row for d in there.values() for row in d.pays)
        return sum((n for kind, to, n in rows if (kind, to) == ("Invoice", id_)), ZERO)

    def _equal(
        self, ref: str, document: Document | None, total: Decimal, number: str, held: set[str]
    ) -> Iterator[str]:
        if document is None:
            yield f"{ref} is missing{' (held)' if ref in held else ''}"
        elif (document.total, document.number) != (total, _again(number, document)):
            yield f"{document} should be {number}, {total}{' (held)' if ref in held else ''}"
        elif ref in held:
            yield f"{ref} is held, and nothing is wrong with it"

    def _charge(
        self, charge: Charge, there: Mapping[tuple[str, str], Document], held: set[str]
    ) -> Iterator[str]:
        invoice = there.get(("Invoice", charge.ref))
        number = PREFIX[charge.kind] + charge.id
        if not charge.is_deleted:
            yield from self._equal(charge.ref, invoice, charge.amount, number, held)
        elif invoice is not None:
            spenders: list[Payment | CreditMemo] = [*self.now.payments.values()]
            spenders += self.now.credit_memos.values()
            given = sum((a.amount for s in spenders for a in s.applied if a.target == charge.ref),
                        ZERO)  # fmt: skip
            paid = self._applied(invoice.id, there)
            if paid and (invoice.is_void or charge.ref not in held):
                yield f"{charge.ref} is deleted and paid with {paid}, and not held"
            if not paid and not given and not invoice.is_void:
                yield f"{charge.ref} is deleted, {invoice} is not void"
            if given and not paid and not invoice.is_void:
                yield f"{invoice} is neither paid nor void"

    def _credit(
        self, credit: CreditMemo, there: Mapping[tuple[str, str], Document], held: set[str]
    ) -> Iterator[str]:
        memo = there.get(("CreditMemo", credit.ref))
        if not credit.is_deleted:
            yield from self._equal(credit.ref, memo, credit.amount, f"CM-{credit.id}", held)
        elif memo is not None and memo.total and credit.ref not in held:
            yield f"{credit.ref} is deleted, {memo} is there, and it is not held"

    def _payment(
        self,
        payment: Payment,
        there: Mapping[tuple[str, str], Document],
        held: set[str],
        loose: set[str],
    ) -> Iterator[str]:
        document = there.get(("Payment", payment.ref))
        if payment.status != "posted":
            if document is not None and not document.is_void:
                yield f"{payment.ref} is {payment.status}, and {document} is there"
            return
        wanted: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        overpaid = [a for c in self.now.credit_memos.values() for a in c.applied
                    if c.reason == "overpayment" and c.payment_id == payment.id]  # fmt: skip
        for application in (*payment.applied, *overpaid):
            invoice = there.get(("Invoice", application.target))
            if application.target in loose or self._owes_otherwise(application.target, invoice):
                return
            if invoice is not None and not invoice.is_void:
                wanted["Invoice", invoice.id] += application.amount
        if document is None:
            yield f"{payment.ref} is missing{' (held)' if payment.ref in held else ''}"
            return
        given: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for kind, id_, n in document.pays:
            given[kind, id_] += n
        if dict(given) != dict(wanted):
            yield (f"{document} pays {dict(given)}, not {dict(wanted)}"
                   f"{' (held)' if payment.ref in held else ''}")  # fmt: skip
        elif document.total != payment.amount:
            yield f"{document} should be over {payment.amount}"
        elif payment.ref in held:
            yield f"{payment.ref} is held, and nothing is wrong with it"

    def _owes_otherwise(self, target: str, invoice: Document | None) -> bool:
        """Whether an order's change is held, so that its invoice may not take all that is given."""
        order = self.now.orders.get(target.removeprefix("order:"))
        return bool(order and invoice and invoice.total < order.total)

    def _spent(self, there: Mapping[tuple[str, str], Document], loose: set[str]) -> Iterator[str]:
        """Each credit has given to each invoice what the source says, and nothing else."""
        got: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for document in there.values():
            if document.source.startswith("credit_application:"):
                memos = [id_ for kind, id_, _ in document.pays if kind == "CreditMemo"]
                for kind, id_, n in document.pays:
                    if kind == "Invoice":
                        got[memos[0] if memos else "", id_] += n
        wanted: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        unsure: set[str] = set()
        for credit in self.now.credit_memos.values():
            memo = there.get(("CreditMemo", credit.ref))
            if memo is None or credit.reason == "overpayment":
                continue
            rows = [(a.target, a.amount) for a in credit.applied]
            if credit.reason == "write_off":
                rows = [(f"order:{credit.order_id}", credit.amount)]
            for target, n in rows:
                invoice = there.get(("Invoice", target))
                if {credit.ref, target} & loose or self._owes_otherwise(target, invoice):
                    unsure |= {memo.id, invoice.id if invoice else ""}
                elif invoice is not None and not invoice.is_void:
                    wanted[memo.id, invoice.id] += n
        for pair in {*got, *wanted}:
            if got[pair] != wanted[pair] and not unsure & set(pair):
                yield f"credit {pair[0]} gives invoice {pair[1]} {got[pair]}, not {wanted[pair]}"

    def _people(
        self, there: Mapping[tuple[str, str], Document], people: Mapping[str, str]
    ) -> Iterator[str]:
        """Documents are on the customer of the source, under the name of today."""
        if self.has_forgotten:
            return
        for (_, source), document in there.items():
            versions = self.versions.get(source)
            if not versions or versions[-1].customer_id not in self.now.customers:
                continue
            name = self._customer(versions[-1].customer_id).name
            if document.customer in self.edited_people:
                continue  # what the shop changed since is held where a person changed it too
            if people.get(document.customer) != name:
                yield f"{document} is on {people.get(document.customer)!r}, not {name!r}"


def _again(number: str, document: Document) -> str:
    """A void document keeps its number: the one in its place has another."""
    return f"{number}-{document.nth}" if document.nth > 1 else number
