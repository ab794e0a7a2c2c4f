"""What QuickBooks applies by itself: credits to new invoices, excess payments to open ones.

Both engines only choose; the money moves through `links`, as it does for a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import links
from .jsons import ZERO
from .provenance import DOCUMENTED, RECORDED, REPORTED, rule

if TYPE_CHECKING:
    from .company import Company
    from .store import Record

rule(
    "with AutoApplyCredit the customer's next new invoice takes unapplied payments and"
    " credits, oldest first",
    DOCUMENTED,
    "preferences reference; order assumed",
)
rule(
    "credits are spent by a payment of 0 with the note `Created by QB Online to link"
    " credits to charges.`",
    RECORDED,
    "sandbox 2026",
)
rule(
    "with AutoApplyCredit a new credit memo is spent at once on the oldest open invoices",
    REPORTED,
    "field notes",
)
rule(
    "with AutoApplyPayments what a payment has left over goes to other open invoices, oldest first",
    REPORTED,
    "an incident; only payments that have a line",
)
rule("creating an unapplied payment touches no open invoice", RECORDED, "sandbox 2026")


def _open(company: Company, customer: int, *kinds: str) -> list[Record]:
    found = [
        record
        for record in company.store.open_of.get(customer, {}).values()
        if record.entity.name in kinds and record not in company._gone
    ]
    return sorted(found, key=lambda r: (r.date, r.id))


def spend_on_new_invoice(company: Company, invoice: Record) -> None:
    """AutoApplyCredit: a new invoice takes what the customer has left."""
    if not company.pref("SalesFormsPrefs", "AutoApplyCredit"):
        return
    number = str(invoice.id)
    customer = int(invoice.read()["CustomerRef"]["value"])
    for source in _open(company, customer, "Payment", "CreditMemo"):
        left = invoice.read()["Balance"]
        if not left:
            return
        body = source.read()
        if source.entity.name == "Payment":
            amount = min(left, body["UnappliedAmt"])
            if amount > 0:
                links.set_lines(
                    company, source, [*links.lines_of(body), ("Invoice", number, amount)]
                )
        else:
            amount = min(left, body["RemainingCredit"])
            if amount > 0:
                _link_credit(company, source, [("Invoice", number, amount)])


def spend_new_credit(company: Company, credit: Record) -> None:
    """AutoApplyCredit: a new credit memo is spent on the oldest open invoices."""
    if not company.pref("SalesFormsPrefs", "AutoApplyCredit"):
        return
    body = credit.read()
    left = body["RemainingCredit"]
    charges: list[links.Line] = []
    for invoice in _open(company, int(body["CustomerRef"]["value"]), "Invoice"):
        amount = min(left, invoice.read()["Balance"])
        if amount > 0:
            charges.append(("Invoice", str(invoice.id), amount))
            left -= amount
    if charges:
        _link_credit(company, credit, charges)


def _link_credit(company: Company, credit: Record, charges: list[links.Line]) -> None:
    payment = company.new("Payment")
    spent = sum((amount for _, _, amount in charges), ZERO)
    lines: list[links.Line] = [*charges, ("CreditMemo", str(credit.id), spent)]
    payment.body = {
        "CustomerRef": credit.read()["CustomerRef"],
        "TotalAmt": ZERO,
        "UnappliedAmt": ZERO,
        "ProcessPayment": False,
        **company.common(payment),
        "TxnDate": company.today,
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
        "PrivateNote": links.AUTO_NOTE,
        "Line": links.make_lines(lines),
    }
    links.move_money(company, payment, [], lines)


def spill_over(company: Company, payment: Record) -> None:
    """AutoApplyPayments: what a payment has left goes to other open invoices."""
    body = payment.read()
    if not company.pref("SalesFormsPrefs", "AutoApplyPayments") or not body["Line"]:
        return
    lines = links.lines_of(body)
    left = body["UnappliedAmt"]
    paid = {(kind, number) for kind, number, _ in lines}
    for invoice in _open(company, int(body["CustomerRef"]["value"]), "Invoice"):
        amount = min(left, invoice.read()["Balance"])
        if amount > 0 and ("Invoice", str(invoice.id)) not in paid:
            lines.append(("Invoice", str(invoice.id), amount))
            left -= amount
    links.set_lines(company, payment, lines)
