"""`check --full`: every document of ours in QuickBooks, looked at one by one.

What changed there within 30 days each run sees by itself; this looks at everything, however
long ago.  Nothing is written, and nothing is concluded but what QuickBooks says now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from qbosync.ledger import Ledger
from qbosync.operation import Body, Entity, Entry
from qbosync.qbo.client import Company
from qbosync.qbo.preferences import Check
from qbosync.reason import word

_DOCUMENTS = (Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO, Entity.PAYMENT, Entity.CUSTOMER)
_NAMED = 10
"""So many are named before the rest is only counted."""


def full_checks(company: Company, ledger: Ledger) -> list[Check]:
    """One finding for each kind of document."""
    ours: dict[Entity, list[Entry]] = defaultdict(list)
    for entry in ledger.entries():
        if entry.key.entity in _DOCUMENTS and entry.is_live:
            ours[entry.key.entity].append(entry)
    return [
        _compared(entity, entries, company.read(entity, [entry.qbo_id for entry in entries]))
        for entity, entries in sorted(ours.items())
    ]


def _compared(entity: Entity, entries: Sequence[Entry], there: dict[str, Body]) -> Check:
    name = f"{word(entity)}s in QuickBooks"
    troubles = [words for entry in entries if (words := _trouble(entry, there.get(entry.qbo_id)))]
    if not troubles:
        return Check(name, "ok", f"All {len(entries)} are there as they were written.")
    more = f"; {len(troubles) - _NAMED} more" if len(troubles) > _NAMED else ""
    return Check(
        name,
        "warning",
        f"{len(troubles)} of {len(entries)}: {'; '.join(troubles[:_NAMED])}{more}.",
        "See what a person did there: qbosync explain REF. Nothing is overwritten by itself.",
    )


def _trouble(entry: Entry, body: Body | None) -> str:
    """What is otherwise than it was written, or nothing."""
    what = f"{entry.key.source.replace(':', ' ')} (Id {entry.qbo_id})"
    if body is None:
        return f"{what} was deleted"
    return "; ".join(_differences(entry, body, what))


def _differences(entry: Entry, body: Body, what: str) -> Iterator[str]:
    if not body.get("Active", True):
        yield f"{what} was made inactive"
    total = body.get("TotalAmt")
    is_spending = entry.key.kind == "credit_application"
    if total is not None and entry.amount is not None and not is_spending:
        if total == 0 != entry.amount:
            yield f"{what} was voided"
        elif total != entry.amount:
            yield f"{what} says {total:,.2f} and was written as {entry.amount:,.2f}"
    number = body.get("DocNumber")
    if entry.number and number is not None and str(number) != entry.number:
        yield f"{what} bears the number {number} and was written as {entry.number}"
