"""Documents that end for good: deleted by us where nothing else helps, or by a person there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date

import pytest

from qbosync.key import Entity, Key
from qbosync.model import Order
from qbosync.qbo.transport import Reply, Request
from tests.builders import business, credit, line, order, payment, pays, policy
from tests.test_changes import by_number, money, reasons
from tests.workroom import Clock, Wire, Workroom, entities

SHIPPED = order(status="shipped")
MADE = business(SHIPPED, credit("5", "30.00"))
GONE = business(SHIPPED, credit("5", "30.00", is_deleted=True))
BACK = business(SHIPPED, credit("5", "30.00", pays("order:1042", "30.00")))


@dataclass
class _Refusal:
    """What QuickBooks answers to an update of a credit memo, or of anything to it."""

    code: str
    also_deleting: bool = False
    is_lost: bool = False

    def wire(self, clock: Clock) -> Wire:
        return _Refusing(clock, self)


class _Refusing(Wire):
    """A QuickBooks that does not let a credit memo say 0.00."""

    def __init__(self, clock: Clock, refusal: _Refusal) -> None:
        super().__init__(clock)
        self.refusal = refusal

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        is_memo = request.method == "POST" and "/creditmemo" in request.url
        is_deletion = "operation=delete" in request.url
        if is_memo and (self.refusal.also_deleting or not is_deletion):
            error = {"code": self.refusal.code, "Message": "no", "Detail": "not this"}
            fault = {"Fault": {"Error": [error], "type": "ValidationFault"}}
            return Reply(400, {"Content-Type": "application/json"}, json.dumps(fault).encode())
        reply = super().send(request, timeout)
        if is_deletion and self.refusal.is_lost:
            return Reply(502, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>")
        return reply


def refused(room: Workroom, code: str = "6000", **how: bool) -> Wire:
    return _Refusal(code, **how).wire(room.clock)


def test_a_credit_memo_that_may_not_say_nothing_is_deleted(room: Workroom) -> None:
    """Rule 33: set to 0.00 with a note, deleted only if that is refused."""
    room.run(MADE)
    room.advance()
    done = room.run(GONE, refused(room))
    assert not done.held and done.error is None
    assert entities(done) == [("delete", "CreditMemo", "credit_memo:5")]
    assert room.documents("CreditMemo") == []
    assert room.later(GONE).written == [] and room.later(GONE).edited == []


@pytest.mark.parametrize(("is_deleted", "number"), [(False, "CM-5"), (True, "CM-5-2")])
def test_a_deleted_credit_memo_comes_back(room: Workroom, is_deleted: bool, number: str) -> None:
    room.run(MADE)
    room.advance()
    room.run(GONE, refused(room) if is_deleted else None)
    room.later(BACK, 2)
    assert money(by_number(room, number, "CreditMemo")) == "30.00"
    assert money(by_number(room, number, "CreditMemo"), "Balance") == "0.00"
    assert money(room.one("Invoice"), "Balance") == "70.00"
    assert room.later(BACK).exit_code == 0


def test_an_answer_that_is_lost_is_looked_for(room: Workroom) -> None:
    room.run(MADE)
    room.advance()
    lost = room.run(GONE, refused(room, is_lost=True))
    assert reasons(lost) == {"credit_memo:5": "unknown_outcome"}
    found = room.later(GONE)
    assert not found.held and found.exit_code == 0 and len(found.adopted) == 1
    assert room.later(GONE).written == []


@pytest.mark.parametrize(("code", "also_deleting"), [("6210", False), ("6000", True)])
def test_it_is_held_where_the_books_are_closed_or_it_may_not_be_deleted_either(
    room: Workroom, code: str, also_deleting: bool
) -> None:
    room.run(MADE)
    room.advance()
    held = room.run(GONE, refused(room, code, also_deleting=also_deleting))
    assert reasons(held) == {"credit_memo:5": "refused"} and held.written == []
    assert money(room.one("CreditMemo")) == "30.00"


# Corrections --------------------------------------------------------------------------------


def worth(total: str, status: str = "shipped") -> Order:
    return order(status=status, total=total, lines=(line(total),))


def test_money_beyond_a_corrected_invoice_goes_on_its_correction(room: Workroom) -> None:
    room.rules = policy(correction="credit_memo")
    old = payment("77", "60.00", pays("order:1042", "60.00"))
    room.run(business(worth("100.00"), old))
    room.bookkeeper("close_books", date="2026-03-31")
    room.later(business(worth("150.00"), old))
    rest = payment("78", "90.00", pays("order:1042", "90.00"), received=date(2026, 4, 6))
    paid = business(worth("150.00"), old, rest)
    assert entities(room.later(paid)) == [("create", "Payment", "payment:78")]
    assert room.later(paid).written == [] and room.later(paid).exit_code == 0
    assert {b["DocNumber"]: money(b, "Balance") for b in room.documents("Invoice")} == {
        "1042": "0.00", "1042-A1": "0.00",
    }  # fmt: skip
    less = replace(rest, applied=(pays("order:1042", "70.00"),))
    room.later(business(worth("150.00"), old, less))
    assert money(by_number(room, "1042"), "Balance") == "0.00"
    assert money(by_number(room, "1042-A1"), "Balance") == "20.00"


def test_a_correction_deleted_by_hand_is_told_and_not_made_again(room: Workroom) -> None:
    room.rules = policy(correction="credit_memo")
    room.run(business(worth("100.00")))
    room.bookkeeper("close_books", date="2026-03-31")
    room.later(business(worth("70.00")))
    memo = by_number(room, "1042-C1", "CreditMemo")
    room.bookkeeper("delete", entity="CreditMemo", id=memo["Id"])
    told = room.later(business(worth("70.00")))
    assert told.written == [] and not told.held and "makes up" not in " ".join(told.reported)
    assert [row["kind"] for row in told.edited] == ["deleted"]
    with room.ledger() as ledger:
        ledger.withdraw([Key(Entity.CREDIT_MEMO, "correction", "order:1042/C1")])
    assert room.later(business(worth("70.00"))).exit_code == 0
    assert money(by_number(room, "1042-C1-2", "CreditMemo")) == "30.00"
