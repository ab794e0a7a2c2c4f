"""When the next run comes, and the crontab line for this machine.

Cron and systemd are asked what they have; nothing is written to either.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

from cronsim import CronSim, CronSimError

from qbosync.places.file import is_posix

_SECONDS = 3
_JOB = re.compile(r"^\s*((?:\S+\s+){5})(.*\bqbosync\b.*\bsync\b.*)$", re.MULTILINE)
_HOURS = "*/2"


@dataclass(frozen=True, slots=True)
class Next:
    """The next run: when, and who starts it; `None` and blank where nobody does."""

    at: datetime | None = None
    by: str = ""


def minute_of(name: str) -> int:
    """A minute of the hour that is this company's, and never a round one.

    On the full hour everybody else asks QuickBooks too.
    """
    odd = [minute for minute in range(60) if minute % 5]
    return odd[crc32(name.encode()) % len(odd)]


def program() -> list[str]:
    """The words that start qbosync here, for whoever has no PATH of ours."""
    called = Path(sys.argv[0])
    if called.name == "qbosync" and called.exists():
        return [str(called.absolute())]
    beside = Path(sys.executable).with_name("qbosync")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "qbosync"]


def crontab_lines(config: Path, name: str, environ: Mapping[str, str]) -> list[str]:
    """Two lines to paste: the run every two hours, and the look whether runs still come."""
    words = [*program(), "--config", str(config)]
    if data := environ.get("QBOSYNC_DATA_DIR"):
        words = ["env", f"QBOSYNC_DATA_DIR={Path(data).absolute()}", *words]
    # In a crontab a per cent sign ends the command.
    command = shlex.join(words).replace("%", r"\%")
    watch = f'{command} status --max-age 5h >/dev/null || echo "qbosync: no success for 5 hours"'
    minute = minute_of(name)
    return [f"{minute} {_HOURS} * * * {command} sync", f"{minute_of(name + '?')} 8 * * * {watch}"]


def next_of(line: str, now: datetime) -> datetime | None:
    """When a line of a crontab comes next; cron goes by the machine's own time zone."""
    match = _JOB.match(line)
    if not match or line.lstrip().startswith("#"):
        return None
    try:
        # Naive on purpose: cron follows the wall clock of the machine.
        local = now.astimezone().replace(tzinfo=None)
        return next(CronSim(match[1].strip(), local)).astimezone(UTC)
    except (CronSimError, StopIteration):
        return None


def next_run(now: datetime) -> Next:
    """What cron or systemd will start next for this user."""
    if not is_posix():
        return Next()
    for line in _told(["crontab", "-l"]).splitlines():
        if at := next_of(line, now):
            return Next(at, "cron")
    for scope in ("--user", "--system"):
        asked = ["systemctl", scope, "show", "qbosync.timer", "--timestamp=unix", "--value"]
        told = _told([*asked, "--property=NextElapseUSecRealtime"]).strip()
        if re.fullmatch(r"@\d+", told):
            return Next(datetime.fromtimestamp(int(told[1:]), UTC), "systemd")
    return Next()


def _told(words: list[str]) -> str:
    """What a program prints, blank where it is not there or has nothing to say."""
    try:
        done = subprocess.run(  # noqa: S603  fixed words
            words,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
