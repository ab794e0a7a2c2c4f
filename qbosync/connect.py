"""Connecting: from the operator's click to a company whose books we may write.

The connection is kept even while the company's settings are not right yet; nothing is
written until a check finds them right.  No token is used before it is safely stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qbosync.blob import TokenBlob
from qbosync.errors import SetupError
from qbosync.examine import lists_of, read_export, settings_of
from qbosync.examine.books import books_checks
from qbosync.examine.machine import machine_checks
from qbosync.firstday import FirstDay
from qbosync.keeper import Keeper, account_of
from qbosync.ledger import Ledger
from qbosync.picked import give_back, right_company
from qbosync.places import Connection, make_data_dir, write_connection
from qbosync.qbo.client import Company
from qbosync.qbo.preferences import Check, stops_everything
from qbosync.qbo.session import Session
from qbosync.rules import policy_of, refuse_what_is_not_there
from qbosync.signin import (
    Person,
    alone,
    check_redirect,
    client_of,
    sign_in,
    tokens_of,
)
from qbosync.takeover import begin_anew, meet_others
from qbosync.tokens import EmulatorFileStore
from qbosync.wiring import (
    FILE_BACKEND,
    Setup,
    company_of,
    create_ledger,
    endpoints_of,
    token_store,
    transport_of,
)

__all__ = ["Connected", "Person", "connect"]


@dataclass(frozen=True)
class Connected:
    """A company that is connected, what was found, and what stayed open.

    `stops` are the settings of the company that keep it inactive.
    """

    connection: Connection
    checks: Sequence[Check]
    stops: Sequence[Check] = ()
    still_open: Sequence[str] = ()


def connect(
    setup: Setup,
    person: Person,
    client: tuple[str, str],
    export_class: str = "",
    store_choice: str = "",
    take_over: bool = False,
) -> Connected:
    """Connect to the company that the operator picks in the browser.

    `client` is the client id and secret, blank where the keyring may have them already.
    `take_over` makes this the machine that writes, where another one did before.

    Raises:
        SetupError: When the sign-in is refused, the company is another one than before, or
            something is missing that only a person can give.
        TemporaryError: When QuickBooks cannot be reached.
    """
    setup, export_class = _with_class(setup, export_class, person)
    _ready_to_sign_in(setup, person)
    store = token_store(setup, person.ask is not None, store_choice)
    if store.notice:
        person.show(store.notice)
    transport = transport_of(setup)
    endpoints = endpoints_of(setup, transport)
    keys = client_of(setup, store, client, person)
    grant = sign_in(setup, endpoints, keys[0], person)
    _same_company(setup, grant.realm_id)
    environment = setup.settings.quickbooks.environment
    with alone(setup, environment, grant.realm_id):
        keeper = Keeper(store, account_of(environment, grant.realm_id))
        before = store.load(keeper.account)
        # Proven writable before the code is spent: a token that cannot be stored is lost.  What
        # is there stays as it is until Intuit has taken the new keys.
        keeper.save(before or TokenBlob())
        tokens = tokens_of(setup, endpoints, keys, grant, transport)
        session = Session(endpoints, keeper, transport, setup.clock)
        session.start(tokens, *keys)
        company = company_of(endpoints, grant.realm_id, transport, session, setup)

        def undo() -> None:
            give_back(setup, keeper, before, keys, tokens, transport)

        info = right_company(setup, company, person, undo)
        is_known = before is not None and bool(before.ledger_uuid)
        name = str(info.get("CompanyName") or grant.realm_id)
        try:
            earlier = meet_others(setup, company, person, take_over)
        except SetupError:
            undo()
            raise
        ledger = _ledger(setup, environment, grant.realm_id, name, is_known or earlier)
        try:
            if take_over:
                begin_anew(ledger, setup, company)
            return _Tie(setup, company, ledger, keeper, name, export_class, person).finish()
        finally:
            ledger.close()


def _ready_to_sign_in(setup: Setup, person: Person) -> None:
    """All that can be told before somebody signs in."""
    _same_environment(setup)
    refuse_what_is_not_there(setup.settings)
    check_redirect(setup)
    make_data_dir(setup.places.data)
    for words in _before(setup):
        person.show(words)
    if known := setup.connection:
        # A run that is going ends in a while.
        with alone(setup, known.environment, known.realm_id):
            pass


def _with_class(setup: Setup, export_class: str, person: Person) -> tuple[Setup, str]:
    """With the Default Export Class: configured, given, or typed at the terminal."""
    settings = setup.settings.with_export_class(export_class)
    if not settings.quickbooks.default_export_class and person.ask is not None:
        export_class = person.ask("Default Export Class (a Product/Service)", False).strip()
        settings = settings.with_export_class(export_class)
    if missing := settings.missing_to_connect():
        raise SetupError(
            f"The configuration lacks {missing[0]}.",
            "Set it, or give --default-export-class NAME."
            if "default_export_class" in missing[0]
            else "Set it: it decides what of your past goes into QuickBooks.",
        )
    known = setup.connection
    kept = known.default_export_class if known else ""
    return replace(setup, settings=settings), export_class or kept


def _before(setup: Setup) -> Iterator[str]:
    settings = setup.settings
    yield f"Environment: {settings.quickbooks.environment}"
    yield f"Default Export Class: {settings.quickbooks.default_export_class}"
    yield f"Source: {settings.source.kind} {setup.places.resolve(settings.source.path)}"


def _same_environment(setup: Setup) -> None:
    """Refuse before the operator signs in where the answer could only be refused."""
    known, environment = setup.connection, setup.settings.quickbooks.environment
    if known is not None and known.environment != environment:
        raise SetupError(
            f"This configuration is connected to {known.company} ({known.environment}), but says"
            f" {environment} now.",
            "Run `qbosync disconnect` first if you mean to change.",
        )


def _same_company(setup: Setup, realm_id: str) -> None:
    """Another company is refused as long as this one is connected."""
    known = setup.connection
    if known is None:
        return
    environment = setup.settings.quickbooks.environment
    if (known.environment, known.realm_id) != (environment, realm_id):
        raise SetupError(
            f"This configuration is connected to {known.company} ({known.environment}); the"
            f" company picked now is another one ({environment} {realm_id}).",
            "Run `qbosync disconnect` first if you mean to change, or pick the same company.",
        )


@dataclass
class _Tie:
    """Ties ledger, keyring and connection together, and looks at everything."""

    setup: Setup
    company: Company
    ledger: Ledger
    keeper: Keeper
    name: str
    export_class: str
    person: Person

    def finish(self) -> Connected:
        """The connection is written before anybody is asked anything more."""
        setup, ledger = self.setup, self.ledger
        number = ledger.advance()
        blob = self.keeper.load()
        self.keeper.save(replace(blob, ledger_uuid=ledger.fact("uuid"), ledger_seq=number))
        own = settings_of(self.company, ledger)
        stops = [check for check in own if stops_everything(check)]
        connection = self._connection(not stops)
        write_connection(setup.places.connection, connection)
        snapshot, source = read_export(setup)
        lists = lists_of(self.company)
        machine = machine_checks(setup, connection.keyring_backend, self.company.server_time)
        found = books_checks(lists, snapshot, policy_of(setup.settings))
        checks = [*own, *found, *source, *machine]
        if self.person.checks is not None:
            self.person.checks(checks)
        day = FirstDay(setup, self.company, ledger, lists, snapshot, self.person)
        decided = replace(connection, **day.decide())
        if decided != connection:
            write_connection(setup.places.connection, decided)
        waits = [f"{c.evidence} {c.todo}" for c in source if c.level == "stop"]
        return Connected(decided, checks, stops, [*waits, *day.still_open])

    def _connection(self, is_active: bool) -> Connection:
        known, store = self.setup.connection, self.keeper.store
        is_file = isinstance(store, EmulatorFileStore)
        return Connection(
            self.setup.settings.quickbooks.environment,
            self.company.realm_id,
            self.name,
            self.setup.clock.now(),
            FILE_BACKEND if is_file else store.backend,
            self.ledger.fact("uuid"),
            is_active,
            self.export_class,
            known.order_prefix if known else "",
            known.income_account if known else {},
        )


def _ledger(setup: Setup, environment: str, realm_id: str, company: str, is_known: bool) -> Ledger:
    path = setup.places.ledger(environment, realm_id)
    if path.exists():
        return Ledger.open(path)
    return create_ledger(setup, environment, realm_id, company, is_known)
