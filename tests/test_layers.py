"""Each layer against double posting alone, with the others switched off.

With all of them on, a dead one would go unnoticed: the next catches what it lets through.  So
every test here takes away what else could help, and leaves one.  Waiting alone is in
`test_lost_answers.py`: a write that QuickBooks applies late.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import qbosync.execute
import qbosync.recover
import qbosync.sync
import tests.workroom
from qbosync.emulator import Server
from qbosync.errors import BusyError, QbosyncError, SetupError
from qbosync.keeper import Keeper
from qbosync.key import Action, Entity, Key
from qbosync.lock import RunLock
from qbosync.mapping.context import Found
from qbosync.model import Snapshot
from qbosync.operation import request_id
from qbosync.places import Connection
from qbosync.qbo.transport import Request
from qbosync.tokens import EmulatorFileStore
from qbosync.wiring import load, open_ledger
from tests.builders import business, customer, line, order, payment, pays
from tests.shopkit import deliver_two_orders, open_shop
from tests.workroom import Wire, Workroom, a_server

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
        return Found(named, accounts=found.accounts, terms=found.terms)

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


# The ledger, the lock, the keyring -------------------------------------------------------


def test_a_commit_is_on_the_disk_when_it_returns(forgetful: Server, tmp_path: Path) -> None:
    """In WAL, anything less than FULL lets a request leave before its intent is synced."""
    with Workroom(forgetful, tmp_path).ledger() as ledger:
        pragmas = [ledger.db.execute(f"PRAGMA {name}").fetchone()[0]
                   for name in ("journal_mode", "synchronous")]  # fmt: skip
    assert pragmas == ["wal", 2]


def test_a_writer_holds_the_ledger_from_its_beginning(forgetful: Server, tmp_path: Path) -> None:
    """Not from its first write: what it read before that would be old by then."""
    room = Workroom(forgetful, tmp_path)
    other = sqlite3.connect(room.path, timeout=0, isolation_level=None)
    with (
        room.ledger() as ledger,
        ledger.transaction(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_second_lock_of_the_same_process_is_refused_too(
    forgetful: Server, tmp_path: Path
) -> None:
    """A lock that goes by process would be lost when anybody closes the file (observed)."""
    clock = Workroom(forgetful, tmp_path).clock
    with RunLock(tmp_path / "a.lock", clock), pytest.raises(BusyError):
        RunLock(tmp_path / "a.lock", clock).__enter__()


def test_a_keyring_that_says_nothing_is_never_not_connected(tmp_path: Path) -> None:
    keeper = Keeper(EmulatorFileStore(tmp_path / "none.json"), "sandbox-1")
    with pytest.raises(SetupError, match="has no token for sandbox-1"):
        keeper.load()


@pytest.mark.parametrize("other", ["production", "2"])
def test_a_ledger_of_another_company_or_environment_is_refused(tmp_path: Path, other: str) -> None:
    with open_shop(tmp_path) as shop:
        deliver_two_orders(shop)
        shop.connect()
        setup = load(shop.config, None, {})
        there = setup.connected()
        environment = other if other == "production" else there.environment
        realm_id = there.realm_id if other == "production" else other
        path = setup.places.ledger(environment, realm_id)
        shop.ledger.rename(path)
        swapped = Connection(**{**vars_of(there), "environment": environment,
                                "realm_id": realm_id})  # fmt: skip
        with pytest.raises(QbosyncError, match="is another company's"):
            open_ledger(setup, swapped)


def vars_of(connection: Connection) -> dict[str, object]:
    return {name: getattr(connection, name) for name in connection.__dataclass_fields__}


def test_a_ledger_that_is_older_than_the_keyring_knows_creates_nothing(tmp_path: Path) -> None:
    """Last week's backup was put back: what it does not know of may be on its way."""
    with open_shop(tmp_path) as shop:
        shop.configure('[sync]\nresend_after = "15m"')
        deliver_two_orders(shop)
        shop.connect()
        copy = shop.folder / "copy.db"
        assert shop.run("ledger", "backup", str(copy)).code == 0
        assert shop.run("sync").code == 0
        for end in ("-wal", "-shm"):
            shop.ledger.with_name(shop.ledger.name + end).unlink(missing_ok=True)
        copy.replace(shop.ledger)
        with shop.writes() as sent:
            done = shop.run("sync", "--only", "order:1001", "--json")
        assert sent == [] and done.code == 0
        assert {row["action"] for row in done.json["adopted"]} == {"adopt"}
        fact = sqlite3.connect(shop.ledger).execute(
            "SELECT value FROM meta WHERE name = 'adopt_until'"
        )
        assert fact.fetchone() is not None


# Sending -------------------------------------------------------------------------------------


def test_one_customers_documents_are_never_in_flight_together(
    forgetful: Server, tmp_path: Path
) -> None:
    """QuickBooks would answer one of two that change the same balance with a fault (5010)."""
    room = Workroom(forgetful, tmp_path)
    orders = [order(f"{n}", "shipped", "100.00", customer_id="1") for n in range(1, 5)]
    said = business(customer("1", "Alder Homes"), *orders)
    wire = Wire(room.clock)
    meeting = threading.Barrier(2)
    met: list[str] = []

    def leave(request: Request) -> None:
        if "/invoice" in request.url:
            try:
                meeting.wait(0.2)
                met.append(request.url)
            except threading.BrokenBarrierError:
                meeting.reset()

    wire.before = leave
    assert room.run(said, wire).exit_code == 0
    assert met == [] and len(room.documents("Invoice")) == 4


def test_no_batch_goes_under_an_id_that_was_used_before(forgetful: Server, tmp_path: Path) -> None:
    """QuickBooks answers a batch that it saw before with an error (reported)."""
    room = Workroom(forgetful, tmp_path)
    orders = [order(f"{n}", "shipped", "100.00", customer_id=f"{n}") for n in range(1, 9)]
    said = business(*(customer(f"{n}", f"Customer {n}") for n in range(1, 9)), *orders)
    seen: list[str] = []
    wire = Wire(room.clock)
    wire.before = lambda request: seen.append(request.url) if "/batch" in request.url else None
    room.fault("throttle", "batch", times=20)
    room.run(said, wire)
    first, seen[:] = set(seen), []
    room.control("DELETE", "faults")
    room.advance()
    room.run(said, wire)
    assert first and seen and not first & set(seen)
    assert len(room.documents("Invoice")) == 8


# The proof of an answer ----------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["tax", "credit"])
def test_what_quickbooks_does_by_itself_stops_the_run_after_one_document(
    forgetful: Server, tmp_path: Path, setting: str
) -> None:
    """Somebody turns it on in the middle of a run, after the settings were looked at."""
    room = Workroom(forgetful, tmp_path)

    def said(status: str) -> Snapshot:
        taxed = {"lines": (line("100.00"),), "tax": Decimal("6.00"), "customer_id": "1"}
        orders = [order(f"{n}", status, "106.00", **taxed) for n in (1, 2, 3)]
        return business(
            customer("1", "Alder Homes"), *orders, payment("77", "40.00", customer_id="1")
        )

    room.run(said("ordered"))
    parts = {
        "tax": {"TaxPrefs": {"UsingSalesTax": True}},
        "credit": {"SalesFormsPrefs": {"AutoApplyCredit": True}},
    }
    wire = Wire(room.clock)
    wire.before = lambda _request: room.prefer(parts[setting])
    room.advance()

    outcome = room.run(said("shipped"), wire)

    assert len(room.documents("Invoice")) == 1
    assert outcome.exit_code == 4 and outcome.error is not None
    words = {"tax": "of tax of its own", "credit": "applied 40.00 to it by itself"}
    assert words[setting] in outcome.error.what
