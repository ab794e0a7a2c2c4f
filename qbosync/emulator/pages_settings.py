"""The company's settings, as switches, and closing the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .info import ENDED
from .pages_html import Child, button, field, table, tag

if TYPE_CHECKING:
    from .company import Company

SWITCHES = (
    ("TaxPrefs", "UsingSalesTax", "Sales tax"),
    ("SalesFormsPrefs", "AutoApplyCredit", "Automatically apply credits"),
    ("SalesFormsPrefs", "AutoApplyPayments", "Automatically apply payments"),
    ("SalesFormsPrefs", "CustomTxnNumbers", "Custom transaction numbers"),
    ("SalesFormsPrefs", "AllowEstimates", "Estimates"),
    ("SalesFormsPrefs", "AllowDiscount", "Discounts"),
    ("SalesFormsPrefs", "AllowShipping", "Shipping"),
    ("SalesFormsPrefs", "UsingProgressInvoicing", "Progress invoicing"),
    ("SalesFormsPrefs", "UsingPriceLevels", "Price rules"),
    ("AccountingInfoPrefs", "ClassTrackingPerTxn", "Classes, one for each transaction"),
    ("AccountingInfoPrefs", "ClassTrackingPerTxnLine", "Classes, one for each line"),
    ("AccountingInfoPrefs", "TrackDepartments", "Locations"),
    ("CurrencyPrefs", "MultiCurrencyEnabled", "Several currencies"),
)


def settings(company: Company) -> list[Child]:
    """The switches, each with its button."""
    to = f"/company/{company.realm_id}/do"
    rows = []
    for group, name, text in SWITCHES:
        is_on = bool(company.pref(group, name))
        hidden: dict[str, object] = {
            "action": "preferences",
            "back": "/settings",
            f"values.{group}.{name}": "false" if is_on else "true",
        }
        press = button(to, f"Switch {'off' if is_on else 'on'}: {text}", hidden)
        rows.append((text, tag("strong", "On") if is_on else "Off", press))
    return [table(("Setting", "Is", ""), rows), _closing(company, to), _subscription(company, to)]


def _closing(company: Company, to: str) -> Child:
    closed = company.pref("AccountingInfoPrefs", "BookCloseDate")
    hidden: dict[str, object] = {"action": "close_books", "back": "/settings"}
    out: list[Child] = [
        tag("h2", "Closing date"),
        tag("p", f"The books are closed until {closed}." if closed else "The books are open."),
        button(to, "Close the books", hidden, field("date", "until", closed or "", "date")),
    ]
    if closed:
        out.append(button(to, "Open the books", {"action": "open_books", "back": "/settings"}))
    return out


def _subscription(company: Company, to: str) -> Child:
    is_over = company.subscription == ENDED
    hidden: dict[str, object] = {
        "action": "subscription",
        "back": "/settings",
        "status": "PAID" if is_over else ENDED,
    }
    now = "has ended: programs may read, not write." if is_over else "is paid."
    return [
        tag("h2", "Subscription"),
        tag("p", f"The company's subscription {now}"),
        button(to, "Renew the subscription" if is_over else "End the subscription", hidden),
    ]
