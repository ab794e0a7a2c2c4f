"""Noticing what people did in QuickBooks: the changes of a run beside what the ledger holds.

Takes what was read anyhow; only where one of our customers vanished, one document of theirs
is read to learn whom they became.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from qbosync.around import Around
from qbosync.drift import classify, merged_into, owned
from qbosync.edit import Edit, Kind, Says, Word
from qbosync.key import Entity, Key
from qbosync.ledger import Ledger
from qbosync.mapping.context import Memory
from qbosync.operation import VOID_DIGEST, Body, Entry
from qbosync.outcome import Outcome
from qbosync.person import asked_for, edited_rows, followed
from qbosync.qbo.client import Company
from qbosync.rebuilding import has_forgotten
from qbosync.recollect import taken_back
from qbosync.search import read
from qbosync.shop import Shop
from qbosync.stranger import gone_among, strangers_among

_DOCUMENTS = (Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO, Entity.PAYMENT)
_WATCHED = (Entity.CUSTOMER, Entity.ITEM, *_DOCUMENTS)


@dataclass
class Noticed:
    """What is edited now, what is so no longer, and what QuickBooks holds as we wish it.

    `ended` is what counts as ended by us: this ledger forgot it, or the shop ended it as well.
    """

    edits: dict[Key, Edit] = field(default_factory=dict)
    cleared: list[Key] = field(default_factory=list)
    seen: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    ended: list[Key] = field(default_factory=list)

    def over(self, memory: Memory) -> Memory:
        """The memory with all of it, also in a run that writes nothing down."""
        edits = {k: e for k, e in memory.edits.items() if k not in self.cleared} | self.edits
        entries = dict(memory.entries)
        for key, edit in self.edits.items():
            if edit.kind.is_gone and key in entries:
                state = "void" if edit.kind is Kind.VOIDED else "deleted"
                entries[key] = replace(entries[key], state=state)
        for key in self.ended:
            entries[key] = replace(entries[key], state="void", digest=VOID_DIGEST)
            edits.pop(key, None)
        return replace(memory, edits=edits, entries=entries)

    def enter(self, ledger: Ledger) -> None:
        """Write it down, if there is anything."""
        if self.edits or self.cleared or self.seen:
            ledger.watch(self.edits.values(), self.cleared, self.seen)
        if self.ended:
            ledger.withdraw(self.ended)


def look_at_people(
    shop: Shop, around: Around | None, memory: Memory, outcome: Outcome, is_dry: bool
) -> Memory:
    """The memory with what people did since the last run; the ledger keeps it."""
    if around is not None:
        found = notice(memory, around.objects, shop.ledger, shop.company, shop.clock.now())
        if has_forgotten(shop.ledger):
            instance, edits = shop.policy.instance, found.edits.values()
            found.ended = taken_back(edits, memory.entries, around.objects, instance)
        memory = found.over(memory)
        if not is_dry:
            found.enter(shop.ledger)
        memory = look_at_strangers(shop, around.objects, memory, is_dry)
    if outcome.snapshot is not None:
        snapshot = outcome.snapshot
        over = Noticed(
            cleared=asked_for(memory, snapshot), ended=followed(memory, snapshot, shop.policy)
        )
        memory = over.over(memory)
        if not is_dry:
            over.enter(shop.ledger)
    if tied := [w for w in memory.words.values() if w.verdict is Says.RELINK]:
        memory = replace(memory, relinks=_tied(tied, shop.company))
    outcome.edited = edited_rows(memory.edits, memory.words, memory.entries)
    return memory


def look_at_strangers(
    shop: Shop, objects: Mapping[str, Iterable[Body]], memory: Memory, is_dry: bool
) -> Memory:
    """The memory with the money and invoices that people entered since."""
    ours = {(entry.key.entity.value, entry.qbo_id) for entry in memory.entries.values()}
    gone = set(gone_among(objects))
    known = {s.id: s for s in memory.strangers}
    left = {
        id_: s
        for id_, s in known.items()
        if (s.entity, s.qbo_id) not in ours and f"{s.entity} {s.qbo_id}" not in gone
    }
    now = left | {s.id: s for s in strangers_among(objects, ours)}
    if now != known and not is_dry:
        shop.ledger.meet(now.values(), known.keys() - now.keys(), shop.today)
    return replace(memory, strangers=tuple(now.values()))


def _tied(words: Iterable[Word], company: Company) -> dict[Key, Body]:
    """The objects that people named, as QuickBooks has them; blank where there is none."""
    return {
        word.key: read(company, word.key.entity, [word.qbo_id]).get(word.qbo_id, {})
        for word in words
    }


def notice(
    memory: Memory,
    objects: Mapping[str, list[Body]],
    ledger: Ledger,
    company: Company,
    now: datetime,
) -> Noticed:
    """Compare the objects that moved in QuickBooks with what we last saw of them."""
    ours = {
        (entry.key.entity, entry.qbo_id): entry
        for entry in memory.entries.values()
        if entry.state == "live" and entry.key.entity in _WATCHED
        if entry.key not in memory.waiting
    }
    moved: dict[Key, tuple[Entry, Body]] = {}
    for entity in _WATCHED:
        for body in objects.get(entity, ()):
            entry = ours.get((entity, str(body.get("Id"))))
            if entry is not None and not _is_older(body, entry):
                moved[entry.key] = (entry, body)
    seen = ledger.seen(moved)
    found = Noticed()
    for key, (entry, body) in moved.items():
        if key.entity is Entity.CUSTOMER:
            edit = classify(entry, seen.get(key), body, _ids(memory, found), (), now)
            if edit is not None and edit.kind is Kind.DELETED:
                edit = _vanished(edit, entry, moved, seen, ours, company)
            _enter(found, memory, seen.get(key), edit, (key, body))
    gone = gone_of(memory.entries.values())
    for key, (entry, body) in moved.items():
        if key.entity is not Entity.CUSTOMER:
            edit = classify(entry, seen.get(key), body, _ids(memory, found), gone, now)
            _enter(found, memory, seen.get(key), edit, (key, body))
            if edit is not None and edit.kind.is_gone:
                gone.add((key.entity.value, entry.qbo_id))
    return found


def gone_of(entries: Iterable[Entry]) -> set[tuple[str, str]]:
    """The documents that payments no longer pay, by type and Id."""
    return {
        (entry.key.entity.value, entry.qbo_id)
        for entry in entries
        if not entry.is_live and entry.key.entity in (Entity.INVOICE, Entity.CREDIT_MEMO)
    }


def _is_older(body: Body, entry: Entry) -> bool:
    """Whether this is how an object was before our own last write of it."""
    token, known = str(body.get("SyncToken", "")), entry.sync_token
    return token.isdecimal() and known.isdecimal() and int(token) < int(known)


def _enter(
    found: Noticed,
    memory: Memory,
    seen: Mapping[str, Any] | None,
    edit: Edit | None,
    there: tuple[Key, Body],
) -> None:
    key, body = there
    before = memory.edits.get(key)
    if edit is not None:
        if before is not None and before.theirs == edit.theirs:
            edit = replace(edit, found_at=before.found_at)
        if edit != before:
            found.edits[key] = edit
        return
    if before is not None:
        found.cleared.append(key)
    if not key.entity.is_named or key.entity is Entity.CUSTOMER:
        now = {**(seen or {}), **owned(key.entity, body)}
        if now != seen:
            found.seen[key] = now


def _vanished(
    edit: Edit,
    entry: Entry,
    moved: Mapping[Key, tuple[Entry, Body]],
    seen: Mapping[Key, Mapping[str, Any]],
    ours: Mapping[tuple[Entity, str], Entry],
    company: Company,
) -> Edit:
    """A customer that is gone was merged into the one that its documents are on now."""
    theirs = {
        key: body
        for key, (known, body) in moved.items()
        if known.customer == entry.customer and key.entity in _DOCUMENTS
    }
    into = merged_into(entry.qbo_id, [(seen.get(key), body) for key, body in theirs.items()])
    if not into:
        by_entity: dict[Entity, list[str]] = defaultdict(list)
        for (entity, qbo_id), known in ours.items():
            if known.customer == entry.customer and entity in _DOCUMENTS:
                by_entity[entity].append(qbo_id)
        for entity, ids in by_entity.items():
            into = merged_into(
                entry.qbo_id, [(None, b) for b in read(company, entity, ids[:1]).values()]
            )
            break
    return replace(edit, kind=Kind.MERGED, into=into, theirs=f"merged {into}") if into else edit


def _ids(memory: Memory, found: Noticed) -> Any:
    """The Id under which each customer is known, or which it became."""

    def id_of(key: Key) -> str | None:
        edit = found.edits.get(key) or memory.edits.get(key)
        if edit is not None and edit.into:
            return edit.into
        entry = memory.entries.get(key)
        return entry.qbo_id if entry else None

    return id_of
