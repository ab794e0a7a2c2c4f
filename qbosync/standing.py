"""How it stands, in three words: Working; Working, needs you; Stopped.

Asks nobody but the ledger, the token store and the export's own date: it must answer when
QuickBooks does not.  What stopped is told with the reason.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import simplejson

from qbosync import __version__
from qbosync.blob import TokenBlob
from qbosync.config.kind import duration
from qbosync.errors import QbosyncError, SetupError
from qbosync.guard import age_words
from qbosync.keeper import Keeper, account_of
from qbosync.ledger import Ledger
from qbosync.model import ZERO
from qbosync.outcome import BY_HAND
from qbosync.person import edited_rows
from qbosync.places import Connection
from qbosync.qbo.preferences import voucher
from qbosync.report import status_json
from qbosync.schedule import next_run
from qbosync.screen import clock_time
from qbosync.source.folder import FolderSource
from qbosync.wiring import Setup, look_into_ledger, open_source, token_store

_HELD = 3
_LATER = 5
_WORKS = (0, _HELD, _LATER, 129, 130, 143)
"""Exit codes after which the next run goes on by itself."""
_SILENT = timedelta(hours=24)
"""So long without a run, or without a success, is no longer working."""
_TRACE = re.compile(r"intuit_tid ([\w-]+)")
Document = dict[str, Any]


def status(setup: Setup, max_age: str) -> Document:
    """Environment, company, Active or Inactive, Last Run, and everything that waits."""
    connection, now = setup.connection, setup.clock.now()
    environment = setup.settings.quickbooks.environment
    document = status_json() | {
        "environment": connection.environment if connection else environment,
        "company": connection.company if connection else "",
        "realm_id": connection.realm_id if connection else "",
        "connected": connection is not None,
        "active": bool(connection and connection.is_active),
        "version": __version__,
        "configuration": str(setup.places.config),
        "configuration_digest": setup.settings.digest()[:12],
        "clock": {"now": now.isoformat(), "zone": setup.settings.source.timezone},
        "feed": _feed(setup, now),
        "next_run": _next(now),
    }
    if connection is not None:
        with look_into_ledger(setup, connection) as ledger:
            _from_ledger(document, ledger, setup)
        _from_token(document, setup, connection)
    _in_three_words(document, now)
    if error := _too_old(setup, document, max_age):
        document |= {"error": error, "exit_code": SetupError.exit_code}
    return document


def _feed(setup: Setup, now: datetime) -> Document:
    """When the export was made, as far as its files say without being read."""
    try:
        source = open_source(setup, expect_orders=False)
        made = source.made_at() if isinstance(source, FolderSource) else None
    except QbosyncError:
        made = None
    hours = None if made is None else max(now - made, timedelta()) // timedelta(hours=1)
    return {"made_at": made.isoformat() if made else None, "age_hours": hours}


def _next(now: datetime) -> Document:
    coming = next_run(now)
    return {"at": coming.at.isoformat() if coming.at else None, "by": coming.by}


def _from_ledger(document: Document, ledger: Ledger, setup: Setup) -> None:
    last, success = ledger.last_run(), ledger.last_success()
    if last:
        names = ("started_at", "finished_at", "exit_code", "written", "held", "error")
        document["last_run"] = {name: last[name] for name in names}
    document["last_success_at"] = success["finished_at"] if success else None
    names = ("source", "reason", "what", "todo", "amount", "since")
    rows = [{name: row[name] for name in names} for row in ledger.holds()]
    document["held"] = [row for row in rows if row["reason"] != BY_HAND]
    document["to_apply_by_hand"] = [row for row in rows if row["reason"] == BY_HAND]
    held = document["held"]
    amounts = [Decimal(row["amount"]) for row in held if row["amount"]]
    document["held_amount"] = f"{sum(amounts, ZERO):.2f}"
    document["oldest_held_since"] = held[0]["since"] if held else None
    document["open_intents"] = len(ledger.open_intents())
    waits = {i.key.source: i.last_sent + setup.settings.sync.resend_after
             for i in ledger.open_intents()}  # fmt: skip
    for row in held:
        row["until"] = waits[row["source"]].isoformat() if row["source"] in waits else None
    document["ledger"] = ledger.counts()
    edits = ledger.edits()
    entries = {e.key: e for e in ledger.entries() if e.key in edits} if edits else {}
    document["edited"] = edited_rows(edits, ledger.words(), entries)
    document["opening_deposits"] = _list(ledger.fact("opening_deposits"))
    document["accepted"] = {
        name: dict(zip(("at", "by"), voucher(told), strict=True))
        for name, told in ledger.facts("accepted:").items()
    }
    document["closed_until"] = _closed(ledger.fact("settings"), setup)
    document["last_error"] = _last_error(ledger)


def _list(text: str) -> list[Any]:
    return list(simplejson.loads(text)) if text else []


def _closed(settings: str, setup: Setup) -> str | None:
    """The later of QuickBooks' closing date, as the last run saw it, and the configuration's."""
    told = simplejson.loads(settings).get("BookCloseDate", "off") if settings else "off"
    days = [] if told == "off" else [date.fromisoformat(told[:10])]
    if own := setup.settings.documents.closed_until:
        days.append(own)
    return max(days).isoformat() if days else None


def _last_error(ledger: Ledger) -> Document | None:
    """The last run that ended in one, with the id that Intuit's support asks for."""
    rows = [row for row in ledger.recent_runs(50) if row["error"]]
    if not rows:
        return None
    trace = _TRACE.search(rows[0]["error"])
    return {
        "at": rows[0]["finished_at"],
        "what": rows[0]["error"],
        "intuit_tid": trace[1] if trace else "",
    }


def _from_token(document: Document, setup: Setup, connection: Connection) -> None:
    """How long Intuit still knows us; unknown where the keyring is shut."""
    try:
        store = token_store(setup, False)
        blob = Keeper(store, account_of(connection.environment, connection.realm_id)).load()
    except QbosyncError as error:
        document["token"] = {"refresh_days_left": None, "hard_days_left": None}
        document["why"] = error.what
        return
    now = setup.clock.now()
    document["token"] = {
        "refresh_days_left": _days(_soonest(blob), now),
        "hard_days_left": _days(blob.hard_expires_at, now),
    }
    if not blob.refresh_token:
        document["why"] = "The keyring has no token."


def _soonest(blob: TokenBlob) -> datetime | None:
    ends = [at for at in (blob.idle_expires_at, blob.hard_expires_at) if at]
    return min(ends) if ends else None


def _days(at: datetime | None, now: datetime) -> int | None:
    return None if at is None else max((at - now) // timedelta(days=1), 0)


def _in_three_words(document: Document, now: datetime) -> None:
    """Working; Working, needs you; Stopped, and why."""
    why = document["why"] or _why_stopped(document, now)
    if why:
        document |= {"summary": "Stopped", "why": why}
    elif document["held"] or document["to_apply_by_hand"]:
        document["summary"] = "Working, needs you"
    else:
        document["summary"] = "Working"


def _why_stopped(document: Document, now: datetime) -> str:
    last = document["last_run"]
    if not document["connected"]:
        return "Not connected to QuickBooks: run `qbosync connect`."
    if last is not None and last["exit_code"] not in _WORKS:
        return str(last["error"] or "The last run was broken off by a mistake of qbosync.")
    if not document["active"]:
        return "The company's settings are not right yet: run `qbosync check`."
    if last is None:
        return "There was no run yet: run `qbosync plan`, then `qbosync sync`."
    silent = now - datetime.fromisoformat(last["finished_at"])
    if silent > _SILENT:
        return f"There was no run for {age_words(silent)}: see whether cron still starts it."
    success = document["last_success_at"]
    if last["exit_code"] == _LATER and success:
        ago = now - datetime.fromisoformat(success)
        if ago > _SILENT:
            return f"No run came through for {age_words(ago)}: {last['error']}"
    return ""


def _too_old(setup: Setup, document: Document, max_age: str) -> dict[str, str] | None:
    """Why the last success is not recent enough, for whoever watches."""
    if not max_age:
        return None
    success = document["last_success_at"]
    if success and setup.clock.now() - datetime.fromisoformat(success) <= duration(max_age):
        return None
    if not document["connected"]:
        return {"what": "Not connected to QuickBooks.", "todo": "Run `qbosync connect`."}
    last = f"was at {clock_time(success)}, longer ago than {max_age}" if success else "never was"
    return {
        "what": f"The last run that succeeded {last}.",
        "todo": "See whether cron still runs `qbosync sync`, and what it mailed.",
    }
