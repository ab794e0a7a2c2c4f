"""Everything a run works with, passed in: built by `wiring`, or by a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from qbosync.clock import Clock
from qbosync.ledger import Ledger
from qbosync.mapping.policy import Policy
from qbosync.qbo.client import Company
from qbosync.source.base import Source


@dataclass(frozen=True)
class BooksClock:
    """QuickBooks' own time: what was sent when must not depend on how this machine's is set.

    It counts on by itself from QuickBooks' answer at the start of the run, and is never
    behind its latest answer, so that neither a jump nor a sleep of the machine shows.
    """

    clock: Clock
    company: Company
    at: datetime
    since: float

    @classmethod
    def of(cls, clock: Clock, company: Company) -> BooksClock:
        """From what QuickBooks said a moment ago; from the machine where it said nothing."""
        return cls(clock, company, company.server_time or clock.now(), clock.monotonic())

    def now(self) -> datetime:
        counted = self.at + timedelta(seconds=self.clock.monotonic() - self.since)
        told = self.company.server_time
        return counted if told is None else max(counted, told)

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)


@dataclass(frozen=True)
class Shop:
    """One company, its ledger and its source."""

    environment: str
    realm_id: str
    policy: Policy
    clock: Clock
    ledger: Ledger
    company: Company
    source: Source
    zone: ZoneInfo
    settings_digest: str = ""
    resend_after: timedelta = timedelta(minutes=15)
    max_runtime: timedelta = timedelta(minutes=90)
    in_flight: int = 4
    max_age: timedelta | None = None

    @property
    def today(self) -> date:
        """The shop's own day."""
        return self.clock.now().astimezone(self.zone).date()

    def local(self, at: datetime) -> str:
        """An instant as the shop's clock shows it."""
        return at.astimezone(self.zone).strftime("%H:%M")
