"""What stops a run by itself: too little, too late, too long; and what a person's signal does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from qbosync.emulator import Server
from qbosync.errors import TemporaryError
from qbosync.qbo.transport import Request
from qbosync.running import _ended_when_it_hangs
from tests.builders import business, customer, order
from tests.shopkit import CUSTOMERS, Shop, deliver_two_orders, line, open_shop
from tests.shopkit import order as row
from tests.workroom import Wire, Workroom, is_write


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as shop:
        deliver_two_orders(shop)
        shop.connect()
        yield shop


def deliver(shop: Shop, count: int, *, complete: bool = True, **values: str) -> None:
    numbers = [str(number) for number in range(4001, 4001 + count)]
    shop.deliver(customers=CUSTOMERS, orders=[row(n, "10.00") | values for n in numbers],
                 order_lines=[line(n, "10.00") for n in numbers], complete=complete)  # fmt: skip


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# Too little ---------------------------------------------------------------------------------


def test_an_export_that_lost_more_than_half_of_its_orders_stops(shop: Shop) -> None:
    deliver(shop, 10)
    assert shop.run("sync").code == 0
    deliver(shop, 4)
    for command in ("sync", "plan"):
        done = shop.writes_nothing(command, "--json", code=4)
        assert "has 4 orders, the last one had 10" in done.json["error"]["what"]
        assert "--allow-mass-update" in done.json["error"]["todo"]
    deliver(shop, 5)
    assert shop.run("sync").code == 0, "half of them may go"
    rejected = [body for body in shop.books("Estimate") if body.get("TxnStatus") == "Rejected"]
    assert len(rejected) == 5
    deliver(shop, 1)
    shop.writes_nothing("sync", code=4)
    assert shop.run("sync", "--allow-mass-update").code == 0


def test_a_delivery_of_changes_only_may_be_as_short_as_it_likes(shop: Shop) -> None:
    deliver(shop, 10)
    assert shop.run("sync").code == 0
    deliver(shop, 1, complete=False)
    shop.writes_nothing("sync")


def test_a_change_of_configuration_that_rewrites_the_books_stops(shop: Shop) -> None:
    deliver(shop, 25)
    assert shop.run("sync").code == 0
    deliver(shop, 25, discount="-1.00", total="9.00")
    done = shop.writes_nothing("sync", "--json", code=4)
    assert "change 25 of" in done.json["error"]["what"]
    assert shop.run("sync", "--allow-mass-update").code == 0


# Clocks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("years", [1, -1])
def test_a_clock_that_jumps_a_year_charges_nobody_and_forgets_nobody(
    shop: Shop, years: int
) -> None:
    today = datetime.now(UTC).date()
    shop.deliver(
        customers=CUSTOMERS,
        orders=[row("1001", "100.00", charge_date=(today + timedelta(days=90)).isoformat()),
                row("1002", "250.00", charge_date=(today - timedelta(days=9)).isoformat())],
        order_lines=[line("1001", "100.00"), line("1002", "250.00")],
    )  # fmt: skip
    shop.clock.offset = timedelta(days=365 * years)
    done = shop.run("sync", "--json")
    assert done.code == 0, done.text
    words = [words for words in done.json["reported"] if "clock" in words]
    assert words and ("fast" if years > 0 else "slow") in words[0]
    [invoice] = shop.books("Invoice")
    assert (invoice["DocNumber"], len(shop.books("Estimate"))) == ("1002", 1)
    shop.clock.offset = timedelta()
    shop.writes_nothing("sync")


# Too long -----------------------------------------------------------------------------------


class Slow(Wire):
    """Each write takes so long."""

    pause = 40 * 60

    def send(self, request: Request, timeout: float = 90.0):  # type: ignore[no-untyped-def]
        reply = super().send(request, timeout)
        if is_write(request):
            self._clock.sleep(self.pause)
        return reply


def test_a_run_takes_nothing_new_near_its_end_and_the_next_one_goes_on(
    server: Server, tmp_path: Path
) -> None:
    room = Workroom(server, tmp_path)
    said = business(*(customer(f"c{n}", f"Customer {n}") for n in range(9)),
                    *(order(f"{n}", "shipped", customer_id=f"c{n}") for n in range(9)))  # fmt: skip
    outcome = room.run(said, Slow(room.clock))
    assert outcome.exit_code == 5 and outcome.error is not None
    assert "has had its time (1:30:00)" in outcome.error.what
    assert outcome.written and len(room.documents("Invoice")) < 4
    while room.run(said, Slow(room.clock)).exit_code == 5:
        pass
    assert len(room.documents("Invoice")) == 9
    room.is_settled(said)


def test_what_hangs_for_good_is_ended() -> None:
    reading, writing = os.pipe()
    with pytest.raises(TemporaryError, match="hung"), _ended_when_it_hangs(timedelta(seconds=0.05)):
        os.read(reading, 1)
    os.close(reading)
    os.close(writing)


def test_a_run_that_hangs_is_ended_by_its_own_deadline(shop: Shop) -> None:
    shop.configure('[sync]\nmax_runtime = "1s"\n')
    shop.fault("slow", method="GET", entity="preferences", delay_s=6.0)
    done = shop.writes_nothing("sync", "--json", code=5)
    assert "hung" in done.json["error"]["what"]
    shop.configure()
    assert shop.run("sync").code == 0


# Signals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "code"), [("SIGHUP", 129), ("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_lets_the_request_in_flight_finish_and_records_its_answer(
    shop: Shop, name: str, code: int
) -> None:
    shop.fault("slow", method="POST", entity="customer", delay_s=1.0)
    process = shop.start("sync", "--json")
    wait_for(lambda: any("customer" in asked["path"] for asked in shop.control("requests")))
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=20)
    assert process.returncode == code
    rows = shop.run("ledger", "export").out
    assert 1 <= len(shop.books("Customer")) == rows.count('"Customer"'), "all answers are known"
    assert not shop.books("Invoice"), "nothing new was taken"
    assert shop.run("status", "--json").json["last_run"]["exit_code"] == code
    assert shop.run("sync").code == 0
    assert len(shop.books("Customer")) == 2
    shop.writes_nothing("sync")


def test_a_second_signal_ends_at_once_and_nothing_is_twice(shop: Shop) -> None:
    shop.configure('[sync]\nresend_after = "0s"\n')
    shop.fault("slow", method="POST", entity="customer", delay_s=3.0)
    process = shop.start("sync")
    wait_for(lambda: any("customer" in asked["path"] for asked in shop.control("requests")))
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: sent_again(process))
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert shop.run("sync").code == 0
    shop.writes_nothing("sync")
    assert (len(shop.books("Customer")), len(shop.books("Invoice"))) == (2, 1)


def sent_again(process: subprocess.Popen[str]) -> bool:
    process.send_signal(signal.SIGTERM)
    return process.poll() is not None


def test_nohup_keeps_its_word(shop: Shop) -> None:
    shop.fault("slow", method="POST", entity="customer", delay_s=1.0)
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal,os,sys;signal.signal(signal.SIGHUP,signal.SIG_IGN);"
         "os.execv(sys.executable,[sys.executable,'-m','qbosync',*sys.argv[1:]])",
         "--config", str(shop.config), "sync"],
        cwd=Path(__file__).parent.parent, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(lambda: any("customer" in asked["path"] for asked in shop.control("requests")))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert len(shop.books("Invoice")) == 1


# Estimates that QuickBooks made into invoices itself ------------------------------------------


@pytest.fixture
def paid_online(server: Server, tmp_path: Path) -> Workroom:
    """An order with an estimate, which its customer has paid online."""
    room = Workroom(server, tmp_path)
    room.run(business(customer(), order("7", "ordered", "100.00")))
    room.bookkeeper("convert_estimate", id=room.one("Estimate")["Id"])
    return room


def test_an_invoice_that_quickbooks_made_from_our_estimate_is_adopted(
    paid_online: Workroom,
) -> None:
    made = paid_online.one("Invoice")
    charged = business(customer(), order("7", "shipped", "100.00", charge_date=date(2026, 3, 9)))
    outcome = paid_online.later(charged)
    assert outcome.exit_code == 0 and [w.entry.qbo_id for w in outcome.adopted] == [made["Id"]]
    assert paid_online.one("Invoice") == made, "number, date and lines stay as they are"
    outcome = paid_online.later(charged)
    assert (outcome.written, outcome.adopted, outcome.exit_code) == ([], [], 0)


@pytest.mark.parametrize("what", ["total", "customer"])
def test_an_invoice_from_our_estimate_that_says_something_else_is_held(
    paid_online: Workroom, what: str
) -> None:
    said = business(customer(), customer("13", "Somebody Else"), order("7", "shipped", "120.00"))
    if what == "customer":
        moved = order("7", "shipped", "100.00", customer_id="13")
        said = business(customer(), customer("13", "Somebody Else"), moved)
    outcome = paid_online.later(said)
    assert outcome.exit_code == 3 and outcome.held["order:7"].reason == "converted"
    assert "made invoice" in outcome.held["order:7"].what
    assert len(paid_online.documents("Invoice")) == 1


def test_one_that_was_voided_counts_for_nothing(paid_online: Workroom) -> None:
    paid_online.bookkeeper("void", entity="Invoice", id=paid_online.one("Invoice")["Id"])
    paid_online.later(business(customer(), order("7", "shipped", "100.00")))
    assert [str(i["TotalAmt"]) for i in paid_online.documents("Invoice")] in (
        ["0", "100.00"], ["0.00", "100.00"], ["0", "100.0"],
    )  # fmt: skip


def test_an_invoice_whose_answer_was_lost_is_not_sent_beside_one_that_quickbooks_made(
    server: Server, tmp_path: Path
) -> None:
    room = Workroom(server, tmp_path)
    room.run(business(customer(), order("7", "ordered", "100.00")))
    charged = business(customer(), order("7", "shipped", "100.00"))
    room.fault("reset_before", "invoice")
    assert room.run(charged).exit_code == 5
    room.bookkeeper("convert_estimate", id=room.one("Estimate")["Id"])
    room.later(charged, 2)
    assert len(room.documents("Invoice")) == 1
    with room.ledger() as ledger:
        assert ledger.open_intents() == []
