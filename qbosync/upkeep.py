"""Looking after the ledger: copies of it, what is in it for people, a new one when it is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qbosync.adopt import Adoption, carry_out, find
from qbosync.errors import LedgerError
from qbosync.keeper import Keeper, tie
from qbosync.ledger import WHOLE_RUN, Ledger
from qbosync.ledger.file import PART
from qbosync.lock import RunLock
from qbosync.model import Problem
from qbosync.outcome import Outcome, Progress, Written
from qbosync.places import write_connection
from qbosync.rebuilding import ADOPT_UNTIL
from qbosync.shop import Shop
from qbosync.sync import Options, run
from qbosync.wiring import (
    Setup,
    company_behind,
    create_ledger,
    keeper_of,
    look_into_ledger,
    shop_of,
)

KEPT = 7
"""So many copies a good run leaves."""
_ENDS = ("", "-wal", "-shm")
_ITS_OWN = {"uuid", "environment", "realm_id", "company", "instance", "created_at", "schema",
            "sequence", ADOPT_UNTIL, WHOLE_RUN}  # fmt: skip
"""Facts that a new ledger has of its own; a person's word and the like are carried over."""


# Copies -----------------------------------------------------------------------------------


def back_up(setup: Setup, target: Path | None) -> Path:
    """A consistent copy of the ledger, also while a run is writing."""
    connection = setup.connected()
    source = setup.places.ledger(connection.environment, connection.realm_id)
    path = target or setup.places.backups / f"{source.stem}-{_stamp(setup.clock.now())}.hand.db"
    with look_into_ledger(setup, connection) as ledger:
        ledger.backup(path)
    return path


def keep_copy(setup: Setup, ledger: Ledger, outcome: Outcome) -> None:
    """After a run that went well: a copy if anything changed or the day has none; seven stay.

    Raises:
        LedgerError: If the disk does not take it.
    """
    if outcome.exit_code not in (0, 3):
        return
    stem, now = ledger.path.stem, setup.clock.now()
    made_by_runs = f"{stem}-*[0-9]Z.db"
    copies = _copies(setup, made_by_runs)
    today = f"{stem}-{now:%Y%m%d}"
    has_news = bool(outcome.written or outcome.adopted)
    if not has_news and any(copy.name.startswith(today) for copy in copies):
        return
    made = setup.places.backups / f"{stem}-{_stamp(now)}.db"
    if not made.exists():
        ledger.backup(made)
    halves = _copies(setup, f"{stem}-*{PART}*")  # of runs that were killed meanwhile
    for old in (*_copies(setup, made_by_runs)[:-KEPT], *halves):
        with contextlib.suppress(OSError):
            # One that stays is no harm; the next run tries again.
            old.unlink()


def _copies(setup: Setup, pattern: str) -> list[Path]:
    """Those of this pattern, oldest first."""
    try:
        return sorted(setup.places.backups.glob(pattern))
    except OSError as error:
        raise LedgerError(
            f"The folder {setup.places.backups} cannot be read: {error.strerror}.",
            "Look at the disk and at the folder's owner and mode.",
        ) from error


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}Z"


# What is in it ----------------------------------------------------------------------------

SETS: Mapping[str, str] = {
    "documents": "SELECT kind || ':' || source_id AS source, entity, qbo_id, number, name,"
    " customer, amount, dated, state, origin, run_id AS run, written_at FROM entries"
    " WHERE origin <> 'found' ORDER BY entity, source_id",
    "writes": "SELECT id, kind || ':' || source_id AS source, entity, action, reason, state,"
    " qbo_id, request_id, batch_id, attempts, first_sent, last_sent, closed_at,"
    " trace_id AS intuit_tid, answer, run_id AS run FROM intents ORDER BY id",
    "runs": "SELECT * FROM runs ORDER BY id",
    "held": "SELECT * FROM holds ORDER BY since, source",
}
"""What can be exported, one row a line."""


def export(setup: Setup, name: str) -> Sequence[Mapping[str, Any]]:
    """The rows of one of `SETS`; amounts and times as text."""
    with look_into_ledger(setup, setup.connected()) as ledger:
        return ledger.rows(SETS[name])


# A new one --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rebuilding:
    """What a new ledger would begin with, to be looked at before it takes the old one's place.

    `marked` were found by our marks and names, `numbered` by number, customer, total and date.
    """

    marked: Sequence[Written]
    numbered: Adoption
    held: Sequence[Problem]
    creates_from: datetime


@dataclass(frozen=True)
class Rebuilt:
    """A new ledger; the old file is kept under `aside` where there was one."""

    ledger: Path
    aside: Path | None


def rebuild(
    setup: Setup,
    is_interactive: bool,
    progress: Progress,
    agrees: Callable[[Rebuilding], bool],
) -> Rebuilt | None:
    """Begin a new ledger from what QuickBooks has of us; `None` if the person does not agree.

    Documents are found again by our marks, then by their numbers; customers and items by
    their names.  Nothing is sent.  Until writes that may still be on their way have shown,
    nothing new is created.  The old ledger keeps its place until the person has agreed.
    """
    connection = setup.connected()
    path = setup.places.ledger(connection.environment, connection.realm_id)
    scratch = path.with_name(f"{path.stem}.rebuilding.db")
    with RunLock(setup.places.lock(connection.environment, connection.realm_id), setup.clock):
        _remove(scratch)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(_remove, scratch)
            with _new_shop(setup, scratch, is_interactive) as (shop, keeper):
                _carry_over(setup, path, shop.ledger)
                found = _recognise(shop, progress)
                if not agrees(found):
                    return None
                carry_out(shop, found.numbered)
                _was_begun(shop, found)
                aside = _put_aside(path, setup.clock.now())
                tie(keeper, shop.ledger, keeper.load().ledger_seq)
                uuid = shop.ledger.fact("uuid")
            _move(scratch, path)
            on_failure.pop_all()
        write_connection(setup.places.connection, replace(connection, ledger_uuid=uuid))
    return Rebuilt(path, aside)


@contextlib.contextmanager
def _new_shop(setup: Setup, scratch: Path, is_interactive: bool) -> Iterator[tuple[Shop, Keeper]]:
    """A shop whose ledger is new and lies beside the old one."""
    connection = setup.connected()
    keeper = keeper_of(setup, connection, is_interactive)
    ledger = create_ledger(setup, connection.environment, connection.realm_id,
                           connection.company, is_known=True, path=scratch)  # fmt: skip
    try:
        company = company_behind(setup, connection, keeper)
        yield shop_of(setup, connection, ledger, company, expect_orders=False), keeper
    finally:
        ledger.close()


def _recognise(shop: Shop, progress: Progress) -> Rebuilding:
    """Enter what bears our marks in the new ledger; match what is left by number."""
    outcome = run(shop, Options(adopts_only=True), progress)
    if outcome.error is not None:
        raise outcome.error
    until = datetime.fromisoformat(shop.ledger.fact(ADOPT_UNTIL))
    return Rebuilding(outcome.adopted, find(shop, progress), tuple(outcome.held.values()), until)


def _carry_over(setup: Setup, path: Path, new: Ledger) -> None:
    """What only the old ledger knows, as far as it can be read: a person's word, first sights."""
    if not path.exists():
        return
    try:
        with look_into_ledger(setup, setup.connected()) as old:
            facts = old.facts("")
            sightings = old.memory({}, setup.clock.now()).sightings
    except LedgerError:
        return
    for name in facts.keys() - _ITS_OWN:
        new.set_fact(name, facts[name])
    new.sight(sightings)


def _was_begun(shop: Shop, found: Rebuilding) -> None:
    """What bears our mark was written: the first sync was given long ago."""
    documents = [w for w in found.marked if not w.operation.key.entity.is_named]
    if documents and not shop.ledger.fact("first_sync"):
        shop.ledger.set_fact("first_sync", shop.clock.now().isoformat())


def _put_aside(path: Path, now: datetime) -> Path | None:
    """Move the old ledger, with its log, out of the way: it is never thrown away."""
    if not path.exists():
        return None
    aside = path.with_name(f"{path.stem}-{_stamp(now)}.aside.db")
    _move(path, aside)
    return aside


def _move(path: Path, to: Path) -> None:
    try:
        for end in _ENDS:
            part = path.with_name(path.name + end)
            if part.exists():
                part.rename(to.with_name(to.name + end))
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be moved: {error.strerror}.", f"Move it by hand to {to}."
        ) from error


def _remove(path: Path) -> None:
    for end in _ENDS:
        path.with_name(path.name + end).unlink(missing_ok=True)
