"""What the values of a configuration must be to each other.

Each check says which keys it looks at, so that it keeps quiet while one of them is itself
a mistake: one cause, one message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from qbosync.config.kind import method
from qbosync.config.position import Path
from qbosync.config.problem import Mistake, close_match, name_of
from qbosync.config.sets import FIELDS
from qbosync.config.settings import Settings

Data = Mapping[str, Any]
Check = Callable[[Settings, Data], Iterator[Mistake]]
CHARGE_PREFIXES = (
    "finance_charge_prefix",
    "processing_fee_prefix",
    "bounced_payment_prefix",
    "other_charge_prefix",
)
SHORTEST_WAIT = timedelta(minutes=5)


def check(settings: Settings, data: Data, broken: Collection[Path]) -> Iterator[Mistake]:
    """Every contradiction between keys that are not `broken` themselves."""
    for keys, find in _CHECKS:
        paths = [tuple(key.split(".")) for key in keys]
        if not any(path[: len(bad)] == bad for path in paths for bad in broken):
            yield from find(settings, data)


def _order_of_statuses(settings: Settings, data: Data) -> Iterator[Mistake]:
    seen: set[str] = set()
    if not settings.orders.statuses:
        yield Mistake(("orders", "statuses"), "`statuses` in [orders] is empty")
    for number, name in enumerate(settings.orders.statuses):
        if name in seen:
            path = ("orders", "statuses", number)
            yield Mistake(path, f"`statuses` in [orders] has {name!r} twice")
        seen.add(name)


def _side_statuses(settings: Settings, data: Data) -> Iterator[Mistake]:
    orders = settings.orders
    others = {"on_hold": ("statuses",), "void": ("statuses", "on_hold")}
    for key, rivals in others.items():
        for number, name in enumerate(getattr(orders, key)):
            for rival in rivals:
                if name in getattr(orders, rival):
                    path = ("orders", key, number)
                    yield Mistake(path, f"{name!r} is in `{rival}` and in `{key}` of [orders]")


def _known_statuses(settings: Settings, data: Data) -> Iterator[Mistake]:
    orders = settings.orders
    for key in ("charge_status", "estimate_from_status"):
        value = getattr(orders, key)
        if orders.statuses and value not in orders.statuses:
            path = ("orders", key)
            fact = f"{name_of(path)} is {value!r}, which is not in `statuses`"
            yield Mistake(path, fact, close_match(value, orders.statuses))


def _charge_after_estimate(settings: Settings, data: Data) -> Iterator[Mistake]:
    orders = settings.orders
    first, charge = orders.estimate_from_status, orders.charge_status
    path = ("orders", "charge_status")
    if charge == "bid":
        yield Mistake(path, f"{name_of(path)} is 'bid', and a bid is never charged")
    elif {first, charge} <= set(orders.statuses) and (
        orders.statuses.index(charge) < orders.statuses.index(first)
    ):
        fact = f"{name_of(path)} is {charge!r}, which comes before `estimate_from_status` {first!r}"
        yield Mistake(path, fact, "an order is an estimate first")


def _money_or_not(settings: Settings, data: Data) -> Iterator[Mistake]:
    for number, word in enumerate(settings.payments.not_money):
        if word in settings.payments.money:
            path = ("payments", "not_money", number)
            yield Mistake(path, f"{word!r} is in `money` and in `not_money` of [payments]")


def _one_spelling(settings: Settings, data: Data) -> Iterator[Mistake]:
    """Keys that differ only by case are one key to us, and one of the two would be lost."""
    for table, key in (
        ("items", "income_account"),
        ("payments", "methods"),
        ("payments", "deposit_to"),
    ):
        seen: dict[str, str] = {}
        for word in data.get(table, {}).get(key, {}):
            if (first := seen.setdefault(method(word), word)) != word:
                path = (table, key, word)
                yield Mistake(path, f"[{table}.{key}] has {first!r} and {word!r}: one and the same")


def _emulator_address(settings: Settings, data: Data) -> Iterator[Mistake]:
    if settings.quickbooks.api_url and not settings.is_emulator:
        path = ("quickbooks", "api_url")
        environment = settings.quickbooks.environment
        fact = f'{name_of(path)} is for environment = "emulator" only, not "{environment}"'
        yield Mistake(path, fact, "leave it out: QuickBooks' own address is known")


def _time_to_wait(settings: Settings, data: Data) -> Iterator[Mistake]:
    if settings.sync.resend_after < SHORTEST_WAIT and not settings.is_emulator:
        path = ("sync", "resend_after")
        fact = f"{name_of(path)} must be at least 5m"
        yield Mistake(path, fact, "QuickBooks may still carry out what seemed lost")


def _time_to_run(settings: Settings, data: Data) -> Iterator[Mistake]:
    for path, value in (
        (("sync", "max_runtime"), settings.sync.max_runtime),
        (("source", "max_age"), settings.source.max_age),
    ):
        if value < timedelta(minutes=1) and not settings.is_emulator:
            yield Mistake(path, f"{name_of(path)} must be at least 1m")


def _number_series(settings: Settings, data: Data) -> Iterator[Mistake]:
    own = settings.documents.order_prefix
    for key in CHARGE_PREFIXES:
        if getattr(settings.documents, key).casefold() == own.casefold():
            path = ("documents", key if key in data.get("documents", {}) else "order_prefix")
            fact = f"`{key}` and `order_prefix` in [documents] are both {own!r}"
            yield Mistake(path, fact, "an order and a charge would take the same number")


def _item_of_tax(settings: Settings, data: Data) -> Iterator[Mistake]:
    tax = settings.items.sales_tax.casefold()
    if settings.quickbooks.default_export_class.casefold() == tax:
        path: Path = ("quickbooks", "default_export_class")
        yield Mistake(path, f"{name_of(path)} is the item of sales tax", _TAX_ALONE)
    for key, value in settings.items.model_dump().items():
        if key != "sales_tax" and isinstance(value, str) and value.casefold() == tax:
            path = ("items", key)
            yield Mistake(path, f"{name_of(path)} is the item of sales tax", _TAX_ALONE)


_TAX_ALONE = "tax is owed to the state, so its item stands alone on a liability account"


def _known_sets(settings: Settings, data: Data) -> Iterator[Mistake]:
    for key in ("files", "columns"):
        for name in getattr(settings.source, key):
            if name not in FIELDS:
                path = ("source", key, name)
                hint = close_match(name, FIELDS) or f"known: {', '.join(FIELDS)}"
                yield Mistake(path, f"unknown set `{name}` in [source.{key}]", hint)


def _known_fields(settings: Settings, data: Data) -> Iterator[Mistake]:
    for set_name, columns in settings.source.columns.items():
        known = FIELDS.get(set_name)
        for field in columns:
            if known is not None and field not in known:
                path = ("source", "columns", set_name, field)
                hint = close_match(field, known) or f"known there: {', '.join(sorted(known))}"
                fact = f"unknown field `{field}` in [source.columns.{set_name}]"
                yield Mistake(path, fact, hint)


_CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("orders.statuses",), _order_of_statuses),
    (("orders.statuses", "orders.on_hold", "orders.void"), _side_statuses),
    (("orders.statuses", "orders.charge_status", "orders.estimate_from_status"), _known_statuses),
    (
        ("orders.statuses", "orders.charge_status", "orders.estimate_from_status"),
        _charge_after_estimate,
    ),
    (("payments.money", "payments.not_money"), _money_or_not),
    (("items.income_account", "payments.methods", "payments.deposit_to"), _one_spelling),
    (("quickbooks.environment", "quickbooks.api_url"), _emulator_address),
    (("quickbooks.environment", "sync.resend_after"), _time_to_wait),
    (("sync.max_runtime", "source.max_age"), _time_to_run),
    (("documents.order_prefix", *(f"documents.{key}" for key in CHARGE_PREFIXES)), _number_series),
    (("items", "quickbooks.default_export_class"), _item_of_tax),
    (("source.files", "source.columns"), _known_sets),
    (("source.columns",), _known_fields),
)
