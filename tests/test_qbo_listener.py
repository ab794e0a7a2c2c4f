"""The door that the browser comes back to."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from qbosync.clock import SystemClock
from qbosync.errors import SetupError
from qbosync.qbo.listener import Grant, listen

GOOD = "/callback?code=CANARY&state=st&realmId=12"


class Late(SystemClock):
    """A clock on which five minutes pass at once."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        self.at += 200.0
        return self.at


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def get(port: int, path: str, host: str = "", method: str = "GET") -> tuple[int, bytes, str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    line.putrequest(method, path, skip_host=True)
    line.putheader("Host", host or f"localhost:{port}")
    line.endheaders()
    answer = line.getresponse()
    told = (answer.status, answer.read(), str(answer.headers))
    line.close()
    return told


def visited(browser: Callable[[int], Any]) -> tuple[Grant, Any]:
    """Listen while `browser` visits; what came of both."""
    port, seen = free_port(), []

    def go() -> None:
        threading.Thread(target=lambda: seen.append(browser(port)), daemon=True).start()

    grant = listen(f"http://localhost:{port}/callback", "st", SystemClock(), go)
    deadline = time.monotonic() + 2
    while not seen and time.monotonic() < deadline:
        time.sleep(0.01)
    return grant, seen[0]


def test_the_browser_brings_the_grant_and_is_told_to_close():
    grant, (status, body, headers) = visited(lambda port: get(port, GOOD))
    assert grant == Grant("CANARY", "12")
    assert status == 200 and b"close this window" in body and b"CANARY" not in body
    assert "no-store" in headers and "no-referrer" in headers and "Python" not in headers


def test_silent_connections_keep_nobody_out():
    def browser(port: int) -> float:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        silent[0].sendall(b"GET /callb")
        began = time.monotonic()
        get(port, GOOD)
        took = time.monotonic() - began
        for line in silent:
            line.close()
        return took

    _, took = visited(browser)
    assert took < 1.0


@pytest.mark.parametrize(
    ("path", "host", "method", "status"),
    [
        ("/callback?code=c&state=other&realmId=1", "", "GET", 400),
        ("/callback", "", "GET", 400),
        ("/other?state=st&code=c&realmId=1", "", "GET", 404),
        (GOOD, "evil.example:80", "GET", 404),
        (GOOD, "localhost", "GET", 404),
        (GOOD, "", "POST", 501),
        (GOOD, "", "HEAD", 501),
        ("//[?CANARY", "", "GET", 404),
        ("/callback?" + "x" * 70_000, "", "GET", 414),
    ],
)
def test_anything_else_is_refused_and_reveals_nothing(path, host, method, status):
    def browser(port: int) -> tuple[int, bytes, str]:
        told = get(port, path, host, method)
        get(port, GOOD)
        return told

    grant, (told, body, _) = visited(browser)
    assert grant.realm_id == "12"
    assert (told, body) == (status, b"")


def test_a_refusal_with_the_right_state_ends_it():
    with pytest.raises(SetupError, match="cancelled"):
        visited(lambda port: get(port, "/callback?error=access_denied&state=st"))


def test_nobody_is_waited_for_longer_than_five_minutes():
    with pytest.raises(SetupError, match="five minutes"):
        listen(f"http://127.0.0.1:{free_port()}/callback", "st", Late(), lambda: None)


def test_a_taken_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"http://127.0.0.1:{other.getsockname()[1]}/callback"
        with pytest.raises(SetupError, match="is taken"):
            listen(address, "st", SystemClock(), lambda: None)


def test_a_door_elsewhere_is_for_pasting():
    with pytest.raises(SetupError, match="not on this machine") as caught:
        listen("https://example.com/callback", "st", SystemClock(), lambda: None)
    assert "--paste" in caught.value.todo


def test_the_door_is_closed_when_the_browser_cannot_be_opened():
    port = free_port()

    def fail() -> None:
        raise RuntimeError("no browser")

    with pytest.raises(RuntimeError):
        listen(f"http://127.0.0.1:{port}/callback", "st", SystemClock(), fail)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)
