"""A person's word on one record: remembered in the ledger, and carried out by the run after it.

Nothing is sent from here.  What a word asks for is planned, guarded, entered and proven like
any other write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from qbosync.edit import Edit, Says, Word
from qbosync.errors import SetupError
from qbosync.inquire import source_of
from qbosync.key import Key, item_key
from qbosync.ledger import Ledger
from qbosync.lock import RunLock
from qbosync.mapping.charge import charge_key
from qbosync.mapping.context import Context, Memory
from qbosync.mapping.credit_memo import credit_memo_key
from qbosync.mapping.form import customer_key
from qbosync.mapping.opening import is_before_start
from qbosync.mapping.payment import payment_key
from qbosync.mapping.salesform import estimate_key, invoice_key
from qbosync.model import Snapshot, show
from qbosync.operation import Entry
from qbosync.rules import policy_of
from qbosync.scope import owners
from qbosync.screen import named
from qbosync.wiring import Setup, open_ledger, open_source


@dataclass(frozen=True)
class Request:
    """What a person says of a record; `other` is an Id or another record, where one is needed."""

    ref: str
    verb: str
    other: str = ""
    by: str = ""


@dataclass(frozen=True)
class Answer:
    """The record it was about, in words what follows, and whether a run carries it out."""

    source: str
    words: str
    needs_run: bool


def resolve(setup: Setup, request: Request) -> Answer:
    """Remember a person's word.

    Raises:
        SetupError: If there is nothing to decide, or the word does not fit the record.
    """
    with ledger_at_rest(setup) as ledger:
        snapshot = open_source(setup, expect_orders=False).read()
        if request.verb == "ours":
            _refuse_fenced(setup, ledger, snapshot, source_of(ledger, request.ref))
        return take_word(ledger, snapshot, request, setup.clock.now())


def _refuse_fenced(setup: Setup, ledger: Ledger, snapshot: Snapshot, source: str) -> None:
    """Nothing of an order, charge or credit from before the start date is sent on a word."""
    policy = policy_of(setup.settings)
    today = setup.clock.now().astimezone(setup.zone).date()
    start, (kind, _, id_) = policy.start_date, source.partition(":")
    is_old = False
    if kind in ("order", "charge"):
        is_old = is_before_start(source, Context(snapshot, policy, Memory(), today))
    elif kind == "credit_memo" and (credit := snapshot.credit_memos.get(id_)):
        is_old = start is not None and credit.issued < start
    if is_old and not any(entry.key.source == source for entry in ledger.entries()):
        raise SetupError(
            f"{named(source).capitalize()} is from before the start date {start}: that is"
            " QuickBooks' own, and nothing of it is sent.",
            "Enter it in QuickBooks by hand where it is missing there.",
        )


def take_word(ledger: Ledger, snapshot: Snapshot, request: Request, now: datetime) -> Answer:
    """Remember a person's word on what the ledger holds and the source says.

    Raises:
        SetupError: If there is nothing to decide, or the word does not fit the record.
    """
    source = source_of(ledger, request.ref)
    ours = {e.key: e for e in ledger.entries() if e.key.source == source}
    edits = {k: e for k, e in ledger.edits().items() if k.source == source}
    done = _VERBS[request.verb](_Case(ledger, request, now, source, ours, edits, snapshot))
    is_known = source in owners(snapshot) or source.startswith(("item:", "credit_application:"))
    return Answer(source, done, request.verb != "forget" and is_known)


@contextmanager
def ledger_at_rest(setup: Setup) -> Iterator[Ledger]:
    """The ledger, while no run is going."""
    connection = setup.connected()
    lock = setup.places.lock(connection.environment, connection.realm_id)
    with RunLock(lock, setup.clock):
        ledger = open_ledger(setup, connection)
        try:
            yield ledger
        finally:
            ledger.close()


@dataclass(frozen=True)
class _Case:
    """Everything that a word may be about."""

    ledger: Ledger
    request: Request
    now: datetime
    source: str
    ours: Mapping[Key, Entry]
    edits: Mapping[Key, Edit]
    snapshot: Snapshot

    @property
    def name(self) -> str:
        return named(self.source).capitalize()

    @property
    def document(self) -> Key:
        """The document that a record without any would get."""
        kind, _, id_ = self.source.partition(":")
        makers = {
            "customer": customer_key,
            "order": invoice_key,
            "payment": payment_key,
            "charge": charge_key,
            "credit_memo": credit_memo_key,
            "item": item_key,
        }
        if kind not in makers:
            raise SetupError(
                f"{self.name} is settled with its credit memo and its invoice.",
                "Resolve one of these.",
            )
        return makers[kind](id_)

    def give(self, says: Says, keys: Iterable[Key], qbo_id: str = "") -> None:
        self.ledger.give(
            Word(
                key,
                says,
                self.now,
                self.request.by,
                self.edits[key].theirs if key in self.edits else "",
                qbo_id=qbo_id,
            )
            for key in keys
        )


def _theirs(case: _Case) -> str:
    """QuickBooks counts, until the source changes."""
    keys = list(case.edits) or list(case.ours) or [case.document]
    case.give(Says.THEIRS, keys)
    return f"{case.name} stays as QuickBooks has it, until it changes in the shop system."


def _ours(case: _Case) -> str:
    """The shop system counts: written again, or anew where it is gone."""
    named = [edit for edit in case.edits.values() if edit.key.entity.is_named]
    if any(edit.kind.is_gone for edit in named):
        raise SetupError(
            f"{case.name} is gone in QuickBooks; a second one of its name would be a twin.",
            f"Say which it is now: `qbosync resolve {case.source} --relink ID`.",
        )
    gone = [key for key, edit in case.edits.items() if edit.kind.is_gone]
    if gone:
        case.ledger.withdraw(gone)
        is_numbered = any(case.ours[key].number for key in gone if key in case.ours)
        under = ", under the next number" if is_numbered else ""
        return f"{case.name} is written anew{under}."
    if let_go := [key for key, entry in case.ours.items() if entry.is_let_go]:
        case.ledger.take_up(let_go)
        return f"{case.name} is in our hands again."
    if case.source.startswith("correction:"):
        raise SetupError(
            f"{case.name} was written once, for what changed then; nothing writes it again.",
            "Put it back in QuickBooks, or say --theirs.",
        )
    if not case.edits and case.ours:
        raise SetupError(
            f"{case.name} is not edited in QuickBooks as far as the last run saw.",
            "`qbosync explain` tells how it stands.",
        )
    case.give(Says.OURS, list(case.edits) or [case.document])
    return f"{case.name} is written as the shop system has it."


def _forget(case: _Case) -> str:
    """Out of our hands: neither written nor watched any more."""
    if not case.ours:
        raise SetupError(
            f"{case.name} is not in QuickBooks from here: there is nothing to forget.",
            f"`qbosync hold {case.source}` keeps it from being written.",
        )
    case.ledger.forget(case.ours)
    return (
        f"{case.name} is forgotten: what QuickBooks has of it is yours, and nothing of it is"
        f" written until `qbosync resolve {case.source} --ours`."
    )


def _relink(case: _Case) -> str:
    """The record is the object with this Id."""
    if not case.request.other.isdecimal():
        raise SetupError(
            f"{case.request.other!r} is no Id of QuickBooks.",
            "The Id stands in the address of its page, behind txnId= or nameId=.",
        )
    keys = [case.document]
    if keys[0].kind == "order" and not _is_charged(case):
        keys = [estimate_key(keys[0].id)]
    case.give(Says.RELINK, keys, case.request.other)
    return f"{case.name} is {keys[0].entity.value} Id {case.request.other} from now on."


def _is_charged(case: _Case) -> bool:
    """Whether an order's own document is its invoice, as far as the last run saw."""
    key = case.document
    if key in case.ours or estimate_key(key.id) not in case.ours:
        return True
    return estimate_key(key.id) not in case.edits


def _same_as(case: _Case) -> str:
    """A payment entered again is the money that QuickBooks has already (rule of one cash)."""
    old = source_of(case.ledger, case.request.other)
    if not (case.source.startswith("payment:") and old.startswith("payment:")):
        raise SetupError("Only a payment is the same money as another payment.", "Name two.")
    new, entry = case.document, _entry_of(case.ledger, old)
    payment = case.snapshot.payments.get(new.id)
    before = case.snapshot.payments.get(old.partition(":")[2])
    if payment is None:
        raise SetupError(f"{case.name} is not in the export.", "See the shop system.")
    if new in case.ours:
        raise SetupError(f"{case.name} is in QuickBooks already.", "Resolve the other one.")
    if entry is None or not entry.is_live:
        raise SetupError(f"QuickBooks has no live {named(old)} from here.", "Look at it there.")
    if before is not None and before.status == "posted":
        raise SetupError(
            f"{named(old).capitalize()} still counts in the shop system.", "Undo it there first."
        )
    if (payment.customer_id, payment.amount) != (entry.customer, entry.amount):
        worth = show(entry.amount) if entry.amount is not None else ""
        raise SetupError(
            f"{case.name} is {show(payment.amount)} of customer {payment.customer_id},"
            f" {named(old)} is {worth} of customer {entry.customer}: not the same money.",
            "Name the payment that it repeats.",
        )
    case.ledger.rekey(entry.key, new)
    return f"{case.name} is the money of {named(old)}; only what it pays is changed."


def _entry_of(ledger: Ledger, source: str) -> Entry | None:
    return next((e for e in ledger.entries() if e.key.source == source), None)


_VERBS = {
    "ours": _ours,
    "theirs": _theirs,
    "relink": _relink,
    "forget": _forget,
    "same_as": _same_as,
}
