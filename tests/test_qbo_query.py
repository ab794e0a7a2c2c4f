"""Values in QuickBooks' query language: what is put in is what is compared."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbosync.emulator.parser import parse
from qbosync.qbo.query import is_in, literal

PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc")))
LITERAL = re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL)


def read_back(text: str) -> str:
    """A lexer of its own: one literal and nothing after it."""
    found = LITERAL.fullmatch(text)
    assert found, text
    return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)


@given(PLAIN)
def test_a_literal_is_read_back_as_it_was(value):
    assert read_back(literal(value)) == value


@given(PLAIN, st.text("\\'\"()= AND", max_size=12))
def test_a_value_never_ends_its_literal(value, tail):
    [condition] = parse(f"SELECT * FROM Customer WHERE DisplayName = {literal(value + tail)}").where
    assert condition.values == (value + tail,)


@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_a_list_is_read_back_as_it_was(values):
    [condition] = parse(f"SELECT * FROM Customer WHERE {is_in('DisplayName', values)}").where
    assert list(condition.values) == values


@pytest.mark.parametrize("bad", ["a\nb", "\x00", "\t", "\x7f"])
def test_control_characters_are_not_asked_for(bad):
    with pytest.raises(ValueError, match="control character"):
        literal(bad)


@pytest.mark.parametrize("field", ["Id = '1' OR Id", "Id;", "", "A.B.C"])
def test_a_field_is_a_name(field):
    with pytest.raises(ValueError, match="not a field"):
        is_in(field, ["1"])


def test_an_empty_list_is_no_question():
    with pytest.raises(ValueError, match="nothing to ask for"):
        is_in("Id", [])
