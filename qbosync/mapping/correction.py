"""What may not be changed any more is corrected by another document, dated today.

The original stays as it is.  Less: a credit memo `1042-C1`; more: an invoice `1042-A1`; both
on the same items, tax among them.  Once an invoice was corrected so, it always is: the books
say original and corrections together, on the customer of the original.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from qbosync.key import Entity, Key
from qbosync.mapping.context import Context
from qbosync.mapping.form import NUMBER_LENGTH, FormLine, again, customer_key, line_fields
from qbosync.mapping.merged import is_merge
from qbosync.mapping.salesform import HIDDEN_FLAGS, ONLINE_FLAGS
from qbosync.mark import marker
from qbosync.model import ZERO
from qbosync.operation import Body, Draft, Entry

_LETTERS = {Entity.CREDIT_MEMO: "C", Entity.INVOICE: "A"}


def difference(draft: Draft, entry: Entry, ctx: Context) -> dict[str, Decimal]:
    """By item, what the source wants beyond the invoice and its corrections."""
    wanted = {} if draft.is_void else _by_item([draft.facts])
    invoices: list[Mapping[str, Any]] = [entry.facts]
    credits: list[Mapping[str, Any]] = []
    for other in ctx.corrections.get(draft.key.source, ()):
        (credits if other.key.entity is Entity.CREDIT_MEMO else invoices).append(other.facts)
    there, back = _by_item(invoices), _by_item(credits)
    items = {**wanted, **there, **back}
    rows = {
        item: wanted.get(item, ZERO) - there.get(item, ZERO) + back.get(item, ZERO)
        for item in items
    }
    return {item: amount for item, amount in rows.items() if amount}


def _by_item(facts: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for each in facts:
        for row in each.get("Line", ()):
            sums[str(row[1])] += Decimal(row[2])
    return dict(sums)


def correction_draft(draft: Draft, entry: Entry, ctx: Context) -> Draft | None:
    """The document that makes up for a change; `None` where no document of one sign can."""
    rows = difference(draft, entry, ctx)
    amount = sum(rows.values(), ZERO)
    is_same = draft.is_void or draft.facts["CustomerRef"] == entry.facts.get("CustomerRef")
    has_moved = not is_same and not is_merge(entry, draft.customer, ctx)
    if not amount or has_moved or ctx.is_closed(ctx.today):
        return None
    entity = Entity.INVOICE if amount > 0 else Entity.CREDIT_MEMO
    letter, sign = _LETTERS[entity], 1 if amount > 0 else -1
    source = draft.key.source
    nth = 1 + sum(other.key.entity is entity for other in ctx.corrections.get(source, ()))
    key = Key(entity, "correction", f"{source}/{letter}{nth}")
    epoch = ctx.epoch(key)
    number = f"{entry.number}-{letter}{nth}{again(epoch)}"
    if len(number) > NUMBER_LENGTH:
        return None
    words = f"Correction of invoice {entry.number} of {entry.dated}"
    lines = [FormLine(item, item, sign * n, words) for item, n in rows.items()]
    bodies, facts, names = line_fields(lines)
    body: Body = {
        "CustomerRef": {"value": customer_key(entry.customer)},
        "DocNumber": number,
        "TxnDate": ctx.today.isoformat(),
        "Line": bodies,
        "PrivateNote": marker(ctx.policy.instance, key, epoch),
        **HIDDEN_FLAGS,
        **(ONLINE_FLAGS if entity is Entity.INVOICE else {}),
    }
    return Draft(
        key,
        body,
        {
            "CustomerRef": f"customer:{entry.customer}",
            "DocNumber": number,
            "Line": facts,
            "Total": str(sign * amount),
        },
        number=number,
        customer=entry.customer,
        amount=sign * amount,
        lines=names,
        epoch=epoch,
        reason=f"corrects invoice {entry.number}, which may not be changed any more",
    )
