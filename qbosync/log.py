"""The log: one line of JSON a run, rotated, 0600.

Ids, counts and QuickBooks' trace ids only: no names, no amounts, no secrets.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from qbosync.clock import Clock
from qbosync.outcome import Outcome

_BYTES = 1024 * 1024
_KEPT = 10


@contextmanager
def open_log(path: Path, clock: Clock) -> Iterator[Callable[[Outcome], None]]:
    """A function that enters an outcome; the file is ours alone."""
    os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")

    def enter(outcome: Outcome) -> None:
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
        handler.emit(logging.LogRecord("qbosync", logging.INFO, "", 0, text, None, None))

    try:
        yield enter
    finally:
        handler.close()
