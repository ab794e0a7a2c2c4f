"""Reads that Intuit counts: beyond a month's allowance they are refused until the next month."""

from __future__ import annotations

from dataclasses import dataclass

from .clock import today
from .http import Request
from .jsons import Json
from .provenance import ASSUMED, DOCUMENTED, rule

rule(
    "500000 reads of production companies a month, then 429 for reads until the next one; writes,"
    " sandboxes, sign-in and what fails do not count",
    DOCUMENTED,
    "blogs 2025, 2026",
)
rule("the refusal looks like throttling, the month is that of the company", ASSUMED, "not stated")
rule("a batch that holds a query counts as one read", ASSUMED, "not stated")
FREE = 500_000


@dataclass(slots=True)
class Reads:
    """The reads of this month."""

    used: int = 0
    most: int = FREE
    month: str = ""

    def is_blocked(self, request: Request, now: float) -> bool:
        """Whether a request is a read too many."""
        self._turn(now)
        return self.used >= self.most and is_read(request)

    def count(self, request: Request, now: float) -> None:
        """Count a request that succeeded."""
        self._turn(now)
        self.used += is_read(request)

    def show(self, now: float) -> Json:
        """What is used, of how many, in which month."""
        self._turn(now)
        return {"month": self.month, "used": self.used, "most": self.most}

    def set(self, body: object, now: float) -> None:
        """Take `used` and `most` from a control request."""
        self._turn(now)
        if not isinstance(body, dict) or not body or body.keys() - {"used", "most"}:
            raise ValueError("reads have used and most")
        for name, value in body.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise ValueError(f"{name} is a number of reads, not negative")
            setattr(self, name, value)

    def _turn(self, now: float) -> None:
        month = today(now)[:7]
        if month != self.month:
            self.month, self.used = month, 0


def is_read(request: Request) -> bool:
    """Whether Intuit counts this: reads, queries, change data capture."""
    segment = request.segment()
    if segment == "batch":
        return b'"Query"' in request.body or b'"CDCQuery"' in request.body
    return request.method == "GET" or segment == "query"
