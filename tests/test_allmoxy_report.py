"""An order system's own report, one row for each order and product, through configuration alone."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.shopkit import Shop, open_shop

SAMPLE = Path(__file__).parent.parent.parent / "shared" / "allmoxy-samples" / "orders-report.csv"
SOURCE = """\
residual = "tax"

[source.files]
customers = "orders-report.csv"
orders = "orders-report.csv"
order_lines = "orders-report.csv"

[source.columns.customers]
customer_id = "Company #"
name = "Company Name"

[source.columns.orders]
order_id = "Order #"
number = "Order #"
customer_id = "Company #"
status = "Status"
total = "Total"
name = "Order Name"
order_date = "Ordered Date"
ship_date = "Ship Date"

[source.columns.order_lines]
order_id = "Order #"
description = "Product Name"
product = "Product #"
qty = "Qty"
amount = "Line Subtotal"
"""
OWN = """\
Order #,Company #,Company Name,Order Name,Total,Number of Pieces,Ordered Date,Ship Date,Status,Product #,Product Name,Qty,Line Subtotal
701,31,Fernwood Kitchens ,Lake house,1060.00,9,2026-01-12,2026-02-03,shipped,4,Base Cabinet,5,750.00000
701,31,Fernwood Kitchens ,Lake house,1060.00,9,2026-01-12,2026-02-03,shipped,7,Door,4,250.00000
702,32,Quarry & Sons,Bench ,99.99,1,2026-01-14,2026-02-04,shipped,9,Bench Top,1,99.98765
703,32,Quarry & Sons,Boxes,318.00,9,2026-01-15,2026-02-05,shipped,5,Drawer Box,6,150.00000
"""  # noqa: E501


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        opened.configure(source=SOURCE)
        opened.export.mkdir()
        yield opened


def documents(shop: Shop) -> dict[str, dict[str, Any]]:
    found = [*shop.books("Invoice"), *shop.books("Estimate")]
    by_number = {body["DocNumber"]: body for body in found}
    assert len(by_number) == len(found), "each order once"
    return by_number


def has_tax(body: dict[str, Any]) -> bool:
    return any(
        row.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("name") == "Sales Tax"
        for row in body["Line"]
    )


def test_rows_of_a_report_become_orders_and_what_is_missing_is_held(shop: Shop) -> None:
    (shop.export / "orders-report.csv").write_text(OWN, encoding="utf-8")
    shop.connect()
    done = shop.run("sync", "--json")
    assert done.code == 3, done.text
    assert [row["source"] for row in done.json["held"]] == ["order:703"]
    assert "missing" in "{what} {todo}".format(**done.json["held"][0])
    found = documents(shop)
    assert {number: body["TotalAmt"] for number, body in found.items()} == {
        "701": Decimal("1060.00"), "702": Decimal("99.99"),
    }  # fmt: skip
    assert (has_tax(found["701"]), has_tax(found["702"])) == (True, False)
    assert {body["DisplayName"] for body in shop.books("Customer")} == {
        "Fernwood Kitchens", "Quarry & Sons",
    }  # fmt: skip
    shop.writes_nothing("sync", code=3)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample report is not beside this checkout")
def test_a_real_report_goes_out_to_the_cent(shop: Shop) -> None:
    shutil.copy(SAMPLE, shop.export / "orders-report.csv")
    shop.connect()
    done = shop.run("sync", "--json")
    assert done.code == 3, done.text
    with SAMPLE.open(encoding="utf-8-sig", newline="") as file:
        totals = {row["Order #"]: Decimal(row["Total"].replace(",", ""))
                  for row in csv.DictReader(file)}  # fmt: skip
    held = {row["source"].removeprefix("order:") for row in done.json["held"]}
    found = documents(shop)
    assert (len(totals), len(found), len(held)) == (97, 87, 10)
    assert found.keys() | held == totals.keys()
    assert all(Decimal(str(body["TotalAmt"])) == totals[n] for n, body in found.items())
    assert sum(has_tax(body) for body in found.values()) == 23
    shop.writes_nothing("sync", code=3)
