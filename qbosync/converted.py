"""An invoice that QuickBooks made from our estimate itself: a customer paid the estimate online,
or a person made it by hand.  Pure.

    customer and total agree    it is the order's invoice: adopted as it is
    they do not                 held, with both sides: a person decides
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from qbosync.key import Key
from qbosync.model import Problem, show
from qbosync.operation import Body, Draft

ADOPTED = "QuickBooks made it from the estimate"
"""The reason that such an adoption gives."""


def doubt(draft: Draft, made: Body, id_of: Callable[[Key], str | None]) -> Problem | None:
    """Why an invoice made from our estimate is not taken for the order's; `None` if it is."""
    theirs = Decimal(str(made.get("TotalAmt", 0)))
    whose = made.get("CustomerRef", {})
    is_same_customer = str(whose.get("value", "")) == id_of(draft.body["CustomerRef"]["value"])
    if is_same_customer and theirs == draft.amount:
        return None
    ours = "" if draft.amount is None else show(draft.amount)
    return Problem(
        draft.key.source,
        "converted",
        f"QuickBooks has made invoice {made.get('DocNumber', '')} (Id {made['Id']},"
        f" {show(theirs)}, {whose.get('name', '')}) from the estimate itself; order"
        f" {draft.key.id} says {ours}.",
        "Correct that invoice in QuickBooks, or the order in the shop system; it clears itself"
        " once customer and total agree.",
        draft.amount,
    )
