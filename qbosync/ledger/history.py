"""What the ledger remembers of runs, of records that are held, and of when orders were charged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import simplejson

from qbosync.ledger.file import LedgerFile
from qbosync.mapping.context import Sighting
from qbosync.model import Problem

_MONTH = timedelta(days=30)
_ENOUGH = 5


class History(LedgerFile):
    """Runs, holds and sightings: nothing here decides what is sent."""

    # Runs ------------------------------------------------------------------------------

    def begin_run(self, now: datetime) -> int:
        """Enter a run; it has an end only if it comes to `end_run`."""
        with self.transaction():
            row = {"started_at": now.isoformat(), "exit_code": -1, "written": 0, "held": 0}
            self._put("runs", row)
            (run_id,) = self.db.execute("SELECT max(id) FROM runs").fetchone()
        return int(run_id)

    def end_run(self, run_id: int, facts: Mapping[str, Any]) -> None:
        """Close a run with its exit code, counts, and how far QuickBooks was read."""
        with self.transaction():
            self._change("runs", run_id, facts)

    def last_run(self) -> dict[str, Any] | None:
        """The latest run that came to an end."""
        rows = self.recent_runs(1)
        return rows[0] if rows else None

    def recent_runs(self, count: int) -> list[dict[str, Any]]:
        """The latest runs that came to an end, newest first."""
        return self._rows(
            "SELECT * FROM runs WHERE finished_at <> '' ORDER BY id DESC LIMIT ?", count
        )

    def last_success(self) -> dict[str, Any] | None:
        """The latest run that did all that could be done (exit 0 or 3)."""
        rows = self._rows("SELECT * FROM runs WHERE exit_code IN (0, 3) ORDER BY id DESC LIMIT 1")
        return rows[0] if rows else None

    def last_read(self) -> datetime | None:
        """QuickBooks' own time of the read up to which its changes are known.

        Where none came through, that of the first run: it may have written before it ended.
        """
        rows = self._rows(
            "SELECT read_at FROM runs WHERE read_at IS NOT NULL ORDER BY id DESC LIMIT 1"
        ) or self._rows(
            "SELECT started_at AS read_at FROM runs WHERE EXISTS (SELECT 1 FROM entries)"
            " ORDER BY id LIMIT 1"
        )
        return datetime.fromisoformat(rows[0]["read_at"]) if rows else None

    def usual_day(self, now: datetime) -> Decimal | None:
        """What was invoiced, credited and received on a usual day of the last month.

        `None` where fewer than five days tell.
        """
        rows = self._rows(
            "SELECT first_sent, draft FROM intents WHERE action = 'create' AND first_sent >= ?"
            " AND state IN ('posted', 'adopted') AND kind <> 'credit_application'"
            " AND entity IN ('Invoice', 'CreditMemo', 'Payment')",
            (now - _MONTH).isoformat(),
        )
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            sums[row["first_sent"][:10]] += Decimal(simplejson.loads(row["draft"])["amount"] or 0)
        return median(sums.values()) if len(sums) >= _ENOUGH else None

    # Holds and sightings ---------------------------------------------------------------

    def hold(
        self,
        problems: Iterable[Problem],
        run_id: int,
        now: datetime,
        settled: Collection[str] | None = None,
    ) -> None:
        """The records held as of this run; one that is held again keeps its `since`.

        A run that did not go through everything names what it `settled`: other records
        that were held before stay so.
        """
        held = {str(row["source"]): row for row in self.holds()}
        kept = [] if settled is None else [held[s] for s in held.keys() - set(settled)]
        rows = {
            problem.source: {
                "source": problem.source,
                "reason": problem.reason,
                "what": problem.what,
                "todo": problem.todo,
                "amount": "" if problem.amount is None else str(problem.amount),
                "since": held[problem.source]["since"]
                if problem.source in held
                else now.isoformat(),
                "run_id": run_id,
            }
            for problem in problems
        }
        with self.transaction():
            self.db.execute("DELETE FROM holds")
            self._put("holds", *({r["source"]: r for r in kept} | rows).values())

    def holds(self) -> list[dict[str, Any]]:
        """Held records as of the last run, oldest first."""
        return self._rows("SELECT * FROM holds ORDER BY since, source")

    def sight(self, sightings: Mapping[str, Sighting]) -> None:
        """Remember when orders were first seen charged."""
        with self.transaction():
            self._put(
                "sightings",
                *(
                    {
                        "order_id": order_id,
                        "charge_status": sighting.charge_status,
                        "charged_on": sighting.charged_on.isoformat()
                        if sighting.charged_on
                        else "",
                        "status": sighting.status,
                    }
                    for order_id, sighting in sightings.items()
                ),
            )
