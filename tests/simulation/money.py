"""What a shop does with payments, credits and charges.

Money never goes beyond what is owed and what was received when it is given; an order may
become less afterwards, and money that was taken back may come again.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

from qbosync.model import Application, Charge, CreditMemo, Payment, Refund
from tests.simulation.business import CENT, ZERO, Business, amount

KINDS = ("finance_charge", "processing_fee", "bounced_payment", "other")


def _shares(shop: Business, customer_id: str, dice: Random) -> list[tuple[str, Decimal]]:
    """Some of what a customer owes, in whole or in part."""
    rows = shop.owed(customer_id)
    dice.shuffle(rows)
    chosen = rows[: dice.choice((1, 1, 1, 2, 4))]
    return [(target, (left * dice.choice((1, 1, 2)) / 2).quantize(CENT) or left)
            for target, _, left in chosen]  # fmt: skip


def pay(shop: Business, dice: Random) -> None:
    """A payment for one or many, exact, or too much, perhaps for nothing in particular."""
    owed = shop.owed()
    if not owed:
        return
    customer_id = dice.choice(owed)[1]
    shares = [] if dice.random() < 0.1 else _shares(shop, customer_id, dice)
    shares = [(t, min(n, left)) for t, n in shares for (o, _, left) in owed if o == t]
    surplus = dice.choice((ZERO, ZERO, amount(dice))) if shares else amount(dice)
    _receive(shop, dice, customer_id, shares, surplus)


def pay_all(shop: Business, dice: Random) -> None:
    """One check over everything that a customer owes, to the cent."""
    if owed := shop.owed():
        customer_id = dice.choice(owed)[1]
        shares = [(target, left) for target, whose, left in owed if whose == customer_id]
        _receive(shop, dice, customer_id, shares, ZERO)


def _receive(
    shop: Business, dice: Random, customer_id: str, shares: list[tuple[str, Decimal]],
    surplus: Decimal,
) -> None:  # fmt: skip
    """Money comes in; a surplus may become account credit."""
    id_ = str(len(shop.payments) + 1)
    total = sum((n for _, n in shares), surplus)
    shop.payments[id_] = Payment(
        id_, customer_id, shop.today, total, dice.choice(("check", "cash", "cc")),
        dice.choice(("", f"R{id_}")), applied=tuple(Application(t, n) for t, n in shares),
    )  # fmt: skip
    if surplus and shares and dice.random() < 0.5:
        credit = str(len(shop.credits) + 1)
        shop.credits[credit] = CreditMemo(
            credit, customer_id, shop.today, surplus, "overpayment", payment_id=id_
        )


def apply_rest(shop: Business, dice: Random) -> None:
    """What is left of a payment or overpayment goes to something that is open."""
    payments = [p for p in shop.payments.values() if p.status == "posted"]
    if not payments:
        return
    payment = dice.choice(payments)
    owed = shop.owed(shop.heir(payment.customer_id))
    if not owed:
        return
    target, _, left = dice.choice(owed)
    for credit in shop.credits.values():
        if credit.payment_id == payment.id and credit.reason == "overpayment":
            free = credit.amount - sum((a.amount for a in credit.applied), ZERO)
            if free > 0:
                spent = Application(target, min(free, left), shop.today)
                shop.credits[credit.id] = replace(credit, applied=(*credit.applied, spent))
                return
    if (rest := shop.rest(payment)) > 0:
        given = Application(target, min(rest, left))
        shop.payments[payment.id] = replace(payment, applied=(*payment.applied, given))


def move_payment(shop: Business, dice: Random) -> None:
    """One application goes elsewhere."""
    movable = [p for p in shop.payments.values() if p.applied and p.status == "posted"]
    if not movable:
        return
    payment = dice.choice(movable)
    first, *others = payment.applied
    owed = [row for row in shop.owed(shop.heir(payment.customer_id)) if row[0] != first.target]
    moved = []
    if owed:
        target, _, left = dice.choice(owed)
        moved = [Application(target, min(left, first.amount))]
    shop.payments[payment.id] = replace(payment, applied=(*others, *moved))


def undo_payment(shop: Business, dice: Random) -> None:
    credited = {credit.payment_id for credit in shop.credits.values()}
    free = [p for p in shop.payments.values() if p.is_received and p.id not in credited]
    if free:
        payment = dice.choice(free)
        status = dice.choice(("undone", "bounced"))
        shop.payments[payment.id] = replace(payment, status=status)


def come_again(shop: Business, dice: Random) -> None:
    """Money that was taken back is there after all: as it was, or entered as another payment."""
    gone = [p for p in shop.payments.values() if not p.is_received]
    if not gone:
        return
    payment = dice.choice(gone)
    owed = {target: left for target, _, left in shop.owed(shop.heir(payment.customer_id))}
    applied = tuple(
        replace(a, amount=min(a.amount, owed[a.target]))
        for a in payment.applied if a.target in owed
    )  # fmt: skip
    again = replace(payment, status="posted", applied=applied)
    if dice.random() < 0.7:
        again = replace(again, id=str(len(shop.payments) + 1), received=shop.today)
    shop.payments[again.id] = again


def new_credit(shop: Business, dice: Random) -> None:
    if not shop.buyers:
        return
    id_ = str(len(shop.credits) + 1)
    worth, reason = amount(dice, 500), dice.choice(("manual", "manual", "cash_discount"))
    tax = dice.choice((ZERO, (worth / 20).quantize(CENT)))
    shop.credits[id_] = CreditMemo(id_, dice.choice(shop.buyers), shop.today, worth, reason, tax)


def write_off(shop: Business, dice: Random) -> None:
    owed = [row for row in shop.owed() if row[0].startswith("order:")]
    if owed:
        target, customer_id, left = dice.choice(owed)
        id_ = str(len(shop.credits) + 1)
        shop.credits[id_] = CreditMemo(
            id_, customer_id, shop.today, left, "write_off", order_id=target[6:]
        )


def cash_discount(shop: Business, dice: Random) -> None:
    """A little less for paying at once: made and spent in one go."""
    owed = [row for row in shop.owed() if row[0].startswith("order:")]
    if owed:
        target, customer_id, left = dice.choice(owed)
        id_ = str(len(shop.credits) + 1)
        worth = (left / 50).quantize(CENT) or left
        shop.credits[id_] = CreditMemo(
            id_, customer_id, shop.today, worth, "cash_discount", order_id=target[6:]
        )


def spend_credit(shop: Business, dice: Random) -> None:
    """Part or all of a credit memo goes to something that is open."""
    memos = [c for c in shop.credits.values() if not c.order_id and not c.is_deleted]
    memos = [c for c in memos if c.reason in ("manual", "cash_discount")]
    for credit in memos:
        free = credit.amount - sum((a.amount for a in credit.applied), ZERO)
        owed = shop.owed(shop.heir(credit.customer_id))
        if free > 0 and owed:
            target, _, left = dice.choice(owed)
            part = min(left, (free / dice.choice((1, 2))).quantize(CENT) or free, free)
            spent = Application(target, part, shop.today)
            shop.credits[credit.id] = replace(credit, applied=(*credit.applied, spent))
            return


def delete_credit(shop: Business, dice: Random) -> None:
    memos = [c for c in shop.credits.values() if not c.applied and c.reason == "manual"]
    if memos:
        credit = dice.choice(memos)
        shop.credits[credit.id] = replace(credit, is_deleted=True)


def new_charge(shop: Business, dice: Random) -> None:
    if shop.buyers:
        id_ = str(len(shop.charges) + 1)
        worth = amount(dice, 200, 9000)
        tax = dice.choice((ZERO, (worth / 20).quantize(CENT)))
        shop.charges[id_] = Charge(
            id_, dice.choice(KINDS), dice.choice(shop.buyers), shop.today, worth, tax
        )


def edit_charge(shop: Business, dice: Random) -> None:
    if shop.charges:
        charge = dice.choice(list(shop.charges.values()))
        worth = max(charge.amount + amount(dice, 1, 500), shop.given()[charge.ref])
        shop.charges[charge.id] = replace(charge, amount=worth, memo=f"edited {shop.today}")


def delete_charge(shop: Business, dice: Random) -> None:
    if shop.charges:
        charge = dice.choice(list(shop.charges.values()))
        shop.charges[charge.id] = replace(charge, is_deleted=True)


def refund(shop: Business, dice: Random) -> None:
    if shop.payments:
        payment = dice.choice(list(shop.payments.values()))
        id_ = str(len(shop.refunds) + 1)
        shop.refunds[id_] = Refund(id_, payment.customer_id, shop.today, Decimal("5.00"))
