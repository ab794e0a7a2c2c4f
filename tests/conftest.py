"""What every test stands on: no network but loopback, no keyring but the one named."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qbosync.emulator import Server
from qbosync.emulator.provenance import SWITCHES, Assumptions
from qbosync.emulator.readme import load_all
from tests.workroom import Workroom, a_server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--assume", action="append", default=[], metavar="NAME=VALUE",
        help="a disputed rule of the emulator's that all tests of this run assume otherwise",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """What is assumed takes the place of the default, whoever makes an emulator."""
    chosen = dict(word.partition("=")[::2] for word in config.getoption("--assume"))
    load_all()
    Assumptions.read(chosen)
    for name, value in chosen.items():
        known = SWITCHES[name]
        others = tuple(one for one in known.values if one != value)
        SWITCHES[name] = dataclasses.replace(known, values=(value, *others))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse any socket that would leave the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        is_inet = self.family in (socket.AF_INET, socket.AF_INET6)
        if is_inet and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An emulator for the tests of a module."""
    with a_server() as running:
        yield running


@pytest.fixture
def room(server: Server, tmp_path: Path) -> Workroom:
    """A shop, its ledger and a company of their own."""
    return Workroom(server, tmp_path)
