"""What a reconciliation says, as values: records, customers, and the sums beneath them.

Every figure stands three times: as the shop system has it, as the ledger remembers it, and as
QuickBooks has it.  A difference always has a cause, and a command or a step that mends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qbosync.model import ZERO


@dataclass(frozen=True, slots=True)
class Figure:
    """One amount on its three sides."""

    shop: Decimal = ZERO
    ledger: Decimal = ZERO
    books: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        """What QuickBooks has more than the shop system."""
        return self.books - self.shop

    def __add__(self, other: Figure) -> Figure:
        return Figure(self.shop + other.shop, self.ledger + other.ledger, self.books + other.books)

    def __neg__(self) -> Figure:
        return Figure(-self.shop, -self.ledger, -self.books)


@dataclass(frozen=True, slots=True)
class Row:
    """One source record: its total, what of it is open, and the sales tax in it.

    `open` is what is owed of an order or charge, unapplied of a payment, unspent of a credit.
    `sign` says whether it adds to what the customer owes (1), takes off (-1) or neither (0).
    `meant_for` are the orders that a payment waits for.
    """

    source: str
    customer: str
    became: str
    sign: int
    total: Figure
    open: Figure
    tax: Figure
    cause: str = ""
    todo: str = ""
    meant_for: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        figures = (self.total, self.open, self.tax)
        return bool(self.cause) or any(figure.difference for figure in figures)


@dataclass(frozen=True, slots=True)
class Owed:
    """What one customer owes.

    `by_hand` are documents that people entered in QuickBooks; `balance` is QuickBooks' own
    figure, known for today only; `other` what neither explains: journal entries, expenses,
    refunds.
    """

    customer: str
    name: str
    owes: Figure
    by_hand: Decimal
    balance: Decimal | None

    @property
    def other(self) -> Decimal:
        if self.balance is None:
            return ZERO
        return self.balance - self.owes.books - self.by_hand

    @property
    def agrees(self) -> bool:
        return not self.owes.difference and not self.other


@dataclass(frozen=True, slots=True)
class Stranger:
    """A document in QuickBooks that the ledger does not know; with our mark it should."""

    customer: str
    became: str
    dated: date
    amount: Decimal
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Age:
    """Money that waits in Undeposited Funds, by how long it has."""

    words: str
    count: int
    amount: Decimal


@dataclass(frozen=True)
class Statement:
    """Both sides on one day."""

    as_of: date
    rows: tuple[Row, ...]
    customers: tuple[Owed, ...]
    strangers: tuple[Stranger, ...]
    undeposited: tuple[Age, ...]

    @property
    def differences(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.differs)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs that somebody has to look at."""
        marked = any(stranger.is_marked for stranger in self.strangers)
        return not (self.differences or marked or any(not c.agrees for c in self.customers))

    @property
    def receivable(self) -> Figure:
        """Accounts receivable of our documents."""
        return total(row.total if row.sign > 0 else -row.total for row in self.rows if row.sign)

    @property
    def unapplied(self) -> Figure:
        """Money of customers that waits for its invoice: their deposits."""
        return total(row.open for row in self.of("payment"))

    @property
    def credits(self) -> Figure:
        """Credit memos that are not spent."""
        return total(row.open for row in self.of("credit_memo"))

    @property
    def tax(self) -> Figure:
        """What the sales tax item collected: invoices, less credit memos."""
        return total(row.tax if row.sign > 0 else -row.tax for row in self.rows if row.sign)

    def of(self, kind: str) -> Iterator[Row]:
        return (row for row in self.rows if row.source.startswith(f"{kind}:"))

    @property
    def deposits(self) -> tuple[Row, ...]:
        """The payments with money left, by the orders they wait for."""
        left = (row for row in self.of("payment") if row.open.shop or row.open.books)
        return tuple(sorted(left, key=lambda row: (row.meant_for, row.source)))


def total(figures: Iterable[Figure]) -> Figure:
    return sum(figures, Figure())
