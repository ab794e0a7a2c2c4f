"""Estimates, invoices, credit memos and receipts: what they share and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import faults
from ..jsons import ZERO, Json, cents
from ..provenance import ASSUMED, RECORDED, REPORTED, rule
from . import numbers, tax
from .base import Form, reference
from .lines import sales_lines
from .names import address

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule(
    "addresses are copied from the customer with the customer's Ids; e-mail, memo and term are not",
    RECORDED,
    "sandbox 2026",
)
rule(
    "a document of a customer without ShipAddr has none, and FreeFormAddress false",
    RECORDED,
    "invoices of 2024",
)
rule("NeedToSend brings DeliveryInfo with the type Email", RECORDED, "sandbox 2016-2026")
rule(
    "custom fields that the company defined are on each document, without value until given one",
    RECORDED,
    "sandbox 2016-2022",
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
rule("the note of a void goes before what was there", ASSUMED, "`Voided - …`")
FLAGS = (
    "AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment",
    "AllowOnlineACHPayment",
)  # fmt: skip
REFS = {"SalesTermRef": "Term", "ClassRef": "Class", "DepartmentRef": "Department",
        "PaymentMethodRef": "PaymentMethod"}  # fmt: skip
COMPUTED = frozenset(
    ("TotalAmt", "Balance", "RemainingCredit", "HomeTotalAmt", "HomeBalance", "LinkedTxn", "Line",
     "TxnTaxDetail", "AutoDocNumber", "DocNumber", "FreeFormAddress", "ShipFromAddr",
     "DeliveryInfo",
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
        day = want.get("TxnDate") or company.today
        items, discounts, subtotal = sales_lines(company, record, want["Line"], old, day)
        taxed = tax.tax_of(company, items, discounts, want.get("TxnTaxDetail"))
        taken_off = sum((line["Amount"] for line in discounts), ZERO)
        total = cents(subtotal - taken_off + taxed.get("TotalTax", ZERO))
        if total < 0:
            raise faults.business("The transaction amount must be 0 or greater.")
        body: Json = {**self.head(want, old), **company.common(record)}
        body["CustomField"] = want.get("CustomField") or defined_fields(company)
        number = numbers.number_for(company, record, want, old)
        if number is not None:
            body["DocNumber"] = number
        body["TxnDate"] = day
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
            {
                "Amount": cents(subtotal),
                "DetailType": "SubTotalLineDetail",
                "SubTotalLineDetail": {},
            },
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
        if body["EmailStatus"] == "NeedToSend":
            body["DeliveryInfo"] = {"DeliveryType": "Email"}
        elif old and "DeliveryInfo" in old and body["EmailStatus"] == "EmailSent":
            body["DeliveryInfo"] = old["DeliveryInfo"]
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
        for key in ("BillAddr", "ShipAddr"):
            sent = want.get(key)
            if sent:
                body[key] = address(company, sent, (old or {}).get(key))
            elif default := own.get(key):
                body[key] = default
        body["FreeFormAddress"] = "ShipAddr" in body
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


def defined_fields(company: Company) -> list[Json]:
    """The company's own fields on sales forms, without values."""
    told = {
        one["Name"].removeprefix("SalesFormsPrefs."): one.get(
            "BooleanValue", one.get("StringValue")
        )
        for group in company.pref("SalesFormsPrefs", "CustomField") or ()
        for one in group.get("CustomField", ())
    }
    return [
        {"DefinitionId": n, "Name": told[f"SalesCustomName{n}"], "Type": "StringType"}
        for n in "123"
        if told.get(f"UseSalesCustom{n}") and told.get(f"SalesCustomName{n}")
    ]


def _emptied(line: Json) -> Json:
    out = {k: v for k, v in line.items() if k != "LinkedTxn"}
    if "Amount" in out:
        out["Amount"] = ZERO
    detail = out.get("SalesItemLineDetail")
    if detail:
        zeroed = {k: ZERO for k in ("UnitPrice", "Qty") if k in detail}
        out["SalesItemLineDetail"] = {**detail, **zeroed}
    return out
