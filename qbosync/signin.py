"""The operator's way through QuickBooks' sign-in and back, each wrong turn with its own words.

The client secret comes from the environment, an earlier connection or a hidden prompt, and
never from an option.  The code that comes back serves once and is not kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from qbosync.errors import BusyError, QbosyncError, SetupError, TemporaryError
from qbosync.keeper import account_of
from qbosync.lock import RunLock
from qbosync.qbo.listener import Grant, listen, parse_redirect
from qbosync.qbo.oauth import Endpoints, InvalidGrantError, Tokens, authorization_url, exchange
from qbosync.qbo.preferences import Check
from qbosync.qbo.transport import Transport
from qbosync.tokens import TokenStore
from qbosync.wiring import Setup

_AGAIN = "Run `qbosync connect` again."


@dataclass(frozen=True)
class Person:
    """How to reach whoever is connecting; without a terminal nobody is asked anything.

    `ask` asks for a text (hidden, where so wished), `choose` proposes an answer, `checks`
    shows what was found.
    """

    show: Callable[[str], None]
    open_browser: Callable[[str], object] | None
    paste: Callable[[], str] | None
    ask: Callable[[str, bool], str] | None
    choose: Callable[[str, str], str] | None = None
    checks: Callable[[Sequence[Check]], None] | None = None


@contextmanager
def alone(setup: Setup, environment: str, realm_id: str) -> Iterator[None]:
    """While no run is going: two that write the same token would lose one."""
    try:
        with RunLock(setup.places.lock(environment, realm_id), setup.clock):
            yield
    except BusyError as error:
        raise BusyError(error.what, "Wait until it is done, then do this again.") from error


def client_of(
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


def is_on_this_machine(redirect_uri: str) -> bool:
    """Whether the browser comes back to a door that `listen` can open."""
    parts = urlsplit(redirect_uri)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")


def check_redirect(setup: Setup) -> None:
    """Refuse before the browser opens what Intuit would only refuse in it.

    Raises:
        SetupError: For real books and a redirect to this machine.
    """
    uri = setup.settings.quickbooks.redirect_uri
    if setup.settings.is_production and is_on_this_machine(uri):
        raise SetupError(
            f"Production keys come back to https on a real host only, not to {uri}.",
            "Register such an address with your Intuit app, set it as redirect_uri in"
            " [quickbooks], and run `qbosync connect --paste`.",
        )


def sign_in(setup: Setup, endpoints: Endpoints, client_id: str, person: Person) -> Grant:
    """Send the operator to QuickBooks and wait for the answer."""
    state = secrets.token_urlsafe(32)
    redirect_uri = setup.settings.quickbooks.redirect_uri
    url = authorization_url(endpoints, client_id, redirect_uri, state)
    if person.paste is not None:
        person.show(url)
        return parse_redirect(person.paste(), state)

    def invite() -> None:
        person.show(url)
        if person.open_browser is not None and person.open_browser(url) is False:
            person.show("No browser could be opened: open the address above yourself.")

    return listen(redirect_uri, state, setup.clock, on_ready=invite)


def tokens_of(
    setup: Setup, endpoints: Endpoints, keys: tuple[str, str], grant: Grant, transport: Transport
) -> Tokens:
    """The code becomes tokens, or it is said why not.

    Raises:
        SetupError: If the code has expired or was used, or the keys are not right.
        TemporaryError: If Intuit cannot be reached.
    """
    uri = setup.settings.quickbooks.redirect_uri
    try:
        return exchange(endpoints, *keys, grant.code, uri, transport, setup.clock)
    except InvalidGrantError as error:
        raise SetupError(
            "The code of this sign-in has expired or was used already: it is good for minutes, and"
            " once.",
            f"{_AGAIN} With --paste, paste the address as soon as the browser shows it.",
        ) from error
    except TemporaryError as error:
        raise TemporaryError(error.what, _AGAIN) from error


def told_wrong_keys(error: QbosyncError, environment: str) -> SetupError:
    """QuickBooks' 3100, in words that name what is mixed up."""
    kind = "Production" if environment == "production" else "Development"
    return SetupError(
        f"These keys do not reach the company that was picked. {error.what}",
        f"The configuration says {environment}: give the {kind} keys of your Intuit app"
        " (development keys reach sandbox companies only, production keys real ones), then run"
        " `qbosync connect` again.",
    )
