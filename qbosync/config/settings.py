"""What the operator decided, as frozen values named as in the TOML.

A key that is absent has the default written here; only the environment and the presence
of `[quickbooks]` and `[source]` have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qbosync.config.kind import (
    Amount,
    ApiUrl,
    Clock,
    Count,
    DateFormat,
    Day,
    Duration,
    File,
    Instance,
    Method,
    Months,
    Name,
    PingUrl,
    Prefix,
    Rate,
    RedirectUri,
    Rounding,
    StartDate,
    Status,
    Switch,
    Text,
    Word,
    Zone,
)
from qbosync.errors import SetupError
from qbosync.operation import digest

EMULATOR_URL = "http://127.0.0.1:8770"


class Table(BaseModel):
    """A table of the configuration: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QuickBooks(Table):
    """Which company, and how to sign in; `api_url` is blank but with the emulator."""

    environment: Literal["sandbox", "production", "emulator"]
    default_export_class: Name = ""
    instance: Instance = "main"
    redirect_uri: RedirectUri = "http://localhost:8765/callback"
    api_url: ApiUrl = ""

    @model_validator(mode="before")
    @classmethod
    def _emulator_has_an_address(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("environment") == "emulator":
            return {"api_url": EMULATOR_URL} | values
        return values


class Orders(Table):
    """The order's way through the shop, and where on it the customer is charged."""

    statuses: tuple[Status, ...] = (
        "bid",
        "ordered",
        "verified",
        "in progress",
        "completed",
        "shipped",
    )
    on_hold: tuple[Status, ...] = ("on hold",)
    void: tuple[Status, ...] = ("void",)
    estimate_from_status: Status = "ordered"
    charge_status: Status = "shipped"
    estimate_always: Switch = False
    on_backward: Literal["keep", "void"] = "keep"
    start_date: StartDate = None


class Items(Table):
    """Product/Service for what is not a product line, and the accounts of missing items."""

    sales_tax: Name = "Sales Tax"
    shipping: Name = "Shipping"
    discount: Name = "Discount"
    rounding: Name = "Rounding"
    finance_charge: Name = "Finance Charge"
    processing_fee: Name = "Processing Fee"
    bounced_payment: Name = "Bounced Payment Fee"
    other_charge: Name = "Other Charge"
    credit_memo: Name = "Credit"
    bad_debt: Name = "Bad Debt"
    create_missing: Switch = True
    income_account: dict[Name, Name] = Field(default_factory=dict)


class Payments(Table):
    """Which of the source's methods are money, and what QuickBooks calls them."""

    money: tuple[Method, ...] = ("check", "cash", "cc", "ach", "echeck", "paypal", "manual")
    not_money: tuple[Method, ...] = ("credit", "credit memo", "account credit", "write off")
    methods: dict[Method, Name] = Field(default_factory=dict)
    deposit_to: dict[Method, Name] = Field(default_factory=dict)


class Documents(Table):
    """Numbers, limits and words of the documents."""

    order_prefix: Prefix = ""
    finance_charge_prefix: Prefix = "FC-"
    processing_fee_prefix: Prefix = "PF-"
    bounced_payment_prefix: Prefix = "BP-"
    other_charge_prefix: Prefix = "OC-"
    credit_memo_prefix: Prefix = "CM-"
    rounding_limit: Rounding = Decimal("0.05")
    closed_until: Day = None
    open_months: Months = 2
    correction: Literal["hold", "credit_memo"] = "hold"
    memo_to: Literal["", "customer", "statement"] = ""
    zero_total: Literal["send", "skip"] = "send"
    bill_email: Switch = False


class Customers(Table):
    """How far a customer in QuickBooks follows the source."""

    updates: Literal["fill", "follow", "never"] = "follow"
    reactivate: Switch = False


class SourceSettings(Table):
    """Where the orders come from, and how to read them."""

    kind: Literal["folder", "allmoxy", "sql"] = "folder"
    path: Word = "export"
    timezone: Zone = "America/Boise"
    date_format: DateFormat = ""
    payment_amount: Literal["received", "applied"] = "received"
    residual: Literal["hold", "tax", "item"] = "hold"
    residual_max_rate: Rate = Decimal("0.11")
    max_age: Duration = timedelta(hours=26)
    files: dict[Word, File] = Field(default_factory=dict)
    columns: dict[Word, dict[Word, Word]] = Field(default_factory=dict)


class Sync(Table):
    """How long a run may take and how much it may change; `None` is the built-in limit."""

    resend_after: Duration = timedelta(minutes=15)
    max_runtime: Duration = timedelta(minutes=90)
    max_documents: Count | None = None
    max_amount: Amount | None = None
    max_voids: Count | None = None
    max_old_documents: Count | None = None
    max_times_usual: Count | None = None


class Notify(Table):
    """When cron's mail reminds of what is still held, and who is told of each run."""

    remind_at: Clock = time(7, 0)
    ping_url: PingUrl = ""


class Settings(Table):
    """The whole configuration: one shop and one company."""

    data_dir: Text = ""
    quickbooks: QuickBooks
    orders: Orders = Orders()
    items: Items = Items()
    payments: Payments = Payments()
    documents: Documents = Documents()
    customers: Customers = Customers()
    source: SourceSettings
    sync: Sync = Sync()
    notify: Notify = Notify()

    @property
    def is_emulator(self) -> bool:
        return self.quickbooks.environment == "emulator"

    @property
    def is_production(self) -> bool:
        return self.quickbooks.environment == "production"

    def digest(self) -> str:
        """The fingerprint of what was decided: comments, order and defaults written out or
        left out make no difference."""
        return digest(_plain(self.model_dump()))

    def missing_to_connect(self) -> list[str]:
        """What may be absent from the file but not from a connection."""
        return self._missing_class() + (self._missing_start() if self.is_production else [])

    def missing_for_production(self) -> list[str]:
        """What a sandbox can do without and real books cannot."""
        missing = self._missing_class() + self._missing_start()
        named = {name.casefold() for name in self.items.income_account}
        if self.items.create_missing and self.items.sales_tax.casefold() not in named:
            missing.append(
                f'`"{self.items.sales_tax}"` in [items.income_account]: the liability account'
                " that sales tax is collected on"
            )
        return missing

    def _missing_class(self) -> list[str]:
        words = (
            "`default_export_class` in [quickbooks]: the Product/Service of products that have"
            " no export class"
        )
        return [] if self.quickbooks.default_export_class else [words]

    def _missing_start(self) -> list[str]:
        words = '`start_date` in [orders]: a date, or "everything" to send all that the export has'
        return [words] if self.orders.start_date is None else []

    def with_export_class(self, name: str) -> Settings:
        """These settings with the class that was given when connecting.

        Raises:
            SetupError: If the configuration names another one.
        """
        own = self.quickbooks.default_export_class
        if not name or name == own:
            return self
        if own:
            raise SetupError(
                f"The configuration's default_export_class is {own!r}, the one given {name!r}.",
                "Leave out --default-export-class, or change [quickbooks] in the configuration.",
            )
        quickbooks = self.quickbooks.model_copy(update={"default_export_class": name})
        return self.model_copy(update={"quickbooks": quickbooks})

    def with_decisions(self, order_prefix: str, income_account: Mapping[str, str]) -> Settings:
        """These settings with what was decided when connecting; what the file says stands."""
        own = {name.casefold() for name in self.items.income_account}
        new = {k: v for k, v in income_account.items() if k.casefold() not in own}
        accounts = {**self.items.income_account, **new}
        items = self.items.model_copy(update={"income_account": accounts})
        prefix = self.documents.order_prefix or order_prefix
        documents = self.documents.model_copy(update={"order_prefix": prefix})
        return self.model_copy(update={"items": items, "documents": documents})


_UNORDERED = ("on_hold", "void", "money", "not_money")


def _plain(value: Any, key: str = "") -> Any:
    """One JSON per meaning: lists without an order are sorted, figures lose closing zeros."""
    if isinstance(value, Mapping):
        return {name: _plain(inner, name) for name, inner in value.items()}
    if isinstance(value, tuple):
        return sorted(value) if key in _UNORDERED else list(value)
    if isinstance(value, timedelta):
        return value // timedelta(seconds=1)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date | time):
        return value.isoformat()
    return value
