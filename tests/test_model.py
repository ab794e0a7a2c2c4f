"""Figures come in by one door, and nothing is lost on the way."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbosync.model import Address, cents, money, number, show


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1005.41", "1005.41"),
        ("1,005.41", "1005.41"),
        ("$1,005.41", "1005.41"),
        ("-$5", "-5.00"),
        ("$-5", "-5.00"),
        (" 82 ", "82.00"),
        ("0.10", "0.10"),
        ("1928.500", "1928.50"),
        ("1,234,567.8", "1234567.80"),
    ],
)
def test_amounts_as_real_exports_write_them(text, amount):
    assert str(money(text)) == amount


@pytest.mark.parametrize(
    "text",
    ["1,23", "1.234.567,89", "12,34.50", "1.005", "NaN", "Infinity", "1e3", "1_000", "", " ", "-",
     "٣", "\uff11\uff12", "--5", "-$-5", "$", "5$", "1 000", "9" * 30, "0x1f", "+5"],
)  # fmt: skip
def test_what_is_not_an_amount_is_refused(text):
    """Strict on purpose: "1,23" is a hundred times more in Boston than in Berlin."""
    with pytest.raises(ValueError, match=r"amount|decimals"):
        money(text)


def test_a_float_has_already_lost_its_cents():
    with pytest.raises(TypeError):
        money(0.1)


def test_lines_may_be_finer_than_a_cent():
    assert number("1928.82761") == Decimal("1928.82761")
    with pytest.raises(ValueError, match="more than 6 decimals"):
        number("0.1234567")


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.01"), ("-0.005", "-0.01"), ("2.675", "2.68"), ("1", "1.00")],
)
def test_cents_are_rounded_half_up(amount, rounded):
    assert str(cents(Decimal(amount))) == rounded


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_what_is_shown_is_read_back(amount):
    assert money(show(amount)) == amount


def test_an_address_of_blanks_is_none():
    assert not Address(country="US")
    assert Address(city="Boise")
