"""What is in QuickBooks already, of the things a plan would create."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from qbosync.around import converted
from qbosync.foreign import MARKED
from qbosync.key import Action, Entity, Key
from qbosync.mapping.context import Candidate, Found, Memory, Stranger
from qbosync.mapping.item import method_draft
from qbosync.operation import Body, Draft
from qbosync.plan import Plan
from qbosync.qbo.client import Company
from qbosync.qbo.query import literal
from qbosync.rebuilding import Forgotten
from qbosync.recollect import corrections_among, latest_epochs
from qbosync.search import (
    WITH_INACTIVE,
    by_marker,
    by_name,
    by_number,
    customers_named,
    items_named,
    matching,
    read,
)
from qbosync.stranger import MONEY, NEAR, strangers_among

_NUMBERED = (Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO)
UNDEPOSITED = "UndepositedFunds"
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
        objects |= by_marker(Entity.PAYMENT, payments, there["Payment"])
    strangers: tuple[Stranger, ...] = ()
    if memory.is_first:
        strangers = tuple(_from_before(company, payments, wanted[Entity.INVOICE], there, memory))
    for entity in MARKED:
        for key, shown in by_marker(entity, wanted[entity], seen.get(entity, ())).items():
            # What was asked for just now is newer than what was seen before.
            objects[key] = _once((*shown, *objects.get(key, ())))
    current, funds = _current(company, plan.wanted, memory)
    needs_accounts = bool(entities & {Entity.ITEM, Entity.ACCOUNT})
    return Found(
        objects,
        current,
        funds,
        tuple(company.select("Account", WITH_INACTIVE)) if needs_accounts else (),
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
    objects = by_name(wanted[Entity.CUSTOMER], customers_named(company, wanted[Entity.CUSTOMER]))
    objects |= by_name(wanted[Entity.ITEM], items_named(company, wanted[Entity.ITEM]))
    if wanted[Entity.PAYMENT_METHOD]:
        methods = [Candidate("PaymentMethod", m) for m in company.select("PaymentMethod")]
        objects |= by_name(wanted[Entity.PAYMENT_METHOD], methods)
    return objects


def _numbered_objects(
    company: Company, wanted: Mapping[Entity, Collection[Draft]], forgotten: Forgotten
) -> tuple[dict[Key, tuple[Candidate, ...]], dict[str, list[Body]]]:
    """Documents by their numbers, and by our marks where they were forgotten; what was listed."""
    objects: dict[Key, tuple[Candidate, ...]] = {}
    listed: dict[str, list[Body]] = {}
    for entity in _NUMBERED:
        objects |= by_number(entity, wanted[entity], company)
        if unsure := [draft for draft in wanted[entity] if forgotten.may_hold(draft.key.source)]:
            listed[entity] = list(company.select(entity))
            marked = by_marker(entity, unsure, listed[entity])
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


def _by_their_numbers(
    company: Company, keys: Mapping[str, Key]
) -> dict[Key, tuple[Candidate, ...]]:
    """Invoices by the numbers that they bear, whoever made them."""
    found: dict[Key, tuple[Candidate, ...]] = dict.fromkeys(keys.values(), ())
    if keys:
        for body in matching(company, Entity.INVOICE, "DocNumber", set(keys)):
            if key := keys.get(str(body.get("DocNumber"))):
                found[key] = (*found[key], Candidate(Entity.INVOICE, body))
    return found


def _earliest(drafts: Collection[Draft]) -> str:
    """From ten days before the first of these on: so far a person's own date may lie off."""
    first = date.fromisoformat(min(str(draft.body["TxnDate"]) for draft in drafts))
    return f"TxnDate >= {literal((first - NEAR).isoformat())}"


def _once(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Each object once, however often it was found."""
    return tuple({str(c.object["Id"]): c for c in candidates}.values())
