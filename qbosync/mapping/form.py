"""What all sales forms share: text that QuickBooks takes, addresses, lines.

Lengths are QuickBooks' (documented).  A name or number that is too long is held
elsewhere; only descriptions, notes and address lines are cut, which say nothing
about money.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qbosync.key import Entity, Key, item_key
from qbosync.model import Address, cents
from qbosync.operation import Body

NON_TAXABLE = {"value": "NON"}
"""Sent on every line: companies with automated sales tax tax what says nothing (reported)."""

NUMBER_LENGTH = 21
_DESCRIPTION_LENGTH = 4000
_MEMO_LENGTH = 1000
_ADDRESS_LENGTH = 500
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\U00010000-\U0010ffff]")
"""Control characters, and those beyond the basic plane: whether QuickBooks takes an emoji
is not known (assumed not)."""


def text(value: str, length: int = _DESCRIPTION_LENGTH) -> str:
    """A description or note as QuickBooks can take it."""
    return _UNSENDABLE.sub("", value).strip()[:length]


def memo(value: str) -> Body:
    """A CustomerMemo: printed for the customer to read."""
    return {"value": text(value, _MEMO_LENGTH)}


def address(value: Address, name: str = "") -> Body:
    """An address; `name` goes on its first line, as shops sell to many under one customer."""
    rows = [row for row in (name, value.line1, value.line2, value.line3) if row.strip()]
    body = {f"Line{n}": text(row, _ADDRESS_LENGTH) for n, row in enumerate(rows, 1)}
    for field, part in (
        ("City", value.city),
        ("CountrySubDivisionCode", value.state),
        ("PostalCode", value.zip),
        ("Country", value.country),
    ):
        if part.strip():
            body[field] = text(part, 30 if field == "PostalCode" else 255)
    return body


@dataclass(frozen=True, slots=True)
class FormLine:
    """One line of a sales form; `name` stays the same when the lines around it change."""

    name: str
    item: str
    amount: Decimal
    description: str = ""
    qty: Decimal | None = None
    unit_price: Decimal | None = None

    @property
    def facts(self) -> list[Any]:
        """What the source says of this line: a change here is a change of the document."""
        qty = None if self.qty is None else str(self.qty.normalize())
        return [self.name, self.item, str(cents(self.amount)), self.description, qty]

    @property
    def body(self) -> Body:
        """The line, such that Amount = Qty x UnitPrice holds in QuickBooks' arithmetic (6070)."""
        amount = cents(self.amount)
        detail: Body = {"ItemRef": {"value": item_key(self.item)}, "TaxCodeRef": NON_TAXABLE}
        description = self.description
        price = unit_price(amount, self.qty, self.unit_price)
        if price is not None and self.qty is not None:
            detail |= {"Qty": plain(self.qty), "UnitPrice": plain(price)}
        else:
            detail |= {"Qty": Decimal(1), "UnitPrice": amount}
            if self.qty is not None and self.qty != 1:
                description = f"{self.qty.normalize():f} x {description}"
        line: Body = {
            "DetailType": "SalesItemLineDetail",
            "Amount": amount,
            "SalesItemLineDetail": detail,
        }
        if text(description):
            line["Description"] = text(description)
        return line


def plain(value: Decimal) -> Decimal:
    """A quantity or price without trailing zeros and without an exponent."""
    value = value.normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value


def unit_price(amount: Decimal, qty: Decimal | None, given: Decimal | None) -> Decimal | None:
    """The price at which `qty` makes exactly `amount`, or `None` where there is none.

    The source's own price first; else the quotient, if five decimals hold it: that many
    QuickBooks keeps (documented, 10.5 digits).
    """
    if qty is None or qty <= 0 or len(str(plain(qty)).partition(".")[2]) > 5:
        return None
    candidates = [] if given is None else [given]
    candidates.append((amount / qty).quantize(Decimal("0.00001")))
    for price in candidates:
        if price == price.quantize(Decimal("0.00001")) and cents(price * qty) == amount:
            return price
    return None


def line_fields(lines: Sequence[FormLine]) -> tuple[list[Body], list[Any], tuple[str, ...]]:
    """The Line array, its facts, and the names of the lines."""
    return (
        [line.body for line in lines],
        [line.facts for line in lines],
        tuple(line.name for line in lines),
    )


def total(lines: Iterable[FormLine]) -> Decimal:
    """What the lines add up to once each is rounded to cents, as QuickBooks does."""
    return sum((cents(line.amount) for line in lines), Decimal("0.00"))


def again(epoch: int) -> str:
    """What tells the number of a document from that of the void one whose place it takes."""
    return f"-{epoch + 1}" if epoch else ""


def customer_key(customer_id: str) -> Key:
    return Key(Entity.CUSTOMER, "customer", customer_id)
