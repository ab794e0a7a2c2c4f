"""What changed in the company since an instant, tombstones included.

One read tells at most 1,000 objects (documented).  Beyond that the live ones are listed by
pages, so that none is missed; how QuickBooks cuts the read is not relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qbosync.errors import TemporaryError
from qbosync.qbo.exchange import instant
from qbosync.qbo.faults import error_for, faults_of
from qbosync.qbo.query import literal

Body = dict[str, Any]
Rows = dict[str, list[Body]]
Told = tuple[Rows, datetime]
MOST = 1000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since, by entity, tombstones included; `read_at` in QuickBooks' own time."""

    objects: Mapping[str, list[Body]]
    read_at: datetime


def gather(
    tell: Callable[[Sequence[str], datetime], Told],
    page: Callable[[str, str], Iterator[Body]],
    entities: Sequence[str],
    since: datetime,
    busy: Collection[str],
) -> Changes:
    """All changes: told in one read, or listed for entities that are `busy`.

    `tell` is the one read, `page` lists an entity by a condition.
    """
    calm = [entity for entity in entities if entity not in busy]
    told: Rows = {}
    read_at = None
    if calm:
        told, read_at = tell(calm, since)
        if _is_cut(told):
            # The tombstones that it told are kept; the rest is listed.
            calm, busy, told = [], entities, _tombstones(told)
    if busy:
        listed, late_at = _listed(tell, page, busy, since)
        for entity, rows in listed.items():
            told[entity] = told.get(entity, []) + rows
        read_at = read_at if calm and read_at else late_at
    objects = {entity: rows for entity, rows in told.items() if rows}
    return Changes(objects, read_at or since)


def _listed(
    tell: Callable[[Sequence[str], datetime], Told],
    page: Callable[[str, str], Iterator[Body]],
    entities: Collection[str],
    since: datetime,
) -> Told:
    """The live objects by pages, and what was deleted after the newest of them."""
    where = f"MetaData.LastUpdatedTime >= {literal(since.isoformat(timespec='seconds'))}"
    found = {entity: list(page(entity, where)) for entity in entities}
    times = [_changed_at(row, since) for rows in found.values() for row in rows]
    newest = max(times, default=since)
    late, read_at = tell(list(entities), newest)
    if _is_cut(late):
        # A thousand objects of one second hide what was deleted after it.
        later, read_at = tell(list(entities), newest + _SECOND)
        late = {e: _tombstones(late).get(e, []) + later.get(e, []) for e in {*late, *later}}
    for entity, rows in found.items():
        seen = {(str(row.get("Id")), str(row.get("SyncToken"))) for row in rows}
        rows.extend(r for r in late.get(entity, []) if _is_new(r, seen))
    return found, read_at


def _is_new(row: Body, seen: set[tuple[str, str]]) -> bool:
    return (str(row.get("Id")), str(row.get("SyncToken"))) not in seen


def _is_cut(rows: Rows) -> bool:
    return sum(len(found) for found in rows.values()) >= MOST


def _tombstones(rows: Rows) -> Rows:
    return {entity: [row for row in found if "status" in row] for entity, found in rows.items()}


def _changed_at(row: Body, since: datetime) -> datetime:
    return instant((row.get("MetaData") or {}).get("LastUpdatedTime")) or since


def read_told(document: Mapping[str, Any]) -> Told:
    """The rows and the time of a change-data-capture answer.

    Raises:
        QbosyncError: For a fault within it, or an answer without sense.
    """
    found: Rows = {}
    read_at = instant(document.get("time"))
    blocks = document.get("CDCResponse")
    if read_at is None or not isinstance(blocks, list):
        raise TemporaryError(
            "QuickBooks gave no sensible answer about what changed.",
            "Nothing to do: the next run tries again.",
        )
    for response in [row for block in blocks for row in block.get("QueryResponse", [])]:
        for name, rows in response.items():
            if name in ("Fault", "fault"):
                raise error_for(faults_of(rows, 200, "")[0])
            if isinstance(rows, list):
                found.setdefault(name, []).extend(rows)
    return found, read_at
