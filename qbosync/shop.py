"""Everything a run works with, passed in: built by `wiring`, or by a simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from qbosync.clock import Clock
from qbosync.errors import TemporaryError
from qbosync.ledger import Ledger
from qbosync.mapping.policy import Policy
from qbosync.outcome import Progress
from qbosync.qbo.client import Company
from qbosync.source.base import Source

_STEP = 1.0
"""Seconds between two looks, so that a signal is heeded."""


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
    quiet: timedelta | None = None

    @property
    def today(self) -> date:
        """The shop's own day."""
        return self.clock.now().astimezone(self.zone).date()

    def local(self, at: datetime) -> str:
        """An instant as the shop's clock shows it."""
        return at.astimezone(self.zone).strftime("%H:%M")


def wait_for_quiet(shop: Shop, should_stop: Callable[[], bool], progress: Progress) -> None:
    """Let an export that was written to a moment ago come to rest, for a while.

    Raises:
        TemporaryError: If it does not.
    """
    if shop.quiet is None:
        return
    ends = shop.clock.monotonic() + shop.quiet.total_seconds()
    while not should_stop():
        changed, now = shop.source.changed_at(), shop.clock.now()
        # A date of the future is a clock that is off, and no reason to wait.
        if changed is None or not timedelta() <= now - changed < shop.quiet:
            return
        if shop.clock.monotonic() >= ends:
            raise TemporaryError(
                f"The export is still being written: {shop.source.name} changed"
                f" {(now - changed) // timedelta(seconds=1)} seconds ago.",
                "Nothing to do: the next run tries again.",
            )
        progress("Waiting until the export is at rest", 0, 0)
        shop.clock.sleep(_STEP)
