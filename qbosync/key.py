"""What a document of ours is called: its entity, its record in the shop, and what is done to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Entity(StrEnum):
    """QuickBooks' own names, in the order in which one may refer to another."""

    ACCOUNT = "Account"
    TERM = "Term"
    ITEM = "Item"
    PAYMENT_METHOD = "PaymentMethod"
    CUSTOMER = "Customer"
    ESTIMATE = "Estimate"
    INVOICE = "Invoice"
    CREDIT_MEMO = "CreditMemo"
    PAYMENT = "Payment"

    @property
    def is_named(self) -> bool:
        """Customers and items carry no marker: they are found again by their name."""
        return self in (Entity.ITEM, Entity.PAYMENT_METHOD, Entity.CUSTOMER)

    @property
    def wave(self) -> int:
        """One batch item cannot refer to another, so what is referred to goes first."""
        return _WAVES[self]


_WAVES = {
    Entity.ACCOUNT: -1,
    Entity.TERM: -1,
    Entity.ITEM: 0,
    Entity.PAYMENT_METHOD: 0,
    Entity.CUSTOMER: 1,
    Entity.ESTIMATE: 4,
    Entity.INVOICE: 5,
    Entity.CREDIT_MEMO: 6,
    Entity.PAYMENT: 7,
}


class Action(StrEnum):
    """What is done to a QuickBooks object."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    VOID = "void"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which document of which source record: an order has an estimate and an invoice."""

    entity: Entity
    kind: str
    id: str

    @property
    def source(self) -> str:
        """The record as people write it: ``order:1042``."""
        return f"{self.kind}:{self.id}"

    @property
    def record(self) -> str:
        """The record whose figures it carries: a correction's is the order that it corrects."""
        return self.id.rpartition("/")[0] if self.kind == "correction" else self.source

    def __str__(self) -> str:
        return f"{self.entity} of {self.source}"


def item_key(name: str) -> Key:
    """The key of an item; QuickBooks' names do not regard case."""
    return Key(Entity.ITEM, "item", name.strip().casefold())
