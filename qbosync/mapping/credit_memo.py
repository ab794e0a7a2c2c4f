"""Credit memos become CreditMemos, as soon as they exist.

An overpayment is none: it is the part of its payment that is not applied, so booking
it again would give the money away twice.  A write-off is one, on the bad-debt item.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qbosync.key import Entity, Key
from qbosync.mapping.context import Answer, Context, Keep, Skip, gone_problem
from qbosync.mapping.form import NUMBER_LENGTH, FormLine, again, customer_key, line_fields, text
from qbosync.mapping.policy import Items
from qbosync.mapping.salesform import HIDDEN_FLAGS
from qbosync.mark import marker
from qbosync.model import ZERO, CreditMemo, Problem, show
from qbosync.operation import Body, Draft, Entry

_DELETED = "Deleted in the shop system"
_WORDS = {
    "cash_discount": "Cash discount",
    "write_off": "Write-off",
}


def credit_memo_key(credit_id: str) -> Key:
    return Key(Entity.CREDIT_MEMO, "credit_memo", credit_id)


def is_emptied(draft: Draft) -> bool:
    """Whether a credit memo is to say 0.00 because it was deleted in the shop system."""
    return draft.key.kind == "credit_memo" and draft.facts.get("PrivateNote") == _DELETED


def answers(ctx: Context) -> Iterator[Answer]:
    """One answer a credit memo."""
    for credit in ctx.snapshot.credit_memos.values():
        if credit.ref not in ctx.held:
            yield _answer(credit, ctx)
    for credit_id in ctx.gone("credit_memo", ctx.snapshot.credit_memos):
        entry = ctx.memory.entries[credit_memo_key(credit_id)]
        is_deleted = ctx.is_deleted("credit_memo", credit_id)
        yield _emptied(entry, ctx) if is_deleted else gone_problem(entry)


def _emptied(entry: Entry, ctx: Context, is_spent: bool = False) -> Answer:
    """A deleted credit memo says 0.00, with a note: QuickBooks voids none (reported).

    One that is spent is for a person, who knows whether the money was given away after all.
    """
    if not entry.is_live:
        return Keep(entry.key.source)
    is_missing = entry.key.id not in ctx.snapshot.credit_memos
    if is_spent or (is_missing and ctx.paid(entry.key.source)):
        return Problem(
            entry.key.source,
            "deleted_credit",
            f"Credit memo {entry.number} was deleted in the shop system, but is spent.",
            "Take it off its orders in the shop system; it is set to 0.00 then.",
            entry.amount,
        )
    rows = [FormLine(row[0], row[1], ZERO, row[3]) for row in entry.facts.get("Line", ())]
    lines, line_facts, names = line_fields(rows)
    mark = marker(ctx.policy.instance, entry.key, entry.epoch)
    body: Body = {
        "CustomerRef": {"value": customer_key(entry.customer)},
        "DocNumber": entry.number,
        "Line": lines,
        "PrivateNote": f"{_DELETED}\n{mark}",
    }
    if entry.dated:
        body["TxnDate"] = entry.dated.isoformat()
    return Draft(
        entry.key,
        body,
        entry.facts | {"Line": line_facts, "Total": str(ZERO), "PrivateNote": _DELETED},
        number=entry.number,
        customer=entry.customer,
        amount=ZERO,
        lines=names,
        epoch=entry.epoch,
        reason="deleted in the shop system: set to 0.00",
    )


def _answer(credit: CreditMemo, ctx: Context) -> Answer:
    entry = ctx.memory.entries.get(credit_memo_key(credit.id))
    if credit.reason == "overpayment":
        return Skip(credit.ref, "overpayment: it is the unapplied part of its payment")
    if credit.is_deleted:
        if entry is None:
            return Skip(credit.ref, "deleted")
        return _emptied(entry, ctx, is_spent=bool(credit.applied))
    if ctx.policy.start_date and credit.issued < ctx.policy.start_date and entry is None:
        return Skip(credit.ref, "before the start date")
    return _draft(credit, ctx)


def _lines(credit: CreditMemo, items: Items) -> list[FormLine]:
    """The credit's lines and its tax; without lines, one on the item of its reason."""
    by_reason = {"cash_discount": items.discount, "write_off": items.bad_debt}
    rows = [
        FormLine(
            f"#{line.number}",
            items.of_class(line.export_class) if line.export_class else items.credit_memo,
            line.amount,
            line.description,
        )
        for line in credit.lines
    ]
    if not rows:
        words = text(credit.memo) or _WORDS.get(credit.reason, "Credit")
        item = credit.export_class.strip() or by_reason.get(credit.reason, items.credit_memo)
        rows = [FormLine("credit", item, credit.amount - credit.tax, words)]
    if credit.tax:
        rows.append(FormLine("tax", items.sales_tax, credit.tax, "Sales tax"))
    return rows


def _draft(credit: CreditMemo, ctx: Context) -> Draft | Problem:
    policy = ctx.policy
    key = credit_memo_key(credit.id)
    epoch = ctx.epoch(key)
    number = policy.credit_memo_prefix + credit.id + again(epoch)
    if len(number) > NUMBER_LENGTH:
        return Problem(
            credit.ref,
            "number_too_long",
            f"{credit.where}: the number {number!r} is longer than QuickBooks'"
            f" {NUMBER_LENGTH} characters.",
            "Shorten [documents] credit_memo_prefix.",
            credit.amount,
        )
    rows, row_facts, names = line_fields(_lines(credit, policy.items))
    added = sum((row["Amount"] for row in rows), credit.amount * 0)
    if added != credit.amount:
        return Problem(
            credit.ref,
            "total_mismatch",
            f"{credit.where}: credit memo {credit.id}: lines and tax add up to {show(added)},"
            f" the amount is {show(credit.amount)}.",
            "Correct it in the shop system; it goes out by itself.",
            credit.amount,
        )
    body: Body = {
        "CustomerRef": {"value": customer_key(credit.customer_id)},
        "DocNumber": number,
        "TxnDate": credit.issued.isoformat(),
        "Line": rows,
        "PrivateNote": marker(policy.instance, key, epoch),
        **HIDDEN_FLAGS,
    }
    facts: dict[str, Any] = {
        "CustomerRef": f"customer:{credit.customer_id}",
        "DocNumber": number,
        "TxnDate": credit.issued.isoformat(),
        "Line": row_facts,
        "Total": str(credit.amount),
    }
    order = ctx.snapshot.orders.get(credit.order_id)
    untaxed = order is not None and bool(order.tax) and not credit.tax
    note = f"credit memo {number}: order {credit.order_id} carried tax, the credit has none"
    return Draft(
        key,
        body,
        facts,
        number=number,
        customer=credit.customer_id,
        amount=credit.amount,
        lines=names,
        notes=(f"{note}: tax not reversed",) if untaxed else (),
        epoch=epoch,
    )
