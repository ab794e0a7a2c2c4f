"""Source, ledger and QuickBooks beside each other, to the cent.  Pure.

What the shop system says is computed from its records alone; the plan only tells why a
difference is there: not sent yet, held, out of scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qbosync.key import Entity
from qbosync.mapping.policy import Policy
from qbosync.model import ZERO, CreditMemo, Order, Payment, Problem, Snapshot
from qbosync.operation import Entry, Operation
from qbosync.plan import Plan
from qbosync.reconcile.books import Books, Document
from qbosync.reconcile.cause import Evidence, cause_of
from qbosync.reconcile.shop_side import Record, ShopSide, live
from qbosync.reconcile.statement import Age, Figure, Owed, Row, Statement, Stranger

_AGES = {7: "up to 7 days", 30: "8 to 30 days"}
_OLDER = "more than 30 days"


@dataclass(frozen=True)
class Sides:
    """Everything that is compared; `waiting` are holds and what is to be applied by hand."""

    snapshot: Snapshot
    policy: Policy
    entries: Iterable[Entry]
    plan: Plan
    waiting: Mapping[str, Problem]
    books: Books
    today: date


def compare(sides: Sides, as_of: date | None = None) -> Statement:
    """Both sides at the end of a day; without one, as they stand now."""
    return _Comparison(sides, as_of or sides.today, is_now=as_of is None).statement()


@dataclass
class _Comparison:
    sides: Sides
    on: date
    is_now: bool

    def __post_init__(self) -> None:
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        self.planned: dict[str, list[Operation]] = defaultdict(list)
        for entry in self.sides.entries:
            self.entries[entry.key.record].append(entry)
        for operation in self.sides.plan.operations:
            self.planned[operation.key.record].append(operation)
        self.books_given = self.sides.books.given(self.on)
        snapshot, policy, skipped = self.sides.snapshot, self.sides.policy, self.sides.plan.skipped
        self.shop = ShopSide(
            snapshot, policy, self.entries, self.planned, skipped, self.on, self.sides.today
        )

    def statement(self) -> Statement:
        snapshot = self.sides.snapshot
        records: tuple[Record, ...] = (
            *snapshot.orders.values(),
            *snapshot.charges.values(),
            *snapshot.credit_memos.values(),
            *snapshot.payments.values(),
        )
        rows = [self._row(record) for record in records if self.shop.counts(record)]
        known = {record.ref for record in records}
        rows += [
            self._gone(source, entries)
            for source, entries in self.entries.items()
            if source not in known and entries[0].key.kind in _SIGNS and live(entries)
        ]
        rows += [_unread(problem) for problem in snapshot.problems if problem.source not in known]
        strangers = tuple(self._strangers())
        return Statement(
            self.on,
            tuple(rows),
            tuple(self._customers(rows, strangers)),
            strangers,
            tuple(self._undeposited()),
        )

    # One record ------------------------------------------------------------------------------

    def _row(self, record: Record) -> Row:
        kind = record.ref.partition(":")[0]
        entries = live(self.entries[record.ref])
        is_estimate = isinstance(record, Order) and record.ref not in self.shop.owing
        is_estimate = is_estimate and not self.shop.is_invoiced(record.ref)
        if is_estimate:
            assert isinstance(record, Order)  # noqa: S101
            return self._estimate(record, entries)
        later = [e for e in entries if e.key.kind == "correction" and self._is_later(e)]
        entries = [entry for entry in entries if entry not in later]
        documents = self._documents(entries)
        # The shop system says what an order is worth today; these documents say it only since.
        amount = self.shop.amount(record) - self._remembered(later, 1)
        given = self.shop.applied(record) if isinstance(record, Payment | CreditMemo) else {}
        left = amount - (sum(given.values(), ZERO) if given else self.shop.given[record.ref])
        waits: tuple[str, ...] = ()
        if isinstance(record, Payment):
            waits = tuple(a.target for a in record.applied if a.target not in self.shop.owing)
        sign = _SIGNS[kind]
        rest = sum((self._left(d) * _side(d, sign) for d in documents), ZERO)
        taxes = sum((d.tax * _side(d, sign) for d in documents), ZERO)
        figures = (
            Figure(amount, self._remembered(entries, sign), _sum(documents, sign)),
            Figure(left, left if not self.planned[record.ref] else ZERO, rest),
            Figure(self._tax(record, entries), taxes, taxes),
        )
        row = Row(
            record.ref, record.customer_id, self._became(record.ref), sign, *figures, "", "", waits
        )
        return self._explained(row, entries, documents)

    def _is_later(self, entry: Entry) -> bool:
        return entry.dated is not None and entry.dated > self.on

    def _estimate(self, order: Order, entries: list[Entry]) -> Row:
        """An order that owes nothing yet; its estimate posts nothing, but is compared too."""
        documents = self._documents(entries)
        is_over = order.status in self.sides.policy.void
        alive = [d for d in documents if d.status != "Rejected"]
        shop = ZERO if is_over or not (entries or self.planned[order.ref]) else order.total
        books = sum((d.total for d in alive), ZERO)
        remembered = ZERO if is_over else sum((e.amount or ZERO for e in entries), ZERO)
        row = Row(order.ref, order.customer_id, self._became(order.ref), 0,
                  Figure(shop, remembered, books), Figure(), Figure())  # fmt: skip
        return self._explained(row, entries, documents)

    def _gone(self, source: str, entries: list[Entry]) -> Row:
        """What QuickBooks has from us and the export no longer has."""
        alive = live(entries)
        documents = self._documents(alive)
        sign = _SIGNS[entries[0].key.kind]
        rest = sum((self._left(d) for d in documents), ZERO)
        row = Row(
            source, entries[0].customer, self._became(source), sign,
            Figure(ZERO, self._remembered(alive, sign), _sum(documents, sign)),
            Figure(ZERO, ZERO, rest), Figure(),
        )  # fmt: skip
        return self._explained(row, alive, documents)

    def _explained(self, row: Row, entries: list[Entry], documents: list[Document]) -> Row:
        plan = self.sides.plan
        evidence = Evidence(
            row,
            entries,
            documents,
            self.planned[row.source],
            self.sides.waiting.get(row.source),
            plan.kept.get(row.source, "") or self._corrections(row.source),
            tuple(self._payers(row.source)),
        )
        return cause_of(evidence)

    def _corrections(self, source: str) -> str:
        """That money stayed on an invoice, because it was corrected by other documents."""
        payment = self.sides.snapshot.payments.get(source.partition(":")[2])
        is_payment = payment is not None and payment.ref == source
        targets = [a.target for a in payment.applied] if is_payment and payment else [source]
        numbers = [e.number for to in targets for e in self.entries.get(to, ())
                   if e.key.kind == "correction"]  # fmt: skip
        if not numbers:
            return ""
        whose = "its order" if is_payment else "it"
        return f"{whose} was corrected by {', '.join(numbers)}, and the money stays where it was"

    def _payers(self, target: str) -> Iterator[Problem | Operation]:
        """Why money that should be on this document is not there yet."""
        for ref in self.shop.payers[target]:
            if problem := self.sides.waiting.get(ref):
                yield problem
            yield from self.planned[ref]

    # QuickBooks' side ---------------------------------------------------------------------------

    def _documents(self, entries: Iterable[Entry]) -> list[Document]:
        found = (self.sides.books.documents.get((e.key.entity, e.qbo_id)) for e in entries)
        return [d for d in found if d is not None and d.dated <= self.on]

    def _left(self, document: Document) -> Decimal:
        """What is open, unapplied or unspent of it on that day."""
        if self.is_now:
            return document.open
        if document.entity is not Entity.PAYMENT:
            return document.total - self.books_given[document.entity.value, document.id]
        left = document.total
        for (kind, id_), amount in document.pays.items():
            target = self.sides.books.documents.get((Entity(kind), id_))
            if target is not None and target.dated <= self.on:
                left += amount if kind == Entity.CREDIT_MEMO else -amount
        return left

    def _became(self, source: str) -> str:
        entries = [e for e in self.entries[source] if e.is_live]
        return " → ".join(f"{e.key.entity} {e.number or e.qbo_id}" for e in entries)

    def _remembered(self, entries: Iterable[Entry], sign: int) -> Decimal:
        signs = {Entity.INVOICE: 1, Entity.CREDIT_MEMO: -1, Entity.PAYMENT: -1}
        amounts = ((e.amount or ZERO) * signs.get(e.key.entity, 0) for e in entries)
        return sum(amounts, ZERO) * sign

    def _tax(self, record: Record, entries: Iterable[Entry]) -> Decimal:
        """The sales tax in it: as its lines say, where they were drafted, else its own figure."""
        if isinstance(record, Payment) or not self.shop.amount(record):
            return ZERO
        planned = [op.draft for op in self.planned[record.ref] if not op.draft.is_void]
        drafted = [(draft.key, draft.facts) for draft in planned]
        known = [(entry.key, entry.facts) for entry in entries]
        corrections = [(k, facts) for k, facts in (*known, *drafted) if k.kind == "correction"]
        whole = [pair for pair in (*known, *drafted) if pair[0].kind != "correction"][-1:]
        item = self.sides.policy.items.sales_tax.casefold()
        if not any(facts.get("Line") for _, facts in whole):
            return record.tax or ZERO
        return sum(
            (
                Decimal(row[2]) * (-1 if key.kind == "correction" and key.entity is _BACK else 1)
                for key, facts in (*whole, *corrections)
                for row in facts.get("Line", ())
                if row[1].casefold() == item
            ),
            ZERO,
        )

    def _strangers(self) -> Iterator[Stranger]:
        """Documents that people entered for customers of ours, and copies that bear our mark."""
        ours = {(e.key.entity, e.qbo_id) for rows in self.entries.values() for e in rows}
        ids = {e.qbo_id for rows in self.entries.values() for e in rows
               if e.key.entity is Entity.CUSTOMER}  # fmt: skip
        for key, document in self.sides.books.documents.items():
            if key in ours or document.customer not in ids or not document.receivable:
                continue
            if document.dated <= self.on:
                became = f"{document.entity} {document.number or document.id}"
                yield Stranger(document.customer, became, document.dated, document.receivable,
                               bool(document.mark))  # fmt: skip

    def _customers(self, rows: Iterable[Row], strangers: Iterable[Stranger]) -> Iterator[Owed]:
        """One line for each of QuickBooks' customers, who may be several of the shop's."""
        books = self.sides.books
        ids = {rows[0].key.id: rows[0].qbo_id for source, rows in self.entries.items()
               if source.startswith("customer:")}  # fmt: skip
        owes: dict[str, Figure] = defaultdict(Figure)
        for row in rows:
            if row.sign:
                owes[row.customer] += row.total if row.sign > 0 else -row.total
        by_hand: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for stranger in strangers:
            by_hand[stranger.customer] += stranger.amount
        same: dict[str, list[str]] = defaultdict(list)
        for customer_id in dict.fromkeys((*ids, *owes)):
            same[ids.get(customer_id) or f"not there: {customer_id}"].append(customer_id)
        for qbo_id, whoever in same.items():
            customers, names = sorted(whoever), []
            for customer_id in customers:
                customer = self.sides.snapshot.customers.get(customer_id)
                known = books.names.get(qbo_id, customer_id)
                names.append(customer.name.strip() if customer else known)
            owed = sum((owes[customer_id] for customer_id in customers), Figure())
            balance = books.balances.get(qbo_id, ZERO) if self.is_now else None
            yield Owed(customers[0], " + ".join(sorted(names)), owed, by_hand[qbo_id], balance)

    def _undeposited(self) -> Iterator[Age]:
        waiting: dict[str, list[Decimal]] = {words: [] for words in (*_AGES.values(), _OLDER)}
        for document in self.sides.books.documents.values():
            if self.sides.books.is_undeposited(document, self.on):
                days = (self.on - document.dated).days
                words = next((words for most, words in _AGES.items() if days <= most), _OLDER)
                waiting[words].append(document.total)
        for words, amounts in waiting.items():
            yield Age(words, len(amounts), sum(amounts, ZERO))


_BACK = Entity.CREDIT_MEMO
_SIGNS = {"order": 1, "charge": 1, "credit_memo": -1, "payment": -1}


def _side(document: Document, sign: int) -> int:
    """Whether a document adds to its record's figures, or corrects them downwards."""
    return -1 if sign > 0 and document.entity is _BACK else 1


def _sum(documents: Iterable[Document], sign: int) -> Decimal:
    return sum((d.receivable for d in documents), ZERO) * sign


def _unread(problem: Problem) -> Row:
    return Row(problem.source, "", "", 0, Figure(problem.amount or ZERO), Figure(), Figure(),
               problem.what, problem.todo)  # fmt: skip
