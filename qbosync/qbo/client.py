"""One company's books, over the accounting API.

A read answers or raises.  A write always answers, and its `outcome` is honest: *posted*
only for HTTP 200 with an object of the asked kind and an Id, *refused* for QuickBooks' own
refusal, *not_sent* when nothing can have been applied, and *unknown* for everything else.
Reads are metered by Intuit and counted; writes are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import simplejson

from qbosync.clock import Clock
from qbosync.errors import QbosyncError, TemporaryError
from qbosync.qbo.answer import Answer, Call, address_of, body_of, item_answer, item_of, posted
from qbosync.qbo.answer import refusal as refused
from qbosync.qbo.changes import Changes, Told, gather, read_told
from qbosync.qbo.exchange import Exchange, Heard, Question, Tokens
from qbosync.qbo.faults import error_for
from qbosync.qbo.limits import Pacing
from qbosync.qbo.query import is_in
from qbosync.qbo.transport import Lost, NotSent, Transport

__all__ = ["Answer", "Call", "Changes", "Company", "WindowTooOldError"]

BATCH_LIMIT = 30
_PAGE = 1000
_IDS = 100
_LONGEST_GET = 3000
"""Characters of an encoded statement that still travel in an address."""
_TRIES = (0.0, 1.0, 4.0, 16.0)
_WINDOW = timedelta(days=30)
_NAMED = ("Customer", "Vendor", "Employee", "Item", "Account", "Term", "PaymentMethod")
_MARKED = ("Estimate", "Invoice", "CreditMemo", "Payment")
"""What bears a mark in its PrivateNote."""
_WITH_INACTIVE = "Active IN (true, false)"
"""QuickBooks lists only what is active unless it is asked for (recorded)."""
_AGAIN = "Nothing to do: the next run tries again."

Body = dict[str, Any]


class WindowTooOldError(TemporaryError):
    """QuickBooks tells changes of the last 30 days only."""


class Company:
    """The connected company.  Safe for several threads."""

    def __init__(
        self,
        api: str,
        realm_id: str,
        transport: Transport,
        session: Tokens,
        pace: Pacing,
        clock: Clock,
    ) -> None:
        address = f"{api}/v3/company/{realm_id}"
        self.realm_id = realm_id
        self.clock = clock
        self._line = Exchange(address, transport, session, pace, clock)

    @property
    def requests(self) -> int:
        """How many left."""
        return self._line.requests

    @property
    def reads(self) -> int:
        """How many of them Intuit meters."""
        return self._line.reads

    @property
    def server_time(self) -> datetime | None:
        """QuickBooks' time of the last answer."""
        return self._line.server_time

    # Reading ---------------------------------------------------------------------------

    def preferences(self) -> Body:
        """The company's settings."""
        return self._get("preferences", "Preferences")

    def company_info(self) -> Body:
        """Name, country, subscription."""
        return self._get(f"companyinfo/{self.realm_id}", "CompanyInfo")

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
        """Objects by Id, inactive ones too; what is gone is missing from the answer."""
        found = {}
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), _IDS):
            where = is_in("Id", wanted[start : start + _IDS])
            if entity in _NAMED:
                where += f" AND {_WITH_INACTIVE}"
            for body in self.select(entity, where):
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
        return gather(self._told, self._changed, entities, since, busy)

    def _changed(self, entity: str, where: str) -> Iterator[Body]:
        if entity in _NAMED:
            where += f" AND {_WITH_INACTIVE}"
        fields = "Id, SyncToken, MetaData.CreateTime, MetaData.LastUpdatedTime"
        if entity in _MARKED:
            fields += ", PrivateNote, DocNumber, TotalAmt, CustomerRef"
        return self.select(entity, where, fields)

    def _told(self, entities: Sequence[str], since: datetime) -> Told:
        if self.clock.now() - since > _WINDOW:
            raise WindowTooOldError(
                "The last look at QuickBooks was more than 30 days ago.",
                "QuickBooks does not tell older changes: run `qbosync check --full`.",
            )
        stamp = since.isoformat(timespec="seconds")
        parameters = {"entities": ",".join(entities), "changedSince": stamp}
        return read_told(self._read(Question("GET", "cdc", parameters, is_read=True)))

    def _query(self, statement: str) -> Body:
        if len(quote(statement)) <= _LONGEST_GET:
            return self._get("query", "QueryResponse", {"query": statement})
        question = Question(
            "POST", "query", {}, statement.encode(), "application/text", is_read=True
        )
        return _part(self._read(question), "QueryResponse")

    def _get(self, path: str, part: str, parameters: Mapping[str, str] | None = None) -> Body:
        question = Question("GET", path, parameters or {}, is_read=True)
        return _part(self._read(question), part)

    def _read(self, question: Question) -> Mapping[str, Any]:
        """A read, tried again where that is harmless.

        Raises:
            QbosyncError: Chosen by its remedy.
        """
        trouble: QbosyncError | None = None
        for pause in _TRIES:
            if pause:
                self.clock.sleep(pause)
            try:
                heard = self._line.ask(question)
            except (NotSent, Lost) as error:
                trouble = TemporaryError(f"QuickBooks cannot be reached: {error}.", _AGAIN)
                continue
            if not heard.faults and heard.status == 200 and heard.document is not None:
                return heard.document
            trouble = error_for(heard.fault)
            if heard.is_throttled or not isinstance(trouble, TemporaryError):
                break
        assert trouble is not None  # noqa: S101  the loop runs at least once
        raise trouble

    # Writing ---------------------------------------------------------------------------

    def write(self, call: Call) -> Answer:
        """One write under its own request id."""
        path, parameters = address_of(call)
        heard = self._post(path, {**parameters, "requestid": call.request_id}, body_of(call))
        if isinstance(heard, Answer):
            return heard
        if heard.faults:
            return refused(heard.faults, heard.trace_id)
        if heard.status != 200 or heard.document is None:
            return _senseless(heard)
        return posted(heard.document, call, heard.trace_id)

    def write_batch(self, calls: Sequence[Call], request_id: str) -> list[Answer]:
        """Up to 30 writes in one request; one item's refusal is no other's."""
        if len(calls) > BATCH_LIMIT:
            raise ValueError(f"a batch has at most {BATCH_LIMIT} items")
        if not calls:
            return []
        body = {"BatchItemRequest": [item_of(call, n) for n, call in enumerate(calls)]}
        heard = self._post("batch", {"requestid": request_id}, body, is_batch=True)
        if isinstance(heard, Answer):
            return [heard] * len(calls)
        rows = (heard.document or {}).get("BatchItemResponse")
        if heard.faults:
            return [refused(heard.faults, heard.trace_id)] * len(calls)
        if heard.status != 200 or not isinstance(rows, list):
            return [_senseless(heard)] * len(calls)
        by_id = {str(row.get("bId")): row for row in rows if isinstance(row, dict)}
        pairs = enumerate(calls)
        return [item_answer(by_id.get(str(n)), call, heard.trace_id) for n, call in pairs]

    def _post(
        self,
        path: str,
        parameters: Mapping[str, str],
        body: Mapping[str, Any],
        is_batch: bool = False,
    ) -> Heard | Answer:
        """Send a write; it is sent again only where it certainly was not applied."""
        content = simplejson.dumps(body, use_decimal=True).encode()
        question = Question(
            "POST", path, parameters, content, "application/json", is_batch=is_batch
        )
        reason = ""
        for pause in _TRIES:
            if pause:
                self.clock.sleep(pause)
            try:
                return self._line.ask(question)
            except NotSent as error:
                reason = str(error)
            except Lost as error:
                return Answer("unknown", reason=str(error))
            except QbosyncError as error:
                # The session could not give a token: nothing was sent, or refused with a 401.
                return Answer("not_sent", reason=error.what.rstrip("."), error=error)
        trouble = TemporaryError(f"QuickBooks cannot be reached: {reason}.", _AGAIN)
        return Answer("not_sent", reason=reason, error=trouble)


def _part(document: Mapping[str, Any], name: str) -> Body:
    """The part of an answer that was asked for."""
    part = document.get(name)
    if not isinstance(part, dict):
        raise TemporaryError(f"QuickBooks gave an answer without {name}.", _AGAIN)
    return part


def _senseless(heard: Heard) -> Answer:
    reason = f"HTTP {heard.status}, no sense in the answer"
    return Answer("unknown", reason=reason, trace_id=heard.trace_id)
