"""Money that came and went again: voided while that is harmless, else for a person.

A payment that was undone or bounced is voided only while it waits in Undeposited Funds: once
the bank has it, the books of the bank must show both, the deposit and the return.
"""

from __future__ import annotations

from datetime import timedelta

from qbosync.key import Entity, Key
from qbosync.mapping.context import Answer, Context, Keep
from qbosync.mapping.posted import amount, applied, is_deposited, is_in_funds, is_voided
from qbosync.model import Payment, Problem, show
from qbosync.operation import Body, Entry, void_draft

_SAME_MONEY = timedelta(days=30)


def undone(entry: Entry, status: str, ctx: Context) -> Answer:
    """What becomes of the Payment of money that is not there any more."""
    current = ctx.current(entry.key)
    void = void_draft(entry, f"{status} in the shop system")
    if not ctx.is_informed or (current and is_voided(current)):
        return void
    if current is None or is_settled(current):
        return Keep(entry.key.source)
    if ctx.is_fenced(entry.dated):
        why = f"its period is closed ({entry.dated})"
    elif is_deposited(current):
        why = "it was deposited in the bank"
    elif not is_in_funds(current, ctx.found.funds):
        why = "it is on an account of its own, not in Undeposited Funds"
    else:
        return void
    return Problem(
        entry.key.source,
        "undone_payment",
        f"Payment {entry.key.id} over {show(entry.amount or amount(current['TotalAmt']))} is"
        f" {status} in the shop system, but {why}.",
        "In QuickBooks: 1. Expense from the bank, dated the return, payee the customer, category"
        f" Accounts Receivable. 2. In payment {entry.qbo_id} untick its invoices, tick the"
        " expense, Save. It clears itself then.",
        entry.amount,
    )


def is_settled(payment: Body) -> bool:
    """Whether a payment pays no invoice and is used up: a person linked it to an expense."""
    pays = {kind for kind, _ in applied(payment.get("Line", []))}
    return "Invoice" not in pays and amount(payment.get("UnappliedAmt")) == 0


def replaces(payment: Payment, ctx: Context) -> frozenset[Key] | Problem:
    """The undone payments that a new one may be the same money as.

    They are voided first.  Where one cannot be, the new one is held: entering it would count
    the money twice.
    """
    voided = set()
    for other in ctx.taken_back.get((payment.customer_id, payment.amount), ()):
        key = Key(Entity.PAYMENT, "payment", other.id)
        if abs(other.received - payment.received) > _SAME_MONEY:
            continue
        if key in ctx.going:
            voided.add(key)
        elif ctx.memory.live(key) and other.ref in ctx.held:
            return Problem(
                payment.ref,
                "same_money",
                f"Payment {payment.id} over {show(payment.amount)} is perhaps the same money as"
                f" payment {other.id}, which is {other.status} but still in QuickBooks.",
                f"Settle payment {other.id} first; this one goes out by itself then. If it is the"
                f" same: `qbosync resolve {payment.ref} --same-as {other.ref}`.",
                payment.amount,
            )
    return frozenset(voided)
