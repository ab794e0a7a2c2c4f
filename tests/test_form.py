"""QuickBooks' arithmetic: Amount is Qty times UnitPrice, rounded, for whatever a shop writes."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from qbosync.mapping.form import FormLine, address, memo, text
from qbosync.model import Address

amounts = st.decimals(min_value=-99999, max_value=99999, places=5)
quantities = st.one_of(st.none(), st.decimals(min_value=-10, max_value=5000, places=3))
prices = st.one_of(st.none(), st.decimals(min_value=-1000, max_value=9999, places=4))


@given(amounts, quantities, prices)
def test_amount_is_always_quantity_times_price(amount, qty, price):
    """6070 otherwise: QuickBooks multiplies what is sent and compares (reported)."""
    row = FormLine("1", "Doors", amount, "Door", qty, price).body
    detail = row["SalesItemLineDetail"]
    product = (detail["Qty"] * detail["UnitPrice"]).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert product == row["Amount"] == amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert -detail["UnitPrice"].as_tuple().exponent <= 5
    assert "E" not in str(detail["Qty"]) + str(detail["UnitPrice"])


def test_a_quantity_that_no_price_fits_is_told_in_the_description():
    row = FormLine("1", "Doors", Decimal("10.01"), "Door", Decimal("3000000"), None).body
    assert row["Description"] == "3000000 x Door"
    assert row["SalesItemLineDetail"]["Qty"] == 1


@given(st.text(max_size=50))
def test_descriptions_hold_nothing_that_quickbooks_may_refuse(words):
    sent = text(words)
    assert all(ord(char) < 0x10000 and (ord(char) >= 32 or char in "\t\n") for char in sent)


def test_long_texts_are_cut_to_quickbooks_lengths():
    assert len(text("x" * 5000)) == 4000
    assert len(memo("x" * 5000)["value"]) == 1000


def test_the_bill_to_name_stands_above_the_address():
    body = address(Address("12 Mill Road", city="Boise", state="ID", zip="83702"), "Mary Poe")
    assert body == {
        "Line1": "Mary Poe",
        "Line2": "12 Mill Road",
        "City": "Boise",
        "CountrySubDivisionCode": "ID",
        "PostalCode": "83702",
    }
