"""Change data capture: what moved since an instant, oldest first, with tombstones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import faults
from .clock import parse_stamp, stamp
from .entities import BY_PATH, NO_CDC, Entity
from .jsons import dumps
from .provenance import ASSUMED, DOCUMENTED, RECORDED, rule, switch

if TYPE_CHECKING:
    from .company import Company
    from .store import Record

rule("tombstones are kept for ever; CDC looks back 30 days", ASSUMED, "30 days is documented")
rule(
    "one inner object per entity asked for, rows oldest change first", RECORDED, "sandbox 2016-2020"
)
rule(
    "rows come with their full objects; `{}` for an entity without changes",
    RECORDED,
    "sandbox 2018, 2020",
)
rule("a block of tombstones only has no startPosition", RECORDED, "pasted 2018-2021")
rule("missing or unknown entities are a 10000 SystemFault with HTTP 200", RECORDED, "sandbox 2016")
rule(
    "CDC looks back 30 days; asking for more is cut to 30 days",
    DOCUMENTED,
    "what happens beyond is assumed",
)
rule(
    "at most 1000 objects a response: the oldest 1000 over all entities asked for",
    ASSUMED,
    "only the number is documented",
)
rule("in CDC totalCount follows the same table as in lists", RECORDED, "sandbox 2016-2020")
switch(
    "cdc-window", "cut", "served",
    text="CDC for more than 30 days: cut to 30 days as documented, or served as recorded to 2020",
)  # fmt: skip
MOST = 1000
DAYS = 30


def run(company: Company, entities: str | None, since: str | None) -> bytes:
    """The inside of a CDCResponse's first element.

    Raises:
        QboFault: 10000 with HTTP 200 for entities that cannot be asked for.
    """
    if not entities:
        raise _failure("entities is required")
    if not since:
        raise _failure("changedSince is required")
    try:
        start = parse_stamp(since)
    except ValueError:
        raise _failure(f"Invalid changedSince supplied : {since}") from None
    if company.assume["cdc-window"] == "cut":
        start = max(start, int(company.now) - DAYS * 86400)
    asked = [_entity(name) for name in entities.split(",")]
    rows: list[tuple[int, str, Record | tuple[int, int, int]]] = []
    for entity in dict.fromkeys(asked):
        for record in company.store.all(entity.name):
            if record.updated >= start and not company.is_hidden(record):
                rows.append((record.moved, entity.name, record))
        for gone in company.tombstones.get(entity.name, ()):
            if gone[1] >= start:
                rows.append((gone[2], entity.name, gone))
    rows.sort(key=lambda row: row[0])
    rows = rows[:MOST]
    blocks = [_block(company, entity, rows) for entity in asked]
    return b'{"QueryResponse":[' + b",".join(blocks) + b"]}"


def _block(
    company: Company,
    entity: Entity,
    rows: list[tuple[int, str, Record | tuple[int, int, int]]],
) -> bytes:
    texts: list[bytes] = []
    alive = False
    for _moved, name, found in rows:
        if name != entity.name:
            continue
        if isinstance(found, tuple):
            texts.append(_tombstone(found))
        else:
            alive = True
            texts.append(company.text_of(found, listed=True))
    if not texts:
        return b"{}"
    tail = f'],"maxResults":{len(texts)}'
    if alive:
        tail = f'],"startPosition":1,"maxResults":{len(texts)}'
    if entity.total_count or not alive:
        tail += f',"totalCount":{len(texts)}'
    return b'{"%s":[' % entity.name.encode() + b",".join(texts) + tail.encode() + b"}"


def _tombstone(gone: tuple[int, int, int]) -> bytes:
    return dumps(
        {
            "domain": "QBO",
            "status": "Deleted",
            "Id": str(gone[0]),
            "MetaData": {"LastUpdatedTime": stamp(gone[1])},
        }
    )


def _entity(name: str) -> Entity:
    found = BY_PATH.get(name.strip().lower())
    if found is None or found.name in NO_CDC:
        raise _failure(f"Invalid entity supplied : entity={name.strip()}")
    return found


def _failure(words: str) -> faults.QboFault:
    return faults.system_failure(f"java.lang.IllegalArgumentException: {words}", status=200)
