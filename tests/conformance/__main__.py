"""`python -m tests.conformance` prints how far the emulator agrees with recorded traffic."""

from __future__ import annotations

from . import report, xml
from .corpus import WHY_ABSENT, recorded

if __name__ == "__main__":
    if not recorded():
        raise SystemExit(f"nothing to measure against: {WHY_ABSENT}")
    json, other = report.measured(), xml.measured()
    print("JSON, compared whole\n")
    print("\n".join(report.lines(json)))
    print("\nXML, through its JSON equivalent: status, codes, texts, names of fields\n")
    print("\n".join(report.lines(other)))
    print(f"\nboth: {report.share((*json, *other)):.1%} agree")
    print("\n".join(report.notes((*json, *other))))
