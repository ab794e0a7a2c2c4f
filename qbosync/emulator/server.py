"""The emulator on a port of 127.0.0.1: HTTP/1.1, connections kept, one request at a time."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import threading
import time
import traceback
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from .app import Emulator
from .http import Request, Response, html_response

LARGE = 16_384
LONGEST_BODY = 50_000_000


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    emulator: Emulator


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "qbo-emulator"
    sys_version = ""

    def _any(self) -> None:
        server = cast(_Http, self.server)
        told = self.headers.get("Content-Length") or "0"
        if not told.isdigit() or int(told) > LONGEST_BODY:
            self.close_connection = True
            return
        length = int(told)
        body = self.rfile.read(length) if length else b""
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            unquote(parts.path),
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            body,
            f"http://{self.headers.get('Host') or '127.0.0.1'}",
        )
        try:
            response = server.emulator.handle(request)
        except Exception as error:  # a bug of the emulator; the client must not wait for ever
            traceback.print_exc()
            response = html_response(f"<h1>The emulator failed</h1><p>{escape(repr(error))}", 500)
        self._send(response, request)

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = _any  # noqa: N815 - the library's names

    def _send(self, response: Response, request: Request) -> None:
        if response.delay:
            time.sleep(response.delay)
        if response.dropped:
            self._reset()
            return
        body = response.body
        headers = {"Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private"}
        headers.update(response.headers)
        if len(body) > LARGE and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if request.method == "HEAD":
            return
        if response.cut:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self._reset()
            return
        self.wfile.write(body)

    def _reset(self) -> None:
        """Close with RST, so that the client sees a reset and not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def handle_one_request(self) -> None:
        """As in the library; a client that goes away is no error."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def finish(self) -> None:
        """As in the library; a connection that was reset has nothing to flush."""
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """The emulator keeps its own log."""


class Server:
    """An emulator on a port, in a thread: ``with Server(port=0) as server: server.url``."""

    def __init__(self, port: int = 0, emulator: Emulator | None = None, **options: Any) -> None:
        self.emulator = emulator or Emulator(**options)
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.emulator = self.emulator
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        """Serve in a thread."""
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), name="emulator", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End serving and let the port and the data file go."""
        self._http.shutdown()
        if self._thread is not None:
            self._thread.join()
        self.close()

    def close(self) -> None:
        """Let the port and the data file go."""
        self._http.server_close()
        if self.emulator.storage is not None:
            self.emulator.storage.close()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(port: int = 8770, **options: Any) -> int:
    """Serve until SIGTERM or SIGINT; prints the address when ready, returns 0.

    The signal only sets a flag: an exception of its own could get lost where one is handled.
    """
    import signal

    server = Server(port=port, **options)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: asked.set())
    with server:
        print(f"QuickBooks emulator on {server.url}", flush=True)
        asked.wait()
    return 0
