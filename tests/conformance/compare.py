"""Two replies held against each other: names, types, number forms and values.

Everything is compared exactly, but for the few places listed here, where the recording's value is
data of its company or of its moment; there the form alone is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from .corpus import Json

Ids = dict[tuple[str, str], str]
# Which entity a reference points to.
REFS = {
    "CustomerRef": "Customer",
    "ItemRef": "Item",
    "ItemAccountRef": "Account",
    "IncomeAccountRef": "Account",
    "ExpenseAccountRef": "Account",
    "AssetAccountRef": "Account",
    "AccountRef": "Account",
    "DepositToAccountRef": "Account",
    "DiscountAccountRef": "Account",
    "SalesTermRef": "Term",
    "PaymentMethodRef": "PaymentMethod",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[78]:00")
REPLIED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?-0[78]:00")
FORMS = {
    "SyncToken": re.compile(r"\d+"),
    "CreateTime": MOMENT,
    "LastUpdatedTime": MOMENT,
    "DeliveryTime": REPLIED,
    "time": REPLIED,
    "V4IDPseudonym": re.compile(r"[0-9a-f]{38}"),
}
# Not compared at all, and why.
APART = {
    "Lat": "where an address lies, looked up later by QuickBooks",
    "Long": "where an address lies, looked up later by QuickBooks",
}
# The name and form compared, the value not: data of the company.
DATA = {
    "CurrentBalance": "the history of the recorded company's accounts",
    "CurrentBalanceWithSubAccounts": "the history of the recorded company's accounts",
    "ShipFromAddr": "the company's own address",
    "LastModifiedByRef": "the user",
}
# What a document made through the API shows and one made on the screen does not.
SCREEN = {
    "ShipFromAddr": "documents made on the screen have none, those of a state are made here by API",
}
ADDRESSES = ("BillAddr", "ShipAddr", "PrimaryAddr")


class Comparison:
    """Finds what differs; every finding is a path of names and what is wrong there."""

    def __init__(self, ids: Ids, *, forms: bool, fresh: bool) -> None:
        self.ids = ids
        self.forms = forms  # whether the recording keeps the literals of numbers
        self.fresh = fresh  # whether what is compared was made by the recorded request itself

    def bodies(self, wanted: Any, found: Any, path: str = "", entity: str = "") -> Iterator[str]:
        """What differs between the recorded body and ours."""
        if isinstance(wanted, dict) and isinstance(found, dict):
            yield from self._objects(wanted, found, path, entity)
        elif isinstance(wanted, list) and isinstance(found, list):
            if len(wanted) != len(found):
                yield f"{path}: {len(wanted)} recorded, {len(found)} here"
            for one, other in zip(wanted, self._tied(wanted, found, entity), strict=False):
                yield from self.bodies(one, other, f"{path}[]", entity)
        elif _kind(wanted) != _kind(found):
            yield f"{path}: {_kind(wanted)} recorded, {_kind(found)} here"
        elif isinstance(wanted, Decimal | int) and not isinstance(wanted, bool):
            if wanted != found:
                yield f"{path}: another number"
            elif self.forms and str(wanted) != str(found):
                yield f"{path}: another form of the number"
        elif wanted != found:
            yield f"{path}: another value"

    def _tied(self, wanted: list[Any], found: list[Any], entity: str) -> list[Any]:
        """Rows of the same name come in no known order: ours are put in the recorded one."""
        out = list(found)
        for at, one in enumerate(wanted[: len(out)]):
            name = one.get("Name") if isinstance(one, dict) else None
            ours = self.ids.get((entity, one["Id"])) if name and "Id" in one else None
            if ours is None or out[at].get("Name") != name or out[at]["Id"] == ours:
                continue
            for other in range(at + 1, len(out)):
                if out[other]["Id"] == ours and out[other]["Name"] == name:
                    out[at], out[other] = out[other], out[at]
        return out

    def _objects(self, wanted: Json, found: Json, path: str, entity: str) -> Iterator[str]:
        name = path.rsplit(".", 1)[-1].removesuffix("[]")
        for key in sorted(wanted.keys() - found.keys() - APART.keys()):
            yield f"{path}.{key}: missing here"
        more = APART.keys() if self.fresh else APART.keys() | SCREEN.keys()
        for key in sorted(found.keys() - wanted.keys() - more):
            yield f"{path}.{key}: only here"
        for key in wanted.keys() & found.keys() - APART.keys():
            inner = f"{path}.{key}" if path else key
            one, other = wanted[key], found[key]
            form = FORMS.get(key)
            if key in DATA:
                if shape(one) != shape(other):
                    yield f"{inner}: another shape"
            elif form and isinstance(one, str) and not (key == "SyncToken" and self.fresh):
                if not (isinstance(other, str) and form.fullmatch(other)):
                    yield f"{inner}: another form"
            elif (key == "Id" and name in ADDRESSES) or (
                key == "Id" and name == "Line" and not self.fresh
            ):
                if not isinstance(other, str):
                    yield f"{inner}: not a text"
            elif target := self._points_to(wanted, key, name, entity):
                mapped = self.ids.get((target, str(one)))
                if mapped != other and not (self.fresh and key == "Id"):
                    yield f"{inner}: points elsewhere"
            elif key == "any":
                yield from self._name_values(one, other, inner)
            else:
                yield from self.bodies(one, other, inner, entity or _entity_of(key))

    def _points_to(self, wanted: Json, key: str, name: str, entity: str) -> str | None:
        if key == "value":
            return entity if name == "ParentRef" else REFS.get(name)
        if key == "TxnId":
            return str(wanted.get("TxnType"))
        if key == "Id" and name == entity:
            return entity
        return None

    def _name_values(self, wanted: list[Json], found: list[Json], path: str) -> Iterator[str]:
        """The name-value pairs of a payment's line; the first names a document."""
        for one, other in zip(wanted, found, strict=False):
            if {k: v for k, v in one.items() if k != "value"} != {
                k: v for k, v in other.items() if k != "value"
            }:
                yield f"{path}[]: another frame"
            if one["value"]["Name"] != other["value"]["Name"]:
                yield f"{path}[].value.Name: another value"
            elif one["value"]["Name"] != "txnId" and one["value"] != other["value"]:
                yield f"{path}[].value.Value of {one['value']['Name']}: another value"
        if len(wanted) != len(found):
            yield f"{path}: {len(wanted)} recorded, {len(found)} here"


def _entity_of(key: str) -> str:
    return key if key[:1].isupper() and not key.endswith("Response") else ""


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    if isinstance(value, int | Decimal):
        return "number"
    return type(value).__name__


def shape(value: Any) -> Any:
    """Names and types, values aside."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in sorted(value.items())}
    return _kind(value)
