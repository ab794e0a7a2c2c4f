"""What the books say: A/R ageing, journal, trial balance.  Sums are of whole cents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from . import journal as books
from .pages_html import Child, cents, link, sides, table, tag
from .pages_list import customer_link, reference
from .predicate import peek
from .store import Record

if TYPE_CHECKING:
    from .company import Company

AGES = ((0, "Current"), (30, "1-30"), (60, "31-60"), (90, "61-90"))
PAGE = 100


def ageing(company: Company) -> Child:
    """Who owes what, by days past due; unapplied payments and credits by their own date."""
    rows = []
    sums = [0] * 6
    for customer, found in company.store.open_of.items():
        columns = [0] * 5
        for record in found.values():
            columns[_age(company, record)] += record.open
        if not any(record.open for record in found.values()):
            continue
        amounts = [*columns, sum(columns)]
        sums = [a + b for a, b in zip(sums, amounts, strict=True)]
        owner = company.store.get("Customer", customer)
        key = owner.name.lower() if owner else ""
        rows.append((key, (reference(company, "Customer", customer), *map(cents, amounts))))
    rows.sort(key=lambda row: row[0])
    heads = ("Customer", *(f">{name}" for _, name in AGES), ">91 and over", ">Total")
    held = sum(company.store.receivable.values())
    same = "agree" if held == sums[-1] else "DO NOT AGREE"
    return [
        tag("p", f"As of {company.today}, by due date."),
        table(heads, [row for _, row in rows], ("Total", *map(cents, sums))),
        tag("p", f"Open documents {Decimal(sums[-1]) / 100:,.2f} and accounts receivable"
            f" {Decimal(held) / 100:,.2f} {same}."),
    ]  # fmt: skip


def _age(company: Company, record: Record) -> int:
    due = peek(record).get("DueDate") or record.date
    days = (date.fromisoformat(company.today) - date.fromisoformat(due[:10])).days
    for at, (most, _name) in enumerate(AGES):
        if days <= most:
            return at
    return len(AGES)


def journal(company: Company, query: Mapping[str, str]) -> Child:
    """Every posting document with its entries, newest first."""
    found = [r for kind in books.POSTING for r in company.store.all(kind) if r.posted]
    found.sort(key=lambda r: (r.date, r.id), reverse=True)
    told = query.get("page", "1")
    at = max(int(told) if told.isascii() and told.isdigit() else 1, 1)
    rows = []
    for record in found[(at - 1) * PAGE : at * PAGE]:
        document: Child = [
            f"{record.entity.name} ",
            reference(company, record.entity.name, record.id),
        ]
        for place, (account, amount) in enumerate(record.posted):
            is_first = place == 0
            own = account == company.store.receivable_account
            rows.append(
                (record.date if is_first else "", document if is_first else "",
                 reference(company, "Account", account),
                 customer_link(company, record) if own else "",
                 *sides(amount))
            )  # fmt: skip
    more = None
    if at * PAGE < len(found):
        more = link(f"/company/{company.realm_id}/journal?{urlencode({'page': at + 1})}", "Older")
    heads = ("Date", "Document", "Account", "Customer", ">Debit", ">Credit")
    return [tag("p", f"{len(found)} documents post to the books. "), table(heads, rows),
            tag("p", more)]  # fmt: skip


def trial(company: Company) -> Child:
    """The balance of every account that anything was posted to."""
    rows = []
    debit = credit = 0
    for account, amount in sorted(company.store.accounts.items()):
        if not amount:
            continue
        debit += max(amount, 0)
        credit += max(-amount, 0)
        record = company.store.get("Account", account)
        kind = peek(record)["AccountType"] if record else ""
        rows.append((reference(company, "Account", account), kind,
                     *sides(amount)))  # fmt: skip
    heads = ("Account", "Type", ">Debit", ">Credit")
    return table(heads, rows, ("Total", "", cents(debit), cents(credit)))
