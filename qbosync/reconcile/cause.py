"""Why a record stands differently on the two sides, and what mends it.  A truth table.

The first row that fits is the cause:

    the record is held, or to be applied by hand     its own words
    it is about to be sent                           `qbosync sync`
    QuickBooks has lost its document                 deleted there: a person decides
    QuickBooks has it voided                         the same
    QuickBooks' total or tax is not what was sent    edited there: a person decides
    qbosync keeps what is there on purpose           why
    money that should be on it is held or not sent   that payment's cause
    what is applied differs                          somebody applied money in QuickBooks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qbosync.model import Problem, show
from qbosync.operation import Entry, Operation
from qbosync.reconcile.books import Document
from qbosync.reconcile.statement import Row


@dataclass(frozen=True)
class Evidence:
    """What is known of one record."""

    row: Row
    entries: Sequence[Entry]
    documents: Sequence[Document]
    planned: Sequence[Operation]
    problem: Problem | None
    note: str
    payers: Sequence[Problem | Operation]


def cause_of(evidence: Evidence) -> Row:
    """The row with its cause; as it is where both sides agree."""
    row = evidence.row
    if evidence.problem is None and not row.differs:
        return row
    cause, todo = _cause(evidence)
    return replace(row, cause=cause, todo=todo)


def _cause(evidence: Evidence) -> tuple[str, str]:
    row, ref = evidence.row, evidence.row.source
    if evidence.problem:
        return evidence.problem.what, evidence.problem.todo
    if evidence.planned:
        operation = evidence.planned[0]
        return f"not sent yet: {operation.action} ({operation.reason})", "qbosync sync"
    decide = f"qbosync resolve {ref} --ours, or --theirs"
    bring_back = f"qbosync resolve {ref} --ours, or --forget"
    if len(evidence.documents) < len(evidence.entries):
        return (
            f"{row.became} is no longer in QuickBooks",
            bring_back,
        )
    if any(d.is_void for d in evidence.documents) and row.total.ledger:
        return "voided in QuickBooks", bring_back
    if row.total.books != row.total.ledger:
        words = f"{show(row.total.books)} instead of {show(row.total.ledger)}"
        return f"edited in QuickBooks: {words}", decide
    if row.tax.difference:
        words = f"{show(row.tax.books)} of sales tax instead of {show(row.tax.shop)}"
        return f"edited in QuickBooks: {words}", decide
    if evidence.note:
        return evidence.note, f"qbosync explain {ref}"
    for payer in evidence.payers:
        if isinstance(payer, Problem):
            return f"waits for {_named(payer.source)}: {payer.what}", payer.todo
        return f"{_named(payer.key.source)} is not sent yet", "qbosync sync"
    if row.open.difference:
        more = "more" if row.open.difference > 0 else "less"
        words = f"{show(abs(row.open.difference))} {more} is open in QuickBooks"
        return f"{words}: money was applied otherwise there", f"qbosync explain {ref}"
    return "the ledger and the shop system differ", f"qbosync explain {ref}"


def _named(source: str) -> str:
    return source.replace("_", " ").replace(":", " ", 1)
