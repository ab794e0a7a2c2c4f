"""The way to a connected company, with every wrong turn, and what is decided on it.

Real books are the emulator's under Intuit's addresses: nothing else is put in its place.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cronsim import CronSim

from qbosync import schedule, wiring
from qbosync.connect import Connected, connect
from qbosync.errors import QbosyncError, TemporaryError
from qbosync.examine.full import full_checks
from qbosync.lock import RunLock
from qbosync.qbo.listener import Grant
from qbosync.qbo.oauth import Endpoints
from qbosync.qbo.preferences import Check
from qbosync.qbo.transport import HttpTransport
from qbosync.running import run_once
from qbosync.signin import Person, tokens_of
from qbosync.sync import Options
from qbosync.wiring import endpoints_of, load
from qbosync.wiring import open_shop as open_shop_of
from tests.shopkit import (
    OFF,
    Shop,
    applied,
    deliver_two_orders,
    line,
    open_shop,
    order,
    payment,
)
from tests.test_tokens import Keeping

REAL = """\
data_dir = "data"

[quickbooks]
environment = "production"
default_export_class = "Cabinets"
redirect_uri = "{redirect}"

[orders]
start_date = {start}

[items.income_account]
{accounts}
"*" = "Sales of Product Income"

[payments.methods]
check = "Check"

[source]
path = "export"
"""
ELSEWHERE = "https://books.example.com/back"


@dataclass
class Operator:
    """Somebody at a terminal, with answers ready for what may be asked."""

    shop: Shop
    answers: dict[str, str] = field(default_factory=dict)
    is_there: bool = True
    change: Callable[[str], str] = str
    choice: str = ""
    shown: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def person(self) -> Person:
        return Person(
            self.shown.append,
            None,
            self._paste,
            (lambda text, _hide: self._answer(text, "")) if self.is_there else None,
            self._answer if self.is_there else None,
            self.checks.extend,
        )

    def _paste(self) -> str:
        url = f"{self.shown[-1]}&approve={self.choice or self.shop.realm_id}"
        reply = requests.get(url, allow_redirects=False, timeout=5)
        return self.change(reply.headers["Location"])

    def _answer(self, text: str, default: str) -> str:
        self.asked.append(text)
        return next((a for words, a in self.answers.items() if words in text), default)

    def connect(self) -> Connected:
        return connect(load(self.shop.config, None, {}), self.person(), ("id", "secret"))

    def told(self, name: str) -> Check:
        [found] = [check for check in self.checks if check.name == name]
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        deliver_two_orders(opened)
        opened.preferences(OFF)
        yield opened


@pytest.fixture
def real(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose configuration says production; Intuit's addresses lead to the emulator."""
    there = endpoints_of(
        load(shop.config, None, {}), HttpTransport(shop.clock, allow_loopback_http=True)
    )
    monkeypatch.setattr(wiring, "PRODUCTION", there)
    monkeypatch.setattr(
        wiring, "HttpTransport", lambda clock, **_: HttpTransport(clock, allow_loopback_http=True)
    )
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.test_tokens.Keeping")
    Keeping.kept.clear()
    write_real(shop)
    return shop


def write_real(
    shop: Shop,
    redirect: str = ELSEWHERE,
    start: str = "2026-03-01",
    accounts: str = '"Sales Tax" = "Sales Tax Collected"',
) -> None:
    text = REAL.format(redirect=redirect, start=start, accounts=accounts)
    shop.config.write_text(text, encoding="utf-8")


def endpoints(shop: Shop) -> Endpoints:
    """Where the emulator's company is."""
    transport = HttpTransport(shop.clock, allow_loopback_http=True)
    return endpoints_of(load(shop.config, None, {}), transport)


def at_rest(shop: Shop) -> None:
    """The export was written an hour ago: real books wait for one that is being written."""
    hour_ago = shop.clock.now().timestamp() - 3600
    for path in shop.export.iterdir():
        os.utime(path, (hour_ago, hour_ago))


def is_connected(shop: Shop) -> bool:
    return load(shop.config, None, {}).connection is not None


def living(shop: Shop) -> int:
    """Grants that Intuit would still honour."""
    return sum(not grant.dead for grant in shop.server.emulator.oauth.grants)


# The journey --------------------------------------------------------------------------------


def test_the_screen_says_what_is_connected_to_what_and_what_comes_next(shop: Shop) -> None:
    done = shop.connect_by_hand()
    assert done.code == 0, done.text
    lines = done.out.splitlines()
    [at] = [n for n, words in enumerate(lines) if words.startswith("http")]
    assert not any("http" in words for words in lines[:at]) and " " not in lines[at]
    assert lines[:at] == [
        "Environment: emulator",
        "Default Export Class: Cabinets",
        f"Source: folder {shop.export}",
    ]
    connected = lines.index("Connected to Sandbox Cabinet Shop (emulator).")
    checks = [n for n, words in enumerate(lines) if re.match(r" +(ok|look|STOP) ", words)]
    [job] = [n for n, words in enumerate(lines) if words.endswith(" sync")]
    assert at < connected < min(checks) < max(checks) < job < len(lines)
    assert lines[-1].startswith("Next run: ")
    assert "\x1b" not in done.text


def test_the_lines_for_cron_are_ones_that_cron_runs(shop: Shop) -> None:
    done = shop.connect_by_hand()
    jobs = re.findall(r"^((?:[\d*/]+ ){5})(.+)$", done.out, re.M)
    assert len(jobs) == 2
    for when, command in jobs:
        assert next(CronSim(when.strip(), datetime(2026, 3, 1)))
        assert command.startswith(("/", "env "))
    ended = subprocess.run(
        ["/bin/sh", "-c", jobs[0][1]],
        env={"PATH": "/usr/bin:/bin", "HOME": str(shop.folder)},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert {body["DocNumber"] for body in shop.books("Invoice")} == {"1002"}


def test_a_per_cent_sign_in_a_path_does_not_end_the_command() -> None:
    [job, _] = schedule.crontab_lines(Path("/a b/50%/config.toml"), "1", {"QBOSYNC_DATA_DIR": "/d"})
    assert r"'/a b/50\%/config.toml'" in job and "QBOSYNC_DATA_DIR=/d" in job


def test_no_company_asks_on_a_round_minute() -> None:
    minutes = {schedule.minute_of(str(n)) for n in range(200)}
    assert all(minute % 5 for minute in minutes) and len(minutes) > 30


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("17 */2 * * * /usr/bin/qbosync sync", "2026-03-10T14:17"),
        ("0 6 * * * $HOME/bin/qbosync --config x sync", "2026-03-11T06:00"),
        ("# 17 */2 * * * qbosync sync", ""),
        ("41 8 * * * qbosync status --max-age 5h", ""),
        ("99 8 * * * qbosync sync", ""),
        ("MAILTO=me", ""),
    ],
)
def test_the_next_run_is_read_from_the_crontab(job: str, expected: str) -> None:
    local = datetime(2026, 3, 10, 13, 0).astimezone()
    found = schedule.next_of(job, local.astimezone(UTC))
    assert (f"{found.astimezone():%Y-%m-%dT%H:%M}" if found else "") == expected


def test_without_a_terminal_nothing_is_asked_and_what_is_open_is_listed(shop: Shop) -> None:
    somebody = Operator(shop, is_there=False)
    made = somebody.connect()
    assert somebody.asked == [] and made.stops == []
    assert any("--accept bill-payments" in words for words in made.still_open)


def test_the_address_may_come_down_a_pipe(shop: Shop) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "qbosync", "--config", str(shop.config), "connect", "--paste"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    address = next(words for words in process.stdout if words.startswith("http"))
    back = requests.get(
        f"{address.strip()}&approve={shop.realm_id}", allow_redirects=False, timeout=5
    ).headers["Location"]
    out, err = process.communicate(f"{back}\n", timeout=20)
    assert process.returncode == 0, out + err
    assert "Connected to Sandbox Cabinet Shop" in out


def test_an_empty_pipe_is_told(shop: Shop) -> None:
    done = shop.run("connect", "--paste")
    assert done.code == 4 and "No address was pasted" in done.err


def test_the_class_is_asked_for_where_nobody_gave_one(shop: Shop) -> None:
    shop.configure(export_class="")
    somebody = Operator(shop, {"Default Export Class": "Doors"})
    assert somebody.connect().connection.default_export_class == "Doors"
    assert Operator(shop).connect().connection.default_export_class == "Doors"


# Wrong turns --------------------------------------------------------------------------------


def failing(somebody: Operator) -> QbosyncError:
    with pytest.raises(QbosyncError) as caught:
        somebody.connect()
    return caught.value


def test_an_expired_code_is_told_from_everything_else(shop: Shop) -> None:
    def late(url: str) -> str:
        shop.control("clock", {"advance_s": 3600})
        return url

    error = failing(Operator(shop, change=late))
    assert "expired or was used" in error.what and not is_connected(shop)


def test_a_code_that_was_used_already_is_told(shop: Shop) -> None:
    def taken(url: str) -> str:
        code = re.search(r"code=([^&]+)", url)
        assert code
        form = {
            "grant_type": "authorization_code",
            "code": code[1],
            "redirect_uri": load(shop.config, None, {}).settings.quickbooks.redirect_uri,
        }
        where = endpoints_of(
            load(shop.config, None, {}), HttpTransport(shop.clock, allow_loopback_http=True)
        ).token
        assert requests.post(where, data=form, auth=("id", "secret"), timeout=5).ok
        return url

    assert "expired or was used" in failing(Operator(shop, change=taken)).what


def test_keys_of_the_other_environment_are_told_by_3100(shop: Shop) -> None:
    other = shop.server.emulator.add_company("Other", "sandbox").realm_id
    error = failing(Operator(shop, change=lambda url: url.replace(shop.realm_id, other)))
    assert "These keys do not reach the company" in error.what and "3100" in error.what
    assert "Development keys" in error.todo and not is_connected(shop)
    assert living(shop) == 0


def test_intuit_out_of_reach_while_somebody_waits_asks_to_connect_again(shop: Shop) -> None:
    setup = load(shop.config, None, {}, shop.clock)
    transport = HttpTransport(shop.clock, allow_loopback_http=True)
    nobody = replace(endpoints_of(setup, transport), token="http://127.0.0.1:9/token")
    with pytest.raises(TemporaryError) as caught:
        tokens_of(setup, nobody, ("id", "secret"), Grant("code", "1"), transport)
    assert caught.value.todo == "Run `qbosync connect` again."


def test_a_browser_that_does_not_open_is_told(shop: Shop) -> None:
    import threading

    shown: list[str] = []

    def no_browser(url: str) -> bool:
        threading.Thread(target=shop.approve, args=(url,)).start()
        return False

    connect(
        load(shop.config, None, {}), Person(shown.append, no_browser, None, None), ("id", "secret")
    )
    assert any(words.startswith("No browser could be opened") for words in shown)


@pytest.mark.parametrize(
    "currency",
    [{"MultiCurrencyEnabled": True}, {"HomeCurrency": {"value": "CAD"}}],
    ids=["several", "another"],
)
def test_other_currencies_are_refused_at_once(shop: Shop, currency: dict[str, Any]) -> None:
    shop.preferences({"CurrencyPrefs": currency})
    error = failing(Operator(shop))
    assert "cannot be connected" in error.what
    assert not is_connected(shop) and living(shop) == 0


def test_a_company_that_took_up_currencies_later_stays_connected_but_inactive(shop: Shop) -> None:
    Operator(shop).connect()
    shop.preferences({"CurrencyPrefs": {"MultiCurrencyEnabled": True}})
    made = Operator(shop).connect()
    assert [check.name for check in made.stops] == ["currency"]
    assert is_connected(shop) and living(shop) == 2


# Real books ---------------------------------------------------------------------------------


def test_the_name_of_real_books_is_typed_back(real: Shop) -> None:
    somebody = Operator(real, {"company's name": "Sandbox Cabinet Shop"})
    made = somebody.connect()
    assert made.connection.environment == "production"
    assert any("These are real books" in words for words in somebody.shown)


def test_a_name_typed_wrong_connects_nothing(real: Shop) -> None:
    somebody = Operator(real, {"company's name": "Some other shop"})
    error = failing(somebody)
    assert "was not typed back" in error.what
    assert sum("company's name" in words for words in somebody.asked) == 3
    assert not is_connected(real) and living(real) == 0
    assert not list((real.folder / "data").glob("*.db"))


def test_production_keys_never_come_back_to_this_machine(real: Shop) -> None:
    write_real(real, redirect="http://localhost:8765/callback")
    somebody = Operator(real)
    error = failing(somebody)
    assert "real host" in error.what and "--paste" in error.todo and somebody.shown == []


def test_real_books_demand_a_start_date(real: Shop) -> None:
    text = real.config.read_text(encoding="utf-8")
    real.config.write_text(text.replace("start_date = 2026-03-01", ""), encoding="utf-8")
    assert "`start_date`" in failing(Operator(real)).what


def test_from_sandbox_to_real_books_each_has_its_own_ledger(real: Shop) -> None:
    real.configure()
    Operator(real).connect()
    assert real.run("sync").code == 0
    write_real(real)
    assert "qbosync disconnect" in failing(Operator(real)).todo
    real.configure()
    assert real.run("disconnect").code == 0
    write_real(real)
    Operator(real, {"company's name": "Sandbox Cabinet Shop"}).connect()
    names = {path.name.split("-")[0] for path in (real.folder / "data").glob("*.db")}
    assert names == {"emulator", "production"}


# What is decided ----------------------------------------------------------------------------


def deliver_shipping(shop: Shop) -> None:
    shop.deliver(
        customers=[{"customer_id": "1", "name": "Alder Homes", "type": "business"}],
        orders=[order("1001", "111.00", shipping="10.00", tax="1.00", status="shipped")],
        order_lines=[line("1001", "100.00")],
    )


def test_an_item_without_an_account_gets_the_proposed_one(real: Shop) -> None:
    deliver_shipping(real)
    write_real(real, accounts="")
    name = {"company's name": "Sandbox Cabinet Shop"}
    somebody = Operator(real, name)
    kept = somebody.connect().connection.income_account
    assert kept == {"Shipping": "Shipping Income", "Sales Tax": "Sales Tax Collected"}
    made = [body for body in real.books("Account") if body["Name"] == "Shipping Income"]
    assert [body["AccountType"] for body in made] == ["Income"]
    again = Operator(real, name)
    again.connect()
    assert len(real.books("Account")) == len({b["Name"] for b in real.books("Account")})
    assert not any("Account of the item" in words for words in again.asked)
    at_rest(real)
    assert real.run("sync", "--first", "--yes").code == 0
    item = next(body for body in real.books("Item") if body["Name"] == "Shipping")
    assert item["IncomeAccountRef"]["value"] == made[0]["Id"]


def test_what_the_operator_leaves_open_is_listed_and_nothing_is_made(real: Shop) -> None:
    deliver_shipping(real)
    write_real(real, accounts="")
    before = len(real.books("Account"))
    answers = {"company's name": "Sandbox Cabinet Shop", "Account of the item": "-"}
    made = Operator(real, answers).connect()
    assert made.connection.income_account == {} and len(real.books("Account")) == before
    assert any("'Shipping' has no account" in words for words in made.still_open)
    assert real.run("sync", "--first", "--yes").code == 4


def test_the_tax_item_that_is_there_says_its_account_itself(real: Shop) -> None:
    real.configure()
    Operator(real).connect()
    deliver_shipping(real)
    assert real.run("sync").code == 0  # makes the item Sales Tax on its account
    assert real.run("disconnect").code == 0
    deliver_two_orders(real)
    write_real(real, accounts="")
    somebody = Operator(real, {"company's name": "Sandbox Cabinet Shop"})
    assert somebody.connect().connection.income_account == {"Sales Tax": "Sales Tax Collected"}
    assert not any("Account of the item" in words for words in somebody.asked)


def test_numbers_that_quickbooks_has_are_counted_and_get_a_prefix(shop: Shop) -> None:
    write_invoice(shop, "1002")
    somebody = Operator(shop, {"Prefix for order numbers": "A-"})
    assert somebody.connect().connection.order_prefix == "A-"
    assert any("has 1 invoice whose numbers the orders will reach" in w for w in somebody.asked)
    assert shop.run("sync").code == 0
    assert {body["DocNumber"] for body in shop.books("Invoice")} == {"1002", "A-1002"}


def test_the_prefix_is_fixed_with_the_first_documents(shop: Shop) -> None:
    Operator(shop).connect()
    shop.configure('[documents]\norder_prefix = "B-"\n')
    assert "B-1001" in shop.run("plan").out
    shop.configure()
    assert shop.run("sync").code == 0
    shop.configure('[documents]\norder_prefix = "B-"\n')
    stopped = shop.writes_nothing("sync", code=4)
    assert "order_prefix was ''" in stopped.err and "Put order_prefix back" in stopped.err


def test_the_name_in_our_mark_is_fixed_too(shop: Shop) -> None:
    Operator(shop).connect()
    assert shop.run("sync").code == 0
    text = shop.config.read_text(encoding="utf-8")
    shop.config.write_text(text.replace("[quickbooks]", '[quickbooks]\ninstance = "east"'))
    assert "instance was 'main'" in shop.writes_nothing("sync", code=4).err


def test_what_programs_cannot_see_is_asked_once_and_remembered(shop: Shop) -> None:
    somebody = Operator(shop, {"Is it off?": "yes"})
    made = somebody.connect()
    assert sum("Is it off?" in words for words in somebody.asked) == 4
    assert not any("--accept" in words for words in made.still_open)
    again = Operator(shop)
    again.connect()
    assert not any("Is it off?" in words for words in again.asked)
    assert again.told("late fees").level == "ok"
    assert f"{datetime.now(UTC):%Y-%m-%d} by " in again.told("late fees").evidence


def test_the_opening_list_is_what_both_sides_must_agree_on(shop: Shop) -> None:
    shop.configure("[orders]\nstart_date = 2026-03-05\n")
    shop.deliver(
        customers=[{"customer_id": "1", "name": "Alder Homes", "type": "business"}],
        orders=[
            order("1001", "100.00", status="shipped", status_at="2026-03-02"),
            order("1002", "250.00", status="shipped", status_at="2026-03-06"),
            order("1003", "70.00"),
        ],
        order_lines=[line("1001", "100.00"), line("1002", "250.00"), line("1003", "70.00")],
        payments=[payment("1", "40.00"), payment("2", "50.00"), payment("3", "9.00")],
        payment_applications=[applied("1", "order:1001", "40.00"),
                              applied("2", "order:1002", "50.00")],
        credit_memos=[{"credit_id": "7", "customer_id": "1", "date": "2026-03-01",
                       "amount": "5.00", "reason": "manual"}],
    )  # fmt: skip
    somebody = Operator(shop)
    somebody.connect()
    at = next(n for n, words in enumerate(somebody.shown) if words.startswith("Opening list"))
    assert "as of 2026-03-04" in somebody.shown[at]
    assert somebody.shown[at + 1 :] == [
        "  unpaid invoices, which QuickBooks must have: 1, 60.00",
        "    order 1001, Alder Homes: 60.00",
        "  deposits paid by then on orders charged later: 2, 59.00",
        "    payment 2 of 2026-03-03, Alder Homes: 50.00",
        "    payment 3 of 2026-03-03, Alder Homes: 9.00",
        "  unspent credits: 1, 5.00",
        "    credit 7 of 2026-03-01, Alder Homes: 5.00",
        "  open orders that come along: 2, 320.00",
        "  owed by customers in all: -4.00",
    ]


# Settings that change afterwards --------------------------------------------------------------


def test_estimates_that_are_not_allowed_hold_estimates_alone(shop: Shop) -> None:
    Operator(shop).connect()
    shop.preferences({"SalesFormsPrefs": {"AllowEstimates": False}})
    done = shop.run("sync", "--json")
    assert done.code == 3
    [held] = done.json["held"]
    assert (held["source"], held["reason"]) == ("order:1001", "company_setting")
    assert "AllowEstimates" in held["what"] and "go out by themselves" in held["todo"]
    assert {body["DocNumber"] for body in shop.books("Invoice")} == {"1002"}
    assert shop.run("status", "--json").json["active"]
    shop.preferences({"SalesFormsPrefs": {"AllowEstimates": True}})
    back = shop.run("sync", "--json")
    assert back.code == 0
    assert back.json["reported"] == [
        "Changed in QuickBooks since the last run: AllowEstimates was off, is on."
    ]


def test_a_setting_that_changed_is_told_once_and_stops_what_it_endangers(shop: Shop) -> None:
    Operator(shop).connect()
    assert shop.run("sync").code == 0
    shop.preferences({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    told = shop.run("sync", "--json")
    assert told.code == 0 and "CustomTxnNumbers was on, is off" in told.json["reported"][0]
    assert shop.run("sync", "--json").json["reported"] == []
    shop.preferences({"TaxPrefs": {"UsingSalesTax": True}})
    stopped = shop.writes_nothing("sync", code=4)
    assert "UsingSalesTax was off, is on" in stopped.err


def test_check_shows_both_sides_with_the_way_to_each(shop: Shop) -> None:
    shop.configure('[payments.deposit_to]\ncc = "Card Clearing"\n')
    shop.deliver(
        customers=[{"customer_id": "1", "name": "Alder Homes", "terms_days": "37"}],
        orders=[order("1001", "100.00", status="polished"), order("1002", "9.00", tax="9.00")],
        order_lines=[line("1001", "100.00", export_class="Doors")],
        payments=[payment("1", "40.00", method="barter")],
    )
    Operator(shop).connect()
    done = shop.run("check", "--json")
    found = {row["name"]: row for row in done.json["checks"]}
    assert done.code == 0
    assert found["statuses"]["evidence"] == "Not in the configuration: polished (1)."
    assert found["payment methods"]["evidence"] == "Not in the configuration: barter (1, 40.00)."
    assert found["account Card Clearing"]["level"] == "warning"
    assert "Net 37" in found["terms"]["todo"]
    expected = {
        "sales tax", "automatic credits", "automatic payments", "bill payments", "custom numbers",
        "estimates", "progress invoicing", "currency", "closed books", "subscription", "plan",
        "undeposited funds", "keyring", "lock", "ledger", "disk", "file modes", "umask", "clock",
        "source", "export classes", "country",
    }  # fmt: skip
    assert expected <= found.keys()
    assert all(row["todo"] for row in found.values() if row["level"] != "ok")
    shop.control("clock", {"advance_s": 3600})
    assert json.loads(shop.run("check", "--json").out)["checks"]


def test_check_tells_the_rest_when_the_keyring_or_quickbooks_is_shut(shop: Shop) -> None:
    Operator(shop).connect()
    shop.fault("status_503_html", method="GET", entity="preferences", times=50)
    away = shop.run("check", "--json")
    found = {row["name"]: row for row in away.json["checks"]}
    assert away.code == 5 and found["QuickBooks"]["level"] == "stop" and not away.json["active"]
    assert {"keyring", "source", "ledger", "lock", "disk"} <= found.keys()
    (shop.folder / "data" / "emulator-token.json").unlink()
    shut = shop.run("check")
    assert shut.code == 4 and " STOP keyring: " in shut.out and "ok ledger" in shut.out


def write_invoice(shop: Shop, number: str) -> None:
    """An invoice that somebody made before us."""
    token = shop._sign_in()
    base = f"{shop.server.url}/v3/company/{shop.realm_id}"
    headers = {"Authorization": f"Bearer {token}"}
    made = requests.post(
        f"{base}/customer", json={"DisplayName": "Old customer"}, headers=headers, timeout=5
    ).json()
    body = {
        "CustomerRef": {"value": made["Customer"]["Id"]},
        "DocNumber": number,
        "Line": [{"Amount": 1, "DetailType": "SalesItemLineDetail",
                  "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}],
    }  # fmt: skip
    assert requests.post(f"{base}/invoice", json=body, headers=headers, timeout=5).ok


def test_a_proposal_is_never_an_account_of_quickbooks_own_tax(shop: Shop) -> None:
    from qbosync.examine.books import Lists
    from qbosync.firstday import PROPOSALS, FirstDay

    own = {"Id": "9", "FullyQualifiedName": "State tax", "AccountType": "Other Current Liability",
           "AccountSubType": "GlobalTaxPayable", "Active": True}  # fmt: skip
    day = FirstDay(None, None, None, Lists((own,)), None, None)  # type: ignore[arg-type]
    assert day._existing(PROPOSALS["sales_tax"]) == ""
    fit = replace(day, lists=Lists((own | {"AccountSubType": "OtherCurrentLiabilities"},)))
    assert fit._existing(PROPOSALS["sales_tax"]) == "State tax"


def test_the_first_sync_shows_links_and_what_is_to_come(real: Shop) -> None:
    Operator(real, {"company's name": "Sandbox Cabinet Shop"}).connect()
    at_rest(real)
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return False

    setup = load(real.config, None, {}, real.clock)
    made = run_once(lambda: setup, Options(is_first=True, confirm=confirm), True, True)
    assert made.outcome.error is not None and made.outcome.exit_code == 4
    invoice = real.book("Invoice", "1002")
    link = f"  Invoice 1002 https://app.qbo.intuit.com/app/invoice?txnId={invoice['Id']}"
    assert link in asked[0].splitlines()
    assert "  2026-03 Invoice: 1, 250.00" in asked[0].splitlines()
    assert asked[0].endswith("Look at these in QuickBooks. Go on?")


def test_a_full_check_looks_at_every_document_of_ours(shop: Shop) -> None:
    Operator(shop).connect()
    assert shop.run("sync").code == 0
    fine = {row["name"]: row for row in shop.run("check", "--full", "--json").json["checks"]}
    assert fine["invoices in QuickBooks"]["evidence"] == "All 1 are there as they were written."
    invoice, estimate = shop.book("Invoice", "1002"), shop.book("Estimate", "1001")
    shop.bookkeeper("void", entity="Invoice", id=invoice["Id"])
    shop.bookkeeper("delete", entity="Estimate", id=estimate["Id"])
    found = {row["name"]: row for row in shop.run("check", "--full", "--json").json["checks"]}
    assert "order 1002" in found["invoices in QuickBooks"]["evidence"]
    assert "was voided" in found["invoices in QuickBooks"]["evidence"]
    assert "was deleted" in found["estimates in QuickBooks"]["evidence"]


def test_a_full_comparison_is_made_weekly_where_nobody_is_there(shop: Shop) -> None:
    Operator(shop).connect()
    assert shop.run("sync").code == 0
    with open_shop_of(load(shop.config, None, {}), False) as there:

        def compared(days: int, is_wanted_now: bool = False) -> list[str]:
            now = there.clock.now() + timedelta(days=days)
            made = full_checks(there.company, there.ledger, now, is_wanted_now)
            return [check.name for check in made]

        first = compared(0)
        assert "invoices in QuickBooks" in first
        assert compared(6) == ["full comparison"]
        assert compared(6, is_wanted_now=True) == first, "a person decides"
        assert compared(13) == first, "a job of every seventh day"


def test_what_a_company_had_before_us_is_offered_to_be_taken_over(shop: Shop) -> None:
    shop.bookkeeper("create", entity="Customer", values={"DisplayName": "Alder Homes"})
    made = Operator(shop).connect()
    [offer] = [words for words in made.still_open if "qbosync adopt" in words]
    assert "1 Customer" in offer and "Invoice" not in offer
    assert shop.run("sync").code == 0
    assert not any("qbosync adopt" in words for words in Operator(shop).connect().still_open)


def test_nobody_signs_in_while_a_run_is_going(shop: Shop) -> None:
    Operator(shop).connect()
    lock = shop.ledger.with_suffix(".lock")
    somebody = Operator(shop)
    with RunLock(lock, shop.clock):
        assert failing(somebody).exit_code == 6
    assert not any(words.startswith("http") for words in somebody.shown)


def test_a_person_at_a_terminal_is_asked_and_may_do_without_colours(shop: Shop) -> None:
    answers = {b"(yes/no) [no]:": b"yes\n"}
    out = at_a_terminal(shop, ["connect", "--no-browser"], answers, {"NO_COLOR": "1"})
    assert "Connected to Sandbox Cabinet Shop (emulator)." in out
    assert out.count("Is it off?") == 4 and "Still open" not in out
    assert "\x1b[3" not in out, "no colour"


def at_a_terminal(
    shop: Shop, words: list[str], answers: dict[bytes, bytes], environ: dict[str, str]
) -> str:
    """Run a command on a terminal, sign in when it shows the address, answer what it asks."""
    command = [sys.executable, "-m", "qbosync", "--config", str(shop.config), *words]
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | environ | {"TERM": "xterm", "COLUMNS": "400"},
        cwd=Path(__file__).parent.parent,
    )
    os.close(theirs)
    seen, heard = b"", b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other side is gone
            break
        if not part:
            break
        seen += part
        heard += part
        if address := re.search(rb"(http\S+)\r\n", heard):
            shop.approve(address[1].decode())
            heard = heard[address.end() :]
        for question, answer in answers.items():
            if question in heard:
                os.write(terminal, answer)
                heard = b""
    os.close(terminal)
    assert process.wait(20) == 0, seen.decode()
    return seen.decode()
