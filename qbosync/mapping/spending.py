"""Credits are spent by a Payment of zero that links credit memo and invoice.

That is QuickBooks' own way (recorded).  A spending that the source no longer has, or whose
invoice goes, is voided: that gives the credit back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from qbosync.key import Key
from qbosync.mapping.context import Answer, Context, Skip
from qbosync.mapping.credit_memo import credit_memo_key
from qbosync.mapping.form import customer_key
from qbosync.mapping.opening import is_before_start
from qbosync.mapping.payment import application_key, capped, fits, target_key
from qbosync.mark import marker
from qbosync.model import ZERO, Application, CreditMemo
from qbosync.operation import Draft, void_draft


def spent(credit: CreditMemo) -> tuple[Application, ...]:
    """On what a credit is spent.

    A write-off or cash discount is made for its order, whether or not the source says twice
    that it is spent there.
    """
    is_for_its_order = credit.reason in ("write_off", "cash_discount") and credit.order_id
    if is_for_its_order and not credit.applied:
        return (Application(f"order:{credit.order_id}", credit.amount, credit.issued),)
    return credit.applied


def answers(ctx: Context) -> Iterator[Answer]:
    """One answer each time a credit is spent, and one for each spending that is no more."""
    seen: set[Key] = set()
    for credit in ctx.snapshot.credit_memos.values():
        if credit.reason == "overpayment" or credit.is_deleted:
            continue
        for key, application in named_spendings(credit):
            seen.add(key)
            if key.source not in ctx.held:
                yield _answer(key, credit, application, ctx)
    yield from _no_more(seen, ctx)


def named_spendings(credit: CreditMemo) -> Iterator[tuple[Key, Application]]:
    """Each spending under its own key: the nth on the same order, in the order of its days."""
    count: dict[str, int] = defaultdict(int)
    for application in sorted(spent(credit), key=lambda a: a.on or credit.issued):
        count[application.target] += 1
        yield application_key(credit.id, application.target, count[application.target]), application


def _no_more(seen: set[Key], ctx: Context) -> Iterator[Answer]:
    """Spendings that QuickBooks has from us and the source does not name any more.

    Those of a deleted credit memo stay as long as the source leaves them on it.
    """
    for key, entry in ctx.memory.entries.items():
        if key.kind != "credit_application" or key in seen or not entry.is_live:
            continue
        credit_id, _, rest = key.id.partition("/")
        credit = ctx.snapshot.credit_memos.get(credit_id)
        target = rest.partition("/")[0]
        is_named = (
            credit is not None
            and credit.is_deleted
            and any(application.target == target for application in credit.applied)
        )
        is_held = {key.source, f"credit_memo:{credit_id}"} & ctx.held.keys()
        if credit is not None and not is_named and not is_held:
            yield void_draft(entry, "no longer spent there in the shop system")


def _answer(key: Key, credit: CreditMemo, application: Application, ctx: Context) -> Answer:
    entry = ctx.memory.live(key)
    target = application.target.replace(":", " ")
    memo = ctx.memory.entries.get(credit_memo_key(credit.id))
    if entry is not None and memo is not None and not memo.is_live:
        return void_draft(entry, f"credit memo {credit.id} is gone: its money is spent anew")
    if credit.ref in ctx.held or not ctx.exists(credit_memo_key(credit.id)):
        if ctx.policy.start_date and credit.issued < ctx.policy.start_date:
            return Skip(key.source, "before the start date")
        return Skip(key.source, f"waits for credit memo {credit.id}")
    if not ctx.exists(target_key(application.target)):
        if entry is None and is_before_start(application.target, ctx):
            return Skip(key.source, "for an invoice from before the start date: apply it by hand")
        if entry is not None:
            return void_draft(entry, f"the invoice of {target} goes: the credit is free again")
        return Skip(key.source, f"waits until {target} is charged")
    amount = capped(key, application.target, application.amount, ctx)
    if not amount and entry is not None:
        return void_draft(entry, f"{target} became less: the credit is free again")
    if not amount or not fits(key, application.target, amount, ctx):
        return Skip(key.source, f"waits until the invoice of {target} can take it")
    return _draft(key, credit, application, amount, ctx)


def _draft(
    key: Key, credit: CreditMemo, application: Application, amount: Decimal, ctx: Context
) -> Draft:
    invoice, memo = target_key(application.target), credit_memo_key(credit.id)
    epoch = ctx.epoch(key)
    dated = application.on or credit.issued
    return Draft(
        key,
        {
            "CustomerRef": {"value": customer_key(credit.customer_id)},
            "TotalAmt": ZERO,
            "TxnDate": dated.isoformat(),
            "Line": [
                {"Amount": amount, "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]},
                {"Amount": amount, "LinkedTxn": [{"TxnId": memo, "TxnType": "CreditMemo"}]},
            ],
            "PrivateNote": marker(ctx.policy.instance, key, epoch),
        },
        {
            "CustomerRef": f"customer:{credit.customer_id}",
            "TotalAmt": str(ZERO),
            "TxnDate": dated.isoformat(),
            "Line": [[application.target, str(amount)]],
        },
        customer=credit.customer_id,
        amount=amount,
        epoch=epoch,
    )
