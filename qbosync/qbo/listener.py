"""Where the browser comes back to after the sign-in.

Bound to 127.0.0.1, one path, for five minutes.  The first answer with the right `state`
ends it; anything else is refused and reveals nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from qbosync.clock import Clock
from qbosync.errors import SetupError

PATIENCE = 300.0
"""Seconds that the operator has to sign in."""
_PAGE = (
    b"<!doctype html><meta charset=utf-8><title>qbosync</title>"
    b"<p>qbosync has its answer. You can close this window."
)
_AGAIN = "Run `qbosync connect` again."


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in brings back: a code that serves once, and which company was picked."""

    code: str = field(repr=False)
    realm_id: str


def parse_redirect(url: str, state: str) -> Grant:
    """The grant in the address that the browser ended on; `state` is looked at first.

    Raises:
        SetupError: If it answers another sign-in, or refuses.
    """
    query = parse_qs(urlsplit(url.strip()).query)

    def one(name: str) -> str:
        values = query.get(name, [])
        return values[0] if len(values) == 1 else ""

    if not hmac.compare_digest(one("state").encode(), state.encode()):
        raise SetupError("That address does not belong to this sign-in.", _AGAIN)
    if one("error") == "access_denied":
        raise SetupError("The sign-in was cancelled in QuickBooks.", _AGAIN)
    if one("error"):
        raise SetupError("QuickBooks refused the sign-in.", _AGAIN)
    code, realm_id = one("code"), one("realmId")
    if not code or not (realm_id.isascii() and realm_id.isdigit()):
        raise SetupError("That address names no company.", _AGAIN)
    return Grant(code, realm_id)


class _Server(HTTPServer):
    """Answers one sign-in."""

    state = ""
    path = "/"
    answer: Grant | SetupError | None = None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        port = self.server.server_address[1]
        host = self.headers.get("Host", "")
        if parts.path != self.server.path or host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self._reply(404, b"")
            return
        try:
            self.server.answer = parse_redirect(self.path, self.server.state)
        except SetupError as error:
            given = parse_qs(parts.query).get("state", [""])[0]
            if not hmac.compare_digest(given.encode(), self.server.state.encode()):
                self._reply(400, b"")
                return
            self.server.answer = error
        self._reply(200, _PAGE)

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the request line holds the code."""


def listen(redirect_uri: str, state: str, clock: Clock, on_ready: Callable[[], None]) -> Grant:
    """Wait for the browser; `on_ready` is called once the door is open.

    Raises:
        SetupError: If the port is taken, nobody comes, or the sign-in is refused.
    """
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        raise SetupError(
            f"The browser comes back to {redirect_uri}, which is not on this machine.",
            "Run `qbosync connect --paste` and paste the address the browser ended on.",
        )
    try:
        server = _Server(("127.0.0.1", parts.port or 80), _Handler)
    except OSError as error:
        raise SetupError(
            f"Port {parts.port or 80} for the browser's answer is taken: {error.strerror}.",
            "Close what uses it, or run `qbosync connect --paste`.",
        ) from error
    server.state, server.path = state, parts.path or "/"
    ends = clock.monotonic() + PATIENCE
    with server:
        on_ready()
        while server.answer is None:
            left = ends - clock.monotonic()
            if left <= 0:
                raise SetupError("Nobody signed in within five minutes.", _AGAIN)
            server.timeout = min(left, 1.0)
            server.handle_request()
    if isinstance(server.answer, SetupError):
        raise server.answer
    return server.answer
