"""`python -m qbosync.probe`: sign in to a sandbox or the emulator, ask, print the table.

There is no way to name a production company: the addresses are the sandbox's or the emulator's.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from qbosync.blob import TokenBlob
from qbosync.clock import Clock, SystemClock
from qbosync.errors import QbosyncError, SetupError
from qbosync.probe.cassette import recorder
from qbosync.probe.run import Finding, ask_all, table
from qbosync.probe.stage import Counted, Memory, Stage
from qbosync.qbo.client import Company
from qbosync.qbo.faults import parse_json
from qbosync.qbo.limits import NoPace, Pace
from qbosync.qbo.listener import Grant, listen, parse_redirect
from qbosync.qbo.oauth import SANDBOX, authorization_url, discover, exchange
from qbosync.qbo.session import Session
from qbosync.qbo.transport import HttpTransport, Request

BACK = "http://localhost:8765/callback"


def main(words: Sequence[str] | None = None, clock: Clock | None = None) -> int:
    """Parse, sign in, ask, print; 0 if the emulator is right in all that was answered, 3 if not."""
    parser = argparse.ArgumentParser(prog="python -m qbosync.probe", description=__doc__)
    parser.add_argument("--emulator", metavar="URL", help="ask the emulator there, not a sandbox")
    parser.add_argument("--realm", help="which of the emulator's companies (default: the first)")
    parser.add_argument("--cassettes", type=Path, metavar="DIR", help="write what was said there")
    parser.add_argument("--redirect-uri", default=BACK, help=f"as in your Intuit app ({BACK})")
    parser.add_argument("--wait", type=int, default=0, metavar="HOURS",
                        help="wait before question r, which needs a day (25)")  # fmt: skip
    parser.add_argument("--only", default="", metavar="LETTERS", help="ask these only: abq")
    chosen = parser.parse_args(words)
    try:
        findings, stage = probe(chosen, clock or SystemClock())
    except QbosyncError as error:
        print(f"error: {error.what}\n       {error.todo}".rstrip(), file=sys.stderr)
        return error.exit_code
    where = "the emulator" if chosen.emulator else "this sandbox"
    Console(width=None if sys.stdout.isatty() else 130).print(table(findings, where))
    print(f"{stage.transport.asked} requests.")
    return 3 if any(one.verdict == "DIFFERENT" for one in findings) else 0


def probe(chosen: argparse.Namespace, clock: Clock) -> tuple[list[Finding], Stage]:
    """Everything from the sign-in to the last answer."""
    stage = _sign_in(chosen, clock)
    record = recorder(chosen.cassettes, stage.company.realm_id)
    stage.wait = 3600.0 * chosen.wait
    stage.prepare()
    return list(ask_all(stage, record, chosen.only)), stage


def _sign_in(chosen: argparse.Namespace, clock: Clock) -> Stage:
    is_emulator = bool(chosen.emulator)
    transport = Counted(lambda: HttpTransport(clock, allow_loopback_http=is_emulator))
    endpoints = discover(chosen.emulator, transport) if is_emulator else SANDBOX
    client_id, secret = _keys(is_emulator)
    state = secrets.token_urlsafe(32)
    url = authorization_url(endpoints, client_id, chosen.redirect_uri, state)
    if is_emulator:
        grant = _approve(chosen, url, state, transport)
    else:
        grant = listen(chosen.redirect_uri, state, clock, on_ready=lambda: _invite(url))
    tokens = exchange(
        endpoints, client_id, secret, grant.code, chosen.redirect_uri, transport, clock
    )
    memory = Memory(TokenBlob(client_id=client_id, client_secret=secret))
    session = Session(endpoints, memory, transport, clock)
    session.start(tokens)
    pace = Pace(clock) if endpoints.has_limits else NoPace()
    company = Company(endpoints.api, grant.realm_id, transport, session, pace, clock)
    stamp = clock.now().strftime("%Y%m%dT%H%M%S")
    return Stage(company, endpoints, session, memory, transport, clock, stamp)


def _keys(is_emulator: bool) -> tuple[str, str]:
    """The development keys of the operator's Intuit app."""
    client_id = os.environ.get("QBOSYNC_CLIENT_ID", "probe" if is_emulator else "")
    secret = os.environ.get("QBOSYNC_CLIENT_SECRET", "emulator" if is_emulator else "")
    if client_id and secret:
        return client_id, secret
    if not sys.stdin.isatty():
        raise SetupError(
            "The development keys of your Intuit app are not known.",
            "Set QBOSYNC_CLIENT_ID and QBOSYNC_CLIENT_SECRET, or run this at a terminal.",
        )
    return (
        client_id or input("Client id (development keys): ").strip(),
        secret or getpass.getpass("Client secret: ").strip(),
    )


def _invite(url: str) -> None:
    print(f"Open this address, sign in, and pick your sandbox company:\n\n{url}\n", flush=True)


def _approve(chosen: argparse.Namespace, url: str, state: str, transport: Counted) -> Grant:
    """Sign in to the emulator, which needs no person."""
    realm = chosen.realm
    if not realm:
        address = f"{chosen.emulator.rstrip('/')}/_emulator/companies"
        companies = parse_json(transport.send(Request("GET", address)).body)
        if not isinstance(companies, list) or not companies:
            raise SetupError("The emulator has no company.", "Check its address.")
        realm = companies[0]["realm_id"]
    reply = transport.send(Request("GET", f"{url}&approve={realm}"))
    return parse_redirect(reply.headers.get("Location", ""), state)


if __name__ == "__main__":
    sys.exit(main())
