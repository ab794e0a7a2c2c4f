"""`qbosync check`: everything on both sides that could hurt, each with evidence and the way.

Nothing is written to QuickBooks.  The company's own settings decide whether the connection
is active; everything else is told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from qbosync.errors import BusyError, LedgerError, QbosyncError, SetupError
from qbosync.examine.books import Lists, books_checks
from qbosync.examine.export import export_checks
from qbosync.examine.full import full_checks
from qbosync.examine.machine import lock_check, machine_checks
from qbosync.ledger import Ledger
from qbosync.model import Snapshot
from qbosync.places import Connection, write_connection
from qbosync.qbo.client import Company
from qbosync.qbo.preferences import ACCEPTABLE, Check, company_checks, stops_everything
from qbosync.rules import policy_of
from qbosync.signin import alone
from qbosync.wiring import Setup, open_company, open_ledger, open_source

_ALL = "Active IN (true, false)"


@dataclass(frozen=True)
class Findings:
    """What was found; `trouble` is what kept part of it from being looked at."""

    checks: Sequence[Check]
    trouble: QbosyncError | None = None

    @property
    def stops(self) -> list[Check]:
        return [found for found in self.checks if found.level == "stop"]

    @property
    def exit_code(self) -> int:
        if self.trouble is not None:
            return self.trouble.exit_code
        return SetupError.exit_code if self.stops else 0


def check(
    setup: Setup,
    accept: Collection[str],
    is_interactive: bool,
    who: str = "",
    is_full: bool = False,
) -> Findings:
    """Both sides, each setting with its evidence; makes the connection active when all is right.

    A keyring that is shut, or QuickBooks out of reach, is a finding beside the others.
    """
    if unknown := set(accept) - set(ACCEPTABLE):
        raise SetupError(
            f"{', '.join(sorted(unknown))} cannot be vouched for.",
            f"It can be: {', '.join(ACCEPTABLE)}.",
        )
    connection = setup.connected()
    lock = lock_check(setup, connection.environment, connection.realm_id)
    snapshot, source = read_export(setup)
    ledger = open_ledger(setup, connection)
    company, trouble, there = None, None, []
    try:
        vouch(setup, ledger, accept, who)
        try:
            # Asking QuickBooks may bring a new token: two at once would lose one.
            with alone(setup, connection.environment, connection.realm_id):
                company = open_company(setup, connection, ledger, is_interactive)
                there = _there(setup, connection, company, ledger, snapshot)
                if is_full:
                    is_wanted_now = is_interactive or setup.settings.is_emulator
                    there += full_checks(company, ledger, setup.clock.now(), is_wanted_now)
        except LedgerError:
            raise
        except QbosyncError as error:
            trouble = error
            name = "QuickBooks" if company else "keyring"
            name = "lock" if isinstance(error, BusyError) else name
            there = [Check(name, "stop", error.what, error.todo)]
        here = machine_checks(
            setup,
            connection.keyring_backend if company else "",
            company.server_time if company else None,
        )
        return Findings([*there, *source, *here, lock, ledger_check(ledger)], trouble)
    finally:
        ledger.close()


def _there(
    setup: Setup,
    connection: Connection,
    company: Company,
    ledger: Ledger,
    snapshot: Snapshot,
) -> list[Check]:
    """QuickBooks' side; what it says of the settings decides whether the connection is active."""
    own = settings_of(company, ledger)
    is_active = not any(stops_everything(found) for found in own)
    if is_active != connection.is_active:
        write_connection(setup.places.connection, replace(connection, is_active=is_active))
    lists = books_checks(lists_of(company), snapshot, policy_of(setup.settings))
    return [*own, *lists]


def vouch(setup: Setup, ledger: Ledger, names: Collection[str], who: str) -> None:
    """Remember that a person says so, with when and who."""
    for name in names:
        ledger.set_fact(f"accepted:{name}", f"{setup.clock.now().isoformat()} {who}".strip())


def settings_of(company: Company, ledger: Ledger) -> list[Check]:
    """What QuickBooks says of the company's settings."""
    accepted = ledger.facts("accepted:")
    return company_checks(company.preferences(), company.company_info(), accepted)


def lists_of(company: Company) -> Lists:
    """QuickBooks' lists, inactive ones too."""
    names = ("Account", "Item", "PaymentMethod", "Term")
    return Lists(*(tuple(company.select(name, _ALL)) for name in names))


def read_export(setup: Setup) -> tuple[Snapshot, list[Check]]:
    """The export, and what there is to say of it; an empty one where it cannot be read."""
    try:
        snapshot = open_source(setup, expect_orders=False).read()
    except QbosyncError as error:
        return Snapshot(), [Check("source", "stop", error.what, error.todo)]
    settings = setup.settings
    max_age = None if settings.is_emulator else settings.source.max_age
    return snapshot, export_checks(snapshot, policy_of(settings), setup.clock.now(), max_age)


def ledger_check(ledger: Ledger) -> Check:
    """The ledger was opened, so it is whole; what is in it."""
    counts = ", ".join(f"{n} {entity}" for entity, n in ledger.counts().items())
    return Check("ledger", "ok", f"{ledger.path} is whole: {counts or 'empty'}.")
