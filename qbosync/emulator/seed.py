"""What a new company holds: its chart of accounts, terms, payment methods, one item."""

from __future__ import annotations

from .company import Company
from .forms import form_of
from .jsons import Json
from .provenance import ASSUMED, DOCUMENTED, RECORDED, rule

rule("the accounts 1-10 of a new company", RECORDED, "chart of accounts of a new company")
rule("terms 1-5 and payment methods 1-7", DOCUMENTED, "reference samples")
rule("item 1 is Services", RECORDED, "sandbox companies")
rule(
    "a new company also has Checking, Sales Tax Collected, Discounts given and Other Income",
    ASSUMED,
    "for convenience",
)
ACCOUNTS = (
    ("Services", "Income", "ServiceFeeIncome"),
    ("Retained Earnings", "Equity", "RetainedEarnings"),
    ("Purchases", "Expense", "SuppliesMaterials"),
    ("Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    ("Inventory Asset", "Other Current Asset", "Inventory"),
    ("Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("Uncategorized Income", "Income", "ServiceFeeIncome"),
    ("Uncategorized Expense", "Expense", "OtherMiscellaneousServiceCost"),
    ("Uncategorized Asset", "Other Current Asset", "OtherCurrentAssets"),
    ("Checking", "Bank", "Checking"),
    ("Sales Tax Collected", "Other Current Liability", "OtherCurrentLiabilities"),
    ("Discounts given", "Income", "DiscountsRefundsGiven"),
    ("Other Income", "Other Income", "OtherMiscellaneousIncome"),
    ("Bad Debts", "Expense", "BadDebts"),
)
TERMS = (("Due on receipt", 0), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60), ("Net 10", 10))
METHODS = (
    ("Cash", "NON_CREDIT_CARD"),
    ("Check", "NON_CREDIT_CARD"),
    ("Visa", "CREDIT_CARD"),
    ("MasterCard", "CREDIT_CARD"),
    ("Discover", "CREDIT_CARD"),
    ("American Express", "CREDIT_CARD"),
    ("Diners Club", "CREDIT_CARD"),
)


def fill(company: Company) -> None:
    """Give a new company what QuickBooks gives it."""
    company.operate(lambda: _fill(company))
    company.counters["born"] = int(company.now)


def _fill(company: Company) -> None:
    for number, (name, kind, subtype) in enumerate(ACCOUNTS, 1):
        company.make_account(name, kind, subtype, number)
    for name, days in TERMS:
        _make(company, "Term", {"Name": name, "DueDays": days})
    for name, kind in METHODS:
        _make(company, "PaymentMethod", {"Name": name, "Type": kind})
    _make(company, "Item", {"Name": "Services", "IncomeAccountRef": {"value": "1"}})


def _make(company: Company, entity: str, body: Json) -> None:
    form_of(entity).create(company, body)
