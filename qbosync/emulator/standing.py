"""Refusals for what stands in the way: closed books, a deposit, stock not begun, an unpaid bill."""

from __future__ import annotations

from .faults import QboFault, fault
from .provenance import DOCUMENTED, RECORDED, rule


def books_closed() -> QboFault:
    """6210: the date lies in a closed period."""
    return fault(
        "6210",
        "Account Period Closed, Cannot Update Through Services API",
        "The account period has closed and the account books cannot be updated through the QBO"
        " Services API. Please use the QBO website to make these changes.",
        None,
    )


rule(
    "a sale before the InvStartDate of its inventory item is 6270; an estimate is not refused",
    RECORDED,
    "sandbox 2019; estimates assumed",
)


def before_start() -> QboFault:
    """6270: the item was not in stock yet."""
    return fault(
        "6270",
        "Transaction date is prior to start date for inventory item",
        "Transactions with inventory (QOH) products cant be dated earlier than the Inventory Start"
        " Date for the product",
    )


rule(
    "a company whose subscription ended is read but not written: 6190",
    DOCUMENTED,
    "table of codes; HTTP 400 assumed",
)


def subscription_ended() -> QboFault:
    """6190: nobody pays for the company any more."""
    return fault(
        "6190",
        "Invalid Company Status",
        "Subscription period has ended or canceled or there was a billing problem : You can't add"
        " data to QuickBooks Online Plus because your trial or subscription period ended.",
    )


rule("a payment that stands on a deposit cannot be changed: 6540", DOCUMENTED, "table of codes")


def deposited() -> QboFault:
    """6540: the payment is part of a bank deposit."""
    return fault(
        "6540",
        "Deposited Transaction cannot be changed",
        "This transaction has been deposited. If you want to change or delete it, you must edit"
        " the deposit it appears on and remove it first.",
    )
