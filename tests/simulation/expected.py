"""What must be there once all is quiet: everything, once, as the source says now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from qbosync.model import Charge, CreditMemo, Customer, Order, Payment
from tests.simulation.beside import Beside
from tests.simulation.books import Document
from tests.simulation.oracle import PREFIX, ZERO, Record, again, spendings

_CLASSES = ("Doors", "Drawers", "Hardware", "Panels")


class Expected(Beside):
    """What is missing or wrong."""

    # What must be there --------------------------------------------------------------------

    def missing(self) -> Iterator[str]:
        """What must be there now and is not, and what is held without need."""
        for order in self.now.orders.values():
            if order.ref not in self.loose:
                yield from self._order(order)
        for charge in self.now.charges.values():
            if charge.ref not in self.loose:
                yield from self._charge(charge)
        for credit in self.now.credit_memos.values():
            if credit.ref not in self.loose and credit.reason != "overpayment":
                yield from self._credit(credit)
        for payment in self.now.payments.values():
            if payment.ref not in self.loose:
                yield from self._payment(payment)
        yield from self._spent()
        yield from self._shared()
        yield from self._people()

    def _order(self, order: Order) -> Iterator[str]:
        oracle, held = self.oracle, self.held
        invoice = self.there.get(("Invoice", order.ref))
        estimate = self.there.get(("Estimate", order.ref))
        if oracle.is_odd(order) and order.status != "void" and order.status != "on hold":
            if order.ref not in held and self._matters(order, invoice):
                yield f"{order.ref} is odd and not held"
            return
        if order.status == "on hold" or order.status == "bid":
            return
        if not order.total and not oracle.skips_nothing and not (invoice or estimate):
            return
        if order.status == "void":
            yield from self._void(order, invoice, estimate)
            return
        if invoice is not None and invoice.is_void:
            if oracle.is_charged(order):
                yield f"{order.ref} came back, and {invoice} is void"
            return
        if not oracle.is_charged(order):
            if invoice is None:
                yield from self._equal(order.ref, estimate, order.total, order.number)
                yield from self._classes(order, estimate)
            return
        yield from self._equal(order.ref, invoice, order.total, order.number)
        yield from self._classes(order, invoice)
        if invoice and estimate and order.ref not in oracle.unlinked and not oracle.has_forgotten:
            is_linked = ("Estimate", estimate.id) in invoice.links
            if not is_linked and estimate.status != "Rejected":
                yield f"{invoice} is not linked to {estimate}"

    def _matters(self, order: Order, invoice: Document | None) -> bool:
        if order.status == "?" or self.oracle.is_charged(order):
            return True
        return invoice is None and order.status != "bid"

    def _classes(self, order: Order, document: Document | None) -> Iterator[str]:
        """Each export class has on its item what the order's lines of it come to."""
        if document is None or self._net_of(order.ref) or self.oracle.has_forgotten:
            return
        for name in _CLASSES:
            wanted = sum((n.amount for n in order.lines if n.export_class == name), ZERO)
            if (found := document.items.get(name, ZERO)) != wanted:
                yield f"{document} has {found} of {name}, not {wanted}"

    def _void(
        self, order: Order, invoice: Document | None, estimate: Document | None
    ) -> Iterator[str]:
        if invoice is not None:
            if net := self._net_of(order.ref):
                if invoice.total + net and order.ref not in self.held:
                    yield f"{order.ref} is void, {invoice} and corrections are not"
                return
            paid = self._applied(invoice.id)
            if paid and (invoice.is_void or order.ref not in self.held):
                yield f"{order.ref} is void and paid with {paid}, and not held"
            if not invoice.is_void:
                yield f"{order.ref} is void, {invoice} is not"
        if estimate is not None and estimate.status != "Rejected":
            yield f"{order.ref} is void, {estimate} is {estimate.status}"

    def _equal(
        self, ref: str, document: Document | None, total: Decimal, number: str
    ) -> Iterator[str]:
        held = " (held)" if ref in self.held else ""
        net = self._net_of(ref)
        if document is None:
            yield f"{ref} is missing{held}"
        elif (document.total + net, document.number) != (total, again(number, document)):
            yield f"{document} should be {number}, {total}{held}"
        elif held:
            yield f"{ref} is held, and nothing is wrong with it"

    def _charge(self, charge: Charge) -> Iterator[str]:
        invoice = self.there.get(("Invoice", charge.ref))
        number = PREFIX[charge.kind] + charge.id
        if not charge.is_deleted:
            yield from self._equal(charge.ref, invoice, charge.amount, number)
        elif invoice is not None and self._net_of(charge.ref):
            if invoice.total + self._net_of(charge.ref) and charge.ref not in self.held:
                yield f"{charge.ref} is deleted, {invoice} and corrections are not"
        elif invoice is not None:
            given = self.given[charge.ref]
            paid = self._applied(invoice.id)
            if paid and (invoice.is_void or charge.ref not in self.held):
                yield f"{charge.ref} is deleted and paid with {paid}, and not held"
            if not paid and not given and not invoice.is_void:
                yield f"{charge.ref} is deleted, {invoice} is not void"
            is_theirs = any(payer in self.loose for _, payer, _ in given)
            if given and not paid and not invoice.is_void and not is_theirs:
                yield f"{invoice} is neither paid nor void"

    def _credit(self, credit: CreditMemo) -> Iterator[str]:
        memo = self.there.get(("CreditMemo", credit.ref))
        if not credit.is_deleted:
            yield from self._equal(credit.ref, memo, credit.amount, f"CM-{credit.id}")
        elif memo is not None and memo.total and credit.ref not in self.held:
            yield f"{credit.ref} is deleted, {memo} is there, and it is not held"

    # Money ---------------------------------------------------------------------------------

    def _payment(self, payment: Payment) -> Iterator[str]:
        document = self.there.get(("Payment", payment.ref))
        held = " (held)" if payment.ref in self.held else ""
        if not payment.is_received:
            if document is not None and not document.is_void:
                yield f"{payment.ref} is {payment.status}, and {document} is there"
            return
        wanted: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        rows = [*payment.applied]
        for credit in self.now.credit_memos.values():
            if credit.reason == "overpayment" and credit.payment_id == payment.id:
                rows += spendings(credit)
        for application in rows:
            invoice = self.there.get(("Invoice", application.target))
            if application.target in self.loose or self._owes_otherwise(application.target):
                return
            if self._is_elsewhere(document, invoice):
                return
            if invoice is not None and not invoice.is_void:
                wanted["Invoice", invoice.id] += application.amount
        if document is None:
            yield f"{payment.ref} is missing{held}"
            return
        given: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for kind, id_, n in document.pays:
            given[self._corrected(kind, id_)] += n
        if not self._is_given(dict(given), dict(wanted)):
            yield f"{document} pays {dict(given)}, not {dict(wanted)}{held}"
        elif document.total != payment.amount:
            yield f"{document} should be over {payment.amount}"
        elif held:
            yield f"{payment.ref} is held, and nothing is wrong with it"

    def _is_given(
        self, given: dict[tuple[str, str], Decimal], wanted: dict[tuple[str, str], Decimal]
    ) -> bool:
        """Exactly what is wanted, or less where an order became less than is given to it."""
        for place in {*given, *wanted}:
            source = self.by_place[place].source if place in self.by_place else ""
            least = ZERO if source in self.too_much else wanted.get(place, ZERO)
            if not least <= given.get(place, ZERO) <= wanted.get(place, ZERO):
                return False
        return True

    def _is_elsewhere(self, document: Document | None, invoice: Document | None) -> bool:
        """Whether a merge left a payment and its invoice on two customers."""
        return bool(document and invoice and document.customer != invoice.customer)

    def _owes_otherwise(self, target: str) -> bool:
        """Whether a change is held, so that invoice and corrections together take less."""
        invoice = self.there.get(("Invoice", target))
        return bool(invoice and invoice.total + self._net_of(target) < self._worth(target))

    def _shared(self) -> Iterator[str]:
        """An order that is less than is given to it is paid in full, with the oldest money."""
        for target in self.too_much - self.loose:
            invoice = self.there.get(("Invoice", target))
            if invoice is None or invoice.is_void or invoice.total != self._worth(target):
                continue
            given: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
            for day, payer, n in self.given[target]:
                given[payer].append((day, n))
            if any(p in self.loose or self._is_apart(p, invoice) for p in given):
                continue
            got = {payer: self._got(payer, invoice.id) for payer in given}
            if sum(got.values(), ZERO) != invoice.total:
                yield f"{invoice} is not paid in full by {got}"
            for payer, rows in given.items():
                last = max(day for day, _ in rows)
                newer = [p for p in given if got[p] and min(d for d, _ in given[p]) > last]
                if got[payer] < sum((n for _, n in rows), ZERO) and newer:
                    yield f"{invoice}: {payer} of {last} gave back before {newer}"

    def _spent(self) -> Iterator[str]:
        """Each credit has given to each invoice what the source says, and nothing else."""
        got: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for document in self.there.values():
            if document.source.startswith("credit_application:"):
                memos = [id_ for kind, id_, _ in document.pays if kind == "CreditMemo"]
                for kind, id_, n in document.pays:
                    if kind == "Invoice":
                        got[memos[0] if memos else "", id_] += n
        wanted: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        unsure: set[str] = set()
        for credit in self.now.credit_memos.values():
            memo = self.there.get(("CreditMemo", credit.ref))
            if memo is None or credit.reason == "overpayment":
                continue
            if credit.ref in self.loose:
                unsure.add(memo.id)
            for a in spendings(credit):
                invoice = self.there.get(("Invoice", a.target))
                is_loose = {credit.ref, a.target} & (self.loose | self.too_much)
                is_apart = self._is_elsewhere(memo, invoice)
                is_less = self._owes_otherwise(a.target) or self._net_of(a.target) > 0
                if is_loose or is_apart or is_less:
                    unsure |= {memo.id, invoice.id if invoice else ""}
                elif invoice is not None and not invoice.is_void:
                    wanted[memo.id, invoice.id] += a.amount
        for pair in {*got, *wanted}:
            if got[pair] != wanted[pair] and not unsure & set(pair):
                yield f"credit {pair[0]} gives invoice {pair[1]} {got[pair]}, not {wanted[pair]}"

    # People --------------------------------------------------------------------------------

    def _people(self) -> Iterator[str]:
        """Documents are on the customer of the source, under the name of today."""
        oracle = self.oracle
        if oracle.has_forgotten:
            return
        for (_, source), document in self.there.items():
            versions = oracle.versions.get(source)
            if not versions or document.customer in oracle.deeds.edited_people:
                continue  # what the shop changed since is held where a person changed it too
            if versions[-1].customer_id in oracle.deeds.their_people:
                continue
            names = self._names(versions[-1].customer_id)
            if self.people.get(document.customer) not in names:
                yield f"{document} is on {self.people.get(document.customer)!r}, not {names}"
            heir = oracle.heir(versions[-1].customer_id)
            if len(names) > 1 and source not in self.loose | self.held:
                yield from self._moved(versions[-1], document, heir)
            company = heir.name if heir.type == "business" else ""
            known = self.companies.get(document.customer, "")
            if self.people.get(document.customer) == heir.name and known != company:
                yield f"{heir.name} is of the company {known!r}"

    def _names(self, customer_id: str) -> set[str]:
        """Who was merged may have kept what is paid or converted, under any name it had."""
        first, *others = self.oracle.family(customer_id)
        is_heir = any(c.merged_into == customer_id for c in self.now.customers.values())
        if not others and not is_heir:
            return {first.name}
        return self.oracle.called(customer_id)

    def _moved(self, record: Record, document: Document, heir: Customer) -> Iterator[str]:
        """What is open of a merged customer is on the one that is left.

        An invoice that others correct stays as it is, together with these.
        """
        is_open = document.entity == "Invoice" and not self._applied(document.id)
        is_open = is_open and not self._is_corrected(record.ref)
        is_open = is_open and ("Estimate", record.ref) not in self.there
        if document.entity == "Estimate":
            is_open = document.status not in ("Rejected", "Converted", "Closed")
            is_open = is_open and ("Invoice", record.ref) not in self.there
        is_idle = isinstance(record, Order) and (record.status in ("on hold", "bid", "void")
                                                 or self.oracle.is_odd(record))  # fmt: skip
        name = self.people.get(document.customer)
        if is_open and not is_idle and not document.is_void and name != heir.name:
            yield f"{document} is open and still on {name!r}"
