"""The start date as a fence: what was before it stays as it is, what comes after goes out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.shopkit import Shop, applied, line, open_shop, order, payment

START = "[orders]\nstart_date = 2026-03-05\n"
ALDER = {"customer_id": "1", "name": "Alder Homes", "type": "business"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Order 1001 was invoiced before the start date; 1002 and 1003 are not charged by then."""
    with open_shop(tmp_path) as opened:
        opened.configure(START)
        deliver(opened)
        opened.connect()
        yield opened


def deliver(shop: Shop, shipped: str = "ordered", **more: Any) -> None:
    sets: dict[str, Any] = {
        "customers": [ALDER],
        "orders": [
            order("1001", "100.00", status="shipped", status_at="2026-03-02"),
            order("1002", "250.00", status=shipped, status_at="2026-03-06"),
            order("1003", "70.00"),
        ],
        "order_lines": [line("1001", "100.00"), line("1002", "250.00"), line("1003", "70.00")],
    }
    shop.deliver(**sets, **more)


def by_hand(shop: Shop, total: str, number: str = "1001", name: str = "Alder Homes") -> str:
    """An invoice that the bookkeeper made before us; its Id."""
    base = f"{shop.server.url}/v3/company/{shop.realm_id}"
    headers = {"Authorization": f"Bearer {shop._sign_in()}"}
    body = {"DisplayName": name}
    made = requests.post(f"{base}/customer", json=body, headers=headers, timeout=5).json()
    invoice = {
        "CustomerRef": {"value": made["Customer"]["Id"]},
        "DocNumber": number,
        "TxnDate": "2026-03-02",
        "Line": [{"Amount": float(total), "DetailType": "SalesItemLineDetail",
                  "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}],
    }  # fmt: skip
    done = requests.post(f"{base}/invoice", json=invoice, headers=headers, timeout=5)
    return str(done.json()["Invoice"]["Id"])


def later(amount: str = "40.00", target: str = "order:1001") -> dict[str, Any]:
    """A payment in scope for an order from before."""
    return {
        "payments": [payment("91", amount, date="2026-03-08")],
        "payment_applications": [applied("91", target, amount)],
    }


def test_only_what_is_in_scope_goes_out(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    assert {body["DocNumber"] for body in shop.books("Estimate")} == {"1002", "1003"}
    assert shop.books("Invoice") == []


def test_a_payment_goes_to_the_opening_invoice_which_is_never_edited(shop: Shop) -> None:
    opening = by_hand(shop, "100.00")
    before = shop.book("Invoice", "1001")
    deliver(shop, **later())
    assert shop.run("sync").code == 0
    [paid] = shop.books("Payment")
    assert paid["UnappliedAmt"] == 0
    assert [ln["LinkedTxn"][0]["TxnId"] for ln in paid["Line"]] == [opening]
    after = shop.book("Invoice", "1001")
    assert after["Balance"] == Decimal("60.00")
    assert (after["Line"], after.get("PrivateNote")) == (before["Line"], before.get("PrivateNote"))
    with shop.writes() as sent:
        done = shop.run("sync", "--json")
    assert (sent, done.code) == ([], 0)
    assert done.json["run"]["reads"] == 2, "an idle run looks nothing up again"


@pytest.mark.parametrize(
    ("total", "number", "name"),
    [
        ("30.00", "1001", "Alder Homes"),
        ("100.00", "1077", "Alder Homes"),
        ("100.00", "1001", "Somebody else"),
    ],
    ids=["too little is open", "another number", "another customer"],
)
def test_without_such_an_invoice_the_payment_waits_and_is_told(
    shop: Shop, total: str, number: str, name: str
) -> None:
    by_hand(shop, total, number, name)
    deliver(shop, **later())
    done = shop.run("sync", "--json")
    assert done.code == 0
    [paid] = shop.books("Payment")
    assert paid["UnappliedAmt"] == Decimal("40.00")
    assert any("payment 91: QuickBooks has no open invoice" in w for w in done.json["reported"])


def test_two_payments_never_take_more_than_the_opening_invoice_has(shop: Shop) -> None:
    by_hand(shop, "80.00")
    deliver(
        shop,
        payments=[payment("91", "60.00", date="2026-03-08"),
                  payment("92", "40.00", date="2026-03-08")],
        payment_applications=[applied("91", "order:1001", "60.00"),
                              applied("92", "order:1001", "40.00")],
    )  # fmt: skip
    assert shop.run("sync").code == 0
    assert sorted(body["UnappliedAmt"] for body in shop.books("Payment")) == [0, Decimal("40.00")]
    assert shop.book("Invoice", "1001")["Balance"] == Decimal("20.00")


def test_one_payment_pays_an_opening_invoice_and_one_of_ours(shop: Shop) -> None:
    by_hand(shop, "100.00")
    deliver(
        shop,
        shipped="shipped",
        payments=[payment("91", "90.00", date="2026-03-08")],
        payment_applications=[applied("91", "order:1001", "40.00"),
                              applied("91", "order:1002", "50.00")],
    )  # fmt: skip
    assert shop.run("sync").code == 0
    assert shop.book("Invoice", "1001")["Balance"] == Decimal("60.00")
    assert shop.book("Invoice", "1002")["Balance"] == Decimal("200.00")
    shop.writes_nothing("sync")


def test_an_opening_deposit_is_listed_until_it_is_settled(shop: Shop) -> None:
    deliver(
        shop,
        payments=[payment("2", "50.00")],
        payment_applications=[applied("2", "order:1002", "50.00")],
    )
    assert shop.run("sync").code == 0
    assert shop.books("Payment") == []
    [row] = shop.run("status", "--json").json["opening_deposits"]
    assert (row["source"], row["customer"], row["amount"]) == ("payment:2", "Alder Homes", "50.00")
    words = shop.run("status").out
    assert "Opening deposits  1 left, 50.00" in words and "paid before the start date" in words
    assert "qbosync resolve payment:2 --relink ID" in words
    told = shop.run("explain", "payment:2").out
    assert "Received before the start date 2026-03-05" in told and "--ours" in told
    assert "Before the start date 2026-03-05" in shop.run("explain", "order:1001").out
    assert "start date" not in shop.run("explain", "order:1002").out
    deliver(shop)
    shop.run("sync")
    assert shop.run("status", "--json").json["opening_deposits"] == []


def test_a_payment_goes_to_the_invoice_of_a_charge_from_before(shop: Shop) -> None:
    opening = by_hand(shop, "15.00", "FC-9")
    fee = {"charge_id": "9", "kind": "finance_charge", "customer_id": "1", "date": "2026-03-02",
           "amount": "15.00"}  # fmt: skip
    deliver(shop, charges=[fee], **later("15.00", "charge:9"))
    assert shop.run("sync").code == 0
    [paid] = shop.books("Payment")
    assert [ln["LinkedTxn"][0]["TxnId"] for ln in paid["Line"]] == [opening]
    assert [body["DocNumber"] for body in shop.books("Invoice")] == ["FC-9"]
    shop.writes_nothing("sync")


def test_a_payment_on_a_charge_from_before_that_is_not_there_waits(shop: Shop) -> None:
    fee = {"charge_id": "9", "kind": "finance_charge", "customer_id": "1", "date": "2026-03-02",
           "amount": "15.00"}  # fmt: skip
    deliver(shop, charges=[fee], **later("15.00", "charge:9"))
    done = shop.run("sync", "--json")
    assert shop.books("Invoice") == [] and shop.books("Payment")[0]["UnappliedAmt"] == 15
    assert any("no open invoice" in w and "charge 9" in w for w in done.json["reported"])


def deposit(shop: Shop, shipped: str = "ordered") -> None:
    deliver(
        shop,
        shipped,
        payments=[payment("2", "50.00")],
        payment_applications=[applied("2", "order:1002", "50.00")],
    )


def left(shop: Shop) -> list[str]:
    return [row["source"] for row in shop.run("status", "--json").json["opening_deposits"]]


def received(shop: Shop, amount: str, name: str = "Alder Homes") -> str:
    """A deposit that the bookkeeper entered before us, on no invoice; its Id."""
    whose = shop.bookkeeper("create", entity="Customer", values={"DisplayName": name})
    values = {
        "CustomerRef": {"value": whose["Customer"]["Id"]},
        "TotalAmt": Decimal(amount),
        "TxnDate": "2026-03-03",
    }
    made = shop.bookkeeper("create", entity="Payment", values=values)
    return str(made["Payment"]["Id"])


@pytest.mark.parametrize("is_first_run", [True, False])
def test_an_opening_deposit_that_is_in_quickbooks_is_tied_and_pays_its_invoice(
    shop: Shop, is_first_run: bool
) -> None:
    there = received(shop, "50.00")
    deposit(shop)
    if not is_first_run:
        shop.run("sync")
    done = shop.writes_nothing("resolve", "payment:2", "--relink", there)
    assert f"Payment 2 is Payment Id {there}" in done.out
    assert left(shop) == []
    deposit(shop, "shipped")
    assert shop.run("sync").code == 0
    [paid] = shop.books("Payment")
    assert (paid["Id"], paid["UnappliedAmt"]) == (there, 0)
    assert shop.book("Invoice", "1002")["Balance"] == Decimal("200.00")
    shop.writes_nothing("sync")


def test_an_opening_deposit_on_an_invoice_that_is_there_is_applied_by_the_next_run(
    shop: Shop,
) -> None:
    there = received(shop, "50.00")
    deposit(shop, "shipped")
    assert shop.run("sync").code == 0
    assert shop.run("resolve", "payment:2", "--relink", there).code == 0
    assert shop.run("sync").code == 0
    [paid] = shop.books("Payment")
    assert (paid["Id"], paid["UnappliedAmt"]) == (there, 0)
    assert shop.book("Invoice", "1002")["Balance"] == Decimal("200.00")
    shop.writes_nothing("sync")


def test_another_sum_is_not_the_opening_deposit(shop: Shop) -> None:
    there = received(shop, "45.00")
    deposit(shop)
    done = shop.run("resolve", "payment:2", "--relink", there)
    assert done.code == 3 and "its total is 45.00, not 50.00" in done.text


def test_an_opening_deposit_that_is_not_in_quickbooks_is_sent_when_a_person_says_so(
    shop: Shop,
) -> None:
    deposit(shop)
    assert shop.run("sync").code == 0
    assert shop.run("resolve", "payment:2", "--ours").code == 0
    [sent] = shop.books("Payment")
    assert (sent["TotalAmt"], sent["TxnDate"]) == (Decimal("50.00"), "2026-03-03")
    assert left(shop) == []
    deposit(shop, "shipped")
    assert shop.run("sync").code == 0
    assert shop.book("Invoice", "1002")["Balance"] == Decimal("200.00")
    shop.writes_nothing("sync")


def test_an_opening_deposit_that_is_settled_by_hand_leaves_the_list(shop: Shop) -> None:
    deposit(shop)
    assert shop.run("sync").code == 0
    shop.writes_nothing("resolve", "payment:2", "--theirs")
    shop.writes_nothing("sync")
    assert left(shop) == [] and shop.books("Payment") == []


def test_a_word_sends_nothing_of_an_order_from_before_and_says_so(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    no = shop.writes_nothing("resolve", "order:1001", "--ours", code=4)
    assert "before the start date 2026-03-05" in no.err and "nothing of it is sent" in no.err
    assert shop.run("resolve", "order:1002", "--ours").code == 4, "it is not edited"
    assert shop.books("Invoice") == []


def test_a_deposit_that_bears_the_id_of_such_an_order_goes_out_on_a_word(shop: Shop) -> None:
    deposit = payment("1001", "40.00", date="2026-03-01")
    deliver(shop, payments=[deposit], payment_applications=[applied("1001", "order:1002", "40.00")])
    assert shop.run("sync").code == 0
    done = shop.run("resolve", "payment:1001", "--ours")
    assert done.code == 0, done.text
    assert [paid["TotalAmt"] for paid in shop.books("Payment")] == [40]
