"""Settings become objects that do things: the only module that builds them.

A shop is built in the order in which its parts can fail for a person to mend: connection,
lock, ledger, keyring, QuickBooks.  Nothing here decides anything about records.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from qbosync.clock import BEGAN, Clock, SystemClock
from qbosync.config import Settings
from qbosync.errors import LedgerError, SetupError
from qbosync.keeper import Keeper, account_of, keep_in_step
from qbosync.ledger import Ledger
from qbosync.lock import RunLock
from qbosync.outcome import Outcome
from qbosync.places import (
    Connection,
    Places,
    places,
    read_connection,
    read_settings,
    write_connection,
)
from qbosync.qbo.client import Company
from qbosync.qbo.limits import NoPace, Pace
from qbosync.qbo.oauth import PRODUCTION, SANDBOX, Endpoints, discover
from qbosync.qbo.session import Session
from qbosync.qbo.transport import HttpTransport
from qbosync.rebuilding import ADOPT_UNTIL, FOR_NOW
from qbosync.rules import policy_of, refuse_to_begin, refuse_what_is_not_there
from qbosync.shop import Shop
from qbosync.source.base import Source
from qbosync.source.folder import FolderSource
from qbosync.tokens import (
    EmulatorFileStore,
    KeyringStore,
    Rescued,
    SealedFileStore,
    TokenStore,
    random_key,
)

_QUIET = timedelta(seconds=60)
"""So long an export must lie untouched before it is read."""
FILE_BACKEND = "emulator-token.json"
"""How the connection says that the token of an emulated company lies in a file."""


@dataclass(frozen=True)
class Setup:
    """What is known before anything is opened."""

    settings: Settings
    places: Places
    connection: Connection | None
    clock: Clock

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone: days are its days."""
        return ZoneInfo(self.settings.source.timezone)

    def connected(self) -> Connection:
        """The company this configuration is connected to.

        Raises:
            SetupError: If there is none, or it is of another environment.
        """
        if self.connection is None:
            raise SetupError("Not connected to QuickBooks.", "Run `qbosync connect`.")
        if self.connection.environment != self.settings.quickbooks.environment:
            raise SetupError(
                f"Connected to the {self.connection.environment} company"
                f" {self.connection.company}, but the configuration says"
                f" {self.settings.quickbooks.environment}.",
                "Run `qbosync disconnect`, then `qbosync connect`.",
            )
        return self.connection


def load(
    config: Path | None, profile: str | None, environ: Mapping[str, str], clock: Clock | None = None
) -> Setup:
    """Read the configuration and which company it is connected to."""
    settings, path = read_settings(config, profile, environ)
    where = places(settings, path, environ)
    connection = read_connection(where.connection)
    if connection and connection.default_export_class:
        own = settings.quickbooks.default_export_class
        settings = settings.with_export_class(own or connection.default_export_class)
    if connection:
        settings = settings.with_decisions(connection.order_prefix, connection.income_account)
    return Setup(settings, where, connection, clock or SystemClock())


def open_source(setup: Setup, expect_orders: bool) -> Source:
    """The order system that the configuration names."""
    source = setup.settings.source
    refuse_what_is_not_there(setup.settings)
    return FolderSource(
        setup.places.resolve(source.path),
        timezone=ZoneInfo(source.timezone),
        date_format=source.date_format,
        files=source.files,
        columns=source.columns,
        expect_orders=expect_orders,
    )


def transport_of(setup: Setup) -> HttpTransport:
    """Plain http is spoken to the emulator on this machine and to nobody else."""
    return HttpTransport(setup.clock, allow_loopback_http=setup.settings.is_emulator)


def endpoints_of(setup: Setup, transport: HttpTransport, environment: str = "") -> Endpoints:
    """Where QuickBooks is for an environment: the configuration's, unless another is named.

    Raises:
        SetupError: If it is the emulator's, and the configuration no longer says where that is.
    """
    quickbooks = setup.settings.quickbooks
    environment = environment or quickbooks.environment
    if environment != "emulator":
        return PRODUCTION if environment == "production" else SANDBOX
    if not quickbooks.api_url:
        raise SetupError("The configuration does not say where the emulator is.", "Set api_url.")
    return discover(quickbooks.api_url, transport)


def token_store(setup: Setup, is_interactive: bool, wanted: str = "") -> TokenStore:
    """Where the refresh token lies: as pinned when connecting, else as the operator chose.

    An emulated company's token is no secret and lies in a file, unless a keyring or a sealed
    file is named.
    """
    pinned = setup.connection.keyring_backend if setup.connection else ""
    chosen = wanted or ("keyring" if os.environ.get("PYTHON_KEYRING_BACKEND") else "")
    if wanted == "file" or (pinned == SealedFileStore.backend and not wanted):
        sealed = SealedFileStore(setup.places.sealed_token, setup.places.token_key, os.environ)
        if wanted:
            sealed.make_key()
        return sealed
    is_file = pinned == FILE_BACKEND or (not pinned and chosen != "keyring")
    known = setup.connection
    is_emulated = known.environment == "emulator" if known else setup.settings.is_emulator
    if is_emulated and is_file and not wanted:
        return EmulatorFileStore(setup.places.emulator_token)
    # Another place than before is taken only where the operator names it.
    spent = setup.clock.monotonic() - BEGAN
    store = KeyringStore(None if wanted else pinned or None, is_interactive, spent)
    return Rescued(store, setup.places.data, random_key)


def open_ledger(setup: Setup, connection: Connection) -> Ledger:
    """The ledger of the connected company.

    Raises:
        LedgerError: If it is missing, damaged, or another company's.
    """
    ledger = Ledger.open(setup.places.ledger(connection.environment, connection.realm_id))
    try:
        _of_this_company(ledger, connection)
    except LedgerError:
        ledger.close()
        raise
    return ledger


@contextlib.contextmanager
def look_into_ledger(setup: Setup, connection: Connection) -> Iterator[Ledger]:
    """The ledger for questions: nothing is written, so a disk that takes nothing will do."""
    path = setup.places.ledger(connection.environment, connection.realm_id)
    with Ledger.looked_at(path) as ledger:
        _of_this_company(ledger, connection)
        yield ledger


def _of_this_company(ledger: Ledger, connection: Connection) -> None:
    wanted = (connection.environment, connection.realm_id)
    if (ledger.fact("environment"), ledger.fact("realm_id")) != wanted:
        raise LedgerError(
            f"The ledger {ledger.path} is another company's"
            f" ({ledger.fact('environment')}, {ledger.fact('realm_id')}).",
            "Move it away and restore the right one, or run `qbosync ledger rebuild`.",
        )


def create_ledger(
    setup: Setup,
    environment: str,
    realm_id: str,
    company: str,
    is_known: bool,
    path: Path | None = None,
) -> Ledger:
    """A new ledger; `is_known` if the keyring or the company remembers one before.

    Then nothing is created in QuickBooks until writes on their way have shown.
    """
    now = setup.clock.now()
    facts = {
        "uuid": uuid.uuid4().hex,
        "environment": environment,
        "realm_id": realm_id,
        "company": company,
        "instance": setup.settings.quickbooks.instance,
        "created_at": now.isoformat(),
    }
    if is_known:
        facts[ADOPT_UNTIL] = FOR_NOW
    return Ledger.create(path or setup.places.ledger(environment, realm_id), facts)


@contextlib.contextmanager
def open_shop(setup: Setup, is_interactive: bool) -> Iterator[Shop]:
    """Everything a run needs, under the lock; closed again whatever happens."""
    connection = setup.connected()
    refuse_to_begin(setup.settings)
    lock = setup.places.lock(connection.environment, connection.realm_id)
    with RunLock(lock, setup.clock):
        ledger = open_ledger(setup, connection)
        try:
            company = open_company(setup, connection, ledger, is_interactive)
            last = ledger.last_success()
            has_orders = bool(last and last["orders"])
            yield shop_of(setup, connection, ledger, company, expect_orders=has_orders)
        finally:
            ledger.close()


def shop_of(
    setup: Setup, connection: Connection, ledger: Ledger, company: Company, expect_orders: bool
) -> Shop:
    """Everything a run needs, around an open ledger."""
    settings = setup.settings
    return Shop(
        connection.environment,
        connection.realm_id,
        policy_of(settings),
        setup.clock,
        ledger,
        company,
        open_source(setup, expect_orders),
        setup.zone,
        settings.digest(),
        settings.sync.resend_after,
        settings.sync.max_runtime,
        max_age=None if settings.is_emulator else settings.source.max_age,
        quiet=None if settings.is_emulator else _QUIET,
    )


def activate(setup: Setup, outcome: Outcome) -> None:
    """Note on the connection whether the run found the company's settings right."""
    connection = setup.connected()
    are_right = outcome.settings_are_right
    if are_right is not None and are_right != connection.is_active:
        write_connection(setup.places.connection, replace(connection, is_active=are_right))


def open_company(
    setup: Setup, connection: Connection, ledger: Ledger, is_interactive: bool
) -> Company:
    """The connected company, behind a session that keeps the ledger and the keyring in step."""
    keeper = keeper_of(setup, connection, is_interactive)
    keep_in_step(keeper, ledger)
    return company_behind(setup, connection, keeper)


def keeper_of(setup: Setup, connection: Connection, is_interactive: bool) -> Keeper:
    """Where the connected company's token lies."""
    account = account_of(connection.environment, connection.realm_id)
    return Keeper(token_store(setup, is_interactive), account)


def company_behind(setup: Setup, connection: Connection, keeper: Keeper) -> Company:
    """The connected company, behind a session of its own."""
    transport = transport_of(setup)
    endpoints = endpoints_of(setup, transport)
    session = Session(endpoints, keeper, transport, setup.clock)
    return company_of(endpoints, connection.realm_id, transport, session, setup)


def company_of(
    endpoints: Endpoints, realm_id: str, transport: HttpTransport, session: Session, setup: Setup
) -> Company:
    """A company behind an open session; the emulator may say that it needs no pacing."""
    pace = Pace(setup.clock) if endpoints.has_limits else NoPace()
    return Company(endpoints.api, realm_id, transport, session, pace, setup.clock)
