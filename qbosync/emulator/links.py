"""How documents hang together: estimates and invoices, money and what it pays.

`set_lines()` is the only place where money is applied: it compares a payment's old and new lines,
moves the balances by the differences and touches each invoice and credit memo that changed, once.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from . import faults
from .jsons import ZERO, Json, cents
from .provenance import ASSUMED, DOCUMENTED, RECORDED, rule, switch

if TYPE_CHECKING:
    from .company import Company
    from .store import Record

rule(
    "an invoice that links an estimate carries the link in its header and on every item line",
    RECORDED,
    "sandbox 2026, made on the screen",
)
rule(
    "linking an estimate moves its LastUpdatedTime, not its SyncToken",
    RECORDED,
    "sandbox 2026, 4 of 4",
)
rule("an estimate can be linked once", DOCUMENTED, "estimate reference")
rule(
    "a closed, rejected or already linked estimate is silently not linked, the invoice is made",
    DOCUMENTED,
    "schema comment",
)
rule("linking an estimate that is not there is 6000", RECORDED, "pasted reply")
rule("linking another customer's estimate is 6000", ASSUMED, "unknown")
rule(
    "applying money raises the invoice's SyncToken and sets its LastUpdatedTime",
    RECORDED,
    "14 of 14 paid invoices",
)
rule("an invoice lists its payments newest first", RECORDED, "sandbox 2026")
rule(
    "applying more than an invoice is open for is 6000", ASSUMED, "refused in reports, code unknown"
)
rule("a payment line to an invoice that is not there is 610", RECORDED, "pasted reply")
rule("an applied credit memo's token rises when it is spent", ASSUMED, "as for invoices")
switch(
    "estimate-status", "Converted", "Closed",
    text="the status of an estimate after an invoice has linked it",
)  # fmt: skip
switch(
    "estimate-after", "previous", "Pending", "unchanged",
    text="the status of an estimate whose invoice was voided, deleted or unlinked",
)  # fmt: skip
switch(
    "foreign-invoice", "refused", "unapplied",
    text="a payment line to another customer's invoice: 620, or the amount stays unapplied",
)  # fmt: skip
AUTO_NOTE = "Created by QB Online to link credits to charges."
CHARGES = ("ReimburseCharge", "StatementCharge", "TimeActivity", "ChargeCredit")
OPEN_STATUSES = ("Pending", "Accepted")
Line = tuple[str, str, Decimal]  # type, id, amount


# -- estimates --------------------------------------------------------------------------------


def allowed_estimates(
    company: Company, record: Record, customer: str, wanted: list[str]
) -> list[str]:
    """Which of the wanted estimates this invoice may link.

    Raises:
        QboFault: 6000 for an estimate that is not there or is another customer's.
    """
    out: list[str] = []
    for number in dict.fromkeys(wanted):
        estimate = company.find("Estimate", number)
        if estimate is None:
            raise faults.business(
                f"The entity Estimate {number} that you are trying to link does not exist."
                f" Estimate {number}"
            )
        body = estimate.read()
        if body["CustomerRef"]["value"] != customer:
            raise faults.business(
                "The customer of the linked estimate must be the customer of the invoice."
            )
        links = body.get("LinkedTxn", ())
        mine = any(link["TxnId"] == str(record.id) for link in links)
        if mine or (not links and body["TxnStatus"] in OPEN_STATUSES and not company.drop_link):
            out.append(number)
    return out


def estimate_links(body: Json | None) -> list[str]:
    """The estimates that an invoice links."""
    links = (body or {}).get("LinkedTxn", ())
    return [link["TxnId"] for link in links if link["TxnType"] == "Estimate"]


def move_estimates(company: Company, record: Record, old: Json | None, new: Json | None) -> None:
    """Let estimates follow the links that an invoice gained or lost."""
    before, after = estimate_links(old), estimate_links(new)
    for number in after:
        if number not in before and (estimate := company.find("Estimate", number)):
            body = company.touch(estimate, token=False)
            company.previous_status[number] = body["TxnStatus"]
            body["TxnStatus"] = company.assume["estimate-status"]
            body["LinkedTxn"] = [{"TxnId": str(record.id), "TxnType": "Invoice"}]
    for number in before:
        if number not in after and (estimate := company.find("Estimate", number)):
            body = company.touch(estimate, token=False)
            body.pop("LinkedTxn", None)
            was = company.previous_status.pop(number, "Pending")
            how = company.assume["estimate-after"]
            if how != "unchanged":
                body["TxnStatus"] = was if how == "previous" else how


# -- money ------------------------------------------------------------------------------------


def lines_of(body: Json | None) -> list[Line]:
    """What a payment's lines say."""
    out = []
    for line in (body or {}).get("Line", ()):
        link = line["LinkedTxn"][0]
        out.append((link["TxnType"], link["TxnId"], line["Amount"]))
    return out


def make_lines(lines: list[Line]) -> list[Json]:
    """Lines as a payment keeps them."""
    return [
        {"Amount": cents(amount), "LinkedTxn": [{"TxnId": number, "TxnType": kind}]}
        for kind, number, amount in lines
    ]


def unapplied(total: Decimal, lines: list[Line]) -> Decimal:
    """What is left of a payment: total and credits, less charges."""
    left = total
    for kind, _number, amount in lines:
        left += amount if kind == "CreditMemo" else -amount
    return left


def _sums(lines: list[Line]) -> dict[tuple[str, str], Decimal]:
    out: dict[tuple[str, str], Decimal] = {}
    for kind, number, amount in lines:
        out[kind, number] = out.get((kind, number), ZERO) + amount
    return out


def move_money(company: Company, payment: Record, before: list[Line], after: list[Line]) -> None:
    """Let invoices and credit memos follow a payment's lines."""
    old, new = _sums(before), _sums(after)
    for key in {**old, **new}:
        change = new.get(key, ZERO) - old.get(key, ZERO)
        if not change and (key in old) == (key in new):
            continue
        kind, number = key
        target = company.find(kind, number)
        if target is None:
            continue
        body = company.touch(target)
        left = body["Balance"] - change
        if left < 0 and change > 0:
            raise faults.business(
                "The amount you are trying to apply is more than the open balance of the"
                f" transaction. {kind} {number}"
            )
        body["Balance"] = cents(left)
        if kind == "CreditMemo":
            body["RemainingCredit"] = cents(left)
        else:
            _list_payment(body, str(payment.id), listed=key in new)


def _list_payment(body: Json, number: str, *, listed: bool) -> None:
    links = [
        link
        for link in body["LinkedTxn"]
        if not (link["TxnType"] == "Payment" and link["TxnId"] == number)
    ]
    if listed:
        links.insert(0, {"TxnId": number, "TxnType": "Payment"})
    body["LinkedTxn"] = links


def set_lines(company: Company, payment: Record, lines: list[Line]) -> None:
    """Give a payment other lines from outside of it (engines, voids, the bookkeeper)."""
    before = lines_of(payment.read())
    if before == lines:
        return
    body = company.touch(payment)
    body["Line"] = make_lines(lines)
    body["UnappliedAmt"] = cents(unapplied(body["TotalAmt"], lines))
    move_money(company, payment, before, lines)


def release(company: Company, kind: str, number: str, most: Decimal | None = None) -> None:
    """Take a document out of the payments that pay or spend it, newest first.

    `most` is what may stay applied in all; None means nothing.
    """
    paying = [
        record
        for record in company.store.of_customer.get(_customer(company, kind, number), {}).values()
        if record.entity.name == "Payment" and record not in company._gone
    ]
    for payment in sorted(paying, key=lambda r: -r.id):
        lines = lines_of(payment.read())
        applied = sum((a for k, n, a in lines if (k, n) == (kind, number)), ZERO)
        if not applied:
            continue
        target = company.need(kind, number).read()
        in_all = target["TotalAmt"] - target["Balance"]
        give = applied if most is None else min(applied, max(in_all - most, ZERO))
        if give:
            _shrink(company, payment, lines, (kind, number), give)


def _customer(company: Company, kind: str, number: str) -> int:
    return int(company.need(kind, number).read()["CustomerRef"]["value"])


def _shrink(
    company: Company, payment: Record, lines: list[Line], key: tuple[str, str], give: Decimal
) -> None:
    """Take an amount off one target; what that leaves without counterpart goes with it."""
    lines = _less(lines, [key], give)
    total = payment.read()["TotalAmt"]
    left = unapplied(total, lines)
    if left > total:  # credits without a charge
        lines = _less(lines, [(k, n) for k, n, _ in lines if k == "CreditMemo"], left - total)
    elif left < 0:  # charges without a credit
        lines = _less(lines, [(k, n) for k, n, _ in reversed(lines) if k != "CreditMemo"], -left)
    set_lines(company, payment, lines)
    if not lines and not total and payment.read().get("PrivateNote") == AUTO_NOTE:
        company.remove(payment)


def _less(lines: list[Line], keys: list[tuple[str, str]], give: Decimal) -> list[Line]:
    out = list(lines)
    for key in keys:
        for at, (kind, number, amount) in enumerate(out):
            if (kind, number) == key and give and amount:
                part = min(amount, give)
                give -= part
                out[at] = (kind, number, amount - part)
    return [line for line in out if line[2]]
