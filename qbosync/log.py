"""The log: one line of JSON a run, rotated, 0600.

Ids, counts and QuickBooks' trace ids only: no names, no amounts, no secrets.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import closing
from logging.handlers import RotatingFileHandler
from pathlib import Path

from qbosync.clock import Clock
from qbosync.errors import LedgerError
from qbosync.outcome import Outcome

_BYTES = 1024 * 1024
_KEPT = 10


class _Handler(RotatingFileHandler):
    """A line that the disk does not take is told to the caller, not to standard error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the library's name
        raise  # noqa: PLE0704  called while the error is being handled


def enter_log(path: Path, clock: Clock, outcome: Outcome) -> None:
    """Enter an outcome; the file is ours alone.

    Raises:
        LedgerError: If the disk does not take the line.
    """
    line = {
        "at": clock.now().isoformat(),
        "run": outcome.run_id,
        "exit_code": outcome.exit_code,
        "plan": outcome.plan.id,
        "written": [
            [w.operation.action.value, str(w.operation.key), w.entry.qbo_id]
            for w in outcome.written
        ],
        "adopted": [[str(w.operation.key), w.entry.qbo_id] for w in outcome.adopted],
        "held": [[p.source, p.reason] for p in outcome.held.values()],
        "requests": outcome.requests,
        "reads": outcome.reads,
        "error": type(outcome.error).__name__ if outcome.error else "",
    }
    text = json.dumps(line, ensure_ascii=False)
    record = logging.LogRecord("qbosync", logging.INFO, "", 0, text, None, None)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        with closing(_Handler(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")) as file:
            file.emit(record)
    except OSError as error:
        raise LedgerError(
            f"The log {path} cannot be written: {error.strerror}.",
            "Free the disk or make it writable; what the run did is in the ledger.",
        ) from error
