"""What a mapping may look at, and what it may answer.

Each source record ends in exactly one answer: a `Draft`, a `Problem` that holds it,
`Keep` (leave what is there), or `Skip` (out of scope, with the reason).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from qbosync.mapping.policy import Policy
from qbosync.model import Customer, Order, Problem, Snapshot
from qbosync.operation import Body, Draft, Entry, Key


@dataclass(frozen=True, slots=True)
class Keep:
    """What QuickBooks has stays as it is; `note` is reported where there is one."""

    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Not for QuickBooks, or not yet."""

    source: str
    reason: str


Answer = Draft | Problem | Keep | Skip


@dataclass(frozen=True, slots=True)
class Sighting:
    """When an order was first seen charged, and which charge status was in force before."""

    charge_status: str
    charged_on: date | None = None
    status: str = ""


BEFORE_US = date.min
"""For `charged_on`: it was charged already when we first looked, and nobody knows since when."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """QuickBooks refused a draft with this digest; it is not tried again until that changes."""

    digest: str
    what: str
    todo: str


@dataclass(frozen=True)
class Memory:
    """What the ledger remembers, as plain values."""

    entries: Mapping[Key, Entry] = field(default_factory=dict)
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    refusals: Mapping[Key, Refusal] = field(default_factory=dict)
    waiting: Mapping[Key, Problem] = field(default_factory=dict)
    is_first: bool = False

    def live(self, key: Key) -> Entry | None:
        """The entry of a document that QuickBooks still holds."""
        entry = self.entries.get(key)
        return entry if entry is not None and entry.is_live else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object in QuickBooks that may be the one we look for; `entity` as QuickBooks calls it."""

    entity: str
    object: Body


@dataclass(frozen=True)
class Found:
    """What was looked up in QuickBooks for this plan.

    `objects` has every key that was asked for, with `()` where nothing is there.  `converted`
    has the invoices that QuickBooks made from our estimates itself, by the key of ours.
    """

    objects: Mapping[Key, tuple[Candidate, ...]] = field(default_factory=dict)
    accounts: tuple[Body, ...] = ()
    terms: tuple[Body, ...] = ()
    converted: Mapping[Key, Body] = field(default_factory=dict)


@dataclass
class Context:
    """Everything a mapping sees; the planner adds to `held` and `planned` as it goes.

    A mapping adds to `wanted` what it must know of QuickBooks, and to `given` what a plan takes
    of invoices that are not ours, by their Ids.
    """

    snapshot: Snapshot
    policy: Policy
    memory: Memory
    today: date
    found: Found = field(default_factory=Found)
    held: dict[str, Problem] = field(default_factory=dict)
    planned: set[Key] = field(default_factory=set)
    wanted: set[Key] = field(default_factory=set)
    given: dict[str, Decimal] = field(default_factory=dict)

    def customer(self, customer_id: str) -> Customer | None:
        return self.snapshot.customers.get(customer_id)

    def is_charged(self, order: Order) -> bool:
        return self.policy.is_charged(order, self.customer(order.customer_id), self.today)

    def exists(self, key: Key) -> bool:
        """Whether a document is in QuickBooks, or will be before the present one is sent."""
        return key in self.planned or self.memory.live(key) is not None

    def unheld(self, records: Iterable[Any]) -> Iterable[Any]:
        """The records that no problem holds back."""
        return (record for record in records if record.ref not in self.held)
