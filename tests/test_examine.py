"""What `check` finds in QuickBooks' lists, in the export and on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbosync.examine import machine
from qbosync.examine.books import Lists, books_checks, needed_items
from qbosync.examine.export import export_checks
from qbosync.examine.machine import lock_check, machine_checks
from qbosync.lock import RunLock
from qbosync.model import Problem, Snapshot
from qbosync.qbo.preferences import Check
from qbosync.wiring import FILE_BACKEND, load
from tests.builders import business, charge, credit, customer, line, order, payment, policy
from tests.shopkit import Shop, open_shop

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SALES = {
    "Id": "4",
    "Name": "Sales of Product Income",
    "FullyQualifiedName": "Sales of Product Income",
    "AccountType": "Income",
    "AccountSubType": "SalesOfProductIncome",
    "Active": True,
}
TAX = {
    "Id": "9",
    "Name": "Sales Tax Collected",
    "FullyQualifiedName": "Sales Tax Collected",
    "AccountType": "Other Current Liability",
    "AccountSubType": "OtherCurrentLiabilities",
    "Active": True,
}
SHOP = business(order("1", lines=(line("100.00"),)))


def item(name: str, account: dict[str, Any] = SALES, **values: Any) -> dict[str, Any]:
    given = {"Id": name, "Name": name, "FullyQualifiedName": name, "Type": "Service",
             "Active": True, "IncomeAccountRef": {"value": account["Id"]}}  # fmt: skip
    return given | values


def told(
    *items: dict[str, Any],
    shop: Snapshot = SHOP,
    accounts: tuple[dict[str, Any], ...] = (SALES, TAX),
    methods: tuple[dict[str, Any], ...] = (),
    terms: tuple[dict[str, Any], ...] = (),
    **rules: Any,
) -> dict[str, Check]:
    lists = Lists(accounts, items, methods, terms)
    return {check.name: check for check in books_checks(lists, shop, policy(**rules))}


# QuickBooks' lists --------------------------------------------------------------------------


def test_the_export_says_which_items_are_needed_and_what_for():
    shop = business(
        replace(order("1", lines=(line("100.00"), replace(line("5.00"), export_class="Doors"))),
                tax=Decimal("1.00"), shipping=Decimal("2.00"), discount=Decimal("3.00")),
        charge("9"),
        credit("31", "5.00", reason="write_off"),
        credit("32", "5.00", reason="overpayment", payment_id="77"),
    )  # fmt: skip
    needed = needed_items(shop, policy())
    assert set(needed) == {
        "Cabinets", "Sales Tax", "Shipping", "Discount", "Finance Charge", "Bad Debt", "Doors",
    }  # fmt: skip
    assert needed["Bad Debt"] == "write off"


def test_an_item_that_is_there_and_fits_is_ok():
    assert told(item("Cabinets"))["items"].evidence.endswith("Cabinets.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Type": "Inventory"}, "of the type Inventory"),
        ({"Type": "Category"}, "of the type Category"),
        ({"Active": False}, "is inactive"),
    ],
)
def test_an_item_that_cannot_be_used_says_why(change, words):
    found = told(item("Cabinets", **change))["item Cabinets"]
    assert (found.level, words in found.evidence) == ("warning", True) and found.todo


def test_a_missing_item_says_on_which_account_it_will_be_made():
    found = told()["item Cabinets"]
    assert found.level == "ok"
    assert "made as a service on 'Sales of Product Income'" in found.evidence
    without = told(accounts=(TAX,))["item Cabinets"]
    assert without.level == "warning" and "is not in QuickBooks" in without.evidence


def test_a_missing_item_that_may_not_be_made_is_a_warning():
    rules = policy()
    found = told(items=replace(rules.items, create_missing=False))["item Cabinets"]
    assert found.level == "warning" and "Create the Product/Service" in found.todo


def test_the_tax_item_stands_on_a_liability():
    shop = business(replace(order("1", lines=(line("100.00"),)), tax=Decimal("1.00")))
    wrong = told(item("Cabinets"), item("Sales Tax"), shop=shop)["item Sales Tax"]
    assert wrong.level == "warning" and "would count as income" in wrong.evidence
    right = told(item("Cabinets"), item("Sales Tax", TAX), shop=shop)
    assert "item Sales Tax" not in right and "Sales Tax" in right["items"].evidence


def test_a_fee_on_the_sales_account_is_told():
    shop = business(order("1", lines=(line("100.00"),)), charge("9"))
    found = told(item("Cabinets"), item("Finance Charge"), shop=shop)["item Finance Charge"]
    assert (
        found.level == "warning"
        and "on the sales account 'Sales of Product Income'" in found.evidence
    )


def test_accounts_that_the_configuration_names_are_there():
    missing = told(item("Cabinets"), deposit_to={"cc": "Card Clearing"})["account Card Clearing"]
    assert missing.level == "warning" and "is not in QuickBooks" in missing.evidence
    clearing = SALES | {"Id": "7", "FullyQualifiedName": "Card Clearing", "Active": False}
    shut = told(item("Cabinets"), accounts=(SALES, TAX, clearing),
                deposit_to={"cc": "Card Clearing"})["account Card Clearing"]  # fmt: skip
    assert "is not active" in shut.evidence


@pytest.mark.parametrize(
    ("account", "level"),
    [({"Active": True}, "ok"), ({"Active": False}, "warning"), (None, "ok")],
    ids=["there", "inactive", "not yet"],
)
def test_undeposited_funds(account, level):
    funds = SALES | {"Id": "5", "Name": "Undeposited Funds", "AccountSubType": "UndepositedFunds"}
    accounts = (SALES, TAX) if account is None else (SALES, TAX, funds | account)
    assert told(item("Cabinets"), accounts=accounts)["undeposited funds"].level == level


def test_payment_methods_and_terms_that_are_not_there():
    shop = business(
        order("1", lines=(line("100.00"),)), replace(customer("12", "Alder"), terms_days=37)
    )
    made = told(item("Cabinets"), shop=shop)
    assert "made when needed: Check" in made["payment methods there"].evidence
    assert (made["terms"].level, "Net 37" in made["terms"].todo) == ("warning", True)
    strict = replace(policy().items, create_missing=False)
    never = told(item("Cabinets"), shop=shop, items=strict)["payment methods there"]
    assert never.level == "warning"
    there = told(
        item("Cabinets"),
        shop=shop,
        methods=({"Id": "2", "Name": "Check", "Active": True},),
        terms=({"Id": "3", "Name": "Net 37", "DueDays": 37, "Type": "STANDARD", "Active": True},),
    )
    assert (there["terms"].level, there["payment methods there"].level) == ("ok", "ok")


# The export ---------------------------------------------------------------------------------


def of_export(shop: Snapshot, max_age: timedelta | None = timedelta(hours=26)) -> dict[str, Check]:
    return {check.name: check for check in export_checks(shop, policy(), NOW, max_age)}


def test_an_old_export_stops_and_a_fresh_one_says_its_age():
    old = replace(SHOP, generated_at=NOW - timedelta(days=3))
    assert of_export(old)["export age"].level == "stop"
    assert of_export(old, None)["export age"].evidence == "The export is 3 days old."
    assert "export age" not in of_export(SHOP)


def test_rows_that_cannot_be_read_are_counted():
    broken = replace(SHOP, problems=(Problem("order:7", "unreadable", "Line 3 is cut.", "Mend."),))
    words = of_export(broken)["rows"].evidence
    assert words == "1 record cannot be read; the first: Line 3 is cut."


def test_words_are_listed_with_counts_and_sums():
    shop = business(
        order("1", lines=(line("100.00"),)), payment("77", "5.00"), payment("78", "6.00")
    )
    found = of_export(shop)
    assert "check (2, 11.00)" in found["payment methods"].evidence
    assert "Cabinets (1, 100.00)" in found["export classes"].evidence
    assert "ordered (1)" in found["statuses"].evidence


# This machine -------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        (tmp_path / "data").mkdir(mode=0o700)
        yield opened


def of_machine(shop: Shop, backend: str = FILE_BACKEND, told_at: Any = None) -> dict[str, Check]:
    setup = load(shop.config, None, {}, shop.clock)
    return {check.name: check for check in machine_checks(setup, backend, told_at)}


def test_the_keyring_that_is_used_is_named(shop):
    assert "no secret" in of_machine(shop)["keyring"].evidence
    real = of_machine(shop, "keyring.backends.SecretService.Keyring")
    assert "(SecretService)" in real["keyring"].evidence and real["bus"].level == "ok"
    odd = of_machine(shop, "somebody.Else")["keyring"]
    assert odd.level == "warning" and "no keyring of the system" in odd.evidence
    assert "keyring" not in of_machine(shop, "")


def test_what_others_can_read_is_told(shop):
    assert of_machine(shop)["file modes"].level == "ok"
    path = shop.folder / "data" / "qbosync.log"
    path.touch(mode=0o644)
    path.chmod(0o644)
    found = of_machine(shop)["file modes"]
    assert found.level == "warning" and "qbosync.log (0644)" in found.evidence


def test_a_full_disk_and_a_clock_that_is_off_are_told(shop, monkeypatch):
    assert of_machine(shop, told_at=shop.clock.now())["clock"].level == "ok"
    late = of_machine(shop, told_at=shop.clock.now() + timedelta(minutes=11))["clock"]
    assert late.level == "warning" and "minutes behind QuickBooks'" in late.evidence
    ahead = of_machine(shop, told_at=shop.clock.now() - timedelta(minutes=11))["clock"]
    assert "ahead of" in ahead.evidence
    monkeypatch.setattr(machine, "_ROOM", 2**60)
    assert of_machine(shop)["disk"].level == "warning"


def test_root_is_warned(shop, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "user" not in of_machine(shop)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert of_machine(shop)["user"].level == "warning"


def test_a_run_that_is_going_is_told_and_is_no_trouble(shop):
    setup = load(shop.config, None, {}, shop.clock)
    assert "No run is going" in lock_check(setup, "emulator", "1").evidence
    with RunLock(setup.places.lock("emulator", "1"), shop.clock):
        found = lock_check(setup, "emulator", "1")
    assert found.level == "ok" and "Another run is still going" in found.evidence
    setup.places.lock("emulator", "1").unlink()
    setup.places.lock("emulator", "1").mkdir()
    assert lock_check(setup, "emulator", "1").level == "stop"
