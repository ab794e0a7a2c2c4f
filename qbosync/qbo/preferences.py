"""The company's settings that could hurt, each with its evidence and the way to it.

Pure.  The two hard stops come from the guide: sales tax that QuickBooks adds itself doubles
every tax, and automatic application pays the oldest invoice instead of the one that was
meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

_AUTOMATION = "gear icon → Account and settings → Advanced → Automation"
_SALES = "gear icon → Account and settings → Sales → Sales form content"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `level` is ok, warning or stop."""

    name: str
    level: str
    evidence: str
    todo: str = ""


Facts = Mapping[str, Any]


def company_checks(
    preferences: Facts, company_info: Facts | None, accepted: Collection[str]
) -> list[Check]:
    """All of them; `accepted` are the settings a person vouched for."""
    sales = preferences.get("SalesFormsPrefs", {})
    checks = [
        _sales_tax(preferences.get("TaxPrefs", {})),
        _credits(sales),
        _payments(sales, accepted),
        _bill_payments(accepted),
        _numbers(sales),
        _estimates(sales),
        _progress(sales),
        _currency(preferences.get("CurrencyPrefs", {})),
        _closed(preferences.get("AccountingInfoPrefs", {})),
    ]
    if company_info is not None:
        checks += _company(company_info)
    return checks


def _sales_tax(tax: Facts) -> Check:
    if not tax.get("UsingSalesTax"):
        return Check("sales tax", "ok", "QuickBooks Sales Tax is off.")
    return Check(
        "sales tax",
        "stop",
        "QuickBooks Sales Tax is on (UsingSalesTax): every invoice would be taxed twice.",
        "Turn it off: All apps → Sales Tax → Overview → Sales Tax Settings → Turn off sales tax.",
    )


def _credits(sales: Facts) -> Check:
    if not sales.get("AutoApplyCredit"):
        return Check("automatic credits", "ok", "Credits are not applied automatically.")
    return Check(
        "automatic credits",
        "stop",
        "Automatically apply credits is on (AutoApplyCredit): waiting payments would go to"
        " whichever invoice comes next.",
        f"Turn it off: {_AUTOMATION} → Automatically apply credits → Save.",
    )


def _payments(sales: Facts, accepted: Collection[str]) -> Check:
    if not sales.get("AutoApplyPayments"):
        return Check("automatic payments", "ok", "Payments are not applied automatically.")
    if "auto-apply-payments" in accepted:
        evidence = "QuickBooks still shows AutoApplyPayments; a person vouched that it is off."
        return Check("automatic payments", "warning", evidence)
    return Check(
        "automatic payments",
        "stop",
        "Automatic application of payments is on (AutoApplyPayments): surplus money would go"
        " to other invoices.",
        f"Turn everything off: {_AUTOMATION} → Save. If QuickBooks shows it all the same:"
        " qbosync check --accept auto-apply-payments.",
    )


def _bill_payments(accepted: Collection[str]) -> Check:
    if "bill-payments" in accepted:
        return Check("bill payments", "ok", "A person vouched that the switch is off.")
    return Check(
        "bill payments",
        "warning",
        "QuickBooks does not show whether Automatically apply bill payments is on, nor"
        " late fees, reminders and online payments.",
        f"Turn them off: {_AUTOMATION} → Save; then: qbosync check --accept bill-payments.",
    )


def _numbers(sales: Facts) -> Check:
    if sales.get("CustomTxnNumbers"):
        return Check("custom numbers", "ok", "Documents may bear the order's number.")
    return Check(
        "custom numbers",
        "warning",
        "Custom transaction numbers are off: QuickBooks may number documents by itself.",
        f"Turn them on: {_SALES} → Custom transaction numbers.",
    )


def _estimates(sales: Facts) -> Check:
    if sales.get("AllowEstimates", True):
        return Check("estimates", "ok", "Estimates are allowed.")
    return Check(
        "estimates", "stop", "Estimates are switched off (AllowEstimates).",
        "Turn them on: gear icon → Account and settings → Sales.",
    )  # fmt: skip


def _progress(sales: Facts) -> Check:
    if not sales.get("UsingProgressInvoicing"):
        return Check("progress invoicing", "ok", "Progress invoicing is off.")
    return Check(
        "progress invoicing", "warning", "Progress invoicing is on.",
        "Make no part invoices of our estimates by hand.",
    )  # fmt: skip


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
    rules: list[tuple[str, Callable[[], bool], str, str]] = [
        ("country", lambda: country in ("US", "USA"), f"The company is in {country}.",
         "qbosync serves companies in the United States."),
        ("subscription", lambda: subscription not in ("EXPIRED", "CANCELLED", "SUSPENDED"),
         f"The subscription is {subscription or 'not shown'}.", "Renew it in QuickBooks."),
    ]  # fmt: skip
    return [
        Check(name, "ok" if is_good() else "stop", evidence, "" if is_good() else todo)
        for name, is_good, evidence, todo in rules
    ]
