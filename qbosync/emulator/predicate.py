"""Conditions over records: how a property is had cheaply, and how it is compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from operator import attrgetter, eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

from .entities import Entity
from .jsons import Json
from .parser import Condition

if TYPE_CHECKING:
    from .company import Company
    from .store import Record

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, ">": gt, "<=": le, ">=": ge}
TIMES = {"MetaData.CreateTime": "created", "MetaData.LastUpdatedTime": "updated"}
SLOTS = {"DocNumber": "number", "TxnDate": "date", "TotalAmt": "total", "Balance": "balance",
         "PaymentRefNum": "reference", "CustomerRef": "customer", "Id": "id",
         "Active": "active", **TIMES}  # fmt: skip
Getter = Callable[["Record"], Any]


def getter(company: Company, entity: Entity, name: str) -> Getter:
    """How a property of a record is had, as cheaply as possible."""
    if name == "Balance" and entity.name == "Customer":
        return lambda record: company.cents_open(record.id)
    if name == "CurrentBalance":
        return lambda record: Decimal(company.store.accounts.get(record.id, 0)) / 100
    if name in SLOTS and not (name == "PaymentRefNum" and entity.name != "Payment"):
        return attrgetter(SLOTS[name])
    if name == entity.name_field and entity.kind == "list":
        return attrgetter("name")
    return lambda record: _value(peek(record), name)


def peek(record: Record) -> Json:
    """The parsed object, not kept."""
    if record.body is not None:
        return record.body
    body = record.read()
    record.body = None
    return body


def _value(body: Json, name: str) -> Any:
    value: Any = body
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return value.get("value", value.get("Address", value.get("FreeFormNumber")))
    return value


def test_of(company: Company, entity: Entity, condition: Condition) -> Callable[[Record], bool]:
    get = getter(company, entity, condition.name)
    if condition.operator == "LIKE":
        parts = (re.escape(part) for part in str(condition.values[0]).split("%"))
        match = re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL).fullmatch
        return lambda record: match(str(get(record) or "")) is not None
    if condition.operator == "IN":
        wanted = {_plain(value) for value in condition.values}
        return lambda record: _plain(get(record)) in wanted
    operator = OPERATORS[condition.operator]
    literal = condition.values[0]
    if isinstance(literal, int):  # ids and instants are compared as they are
        return lambda record: operator(get(record), literal)
    text = _plain(literal)
    number = _number(literal)

    def test(record: Record) -> bool:
        value = get(record)
        if value is None:
            return False
        if isinstance(value, (int, Decimal)):
            return number is not None and operator(value, number)
        return operator(str(value).lower(), text)

    return test


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if value is None:
        return ""
    text = str(value).lower()
    number = _number(text) if re.fullmatch(r"-?\d+\.\d+", text) else None
    return format(number.normalize(), "f") if number is not None else text


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return Decimal(int(value))
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
