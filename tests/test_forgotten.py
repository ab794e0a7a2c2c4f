"""A ledger that was lost or put back knows its second documents again, where that is certain."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from qbosync.model import Order, Snapshot
from qbosync.rebuilding import FOR_NOW
from tests.builders import business, charge, credit, line, order, payment, pays, policy
from tests.workroom import Workroom

SHIPPED = order(status="shipped")
PAID = payment("77", "40.00", pays("order:1042", "40.00"))
SPENT = credit("5", "30.00", pays("order:1042", "30.00"))
ALL = business(SHIPPED, PAID, SPENT, charge())
"""What ends up with a second document of each kind."""


def twice(room: Workroom) -> None:
    """The order was void and came back; so did its payment and the spending of its credit."""
    room.run(ALL)
    undone = replace(PAID, status="undone")
    room.later(business(replace(SHIPPED, status="void"), undone, SPENT, charge()), 2)
    room.later(ALL, 2)
    numbers = {b["DocNumber"] for b in room.documents("Invoice")}
    assert numbers == {"1042", "1042-2", "FC-9"}


def knows_all(room: Workroom, shop: Snapshot) -> None:
    """Nothing is held, nothing is told of, and nothing is ever written for it again."""
    before = room.books()
    first = room.later(shop)
    assert first.error is None and not first.held, first.held
    assert first.written == [] and first.edited == []
    last = room.later(shop, 2)
    assert (last.exit_code, last.written, last.edited) == (0, [], [])
    assert room.books() == before


def copied(room: Workroom) -> Path:
    """A copy of the ledger as it is."""
    copy = room.folder / "copy.db"
    with room.ledger() as ledger:
        ledger.backup(copy)
    return copy


def put_back(room: Workroom, copy: Path) -> None:
    """The copy takes the ledger's place, and the keyring knows that it is older."""
    for file in room.folder.glob("ledger.db*"):
        file.unlink()
    shutil.copy(copy, room.path)
    with room.ledger() as ledger:
        ledger.set_fact("adopt_until", FOR_NOW)


def test_a_lost_ledger_knows_the_documents_that_took_another_ones_place(room: Workroom) -> None:
    twice(room)
    room.new_ledger(adopt_until=FOR_NOW)
    knows_all(room, ALL)
    with room.ledger() as ledger:
        entries = [e for e in ledger.entries() if e.key.entity.wave > 1]
    epochs = {e.key.source: e.epoch for e in entries}
    assert epochs == {
        "order:1042": 1, "payment:77": 1, "charge:9": 0, "credit_memo:5": 0,
        "credit_application:5/order:1042": 1,
    }  # fmt: skip


def test_an_old_ledger_does_not_take_what_it_forgot_for_a_person_s_doing(room: Workroom) -> None:
    room.run(ALL)
    copy = copied(room)
    undone = replace(PAID, status="undone")
    room.later(business(replace(SHIPPED, status="void"), undone, SPENT, charge()), 2)
    room.later(ALL, 2)
    put_back(room, copy)
    knows_all(room, ALL)


def test_what_is_void_in_both_is_nobody_s_edit(room: Workroom) -> None:
    room.run(ALL)
    copy = copied(room)
    gone = business(
        replace(SHIPPED, status="void"), replace(PAID, status="undone"), credit("5", "30.00"),
        charge(is_deleted=True),
    )  # fmt: skip
    room.later(gone, 2)
    put_back(room, copy)
    knows_all(room, gone)


def worth(total: str) -> Order:
    return order(status="shipped", total=total, lines=(line(total),))


def test_a_lost_ledger_knows_an_order_and_what_corrects_it(room: Workroom) -> None:
    room.rules = policy(correction="credit_memo")
    old = payment("77", "60.00", pays("order:1042", "60.00"))
    rest = payment("78", "90.00", pays("order:1042", "90.00"), received=date(2026, 4, 6))
    room.run(business(worth("120.00"), old))
    room.bookkeeper("close_books", date="2026-03-31")
    room.later(business(worth("100.00"), old))
    room.later(business(worth("150.00"), old))
    paid = business(worth("150.00"), old, rest)
    room.later(paid, 2)
    room.new_ledger(adopt_until=FOR_NOW)
    knows_all(room, paid)
    room.later(business(worth("155.00"), old, rest))
    numbers = {b["DocNumber"] for b in room.documents("Invoice")}
    assert numbers == {"1042", "1042-A1", "1042-A2"}


def test_what_does_not_add_up_stays_for_a_person(room: Workroom) -> None:
    room.rules = policy(correction="credit_memo")
    room.run(business(worth("120.00")))
    room.bookkeeper("close_books", date="2026-03-31")
    room.later(business(worth("100.00")))
    room.new_ledger(adopt_until=FOR_NOW)
    held = room.later(business(worth("99.00")))
    assert {p.source: p.reason for p in held.held.values()} == {"order:1042": "uncertain"}


def test_what_was_held_once_as_uncertain_is_never_made_again(room: Workroom) -> None:
    """Under another number, and with a later day of its status: only our mark still tells."""
    room.run(business(SHIPPED))
    room.new_ledger(adopt_until=FOR_NOW)
    other = replace(worth("90.00"), number="1042-B")
    assert {p.reason for p in room.later(business(other)).held.values()} == {"uncertain"}
    room.advance(4 * 86400)
    later = replace(other, status_at=date(2026, 6, 2))
    assert {p.reason for p in room.later(business(later), 3).held.values()} == {"uncertain"}
    assert [b["DocNumber"] for b in room.documents("Invoice")] == ["1042"]


def test_a_payment_that_was_forgotten_is_not_made_again_under_another_date(
    room: Workroom,
) -> None:
    room.run(business(SHIPPED, PAID))
    room.new_ledger(adopt_until=FOR_NOW)
    edited = replace(PAID, amount=Decimal("45.00"))
    for days in (0, 4, 4):
        room.advance(days * 86_400)
        outcome = room.later(business(SHIPPED, edited))
        assert {p.source: p.reason for p in outcome.held.values()} == {"payment:77": "uncertain"}
        edited = replace(edited, received=date(2026, 6, 2))
    assert len(room.documents("Payment")) == 1


def test_an_old_ledger_sees_what_a_payment_it_forgot_pays(room: Workroom) -> None:
    """So the money comes off an order that is void before its invoice is voided, in one run."""
    room.run(business(SHIPPED))
    copy = copied(room)
    room.later(business(SHIPPED, PAID))
    put_back(room, copy)
    void = business(replace(SHIPPED, status="void"), payment("77", "40.00"))
    assert "payment:77" in {w.operation.key.source for w in room.later(void).adopted}
    done = room.later(void)
    assert [w.operation.key.source for w in done.written] == ["payment:77", "order:1042"]
    assert done.held == {} and room.one("Invoice")["TotalAmt"] == 0
    assert room.one("Payment")["UnappliedAmt"] == 40


def test_an_answer_about_a_customer_that_was_merged_meanwhile_is_not_taken_for_a_new_one(
    room: Workroom,
) -> None:
    """The same request id as the forgotten one's: QuickBooks only repeats what it said then."""
    room.run(business(SHIPPED))
    ours = room.one("Customer")["Id"]
    group = room.book("Customer", {"DisplayName": "The Birchwood Group"})
    room.bookkeeper("merge", id=ours, into=group["Id"])
    room.new_ledger(adopt_until=FOR_NOW)
    both = business(SHIPPED, order("1043", status="shipped"))
    room.later(both)
    for _ in range(2):
        outcome = room.later(both)
        assert "was made before, and is gone" in outcome.held["customer:12"].what
        assert "--relink" in outcome.held["customer:12"].todo
        assert {p.source for p in outcome.held.values()} == {"customer:12", "order:1043"}
    assert [c["DisplayName"] for c in room.documents("Customer")] == ["The Birchwood Group"]


@pytest.mark.parametrize("kind", ["", "reset_after"], ids=["answered", "answer lost at first"])
def test_an_answer_about_an_invoice_that_was_deleted_meanwhile_is_not_believed(
    room: Workroom, kind: str
) -> None:
    room.run(business(SHIPPED))
    room.bookkeeper("delete", entity="Invoice", id=room.one("Invoice")["Id"])
    room.new_ledger(adopt_until=FOR_NOW)
    room.later(business(SHIPPED))
    if kind:
        room.fault(kind, "invoice")
    room.later(business(SHIPPED))
    for _ in range(2):
        outcome = room.later(business(SHIPPED))
        assert "was made before, and is gone" in outcome.held["order:1042"].what
        assert "enter it there and name it" in outcome.held["order:1042"].todo
        assert room.documents("Invoice") == []
