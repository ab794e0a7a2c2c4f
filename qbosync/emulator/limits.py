"""Throttling as QuickBooks does it, on the emulator's clock."""

from __future__ import annotations

from collections import deque

from .provenance import ASSUMED, DOCUMENTED, rule

rule(
    "500 requests a minute, 10 a second and 40 batches a minute for a company",
    DOCUMENTED,
    "limits page 2025",
)
rule("a refused request does not count, a batch counts as one request", ASSUMED, "not stated")
WINDOWS = (("all", 60.0, 500), ("all", 1.0, 10), ("batch", 60.0, 40))


class Limits:
    """The requests of the last minute, by company."""

    def __init__(self, mode: str) -> None:
        if mode not in ("real", "off"):
            raise ValueError(f"limits are real or off, not {mode!r}")
        self.mode = mode
        self._seen: dict[tuple[str, str], deque[float]] = {}

    def allow(self, realm_id: str, now: float, *, batch: bool) -> bool:
        """Count a request; False if it is one too many."""
        if self.mode == "off":
            return True
        fine = True
        for kind in ("all", "batch") if batch else ("all",):
            seen = self._seen.setdefault((realm_id, kind), deque())
            while seen and seen[0] <= now - 60:
                seen.popleft()
            for name, seconds, most in WINDOWS:
                if name == kind:
                    recent = sum(1 for at in seen if at > now - seconds)
                    fine = fine and recent < most
            if fine:
                seen.append(now)
        return fine
