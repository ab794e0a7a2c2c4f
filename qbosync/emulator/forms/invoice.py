"""Invoices: owed by the customer, perhaps made from an estimate, paid by payments."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from .. import auto, faults, links
from ..jsons import ZERO, Json, cents
from ..provenance import ASSUMED, DOCUMENTED, RECORDED, rule, switch
from .sales import FLAGS, SalesForm

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule(
    "DueDate is the term's or 30 days after TxnDate, though no term is shown",
    RECORDED,
    "sandbox 2020-2024",
)
rule(
    "the flags of online payment are true where the company takes such payments",
    RECORDED,
    "sandbox 2026; the preference that says so is assumed",
)
rule("an invoice shows its Deposit, 0, where the company allows deposits", RECORDED, "sandbox 2019")
rule("voiding or deleting an invoice frees the payments on it", DOCUMENTED, "invoice reference")
rule("making an invoice smaller than what was paid frees the newest money first", ASSUMED, "")
switch(
    "full-update-unlinks", "yes", "no",
    text="whether a full update of an invoice without LinkedTxn unlinks its estimate",
)  # fmt: skip


class InvoiceForm(SalesForm):
    """An invoice: owed by the customer, perhaps made from an estimate."""

    def head(self, want: Json, old: Json | None) -> Json:
        """The flags of online payment."""
        return {flag: want.get(flag, False) for flag in FLAGS}

    def finish(
        self, company: Company, record: Record, want: Json, old: Json | None, body: Json
    ) -> None:
        """Due date, links and balance."""
        if company.pref("SalesFormsPrefs", "ETransactionPaymentEnabled"):
            for flag in ("AllowOnlineCreditCardPayment", "AllowOnlineACHPayment"):
                body[flag] = want.get(flag, True)
        if company.pref("SalesFormsPrefs", "AllowDeposit"):
            body.setdefault("Deposit", ZERO)
        if "DueDate" not in body:
            body["DueDate"] = due_date(company, body)
        estimates = self._estimates(company, record, want, old, body["CustomerRef"]["value"])
        payments = [one for one in (old or {}).get("LinkedTxn", ()) if one["TxnType"] == "Payment"]
        linked = [{"TxnId": number, "TxnType": "Estimate"} for number in estimates]
        body["LinkedTxn"] = [*payments, *linked]
        for line in body["Line"]:
            if line["DetailType"] == "SalesItemLineDetail":
                if linked:
                    line["LinkedTxn"] = list(linked)
                else:
                    line.pop("LinkedTxn", None)
        applied = old["TotalAmt"] - old["Balance"] if old else ZERO
        if applied and old and old["CustomerRef"]["value"] != body["CustomerRef"]["value"]:
            raise faults.business("You can't change the customer of a paid invoice.")
        body["Balance"] = cents(body["TotalAmt"] - applied)

    def _estimates(
        self, company: Company, record: Record, want: Json, old: Json | None, customer: str
    ) -> list[str]:
        if any(one.get("TxnType") in links.CHARGES for one in want.get("LinkedTxn", ())):
            raise faults.nothing_to_invoice()
        if "LinkedTxn" in want:
            wanted = links.estimate_links(want)
        elif old and company.assume["full-update-unlinks"] == "no":
            wanted = links.estimate_links(old)
        else:
            wanted = []
        if "LinkedTxn" not in want and not old:
            wanted = [number for line in want["Line"] for number in links.estimate_links(line)]
        return links.allowed_estimates(company, record, customer, wanted)

    def after(self, company: Company, record: Record, old: Json | None) -> None:
        """Estimates follow; money that no longer fits is freed; a new one may take credits."""
        body = record.read()
        links.move_estimates(company, record, old, body)
        number = str(record.id)
        if old is None:
            auto.spend_on_new_invoice(company, record)
        elif body["Balance"] < 0:
            links.release(company, "Invoice", number, most=body["TotalAmt"])

    def empty(self, company: Company, record: Record) -> Json:
        """Free the money first."""
        links.release(company, "Invoice", str(record.id))
        return super().empty(company, record)

    def release(self, company: Company, record: Record) -> None:
        """Free the estimate and the money."""
        links.release(company, "Invoice", str(record.id))
        links.move_estimates(company, record, record.read(), None)


def due_date(company: Company, body: Json) -> str:
    """TxnDate and the days of the term, or of the company's default term."""
    ref = body.get("SalesTermRef") or company.pref("SalesFormsPrefs", "DefaultTerms")
    term = company.find("Term", ref["value"]) if ref else None
    days = int(term.read().get("DueDays", 30)) if term else 30
    try:
        return (date.fromisoformat(body["TxnDate"]) + timedelta(days=days)).isoformat()
    except ValueError:
        raise faults.invalid_date("TxnDate", body["TxnDate"]) from None
