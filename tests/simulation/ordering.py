"""What a shop does with customers and orders.

Every change is a step of its own seed and acts on whatever is there, so that a history
with some of its steps left out is still one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from qbosync.model import Customer, Line, Order
from tests.simulation.business import CENT, ZERO, Business, amount

STATUSES = ("bid", "ordered", "verified", "in progress", "completed", "shipped")
CLASSES = ("", "Doors", "Drawers", "undefined", "Hardware")


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
        id_, id_, dice.choice(shop.buyers), status, ZERO, placed=shop.today,
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


def shrink_order(shop: Business, dice: Random) -> None:
    """Its first line alone, and perhaps only a part of that, whatever was paid."""
    order = _pick(shop, dice)
    if order is None or not order.lines:
        return
    worth = (order.lines[0].amount * dice.choice((10, 5, 2, 0)) / 10).quantize(CENT)
    line = replace(order.lines[0], amount=worth, qty=None)
    shop.orders[order.id] = replace(
        order, lines=(line,), discount=ZERO, shipping=ZERO, tax=ZERO, total=worth
    )


def remake(shop: Business, dice: Random) -> None:
    """Made once more, for nothing."""
    new_order(shop, dice)
    order = shop.orders[next(reversed(shop.orders))]
    line = Line("1", "Remake", ZERO, Decimal(1), None, dice.choice(CLASSES))
    shop.orders[order.id] = replace(
        order, lines=(line,), discount=ZERO, shipping=ZERO, tax=ZERO, total=ZERO
    )


def reclass(shop: Business, dice: Random) -> None:
    """An order's products are in another export class, or a class has a new name everywhere."""
    order = _pick(shop, dice)
    if order is None or not order.lines:
        return
    old, new = order.lines[0].export_class, dice.choice((*CLASSES, "Panels"))
    chosen = list(shop.orders.values()) if dice.random() < 0.3 else [order]
    for each in chosen:
        lines = tuple(
            replace(line, export_class=new) if line.export_class == old else line
            for line in each.lines
        )
        shop.orders[each.id] = replace(each, lines=lines)


def charge_later(shop: Business, dice: Random) -> None:
    """It is charged by its date, which is to come; or the date is taken away again."""
    if order := _pick(shop, dice):
        day = shop.today + timedelta(days=dice.choice((1, 1, 2, 4)))
        shop.orders[order.id] = replace(order, charge_date=None if order.charge_date else day)


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
    if shop.buyers:
        customer = shop.customers[dice.choice(shop.buyers)]
        status = dice.choice(("", "ordered", "completed"))
        shop.customers[customer.id] = replace(customer, charge_status=status)


def rename(shop: Business, dice: Random) -> None:
    if shop.buyers:
        customer = shop.customers[dice.choice(shop.buyers)]
        name = f"Customer {customer.id} {dice.randint(2, 99)}"
        shop.customers[customer.id] = replace(customer, name=name, phone=f"556 {customer.id}")


def incorporate(shop: Business, dice: Random) -> None:
    """An individual becomes a company, or the other way round."""
    if shop.buyers:
        customer = shop.customers[dice.choice(shop.buyers)]
        type_ = "" if customer.type else "business"
        shop.customers[customer.id] = replace(customer, type=type_)


def merge(shop: Business, dice: Random) -> None:
    """One customer turns out to be another one; its records stay under its own id."""
    if len(shop.buyers) > 2:
        gone, left = dice.sample(shop.buyers, k=2)
        shop.customers[gone] = replace(shop.customers[gone], merged_into=left)
