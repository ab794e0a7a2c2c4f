"""One request over HTTP, and the difference that matters: did a byte leave?

Redirects are never followed (a body with a token would go along), nothing of the
environment is trusted, TLS is verified, and no server holds a run by trickling: the
deadline is for the whole request, not for each read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from qbosync import __version__
from qbosync.clock import Clock

DEADLINE = 90.0
"""Seconds for one request; QuickBooks itself cuts at 120 (documented)."""
_CONNECT = 15.0
_LARGEST = 20 * 1024 * 1024
_CHUNK = 64 * 1024
_LOOPBACK = ("127.0.0.1", "localhost")


class NotSent(Exception):  # noqa: N818  a fact, not an error
    """No byte of the request can have left; it may be sent again."""


class Lost(Exception):  # noqa: N818
    """Something may have left, and no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


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
    """`requests`, with everything off that could surprise.  Safe for several threads."""

    def __init__(self, clock: Clock, *, allow_loopback_http: bool = False) -> None:
        self._clock = clock
        self._allow_http = allow_loopback_http
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = f"qbosync/{__version__}"
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=10, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(self, request: Request, timeout: float = DEADLINE) -> Reply:
        self._check(request.url)
        ends = self._clock.monotonic() + timeout
        try:
            answer = self._session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body,
                timeout=(min(_CONNECT, timeout), timeout),
                allow_redirects=False,
                stream=True,
            )
        except requests.exceptions.ConnectionError as error:
            if _never_left(error):
                raise NotSent(_words(error)) from error
            raise Lost(_words(error)) from error
        except requests.exceptions.RequestException as error:
            raise Lost(_words(error)) from error
        with answer:
            body = self._read(answer, ends)
        return Reply(answer.status_code, CaseInsensitiveDict(answer.headers), body)

    def _read(self, answer: requests.Response, ends: float) -> bytes:
        """The decoded body, within the deadline and a sensible size."""
        body = bytearray()
        try:
            for chunk in answer.iter_content(_CHUNK):
                body += chunk
                if len(body) > _LARGEST:
                    raise Lost(f"the answer is larger than {_LARGEST} bytes")
                if self._clock.monotonic() > ends:
                    raise Lost("the answer came too slowly")
        except requests.exceptions.RequestException as error:
            raise Lost(_words(error)) from error
        return bytes(body)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return
        if parts.scheme == "http" and self._allow_http and parts.hostname in _LOOPBACK:
            return
        raise NotSent(f"{parts.scheme}://{parts.hostname} is not spoken to")


def _never_left(error: requests.exceptions.ConnectionError) -> bool:
    """Whether the connection was never made: the name, the refusal, or TLS was the trouble."""
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | NameResolutionError)


def _words(error: Exception) -> str:
    """The kind of trouble, without addresses and bodies."""
    names = {
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "no answer in time",
        "SSLError": "the TLS certificate was not accepted",
        "ChunkedEncodingError": "the answer broke off",
        "ConnectionError": "the connection failed",
    }
    return names.get(type(error).__name__, type(error).__name__)
