"""A share of `make crash`, and proof that it would notice.

Real processes on real files, ended at each point where something leaves or enters them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import qbosync.recover
from tests.crash.boundary import Boundary
from tests.crash.case import Case, Week
from tests.crash.powercut import WRONG_MODES, power_cuts
from tests.crash.room import ROOT, Room
from tests.crash.tracer import is_possible

pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_possible(), reason="watching processes so needs Linux on x86-64"),
]
SHARE = 300


def test_a_share_of_all_boundaries_leaves_no_trace(tmp_path: Path) -> None:
    """Killed, killed again in recovery, with a full and with a failing disk; spread evenly."""
    report = tmp_path / "report"
    words = ["-m", "tests.crash", "--share", str(SHARE), "--report", str(report)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, check=False, env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SHARE} cases" in done.stdout
    assert "0 documents twice, 0 lost, 0 records without disposition" in done.stdout
    assert all(f"{kind} ok" in report.read_text() for kind in ("kill", "again", "enospc", "eio"))


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """Two days of a shop."""
    return Week(Room(tmp_path_factory.mktemp("week").resolve() / "room"), days=2)


ANSWERED = Case(0, "kill", Boundary("recvfrom", "POST payment", 1))
"""QuickBooks has the payment, and its answer was never read; no number keeps it from doubling."""


def test_the_boundaries_are_each_way_out_of_a_run(week: Week) -> None:
    names = {str(at) for day in week.days for at in day.boundaries}
    assert names >= {
        "connect the connection #1", "sendto POST invoice #1", "recvfrom POST invoice #1",
        "flock data/ledger.lock #1", "close data/ledger.lock #1",
        "pwrite64 data/ledger.db-wal #1", "fdatasync data/ledger.db-wal #1",
        "rename data/emulator-token.new #1", "fsync data/emulator-token.new #1",
        "read export/orders.csv #1", "write data/qbosync.log #1",
    }  # fmt: skip


def test_a_run_killed_before_its_answer_adopts_the_document(week: Week) -> None:
    played = week.play(ANSWERED)
    assert played.is_reached and played.wrong == ()


def test_a_copy_that_is_not_whole_yet_counts_for_none(week: Week) -> None:
    """A run that was killed while it copied: what it left is no copy, and the next makes one."""
    at = Boundary("pwrite64", "data/backups/ledger-….db.part", 3)
    played = week.play(Case(1, "kill", at))
    assert played.is_reached and played.wrong == ()


def test_the_same_in_an_interpreter_that_cron_starts(week: Week) -> None:
    played = week.play(ANSWERED, is_started=True)
    assert played.is_reached and played.wrong == ()


def test_sending_again_without_looking_is_seen(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked process takes the planted bug along."""
    monkeypatch.setattr(qbosync.recover, "since_intents", lambda _company, _intents: {})
    assert any(wrong.startswith("twice: Payment") for wrong in week.play(ANSWERED).wrong)


def test_no_power_cut_loses_an_intent_whose_request_left(week: Week) -> None:
    cut = power_cuts(week, [1])
    assert cut.images > 500 and not cut.wrong, str(cut)


@pytest.mark.parametrize("mode", WRONG_MODES, ids=str)
def test_a_ledger_opened_in_a_wrong_mode_is_seen_to_lose_intents(
    week: Week, mode: dict[str, str | int]
) -> None:
    assert power_cuts(week, [1], mode).wrong["intent lost"]
