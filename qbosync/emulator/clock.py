"""The emulator's time: the real one plus an offset, or one that stands until it is moved.

QuickBooks answers in US Pacific time with summer time, whatever the company; the rule is written
out here, so that no time zone database is needed.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from .provenance import RECORDED, rule

rule(
    "`time` has milliseconds, MetaData has seconds, both in US Pacific time with summer time;"
    " today is the Pacific day",
    RECORDED,
    "every sandbox reply of 2015-2026",
)


class Clock:
    """Real time, moved forward by whatever was asked for."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.offset += seconds


class VirtualClock(Clock):
    """Stands still until it is moved: the same requests then give the same bytes."""

    def __init__(self, start: float = 1_780_000_000.0) -> None:
        super().__init__(start)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.offset


@lru_cache(maxsize=64)
def _summer(year: int) -> tuple[float, float]:
    """Summer time of a year: from the second Sunday of March to the first of November."""
    march = datetime(year, 3, 8, 10, tzinfo=UTC)
    november = datetime(year, 11, 1, 9, tzinfo=UTC)
    start = march + timedelta(days=(6 - march.weekday()) % 7)
    end = november + timedelta(days=(6 - november.weekday()) % 7)
    return start.timestamp(), end.timestamp()


def _pacific(at: float) -> tuple[datetime, str]:
    year = datetime.fromtimestamp(at, UTC).year
    start, end = _summer(year)
    hours = 7 if start <= at < end else 8
    return datetime.fromtimestamp(at, UTC) - timedelta(hours=hours), f"-0{hours}:00"


@lru_cache(maxsize=4096)
def stamp(second: int) -> str:
    """An instant as MetaData shows it: ``2026-05-05T03:11:46-07:00``."""
    local, offset = _pacific(second)
    return f"{local:%Y-%m-%dT%H:%M:%S}{offset}"


def stamp_ms(at: float) -> str:
    """An instant as the reply's `time` shows it, with milliseconds."""
    whole = int(at)
    text = stamp(whole)
    return f"{text[:19]}.{int((at - whole) * 1000):03d}{text[19:]}"


def today(at: float) -> str:
    """The company's day."""
    return stamp(int(at))[:10]


def parse_stamp(text: str) -> int:
    """Read a date or an instant; without an offset it is Pacific time.

    Raises:
        ValueError: If it is neither.
    """
    clean = text.strip().replace(" ", "+") if "T" in text else text.strip()
    value = datetime.fromisoformat(clean)
    if value.tzinfo is not None:
        return int(value.timestamp())
    guess = value.replace(tzinfo=UTC).timestamp()
    for hours in (7, 8):
        if _pacific(guess + hours * 3600)[1] == f"-0{hours}:00":
            return int(guess + hours * 3600)
    return int(guess + 8 * 3600)
