"""Signing in: from the operator's click to a company whose books we may write.

The connection is kept even while the company's settings are not right yet; nothing is
written until a check finds them right.  No token is used before it is safely stored.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from qbosync.blob import TokenBlob
from qbosync.errors import BusyError, SetupError, TemporaryError
from qbosync.ledger import Ledger
from qbosync.lock import RunLock
from qbosync.places import Connection, forget_connection, make_data_dir, write_connection
from qbosync.qbo.client import Company
from qbosync.qbo.listener import Grant, listen, parse_redirect
from qbosync.qbo.oauth import Endpoints, authorization_url, exchange, revoke
from qbosync.qbo.preferences import Check, company_checks
from qbosync.qbo.session import Session
from qbosync.tokens import EmulatorFileStore, TokenStore
from qbosync.wiring import (
    FILE_BACKEND,
    Keeper,
    Setup,
    account_of,
    company_of,
    create_ledger,
    endpoints_of,
    token_store,
    transport_of,
)


@dataclass(frozen=True)
class Person:
    """How to reach whoever is connecting; without a terminal nobody is asked anything."""

    show: Callable[[str], None]
    open_browser: Callable[[str], object] | None
    paste: Callable[[], str] | None
    ask: Callable[[str, bool], str] | None


@dataclass(frozen=True)
class Connected:
    """A company that is connected, and what its settings look like."""

    connection: Connection
    checks: Sequence[Check]

    @property
    def stops(self) -> list[Check]:
        return [check for check in self.checks if check.level == "stop"]


def connect(
    setup: Setup,
    person: Person,
    client: tuple[str, str],
    export_class: str = "",
    store_choice: str = "",
) -> Connected:
    """Connect to the company that the operator picks in the browser.

    `client` is the client id and secret, blank where the keyring may have them already.

    Raises:
        SetupError: When the sign-in is refused, the company is another one than before, or
            something is missing that only a person can give.
        TemporaryError: When QuickBooks cannot be reached.
    """
    settings = setup.settings.with_export_class(export_class)
    if missing := settings.missing_to_connect():
        raise SetupError(
            f"The configuration lacks {missing[0]}.",
            "Set it, or give --default-export-class NAME.",
        )
    _same_environment(setup)
    make_data_dir(setup.places.data)
    store = token_store(setup, person.ask is not None, store_choice)
    transport = transport_of(setup)
    endpoints = endpoints_of(setup, transport)
    client_id, secret = _client(setup, store, client, person)
    grant = _sign_in(setup, endpoints, client_id, person)
    _same_company(setup, grant.realm_id)
    environment = settings.quickbooks.environment
    with _alone(setup, environment, grant.realm_id):
        keeper = Keeper(store, account_of(environment, grant.realm_id))
        before = store.load(keeper.account)
        # Proven writable before the code is spent: a token that cannot be stored is lost.  What
        # is there stays as it is until Intuit has taken the new keys.
        keeper.save(before or TokenBlob())
        uri = settings.quickbooks.redirect_uri
        tokens = exchange(endpoints, client_id, secret, grant.code, uri, transport, setup.clock)
        session = Session(endpoints, keeper, transport, setup.clock)
        session.start(tokens, client_id, secret)
        company = company_of(endpoints, grant.realm_id, transport, session, setup)
        info = company.company_info()
        name = str(info.get("CompanyName") or grant.realm_id)
        is_known = before is not None and bool(before.ledger_uuid)
        ledger = _ledger(setup, environment, grant.realm_id, name, is_known)
        try:
            return _finish(setup, company, info, ledger, keeper, name, export_class)
        finally:
            ledger.close()


@contextmanager
def _alone(setup: Setup, environment: str, realm_id: str) -> Iterator[None]:
    """While no run is going: two that write the same token would lose one."""
    try:
        with RunLock(setup.places.lock(environment, realm_id), setup.clock):
            yield
    except BusyError as error:
        raise BusyError(error.what, "Wait until it is done, then do this again.") from error


def _same_environment(setup: Setup) -> None:
    """Refuse before the operator signs in where the answer could only be refused."""
    known, environment = setup.connection, setup.settings.quickbooks.environment
    if known is not None and known.environment != environment:
        raise SetupError(
            f"This configuration is connected to {known.company} ({known.environment}), but says"
            f" {environment} now.",
            "Run `qbosync disconnect` first if you mean to change.",
        )


def _finish(
    setup: Setup,
    company: Company,
    info: dict[str, object],
    ledger: Ledger,
    keeper: Keeper,
    name: str,
    export_class: str,
) -> Connected:
    """Tie ledger, keyring and connection together, and look at the company's settings."""
    number = ledger.advance()
    keeper.save(replace(keeper.load(), ledger_uuid=ledger.fact("uuid"), ledger_seq=number))
    checks = company_checks(company.preferences(), info, ledger.facts("accepted:"))
    is_file = isinstance(keeper.store, EmulatorFileStore)
    connection = Connection(
        setup.settings.quickbooks.environment,
        company.realm_id,
        name,
        setup.clock.now(),
        FILE_BACKEND if is_file else keeper.store.backend,
        ledger.fact("uuid"),
        not any(check.level == "stop" for check in checks),
        export_class,
    )
    write_connection(setup.places.connection, connection)
    return Connected(connection, checks)


def _client(
    setup: Setup, store: TokenStore, given: tuple[str, str], person: Person
) -> tuple[str, str]:
    """The client id and secret: given, known from an earlier connection, or asked for."""
    if all(given):
        return given
    if setup.connection:
        account = account_of(setup.connection.environment, setup.connection.realm_id)
        blob = store.load(account)
        if blob and blob.client_id:
            return given[0] or blob.client_id, given[1] or blob.client_secret
    if setup.settings.is_emulator:
        return given[0] or "qbosync", given[1] or "emulator"
    if person.ask is None:
        raise SetupError(
            "The client id and secret of the Intuit app are not known.",
            "Set QBOSYNC_CLIENT_ID and QBOSYNC_CLIENT_SECRET, or connect at a terminal.",
        )
    return (
        given[0] or person.ask("Client id of your Intuit app", False),
        given[1] or person.ask("Client secret", True),
    )


def _sign_in(setup: Setup, endpoints: Endpoints, client_id: str, person: Person) -> Grant:
    """Send the operator to QuickBooks and wait for the answer."""
    state = secrets.token_urlsafe(32)
    redirect_uri = setup.settings.quickbooks.redirect_uri
    url = authorization_url(endpoints, client_id, redirect_uri, state)
    if person.paste is not None:
        person.show(url)
        return parse_redirect(person.paste(), state)

    def invite() -> None:
        person.show(url)
        if person.open_browser is not None:
            person.open_browser(url)

    return listen(redirect_uri, state, setup.clock, on_ready=invite)


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


def _ledger(setup: Setup, environment: str, realm_id: str, company: str, is_known: bool) -> Ledger:
    path = setup.places.ledger(environment, realm_id)
    if path.exists():
        return Ledger.open(path)
    return create_ledger(setup, environment, realm_id, company, is_known)


@dataclass(frozen=True)
class Disconnected:
    """What remains after disconnecting, and whether Intuit heard of it."""

    connection: Connection
    ledger: str
    trouble: str = ""


def disconnect(setup: Setup) -> Disconnected:
    """Revoke at Intuit, forget the tokens even if that fails, keep ledger and configuration."""
    connection = setup.connection
    if connection is None:
        raise SetupError("Not connected to QuickBooks.", "There is nothing to disconnect.")
    with _alone(setup, connection.environment, connection.realm_id):
        trouble = _forget_tokens(setup, connection)
        forget_connection(setup.places.connection)
    path = setup.places.ledger(connection.environment, connection.realm_id)
    return Disconnected(connection, str(path), trouble)


def _forget_tokens(setup: Setup, connection: Connection) -> str:
    """Revoke and forget; what stood in the way, where something did."""
    account = account_of(connection.environment, connection.realm_id)
    try:
        store = token_store(setup, False)
        blob = store.load(account)
    except SetupError as error:
        return error.what
    if blob is None:
        return "There was no token to revoke."
    trouble = ""
    if blob.refresh_token:
        try:
            transport = transport_of(setup)
            keys = (blob.client_id, blob.client_secret)
            revoke(endpoints_of(setup, transport), *keys, blob.refresh_token, transport)
        except (TemporaryError, SetupError) as error:
            trouble = error.what
    # The ledger's number stays: a ledger restored later must not be taken for new.
    store.save(account, replace(blob, refresh_token="", previous_refresh_token=""))
    return trouble
