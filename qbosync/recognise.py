"""Whether an object in QuickBooks is the one we mean to write.

A truth table, pure.  It never guesses: what bears our marker but says something else,
and what bears our number but not our marker, is for a person.

    with our marker   says the same   verdict
    ---------------   -------------   --------------------------------------------
    one               yes             ours: adopt it
    one               no              uncertain
    several           -               uncertain
    none, number taken                a stranger's: hold, never adopt blindly
    none, number free                 absent: it may be sent
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from qbosync.mark import marker
from qbosync.operation import Body, Draft


class Verdict(Enum):
    """What the candidates amount to."""

    ABSENT = "absent"
    OURS = "ours"
    UNCERTAIN = "uncertain"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Recognised:
    """The verdict, and the object it is about (the first, where there are several)."""

    verdict: Verdict
    object: Body | None = None
    why: str = ""


def bears(object_: Body, mark: str) -> bool:
    """Whether a document carries this marker at the end of a line of its PrivateNote.

    A void puts its own word before what was there.
    """
    note = str(object_.get("PrivateNote") or "")
    return any(line.strip().endswith(mark) for line in note.splitlines())


def recognise(draft: Draft, candidates: Iterable[Body], instance: str) -> Recognised:
    """Judge the documents of the draft's entity that QuickBooks holds."""
    mark = marker(instance, draft.key, draft.epoch)
    alive = [body for body in candidates if body.get("status") != "Deleted"]
    ours = [body for body in alive if bears(body, mark)]
    if len(ours) > 1:
        ids = ", ".join(str(body["Id"]) for body in ours)
        return Recognised(Verdict.UNCERTAIN, ours[0], f"{len(ours)} documents ({ids}) bear {mark}")
    if ours:
        if difference := unlike(draft, ours[0]):
            return Recognised(Verdict.UNCERTAIN, ours[0], difference)
        return Recognised(Verdict.OURS, ours[0])
    for body in alive:
        if draft.number and body.get("DocNumber") == draft.number:
            return Recognised(Verdict.STRANGER, body)
    return Recognised(Verdict.ABSENT)


def unlike(draft: Draft, body: Body) -> str:
    """How a document differs in number or total from what the draft says; `""` if it does not."""
    if draft.number and body.get("DocNumber") != draft.number:
        return f"it bears the number {body.get('DocNumber')}, not {draft.number}"
    wanted = draft.body.get("TotalAmt", draft.amount)
    total = Decimal(str(body.get("TotalAmt", 0)))
    if wanted is not None and total != wanted:
        return f"its total is {total:.2f}, not {wanted:.2f}"
    return ""
