"""A bookkeeper, who works in QuickBooks by hand between the runs.

Each habit picks what it needs from the books and does it on the screen, where QuickBooks allows
more than to programs.  What was done is remembered with the oracle: it has to stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from qbosync.emulator.bookkeeper import act
from tests.simulation.books import Document, customers, edit, edit_line, ours_of, read_books
from tests.simulation.business import Business
from tests.simulation.deeds import Pin
from tests.simulation.net import Net
from tests.simulation.oracle import Oracle
from tests.simulation.process import Machine

Chosen = tuple[dict[str, Any], Document | None]
"""What is done at the screen, and the document that is theirs from then on."""
_NOTHING: Chosen = ({}, None)
_TAX = {"on": {"UsingSalesTax": True}, "off": {"UsingSalesTax": False}}


@dataclass
class Bookkeeper:
    """The person, the books, and who remembers."""

    net: Net
    shop: Business
    oracle: Oracle
    machine: Machine
    taxes: bool = False
    people: int = 0

    def do(self, habit: str, dice: Random) -> None:
        """One habit, if there is anything to do it to."""
        before = self.books()
        books = [d for d in before if not d.is_void]
        body, touched = HABITS[habit](self, books, dice)
        if not body or not self._act(body):
            return
        if habit in _PINNED and touched is not None:
            self._pin(touched, habit)
        if touched is not None and touched.source:
            self.oracle.deeds.roots.add(touched.source)
            self.oracle.deeds.unseen[touched.source] = self.machine.told(touched.source)
        self._look_again()

    def books(self) -> list[Document]:
        books = read_books(self.net.emulator, self.net.realm_id)
        return self.oracle.deeds.named(books)

    def _act(self, body: dict[str, Any]) -> bool:
        self.net.say(f"  person: {body}")
        try:
            act(self.net.emulator.companies[self.net.realm_id], body)
        except ValueError as error:  # QuickBooks does not let a person do all either
            self.net.say(f"  refused: {error}")
            return False
        self.net.date_moves()
        return True

    def _pin(self, touched: Document, habit: str) -> None:
        place = (touched.entity, touched.id)
        since = len(self.oracle.versions.get(touched.source, ()))
        is_known = self.machine.knows(touched.entity, touched.id)
        self.oracle.deeds.pins[place] = Pin(touched, habit in _GONE, since, is_known)

    def _look_again(self) -> None:
        """What was done may have moved other documents that a person had set."""
        deeds = self.oracle.deeds
        there = {(d.entity, d.id): d for d in self.books()}
        for place, pin in deeds.pins.items():
            if not pin.is_gone and place in there:
                deeds.pins[place] = Pin(there[place], False, pin.since, pin.is_known)
        for place in list(deeds.shut):
            if place in there:
                deeds.shut[place] = there[place]
            else:
                del deeds.shut[place]
        for source, before in deeds.frozen.items():
            deeds.frozen[source] = {p: there[p] for p in before if p in there}

    # Documents -----------------------------------------------------------------------------

    def own_invoice(self, books: list[Document], dice: Random) -> Chosen:
        del dice
        if not (invoices := ours_of(books, "Invoice")):
            return _NOTHING
        line = {"DetailType": "SalesItemLineDetail", "Amount": Decimal("12.00"),
                "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}  # fmt: skip
        values = {"CustomerRef": {"value": invoices[0].customer}, "DocNumber": "HAND-1",
                  "Line": [line]}  # fmt: skip
        return {"action": "create", "entity": "Invoice", "values": values}, None

    def due(self, books: list[Document], dice: Random) -> Chosen:
        if not (invoices := ours_of(books, "Invoice")):
            return _NOTHING
        return edit(dice.choice(invoices), DueDate="2026-12-24"), None

    def recode(self, books: list[Document], dice: Random) -> Chosen:
        """The item of a line; its quantity and price go too."""
        if not (invoices := ours_of(books, "Invoice")):
            return _NOTHING
        touched = dice.choice(invoices)
        item = {"ItemRef": {"value": "1"}, "TaxCodeRef": {"value": "NON"}}
        return edit_line(touched, SalesItemLineDetail=item), touched

    def amount(self, books: list[Document], dice: Random) -> Chosen:
        forms = (
            ours_of(books, "Invoice") + ours_of(books, "Estimate") + ours_of(books, "CreditMemo")
        )
        if not forms:
            return _NOTHING
        touched = dice.choice(forms)
        return edit_line(touched, Amount=Decimal(dice.randint(1, 99_999)) / 100), touched

    def number(self, books: list[Document], dice: Random) -> Chosen:
        if not (forms := ours_of(books, "Invoice") + ours_of(books, "CreditMemo")):
            return _NOTHING
        touched = dice.choice(forms)
        return edit(touched, DocNumber=f"B{dice.randint(100, 999)}"), touched

    def money(self, books: list[Document], dice: Random) -> Chosen:
        """The amount of a payment that nothing is paid with yet."""
        free = [d for d in ours_of(books, "Payment") if not d.pays]
        if not free:
            return _NOTHING
        touched = dice.choice(free)
        return edit(touched, TotalAmt=touched.total + 1), touched

    def void(self, books: list[Document], dice: Random) -> Chosen:
        if not (forms := ours_of(books, "Invoice") + ours_of(books, "Payment")):
            return _NOTHING
        touched = dice.choice(forms)
        return {"action": "void", "entity": touched.entity, "id": touched.id}, touched

    def delete(self, books: list[Document], dice: Random) -> Chosen:
        ours = [d for d in books if d.source]
        if not ours:
            return _NOTHING
        touched = dice.choice(ours)
        return {"action": "delete", "entity": touched.entity, "id": touched.id}, touched

    # Money ---------------------------------------------------------------------------------

    def deposit(self, books: list[Document], dice: Random) -> Chosen:
        if not (payments := ours_of(books, "Payment")):
            return _NOTHING
        touched = dice.choice(payments)
        return {"action": "deposit", "id": touched.id}, touched

    def unapply(self, books: list[Document], dice: Random) -> Chosen:
        if not (paying := [d for d in ours_of(books, "Payment") if d.pays]):
            return _NOTHING
        touched = dice.choice(paying)
        return {"action": "unapply_payment", "entity": "Payment", "id": touched.id}, touched

    def apply(self, books: list[Document], dice: Random) -> Chosen:
        """What is left of a payment goes to an invoice that the shop did not name."""
        invoices = ours_of(books, "Invoice")
        free = [(p, i) for p in ours_of(books, "Payment") if p.left for i in invoices
                if i.customer == p.customer and i.left]  # fmt: skip
        if not free:
            return _NOTHING
        touched, invoice = dice.choice(free)
        self.oracle.deeds.roots.add(invoice.source)
        body = {"action": "apply_payment", "entity": "Payment", "id": touched.id,
                "invoice": invoice.id}  # fmt: skip
        return body, touched

    def own_payment(self, books: list[Document], dice: Random) -> Chosen:
        """A payment that the shop has too, and nobody has sent yet."""
        there = {d.source for d in books}
        ids = {name: id_ for id_, name in customers(self.net.emulator, self.net.realm_id).items()}
        new = [p for p in self.shop.payments.values() if p.ref not in there and p.is_received]
        new = [p for p in new if self._name_of(p.customer_id) in ids]
        if not new:
            return _NOTHING
        payment = dice.choice(new)
        customer = ids[self._name_of(payment.customer_id)]
        self.oracle.deeds.roots.add(payment.ref)
        values = {"CustomerRef": {"value": customer}, "TotalAmt": payment.amount,
                  "TxnDate": payment.received.isoformat()}  # fmt: skip
        return {"action": "create", "entity": "Payment", "values": values}, None

    def convert(self, books: list[Document], dice: Random) -> Chosen:
        """An invoice is made of an estimate on the screen."""
        done = {d.source for d in ours_of(books, "Invoice")}
        open_ = [d for d in ours_of(books, "Estimate") if d.status in ("Pending", "Accepted")]
        open_ = [d for d in open_ if d.source not in done]
        if not open_:
            return _NOTHING
        touched = dice.choice(open_)
        return {"action": "convert_estimate", "entity": "Estimate", "id": touched.id}, touched

    # People --------------------------------------------------------------------------------

    def _name_of(self, customer_id: str) -> str:
        return self.shop.customers[customer_id].name

    def _customer(self, books: list[Document], dice: Random) -> tuple[str, str]:
        """One of ours: QuickBooks' Id and the shop's."""
        people = customers(self.net.emulator, self.net.realm_id)
        ours = {name: id_ for id_, names in self.oracle.names.items() for name in names}
        known = [(id_, ours[name]) for id_, name in people.items() if name in ours]
        known = [row for row in known if any(d.customer == row[0] for d in books)]
        return dice.choice(known) if known else ("", "")

    def phone(self, books: list[Document], dice: Random) -> Chosen:
        qbo_id, _ = self._customer(books, dice)
        if not qbo_id:
            return _NOTHING
        self.oracle.deeds.edited_people.add(qbo_id)
        values = {"PrimaryPhone": {"FreeFormNumber": "000"}}
        return {"action": "edit", "entity": "Customer", "id": qbo_id, "values": values}, None

    def rename(self, books: list[Document], dice: Random) -> Chosen:
        qbo_id, id_ = self._customer(books, dice)
        if not qbo_id:
            return _NOTHING
        self.people += 1
        name = f"Renamed {self.people}"
        self.oracle.deeds.edited_people.add(qbo_id)
        self.oracle.names[id_].add(name)
        return {"action": "rename", "id": qbo_id, "to": name}, None

    def merge(self, books: list[Document], dice: Random) -> Chosen:
        """A customer of ours is merged into one that the bookkeeper made."""
        qbo_id, id_ = self._customer(books, dice)
        if not qbo_id:
            return _NOTHING
        self.people += 1
        name = f"Group {self.people}"
        self._act({"action": "create", "entity": "Customer", "values": {"DisplayName": name}})
        people = customers(self.net.emulator, self.net.realm_id)
        [into] = [other for other, known in people.items() if known == name]
        self.oracle.names[id_].add(name)
        self.oracle.deeds.edited_people.add(into)
        self.oracle.deeds.their_people.add(id_)
        self.oracle.deeds.merged[id_] = into
        return {"action": "merge", "id": qbo_id, "into": into}, None

    def sleep(self, books: list[Document], dice: Random) -> Chosen:
        """A customer is made inactive, or the one that is active again."""
        deeds = self.oracle.deeds
        if deeds.asleep:
            qbo_id, id_ = deeds.asleep.popitem()
            deeds.their_people.discard(id_)
            return {"action": "activate", "id": qbo_id}, None
        qbo_id, id_ = self._customer(books, dice)
        if not qbo_id or id_ in deeds.their_people:
            return _NOTHING
        deeds.asleep[qbo_id] = id_
        deeds.their_people.add(id_)
        return {"action": "deactivate", "id": qbo_id}, None

    # The company ---------------------------------------------------------------------------

    def close(self, books: list[Document], dice: Random) -> Chosen:
        """The books are closed until a day, or opened again."""
        deeds = self.oracle.deeds
        if deeds.closed is not None:
            deeds.closed = None
            deeds.shut.clear()
            return {"action": "open_books"}, None
        until = self.shop.today - timedelta(days=dice.choice((0, 1, 1, 2)))
        deeds.closed = until
        deeds.shut = {(d.entity, d.id): d for d in books
                      if d.source and d.dated and d.dated <= until
                      if d.entity != "Estimate"}  # fmt: skip
        return {"action": "close_books", "date": until.isoformat()}, None

    def sales_tax(self, books: list[Document], dice: Random) -> Chosen:
        """Turned on in the middle of a month, or off again."""
        del books, dice
        self.taxes, self.oracle.is_taxed = not self.taxes, True
        values = {"TaxPrefs": _TAX["on" if self.taxes else "off"]}
        return {"action": "preferences", "values": values}, None


HABITS: dict[str, Callable[[Bookkeeper, list[Document], Random], Chosen]] = {
    habit.__name__: habit
    for habit in (
        Bookkeeper.own_invoice, Bookkeeper.due, Bookkeeper.recode, Bookkeeper.amount,
        Bookkeeper.number, Bookkeeper.money, Bookkeeper.void, Bookkeeper.delete,
        Bookkeeper.deposit, Bookkeeper.unapply, Bookkeeper.apply, Bookkeeper.own_payment,
        Bookkeeper.convert, Bookkeeper.phone, Bookkeeper.rename, Bookkeeper.merge,
        Bookkeeper.sleep, Bookkeeper.close, Bookkeeper.sales_tax,
    )
}  # fmt: skip
_GONE = ("void", "delete")
_PINNED = ("amount", "number", "money", *_GONE)
"""What is told as an edit, and stays until somebody says otherwise."""
