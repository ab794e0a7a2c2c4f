"""How this shop wants its records to become documents: the configuration, as rules.

Statuses are lower case, `_` as blank, like the source's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from qbosync.model import Customer, Order


@dataclass(frozen=True)
class Items:
    """Product/Service names for what is not a product line, and the accounts of missing ones."""

    default: str
    sales_tax: str = "Sales Tax"
    shipping: str = "Shipping"
    discount: str = "Discount"
    rounding: str = "Rounding"
    finance_charge: str = "Finance Charge"
    processing_fee: str = "Processing Fee"
    bounced_payment: str = "Bounced Payment Fee"
    other_charge: str = "Other Charge"
    credit_memo: str = "Credit"
    bad_debt: str = "Bad Debt"
    create_missing: bool = True
    income_account: Mapping[str, str] = field(default_factory=dict)

    def of_class(self, export_class: str) -> str:
        """The item of an export class; the default where a product has none (the guide).

        Allmoxy's reports write ``undefined`` for a product without a class.
        """
        name = export_class.strip()
        return self.default if name.casefold() in ("", "undefined") else name

    def of_charge(self, kind: str) -> str:
        """The item of a finance charge, processing fee, bounced-payment fee or other charge."""
        return {
            "finance_charge": self.finance_charge,
            "processing_fee": self.processing_fee,
            "bounced_payment": self.bounced_payment,
        }.get(kind, self.other_charge)

    @property
    def own(self) -> frozenset[str]:
        """The items that are not product lines, without regard to case."""
        return frozenset(
            name.casefold()
            for name in (
                self.sales_tax,
                self.shipping,
                self.discount,
                self.rounding,
                self.finance_charge,
                self.processing_fee,
                self.bounced_payment,
                self.other_charge,
                self.credit_memo,
                self.bad_debt,
            )
        )


@dataclass(frozen=True)
class Policy:
    """What the operator decided; `today`-dependent rules take the date as an argument."""

    items: Items
    statuses: tuple[str, ...] = (
        "bid",
        "ordered",
        "verified",
        "in progress",
        "completed",
        "shipped",
    )
    on_hold: frozenset[str] = frozenset({"on hold"})
    void: frozenset[str] = frozenset({"void"})
    estimate_from: str = "ordered"
    charge_status: str = "shipped"
    estimate_always: bool = False
    on_backward: str = "keep"
    start_date: date | None = None
    closed_until: date | None = None
    open_months: int = 2
    correction: str = "hold"
    instance: str = "main"
    is_production: bool = False
    order_prefix: str = ""
    charge_prefixes: Mapping[str, str] = field(
        default_factory=lambda: {
            "finance_charge": "FC-",
            "processing_fee": "PF-",
            "bounced_payment": "BP-",
            "other": "OC-",
        }
    )
    credit_memo_prefix: str = "CM-"
    rounding_limit: Decimal = Decimal("0.05")
    zero_total: str = "send"
    memo_to: str = ""
    bill_email: bool = False
    residual: str = "hold"
    residual_max_rate: Decimal = Decimal("0.11")
    money: frozenset[str] = frozenset({"check", "cash", "cc", "ach", "echeck", "paypal", "manual"})
    not_money: frozenset[str] = frozenset({"credit", "credit memo", "account credit", "write off"})
    payment_amount: str = "received"
    payment_methods: Mapping[str, str] = field(default_factory=dict)
    deposit_to: Mapping[str, str] = field(default_factory=dict)
    customer_updates: str = "follow"
    reactivate: bool = False
    blocked: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Documents that a setting of the company endangers: what is the matter, what to do."""
    max_rewrite_share: Decimal = Decimal("0.2")
    max_rewrite_count: int = 20
    max_documents: int | None = None
    max_amount: Decimal | None = None
    max_voids: int | None = None
    max_old_documents: int | None = None
    max_times_usual: int | None = None

    def open_from(self, today: date) -> date:
        """The first day whose documents may still change: this month, and some before it."""
        months = today.year * 12 + today.month - 1 - self.open_months
        return date(months // 12, months % 12 + 1, 1) if months >= 12 else date.min

    def rank(self, status: str) -> int | None:
        """How far along the order's way a status is; `None` for side states and unknown ones."""
        return self.statuses.index(status) if status in self.statuses else None

    def charge_status_of(self, customer: Customer | None) -> str:
        """The Status to Charge Customer: the customer's own, else the global one."""
        own = customer.charge_status if customer else ""
        return own or self.charge_status

    def is_charged(self, order: Order, customer: Customer | None, today: date) -> bool:
        """Whether the customer owes this order: by its charge date, else "at or past" the status.

        Statuses are skipped in practice, so the rank decides, not equality.  A charge date in
        the future waits.
        """
        rank = self.rank(order.status)
        if rank is None or order.status == "bid":
            return False
        if order.charge_date:
            return order.charge_date <= today
        charge_rank = self.rank(self.charge_status_of(customer))
        return charge_rank is not None and rank >= charge_rank

    def is_ordered(self, order: Order) -> bool:
        """Whether the order has come far enough to be an estimate."""
        rank, first = self.rank(order.status), self.rank(self.estimate_from)
        return rank is not None and first is not None and rank >= first

    def closed_by(self, closing_date: str | None) -> Policy:
        """The policy with the later of QuickBooks' closing date and the configuration's own."""
        own = [self.closed_until] if self.closed_until else []
        theirs = [date.fromisoformat(closing_date[:10])] if closing_date else []
        return replace(self, closed_until=max(own + theirs, default=None))
