"""Intuit's limits, respected instead of discovered.

500 requests and 40 batches a minute, 10 a second and 10 in flight per company
(documented).  Sliding windows over the clock's own seconds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from qbosync.clock import Clock

_A_MOMENT = 0.02
"""Between looks whether one of those in flight has come back."""


class Pacing(Protocol):
    """Lets a request go when it may."""

    @contextmanager
    def slot(self, is_batch: bool = False) -> Iterator[None]:
        """Hold one of the requests in flight."""
        yield

    def pause(self, seconds: float) -> None:
        """QuickBooks said it is too much: nobody sends for so long."""
        ...


class NoPace:
    """Only so many in flight: for an emulator that says it has no limits."""

    def __init__(self, in_flight: int = 10) -> None:
        self._flying = threading.BoundedSemaphore(in_flight)

    @contextmanager
    def slot(self, is_batch: bool = False) -> Iterator[None]:
        with self._flying:
            yield

    def pause(self, seconds: float) -> None:
        """Nothing to wait for."""


@dataclass
class _Window:
    """So many in so many seconds.

    QuickBooks counts a request when it arrives, some time between its sending and its answer:
    it takes its place from the first until the window's length after the second.
    """

    span: float
    limit: int
    only_batches: bool = False
    flying: int = 0
    done: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """Seconds until there may be a place, 0 if there is one."""
        while self.done and self.done[0] <= now - self.span:
            self.done.popleft()
        if len(self.done) + self.flying < self.limit:
            return 0.0
        return self.done[0] + self.span - now if self.done else _A_MOMENT


class Pace:
    """QuickBooks' own pace."""

    def __init__(
        self,
        clock: Clock,
        requests_per_minute: int = 500,
        per_second: int = 10,
        batches_per_minute: int = 40,
        in_flight: int = 10,
    ) -> None:
        self._clock = clock
        self._flying = threading.BoundedSemaphore(in_flight)
        self._lock = threading.Lock()
        self._until = 0.0
        self._windows = [
            _Window(60.0, requests_per_minute),
            _Window(1.0, per_second),
            _Window(60.0, batches_per_minute, only_batches=True),
        ]

    @contextmanager
    def slot(self, is_batch: bool = False) -> Iterator[None]:
        with self._flying:
            while (wait := self._enter(is_batch)) > 0:
                self._clock.sleep(wait)
            try:
                yield
            finally:
                self._leave(is_batch)

    def _enter(self, is_batch: bool) -> float:
        """Take a place in every window, or say how long there is none."""
        with self._lock:
            now = self._clock.monotonic()
            wait = self._until - now
            for window in self._windows:
                if is_batch or not window.only_batches:
                    wait = max(wait, window.wait(now))
            if wait > 0:
                return wait
            for window in self._windows:
                window.flying += is_batch or not window.only_batches
            return 0.0

    def _leave(self, is_batch: bool) -> None:
        with self._lock:
            now = self._clock.monotonic()
            for window in self._windows:
                if is_batch or not window.only_batches:
                    window.flying -= 1
                    window.done.append(now)

    def pause(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)
