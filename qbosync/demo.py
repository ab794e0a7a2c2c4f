"""The guide as a story, told on an emulated company.

Everything in it is the real thing: the sign-in over HTTP, the checks, the plan, the runs,
a ledger on the disk.  Only the company is emulated, and the shop invented.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from qbosync.connect import Person, connect
from qbosync.demo_shop import CONFIGURATION, DAY_ONE, day_two, write_export
from qbosync.emulator import Server
from qbosync.errors import SetupError
from qbosync.examine import check
from qbosync.model import show
from qbosync.outcome import Outcome
from qbosync.reconcile import Statement, reconcile
from qbosync.reconcile.show import show_statement, statement_json
from qbosync.report import operation_json
from qbosync.screen import cell, show_checks, show_run
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

    def say(self, words: str = "") -> None:
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
            story.say()
            story.say("Go on by hand, in two terminals:")
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
    agree = books["agrees"]
    story.say()
    story.say(
        "The shop system and QuickBooks agree to the cent."
        if agree and not last.written
        else "The shop system and QuickBooks DO NOT AGREE."
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
        "books": books,
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
    checks = check(setup, [], is_interactive=False).checks
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
    """Source, ledger and QuickBooks beside each other."""
    setup = _setup(config)
    with open_shop(setup, is_interactive=False) as shop:
        made = reconcile(shop, None, lambda _what, _done, _total: None)
    story.show(lambda console: _show_documents(console, made.statement))
    story.show(lambda console: show_statement(console, made.statement, is_verbose=True))
    return statement_json(made)


def _show_documents(console: Console, statement: Statement) -> None:
    """Each source record, and the document it became."""
    names = {owed.customer: owed.name for owed in statement.customers}
    table = Table(box=None, pad_edge=False)
    for name in ("record", "customer", "in QuickBooks"):
        table.add_column(name)
    table.add_column("total", justify="right")
    table.add_column("open", justify="right")
    for row in statement.rows:
        figures = (show(row.total.books), show(row.open.books))
        words = (row.source, names.get(row.customer, ""), row.became, *figures)
        table.add_row(*(cell(word) for word in words))
    console.print(table)
    console.print()
