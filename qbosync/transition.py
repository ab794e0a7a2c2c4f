"""Whether a document that stands in QuickBooks may become what the source says now.

what changes                        is done when
---------------------------------   -----------------------------------------------
amounts, customer, date; a void     the books of its day are open, and it is not
                                    older than `open_months`
anything else of a document         the books of its day are open
what a payment is applied to        always planned: in closed books it is by hand
an invoice or credit memo shrinks   all that gives back can: not held, not deposited,
below what is on it, or is voided   not in closed books
the customer of an invoice or       never: an unpaid invoice is voided and made anew,
payment                             the rest is for a person
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from qbosync.key import Entity, Key
from qbosync.mapping.context import Context
from qbosync.mapping.merged import is_merge
from qbosync.mapping.payment import target_key
from qbosync.mapping.posted import applied, is_deposited, is_voided
from qbosync.model import ZERO, Problem, show
from qbosync.operation import Draft, Entry, Operation, given
from qbosync.reason import word

_POSTS = ("Total", "TotalAmt", "TxnDate", "CustomerRef")
_FREE = (Entity.CUSTOMER, Entity.ESTIMATE, Entity.ITEM, Entity.PAYMENT_METHOD)
"""What posts nothing and so knows no closed period."""


def closed(draft: Draft, entry: Entry | None, ctx: Context) -> Problem | None:
    """Why a document may not be written, or not changed, for the sake of its day."""
    if draft.key.entity in _FREE:
        return None
    text = str(draft.body.get("TxnDate", ""))
    dates = [date.fromisoformat(text)] if text else []
    if entry is not None and entry.dated is not None:
        dates.append(entry.dated)
        if _is_only_applied(draft, entry):
            return None
    first = min(dates, default=None)
    document = f"{word(draft.key.entity).capitalize()} {draft.number or draft.key.id}"
    if ctx.is_closed(first):
        what = f"the books are closed until {ctx.policy.closed_until}"
        todo = "Reopen the period in QuickBooks, or let the bookkeeper enter it there."
    elif entry is not None and ctx.is_fenced(entry.dated) and _posts(draft, entry):
        what = f"what was posted before {ctx.policy.open_from(ctx.today)} is not changed any more"
        todo = "Let the bookkeeper enter it in QuickBooks, or raise [documents] open_months."
    else:
        return None
    return Problem(
        draft.key.source,
        "closed_books",
        f"{document} is dated {first}, but {what}.{_would(draft, entry)}",
        todo,
        draft.amount,
    )


def corrected(draft: Draft, entry: Entry, by: Sequence[Entry]) -> Problem:
    """A further change of an invoice that other documents correct, where nothing may."""
    names = ", ".join(other.number for other in by)
    return Problem(
        draft.key.source,
        "corrected",
        f"Invoice {entry.number} was corrected by {names} and changed again in the shop system.",
        'Set [documents] correction = "credit_memo", or let the bookkeeper enter it.',
        draft.amount,
    )


def _would(draft: Draft, entry: Entry | None) -> str:
    """What would change, in short."""
    if entry is None:
        return ""
    if draft.is_void:
        return f" It would be voided: {draft.reason}."
    if entry.amount is None or draft.amount is None or entry.amount == draft.amount:
        return ""
    return f" It would change from {show(entry.amount)} to {show(draft.amount)}."


def _is_only_applied(draft: Draft, entry: Entry) -> bool:
    """Whether a payment changes in nothing but what it is applied to: that posts nothing."""
    if draft.key.entity is not Entity.PAYMENT or draft.is_void:
        return False
    return _rest(draft.facts) == _rest(entry.facts)


def _rest(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "Line"}


def _posts(draft: Draft, entry: Entry) -> bool:
    """Whether a change moves money in the books: amounts, items, date or customer."""
    if draft.is_void:
        return True
    if draft.key.entity is Entity.PAYMENT:
        names: tuple[str, ...] = _POSTS
    else:
        names = ("Total", "CustomerRef", "TxnDate")
        if _posted_lines(draft.facts) != _posted_lines(entry.facts):
            return True
    return any(draft.facts.get(name) != entry.facts.get(name) for name in names)


def _posted_lines(facts: Mapping[str, Any]) -> list[tuple[str, Decimal]]:
    return [(str(row[1]), Decimal(row[2])) for row in facts.get("Line", ())]


def unsafe_change(draft: Draft, entry: Entry, ctx: Context) -> Problem | None:
    """A change that would leave money on the wrong document, for a person to make."""
    entity = draft.key.entity
    if entity in _FREE:
        return None
    document = f"{word(entity).capitalize()} {entry.number or entry.qbo_id}"
    has_moved = entry.facts.get("CustomerRef") != draft.facts.get("CustomerRef")
    if has_moved and not draft.is_void and not is_merge(entry, draft.customer, ctx):
        return Problem(
            draft.key.source,
            "moved_customer",
            f"{document} is another customer's now in the shop system.",
            f"Give the {word(entity)} to that customer in QuickBooks, or move it back in the shop"
            " system: it clears itself.",
            draft.amount,
        )
    left = ZERO if draft.is_void else draft.amount
    if entity is Entity.PAYMENT or left is None or ctx.paid(draft.key.source) <= left:
        return None
    return less_than_paid(draft, entry, ctx) if _stuck(draft, ctx) else None


def less_than_paid(draft: Draft, entry: Entry, ctx: Context) -> Problem:
    """An invoice or credit memo that cannot become less, because money stays on it."""
    source = draft.key.source
    document = f"{word(entry.key.entity).capitalize()} {entry.number or entry.qbo_id}"
    stuck = _stuck(draft, ctx)
    why = f" {'; '.join(stuck)}." if stuck else ""
    paid = show(ctx.paid(source))
    if draft.is_void:
        what = f"{document} is to be voided ({draft.reason}), but {paid} are applied to it.{why}"
        todo = f"In QuickBooks take the money off {word(entry.key.entity)} {entry.number}, then"
        reason, todo = "void_with_money", f"{todo} it is voided by itself."
    else:
        now = show(draft.amount or ZERO)
        what = f"{document} comes to {now} now, but {paid} are applied to it.{why}"
        reason = "less_than_paid"
        todo = "Take the surplus off in QuickBooks, or correct the shop system."
    return Problem(source, reason, what, todo, draft.amount)


def _stuck(draft: Draft, ctx: Context) -> list[str]:
    """What should give money back to a record and cannot, with the reason."""
    source = draft.key.source
    told = []
    for key, before in ctx.payers.get(source, {}).items():
        keeps = ctx.granted.get((key.source, _target_of(key, source)), ZERO)
        gives_back = draft.is_void or keeps < before
        is_there = _still_on(key, source, before, ctx) > 0
        if gives_back and is_there and (why := _why_stuck(key, ctx)):
            told.append(why)
    return told


def _why_stuck(key: Key, ctx: Context) -> str:
    name = key.source.replace("_", " ").replace(":", " ", 1).capitalize()
    if key.source in ctx.held or any(k.source == key.source for k in ctx.memory.waiting):
        return f"{name} is held itself"
    body = ctx.current(key)
    if body is None or is_voided(body):
        return ""
    if is_deposited(body):
        return f"{name} was deposited in the bank and cannot be changed any more"
    if ctx.is_closed(ctx.memory.entries[key].dated):
        return f"{name} is dated {ctx.memory.entries[key].dated}, in closed books"
    return ""


def _target_of(payer: Key, source: str) -> str:
    """The order or charge: for a credit memo the one that this spending of it went to."""
    return payer.id.split("/")[1] if source.startswith("credit_memo:") else source


def money_left(
    operation: Operation, planned: Mapping[tuple[Key, int], Operation], ctx: Context
) -> Decimal:
    """What is on a document that becomes less, once all that is planned was carried out."""
    source, left = operation.key.source, ZERO
    for key, before in ctx.payers.get(source, {}).items():
        change = planned.get((key, ctx.memory.entries[key].epoch))
        if change is None:
            left += _still_on(key, source, before, ctx)
        else:
            left += min(before, given(change.draft.facts).get(_target_of(key, source), ZERO))
    return left


def _still_on(key: Key, source: str, before: Decimal, ctx: Context) -> Decimal:
    """What a payment that is not to change has on a record, as QuickBooks says itself."""
    body = ctx.current(key)
    invoice = ctx.memory.live(target_key(_target_of(key, source)))
    if not ctx.is_informed or invoice is None:
        return before
    pays = applied(body.get("Line", [])) if body else {}
    return min(before, pays.get(("Invoice", invoice.qbo_id), ZERO))
