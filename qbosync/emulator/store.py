"""Records and the indexes over them.

A record's truth is its `text`, the JSON that QuickBooks would answer; the parsed `body` is only
borrowed for a while.  That keeps a large company small, lets lists be joined instead of written,
and makes undoing a refused operation a matter of forgetting the bodies it touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal

from .entities import ENTITIES, NAME_ENTITIES, Entity
from .jsons import ZERO, Json, loads
from .provenance import RECORDED, rule

rule(
    "Customer.Balance = open invoices - unapplied payments - remaining credits",
    RECORDED,
    "checked on a sandbox company of 2026",
)

Posting = tuple[int, int]  # account id, cents (debit positive)
RECENT = 3000


class Record:
    """One object of a company and what the indexes know of it."""

    __slots__ = (
        "active", "balance", "body", "created", "customer", "date", "entity", "id", "last_line",
        "moved", "name", "new", "number", "open", "parent", "posted", "reference", "text", "total",
        "updated",
    )  # fmt: skip

    def __init__(self, entity: Entity, number: int) -> None:
        self.entity = entity
        self.id = number
        self.text = b""
        self.body: Json | None = None
        self.new = True
        self.created = 0
        self.updated = 0
        self.moved = 0
        self.last_line = 0
        self.name = ""
        self.number = ""
        self.reference = ""
        self.active = True
        self.customer = 0
        self.parent = 0
        self.date = ""
        self.total: Decimal = ZERO
        self.balance: Decimal = ZERO
        self.open = 0  # cents of the customer's balance
        self.posted: tuple[Posting, ...] = ()

    def read(self) -> Json:
        """The parsed object; do not change it outside an operation that `touch`es it."""
        if self.body is None:
            body: Json = loads(self.text)
            if self.entity.name == "Payment":
                for line in body["Line"]:
                    line.pop("LineEx", None)
            self.body = body
        return self.body


def space_of(entity: Entity) -> str:
    """Names are unique within a space: customers, vendors and employees share one."""
    return "name" if entity.name in NAME_ENTITIES else entity.name


class Store:
    """All records of a company with their indexes."""

    def __init__(self) -> None:
        self.records: dict[str, dict[int, Record]] = {name: {} for name in ENTITIES}
        self.names: dict[str, dict[str, Record]] = {}
        self.numbers: dict[str, dict[str, dict[int, Record]]] = {}
        self.references: dict[str, dict[int, Record]] = {}
        self.of_customer: dict[int, dict[int, Record]] = {}
        self.open_of: dict[int, dict[int, Record]] = {}
        self.balances: dict[int, int] = {}
        self.jobs: dict[int, dict[int, Record]] = {}
        self.receivable: dict[int, int] = {}
        self.accounts: dict[int, int] = {}
        self._recent: deque[Record] = deque()

    def get(self, entity: str, number: str | int) -> Record | None:
        """The record, or None."""
        try:
            return self.records[entity].get(int(number))
        except (ValueError, KeyError):
            return None

    def all(self, entity: str) -> Iterator[Record]:
        """Every record of a kind, by id."""
        return iter(self.records[entity].values())

    def named(self, entity: Entity, name: str) -> Record | None:
        """Who bears a name in the entity's space."""
        return self.names.get(space_of(entity), {}).get(name.lower())

    def numbered(self, entity: str, number: str) -> dict[int, Record]:
        """The documents of a kind that bear a number."""
        return self.numbers.get(entity, {}).get(number.lower(), {})

    def keep_recent(self, record: Record) -> None:
        """Let the bodies used longest ago go."""
        self._recent.append(record)
        if len(self._recent) > RECENT:
            old = self._recent.popleft()
            if old.text:
                old.body = None

    def unindex(self, record: Record) -> None:
        """Take a record's present keys out of all indexes."""
        names = self.names.get(space_of(record.entity))
        if names is not None and names.get(record.name.lower()) is record:
            del names[record.name.lower()]
        if record.number:
            self.numbers[record.entity.name][record.number.lower()].pop(record.id, None)
        if record.reference:
            self.references[record.reference.lower()].pop(record.id, None)
        if record.parent:
            self.jobs.get(record.parent, {}).pop(record.id, None)
        if record.customer:
            self.of_customer.get(record.customer, {}).pop(record.id, None)
            self._opened(record, -record.open)
            self.open_of.get(record.customer, {}).pop(record.id, None)
        self._post(record, -1)

    def index(self, record: Record) -> None:
        """Enter a record under its keys."""
        if record.name:
            space = self.names.setdefault(space_of(record.entity), {})
            space.setdefault(record.name.lower(), record)
        if record.number:
            numbers = self.numbers.setdefault(record.entity.name, {})
            numbers.setdefault(record.number.lower(), {})[record.id] = record
        if record.reference:
            self.references.setdefault(record.reference.lower(), {})[record.id] = record
        if record.parent:
            self.jobs.setdefault(record.parent, {})[record.id] = record
        if record.customer:
            self.of_customer.setdefault(record.customer, {})[record.id] = record
            if record.open:
                self.open_of.setdefault(record.customer, {})[record.id] = record
                self._opened(record, record.open)
        self._post(record, 1)

    def owed_with_jobs(self, customer: int) -> int:
        """Cents that a customer and all beneath it owe."""
        own = self.balances.get(customer, 0)
        return own + sum(self.owed_with_jobs(job) for job in self.jobs.get(customer, ()))

    def _opened(self, record: Record, change: int) -> None:
        if change:
            self.balances[record.customer] = self.balances.get(record.customer, 0) + change

    def _post(self, record: Record, sign: int) -> None:
        for account, amount in record.posted:
            self.accounts[account] = self.accounts.get(account, 0) + sign * amount
            if record.customer and self.is_receivable(account):
                was = self.receivable.get(record.customer, 0)
                self.receivable[record.customer] = was + sign * amount

    receivable_account = 0

    def is_receivable(self, account: int) -> bool:
        """Whether this is the company's Accounts Receivable."""
        return account == self.receivable_account

    def out_of_balance(self) -> str | None:
        """What is wrong with the books, in a sentence; None if nothing is."""
        total = sum(self.accounts.values())
        if total:
            return f"the trial balance is off by {Decimal(total) / 100}"
        for customer in self.receivable.keys() | self.balances.keys():
            books, papers = self.receivable.get(customer, 0), self.balances.get(customer, 0)
            if books != papers:
                return (
                    f"receivables of customer {customer} are {Decimal(books) / 100},"
                    f" open documents {Decimal(papers) / 100}"
                )
        return None
