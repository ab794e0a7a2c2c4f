"""`check --full`: every document of ours in QuickBooks, looked at one by one.

What changed there within 30 days each run sees by itself; this looks at everything, however
long ago, and tells it as a run does; at most weekly where nobody is there.  Nothing is
written to QuickBooks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from qbosync.edit import Edit, Kind
from qbosync.key import Entity, Key
from qbosync.ledger import Ledger
from qbosync.model import Problem
from qbosync.notice import notice
from qbosync.operation import Body, Entry
from qbosync.person import named, what_happened
from qbosync.qbo.client import Company
from qbosync.qbo.preferences import Check
from qbosync.reason import word
from qbosync.search import read

_OURS = (
    Entity.CUSTOMER, Entity.ITEM, Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO,
    Entity.PAYMENT,
)  # fmt: skip
_WEEK = timedelta(days=6, hours=12)
"""A job that cron starts weekly comes now and then a little earlier than the last time."""
_LAST = "full_check"
_NAMED = 10
"""So many are named before the rest is only counted."""


def full_checks(
    company: Company, ledger: Ledger, now: datetime, is_wanted_now: bool
) -> list[Check]:
    """One finding for each kind of document; what people did is remembered as by a run.

    `is_wanted_now` compares again, however short a time ago that was done.
    """
    last = ledger.fact(_LAST)
    if last and not is_wanted_now and (coming := datetime.fromisoformat(last) + _WEEK) > now:
        words = f"Made on {last[:10]}; the next is due from {coming:%Y-%m-%d %H:%M} UTC on."
        return [Check("full comparison", "ok", f"{words} At a terminal it is made at once.")]
    waiting = {
        i.key: Problem(i.key.source, "unknown_outcome", "", "") for i in ledger.open_intents()
    }
    memory = ledger.memory(waiting, now)
    ours: dict[Entity, list[Entry]] = defaultdict(list)
    for entry in memory.entries.values():
        if entry.key.entity in _OURS and entry.state == "live":
            ours[entry.key.entity].append(entry)
    objects = {entity.value: _there(company, entity, known) for entity, known in ours.items()}
    found = notice(memory, objects, ledger, company, now)
    found.enter(ledger)
    ledger.set_fact(_LAST, now.isoformat())
    return [
        _told(entity, len(known), found.over(memory).edits, memory.entries)
        for entity, known in sorted(ours.items())
    ]


def _there(company: Company, entity: Entity, entries: list[Entry]) -> list[Body]:
    """The objects as QuickBooks has them; what is not there any more as a tombstone."""
    found = read(company, entity, [entry.qbo_id for entry in entries])
    return [found.get(entry.qbo_id, {"Id": entry.qbo_id, "status": "Deleted"}) for entry in entries]


def _told(
    entity: Entity, count: int, edits: Mapping[Key, Edit], entries: Mapping[Key, Entry]
) -> Check:
    name = f"{word(entity)}s in QuickBooks"
    troubles = [
        f"{key.source.replace(':', ' ')}: {_what(edit, entries.get(key))}"
        for key, edit in edits.items()
        if key.entity is entity
    ]
    if not troubles:
        return Check(name, "ok", f"All {count} are there as they were written.")
    more = f" {len(troubles) - _NAMED} more." if len(troubles) > _NAMED else ""
    return Check(
        name,
        "warning",
        f"{len(troubles)} of {count}: {' '.join(troubles[:_NAMED])}{more}",
        "See what a person did there: qbosync explain REF. Nothing is overwritten by itself;"
        " qbosync resolve REF decides.",
    )


def _what(edit: Edit, entry: Entry | None) -> str:
    if edit.kind is Kind.INACTIVE:
        return f"{named(edit, entry)} was made inactive."
    return what_happened(edit, named(edit, entry))
