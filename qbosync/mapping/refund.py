"""Money that was given back is entered by a person, with Intuit's steps, and clears itself.

No RefundReceipt: that would not use up the credit.  An Expense or Check to Accounts Receivable
does, once it is linked to the payment or credit memo.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from qbosync.key import Entity, Key
from qbosync.mapping.context import Answer, Context, Keep
from qbosync.mapping.posted import amount, used_elsewhere
from qbosync.model import ZERO, Payment, Problem, Refund, show

_STEPS = (
    "In QuickBooks: 1. Expense or Check from the bank, dated the refund, payee the customer,"
    " category Accounts Receivable. 2. Receive payment for the customer: tick it together with"
    " {credit}, Save. It clears itself then."
)


def answers(ctx: Context) -> Iterator[Answer]:
    """One answer a refund."""
    for refund in ctx.snapshot.refunds.values():
        if refund.ref not in ctx.held:
            yield _answer(refund, ctx)


def _answer(refund: Refund, ctx: Context) -> Answer:
    if _given_back(refund, ctx) >= refund.amount:
        return Keep(refund.ref)
    credit = f"credit memo {refund.credit_id}" if refund.credit_id else "the credit"
    if refund.payment_id:
        credit = f"payment {refund.payment_id}"
    return Problem(
        refund.ref,
        "refund_by_hand",
        f"{refund.where or 'refund'}: {show(refund.amount)} went back to customer"
        f" {refund.customer_id} on {refund.paid}.",
        _STEPS.format(credit=credit),
        refund.amount,
    )


def _given_back(refund: Refund, ctx: Context) -> Decimal:
    """What of the payment or credit went to something that is no invoice of ours."""
    if refund.payment_id:
        return given_back(Key(Entity.PAYMENT, "payment", refund.payment_id), ctx)
    return given_back(Key(Entity.CREDIT_MEMO, "credit_memo", refund.credit_id), ctx)


def given_back(key: Key, ctx: Context) -> Decimal:
    """How much of a payment or credit memo an Expense or Check has used up in QuickBooks."""
    if ctx.memory.live(key) is None:
        return ZERO
    body = ctx.current(key)
    if body is None:
        return ZERO
    if key.entity is Entity.PAYMENT:
        return used_elsewhere(body)
    left = amount(body.get("RemainingCredit", body.get("Balance")))
    return amount(body.get("TotalAmt")) - left - ctx.paid(key.source)


def refunded(payment: Payment, ctx: Context) -> Problem | None:
    """A refunded payment of which no refund tells: it is held itself, until it is used up."""
    if any(refund.payment_id == payment.id for refund in ctx.snapshot.refunds.values()):
        return None
    if given_back(Key(Entity.PAYMENT, "payment", payment.id), ctx) >= payment.amount:
        return None
    return Problem(
        payment.ref,
        "refund_by_hand",
        f"{payment.where}: payment {payment.id} over {show(payment.amount)} was refunded.",
        _STEPS.format(credit=f"payment {payment.id}"),
        payment.amount,
    )
