"""Credit memos, and the receipts that take or give money at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import auto, faults, journal, links
from ..jsons import ZERO, Json, cents
from ..provenance import REPORTED, rule
from .base import pick, reference
from .sales import SalesForm

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule("a credit memo cannot be voided", REPORTED, "several clients")


class CreditMemoForm(SalesForm):
    """A credit memo: owed to the customer until it is spent."""

    def head(self, want: Json, old: Json | None) -> Json:
        """The credit left stands first."""
        return {"RemainingCredit": ZERO}

    def finish(
        self, company: Company, record: Record, want: Json, old: Json | None, body: Json
    ) -> None:
        """What is left."""
        spent = old["TotalAmt"] - old["RemainingCredit"] if old else ZERO
        body["RemainingCredit"] = body["Balance"] = cents(body["TotalAmt"] - spent)

    def after(self, company: Company, record: Record, old: Json | None) -> None:
        """A new one may be spent at once; a smaller one gives back."""
        if old is None:
            auto.spend_new_credit(company, record)
        elif (body := record.read())["RemainingCredit"] < 0:
            links.release(company, "CreditMemo", str(record.id), most=body["TotalAmt"])

    def empty(self, company: Company, record: Record) -> Json:
        """There is no void by the API."""
        if not company.unlocked:
            raise faults.unsupported_operation("void of CreditMemo")
        links.release(company, "CreditMemo", str(record.id))
        return {**super().empty(company, record), "RemainingCredit": ZERO}

    def release(self, company: Company, record: Record) -> None:
        """Give back what it paid."""
        links.release(company, "CreditMemo", str(record.id))


class ReceiptForm(SalesForm):
    """A sales receipt, or a refund receipt: money at once."""

    needs_customer = False

    def finish(
        self, company: Company, record: Record, want: Json, old: Json | None, body: Json
    ) -> None:
        """Where the money goes, or comes from."""
        ref = want.get("DepositToAccountRef")
        if ref:
            account = reference(company, "Account", ref, "DepositToAccountRef", old=ref)
            body["DepositToAccountRef"] = company.ref(account)
        elif self.name == "RefundReceipt":
            raise faults.required("DepositToAccountRef")
        else:
            account = company.need("Account", journal.undeposited(company))
            body["DepositToAccountRef"] = company.ref(account)
        body["Balance"] = ZERO
        if self.name == "SalesReceipt":
            body.setdefault("LinkedTxn", [])
        body.update(pick(want, ("PaymentRefNum",)))
