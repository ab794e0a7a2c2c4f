"""A ledger that may have forgotten writes creates nothing until late ones have shown.

It was lost, rebuilt, or restored from a copy.  Until then it only recognises what is there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from qbosync.foreign import MARKED, marked
from qbosync.key import Action
from qbosync.ledger import Ledger
from qbosync.mapping.context import Memory
from qbosync.model import Problem
from qbosync.plan import Plan
from qbosync.shop import Shop

ADOPT_UNTIL = "adopt_until"
"""The fact that says until when nothing new is created."""
FOR_NOW = "9999-01-01T00:00:00+00:00"
"""For `ADOPT_UNTIL` where nobody asked QuickBooks yet what time it is: the next run does."""
_FORGOTTEN, _LISTED = "forgotten:", "forgotten_listed"
"""The facts of records with a document that no entry explains, and of when they were listed."""
TAKEN_OVER_AT = "taken_over_at"
"""The fact that says when a person made this the machine that writes."""


@dataclass(frozen=True)
class Forgotten:
    """What QuickBooks may hold from us that the ledger knows nothing of.

    While late writes may still show (`is_open`) that is anything, and afterwards the records
    whose mark was found on a document that is nobody's entry.
    """

    is_open: bool = False
    sources: Collection[str] = frozenset()

    def may_hold(self, source: str) -> bool:
        """Whether a document of this record has to be looked for by its mark."""
        return self.is_open or source in self.sources


def has_forgotten(ledger: Ledger) -> bool:
    """Whether the ledger was lost, rebuilt, restored or taken over at some time."""
    return bool(ledger.fact(ADOPT_UNTIL))


def forgotten(shop: Shop, memory: Memory, *, is_adopting: bool, is_dry: bool) -> Forgotten:
    """What the ledger has forgotten; `is_adopting` while nothing new is created yet.

    Once that is over QuickBooks is listed once, and the marks that no entry explains are
    remembered for good: the order may get another number and another date before it is
    wanted again.
    """
    ledger = shop.ledger
    until = ledger.fact(ADOPT_UNTIL)
    if not until:
        return Forgotten()
    if not is_adopting and ledger.fact(_LISTED) != until:
        known = {(entry.key.entity.value, entry.qbo_id) for entry in memory.entries.values()}
        there = {entity.value: shop.company.select(entity) for entity in MARKED}
        found = {
            _FORGOTTEN + each.key.source: str(each.body["Id"])
            for each in marked(there)
            if each.instance == shop.policy.instance
            and (each.key.entity.value, str(each.body["Id"])) not in known
        }
        if is_dry:
            return Forgotten(sources={name.removeprefix(_FORGOTTEN) for name in found})
        ledger.set_facts({**found, _LISTED: until})
    return Forgotten(is_adopting, ledger.facts(_FORGOTTEN).keys())


def taken_over_at(ledger: Ledger) -> datetime | None:
    """When a person made this the machine that writes, if another one did before."""
    told = ledger.fact(TAKEN_OVER_AT)
    return datetime.fromisoformat(told) if told else None


def knows_since(ledger: Ledger, read_at: datetime) -> datetime:
    """Since when the ledger knows all that was written, if the last read was at `read_at`."""
    told = ledger.fact(ADOPT_UNTIL)
    return max(read_at, datetime.fromisoformat(told)) if told else read_at


def is_from_before(ledger: Ledger, at: datetime) -> bool:
    """Whether the ledger may have forgotten what became of a write that was sent `at`."""
    told = ledger.fact(ADOPT_UNTIL)
    return bool(told) and at < datetime.fromisoformat(told)


def adopts_until(shop: Shop, is_dry: bool) -> datetime | None:
    """Until when nothing new is created, because the ledger may have forgotten writes.

    By QuickBooks' clock, which `shop` has: a machine whose own is wrong neither waits for ever
    nor not at all.
    """
    told, now = shop.ledger.fact(ADOPT_UNTIL), shop.clock.now()
    if not told:
        return None
    latest = now + shop.resend_after
    until = min(datetime.fromisoformat(told), latest)
    if told != until.isoformat() and not is_dry:
        shop.ledger.set_fact(ADOPT_UNTIL, until.isoformat())
    return until if until > now else None


def without_creates(plan: Plan, until: str) -> Plan:
    """The plan without what it would create, which waits `until` late writes have shown."""
    kept = tuple(op for op in plan.operations if op.action is not Action.CREATE)
    new = tuple(
        Problem(
            op.key.source,
            "rebuilding",
            f"{op.key}: rebuilding, writes nothing new until {until}.",
            "Nothing to do: it clears itself.",
            op.draft.amount,
        )
        for op in plan.operations
        if op.action is Action.CREATE
    )
    return replace(plan, operations=kept, held=plan.held + new)


def adoptions(plan: Plan) -> Plan:
    """Of a plan only what QuickBooks has already: nothing of it sends anything."""
    return replace(
        plan, operations=tuple(op for op in plan.operations if op.action is Action.ADOPT)
    )
