"""A ledger that is lost, damaged or copied: never a second document, never silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qbosync.demo_shop import DAY_ONE, day_two, write_export
from qbosync.emulator import Server
from qbosync.ledger import Ledger
from tests.shopkit import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Server(port=0, limits="off", seed=4) as server:
        shop = Shop(tmp_path, server)
        shop.configure('[sync]\nresend_after = "15m"')
        write_export(shop.export, DAY_ONE)
        shop.connect()
        assert shop.run("sync").code == 0
        write_export(shop.export, day_two())
        assert shop.run("sync").code == 0
        yield shop


def test_a_rebuilt_ledger_adopts_everything_and_creates_nothing(shop: Shop) -> None:
    before = {entity: len(shop.books(entity)) for entity in ("Invoice", "Estimate", "Payment")}
    shop.ledger.unlink()
    told = shop.writes_nothing("ledger", "rebuild", "--yes")
    assert "writes nothing new until" in told.out
    assert "order 1001: Invoice 1001, " in told.out
    plan = shop.writes_nothing("plan", "--json").json
    assert (plan["operations"], plan["held"]) == ([], [])
    shop.writes_nothing("sync")
    shop.writes_nothing("sync")
    assert before == {entity: len(shop.books(entity)) for entity in before}


def test_a_document_in_the_place_of_a_deleted_one_is_found_by_a_ledger_that_forgot(
    shop: Shop,
) -> None:
    """Under another number, and with another mark than the first of its record."""
    invoice = shop.book("Invoice", "FC-71")
    shop.bookkeeper("delete", entity="Invoice", id=invoice["Id"])
    shop.run("sync")
    assert shop.run("resolve", "charge:71", "--ours").code == 0
    assert shop.book("Invoice", "FC-71-2")["TotalAmt"] == invoice["TotalAmt"]
    before = len(shop.books("Invoice"))
    shop.ledger.unlink()
    shop.run("ledger", "rebuild", "--yes")
    ledger = Ledger.open(shop.ledger)
    ledger.set_fact("adopt_until", "2020-01-01T00:00:00+00:00")
    ledger.close()
    shop.writes_nothing("sync")
    assert len(shop.books("Invoice")) == before


def test_what_is_new_while_rebuilding_waits_and_then_goes_out(shop: Shop) -> None:
    (shop.ledger).unlink()
    shop.run("ledger", "rebuild", "--yes")
    sets = day_two()
    extra = {"payment_id": "599", "customer_id": "13", "date": "2026-03-05", "amount": "9.00",
             "method": "check", "ref_num": "late"}  # fmt: skip
    write_export(shop.export, sets | {"payments": [*sets["payments"], extra]})
    done = shop.run("sync", "--json")
    assert [row["reason"] for row in done.json["held"]] == ["rebuilding"]
    until = Ledger.open(shop.ledger)
    until.set_fact("adopt_until", "2020-01-01T00:00:00+00:00")
    until.close()
    written = shop.run("sync", "--json").json["written"]
    assert [row["source"] for row in written] == ["payment:599"]


def test_last_weeks_backup_put_back_creates_nothing_twice(shop: Shop) -> None:
    copy = shop.folder / "copy.db"
    assert shop.run("ledger", "backup", str(copy)).code == 0
    sets = day_two()
    extra = {"payment_id": "599", "customer_id": "13", "date": "2026-03-05", "amount": "9.00",
             "method": "check", "ref_num": "late"}  # fmt: skip
    write_export(shop.export, sets | {"payments": [*sets["payments"], extra]})
    assert shop.run("sync").code == 0
    for end in ("-wal", "-shm"):
        shop.ledger.with_name(shop.ledger.name + end).unlink(missing_ok=True)
    copy.replace(shop.ledger)
    shop.writes_nothing("sync")
    assert len([p for p in shop.books("Payment") if p.get("PaymentRefNum") == "late"]) == 1


def test_status_and_explain_tell_what_is_open_and_what_was_found_of_it(shop: Shop) -> None:
    sets = day_two()
    extra = {"payment_id": "599", "customer_id": "13", "date": "2026-03-05", "amount": "9.00",
             "method": "check", "ref_num": "late"}  # fmt: skip
    write_export(shop.export, sets | {"payments": [*sets["payments"], extra]})
    shop.fault("reset_before", method="POST", entity="payment")
    assert shop.run("sync").code == 5
    assert shop.run("sync").code == 5, "nothing of it is there, and it is left alone"
    status = shop.run("status", "--json").json
    [held] = status["held"]
    assert held["reason"] == "unknown_outcome" and held["until"] and status["open_intents"] == 1
    assert "outcome unknown, checking again at" in shop.run("status").out
    [write] = shop.run("explain", "payment:599", "--json").json["writes"]
    assert (write["state"], write["attempts"], write["until"]) == ("open", 1, held["until"])
    assert write["first_sent"] and write["request_id"].startswith("q1")
    assert "our mark was looked for" in write["answer"] and "nothing of it" in write["answer"]
    told = shop.run("explain", "payment:599").out
    assert "outcome unknown, checking again at" in told and "left alone for now" in told
    shop.configure('[sync]\nresend_after = "0s"')
    assert shop.run("sync").code == 0
    [write] = shop.run("explain", "payment:599", "--json").json["writes"]
    assert (write["state"], write["attempts"], write["until"]) == ("posted", 2, None)
    assert "sent again under the same request id" in write["answer"]
