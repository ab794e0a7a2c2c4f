"""A run that is killed before or after a write leaves no trace: some moments, in one process.

Two days of a shop with every form: what is there in the end equals the books of two days on
which nothing happened.  `tests/crash` does it with real processes, at every boundary.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
import simplejson

from qbosync.emulator import Server
from qbosync.qbo.transport import Request
from tests.builders import business, charge, credit, customer, order, payment, pays
from tests.workroom import Dying, Killed, Wire, Workroom, a_server

BUYERS = (customer(), customer("13", "Marlow Kitchens", phone="555-0100"))
DAY_ONE = business(
    *BUYERS,
    order("1001", "shipped", "250.00"),
    order("1002", "ordered", "80.00"),
    order("1003", "ordered", "60.00", customer_id="13"),
    order("1004", "shipped", "45.00", customer_id="13"),
    charge("8", customer_id="13"),
    charge("9"),
    credit("5", "30.00", pays("order:1001", "30.00")),
    payment("71", "100.00", pays("order:1001", "100.00")),
    payment("72", "80.00", pays("order:1002", "80.00")),
)
DAY_TWO = business(
    BUYERS[0],
    customer("13", "Marlow Kitchens", phone="555-0199"),
    order("1001", "shipped", "270.00"),
    order("1002", "shipped", "80.00"),
    order("1003", "void", "60.00", customer_id="13"),
    order("1004", "void", "45.00", customer_id="13"),
    charge("8", customer_id="13", is_deleted=True),
    charge("9"),
    credit("5", "30.00", pays("order:1001", "30.00")),
    payment("71", "100.00", pays("order:1001", "100.00")),
    payment("72", "80.00", pays("order:1002", "80.00")),
    payment("73", "140.00", pays("order:1001", "140.00"), received=date(2026, 3, 9)),
)
STORY = (DAY_ONE, DAY_TWO)
MOMENTS = 46
"""Twice the writes of the story, one before and one after each."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with a_server(assume={"requestid-retention": "ignored"}) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The books of the two days on which nothing happened."""
    room = Workroom(server, tmp_path_factory.mktemp("undisturbed"))
    for snapshot in STORY:
        room.advance()
        assert room.run(snapshot).exit_code == 0
    return room.books()


def test_the_story_has_every_form_and_every_action(undisturbed: list[str]) -> None:
    forms = {row.split()[0] for row in undisturbed}
    assert forms >= {"Customer", "Item", "Estimate", "Invoice", "CreditMemo", "Payment"}
    assert any("Rejected" in row for row in undisturbed), "an estimate is changed"
    assert sum("Voided" in row for row in undisturbed) == 2, "invoices are voided"
    assert any("'Balance': '0" in row for row in undisturbed), "an invoice is paid in full"


@pytest.mark.parametrize("moment", range(1, MOMENTS + 1, 3))
def test_a_killed_run_leaves_no_trace(
    server: Server, tmp_path: Path, undisturbed: list[str], moment: int
) -> None:
    room = Workroom(server, tmp_path, in_flight=1)
    dying = Dying(room.clock, moment)
    for snapshot, wire in itertools.product(STORY, (dying, None)):  # cron comes again
        with suppress(Killed):
            room.run(snapshot, wire)
        room.advance()
    room.run(DAY_TWO)
    room.advance()
    room.run(DAY_TWO)

    assert room.books() == undisturbed
    room.is_settled(DAY_TWO)


def test_a_request_leaves_only_after_its_intent_is_on_the_disk(
    server: Server, tmp_path: Path
) -> None:
    """Another connection sees it before the first byte leaves, with this very body."""
    room = Workroom(server, tmp_path)
    wire = Wire(room.clock)
    seen: list[str] = []

    def look(request: Request) -> None:
        other = sqlite3.connect(room.path)
        try:
            sql = "SELECT body, request_id, batch_id FROM intents WHERE state = 'open'"
            rows = list(other.execute(sql))
        finally:
            other.close()
        body = simplejson.loads(request.body or b"")
        if "BatchItemRequest" in body:
            items = [next(v for v in item.values() if isinstance(v, dict))
                     for item in body["BatchItemRequest"]]  # fmt: skip
        else:
            items = [body]
        bodies = [simplejson.loads(text) for text, _, _ in rows]
        assert all(item in bodies for item in items)
        assert any(f"requestid={r}" in request.url or f"requestid={b}" in request.url
                   for _, r, b in rows)  # fmt: skip
        seen.append(request.url)

    wire.before = look
    for snapshot in STORY:
        room.run(snapshot, wire)
        room.advance()

    assert len(seen) == MOMENTS // 2
