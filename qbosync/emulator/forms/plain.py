"""Objects that a sales client does not need but a company has: kept as they are sent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from .. import faults
from ..catalogue import decimal
from ..jsons import ZERO, Json, cents
from ..provenance import ASSUMED, DOCUMENTED, rule
from .base import Form

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule("the totals of plain documents are the sums of their lines", ASSUMED, "bill, purchase …")
rule(
    "an attachable is a note or names a file; files themselves are not kept",
    DOCUMENTED,
    "reference",
)
rule("a journal entry whose debits are not its credits is 6000", DOCUMENTED, "table of codes: 2300")


class PlainForm(Form):
    """A transaction without rules of its own."""

    def build(self, company: Company, record: Record, want: Json, old: Json | None) -> Json:
        """What was sent, with date, line ids and total."""
        common = company.common(record)
        rest = {k: v for k, v in want.items() if k not in common}
        if self.name == "Attachable":
            if not rest.get("FileName") and not rest.get("Note"):
                raise faults.required("Note")
            return {**rest, **common}
        if self.name != "TimeActivity":
            rest.setdefault("TxnDate", company.today)
        rest.setdefault("CurrencyRef", {"value": "USD", "name": "United States Dollar"})
        if "Line" in rest:
            rest["Line"] = self._lines(record, rest["Line"], old)
            total = sum((line.get("Amount", ZERO) for line in rest["Line"]), ZERO)
            rest["TotalAmt"] = self.total(rest["Line"], total)
        if self.name in ("Bill", "VendorCredit"):
            rest["Balance"] = rest.get("TotalAmt", ZERO)
        return {**rest, **common}

    def total(self, lines: list[Json], amount: Decimal) -> Decimal:
        """The document's total."""
        return cents(amount)

    def _lines(self, record: Record, sent: list[Json], old: Json | None) -> list[Json]:
        known = {line.get("Id") for line in (old or {}).get("Line", ())}
        out = []
        for one in sent:
            line = dict(one)
            if line.get("Id") not in known or line.get("Id") is None:
                record.last_line += 1
                line["Id"] = str(record.last_line)
            if "Amount" in line:
                line["Amount"] = cents(decimal("Amount", line["Amount"]))
            out.append(line)
        return out


class JournalEntryForm(PlainForm):
    """A journal entry."""

    def total(self, lines: list[Json], amount: Decimal) -> Decimal:
        """Debits, which must be the credits."""
        sides = {"Debit": ZERO, "Credit": ZERO}
        for line in lines:
            detail = line.get("JournalEntryLineDetail") or {}
            if detail.get("PostingType") not in sides:
                raise faults.required("Line.JournalEntryLineDetail.PostingType")
            if not detail.get("AccountRef"):
                raise faults.required("Line.JournalEntryLineDetail.AccountRef")
            sides[detail["PostingType"]] += line.get("Amount", ZERO)
        if sides["Debit"] != sides["Credit"]:
            raise faults.business("Debits must equal credits")
        return cents(sides["Debit"])
