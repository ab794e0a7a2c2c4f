"""Where the browser comes back to after the sign-in.

Bound to 127.0.0.1, one path, for five minutes.  The first answer with the right `state`
ends it; anything else is refused and reveals nothing, and whoever connects and stays silent
keeps nobody else out.
"""

from __future__ import annotations

import hmac
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from urllib.parse import parse_qs, urlsplit

from qbosync.clock import Clock
from qbosync.errors import SetupError

PATIENCE = 300.0
"""Seconds that the operator has to sign in."""
_PAGE = (
    b"<!doctype html><meta charset=utf-8><title>qbosync</title>"
    b"<p>qbosync has its answer. You can close this window."
)
_HTTP = 80
_AGAIN = "Run `qbosync connect` again."


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in brings back: a code that serves once, and which company was picked."""

    code: str = field(repr=False)
    realm_id: str


class _StrangerError(SetupError):
    """An answer to another sign-in, or to none."""


def parse_redirect(url: str, state: str) -> Grant:
    """The grant in the address that the browser ended on; `state` is looked at first.

    Raises:
        SetupError: If it answers another sign-in, or refuses.
    """
    try:
        query = parse_qs(urlsplit(url.strip()).query)
    except ValueError:
        query = {}

    def one(name: str) -> str:
        values = query.get(name, [])
        return values[0] if len(values) == 1 else ""

    if not hmac.compare_digest(one("state").encode(), state.encode()):
        raise _StrangerError("That address does not belong to this sign-in.", _AGAIN)
    if one("error") == "access_denied":
        raise SetupError("The sign-in was cancelled in QuickBooks.", _AGAIN)
    if one("error"):
        raise SetupError("QuickBooks refused the sign-in.", _AGAIN)
    code, realm_id = one("code"), one("realmId")
    if not code or not (realm_id.isascii() and realm_id.isdigit()):
        raise SetupError("That address names no company.", _AGAIN)
    return Grant(code, realm_id)


class _Server(ThreadingMixIn, TCPServer):
    """Answers one sign-in, each connection in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, port: int, path: str, state: str) -> None:
        self.path = path
        self.state = state
        self.answer: Grant | SetupError | None = None
        self.is_answered = threading.Event()
        self._deciding = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def decide(self, answer: Grant | SetupError) -> bool:
        """Take the first answer; a second one is nobody's."""
        with self._deciding:
            if self.answer is not None:
                return False
            self.answer = answer
            return True

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke is no news, and its request line may hold the code."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5
    server_version = "qbosync"
    sys_version = ""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        if port == _HTTP:
            hosts |= {"127.0.0.1", "localhost"}
        is_ours = self.path.partition("?")[0] == self.server.path
        if not is_ours or self.headers.get("Host", "").lower() not in hosts:
            self._reply(404, b"")
            return
        answer: Grant | SetupError
        try:
            answer = parse_redirect(self.path, self.server.state)
        except _StrangerError:
            self._reply(400, b"")
            return
        except SetupError as error:
            answer = error
        if not self.server.decide(answer):
            self._reply(410, b"")
            return
        try:
            self._reply(200, _PAGE)
        finally:
            self.server.is_answered.set()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse without repeating what was asked."""
        self.close_connection = True
        self._reply(code, b"")

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
        server = _Server(parts.port or _HTTP, parts.path or "/", state)
    except OSError as error:
        raise SetupError(
            f"Port {parts.port or _HTTP} for the browser's answer is taken: {error.strerror}.",
            "Close what uses it, or run `qbosync connect --paste`.",
        ) from error
    ends = clock.monotonic() + PATIENCE
    with server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            on_ready()
            while not server.is_answered.wait(0.1):
                if clock.monotonic() >= ends:
                    raise SetupError("Nobody signed in within five minutes.", _AGAIN)
        finally:
            server.shutdown()
    if isinstance(server.answer, Grant):
        return server.answer
    raise server.answer or SetupError("Nobody signed in.", _AGAIN)
