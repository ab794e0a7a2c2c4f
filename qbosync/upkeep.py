"""Looking after the ledger: a copy while it is in use, a new one when it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qbosync.errors import LedgerError
from qbosync.lock import RunLock
from qbosync.wiring import Setup, create_ledger, open_ledger


def back_up(setup: Setup, target: Path | None) -> Path:
    """A consistent copy of the ledger, also while a run is writing."""
    connection = setup.connected()
    source = setup.places.ledger(connection.environment, connection.realm_id)
    stamp = setup.clock.now().strftime("%Y%m%dT%H%M%SZ")
    path = target or source.with_name(f"{source.stem}-{stamp}.backup.db")
    ledger = open_ledger(setup, connection)
    try:
        ledger.backup(path)
    finally:
        ledger.close()
    return path


@dataclass(frozen=True)
class Rebuilt:
    """A new ledger; the old file is kept under `aside` where there was one."""

    ledger: Path
    aside: Path | None
    creates_from: datetime


def rebuild(setup: Setup) -> Rebuilt:
    """Begin a new ledger that adopts what QuickBooks has of us and creates nothing at first.

    Documents are found again by our marks and numbers, customers and items by their names.
    Until writes that may still be on their way have shown, nothing new is created.
    """
    connection = setup.connected()
    path = setup.places.ledger(connection.environment, connection.realm_id)
    with RunLock(setup.places.lock(connection.environment, connection.realm_id), setup.clock):
        aside = _put_aside(path, setup.clock.now())
        company = (connection.environment, connection.realm_id, connection.company)
        ledger = create_ledger(setup, *company, is_known=True)
        until = datetime.fromisoformat(ledger.fact("adopt_until"))
        ledger.close()
    return Rebuilt(path, aside, until)


def _put_aside(path: Path, now: datetime) -> Path | None:
    """Move the old ledger, with its log, out of the way: it is never thrown away."""
    if not path.exists():
        return None
    aside = path.with_name(f"{path.stem}-{now:%Y%m%dT%H%M%SZ}.aside.db")
    try:
        for end in ("", "-wal", "-shm"):
            part = path.with_name(path.name + end)
            if part.exists():
                part.rename(aside.with_name(aside.name + end))
    except OSError as error:
        raise LedgerError(
            f"The old ledger {path} cannot be moved: {error.strerror}.", "Move it by hand."
        ) from error
    return aside
