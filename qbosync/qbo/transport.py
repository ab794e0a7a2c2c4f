"""One request over HTTP, and the difference that matters: did a byte leave?

Redirects are never followed (a body with a token would go along), nothing of the
environment is trusted, no cookie is kept, TLS is verified, and no server holds a run by
trickling: the deadline is for the whole answer, not for each read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from qbosync import __version__
from qbosync.clock import Clock
from qbosync.qbo.trip import WatchedAdapter, trip

DEADLINE = 90.0
"""Seconds for one request; QuickBooks itself cuts at 120 (documented)."""
_CONNECT = 15.0
_LARGEST = 20 * 1024 * 1024
_CHUNK = 64 * 1024
_LOOPBACK = ("127.0.0.1", "localhost")
_OURS = {
    "User-Agent": f"qbosync/{__version__}",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
}


class NotSent(Exception):  # noqa: N818  a fact, not an error
    """No byte of the request can have left; it may be sent again."""


class Lost(Exception):  # noqa: N818
    """Something may have left, and no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; only its method is ever shown: the rest holds names and tokens."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole; only its status is ever shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport(Protocol):
    """The one seam to the network."""

    def send(self, request: Request, timeout: float = DEADLINE) -> Reply:
        """Send and wait for the whole answer.

        Raises:
            NotSent: If no byte can have left.
            Lost: If something may have, and no whole answer came.
        """
        ...


class HttpTransport:
    """`requests` without a session: no redirects, cookies, `.netrc` or proxies of the
    environment.  Safe for several threads."""

    def __init__(self, clock: Clock, *, allow_loopback_http: bool = False) -> None:
        self._clock = clock
        self._allow_http = allow_loopback_http
        self._adapter = WatchedAdapter(pool_connections=4, pool_maxsize=10, max_retries=0)

    def send(self, request: Request, timeout: float = DEADLINE) -> Reply:
        self._check(request.url)
        with trip(self._clock, timeout) as way:
            try:
                prepared = requests.Request(
                    request.method, request.url, {**_OURS, **request.headers}, data=request.body
                ).prepare()
                limits = (min(_CONNECT, timeout), timeout)
                answer = self._adapter.send(prepared, stream=True, timeout=limits)
                with answer:
                    body = _read(answer)
            except (requests.exceptions.RequestException, HTTPError, OSError) as error:
                kind = Lost if way.has_left else NotSent
                raise kind(_words(error)) from error
        return Reply(answer.status_code, CaseInsensitiveDict(answer.headers), body)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return
        if parts.scheme == "http" and self._allow_http and parts.hostname in _LOOPBACK:
            return
        raise NotSent(f"{parts.scheme}://{parts.hostname} is not spoken to")


def _read(answer: requests.Response) -> bytes:
    """The decoded body, of a sensible size."""
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        body += chunk
        if len(body) > _LARGEST:
            raise Lost(f"the answer is larger than {_LARGEST} bytes")
    return bytes(body)


def _words(error: Exception) -> str:
    """The kind of trouble, without addresses and bodies."""
    names = {
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "no answer in time",
        "ReadTimeoutError": "the answer came too slowly",
        "SSLError": "the secure connection failed or its certificate was not accepted"
        " (is this machine's clock right?)",
        "ChunkedEncodingError": "the answer broke off",
        "ContentDecodingError": "the answer is garbled",
    }
    inner = error.args[0] if error.args else None
    for found in (error, inner):
        if type(found).__name__ in names:
            return names[type(found).__name__]
    return "the connection failed"
