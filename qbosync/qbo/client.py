"""One company's books, over the accounting API.

A read answers or raises.  A write always answers, and its `outcome` is honest: *posted*
only for HTTP 200 with an object of the asked kind and an Id, *refused* for QuickBooks' own
refusal, *not_sent* when nothing can have been applied, and *unknown* for everything else.
Reads are metered by Intuit and counted; writes are not.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import simplejson

from qbosync.clock import Clock
from qbosync.errors import QbosyncError, TemporaryError
from qbosync.qbo.faults import (
    Fault,
    error_for,
    faults_of,
    parse_json,
    read_faults,
    remedy,
    trace_id_of,
)
from qbosync.qbo.limits import Pacing
from qbosync.qbo.query import is_in, literal
from qbosync.qbo.transport import Lost, NotSent, Reply, Request, Transport

MINOR_VERSION = "75"
"""The only one since August 2025; sent explicitly (documented)."""
BATCH_LIMIT = 30
_PAGE = 1000
_IDS = 100
_LONGEST_GET = 1500
_TRIES = (0.0, 1.0, 4.0, 16.0)
_THROTTLED = 60.0
"""Seconds to wait after a 429, as documented; `Retry-After` wins where it is sent."""
_THROTTLES = 2

Body = dict[str, Any]


class Tokens(Protocol):
    """Gives the access token; a session."""

    def access_token(self) -> str: ...

    def refresh(self, stale: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Call:
    """A write: `action` is create, update, void or delete."""

    action: str
    entity: str
    body: Mapping[str, Any]
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a write."""

    outcome: str
    object: Body | None = None
    fault: Fault | None = None
    reason: str = ""
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since, by entity, tombstones included; `read_at` in QuickBooks' own time."""

    objects: Mapping[str, list[Body]]
    read_at: datetime


class WindowTooOldError(TemporaryError):
    """QuickBooks tells changes of the last 30 days only."""


@dataclass
class Company:
    """The connected company."""

    api: str
    realm_id: str
    transport: Transport
    session: Tokens
    pace: Pacing
    clock: Clock
    requests: int = 0
    reads: int = 0
    server_time: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    # Reading ---------------------------------------------------------------------------

    def preferences(self) -> Body:
        """The company's settings."""
        return dict(self._get("preferences", {})["Preferences"])

    def company_info(self) -> Body:
        """Name, country, subscription."""
        return dict(self._get(f"companyinfo/{self.realm_id}", {})["CompanyInfo"])

    def select(self, entity: str, where: str = "", fields: str = "*") -> Iterator[Body]:
        """Every object that matches, by Id; inactive ones only where `where` asks for them.

        `fields` may save traffic: QuickBooks answers with those at least (reported).
        """
        start = 1
        while True:
            tail = f" WHERE {where}" if where else ""
            page = f"ORDERBY Id STARTPOSITION {start} MAXRESULTS {_PAGE}"
            statement = f"SELECT {fields} FROM {entity}{tail} {page}"  # noqa: S608  values are quoted
            rows = self._query(statement).get(entity, [])
            yield from rows
            if len(rows) < _PAGE:
                return
            start += _PAGE

    def count(self, entity: str, where: str = "") -> int:
        """How many match."""
        tail = f" WHERE {where}" if where else ""
        statement = f"SELECT COUNT(*) FROM {entity}{tail}"  # noqa: S608  values are quoted
        return int(self._query(statement).get("totalCount", 0))

    def read(self, entity: str, ids: Sequence[str]) -> dict[str, Body]:
        """Objects by Id; what is gone is missing from the answer."""
        found = {}
        for start in range(0, len(ids), _IDS):
            chunk = sorted(set(ids[start : start + _IDS]))
            for body in self.select(entity, is_in("Id", chunk)):
                found[str(body["Id"])] = body
        return found

    def changes(
        self, entities: Sequence[str], since: datetime, busy: Collection[str] = ()
    ) -> Changes:
        """All that changed since, in one read if that is at most 1,000 objects (documented).

        Beyond that, and at once for the entities named `busy`, live objects are listed by
        pages of 1,000, with Id and SyncToken at least; deletions are told for the time after
        the newest of them.

        Raises:
            WindowTooOldError: If `since` is more than 30 days ago.
        """
        calm = [entity for entity in entities if entity not in busy]
        found, read_at = self._cdc(calm, since) if calm else ({}, since)
        if sum(len(rows) for rows in found.values()) >= _PAGE:
            calm, busy, found = [], entities, {}
        if busy:
            pages = {entity: self._changed(entity, since) for entity in busy}
            newest = max((_changed_at(row) for rows in pages.values() for row in rows),
                         default=since)  # fmt: skip
            late, late_at = self._cdc(list(busy), newest)
            read_at = read_at if calm else late_at
            for entity, rows in pages.items():
                found[entity] = rows + [r for r in late.get(entity, []) if "status" in r]
        return Changes({e: rows for e, rows in found.items() if rows}, read_at)

    def _changed(self, entity: str, since: datetime) -> list[Body]:
        where = f"MetaData.LastUpdatedTime >= {literal(since.isoformat(timespec='seconds'))}"
        if entity in ("Customer", "Item", "Account"):
            where += " AND Active IN (true, false)"
        return list(self.select(entity, where, "Id, SyncToken, MetaData.LastUpdatedTime"))

    def _cdc(
        self, entities: Sequence[str], since: datetime
    ) -> tuple[dict[str, list[Body]], datetime]:
        if self.clock.now() - since > timedelta(days=30):
            raise WindowTooOldError(
                "The last look at QuickBooks was more than 30 days ago.",
                "QuickBooks does not tell older changes: run `qbosync check --full`.",
            )
        stamp = since.isoformat(timespec="seconds")
        document = self._get("cdc", {"entities": ",".join(entities), "changedSince": stamp})
        found: dict[str, list[Body]] = {}
        for block in document.get("CDCResponse", []):
            for response in block.get("QueryResponse", []):
                for name, rows in response.items():
                    if isinstance(rows, list):
                        found.setdefault(name, []).extend(rows)
        return found, _time(document["time"])

    def _query(self, statement: str) -> Body:
        if len(statement) <= _LONGEST_GET:
            return dict(self._get("query", {"query": statement})["QueryResponse"])
        document = self._read(
            "POST", "query", {}, statement.encode(), {"Content-Type": "application/text"}
        )
        return dict(document["QueryResponse"])

    def _get(self, path: str, parameters: Mapping[str, str]) -> Body:
        return self._read("GET", path, parameters, None, {})

    def _read(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Body:
        """A read, tried again where that is harmless.

        Raises:
            QbosyncError: Chosen by its remedy.
        """
        trouble: QbosyncError | None = None
        for pause in _TRIES:
            if pause:
                self.clock.sleep(pause)
            try:
                reply = self._send(method, path, parameters, body, headers, is_read=True)
            except (NotSent, Lost) as error:
                trouble = TemporaryError(
                    f"QuickBooks cannot be reached: {error}.",
                    "Nothing to do: the next run tries again.",
                )
                continue
            faults = read_faults(reply.status, reply.headers, reply.body)
            document = parse_json(reply.body)
            if not faults and reply.status == 200 and isinstance(document, dict):
                self._note_time(document)
                return document
            fault = (
                faults[0]
                if faults
                else Fault(reply.status, "", trace_id=trace_id_of(reply.headers))
            )
            trouble = error_for(fault)
            if not isinstance(trouble, TemporaryError):
                break
        assert trouble is not None  # noqa: S101  the loop runs at least once
        raise trouble

    # Writing ---------------------------------------------------------------------------

    def write(self, call: Call) -> Answer:
        """One write under its own request id."""
        path, parameters = _address(call)
        reply = self._post(path, parameters | {"requestid": call.request_id}, call.body, False)
        if isinstance(reply, Answer):
            return reply
        trace = trace_id_of(reply.headers)
        if faults := read_faults(reply.status, reply.headers, reply.body):
            return _refusal(faults, trace)
        document = parse_json(reply.body)
        if reply.status != 200 or not isinstance(document, dict):
            return Answer("unknown", reason=f"HTTP {reply.status}, no JSON", trace_id=trace)
        self._note_time(document)
        return _posted(document, call, trace)

    def write_batch(self, calls: Sequence[Call], request_id: str) -> list[Answer]:
        """Up to 30 writes in one request; one item's refusal is no other's."""
        if len(calls) > BATCH_LIMIT:
            raise ValueError(f"a batch has at most {BATCH_LIMIT} items")
        items = []
        for number, call in enumerate(calls):
            item: Body = {"bId": str(number), "operation": call.action, call.entity: call.body}
            if call.action == "void" and call.entity == "Payment":
                item |= {"operation": "update", "optionsData": "include=void"}
            items.append(item)
        body = {"BatchItemRequest": items}
        reply = self._post("batch", {"requestid": request_id}, body, True)
        if isinstance(reply, Answer):
            return [reply] * len(calls)
        trace = trace_id_of(reply.headers)
        document = parse_json(reply.body)
        rows = document.get("BatchItemResponse") if isinstance(document, dict) else None
        if reply.status != 200 or not isinstance(rows, list):
            faults = read_faults(reply.status, reply.headers, reply.body)
            answer = _refusal(faults, trace) if faults else Answer("unknown", reason="no JSON")
            return [answer] * len(calls)
        self._note_time(document)
        by_id = {str(row.get("bId")): row for row in rows if isinstance(row, dict)}
        return [_item(by_id.get(str(n)), call, trace) for n, call in enumerate(calls)]

    def _post(
        self, path: str, parameters: Mapping[str, str], body: Mapping[str, Any], is_batch: bool
    ) -> Reply | Answer:
        """Send a write; it is sent again only where it certainly was not applied."""
        content = simplejson.dumps(body, use_decimal=True).encode()
        headers = {"Content-Type": "application/json"}
        reason = ""
        for pause in _TRIES:
            if pause:
                self.clock.sleep(pause)
            try:
                return self._send("POST", path, parameters, content, headers, False, is_batch)
            except NotSent as error:
                reason = str(error)
            except Lost as error:
                return Answer("unknown", reason=str(error))
            except QbosyncError as error:
                # The session could not give a token: nothing was sent.
                return Answer("not_sent", reason=error.what.rstrip("."))
        return Answer("not_sent", reason=reason)

    # The wire --------------------------------------------------------------------------

    def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
        is_read: bool,
        is_batch: bool = False,
    ) -> Reply:
        """One request; a 401 signs in afresh once, a 429 waits: neither was applied."""
        query = urlencode({**parameters, "minorversion": MINOR_VERSION}, quote_via=quote)
        url = f"{self.api}/v3/company/{self.realm_id}/{path}?{query}"
        token = self.session.access_token()
        is_fresh, throttled = False, 0
        while True:
            all_headers = {
                "Accept": "application/json",
                "Authorization": f"Bearer {token}",
                **headers,
            }
            with self.pace.slot(is_batch):
                with self._lock:
                    self.requests += 1
                    self.reads += is_read
                reply = self.transport.send(Request(method, url, all_headers, body))
            if reply.status == 401 and not is_fresh:
                token, is_fresh = self.session.refresh(token), True
                continue
            faults = read_faults(reply.status, reply.headers, reply.body)
            is_throttled = reply.status == 429 or any(f.code == "3001" for f in faults)
            if is_throttled and throttled < _THROTTLES:
                throttled += 1
                self.pace.pause(_retry_after(reply))
                self.clock.sleep(_retry_after(reply))
                continue
            return reply

    def _note_time(self, document: Mapping[str, Any]) -> None:
        if isinstance(document.get("time"), str):
            self.server_time = _time(document["time"])


def _address(call: Call) -> tuple[str, dict[str, str]]:
    """Path and parameters of a write (documented; voiding a payment is an update)."""
    path = call.entity.lower()
    if call.action == "void" and call.entity == "Payment":
        return path, {"operation": "update", "include": "void"}
    if call.action in ("void", "delete"):
        return path, {"operation": call.action}
    return path, {}


def _posted(document: Mapping[str, Any], call: Call, trace: str) -> Answer:
    body = document.get(call.entity)
    if isinstance(body, dict) and body.get("Id"):
        return Answer("posted", body, trace_id=trace)
    return Answer("unknown", reason=f"an answer without {call.entity}", trace_id=trace)


def _item(row: Mapping[str, Any] | None, call: Call, trace: str) -> Answer:
    if row is None:
        return Answer("unknown", reason="the batch's answer lacks it", trace_id=trace)
    if isinstance(row.get("Fault"), dict):
        return _refusal(faults_of(row["Fault"], 400, trace), trace)
    return _posted(row, call, trace)


def _refusal(faults: Sequence[Fault], trace: str) -> Answer:
    fault = faults[0]
    cure = remedy(fault)
    if cure == "unknown":
        return Answer("unknown", fault=fault, reason=str(fault), trace_id=trace)
    if cure == "not_applied":
        return Answer("not_sent", fault=fault, reason=str(fault), trace_id=trace)
    return Answer("refused", fault=fault, reason=str(fault), trace_id=trace)


def _retry_after(reply: Reply) -> float:
    value = reply.headers.get("Retry-After", "")
    return min(int(value), 120) if value.isascii() and value.isdigit() else _THROTTLED


def _time(value: str) -> datetime:
    """QuickBooks' times carry US Pacific's offset (recorded); ours are UTC."""
    return datetime.fromisoformat(value).astimezone(UTC)


def _changed_at(row: Mapping[str, Any]) -> datetime:
    return _time(row["MetaData"]["LastUpdatedTime"])
