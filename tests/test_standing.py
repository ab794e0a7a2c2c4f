"""How it stands, in three words, and everything that waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qbosync import standing
from qbosync.schedule import Next
from tests.shopkit import CUSTOMERS, Shop, deliver_two_orders, line, open_shop, order


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        deliver_two_orders(opened)
        opened.connect()
        yield opened


def summary(shop: Shop) -> tuple[str, str]:
    found = shop.run("status", "--json").json
    return found["summary"], found["why"]


def test_working_when_the_last_run_came_through(shop: Shop) -> None:
    shop.run("sync")
    assert summary(shop) == ("Working", "")
    assert "Active · Working\n" in shop.run("status").out


def test_working_needs_you_when_something_is_held(shop: Shop) -> None:
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1001", "100.00"), order("1002", "99.00", customer_id="2")],
        order_lines=[line("1001", "100.00"), line("1002", "90.00")],
    )
    shop.run("sync")
    assert summary(shop) == ("Working, needs you", "")
    found = shop.run("status", "--json").json
    assert found["held_amount"] == "99.00"
    assert found["oldest_held_since"] == found["held"][0]["since"]
    assert "1, 99.00 not in QuickBooks" in shop.run("status").out


def test_stopped_with_the_reason(shop: Shop) -> None:
    assert summary(shop)[1].startswith("There was no run yet")
    shop.run("sync")
    shop.preferences({"TaxPrefs": {"UsingSalesTax": True}})
    shop.run("sync")
    stopped, why = summary(shop)
    assert stopped == "Stopped" and "Sales Tax is on" in why
    assert "Inactive · Stopped" in shop.run("status").out


def test_stopped_when_nobody_starts_it_any_more(shop: Shop) -> None:
    shop.run("sync")
    shop.clock.offset += timedelta(days=3)
    assert summary(shop) == (
        "Stopped",
        "There was no run for 3 days: see whether cron still starts it.",
    )


def test_stopped_when_no_run_comes_through_for_a_day(shop: Shop) -> None:
    shop.run("sync")
    shop.clock.offset += timedelta(hours=23)
    shop.fault("status_503_html", method="GET", entity="preferences", times=50)
    assert shop.run("sync").code == 5
    assert summary(shop)[0] == "Working", "the next run may succeed"
    shop.clock.offset += timedelta(hours=23)
    assert shop.run("sync").code == 5
    stopped, why = summary(shop)
    assert stopped == "Stopped" and why.startswith("No run came through for 46 hours")


def test_stopped_when_the_keyring_has_nothing(shop: Shop) -> None:
    shop.run("sync")
    (shop.folder / "data" / "emulator-token.json").unlink()
    stopped, why = summary(shop)
    assert stopped == "Stopped" and "no token" in why


def test_status_says_everything_a_person_looks_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 3, 10, 14, 17, tzinfo=UTC)
    monkeypatch.setattr(standing, "next_run", lambda now: Next(at, "cron"))
    shop.configure("[documents]\nclosed_until = 2025-12-31\n")
    shop.preferences({"AccountingInfoPrefs": {"BookCloseDate": "2026-01-31"}})
    shop.run("sync")
    assert shop.run("check", "--accept", "bill-payments").code == 0
    found = shop.run("status", "--json").json
    assert found["next_run"] == {"at": at.isoformat(), "by": "cron"}
    assert found["closed_until"] == "2026-01-31"
    assert found["feed"]["age_hours"] == 0
    assert found["accepted"]["bill-payments"].keys() == {"at", "by"}
    assert 0 < found["token"]["refresh_days_left"] <= found["token"]["hard_days_left"]
    words = shop.run("status").out
    for expected in (
        "Environment       Emulator", "Company           Sandbox Cabinet Shop", "Next run",
        "2026-03-10 14:17 UTC, by cron", "Books closed      until 2026-01-31", "Token",
        "Vouched for       bill-payments, on", "Export            of", "Clock", "Version",
        "days of America/Boise", "Edited there      0 edited in QuickBooks", "Configuration",
    ):  # fmt: skip
        assert expected in words, expected


def test_the_last_error_is_told_with_the_id_that_intuit_asks_for(shop: Shop) -> None:
    shop.run("sync")
    shop.fault("fault_200", method="GET", entity="preferences", times=9)
    shop.run("sync")
    error = shop.run("status", "--json").json["last_error"]
    assert error["what"] and error["intuit_tid"] in error["what"]
    assert "Last error" in shop.run("status").out


def test_the_manifest_says_how_old_the_export_is(shop: Shop) -> None:
    manifest = shop.export / "manifest.json"
    told = json.loads(manifest.read_text(encoding="utf-8"))
    made = shop.clock.now() - timedelta(days=3, minutes=5)
    manifest.write_text(json.dumps(told | {"generated_at": made.isoformat()}), encoding="utf-8")
    assert shop.run("status", "--json").json["feed"]["age_hours"] == 72
    assert "3 days old" in shop.run("status").out
