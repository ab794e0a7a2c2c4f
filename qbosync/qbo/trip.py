"""One request's way over the wire: whether a byte left, and how long it may still take.

The deadline holds for every single read, in the header as in the body: a server that sends a
byte now and then holds nobody.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from qbosync.clock import Clock


@dataclass
class Trip:
    """One request under way; `has_left` from the moment that its first byte is handed over."""

    clock: Clock
    ends: float
    has_left: bool = False

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.ends - self.clock.monotonic()


class _Current(threading.local):
    """The trip that this thread is on: a connection is used by one thread at a time."""

    trip: Trip | None = None


_current = _Current()


@contextmanager
def trip(clock: Clock, timeout: float) -> Iterator[Trip]:
    """Make a request of this thread within `timeout` seconds altogether."""
    _current.trip = Trip(clock, clock.monotonic() + timeout)
    try:
        yield _current.trip
    finally:
        _current.trip = None


class _Timed(io.RawIOBase):
    """A socket's stream whose every read ends with the trip."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket, trip: Trip) -> None:
        self._stream = stream
        self._sock = sock
        self._trip = trip

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._trip.left
        if left <= 0:
            raise TimeoutError("the deadline of the request has passed")
        self._sock.settimeout(left)
        return cast("int | None", self._stream.readinto(buffer))

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read within the trip's deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        if _current.trip is not None:
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_Timed(raw, sock, _current.trip))


def _watched(connection: Any) -> Any:
    """Let a new connection tell when it sends, and read within the deadline.

    Done to the connection and not to its class: a recorder of traffic puts another class in
    place, and is left alone.
    """
    if type(connection) not in (HTTPConnection, HTTPSConnection):
        return connection
    send = connection.send

    def watched_send(data: Any) -> None:
        if connection.sock is None:
            connection.connect()
        if _current.trip is not None:
            _current.trip.has_left = True
        send(data)

    connection.send = watched_send
    connection.response_class = _Response
    return connection


class _Pool(HTTPConnectionPool):
    def _new_conn(self) -> HTTPConnection:
        return cast("HTTPConnection", _watched(super()._new_conn()))


class _SecurePool(HTTPSConnectionPool):
    def _new_conn(self) -> Any:
        return _watched(super()._new_conn())


class WatchedAdapter(HTTPAdapter):
    """`requests`' way to the wire, watched; it retries nothing."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        pools = {"http": _Pool, "https": _SecurePool}
        self.poolmanager.pool_classes_by_scheme = pools
