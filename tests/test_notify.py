"""What cron mails and what the dead-man's switch hears, run by run."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qbosync.errors import SetupError, TemporaryError
from qbosync.guard import age_words, refuse_stale
from qbosync.model import Snapshot
from qbosync.ping import Pinger
from qbosync.qbo.transport import HttpTransport
from qbosync.running import run_once
from qbosync.shop import wait_for_quiet
from qbosync.sync import Options
from qbosync.wiring import load
from qbosync.wiring import open_shop as open_parts
from tests.shopkit import CUSTOMERS, OFF, Shop, deliver_two_orders, line, open_shop, order

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        deliver_two_orders(opened)
        opened.connect()
        now = datetime.now(UTC)
        ten_in_boise = now.replace(hour=17, minute=0, second=0, microsecond=0)
        opened.clock.offset = ten_in_boise + timedelta(days=1) - now
        yield opened


def hold(shop: Shop, *numbers: str, total: str = "99.00") -> None:
    """Orders whose lines make 90.00 and not their total."""
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order(number, total) for number in numbers],
        order_lines=[line(number, "90.00") for number in numbers],
    )


# Mail -----------------------------------------------------------------------------------------


def test_a_mail_tells_the_new_the_oldest_and_what_was_written(shop: Shop) -> None:
    hold(shop, "2001")
    shop.run("sync")
    shop.clock.offset += timedelta(hours=2)
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("2001", "99.00"), order("2002", "98.00"), order("2003", "90.00")],
        order_lines=[line(number, "90.00") for number in ("2001", "2002", "2003")],
    )
    lines = shop.run("sync").err.splitlines()
    assert lines[0] == (
        "qbosync: Sandbox Cabinet Shop (emulator): 1 new record held, 2 in all,"
        " 197.00 not in QuickBooks"
    )
    assert lines[1].startswith("NEW order 2002, Alder Homes, 98.00: ")
    assert lines[2].startswith("order 2001, Alder Homes, 99.00, held since ")
    assert lines[3].startswith("Written: ") and "1 Estimate" in lines[3]
    assert lines[4] == "More: qbosync status; one record: qbosync explain REF"


def test_a_record_that_is_held_for_another_reason_is_news(shop: Shop) -> None:
    hold(shop, "2001")
    shop.run("sync")
    shop.clock.offset += timedelta(hours=2)
    assert shop.run("sync").err == ""
    shop.deliver(customers=CUSTOMERS, orders=[order("2001", "90.00", status="polished")],
                 order_lines=[line("2001", "90.00")])  # fmt: skip
    told = shop.run("sync").err
    assert "\nNOW order 2001, Alder Homes, 90.00: " in told


def test_every_held_line_says_whether_that_is_all(shop: Shop) -> None:
    shop.deliver(customers=CUSTOMERS, orders=[order("2001", "90.00", status="polished")],
                 order_lines=[line("2001", "90.00")])  # fmt: skip
    told = shop.run("sync").err.splitlines()[1]
    assert told.endswith("or correct the order. It goes out by itself then.")
    assert "It goes out by itself then. (since " in shop.run("status").out


def test_many_new_records_are_cut(shop: Shop) -> None:
    hold(shop, *(str(n) for n in range(3000, 3030)))
    lines = shop.run("sync").err.splitlines()
    assert sum(words.startswith("NEW ") for words in lines) == 20
    assert "… 10 more" in lines


def test_another_trouble_is_told_at_once(shop: Shop) -> None:
    shop.preferences({"TaxPrefs": {"UsingSalesTax": True}})
    assert "Sales Tax is on" in shop.run("sync").err
    shop.clock.offset += timedelta(hours=2)
    assert shop.run("sync").err == ""
    shop.preferences(OFF)
    shop.deliver(customers=CUSTOMERS, orders=[])
    shop.export.joinpath("orders.csv").unlink()
    assert "has no orders" in shop.run("sync").err


# Stale and unfinished exports -----------------------------------------------------------------


def test_an_old_export_is_not_taken_for_no_news() -> None:
    old = Snapshot(generated_at=NOON - timedelta(days=3, hours=2))
    with pytest.raises(SetupError, match="The export is 3 days old"):
        refuse_stale(old, NOON, timedelta(hours=26), UTC)
    refuse_stale(old, NOON, None, UTC)
    refuse_stale(old, NOON - timedelta(days=3), timedelta(hours=26), UTC)


def test_the_same_old_export_is_mailed_daily_and_not_with_each_hour(shop: Shop) -> None:
    heard = []
    text = shop.config.read_text(encoding="utf-8")
    shop.config.write_text(text.replace('timezone = "', 'max_age = "26h"\ntimezone = "'))
    for _ in range(14):
        setup = load(shop.config, None, {}, shop.clock)
        error = SetupError(f"The export is {age_words(shop.clock.offset)} old.", "See why.")

        def fail(error: SetupError = error) -> None:
            raise error

        from qbosync.notify import news_of_failure

        heard.append(bool(news_of_failure(setup, error)))
        shop.clock.offset += timedelta(hours=2)
    assert heard == [True, *[False] * 10, True, False, False]


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(days=3, hours=5), "3 days"),
        (timedelta(hours=26), "26 hours"),
        (timedelta(minutes=90), "90 minutes"),
    ],
)
def test_ages_are_told_as_people_say_them(age: timedelta, words: str) -> None:
    assert age_words(age) == words


def quiet_shop(shop: Shop, changed_ago: float) -> None:
    """Wait for the export as a run on real books does; the files were written so long ago."""
    at = shop.clock.now().timestamp() - changed_ago
    for path in shop.export.iterdir():
        os.utime(path, (at, at))
    setup = load(shop.config, None, {}, shop.clock)
    with open_parts(setup, False) as parts:
        strict = replace(parts, quiet=timedelta(seconds=60), clock=Leaping(shop))
        wait_for_quiet(strict, lambda: False, lambda *_: None)


class Leaping:
    """The shop's clock, on which waiting takes no time."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.waited = 0.0

    def now(self) -> datetime:
        return self.shop.clock.now() + timedelta(seconds=self.waited)

    def monotonic(self) -> float:
        return self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


def test_an_export_that_was_written_a_moment_ago_is_waited_for(shop: Shop) -> None:
    quiet_shop(shop, changed_ago=20)
    quiet_shop(shop, changed_ago=3600)
    quiet_shop(shop, changed_ago=-30)


def test_an_export_that_is_written_all_the_time_is_left_for_the_next_run(shop: Shop) -> None:
    setup = load(shop.config, None, {}, shop.clock)
    with open_parts(setup, False) as parts:
        clock = Leaping(shop)

        class Restless:
            name = "folder x"

            def read(self) -> Snapshot:
                raise AssertionError("it is not read")

            def changed_at(self) -> datetime:
                return clock.now() - timedelta(seconds=1)

        strict = replace(parts, quiet=timedelta(seconds=60), clock=clock, source=Restless())
        with pytest.raises(TemporaryError, match="still being written"):
            wait_for_quiet(strict, lambda: False, lambda *_: None)
        assert clock.waited == 60
        stopped = Leaping(shop)
        wait_for_quiet(replace(strict, clock=stopped), lambda: True, lambda *_: None)
        assert stopped.waited == 0


# The dead-man's switch ------------------------------------------------------------------------


@contextmanager
def switch(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Somebody who listens for pings."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/ping/abc", heard
        server.shutdown()


def sync_with(shop: Shop, url: str, **options: bool) -> tuple[int, list[str]]:
    """A run whose configuration has this address, as cron starts it."""
    setup = load(shop.config, None, {}, shop.clock)
    notify = setup.settings.notify.model_copy(update={"ping_url": url})
    settings = setup.settings.model_copy(update={"notify": notify})
    made = run_once(lambda: replace(setup, settings=settings), Options(**options), False, True)
    return made.outcome.exit_code, made.outcome.notes


def test_start_and_success_are_pinged(shop: Shop) -> None:
    with switch() as (url, heard):
        assert sync_with(shop, f"{url}?rid=1") == (0, [])
        assert heard == ["/ping/abc/start?rid=1", "/ping/abc?rid=1"]
        assert sync_with(shop, url, is_dry=True)[0] == 0
    assert len(heard) == 2, "a plan is no run"


def test_held_records_are_no_failure_and_a_person_s_part_is(shop: Shop) -> None:
    hold(shop, "2001")
    with switch() as (url, heard):
        assert sync_with(shop, url)[0] == 3
        shop.preferences({"TaxPrefs": {"UsingSalesTax": True}})
        assert sync_with(shop, url)[0] == 4
    assert heard == ["/ping/abc/start", "/ping/abc", "/ping/abc/start", "/ping/abc/fail"]


def test_what_may_pass_by_itself_is_left_to_the_silence(shop: Shop) -> None:
    shop.fault("status_503_html", method="GET", entity="preferences", times=50)
    with switch() as (url, heard):
        assert sync_with(shop, url)[0] == 5
    assert heard == ["/ping/abc/start"]


def test_a_run_that_cannot_begin_fails_aloud(shop: Shop) -> None:
    shop.ledger.unlink()
    with switch() as (url, heard):
        assert sync_with(shop, url)[0] == 7
    assert heard == ["/ping/abc/fail"]


def test_a_ping_that_fails_never_fails_a_run(shop: Shop) -> None:
    code, notes = sync_with(shop, "http://127.0.0.1:9/abc")
    assert code == 0 and "the ping/start did not get through" in notes[0]
    with switch(status=404) as (url, _):
        code, notes = sync_with(shop, url)
    assert code == 0 and notes[0] == "the ping/start was answered with HTTP 404"


def test_a_ping_speaks_https_and_nothing_goes_along(shop: Shop) -> None:
    with switch() as (url, heard):
        pinger = Pinger(url, HttpTransport(shop.clock))
        pinger.start()
    assert heard == [] and "is not spoken to" in pinger.troubles[0]
