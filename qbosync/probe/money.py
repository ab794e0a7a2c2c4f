"""Questions about money: what may be applied to what, and what QuickBooks applies by itself."""

from __future__ import annotations

from datetime import timedelta

import simplejson

from qbosync.probe.question import Said, question
from qbosync.probe.stage import CannotAskError, Stage, told, versions

LEFT = "PROBE-CLOSED"
"""The reference of a payment that waits for its period to be closed."""


def _apply(
    stage: Stage, letter: str, payment: dict[str, object], invoice: dict[str, object]
) -> Said:
    lines = stage.payment(letter, str(payment["TotalAmt"]), ("10.00", invoice))
    answer = stage.write("update", "Payment", versions(payment, **lines))
    return Said(told(answer), answer.fault.detail if answer.fault else "")


@question("f", "A payment line above the invoice's balance", "refused 6000")
def too_much(stage: Stage) -> Said:
    invoice = stage.make("Invoice", stage.sale("f", "10.00"))
    answer = stage.write("create", "Payment", stage.payment("f", "25.00", ("25.00", invoice)))
    return Said(told(answer), answer.fault.detail if answer.fault else "")


@question("g", "Applying a payment that stands on a bank deposit", "refused 6540")
def deposited(stage: Stage) -> Said:
    banks = list(stage.company.select("Account", "AccountType = 'Bank'"))
    if not banks:
        raise CannotAskError("the company has no bank account")
    # The invoice comes first, so that no automatic application can spend the payment.
    invoice = stage.make("Invoice", stage.sale("g", "10.00"))
    payment = stage.make("Payment", stage.payment("g", "10.00"))
    link = [{"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}]
    line = {"Amount": simplejson.RawJSON("10.00"), "LinkedTxn": link}
    to = {"DepositToAccountRef": {"value": banks[0]["Id"]}, "Line": [line]}
    stage.make("Deposit", to)
    return _apply(stage, "g", stage.get("Payment", payment), invoice)


@question("h", "Applying a payment of a closed period", "refused 6210")
def closed(stage: Stage) -> Said:
    until = stage.preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    if not until:
        day = (stage.clock.now() - timedelta(days=400)).date().isoformat()
        body = stage.payment("a", "10.00", TxnDate=day, PaymentRefNum=LEFT)
        stage.make("Payment", body)
        raise CannotAskError(f"close the books until {day} or later and run again")
    if stage.is_on("SalesFormsPrefs", "AutoApplyCredit"):
        raise CannotAskError("switch `Automatically apply credits` off and run again")
    left = [
        one
        for one in stage.company.select("Payment", f"PaymentRefNum = '{LEFT}'")
        if one["UnappliedAmt"] == one["TotalAmt"] > 0 and one["TxnDate"] <= until
    ]
    if not left:
        raise CannotAskError("open the books, run, close them again and run")
    payment = left[0]
    stage.customers["h"] = {"Id": payment["CustomerRef"]["value"]}
    invoice = stage.make("Invoice", stage.sale("h", "10.00"))
    return _apply(stage, "h", payment, invoice)


@question("m", "Automatic credits and an invoice that links an estimate", "applied")
def automatic(stage: Stage) -> Said:
    if not stage.is_on("SalesFormsPrefs", "AutoApplyCredit"):
        raise CannotAskError("switch `Automatically apply credits` on and run again")
    stage.make("Payment", stage.payment("m", "20.00"))
    estimate = stage.make("Estimate", stage.sale("m", "50.00"))
    link = [{"TxnId": estimate["Id"], "TxnType": "Estimate"}]
    invoice = stage.make("Invoice", stage.sale("m", "50.00", LinkedTxn=link))
    now = stage.get("Invoice", invoice)
    return Said("applied" if now["Balance"] < now["TotalAmt"] else "left alone")


@question(
    "n", "A parent customer pays a sub-customer's invoice", "refused 620", "foreign-invoice=refused"
)
def parent(stage: Stage) -> Said:
    above = {"value": stage.customers["n"]["Id"]}
    below = {"DisplayName": stage.name("n2"), "Job": True, "ParentRef": above}
    stage.customers["n2"] = stage.make("Customer", below)
    invoice = stage.make("Invoice", stage.sale("n2", "10.00"))
    answer = stage.write("create", "Payment", stage.payment("n", "10.00", ("10.00", invoice)))
    if answer.object is None:
        return Said(told(answer), answer.fault.detail if answer.fault else "")
    return Said("unapplied" if answer.object["UnappliedAmt"] else "applied")
