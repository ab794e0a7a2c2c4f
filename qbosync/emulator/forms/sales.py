"""Estimates, invoices, credit memos and receipts: what they share and where they differ."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from .. import faults, links
from ..jsons import ZERO, Json, cents
from ..provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule, switch
from . import numbers, tax
from .base import Form, pick, reference
from .lines import sales_lines
from .names import address

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule("DueDate is the term's or 30 days after TxnDate, though no term is shown", RECORDED, "sandbox 2020-2024")
rule(
    "addresses are copied from the customer with the customer's Ids; e-mail, memo and term are not",
    RECORDED,
    "sandbox 2026",
)
rule("TotalAmt that a request carries is ignored", RECORDED, "sandbox 2019")
rule(
    "an estimate shows no LinkedTxn until linked, an invoice always, a credit memo never",
    RECORDED,
    "sandbox 2026",
)
rule("a negative total is 6000", REPORTED, "production code; text assumed")
rule(
    "voiding keeps number, dates and lines, sets every amount to 0 and the note to `Voided`",
    RECORDED,
    "invoice 2022",
)
rule("voiding or deleting an invoice frees the payments on it", DOCUMENTED, "invoice reference")
rule("a credit memo cannot be voided", REPORTED, "several clients")
rule("making an invoice smaller than what was paid frees the newest money first", ASSUMED, "")
rule("the note of a void goes before what was there", ASSUMED, "`Voided - …`")
switch(
    "full-update-unlinks", "yes", "no",
    text="whether a full update of an invoice without LinkedTxn unlinks its estimate",
)  # fmt: skip
FLAGS = (
    "AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment",
    "AllowOnlineACHPayment",
)  # fmt: skip
STATUSES = ("Pending", "Accepted", "Closed", "Rejected", "Converted")
REFS = {"SalesTermRef": "Term", "ClassRef": "Class", "DepartmentRef": "Department",
        "PaymentMethodRef": "PaymentMethod"}  # fmt: skip
COMPUTED = frozenset(
    ("TotalAmt", "Balance", "RemainingCredit", "HomeTotalAmt", "HomeBalance", "LinkedTxn", "Line",
     "TxnTaxDetail", "AutoDocNumber", "DocNumber", "FreeFormAddress", "ShipFromAddr", "DeliveryInfo",
     "Id", "SyncToken", "MetaData", "domain", "sparse", "status", *FLAGS)
)  # fmt: skip


class SalesForm(Form):
    """A document of lines for a customer."""

    needs_customer = True

    def build(self, company: Company, record: Record, want: Json, old: Json | None) -> Json:
        """Lines, tax and totals computed; references checked; defaults filled in."""
        if not want.get("Line"):
            raise faults.required("Line")
        customer = self._customer(company, want, old)
        items, discounts, subtotal = sales_lines(company, record, want["Line"], old)
        taxed = tax.tax_of(company, items, discounts)
        taken_off = sum((line["Amount"] for line in discounts), ZERO)
        total = cents(subtotal - taken_off + taxed.get("TotalTax", ZERO))
        if total < 0:
            raise faults.business("The transaction amount must be 0 or greater.")
        body: Json = {**self.head(want, old), **company.common(record)}
        body["CustomField"] = want.get("CustomField", [])
        number = numbers.number_for(company, record, want, old)
        if number is not None:
            body["DocNumber"] = number
        body["TxnDate"] = want.get("TxnDate") or company.today
        body["CurrencyRef"] = {"value": "USD", "name": "United States Dollar"}
        for key, entity in REFS.items():
            if key in want:
                before = (old or {}).get(key)
                found = reference(company, entity, want[key], key, old=before)
                body[key] = company.ref(found)
        if "PrivateNote" in want:
            body["PrivateNote"] = want["PrivateNote"]
        body["Line"] = [
            *items,
            {"Amount": cents(subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
            *discounts,
        ]
        body["TxnTaxDetail"] = taxed
        if customer is not None:
            body["CustomerRef"] = company.ref(customer)
        self._addresses(company, customer, want, old, body)
        body["TotalAmt"] = total
        body["ApplyTaxAfterDiscount"] = want.get("ApplyTaxAfterDiscount", False)
        body["PrintStatus"] = want.get("PrintStatus", "NeedToPrint")
        body["EmailStatus"] = want.get("EmailStatus", "NotSet")
        if body["EmailStatus"] == "NeedToSend" and not want.get("BillEmail"):
            raise faults.fault(
                "6420", "Email Address is required", "Email address is required for NeedToSend"
            )
        for key, value in want.items():
            if key not in body and key not in COMPUTED:
                body[key] = value
        self.finish(company, record, want, old, body)
        return body

    def head(self, want: Json, old: Json | None) -> Json:
        """What stands before the common properties."""
        return {}

    def finish(
        self, company: Company, record: Record, want: Json, old: Json | None, body: Json
    ) -> None:
        """What the kind of document adds."""

    def _customer(self, company: Company, want: Json, old: Json | None) -> Record | None:
        ref = want.get("CustomerRef")
        if not ref or not ref.get("value"):
            if self.needs_customer:
                raise faults.required("CustomerRef")
            return None
        customer = company.find("Customer", ref["value"])
        was = ((old or {}).get("CustomerRef") or {}).get("value")
        if customer is None or (not customer.active and was != ref["value"]):
            raise faults.invalid_customer()
        return customer

    def _addresses(
        self, company: Company, customer: Record | None, want: Json, old: Json | None, body: Json
    ) -> None:
        own = customer.read() if customer else {}
        for key, instead in (("BillAddr", "ShipAddr"), ("ShipAddr", "BillAddr")):
            sent = want.get(key)
            if sent:
                body[key] = address(company, sent, (old or {}).get(key))
            elif default := own.get(key) or own.get(instead):
                body[key] = default
        body["FreeFormAddress"] = True
        body["ShipFromAddr"] = {"Id": "1", "Line1": "100 Example St", "Line2": "Boise, ID  83702"}

    def empty(self, company: Company, record: Record) -> Json:
        """All amounts 0, no links, the note saying so."""
        old = record.read()
        body = {**old, "TotalAmt": ZERO, "TxnTaxDetail": {"TotalTax": ZERO}}
        body["Line"] = [_emptied(line) for line in old["Line"]]
        if "LinkedTxn" in body:
            body["LinkedTxn"] = []
        if "Balance" in body:
            body["Balance"] = ZERO
        note = old.get("PrivateNote")
        body["PrivateNote"] = f"Voided - {note}" if note else "Voided"
        return body


def _emptied(line: Json) -> Json:
    out = {k: v for k, v in line.items() if k != "LinkedTxn"}
    if "Amount" in out:
        out["Amount"] = ZERO
    detail = out.get("SalesItemLineDetail")
    if detail:
        zeroed = {k: ZERO for k in ("UnitPrice", "Qty") if k in detail}
        out["SalesItemLineDetail"] = {**detail, **zeroed}
    return out


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

    def release(self, company: Company, record: Record) -> None:
        """An invoice that links a deleted estimate loses the link."""
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


class InvoiceForm(SalesForm):
    """An invoice: owed by the customer, perhaps made from an estimate."""

    def head(self, want: Json, old: Json | None) -> Json:
        """The flags of online payment."""
        return {flag: want.get(flag, False) for flag in FLAGS}

    def finish(
        self, company: Company, record: Record, want: Json, old: Json | None, body: Json
    ) -> None:
        """Due date, links and balance."""
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
        if "LinkedTxn" in want:
            wanted = links.estimate_links(want)
        elif old and company.assume["full-update-unlinks"] == "no":
            wanted = links.estimate_links(old)
        else:
            wanted = []
        if "LinkedTxn" not in want and not old:
            wanted = [
                number for line in want["Line"] for number in links.estimate_links(line)
            ]
        return links.allowed_estimates(company, record, customer, wanted)

    def after(self, company: Company, record: Record, old: Json | None) -> None:
        """Estimates follow; money that no longer fits is freed; a new one may take credits."""
        body = record.read()
        links.move_estimates(company, record, old, body)
        number = str(record.id)
        if old is None:
            links.spend_on_new_invoice(company, record)
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
            links.spend_new_credit(company, record)
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
            from ..journal import undeposited

            account = company.need("Account", undeposited(company))
            body["DepositToAccountRef"] = company.ref(account)
        body["Balance"] = ZERO
        if self.name == "SalesReceipt":
            body.setdefault("LinkedTxn", [])
        body.update(pick(want, ("PaymentRefNum",)))


def due_date(company: Company, body: Json) -> str:
    """TxnDate and the days of the term, or of the company's default term."""
    ref = body.get("SalesTermRef") or company.pref("SalesFormsPrefs", "DefaultTerms")
    term = company.find("Term", ref["value"]) if ref else None
    days = int(term.read().get("DueDays", 30)) if term else 30
    try:
        return (date.fromisoformat(body["TxnDate"]) + timedelta(days=days)).isoformat()
    except ValueError:
        raise faults.invalid_date("TxnDate", body["TxnDate"]) from None
