"""What can go wrong between the product and QuickBooks, by name.

A fault strikes the first request from the `nth` of a run that it fits; nothing here
knows what a document is.
"""

from __future__ import annotations

from dataclasses import dataclass

LATEST = 14 * 60
"""Seconds after which QuickBooks may still apply a request that it was thought to have lost."""

ON_WRITES = (
    "lost_before", "lost_after", "late", "late_504", "truncated", "empty", "null", "other_json",
    "no_object", "html_before", "html_after", "redirect_before", "redirect_after", "500_before",
    "10000_after", "6000_after", "502_before", "503_before", "504_after", "404_before",
    "fault_200", "throttled", "unauthorized", "not_sent", "slow",
    "duplicate", "drop_link",
)  # fmt: skip
ON_BATCHES = ("bad_item", "bad_item_after", "missing_item")
ON_READS = (
    "read_lost", "read_truncated", "read_html", "read_500", "read_503", "read_throttled",
    "read_unauthorized", "read_not_sent", "stale",
)  # fmt: skip
ON_ANY = ("outage", "forbidden")
ON_DISK = ("disk_full", "disk_error")
KINDS = (*ON_WRITES, *ON_BATCHES, *ON_READS, *ON_ANY, *ON_DISK)


@dataclass(frozen=True)
class Fault:
    """One failure to come: from the `nth` request (or commit) of its run, the first it fits."""

    kind: str
    nth: int
    value: int = 0

    def fits(self, is_write: bool, is_batch: bool) -> bool:
        """Whether it can strike such a request."""
        if self.kind in ON_BATCHES:
            return is_batch
        if self.kind in ON_WRITES:
            return is_write
        return self.kind in ON_ANY or (self.kind in ON_READS and not is_write)
