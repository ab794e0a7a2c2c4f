"""`crontab.example` is what cron understands, and says of exit codes what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qbosync import errors

TEXT = (Path(__file__).parent.parent / "crontab.example").read_text(encoding="utf-8")
LINES = [line for line in TEXT.splitlines() if line.strip() and not line.lstrip().startswith("#")]
SETTING = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
SETTINGS = {match[1]: match[2] for line in LINES if (match := SETTING.fullmatch(line))}
JOBS = [line.split(None, 5) for line in LINES if not SETTING.fullmatch(line)]
EXAMPLE_MINUTE = next(int(job[0]) for job in JOBS if job[5].endswith(" sync"))
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def values(text: str, low: int, high: int) -> set[int]:
    """What one time field of a crontab means: lists of ranges with steps."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        assert match, f"{part!r} is no time field"
        first = low if match[1] == "*" else int(match[2])
        last = high if match[1] == "*" or (match[4] and not match[3]) else int(match[3] or first)
        assert low <= first <= last <= high, f"{part!r} is out of range"
        found |= set(range(first, last + 1, int(match[4] or 1)))
    return found


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job[-1][:60])
def test_every_job_has_five_time_fields_and_a_command(job):
    assert len(job) == 6
    for text, (low, high) in zip(job, FIELDS, strict=False):
        assert values(text, low, high)


def test_the_sync_runs_every_two_hours_at_an_odd_minute():
    [sync] = [job for job in JOBS if job[5].endswith(" sync")]

    [minute] = values(sync[0], *FIELDS[0])
    assert minute % 5, "on round minutes everybody else asks QuickBooks too"
    assert values(sync[1], *FIELDS[1]) == set(range(0, 24, 2))
    assert sync[2:5] == ["*", "*", "*"]


def test_cron_finds_the_command_without_a_login():
    """Cron has PATH=/usr/bin:/bin, and expands no `$HOME` in a setting, only in a command."""
    assert all(job[5].startswith("$HOME/") for job in JOBS)
    assert all("~" not in job[5] and "./" not in job[5] for job in JOBS)
    assert all(part.startswith("/") for part in SETTINGS["PATH"].split(":"))
    assert "MAILTO" in SETTINGS
    assert all("$" not in value for value in SETTINGS.values())


def test_no_percent_sign_cuts_a_command_in_two():
    assert "%" not in TEXT


def test_the_last_line_ends():
    """Cron drops a last line without an end."""
    assert TEXT.endswith("\n")
    assert "\r" not in TEXT
    assert max(map(len, TEXT.splitlines())) < 1000  # what cron reads of a line


def test_the_bus_is_named_but_not_forced_on_anybody():
    assert re.search(r"^#DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/\d+/bus$", TEXT, re.MULTILINE)
    assert "DBUS_SESSION_BUS_ADDRESS" not in SETTINGS


def test_the_lock_is_qbosyncs_own():
    assert not any("flock" in job[5] for job in JOBS)
    assert "qbosync locks itself" in TEXT


def test_the_exit_codes_are_the_ones_that_qbosync_has():
    told = {int(code): words for code, words in re.findall(r"^#     (\d)  (.*)$", TEXT, re.M)}

    assert sorted(told) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert told[errors.QbosyncError.exit_code].startswith("a bug")
    assert told[errors.RecordError.exit_code].startswith("some records are held")
    assert told[errors.SetupError.exit_code].startswith("a person must act first")
    assert told[errors.TemporaryError.exit_code].startswith("QuickBooks or the source")
    assert told[errors.BusyError.exit_code].startswith("another run is still going")
    assert told[errors.LedgerError.exit_code].startswith("the ledger or the disk")


def test_the_silent_codes_are_told_apart_from_those_that_mail():
    told = dict(re.findall(r"^#     (\d)  .*?(no mail|mail)\b", TEXT, re.M))

    assert {code for code, words in told.items() if words == "no mail"} == {"0", "5", "6"}
    assert {code for code, words in told.items() if words == "mail"} == {"1", "2", "3", "4", "7"}
