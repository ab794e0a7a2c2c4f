"""Bank deposits: they move payments out of Undeposited Funds and freeze them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import faults
from ..catalogue import decimal
from ..jsons import ZERO, Json, cents
from ..provenance import ASSUMED, RECORDED, REPORTED, rule
from .base import Form, reference

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule(
    "putting a payment on a deposit moves neither its token nor its time, though it gains"
    " LinkedTxn",
    RECORDED,
    "sandbox 2025, 2026",
)
rule(
    "a deposit line of a payment has neither Id nor DetailType; other lines have both",
    RECORDED,
    "sandbox 2026",
)
rule("a deposit has no DocNumber and an empty TxnTaxDetail", RECORDED, "sandbox 2026")
rule(
    "a deposit without account is 6000 `Select a bank account for this deposit`",
    RECORDED,
    "pasted 2025",
)
rule("a deposit does not honour sparse: account and lines are needed each time", REPORTED, "thread")
rule("a payment can stand on one deposit, for its whole amount", ASSUMED, "")
KINDS = ("Payment", "SalesReceipt")


class DepositForm(Form):
    """A bank deposit."""

    def wanted(self, old: Json, sent: Json) -> Json:
        """Account and lines come from the request even when it says sparse."""
        want = super().wanted(old, sent)
        if "Line" not in sent:
            raise faults.required("Line")
        return want

    def build(self, company: Company, record: Record, want: Json, old: Json | None) -> Json:
        """Account, lines and total."""
        ref = want.get("DepositToAccountRef")
        if not ref:
            raise faults.business("Select a bank account for this deposit")
        account = reference(company, "Account", ref, "DepositToAccountRef", old=ref)
        if account.read()["AccountType"] not in ("Bank", "Other Current Asset", "Credit Card"):
            raise faults.business("Select a bank account for this deposit")
        lines = self._lines(company, record, want, old)
        total = sum((line["Amount"] for line in lines), ZERO)
        if back := want.get("CashBack"):
            total -= decimal("CashBack.Amount", back.get("Amount", 0))
        body: Json = {"DepositToAccountRef": company.ref(account), "TotalAmt": cents(total)}
        if back:
            to = back.get("AccountRef") or {}
            found = reference(company, "Account", to, "CashBack.AccountRef", old=to)
            body["CashBack"] = {**back, "AccountRef": company.ref(found)}
        body.update(company.common(record))
        body["TxnDate"] = want.get("TxnDate") or company.today
        body["CurrencyRef"] = {"value": "USD", "name": "United States Dollar"}
        if want.get("PrivateNote"):
            body["PrivateNote"] = want["PrivateNote"]
        body["Line"] = lines
        body["TxnTaxDetail"] = {}
        return body

    def _lines(self, company: Company, record: Record, want: Json, old: Json | None) -> list[Json]:
        known = {line["Id"] for line in (old or {}).get("Line", ()) if "Id" in line}
        out = []
        for line in want.get("Line") or ():
            if linked := line.get("LinkedTxn"):
                out.append(self._money(company, record, line, linked[0]))
                continue
            detail = line.get("DepositLineDetail")
            if detail is None:
                raise faults.required("Line.DepositLineDetail")
            path = "Line.DepositLineDetail.AccountRef"
            if not detail.get("AccountRef"):
                raise faults.required(path)
            found = reference(company, "Account", detail["AccountRef"], path)
            number = line.get("Id")
            if number not in known:
                record.last_line += 1
                number = str(record.last_line)
            body: Json = {"Id": number, "LineNum": len(out) + 1}
            if line.get("Description"):
                body["Description"] = line["Description"]
            body["Amount"] = cents(line.get("Amount", ZERO))
            body["DetailType"] = "DepositLineDetail"
            body["DepositLineDetail"] = {**detail, "AccountRef": company.ref(found)}
            body["CustomExtensions"] = []
            out.append(body)
        if not out:
            raise faults.required("Line")
        return out

    def _money(self, company: Company, record: Record, line: Json, link: Json) -> Json:
        kind = link.get("TxnType")
        if kind not in KINDS:
            raise faults.invalid_enum(kind)
        source = company.find(kind, link.get("TxnId"))
        if source is None:
            raise faults.not_found()
        facts = source.read()
        for one in facts.get("LinkedTxn", ()):
            if one["TxnType"] == "Deposit" and one["TxnId"] != str(record.id):
                raise faults.business("This transaction has already been deposited.")
        body: Json = {
            "Amount": facts["TotalAmt"],
            "LinkedTxn": [{"TxnId": str(source.id), "TxnType": kind, "TxnLineId": "0"}],
        }
        detail = {}
        if "PaymentMethodRef" in facts:
            detail["PaymentMethodRef"] = {"value": facts["PaymentMethodRef"]["value"]}
        if facts.get("PaymentRefNum"):
            detail["CheckNum"] = facts["PaymentRefNum"]
        if detail:
            body["DepositLineDetail"] = detail
        return body

    def after(self, company: Company, record: Record, old: Json | None) -> None:
        """Payments show the deposit, without a trace in token or time."""
        before, now = _payments(old), _payments(record.read())
        for key in {**before, **now}:
            self._mark(company, key, str(record.id), listed=key in now)

    def release(self, company: Company, record: Record) -> None:
        """Payments are free again."""
        for key in _payments(record.read()):
            self._mark(company, key, str(record.id), listed=False)

    def _mark(self, company: Company, key: tuple[str, str], deposit: str, *, listed: bool) -> None:
        source = company.find(*key)
        if source is None:
            return
        body = company.touch(source, token=False, time=False)
        links = [one for one in body.get("LinkedTxn", ()) if one["TxnType"] != "Deposit"]
        if listed:
            links.append({"TxnId": deposit, "TxnType": "Deposit"})
        if links or source.entity.name == "SalesReceipt":
            body["LinkedTxn"] = links
        else:
            body.pop("LinkedTxn", None)


def _payments(body: Json | None) -> dict[tuple[str, str], None]:
    return {
        (link["TxnType"], link["TxnId"]): None
        for line in (body or {}).get("Line", ())
        for link in line.get("LinkedTxn", ())
    }
