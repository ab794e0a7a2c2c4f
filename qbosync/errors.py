"""Every failure a person can see, grouped by what has to happen next.

    QbosyncError
    ├── SetupError       exit 4: stop, a person must change something first
    ├── TemporaryError   exit 5: stop, the next scheduled run may succeed
    ├── BusyError        exit 6: stop, another run is still going
    ├── LedgerError      exit 7: stop, the ledger or the disk needs a person
    └── RecordError      hold this one record, go on with the rest

A message is a fact that names the record, and an imperative that says what to
do.  Anything that is not a `QbosyncError` is a bug and keeps its traceback.
"""

from __future__ import annotations


class QbosyncError(Exception):
    """What happened, and what to do about it."""

    exit_code = 1

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo


class SetupError(QbosyncError):
    """A person must act before any run can succeed."""

    exit_code = 4


class TemporaryError(QbosyncError):
    """QuickBooks or the source is unreachable or busy; nothing is lost."""

    exit_code = 5


class BusyError(QbosyncError):
    """Another run holds the lock."""

    exit_code = 6


class LedgerError(QbosyncError):
    """The ledger or the disk is full, read-only, damaged or not ours."""

    exit_code = 7


class RecordError(QbosyncError):
    """One record cannot go out as it is; `reason` is the technical name that JSON shows."""

    exit_code = 3

    def __init__(self, what: str, todo: str = "", *, reason: str = "refused") -> None:
        super().__init__(what, todo)
        self.reason = reason
