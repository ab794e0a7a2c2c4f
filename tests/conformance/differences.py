"""What may differ and why, in writing; anything else that differs is a new difference.

`CHANGES` are habits that QuickBooks gave up: an exchange whose every difference is one of them is
superseded by the newer exchange named, which has to be newer indeed and has to agree.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .corpus import Exchange


class Change(NamedTuple):
    """What an old recording shows otherwise, and the newer one that shows it as it is."""

    entity: str
    operation: str
    difference: re.Pattern[str]
    newer: str
    what: str


def _change(entity: str, operation: str, difference: str, newer: str, what: str) -> Change:
    return Change(entity, operation, re.compile(difference), newer, what)


MORE_SHOWN = r"\.(FreeFormAddress|CustomExtensions|ItemAccountRef|LastModifiedByRef): only here"
CHANGES = (
    _change("Customer", "query", r"\.(ClientEntityId|IsProject|V4IDPseudonym): only here",
            "integration-templates-dc1d0f925d", "customers show more since 2024"),
    _change("Customer", "read", r"\.(IsProject|V4IDPseudonym): only here",
            "integration-templates-79a85a39f5", "customers show more since 2024"),
    _change("Invoice", "", MORE_SHOWN,
            "integration-templates-e9925cb741", "sales forms show more since 2024"),
    _change("Batch", "", MORE_SHOWN,
            "integration-templates-e9925cb741", "sales forms show more since 2024"),
    _change("CreditMemo", "", MORE_SHOWN,
            "integration-templates-8dc100fda2", "sales forms show more since 2024"),
    _change("ChangeDataCapture", "", MORE_SHOWN,
            "integration-templates-556ed15e3f", "sales forms show more since 2024"),
    _change("Deposit", "", r"\.(CustomExtensions|TxnTaxDetail): only here",
            "integration-templates-bc2b591b66", "deposits show more since 2026"),
    _change("Customer", "query refused", r"^(status: 200|header )",
            "qbo-api-544164b046", "a wrong query is HTTP 400 since 2016"),
    _change("", "", r"^header service-time: only here",
            "qbo-api-16952e81ea", "the header Service-Time came in 2018"),
    _change("Invoice", "create refused", r"^Fault\.Error\[\]\.Detail: another value",
            "quickbooks-v3-dotnet-sdk-feb221d49f", "2010 names no property since 2026"),
)  # fmt: skip

DIFFERENCES = {
    "quickbooks-c6afc31abe":
        "its author trimmed the reply: startPosition, maxResults and time are in every other list",
    "integration-templates-0824d07055":
        "an invoice of the demo company whose tax contradicts the tax codes of its lines; the API"
        " cannot make one, so that sending it is tested by the emulator's own tests",
}  # fmt: skip


def explained(exchange: Exchange, difference: str) -> Change | None:
    """The change that explains a difference of an old recording."""
    for change in CHANGES:
        fits = change.entity in ("", exchange.entity)
        fits = fits and change.operation in ("", exchange.operation)
        if fits and change.difference.search(difference):
            return change
    return None
