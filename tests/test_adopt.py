"""What was in QuickBooks before us: the certain is taken over, the doubtful shown, none guessed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.shopkit import CUSTOMERS, Shop, applied, line, open_shop, order, payment


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose bookkeeper has entered orders 1001 and 1002 by hand for years."""
    with open_shop(tmp_path) as shop:
        deliver(shop)
        shop.connect()
        yield shop


def deliver(shop: Shop, **sets: Any) -> None:
    shop.deliver(
        **{
            "customers": CUSTOMERS,
            "orders": [
                order("1001", "100.00", status="shipped"),
                order("1002", "250.00", customer_id="2"),
            ],
            "order_lines": [line("1001", "100.00"), line("1002", "250.00")],
            "payments": [payment("77", "40.00", ref_num="4711")],
            "payment_applications": [applied("77", "order:1001", "40.00")],
        }
        | sets
    )


def create(shop: Shop, entity: str, **values: Any) -> str:
    shop.bookkeeper("create", entity=entity, values=values)
    return str(max((int(body["Id"]) for body in shop.books(entity)), default=0))


def customer(shop: Shop, name: str, **values: Any) -> dict[str, str]:
    return {"value": create(shop, "Customer", DisplayName=name, **values)}


def document(shop: Shop, entity: str, number: str, owner: dict[str, str], amount: str,
             dated: str = "2026-03-02") -> str:  # fmt: skip
    [item] = [i for i in shop.books("Item") if i["Name"] == "Services"]
    row = {"Amount": Decimal(amount), "DetailType": "SalesItemLineDetail",
           "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}}}  # fmt: skip
    return create(shop, entity, DocNumber=number, CustomerRef=owner, TxnDate=dated, Line=[row])


def received(shop: Shop, owner: dict[str, str], amount: str, invoice: str = "",
             dated: str = "2026-03-03", reference: str = "4711") -> str:  # fmt: skip
    link = {"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]}
    return create(shop, "Payment", CustomerRef=owner, TotalAmt=Decimal(amount), TxnDate=dated,
                  PaymentRefNum=reference, Line=[link] if invoice else [])  # fmt: skip


def by_hand(shop: Shop) -> None:
    """The same business, entered in QuickBooks by a person."""
    alder = customer(shop, "Alder Homes")
    birch = customer(shop, "Birch & Söhne")
    invoice = document(shop, "Invoice", "1001", alder, "100.00")
    document(shop, "Estimate", "1002", birch, "250.00", "2026-03-01")
    received(shop, alder, "40.00", invoice)


def fits(shop: Shop, *args: str, code: int = 0) -> tuple[dict[str, str], dict[str, str]]:
    told = shop.writes_nothing("adopt", "--json", *args, code=code).json
    certain = {row["source"]: row["qbo_id"] for row in told["certain"]}
    return certain, {row["source"]: row["why"] for row in told["doubtful"]}


def test_what_fits_in_every_figure_is_taken_over_and_never_written_again(shop: Shop) -> None:
    deliver(shop)
    by_hand(shop)
    certain, doubtful = fits(shop, "--yes")
    assert doubtful == {}
    assert set(certain) == {"customer:1", "customer:2", "order:1001", "order:1002", "payment:77"}
    before = {entity: shop.books(entity) for entity in ("Invoice", "Estimate", "Payment")}
    shop.writes_nothing("sync")
    assert before == {entity: shop.books(entity) for entity in before}
    assert shop.run("reconcile").code == 0


def test_what_is_in_closed_books_is_taken_over_too(shop: Shop) -> None:
    deliver(shop)
    by_hand(shop)
    shop.bookkeeper("close_books", date="2026-10-31")
    certain, doubtful = fits(shop, "--yes")
    assert set(certain) == {"customer:1", "customer:2", "order:1001", "order:1002", "payment:77"}
    assert doubtful == {}
    shop.writes_nothing("sync")


def test_without_adopting_the_same_numbers_are_held_and_nothing_doubles(shop: Shop) -> None:
    deliver(shop)
    by_hand(shop)
    held = {row["source"]: row["reason"] for row in shop.run("sync", "--json").json["held"]}
    assert held["order:1001"] == held["order:1002"] == "number_taken"
    assert len(shop.books("Invoice")) == len(shop.books("Estimate")) == 1


def test_a_dry_run_takes_nothing_over(shop: Shop) -> None:
    deliver(shop)
    by_hand(shop)
    certain, _ = fits(shop, "--dry-run")
    assert certain
    again, _ = fits(shop, "--dry-run")
    assert again == certain, "nothing was entered in the ledger"


def test_without_a_terminal_and_a_word_nothing_is_taken_over(shop: Shop) -> None:
    deliver(shop)
    by_hand(shop)
    done = shop.writes_nothing("adopt", code=4)
    assert "Nothing was taken over" in done.err and "--yes" in done.err
    assert fits(shop, "--dry-run")[0]


@pytest.mark.parametrize(
    "name", ["ALDER  HOMES", "Alder Homes (1)", "#1 Alder Homes", "Alder-Homes"]
)
def test_a_customer_is_known_by_name_or_by_name_and_number(shop: Shop, name: str) -> None:
    deliver(shop)
    owner = customer(shop, name)
    certain, doubtful = fits(shop, "--dry-run")
    assert certain == {"customer:1": owner["value"]} and doubtful == {}


def test_a_customer_of_the_same_address_only_is_doubtful(shop: Shop) -> None:
    people = [CUSTOMERS[0] | {"email": "office@alder.example"}, CUSTOMERS[1]]
    deliver(shop, customers=people)
    customer(shop, "A. Homes Inc", PrimaryEmailAddr={"Address": "office@alder.example"})
    certain, doubtful = fits(shop, "--dry-run", code=3)
    assert certain == {} and "e-mail" in doubtful["customer:1"]


def test_two_customers_that_fit_alike_are_both_doubtful(shop: Shop) -> None:
    deliver(shop)
    customer(shop, "Alder Homes")
    customer(shop, "Alder-Homes")
    certain, doubtful = fits(shop, "--dry-run", code=3)
    assert certain == {} and "2 fit alike" in doubtful["customer:1"]


@pytest.mark.parametrize(
    ("total", "dated", "why"),
    [("99.00", "2026-03-02", "total"), ("100.00", "2026-02-01", "date")],
)
def test_a_number_alone_is_doubtful(shop: Shop, total: str, dated: str, why: str) -> None:
    deliver(shop)
    document(shop, "Invoice", "1001", customer(shop, "Alder Homes"), total, dated)
    certain, doubtful = fits(shop, "--dry-run", code=3)
    assert "order:1001" not in certain and why in doubtful["order:1001"]


def test_a_strangers_document_of_the_number_is_doubtful(shop: Shop) -> None:
    deliver(shop)
    document(shop, "Invoice", "1001", customer(shop, "Somebody Else"), "100.00")
    _, doubtful = fits(shop, "--dry-run", code=3)
    assert "customer" in doubtful["order:1001"]


def test_a_payment_applied_otherwise_is_doubtful(shop: Shop) -> None:
    deliver(shop)
    alder = customer(shop, "Alder Homes")
    document(shop, "Invoice", "1001", alder, "100.00")
    received(shop, alder, "40.00")
    certain, doubtful = fits(shop, "--dry-run", code=3)
    assert "order:1001" in certain and "applied" in doubtful["payment:77"]


def test_a_payment_of_another_month_is_another_payment(shop: Shop) -> None:
    deliver(shop)
    alder = customer(shop, "Alder Homes")
    received(shop, alder, "40.00", dated="2026-01-03", reference="")
    certain, doubtful = fits(shop, "--dry-run")
    assert "payment:77" not in {**certain, **doubtful}


def test_numbers_are_known_without_the_prefix_that_new_ones_get(shop: Shop) -> None:
    shop.configure('[documents]\norder_prefix = "A-"')
    deliver(shop)
    by_hand(shop)
    certain, _ = fits(shop, "--yes")
    assert {"order:1001", "order:1002"} <= set(certain)
    shop.writes_nothing("sync")


def test_what_a_start_date_keeps_out_is_not_matched(shop: Shop) -> None:
    shop.configure("[orders]\nstart_date = 2026-03-15")
    deliver(shop)
    by_hand(shop)
    certain, _ = fits(shop, "--dry-run")
    assert "order:1001" not in certain and "payment:77" not in certain
    assert "order:1002" in certain, "an open order is in scope whatever its age"


def test_both_sides_are_shown(shop: Shop) -> None:
    deliver(shop)
    document(shop, "Invoice", "1001", customer(shop, "Somebody Else"), "100.00")
    done = shop.run("adopt", "--dry-run")
    assert "order 1001 (1001, 100.00, 2026-03-02)" in done.out
    assert "Somebody Else" in done.out and "resolve order:1001 --relink" in done.out
