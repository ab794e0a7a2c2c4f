"""A shop whose every part is real but its clock: ledger on disk, company over HTTP.

Time is the emulator's own and stands still until somebody waits, so that a day of runs
takes milliseconds and the same story gives the same books.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests

from qbosync.emulator import Emulator, Server, VirtualClock
from qbosync.key import Entity
from qbosync.ledger import Ledger
from qbosync.mapping.policy import Policy
from qbosync.model import Snapshot
from qbosync.outcome import Outcome
from qbosync.qbo.client import Company
from qbosync.qbo.limits import NoPace
from qbosync.qbo.transport import HttpTransport, Reply, Request
from qbosync.shop import Shop
from qbosync.sync import Options, Stop, run
from tests.builders import policy
from tests.emulator.conftest import tokens

OFF = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {
        "AutoApplyCredit": False,
        "AutoApplyPayments": False,
        "CustomTxnNumbers": True,
    },
}
QUARANTINE = timedelta(minutes=15)
CRON = 2 * 3600
DOCUMENTS = ("Estimate", "Invoice", "CreditMemo", "Payment")
Json = dict[str, Any]


class Killed(BaseException):
    """Not an Exception: no `except` clause of ours may survive a SIGKILL."""


@dataclass
class Clock:
    """The emulator's time, as this machine's clock; `ahead` is by how much it is set wrong."""

    time: VirtualClock
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time.now(), UTC) + self.ahead

    def monotonic(self) -> float:
        return self.time.now()

    def sleep(self, seconds: float) -> None:
        self.time.advance(seconds)


@dataclass
class Signer:
    """A sign-in that lasts: how tokens are kept is tested elsewhere."""

    token: str

    def access_token(self) -> str:
        return self.token

    def refresh(self, stale: str) -> str:
        return self.token


@dataclass
class FixedSource:
    """What the shop system says now."""

    snapshot: Snapshot
    name: str = "the shop system"

    def read(self) -> Snapshot:
        return self.snapshot


class Wire(HttpTransport):
    """The real transport; a test may look at a write before it leaves and after it is answered."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, allow_loopback_http=True)
        self.before: Callable[[Request], None] = lambda _request: None
        self.after: Callable[[Request, Reply], Reply] = lambda _request, reply: reply

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        if not is_write(request):
            return super().send(request, timeout)
        self.before(request)
        return self.after(request, super().send(request, timeout))


def is_write(request: Request) -> bool:
    """Whether a request changes the books: a long query is a POST too."""
    return request.method == "POST" and "/query" not in request.url


class Dying(Wire):
    """The machine dies before or after its n-th write; nothing leaves it any more."""

    def __init__(self, clock: Clock, moment: int) -> None:
        super().__init__(clock)
        self.moment = moment
        self.count = 0
        self._lock = threading.Lock()

    def send(self, request: Request, timeout: float = 90.0) -> Reply:
        with self._lock:
            self._pass(is_write(request))
            reply = HttpTransport.send(self, request, timeout)
            self._pass(is_write(request))
            return reply

    def _pass(self, counts: bool) -> None:
        self.count += counts
        if self.count >= self.moment:
            raise Killed


@dataclass
class Workroom:
    """One shop, its company and its ledger."""

    server: Server
    folder: Path
    rules: Policy = field(default_factory=policy)
    ahead: timedelta = timedelta()
    in_flight: int = 4

    def __post_init__(self) -> None:
        made = self.control("POST", "companies", {"name": f"Shop {self.folder.name[:40]}"})
        self.realm_id = str(made["realm_id"])
        self.prefer(OFF)
        self.token = str(tokens(self.server.url, self.realm_id)["access_token"])
        oauth = self.emulator.oauth
        oauth.access[self.token] = (oauth.access[self.token][0], 10**12)
        self.folder.mkdir(exist_ok=True)
        self.new_ledger()

    # The company -----------------------------------------------------------------------

    @property
    def emulator(self) -> Emulator:
        return self.server.emulator

    @property
    def clock(self) -> Clock:
        assert isinstance(self.emulator.clock, VirtualClock)
        return Clock(self.emulator.clock, self.ahead)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        reply = requests.request(
            method, f"{self.server.url}/_emulator/{path}", json=body, timeout=10
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    def prefer(self, part: Json) -> None:
        self.control("POST", f"companies/{self.realm_id}/preferences", part)

    def bookkeeper(self, action: str, **values: Any) -> None:
        self.control("POST", f"companies/{self.realm_id}/bookkeeper", {"action": action, **values})

    def fault(self, kind: str, entity: str = "", **values: Any) -> None:
        """Plan a failure of a write; one of reading where `method` says GET."""
        method = values.pop("method", "POST")
        when = {"method": method, "entity": entity, "nth": values.pop("nth", 1)}
        self.control("POST", "faults", {"kind": kind, "when": when, **values})

    def advance(self, seconds: float = CRON) -> None:
        self.control("POST", "clock", {"advance_s": seconds})

    def company(self, wire: HttpTransport | None = None) -> Company:
        return Company(
            self.server.url,
            self.realm_id,
            wire or Wire(self.clock),
            Signer(self.token),
            NoPace(),
            self.clock,
        )

    def documents(self, entity: str) -> list[Json]:
        """All that QuickBooks holds of a kind."""
        return list(self.company().select(entity))

    def one(self, entity: str) -> Json:
        [body] = self.documents(entity)
        return body

    def book(self, entity: str, body: Json) -> Json:
        """Written by somebody else."""
        reply = requests.post(
            f"{self.server.url}/v3/company/{self.realm_id}/{entity.lower()}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=10,
        )
        assert reply.status_code == 200, reply.text
        return dict(reply.json()[entity])

    # The ledger ------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self.folder / "ledger.db"

    def new_ledger(self, **facts: str) -> None:
        """A ledger that remembers nothing."""
        for file in self.folder.glob("ledger.db*"):
            file.unlink()
        Ledger.create(self.path, {"uuid": f"u-{self.realm_id}", **facts}).close()

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.open(self.path)
        try:
            yield ledger
        finally:
            ledger.close()

    # Runs ------------------------------------------------------------------------------

    @contextmanager
    def shop(self, snapshot: Snapshot, wire: HttpTransport | None = None) -> Iterator[Shop]:
        with self.ledger() as ledger:
            yield Shop(
                "emulator",
                self.realm_id,
                self.rules,
                self.clock,
                ledger,
                self.company(wire),
                FixedSource(snapshot),
                ZoneInfo("America/Boise"),
                resend_after=QUARANTINE,
                in_flight=self.in_flight,
            )

    def run(
        self,
        snapshot: Snapshot,
        wire: HttpTransport | None = None,
        stop: Stop | None = None,
        max_runtime: timedelta | None = None,
        **options: Any,
    ) -> Outcome:
        """One run, as a process of its own."""
        with self.shop(snapshot, wire) as shop:
            limited = replace(shop, max_runtime=max_runtime or shop.max_runtime)
            return run(limited, Options(**options), stop=stop)

    def later(self, snapshot: Snapshot, runs: int = 1) -> Outcome:
        """Cron comes again, every two hours; the last outcome."""
        for _ in range(runs):
            self.advance()
            outcome = self.run(snapshot)
        return outcome

    # What has to be true ---------------------------------------------------------------

    def is_settled(self, snapshot: Snapshot) -> None:
        """Ledger and books agree, nothing is open or held, and a further run writes nothing."""
        with self.ledger() as ledger:
            assert ledger.open_intents() == []
            assert ledger.holds() == []
            entries = {(e.key.entity, e.qbo_id): e for e in ledger.entries()}
        for entity in DOCUMENTS:
            marks = Counter(str(b["PrivateNote"]).split("[")[-1] for b in self.documents(entity))
            assert all(count == 1 for count in marks.values()), marks
            ids = {str(body["Id"]) for body in self.documents(entity)}
            assert ids == {qbo_id for e, qbo_id in entries if e == entity}
        outcome = self.later(snapshot)
        assert outcome.error is None and outcome.written == [] and outcome.adopted == []
        assert outcome.exit_code == 0

    def books(self) -> list[str]:
        """What QuickBooks holds, ids apart, in a form that compares."""
        names: dict[tuple[str, str], str] = {}
        rows = []
        for entity in ("Customer", "Item", "PaymentMethod"):
            for body in self.documents(entity):
                name = str(body.get("DisplayName") or body["Name"])
                names[entity, str(body["Id"])] = name
                rows.append(f"{entity} {name} {body.get('Balance', '')}")
        for entity in DOCUMENTS:
            for body in self.documents(entity):
                names[entity, str(body["Id"])] = str(body.get("DocNumber") or body["PrivateNote"])
        for entity in DOCUMENTS:
            for body in self.documents(entity):
                rows.append(_row(entity, body, names))
        return sorted(rows)


def _row(entity: str, body: Json, names: dict[tuple[str, str], str]) -> str:
    """One document without anything that only QuickBooks chose."""
    fields = ("DocNumber", "TxnDate", "TotalAmt", "Balance", "UnappliedAmt", "RemainingCredit",
              "DueDate", "TxnStatus", "PrivateNote", "PaymentRefNum")  # fmt: skip
    links = sorted(
        f"{link['TxnType']} {names[link['TxnType'], str(link['TxnId'])]}"
        for link in body.get("LinkedTxn", [])
    )
    lines = []
    for line in body.get("Line", []):
        if line.get("DetailType") == "SubTotalLineDetail":
            continue
        item = line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value", "")
        paid = [names[ln["TxnType"], str(ln["TxnId"])] for ln in line.get("LinkedTxn", [])]
        lines.append((names.get(("Item", item), ""), str(line["Amount"]), *paid))
    customer = names["Customer", str(body["CustomerRef"]["value"])]
    known = {name: str(body[name]) for name in fields if name in body}
    return f"{entity} of {customer}: {known} {links} {sorted(lines)}"


@contextmanager
def a_server(**options: Any) -> Iterator[Server]:
    """An emulator for a module of tests, at a time that stands still."""
    with Server(port=0, limits="off", seed=1, clock=VirtualClock(), **options) as server:
        yield server


def total(bodies: list[Json]) -> Decimal:
    return sum((Decimal(str(body["TotalAmt"])) for body in bodies), Decimal(0))


def entities(outcome: Outcome) -> list[tuple[str, Entity, str]]:
    """What a run wrote to documents."""
    return [
        (w.operation.action.value, w.operation.key.entity, w.operation.key.source)
        for w in outcome.written
        if not w.operation.key.entity.is_named
    ]
