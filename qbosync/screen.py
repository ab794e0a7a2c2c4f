"""What people read: plans, runs, checks and stories as tables and lines for a terminal.

Names come from customers and may hold anything, so they are printed as text and never as
markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qbosync.model import Problem, show
from qbosync.operation import Operation
from qbosync.outcome import Outcome
from qbosync.qbo.preferences import Check
from qbosync.report import totals

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


_MANY = 40
"""Rows of a table before it is cut: a backfill is told by its sums."""


def plain(value: object) -> str:
    """Text that cannot move a cursor, colour a terminal or turn its direction."""
    return _UNPRINTABLE.sub("", str(value)).replace("\t", " ").replace("\n", " ")


def clock_time(at: str) -> str:
    """An ISO instant as people read it: to the minute, and in UTC wherever they are."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def cell(value: object, style: str = "") -> Text:
    """One cell: text, whatever is in it."""
    return Text(plain(value), style=style)


def show_plan(console: Console, outcome: Outcome, is_verbose: bool = False) -> None:
    """The plan as a table, its sums, and what is held."""
    plan = outcome.plan
    if plan.operations:
        _operations(console, plan.operations, outcome.names, "Plan")
    else:
        console.print(f"Nothing to do: {_agrees(outcome)}.")
    for entity, amount in totals(plan.operations).items():
        console.print(f"  {entity}: {show(Decimal(amount))}", highlight=False)
    _rest(console, outcome, is_verbose)
    if plan.operations:
        console.print(f"Plan {plan.id}. Carry out exactly this: qbosync sync --plan {plan.id}")


def show_run(console: Console, outcome: Outcome, is_verbose: bool = False) -> None:
    """What a run wrote and what it left."""
    if outcome.adopted:
        _operations(console, [w.operation for w in outcome.adopted], outcome.names, "Adopted")
    if outcome.written:
        ids = {w.operation.key: w.entry.qbo_id for w in outcome.written}
        _operations(console, [w.operation for w in outcome.written], outcome.names, "Written", ids)
    elif outcome.error is None:
        console.print(f"Nothing new: {_agrees(outcome)}.")
    _rest(console, outcome, is_verbose)


def _operations(
    console: Console,
    operations: Sequence[Operation],
    names: Mapping[str, str],
    title: str,
    ids: Mapping[Any, str] | None = None,
) -> None:
    table = Table(
        title=f"{title}: {len(operations)}", title_justify="left", box=None, pad_edge=False
    )
    for name in ("", "document", "number", "customer"):
        table.add_column(name)
    table.add_column("amount", justify="right")
    table.add_column("Id" if ids is not None else "because")
    for operation in operations[:_MANY]:
        draft = operation.draft
        last = ids.get(operation.key, "") if ids is not None else operation.reason
        table.add_row(
            cell(operation.action.value),
            cell(draft.key.entity.value),
            cell(draft.number or draft.name or draft.key.id),
            cell(names.get(draft.customer, "")),
            cell("" if draft.amount is None else show(draft.amount)),
            cell(last),
        )
    console.print(table)
    if len(operations) > _MANY:
        counts = Counter(f"{op.action} {op.key.entity}" for op in operations)
        words = ", ".join(f"{n} x {what}" for what, n in counts.items())
        console.print(cell(f"… {len(operations) - _MANY} more; in all {words}."))


def _rest(console: Console, outcome: Outcome, is_verbose: bool) -> None:
    plan = outcome.plan
    if outcome.held:
        console.print(cell(f"Held: {len(outcome.held)}", "bold"))
        for problem in outcome.held.values():
            console.print(cell(f"  {headed(problem, outcome)}: {problem.what}", "yellow"))
            console.print(cell(f"    {remedy(problem.reason, problem.todo)}"))
    if outcome.by_hand:
        console.print(cell(f"To apply by hand: {len(outcome.by_hand)}", "bold"))
        for problem in outcome.by_hand.values():
            console.print(cell(f"  {problem.what}", "yellow"))
            console.print(cell(f"    {remedy(problem.reason, problem.todo)}"))
    show_edited(console, outcome.edited)
    for words in (*outcome.reported, *(outcome.notes if is_verbose else ())):
        console.print(cell(f"Note: {words}"))
    left = ", ".join(f"{n} {reason}" for reason, n in sorted(plan.out_of_scope.items()))
    tail = f"; out of scope: {left}" if left else ""
    console.print(cell(f"Unchanged: {plan.unchanged}{tail}.", "dim"))


def show_edited(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """What people changed in QuickBooks: no hold, but theirs and ours side by side."""
    if rows:
        console.print(cell(f"Edited in QuickBooks: {len(rows)}", "bold"))
    for row in rows:
        console.print(cell(f"  {row['what']}", "yellow"))
        console.print(cell(f"    {row['todo']} (since {str(row['since'])[:10]})"))


def show_checks(console: Console, checks: Iterable[Check]) -> None:
    """Every setting that could hurt, with its evidence and the way to it."""
    words = {"ok": ("ok", "green"), "warning": ("look", "yellow"), "stop": ("STOP", "bold red")}
    for check in checks:
        word, style = words[check.level]
        console.print(Text(f"{word:>5} ", style=style) + cell(f"{check.name}: {check.evidence}"))
        if check.level != "ok" and check.todo:
            console.print(cell(f"      {check.todo}"))


_GOES_OUT = frozenset({
    "bad_amount", "bad_name", "company_setting", "missing_account", "missing_item", "name_taken",
    "negative_total", "no_charge_date", "number_taken", "number_too_long", "over_applied",
    "overpayment_of_nothing", "same_name", "same_number", "total_mismatch", "unfit_account",
    "unfit_item", "unknown_customer", "unknown_method", "unknown_status", "write_off_of_nothing",
    "unreadable", "refused",
})  # fmt: skip
"""Reasons that end as soon as their cause does: nobody has to tell qbosync."""


def remedy(reason: str, todo: str) -> str:
    """What to do, and whether that is all: a held line ends with it."""
    is_said = "itself" in todo or "Nothing to do" in todo
    return todo if is_said or reason not in _GOES_OUT else f"{todo} It goes out by itself then."


def named(source: str) -> str:
    """A record as a sentence names it: ``credit memo 31``; a place in a file as it is."""
    kind, _, rest = source.partition(":")
    return rest.replace(":", " line ") if kind == "file" else f"{kind.replace('_', ' ')} {rest}"


def headed(problem: Problem, outcome: Outcome) -> str:
    """Which record, whose, and how much money it is about."""
    customer = outcome.names.get(outcome.owners.get(problem.source, ""), "")
    parts = [named(problem.source)]
    if customer and not problem.source.startswith("customer:"):
        parts.append(customer)
    if problem.amount is not None:
        parts.append(show(problem.amount))
    return ", ".join(parts)


def _came_to(row: Mapping[str, Any]) -> str:
    """What became of a write; of one that is open, until when it is left alone."""
    if not row["until"]:
        return str(row["state"])
    return f"outcome unknown, checking again at {clock_time(row['until'])}"


def show_story(console: Console, story: Mapping[str, Any]) -> None:
    """One record's story, for a person."""
    console.print(cell(story["ref"], "bold"))
    for name, value in story["source"].items():
        console.print(cell(f"  {name}: {value}"))
    if story["rule"]:
        console.print(cell(f"  {story['rule']}"))
    for row in story["documents"]:
        words = f"{row['entity']} {row['number']} (Id {row['qbo_id']}, {row['state']})"
        amount = f" {show(Decimal(row['amount']))}" if row["amount"] else ""
        console.print(cell(f"In QuickBooks: {words}{amount} {row['dated']} {row['link']}".rstrip()))
    for row in story["writes"]:
        console.print(
            cell(
                f"  {row['first_sent'][:19]}Z run {row['run']}: {row['action']} {row['entity']},"
                f" {_came_to(row)} ({row['reason']}), request {row['request_id']}"
                f"{', intuit_tid ' + row['intuit_tid'] if row['intuit_tid'] else ''}"
            )
        )
        if row["answer"]:
            console.print(cell(f"      {row['answer']}"))
        for name, (before, after) in row["changes"].items():
            console.print(cell(f"      {name}: {before} → {after}"))
    show_edited(console, story["edited"])
    for row in story["said"]:
        by = f" by {row['by']}" if row["by"] else ""
        console.print(
            cell(f"Said on {row['at'][:10]}{by}: {row['verdict']} {row['qbo_id']}".rstrip())
        )
    for row in story["put_aside"]:
        console.print(cell(f"Put aside on {row['since'][:10]} {row['why']}".rstrip()))
    for row in story["held"]:
        console.print(cell(f"Held since {row['since'][:10]}: {row['what']}", "yellow"))
        console.print(cell(f"  {row['todo']}"))


def _agrees(outcome: Outcome) -> str:
    save = "save what is held, " if outcome.held else ""
    return f"{save}QuickBooks says what the shop system says"
