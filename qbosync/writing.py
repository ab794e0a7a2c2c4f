"""What a run that writes knows by now, shared by the steps of writing."""

from __future__ import annotations

from typing import Any

from qbosync.errors import QbosyncError
from qbosync.key import Key
from qbosync.model import Problem
from qbosync.operation import Entry
from qbosync.outcome import Outcome, Progress
from qbosync.shop import Shop


class Writing:
    """Which documents have their Id, which are still awaited, and what ends the run."""

    def __init__(self, shop: Shop, outcome: Outcome, progress: Progress) -> None:
        self.shop = shop
        self.company = shop.company
        self.ledger = shop.ledger
        self.clock = shop.clock
        self.outcome = outcome
        self.progress = progress
        self.ids: dict[Key, str] = {}
        self.changing: set[Key] = set()
        self.awaited: set[Key] = set()
        self.seen: dict[Key, dict[str, Any]] = {}
        self.gone: set[tuple[str, str]] = set()
        self.words = shop.ledger.words()
        self.refused = shop.ledger.refused_ids()
        self.stop: QbosyncError | None = None
        self.total = 0
        self.done = 0

    def arrived(self, entry: Entry) -> None:
        """What waits for this document may go out."""
        if entry.is_live:
            self.ids[entry.key] = entry.qbo_id
        else:
            self.ids.pop(entry.key, None)
            self.gone.add((entry.key.entity.value, entry.qbo_id))
        self.changing.discard(entry.key)
        self.awaited.discard(entry.key)

    def hold(self, key: Key, reason: str, what: str, todo: str) -> None:
        """Say why a record does not go out, unless something is said already."""
        self.outcome.held.setdefault(key.source, Problem(key.source, reason, what, todo))

    def count(self, n: int) -> None:
        """So many more are done."""
        self.done += n
        self.progress("Writing to QuickBooks", self.done, self.total)
