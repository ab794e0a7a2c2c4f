"""What every order system must offer: one whole reading of what it says now.

An adapter only reads; the business rules begin behind the `Snapshot`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from qbosync.model import Snapshot


class Source(Protocol):
    """An order system; `tests/source_contract.py` holds an adapter to these promises.

    - Reading changes nothing in the order system, and reading twice says the same.
    - Nothing is lost: what is in the source is a record of the snapshot or a `Problem`,
      and one bad record never hides another.
    - A record with an unreadable part is held as a whole: it is in `problems` and not in
      the sets.
    - Amounts come from their written figures, never through a float; ids are text.
    - `is_complete` is true only if what is missing is really gone.
    - What spoils the whole delivery is raised before anything is handed over: `SetupError`
      where a person must act, `TemporaryError` where the next run may succeed.
    """

    @property
    def name(self) -> str:
        """The source as messages call it."""

    def read(self) -> Snapshot:
        """Everything the source says now."""

    def changed_at(self) -> datetime | None:
        """When the order system last wrote to what is read; `None` where nobody can say."""
