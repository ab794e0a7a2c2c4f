"""QuickBooks' own sales tax: why it must be off.

When it is on, the company taxes on top of what the client sends, so that a client whose tax comes
as a line has it twice.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ..jsons import ZERO, Json, cents, plain
from ..provenance import ASSUMED, RECORDED, REPORTED, rule, switch

if TYPE_CHECKING:
    from ..company import Company

rule("the shape of TxnTaxDetail with and without tax", RECORDED, "sandbox 2024-2026")
rule(
    "with automated sales tax a line without TaxCodeRef is taxable; without it the item decides",
    REPORTED,
    "production code; sandbox 2026 for the second half",
)
rule(
    "without automated sales tax a document is taxed only under the tax code that it names",
    RECORDED,
    "invoices of 2024 with taxable lines, made on the screen",
)
rule("the tax rate is 8 %", RECORDED, "demo company")
switch(
    "doubled-tax", "yes", "no",
    text="with sales tax on, a document whose tax comes as a line on a liability account is taxed"
    " again by QuickBooks, though its lines say NON",
)  # fmt: skip
rule("the doubled tax is computed on all lines but the tax line", ASSUMED, "the guide says doubled")
RATE = Decimal(8)
NO_TAX: Json = {"TotalTax": ZERO}


def tax_of(
    company: Company, items: list[Json], discounts: list[Json], sent: Json | None = None
) -> Json:
    """The TxnTaxDetail of a document."""
    if not company.pref("TaxPrefs", "PartnerTaxEnabled") and not (sent or {}).get("TxnTaxCodeRef"):
        return dict(NO_TAX)
    if not company.preferences["TaxPrefs"]["UsingSalesTax"]:
        return dict(NO_TAX)
    base = ZERO
    others = ZERO
    has_tax_line = False
    for line in items:
        detail = line.get("SalesItemLineDetail")
        if detail is None:
            continue
        if _is_tax_line(company, detail):
            has_tax_line = True
        else:
            others += line["Amount"]
        if detail["TaxCodeRef"]["value"] == "TAX":
            base += line["Amount"]
    if has_tax_line and company.assume.on("doubled-tax"):
        base = max(base, others)
    tax = cents(base * RATE / 100)
    if tax <= 0:
        return dict(NO_TAX)
    return {
        "TxnTaxCodeRef": {"value": "2"},
        "TotalTax": tax,
        "TaxLine": [
            {
                "Amount": tax,
                "DetailType": "TaxLineDetail",
                "TaxLineDetail": {
                    "TaxRateRef": {"value": "3"},
                    "PercentBased": True,
                    "TaxPercent": plain(RATE),
                    "NetAmountTaxable": cents(base),
                },
            }
        ],
    }


def _is_tax_line(company: Company, detail: Json) -> bool:
    ref = detail.get("ItemAccountRef")
    account = company.store.get("Account", ref["value"]) if ref else None
    return account is not None and account.read()["AccountType"] == "Other Current Liability"
