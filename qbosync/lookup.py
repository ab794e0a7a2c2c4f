"""What is in QuickBooks already, of the things a plan would create.

Reads are few: names and numbers are asked for a hundred at a time, and where QuickBooks
holds fewer documents of a kind than that would take, the whole kind is listed instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import islice

from qbosync.around import converted
from qbosync.foreign import MARKED
from qbosync.key import Action, Entity, Key
from qbosync.mapping.context import Candidate, Found, Memory, Stranger
from qbosync.mapping.item import method_draft
from qbosync.mark import marks, told_epoch
from qbosync.meet import DELETED_SUFFIX, meet_customer
from qbosync.model import Problem
from qbosync.operation import Body, Draft, Intent
from qbosync.plan import Plan
from qbosync.qbo.client import Company
from qbosync.qbo.query import is_in, literal
from qbosync.rebuilding import Forgotten
from qbosync.recollect import corrections_among, latest_epochs, mark_of
from qbosync.stranger import MONEY, NEAR, strangers_among

_CHUNK = 100
_PAGE = 1000
_MARGIN = timedelta(minutes=5)
_NUMBERED = (Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO)
UNDEPOSITED = "UndepositedFunds"
_WITH_INACTIVE = "Active IN (true, false)"
_NOTHING: Mapping[str, Iterable[Body]] = {}


def look_up(
    company: Company,
    plan: Plan,
    memory: Memory,
    forgotten: Forgotten,
    seen: Mapping[str, Iterable[Body]] = _NOTHING,
) -> Found:
    """Everything QuickBooks holds of what `plan` wanted to know.

    What was `seen` among the last changes and bears the mark of what would be created is it.

    What a ledger that was lost or restored may have `forgotten` can be there under another
    number and date: it is looked for by our marker too.  Payments, which have no number, also
    on a first run.
    """
    new = (Action.CREATE, Action.ADOPT)
    drafts = {op.key: op.draft for op in plan.operations if op.action in new}
    wanted: dict[Entity, list[Draft]] = defaultdict(list)
    for key in plan.wanted:
        if key in drafts:
            wanted[key.entity].append(drafts[key])
        elif key.entity is Entity.PAYMENT_METHOD:
            wanted[key.entity].append(method_draft(key.id))
    entities = {key.entity for key in plan.wanted}
    objects = _named_objects(company, wanted)
    numbered, listed = _numbered_objects(company, wanted, forgotten)
    objects |= numbered
    openings = {key.id: key for key in plan.wanted if key.kind == "opening"}
    objects |= _by_their_numbers(company, openings)
    payments = wanted[Entity.PAYMENT]
    there: dict[str, list[Body]] = {}
    is_unsure = any(forgotten.may_hold(draft.key.source) for draft in payments)
    if payments and (memory.is_first or is_unsure):
        where = "" if is_unsure else _earliest(payments)
        there["Payment"] = list(company.select("Payment", where))
        objects |= _by_marker(Entity.PAYMENT, payments, there["Payment"])
    strangers: tuple[Stranger, ...] = ()
    if memory.is_first:
        strangers = tuple(_from_before(company, payments, wanted[Entity.INVOICE], there, memory))
    for entity in MARKED:
        for key, shown in _by_marker(entity, wanted[entity], seen.get(entity, ())).items():
            # What was asked for just now is newer than what was seen before.
            objects[key] = _once((*shown, *objects.get(key, ())))
    current, funds = _current(company, plan.wanted, memory)
    needs_accounts = bool(entities & {Entity.ITEM, Entity.ACCOUNT})
    return Found(
        objects,
        current,
        funds,
        tuple(company.select("Account", _WITH_INACTIVE)) if needs_accounts else (),
        tuple(company.select("Term")) if Entity.TERM in entities else (),
        converted(company, wanted[Entity.INVOICE], memory),
        strangers,
        latest_epochs([d for e in MARKED for d in wanted[e]], objects),
        corrections_among(listed),
    )


def _named_objects(
    company: Company, wanted: Mapping[Entity, Collection[Draft]]
) -> dict[Key, tuple[Candidate, ...]]:
    """Customers, items and payment methods of the names that are wanted."""
    objects = _by_name(wanted[Entity.CUSTOMER], _customers(company, wanted[Entity.CUSTOMER]))
    objects |= _by_name(wanted[Entity.ITEM], _items(company, wanted[Entity.ITEM]))
    if wanted[Entity.PAYMENT_METHOD]:
        methods = [Candidate("PaymentMethod", m) for m in company.select("PaymentMethod")]
        objects |= _by_name(wanted[Entity.PAYMENT_METHOD], methods)
    return objects


def _numbered_objects(
    company: Company, wanted: Mapping[Entity, Collection[Draft]], forgotten: Forgotten
) -> tuple[dict[Key, tuple[Candidate, ...]], dict[str, list[Body]]]:
    """Documents by their numbers, and by our marks where they were forgotten; what was listed."""
    objects: dict[Key, tuple[Candidate, ...]] = {}
    listed: dict[str, list[Body]] = {}
    for entity in _NUMBERED:
        objects |= _by_number(entity, wanted[entity], company)
        if unsure := [draft for draft in wanted[entity] if forgotten.may_hold(draft.key.source)]:
            listed[entity] = list(company.select(entity))
            marked = _by_marker(entity, unsure, listed[entity])
            objects |= {key: _once((*objects[key], *marked[key])) for key in marked}
    if Entity.INVOICE in listed and Entity.CREDIT_MEMO not in listed:
        listed[Entity.CREDIT_MEMO] = list(company.select(Entity.CREDIT_MEMO))
    return objects, listed


def _from_before(
    company: Company,
    payments: Collection[Draft],
    invoices: Collection[Draft],
    there: Mapping[str, list[Body]],
    memory: Memory,
) -> Iterator[Stranger]:
    """What people had entered before a first run, of the kinds that are about to be made."""
    kinds = dict.fromkeys(MONEY[1:], payments) | {"Invoice": invoices}
    asked = {
        entity: list(company.select(entity, _earliest(drafts)))
        for entity, drafts in kinds.items()
        if drafts
    }
    ours = {(entry.key.entity.value, entry.qbo_id) for entry in memory.entries.values()}
    return strangers_among({**there, **asked}, ours)


def _current(
    company: Company, wanted: Iterable[Key], memory: Memory
) -> tuple[dict[Key, Body], frozenset[str]]:
    """Our documents among `wanted` as QuickBooks has them now, and its Undeposited Funds."""
    entries = [entry for key in wanted if (entry := memory.live(key)) is not None]
    by_entity: dict[Entity, dict[str, Key]] = defaultdict(dict)
    for entry in entries:
        by_entity[entry.key.entity][entry.qbo_id] = entry.key
    current = {
        keys[qbo_id]: body
        for entity, keys in by_entity.items()
        for qbo_id, body in read(company, entity, list(keys)).items()
    }
    funds: frozenset[str] = frozenset()
    if Entity.PAYMENT in by_entity:
        accounts = company.select("Account", f"AccountSubType = {literal(UNDEPOSITED)}")
        funds = frozenset(str(account["Id"]) for account in accounts)
    return current, funds


def references(found: Found, keys: Iterable[Key]) -> dict[Key, str]:
    """The Ids of the accounts and terms among `keys` that QuickBooks has and may be used."""
    accounts = {
        str(a.get("FullyQualifiedName", a.get("Name"))).casefold(): str(a["Id"])
        for a in found.accounts
        if a.get("Active", True)
    }
    terms = {
        str(t["DueDays"]): str(t["Id"])
        for t in found.terms
        if "DueDays" in t and t.get("Active", True)
    }
    ids = {}
    for key in keys:
        table = accounts if key.entity is Entity.ACCOUNT else terms
        if qbo_id := table.get(key.id.casefold()):
            ids[key] = qbo_id
    return ids


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
            named = _customers(company, drafts) if entity is Entity.CUSTOMER else []
            if entity is Entity.ITEM:
                named = _items(company, drafts)
            elif entity is Entity.PAYMENT_METHOD and drafts:
                named = [Candidate("PaymentMethod", m) for m in company.select("PaymentMethod")]
            for key, candidates in _by_name(drafts, named).items():
                found[key] = [c.object for c in candidates if c.entity == entity]
        elif created:
            recent = list(_created_since(company, entity, min(i.first_sent for i in created)))
            numbered = _by_number(entity, drafts, company)
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
        where = f"{is_in('Id', chunk)} AND {_WITH_INACTIVE}"
        bodies |= {str(body["Id"]): body for body in company.select(entity, where)}
    return bodies


def customer_of(company: Company, draft: Draft) -> Candidate | Problem | None:
    """Whom QuickBooks has under a customer's name now."""
    return meet_customer(draft, _by_name([draft], _customers(company, [draft]))[draft.key])


def _created_since(company: Company, entity: Entity, first: datetime) -> Iterator[Body]:
    since = (first - _MARGIN).isoformat(timespec="seconds")
    yield from company.select(entity, f"MetaData.CreateTime >= {literal(since)}")


def _matching(
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


def _customers(company: Company, drafts: Collection[Draft]) -> list[Candidate]:
    """Customers, vendors and employees share their names (recorded)."""
    names = _with_deleted(drafts)
    return [
        Candidate(entity, body)
        for entity in ("Customer", "Vendor", "Employee")
        for body in _matching(company, entity, "DisplayName", names, _WITH_INACTIVE)
    ]


def _items(company: Company, drafts: Collection[Draft]) -> list[Candidate]:
    names = _with_deleted(drafts)
    found = _matching(company, "Item", "FullyQualifiedName", names, _WITH_INACTIVE)
    return [Candidate("Item", body) for body in found]


def _by_name(
    drafts: Iterable[Draft], candidates: Iterable[Candidate]
) -> dict[Key, tuple[Candidate, ...]]:
    by_name: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        body = candidate.object
        names = {body.get(field) for field in ("DisplayName", "FullyQualifiedName", "Name")}
        for name in names - {None}:
            by_name[str(name).casefold().removesuffix(DELETED_SUFFIX)].append(candidate)
    return {draft.key: tuple(by_name.get(draft.name.casefold(), ())) for draft in drafts}


def _by_number(
    entity: Entity, drafts: Collection[Draft], company: Company
) -> dict[Key, tuple[Candidate, ...]]:
    """Documents under the numbers that the drafts are to bear."""
    numbers = {draft.number for draft in drafts if draft.number}
    if not numbers:
        return {draft.key: () for draft in drafts}
    by_number: dict[str, list[Candidate]] = defaultdict(list)
    for body in _matching(company, entity, "DocNumber", numbers):
        by_number[str(body.get("DocNumber"))].append(Candidate(entity, body))
    return {draft.key: tuple(by_number.get(draft.number, ())) for draft in drafts}


def _by_their_numbers(
    company: Company, keys: Mapping[str, Key]
) -> dict[Key, tuple[Candidate, ...]]:
    """Invoices by the numbers that they bear, whoever made them."""
    found: dict[Key, tuple[Candidate, ...]] = dict.fromkeys(keys.values(), ())
    if keys:
        for body in _matching(company, Entity.INVOICE, "DocNumber", set(keys)):
            if key := keys.get(str(body.get("DocNumber"))):
                found[key] = (*found[key], Candidate(Entity.INVOICE, body))
    return found


def _earliest(drafts: Collection[Draft]) -> str:
    """From ten days before the first of these on: so far a person's own date may lie off."""
    first = date.fromisoformat(min(str(draft.body["TxnDate"]) for draft in drafts))
    return f"TxnDate >= {literal((first - NEAR).isoformat())}"


def _by_marker(
    entity: Entity, drafts: Iterable[Draft], bodies: Iterable[Body]
) -> dict[Key, tuple[Candidate, ...]]:
    """Documents by our marks: a record's first one, and those that took its place."""
    marked: dict[str, list[Candidate]] = defaultdict(list)
    for body in bodies:
        for mark in marks(body):
            marked[told_epoch(mark)[0]].append(Candidate(entity, body))
    return {draft.key: tuple(marked.get(told_epoch(mark_of(draft))[0], ())) for draft in drafts}


def _once(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Each object once, however often it was found."""
    return tuple({str(c.object["Id"]): c for c in candidates}.values())
