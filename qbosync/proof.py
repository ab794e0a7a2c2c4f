"""QuickBooks wrote it, but now, and as asked?  What it does to one document it would do to all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from qbosync.errors import SetupError
from qbosync.key import Action
from qbosync.mapping.posted import made_at
from qbosync.model import Problem
from qbosync.operation import Intent, Posted
from qbosync.outcome import Outcome
from qbosync.qbo.client import Company
from qbosync.search import read
from qbosync.wire import discrepancies, is_another, says_what_was_sent

_SERIOUS = {
    "tax": (
        "QuickBooks Sales Tax is on again.",
        "Turn it off (Taxes, Sales tax, Sales tax settings), correct the document, then run"
        " `qbosync sync` again.",
    ),
    "applied": (
        "QuickBooks applies payments or credits by itself.",
        "Turn off Automation of credits and payments (gear icon, Account and settings, Advanced),"
        " correct the document, then run `qbosync sync` again.",
    ),
    "number": (
        "QuickBooks numbers documents by itself.",
        "Turn on custom transaction numbers (gear icon, Account and settings, Sales).",
    ),
    "total": ("QuickBooks computes another total.", "Look at the document in QuickBooks."),
    "customer": ("QuickBooks moved a document.", "Look at the document in QuickBooks."),
    "marker": ("QuickBooks changed the memo.", "Look at the document in QuickBooks."),
}


_MARGIN = timedelta(minutes=5)
"""An object that is older than its request by more was not made by it."""


def as_it_is(company: Company, intent: Intent, answer: Posted) -> Posted | None:
    """What was made is there; where QuickBooks only repeats an answer, what is there now, if any.

    A ledger that forgot sends under the same request id as the one before it, and QuickBooks
    repeats what it said then, whatever became of the object since.
    """
    made = made_at(answer.object)
    if intent.action is not Action.CREATE or not made or made > intent.first_sent - _MARGIN:
        return answer
    there = read(company, intent.key.entity, [answer.qbo_id]).get(answer.qbo_id)
    return Posted(there, answer.trace_id) if there else None


def gone_since(intent: Intent, answer: Posted) -> Problem:
    """What an answer speaks of is not there any more: under the same id nothing is made twice."""
    key = intent.key
    ask = f"`qbosync resolve {key.source} --relink ID`"
    todo = f"If it should count, enter it there and name it: {ask}."
    if key.entity.is_named:
        todo = f"If it was merged into another, {ask} names it."
    return Problem(
        key.source,
        "deleted",
        f"{key} (Id {answer.qbo_id}) was made before, and is gone in QuickBooks.",
        todo,
        intent.draft.amount,
    )


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether an answer is about what was sent at all, and the error that must stop the run."""

    is_ours: bool
    stop: SetupError | None = None


def prove(intent: Intent, answer: Posted, outcome: Outcome) -> Proof:
    """Compare an answer with what was sent.

    An answer about another document says nothing of ours: its outcome stays unknown.  A link
    that QuickBooks dropped is only reported: the money is right without it.
    """
    entity, body = intent.key.entity, answer.object
    name = f"{entity} {intent.draft.number or intent.key.source} (Id {answer.qbo_id})"
    if intent.action in (Action.VOID, Action.DELETE):
        return Proof(says_what_was_sent(intent.body, body, intent.action, entity))
    differences = discrepancies(intent.body, body, entity)
    if is_another(intent.body, differences):
        return Proof(
            False,
            SetupError(
                f"QuickBooks answered {intent.key} with another document, {name}.",
                "Look whether something stands between this machine and QuickBooks; nothing"
                " was entered, the next run looks for it.",
            ),
        )
    stop = None
    for found in differences:
        if found.kind == "link":
            outcome.reported.append(f"{name}: {found.what}")
            continue
        cause, todo = _SERIOUS[found.kind]
        stop = stop or SetupError(f"{name} was written, but {found.what}. {cause}", todo)
    return Proof(True, stop)
