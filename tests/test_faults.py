"""Every fault of `docs/faults.md` has a behaviour and a test; those that have no other place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from qbosync.clock import SystemClock
from qbosync.emulator import Server
from qbosync.errors import BusyError
from qbosync.lock import RunLock
from qbosync.model import Snapshot
from tests.builders import business, customer, order, payment, pays
from tests.shopkit import CUSTOMERS, Shop, deliver_two_orders, line, open_shop
from tests.shopkit import order as row
from tests.workroom import Workroom

HERE = Path(__file__).parent
TABLE = (HERE.parent / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if re.match(r"\| F\d", line)
]


def test_every_fault_is_answered_once() -> None:
    assert [cells[0] for cells in ROWS] == [f"F{number}" for number in range(1, 41)]
    assert all(len(cells) == 4 and all(cells) for cells in ROWS)


@pytest.mark.parametrize("cells", ROWS, ids=[cells[0] for cells in ROWS])
def test_every_test_that_answers_a_fault_is_there(cells: list[str]) -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", cells[3])
    assert named
    for file, name in named:
        text = (HERE / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", text, re.MULTILINE), f"{file} has no {name}"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as shop:
        deliver_two_orders(shop)
        shop.connect()
        yield shop


def test_closing_another_handle_does_not_let_go_of_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with RunLock(path, SystemClock()):
        path.read_bytes()
        os.close(os.open(path, os.O_RDWR))
        with pytest.raises(BusyError), RunLock(path, SystemClock()):
            pass


def test_an_old_keyring_never_rolls_the_ledger_back(shop: Shop) -> None:
    """The ledger is ahead then, which is as after a run that was killed: nothing is forgotten."""
    token = shop.ledger.parent / "emulator-token.json"
    old = token.read_bytes()
    assert shop.run("sync").code == 0
    token.write_bytes(old)
    shop.writes_nothing("sync")
    assert shop.run("status", "--json").json["ledger"]["Invoice"] == 1


@pytest.mark.parametrize("how", ["void", "delete"])
def test_what_a_person_deleted_or_voided_is_never_written_again(shop: Shop, how: str) -> None:
    assert shop.run("sync").code == 0
    shop.bookkeeper(how, entity="Invoice", id=shop.book("Invoice", "1002")["Id"])
    shop.run("sync")
    shop.deliver(customers=CUSTOMERS,
                 orders=[row("1001", "100.00"),
                         row("1002", "260.00", customer_id="2", status="shipped")],
                 order_lines=[line("1001", "100.00"),
                              line("1002", "260.00", export_class="Doors")])  # fmt: skip
    for _ in range(2):
        done = shop.run("sync", "--json")
        assert done.code == 3 and "order:1002" in {held["source"] for held in done.json["held"]}
    live = [body for body in shop.books("Invoice") if body["TotalAmt"]]
    assert live == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
@pytest.mark.parametrize("limit", ["-f 24", "-n 8"], ids=["file size", "handles"])
def test_a_limit_on_files_ends_the_run_and_doubles_nothing(shop: Shop, limit: str) -> None:
    command = f'ulimit {limit}; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "qbosync", "--config", str(shop.config),
         "sync"],
        cwd=HERE.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    # Without handles the interpreter itself may end before it comes to us.
    assert done.returncode in ((7,) if limit.startswith("-f") else (1, 4, 5, 7)), done.stderr
    assert done.stderr
    shop.configure('[sync]\nresend_after = "0s"\n')
    assert shop.run("sync").code == 0
    assert (len(shop.books("Estimate")), len(shop.books("Invoice"))) == (1, 1)
    shop.writes_nothing("sync")


def test_after_days_without_a_run_the_books_are_as_if_there_had_been_some(
    server: Server, tmp_path: Path
) -> None:
    def said(day: int) -> Snapshot:
        paid = [payment("1", "40.00", pays("order:1", "40.00"))] if day else []
        return business(customer(), order("1", "shipped" if day > 1 else "ordered"), *paid)

    daily, seldom = (Workroom(server, tmp_path / name) for name in ("daily", "seldom"))
    for day in range(4):
        daily.run(said(day))
        if day in (0, 3):
            seldom.run(said(day))
        daily.advance(timedelta(days=1).total_seconds())
    balance = [str(room.one("Invoice")["Balance"]) for room in (daily, seldom)]
    assert balance[0] == balance[1] == "60.00"
    for room in (daily, seldom):
        room.is_settled(said(3))
