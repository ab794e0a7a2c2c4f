"""Payments: money received, and what it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import auto, faults, journal, links, standing
from ..catalogue import decimal
from ..jsons import ZERO, Json, cents
from ..provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule
from .base import Form, reference

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule(
    "without account a payment goes to Undeposited Funds; account and method show no name",
    RECORDED,
    "sandbox 2026",
)
rule(
    "lines are all or none: sent lines replace all, an empty list removes all",
    DOCUMENTED,
    "payment reference",
)
rule(
    "a payment without TotalAmt is 6000 `You must set a transaction amount.`",
    DOCUMENTED,
    "reference",
)
rule(
    "charges above total and credits are 6000 `Amount Received plus credits can't be less than"
    " selected charges`",
    RECORDED,
    "pasted reply",
)
rule(
    "a payment of 0 with a charge and a credit of equal sums spends the credit",
    REPORTED,
    "several clients",
)
rule("a payment of 0 shows no DepositToAccountRef", RECORDED, "sandbox 2026")
rule(
    "payment lines carry LineEx with txnId, txnOpenBalance and txnReferenceNumber",
    RECORDED,
    "sandbox 2024-2026",
)
rule(
    "voiding a payment leaves total 0, no lines and the note `Voided`",
    RECORDED,
    "fixture; live notes",
)
rule("one LinkedTxn per payment line", DOCUMENTED, "payment reference")
rule(
    "any effective change of a deposited payment is 6540",
    DOCUMENTED,
    "for header-only changes assumed",
)
rule("money goes to bank and other current asset accounts only", DOCUMENTED, "code 6000 assumed")
rule("what is over stays unapplied", RECORDED, "sandbox notes 2026")
rule("credits in excess of charges are 6000", ASSUMED, "the sum rule read both ways")
TYPES = ("Invoice", "CreditMemo")
IGNORED = ("JournalEntry", "Expense", "Check", "CreditCardCredit")
PLAIN = (
    "PaymentMethodRef", "PaymentRefNum", "TotalAmt", "UnappliedAmt", "ProcessPayment", "Line",
    "LinkedTxn", "DepositToAccountRef", "CustomerRef", "CurrencyRef", "TxnDate", "PrivateNote",
)  # fmt: skip


class PaymentForm(Form):
    """A payment of a customer."""

    def build(self, company: Company, record: Record, want: Json, old: Json | None) -> Json:
        """Header, lines checked, what is left computed."""
        customer = self._customer(company, want, old)
        if "TotalAmt" not in want:
            raise faults.business("You must set a transaction amount.")
        total = cents(decimal("TotalAmt", want["TotalAmt"]))
        if total < 0:
            raise faults.business("The transaction amount must be 0 or greater.")
        lines = self._lines(company, want, str(customer.id))
        voided = old is not None and not old["TotalAmt"]
        if not total and not lines and not voided:
            raise faults.business("You must set a transaction amount.")
        left = links.unapplied(total, lines)
        if left < 0 or left > total:
            raise faults.business(
                "Amount Received plus credits can't be less than selected charges"
            )
        body: Json = {"CustomerRef": company.ref(customer)}
        self._account(company, want, old, total, body)
        if method := want.get("PaymentMethodRef"):
            before = (old or {}).get("PaymentMethodRef")
            found = reference(company, "PaymentMethod", method, "PaymentMethodRef", old=before)
            body["PaymentMethodRef"] = {"value": str(found.id)}
        if want.get("PaymentRefNum"):
            body["PaymentRefNum"] = want["PaymentRefNum"]
        body["TotalAmt"] = total
        body["UnappliedAmt"] = cents(left)
        body["ProcessPayment"] = want.get("ProcessPayment", False)
        body.update(company.common(record))
        body["TxnDate"] = want.get("TxnDate") or company.today
        body["CurrencyRef"] = {"value": "USD", "name": "United States Dollar"}
        if want.get("PrivateNote"):
            body["PrivateNote"] = want["PrivateNote"]
        if old and "LinkedTxn" in old:
            body["LinkedTxn"] = old["LinkedTxn"]
        for key, value in want.items():
            if key not in body and key not in PLAIN:
                body[key] = value
        body["Line"] = links.make_lines(lines)
        return body

    def _customer(self, company: Company, want: Json, old: Json | None) -> Record:
        ref = want.get("CustomerRef")
        if not ref or not ref.get("value"):
            raise faults.required("CustomerRef")
        customer = company.find("Customer", ref["value"])
        was = ((old or {}).get("CustomerRef") or {}).get("value")
        if customer is None or (not customer.active and was != ref["value"]):
            raise faults.invalid_customer()
        return customer

    def _account(
        self, company: Company, want: Json, old: Json | None, total: object, body: Json
    ) -> None:
        ref = want.get("DepositToAccountRef")
        if ref:
            account = reference(
                company, "Account", ref, "DepositToAccountRef",
                old=(old or {}).get("DepositToAccountRef"),
            )  # fmt: skip
            if account.read()["AccountType"] not in ("Bank", "Other Current Asset"):
                raise faults.business("You need to select a different type of account.")
            body["DepositToAccountRef"] = {"value": str(account.id)}
        elif total:
            body["DepositToAccountRef"] = {"value": str(journal.undeposited(company))}

    def _lines(self, company: Company, want: Json, customer: str) -> list[links.Line]:
        out: list[links.Line] = []
        for line in want.get("Line", ()):
            if "Amount" not in line:
                raise faults.required("Line.Amount")
            linked = line.get("LinkedTxn") or []
            if len(linked) != 1 or not linked[0].get("TxnId"):
                raise faults.required("Line.LinkedTxn")
            kind, number = linked[0].get("TxnType"), linked[0]["TxnId"]
            if kind not in TYPES:
                raise faults.invalid_enum(kind)
            target = company.find(kind, number)
            if target is None:
                raise faults.not_found()
            if target.read()["CustomerRef"]["value"] != customer:
                if company.assume["foreign-invoice"] == "unapplied":
                    continue
                raise faults.fault(
                    "620",
                    "Transaction can't be linked",
                    f"TxnID Cannot Be Linked : {kind} {number}",
                )
            amount = cents(line["Amount"])
            if amount < 0:
                raise faults.business("Negative amounts can't be applied.")
            if amount:
                out.append((kind, str(number), amount))
        return out

    def after(self, company: Company, record: Record, old: Json | None) -> None:
        """Balances follow the lines; what is left may spill over."""
        links.move_money(company, record, links.lines_of(old), links.lines_of(record.read()))
        if old is None:
            auto.spill_over(company, record)

    def guard(self, company: Company, record: Record) -> None:
        """What stands on a deposit stays as it is."""
        if record.read().get("LinkedTxn") and not company.unlocked:
            raise standing.deposited()

    def empty(self, company: Company, record: Record) -> Json:
        """Nothing received, nothing paid."""
        old = record.read()
        note = old.get("PrivateNote")
        return {
            **old,
            "TotalAmt": ZERO,
            "UnappliedAmt": ZERO,
            "PrivateNote": f"Voided - {note}" if note else "Voided",
            "Line": [],
        }

    def release(self, company: Company, record: Record) -> None:
        """Invoices and credits get back what was applied."""
        links.move_money(company, record, links.lines_of(record.read()), [])
