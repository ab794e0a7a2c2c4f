"""What a mapping may look at, and what it may answer.

Each source record ends in exactly one answer: a `Draft`, a `Problem` that holds it,
`Keep` (leave what is there), or `Skip` (out of scope, with the reason).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from qbosync.edit import Edit, Says, Word
from qbosync.key import Key
from qbosync.mapping.policy import Policy
from qbosync.model import ZERO, CreditMemo, Customer, Order, Payment, Problem, Snapshot
from qbosync.operation import Body, Draft, Entry


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


@dataclass(frozen=True, slots=True)
class Stranger:
    """Money or an invoice in QuickBooks that is not from here: somebody entered it by hand.

    `customer` is QuickBooks' Id; `estimate` the estimate that an invoice was made of.
    """

    entity: str
    qbo_id: str
    customer: str
    amount: Decimal
    dated: date
    reference: str = ""
    estimate: str = ""
    id: str = ""


@dataclass(frozen=True)
class Memory:
    """What the ledger remembers, as plain values.

    `edits` are what people changed in QuickBooks, `words` what they decided about it, `asides`
    the records that they put aside, `relinks` the objects that they tied records to (blank where
    there is none), `strangers` what they entered there themselves.
    """

    entries: Mapping[Key, Entry] = field(default_factory=dict)
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    refusals: Mapping[Key, Refusal] = field(default_factory=dict)
    waiting: Mapping[Key, Problem] = field(default_factory=dict)
    is_first: bool = False
    edits: Mapping[Key, Edit] = field(default_factory=dict)
    words: Mapping[Key, Word] = field(default_factory=dict)
    asides: Mapping[str, Problem] = field(default_factory=dict)
    relinks: Mapping[Key, Body] = field(default_factory=dict)
    strangers: tuple[Stranger, ...] = ()

    def is_left(self, key: Key) -> bool:
        """Whether a person said that a document stays as QuickBooks has it."""
        word, entry = self.words.get(key), self.entries.get(key)
        if entry is not None and entry.is_let_go:
            return True
        return word is not None and word.verdict is Says.THEIRS

    @cached_property
    def let_go(self) -> frozenset[str]:
        """The records that a person took out of our hands."""
        return frozenset(e.key.source for e in self.entries.values() if e.is_let_go)

    def live(self, key: Key) -> Entry | None:
        """The entry of a document that QuickBooks still holds."""
        entry = self.entries.get(key)
        return entry if entry is not None and entry.is_live else None


def gone_problem(entry: Entry) -> Problem:
    """A record that is missing from a whole delivery, for a person to decide about."""
    source = entry.key.source
    what = source.replace("_", " ").replace(":", " ", 1).capitalize()
    entity = "credit memo" if entry.key.kind == "credit_memo" else entry.key.entity.value.lower()
    return Problem(
        source,
        "gone",
        f"{what} is no longer in the shop system; QuickBooks still has {entity}"
        f" {entry.number or entry.qbo_id}.",
        f"Void the {entity} in QuickBooks if it should not count, or export the record again.",
        entry.amount,
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object in QuickBooks that may be the one we look for; `entity` as QuickBooks calls it."""

    entity: str
    object: Body


@dataclass(frozen=True)
class Found:
    """What was looked up in QuickBooks for this plan.

    `objects` has every key that was asked for, with `()` where nothing is there.  `current`
    are documents of ours that may have to change, as QuickBooks has them now, and `funds`
    the Ids of its account Undeposited Funds.  `converted` has the invoices that QuickBooks
    made from our estimates itself, by the key of ours; `strangers` is the money that people
    had entered before a first run.  For a ledger that forgot: `epochs` are the records whose
    first document another one replaced, `corrections` by record what corrects its invoice.
    """

    objects: Mapping[Key, tuple[Candidate, ...]] = field(default_factory=dict)
    current: Mapping[Key, Body] = field(default_factory=dict)
    funds: frozenset[str] = frozenset()
    accounts: tuple[Body, ...] = ()
    terms: tuple[Body, ...] = ()
    converted: Mapping[Key, Body] = field(default_factory=dict)
    strangers: tuple[Stranger, ...] = ()
    epochs: Mapping[Key, int] = field(default_factory=dict)
    corrections: Mapping[str, tuple[tuple[Key, Body], ...]] = field(default_factory=dict)


@dataclass
class Context:
    """Everything a mapping sees; the planner adds to it as it goes.

    `planned` will be there before what refers to it is sent, `going` will be voided.
    `wanted` is what somebody has to look up in QuickBooks before the plan can be carried
    out; `is_informed` says that this was done.  `granted` is what an order takes of what is
    given to it, by (who gives, order), and `caps` those that it takes less of now.  `merged`
    has customers that are gone and whose they are now, `given` what the plan takes of
    invoices that are not ours, by their Ids.
    """

    snapshot: Snapshot
    policy: Policy
    memory: Memory
    today: date
    found: Found = field(default_factory=Found)
    held: dict[str, Problem] = field(default_factory=dict)
    planned: set[Key] = field(default_factory=set)
    going: set[Key] = field(default_factory=set)
    wanted: set[Key] = field(default_factory=set)
    given: dict[str, Decimal] = field(default_factory=dict)
    granted: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    caps: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    merged: Mapping[str, str] = field(default_factory=dict)
    is_informed: bool = False

    def customer(self, customer_id: str) -> Customer | None:
        return self.snapshot.customers.get(customer_id)

    def is_charged(self, order: Order) -> bool:
        return self.policy.is_charged(order, self.customer(order.customer_id), self.today)

    def exists(self, key: Key) -> bool:
        """Whether a document is in QuickBooks, or will be before the present one is sent."""
        is_there = key not in self.going and self.memory.live(key) is not None
        return key in self.planned or is_there

    def epoch(self, key: Key) -> int:
        """Which document of its record this is: one that we voided is not brought back."""
        entry = self.memory.entries.get(key)
        return entry.next_epoch if entry else self.found.epochs.get(key, 0)

    def current(self, key: Key) -> Body | None:
        """A document of ours as QuickBooks has it; `None` if it is gone, or nobody looked yet."""
        self.wanted.add(key)
        return self.found.current.get(key)

    @cached_property
    def payers(self) -> Mapping[str, Mapping[Key, Decimal]]:
        """What gives money to each order, charge and credit memo, as last written.

        A credit memo has what is spent of it.
        """
        payers: dict[str, dict[Key, Decimal]] = defaultdict(dict)
        for entry in self.memory.entries.values():
            for target, amount in entry.gives.items():
                payers[target][entry.key] = amount
                if entry.key.kind == "credit_application":
                    memo = f"credit_memo:{entry.key.id.partition('/')[0]}"
                    payers[memo][entry.key] = amount
        return payers

    @cached_property
    def taken_back(self) -> Mapping[tuple[str, Decimal], list[Payment]]:
        """The payments whose money did not come after all, by customer and amount."""
        found: dict[tuple[str, Decimal], list[Payment]] = defaultdict(list)
        for payment in self.snapshot.payments.values():
            if not payment.is_received:
                found[payment.customer_id, payment.amount].append(payment)
        return found

    @cached_property
    def corrections(self) -> Mapping[str, list[Entry]]:
        """The documents that correct the invoice of an order or charge, by its reference."""
        by_source: dict[str, list[Entry]] = defaultdict(list)
        for key, entry in self.memory.entries.items():
            if key.kind == "correction" and entry.is_live:
                by_source[key.record].append(entry)
        return by_source

    def paid(self, source: str) -> Decimal:
        """How much is applied to an order or charge, or spent of a credit memo."""
        return sum(self.payers.get(source, {}).values(), ZERO)

    def still_given(self, target: str) -> list[str]:
        """Which payments and credits give to a record as the source has them now."""
        snapshot = self.snapshot
        givers: list[Payment | CreditMemo] = [
            *(payment for payment in snapshot.payments.values() if payment.is_received),
            *(credit for credit in snapshot.credit_memos.values() if not credit.is_deleted),
        ]
        names = [
            giver.ref.replace("_", " ").replace(":", " ")
            for giver in givers
            if any(application.target == target for application in giver.applied)
        ]
        return sorted(names)

    def is_closed(self, dated: date | None) -> bool:
        """Whether the books of that day are closed."""
        until = self.policy.closed_until
        return until is not None and dated is not None and dated <= until

    def is_fenced(self, dated: date | None) -> bool:
        """Whether what was posted on that day is not changed any more."""
        first = self.policy.open_from(self.today)
        return self.is_closed(dated) or (dated is not None and dated < first)

    def is_deleted(self, kind: str, id_: str) -> bool:
        """Whether the source says that a record was deleted, and not only leaves it out."""
        return (kind, id_) in self.snapshot.deletions

    def gone(self, kind: str, present: Collection[str]) -> Iterator[str]:
        """Ids of records that QuickBooks has from us and the source no longer has.

        What is missing is gone only where the delivery says it is whole, and every row of it
        could be told.
        """
        snapshot = self.snapshot
        is_whole = snapshot.is_complete and not any(
            problem.source.startswith("file:") for problem in snapshot.problems
        )
        ids = dict.fromkeys(
            key.id
            for key, entry in self.memory.entries.items()
            if key.kind == kind and entry.is_live and key.id not in present
            if not self.memory.is_left(key)
        )
        for id_ in ids:
            is_told = is_whole or self.is_deleted(kind, id_)
            if is_told and f"{kind}:{id_}" not in self.held:
                yield id_

    def unheld(self, records: Iterable[Any]) -> Iterable[Any]:
        """The records that no problem holds back."""
        return (record for record in records if record.ref not in self.held)
