"""Recorded exchanges, sent again: where the corpus is at hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson

from .conftest import Books, read

CORPUS = Path(__file__).parents[3] / "shared" / "qbo-recordings" / "exchanges.jsonl"
pytestmark = pytest.mark.skipif(
    not CORPUS.exists(), reason="the recordings are not published with the project"
)
Json = dict[str, Any]


def exchanges() -> list[Json]:
    if not CORPUS.exists():
        return []
    lines = CORPUS.read_text("utf-8").splitlines()
    found = [simplejson.loads(line, use_decimal=True) for line in lines]
    return [one for one in found if one["response"]["body_format"] == "json"]


def parser_faults() -> list[Json]:
    return [
        one
        for one in exchanges()
        if one.get("fault_codes") == ["4000"] and (one["request"].get("query") or {}).get("query")
    ]


@pytest.mark.parametrize("exchange", parser_faults(), ids=lambda one: one["id"])
def test_a_statement_is_refused_in_the_recorded_words(raw: Books, exchange: Json) -> None:
    reply = raw.ask("GET", "query", query=exchange["request"]["query"]["query"])
    expected = exchange["response"]["body"]["Fault"]
    assert read(reply)["Fault"] == expected


CREATES = ("Account", "Customer", "Item", "Payment", "Vendor", "Invoice")


def creates() -> list[Json]:
    return [
        one
        for one in exchanges()
        if one["entity"] in CREATES
        and one["operation"] == "create"
        and one["kind"] == "recorded"
        and (one.get("recorded_on") or "") >= "2026"
        and isinstance(one["request"].get("body"), dict)
    ]


def shape(value: Any) -> Any:
    """Names and types, values aside."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return "number" if isinstance(value, (int, Decimal)) else type(value).__name__


IGNORED = {"V4IDPseudonym"}  # an id of Intuit's own, of no use to anyone


@pytest.mark.parametrize("exchange", creates(), ids=lambda one: one["id"])
def test_a_recorded_creation_gives_the_recorded_properties(raw: Books, exchange: Json) -> None:
    entity = exchange["entity"]
    raw.prefer({"TaxPrefs": {"PartnerTaxEnabled": None}})  # the demo company's tax is the old one
    raw.customer("Recorded Customer", BillAddr={"Line1": "1 Main St"})
    body = json.loads(json.dumps(exchange["request"]["body"], default=str))
    if entity == "Item":
        body["IncomeAccountRef"] = {"value": "4"}
    reply = raw.ask("POST", entity.lower(), body)
    assert reply.status_code == 200, reply.text
    found, expected = read(reply)[entity], exchange["response"]["body"][entity]
    assert found.keys() == expected.keys() - IGNORED
    for name in expected.keys() - IGNORED - {"BillAddr", "ShipAddr"}:  # their parts are data
        assert shape(found[name]) == shape(expected[name]), name
