"""What stops a run before it writes: too old, too little, too much at once.

Pure: each guard is handed what it judges and raises with what a person has to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from qbosync.errors import SetupError
from qbosync.key import Action, Entity, Key
from qbosync.mapping.policy import Policy
from qbosync.model import ZERO, Snapshot, show
from qbosync.operation import Draft, Entry, Operation
from qbosync.outcome import by_month, link
from qbosync.plan import Plan

_GUARDED = (Entity.CUSTOMER, Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO)
_FIRST = 5
_MONEY = (Entity.INVOICE, Entity.CREDIT_MEMO, Entity.PAYMENT)
MAX_VOIDS, MAX_OLD, MAX_TIMES = 10, 50, 3
"""What an unattended run may do to real books where the configuration says nothing."""
_SOME = 3
"""Fewer orders may go at once whatever their share."""
_OFF = timedelta(days=1)


def age_words(age: timedelta) -> str:
    """How old something is, as people say it: ``3 days``, ``5 hours``."""
    for unit, name in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours")):
        if age >= 2 * unit:
            return f"{age // unit} {name}"
    return f"{age // timedelta(minutes=1)} minutes"


def refuse_stale(snapshot: Snapshot, now: datetime, limit: timedelta | None, zone: tzinfo) -> None:
    """An export that is days old is not "nothing new"."""
    made = snapshot.generated_at
    if made is not None and limit is not None and now - made > limit:
        raise SetupError(
            f"The export is {age_words(now - made)} old, of {made.astimezone(zone):%Y-%m-%d %H:%M}:"
            " that is not taken for no news.",
            "See in the order system why it exports no more; [source] max_age sets the limit.",
        )


def refuse_shrunken(snapshot: Snapshot, last: Mapping[str, Any] | None, is_meant: bool) -> None:
    """A whole export of a shop does not lose more than half of its orders in two hours.

    A delivery of changes only says that it is not complete.
    """
    before = int(last["orders"] or 0) if last else 0
    left = len(snapshot.orders)
    gone = before - left - sum(kind == "order" for kind, _ in snapshot.deletions)
    if snapshot.is_complete and not is_meant and gone >= _SOME and 2 * gone > before:
        raise SetupError(
            f"The export has {left} orders, the last one had {before}: more than half are gone,"
            " so nothing was written.",
            "See whether the order system exports all; if it is meant, run"
            " `qbosync sync --allow-mass-update`.",
        )


def clock_words(off: timedelta) -> str:
    """How a machine's clock that is off by more than a day is told; `""` if it is not."""
    if abs(off) <= _OFF:
        return ""
    return (
        f"This machine's clock is {abs(off).days} days {'fast' if off > _OFF else 'slow'}:"
        " QuickBooks' time was taken instead. Set the clock."
    )


def refuse_strangers(asked: Iterable[str], known: Collection[str]) -> None:
    """A record that a person asked for is in the export; credits spent are named by pairs."""
    others = ("credit_application:", "item:")
    strange = {ref for ref in asked if ref not in known and not ref.startswith(others)}
    if strange:
        raise SetupError(
            f"The export has no {', '.join(sorted(strange))}.",
            "Give kind:id as `qbosync explain` shows it, or leave --only out.",
        )


def refuse_another_plan(asked: str, plan: Plan) -> None:
    """`sync --plan ID` does exactly that plan, or nothing."""
    if asked and asked != plan.id:
        raise SetupError(
            f"The plan {asked} no longer holds: the source or QuickBooks moved"
            f" (it would be {plan.id} now).",
            "Look at `qbosync plan` again.",
        )


def refuse_wrong_sums(plan: Plan) -> None:
    """Nothing goes out whose lines are not the shop system's total, or that gives what it has not.

    Raises:
        SetupError: Naming the first of them: that is a mistake of qbosync.
    """
    for operation in plan.writes:
        rows = operation.draft.body.get("Line", ())
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for row in rows:
            links = row.get("LinkedTxn") or [{"TxnType": ""}]
            sums[str(links[0]["TxnType"])] += row.get("Amount", ZERO)
        why = _wrong(operation.draft, sums)
        if rows and why:
            raise SetupError(
                f"{operation.key} would be wrong: {why}. Nothing was written.",
                f"Please report it: `qbosync support --for {operation.key.source}`.",
            )


def _wrong(draft: Draft, sums: Mapping[str, Decimal]) -> str:
    """What does not add up in a draft."""
    invoices, credits_ = sums.get("Invoice", ZERO), sums.get("CreditMemo", ZERO)
    if draft.key.entity is not Entity.PAYMENT:
        total, lines = draft.facts.get("Total"), sums.get("", ZERO)
        is_right = total is None or Decimal(str(total)) == lines
        return "" if is_right else f"its lines make {show(lines)}, its total is {total}"
    had = Decimal(draft.body.get("TotalAmt", ZERO)) + credits_
    return "" if invoices <= had else f"it gives {show(invoices)} and has {show(had)}"


def _unusual(
    documents: Collection[Operation], policy: Policy, today: date, usual: Decimal | None
) -> list[str]:
    """What no unattended run does to real books after the first sync."""
    if not policy.is_production:
        return []
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    old = sum("0" < str(op.draft.body.get("TxnDate", "")) < month.isoformat() for op in documents)
    voids = sum(op.action is Action.VOID for op in documents)
    new = [op for op in documents if op.action is Action.CREATE and counts_as_money(op.key)]
    amount = sum((op.draft.amount or ZERO for op in new), ZERO)
    reasons = []
    if policy.max_voids is None and voids > MAX_VOIDS:
        reasons.append(f"void {voids} documents")
    if old > (policy.max_old_documents or MAX_OLD):
        reasons.append(f"write {old} documents dated before {month}")
    times = policy.max_times_usual or MAX_TIMES
    if usual and amount > times * usual:
        words = f"more than {times} times the usual day's {show(usual)}"
        reasons.append(f"write documents over {show(amount)}, {words}")
    return reasons


def counts_as_money(key: Key) -> bool:
    """What the usual day's sum is made of: invoices, credits and payments."""
    return key.entity in _MONEY and key.kind != "credit_application"


def refuse_too_much(
    plan: Plan,
    entries: Collection[Entry],
    policy: Policy,
    today: date,
    usual: Decimal | None = None,
) -> None:
    """Stop before a change of configuration rewrites the books, or a ceiling is passed.

    `usual` is the usual day's sum, where there are days enough to tell.
    """
    documents = [op for op in plan.writes if not op.key.entity.is_named]
    changed = [
        op
        for op in plan.operations
        if op.action in (Action.UPDATE, Action.VOID) and op.key.entity in _GUARDED
    ]
    known = sum(1 for e in entries if e.key.entity in _GUARDED)
    is_mass = len(changed) > policy.max_rewrite_count
    is_mass = is_mass and Decimal(len(changed)) > policy.max_rewrite_share * known
    amount = sum((op.draft.amount or ZERO for op in documents), ZERO)
    voids = sum(op.action is Action.VOID for op in documents)
    reasons = [
        words
        for words, is_passed in (
            (f"change {len(changed)} of {known} documents in QuickBooks", is_mass),
            (f"write {len(documents)} documents", _over(len(documents), policy.max_documents)),
            (f"write documents over {show(amount)}", _over(amount, policy.max_amount)),
            (f"void {voids} documents", _over(voids, policy.max_voids)),
        )
        if is_passed
    ]
    reasons += _unusual(documents, policy, today, usual)
    if reasons:
        raise SetupError(
            f"This run would {' and '.join(reasons)}.",
            "Look at `qbosync plan`; if it is meant, run `qbosync sync --allow-mass-update`.",
        )


def refuse_to_begin_alone(is_asked: bool) -> None:
    """The first sync of real books is given by a person."""
    if not is_asked:
        raise SetupError(
            "Nothing was written to this production company yet.",
            "Look at `qbosync plan`, then give the first sync: `qbosync sync --first`.",
        )


def newest_orders(plan: Plan) -> list[str]:
    """The few that a first sync writes before it asks."""
    return [op.key.source for op in plan.operations if op.key.kind == "order"][-_FIRST:]


def ask_to_go_on(
    written: Iterable[Entry],
    plan: Plan,
    environment: str,
    confirm: Callable[[str], bool] | None,
) -> None:
    """Let a person look at the first documents, and at what is to come, before it goes out."""
    lines = ["Written:"]
    for entry in written:
        address = link(environment, entry.key.entity, entry.qbo_id)
        lines.append(f"  {entry.key.entity} {entry.number} {address}".rstrip())
    lines += ["In all, by month:", *(f"  {row}" for row in by_month(plan.writes))]
    question = "\n".join([*lines, "Look at these in QuickBooks. Go on?"])
    if confirm is None or not confirm(question):
        raise SetupError(
            "The first sync was not confirmed after its first documents.",
            "Look at them in QuickBooks, then run `qbosync sync --first` again.",
        )


def _over(figure: Decimal | int, ceiling: Decimal | int | None) -> bool:
    return ceiling is not None and figure > ceiling
