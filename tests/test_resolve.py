"""A person's word: what counts where both sides differ, and what is put aside."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.shopkit import CUSTOMERS, Row, Shop, applied, line, open_shop, order, payment


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as shop:
        shop.configure("[documents]\nopen_months = 99\n")
        deliver(shop)
        shop.connect()
        assert shop.run("sync").code == 0
        yield shop


def deliver(
    shop: Shop,
    total: str = "250.00",
    *,
    more: tuple[Row, ...] = (),
    payments: tuple[Row, ...] | None = None,
    spent: tuple[Row, ...] | None = None,
) -> None:
    """An invoice of 250.00 with 100.00 paid on it, and whatever a test adds."""
    paid = (payment("501", "100.00", customer_id="2", ref_num="4711"),)
    given: tuple[Row, ...] = (applied("501", "order:1002", "100.00"),)
    given = given if spent is None else spent
    sets = {"payment_applications": given} if given else {}
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1002", total, customer_id="2", status="shipped"), *more],
        order_lines=[line("1002", total), *(line(r["order_id"], r["total"]) for r in more)],
        payments=paid if payments is None else payments,
        **sets,
    )


def edit_amount(shop: Shop, amount: str) -> None:
    invoice = shop.book("Invoice", "1002")
    values = {"Amount": Decimal(amount)}
    shop.bookkeeper("edit_line", entity="Invoice", id=invoice["Id"], line=1, values=values)
    shop.run("sync")


def edited(shop: Shop) -> list[str]:
    return [row["source"] for row in shop.run("status", "--json").json["edited"]]


# Theirs and ours ------------------------------------------------------------------------------


def test_theirs_keeps_an_edit_until_the_source_changes(shop: Shop) -> None:
    edit_amount(shop, "240")
    assert edited(shop) == ["order:1002"]
    said = shop.writes_nothing("resolve", "order:1002", "--theirs")
    assert "Order 1002 stays as QuickBooks has it" in said.out
    assert edited(shop) == []
    shop.writes_nothing("sync")
    assert shop.run("explain", "1002", "--json").json["said"][0]["verdict"] == "theirs"

    deliver(shop, "260.00")
    done = shop.writes_nothing("sync", "--json", code=3).json
    assert [row["reason"] for row in done["held"]] == ["edited"]
    shop.writes_nothing("resolve", "1002", "--theirs")
    shop.writes_nothing("sync")
    assert shop.book("Invoice", "1002")["TotalAmt"] == 240


def test_a_further_edit_is_told_though_the_first_one_was_accepted(shop: Shop) -> None:
    edit_amount(shop, "240")
    shop.run("resolve", "1002", "--theirs")
    edit_amount(shop, "230")
    assert edited(shop) == ["order:1002"]


def test_ours_writes_the_shop_s_figures_again_as_any_other_write(shop: Shop) -> None:
    edit_amount(shop, "240")
    done = shop.run("resolve", "order:1002", "--ours", "--json")
    assert done.code == 0, done.text
    [row] = done.json["written"]
    assert (row["action"], row["entity"], row["source"]) == ("update", "Invoice", "order:1002")
    assert row["changes"]["TotalAmt"] == {"before": "250", "after": "240"}
    assert shop.book("Invoice", "1002")["TotalAmt"] == 250
    assert edited(shop) == []
    shop.writes_nothing("sync")
    writes = shop.run("explain", "1002", "--json").json["writes"]
    assert writes[-1]["reason"] == "a person said so" and writes[-1]["state"] == "posted"


def test_ours_on_an_edited_document_that_is_void_in_the_shop_voids_it(shop: Shop) -> None:
    edit_amount(shop, "240")
    sets = {"payments": (payment("501", "100.00", customer_id="2", ref_num="4711"),)}
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1002", "250.00", customer_id="2", status="void")],
        order_lines=[line("1002", "250.00")],
        **sets,
    )
    assert shop.run("sync").code == 3
    assert shop.run("resolve", "1002", "--ours").code == 0
    assert shop.book("Invoice", "1002")["TotalAmt"] == 0
    shop.writes_nothing("sync")


def test_ours_on_an_edited_estimate_writes_also_what_the_shop_changed(shop: Shop) -> None:
    deliver(shop, more=(order("1003", "50.00"),))
    assert shop.run("sync").code == 0
    shop.bookkeeper(
        "edit_line",
        entity="Estimate",
        id=shop.book("Estimate", "1003")["Id"],
        line=1,
        values={"Amount": Decimal("40")},
    )
    deliver(shop, more=(order("1003", "50.00", status="void"),))
    assert shop.run("sync").code == 3
    assert shop.run("resolve", "order:1003", "--ours").code == 0
    assert shop.book("Estimate", "1003")["TxnStatus"] == "Rejected"
    shop.writes_nothing("sync")


def test_ours_is_about_what_the_person_saw_and_not_about_a_later_edit(shop: Shop) -> None:
    edit_amount(shop, "240")
    deliver(shop, "260.00")
    invoice = shop.book("Invoice", "1002")
    shop.bookkeeper(
        "edit_line", entity="Invoice", id=invoice["Id"], line=1, values={"Amount": Decimal(11)}
    )
    with shop.writes() as sent:
        done = shop.run("resolve", "1002", "--ours", "--json")
    assert sent == [] and done.code == 3
    assert [row["reason"] for row in done.json["held"]] == ["edited"]


def test_there_is_nothing_to_decide_where_nothing_was_edited(shop: Shop) -> None:
    done = shop.writes_nothing("resolve", "order:1002", "--ours", code=4)
    assert "is not edited in QuickBooks" in done.err


# Voided and deleted ---------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["void", "delete"])
def test_ours_on_something_gone_opens_a_new_document_under_the_next_number(
    shop: Shop, action: str
) -> None:
    invoice = shop.book("Invoice", "1002")
    shop.bookkeeper(action, entity="Invoice", id=invoice["Id"])
    shop.writes_nothing("sync")
    assert edited(shop) == ["order:1002"]

    done = shop.run("resolve", "order:1002", "--ours")
    assert done.code == 0, done.text
    assert "written anew" in done.out
    assert shop.book("Invoice", "1002-2")["TotalAmt"] == 250
    assert edited(shop) == []
    assert shop.run("sync").code == 0
    assert shop.book("Invoice", "1002-2")["Balance"] == 150, "its payment follows it"
    shop.writes_nothing("sync")


def test_theirs_leaves_a_voided_invoice_void(shop: Shop) -> None:
    shop.bookkeeper("void", entity="Invoice", id=shop.book("Invoice", "1002")["Id"])
    shop.run("sync")
    shop.writes_nothing("resolve", "1002", "--theirs")
    assert edited(shop) == []
    shop.writes_nothing("sync")
    deliver(shop, "260.00")
    shop.writes_nothing("sync", code=3)


# Forget ---------------------------------------------------------------------------------------


def test_forget_lets_a_record_go_for_good(shop: Shop) -> None:
    edit_amount(shop, "240")
    said = shop.writes_nothing("resolve", "1002", "--forget")
    assert "is forgotten" in said.out
    assert edited(shop) == []
    deliver(shop, "260.00")
    shop.writes_nothing("sync")
    assert shop.book("Invoice", "1002")["TotalAmt"] == 240
    again = shop.writes_nothing("resolve", "1002", "--ours", code=3)
    assert "in our hands again" in again.out and "edited in QuickBooks" in again.out


def test_of_a_forgotten_order_nothing_is_written_also_no_invoice(shop: Shop) -> None:
    deliver(shop, more=(order("1003", "50.00"),))
    assert shop.run("sync").code == 0
    shop.writes_nothing("resolve", "order:1003", "--forget")
    deliver(shop, more=(order("1003", "50.00", status="shipped"),))
    shop.writes_nothing("sync")
    assert [b["DocNumber"] for b in shop.books("Invoice")] == ["1002"]
    assert shop.run("resolve", "order:1003", "--ours").code == 0
    assert shop.book("Invoice", "1003")["TotalAmt"] == 50


def test_a_customer_let_go_that_is_gone_is_not_made_again(shop: Shop) -> None:
    people = {b["DisplayName"]: b["Id"] for b in shop.books("Customer")}
    group = shop.control(
        f"companies/{shop.realm_id}/bookkeeper",
        {"action": "create", "entity": "Customer", "values": {"DisplayName": "Birch Group"}},
    )["Customer"]["Id"]
    shop.bookkeeper("merge", id=people["Birch & Söhne"], into=group)
    shop.writes_nothing("sync")
    shop.writes_nothing("resolve", "customer:2", "--forget")
    deliver(shop, more=(order("1004", "60.00", customer_id="2"),))
    done = shop.writes_nothing("sync", "--json", code=3).json
    [row] = done["held"]
    assert (row["source"], row["reason"]) == ("order:1004", "waits")
    assert "resolve customer:2 --relink ID" in row["todo"]
    assert shop.run("resolve", "customer:2", "--relink", group).code == 0
    assert shop.run("sync").code == 0
    assert shop.book("Estimate", "1004")["CustomerRef"]["value"] == group


def test_a_record_that_is_gone_in_the_shop_can_be_let_go(shop: Shop) -> None:
    shop.deliver(customers=CUSTOMERS, orders=[order("1", "1.00", status="bid")])
    held = shop.writes_nothing("sync", "--json", code=3).json["held"]
    assert {row["source"]: row["reason"] for row in held} == {
        "order:1002": "gone", "payment:501": "gone",
    }  # fmt: skip
    shop.writes_nothing("resolve", "order:1002", "--forget")
    shop.writes_nothing("resolve", "payment:501", "--theirs")
    shop.writes_nothing("sync")


# Relink ---------------------------------------------------------------------------------------


def test_a_merged_customer_is_followed_after_one_confirmation(shop: Shop) -> None:
    people = {b["DisplayName"]: b["Id"] for b in shop.books("Customer")}
    made = {"action": "create", "entity": "Customer", "values": {"DisplayName": "Birch Group"}}
    other = shop.control(f"companies/{shop.realm_id}/bookkeeper", made)["Customer"]["Id"]
    shop.bookkeeper("merge", id=people["Birch & Söhne"], into=other)
    shop.writes_nothing("sync")
    [row] = shop.run("status", "--json").json["edited"]
    assert (row["source"], row["kind"]) == ("customer:2", "merged")
    assert f"resolve customer:2 --relink {other}" in row["todo"]
    done = shop.writes_nothing("resolve", "customer:2", "--relink", other)
    assert "Customer 2 is Customer Id" in done.out
    assert edited(shop) == []
    deliver(shop, more=(order("1004", "60.00", customer_id="2"),))
    assert shop.run("sync").code == 0
    assert shop.book("Estimate", "1004")["CustomerRef"]["value"] == other


def test_two_customers_of_the_shop_may_be_one_in_quickbooks_after_a_merge(shop: Shop) -> None:
    """The bookkeeper merges a duplicate that the shop system keeps: one confirmation, no write."""
    deliver(shop, more=(order("1003", "50.00", status="shipped"),))
    shop.run("sync")
    people = {b["DisplayName"]: b["Id"] for b in shop.books("Customer")}
    alder = people["Alder Homes"]
    shop.bookkeeper("merge", id=people["Birch & Söhne"], into=alder)
    shop.writes_nothing("sync")
    shop.writes_nothing("resolve", "customer:2", "--relink", alder)
    more = (order("1003", "50.00", status="shipped"), order("1004", "60.00", customer_id="2"))
    deliver(shop, more=more)
    done = shop.run("sync", "--json")
    assert done.code == 0, done.text
    assert shop.book("Estimate", "1004")["CustomerRef"]["value"] == alder
    assert [b["DisplayName"] for b in shop.books("Customer")] == ["Alder Homes"]
    told = shop.run("reconcile", "--json")
    assert told.code == 0, told.text
    assert [row["name"] for row in told.json["customers"]] == ["Alder Homes + Birch & Söhne"]
    shop.writes_nothing("sync")


def test_an_item_that_was_merged_or_deleted_is_tied_to_another(shop: Shop) -> None:
    items = {b["Name"]: b["Id"] for b in shop.books("Item")}
    shop.bookkeeper("deactivate", entity="Item", id=items["Cabinets"])
    shop.writes_nothing("sync")
    deliver(shop, more=(order("1003", "50.00", customer_id="2"),))
    [held] = shop.writes_nothing("sync", "--json", code=3).json["held"]
    assert held["source"] == "order:1003" and "is inactive in QuickBooks" in held["what"]
    assert "resolve item:cabinets --relink ID" in held["todo"]
    account = next(b["Id"] for b in shop.books("Account") if b["AccountType"] == "Income")
    accounts = {b["AccountSubType"]: {"value": b["Id"]} for b in shop.books("Account")}
    stock = {
        "Name": "Kit", "Type": "Inventory", "TrackQtyOnHand": True, "QtyOnHand": 3,
        "InvStartDate": "2026-01-01", "IncomeAccountRef": {"value": account},
        "ExpenseAccountRef": accounts["SuppliesMaterialsCogs"],
        "AssetAccountRef": accounts["Inventory"],
    }  # fmt: skip
    service = {"Name": "Casework", "Type": "Service", "IncomeAccountRef": {"value": account}}
    kit, other = (
        str(shop.bookkeeper("create", entity="Item", values=values)["Item"]["Id"])
        for values in (stock, service)
    )
    unfit = shop.writes_nothing("resolve", "item:Cabinets", "--relink", kit, code=3)
    assert "is of the type Inventory" in unfit.out
    done = shop.writes_nothing("resolve", "item:Cabinets", "--relink", other)
    assert f"Item cabinets is Item Id {other} from now on." in done.out
    assert shop.run("sync").code == 0
    [row] = [r for r in shop.book("Estimate", "1003")["Line"] if "SalesItemLineDetail" in r]
    assert row["SalesItemLineDetail"]["ItemRef"]["value"] == other
    shop.writes_nothing("sync")


def test_no_second_item_or_customer_is_made_of_one_that_is_gone(shop: Shop) -> None:
    people = {b["DisplayName"]: b["Id"] for b in shop.books("Customer")}
    made = shop.bookkeeper("create", entity="Customer", values={"DisplayName": "Birch Group"})
    shop.bookkeeper("merge", id=people["Birch & Söhne"], into=made["Customer"]["Id"])
    shop.run("sync")
    no = shop.writes_nothing("resolve", "customer:2", "--ours", code=4)
    assert "--relink ID" in no.err


# Credits --------------------------------------------------------------------------------------


def deliver_a_credit(shop: Shop) -> None:
    """Of a credit memo over 30.00, ten are spent on an order that a payment pays in part."""
    credit = {"credit_id": "5", "customer_id": "2", "date": "2026-03-04", "amount": "30.00"}
    spent = {"credit_id": "5", "target": "order:1002", "amount": "10.00", "date": "2026-03-04"}
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1002", "250.00", customer_id="2", status="shipped")],
        order_lines=[line("1002", "250.00")],
        payments=[payment("501", "100.00", customer_id="2", ref_num="4711")],
        payment_applications=[applied("501", "order:1002", "100.00")],
        credit_memos=[credit],
        credit_applications=[spent],
    )


def test_a_credit_memo_deleted_by_hand_is_written_and_spent_anew_on_a_person_s_word(
    shop: Shop,
) -> None:
    deliver_a_credit(shop)
    assert shop.run("sync").code == 0
    shop.bookkeeper("delete", entity="CreditMemo", id=shop.book("CreditMemo", "CM-5")["Id"])
    shop.run("sync")
    assert edited(shop) == ["credit_memo:5"], "what spent it came off with it"
    done = shop.run("resolve", "credit_memo:5", "--ours")
    assert done.code == 0, done.text
    assert shop.book("CreditMemo", "CM-5-2")["TotalAmt"] == 30
    shop.run("sync")
    shop.run("sync")
    assert shop.book("Invoice", "1002")["Balance"] == 140
    shop.writes_nothing("sync")


def test_the_spending_of_a_credit_undone_by_hand_is_named_and_done_again_on_a_word(
    shop: Shop,
) -> None:
    deliver_a_credit(shop)
    shop.run("sync")
    [zero] = [b for b in shop.books("Payment") if "credit_application" in b["PrivateNote"]]
    shop.bookkeeper("delete", entity="Payment", id=zero["Id"])
    told = shop.writes_nothing("sync")
    assert "The spending of credit memo 5 on order 1002" in told.err
    done = shop.run("resolve", "credit_application:5/order:1002", "--ours")
    assert done.code == 0 and "under the next number" not in done.out
    assert shop.book("Invoice", "1002")["Balance"] == 140


def test_a_relink_compares_before_it_ties(shop: Shop) -> None:
    shop.bookkeeper("delete", entity="Payment", id=shop.book("Payment", "4711")["Id"])
    shop.run("sync")
    birch = shop.book("Invoice", "1002")["CustomerRef"]["value"]

    def enter(amount: str) -> str:
        values = {"CustomerRef": {"value": birch}, "TotalAmt": Decimal(amount)}
        made = shop.bookkeeper("create", entity="Payment", values=values)
        return str(made["Payment"]["Id"])

    wrong, right = enter("99.00"), enter("100.00")
    no = shop.writes_nothing("resolve", "payment:501", "--relink", wrong, code=3)
    assert "its total is 99.00, not 100.00" in no.out
    yes = shop.writes_nothing("resolve", "payment:501", "--relink", right)
    assert "Payment 501 is Payment Id" in yes.out
    assert shop.run("sync").code == 0
    assert shop.book("Invoice", "1002")["Balance"] == 150


# The same money -------------------------------------------------------------------------------


def test_a_payment_entered_again_takes_over_the_money_that_is_there(shop: Shop) -> None:
    """Rule 3: re-keyed, and only the change of application is planned."""
    undone = payment("501", "100.00", customer_id="2", ref_num="4711", status="undone")
    again = payment("502", "100.00", customer_id="2", ref_num="4711")
    bank = shop.book("Payment", "4711")
    shop.bookkeeper("deposit", ids=[bank["Id"]])
    deliver(shop, payments=(undone, again), spent=(applied("502", "order:1002", "100.00"),))
    shop.run("sync")
    done = shop.run("resolve", "payment:502", "--same-as", "payment:501")
    assert done.code == 0, done.text
    assert "Payment 502 is the money of payment 501" in done.out
    assert [b["Id"] for b in shop.books("Payment")] == [bank["Id"]]
    shop.writes_nothing("sync")
    assert shop.run("explain", "payment:502", "--json").json["documents"][0]["qbo_id"] == bank["Id"]


def test_the_same_money_is_of_the_same_customer_and_amount(shop: Shop) -> None:
    undone = payment("501", "100.00", customer_id="2", ref_num="4711", status="undone")
    other = payment("502", "90.00", customer_id="2")
    deliver(shop, payments=(undone, other), spent=())
    no = shop.writes_nothing("resolve", "payment:502", "--same-as", "payment:501", code=4)
    assert "not the same money" in no.err


# Putting aside --------------------------------------------------------------------------------


def test_a_record_that_is_put_aside_waits_and_delays_no_other(shop: Shop) -> None:
    said = shop.run("hold", "order:1002", "--because", "price in dispute")
    assert said.code == 0 and "put aside until" in said.out
    deliver(shop, "260.00", more=(order("1003", "50.00"),))
    done = shop.run("sync", "--json")
    assert done.code == 3
    [row] = done.json["held"]
    assert (row["source"], row["reason"]) == ("order:1002", "put_aside")
    assert "price in dispute" in row["what"] and "qbosync release order:1002" in row["todo"]
    assert [w["source"] for w in done.json["written"] if w["entity"] == "Estimate"] == [
        "order:1003"
    ]
    assert shop.book("Invoice", "1002")["TotalAmt"] == 250

    assert shop.run("release", "1002").code == 0
    assert shop.run("sync").code == 0
    assert shop.book("Invoice", "1002")["TotalAmt"] == 260


def test_a_customer_that_is_put_aside_holds_all_its_documents(shop: Shop) -> None:
    assert shop.run("hold", "customer:2").code == 0
    deliver(shop, more=(order("1003", "50.00"), order("1004", "60.00", customer_id="2")))
    done = shop.run("sync", "--json")
    held = {row["source"]: row["reason"] for row in done.json["held"]}
    assert held == {"customer:2": "put_aside", "order:1004": "waits"}
    shop.run("release", "customer:2")
    assert shop.run("sync").code == 0


def test_what_nobody_knows_is_not_put_aside_and_what_is_not_aside_not_released(shop: Shop) -> None:
    assert shop.run("hold", "order:9999").code == 4
    assert shop.run("release", "order:1002").code == 4


# Usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--ours", "--theirs"), ("--forget", "--relink", "5")])
def test_a_word_is_exactly_one(shop: Shop, words: tuple[str, ...]) -> None:
    done = shop.run("resolve", "order:1002", *words)
    assert done.code == 2 and "--same-as REF" in done.err
