"""When an order was charged: the date of its invoice, which never moves by itself."""

from __future__ import annotations

from datetime import date

from qbosync.errors import RecordError
from qbosync.mapping.context import BEFORE_US, Context, Sighting
from qbosync.mapping.policy import Policy
from qbosync.model import Order


def charge_date(order: Order, ctx: Context) -> date:
    """The day the customer was charged; it becomes the invoice's date and never moves by itself.

    The charge date; a day on which only a setting changed; the day the charge status was
    reached; the ship date if it is past (a future one proves nothing); the day we first saw it.
    """
    sighting = ctx.memory.sightings.get(order.id)
    at = ctx.policy.charge_status_of(ctx.customer(order.customer_id))
    if order.charge_date:
        return order.charge_date
    if sighting and _only_the_setting_changed(sighting, order, at):
        return ctx.today
    reached = _reached(order, ctx.policy, at)
    if reached:
        return min(reached, ctx.today)
    if order.ship_date and order.ship_date <= ctx.today:
        return order.ship_date
    seen = sighting.charged_on if sighting else None
    if seen and seen != BEFORE_US:
        return seen
    if not ctx.memory.is_first and not seen:
        return ctx.today
    raise RecordError(
        f"{order.where}: order {order.number} is {order.status} but nothing says since when.",
        "Give it a charge date, a ship date or the date of its status in the shop system.",
        reason="no_charge_date",
    )


def _only_the_setting_changed(sighting: Sighting, order: Order, charge_status: str) -> bool:
    """Whether the order stands where it stood, and is charged because a person said so."""
    was_open = sighting.charged_on is None and sighting.status == order.status
    return was_open and sighting.charge_status != charge_status


def _reached(order: Order, policy: Policy, charge_status: str) -> date | None:
    """The first day on which the order stood at or past its charge status."""
    needed = policy.rank(charge_status)
    if needed is None:
        return None
    days = [day for status, day in order.history if (policy.rank(status) or -1) >= needed]
    if days:
        return min(days)
    return order.status_at
