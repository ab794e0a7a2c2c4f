"""A shop that lives: orders come, move, change and are paid.

Every change is a step of its own seed and acts on whatever is there, so that a history
with some of its steps left out is still one.  Money never goes beyond what is owed and
what was received: what a person could enter wrongly is drawn on purpose, and marked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from qbosync.model import (
    Application,
    Charge,
    CreditMemo,
    Customer,
    Line,
    Order,
    Payment,
    Refund,
    Snapshot,
)

STATUSES = ("bid", "ordered", "verified", "in progress", "completed", "shipped")
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
CLASSES = ("", "Doors", "Drawers", "undefined", "Hardware")
KINDS = ("finance_charge", "processing_fee", "bounced_payment", "other")


def amount(dice: Random, least: int = 100, most: int = 90_000) -> Decimal:
    """So many cents."""
    return Decimal(dice.randint(least, most)) * CENT


@dataclass
class Business:
    """The order system's records as they are now."""

    customers: dict[str, Customer] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    credits: dict[str, CreditMemo] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    today: date = date(2026, 6, 1)

    def snapshot(self) -> Snapshot:
        """What a source hands over."""
        return Snapshot(
            dict(self.customers), dict(self.orders), dict(self.payments), dict(self.credits),
            dict(self.charges), dict(self.refunds), is_complete=True,
        )  # fmt: skip

    @property
    def count(self) -> int:
        sets = (self.customers, self.orders, self.payments, self.credits, self.charges)
        return sum(len(records) for records in sets)

    # What is still free ------------------------------------------------------------------

    def given(self) -> dict[str, Decimal]:
        """What payments and credits give to each order and charge."""
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        spenders: list[Payment | CreditMemo] = [*self.payments.values(), *self.credits.values()]
        for record in spenders:
            for application in record.applied:
                sums[application.target] += application.amount
        for credit in self.credits.values():
            if credit.reason == "write_off":
                sums[f"order:{credit.order_id}"] += credit.amount
        return sums

    def owed(self, customer_id: str = "") -> list[tuple[str, str, Decimal]]:
        """(target, customer, open amount) of what can still be paid."""
        given = self.given()
        rows = [(o.ref, o.customer_id, o.total - given[o.ref]) for o in self.orders.values()
                if o.status not in ("void", "?")]  # fmt: skip
        rows += [(c.ref, c.customer_id, c.amount - given[c.ref]) for c in self.charges.values()
                 if not c.is_deleted]  # fmt: skip
        return [r for r in rows if r[2] > 0 and customer_id in ("", r[1])]

    def rest(self, payment: Payment) -> Decimal:
        """What of a payment is given to nobody, overpayment credits included."""
        rest = payment.amount - sum((a.amount for a in payment.applied), ZERO)
        for credit in self.credits.values():
            if credit.reason == "overpayment" and credit.payment_id == payment.id:
                rest -= credit.amount
        return rest


def new_customer(shop: Business, dice: Random) -> None:
    id_ = str(len(shop.customers) + 1)
    shop.customers[id_] = Customer(
        id_, f"Customer {id_}", dice.choice(("", "business")), phone=f"555 {id_}",
        terms_days=dice.choice((None, 30, 45)),
    )  # fmt: skip


def _lines(dice: Random) -> tuple[tuple[Line, ...], Decimal]:
    lines = []
    for number in range(1, dice.choice((1, 1, 2, 3, 5)) + 1):
        qty = dice.choice((None, Decimal(1), Decimal(3), Decimal("2.5")))
        worth = amount(dice)
        words = dice.choice(("Door", "Drawer box", "Hinge"))
        lines.append(Line(str(number), words, worth, qty, None, dice.choice(CLASSES)))
    return tuple(lines), sum((line.amount for line in lines), ZERO)


def _priced(order: Order, dice: Random) -> Order:
    """An order with fresh lines, shipping, tax and discount, and the total they make."""
    lines, goods = _lines(dice)
    discount = dice.choice((ZERO, ZERO, (goods / 10).quantize(CENT)))
    shipping = dice.choice((ZERO, Decimal("25.00"), None))
    tax = dice.choice((ZERO, (goods * 6 / 100).quantize(CENT)))
    cents = dice.choice((ZERO, ZERO, ZERO, CENT, -2 * CENT))
    total = goods - discount + (shipping or ZERO) + tax + cents
    return replace(order, lines=lines, discount=discount, shipping=shipping, tax=tax, total=total)


def new_order(shop: Business, dice: Random) -> None:
    if not shop.customers or dice.random() < 0.1:
        new_customer(shop, dice)
    id_ = str(1000 + len(shop.orders))
    status = dice.choice(("bid", "ordered", "ordered", "ordered", "verified", "shipped"))
    order = Order(
        id_, id_, dice.choice(list(shop.customers)), status, ZERO, placed=shop.today,
        status_at=shop.today, name=dice.choice(("", "Mill Road")),
        charge_date=shop.today if status == "shipped" and dice.random() < 0.2 else None,
    )  # fmt: skip
    shop.orders[id_] = _priced(order, dice)


def _pick(shop: Business, dice: Random) -> Order | None:
    return dice.choice(list(shop.orders.values())) if shop.orders else None


def _put(shop: Business, order: Order, status: str) -> None:
    shop.orders[order.id] = replace(order, status=status, status_at=shop.today)


def advance(shop: Business, dice: Random) -> None:
    order = _pick(shop, dice)
    if order and order.status in STATUSES:
        at = STATUSES.index(order.status) + dice.choice((1, 1, 2, 5))
        _put(shop, order, STATUSES[min(at, len(STATUSES) - 1)])


def go_back(shop: Business, dice: Random) -> None:
    order = _pick(shop, dice)
    if order and order.status in STATUSES[1:]:
        _put(shop, order, STATUSES[max(STATUSES.index(order.status) - dice.choice((1, 4)), 0)])


def hold(shop: Business, dice: Random) -> None:
    if order := _pick(shop, dice):
        is_held = order.status == "on hold"
        _put(shop, order, dice.choice(STATUSES) if is_held else "on hold")


def void(shop: Business, dice: Random) -> None:
    order = _pick(shop, dice)
    if order and order.status == "void" and dice.random() < 0.3:
        _put(shop, order, "shipped")
    elif order:
        _put(shop, order, "void")


def misspell(shop: Business, dice: Random) -> None:
    """A status that nobody knows, set right by any later change of it."""
    if order := _pick(shop, dice):
        _put(shop, order, "?" if order.status != "?" else "ordered")


def edit_order(shop: Business, dice: Random) -> None:
    """Other lines; never less than what is paid, so one more line makes up for it."""
    order = _pick(shop, dice)
    if order is None:
        return
    new = _priced(order, dice)
    short = shop.given()[order.ref] - new.total
    if short > 0:
        more = short + amount(dice)
        line = Line(str(len(new.lines) + 1), "Panel", more)
        new = replace(new, lines=(*new.lines, line), total=new.total + more)
    shop.orders[order.id] = new


def break_total(shop: Business, dice: Random) -> None:
    """A total that the lines do not explain, until the order is edited again."""
    if order := _pick(shop, dice):
        shop.orders[order.id] = replace(order, total=order.total + Decimal("7.77"))


def renumber(shop: Business, dice: Random) -> None:
    if order := _pick(shop, dice):
        number = f"{order.id}-{dice.randint(2, 99)}"
        if all(o.number != number for o in shop.orders.values()):
            shop.orders[order.id] = replace(order, number=number)


def override(shop: Business, dice: Random) -> None:
    if shop.customers:
        customer = dice.choice(list(shop.customers.values()))
        status = dice.choice(("", "ordered", "completed"))
        shop.customers[customer.id] = replace(customer, charge_status=status)


def rename(shop: Business, dice: Random) -> None:
    if shop.customers:
        customer = dice.choice(list(shop.customers.values()))
        name = f"Customer {customer.id} {dice.randint(2, 99)}"
        shop.customers[customer.id] = replace(customer, name=name, phone=f"556 {customer.id}")


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
    owed = shop.owed(payment.customer_id)
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
    owed = [row for row in shop.owed(payment.customer_id) if row[0] != first.target]
    moved = []
    if owed:
        target, _, left = dice.choice(owed)
        moved = [Application(target, min(left, first.amount))]
    shop.payments[payment.id] = replace(payment, applied=(*others, *moved))


def undo_payment(shop: Business, dice: Random) -> None:
    free = [p for p in shop.payments.values()
            if not any(c.payment_id == p.id for c in shop.credits.values())]  # fmt: skip
    if free:
        payment = dice.choice(free)
        shop.payments[payment.id] = replace(payment, status="undone")


def new_credit(shop: Business, dice: Random) -> None:
    if not shop.customers:
        return
    id_ = str(len(shop.credits) + 1)
    worth, reason = amount(dice, 500), dice.choice(("manual", "manual", "cash_discount"))
    tax = dice.choice((ZERO, (worth / 20).quantize(CENT)))
    shop.credits[id_] = CreditMemo(
        id_, dice.choice(list(shop.customers)), shop.today, worth, reason, tax
    )


def write_off(shop: Business, dice: Random) -> None:
    owed = [row for row in shop.owed() if row[0].startswith("order:")]
    if owed:
        target, customer_id, left = dice.choice(owed)
        id_ = str(len(shop.credits) + 1)
        shop.credits[id_] = CreditMemo(
            id_, customer_id, shop.today, left, "write_off", order_id=target[6:]
        )


def spend_credit(shop: Business, dice: Random) -> None:
    """Part or all of a credit memo goes to something that is open."""
    memos = [c for c in shop.credits.values()
             if c.reason in ("manual", "cash_discount") and not c.is_deleted]  # fmt: skip
    for credit in memos:
        free = credit.amount - sum((a.amount for a in credit.applied), ZERO)
        owed = shop.owed(credit.customer_id)
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
    if shop.customers:
        id_ = str(len(shop.charges) + 1)
        worth = amount(dice, 200, 9000)
        tax = dice.choice((ZERO, (worth / 20).quantize(CENT)))
        shop.charges[id_] = Charge(
            id_, dice.choice(KINDS), dice.choice(list(shop.customers)), shop.today, worth, tax
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


CHANGES = {
    new_order: 14, advance: 16, go_back: 2, hold: 2, void: 2, misspell: 1, edit_order: 6,
    break_total: 1, renumber: 1, override: 1, rename: 1, pay: 11, apply_rest: 5, move_payment: 2,
    undo_payment: 1, new_credit: 4, write_off: 1, spend_credit: 5, delete_credit: 1,
    new_charge: 4, edit_charge: 2, delete_charge: 1, refund: 1,
}  # fmt: skip
BY_NAME = {change.__name__: change for change in CHANGES}


def later(shop: Business, days: timedelta, epoch: date) -> None:
    """Let the shop's own day follow the time that has passed."""
    shop.today = epoch + days
