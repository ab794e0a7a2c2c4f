"""The double entry behind the documents.

Every posting balances: `postings()` gives (account, cents) with debits positive, summing to zero.
Estimates post nothing, and applying a payment posts nothing: only Accounts Receivable's
sub-ledger is matched.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from .jsons import ZERO, Json
from .provenance import ASSUMED, DOCUMENTED, RECORDED, rule

if TYPE_CHECKING:
    from .company import Company
    from .store import Posting, Record

rule(
    "Accounts Receivable and Undeposited Funds are made on first use",
    RECORDED,
    "chart of accounts of a new company",
)
rule("an expense posts from its account to those of its lines", DOCUMENTED, "purchase reference")
rule("a line posts to its item's income account", DOCUMENTED, "item reference")
rule(
    "tax of QuickBooks' own posts to a GlobalTaxPayable account made on first use",
    ASSUMED,
    "seen in demo companies",
)

DEBIT_TYPES = {
    "Bank", "Accounts Receivable", "Other Current Asset", "Fixed Asset", "Other Asset",
    "Expense", "Other Expense", "Cost of Goods Sold",
}  # fmt: skip
CLASSES = {
    "Bank": "Asset", "Accounts Receivable": "Asset", "Other Current Asset": "Asset",
    "Fixed Asset": "Asset", "Other Asset": "Asset", "Accounts Payable": "Liability",
    "Credit Card": "Liability", "Other Current Liability": "Liability",
    "Long Term Liability": "Liability", "Equity": "Equity", "Income": "Revenue",
    "Other Income": "Revenue", "Expense": "Expense", "Other Expense": "Expense",
    "Cost of Goods Sold": "Expense",
}  # fmt: skip
SUBTYPES = {
    "Bank": "CashOnHand", "Accounts Receivable": "AccountsReceivable",
    "Other Current Asset": "OtherCurrentAssets", "Fixed Asset": "OtherFixedAssets",
    "Other Asset": "OtherLongTermAssets", "Accounts Payable": "AccountsPayable",
    "Credit Card": "CreditCard", "Other Current Liability": "OtherCurrentLiabilities",
    "Long Term Liability": "OtherLongTermLiabilities", "Equity": "OpeningBalanceEquity",
    "Income": "SalesOfProductIncome", "Other Income": "OtherMiscellaneousIncome",
    "Expense": "OtherMiscellaneousServiceCost", "Other Expense": "OtherMiscellaneousExpense",
    "Cost of Goods Sold": "SuppliesMaterialsCogs",
}  # fmt: skip
RECEIVABLE = ("Accounts Receivable (A/R)", "Accounts Receivable")
UNDEPOSITED = ("Undeposited Funds", "Other Current Asset")
TAX_PAYABLE = ("State Sales Tax Payable", "Other Current Liability")
DISCOUNTS = ("Discounts given", "Income")


def account_body(common: Json, name: str, kind: str, subtype: str) -> Json:
    """An account as QuickBooks shows it."""
    return {
        "Name": name,
        "SubAccount": False,
        "FullyQualifiedName": name,
        "Active": True,
        "Classification": CLASSES.get(kind, "Asset"),
        "AccountType": kind,
        "AccountSubType": subtype,
        "CurrentBalance": ZERO,
        "CurrentBalanceWithSubAccounts": ZERO,
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
        **common,
    }


def shown_balance(account: Record, held: int) -> int:
    """Debits less credits as the account's own side shows it."""
    kind = account.read().get("AccountType")
    return held if kind in DEBIT_TYPES or kind == "Accounts Receivable" else -held


def postings(company: Company, name: str, body: Json) -> tuple[Posting, ...]:
    """What a document does to the books."""
    make = POSTING.get(name)
    if make is None:
        return ()
    sums: dict[int, int] = {}
    for account, amount in make(company, body):
        if amount:
            sums[account] = sums.get(account, 0) + int(amount * 100)
    return tuple((account, amount) for account, amount in sums.items() if amount)


Entries = list[tuple[int, Decimal]]


def _account(company: Company, subtype: str, make: tuple[str, str]) -> int:
    key = f"account:{subtype}"
    known = company.counters.get(key)
    if known and company.store.get("Account", known):
        return known
    record = company.account_of(subtype) or company.make_account(*make, subtype)
    company.counters[key] = record.id
    return record.id


def undeposited(company: Company) -> int:
    """The id of Undeposited Funds, which is made on first use."""
    return _account(company, "UndepositedFunds", UNDEPOSITED)


def receivable(company: Company) -> int:
    """The id of Accounts Receivable, which is made on first use."""
    return _account(company, "AccountsReceivable", RECEIVABLE)


def prepare(company: Company, name: str, body: Json) -> None:
    """Make the accounts that a document's posting will need."""
    if name in ("Invoice", "CreditMemo", "Payment"):
        receivable(company)
    if name in ("Payment", "SalesReceipt"):
        undeposited(company)
    if body.get("TxnTaxDetail", {}).get("TotalTax"):
        tax_account(company)
    if any(line.get("DetailType") == "DiscountLineDetail" for line in body.get("Line", ())):
        _account(company, "DiscountsRefundsGiven", DISCOUNTS)


def tax_account(company: Company) -> int:
    """The id of the account that QuickBooks' own sales tax is owed on."""
    return _account(company, "GlobalTaxPayable", TAX_PAYABLE)


def _income(company: Company, body: Json) -> Entries:
    """The credit side of a sales form."""
    out: Entries = []
    for line in body["Line"]:
        kind = line["DetailType"]
        if kind == "SalesItemLineDetail":
            account = line["SalesItemLineDetail"].get("ItemAccountRef") or {"value": "1"}
            out.append((int(account["value"]), -line["Amount"]))
        elif kind == "DiscountLineDetail":
            given = line["DiscountLineDetail"].get("DiscountAccountRef")
            account_id = (
                int(given["value"])
                if given
                else _account(company, "DiscountsRefundsGiven", DISCOUNTS)
            )
            out.append((account_id, line["Amount"]))
    if tax := body.get("TxnTaxDetail", {}).get("TotalTax"):
        out.append((tax_account(company), -tax))
    return out


def _invoice(company: Company, body: Json) -> Entries:
    return [(receivable(company), body["TotalAmt"]), *_income(company, body)]


def _credit(company: Company, body: Json) -> Entries:
    return [(account, -amount) for account, amount in _invoice(company, body)]


def _deposit_to(company: Company, body: Json) -> int:
    ref = body.get("DepositToAccountRef")
    return int(ref["value"]) if ref else undeposited(company)


def _receipt(company: Company, body: Json) -> Entries:
    return [(_deposit_to(company, body), body["TotalAmt"]), *_income(company, body)]


def _refund(company: Company, body: Json) -> Entries:
    return [(account, -amount) for account, amount in _receipt(company, body)]


def _payment(company: Company, body: Json) -> Entries:
    amount = body["TotalAmt"]
    return [(_deposit_to(company, body), amount), (receivable(company), -amount)]


def _deposit(company: Company, body: Json) -> Entries:
    out: Entries = [(int(body["DepositToAccountRef"]["value"]), body["TotalAmt"])]
    for line in body["Line"]:
        links = line.get("LinkedTxn")
        if links:
            source = company.store.get(links[0]["TxnType"], links[0]["TxnId"])
            account = _deposit_to(company, source.read()) if source else undeposited(company)
        else:
            account = int(line["DepositLineDetail"]["AccountRef"]["value"])
        out.append((account, -line["Amount"]))
    if back := body.get("CashBack"):
        out.append((int(back["AccountRef"]["value"]), Decimal(back["Amount"])))
    return out


def _purchase(company: Company, body: Json) -> Entries:
    """An expense or check: from its account to those of its lines."""
    paid = body.get("AccountRef")
    rows = [line for line in body.get("Line", ()) if "AccountBasedExpenseLineDetail" in line]
    if not paid or not rows:
        return []
    out = [
        (int(row["AccountBasedExpenseLineDetail"]["AccountRef"]["value"]), Decimal(row["Amount"]))
        for row in rows
    ]
    return [*out, (int(paid["value"]), -sum((amount for _, amount in out), ZERO))]


def _journal_entry(company: Company, body: Json) -> Entries:
    out: Entries = []
    for line in body.get("Line", ()):
        detail = line.get("JournalEntryLineDetail")
        if detail:
            sign = 1 if detail.get("PostingType") == "Debit" else -1
            out.append((int(detail["AccountRef"]["value"]), sign * Decimal(line["Amount"])))
    return out


POSTING = {
    "Invoice": _invoice,
    "CreditMemo": _credit,
    "SalesReceipt": _receipt,
    "RefundReceipt": _refund,
    "Payment": _payment,
    "Deposit": _deposit,
    "Purchase": _purchase,
    "JournalEntry": _journal_entry,
}


def entries(company: Company) -> list[Json]:
    """The whole journal, oldest document first, for people and for control."""
    found = [record for kind in POSTING for record in company.store.all(kind) if record.posted]
    found.sort(key=lambda r: (r.date, r.id))
    return [_entry(company, record) for record in found]


def _entry(company: Company, record: Record) -> Json:
    customer = company.store.get("Customer", record.customer) if record.customer else None
    named = customer.name if customer else None
    rows = []
    for account, amount in record.posted:
        row = company.store.get("Account", account)
        own = named if account == company.store.receivable_account else None
        rows.append(
            {
                "account": row.name if row else str(account),
                "customer": own,
                "debit": f"{Decimal(max(amount, 0)) / 100:.2f}",
                "credit": f"{Decimal(max(-amount, 0)) / 100:.2f}",
            }
        )
    return {
        "txn_type": record.entity.name,
        "txn_id": str(record.id),
        "date": record.date,
        "postings": rows,
    }
