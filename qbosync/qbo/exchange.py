"""One exchange with the accounting API: signed, paced, counted, and understood once.

A 401 signs in afresh once and a 429 waits: neither was applied, so both may be sent again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from qbosync.clock import Clock
from qbosync.qbo.faults import Fault, find_faults, parse_json, trace_id_of
from qbosync.qbo.limits import Pacing
from qbosync.qbo.transport import NotSent, Reply, Request, Transport

MINOR_VERSION = "75"
"""The only one since August 2025; sent explicitly (documented)."""
_THROTTLED = 60.0
"""Seconds to wait after a 429, as documented; `Retry-After` wins where it is sent."""
_LONGEST_WAIT = 120
_THROTTLES = 2


class Tokens(Protocol):
    """Gives the access token; a session."""

    def access_token(self) -> str: ...

    def refresh(self, stale: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of QuickBooks, below the company's address."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = ""
    is_read: bool = False
    is_batch: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What QuickBooks said; `document` is `None` where it was no JSON object."""

    status: int
    document: Mapping[str, Any] | None
    faults: tuple[Fault, ...]
    trace_id: str

    @property
    def fault(self) -> Fault:
        """The first fault, or that there is no sense in it."""
        return self.faults[0] if self.faults else Fault(self.status, "", trace_id=self.trace_id)

    @property
    def is_throttled(self) -> bool:
        return self.status == 429 or any(fault.code == "3001" for fault in self.faults)


@dataclass
class Exchange:
    """The line to one company.  Safe for several threads."""

    address: str
    transport: Transport
    session: Tokens
    pace: Pacing
    clock: Clock
    requests: int = 0
    reads: int = 0
    server_time: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self, question: Question) -> Heard:
        """Ask once.

        Raises:
            NotSent: If no byte can have left.
            Lost: If something may have, and no whole answer came.
            QbosyncError: If the session has no token to sign with; nothing was sent then.
        """
        token = self.session.access_token()
        is_fresh, throttled = False, 0
        while True:
            reply = self._send(question, token)
            heard = _understand(reply)
            if reply.status == 401 and not is_fresh:
                token, is_fresh = self.session.refresh(token), True
            elif heard.is_throttled and throttled < _THROTTLES:
                throttled += 1
                seconds = _retry_after(reply)
                self.pace.pause(seconds)
                self.clock.sleep(seconds)
            else:
                self._note_time(heard)
                return heard

    def _send(self, question: Question, token: str) -> Reply:
        parameters = {**question.parameters, "minorversion": MINOR_VERSION}
        url = f"{self.address}/{question.path}?{urlencode(parameters, quote_via=quote)}"
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
        if question.content_type:
            headers["Content-Type"] = question.content_type
        with self.pace.slot(question.is_batch):
            try:
                reply = self.transport.send(Request(question.method, url, headers, question.body))
            except NotSent:
                raise
            except BaseException:
                self._count(question)
                raise
        self._count(question)
        return reply

    def _count(self, question: Question) -> None:
        with self._lock:
            self.requests += 1
            self.reads += question.is_read

    def _note_time(self, heard: Heard) -> None:
        at = instant((heard.document or {}).get("time")) if not heard.faults else None
        if at is not None:
            self.server_time = at


def instant(value: object) -> datetime | None:
    """One of QuickBooks' times, which carry US Pacific's offset (recorded), as UTC."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None


def _understand(reply: Reply) -> Heard:
    document = parse_json(reply.body)
    trace = trace_id_of(reply.headers)
    faults = find_faults(reply.status, trace, document, reply.body)
    return Heard(reply.status, document if isinstance(document, dict) else None, faults, trace)


def _retry_after(reply: Reply) -> float:
    value = reply.headers.get("Retry-After", "")
    is_number = value.isascii() and value.isdigit()
    return min(max(int(value), 1), _LONGEST_WAIT) if is_number else _THROTTLED
