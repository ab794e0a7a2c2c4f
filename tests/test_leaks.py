"""Canaries: secrets and names run through every command and every fault, and are found nowhere.

Secrets may be in no byte of anything; names may be where the operator reads them, and in the
ledger, but in no log, no argument, and nothing that is given away.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from qbosync.cli import program
from qbosync.emulator.misbehaviour import KINDS
from tests.shopkit import OFF, Result, Shop, line, open_shop, order, payment

ID, SECRET = "CANARYCLIENTID0123456789", "CANARYSECRET0123456789abcdef"
NAMES = ("Canarina Müller", "canary@mail.example", "555-0199", "9 Canary Lane", "Canary kitchen",
         "Canary top", "CANARYCHECK7")  # fmt: skip
CUSTOMER = {"customer_id": "1", "name": NAMES[0], "type": "individual", "email": NAMES[1],
            "phone": NAMES[2], "bill_line1": NAMES[3]}  # fmt: skip
SLOW = {"timeout", "timeout_before", "slow"}
_DELAY = 0.01


@dataclass
class Watched:
    """A shop with canaries in it; `said` is everything that any command printed."""

    shop: Shop
    said: list[str] = field(default_factory=list)
    number: int = 1000

    def run(self, *args: str) -> Result:
        done = self.shop.run(*args)
        self.said.append(done.text)
        return done

    def next_day(self, new: int = 1) -> None:
        """More orders and another payment, so that there is something to write."""
        self.number += new
        orders = [
            order(str(n), "100.00", status="shipped", name=NAMES[4], memo=NAMES[3])
            for n in range(1001, self.number + 1)
        ]
        lines = [line(o["order_id"], "100.00", description=NAMES[5]) for o in orders]
        paid = [payment(str(self.number), "10.00", ref_num=NAMES[6], method="check")]
        self.shop.deliver(customers=[CUSTOMER], orders=orders, order_lines=lines, payments=paid)

    def secrets(self) -> set[str]:
        """The keys of the app, and every token that was ever given."""
        oauth = self.shop.server.emulator.oauth
        tokens = {g.refresh for g in oauth.grants} | {g.before for g in oauth.grants}
        return {SECRET} | {t for t in tokens | set(oauth.access) | set(oauth.codes) if t}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "tmp").mkdir()
    before = os.umask(0)
    try:
        with open_shop(folder) as shop, pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(folder / "tmp"))
            made = Watched(shop)
            made.next_day()
            shop.preferences(OFF)
            shop.environ = {"QBOSYNC_CLIENT_ID": ID, "QBOSYNC_CLIENT_SECRET": SECRET}
            done = shop.connect_by_hand("--token-store", "file")
            shop.environ = {}
            made.said.append(done.text)
            assert done.code == 0, done.text
            assert made.run("-vv", "sync").code == 0
            yield made
    finally:
        os.umask(before)


def found_in(text: str | bytes, canaries: set[str] | tuple[str, ...]) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    return [canary for canary in canaries if canary.encode() in raw]


def rotate(watched: Watched) -> None:
    """Intuit gives another token with the next run."""
    for grant in watched.shop.server.emulator.oauth.grants:
        grant.value_since -= 90_000


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_secret_comes_out_of_a_run_that_meets_a_fault(
    watched: Watched, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    plans = watched.shop.server.emulator.misbehaviour.plans
    plans.clear()
    # What the fault before left unknown has had its quiet time.
    watched.shop.clock.offset += timedelta(minutes=20)
    watched.shop.control("clock", {"advance_s": 1200})
    # A token that changes while its answer is lost would end the connection, and the test.
    rotate(watched)
    watched.run("sync")
    watched.next_day(new=8 if "item" in kind else 1)  # eight go as a batch
    delay = _DELAY if kind in SLOW else None
    for when in ({}, {"method": "POST"}, {"entity": "Invoice"}):
        watched.shop.fault(kind, delay_s=delay, **when)
    for args in (["-vv", "check"], ["-vv", "plan"], ["-vv", "sync"], ["-vv", "sync", "--json"]):
        watched.run(*args)
    assert len(plans) < 3, "it struck"
    plans.clear()
    text = "".join(watched.said) + caplog.text
    assert found_in(text, watched.secrets()) == []
    assert found_in(caplog.text, NAMES) == []
    # The detail of a 401 quotes the token, whatever becomes of it.
    assert not re.search(r"eyJ[\w-]{20,}|RT1-[\w-]{20,}|Bearer \w|Basic [\w+/=]{8}", text)


EVERY = [
    ["status"], ["status", "--json"], ["explain", "order:1001"], ["explain", "1001", "--json"],
    ["plan", "--json"], ["check", "--json"], ["check", "--full"], ["reconcile"],
    ["reconcile", "--json"], ["adopt", "--dry-run"], ["ledger", "export"], ["ledger", "backup"],
    ["sync", "--only", "order:1001"], ["--help"], ["--version"], ["no-such-command"],
    ["resolve", "order:1001", "--ours"], ["hold", "order:1001"], ["release", "order:1001"],
]  # fmt: skip


@pytest.mark.parametrize("args", EVERY, ids=lambda args: "-".join(args).strip("-"))
def test_no_secret_comes_out_of_any_command(
    watched: Watched, args: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    done = watched.run("-vv", *args)
    assert found_in(done.text + caplog.text, watched.secrets()) == []
    assert found_in(caplog.text, NAMES) == []


def test_every_command_is_among_them() -> None:
    asked = {args[0] for args in EVERY} | {"sync", "connect", "support", "disconnect"}
    elsewhere = {"init", "emulator", "demo"}  # they know no connection
    assert set(program.commands) <= asked | elsewhere


def test_no_secret_is_in_any_file_and_no_name_in_the_log_or_what_is_given_away(
    watched: Watched,
) -> None:
    help_zip = watched.shop.folder / "help.zip"
    assert watched.run("support", "--yes", "--to", str(help_zip)).code == 0
    files = [path for path in watched.shop.folder.rglob("*") if path.is_file()]
    assert {"qbosync.log", "token.sealed"} <= {path.name for path in files}
    for path in files:
        assert found_in(path.read_bytes(), watched.secrets()) == [], path
    assert found_in((watched.shop.folder / "data" / "qbosync.log").read_bytes(), NAMES) == []
    assert found_in(help_zip.read_bytes(), NAMES) == []
    assert list((watched.shop.folder / "tmp").iterdir()) == []


def test_every_file_is_the_owners_alone_under_umask_0(watched: Watched) -> None:
    """The fixture runs with umask 0; only the export and the configuration are the test's own."""
    data = watched.shop.folder / "data"
    paths = [data, *data.rglob("*"), watched.shop.folder / "config.token-key"]
    assert len(paths) > 6
    for path in paths:
        mode = path.stat().st_mode & 0o777
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path.name} {mode:o}"


def test_no_secret_is_in_an_argument_and_no_core_is_written(watched: Watched) -> None:
    """A command that waits is looked at from outside."""
    shop = watched.shop
    shop.environ = {"QBOSYNC_CLIENT_ID": ID, "QBOSYNC_CLIENT_SECRET": SECRET}
    process = shop.start("connect", "--no-browser", "--token-store", "file")
    shop.environ = {}
    try:
        assert process.stdout is not None
        for said in process.stdout:
            if said.startswith("http"):
                break
        there = Path(f"/proc/{process.pid}")
        if not there.exists():
            pytest.skip("this system shows no processes")
        assert found_in((there / "cmdline").read_bytes(), {SECRET}) == []
        limits = (there / "limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits
    finally:
        process.kill()
        process.communicate()


def test_no_command_takes_a_secret_as_an_option() -> None:
    words = {opt for c in program.commands.values() for p in c.params for opt in p.opts}
    assert not [word for word in words if re.search(r"secret|password|client|refresh|key", word)]


def test_disconnecting_leaves_no_token_behind(watched: Watched) -> None:
    known = watched.secrets()
    assert watched.run("disconnect").code == 0
    assert found_in("".join(watched.said), known) == []


def test_what_is_scanned_for_would_be_seen() -> None:
    assert found_in(b"x" + SECRET.encode(), {SECRET}) == [SECRET]
