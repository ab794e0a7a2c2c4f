"""Both sides to the cent: what differs is found, explained, and says what mends it."""

from __future__ import annotations

import html.parser
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbosync.demo_shop import DAY_ONE, day_two, write_export
from qbosync.emulator import Server
from tests.shopkit import Shop

MARKED = "[qbosync main order:1001]"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Two days of a shop with every form, synced."""
    with Server(port=0, limits="off", seed=4) as server:
        shop = Shop(tmp_path, server)
        shop.configure()
        write_export(shop.export, DAY_ONE)
        shop.connect()
        assert shop.run("sync").code == 0
        write_export(shop.export, day_two())
        assert shop.run("sync").code == 0
        yield shop


def statement(shop: Shop, *args: str) -> dict[str, Any]:
    done = shop.writes_nothing("reconcile", "--json", *args, code=0)
    return done.json


def differing(shop: Shop, *args: str) -> dict[str, dict[str, Any]]:
    done = shop.writes_nothing("reconcile", "--json", *args, code=3)
    return {row["source"]: row for row in done.json["differences"]}


def an_invoice_by_hand(shop: Shop, **values: Any) -> None:
    [customer] = [c for c in shop.books("Customer") if c["DisplayName"] == "Retail"]
    [item] = [i for i in shop.books("Item") if i["Name"] == "Cabinets"]
    line = {"Amount": Decimal("12.00"), "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}}}  # fmt: skip
    given = {"CustomerRef": {"value": customer["Id"]}, "Line": [line], **values}
    shop.bookkeeper("create", entity="Invoice", values=given)


def edit(shop: Shop, number: str, amount: str) -> None:
    values = {"Amount": Decimal(amount)}
    shop.bookkeeper("edit_line", entity="Invoice", number=number, line=1, values=values)


def test_after_a_sync_everything_agrees(shop: Shop) -> None:
    told = statement(shop)
    assert told["agrees"] and told["differences"] == []
    assert {c["name"]: c["balance"] for c in told["customers"]} == {
        "Birchwood Homes": "292.50",
        "Marlow Kitchens": "68.88",
        "O'Hara & Söhne": "103.40",
        "Retail": "0.00",
    }
    sums = told["totals"]["receivable"]
    assert sums["shop_system"] == sums["ledger"] == sums["quickbooks"] == "464.78"
    assert told["totals"]["tax"]["quickbooks"] == "112.50", "84.00 and 30.00 less 1.50"
    by_source = {row["source"]: row["became"] for row in told["records"]}
    assert by_source["order:1002"] == "Estimate 1002 → Invoice 1002"


def test_quickbooks_own_journal_says_the_same(shop: Shop) -> None:
    """Accounts receivable in the company's double-entry books, not in any document."""
    told = statement(shop)
    assert shop.balance("Accounts Receivable (A/R)") == Decimal(
        told["totals"]["receivable"]["quickbooks"]
    )
    assert shop.balance("Sales Tax Collected") == -Decimal(told["totals"]["tax"]["quickbooks"])
    waiting = sum(Decimal(row["amount"]) for row in told["undeposited"])
    assert shop.balance("Undeposited Funds") == waiting == Decimal("4140.00")


def test_what_is_not_sent_yet_is_a_difference_that_sync_mends(shop: Shop) -> None:
    sets = day_two()
    late = {"payment_id": "599", "customer_id": "13", "date": "2026-03-05", "amount": "40.00",
            "method": "check", "ref_num": "late", "status": "posted"}  # fmt: skip
    gives = {"payment_id": "599", "target": "order:1004", "amount": "40.00"}
    write_export(
        shop.export,
        sets
        | {
            "payments": [*sets["payments"], late],
            "payment_applications": [*sets["payment_applications"], gives],
        },
    )
    rows = differing(shop)
    assert set(rows) == {"payment:599", "order:1004"}
    assert rows["payment:599"]["todo"] == "qbosync sync"
    assert rows["order:1004"]["cause"] == "payment 599 is not sent yet"
    assert shop.run("sync").code == 0
    assert statement(shop)["agrees"]


def test_a_held_record_is_a_difference_with_its_own_words(shop: Shop) -> None:
    sets = day_two()
    orders = [dict(row) for row in sets["orders"]]
    orders[0]["total"] = "1777.00"
    write_export(shop.export, sets | {"orders": orders})
    assert shop.run("sync").code == 3
    row = differing(shop)["order:1001"]
    assert row["total"] == {
        "shop_system": "1777.00", "ledger": "1529.00", "quickbooks": "1529.00"
    }  # fmt: skip
    assert "1,777.00" in row["cause"] and row["todo"]


def test_an_amount_edited_in_quickbooks_is_found(shop: Shop) -> None:
    edit(shop, "1004", "99.00")
    row = differing(shop)["order:1004"]
    assert row["total"]["quickbooks"] == "99.00" and row["total"]["shop_system"] == "100.00"
    assert "edited in QuickBooks" in row["cause"] and "resolve order:1004" in row["todo"]


def test_a_document_deleted_or_voided_in_quickbooks_is_found(shop: Shop) -> None:
    shop.bookkeeper("void", entity="Invoice", number="FC-71")
    shop.bookkeeper("delete", entity="Invoice", number="1004")
    rows = differing(shop)
    assert rows["charge:71"]["cause"] == "voided in QuickBooks"
    assert "no longer in QuickBooks" in rows["order:1004"]["cause"]


def test_what_people_enter_by_hand_explains_the_balance(shop: Shop) -> None:
    """The bookkeeper's own invoice is no difference: it stands in a column of its own."""
    an_invoice_by_hand(shop)
    told = statement(shop)
    [retail] = [c for c in told["customers"] if c["name"] == "Retail"]
    assert (retail["entered_in_quickbooks"], retail["balance"]) == ("12.00", "12.00")


def test_a_copy_that_bears_our_mark_is_a_difference(shop: Shop) -> None:
    an_invoice_by_hand(shop, PrivateNote=MARKED)
    done = shop.run("reconcile")
    assert done.code == 3 and "bears our mark" in done.out


def test_as_of_a_past_day_counts_what_was_there_by_then(shop: Shop) -> None:
    told = statement(shop, "--as-of", "2026-03-03")
    # By then invoice 1001 was out, and payment 501 waited for order 1002.
    assert told["totals"]["receivable"]["quickbooks"] == "1264.00"
    assert told["totals"]["unapplied"]["quickbooks"] == "265.00"
    [deposit] = told["deposits"]
    assert (deposit["source"], deposit["for"]) == ("payment:501", ["order:1002"])


def test_a_day_to_come_is_refused(shop: Shop) -> None:
    done = shop.run("reconcile", "--as-of", "2999-01-01")
    assert done.code == 4 and "is in the future" in done.err


def test_a_reconciliation_that_came_to_nothing_has_all_its_keys(shop: Shop) -> None:
    whole = statement(shop)
    (shop.export / "orders.csv").unlink()
    done = shop.writes_nothing("reconcile", "--json", code=4)
    assert done.json.keys() == whole.keys()
    assert not done.json["agrees"] and done.json["error"]["todo"]


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name in ("src", "href", "onclick") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_stands_alone_and_says_it_all(shop: Shop, tmp_path: Path) -> None:
    edit(shop, "1004", "99.00")
    path = tmp_path / "books.html"
    assert shop.run("reconcile", "--html", str(path)).code == 3
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    text = " ".join(page.words)
    assert "script" not in page.tags and "link" not in page.tags
    assert "O'Hara & Söhne" in text and "edited in QuickBooks" in text
    assert "Undeposited Funds" in text and "Invoice FC-71" in text
    assert path.stat().st_mode & 0o077 == 0


def test_on_a_terminal_it_reads_as_sentences(shop: Shop) -> None:
    done = shop.run("reconcile")
    assert done.code == 0, done.text
    assert "The shop system and QuickBooks agree to the cent." in done.out.splitlines()
    assert "Accounts receivable" in done.out
