"""A deposited payment can no longer be changed by the API: a person applies it, and we see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qbosync.demo_shop import DAY_ONE, day_two, write_export
from qbosync.emulator import Server
from tests.shopkit import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Server(port=0, limits="off", seed=3) as server:
        shop = Shop(tmp_path, server)
        shop.configure('[orders]\ncharge_status = "shipped"')
        write_export(shop.export, DAY_ONE)
        shop.connect()
        yield shop


def test_a_deposited_prepayment_is_applied_by_hand_and_clears_itself(shop: Shop) -> None:
    """QuickBooks answers 6540 to any change of it (documented): it is not even tried."""
    assert shop.run("sync").code == 0
    payment = shop.book("Payment", "4711")
    shop.bookkeeper("deposit", ids=[payment["Id"]])
    write_export(shop.export, day_two())

    done = shop.run("sync", "--json")
    assert done.code == 3 and done.json["held"] == []
    [listed] = done.json["to_apply_by_hand"]
    assert listed["source"] == "payment:501"
    assert "265.00 to order 1002" in listed["what"]
    assert shop.book("Invoice", "1002")["Balance"] == shop.book("Invoice", "1002")["TotalAmt"] - 200
    shop.writes_nothing("sync", code=3)
    status = shop.run("status", "--json").json
    assert len(status["to_apply_by_hand"]) == 1 and status["held"] == []

    invoice = shop.book("Invoice", "1002")
    shop.bookkeeper("apply_payment", id=payment["Id"], invoice=invoice["Id"])
    shop.writes_nothing("sync")
    assert shop.run("status", "--json").json["to_apply_by_hand"] == []
    shop.writes_nothing("sync")
