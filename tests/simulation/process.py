"""One process of the product after another, over one company, one ledger and one keyring.

The product's own modules run; only its clock, transport, tokens and threads are ours.
A process may end at any boundary: each send and answer, each commit, each keyring call.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, cast
from zoneinfo import ZoneInfo

import qbosync.execute
from qbosync import sync
from qbosync.blob import TokenBlob
from qbosync.emulator import Emulator, VirtualClock
from qbosync.emulator.oauth import Grant
from qbosync.errors import QbosyncError
from qbosync.keeper import Keeper, keep_in_step
from qbosync.ledger import Ledger
from qbosync.mapping.policy import Policy
from qbosync.model import Snapshot
from qbosync.outcome import Outcome
from qbosync.qbo.client import Company
from qbosync.qbo.limits import NoPace
from qbosync.rebuilding import ADOPT_UNTIL, FOR_NOW, TAKEN_OVER_AT
from qbosync.shop import Shop
from tests.simulation.fault import Fault
from tests.simulation.net import BEARER, Killed, Net, Sent, SimClock

RESEND_AFTER = timedelta(minutes=15)
PREFERENCES: dict[str, Any] = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {
        "AutoApplyCredit": False,
        "AutoApplyPayments": False,
        "CustomTxnNumbers": True,
    },
}
BEGIN = 1_780_300_000.0
ZONE = ZoneInfo("America/Boise")


class SimLedger(Ledger):
    """The real ledger; its commits are boundaries and may meet a bad disk."""

    net: Net

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        name = f"ledger.{sys._getframe(2).f_code.co_name}"
        self.net.boundary(f"{name}: not committed")
        with super().transaction():
            yield
            if kind := self.net.disk_fault():
                words = {"disk_full": "database or disk is full", "disk_error": "disk I/O error"}
                raise sqlite3.OperationalError(words[kind])
        self.net.boundary(f"{name}: committed")


@dataclass
class Keyring:
    """A token store in memory; its calls are boundaries."""

    net: Net
    blob: TokenBlob = field(default_factory=lambda: TokenBlob("refresh"))
    backend: str = "simulation"

    def load(self, account: str) -> TokenBlob:
        del account
        self.net.boundary("keyring.load")
        return self.blob

    def save(self, account: str, blob: TokenBlob) -> None:
        del account
        self.net.boundary("keyring.save: not saved")
        self.blob = blob
        self.net.boundary("keyring.save: saved")


@dataclass(frozen=True)
class Session:
    """Gives the one bearer that the emulator takes."""

    def access_token(self) -> str:
        return BEARER

    def refresh(self, stale: str) -> str:
        return stale


@dataclass
class Feed:
    """A source that says what it is told."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    name: str = "the simulated shop"

    def read(self) -> Snapshot:
        return self.snapshot


class Pool:
    """Worker threads without threads: what is in flight runs in an order drawn from the seed."""

    net: Net

    def __init__(self, max_workers: int) -> None:
        del max_workers
        self.waiting: dict[Future[Any], Callable[[], Any]] = {}
        Pool.current = self

    current: Pool

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting[future] = lambda: work(*arguments)
        return future

    def run(self, future: Future[Any]) -> None:
        work = self.waiting.pop(future)
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self.net.is_dying = self.net.is_dead
        for future in list(self.waiting):
            self.run(future)


def _wait(flying: Collection[Future[Any]], **_how: object) -> tuple[set[Future[Any]], object]:
    pool = Pool.current
    chosen = pool.net.dice.choice(list(flying))
    pool.run(chosen)
    return {chosen}, None


@contextlib.contextmanager
def without_threads(net: Net) -> Iterator[None]:
    """Let the executor's requests in flight overlap as the seed says."""
    module: Any = qbosync.execute
    before = module.ThreadPoolExecutor, module.wait
    Pool.net = net
    module.ThreadPoolExecutor, module.wait = Pool, _wait
    try:
        yield
    finally:
        module.ThreadPoolExecutor, module.wait = before


def open_company(assume: dict[str, str], time: VirtualClock) -> tuple[Emulator, str]:
    """An emulated company with the right settings, and our bearer signed in."""
    emulator = Emulator(clock=time, assume=assume)
    [realm_id] = emulator.companies
    emulator.companies[realm_id].set_preferences(PREFERENCES)
    emulator.oauth.grants.append(Grant("client", realm_id, "refresh", 0, 0, 0))
    emulator.oauth.access[BEARER] = (0, 2**40)
    return emulator, realm_id


@cache
def _new_ledger(facts: tuple[tuple[str, str], ...]) -> bytes:
    """The file of a new ledger, which is the same for the same facts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.create(path, dict(facts)).close()
        return path.read_bytes()


@dataclass
class Machine:
    """Where the product runs: a disk, a keyring, and the wire."""

    folder: Path
    net: Net
    policy: Policy
    in_flight: int
    keyring: Keyring = field(init=False)
    feed: Feed = field(default_factory=Feed)
    ledgers: int = 0
    sent: dict[str, Sent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keyring = Keyring(self.net)
        self.new_ledger(is_known=False)

    @property
    def path(self) -> Path:
        return self.folder / "ledger.db"

    def new_ledger(self, is_known: bool) -> None:
        """Connect anew; the keyring may remember that there was a ledger."""
        self.drop_ledger()
        self.ledgers += 1
        facts = {"uuid": f"ledger{self.ledgers}", "environment": "emulator",
                 "realm_id": self.net.realm_id, "instance": "main"}  # fmt: skip
        if is_known:
            facts[ADOPT_UNTIL] = FOR_NOW
        self.path.write_bytes(_new_ledger(tuple(facts.items())))
        self.path.chmod(0o600)

    def drop_ledger(self) -> None:
        for name in ("", "-wal", "-shm"):
            Path(f"{self.path}{name}").unlink(missing_ok=True)

    def backup(self) -> None:
        """A copy of the ledger as it is between two runs."""
        shutil.copy(self.path, self.folder / "backup.db")

    def restore(self) -> bool:
        """Put the copy back, if there is one."""
        copy = self.folder / "backup.db"
        if not copy.exists():
            return False
        self.drop_ledger()
        shutil.copy(copy, self.path)
        return True

    def copy(self, folder: Path) -> Machine:
        """A second machine, set up from a copy of this one's files and keyring."""
        other = Machine(folder, self.net, self.policy, self.in_flight)
        other.drop_ledger()
        shutil.copy(self.path, other.path)
        other.keyring.blob = self.keyring.blob
        other.feed, other.ledgers = self.feed, self.ledgers
        return other

    def take_over(self) -> None:
        """`connect --take-over`: from now on this machine writes."""
        now = SimClock(self.net).now()
        ledger = Ledger.open(self.path)
        ledger.set_fact(TAKEN_OVER_AT, now.isoformat())
        ledger.set_fact(ADOPT_UNTIL, (now + RESEND_AFTER).isoformat())
        ledger.close()

    def run(self, faults: list[Fault], kill_at: int, skew: int, dice: Random) -> Outcome | None:
        """One run; `None` if the process was killed."""
        net = self.net
        net.sent = self.sent
        net.begin_run(faults, kill_at, skew, dice)
        ledger: SimLedger | None = None
        try:
            ledger = cast(SimLedger, SimLedger.open(self.path))
            ledger.net = net
            net.ledger = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
            keeper = Keeper(self.keyring, "emulator")
            keep_in_step(keeper, ledger)
            return sync.run(self._shop(ledger))
        except Killed:
            return None
        except QbosyncError as error:
            return Outcome(error=error)
        finally:
            if net.ledger is not None:
                net.ledger.close()
                net.ledger = None
            if ledger is not None:
                ledger.close()

    def _shop(self, ledger: Ledger) -> Shop:
        net, clock = self.net, SimClock(self.net)
        company = Company("https://sim", net.realm_id, net, Session(), NoPace(), clock)
        return Shop("emulator", net.realm_id, self.policy, clock, ledger, company, self.feed,
                    ZONE, resend_after=RESEND_AFTER, in_flight=self.in_flight)  # fmt: skip

    def open_intents(self) -> list[str]:
        """What the ledger still has open, read as a stranger would."""
        with contextlib.closing(sqlite3.connect(self.path)) as db:
            rows = db.execute("SELECT entity, kind, source_id FROM intents WHERE state = 'open'")
            return [f"{entity}|{kind}:{id_}" for entity, kind, id_ in rows]

    def knows(self, entity: str, qbo_id: str) -> bool:
        """Whether the ledger has a document, read as a stranger would."""
        with contextlib.closing(sqlite3.connect(self.path)) as db:
            asked = "SELECT 1 FROM entries WHERE entity = ? AND qbo_id = ?"
            return db.execute(asked, [entity, qbo_id]).fetchone() is not None

    def told(self, source: str) -> list[Any]:
        """What the ledger has of people's edits of a record, read as a stranger would."""
        with contextlib.closing(sqlite3.connect(self.path)) as db:
            asked = "SELECT key, kind, theirs FROM edits WHERE source = ? ORDER BY key"
            return db.execute(asked, [source]).fetchall()
