"""A shop whose every part is a process or a file: a company, an export, a ledger, a token.

A process is forked from this one, which has imported everything: the program is the same, and
starting it takes milliseconds, and its clock goes with QuickBooks'.  With `is_started` it is
`python -m qbosync`, as cron starts it.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import os
import pkgutil
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import qbosync
from qbosync.cli import program
from qbosync.emulator import Server
from qbosync.emulator.__main__ import main as serve
from tests.crash.tracer import End, Watcher, watch
from tests.crash.week import Sets
from tests.shopkit import CLEAN, OFF, MovedClock, Shop, free_port

CRON = 2 * 3600.0
ROOT = Path(__file__).parent.parent.parent
_FORGETFUL = ("--assume", "requestid-retention=ignored")
"""QuickBooks does not know a repeated request id: only the program keeps it from doubling."""
_KEPT = ("data", "company.db")
"""What a day leaves behind: ledger, lock, token, connection, log; and QuickBooks' own books."""


def import_everything() -> None:
    """So that a forked process has nothing left to import."""
    for module in pkgutil.walk_packages(qbosync.__path__, "qbosync."):
        if not module.name.endswith("__main__") and not module.name.startswith("qbosync.probe"):
            importlib.import_module(module.name)


class Room:
    """One shop in a folder, connected to a company of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._emulator = 0
        self._output = -1
        self.clock = MovedClock()
        folder.mkdir(parents=True, exist_ok=True)
        with Server(port=self.port, data=folder / "company.db", limits="off", seed=1) as server:
            shop = Shop(folder, server)
            shop.configure()
            shop.preferences(OFF)
            shop.connect(switch_off=False)
            self.realm_id = shop.realm_id
        self._shop = shop

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "data" / f"emulator-{self.realm_id}.db"

    @property
    def company(self) -> Path:
        """The file of QuickBooks' books."""
        return self.folder / "company.db"

    def deliver(self, sets: Sets) -> None:
        """The order system writes its export."""
        self._shop.deliver(complete=True, counts=None, **sets)

    # Snapshots -------------------------------------------------------------------------

    def keep(self, name: str) -> None:
        """Remember how everything stands; the emulator has to be at rest."""
        for part in _KEPT:
            _copy(self.folder / part, self.folder / "kept" / name / part)

    def put_back(self, name: str) -> None:
        """Make everything as it was."""
        for part in _KEPT:
            _copy(self.folder / "kept" / name / part, self.folder / part)

    # Processes -------------------------------------------------------------------------

    def open(self) -> None:
        """Start `python -m qbosync.emulator`; it answers when this returns."""
        out, into = os.pipe()
        words = ["--port", str(self.port), "--data", str(self.company), "--seed", "1", *_FORGETFUL]
        self._emulator = os.fork()
        if self._emulator == 0:
            os.dup2(into, 1)
            os.dup2(os.open(self.folder / "emulator.err", os.O_CREAT | os.O_WRONLY, 0o600), 2)
            _program(serve, words)
        os.close(into)
        self._output = out
        while b"\n" not in os.read(out, 200):
            pass

    def shut(self) -> None:
        """End the emulator in order, so that its file is whole."""
        if self._emulator:
            os.kill(self._emulator, signal.SIGTERM)
            os.waitpid(self._emulator, 0)
            os.close(self._output)
            self._emulator = 0

    def sync(self, *words: str, watcher: Watcher | None = None, is_started: bool = False) -> End:
        """One run of cron, as a process."""
        every = ["--config", str(self.folder / "config.toml"), "sync", *words]
        begin = partial(_start, every) if is_started else partial(_program, self._main, every)
        return watch(begin, watcher, self.folder)

    def _main(self) -> None:
        program(prog_name="qbosync", obj={"clock": self.clock})

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """The emulator's own controls."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(line):
            line.request(method, f"/_emulator/{path}", json.dumps(body))
            answer = line.getresponse()
            assert answer.status == 200, answer.read()
            return json.loads(answer.read())

    def advance(self, seconds: float = CRON) -> None:
        """Let time pass, in QuickBooks and on this machine."""
        told = self.control("clock", {"advance_s": seconds})["now"]
        self.clock.offset = datetime.fromisoformat(told) - datetime.now(UTC)

    def writes(self) -> list[str]:
        """What was sent to be written since this was last asked."""
        rows = self.control("requests", method="GET")
        self.control("requests", method="DELETE")
        return [
            row["path"].rpartition("/")[2]
            for row in rows
            if row["method"] == "POST"
            and row["path"].startswith("/v3/company/")
            and not row["path"].endswith("/query")
        ]


def _program(program: Callable[[], object], words: Sequence[str]) -> NoReturn:
    """In a forked process: a command line, and the end that an interpreter makes."""
    code = 1
    try:
        _clean()
        sys.argv = ["qbosync", *words]
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, closefd=False)  # noqa: SIM115  as long as the process
            for number, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        program()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _start(words: Sequence[str]) -> NoReturn:
    """In a forked process: a fresh interpreter takes its place."""
    _clean()
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "qbosync", *words])


def _clean() -> None:
    for name in CLEAN:
        os.environ.pop(name, None)


def _copy(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
        return
    for end in ("-wal", "-shm"):
        target.with_name(target.name + end).unlink(missing_ok=True)
    shutil.copyfile(source, target)
