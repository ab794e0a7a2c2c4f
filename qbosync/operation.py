"""The life of a write: a draft becomes an operation, an intent, an entry.

A mapping *drafts* what a document must say; the planner makes an *operation* of
it; binding makes an *intent*, which is in the ledger before anything is sent;
QuickBooks answers *posted*; the ledger keeps an *entry*.

Drafts refer to each other by `Key`, never by QuickBooks' Ids, so planning needs
no QuickBooks.  A draft carries two things: `body`, what would be sent, and
`facts`, the source's figures and the configuration behind each field.  Only a
changed fact makes an update: a new release may word a body otherwise without
rewriting anyone's books.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from qbosync.key import Action, Entity, Key

Body = dict[str, Any]
"""A QuickBooks object: JSON with `Decimal` amounts and, until bound, `Key` references."""


_GIVE_BACK_WAVE, _VOID_WAVE = 2, 3
"""Money comes off before its invoice shrinks or is voided, and a void goes before what
takes its place."""


@dataclass(frozen=True)
class Draft:
    """What one document must say.

    `facts` maps a QuickBooks field to what the source and the configuration say of it;
    a field of the body without a fact is written once and then QuickBooks' own.
    `lines` names the body's lines in their order, so that a line keeps its identity.
    `customer` is the source id whose documents must not go out side by side.  `notes` are
    told once, when the document is created.  `epoch` counts the documents that were voided
    for good before this one; `reason` says why it changes, where its facts do not, and
    `after` what has to arrive before it.
    """

    key: Key
    body: Body
    facts: Mapping[str, Any]
    number: str = ""
    name: str = ""
    customer: str = ""
    amount: Decimal | None = None
    lines: tuple[str, ...] = ()
    is_void: bool = False
    notes: tuple[str, ...] = ()
    epoch: int = 0
    reason: str = ""
    after: frozenset[Key] = frozenset()

    @cached_property
    def refs(self) -> frozenset[Key]:
        """Every object that must exist before this one can be sent."""
        return frozenset(_keys(self.body))

    @property
    def is_end(self) -> bool:
        """Whether nothing may refer to the document any more: void, or a rejected estimate."""
        return self.is_void or self.facts.get("TxnStatus") == "Rejected"

    @cached_property
    def digest(self) -> str:
        """What the facts add up to; equal digests mean nothing to do."""
        return VOID_DIGEST if self.is_void else digest(self.facts)


@dataclass(frozen=True)
class Entry:
    """The ledger's memory of one document: what was asked for and what QuickBooks holds.

    `facts_text` is canonical JSON: most entries are compared by `digest` alone and never
    parsed.  `lines` maps the name of a line to QuickBooks' Id of it.
    """

    key: Key
    qbo_id: str
    sync_token: str
    facts_text: str = "{}"
    digest: str = ""
    number: str = ""
    name: str = ""
    customer: str = ""
    amount: Decimal | None = None
    dated: date | None = None
    lines: Mapping[str, str] = field(default_factory=dict)
    epoch: int = 0
    origin: str = "created"
    state: str = "live"

    @property
    def facts(self) -> dict[str, Any]:
        """What the source and the configuration said when this was last written."""
        return dict(json.loads(self.facts_text))

    @property
    def gives(self) -> dict[str, Decimal]:
        """What a payment or spent credit gives to each order and charge, as last written."""
        is_paying = self.key.entity is Entity.PAYMENT and self.is_live
        return given(self.facts) if is_paying else {}

    @property
    def is_live(self) -> bool:
        """Whether QuickBooks still holds it, as far as we know."""
        return self.state in ("live", "forgotten")

    @property
    def is_let_go(self) -> bool:
        """Whether a person took it out of our hands, there or gone."""
        return self.state in ("forgotten", "let_go")

    @property
    def is_withdrawn(self) -> bool:
        """Whether we ended it because the source said so: another may take its place."""
        return self.state in ("void", "deleted") and self.digest == VOID_DIGEST

    @property
    def next_epoch(self) -> int:
        """The epoch of the document that the record has now, or would get."""
        return self.epoch + 1 if self.is_withdrawn else self.epoch


@dataclass(frozen=True)
class Operation:
    """One thing to do in QuickBooks, and why; `changes` maps a field to (before, after).

    `after` are the documents whose operation must have arrived before this one goes out;
    `is_give_back` marks a payment that only takes money off its invoices.
    """

    action: Action
    draft: Draft
    reason: str
    entry: Entry | None = None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    found: Body | None = None
    after: frozenset[Key] = frozenset()
    is_give_back: bool = False

    @property
    def key(self) -> Key:
        return self.draft.key

    @property
    def wave(self) -> int:
        """When it is sent: all of a wave before any of the next."""
        if self.is_give_back:
            return _GIVE_BACK_WAVE
        return _VOID_WAVE if self.action is Action.VOID else self.key.entity.wave

    @property
    def gives(self) -> frozenset[str]:
        """The records that a payment takes money off."""
        before, after = self._given
        return frozenset(to for to, n in before.items() if after.get(to, _NOTHING) < n)

    @property
    def takes(self) -> frozenset[str]:
        """The records that a payment gives more to."""
        before, after = self._given
        return frozenset(to for to, n in after.items() if before.get(to, _NOTHING) < n)

    @property
    def _given(self) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        return (self.entry.gives if self.entry else {}), given(self.draft.facts)


@dataclass(frozen=True)
class Intent:
    """A write that the ledger holds before the request leaves.

    `body` is exactly what is sent; `request_id` the deterministic id under which it may
    be sent again; `batch_id` the id of the one batch it went with, never used twice.
    """

    id: int
    key: Key
    action: Action
    body: Body
    request_id: str
    draft: Draft
    epoch: int
    run_id: int
    first_sent: datetime
    last_sent: datetime
    attempts: int = 1
    batch_id: str = ""


@dataclass(frozen=True)
class Posted:
    """QuickBooks' answer to a write, already proven to be ours."""

    object: Body
    trace_id: str = ""

    @property
    def qbo_id(self) -> str:
        return str(self.object["Id"])

    @property
    def sync_token(self) -> str:
        return str(self.object.get("SyncToken", ""))


def given(facts: Mapping[str, Any]) -> dict[str, Decimal]:
    """What a payment's facts give to each order and charge."""
    return {row[0]: Decimal(row[1]) for row in facts.get("Line", ())}


def void_draft(entry: Entry, reason: str) -> Draft:
    """The end of a document: it keeps its number and says 0.00."""
    return Draft(
        entry.key,
        {},
        {},
        number=entry.number,
        customer=entry.customer,
        amount=entry.amount,
        is_void=True,
        epoch=entry.epoch,
        reason=reason,
    )


def canonical(value: Any) -> str:
    """JSON with one spelling per value; amounts and dates become text."""
    return _SPELLING.encode(value)


def digest(value: Any) -> str:
    """The fingerprint of a value: the same on every machine and in every release."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, Key):
        return str(value)
    if isinstance(value, Decimal | date):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


_SPELLING = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain)
VOID_DIGEST = digest({"void": True})
_NOTHING = Decimal(0)
REQUEST_ID_SCHEME = "1"


def request_id(
    environment: str, realm_id: str, key: Key, action: Action, epoch: int, body: Body
) -> str:
    """The id under which QuickBooks replays its answer instead of writing twice.

    Deterministic, so that a run that remembers nothing sends the same id; with the body in
    it, so that one id never carries two bodies.  QuickBooks takes up to 50 characters, 36
    where the item of a batch adds its own (documented); this one has 36.
    """
    parts = (environment, realm_id, key.entity, key.source, action, epoch, body)
    return "q" + REQUEST_ID_SCHEME + digest((REQUEST_ID_SCHEME, *parts))[:34]


def bind(value: Any, id_of: Callable[[Key], str]) -> Any:
    """A body with every `Key` replaced by QuickBooks' Id.

    Raises:
        KeyError: With the key of an object that is not in QuickBooks yet.
    """
    if isinstance(value, Key):
        return id_of(value)
    if isinstance(value, Mapping):
        return {name: bind(inner, id_of) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [bind(inner, id_of) for inner in value]
    return value


def _keys(body: Body) -> Iterator[Key]:
    waiting: list[Any] = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, Key):
            yield value
