"""Whether a document that the ledger does not know is made, or is in QuickBooks already.

Nothing is made twice: what bears our mark is recognised, what QuickBooks made of our estimate
is ours, and what somebody entered by hand holds its like until a person says which it is.
"""

from __future__ import annotations

from collections.abc import Callable

from qbosync.converted import ADOPTED, doubt
from qbosync.edit import Says
from qbosync.key import Action, Key
from qbosync.mapping.context import Context
from qbosync.model import Problem
from qbosync.operation import Body, Draft, Operation
from qbosync.reason import why, word
from qbosync.recognise import Verdict, recognise
from qbosync.recollect import corrected_original
from qbosync.stranger import entered_by_hand

IdOf = Callable[[Key], str | None]


def make(
    draft: Draft, ctx: Context, id_of: IdOf, forbidden: Problem | None
) -> Problem | tuple[Operation, ...]:
    """Create a document, or adopt it where QuickBooks turns out to hold it already.

    What is `forbidden`, in closed books, may be there all the same: a ledger that knows
    nothing yet asks first.
    """
    if forbidden and not ctx.memory.is_first:
        return forbidden
    ctx.wanted.add(draft.key)
    converted = ctx.found.converted.get(draft.key)
    if converted and not _is_replaced(draft.key, converted, ctx):
        adopted = Operation(Action.ADOPT, draft, ADOPTED, found=converted)
        return doubt(draft, converted, id_of) or (adopted,)
    candidates = ctx.found.objects.get(draft.key, ())
    bodies = [c.object for c in candidates if c.entity == draft.key.entity]
    judged = recognise(draft, bodies, ctx.policy.instance)
    if judged.object is not None:
        if judged.verdict is Verdict.OURS:
            found = judged.object
            return (Operation(Action.ADOPT, draft, "found in QuickBooks", found=found),)
        if judged.verdict is Verdict.STRANGER:
            return _taken(draft, judged.object)
        corrections = ctx.found.corrections.get(draft.key.source, ())
        known = corrected_original(draft, judged.object, corrections, ctx.policy.instance)
        return known or _uncertain(draft, judged.object, judged.why)
    if forbidden and ctx.is_informed:
        return forbidden
    return _by_hand(draft, ctx, id_of) or (Operation(Action.CREATE, draft, why(draft)),)


def _is_replaced(key: Key, converted: Body, ctx: Context) -> bool:
    """Whether this is the document whose place a new one is to take."""
    entry = ctx.memory.entries.get(key)
    return entry is not None and entry.qbo_id == str(converted["Id"])


def _by_hand(draft: Draft, ctx: Context, id_of: IdOf) -> Problem | None:
    """Whether somebody entered it in QuickBooks already, unless a person said it is another."""
    said = ctx.memory.words.get(draft.key)
    if said is not None and said.verdict is Says.OURS:
        return None
    strangers = (*ctx.memory.strangers, *ctx.found.strangers)
    return entered_by_hand(draft, strangers, id_of(draft.body["CustomerRef"]["value"]))


def _uncertain(draft: Draft, theirs: Body, difference: str) -> Problem:
    return Problem(
        draft.key.source,
        "uncertain",
        f"QuickBooks has {_named(draft)} (Id {theirs['Id']}) with our mark, but {difference}.",
        "Delete in QuickBooks what should not count; it clears itself.",
        draft.amount,
    )


def _taken(draft: Draft, theirs: Body) -> Problem:
    customer = theirs.get("CustomerRef", {}).get("name", "")
    return Problem(
        draft.key.source,
        "number_taken",
        f"QuickBooks has another {_named(draft)} already (Id {theirs['Id']},"
        f" {theirs.get('TotalAmt', 0):,.2f}, {customer}).",
        "If it is this one, `qbosync adopt` takes it over; else give one of them another"
        " number, or set [documents] order_prefix.",
        draft.amount,
    )


def _named(draft: Draft) -> str:
    return f"{word(draft.key.entity)} {draft.number}".strip()
