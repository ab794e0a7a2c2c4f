"""The guide as a story, told on an emulated company.

Everything in it is the real thing: the sign-in over HTTP, the checks, the plan, the runs,
a ledger on the disk.  Only the company is emulated, and the shop invented.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from qbosync.connect import Person, connect
from qbosync.demo_shop import CONFIGURATION, DAY_ONE, day_two, write_export
from qbosync.emulator import Server
from qbosync.errors import SetupError
from qbosync.inquire import check
from qbosync.model import Snapshot, show
from qbosync.operation import Entity
from qbosync.outcome import Outcome
from qbosync.report import cell, operation_json, show_checks, show_run
from qbosync.shop import Shop
from qbosync.sync import Options, run
from qbosync.wiring import Setup, activate, load, open_shop

_SWITCHES = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {
        "AutoApplyCredit": False,
        "AutoApplyPayments": False,
        "CustomTxnNumbers": True,
    },
}


@dataclass
class _Story:
    """What is told, on a terminal and as data."""

    console: Console | None
    steps: list[dict[str, Any]] = field(default_factory=list)

    def step(self, title: str, **facts: Any) -> None:
        """Begin a chapter."""
        self.steps.append({"step": title, **facts})
        if self.console:
            self.console.print()
            self.console.print(cell(f"{len(self.steps)}. {title}", "bold"))

    def show(self, draw: Callable[[Console], None]) -> None:
        """Something only a person looks at."""
        if self.console:
            draw(self.console)

    def say(self, words: str) -> None:
        if self.console:
            self.console.print(cell(words))


def tell(console: Console | None, keep: Path | None) -> dict[str, Any]:
    """Tell the whole story; with `keep` its files stay behind.

    Raises:
        SetupError: If `keep` holds something already.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise SetupError(f"{keep} is not empty.", "Name a new folder.")
    with _folder(keep) as folder, _emulator(folder) as server:
        story = _Story(console)
        document = _tell(story, folder, server)
        if keep is not None:
            commands = [
                f"qbosync emulator serve --data {folder}/company.db --port {server.port}",
                f"qbosync --config {folder}/config.toml plan",
            ]
            document["go_on"] = commands
            story.say("\nGo on by hand, in two terminals:")
            for command in commands:
                if console:
                    console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)
    return document


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="qbosync-demo-") as name:
        yield Path(name)


@contextlib.contextmanager
def _emulator(folder: Path) -> Iterator[Server]:
    server = Server(port=0, data=folder / "company.db", limits="off", seed=1)
    with server:
        yield server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tell(story: _Story, folder: Path, server: Server) -> dict[str, Any]:
    config = folder / "config.toml"
    text = CONFIGURATION.format(api_url=server.url, redirect_port=_free_port())
    config.write_text(text, encoding="utf-8")
    config.chmod(0o600)
    write_export(folder / "export", DAY_ONE)
    _connect(story, config, server)
    _switch_off(story, config, server)
    outcomes = []
    story.step("The shop's export goes out: orders become estimates, a shipped one an invoice")
    outcomes.append(_sync(story, config))
    story.step("A few days later: statuses moved, freight was added, money came in")
    write_export(folder / "export", day_two())
    outcomes.append(_sync(story, config))
    story.step("The books: which document became what, and what everybody owes")
    books = _books(story, config)
    story.step("Once more: nothing is new, so nothing is written")
    last = _sync(story, config)
    outcomes.append(last)
    agree = all(row["agree"] for row in books["customers"])
    story.say(
        "\nThe shop system and QuickBooks agree to the cent."
        if agree and not last.written
        else "\nThe shop system and QuickBooks DO NOT AGREE."
    )
    if not agree or last.written:
        raise SetupError("The demonstration's books do not agree.", "Please report this.")
    return {
        "steps": story.steps,
        "runs": [
            {
                "written": [operation_json(w.operation, o.names) for w in o.written],
                "requests": o.requests,
                "reads": o.reads,
                "exit_code": o.exit_code,
            }
            for o in outcomes
        ],
        **books,
        "agree": agree,
        "exit_code": 0,
        "error": None,
    }


def _connect(story: _Story, config: Path, server: Server) -> None:
    """The operator signs in and picks the company; a request stands for the click."""
    setup = _setup(config)
    realm_id = requests.get(f"{server.url}/_emulator/companies", timeout=10).json()[0]["realm_id"]

    def click_connect(url: str) -> None:
        browser = threading.Thread(
            target=requests.get, args=(f"{url}&approve={realm_id}",), kwargs={"timeout": 30}
        )
        browser.start()

    person = Person(lambda _url: None, click_connect, None, None)
    made = connect(setup, person, ("", ""))
    story.step(
        f"Connected to {made.connection.company}; its settings are looked at first",
        checks=[{"name": c.name, "level": c.level, "evidence": c.evidence} for c in made.checks],
    )
    story.show(lambda console: show_checks(console, made.checks))
    story.say(f"{len(made.stops)} settings stop it: nothing is written until they are right.")


def _switch_off(story: _Story, config: Path, server: Server) -> None:
    """The bookkeeper follows the click paths."""
    setup = _setup(config)
    realm_id = setup.connected().realm_id
    answer = requests.post(
        f"{server.url}/_emulator/companies/{realm_id}/preferences", json=_SWITCHES, timeout=10
    )
    answer.raise_for_status()
    checks = check(setup, [], is_interactive=False)
    story.step(
        "The bookkeeper switches them off",
        checks=[{"name": c.name, "level": c.level, "evidence": c.evidence} for c in checks],
    )
    story.show(lambda console: show_checks(console, checks))


def _setup(config: Path) -> Setup:
    return load(config, None, {})


def _sync(story: _Story, config: Path) -> Outcome:
    setup = _setup(config)
    with open_shop(setup, is_interactive=False) as shop:
        outcome = run(shop, Options())
        activate(setup, outcome)
    if outcome.error is not None:
        raise outcome.error
    story.show(lambda console: show_run(console, outcome))
    story.say(f"{outcome.requests} requests to QuickBooks, {outcome.reads} of them reads.")
    return outcome


# The books --------------------------------------------------------------------------------


def _books(story: _Story, config: Path) -> dict[str, Any]:
    """What QuickBooks says, beside what the source alone says it must."""
    setup = _setup(config)
    with open_shop(setup, is_interactive=False) as shop:
        snapshot = shop.source.read()
        documents = _documents(shop, snapshot)
        customers = _customers(shop, snapshot)
    story.show(lambda console: _show_documents(console, documents))
    story.show(lambda console: _show_customers(console, customers))
    return {"documents": documents, "customers": customers}


def _documents(shop: Shop, snapshot: Snapshot) -> list[dict[str, str]]:
    """Each source record and the documents it became."""
    by_source: dict[str, dict[Entity, Any]] = defaultdict(dict)
    for entry in shop.ledger.entries():
        if not entry.key.entity.is_named and entry.key.entity.wave >= 0:
            by_source[entry.key.source][entry.key.entity] = entry
    rows = []
    for source, entries in by_source.items():
        last = entries.get(Entity.INVOICE) or next(iter(entries.values()))
        body = shop.company.read(last.key.entity, [last.qbo_id])[last.qbo_id]
        open_ = body.get("Balance", body.get("UnappliedAmt", body.get("TotalAmt", 0)))
        customer = snapshot.customers.get(last.customer)
        rows.append(
            {
                "source": source,
                "customer": customer.name if customer else "",
                "became": " → ".join(f"{e} {x.number or x.qbo_id}" for e, x in entries.items()),
                "total": show(Decimal(str(body.get("TotalAmt", 0)))),
                "open": show(Decimal(str(open_))),
            }
        )
    return rows


def _customers(shop: Shop, snapshot: Snapshot) -> list[dict[str, Any]]:
    """What each customer owes: by the source alone, and by QuickBooks' own balance."""
    policy, today = shop.policy, shop.clock.now().date()
    owes: dict[str, Decimal] = defaultdict(lambda: Decimal("0.00"))
    for order in snapshot.orders.values():
        if policy.is_charged(order, snapshot.customers.get(order.customer_id), today):
            owes[order.customer_id] += order.total
    for charge in snapshot.charges.values():
        owes[charge.customer_id] += charge.amount
    for credit in snapshot.credit_memos.values():
        owes[credit.customer_id] -= credit.amount
    for payment in snapshot.payments.values():
        owes[payment.customer_id] -= payment.amount
    balances = {
        str(body["Id"]): Decimal(str(body.get("Balance", 0)))
        for body in shop.company.select("Customer")
    }
    ids = {e.key.id: e.qbo_id for e in shop.ledger.entries() if e.key.kind == "customer"}
    return [
        {
            "customer": customer.name,
            "shop_system": f"{owes[customer.id]:.2f}",
            "quickbooks": f"{balances.get(ids.get(customer.id, ''), Decimal(0)):.2f}",
            "agree": owes[customer.id] == balances.get(ids.get(customer.id, ""), Decimal(0)),
        }
        for customer in snapshot.customers.values()
    ]


def _show_documents(console: Console, rows: list[dict[str, str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("record", "customer", "in QuickBooks"):
        table.add_column(name)
    table.add_column("total", justify="right")
    table.add_column("open", justify="right")
    for row in rows:
        table.add_row(*(cell(row[n]) for n in ("source", "customer", "became", "total", "open")))
    console.print(table)


def _show_customers(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("owed by")
    table.add_column("shop system", justify="right")
    table.add_column("QuickBooks", justify="right")
    table.add_column("")
    for row in rows:
        figures = (show(Decimal(row["shop_system"])), show(Decimal(row["quickbooks"])))
        word = "agree" if row["agree"] else "DIFFER"
        table.add_row(cell(row["customer"]), *(cell(f) for f in figures), cell(word))
    console.print()
    console.print(table)
