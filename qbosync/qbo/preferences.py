"""The company's settings that could hurt, each with its evidence and the way to it.

Pure.  Two hard stops come from the guide: sales tax that QuickBooks adds itself doubles
every tax, and automatic application pays the oldest invoice instead of the one that was
meant.  A setting that endangers only some documents stops only those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_ADVANCED = "gear icon → Account and settings → Advanced"
_AUTOMATION = f"{_ADVANCED} → Automation"
_SALES = "gear icon → Account and settings → Sales"
_ESTIMATE = "Estimate"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `level` is ok, warning or stop.

    `entities` are the documents that a stop holds back; none means that nothing is written.
    """

    name: str
    level: str
    evidence: str
    todo: str = ""
    entities: tuple[str, ...] = ()


Facts = Mapping[str, Any]

VOUCHED: Mapping[str, tuple[str, str]] = {
    "bill-payments": ("Automatically apply bill payments", _AUTOMATION),
    "late-fees": ("automatic late fees", f"{_SALES} → Late fees"),
    "reminders": ("automatic invoice reminders", f"{_SALES} → Reminders"),
    "online-payments": (
        "customers paying estimates online (QuickBooks then makes an invoice by itself)",
        f"{_SALES} → Sales form content, and the gear icon → Payments",
    ),
}
"""Switches that QuickBooks shows to no program: what they do, and where they are."""
ACCEPTABLE = ("auto-apply-payments", *VOUCHED)
"""What a person may vouch for."""
WATCHED = {
    "UsingSalesTax": "TaxPrefs",
    "AutoApplyCredit": "SalesFormsPrefs",
    "AutoApplyPayments": "SalesFormsPrefs",
    "CustomTxnNumbers": "SalesFormsPrefs",
    "AllowEstimates": "SalesFormsPrefs",
    "UsingProgressInvoicing": "SalesFormsPrefs",
    "UsingPriceLevels": "SalesFormsPrefs",
    "MultiCurrencyEnabled": "CurrencyPrefs",
    "BookCloseDate": "AccountingInfoPrefs",
}
"""Settings whose change between two runs is told, with the part of Preferences they are in."""


def company_checks(
    preferences: Facts, company_info: Facts | None, accepted: Mapping[str, str]
) -> list[Check]:
    """All of them; `accepted` are the settings a person vouched for, with when and who."""
    sales = preferences.get("SalesFormsPrefs", {})
    checks = [
        _sales_tax(preferences.get("TaxPrefs", {})),
        _credits(sales),
        _payments(sales, accepted),
        *(_vouched(name, accepted) for name in VOUCHED),
        _numbers(sales),
        _estimates(sales),
        _progress(sales),
        _prices(sales),
        _products(preferences.get("ProductAndServicesPrefs", {})),
        _currency(preferences.get("CurrencyPrefs", {})),
        _closed(preferences.get("AccountingInfoPrefs", {})),
    ]
    return [*checks, *_company(company_info)] if company_info is not None else checks


def stops_everything(check: Check) -> bool:
    """Whether nothing may be written because of it."""
    return check.level == "stop" and not check.entities


def blocked(checks: Iterable[Check]) -> dict[str, tuple[str, str]]:
    """What each kind of document is held for, where a setting endangers it alone."""
    return {
        entity: (check.evidence, check.todo)
        for check in checks
        if check.level == "stop"
        for entity in check.entities
    }


def refusals(checks: Iterable[Check]) -> list[Check]:
    """Those that no switch will mend: such a company is not connected in the first place."""
    return [c for c in checks if c.level == "stop" and c.name in ("country", "currency")]


def watched(preferences: Facts) -> dict[str, str]:
    """The settings whose change is told, as texts to remember."""
    found = {name: preferences.get(part, {}).get(name) for name, part in WATCHED.items()}
    return {name: _word(value) for name, value in found.items()}


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is set otherwise than the last run saw it."""
    return [
        f"{name} was {before[name]}, is {value}"
        for name, value in now.items()
        if name in before and before[name] != value
    ]


def _word(value: object) -> str:
    if value is None or value is False:
        return "off"
    return "on" if value is True else str(value)


def voucher(told: str) -> tuple[str, str]:
    """When and by whom a setting was vouched for, from what the ledger keeps."""
    at, _, by = told.partition(" ")
    return at, by


def _told(told: str) -> str:
    at, by = voucher(told)
    return f"on {at[:10]}" + (f" by {by}" if by else "")


def _sales_tax(tax: Facts) -> Check:
    if not tax.get("UsingSalesTax"):
        return Check("sales tax", "ok", "QuickBooks Sales Tax is off (UsingSalesTax).")
    return Check(
        "sales tax",
        "stop",
        "QuickBooks Sales Tax is on (UsingSalesTax): every invoice would be taxed twice.",
        "Turn it off: All apps → Sales Tax → Overview → Sales Tax Settings → Turn off sales tax.",
    )


def _credits(sales: Facts) -> Check:
    if not sales.get("AutoApplyCredit"):
        evidence = "Credits are not applied automatically (AutoApplyCredit)."
        return Check("automatic credits", "ok", evidence)
    return Check(
        "automatic credits",
        "stop",
        "Automatically apply credits is on (AutoApplyCredit): waiting payments would go to"
        " whichever invoice comes next.",
        f"Turn it off: {_AUTOMATION} → Automatically apply credits → Save.",
    )


def _payments(sales: Facts, accepted: Mapping[str, str]) -> Check:
    if not sales.get("AutoApplyPayments"):
        evidence = "Payments are not applied automatically (AutoApplyPayments)."
        return Check("automatic payments", "ok", evidence)
    if told := accepted.get("auto-apply-payments"):
        evidence = (
            f"QuickBooks still shows AutoApplyPayments; vouched {_told(told)} that it is off."
            " Each payment is proven after it is written."
        )
        return Check("automatic payments", "warning", evidence)
    return Check(
        "automatic payments",
        "stop",
        "Automatic application of payments is on (AutoApplyPayments): surplus money would go"
        " to other invoices.",
        f"Turn everything off: {_AUTOMATION} → Save. If QuickBooks shows it all the same:"
        " qbosync check --accept auto-apply-payments.",
    )


def _vouched(name: str, accepted: Mapping[str, str]) -> Check:
    words = name.replace("-", " ")
    what, where = VOUCHED[name]
    if told := accepted.get(name):
        return Check(words, "ok", f"Vouched {_told(told)} that it is off: {what}.")
    return Check(
        words,
        "warning",
        f"QuickBooks shows no program whether this is on: {what}.",
        f"Turn it off: {where} → Save; then: qbosync check --accept {name}.",
    )


def _numbers(sales: Facts) -> Check:
    if sales.get("CustomTxnNumbers"):
        evidence = "Documents may bear the order's number (CustomTxnNumbers)."
        return Check("custom numbers", "ok", evidence)
    return Check(
        "custom numbers",
        "warning",
        "Custom transaction numbers are off (CustomTxnNumbers): QuickBooks may number documents"
        " by itself.",
        f"Turn them on: {_SALES} → Sales form content → Custom transaction numbers → Save.",
    )


def _estimates(sales: Facts) -> Check:
    if sales.get("AllowEstimates", True):
        return Check("estimates", "ok", "Estimates are allowed (AllowEstimates).")
    return Check(
        "estimates",
        "stop",
        "Estimates are switched off (AllowEstimates).",
        f"Turn them on in QuickBooks: {_SALES}; the estimates go out by themselves then.",
        (_ESTIMATE,),
    )


def _progress(sales: Facts) -> Check:
    if not sales.get("UsingProgressInvoicing"):
        return Check("progress invoicing", "ok", "Progress invoicing is off.")
    return Check(
        "progress invoicing",
        "warning",
        "Progress invoicing is on (UsingProgressInvoicing).",
        f"Make no part invoices of our estimates by hand; or: {_SALES} → Progress Invoicing.",
    )


def _prices(sales: Facts) -> Check:
    if not sales.get("UsingPriceLevels"):
        return Check("price rules", "ok", "Price rules are off.")
    return Check(
        "price rules",
        "warning",
        "Price rules are on (UsingPriceLevels): they change prices when somebody opens and saves"
        " a document by hand.",
        f"Turn them off if you do not use them: {_SALES} → Products and services.",
    )


def _products(products: Facts) -> Check:
    if products.get("ForSales", True):
        return Check("products on forms", "ok", "Sales forms show Product/Service.")
    return Check(
        "products on forms",
        "warning",
        "Sales forms do not show the column Product/Service (ForSales).",
        f"Turn it on: {_SALES} → Products and services → Show Product/Service column.",
    )


def _currency(currency: Facts) -> Check:
    home = currency.get("HomeCurrency", {}).get("value", "USD")
    if not currency.get("MultiCurrencyEnabled") and home == "USD":
        return Check("currency", "ok", "One currency, USD.")
    return Check(
        "currency",
        "stop",
        f"The company keeps {home}" + (" and others." * bool(currency.get("MultiCurrencyEnabled"))),
        "qbosync serves companies with one currency, US dollars.",
    )


def _closed(accounting: Facts) -> Check:
    day = accounting.get("BookCloseDate")
    words = f"The books are closed until {day}." if day else "The books are not closed."
    return Check("closed books", "ok", words)


def _company(info: Facts) -> list[Check]:
    country = str(info.get("Country", "US"))
    names = {row.get("Name"): row.get("Value") for row in info.get("NameValue", [])}
    subscription = str(names.get("SubscriptionStatus") or "")
    plan = str(names.get("OfferingSku") or "")
    is_here = country in ("US", "USA")
    has_ended = subscription in ("EXPIRED", "CANCELLED", "SUSPENDED")
    is_small = any(word in plan for word in ("Self-Employed", "Self Employed", "Solopreneur"))
    return [
        Check("country", "ok" if is_here else "stop", f"The company is in {country}.",
              "" if is_here else "qbosync serves companies in the United States."),
        Check("subscription", "stop" if has_ended else "ok",
              f"The subscription is {subscription or 'not shown'}.",
              "Renew it in QuickBooks: gear icon → Subscriptions and billing." * has_ended),
        Check("plan", "warning" if is_small else "ok", f"The plan is {plan or 'not shown'}.",
              "It has no estimates and invoices of the usual kind: take another plan." * is_small),
    ]  # fmt: skip
