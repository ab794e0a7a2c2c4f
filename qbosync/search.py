"""Reads of QuickBooks by name, number, mark and Id, in few requests.

Names and numbers are asked for a hundred at a time, and where QuickBooks holds fewer
documents of a kind than that would take, the whole kind is listed instead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from qbosync.key import Entity, Key
from qbosync.mapping.context import Candidate
from qbosync.mark import marks, told_epoch
from qbosync.meet import DELETED_SUFFIX, meet_customer
from qbosync.model import Problem
from qbosync.operation import Body, Draft, Intent
from qbosync.qbo.client import Company
from qbosync.qbo.query import is_in, literal
from qbosync.recollect import mark_of

_CHUNK = 100


_PAGE = 1000


_MARGIN = timedelta(minutes=5)


WITH_INACTIVE = "Active IN (true, false)"


def since_intents(company: Company, intents: Collection[Intent]) -> dict[Key, list[Body]]:
    """What QuickBooks holds of writes whose answer was lost.

    Creates: all of the kind made since the first was sent, less five minutes, and all under
    their numbers; named objects by their names; updates and voids by Id.
    """
    found: dict[Key, list[Body]] = defaultdict(list)
    by_entity: dict[Entity, list[Intent]] = defaultdict(list)
    for intent in intents:
        by_entity[intent.key.entity].append(intent)
    for entity, group in by_entity.items():
        changed = [intent for intent in group if "Id" in intent.body]
        created = [intent for intent in group if "Id" not in intent.body]
        by_id = read(company, entity, [str(i.body["Id"]) for i in changed]) if changed else {}
        for intent in changed:
            if body := by_id.get(str(intent.body["Id"])):
                found[intent.key].append(body)
        drafts = [intent.draft for intent in created]
        if entity.is_named:
            named = customers_named(company, drafts) if entity is Entity.CUSTOMER else []
            if entity is Entity.ITEM:
                named = items_named(company, drafts)
            elif entity is Entity.PAYMENT_METHOD and drafts:
                named = [Candidate("PaymentMethod", m) for m in company.select("PaymentMethod")]
            for key, candidates in by_name(drafts, named).items():
                found[key] = [c.object for c in candidates if c.entity == entity]
        elif created:
            recent = list(_created_since(company, entity, min(i.first_sent for i in created)))
            numbered = by_number(entity, drafts, company)
            for intent in created:
                bodies = {str(body["Id"]): body for body in recent}
                bodies |= {str(c.object["Id"]): c.object for c in numbered.get(intent.key, ())}
                found[intent.key] = list(bodies.values())
    return found


def read(company: Company, entity: Entity, ids: Collection[str]) -> dict[str, Body]:
    """Objects by Id; of customers, items and methods also those that were made inactive."""
    if not entity.is_named:
        return company.read(entity, list(ids))
    bodies: dict[str, Body] = {}
    rest = iter(sorted(set(ids)))
    while chunk := list(islice(rest, _CHUNK)):
        where = f"{is_in('Id', chunk)} AND {WITH_INACTIVE}"
        bodies |= {str(body["Id"]): body for body in company.select(entity, where)}
    return bodies


def customer_of(company: Company, draft: Draft) -> Candidate | Problem | None:
    """Whom QuickBooks has under a customer's name now."""
    return meet_customer(draft, by_name([draft], customers_named(company, [draft]))[draft.key])


def _created_since(company: Company, entity: Entity, first: datetime) -> Iterator[Body]:
    since = (first - _MARGIN).isoformat(timespec="seconds")
    yield from company.select(entity, f"MetaData.CreateTime >= {literal(since)}")


def matching(
    company: Company, entity: str, field: str, values: Collection[str], where: str = ""
) -> Iterator[Body]:
    """The objects whose `field` is one of `values`: asked by hundreds, or all of a short list."""
    asked = -(-len(values) // _CHUNK)
    if asked > 1 and company.count(entity, where) <= (asked - 2) * _PAGE:
        folded = {value.casefold() for value in values}
        rows = company.select(entity, where)
        yield from (row for row in rows if str(row.get(field)).casefold() in folded)
        return
    rest = iter(sorted(values))
    while chunk := list(islice(rest, _CHUNK)):
        named = is_in(field, chunk)
        yield from company.select(entity, f"{named} AND {where}" if where else named)


def _with_deleted(drafts: Iterable[Draft]) -> set[str]:
    names = {draft.name for draft in drafts}
    return names | {name + DELETED_SUFFIX for name in names}


def customers_named(company: Company, drafts: Collection[Draft]) -> list[Candidate]:
    """Customers, vendors and employees share their names (recorded)."""
    names = _with_deleted(drafts)
    return [
        Candidate(entity, body)
        for entity in ("Customer", "Vendor", "Employee")
        for body in matching(company, entity, "DisplayName", names, WITH_INACTIVE)
    ]


def items_named(company: Company, drafts: Collection[Draft]) -> list[Candidate]:
    """Items by their full names, deleted ones too."""
    names = _with_deleted(drafts)
    found = matching(company, "Item", "FullyQualifiedName", names, WITH_INACTIVE)
    return [Candidate("Item", body) for body in found]


def by_name(
    drafts: Iterable[Draft], candidates: Iterable[Candidate]
) -> dict[Key, tuple[Candidate, ...]]:
    """Of the candidates those that bear the name of a draft, in any case of its letters."""
    found: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        body = candidate.object
        names = {body.get(field) for field in ("DisplayName", "FullyQualifiedName", "Name")}
        for name in names - {None}:
            found[str(name).casefold().removesuffix(DELETED_SUFFIX)].append(candidate)
    return {draft.key: tuple(found.get(draft.name.casefold(), ())) for draft in drafts}


def by_number(
    entity: Entity, drafts: Collection[Draft], company: Company
) -> dict[Key, tuple[Candidate, ...]]:
    """Documents under the numbers that the drafts are to bear."""
    numbers = {draft.number for draft in drafts if draft.number}
    if not numbers:
        return {draft.key: () for draft in drafts}
    found: dict[str, list[Candidate]] = defaultdict(list)
    for body in matching(company, entity, "DocNumber", numbers):
        found[str(body.get("DocNumber"))].append(Candidate(entity, body))
    return {draft.key: tuple(found.get(draft.number, ())) for draft in drafts}


def by_marker(
    entity: Entity, drafts: Iterable[Draft], bodies: Iterable[Body]
) -> dict[Key, tuple[Candidate, ...]]:
    """Documents by our marks: a record's first one, and those that took its place."""
    marked: dict[str, list[Candidate]] = defaultdict(list)
    for body in bodies:
        for mark in marks(body):
            marked[told_epoch(mark)[0]].append(Candidate(entity, body))
    return {draft.key: tuple(marked.get(told_epoch(mark_of(draft))[0], ())) for draft in drafts}
