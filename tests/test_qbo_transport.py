"""One request over HTTP against servers that misbehave: did a byte leave, is the answer whole?"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qbosync.clock import SystemClock
from qbosync.qbo.transport import HttpTransport, Lost, NotSent, Reply, Request

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Script = Callable[[socket.socket], None]


def whole(line: socket.socket) -> bytes:
    """The request with its body of two bytes: what stays unread would reset the answer."""
    data = b""
    while part := line.recv(65536):
        data += part
        if data.endswith(b"\r\n\r\n{}") or data.startswith(b"\x16"):
            break
        if data.startswith(b"GET") and data.endswith(b"\r\n\r\n"):
            break
    return data


class Peer:
    """A server of one script a connection, which notes what it was sent."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.asked: list[bytes] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x"

    def plays(self, script: Script) -> None:
        threading.Thread(target=self._serve, args=(script,), daemon=True).start()

    def answers(self, answer: bytes) -> None:
        def script(line: socket.socket) -> None:
            line.sendall(answer)

        self.plays(script)

    def trickles(self, start: bytes, byte: bytes) -> None:
        def script(line: socket.socket) -> None:
            line.sendall(start)
            while not self.closing.wait(0.02):
                line.sendall(byte)

        self.plays(script)

    def _serve(self, script: Script) -> None:
        try:
            line, _ = self._listener.accept()
            with line:
                self.asked.append(whole(line))
                script(line)
        except OSError:
            return

    def close(self) -> None:
        self.closing.set()
        self._listener.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


def ask(url: str, timeout: float = 5.0, **more: object) -> Reply:
    transport = HttpTransport(SystemClock(), allow_loopback_http=True)
    return transport.send(Request("POST", url, body=b"{}", **more), timeout)  # type: ignore[arg-type]


def test_a_whole_answer_comes_back_with_headers_in_any_case(peer):
    peer.answers(HEAD + b"Intuit_Tid: 7\r\nContent-Length: 2\r\n\r\n{}")
    reply = ask(peer.url)
    assert (reply.status, reply.body, reply.headers["intuit_tid"]) == (200, b"{}", "7")


@pytest.mark.parametrize(
    ("start", "byte"),
    [
        (HEAD + b"Content-Length: 9999\r\n\r\n", b" "),
        (HEAD + b"X-Long: ", b"x"),
        (b"HTTP/1.1 200 ", b"O"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["body", "header", "status line", "chunks"],
)
def test_a_server_that_trickles_is_cut_at_the_deadline(peer, start, byte):
    peer.trickles(start, byte)
    began = time.monotonic()
    with pytest.raises(Lost):
        ask(peer.url, 0.25)
    assert time.monotonic() - began < 0.8


def test_silence_is_cut_at_the_deadline(peer):
    peer.plays(lambda line: peer.closing.wait(3) and None)
    with pytest.raises(Lost, match="no answer in time"):
        ask(peer.url, 0.2)


def test_a_gzip_bomb_is_cut_at_twenty_megabytes(peer):
    bomb = gzip.compress(bytes(60 * 1024 * 1024), 9)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    peer.answers(head + bomb)
    with pytest.raises(Lost, match="larger than"):
        ask(peer.url)


def test_a_bomb_behind_a_redirect_is_cut_too(peer):
    bomb = gzip.compress(bytes(60 * 1024 * 1024), 9)
    head = b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Encoding: gzip\r\n"
    peer.answers(head + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb)
    with pytest.raises(Lost, match="larger than"):
        ask(peer.url)


def test_an_answer_cut_within_its_length_is_lost(peer):
    peer.answers(HEAD + b"Content-Length: 99\r\n\r\n{")
    with pytest.raises(Lost):
        ask(peer.url)


def test_an_answer_cut_within_a_chunk_is_lost(peer):
    peer.answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n{")
    with pytest.raises(Lost):
        ask(peer.url)


def test_half_an_answer_without_length_cannot_be_told_from_a_whole_one(peer):
    """So what is in it decides: half a JSON object is none."""
    peer.answers(HEAD + b'Connection: close\r\n\r\n{"Invoice": {"Id": "1"')
    assert ask(peer.url).body == b'{"Invoice": {"Id": "1"'


def test_garbled_gzip_is_lost(peer):
    peer.answers(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")
    with pytest.raises(Lost):
        ask(peer.url)


def test_a_redirect_is_an_answer_and_not_followed(peer):
    answer = b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n"
    peer.answers(answer % peer.url.encode())
    assert ask(peer.url, headers={"Authorization": "Bearer CANARY"}).status == 307
    assert len(peer.asked) == 1


def test_a_netrc_and_a_proxy_of_the_environment_are_not_used(peer, tmp_path: Path, monkeypatch):
    (tmp_path / ".netrc").write_text("default login mallory password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    peer.answers(HEAD + b"Content-Length: 2\r\n\r\n{}")
    ask(peer.url, headers={"Authorization": "Bearer CANARY"})
    assert b"Authorization: Bearer CANARY\r\n" in peer.asked[0]


def test_cookies_are_not_sent_back():
    transport = HttpTransport(SystemClock(), allow_loopback_http=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        asked = []

        def serve() -> None:
            for _ in range(2):
                line, _ = listener.accept()
                with line:
                    asked.append(line.recv(65536))
                    line.sendall(HEAD + b"Set-Cookie: a=b\r\nConnection: close\r\n\r\n{}")

        server = threading.Thread(target=serve)
        server.start()
        transport.send(Request("GET", url))
        transport.send(Request("GET", url))
        server.join()
    assert not [text for text in asked if b"ookie" in text]


def test_a_refused_connection_sent_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotSent, match="the connection failed"):
        ask(f"http://127.0.0.1:{port}/x")


def test_a_reset_after_the_request_is_lost(peer):
    def script(line: socket.socket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    peer.plays(script)
    with pytest.raises(Lost):
        ask(peer.url)


def test_a_connection_closed_without_an_answer_is_lost(peer):
    peer.plays(lambda line: None)
    with pytest.raises(Lost):
        ask(peer.url)


def test_a_failed_tls_handshake_sent_nothing(peer):
    peer.answers(b"this is not TLS\r\n\r\n")
    with pytest.raises(NotSent, match="secure connection"):
        ask(peer.url.replace("http://", "https://"))


@pytest.mark.parametrize(
    "url",
    [
        "http://quickbooks.api.intuit.com/v3",
        "http://127.0.0.1.example.com/",
        "http://localhost@example.com/",
        "ftp://127.0.0.1/",
    ],
)
def test_plain_http_is_spoken_to_this_machine_only(url):
    with pytest.raises(NotSent, match="is not spoken to"):
        ask(url)


def test_plain_http_is_not_even_spoken_to_this_machine_unless_allowed(peer):
    with pytest.raises(NotSent):
        HttpTransport(SystemClock()).send(Request("GET", peer.url))
    assert not peer.asked


def test_a_header_that_cannot_be_sent_sends_nothing(peer):
    with pytest.raises(NotSent):
        ask(peer.url, headers={"Authorization": "Bearer a\r\nX: y"})


def test_nothing_of_a_request_or_answer_but_method_and_status_is_shown():
    request = Request("POST", "https://x/?query=NAME", {"Authorization": "CANARY"}, b"CANARY")
    assert repr(request) == "Request(method='POST')"
    assert repr(Reply(200, {"a": "CANARY"}, b"CANARY")) == "Reply(status=200)"
