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
    deliver(shop, more=(order("1003", "50.00"),))
    shop.run("sync")
    people = {b["DisplayName"]: b["Id"] for b in shop.books("Customer")}
    shop.bookkeeper("merge", id=people["Birch & Söhne"], into=people["Alder Homes"])
    other = shop.control(
        f"companies/{shop.realm_id}/bookkeeper",
        {"action": "create", "entity": "Customer", "values": {"DisplayName": "Birch Group"}},
    )["Customer"]["Id"]
    shop.writes_nothing("sync")
    [row] = shop.run("status", "--json").json["edited"]
    assert (row["source"], row["kind"]) == ("customer:2", "merged")

    taken = shop.writes_nothing("resolve", "customer:2", "--relink", people["Alder Homes"], code=3)
    assert "stands for customer 1 already" in taken.out
    done = shop.writes_nothing("resolve", "customer:2", "--relink", other)
    assert "Customer 2 is Customer Id" in done.out
    assert edited(shop) == []
    deliver(shop, more=(order("1003", "50.00"), order("1004", "60.00", customer_id="2")))
    assert shop.run("sync").code == 0
    assert shop.book("Estimate", "1004")["CustomerRef"]["value"] == other


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
