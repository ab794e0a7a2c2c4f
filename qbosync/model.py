"""What the business did, in its own words: customers, orders, payments.

Values only: frozen, comparable, free of IO.  Amounts are `Decimal` and never
`float`; `money()` and `number()` are the only doors by which a figure comes in.
Ids are text.  Where a field may be unknown it is `None` (figures, dates) or
`""` (text).  `where` says which file and line a record was read from; two
records that say the same are equal wherever they stood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")

_AMOUNT = re.compile(r"(-?)\$?(-?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?", re.ASCII)
_LONGEST = 18
"""Digits QuickBooks can hold with room to spare; anything longer is not money."""


def number(text: str, decimals: int = 6) -> Decimal:
    """Read a figure such as ``"1,928.82761"`` or ``"$20"`` with at most `decimals` decimals.

    Strict on purpose: ``"1,23"`` is a hundred times more in Boston than in Berlin,
    so a comma stands only between groups of three digits.

    Raises:
        TypeError: For anything but text: a float has already lost its cents.
        ValueError: For any other text.
    """
    if not isinstance(text, str):
        raise TypeError(f"amounts are read from text, not from {type(text).__name__}")
    match = _AMOUNT.fullmatch(text.strip())
    if not match or (match[1] and match[2]) or len(text) > _LONGEST + 8:
        raise ValueError(f"{text.strip()!r} is not an amount")
    sign, whole, fraction = match[1] or match[2], match[3].replace(",", ""), match[4] or ""
    if len(whole) > _LONGEST - 6:
        raise ValueError(f"{text.strip()!r} is too large an amount")
    if len(fraction.rstrip("0")) - 1 > decimals:
        raise ValueError(f"{text.strip()!r} has more than {decimals} decimals")
    return Decimal(sign + whole + fraction)


def money(text: str) -> Decimal:
    """Read a total such as ``"1,005.41"``: cents, and nothing finer.

    Raises:
        TypeError: For anything but text.
        ValueError: For any other text.
    """
    return number(text, decimals=2).quantize(CENT)


def cents(amount: Decimal) -> Decimal:
    """Round to cents, half up: the way Allmoxy's totals and QuickBooks' lines round."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def show(amount: Decimal) -> str:
    """An amount as people read it: ``1,475.00``."""
    return f"{amount:,.2f}"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as the source writes it; blank where it says nothing."""

    line1: str = ""
    line2: str = ""
    line3: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""

    def __bool__(self) -> bool:
        return any((self.line1, self.line2, self.line3, self.city, self.state, self.zip))


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys; `charge_status` overrides the company-wide Status to Charge Customer."""

    id: str
    name: str
    type: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    phone: str = ""
    bill: Address = Address()
    ship: Address = Address()
    terms_days: int | None = None
    charge_status: str = ""
    tax_exempt: bool = False
    active: bool = True
    merged_into: str = ""
    where: str = field(default="", compare=False)

    @property
    def ref(self) -> str:
        return f"customer:{self.id}"


@dataclass(frozen=True, slots=True)
class Line:
    """One position of an order or credit memo; `amount` may be finer than a cent."""

    number: str
    description: str
    amount: Decimal
    qty: Decimal | None = None
    unit_price: Decimal | None = None
    export_class: str = ""
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Order:
    """A bid, sales order and invoice in one record; `total` is what the customer owes.

    `status_at` is the day the present status was reached, in the shop's time zone, and
    `history` the days of earlier ones.  `shipping` and `tax` are `None` where the export
    has no such column: then nobody knows what a difference to the total consists of.
    `discount` is a positive figure.
    """

    id: str
    number: str
    customer_id: str
    status: str
    total: Decimal
    lines: tuple[Line, ...] = ()
    name: str = ""
    memo: str = ""
    placed: date | None = None
    charge_date: date | None = None
    ship_date: date | None = None
    due_date: date | None = None
    status_at: date | None = None
    history: tuple[tuple[str, date], ...] = ()
    shipping: Decimal | None = ZERO
    tax: Decimal | None = ZERO
    discount: Decimal = ZERO
    bill_name: str = ""
    bill: Address = Address()
    ship_name: str = ""
    ship: Address = Address()
    where: str = field(default="", compare=False)

    @property
    def ref(self) -> str:
        return f"order:{self.id}"


@dataclass(frozen=True, slots=True)
class Application:
    """So much of a payment or credit goes to `target`, such as ``order:1042`` or ``charge:9``."""

    target: str
    amount: Decimal
    on: date | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Payment:
    """Money received; what `applied` leaves over stays unapplied."""

    id: str
    customer_id: str
    received: date
    amount: Decimal
    method: str = ""
    reference: str = ""
    memo: str = ""
    status: str = "posted"
    applied: tuple[Application, ...] = ()
    where: str = field(default="", compare=False)

    @property
    def ref(self) -> str:
        return f"payment:{self.id}"

    @property
    def is_received(self) -> bool:
        """Whether the money came; what was refunded came all the same."""
        return self.status in ("posted", "refunded")


@dataclass(frozen=True, slots=True)
class CreditMemo:
    """What the shop owes a customer, tax included; spent by `applied`."""

    id: str
    customer_id: str
    issued: date
    amount: Decimal
    reason: str = ""
    tax: Decimal = ZERO
    lines: tuple[Line, ...] = ()
    order_id: str = ""
    payment_id: str = ""
    memo: str = ""
    export_class: str = ""
    is_deleted: bool = False
    applied: tuple[Application, ...] = ()
    where: str = field(default="", compare=False)

    @property
    def ref(self) -> str:
        return f"credit_memo:{self.id}"


@dataclass(frozen=True, slots=True)
class Charge:
    """A finance charge, processing fee, bounced-payment fee or other charge, tax included."""

    id: str
    kind: str
    customer_id: str
    issued: date
    amount: Decimal
    tax: Decimal = ZERO
    due_date: date | None = None
    memo: str = ""
    export_class: str = ""
    order_id: str = ""
    payment_id: str = ""
    is_deleted: bool = False
    where: str = field(default="", compare=False)

    @property
    def ref(self) -> str:
        return f"charge:{self.id}"


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back; recorded so that nothing is lost, sent by hand."""

    id: str
    customer_id: str
    paid: date
    amount: Decimal
    payment_id: str = ""
    credit_id: str = ""
    method: str = ""
    reference: str = ""
    where: str = field(default="", compare=False)

    @property
    def ref(self) -> str:
        return f"refund:{self.id}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record cannot go out, and what to do.

    `source` is the record (``order:1042``) or, where even that cannot be read, the
    place (``file:orders.csv:17``).  `reason` is the technical name that JSON shows.
    `amount` is the money that stays out of QuickBooks because of it, where known.  `until`
    is when it is looked at again, for what only time can settle.
    """

    source: str
    reason: str
    what: str
    todo: str
    amount: Decimal | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Snapshot:
    """Everything the source says now.

    `is_complete` means that what is missing is gone; otherwise it is only not in
    this delivery; `generated_at` is how fresh it is.  `problems` are the rows that could
    not be read: their records are not in the sets.  `deletions` are tombstones: (kind, id).
    """

    customers: Mapping[str, Customer] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    payments: Mapping[str, Payment] = field(default_factory=dict)
    credit_memos: Mapping[str, CreditMemo] = field(default_factory=dict)
    charges: Mapping[str, Charge] = field(default_factory=dict)
    refunds: Mapping[str, Refund] = field(default_factory=dict)
    deletions: frozenset[tuple[str, str]] = frozenset()
    problems: tuple[Problem, ...] = ()
    is_complete: bool = False
    generated_at: datetime | None = None
    digest: str = ""
    notes: tuple[str, ...] = ()
