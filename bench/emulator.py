"""How fast and how large the emulator is, beside what was asked of it.

    python -m bench.emulator                     100,000 documents
    python -m bench.emulator --documents 6000    quicker

Prints start, single creates and batch items over HTTP on one core, memory, and how much faster
a request is in process than over HTTP, through the transport that qbosync itself uses.  Judges
nothing; the figure in brackets is the ratio to what was asked for, more is better.  On a machine
that is busy with other things, look at the figures a second of the emulator's own time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from qbosync.clock import SystemClock
from qbosync.emulator import Emulator, Request
from qbosync.qbo import transport
from qbosync.qbo.transport import HttpTransport

REALM = "9341450000000001"
SIGN_IN = {
    "client_id": "bench",
    "response_type": "code",
    "scope": "com.intuit.quickbooks.accounting",
    "redirect_uri": "http://localhost/",
    "state": "s",
    "approve": REALM,
}
OFF = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {"AutoApplyCredit": False, "CustomTxnNumbers": True},
}


class Wire:
    """The emulator over HTTP, on one kept connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def __call__(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        return response.read(), dict(response.getheaders())


class InProcess:
    """The same requests without a socket: what simulations use."""

    def __init__(self) -> None:
        self.emulator = Emulator()

    def send(self, request: transport.Request, timeout: float = 0) -> transport.Reply:
        """As over HTTP, from bytes to bytes."""
        parts = urlsplit(request.url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Request(request.method, unquote(parts.path), query, headers, request.body or b"")
        reply = self.emulator.handle(asked)
        return transport.Reply(reply.status, reply.headers, reply.body)


class Carried:
    """Calls by a transport of qbosync."""

    def __init__(self, carrier: transport.Transport, url: str) -> None:
        self.carrier, self.url = carrier, url

    def __call__(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        asked = transport.Request(method, f"{self.url}{path}", headers or {}, body)
        reply = self.carrier.send(asked)
        return reply.body, dict(reply.headers)


def sign_in(call: Any) -> dict[str, str]:
    """A bearer token, with the company's settings as a client wants them."""
    _, headers = call("GET", "/connect/oauth2?" + urlencode(SIGN_IN))
    code = parse_qs(urlsplit(headers["Location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": SIGN_IN["redirect_uri"],
        "client_id": "bench",
        "client_secret": "bench",
    }
    body, _ = call("POST", "/oauth2/v1/tokens/bearer", urlencode(form).encode())
    call("POST", f"/_emulator/companies/{REALM}/preferences", json.dumps(OFF).encode())
    token = json.loads(body)["access_token"]
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def invoice(number: int) -> dict[str, Any]:
    """An invoice of three lines."""
    lines = [
        {
            "Amount": 33.50,
            "Description": f"Drawer box {number}-{at}, birch, dovetailed",
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {
                "ItemRef": {"value": "1"},
                "Qty": 2,
                "UnitPrice": 16.75,
                "TaxCodeRef": {"value": "NON"},
            },
        }
        for at in range(3)
    ]
    return {
        "CustomerRef": {"value": str(number % 50 + 1)},
        "DocNumber": str(number),
        "TxnDate": "2026-05-05",
        "PrivateNote": f"[qbosync main order:{number}]",
        "Line": lines,
    }


class Bench:
    """One company and what it is asked, over one way."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.headers = sign_in(call)
        self.base = f"/v3/company/{REALM}"
        self.made = 0
        for number in range(50):
            body = json.dumps({"DisplayName": f"Customer {number}"}).encode()
            call("POST", f"{self.base}/customer", body, self.headers)

    def singles(self, count: int) -> float:
        """Invoices created a second, one by one."""
        bodies = [json.dumps(invoice(self.made + n)).encode() for n in range(count)]
        start = time.perf_counter()
        for body in bodies:
            reply, _ = self.call("POST", f"{self.base}/invoice", body, self.headers)
        took = time.perf_counter() - start
        if b'"Invoice"' not in reply:
            raise SystemExit(f"not created: {reply[:300]!r}")
        self.made += count
        return count / took

    def batches(self, count: int) -> float:
        """Invoices created a second, thirty at a time."""
        spent = 0.0
        for _ in range(count):
            first = self.made
            items = [
                {"bId": str(n), "operation": "create", "Invoice": invoice(n)}
                for n in range(first, first + 30)
            ]
            body = json.dumps({"BatchItemRequest": items}).encode()
            start = time.perf_counter()
            reply, _ = self.call("POST", f"{self.base}/batch", body, self.headers)
            spent += time.perf_counter() - start
            if b"Fault" in reply:
                raise SystemExit(f"not created: {reply[:300]!r}")
            self.made += 30
        return count * 30 / spent

    def reads(self, count: int) -> float:
        """Reads of a customer a second."""
        start = time.perf_counter()
        for n in range(count):
            self.call("GET", f"{self.base}/customer/{n % 50 + 1}", b"", self.headers)
        return count / (time.perf_counter() - start)


def say(what: str, figure: str, asked: str, ratio: float) -> None:
    """One line."""
    print(f"{what:<34}{figure:>12}   asked {asked:<12}({ratio:.1f})", flush=True)


def started(words: list[str]) -> tuple[subprocess.Popen[str], str, float]:
    """A server, its address, and after how many seconds it was ready."""
    start = time.perf_counter()
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    if server.stdout is None:
        raise SystemExit("no output")
    line = server.stdout.readline()
    return server, line.rsplit(" ", 1)[1].strip(), time.perf_counter() - start


def on_core(number: int) -> None:
    """Stay on one core from now on; a process started now stays there, too."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {number % (os.cpu_count() or 1)})


def spent(process: int) -> float:
    """Seconds that a process has had a core so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> int:
    """Megabytes that a process holds, at most so far."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> None:
    """Measure over HTTP, then the ways against each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--data", help="keep the company in this file")
    chosen = parser.parse_args()
    words = [sys.executable, "-m", "qbosync.emulator", "--port", "0", "--limits", "off"]
    words += ["--data", chosen.data] if chosen.data else []
    on_core(0)
    server, url, took = started(words)
    own = spent(server.pid)
    say("start", f"{took:.2f} s", "< 0.5 s", 0.5 / took)
    say("  of its own time", f"{own:.2f} s", "< 0.5 s", 0.5 / own)
    try:
        on_core(1)
        wire = Bench(Wire(int(url.rsplit(":", 1)[1])))
        before = spent(server.pid)
        singles = wire.singles(2000)
        say("single creates over HTTP", f"{singles:,.0f} /s", "400 /s", singles / 400)
        pace = 2000 / (spent(server.pid) - before)
        say("  a second of its own time", f"{pace:,.0f} /s", "400 /s", pace / 400)
        before, first = spent(server.pid), wire.made
        items = wire.batches((chosen.documents - wire.made) // 30)
        say("batch items over HTTP", f"{items:,.0f} /s", "2,500 /s", items / 2500)
        pace = (wire.made - first) / (spent(server.pid) - before)
        say("  a second of its own time", f"{pace:,.0f} /s", "2,500 /s", pace / 2500)
        held = memory(server.pid)
        say(f"memory, {wire.made:,} documents", f"{held} MB", "< 500 MB", 500 / held)
        over = Carried(HttpTransport(SystemClock(), allow_loopback_http=True), url)
        inside = Bench(Carried(InProcess(), "http://127.0.0.1"))
        far = Bench.__new__(Bench)
        far.call, far.headers, far.base, far.made = over, wire.headers, wire.base, wire.made
        for what in ("reads", "singles"):
            slow, fast = getattr(far, what)(1000), getattr(inside, what)(1000)
            figure = f"{fast / slow:.1f} times"
            say(f"in process against HTTP, {what}", figure, "5 times", fast / slow / 5)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
