"""A ledger of an older version is brought up to date when it is opened, and says the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from qbosync.emulator import Server
from qbosync.ledger import Ledger
from qbosync.ledger.schema import ADDED, SCHEMA
from tests.builders import business, order
from tests.workroom import Workroom


@pytest.fixture
def room(server: Server, tmp_path: Path) -> Workroom:
    room = Workroom(server, tmp_path)
    room.run(business(order(status="shipped")))
    return room


def age(path: Path) -> None:
    """Make of a ledger what the first version would have written."""
    db = sqlite3.connect(path)
    for names in ADDED.values():
        for name in names:
            db.execute(f"DROP TABLE {name}")
    db.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
    db.commit()
    db.close()


def test_an_older_ledger_is_given_what_is_new_and_goes_on(room: Workroom) -> None:
    age(room.path)
    shop = business(order(status="shipped"))
    outcome = room.later(shop)
    assert outcome.exit_code == 0 and outcome.written == [] and outcome.edited == []
    with room.ledger() as ledger:
        assert ledger.fact("schema") == str(SCHEMA)
    room.bookkeeper(
        "edit", entity="Invoice", id=room.one("Invoice")["Id"], values={"DocNumber": "77-A"}
    )
    [row] = room.later(shop).edited
    assert "theirs 77-A" in str(row["what"]), "also of a document that was never looked at"


def test_an_older_ledger_that_is_only_looked_at_stays_as_it_is(room: Workroom) -> None:
    age(room.path)
    before = room.path.read_bytes()
    with Ledger.looked_at(room.path) as ledger:
        assert ledger.counts()["Invoice"] == 1 and ledger.edits() == {}
    assert room.path.read_bytes() == before
