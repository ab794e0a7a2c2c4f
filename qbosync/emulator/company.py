"""One QuickBooks company: its records, its counters, and the one door by which they change.

Every change happens inside `operate()`: it is written whole or not at all, moves SyncToken and
LastUpdatedTime once per object however often the object is touched, and keeps the indexes, the
customers' balances and the books in step.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from . import faults, journal, keys, rendering
from .clock import Clock, stamp, today
from .entities import ENTITIES
from .jsons import Json, dumps
from .preferences import default_preferences, merge
from .provenance import RECORDED, Assumptions, rule
from .store import Record, Store

T = TypeVar("T")
MODIFIED_BY = ("Invoice", "Bill", "PurchaseOrder")

rule(
    "SyncToken rises by one per effective change; a no-op moves nothing",
    RECORDED,
    "sandbox 2020, 2026",
)
rule(
    "LastModifiedByRef is in the MetaData of invoices, bills and purchase orders only",
    RECORDED,
    "sandbox 2024-2026",
)
rule(
    "accounts made later get ids far out of sequence (1150040000 and up)",
    RECORDED,
    "sandbox 2026",
)
rule("transactions share one series of ids, names another, items another", RECORDED, "sandbox")


class Company:
    """A company and everything in it."""

    def __init__(
        self, realm_id: str, name: str, environment: str, clock: Clock, assume: Assumptions
    ) -> None:
        self.realm_id = realm_id
        self.name = name
        self.environment = environment
        self.subscription = "PAID"
        self.clock = clock
        self.assume = assume
        self.store = Store()
        self.preferences: Json = default_preferences()
        self.preferences_moved = True
        self.counters: dict[str, int] = {"moved": 0}
        self.previous_status: dict[str, str] = {}
        self.tombstones: dict[str, list[tuple[int, int, int]]] = {}
        self.replies: dict[str, tuple[int, bytes, int]] = {}
        self.new_replies: list[str] = []
        self.unsaved: dict[tuple[str, int], Record | None] = {}
        self.paranoid = False
        self.unlocked = False  # the bookkeeper may write into closed books and deposits
        self.drop_link = False  # a misbehaviour: the next estimate link is lost silently
        self.bad_items: dict[int, str] = {}  # a misbehaviour: which batch items fail, and how
        self.hidden_since: int | None = None  # a misbehaviour: lists end at this change
        self.includes: frozenset[str] = frozenset()
        self.now = clock.now()
        born = stamp(int(self.now))
        self.preferences["MetaData"] = {"CreateTime": born, "LastUpdatedTime": born}
        self._dirty: dict[Record, bool] = {}
        self._bumped: set[Record] = set()
        self._gone: list[Record] = []
        self._restore: dict[str, int] = {}
        self._depth = 0

    # -- operations ---------------------------------------------------------------------------

    def operate(self, work: Callable[[], T]) -> T:
        """Do something wholly or not at all."""
        if self._depth:
            return work()
        self.now = self.clock.now()
        self._restore = dict(self.counters)
        statuses = dict(self.previous_status)
        self._depth = 1
        try:
            result = work()
            self._commit()
        except BaseException:
            self._rollback()
            self.counters = self._restore
            self.previous_status = statuses
            raise
        finally:
            self._depth = 0
            self._dirty.clear()
            self._bumped.clear()
            self._gone.clear()
        if self.paranoid and (wrong := self.store.out_of_balance()):
            raise AssertionError(f"the books of {self.realm_id} are wrong: {wrong}")
        return result

    def _rollback(self) -> None:
        for record in self._dirty:
            record.body = None
            if record.new:
                self.store.records[record.entity.name].pop(record.id, None)

    def _commit(self) -> None:
        store = self.store
        now = int(self.now)
        self._prepare()
        for record in sorted(self._dirty, key=lambda r: r.entity.kind):
            if record in self._gone:
                continue
            body = record.read()
            old_name = record.name
            if not record.new:
                store.unindex(record)
            if self._dirty[record]:
                self.counters["moved"] += 1
                record.moved = self.counters["moved"]
                record.updated = now
                if record.new:
                    record.created = now
                meta = body["MetaData"] = dict(body.get("MetaData") or ())
                meta["CreateTime"] = stamp(record.created)
                if record.entity.name in MODIFIED_BY:
                    meta["LastModifiedByRef"] = {"value": self.realm_id}
                meta["LastUpdatedTime"] = stamp(now)
            keys.learn(self, record, body)
            record.text = dumps(rendering.shown(self, record, body))
            store.index(record)
            store.keep_recent(record)
            self.unsaved[record.entity.name, record.id] = record
            if old_name and old_name != record.name and not record.new:
                rendering.renamed(self, record)
            record.new = False
        for record in self._gone:
            self._bury(record)

    def _prepare(self) -> None:
        """Make the accounts that postings need; show paying payments the new open balances."""
        for record in list(self._dirty):
            if record.entity.kind != "txn" or record in self._gone:
                continue
            body = record.read()
            journal.prepare(self, record.entity.name, body)
            if record.entity.name == "Invoice":
                for link in body["LinkedTxn"]:
                    payment = link["TxnType"] == "Payment" and self.find("Payment", link["TxnId"])
                    if payment and payment not in self._dirty:
                        self.touch(payment, token=False, time=False)

    def _bury(self, record: Record) -> None:
        name = record.entity.name
        if record.new:
            self.store.records[name].pop(record.id, None)
            return
        self.store.unindex(record)
        del self.store.records[name][record.id]
        self.counters["moved"] += 1
        buried = (record.id, int(self.now), self.counters["moved"])
        self.tombstones.setdefault(name, []).append(buried)
        self.unsaved[name, record.id] = None

    # -- records ------------------------------------------------------------------------------

    def next_id(self, space: str) -> int:
        """The next id of a space."""
        start = 1150040000 if space == "account" else 0
        self.counters[space] = max(self.counters.get(space, 0), start) + 1
        return self.counters[space]

    def new(self, name: str, number: int | None = None) -> Record:
        """A new record, known at once to the operation that makes it."""
        entity = ENTITIES[name]
        record = Record(entity, number or self.next_id(entity.space))
        record.updated = record.created = int(self.now)
        self.store.records[name][record.id] = record
        self._dirty[record] = True
        self._bumped.add(record)
        return record

    def common(self, record: Record) -> Json:
        """The properties that every object has."""
        old = record.body if not record.new else None
        return {
            "domain": "QBO",
            "sparse": False,
            "Id": str(record.id),
            "SyncToken": old["SyncToken"] if old else "0",
            "MetaData": old["MetaData"] if old else {},
        }

    def replace(self, record: Record, body: Json) -> None:
        """Give an existing record a new body; its token rises once per operation."""
        record.body = body
        self.touch(record)

    def touch(self, record: Record, *, token: bool = True, time: bool = True) -> Json:
        """Announce a change; returns the body to change."""
        body = record.read()
        self._dirty[record] = self._dirty.get(record, False) or time
        if token and record not in self._bumped:
            self._bumped.add(record)
            body["SyncToken"] = str(int(body["SyncToken"]) + 1)
        return body

    def remove(self, record: Record) -> None:
        """Delete a transaction; a tombstone stays."""
        record.read()
        self._dirty[record] = True
        self._gone.append(record)

    def find(self, entity: str, number: Any) -> Record | None:
        """A record by id; deleted ones are gone at once."""
        record = self.store.get(entity, number)
        return None if record in self._gone else record

    def need(self, entity: str, number: Any) -> Record:
        """A record by id.

        Raises:
            QboFault: 2030 if the id is no number, 610 if there is no such object.
        """
        try:
            int(str(number))
        except ValueError:
            raise faults.invalid_id(number) from None
        record = self.find(entity, number)
        if record is None:
            raise faults.not_found()
        return record

    def is_hidden(self, record: Record) -> bool:
        """Whether a stale list does not show this yet."""
        return self.hidden_since is not None and record.moved > self.hidden_since

    # -- small facts --------------------------------------------------------------------------

    @property
    def today(self) -> str:
        """The company's day."""
        return today(self.now)

    def pref(self, group: str, name: str) -> Any:
        """One preference, None if absent."""
        return self.preferences.get(group, {}).get(name)

    def set_preferences(self, part: Json) -> None:
        """Lay a part over the preferences; the token moves only if something changes.

        Raises:
            ValueError: If the part does not fit.
        """
        new = merge(self.preferences, part)
        if new == self.preferences:
            return
        self.preferences = new
        self.now = self.clock.now()
        new["SyncToken"] = str(int(new["SyncToken"]) + 1)
        new["MetaData"] = {**new["MetaData"], "LastUpdatedTime": stamp(int(self.now))}
        self.preferences_moved = True

    def shown_name(self, record: Record) -> str:
        """The name by which others refer to a record."""
        body = record.read()
        if record.entity.name == "Account":
            return str(body.get("FullyQualifiedName") or record.name)
        return str(body.get(record.entity.name_field, ""))

    def ref(self, record: Record) -> Json:
        """A reference with the current name."""
        return {"value": str(record.id), "name": self.shown_name(record)}

    def account_of(self, subtype: str) -> Record | None:
        """The first active account of a subtype."""
        for record in self.store.all("Account"):
            body = record.read()
            if body.get("AccountSubType") == subtype and body.get("Active", True):
                return record
        return None

    def make_account(self, name: str, kind: str, subtype: str, number: int | None = None) -> Record:
        """A new account, as QuickBooks makes them when they are first needed."""
        record = self.new("Account", number)
        record.body = journal.account_body(self.common(record), name, kind, subtype)
        return record

    def cents_open(self, customer: int) -> Decimal:
        """What a customer owes, credits deducted."""
        return Decimal(self.store.balances.get(customer, 0)) / 100

    def text_of(self, record: Record, *, listed: bool = False, read: bool = False) -> bytes:
        """The JSON of a record as a reply shows it, with its balance of this moment."""
        return rendering.text_of(self, record, listed=listed, read=read)
