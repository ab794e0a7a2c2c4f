"""QuickBooks wrote it, but as asked?  What it does to one document it would do to all."""

from __future__ import annotations

from qbosync.errors import SetupError
from qbosync.operation import Intent, Posted
from qbosync.outcome import Outcome
from qbosync.wire import discrepancies

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


def prove(intent: Intent, answer: Posted, outcome: Outcome) -> SetupError | None:
    """Compare an answer with what was sent: the error that must stop the run, if any.

    A link that QuickBooks dropped is only reported: the money is right without it.
    """
    stop = None
    for found in discrepancies(intent.body, answer.object, intent.key.entity):
        name = f"{intent.key.entity} {intent.draft.number} (Id {answer.qbo_id})"
        if found.kind == "link":
            outcome.reported.append(f"{name}: {found.what}")
            continue
        cause, todo = _SERIOUS[found.kind]
        stop = stop or SetupError(f"{name} was written, but {found.what}. {cause}", todo)
    return stop
