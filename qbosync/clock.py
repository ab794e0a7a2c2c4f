"""Time, passed in: a run, a test and a simulation differ only in their clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What anything that waits or dates something is handed."""

    def now(self) -> datetime:
        """This instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow: for durations, whatever the wall clock does."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


BEGAN = time.monotonic()
"""When the program started, as nearly as its first import tells."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
