"""What a ledger that forgot learns again from the marks of the documents themselves.  Pure.

Only what is certain: a live document that took the place of a void one says in its mark which
of its record's it is; an invoice and what corrects it are known again where together they say
what the source says.  Anything else stays for a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from qbosync.edit import Edit
from qbosync.key import Action, Entity, Key
from qbosync.mapping.context import Candidate
from qbosync.mapping.posted import amount, is_voided
from qbosync.mark import marker, marks, told_epoch
from qbosync.model import ZERO
from qbosync.operation import Body, Draft, Entry, Operation

_CORRECTION = " correction:"


def mark_of(draft: Draft) -> str:
    """The mark that a draft is to bear."""
    return str(draft.body["PrivateNote"]).splitlines()[-1]


def latest_epochs(
    drafts: Iterable[Draft], objects: Mapping[Key, Collection[Candidate]]
) -> dict[Key, int]:
    """Which of its record's documents is the last, where that is a later one and counts."""
    epochs = {}
    for draft in drafts:
        candidates = objects.get(draft.key, ())
        base = told_epoch(mark_of(draft))[0] if candidates else ""
        nths = {
            nth: candidate.object
            for candidate in candidates
            for name, nth in map(told_epoch, marks(candidate.object))
            if name == base
        }
        last = max(nths, default=0)
        if last > draft.epoch and not is_voided(nths[last]):
            epochs[draft.key] = last
    return epochs


def corrections_among(
    listed: Mapping[str, Iterable[Body]],
) -> dict[str, tuple[tuple[Key, Body], ...]]:
    """What corrects invoices, by the record of the invoice, whoever's mark it bears."""
    found: dict[str, list[tuple[Key, Body]]] = defaultdict(list)
    for entity in (Entity.INVOICE, Entity.CREDIT_MEMO):
        for body in listed.get(entity, ()):
            for mark in marks(body):
                _, is_one, rest = told_epoch(mark)[0].removesuffix("]").partition(_CORRECTION)
                if is_one and not is_voided(body):
                    key = Key(entity, "correction", rest)
                    found[key.record].append((key, body))
    return {record: tuple(rows) for record, rows in found.items()}


def corrected_original(
    draft: Draft, there: Body, corrections: Iterable[tuple[Key, Body]], instance: str
) -> tuple[Operation, ...]:
    """An invoice and its corrections, to be known again; none where they do not add up."""
    ours = [(key, body) for key, body in corrections if _is_ours(key, body, instance)]
    total = amount(there.get("TotalAmt")) + sum(
        (amount(b.get("TotalAmt")) * (1 if k.entity is Entity.INVOICE else -1) for k, b in ours),
        ZERO,
    )
    is_one = draft.key.entity is Entity.INVOICE and there.get("DocNumber") == draft.number
    if not ours or not is_one or total != draft.amount or is_voided(there):
        return ()
    return tuple(
        Operation(Action.ADOPT, restated, "found in QuickBooks", found=body)
        for restated, body in (
            (_restated(draft, there), there),
            *((_restated(replace(draft, key=key, facts={}), body), body) for key, body in ours),
        )
    )


def _is_ours(key: Key, body: Body, instance: str) -> bool:
    return any(told_epoch(mark)[0] == marker(instance, key) for mark in marks(body))


def _restated(draft: Draft, body: Body) -> Draft:
    """A draft that says what its document says, in lines and total."""
    rows = [row for row in body.get("Line", []) if "SalesItemLineDetail" in row]
    total = amount(body.get("TotalAmt"))
    facts: dict[str, Any] = {
        **draft.facts,
        "CustomerRef": f"customer:{draft.customer}",
        "DocNumber": str(body.get("DocNumber", "")),
        "Line": [_fact(nth, row) for nth, row in enumerate(rows, 1)],
        "Total": f"{total:.2f}",
    }
    [mark] = list(marks(body))[-1:]
    return replace(
        draft,
        body={"CustomerRef": draft.body["CustomerRef"], "Line": rows},
        facts=facts,
        number=facts["DocNumber"],
        amount=total,
        lines=tuple(str(row[0]) for row in facts["Line"]),
        epoch=told_epoch(mark)[1],
    )


def _fact(nth: int, row: Body) -> list[Any]:
    """A line as the ledger keeps it: name, item, amount, words, quantity."""
    item = row["SalesItemLineDetail"].get("ItemRef", {})
    worth = amount(row.get("Amount"))
    return [f"#{nth}", str(item.get("name", "")), f"{worth:.2f}", row.get("Description", ""), None]


def taken_back(
    edits: Iterable[Edit],
    entries: Mapping[Key, Entry],
    objects: Mapping[str, Iterable[Body]],
    instance: str,
) -> list[Key]:
    """Of what is void or gone, what we ended ourselves: a later document is in its place."""
    gone = {e.key: entries[e.key] for e in edits if e.kind.is_gone and e.key in entries}
    wanted = {
        (key.entity.value, marker(instance, key)): entry
        for key, entry in gone.items()
        if not key.entity.is_named
    }
    if not wanted:
        return []
    found = []
    for entity in {entity for entity, _ in wanted}:
        for body in objects.get(entity, ()):
            for base, nth in map(told_epoch, marks(body)):
                entry = wanted.get((entity, base))
                if entry is not None and nth > entry.epoch:
                    found.append(entry.key)
    return list(dict.fromkeys(found))
