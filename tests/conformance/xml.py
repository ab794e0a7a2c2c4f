"""The XML recordings through their JSON equivalent: status, codes, texts and names of fields.

The emulator speaks JSON; XML is read as the JSON that QuickBooks would have sent, whose numbers
and truth values are then told by the field's name alone, so that only names are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree

import simplejson

from . import report, scenes, xml_refusals
from .compare import APART, SCREEN, Comparison
from .corpus import SCOPE, Exchange, Json, recorded
from .report import AGREE, DIFFER, OUTSIDE, SUPERSEDED, Verdict
from .world import Impossible, World, parsed

MANY = {"Line", "LinkedTxn", "CustomField", "TaxLine", "Error", "NameValue"}
NUMBERS = {
    "Amount", "TotalAmt", "Balance", "BalanceWithJobs", "UnitPrice", "Qty", "TotalTax",
    "TaxPercent",
    "NetAmountTaxable", "PurchaseCost", "QtyOnHand", "CurrentBalance", "LineNum", "Level",
    "CurrentBalanceWithSubAccounts", "UnappliedAmt", "RemainingCredit", "DueDays",
}  # fmt: skip
TOLD = {
    "time": "an attribute of the envelope",
    "sparse": "an attribute in XML",
    "domain": "an attribute in XML",
    **APART, **SCREEN,
}  # fmt: skip
# Added to replies after 2019, when the last of the XML was recorded.
SINCE = {
    "ClientEntityId", "V4IDPseudonym", "IsProject", "DeferredRevenue", "CustomExtensions",
    "ItemAccountRef", "FreeFormAddress", "LastModifiedByRef", "LinkedTxn", "CustomField",
}  # fmt: skip
_DEPOSITS = (
    "the company of 2019 has what is not emulated: locations, values in its own fields, invoices"
    " mailed from the screen"
)
# Habits given up since: what alone differs then, the newer JSON recording, and in words.
CHANGES = (
    (
        "QueryResponse.Customer[].DefaultTaxCodeRef: missing here",
        "integration-templates-dc1d0f925d",
        "customers in lists show no tax code since 2024",
    ),
    (
        "SalesTermRef.name: only here",
        "invoiceninja-4cbfda9dc8",
        "terms show their name since 2024",
    ),
)
DIFFERENCES = {
    "quickbooks-integration-3f59a2448f": "groups, inventory and sub-items are not emulated",
    **dict.fromkeys(
        (
            "quickbooks-integration-7fd9335891", "quickbooks-integration-9a949a82f0",
            "quickbooks-integration-2a697defea",
        ),
        _DEPOSITS,
    ),
}  # fmt: skip


@cache
def exchanges() -> tuple[Exchange, ...]:
    """The XML recordings of the entities covered whose request can be sent as JSON."""
    return tuple(e for e in recorded() if e.entity in SCOPE and e.format == "xml")


def as_json(text: str) -> Json:
    """The JSON that stands for a reply in XML."""
    root = ElementTree.fromstring(text)
    found: Json = {}
    for child in root:
        found[_name(child)] = _fault(child) if _name(child) == "Fault" else _value(child)
    return found


def _name(element: ElementTree.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _fault(element: ElementTree.Element) -> Json:
    errors = []
    for one in element:
        parts = {_name(child): child.text or "" for child in one}
        errors.append({**parts, **one.attrib})
    return {"Error": errors, "type": element.attrib.get("type")}


def _value(element: ElementTree.Element) -> Any:
    name = _name(element)
    if name == "QueryResponse":
        rows: Json = dict(element.attrib)
        for child in element:
            rows.setdefault(_name(child), []).append(_value(child))
        return rows
    if not len(element):
        text = (element.text or "").strip()
        if name.endswith("Ref") or name == "HomeCurrency":
            more = {"name": element.attrib["name"]} if "name" in element.attrib else {}
            return {"value": text, **more}
        if name == "CustomerMemo":
            return {"value": text}
        if name in NUMBERS:
            return simplejson.loads(text, use_decimal=True)
        return text == "true" if text in ("true", "false") else text
    out: Json = {}
    for child in element:
        key = _name(child)
        if not len(child) and not (child.text or "").strip():
            continue
        if key in MANY:
            out.setdefault(key, []).append(_value(child))
        else:
            out[key] = _value(child)
    return out


class Names(Comparison):
    """Compares names, and the whole of faults."""

    def bodies(self, wanted: Any, found: Any, path: str = "", entity: str = "") -> Iterator[str]:
        """Names that differ."""
        if path.startswith("Fault"):
            if wanted != found:
                yield f"{path}: another value"
        elif isinstance(wanted, dict) and isinstance(found, dict):
            left, right = _bare(wanted), _bare(found)
            for key in sorted(left.keys() - right.keys()):
                yield f"{path}.{key}: missing here"
            for key in sorted(right.keys() - left.keys() - SINCE):
                yield f"{path}.{key}: only here"
            for key in left.keys() & right.keys():
                yield from self.bodies(left[key], right[key], f"{path}.{key}" if path else key)
        elif isinstance(wanted, list) and isinstance(found, list):
            if len(wanted) != len(found):
                yield f"{path}: {len(wanted)} recorded, {len(found)} here"
            for one, other in zip(wanted, found, strict=False):
                yield from self.bodies(one, other, f"{path}[]")


def _bare(row: Json) -> Json:
    """What JSON shows of a row whether or not anything is in it, aside."""
    return {k: v for k, v in row.items() if k not in TOLD and v not in ([], {}, "")}


def play(exchange: Exchange) -> Verdict:
    """Put an exchange on in JSON and compare names, status, codes and texts."""
    raw = dict(exchange.raw)
    try:
        body = as_json(exchange.body)
    except ElementTree.ParseError:
        return Verdict(exchange, OUTSIDE, ["scrubbing left no XML"])
    raw["response"] = {**raw["response"], "body_format": "json", "body": body}
    told = Exchange(raw)
    if why := xml_refusals.OUTSIDE.get(exchange.id):
        return Verdict(exchange, OUTSIDE, [why])
    if put_on := xml_refusals.SCENES.get(exchange.id):
        scene = put_on
    elif told.operation == "query refused" and told.query.get("query"):
        scene = scenes._plain
    elif told.operation == "query" and told.query.get("query"):
        scene = scenes._list
    elif told.operation in ("create", "update") and isinstance(told.sent, str):
        raw["request"] = {**raw["request"], "body": _value(ElementTree.fromstring(told.sent))}
        scene = scenes._create if told.operation == "create" else scenes._update
    else:
        return Verdict(exchange, OUTSIDE, ["no scene"])
    try:
        world, reply, wanted, _ = scene(told)
    except Impossible as why:
        return Verdict(exchange, DIFFER, [], [f"the state cannot be made: {why}"])
    found = [f"status: {reply.status} here"] if exchange.status not in (None, reply.status) else []
    here = parsed(reply)
    if exchange.partial and "Fault" in here:
        here = scenes._told(here, wanted)
    found += Names(world.ids, forms=False, fresh=False).bodies(wanted, here)
    if not found:
        return Verdict(exchange, AGREE)
    given_up = [_given_up(one, exchange) for one in found]
    if all(given_up):
        return Verdict(exchange, SUPERSEDED, sorted({one for one in given_up if one}))
    reason = DIFFERENCES.get(exchange.id)
    return Verdict(exchange, DIFFER, [reason] if reason else [], [] if reason else sorted({*found}))


def _given_up(difference: str, exchange: Exchange) -> str | None:
    """The change since that explains a difference."""
    for end, newer, what in CHANGES:
        if difference.endswith(end) and _is_shown(newer, exchange):
            return f"{newer}: {what}"
    return None


def _is_shown(newer: str, than: Exchange) -> bool:
    """Whether the newer recording is newer, and as the emulator has it but for later changes."""
    kinds = {v.exchange.id: v for v in report.measured()}
    found = kinds.get(newer)
    is_held = found is not None and found.kind in (AGREE, SUPERSEDED)
    return is_held and found is not None and found.exchange.at[:10] > than.at[:10]


@cache
def measured() -> tuple[Verdict, ...]:
    """Every XML recording, judged once."""
    return tuple(play(one) for one in exchanges())


__all__ = ["World", "measured", "report"]
