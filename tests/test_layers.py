"""Each layer against double posting alone, with the others switched off.

With all of them on, a dead one would go unnoticed: the next catches what it lets through.  So
every test here takes away what else could help, and leaves one.  Waiting alone is in
`test_lost_answers.py`: a write that QuickBooks applies late.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import qbosync.recover
import qbosync.sync
import tests.workroom
from qbosync.emulator import Server
from qbosync.mapping.context import Found
from qbosync.model import Snapshot
from qbosync.operation import Action, Entity, Key, request_id
from tests.builders import business, customer, order, payment, pays
from tests.workroom import Workroom, a_server

SAID = business(
    customer("1", "Alder Homes"),
    order("1001", "shipped", "100.00", customer_id="1"),
    payment("77", "40.00", pays("order:1001", "40.00"), customer_id="1"),
)


@pytest.fixture(scope="module")
def remembering() -> Iterator[Server]:
    """QuickBooks as it is documented: a request id is never forgotten."""
    with a_server(assume={"requestid-retention": "forever"}) as running:
        yield running


@pytest.fixture(scope="module")
def forgetful() -> Iterator[Server]:
    """QuickBooks as its critics tell it: request ids are ignored, numbers may be taken twice."""
    assume = {"requestid-retention": "ignored", "duplicate-number": "never"}
    with a_server(assume=assume) as running:
        yield running


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """Request ids are ignored, but a number is given once."""
    assume = {"requestid-retention": "ignored", "duplicate-number": "custom"}
    with a_server(assume=assume) as running:
        yield running


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left alone: what is unknown may be sent again by the very next run."""
    monkeypatch.setattr(tests.workroom, "QUARANTINE", timedelta(0))


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks in QuickBooks before anything is sent, or sent again."""
    monkeypatch.setattr(qbosync.recover, "since_intents", lambda _company, _intents: {})
    real = qbosync.sync.look_up

    def without_documents(*given: object) -> Found:
        found = real(*given)  # type: ignore[arg-type]
        named = {key: them for key, them in found.objects.items() if key.entity.is_named}
        return Found(named, found.accounts, found.terms)

    monkeypatch.setattr(qbosync.sync, "look_up", without_documents)


def counts(room: Workroom) -> tuple[int, int]:
    return len(room.documents("Invoice")), len(room.documents("Payment"))


def twice(room: Workroom, said: Snapshot = SAID) -> None:
    """Two runs within a minute: the second one finds what the first left open."""
    room.run(said)
    room.advance(60)
    room.run(said)


@pytest.mark.usefixtures("hasty", "blind")
@pytest.mark.parametrize("entity", ["invoice", "payment"])
def test_the_request_id_alone_lets_a_write_be_sent_again(
    remembering: Server, tmp_path: Path, entity: str
) -> None:
    room = Workroom(remembering, tmp_path)
    room.fault("reset_after", entity)
    twice(room)
    assert counts(room) == (1, 1)


@pytest.mark.usefixtures("hasty", "blind")
def test_the_request_id_alone_also_serves_a_ledger_that_knows_nothing(
    remembering: Server, tmp_path: Path
) -> None:
    """It is computed, not drawn: a machine that remembers nothing sends the same one."""
    room = Workroom(remembering, tmp_path)
    room.fault("reset_after", "payment")
    room.run(SAID)
    room.new_ledger()
    room.advance(60)
    room.run(SAID)
    assert counts(room) == (1, 1)


def test_one_request_id_never_carries_two_bodies() -> None:
    """Else QuickBooks would answer today's amount with yesterday's document."""
    key = Key(Entity.PAYMENT, "payment", "77")

    def named(amount: str, epoch: int = 0, environment: str = "sandbox") -> str:
        body = {"TotalAmt": Decimal(amount)}
        return request_id(environment, "1", key, Action.CREATE, epoch, body)

    assert named("40.00") == named("40.00")
    every = {named("40.00"), named("41.00"), named("40.00", 1), named("40.00", 0, "production")}
    assert len(every) == 4 and all(len(each) <= 36 for each in every)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("entity", ["invoice", "payment"])
def test_looking_first_alone_finds_what_arrived(
    forgetful: Server, tmp_path: Path, entity: str
) -> None:
    room = Workroom(forgetful, tmp_path)
    room.fault("reset_after", entity)
    twice(room)
    assert counts(room) == (1, 1)


@pytest.mark.usefixtures("hasty")
def test_looking_first_goes_by_our_mark_and_not_only_by_the_number(
    forgetful: Server, tmp_path: Path
) -> None:
    """The bookkeeper renumbers an invoice whose answer was lost: it is still ours."""
    room = Workroom(forgetful, tmp_path)
    room.fault("reset_after", "invoice")
    room.run(SAID)
    room.bookkeeper("edit", entity="Invoice", number="1001", values={"DocNumber": "A-7"})
    room.advance(60)
    outcome = room.run(SAID)
    assert len(room.documents("Invoice")) == 1
    assert outcome.held["order:1001"].reason == "uncertain"


@pytest.mark.usefixtures("hasty", "blind")
def test_a_number_that_is_taken_alone_points_to_our_own_document(
    strict: Server, tmp_path: Path
) -> None:
    room = Workroom(strict, tmp_path)
    room.fault("reset_after", "invoice")
    twice(room)
    assert len(room.documents("Invoice")) == 1
    room.is_settled(SAID)


@pytest.mark.usefixtures("hasty", "blind")
def test_a_number_that_is_taken_by_a_stranger_is_not_taken_for_ours(
    strict: Server, tmp_path: Path
) -> None:
    room = Workroom(strict, tmp_path)
    owner = room.book("Customer", {"DisplayName": "Somebody Else"})["Id"]
    item = next(body["Id"] for body in room.documents("Item"))
    line = {"Amount": 100, "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": item}}}  # fmt: skip
    room.book("Invoice", {"DocNumber": "1001", "CustomerRef": {"value": owner}, "Line": [line]})
    outcome = room.run(SAID)
    assert outcome.held["order:1001"].reason == "number_taken"
    with room.ledger() as ledger:
        assert not [e for e in ledger.entries() if e.key.entity is Entity.INVOICE]


@pytest.mark.usefixtures("blind")
def test_adopting_only_alone_keeps_a_ledger_that_forgot_from_writing(
    forgetful: Server, tmp_path: Path
) -> None:
    """No request id, no look: until its quiet time is over it creates nothing at all."""
    room = Workroom(forgetful, tmp_path)
    room.run(SAID)
    until = room.clock.now() + timedelta(minutes=15)
    room.new_ledger(adopt_until=until.isoformat())
    room.advance(60)
    outcome = room.run(SAID)
    assert {problem.reason for problem in outcome.held.values()} == {"rebuilding"}
    assert counts(room) == (1, 1) and not outcome.written


@pytest.mark.usefixtures("hasty", "blind")
@pytest.mark.parametrize("kind", ["html", "truncated", "10000_after", "6000_after"])
def test_the_proof_of_an_answer_alone_takes_no_senseless_one_for_success_or_refusal(
    forgetful: Server, tmp_path: Path, kind: str
) -> None:
    room = Workroom(forgetful, tmp_path)
    room.fault(kind, "payment")
    outcome = room.run(SAID)
    assert outcome.held["payment:77"].reason == "unknown_outcome"
    with room.ledger() as ledger:
        [intent] = ledger.open_intents()
        assert intent.key.source == "payment:77"
