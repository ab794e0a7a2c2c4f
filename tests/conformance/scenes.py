"""How each recorded exchange is put on: its state, its request, and what to hold it against."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qbosync.emulator import Response

from . import refusals
from .compare import REFS, Comparison
from .corpus import Exchange, Json, in_scope, knowledge, rows_of
from .world import REALM, Impossible, World, parsed

IDS = re.compile(r"\bid\s*(?:=|in)\s*\(?((?:\s*'?\d+'?\s*,?)+)\)?", re.IGNORECASE)


@dataclass(slots=True)
class Outcome:
    """What became of one exchange: differences, or why it was not put on."""

    exchange: Exchange
    differences: list[str] = field(default_factory=list)
    out_of_scope: str = ""
    left_out: dict[str, int] = field(default_factory=dict)


def play(exchange: Exchange) -> Outcome:
    """Put an exchange on and hold the reply against the recorded one."""
    out = Outcome(exchange)
    scene = _scene(exchange)
    if isinstance(scene, str):
        out.out_of_scope = scene
        return out
    try:
        world, reply, wanted, fresh = scene(exchange)
    except Impossible as why:
        out.differences = [f"the state cannot be made: {why}"]
        return out
    out.left_out = world.left_out
    out.differences = sorted(set(compare(exchange, world, reply, wanted, fresh=fresh)))
    return out


Played = tuple[World, Response, Any, bool]
Scene = Callable[[Exchange], Played]


def _scene(exchange: Exchange) -> Scene | str:
    if why := refusals.OUTSIDE.get(exchange.id):
        return why
    if exchange.id in refusals.SCENES:
        return refusals.SCENES[exchange.id]
    if exchange.operation in ("query refused", "cdc refused"):
        return _plain
    if exchange.operation in ("query", "cdc", "batch"):
        return _list
    if exchange.operation in ("read", "void", "send"):
        return _one
    if exchange.operation == "create":
        return _create
    if exchange.operation in ("update", "sparse-update"):
        return _update if exchange.sent else "the request was not recorded"
    return "no scene"


def compare(
    exchange: Exchange, world: World, reply: Response, wanted: Any, *, fresh: bool
) -> list[str]:
    """Every difference between the recorded reply and ours."""
    out = []
    if exchange.status is not None and reply.status != exchange.status:
        out.append(f"status: {exchange.status} recorded, {reply.status} here")
    out += _headers(exchange, reply)
    if exchange.format == "empty":
        return [*out, *(["body: not empty"] if reply.body else [])]
    found = parsed(reply)
    if exchange.partial or "time" not in exchange.body:
        found = {k: v for k, v in found.items() if k != "time"}
        wanted = {k: v for k, v in wanted.items() if k != "time"}
    if exchange.partial and isinstance(found.get("Fault"), dict):
        found = _told(found, wanted)
    return [
        *out,
        *Comparison(world.ids, forms=exchange.verbatim, fresh=fresh).bodies(wanted, found),
    ]


def _told(found: Json, wanted: Json) -> Json:
    """Of a fault pasted in part: codes and texts, and `element` where it was pasted."""
    errors = found["Fault"]["Error"]
    for one, other in zip(errors, wanted.get("Fault", {}).get("Error", ()), strict=False):
        if "element" not in other:
            one.pop("element", None)
    return found


def _headers(exchange: Exchange, reply: Response) -> list[str]:
    """Names that QuickBooks' application sets, and the content type, of cassettes only."""
    if not exchange.verbatim:
        return []
    found = {name.lower(): value for name, value in reply.headers.items()}
    out = []
    for name in (
        "intuit_tid",
        "qbo-version",
        "service-time",
        "expires",
        "www-authenticate",
        "cache-control",
    ):
        if (name in exchange.headers) != (name in found):
            where = "missing here" if name in exchange.headers else "only here"
            out.append(f"header {name}: {where}")
    told = exchange.headers.get("content-type", "").lower()
    if told and told != found.get("content-type", "").lower():
        out.append("header content-type: another value")
    return out


# -- scenes -----------------------------------------------------------------------------------


def _plain(exchange: Exchange) -> Played:
    """Nothing has to be there."""
    world = World(exchange)
    reply = world.call(exchange.method, exchange.path, exchange.sent, exchange.query)
    return world, reply, exchange.body, False


def _list(exchange: Exchange) -> Played:
    """The rows of the reply are the state, and what its paging implies."""
    world = World(exchange)
    rows = [*rows_of(exchange.body), *_implied(exchange)]
    world.expect(rows)
    made: set[tuple[str, str]] = set()
    order = sorted(rows, key=_made_after)
    for entity, row in order:
        if world.make(entity, row) is None:
            made.add((entity, row["Id"]))
    query = dict(exchange.query)
    if "query" in query:
        query["query"] = _mapped(world, query["query"])
    body = exchange.sent
    if exchange.operation == "batch":
        body = {
            "BatchItemRequest": [
                {**one, "Query": _mapped(world, one["Query"])} for one in body["BatchItemRequest"]
            ]
        }
    reply = world.call(exchange.method, exchange.path, body, query)
    return world, reply, _without(exchange.body, made), False


def _made_after(row: tuple[str, Json]) -> tuple[str, int]:
    """Documents in the order of their changes, names in that of their ids."""
    moved = row[1].get("MetaData", {}).get("LastUpdatedTime") or ""
    return moved if "Line" in row[1] else "", int(row[1]["Id"])


def _implied(exchange: Exchange) -> list[tuple[str, Json]]:
    """Rows that other pages held, or that a full page left for the next."""
    entity = exchange.entity
    there = {row["Id"] for _, row in rows_of(exchange.body)}
    statement = exchange.query.get("query", "")
    asked = [n for found in IDS.findall(statement) for n in re.findall(r"\d+", found)]
    if asked:
        named = [
            (entity, knowledge()[entity, n][-1])
            for n in asked
            if n not in there and (entity, n) in knowledge()
        ]
        return named
    most = re.search(r"MAXRESULTS (\d+)", statement, re.IGNORECASE)
    if most and len(there) == int(most[1]):
        if not any((entity, number) in knowledge() for number in there):
            return []
        others = [rows[0] for (kind, _), rows in knowledge().items() if kind == entity]
        return [(entity, row) for row in others if row["Id"] not in there]
    if "STARTPOSITION 101" in statement:
        for other in in_scope():
            if other.query.get("query") == statement.replace("101", "1") and (
                other.at[:10] == exchange.at[:10]
            ):
                return list(rows_of(other.body))
    return []


def _mapped(world: World, statement: str) -> str:
    """A statement with our ids in it; an unknown id becomes one that nothing has."""
    entity = re.search(r"from (\w+)", statement, re.IGNORECASE)
    name = entity[1] if entity else ""

    def ours(found: re.Match[str]) -> str:
        return re.sub(r"\d+", lambda n: world.ids.get((name, n[0]), "999999"), found[0])

    return IDS.sub(ours, statement.replace(" (inferred)", ""))


def _without(body: Any, gone: set[tuple[str, str]]) -> Any:
    """A recorded list without the rows that cannot stand in our company."""
    if not gone:
        return body
    inner = dict(body["QueryResponse"])
    for entity in {entity for entity, _ in gone}:
        inner[entity] = [row for row in inner[entity] if (entity, row["Id"]) not in gone]
        for key in ("maxResults", "totalCount"):
            if key in inner:
                inner[key] -= len(gone)
    return {**body, "QueryResponse": inner}


def _one(exchange: Exchange) -> Played:
    """The object as it was before, then read, voided or sent."""
    world = World(exchange)
    [(entity, row)] = rows_of(exchange.body)
    number = row["Id"]
    if exchange.operation == "void":
        row = knowledge()[entity, number][-1] if "Voided" in row["PrivateNote"] else row
        row = next(r for r in knowledge()[entity, number] if "PrivateNote" not in r)
    if exchange.operation == "send":
        row = {k: v for k, v in row.items() if k != "DeliveryInfo"} | {"EmailStatus": "NotSet"}
    if world.make(entity, row) is None:
        raise Impossible(", ".join(world.left_out))
    ours = world.ids[entity, number]
    path = re.sub(rf"/{number}(?=/|$)", f"/{ours}", exchange.path)
    before = world.read(entity, ours)
    body = (
        {**exchange.sent, "Id": ours, "SyncToken": before["SyncToken"]} if exchange.sent else None
    )
    reply = world.call(exchange.method, path, body, exchange.query)
    return world, reply, _tokens(exchange, before, reply), False


def _tokens(exchange: Exchange, before: Json, reply: Response) -> Any:
    """The recorded reply, its SyncToken counted from ours if a request moved it."""
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    [(entity, row)] = rows_of(exchange.body)
    if reply.status != 200 or "SyncToken" not in sent:
        return exchange.body
    rise = int(row["SyncToken"]) - int(sent["SyncToken"])
    after = int(parsed(reply)[entity]["SyncToken"]) - int(before["SyncToken"])
    token = "moved as recorded" if rise == after else f"rises by {rise}, here by {after}"
    if rise != after:
        return {**exchange.body, entity: {**row, "SyncToken": [token]}}
    return exchange.body


def _create(exchange: Exchange) -> Played:
    """What the request refers to is there; it is sent as it was."""
    world = World(exchange)
    [(entity, row)] = rows_of(exchange.body)
    if entity in ("Invoice", "Estimate", "CreditMemo"):
        world.sale_body(entity, row)
        series = "series:Estimate" if entity == "Estimate" else "series:sale"
        world.company.counters[series] = int(row["DocNumber"]) - 1
        online = row.get("AllowOnlineACHPayment", False)
        world.prefer(SalesFormsPrefs={"ETransactionPaymentEnabled": online})
    world.prime(row)
    body = _referring(world, exchange.sent)
    reply = world.call(exchange.method, exchange.path, body, exchange.query)
    return world, reply, exchange.body, True


def _referring(world: World, body: Any) -> Any:
    """A request with our ids in its references."""
    if isinstance(body, list):
        return [_referring(world, one) for one in body]
    if not isinstance(body, dict):
        return body
    return {k: world.ref(k, v) if k in REFS else _referring(world, v) for k, v in body.items()}


def _update(exchange: Exchange) -> Played:
    """The object as it was before the request, then the request with our token."""
    world = World(exchange)
    [(entity, row)] = rows_of(exchange.body)
    moved = row["SyncToken"] != exchange.sent["SyncToken"]
    before = {**row, "MetaData": {}}
    if moved:
        older = [
            r for r in knowledge().get((entity, row["Id"]), ()) if r["SyncToken"] < row["SyncToken"]
        ]
        before = {**(older[0] if older else row), "MetaData": {}}
        for key, value in exchange.sent.items():
            if isinstance(value, str) and key not in ("Id", "SyncToken"):
                before[key] = f"{value[:40]} before"
    world.clock.offset -= 3600
    world.prime(row)
    world.make(entity, before)
    world.clock.offset += 3600
    ours = world.read(entity, world.ids[entity, row["Id"]])
    body = _referring(world, exchange.sent)
    body.update(Id=ours["Id"], SyncToken=ours["SyncToken"])
    reply = world.call(exchange.method, exchange.path, body, exchange.query)
    return world, reply, _tokens(exchange, ours, reply), False


__all__ = ["REALM", "Outcome", "play"]
