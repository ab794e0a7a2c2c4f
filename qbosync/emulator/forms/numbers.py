"""Document numbers: the company's own series, the client's, and 6140."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import faults
from ..jsons import Json
from ..provenance import ASSUMED, DOCUMENTED, RECORDED, rule, switch

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule(
    "invoices, credit memos, sales and refund receipts draw from one series, estimates from"
    " their own; both begin with 1001",
    RECORDED,
    "sandbox 2026",
)
rule("a number given by the client does not move the series", DOCUMENTED, "estimate reference")
rule("an automatic number is not checked for being unique", RECORDED, "sandbox 2026")
rule("with CustomTxnNumbers and no number sent the document has none", DOCUMENTED, "reference")
rule("numbers compare without case", ASSUMED, "as names do")
switch(
    "number-when-automatic", "stored", "ignored",
    text="a DocNumber sent to a company that numbers by itself (stored is recorded, 2019)",
)  # fmt: skip
switch(
    "duplicate-number", "custom", "always", "never",
    text="when a taken DocNumber is 6140: with CustomTxnNumbers, always or never",
)  # fmt: skip


def number_for(company: Company, record: Record, want: Json, old: Json | None) -> str | None:
    """The number that a document gets."""
    kind = record.entity
    custom = bool(company.pref("SalesFormsPrefs", "CustomTxnNumbers"))
    before = (old or {}).get("DocNumber")
    sent = want.get("DocNumber")
    if not custom and company.assume["number-when-automatic"] == "ignored" and not old:
        sent = None
    if sent:
        when = company.assume["duplicate-number"]
        if sent != before and (custom or when == "always") and when != "never":
            _unique(company, record, sent)
        return str(sent)
    if before:
        return str(before)
    if old:
        return None
    if custom and not want.get("AutoDocNumber") and "autodocnumber" not in company.includes:
        return None
    series = "series:Estimate" if kind.name == "Estimate" else "series:sale"
    company.counters[series] = company.counters.get(series, 1000) + 1
    return str(company.counters[series])


def _unique(company: Company, record: Record, number: str) -> None:
    if "allowduplicatedocnum" in company.includes:
        return
    for other in company.store.numbered(record.entity.name, number).values():
        if other is not record:
            raise faults.duplicate_number(number, record.entity.shown, other.id)
