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


def test_money_that_was_applied_otherwise_is_found(shop: Shop) -> None:
    [payment] = [p for p in shop.books("Payment") if p["TotalAmt"] == Decimal("2375.00")]
    shop.bookkeeper("unapply_payment", entity="Payment", id=payment["Id"])
    rows = differing(shop)
    assert set(rows) == {"payment:503", "order:1003"}
    assert rows["order:1003"]["open"]["quickbooks"] == "2375.00"
    assert all(row["cause"] and row["todo"] for row in rows.values())


def test_an_invoice_that_stays_though_its_order_fell_back_is_a_difference(shop: Shop) -> None:
    sets = day_two()
    orders = [dict(row) for row in sets["orders"]]
    orders[3]["status"] = "ordered"
    write_export(shop.export, sets | {"orders": orders})
    row = differing(shop)["order:1004"]
    assert row["total"]["shop_system"] == "0.00" and row["total"]["quickbooks"] == "100.00"
    assert "the invoice stays" in row["cause"]


def test_an_order_on_hold_still_owes_its_invoice(shop: Shop) -> None:
    sets = day_two()
    orders = [dict(row) for row in sets["orders"]]
    orders[3]["status"] = "on hold"
    write_export(shop.export, sets | {"orders": orders})
    assert statement(shop)["agrees"]


def test_what_the_export_no_longer_has_is_a_difference(shop: Shop) -> None:
    sets = day_two()
    charges = [row for row in sets["charges"] if row["charge_id"] != "71"]
    write_export(shop.export, sets | {"charges": charges})
    row = differing(shop)["charge:71"]
    assert row["total"] == {"shop_system": "0.00", "ledger": "3.40", "quickbooks": "3.40"}
    assert row["cause"] and row["todo"]


def test_a_void_order_owes_nothing_once_its_estimate_is_rejected(shop: Shop) -> None:
    sets = day_two()
    orders = [dict(row) for row in sets["orders"]]
    orders[4]["status"] = "void"
    write_export(shop.export, sets | {"orders": orders})
    row = differing(shop)["order:1005"]
    assert row["total"]["quickbooks"] == "80.00" and row["todo"] == "qbosync sync"
    assert shop.run("sync").code == 0
    assert statement(shop)["agrees"]


def test_a_row_that_cannot_be_read_is_a_difference(shop: Shop) -> None:
    sets = day_two()
    orders = [*sets["orders"], sets["orders"][0] | {"order_id": "1010", "total": "ten"}]
    write_export(shop.export, sets | {"orders": orders})
    rows = differing(shop)
    assert any("ten" in row["cause"] for row in rows.values())


def test_sales_tax_that_was_moved_to_another_line_is_found(shop: Shop) -> None:
    """The total is the same, but the tax account is not."""
    invoice = shop.book("Invoice", "1002")
    names = [row["Description"] for row in invoice["Line"] if "Description" in row]
    at = names.index("Sales tax") + 1
    shop.bookkeeper("edit_line", entity="Invoice", number="1002", line=at,
                    values={"Amount": Decimal("20.00")})  # fmt: skip
    shop.bookkeeper("edit_line", entity="Invoice", number="1002", line=1,
                    values={"Amount": Decimal("510.00")})  # fmt: skip
    row = differing(shop)["order:1002"]
    assert row["total"]["quickbooks"] == row["total"]["shop_system"] == "555.00"
    assert "20.00 of sales tax instead of 30.00" in row["cause"]


def test_the_past_knows_what_a_credit_was_spent_on_by_then(shop: Shop) -> None:
    told = statement(shop, "--as-of", "2026-03-04")
    assert told["totals"]["credits"]["quickbooks"] == "26.50"
    assert statement(shop)["totals"]["credits"]["quickbooks"] == "0.00"


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


def test_deposits_and_by_hand_are_told_on_a_terminal(shop: Shop) -> None:
    sets = day_two()
    waits = {"payment_id": "600", "customer_id": "0", "date": "2026-03-05", "amount": "20.00",
             "method": "check", "ref_num": "w", "status": "posted"}  # fmt: skip
    gives = {"payment_id": "600", "target": "order:1005", "amount": "20.00"}
    write_export(
        shop.export,
        sets
        | {
            "payments": [*sets["payments"], waits],
            "payment_applications": [*sets["payment_applications"], gives],
        },
    )
    assert shop.run("sync").code == 0
    an_invoice_by_hand(shop)
    done = shop.run("reconcile")
    assert "order 1005" in done.out and "Retail" in done.out
    shop.bookkeeper("deposit", ids=[p["Id"] for p in shop.books("Payment")
                                         if p["TotalAmt"] == Decimal("20.00")])  # fmt: skip
    told = shop.run("reconcile", "--json").json
    assert sum(Decimal(row["amount"]) for row in told["undeposited"]) == Decimal("4140.00")


def test_on_a_terminal_it_reads_as_sentences(shop: Shop) -> None:
    done = shop.run("reconcile")
    assert done.code == 0, done.text
    assert "The shop system and QuickBooks agree to the cent." in done.out.splitlines()
    assert "Accounts receivable" in done.out


def test_an_order_corrected_by_other_documents_agrees_with_all_of_them(shop: Shop) -> None:
    """Original, credit memo and their tax together are what the shop system says."""
    shop.configure('[documents]\ncorrection = "credit_memo"\n')
    sets = day_two()
    shop.bookkeeper("close_books", date="2026-03-31")
    orders = [
        row | {"total": "1423.00", "tax": "78.00"} if row["order_id"] == "1001" else row
        for row in sets["orders"]
    ]
    lines = [
        row | {"amount": f"{Decimal(row['amount']) - 100:.2f}", "unit_price": "", "qty": "1"}
        if (row["order_id"], row["line_no"]) == ("1001", "1")
        else row
        for row in sets["order_lines"]
    ]
    write_export(shop.export, sets | {"orders": orders, "order_lines": lines})
    done = shop.run("sync", "--json")
    assert [w["number"] for w in done.json["written"]] == ["1001-C1"], done.text
    told = statement(shop)
    [row] = [r for r in told["records"] if r["source"] == "order:1001"]
    assert "CreditMemo 1001-C1" in row["became"]
    assert row["total"]["quickbooks"] == row["total"]["shop_system"] == "1423.00"
    assert told["totals"]["tax"]["quickbooks"] == "106.50"
    past = statement(shop, "--as-of", "2026-03-31")
    [row] = [r for r in past["records"] if r["source"] == "order:1001"]
    assert row["total"]["quickbooks"] == row["total"]["shop_system"] == "1529.00"
    story = shop.run("explain", "1001").out
    assert "CreditMemo 1001-C1" in story
