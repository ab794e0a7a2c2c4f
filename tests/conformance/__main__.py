"""`python -m tests.conformance` prints how far the emulator agrees with recorded traffic."""

from __future__ import annotations

from . import report
from .corpus import WHY_ABSENT, recorded

if __name__ == "__main__":
    if not recorded():
        raise SystemExit(f"nothing to measure against: {WHY_ABSENT}")
    print("\n".join(report.lines(report.measured())))
