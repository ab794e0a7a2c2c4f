"""Money and invoices that somebody entered in QuickBooks already are not entered again unasked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.shopkit import CUSTOMERS, Row, Shop, applied, line, open_shop, order, payment

ITEM = {"ItemRef": {"value": "1"}, "TaxCodeRef": {"value": "NON"}}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as shop:
        shop.configure("[documents]\nopen_months = 99\n")
        deliver(shop)
        shop.connect()
        yield shop


def deliver(shop: Shop, *payments: Row, orders: tuple[Row, ...] = ()) -> None:
    rows = [order("1002", "250.00", customer_id="2", status="shipped"), *orders]
    given = [applied(row["payment_id"], "order:1002", row["amount"]) for row in payments]
    sets = {"payments": payments, "payment_applications": given} if payments else {}
    shop.deliver(
        customers=CUSTOMERS,
        orders=rows,
        order_lines=[line(row["order_id"], row["total"]) for row in rows],
        **sets,
    )


def paid(amount: str = "100.00", **values: str) -> dict[str, str]:
    return payment("501", amount, customer_id="2", date="2026-03-10", **values)


def birch(shop: Shop) -> str:
    [found] = [b["Id"] for b in shop.books("Customer") if b["DisplayName"].startswith("Birch")]
    return str(found)


def enter(shop: Shop, entity: str, amount: str = "100.00", **values: object) -> str:
    """What somebody enters by hand for customer 2."""
    customer, worth = birch(shop), Decimal(amount)
    fields: dict[str, object] = {"TxnDate": "2026-03-12", **values}
    if entity == "Deposit":
        whose = {"value": customer, "type": "CUSTOMER"}
        detail = {"AccountRef": {"value": "1"}, "Entity": whose}
        row = {"Amount": worth, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}
        bank = next(b["Id"] for b in shop.books("Account") if b["AccountType"] == "Bank")
        fields |= {"DepositToAccountRef": {"value": bank}, "Line": [row]}
    else:
        fields["CustomerRef"] = {"value": customer}
        row = {"Amount": worth, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": ITEM}
        fields |= {"TotalAmt": worth} if entity == "Payment" else {"Line": [row]}
    made = shop.bookkeeper("create", entity=entity, values=fields)
    return str(made[entity]["Id"])


@pytest.mark.parametrize("entity", ["Payment", "SalesReceipt", "Deposit"])
def test_a_payment_that_somebody_entered_is_held(shop: Shop, entity: str) -> None:
    """Rule 9: not ours, same customer and amount, within ten days."""
    assert shop.run("sync").code == 0
    theirs = enter(shop, entity)
    deliver(shop, paid())
    done = shop.writes_nothing("sync", "--json", code=3).json
    [row] = done["held"]
    assert (row["source"], row["reason"]) == ("payment:501", "entered_by_hand")
    assert f"Id {theirs} of 2026-03-12" in row["what"] and "100.00" in row["what"]
    assert "resolve payment:501 --ours" in row["todo"]
    shop.writes_nothing("sync", code=3)


def test_it_is_held_also_where_the_money_was_seen_by_an_earlier_run(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    enter(shop, "Payment")
    shop.writes_nothing("sync")
    deliver(shop, paid())
    shop.writes_nothing("sync", code=3)


def test_it_is_held_where_it_was_there_before_the_first_run(shop: Shop) -> None:
    made = shop.bookkeeper("create", entity="Customer", values={"DisplayName": "Birch & Söhne"})
    assert made["Customer"]["Id"] == birch(shop)
    enter(shop, "Payment")
    deliver(shop, paid())
    done = shop.run("sync", "--json").json
    assert [row["reason"] for row in done["held"]] == ["entered_by_hand"]
    done = shop.writes_nothing("sync", "--json", code=3).json
    assert [row["reason"] for row in done["held"]] == ["entered_by_hand"]


@pytest.mark.parametrize(
    ("values", "amount", "is_held"),
    [
        ({"TxnDate": "2026-03-20"}, "100.00", True),
        ({"TxnDate": "2026-03-21"}, "100.00", False),
        ({"TxnDate": "2026-05-30", "PaymentRefNum": "4711"}, "100.00", True),
        ({"TxnDate": "2026-03-10"}, "100.01", False),
    ],
)
def test_ten_days_or_the_same_reference_and_the_amount_to_the_cent(
    shop: Shop, values: dict[str, str], amount: str, is_held: bool
) -> None:
    assert shop.run("sync").code == 0
    enter(shop, "Payment", amount, **values)
    deliver(shop, paid(ref_num="4711"))
    assert shop.run("sync").code == (3 if is_held else 0)


def test_a_person_says_that_it_is_this_one(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    theirs = enter(shop, "Payment")
    deliver(shop, paid())
    shop.run("sync")
    assert shop.writes_nothing("resolve", "payment:501", "--relink", theirs).code == 0
    assert shop.run("sync").code == 0
    [only] = shop.books("Payment")
    assert only["Id"] == theirs and only["UnappliedAmt"] == 0
    shop.writes_nothing("sync")


def test_a_person_says_that_it_is_another(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    enter(shop, "Payment")
    deliver(shop, paid())
    shop.run("sync")
    assert shop.run("resolve", "payment:501", "--ours").code == 0
    assert len(shop.books("Payment")) == 2
    shop.writes_nothing("sync")


def test_a_person_leaves_it_to_the_sales_receipt(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    enter(shop, "SalesReceipt")
    deliver(shop, paid())
    shop.run("sync")
    shop.writes_nothing("resolve", "payment:501", "--theirs")
    shop.writes_nothing("sync")
    assert shop.books("Payment") == []


def test_a_deleted_payment_of_theirs_holds_nothing_any_more(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    theirs = enter(shop, "Payment")
    deliver(shop, paid())
    assert shop.run("sync").code == 3
    shop.bookkeeper("delete", entity="Payment", id=theirs)
    assert shop.run("sync").code == 0
    assert len(shop.books("Payment")) == 1


def test_an_invoice_that_somebody_made_by_hand_is_held(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    theirs = enter(shop, "Invoice", "60.00", DocNumber="H-1")
    shipped = {"status": "shipped", "customer_id": "2", "status_at": "2026-03-10"}
    deliver(shop, orders=(order("1003", "60.00", **shipped),))
    done = shop.writes_nothing("sync", "--json", code=3).json
    [row] = done["held"]
    assert (row["source"], row["reason"]) == ("order:1003", "entered_by_hand")
    shop.writes_nothing("resolve", "order:1003", "--relink", theirs)
    assert {b["DocNumber"] for b in shop.books("Invoice")} >= {"1002"}
    assert len(shop.books("Invoice")) == 2


def test_an_invoice_made_by_hand_before_the_first_run_holds_its_like(shop: Shop) -> None:
    """Under another number: the same customer and total, within ten days."""
    shop.bookkeeper("create", entity="Customer", values={"DisplayName": "Birch & Söhne"})
    theirs = enter(shop, "Invoice", "250.00", DocNumber="H-1", TxnDate="2026-03-05")
    done = shop.run("sync", "--json").json
    [row] = done["held"]
    assert (row["source"], row["reason"]) == ("order:1002", "entered_by_hand")
    assert f"invoice Id {theirs} of 2026-03-05" in row["what"]
    assert f"resolve order:1002 --relink {theirs}" in row["todo"]
    assert [b["DocNumber"] for b in shop.books("Invoice")] == ["H-1"]
    assert shop.run("resolve", "order:1002", "--ours").code == 0
    assert {b["DocNumber"] for b in shop.books("Invoice")} == {"H-1", "1002"}
    shop.writes_nothing("sync")


def test_what_was_adopted_holds_nothing(shop: Shop) -> None:
    """A second order and payment of the same sums are not taken for those that we know."""
    shop.bookkeeper("create", entity="Customer", values={"DisplayName": "Birch & Söhne"})
    enter(shop, "Invoice", "250.00", DocNumber="1002", TxnDate="2026-03-02")
    enter(shop, "Payment", "100.00", TxnDate="2026-03-10")
    rows = [order("1002", "250.00", customer_id="2", status="shipped")]
    money = [paid()]
    for _ in range(2):
        lines = [line(row["order_id"], row["total"]) for row in rows]
        shop.deliver(customers=CUSTOMERS, orders=rows, order_lines=lines, payments=money)
        if len(rows) == 1:
            assert len(shop.writes_nothing("adopt", "--yes", "--json").json["certain"]) == 3
        rows = [*rows, order("1003", "250.00", customer_id="2", status="shipped")]
        money = [*money, payment("502", "100.00", customer_id="2", date="2026-03-11")]
    done = shop.run("sync", "--json")
    assert done.json["held"] == [], done.text
    assert {b["DocNumber"] for b in shop.books("Invoice")} == {"1002", "1003"}
    assert len(shop.books("Payment")) == 2
