"""What QuickBooks' object says of itself: may it still be changed, and what is it worth?

Read from the object as QuickBooks has it; nothing here knows the ledger.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from qbosync.model import ZERO
from qbosync.operation import Body


def made_at(current: Body) -> datetime | None:
    """When QuickBooks made an object, if it says so."""
    return instant(current.get("MetaData", {}).get("CreateTime"))


def instant(told: object) -> datetime | None:
    """A time that QuickBooks tells, if it is one."""
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return at if at.tzinfo else None


def is_voided(current: Body) -> bool:
    """Whether a document was voided: QuickBooks sets it to zero and says so (recorded)."""
    note = str(current.get("PrivateNote", ""))
    return amount(current.get("TotalAmt")) == 0 and "Voided" in note


def is_deposited(payment: Body) -> bool:
    """Whether a payment is in a bank deposit: then the API may not change it any more (6540).

    Only the link tells; neither SyncToken nor time of the payment move (recorded).
    """
    return any(link.get("TxnType") == "Deposit" for link in payment.get("LinkedTxn", []))


def is_in_funds(payment: Body, funds: Collection[str]) -> bool:
    """Whether a payment's money waits in Undeposited Funds, whose account Ids are `funds`."""
    account = payment.get("DepositToAccountRef", {}).get("value")
    return not is_deposited(payment) and (account is None or str(account) in funds)


def applied(lines: list[Body]) -> dict[tuple[str, str], Decimal]:
    """What a payment's lines pay: (type, Id) to amount."""
    sums: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        for link in line.get("LinkedTxn", []):
            key = (str(link.get("TxnType")), str(link.get("TxnId")))
            sums[key] = sums.get(key, ZERO) + amount(line.get("Amount"))
    return dict(sorted(sums.items()))


OURS_TO_LINK = ("Invoice", "CreditMemo")
"""What we apply payments to; an Expense or Check that a person ticked is theirs."""


def linked_by_hand(payment: Body) -> list[Body]:
    """The lines of a payment that are not ours: refunds and the like."""
    return [
        line
        for line in payment.get("Line", [])
        if (links := line.get("LinkedTxn", []))
        and all(link.get("TxnType") not in OURS_TO_LINK for link in links)
    ]


def used_elsewhere(payment: Body) -> Decimal:
    """What of a payment went to neither an invoice nor the customer's account.

    It went back by an Expense or Check that a person linked to it.
    """
    invoices = sum(
        (n for (kind, _), n in applied(payment.get("Line", [])).items() if kind == "Invoice"), ZERO
    )
    return amount(payment.get("TotalAmt")) - amount(payment.get("UnappliedAmt")) - invoices


def amount(value: Any) -> Decimal:
    """A figure of QuickBooks' JSON."""
    return Decimal(str(value or 0))
