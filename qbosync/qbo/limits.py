"""Intuit's limits, respected instead of discovered.

500 requests and 40 batches a minute, 10 a second and 10 in flight per company
(documented).  Sliding windows over the clock's own seconds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from qbosync.clock import Clock


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
            (60.0, requests_per_minute, False, deque[float]()),
            (1.0, per_second, False, deque[float]()),
            (60.0, batches_per_minute, True, deque[float]()),
        ]

    @contextmanager
    def slot(self, is_batch: bool = False) -> Iterator[None]:
        with self._flying:
            while (wait := self._enter(is_batch)) > 0:
                self._clock.sleep(wait)
            yield

    def _enter(self, is_batch: bool) -> float:
        """Take a place in every window, or say how long there is none."""
        with self._lock:
            now = self._clock.monotonic()
            wait = self._until - now
            for span, limit, only_batches, sent in self._windows:
                while sent and sent[0] <= now - span:
                    sent.popleft()
                if len(sent) >= limit and (is_batch or not only_batches):
                    wait = max(wait, sent[0] + span - now)
            if wait > 0:
                return wait
            for _, _, only_batches, sent in self._windows:
                if is_batch or not only_batches:
                    sent.append(now)
            return 0.0

    def pause(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)
