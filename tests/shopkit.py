"""A shop for the tests of the command line: its folder, its configuration, its company.

Every part is the real one.  The company is the emulator over HTTP, the export lies in files,
the commands run through click; only the machine's clock may be moved.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import simplejson
from click.testing import CliRunner

from qbosync.cli import program
from qbosync.connect import Person, connect
from qbosync.emulator import Server
from qbosync.wiring import load

Row = Mapping[str, str]
OFF = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {
        "AutoApplyCredit": False,
        "AutoApplyPayments": False,
        "CustomTxnNumbers": True,
    },
}
CONFIG = """\
data_dir = "data"

[quickbooks]
environment = "emulator"
{export_class}
redirect_uri = "http://127.0.0.1:{port}/callback"
api_url = "{url}"

{more}
[items.income_account]
"Sales Tax" = "Sales Tax Collected"
"*" = "Sales of Product Income"

[payments.methods]
check = "Check"

[source]
kind = "folder"
path = "export"
timezone = "America/Boise"
{source}
"""
ORDER = {
    "number": "", "customer_id": "1", "status": "ordered", "status_at": "2026-03-02",
    "order_date": "2026-03-01", "tax": "0.00", "shipping": "0.00", "discount": "0.00",
}  # fmt: skip


def order(order_id: str, total: str, **values: str) -> dict[str, str]:
    """A row of orders.csv; its number is its id."""
    return {"order_id": order_id, **ORDER, "number": order_id, "total": total, **values}


def line(order_id: str, amount: str, line_no: str = "1", **values: str) -> dict[str, str]:
    """A row of order_lines.csv."""
    text = {"description": "Cabinet", "qty": "1", "unit_price": amount, "amount": amount}
    return {"order_id": order_id, "line_no": line_no, **text, **values}


def payment(payment_id: str, amount: str, **values: str) -> dict[str, str]:
    """A row of payments.csv."""
    given = {"customer_id": "1", "date": "2026-03-03", "amount": amount, "method": "check"}
    return {"payment_id": payment_id, **given, **values}


def applied(payment_id: str, target: str, amount: str) -> dict[str, str]:
    """A row of payment_applications.csv."""
    return {"payment_id": payment_id, "target": target, "amount": amount}


class MovedClock:
    """The machine's clock, put forward by a test."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.05))


@dataclass(frozen=True)
class Result:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        document = simplejson.loads(self.out, use_decimal=True)
        assert isinstance(document, dict)
        return document


@dataclass
class Shop:
    """One shop and its company."""

    folder: Path
    server: Server
    clock: MovedClock = field(default_factory=MovedClock)
    environ: dict[str, str] = field(default_factory=dict)
    _bearer: str = ""

    # The shop's files ------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def export(self) -> Path:
        return self.folder / "export"

    @property
    def ledger(self) -> Path:
        return self.folder / "data" / f"emulator-{self.realm_id}.db"

    def configure(self, more: str = "", source: str = "", export_class: str = "Cabinets") -> None:
        """Write the configuration; `more` stands before the tables that are always there."""
        words = f'default_export_class = "{export_class}"' if export_class else ""
        text = CONFIG.format(
            export_class=words, port=free_port(), url=self.server.url, more=more, source=source
        )
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o600)

    def deliver(
        self, *, complete: bool = True, counts: Mapping[str, int] | None = None,
        **sets: Sequence[Row],
    ) -> None:  # fmt: skip
        """Write a delivery; what it does not name is not in it."""
        self.export.mkdir(exist_ok=True)
        for old in self.export.iterdir():
            old.unlink()
        for name, rows in sets.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with (self.export / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns or [_KEYS[name]], restval="")
                writer.writeheader()
                writer.writerows(rows)
        told = {name: len(rows) for name, rows in sets.items()} | dict(counts or {})
        manifest = {"complete": complete, "currency": "USD", "counts": told}
        (self.export / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    # The command line ------------------------------------------------------------------

    def run(self, *args: str, stdin: str = "", config: bool = True) -> Result:
        """Run a command as cron would: there is no terminal."""
        given = ["--config", str(self.config)] if config else []
        runner = CliRunner(env={**CLEAN, **self.environ})
        done = runner.invoke(
            program, [*given, *args], input=stdin, obj={"clock": self.clock}, prog_name="qbosync"
        )
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Result(done.exit_code, done.stdout, done.stderr)

    def start(self, *args: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "qbosync", "--config", str(self.config), *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | CLEAN | self.environ | environ,
            cwd=Path(__file__).parent.parent,
            # Tests may themselves run under nohup, which children would inherit.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509
        )  # fmt: skip

    def connect(self, *, switch_off: bool = True) -> None:
        """Sign in by the real flow; a request stands for the click in the browser."""
        if switch_off:
            self.preferences(OFF)

        def click(url: str) -> None:
            threading.Thread(target=self.approve, args=(url,)).start()

        connect(load(self.config, None, {}), Person(lambda _: None, click, None, None), ("", ""))
        if switch_off:
            assert self.run("check").code == 0

    def connect_by_hand(self, *args: str) -> Result:
        """`connect --no-browser` in a process of its own, and a person who opens the address."""
        process = self.start("connect", "--no-browser", *args)
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("http"):
                self.approve(line.strip())
                break
        out, err = process.communicate(timeout=20)
        return Result(process.returncode, "".join([*said, out]), err)

    def approve(self, address: str) -> None:
        requests.get(f"{address}&approve={self.realm_id}", timeout=20)

    # The company -----------------------------------------------------------------------

    @property
    def realm_id(self) -> str:
        return next(iter(self.server.emulator.companies))

    def control(self, path: str, body: Any = None) -> Any:
        """The emulator's own controls."""
        url = f"{self.server.url}/_emulator/{path}"
        answer = requests.get(url, timeout=10) if body is None else requests.post(
            url, data=simplejson.dumps(body), timeout=10)  # fmt: skip
        assert answer.ok, answer.text
        return answer.json(parse_float=Decimal)

    def preferences(self, values: Any) -> None:
        self.control(f"companies/{self.realm_id}/preferences", values)

    def bookkeeper(self, action: str, **values: Any) -> Any:
        return self.control(f"companies/{self.realm_id}/bookkeeper", {"action": action, **values})

    def fault(
        self, kind: str, *, times: int = 1, delay_s: float | None = None, **when: Any
    ) -> None:
        body: dict[str, Any] = {"kind": kind, "when": when, "times": times}
        self.control("faults", body if delay_s is None else body | {"delay_s": delay_s})

    def journal(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control(f"companies/{self.realm_id}/journal")
        return found

    def balance(self, account: str, customer: str = "") -> Decimal:
        """What stands on an account, debits less credits; of one customer, if named."""
        rows = [row for entry in self.journal() for row in entry["postings"]]
        chosen = [r for r in rows if r["account"] == account]
        chosen = [r for r in chosen if not customer or r["customer"] == customer]
        return sum(
            (Decimal(str(r["debit"])) - Decimal(str(r["credit"])) for r in chosen), Decimal(0)
        )

    def books(self, entity: str) -> list[dict[str, Any]]:
        """All objects of an entity, as any other client of the API sees them."""
        self._bearer = self._bearer or self._sign_in()
        answer = requests.get(
            f"{self.server.url}/v3/company/{self.realm_id}/query",
            params={"query": f"select * from {entity} maxresults 1000"},
            headers={"Authorization": f"Bearer {self._bearer}", "Accept": "application/json"},
            timeout=10,
        )
        assert answer.ok, answer.text
        found: list[dict[str, Any]] = answer.json(parse_float=Decimal)["QueryResponse"].get(
            entity, []
        )
        return found

    def book(self, entity: str, number: str) -> dict[str, Any]:
        """The one document that bears a number (a payment: its reference)."""
        name = "PaymentRefNum" if entity == "Payment" else "DocNumber"
        [found] = [body for body in self.books(entity) if body.get(name) == number]
        return found

    def _sign_in(self) -> str:
        known = f"{self.server.url}/.well-known/openid_configuration"
        endpoints = requests.get(known, timeout=10).json()
        back = "http://127.0.0.1:9/callback"
        asked = {"client_id": "onlooker", "response_type": "code", "state": "s",
                 "scope": "com.intuit.quickbooks.accounting", "redirect_uri": back,
                 "approve": self.realm_id}  # fmt: skip
        there = requests.get(
            endpoints["authorization_endpoint"], params=asked, allow_redirects=False, timeout=10
        )
        [code] = parse_qs(urlsplit(there.headers["Location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        answer = requests.post(
            endpoints["token_endpoint"], data=form, auth=("onlooker", "x"), timeout=10
        )
        return str(answer.json()["access_token"])

    @contextmanager
    def writes(self) -> Iterator[list[dict[str, Any]]]:
        """What is sent to be written meanwhile, by the company's own log of requests."""
        requests.delete(f"{self.server.url}/_emulator/requests", timeout=10)
        seen: list[dict[str, Any]] = []
        yield seen
        seen += [
            row
            for row in self.control("requests")
            if row["method"] == "POST"
            and row["path"].startswith("/v3/company/")
            and not row["path"].endswith("/query")
        ]

    def writes_nothing(self, *args: str, code: int = 0) -> Result:
        """Run a command that must leave QuickBooks alone."""
        with self.writes() as sent:
            done = self.run(*args)
        assert sent == [], f"{args} wrote: {sent}"
        assert done.code == code, done.text
        return done


_KEYS = {
    "customers": "customer_id", "orders": "order_id", "order_lines": "order_id",
    "payments": "payment_id",
}  # fmt: skip
CLEAN = {
    "QBOSYNC_CONFIG": "", "QBOSYNC_DATA_DIR": "", "QBOSYNC_CLIENT_ID": "",
    "QBOSYNC_CLIENT_SECRET": "", "PYTHON_KEYRING_BACKEND": "",
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def open_shop(folder: Path, **assume: str) -> Iterator[Shop]:
    """A shop with a company of its own, not connected yet; what is disputed as told."""
    words = {name.replace("_", "-"): value for name, value in assume.items()}
    folder.mkdir(exist_ok=True)
    with Server(port=0, limits="off", seed=1, assume=words) as server:
        shop = Shop(folder, server)
        shop.configure()
        yield shop


CUSTOMERS: list[Row] = [
    {"customer_id": "1", "name": "Alder Homes", "type": "business"},
    {"customer_id": "2", "name": "Birch & Söhne", "type": "business"},
]


def deliver_two_orders(shop: Shop, customers: Sequence[Row] = CUSTOMERS) -> None:
    """An estimate of 100.00 for one customer, an invoice of 250.00 for the other."""
    shop.deliver(
        customers=customers,
        orders=[
            order("1001", "100.00"),
            order("1002", "250.00", customer_id="2", status="shipped"),
        ],
        order_lines=[line("1001", "100.00"), line("1002", "250.00", export_class="Doors")],
    )
