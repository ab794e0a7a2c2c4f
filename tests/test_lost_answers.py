"""Answers that get lost, come late, or say something else: one document each, all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson

from qbosync.emulator import Server
from qbosync.model import Snapshot
from qbosync.qbo.transport import HttpTransport, Lost, Reply, Request
from tests.builders import business, charge, credit, customer, order, payment, pays
from tests.workroom import Wire, Workroom, a_server, entities, is_write

BEFORE = (
    "reset_before", "timeout_before", "status_500", "status_502_html", "status_503_html",
    "not_found_html", "throttle", "unauthorized", "fault_200",
)  # fmt: skip
AFTER = (
    "reset_after", "timeout", "status_504_after", "10000_after", "6000_after", "truncated",
    "html", "slow",
)  # fmt: skip
KINDS = (*BEFORE, *AFTER)


@pytest.fixture(scope="module")
def forgetful() -> Iterator[Server]:
    """QuickBooks as its critics tell it: request ids are ignored altogether."""
    with a_server(assume={"requestid-retention": "ignored"}) as running:
        yield running


@pytest.fixture
def room(forgetful: Server, tmp_path: Path) -> Workroom:
    """Without the help of request ids, so that it is the ledger that is tested."""
    return Workroom(forgetful, tmp_path)


def shop_of(count: int, status: str = "shipped", total: str = "100.00") -> Snapshot:
    """So many customers with an order each, and a payment of it."""
    records: list[Any] = []
    for n in range(1, count + 1):
        records.append(customer(f"c{n}", f"Customer {n}"))
        records.append(order(f"{n}", status, total, customer_id=f"c{n}"))
        if status != "void":
            due = pays(f"order:{n}", "40.00")
            records.append(payment(f"{n}", "40.00", due, customer_id=f"c{n}"))
    return business(*records)


def without_payments(snapshot: Snapshot) -> Snapshot:
    return business(*snapshot.customers.values(), *snapshot.orders.values())


def strike(room: Workroom, kind: str, entity: str, is_batch: bool) -> None:
    values: dict[str, Any] = (
        {"delay_s": 0.01} if kind in ("timeout", "timeout_before", "slow") else {}
    )
    # The first of a wave goes alone; the batch comes after it.
    room.fault(kind, entity, nth=2 if is_batch else 1, **values)


@pytest.mark.parametrize("count", [1, 8], ids=["single", "batch"])
@pytest.mark.parametrize("entity", ["customer", "item", "invoice", "payment"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_create_whose_answer_is_lost_ends_as_one(
    room: Workroom, kind: str, entity: str, count: int
) -> None:
    if entity == "item" and count > 1:
        return
    said = shop_of(count)
    strike(room, kind, entity, count > 1 and entity != "customer")

    room.run(said)
    room.later(said, 3)

    assert [len(room.documents(e)) for e in ("Invoice", "Payment")] == [count, count]
    assert {str(body["Balance"]) for body in room.documents("Invoice")} == {"60.00"}
    room.is_settled(said)


@pytest.mark.parametrize("count", [1, 8], ids=["single", "batch"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_update_whose_answer_is_lost_is_made_once(room: Workroom, kind: str, count: int) -> None:
    room.run(shop_of(count))
    said = shop_of(count, total="130.00")
    strike(room, kind, "invoice", count > 1)

    room.later(said, 4)

    assert {str(body["Balance"]) for body in room.documents("Invoice")} == {"90.00"}
    assert {body["SyncToken"] for body in room.documents("Invoice")} == {"2"}, "paid, and changed"
    room.is_settled(said)


@pytest.mark.parametrize("count", [1, 8], ids=["single", "batch"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_void_whose_answer_is_lost_is_made_once(room: Workroom, kind: str, count: int) -> None:
    room.run(without_payments(shop_of(count)))
    said = shop_of(count, status="void")
    strike(room, kind, "invoice", count > 1)

    room.later(said, 4)

    assert [body["TotalAmt"] for body in room.documents("Invoice")] == [0] * count
    room.is_settled(said)


@pytest.mark.parametrize("count", [1, 8], ids=["single", "batch"])
@pytest.mark.parametrize("entity", ["invoice", "payment"])
def test_a_request_that_the_network_delivers_twice_is_applied_once(
    server: Server, tmp_path: Path, entity: str, count: int
) -> None:
    """Here nothing but QuickBooks' request ids can help, and a payment has no number either."""
    room = Workroom(server, tmp_path)
    said = shop_of(count)
    strike(room, "duplicate", entity, count > 1)

    room.run(said)
    room.later(said, 2)

    assert [len(room.documents(e)) for e in ("Invoice", "Payment")] == [count, count]
    room.is_settled(said)


@pytest.mark.parametrize("kind", ["bad_item", "bad_item_after"])
@pytest.mark.parametrize("item", [1, 7])
def test_one_refused_item_of_a_batch_is_no_other_items_refusal(
    room: Workroom, kind: str, item: int
) -> None:
    """That 6000 asks to wait a few minutes, and comes also when the document was saved."""
    said = shop_of(8)
    room.fault(kind, "invoice", item=item)

    first = room.run(said)
    assert len([w for w in entities(first) if w[1] == "Invoice"]) == 7
    assert sorted(r.split(":")[0] for r in first.held) == ["order", "payment"]
    room.later(said, 2)

    assert len(room.documents("Invoice")) == 8
    room.is_settled(said)


def test_a_batch_that_is_throttled_through_leaves_nothing_open_and_says_so(
    room: Workroom,
) -> None:
    said = shop_of(8)
    room.fault("throttle", "batch", times=20)

    outcome = room.run(said)

    assert outcome.exit_code == 5 and outcome.error is not None
    with room.ledger() as ledger:
        assert ledger.open_intents() == []
    room.control("DELETE", "faults")
    room.later(said, 2)
    assert len(room.documents("Invoice")) == 8
    room.is_settled(said)


def test_a_batch_that_is_not_let_in_asks_a_person_to_sign_in(room: Workroom) -> None:
    said = shop_of(8)
    room.fault("unauthorized", "batch", times=20)

    outcome = room.run(said)

    assert outcome.exit_code == 4 and outcome.error is not None
    assert "qbosync connect" in outcome.error.todo
    room.control("DELETE", "faults")
    room.later(said, 2)
    room.is_settled(said)


def test_an_outcome_that_is_unknown_is_said_with_the_time_it_is_looked_at_again(
    room: Workroom,
) -> None:
    said = shop_of(1)
    room.fault("reset_after", "invoice")

    outcome = room.run(said)

    assert outcome.exit_code == 5
    problem = outcome.held["order:1"]
    assert problem.reason == "unknown_outcome" and problem.until is not None
    assert problem.until - room.clock.now() <= timedelta(minutes=15)
    assert problem.amount == Decimal("100.00")


@pytest.mark.parametrize("pause", [60, 14 * 60], ids=["a minute", "just before the time is over"])
def test_nothing_is_sent_again_before_quickbooks_had_its_time(room: Workroom, pause: int) -> None:
    said = shop_of(1)
    room.fault("reset_before", "invoice")
    room.run(said)
    room.advance(pause)

    again = room.run(said)

    assert room.documents("Invoice") == []
    assert again.held["order:1"].reason == "unknown_outcome" and again.exit_code == 5


# What is applied late --------------------------------------------------------------------


class Late(Wire):
    """A write that is lost on the way and delivered when a test says so."""

    def __init__(self, room: Workroom, part: str, nth: int = 1) -> None:
        super().__init__(room.clock)
        self.part, self.nth = part, nth
        self.kept: Request | None = None
        self._lock = threading.Lock()

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        with self._lock:
            if is_write(request) and self.part in request.url:
                self.nth -= 1
                if self.nth == 0:
                    self.kept = request
                    raise Lost("the connection failed")
        return super().send(request, timeout)

    def deliver(self) -> Reply:
        assert self.kept is not None, "it was never sent"
        return HttpTransport.send(self, self.kept)


@pytest.mark.parametrize("count", [1, 8], ids=["single", "batch"])
@pytest.mark.parametrize("part", ["/customer", "/invoice", "/payment", "/batch"])
def test_a_create_that_is_applied_late_is_found(room: Workroom, part: str, count: int) -> None:
    if (part == "/batch") != (count > 1):
        return
    said = shop_of(count)
    late = Late(room, part)
    room.run(said, late)
    room.advance(5 * 60)
    room.run(said)
    room.advance(9 * 60)
    assert late.deliver().status == 200

    room.later(said, 2)

    assert [len(room.documents(e)) for e in ("Invoice", "Payment")] == [count, count]
    room.is_settled(said)


@pytest.mark.parametrize("action", ["update", "void"])
def test_a_change_that_comes_after_the_next_one_is_refused_as_stale(
    room: Workroom, action: str
) -> None:
    """The dropped change carries the token of its time, so it can undo nothing."""
    first = without_payments(shop_of(1))
    room.run(first)
    room.later(without_payments(shop_of(1, total="130.00")))
    late = Late(room, "/invoice")
    lost = shop_of(1, total="150.00") if action == "update" else shop_of(1, status="void")
    room.advance()
    room.run(without_payments(lost), late)
    said = without_payments(shop_of(1, total="170.00"))
    room.later(said, 2)

    reply = simplejson.loads(late.deliver().body)

    assert reply["Fault"]["Error"][0]["code"] == "5010"
    assert str(room.one("Invoice")["TotalAmt"]) == "170.00"
    room.is_settled(said)


def test_a_payment_whose_source_changed_while_its_outcome_was_unknown(room: Workroom) -> None:
    said = shop_of(1)
    room.fault("reset_after", "payment")
    room.run(said)
    more = business(
        *said.customers.values(),
        *said.orders.values(),
        payment("1", "55.00", pays("order:1", "55.00"), customer_id="c1"),
    )

    room.later(more, 2)

    assert str(room.one("Payment")["TotalAmt"]) == "55.00"
    assert str(room.one("Invoice")["Balance"]) == "45.00"
    room.is_settled(more)


def test_lists_that_do_not_show_the_last_changes_yet_double_nothing(room: Workroom) -> None:
    said = shop_of(1)
    room.fault("reset_after", "payment")
    room.run(said)
    for _ in range(3):
        room.fault("stale_list", "query", method="GET", changes=3)
    room.advance(60)
    room.run(said)
    room.control("DELETE", "faults")

    room.later(said, 2)

    assert len(room.documents("Payment")) == 1
    room.is_settled(said)


# Clocks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [timedelta(days=365), -timedelta(days=365), timedelta(hours=1)])
@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_machine_whose_clock_is_wrong_finds_its_payment(
    room: Workroom, ahead: timedelta, kind: str
) -> None:
    """Windows go by QuickBooks' time: ours would look for it in a year that is yet to come."""
    said = shop_of(1)
    room.run(without_payments(said))
    room.ahead = ahead
    room.fault(kind, "payment")
    room.run(said)
    room.ahead = timedelta()

    room.later(said, 2)

    assert len(room.documents("Payment")) == 1
    room.is_settled(said)


# Answers that say something else ---------------------------------------------------------


class Lying(Wire):
    """Somebody between us and QuickBooks answers for it."""

    def __init__(self, room: Workroom, part: str, **changes: Any) -> None:
        super().__init__(room.clock)
        self.part, self.changes = part, changes

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        reply = super().send(request, timeout)
        if not (is_write(request) and self.part in request.url):
            return reply
        document = simplejson.loads(reply.body, use_decimal=True)
        [entity] = document.keys() - {"time"}
        document[entity] |= self.changes
        return Reply(200, reply.headers, simplejson.dumps(document, use_decimal=True).encode())


def test_an_answer_about_another_document_is_not_entered(room: Workroom) -> None:
    said = shop_of(1)
    other = Lying(room, "/payment", Id="999", PrivateNote="Rent", TotalAmt=Decimal("7.00"))

    outcome = room.run(said, other)

    assert outcome.exit_code == 4 and outcome.error is not None
    assert "another document" in outcome.error.what
    with room.ledger() as ledger:
        assert [intent.key.source for intent in ledger.open_intents()] == ["payment:1"]
    room.later(said, 2)
    room.is_settled(said)


def test_an_update_answered_with_another_id_is_not_entered(room: Workroom) -> None:
    room.run(shop_of(1))
    said = shop_of(1, total="130.00")
    room.advance()

    outcome = room.run(said, Lying(room, "/invoice", Id="999"))

    assert outcome.exit_code == 5 and outcome.held["order:1"].reason == "unknown_outcome"
    room.later(said, 2)
    assert str(room.one("Invoice")["TotalAmt"]) == "130.00"
    room.is_settled(said)


def test_a_void_that_is_answered_but_not_made_is_not_believed(room: Workroom) -> None:
    room.run(without_payments(shop_of(1)))
    said = shop_of(1, status="void")
    room.advance()

    class Unmoved(Wire):
        def send(self, request: Request, timeout: float = 90.0) -> Reply:
            if "operation=void" not in request.url:
                return super().send(request, timeout)
            unchanged = {"Invoice": {"Id": "1", "TotalAmt": 100, "PrivateNote": "x"}}
            return Reply(200, {}, simplejson.dumps(unchanged).encode())

    outcome = room.run(said, Unmoved(room.clock))

    assert outcome.exit_code == 5 and outcome.held["order:1"].reason == "unknown_outcome"
    room.later(said, 2)
    assert room.one("Invoice")["TotalAmt"] == 0
    room.is_settled(said)


def test_a_link_that_quickbooks_drops_is_told_and_holds_nothing(room: Workroom) -> None:
    room.run(without_payments(shop_of(1, status="ordered")))
    room.fault("drop_link", "invoice")

    outcome = room.later(without_payments(shop_of(1)))

    assert outcome.exit_code == 0
    assert any("did not link" in words for words in outcome.reported)


# The whole shop, every form, with request ids working ------------------------------------


@pytest.mark.parametrize("kind", ["reset_after", "reset_before", "10000_after"])
def test_every_form_survives_a_lost_answer(server: Server, tmp_path: Path, kind: str) -> None:
    room = Workroom(server, tmp_path)
    said = business(
        order(status="shipped"),
        order("1043", "ordered", "80.00"),
        charge(),
        credit("5", "30.00", pays("order:1042", "30.00")),
        payment("77", "40.00", pays("order:1042", "40.00")),
    )
    for entity in ("estimate", "invoice", "creditmemo", "payment", "paymentmethod"):
        room.fault(kind, entity)

    room.run(said)
    room.later(said, 5)

    assert [len(room.documents(e)) for e in ("Estimate", "Invoice", "CreditMemo", "Payment")] == [
        1, 2, 1, 2,
    ]  # fmt: skip
    assert (
        str(next(b for b in room.documents("Invoice") if b["DocNumber"] == "1042")["Balance"])
        == "30.00"
    )
    room.is_settled(said)
