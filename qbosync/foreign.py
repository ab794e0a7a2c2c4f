"""Another qbosync that writes to the same company, noticed by what it leaves there.  Pure.

    a document's mark    the ledger                              what follows
    -----------------    ------------------------------------    -------------------------------
    another instance's   -                                       stop, unless taken over since
    ours                 has it under this Id                    known
    ours                 has another live document of the same   copied in QuickBooks: reported
    ours                 has none and never sent one, and the    stop: number, customer and total
                         plan finds it to be the record's own    are as we would have written them
    ours                 has none; it says something else        the plan holds it as uncertain

A ledger that may have forgotten writes recognises them instead (`rebuilding`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from qbosync.converted import ADOPTED
from qbosync.edit import SAID
from qbosync.errors import SetupError
from qbosync.key import Action, Entity, Key
from qbosync.mapping.posted import instant, made_at
from qbosync.mark import MARK
from qbosync.operation import Body, Entry, Operation

_MARK = re.compile(re.escape(MARK) + r" ([a-z0-9-]{1,12}) ([a-z_]+):(.+?)(?: #(\d+))?\]\s*$")
MARKED = (Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO, Entity.PAYMENT)
"""What bears a mark."""
_TODO = (
    "Let only one machine write to this company. If it is to be this one, end the other's cron"
    " and run `qbosync connect --take-over` here."
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A document with a mark of ours or of another instance; the nth of its record."""

    key: Key
    instance: str
    body: Body
    nth: int = 1

    @property
    def created_at(self) -> datetime | None:
        return made_at(self.body)

    @property
    def written_at(self) -> datetime | None:
        return instant(self.body.get("MetaData", {}).get("LastUpdatedTime"))

    def __str__(self) -> str:
        number = self.body.get("DocNumber") or self.body.get("PaymentRefNum") or ""
        return f"{self.key.entity} {number}".strip() + f" (Id {self.body['Id']})"


def marked(objects: Mapping[str, Iterable[Body]]) -> Iterator[Marked]:
    """The documents among these that bear a mark, whoever set it."""
    for entity in MARKED:
        for body in objects.get(entity, ()):
            for line in str(body.get("PrivateNote") or "").splitlines():
                if found := _MARK.search(line):
                    key = Key(entity, found[2], found[3])
                    yield Marked(key, found[1], body, int(found[4] or 1))


def refuse_other_instances(
    found: Iterable[Marked], instance: str, taken_over_at: datetime | None
) -> None:
    """What another instance made is no business of ours, and it has none here.

    Raises:
        SetupError: Naming its latest document, if it made any since it was taken over.
    """
    theirs = [m for m in found if m.instance != instance and _is_after(m, taken_over_at)]
    if theirs:
        latest = max(theirs, key=lambda m: (str(m.written_at), str(m.body["Id"])))
        raise SetupError(
            f"Another qbosync ([quickbooks] instance {latest.instance!r}) writes to this company:"
            f" {latest} of {latest.key.source}, {_told(latest.written_at)}.",
            _TODO,
        )


def refuse_second_writer(
    operations: Iterable[Operation], seen_since: datetime, sent: Collection[Key]
) -> None:
    """What we would have written, written by somebody who bears our name.

    `seen_since` is when the last run read; `sent` is what this ledger ever sent to be created.

    Raises:
        SetupError: Naming the first of them.
    """
    for operation in operations:
        is_ours = operation.action is Action.ADOPT and operation.reason not in (ADOPTED, SAID)
        if not is_ours or operation.key.entity not in MARKED:
            continue
        document = Marked(operation.key, "", operation.found or {})
        if operation.key not in sent and _is_after(document, seen_since):
            raise SetupError(
                f"Another qbosync of the same name writes to this company: {document} of"
                f" {operation.key.source}, {_told(document.created_at)}, is not from this ledger.",
                _TODO,
            )


def copies(found: Iterable[Marked], entries: Mapping[Key, Entry], instance: str) -> list[str]:
    """Documents that a person copied in QuickBooks, mark and all: said, nothing else."""
    return [
        f"{document} is a copy of {document.key.entity} {entry.number or entry.qbo_id},"
        f" made in QuickBooks: it bears the mark of {document.key.source}. It is left alone."
        for document in found
        if document.instance == instance
        and (entry := entries.get(document.key)) is not None
        and entry.is_live
        and entry.epoch + 1 == document.nth
        and entry.qbo_id != str(document.body["Id"])
    ]


def _is_after(document: Marked, at: datetime | None) -> bool:
    return at is None or document.created_at is None or document.created_at > at


def _told(at: datetime | None) -> str:
    return (
        f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "at a time QuickBooks does not tell"
    )
