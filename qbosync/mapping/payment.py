"""Payments become Payments, applied to their invoice as soon as there is one.

A payment goes to exactly the invoices the source names, never to the oldest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from qbosync.key import Entity, Key
from qbosync.mapping.charge import charge_key
from qbosync.mapping.context import Answer, Context, Keep, Skip, gone_problem
from qbosync.mapping.form import customer_key, text
from qbosync.mapping.merged import holder, is_merge, payer
from qbosync.mapping.opening import is_before_start, opening_invoice, why_not_sent
from qbosync.mapping.refund import refunded
from qbosync.mapping.salesform import invoice_key
from qbosync.mapping.undone import replaces, undone
from qbosync.mark import marker
from qbosync.model import ZERO, Application, CreditMemo, Payment, Problem, show
from qbosync.operation import Body, Draft

REFERENCE_LENGTH = 21
"""Characters of PaymentRefNum; the whole reference goes into PrivateNote."""


def payment_key(payment_id: str) -> Key:
    return Key(Entity.PAYMENT, "payment", payment_id)


def application_key(credit_id: str, target: str, nth: int) -> Key:
    """One spending of one credit on one invoice; the nth, where it is spent there again."""
    suffix = f"/{nth}" if nth > 1 else ""
    return Key(Entity.PAYMENT, "credit_application", f"{credit_id}/{target}{suffix}")


def target_key(target: str) -> Key:
    """The invoice that ``order:1042`` or ``charge:9`` means, or one that corrects it."""
    kind, _, target_id = target.partition(":")
    if kind == "correction":
        return Key(Entity.INVOICE, kind, target_id)
    return charge_key(target_id) if kind == "charge" else invoice_key(target_id)


def amount_of(payment: Payment, ctx: Context) -> Decimal:
    """All that was received; feeds that leave the surplus out have it in overpayment credits."""
    if ctx.policy.payment_amount == "applied":
        return payment.amount + sum((c.amount for c in surplus(payment, ctx)), ZERO)
    return payment.amount


def surplus(payment: Payment, ctx: Context) -> list[CreditMemo]:
    """The account credits that are only the unapplied part of this payment."""
    return [
        credit
        for credit in ctx.snapshot.credit_memos.values()
        if credit.reason == "overpayment"
        and credit.payment_id == payment.id
        and not credit.is_deleted
    ]


def answers(ctx: Context) -> Iterator[Answer]:
    """One answer a payment.

    What went back comes first: what was entered in its place waits for it.
    """
    overpaid: dict[str, list[Application]] = defaultdict(list)
    for credit in ctx.snapshot.credit_memos.values():
        if credit.reason == "overpayment" and not credit.is_deleted:
            overpaid[credit.payment_id].extend(credit.applied)
    payments = sorted(ctx.snapshot.payments.values(), key=lambda p: p.is_received)
    for payment in payments:
        if payment.ref not in ctx.held:
            yield _answer(payment, (*payment.applied, *overpaid[payment.id]), ctx)
    for payment_id in ctx.gone("payment", ctx.snapshot.payments):
        entry = ctx.memory.entries[payment_key(payment_id)]
        is_deleted = ctx.is_deleted("payment", payment_id)
        yield undone(entry, "deleted", ctx) if is_deleted else gone_problem(entry)


def _answer(payment: Payment, applied: tuple[Application, ...], ctx: Context) -> Answer:
    entry = ctx.memory.entries.get(payment_key(payment.id))
    if not payment.is_received:
        if entry is None:
            return Skip(payment.ref, payment.status)
        return undone(entry, payment.status, ctx) if entry.is_live else Keep(payment.ref)
    if payment.method.casefold() in ctx.policy.not_money:
        return Skip(payment.ref, "settled by a credit")
    start = ctx.policy.start_date
    is_old = start is not None and payment.received < start and entry is None
    if is_old and (why := why_not_sent(payment_key(payment.id), applied, ctx)):
        return Skip(payment.ref, why)
    draft = _draft(payment, applied, ctx)
    if entry is not None:
        is_sent = entry.digest == draft.digest and payment.status == "refunded"
        return (refunded(payment, ctx) if is_sent else None) or draft
    first = replaces(payment, ctx)
    return first if isinstance(first, Problem) else replace(draft, after=first)


def fits(own: Key, target: str, amount: Decimal, ctx: Context) -> bool:
    """Whether an invoice can take so much; one whose change is held owes what it owed."""
    invoice = ctx.memory.live(target_key(target))
    if target_key(target) in ctx.planned or invoice is None or invoice.amount is None:
        return True
    payers = ctx.payers.get(target, {})
    before = payers.get(own, ZERO)
    return amount <= max(before, invoice.amount - ctx.paid(target) + before)


def capped(own: Key, target: str, amount: Decimal, ctx: Context) -> Decimal:
    """What of a giving still fits an order that became less after it was paid."""
    cap = ctx.caps.get((own.source, target))
    return amount if cap is None or target_key(target) not in ctx.planned else min(amount, cap)


def _sums(applied: tuple[Application, ...]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for application in applied:
        sums[application.target] += application.amount
    return sums


def _owner(payment: Payment, applied: tuple[Application, ...], ctx: Context) -> str:
    """Whose a payment is: where customers were merged, what it pays may have stayed behind."""
    if not ctx.merged:
        return payment.customer_id
    entry = ctx.memory.live(payment_key(payment.id))
    if entry and entry.gives and is_merge(entry, payment.customer_id, ctx):
        return entry.customer
    targets = {target: target_key(target) for target in _sums(applied)}
    return payer(payment.customer_id, targets, ctx)


def _lines(
    own: Key, applied: tuple[Application, ...], payment: Payment, owner: str, ctx: Context
) -> tuple[list[Body], list[list[str]]]:
    """The lines to invoices that are there, each named once: a payment without them waits.

    "A waiting payment is applied when the invoice appears" is not written anywhere: the
    draft gains a line, its facts change, and the planner sees an update like any other.
    """
    sums = _sums(applied)
    bodies: list[Body] = []
    facts: list[list[str]] = []
    for target, wanted in sorted(sums.items()):
        key = target_key(target)
        amount = capped(own, target, wanted, ctx)
        if ctx.merged and holder(key, payment.customer_id, ctx) != owner:
            continue  # QuickBooks lets no payment pay another customer's invoice
        for place, part in _places(own, target, amount, ctx):
            link = {"TxnId": target_key(place), "TxnType": "Invoice"}
            bodies.append({"Amount": part, "LinkedTxn": [link]})
            facts.append([place, str(part)])
    return bodies, facts


def _places(own: Key, target: str, amount: Decimal, ctx: Context) -> list[tuple[str, Decimal]]:
    """On which invoices the money for an order goes: where it was corrected, also on `-A1`."""
    key = target_key(target)
    if not amount or not ctx.exists(key):
        return []
    more = [e for e in ctx.corrections.get(target, ()) if e.key.entity is Entity.INVOICE]
    if not more:
        return [(target, amount)] if fits(own, target, amount, ctx) else []
    places, left = [], amount
    for entry in (ctx.memory.entries[key], *more):
        place = target if entry.key == key else entry.key.source
        before = ctx.payers.get(place, {}).get(own, ZERO)
        free = (entry.amount or ZERO) - ctx.paid(place) + before
        if (part := min(left, max(before, free))) > 0:
            places.append((place, part))
            left -= part
    return places


def _opened(
    payment: Payment, applied: tuple[Application, ...], ctx: Context
) -> tuple[dict[str, tuple[str, Decimal]], list[str]]:
    """What goes to invoices from before the start date, by order, and what found none.

    They are looked for when the payment is first sent; afterwards the ledger knows them.
    """
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for application in applied:
        is_ours = ctx.exists(target_key(application.target))
        if not is_ours and is_before_start(application.target, ctx):
            sums[application.target] += application.amount
    entry = ctx.memory.entries.get(payment_key(payment.id))
    known = entry.facts.get("Opening", {}) if entry else {}
    opened: dict[str, tuple[str, Decimal]] = {}
    notes = []
    for target, amount in sorted(sums.items()):
        qbo_id = known.get(target) or (
            "" if entry else opening_invoice(target, amount, payment, ctx)
        )
        if qbo_id:
            opened[target] = (qbo_id, amount)
        else:
            notes.append(
                f"payment {payment.id}: QuickBooks has no open invoice of the number and customer"
                f" of {target.replace(':', ' ')} with {show(amount)} left: it stays unapplied"
            )
    return opened, notes


def _draft(payment: Payment, applied: tuple[Application, ...], ctx: Context) -> Draft:
    policy = ctx.policy
    key = payment_key(payment.id)
    epoch = ctx.epoch(key)
    amount = amount_of(payment, ctx)
    owner = _owner(payment, applied, ctx)
    method = payment.method.casefold()
    rows, row_facts = _lines(key, applied, payment, owner, ctx)
    opened, notes = _opened(payment, applied, ctx)
    for target, (qbo_id, paid) in opened.items():
        rows.append({"Amount": paid, "LinkedTxn": [{"TxnId": qbo_id, "TxnType": "Invoice"}]})
        row_facts.append([target, str(paid)])
    mark = marker(policy.instance, key, epoch)
    reference = text(payment.reference)
    body: Body = {
        "CustomerRef": {"value": customer_key(owner)},
        "TotalAmt": amount,
        "TxnDate": payment.received.isoformat(),
        "Line": rows,
        "PrivateNote": f"{reference}\n{mark}" if len(reference) > REFERENCE_LENGTH else mark,
    }
    facts: dict[str, Any] = {
        "CustomerRef": f"customer:{owner}",
        "TotalAmt": str(amount),
        "TxnDate": payment.received.isoformat(),
        "Line": row_facts,
    }
    if reference:
        body["PaymentRefNum"] = reference[:REFERENCE_LENGTH].strip()
        facts["PaymentRefNum"] = reference
    if opened:
        facts["Opening"] = {target: qbo_id for target, (qbo_id, _) in opened.items()}
    if not applied:
        notes.append(f"payment {payment.id} names no order: {show(amount)} stays unapplied")
    if mapped := policy.payment_methods.get(method):
        body["PaymentMethodRef"] = {"value": method_key(mapped)}
        facts["PaymentMethodRef"] = mapped
    elif method:
        notes.append(
            f"payments by {method!r} go without a payment method: [payments.methods] has none"
        )
    if account := policy.deposit_to.get(method):
        body["DepositToAccountRef"] = {"value": account_key(account)}
    return Draft(
        key,
        body,
        facts,
        customer=owner,
        amount=amount,
        notes=tuple(notes),
        epoch=epoch,
    )


def method_key(name: str) -> Key:
    return Key(Entity.PAYMENT_METHOD, "payment_method", name.strip())


def account_key(name: str) -> Key:
    return Key(Entity.ACCOUNT, "account", name.strip())
