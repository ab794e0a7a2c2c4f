"""The demonstration: what somebody sees who just installed it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def demo(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qbosync", "demo", *args],
        capture_output=True, text=True, timeout=20, cwd=ROOT, env=os.environ | {"NO_COLOR": "1"},
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told() -> str:
    done = demo()
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_reads_without_colours_and_within_a_page_width(told: str) -> None:
    assert "\x1b" not in told
    assert [n for n in range(1, 7) if f"\n{n}. " in told] == list(range(1, 7))


def test_it_finds_the_settings_that_hurt_and_says_where_they_are(told: str) -> None:
    assert "STOP sales tax" in told and "Turn off sales tax" in told
    assert "STOP automatic credits" in told


def test_it_ends_by_writing_nothing_and_to_the_cent(told: str) -> None:
    end = told[told.index("6. Once more") :]
    assert "Nothing new" in end and "Written" not in end
    assert "agree to the cent" in end and "DIFFER" not in told


def test_for_machines_it_is_one_object() -> None:
    done = demo("--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit_code"], document["error"]) == (0, 0, None)
    assert document["agree"] and document["runs"][-1]["written"] == []
    assert all(run["written"] for run in document["runs"][:-1])


def test_the_two_commands_it_leaves_behind_work(tmp_path: Path) -> None:
    done = demo("--keep", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stderr
    serve, plan = (
        shlex.split(words.strip())[1:]
        for words in done.stdout.splitlines()
        if words.startswith("  qbosync ")
    )
    with subprocess.Popen(
        [sys.executable, "-m", "qbosync", *serve], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as emulator:
        assert emulator.stdout is not None
        assert emulator.stdout.readline().startswith("QuickBooks emulator on http://127.0.0.1:")
        planned = subprocess.run(
            [sys.executable, "-m", "qbosync", *plan],
            capture_output=True, text=True, timeout=20, cwd=ROOT, check=False,
        )  # fmt: skip
        emulator.terminate()
    assert planned.returncode == 0, planned.stderr
    assert "Nothing to do" in planned.stdout


def test_it_takes_no_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = demo("--keep", str(tmp_path))
    assert done.returncode == 4 and "is not empty" in done.stderr
    as_object = demo("--keep", str(tmp_path), "--json")
    assert as_object.returncode == 4 and json.loads(as_object.stdout)["error"]["todo"]
