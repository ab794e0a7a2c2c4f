"""Estimates: they post nothing and may become an invoice, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import faults
from ..jsons import Json
from .sales import SalesForm

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

STATUSES = ("Pending", "Accepted", "Closed", "Rejected", "Converted")


class EstimateForm(SalesForm):
    """An estimate: posts nothing, may become an invoice once."""

    def finish(
        self, company: Company, record: Record, want: Json, old: Json | None, body: Json
    ) -> None:
        """Its status; its link is computed."""
        if not company.pref("SalesFormsPrefs", "AllowEstimates") and old is None:
            raise faults.fault("5030", "Feature Not Supported", "Estimates are switched off")
        linked = old is not None and "LinkedTxn" in old
        status = want.get("TxnStatus") or (old["TxnStatus"] if old and linked else "Pending")
        if status not in STATUSES:
            raise faults.invalid_enum(status)
        body["TxnStatus"] = status
        if old and "LinkedTxn" in old:
            body["LinkedTxn"] = old["LinkedTxn"]

    def empty(self, company: Company, record: Record) -> Json:
        """An invoice that links it loses the link."""
        self.release(company, record)
        return super().empty(company, record)

    def release(self, company: Company, record: Record) -> None:
        """An invoice that links it loses the link."""
        for link in record.read().get("LinkedTxn", ()):
            invoice = company.find("Invoice", link["TxnId"])
            if invoice:
                body = company.touch(invoice)
                body["LinkedTxn"] = [
                    one for one in body["LinkedTxn"] if one["TxnId"] != str(record.id)
                ]
                body["Line"] = [
                    {k: v for k, v in line.items() if k != "LinkedTxn"} for line in body["Line"]
                ]
