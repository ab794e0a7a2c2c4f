"""Batches: up to thirty operations, each for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import accounting, changes, faults, query, replies
from .entities import BY_PATH, ENTITIES, Entity
from .http import JSON, Request, Response
from .jsons import Json, dumps
from .provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule

if TYPE_CHECKING:
    from .company import Company

rule(
    "a batch is HTTP 200 whatever its items hold; replies in order, matched by bId",
    RECORDED,
    "sandbox 2016-2024",
)
rule("items are applied one after the other, nothing is rolled back", DOCUMENTED, "blog 2017")
rule("more than 30 items are 1040", DOCUMENTED, "table of codes")
rule(
    "an item sees what an earlier item of the batch did",
    ASSUMED,
    "documented as not to be relied on",
)
rule(
    "a batch under a request id used before: every item is 6000 `An unexpected error occurred…`",
    RECORDED,
    "thread of 2017",
)
rule("an empty batch is HTTP 400 `Batch Request is Empty`", RECORDED, "pasted 2024, in XML")
rule("optionsData of an item does what include does", ASSUMED, "from the schema")
rule("CDCQuery as an item", REPORTED, "from the schema")
MOST = 30


def handle(company: Company, request: Request) -> Response:
    """Answer a batch."""
    body = accounting.body_of(request)
    items = body.get("BatchItemRequest")
    if body.keys() - {"BatchItemRequest"} or not isinstance(items, (list, type(None))):
        raise faults.unknown_property()
    if not items:
        error = faults.fault("400", "MalformedRequest", "Batch Request is Empty", None)
        return Response(400, error.body(company.now), {"Content-Type": JSON})
    if len(items) > MOST:
        raise faults.fault(
            "1040",
            "Batch size exceeds allowed limit",
            f"The maximum number of batch items is {MOST}. Supplied: {len(items)}",
            None,
        )
    request_id = request.query.get("requestid", "")
    again = bool(request_id) and replies.known(company, request_id)
    bad = company.bad_items
    out = []
    for at, item in enumerate(items, 1):
        kind = bad.get(at)
        out.append(_answer(company, item, request_id, again=again, kind=kind))
    bad.clear()
    response = accounting.ok(
        company,
        accounting.timed(company, b'"BatchItemResponse":[' + b",".join(out) + b"]"),
    )
    response.items = len(items)
    if request_id and not again:
        replies.remember(company, request_id, Response(200, b"{}"))
    return response


def _answer(
    company: Company, item: Json, request_id: str, *, again: bool, kind: str | None
) -> bytes:
    bid = item.get("bId") if isinstance(item, dict) else None
    try:
        if not isinstance(item, dict):
            raise faults.unknown_property()
        if request_id:
            replies.check_length(f"{request_id}{bid or ''}")
        if again:
            raise faults.business(faults.SAVING)
        if kind == "bad_item":
            raise faults.business(faults.SAVING)
        inside = _perform(company, item)
        if kind == "bad_item_after":
            raise faults.business(faults.SAVING)
    except faults.QboFault as fault:
        inside = b'"Fault":' + dumps(fault.envelope())
    tail = b"" if bid is None else b',"bId":' + dumps(bid)
    return b"{" + inside + tail + b"}"


def _perform(company: Company, item: Json) -> bytes:
    if "Query" in item:
        return b'"QueryResponse":' + query.run(company, str(item["Query"])).text
    if "CDCQuery" in item:
        asked = item["CDCQuery"]
        since, names = asked.get("ChangedSince"), asked.get("Entities")
        return b'"CDCResponse":[' + changes.run(company, names, since) + b"]"
    entity = _entity(item)
    includes = frozenset(str(item.get("optionsData") or "").replace("include=", "").split(","))
    company.includes = includes
    operation = str(item.get("operation") or "create").lower()
    text = accounting.perform(company, entity, item[entity.name], operation, includes)
    return b'"' + entity.name.encode() + b'":' + text


def _entity(item: Json) -> Entity:
    for name, value in item.items():
        if name in ENTITIES and isinstance(value, dict):
            return ENTITIES[name]
    for name, value in item.items():
        found = BY_PATH.get(name.lower())
        if found and isinstance(value, dict):
            break
    raise faults.fault(
        "2000", "Invalid or unsupported object name", "The batch item names no entity", None
    )
