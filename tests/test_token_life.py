"""A connection from its first day to its last, as the operator and Intuit see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from qbosync.emulator.oauth import HARD, Grant
from qbosync.lock import RunLock
from tests.shopkit import Shop, deliver_two_orders, open_shop

_DAY = 86_400
_EVERY = timedelta(hours=2)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        deliver_two_orders(opened)
        opened.connect()
        assert opened.run("sync").code == 0
        yield opened


def grant(shop: Shop) -> Grant:
    [found] = [g for g in shop.server.emulator.oauth.grants if g.client == "qbosync"]
    return found


def sign_ins(shop: Shop) -> int:
    return sum(row["path"].endswith("/bearer") for row in shop.server.emulator.log)


def test_a_token_that_dies_in_mid_run_is_renewed_once_and_the_run_goes_on(shop: Shop) -> None:
    before = sign_ins(shop)
    shop.fault("unauthorized", entity="preferences")
    done = shop.run("sync", "--json")
    assert done.code == 0
    assert sign_ins(shop) - before == 2, "one to begin with, one after the 401"


def test_a_token_that_is_refused_again_and_again_ends_the_run(shop: Shop) -> None:
    before = sign_ins(shop)
    shop.fault("unauthorized", times=50, entity="preferences")
    done = shop.run("sync")
    assert done.code == 4, done.text
    assert sign_ins(shop) - before <= 3


def test_a_dead_connection_is_mailed_at_once_then_daily_and_intuit_is_asked_once_a_day(
    shop: Shop,
) -> None:
    grant(shop).dead = True
    before, mails = sign_ins(shop), []
    for _ in range(36):  # three days
        done = shop.run("sync")
        assert done.code == 4
        mails += [done.err] if done.err else []
        shop.clock.offset += _EVERY
    assert "no longer accepts the connection" in mails[0] and "qbosync connect" in mails[0]
    assert 3 <= len(mails) <= 4, "at once, and at the hour of each day"
    assert sign_ins(shop) - before == 3
    shop.connect()
    assert shop.run("sync").code == 0


def test_check_asks_for_no_token_while_a_run_is_going(shop: Shop) -> None:
    before = sign_ins(shop)
    lock = shop.ledger.with_suffix(".lock")
    with RunLock(lock, shop.clock):
        done = shop.run("check")
    assert done.code == 6 and "still going" in done.text
    assert sign_ins(shop) == before
    assert shop.run("check").code == 0


def test_the_days_left_are_in_the_status(shop: Shop) -> None:
    token = shop.run("status", "--json").json["token"]
    assert token["refresh_days_left"] in (100, 101)
    assert token["hard_days_left"] in range(1824, 1826)


def test_the_end_after_five_years_is_mailed_in_time_and_not_every_day(shop: Shop) -> None:
    grant(shop).since -= HARD - 63 * _DAY
    told, today = {}, 0
    for day in (0, 1, 2, 3, 4, 5, 33, 34, 35, 49, 50, 51, *range(56, 63)):
        shop.clock.offset += timedelta(days=day - today)
        shop.control("clock", {"advance_s": _DAY * (day - today)})
        today = day
        done = shop.run("sync")
        assert done.code == 0, done.text
        if "ends in" in done.err:
            told[day] = done.err
    assert len(told) == 10, sorted(told)
    first = next(iter(told.values()))
    assert "ends in 60 days" in first and "Run `qbosync connect`" in first
    assert shop.run("status", "--json").json["token"]["refresh_days_left"] <= 2
    shop.connect()
    shop.run("sync")
    assert shop.run("sync").err == ""
