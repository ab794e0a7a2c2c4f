"""How fast the emulator is: `python tests/emulator/bench.py [--documents 100000]`.

Prints figures and asserts none: start, single creates and batch items over HTTP on one core, the
in-process transport, and the memory of a large company.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from qbosync.emulator import Emulator, Request

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
    """The emulator without a socket."""

    def __init__(self) -> None:
        self.emulator = Emulator()

    def __call__(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        reply = self.emulator.handle(Request(method, parts.path, query, lower, body))
        return reply.body, reply.headers


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


def run(call: Any, singles: int, batches: int) -> None:
    """Create documents, singly and in batches, and print the pace."""
    headers = sign_in(call)
    base = f"/v3/company/{REALM}"
    for number in range(50):
        body = json.dumps({"DisplayName": f"Customer {number}"}).encode()
        call("POST", f"{base}/customer", body, headers)
    bodies = [json.dumps(invoice(n)).encode() for n in range(singles)]
    start = time.perf_counter()
    for body in bodies:
        reply, _ = call("POST", f"{base}/invoice", body, headers)
    assert b'"Invoice"' in reply, reply
    took = time.perf_counter() - start
    print(f"  single creates   {singles / took:8.0f} a second")
    bodies = []
    for at in range(batches):
        first = singles + at * 30
        items = [
            {"bId": str(n), "operation": "create", "Invoice": invoice(n)}
            for n in range(first, first + 30)
        ]
        bodies.append(json.dumps({"BatchItemRequest": items}).encode())
    start = time.perf_counter()
    for body in bodies:
        reply, _ = call("POST", f"{base}/batch", body, headers)
    assert b"Fault" not in reply, reply
    took = time.perf_counter() - start
    print(f"  batch items      {batches * 30 / took:8.0f} a second")
    numbers = ",".join(f"'{n}'" for n in range(100))
    statement = f"select * from Invoice where DocNumber in ({numbers}) maxresults 1000"
    path = f"{base}/query?" + urlencode({"query": statement})
    start = time.perf_counter()
    call("GET", path, b"", headers)
    print(f"  100 by number    {(time.perf_counter() - start) * 1000:8.1f} ms")


def main() -> None:
    """Measure over HTTP, then in process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=6000)
    parser.add_argument("--data")
    chosen = parser.parse_args()
    words = [sys.executable, "-m", "qbosync.emulator", "--port", "0"]
    if chosen.data:
        words += ["--data", chosen.data]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})  # inherited: the emulator stays on one core
    start = time.perf_counter()
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    line = server.stdout.readline()
    print(f"started in {time.perf_counter() - start:.2f} s")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {0} or {0})
    try:
        print("over HTTP")
        run(Wire(int(line.rsplit(":", 1)[1])), 1000, (chosen.documents - 1000) // 30)
    finally:
        server.terminate()
        server.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"  memory           {used:8d} MB for {chosen.documents} documents")
    print("in process")
    run(InProcess(), 1000, 100)


if __name__ == "__main__":
    main()
