"""One reconciliation: plan without writing, read the books, compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from qbosync.errors import SetupError
from qbosync.key import item_key
from qbosync.outcome import Progress
from qbosync.reconcile.books import read_books
from qbosync.reconcile.compare import Sides, compare
from qbosync.reconcile.statement import Statement
from qbosync.shop import Shop
from qbosync.sync import Options, run


@dataclass(frozen=True)
class Reconciled:
    """A statement, whose it is, and how many reads it took."""

    statement: Statement
    environment: str
    reads: int


def reconcile(shop: Shop, as_of: date | None, progress: Progress) -> Reconciled:
    """Compare both sides, now or as of the end of a past day.

    Raises:
        QbosyncError: Whatever would stop a run: settings, source, QuickBooks.
    """
    if as_of and as_of > shop.today:
        raise SetupError(f"{as_of} is in the future.", "Give a day that is over, or none.")
    outcome = run(shop, Options(is_dry=True), progress)
    if outcome.error is not None:
        raise outcome.error
    progress("Reading QuickBooks' documents", 0, 0)
    entries = tuple(shop.ledger.entries())
    tax = item_key(shop.policy.items.sales_tax)
    books = read_books(shop.company, [e.qbo_id for e in entries if e.key == tax])
    waiting = {**outcome.held, **outcome.by_hand}
    sides = Sides(outcome.snapshot, shop.policy, entries, outcome.plan, waiting, books, shop.today)
    return Reconciled(compare(sides, as_of), shop.environment, shop.company.reads)
