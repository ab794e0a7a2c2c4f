"""What cron mails: news, and once a day a reminder of what is still held.

A person who gets the same mail every two hours stops reading it.  The exit code tells
the state each time; words come when it gets worse, when it is well again, and daily.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

from qbosync.errors import QbosyncError
from qbosync.keeper import CONNECTION_ENDS
from qbosync.ledger import Ledger
from qbosync.mail import mail
from qbosync.outcome import Outcome
from qbosync.places import Connection
from qbosync.wiring import Setup, open_ledger

_FIGURES = re.compile(r"intuit_tid [\w-]+|\d+|\bhours\b|\bdays\b")
"""What differs from mail to mail though the trouble is the same."""
UNKNOWN = "unknown_outcome"
"""What time may settle is no news."""
_ENDS_IN = (60, 30, 14, 7, 6, 5, 4, 3, 2, 1, 0)
"""Days before the end of a connection on which it is said."""
_QUIET_RUNS = 3
_QUIET_TIME = timedelta(hours=24)


def news(ledger: Ledger, outcome: Outcome, setup: Setup, now: datetime) -> list[str]:
    """The lines for standard error, none when there is nothing to say; remembers what it said."""
    connection = setup.connection
    assert connection is not None  # noqa: S101  there is a ledger
    company = f"{connection.company} ({connection.environment})"
    return [*_news(ledger, outcome, setup, now, company), *_ending(ledger, now, company)]


def _ending(ledger: Ledger, now: datetime, company: str) -> list[str]:
    """That Intuit ends the connection soon, whatever runs; a few times, and daily at last."""
    ends = ledger.fact(CONNECTION_ENDS)
    if not ends:
        return []
    days = max((date.fromisoformat(ends) - now.date()).days, 0)
    step = min((str(one) for one in _ENDS_IN if days <= one), default="", key=int)
    if ledger.fact("told:ending") == step:
        return []
    ledger.set_fact("told:ending", step)
    if not step:
        return []  # somebody has connected anew
    return [
        f"qbosync: {company}: the connection to QuickBooks ends in {days} days, on {ends}: Intuit"
        " lets none last longer than five years.",
        "Run `qbosync connect` before that day; everything else stays as it is.",
    ]


def _news(ledger: Ledger, outcome: Outcome, setup: Setup, now: datetime, company: str) -> list[str]:
    code = outcome.exit_code
    was = ledger.fact("told:code")
    if code in (130, 143) or outcome.signal:
        return [f"qbosync: {company}: stopped; what was sent is recorded"]
    edited = _edits_not_told(ledger, outcome) if outcome.error is None else []
    if code == 0:
        ledger.set_fact("told:code", "0")
        ledger.set_fact("told:held", "")
        lines = [f"qbosync: {company}: all is well again"] if was not in ("", "0") else []
        if edited:
            lines.append(f"qbosync: {company}: {len(edited)} edited in QuickBooks, nothing is held")
        return lines + edited
    is_due = _is_reminder_due(ledger, setup, now)
    if outcome.error is not None:
        what = outcome.error.what
        gist = _FIGURES.sub("", what)
        if code == 5 and not _is_long(ledger, now):
            return []
        if was == str(code) and not is_due and (code == 5 or ledger.fact("told:what") == gist):
            return []
        lines = [f"qbosync: {company}: {what}", outcome.error.todo]
        ledger.set_fact("told:what", gist)
    else:
        marks = _news_among(ledger, outcome)
        if not marks and not is_due and not edited:
            return []
        if code == 5 and not _is_long(ledger, now):
            return edited
        since = {row["source"]: row["since"] for row in ledger.holds()}
        lines = [*mail(outcome, company, marks, since), *edited]
    ledger.set_fact("told:code", str(code))
    ledger.set_fact("told:at", now.isoformat())
    return [line for line in lines if line]


def _edits_not_told(ledger: Ledger, outcome: Outcome) -> list[str]:
    """What people changed in QuickBooks, each told once."""
    known = set(ledger.fact("told:edited").splitlines())
    now = {f"{row['entity']} {row['source']} {row['since']}": row for row in outcome.edited}
    if now.keys() != known:
        ledger.set_fact("told:edited", "\n".join(sorted(now)))
    return [f"{row['what']} {row['todo']}" for name, row in now.items() if name not in known]


def _news_among(ledger: Ledger, outcome: Outcome) -> dict[str, str]:
    """Records that are held anew, or for another reason than when it was last told."""
    known = dict(line.rpartition(" ")[::2] for line in ledger.fact("told:held").splitlines())
    held = outcome.held | outcome.by_hand
    ledger.set_fact("told:held", "\n".join(f"{p.source} {p.reason}" for p in held.values()))
    return {
        p.source: "NEW" if known.get(p.source, UNKNOWN) == UNKNOWN else "NOW"
        for p in held.values()
        if known.get(p.source) != p.reason != UNKNOWN
    }


def news_of_some(outcome: Outcome, setup: Setup) -> list[str]:
    """The lines of a run over a few records: it changes nothing about what was said of all."""
    connection = setup.connected()
    company = f"{connection.company} ({connection.environment})"
    if outcome.error is not None:
        lines = [f"qbosync: {company}: {outcome.error.what}", outcome.error.todo]
        return [line for line in lines if line]
    held = outcome.held | outcome.by_hand
    return mail(outcome, company, dict.fromkeys(held, "HELD"), {}) if held else []


def news_of_failure(setup: Setup | None, error: QbosyncError) -> list[str]:
    """The lines for a run that could not even begin; once, then daily, where there is a ledger."""
    lines = [f"qbosync: {error.what}", error.todo]
    if setup is None or setup.connection is None:
        return [line for line in lines if line]
    try:
        return _entered(setup, setup.connection, error)
    except QbosyncError:
        # The ledger cannot be asked what was said before, and that is news every time.
        return [line for line in lines if line]


def _entered(setup: Setup, connection: Connection, error: QbosyncError) -> list[str]:
    ledger = open_ledger(setup, connection)
    try:
        now = setup.clock.now()
        run_id = ledger.begin_run(now)
        facts = {
            "finished_at": now.isoformat(),
            "exit_code": error.exit_code,
            "error": error.what,
        }
        ledger.end_run(run_id, facts)
        return news(ledger, Outcome(run_id=run_id, error=error), setup, now)
    finally:
        ledger.close()


def _is_reminder_due(ledger: Ledger, setup: Setup, now: datetime) -> bool:
    """Whether the daily hour has come since something was last said."""
    told = ledger.fact("told:at")
    if not told:
        return True
    local = now.astimezone(setup.zone)
    due = local.replace(
        hour=setup.settings.notify.remind_at.hour,
        minute=setup.settings.notify.remind_at.minute,
        second=0,
        microsecond=0,
    )
    if due > local:
        due -= timedelta(days=1)
    return datetime.fromisoformat(told) < due


def _is_long(ledger: Ledger, now: datetime) -> bool:
    """Whether QuickBooks or the source has been away for three runs in a row, or a day."""
    recent: list[dict[str, Any]] = ledger.recent_runs(_QUIET_RUNS)
    in_a_row = len(recent) == _QUIET_RUNS and all(row["exit_code"] == 5 for row in recent)
    success = ledger.last_success()
    since = datetime.fromisoformat(success["finished_at"]) if success else None
    return in_a_row or (since is not None and now - since > _QUIET_TIME)
