"""The query language: read, planned over the indexes, answered.

A statement is compiled once; lookups by id, number, name and customer go through the indexes, so
that a question for a hundred numbers does not look at twenty thousand documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import catalogue, faults
from .clock import parse_stamp
from .entities import ENTITIES, Entity
from .jsons import dumps
from .parser import Condition, Statement, parse
from .predicate import TIMES, getter, peek, test_of
from .provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule

if TYPE_CHECKING:
    from .company import Company
    from .store import Record

rule("inactive names are left out unless Active is asked for", RECORDED, "sandbox 2015-2026")
rule("equality and LIKE on text do not regard case", RECORDED, "items 2019; LIKE assumed")
rule("no hit is an empty QueryResponse, a count is nothing but totalCount", RECORDED, "all lists")
rule(
    "a property that is not known, or known and not queryable, is 4001",
    RECORDED,
    "sandbox 2015-2019",
)
rule("Id with something that is no number is 2030", RECORDED, "fixture 2013, sandbox")
rule("page size 100 unless told, at most 1000; STARTPOSITION 0 is 4001", DOCUMENTED, "data queries")
rule(
    "list rows lack Customer.DefaultTaxCodeRef and Item.DeferredRevenue",
    RECORDED,
    "sandbox 2024-2026",
)
rule("selected properties come alone with Id", REPORTED, "field notes")
rule("an unknown entity is 4001 `Invalid context declaration`", ASSUMED, "")
MOST = 1000
INDEXED = ("Customer", "Vendor", "Employee", "Item")  # whose names are unique in the list


@dataclass(frozen=True, slots=True)
class Result:
    """The inside of a QueryResponse."""

    text: bytes
    rows: int = 0


def run(company: Company, text: str) -> Result:
    """Answer a statement.

    Raises:
        QboFault: 4000 if it cannot be read, 4001 if it asks for what cannot be asked.
    """
    statement = parse(text)
    if statement.entity.lower() in ("preferences", "companyinfo"):
        return _single(company, statement.entity.lower())
    entity = _entity(statement.entity)
    conditions = [_checked(entity, one) for one in statement.where]
    for name in (*(f for f, _ in statement.order), *(statement.fields or ())):
        _property(entity, name, filtering=False)
    records = _select(company, entity, conditions)
    if statement.count:
        return Result(dumps({"totalCount": len(records)}), len(records))
    _sort(company, entity, statement, records)
    start, most = _page(statement)
    page = records[start - 1 : start - 1 + most]
    return answer(company, entity, page, start, statement.fields)


def answer(
    company: Company,
    entity: Entity,
    page: list[Record],
    start: int,
    fields: tuple[str, ...] | None = None,
) -> Result:
    """A page of rows as the inside of a QueryResponse."""
    if not page:
        return Result(b"{}")
    if fields:
        rows = b",".join(_projected(entity, record, fields) for record in page)
    else:
        rows = b",".join(company.text_of(record, listed=True) for record in page)
    total = f',"totalCount":{len(page)}' if entity.total_count else ""
    tail = f'],"startPosition":{start},"maxResults":{len(page)}{total}}}'
    return Result(b'{"%s":[' % entity.name.encode() + rows + tail.encode(), len(page))


def _single(company: Company, what: str) -> Result:
    from .info import company_info

    name = "Preferences" if what == "preferences" else "CompanyInfo"
    body = company.preferences if what == "preferences" else company_info(company)
    return Result(dumps({name: [body], "maxResults": 1}), 1)


def _entity(name: str) -> Entity:
    for known in ENTITIES.values():
        if known.name.lower() == name.lower():
            return known
    raise faults.query_validation(f"Invalid context declaration: {name}")


def _property(entity: Entity, name: str, *, filtering: bool = True) -> str:
    """The property as it is really spelled."""
    lower = name.lower()
    for known in entity.filterable:
        if known.lower() == lower:
            return known
    base = name.split(".")[0].lower()
    for known in catalogue.known(entity.name):
        if known.lower() == (base if base in ("metadata", "line") else lower):
            if filtering:
                raise faults.query_validation(f"property '{name}' is not queryable")
            return known
    if not filtering and not catalogue.known(entity.name):
        return name
    raise faults.query_validation(f"Property {name} not found for Entity {entity.name}")


def _checked(entity: Entity, condition: Condition) -> Condition:
    name = _property(entity, condition.name)
    values: list[Any] = list(condition.values)
    if name == "Id":
        for value in values:
            if not re.fullmatch(r"-?\d+", str(value)):
                raise faults.invalid_id(value)
        values = [int(value) for value in values]
    elif name in TIMES:
        try:
            values = [parse_stamp(str(value)) for value in values]
        except ValueError:
            raise faults.query_validation(f"Invalid date time {values[0]} for {name}") from None
    elif name == "Active":
        values = [str(value).lower() == "true" for value in values]
    return Condition(name, condition.operator, tuple(values))


def _select(company: Company, entity: Entity, conditions: list[Condition]) -> list[Record]:
    tests = [test_of(company, entity, condition) for condition in conditions]
    found = _candidates(company, entity, conditions)
    if entity.kind == "list" and not any(c.name == "Active" for c in conditions):
        found = [record for record in found if record.active]
    for test in tests:
        found = [record for record in found if test(record)]
    hidden = company.hidden_since
    return [r for r in found if r.moved <= hidden] if hidden is not None else list(found)


def _candidates(company: Company, entity: Entity, conditions: list[Condition]) -> Iterable[Record]:
    store = company.store
    everything = store.records[entity.name]
    for condition in conditions:
        if condition.operator not in ("=", "IN"):
            continue
        values = condition.values
        if condition.name == "Id":
            return _there(everything.get(value) for value in dict.fromkeys(values))
        if condition.name == "DocNumber":
            lists = [store.numbered(entity.name, str(v)).values() for v in _distinct(values)]
            return [record for found in lists for record in found]
        if condition.name == entity.name_field and entity.name in INDEXED:
            named = (store.named(entity, str(value)) for value in _distinct(values))
            return [r for r in _there(named) if r.entity is entity]
        if condition.name == "PaymentRefNum" and entity.name == "Payment":
            refs = [store.references.get(v, {}).values() for v in _distinct(values)]
            return [record for found in refs for record in found]
        if condition.name == "CustomerRef":
            mine = [store.of_customer.get(_int(value), {}) for value in dict.fromkeys(values)]
            return [r for found in mine for r in found.values() if r.entity is entity]
    return everything.values()


def _there(found: Iterable[Record | None]) -> list[Record]:
    return [record for record in found if record is not None]


def _distinct(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(str(value).lower() for value in values))


def _int(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return -1


def _sort(company: Company, entity: Entity, statement: Statement, records: list[Record]) -> None:
    if not statement.order:
        if entity.kind == "txn":
            records.sort(key=lambda r: -r.moved)
        elif entity.name == "Customer":
            records.sort(key=lambda r: (_full_name(r), r.id))
        else:
            records.sort(key=lambda r: (r.name.lower(), r.id))
        return
    for name, descending in reversed(statement.order):
        get = getter(company, entity, _property(entity, name, filtering=False))
        records.sort(key=lambda r, get=get: _sortable(get(r)), reverse=descending)  # type: ignore[misc]


def _full_name(record: Record) -> str:
    """A sub-customer follows its parent."""
    if b'"ParentRef"' in record.text:
        return str(peek(record).get("FullyQualifiedName", record.name)).lower()
    return record.name.lower()


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, (int, Decimal)):
        return (1, value)
    return (2, str(value).lower())


def _page(statement: Statement) -> tuple[int, int]:
    start = 1 if statement.start is None else statement.start
    most = 100 if statement.most is None else statement.most
    for value in (start, most):
        if value < 1:
            raise faults.query_validation(f"value {value} is too small. Min allowed value is 1")
    if most > MOST:
        raise faults.query_validation(f"value {most} is too large. Max allowed value is {MOST}")
    return start, most


def _projected(entity: Entity, record: Record, fields: tuple[str, ...]) -> bytes:
    body = peek(record)
    wanted = {field.split(".")[0].lower() for field in fields} | {"id", "domain", "sparse"}
    return dumps({key: value for key, value in body.items() if key.lower() in wanted})
