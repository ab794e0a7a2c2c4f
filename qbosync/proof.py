"""QuickBooks wrote it, but as asked?  What it does to one document it would do to all."""

from __future__ import annotations

from dataclasses import dataclass

from qbosync.errors import SetupError
from qbosync.key import Action
from qbosync.operation import Intent, Posted
from qbosync.outcome import Outcome
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
