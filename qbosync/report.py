"""What people and scripts read: plans, runs, status, checks.

The same values three times: as tables for a terminal, as one JSON object for a script, as
a few lines of mail.  Names come from customers and may hold anything, so they are printed
as text and never as markup.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qbosync.errors import QbosyncError, TemporaryError
from qbosync.model import Problem, show
from qbosync.operation import Action, Operation
from qbosync.outcome import Outcome, Written
from qbosync.qbo.preferences import Check

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


# JSON -------------------------------------------------------------------------------------


def operation_json(operation: Operation, names: Mapping[str, str]) -> dict[str, Any]:
    """An operation as scripts read it; money is text."""
    draft = operation.draft
    return {
        "action": operation.action.value,
        "entity": draft.key.entity.value,
        "source": draft.key.source,
        "number": draft.number,
        "customer": names.get(draft.customer, ""),
        "amount": "" if draft.amount is None else f"{draft.amount:.2f}",
        "reason": operation.reason,
        "changes": {
            name: {"before": before, "after": after}
            for name, (before, after) in operation.changes.items()
        },
    }


def held_json(problems: Iterable[Problem], since: Mapping[str, str]) -> list[dict[str, Any]]:
    """Held records, with when each was first held."""
    return [
        {
            "source": problem.source,
            "reason": problem.reason,
            "what": problem.what,
            "todo": problem.todo,
            "since": since.get(problem.source, ""),
            "until": _iso(problem.until),
            "amount": "" if problem.amount is None else f"{problem.amount:.2f}",
        }
        for problem in problems
    ]


def error_json(error: QbosyncError | None) -> dict[str, str] | None:
    """Why a run ended early."""
    return None if error is None else {"what": error.what, "todo": error.todo}


def _unknown_json(outcome: Outcome) -> dict[str, str] | None:
    """A run whose only trouble is that some answers were lost."""
    if outcome.exit_code != TemporaryError.exit_code:
        return None
    todo = "Nothing to do: the next run looks for them."
    return {"what": f"The outcome of {len(outcome.held)} writes is unknown.", "todo": todo}


def totals(operations: Iterable[Operation]) -> dict[str, str]:
    """The sums of what would be created, by entity."""
    sums: dict[str, Decimal] = defaultdict(lambda: Decimal("0.00"))
    for operation in operations:
        draft = operation.draft
        is_new = operation.action is Action.CREATE and draft.key.kind != "credit_application"
        if is_new and draft.amount is not None:
            sums[draft.key.entity.value] += draft.amount
    return {entity: f"{amount:.2f}" for entity, amount in sums.items()}


def plan_json(outcome: Outcome, since: Mapping[str, str]) -> dict[str, Any]:
    """What `sync` would do now."""
    plan = outcome.plan
    document = {
        "plan_id": plan.id,
        "operations": [operation_json(op, outcome.names) for op in plan.operations],
        "held": held_json(outcome.held.values(), since),
        "unchanged": plan.unchanged,
        "totals": totals(plan.operations),
        "out_of_scope": dict(plan.out_of_scope),
        "adopted": [_written_json(w, outcome.names) for w in outcome.adopted],
        "to_apply_by_hand": held_json(outcome.by_hand.values(), since),
        "edited": outcome.edited,
        "reported": outcome.reported,
        "exit_code": outcome.exit_code,
        "error": error_json(outcome.error) or _unknown_json(outcome),
    }
    return document


def _written_json(written: Written, names: Mapping[str, str]) -> dict[str, Any]:
    return operation_json(written.operation, names) | {"qbo_id": written.entry.qbo_id}


def sync_json(
    outcome: Outcome, company: Mapping[str, str], since: Mapping[str, str]
) -> dict[str, Any]:
    """What a run did; `company` has environment, realm_id and company."""
    document = plan_json(outcome, since)
    del document["operations"], document["totals"]
    return {
        "run": {
            "id": outcome.run_id,
            "started_at": _iso(outcome.started_at),
            "finished_at": _iso(outcome.finished_at),
            **company,
            "requests": outcome.requests,
            "reads": outcome.reads,
        },
        "written": [_written_json(w, outcome.names) for w in outcome.written],
        **document,
    }


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def status_json() -> dict[str, Any]:
    """The answer of `status` before anything is known."""
    return {
        "environment": "",
        "company": "",
        "realm_id": "",
        "connected": False,
        "active": False,
        "summary": "Stopped",
        "why": "",
        "last_run": None,
        "last_success_at": None,
        "held": [],
        "to_apply_by_hand": [],
        "held_amount": "0.00",
        "oldest_held_since": None,
        "edited": [],
        "opening_deposits": [],
        "open_intents": 0,
        "next_run": {"at": None, "by": ""},
        "feed": {"made_at": None, "age_hours": None},
        "closed_until": None,
        "last_error": None,
        "clock": {"now": "", "zone": ""},
        "token": {"refresh_days_left": None, "hard_days_left": None},
        "ledger": {},
        "accepted": {},
        "version": "",
        "configuration": "",
        "configuration_digest": "",
        "exit_code": 0,
        "error": None,
    }


def check_json(check: Check) -> dict[str, Any]:
    """One finding; `holds` names the documents that a stop holds back, where not all."""
    return {
        "name": check.name,
        "level": check.level,
        "evidence": check.evidence,
        "todo": check.todo,
        "holds": list(check.entities),
    }


def failure_json(command: str, error: Mapping[str, str], code: int) -> dict[str, Any]:
    """What a command answers that came to nothing: all its keys, and why."""
    nobody = {"environment": "", "realm_id": "", "company": ""}
    blanks: dict[str, Any] = {
        "plan": lambda: plan_json(Outcome(), {}),
        "sync": lambda: sync_json(Outcome(), nobody, {}),
        "status": status_json,
        "check": lambda: {"checks": [], "active": False},
        "explain": lambda: {"ref": "", "source": {}, "rule": "", "documents": [], "writes": [],
                            "held": [], "edited": [], "said": [], "put_aside": []},
        "demo": lambda: {"steps": [], "runs": [], "books": _no_statement(), "agree": False},
        "resolve": lambda: {"ref": "", "said": "", "what": "", **sync_json(Outcome(), nobody, {})},
        "reconcile": _no_statement,
        "adopt": lambda: {"certain": [], "doubtful": [], "left": {}, "taken_over": False},
    }  # fmt: skip
    blank = blanks[command]() if command in blanks else {}
    return {**blank, "exit_code": code, "error": dict(error)}


def _no_statement() -> dict[str, Any]:
    from qbosync.reconcile.show import blank_json

    return blank_json()


# Tables -----------------------------------------------------------------------------------


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


def _agrees(outcome: Outcome) -> str:
    save = "save what is held, " if outcome.held else ""
    return f"{save}QuickBooks says what the shop system says"


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
