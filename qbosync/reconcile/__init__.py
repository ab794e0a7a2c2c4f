"""Source, ledger and QuickBooks beside each other: do both sides agree, and if not, why?

Nothing is written to QuickBooks from here.  The shop system's side is computed from its
records alone; a difference always has a cause and what mends it.
"""

from qbosync.reconcile.command import Reconciled, reconcile
from qbosync.reconcile.compare import Sides, compare
from qbosync.reconcile.statement import Figure, Owed, Row, Statement

__all__ = ["Figure", "Owed", "Reconciled", "Row", "Sides", "Statement", "compare", "reconcile"]
