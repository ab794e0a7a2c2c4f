"""Signing in with Intuit: OAuth 2.0's code flow.

Tokens go to the addresses below and nowhere else; redirects are not followed.  Plain http
is spoken to the emulator on this machine only, whatever the environment says.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import simplejson
from requests_oauthlib import OAuth2Session

from qbosync.clock import Clock
from qbosync.errors import SetupError, TemporaryError
from qbosync.qbo.faults import parse_json, trace_id_of
from qbosync.qbo.transport import Lost, NotSent, Reply, Request, Transport

SCOPE = "com.intuit.quickbooks.accounting"
_INSECURE = "OAUTHLIB_INSECURE_TRANSPORT"
_HARD = "x_refresh_token_hard_expires_in"
_TIMES = ("expires_in", "x_refresh_token_expires_in", _HARD)
_ERROR = re.compile(r"[a-z_]{1,40}")
_TRIES = (0.0, 1.0, 4.0)
_environment_lock = threading.Lock()

for _name in ("oauthlib", "requests_oauthlib", "urllib3", "keyring"):
    # Their DEBUG output quotes tokens and the client secret.
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where to sign in, and where the accounting API is."""

    authorize: str
    token: str
    revoke: str
    api: str
    has_limits: bool = True


_SIGN_IN = (
    "https://appcenter.intuit.com/connect/oauth2",
    "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    "https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
)
SANDBOX = Endpoints(*_SIGN_IN, "https://sandbox-quickbooks.api.intuit.com")
PRODUCTION = Endpoints(*_SIGN_IN, "https://quickbooks.api.intuit.com")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in or refresh gives; never printed."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime
    refresh_hard_expires_at: datetime | None = None


def discover(url: str, transport: Transport) -> Endpoints:
    """The emulator's addresses, from its discovery document."""
    address = f"{url.rstrip('/')}/.well-known/openid_configuration"
    try:
        reply = transport.send(Request("GET", address, {"Accept": "application/json"}), 15.0)
    except (NotSent, Lost) as error:
        raise TemporaryError(
            f"The emulator at {url} cannot be reached: {error}.",
            "Start it: qbosync emulator serve (its address is [quickbooks] api_url).",
        ) from error
    document = parse_json(reply.body)
    if reply.status != 200 or not isinstance(document, dict):
        raise SetupError(
            f"At {url} there is no QuickBooks emulator.", "Check [quickbooks] api_url."
        )
    authorize, token, revoke, api = (
        str(document.get(name) or "").rstrip("/")
        for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint",
                     "qbosync_api")
    )  # fmt: skip
    api = api or url.rstrip("/")
    if not all(_is_on_this_machine(address) for address in (authorize, token, revoke, api)):
        # Whoever answers there must not have the tokens sent elsewhere.
        raise SetupError(
            f"At {url} there is no QuickBooks emulator of this machine.",
            "Check [quickbooks] api_url.",
        )
    return Endpoints(authorize, token, revoke, api, document.get("qbosync_limits") != "off")


def _is_on_this_machine(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")


@contextmanager
def _transport_rule(url: str) -> Iterator[None]:
    """oauthlib refuses plain http unless an environment variable allows it: we decide, not it."""
    is_loopback = urlsplit(url).hostname in ("127.0.0.1", "localhost")
    with _environment_lock:
        before = os.environ.pop(_INSECURE, None)
        if is_loopback:
            os.environ[_INSECURE] = "1"
        try:
            yield
        finally:
            os.environ.pop(_INSECURE, None)
            if before is not None:
                os.environ[_INSECURE] = before


def authorization_url(endpoints: Endpoints, client_id: str, redirect_uri: str, state: str) -> str:
    """The address the operator opens; `state` comes back with the answer."""
    with _transport_rule(endpoints.authorize):
        session = OAuth2Session(client_id, redirect_uri=redirect_uri, scope=[SCOPE], state=state)
        url, _ = session.authorization_url(endpoints.authorize)
    return str(url)


def exchange(
    endpoints: Endpoints,
    client_id: str,
    secret: str,
    code: str,
    redirect_uri: str,
    transport: Transport,
    clock: Clock,
) -> Tokens:
    """The code of a sign-in becomes tokens; it serves once and for minutes only."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return _ask(endpoints, client_id, secret, form, transport, clock)


def refresh(
    endpoints: Endpoints,
    client_id: str,
    secret: str,
    refresh_token: str,
    transport: Transport,
    clock: Clock,
) -> Tokens:
    """A new access token, and perhaps a new refresh token: then the old one is dead."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _ask(endpoints, client_id, secret, form, transport, clock)


class InvalidGrantError(SetupError):
    """Intuit does not know the code or refresh token any more.

    `reason` is what it said beside that, where it said something.
    """

    def __init__(self, what: str, todo: str = "", *, trace_id: str = "", reason: str = "") -> None:
        super().__init__(what, todo)
        self.trace_id = trace_id
        self.reason = reason


def _headers(client_id: str, secret: str) -> dict[str, str]:
    basic = b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Accept": "application/json", "Authorization": f"Basic {basic}"}


def _ask(
    endpoints: Endpoints,
    client_id: str,
    secret: str,
    form: Mapping[str, str],
    transport: Transport,
    clock: Clock,
) -> Tokens:
    headers = _headers(client_id, secret) | {
        "Content-Type": "application/x-www-form-urlencoded",
        "x-include-refresh-token-hard-expires-in": "true",
    }
    request = Request("POST", endpoints.token, headers, urlencode(form).encode())
    reply = _send(request, transport, clock)
    document = parse_json(reply.body)
    trace = trace_id_of(reply.headers)
    if reply.status == 200 and isinstance(document, dict) and _is_whole(document):
        return _tokens(document, clock.now())
    error_name = _word(document, "error")
    if error_name == "invalid_grant":
        raise InvalidGrantError(
            f"Intuit no longer accepts the sign-in (invalid_grant, intuit_tid {trace}).",
            "Run `qbosync connect` again.",
            trace_id=trace,
            reason=_word(document, "x_error_reason"),
        )
    if error_name == "invalid_client" or reply.status == 401:
        raise SetupError(
            "Intuit does not accept the client id and secret.",
            "Check the keys of your Intuit app for this environment, then `qbosync connect`.",
        )
    if reply.status >= 500 or reply.status in (200, 429) or not error_name:
        raise TemporaryError(
            f"Intuit's sign-in gave no sensible answer (HTTP {reply.status}).",
            "Nothing to do: the next run tries again.",
        )
    raise SetupError(
        f"Intuit refused the sign-in: {error_name}, intuit_tid {trace}.",
        "Run `qbosync connect` again.",
    )


def _word(document: object, name: str) -> str:
    """A technical word of an answer, and nothing else: the rest may quote a token."""
    said = document.get(name) if isinstance(document, dict) else ""
    return said if isinstance(said, str) and _ERROR.fullmatch(said) else ""


def _send(request: Request, transport: Transport, clock: Clock) -> Reply:
    """Ask; again only where nothing was sent, for a code or token may serve once."""
    trouble: Exception | None = None
    for pause in _TRIES:
        if pause:
            clock.sleep(pause)
        try:
            return transport.send(request, 60.0)
        except NotSent as error:
            trouble = error
        except Lost as error:
            trouble = error
            break
    raise TemporaryError(
        f"Intuit's sign-in cannot be reached: {trouble}.",
        "Nothing to do: the next run tries again.",
    ) from trouble


def _is_whole(document: Mapping[str, Any]) -> bool:
    """Whether it names both tokens, and times that are numbers."""
    texts = (document.get("access_token"), document.get("refresh_token"))
    times = [document.get(name, 1) for name in _TIMES]
    return all(isinstance(text, str) and text for text in texts) and all(
        isinstance(seconds, int) for seconds in times
    )


def _tokens(document: Mapping[str, Any], now: datetime) -> Tokens:
    def after(name: str, default: int) -> datetime:
        return now + timedelta(seconds=int(document.get(name, default)))

    return Tokens(
        str(document["access_token"]),
        str(document["refresh_token"]),
        after("expires_in", 3600),
        after("x_refresh_token_expires_in", 8_640_000),
        after(_HARD, 0) if _HARD in document else None,
    )


def revoke(
    endpoints: Endpoints, client_id: str, secret: str, token: str, transport: Transport
) -> None:
    """Tell Intuit that this app is done with the company.

    Raises:
        TemporaryError: If Intuit did not hear it.
    """
    headers = _headers(client_id, secret) | {"Content-Type": "application/json"}
    body = simplejson.dumps({"token": token}).encode()
    try:
        reply = transport.send(Request("POST", endpoints.revoke, headers, body), 30.0)
    except (NotSent, Lost) as error:
        raise TemporaryError(f"Intuit cannot be reached: {error}.") from error
    # A 400 says that the token was dead already: that is as good.
    if reply.status not in (200, 400):
        raise TemporaryError(f"Intuit answered HTTP {reply.status}.")
