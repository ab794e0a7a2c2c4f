"""What a shop's export can have wrong: the record is held, the rest goes out, nothing is lost.

What spoils the delivery as a whole stops the run before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shopkit import CUSTOMERS, Row, Shop, applied, line, open_shop, order, payment

GOOD = {
    "customers": CUSTOMERS,
    "orders": [order("1001", "100.00"), order("1002", "250.00", customer_id="2")],
    "order_lines": [line("1001", "100.00"), line("1002", "250.00")],
    "payments": [payment("501", "40.00")],
    "payment_applications": [applied("501", "order:1001", "40.00")],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        opened.deliver(**GOOD)
        opened.connect()
        yield opened


def with_rows(**more: list[Row]) -> dict[str, list[Row]]:
    return {name: [*rows, *more.get(name, [])] for name, rows in GOOD.items()}


def with_customer(name: str) -> dict[str, list[Row]]:
    return with_rows(
        customers=[{"customer_id": "9", "name": name}],
        orders=[order("1009", "5.00", customer_id="9")],
        order_lines=[line("1009", "5.00")],
    )


BAD: dict[str, tuple[dict[str, list[Row]], str, str]] = {
    "a broken row": (
        with_rows(orders=[order("1009", "1,23")]), "order:1009", "orders.csv line 4",
    ),
    "an unknown status": (
        with_rows(orders=[order("1009", "0.00", status="dreamt")]), "order:1009", "'dreamt'",
    ),
    "a payment for an order that is not there": (
        with_rows(payments=[payment("509", "7.00")],
                  payment_applications=[applied("509", "order:4242", "7.00")]),
        "payment:509", "order 4242",
    ),
    "a total that does not add up": (
        with_rows(orders=[order("1009", "99.00")], order_lines=[line("1009", "90.00")]),
        "order:1009", "90.00",
    ),
    "a second row of one id that says something else": (
        with_rows(orders=[order("1009", "9.00"), order("1009", "8.00")],
                  order_lines=[line("1009", "9.00")]),
        "order:1009", "orders.csv",
    ),
    "a colon in a name": (with_customer("Cedar: Homes"), "customer:9", "customers.csv"),
    "a tab in a name": (with_customer("Cedar\tHomes"), "customer:9", "customers.csv"),
    "a line break in a name": (with_customer("Cedar\nHomes"), "customer:9", "customers.csv"),
    "a name of over 100 characters": (with_customer("C" * 101), "customer:9", "101 characters"),
    "an emoji in a name": (with_customer("Cedar \N{EVERGREEN TREE}"), "customer:9", "character"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_held_and_the_rest_goes_out(shop: Shop, name: str) -> None:
    sets, source, words = BAD[name]
    shop.deliver(**sets)
    done = shop.run("sync", "--json")
    assert done.code == 3, done.text
    held = {row["source"]: row for row in done.json["held"]}
    assert words in held[source]["what"] and held[source]["todo"]
    assert "csv" in held[source]["what"], "it says where the row stands"
    assert {body["DocNumber"] for body in shop.books("Estimate")} == {"1001", "1002"}
    assert len(shop.books("Payment")) == 1
    assert everything(sets) == accounted_for(done.json)
    shop.writes_nothing("sync", code=3)


@pytest.mark.parametrize("name", ["O'Hara", "Back\\slash", 'The "Best"', "A & B", "Söhne Ärger ß"])
def test_a_name_that_only_looks_odd_goes_through(shop: Shop, name: str) -> None:
    shop.deliver(**with_customer(name))
    done = shop.run("sync", "--json")
    assert done.code == 0, done.text
    assert name in {body["DisplayName"] for body in shop.books("Customer")}
    shop.writes_nothing("sync")


def everything(sets: dict[str, list[Row]]) -> set[str]:
    """Every order, payment and customer of a delivery."""
    kinds = {"orders": "order", "payments": "payment", "customers": "customer"}
    return {f"{kind}:{row[f'{kind}_id']}" for name, kind in kinds.items() for row in sets[name]}


def accounted_for(document: dict[str, Any]) -> set[str]:
    """What a first run says it wrote or holds; each in one place only."""
    written = {row["source"] for row in document["written"]}
    held = {row["source"] for row in document["held"]}
    assert not written & held
    assert not document["unchanged"]
    named = {source for source in written | held if not source.startswith(("item:", "payment_"))}
    left = document["out_of_scope"].get("customer without documents", 0)
    return named | ({"customer:9"} if left else set())


def test_a_second_look_finds_each_record_in_one_place(shop: Shop) -> None:
    sets = with_rows(
        orders=[order("1009", "9.00"), order("1010", "80.00", status="bid")],
        order_lines=[line("1009", "8.00"), line("1010", "80.00")],
    )
    shop.deliver(**sets)
    shop.run("sync")
    document = shop.run("sync", "--json").json
    assert document["written"] == []
    places = document["unchanged"] + len(document["held"]) + sum(document["out_of_scope"].values())
    assert places == len(everything(sets))


def test_a_cut_file_stops_before_anything_is_written(shop: Shop) -> None:
    shop.deliver(**GOOD, counts={"orders": 3})
    done = shop.writes_nothing("sync", "--json", code=4)
    assert "counts 3 rows of orders" in done.json["error"]["what"]
    assert shop.books("Customer") == []


def test_an_emptied_orders_file_stops_before_anything_is_written(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    shop.deliver(**GOOD | {"orders": [], "payments": [payment("502", "1.00")]})
    done = shop.writes_nothing("sync", "--json", code=4)
    assert "orders" in done.json["error"]["what"]
    shop.deliver(**GOOD)
    shop.writes_nothing("sync")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("orders.csv", b"order_id,number\n\xff\xfe,1\n"),
        ("orders.csv", b"id,number,total\n1,2,3\n"),
        ("orders.csv", b""),
        ("manifest.json", b"{"),
        ("manifest.json", b'{"currency": "EUR"}'),
    ],
    ids=["not UTF-8", "a column is missing", "nothing in it", "half a manifest", "euros"],
)
def test_a_file_that_cannot_be_read_stops_the_run(shop: Shop, name: str, content: bytes) -> None:
    (shop.export / name).write_bytes(content)
    done = shop.writes_nothing("sync", "--json", code=4)
    assert done.json["error"]["what"] and done.json["error"]["todo"]


def test_a_missing_folder_stops_the_run(shop: Shop) -> None:
    shop.export.rename(shop.folder / "elsewhere")
    done = shop.writes_nothing("sync", code=4)
    assert "is not there" in done.err
