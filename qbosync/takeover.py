"""Which machine writes: what another one left in the company, and taking it over from it."""

from __future__ import annotations

from datetime import datetime, timedelta

from qbosync.errors import SetupError
from qbosync.foreign import MARKED, Marked, marked
from qbosync.ledger import Ledger
from qbosync.qbo.client import Company
from qbosync.rebuilding import ADOPT_UNTIL, TAKEN_OVER_AT
from qbosync.signin import Person
from qbosync.wiring import Setup

_LOOK_BACK = timedelta(days=29)
"""QuickBooks tells what changed for 30 days."""


def meet_others(setup: Setup, company: Company, person: Person, take_over: bool) -> bool:
    """Whether the company has documents of a qbosync that this machine's ledger does not know.

    With `take_over` the person is told of them, and asked.

    Raises:
        SetupError: If the person does not agree.
    """
    path = setup.places.ledger(setup.settings.quickbooks.environment, company.realm_id)
    if path.exists() and not take_over:
        return False
    latest = _latest(company, company.server_time or setup.clock.now())
    if latest is None:
        if take_over:
            person.show("No qbosync wrote to this company in the last 29 days.")
        return False
    at = latest.written_at
    when = f"{at.astimezone(setup.zone):%Y-%m-%d %H:%M}" if at else "an unknown time"
    person.show(
        f"The last that a qbosync wrote here ([quickbooks] instance {latest.instance!r}) is"
        f" {latest} of {latest.key.source}, {when}."
    )
    if take_over and person.ask is not None:
        person.show("Is the other machine's cron line gone, so that only this one writes?")
        if person.ask("Type yes to take over", False).strip().casefold() != "yes":
            raise SetupError(
                "Nothing was taken over.",
                "End the other machine's cron first; then run `qbosync connect --take-over`.",
            )
    return True


def begin_anew(ledger: Ledger, setup: Setup, company: Company) -> None:
    """From now on this machine writes; at first it only recognises what the other one wrote."""
    now = company.server_time or setup.clock.now()
    ledger.set_fact(TAKEN_OVER_AT, now.isoformat())
    ledger.set_fact(ADOPT_UNTIL, (now + setup.settings.sync.resend_after).isoformat())


def _latest(company: Company, now: datetime) -> Marked | None:
    """The marked document that was written last, whoever did."""
    changes = company.changes([entity.value for entity in MARKED], now - _LOOK_BACK)
    found = [m for m in marked(changes.objects) if m.written_at is not None]
    return max(found, key=lambda m: str(m.written_at), default=None)
