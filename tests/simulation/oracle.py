"""What the books must say, worked out from the source alone.

Shares no code with the product but its values.  Two questions: `wrong()` is asked after
every run and every death (is anything there twice, unasked for, or with other figures
than the source ever had? was anything undone that a person did?); once all is quiet
`Expected` asks the other one: is everything there, once, as the source says now?
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from qbosync.model import Application, Charge, CreditMemo, Customer, Order, Payment, Snapshot
from tests.simulation.books import Document
from tests.simulation.deeds import Deeds

ZERO = Decimal("0.00")
WAY = ("bid", "ordered", "verified", "in progress", "completed", "shipped")
PREFIX = {"finance_charge": "FC-", "processing_fee": "PF-", "bounced_payment": "BP-",
          "other": "OC-"}  # fmt: skip
Record = Order | Payment | Charge | CreditMemo
Ours = Mapping[tuple[str, str], Document]


@dataclass
class Oracle:
    """Remembers every version that a run could have read, and what people did.

    `today` is the day of the shop, `latest` what a clock that is off may take for it.
    `has_forgotten` is set once a ledger was lost or restored, `is_taxed` once Sales Tax was on.
    """

    charge_status: str = "shipped"
    skips_nothing: bool = True
    versions: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ever_charged: set[str] = field(default_factory=set)
    now: Snapshot = field(default_factory=Snapshot)
    today: date = date.min
    latest: date = date.min
    deeds: Deeds = field(default_factory=Deeds)
    unlinked: set[str] = field(default_factory=set)
    has_forgotten: bool = False
    is_taxed: bool = False

    def see(self, snapshot: Snapshot, today: date, latest: date) -> None:
        """A run is about to read this."""
        self.now, self.today, self.latest = snapshot, today, latest
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
            if self.is_charged(order, latest):
                self.ever_charged.add(order.ref)

    def forget(self) -> None:
        """The ledger was lost or is an old one: what people said of it is lost too."""
        self.has_forgotten = True
        self.deeds.unsay()

    # The rules of the shop ---------------------------------------------------------------

    def is_charged(self, order: Order, on: date | None = None) -> bool:
        """At or past the Status to Charge Customer, or charged by a date that has come."""
        if order.status not in WAY[1:]:
            return False
        if order.charge_date:
            return order.charge_date <= (on or self.today)
        own = self.heir(order.customer_id).charge_status
        return WAY.index(order.status) >= WAY.index(own or self.charge_status)

    def family(self, customer_id: str) -> Iterator[Customer]:
        """A customer, and those that it was merged into."""
        while customer_id:
            customer = self.now.customers[customer_id]
            yield customer
            customer_id = customer.merged_into

    def heir(self, customer_id: str) -> Customer:
        *_, last = self.family(customer_id)
        return last

    def called(self, customer_id: str) -> set[str]:
        """Every name under which a customer's documents may stand, merged ones among them."""
        heir = self.heir(customer_id)
        return {name for id_, names in self.names.items() for name in names
                if id_ == customer_id or self.heir(id_) == heir}  # fmt: skip

    def is_odd(self, order: Order) -> bool:
        """Held by itself: an unknown status, or a total that its parts do not explain."""
        parts = sum((line.amount for line in order.lines), ZERO) - order.discount
        parts += (order.shipping or ZERO) + (order.tax or ZERO)
        return order.status == "?" or abs(order.total - parts) > Decimal("0.05")

    def loose(self) -> set[str]:
        """Records that people have their hands on, and what hangs together with them by money."""
        roots = set(self.deeds.roots)
        spent = [ref.split(":", 1)[1] for ref in roots if ref.startswith("credit_application:")]
        roots |= {f"credit_memo:{id_.partition('/')[0]}" for id_ in spent}
        if self.deeds.their_people:
            theirs = self.deeds.their_people
            roots |= {
                ref
                for ref, versions in self.versions.items()
                if any(one.id in theirs for one in self.family(versions[-1].customer_id))
            }
        return self.spread(roots)

    def spread(self, roots: set[str]) -> set[str]:
        """Records, those that they pay or are paid by, and whatever else pays these."""
        if not roots:
            return set()
        pays = {
            ref: {a.target for v in versions for a in spendings(v)}
            for ref, versions in self.versions.items()
            if isinstance(versions[-1], Payment | CreditMemo)
        }
        loose = set(roots)
        for ref, targets in pays.items():
            if ref in roots or targets & roots:
                loose |= {ref, *targets}
        wider = {ref for ref, targets in pays.items() if targets & loose}
        for ref in wider:
            loose |= {ref, *pays[ref]}
        for ref in wider | loose:
            for version in self.versions.get(ref, ()):
                if isinstance(version, CreditMemo) and version.payment_id:
                    loose.add(f"payment:{version.payment_id}")
        return loose

    # After every run ---------------------------------------------------------------------

    def wrong(self, books: list[Document], people: Mapping[str, str]) -> Iterator[str]:
        """What must never be, however a run ended."""
        ours = [d for d in books if d.source]
        for (entity, source, _), n in Counter((d.entity, d.source, d.nth) for d in ours).items():
            alive = sum((d.entity, d.source, d.is_void) == (entity, source, False) for d in ours)
            if n > 1 or alive > 1:
                both = ", ".join(str(d) for d in ours if (d.entity, d.source) == (entity, source))
                yield f"twice: {both}"
        yield from self.deeds.undone(ours, self.has_forgotten, self._came_to_say)
        for document in ours:
            if document.is_void or self.deeds.is_by_hand(document):
                continue
            yield from self._figures(document, people)
        if not self.has_forgotten:
            for customer_id, names in self.names.items():
                twins = [id_ for id_, name in people.items() if name in names]
                if len(twins) > 1:
                    yield f"customer {customer_id} is there {len(twins)} times"

    def _came_to_say(self, document: Document, since: int) -> bool:
        """Whether the source said the same as a person, then or later."""
        versions = self.versions.get(document.source, [])[max(0, since - 1) :]
        if document.is_void:
            return any(_is_over(v) for v in versions) or not versions
        return any(self._says(v, document) for v in versions)

    def _figures(self, document: Document, people: Mapping[str, str]) -> Iterator[str]:
        kind, _, id_ = document.source.partition(":")
        if kind == "credit_application":
            yield from self._spending(document, id_)
            return
        source = id_.partition("/")[0] if kind == "correction" else document.source
        versions = self.versions.get(source)
        if not versions:
            yield f"nobody asked for {document}"
            return
        if self.is_taxed and document.total > document.lines and document.entity != "Payment":
            self.deeds.roots.add(document.source)  # applied late, and taxed by QuickBooks itself
            return
        if kind != "correction" and not any(self._says(v, document) for v in versions):
            yield f"the source never said so: {document}"
        if people.get(document.customer) not in self.called(versions[-1].customer_id):
            yield f"{document} is on customer {people.get(document.customer)}"
        if document.entity == "Payment":
            given = sum((n for _, _, n in document.pays), ZERO)
            if given + document.left != document.total:
                yield f"{document}: {given} applied and {document.left} unapplied"
        elif document.lines != document.total:
            yield f"{document}: its lines make {document.lines}"
        is_order = document.entity == "Invoice" and kind == "order"
        if is_order and document.source not in self.ever_charged:
            yield f"{document} was never charged"

    def _says(self, version: Record, document: Document) -> bool:
        if isinstance(version, Order):
            number = again(version.number, document)
            return (version.total, number) == (document.total, document.number)
        if isinstance(version, Charge):
            number = again(PREFIX[version.kind] + version.id, document)
            return (version.amount, number) == (document.total, document.number)
        if isinstance(version, CreditMemo):
            is_one = version.reason != "overpayment"
            worth = ZERO if version.is_deleted else version.amount
            return is_one and (worth, again(f"CM-{version.id}", document)) == (
                document.total, document.number,
            )  # fmt: skip
        return version.amount == document.total

    def is_over(self, source: str) -> bool:
        """Whether the source says now that a record ended."""
        versions = self.versions.get(source)
        return versions is None or _is_over(versions[-1])

    def says_now(self, document: Document) -> bool:
        """Whether a document has the figures of today."""
        return self._says(self.versions[document.source][-1], document)

    def _spending(self, document: Document, id_: str) -> Iterator[str]:
        credit_id = id_.partition("/")[0]
        if document.total:
            yield f"{document} spends a credit with money"
        if f"credit_memo:{credit_id}" not in self.versions:
            yield f"nobody asked for {document}"


def _is_over(record: Record) -> bool:
    """Whether the source ended a record: void, deleted, undone."""
    if isinstance(record, Order):
        return record.status == "void"
    if isinstance(record, Payment):
        return not record.is_received
    return record.is_deleted


def again(number: str, document: Document) -> str:
    """A void document keeps its number: the one in its place has another."""
    return f"{number}-{document.nth}" if document.nth > 1 else number


def spendings(record: Record) -> Iterable[Application]:
    """What a payment or credit gives to orders and charges."""
    if isinstance(record, Payment):
        return record.applied if record.status in ("posted", "refunded") else ()
    if not isinstance(record, CreditMemo) or record.is_deleted:
        return ()
    is_made_for_it = record.reason in ("write_off", "cash_discount") and record.order_id
    if is_made_for_it and not record.applied:
        return (Application(f"order:{record.order_id}", record.amount, record.issued),)
    return record.applied
