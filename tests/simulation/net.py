"""The wire of the simulation: requests reach the emulator in process, or do not.

Time is the emulator's, moved by every request and every sleep.  What is applied late
waits in a queue and is applied when its time has come, whoever is running then.
"""

from __future__ import annotations

import hashlib
import heapq
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import simplejson

from qbosync.emulator import Emulator, VirtualClock
from qbosync.emulator import Request as Asked
from qbosync.emulator.http import Response
from qbosync.emulator.misbehaviour import Plan
from qbosync.qbo.transport import Lost, NotSent, Reply, Request
from tests.simulation.fault import LATEST, Fault

BEARER = "BEARER"
_LAG = 30
"""Seconds for which QuickBooks' lists may not show a change yet."""
_HTML = b"<html><head><title>Sorry</title></head><body>We will be back soon.</body></html>"


class Killed(BaseException):
    """The process is gone; nothing after it happens."""


class Violation(AssertionError):  # noqa: N818  a fact, not an error
    """A promise was broken."""


@dataclass
class SimClock:
    """The machine's time: QuickBooks' own, off by what this run's clock is off."""

    net: Net

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.net.time.now() + self.net.skew, UTC)

    def monotonic(self) -> float:
        return self.net.time.now()

    def sleep(self, seconds: float) -> None:
        self.net.pass_time(seconds)


@dataclass
class Sent:
    """What is known of one request id: its body, and when it may have been applied."""

    body: bytes
    unknown_at: float | None = None


@dataclass
class Net:
    """Between the product and the emulator."""

    emulator: Emulator
    time: VirtualClock
    realm_id: str
    resend_after: timedelta
    log: list[str] = field(default_factory=list)
    is_logging: bool = False
    struck: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    requests: int = 0
    commits: int = 0
    boundaries: list[str] = field(default_factory=list)
    dice: Random = field(default_factory=lambda: Random(0))
    faults: list[Fault] = field(default_factory=list)
    kill_at: int = 0
    is_dead: bool = False
    is_dying: bool = False
    outage_until: float = 0.0
    skew: int = 0
    ledger: sqlite3.Connection | None = None
    sent: dict[str, Sent] = field(default_factory=dict)
    late: list[tuple[float, int, Asked]] = field(default_factory=list)
    moves: list[tuple[float, int]] = field(default_factory=list)
    asked: int = 0

    # Time and death --------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A line of the history, where somebody reads it."""
        if self.is_logging:
            at = datetime.fromtimestamp(self.time.now(), UTC)
            self.log.append(f"{at:%m-%d %H:%M:%S}  {text}")

    def pass_time(self, seconds: float) -> None:
        """Move on; what is due on the way is applied at its time."""
        until = self.time.now() + seconds
        while self.late and self.late[0][0] <= until:
            due, _, asked = heapq.heappop(self.late)
            self.time.offset = max(self.time.offset, due)
            self.say(f"applied late: {asked.path.split('/')[-1]}")
            self._deliver(asked)
        self.time.offset = max(self.time.offset, until)

    def begin_run(self, faults: list[Fault], kill_at: int, skew: int, dice: Random) -> None:
        """A new process, with what will go wrong in it."""
        self.faults, self.kill_at, self.dice = sorted(faults, key=lambda f: f.nth), kill_at, dice
        self.is_dead = self.is_dying = False
        self.skew = skew
        self.requests = self.commits = self.writes = 0
        self.outage_until = 0.0
        self.boundaries = []

    def boundary(self, name: str) -> None:
        """A point at which the process may be gone; once gone, it stays so."""
        if self.is_dead:
            raise Killed(name)
        self.boundaries.append(name)
        if len(self.boundaries) == self.kill_at:
            self.say(f"KILLED at {name}")
            self.is_dead = True
            raise Killed(name)

    def disk_fault(self) -> str:
        """The kind of failure of this commit, `""` mostly."""
        self.commits += 1
        for fault in self.faults:
            if fault.kind.startswith("disk") and self.commits >= fault.nth:
                self._strike(fault)
                return fault.kind
        return ""

    def _strike(self, fault: Fault) -> None:
        self.faults.remove(fault)
        self.struck[fault.kind] += 1
        self.say(f"FAULT {fault.kind}")

    # The wire --------------------------------------------------------------------------

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        """Send a request, or fail as the next fault says."""
        del timeout
        asked = _asked(request)
        path = asked.path.rsplit("/", 1)[-1]
        is_write = asked.method == "POST" and path != "query"
        name = f"{asked.method} {path if is_write else 'read'}"
        if self.is_dying:
            if is_write and self.dice.random() < 0.5:
                self._audit(asked)
                self._later(asked, self.dice.randint(0, LATEST))
            raise Killed(name)
        self.boundary(f"{name}: not sent")
        self.requests += 1
        self.pass_time(self.dice.choice((0.1, 0.4, 1.3)))
        fault = self._fault(is_write, path == "batch")
        if is_write:
            self.writes += 1
            self._audit(asked)
        try:
            reply = self._through(asked, fault, is_write)
        except Lost:
            self._unknown(asked, is_write)
            self.boundary(f"{name}: lost")
            raise
        if is_write and (reply.status not in (200, 400, 401, 403, 429) or fault):
            self._unknown(asked, is_write and (fault is None or not _is_certain(fault.kind)))
        try:
            self.boundary(f"{name}: answered")
        except Killed:
            self._unknown(asked, is_write)
            raise
        return reply

    def _fault(self, is_write: bool, is_batch: bool) -> Fault | None:
        if self.time.now() < self.outage_until:
            return Fault("lost_before" if is_write else "read_lost", 0)
        for fault in self.faults:
            if self.requests >= fault.nth and fault.fits(is_write, is_batch):
                self._strike(fault)
                return fault
        return None

    def _through(self, asked: Asked, fault: Fault | None, is_write: bool) -> Reply:
        kind = fault.kind.removeprefix("read_") if fault else ""
        self.say(f"{asked.method} {_shown(asked)}")
        if fault is None:
            return self._reply(self._deliver(asked))
        if kind == "not_sent":
            raise NotSent("no connection")
        if kind == "outage":
            self.outage_until = self.time.now() + fault.value % 300
            raise Lost("no answer in time")
        if kind in ("lost_before", "lost"):
            self.pass_time(self.dice.choice((0, 30, 90)))
            raise Lost("no answer in time")
        if kind in ("late", "late_504"):
            self._later(asked, fault.value % LATEST)
            self.pass_time(min(90.0, fault.value % LATEST))
            if kind == "late":
                raise Lost("no answer in time")
            return Reply(504, {"Content-Type": "text/html"}, _HTML)
        if canned := _CANNED.get(kind):
            return canned
        return self._applied(asked, kind, fault)

    def _applied(self, asked: Asked, kind: str, fault: Fault) -> Reply:
        """The request arrives, and something is odd all the same."""
        if kind in ("bad_item", "bad_item_after"):
            return self._reply(self._deliver(asked, kind, item=1 + fault.value % 4))
        if kind == "stale":
            return self._reply(self._deliver(asked, "stale_list", changes=self._fresh()))
        if kind == "drop_link":
            return self._reply(self._deliver(asked, "drop_link"))
        if kind == "duplicate" and self.emulator.assume["requestid-retention"] != "ignored":
            self._deliver(asked)
        reply = self._reply(self._deliver(asked))
        if kind == "slow":
            self.pass_time(70)
        if kind == "lost_after":
            raise Lost("the answer broke off")
        if kind == "truncated":
            return Reply(200, reply.headers, reply.body[: len(reply.body) // 2])
        if kind == "missing_item" and reply.status == 200:
            document = simplejson.loads(reply.body, use_decimal=True)
            document["BatchItemResponse"].pop(fault.value % len(document["BatchItemResponse"]))
            body = simplejson.dumps(document, use_decimal=True).encode()
            return Reply(200, reply.headers, body)
        return _AFTER.get(kind, reply)

    def _later(self, asked: Asked, seconds: float) -> None:
        self.asked += 1
        heapq.heappush(self.late, (self.time.now() + seconds, self.asked, asked))

    def _fresh(self) -> int:
        """How many of the latest changes lists may not show yet."""
        moved = self.emulator.companies[self.realm_id].counters["moved"]
        since = self.time.now() - _LAG
        before = [count for at, count in self.moves if at <= since]
        return max(0, moved - (before[-1] if before else moved))

    def _deliver(self, asked: Asked, kind: str = "", **values: Any) -> Response:
        if kind:
            self.emulator.misbehaviour.plans.append(Plan(kind, values=values))
        response = self.emulator.handle(asked)
        self.emulator.misbehaviour.plans.clear()
        self.date_moves()
        return response

    def date_moves(self) -> None:
        """Note when what changed last did so: lists lag behind by so much and no more."""
        moved = self.emulator.companies[self.realm_id].counters["moved"]
        if not self.moves or self.moves[-1][1] != moved:
            self.moves.append((self.time.now(), moved))

    def _reply(self, response: Response) -> Reply:
        if self.is_logging and response.status != 200:
            self.say(f"  -> {response.status} {response.body[:200]!r}")
        return Reply(response.status, response.headers, response.body)

    # What is held against every write ----------------------------------------------------

    def _audit(self, asked: Asked) -> None:
        """A durable intent before each write, one body an id, no second sending too soon."""
        request_id = asked.query.get("requestid", "")
        if not request_id:
            raise Violation(f"a write without request id: {_shown(asked)}")
        is_batch = asked.path.endswith("/batch")
        if self.ledger is not None:
            column = "batch_id" if is_batch else "request_id"
            rows = self.ledger.execute(
                f"SELECT body FROM intents WHERE {column} = ? AND state = 'open' ORDER BY id",
                [request_id],
            ).fetchall()
            if not rows:
                raise Violation(f"a write without a durable intent: {_shown(asked)}")
            if not is_batch and rows[0][0].encode() != asked.body:
                raise Violation(f"a write that is not its intent's: {_shown(asked)}")
            if is_batch and len(rows) != asked.body.count(b'"bId"'):
                raise Violation(f"a batch of other intents: {_shown(asked)}")
        digest = hashlib.sha256(asked.body).digest()
        before = self.sent.setdefault(request_id, Sent(digest))
        if before.body != digest:
            raise Violation(f"request id {request_id} carried two bodies")
        if before.unknown_at is None:
            return
        if is_batch:
            raise Violation("a batch of unknown outcome was sent again")
        if b'"SyncToken"' in asked.body[:60]:
            return  # an update applies once, whenever it comes: its token is spent then
        if self.time.now() - before.unknown_at < self.resend_after.total_seconds() - 100:
            raise Violation(f"sent again too soon: {_shown(asked)}")

    def _unknown(self, asked: Asked, is_unknown: bool) -> None:
        if is_unknown:
            self.sent[asked.query["requestid"]].unknown_at = self.time.now()


_PAGE = {"Content-Type": "text/html"}
_JSON = {"Content-Type": "application/json"}
_SYSTEM = (
    b'{"Fault":{"Error":[{"Message":"An application error has occurred while processing your'
    b' request","Detail":"System Failure Error: NullPointerException","code":"10000"}],'
    b'"type":"SystemFault"}}'
)
_SAVING = (
    b'{"Fault":{"Error":[{"Message":"A business validation error has occurred","Detail":"Business'
    b" Validation Error: An unexpected error occurred while accessing or saving your data. Please"
    b' wait a few minutes and try again.","code":"6000"}],"type":"ValidationFault"}}'
)
_BUSY = (
    b'<?xml version="1.0"?><IntuitResponse><Fault type="SERVICE"><Error code="3001"><Message>'
    b"ThrottleExceeded</Message></Error></Fault></IntuitResponse>"
)
_DENIED = b'{"fault":{"error":[{"message":"ApplicationAuthorizationFailed","code":"3100"}]}}'
_STALE_TOKEN = b'{"fault":{"error":[{"message":"AuthenticationFailed","code":"3200"}]}}'
_CANNED = {
    "html_before": Reply(200, _PAGE, _HTML),
    "html": Reply(200, _PAGE, _HTML),
    "redirect_before": Reply(302, {"Location": "https://elsewhere.example/"}, b""),
    "500_before": Reply(500, _JSON, _SYSTEM),
    "500": Reply(500, _JSON, _SYSTEM),
    "502_before": Reply(502, _PAGE, _HTML),
    "503_before": Reply(503, _PAGE, _HTML),
    "503": Reply(503, _PAGE, _HTML),
    "404_before": Reply(404, _PAGE, _HTML),
    "fault_200": Reply(200, _JSON, _SYSTEM),
    "throttled": Reply(429, {"Retry-After": "7"}, _BUSY),
    "unauthorized": Reply(401, _JSON, _STALE_TOKEN),
    "forbidden": Reply(403, _JSON, _DENIED),
}
"""Answers to requests that were not applied."""
_AFTER = {
    "empty": Reply(200, _JSON, b""),
    "null": Reply(200, _JSON, b"null"),
    "other_json": Reply(200, _JSON, b'{"status":"ok"}'),
    "no_object": Reply(200, _JSON, b'{"Surprise":{"Id":"7"}}'),
    "html_after": Reply(200, _PAGE, _HTML),
    "redirect_after": Reply(302, {"Location": "https://elsewhere.example/"}, b""),
    "10000_after": Reply(500, _JSON, _SYSTEM),
    "6000_after": Reply(400, _JSON, _SAVING),
    "504_after": Reply(504, _PAGE, _HTML),
}
"""Answers to requests that were applied all the same."""
_CERTAIN = ("throttled", "unauthorized", "forbidden", "slow", "duplicate", "drop_link")


def _is_certain(kind: str) -> bool:
    """Whether the product can know from the answer what became of the write."""
    return kind in _CERTAIN


def _asked(request: Request) -> Asked:
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Asked(request.method, parts.path, query, headers, request.body or b"")


def _shown(asked: Asked) -> str:
    path = asked.path.split("/")[-1]
    what = asked.query.get("query") or asked.query.get("operation") or ""
    return f"{path} {what} {asked.body.decode()[:600]}".strip()
