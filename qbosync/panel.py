"""How it stands, line by line, for a person; the values are those of `status --json`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Console

from qbosync.guard import age_words
from qbosync.model import ZERO, show
from qbosync.screen import cell, clock_time, named, remedy, show_edited

_SETTLE = (
    "Is it in QuickBooks, say which: qbosync resolve {0} --relink ID, or --theirs where it is"
    " settled there by hand. Is it not: qbosync resolve {0} --ours."
)


def show_status(console: Console, document: Mapping[str, Any]) -> None:
    """The same, line by line."""
    for name, value in _rows(document):
        console.print(cell(f"{name:<18}{value}"))
    for name, told in document["accepted"].items():
        by = f", by {told['by']}" if told["by"] else ""
        console.print(cell(f"{'Vouched for':<18}{name}, on {told['at'][:10]}{by}"))
    for row in (*document["held"], *document["to_apply_by_hand"]):
        console.print(cell(f"  {named(row['source'])}: {row['what']}", "yellow"))
        end = remedy(row["reason"], row["todo"])
        console.print(cell(f"    {end} (since {row['since'][:10]})"))
    for row in document["opening_deposits"]:
        words = f"{named(row['source'])} of {row['date']}, {row['customer']}, {row['amount']}"
        console.print(cell(f"  {words}: paid before the start date, so not sent.", "yellow"))
        console.print(cell(f"    {_SETTLE.format(row['source'])}"))
    show_edited(console, document["edited"])


def _rows(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    state = "Active" if document["active"] else "Inactive"
    last, success = document["last_run"], document["last_success_at"]
    held, oldest = document["held"], document["oldest_held_since"]
    amount = f", {show(Decimal(document['held_amount']))} not in QuickBooks" if held else ""
    rows = [
        ("Environment", document["environment"].capitalize()),
        ("Company", document["company"] or "not connected: run `qbosync connect`"),
        ("Status", f"{state} · {document['summary']}"),
        ("", document["why"]),
        ("Last Run", _run_words(last) if last else "never"),
        ("Last success", clock_time(success) if success else "never"),
        ("Next run", _next_words(document["next_run"])),
        ("Held", f"{len(held)}{amount}"),
        ("Oldest held", f"{named(held[0]['source'])}, since {oldest[:10]}" if held else ""),
        ("Apply by hand", str(len(document["to_apply_by_hand"]))),
        ("Edited there", f"{len(document['edited'])} edited in QuickBooks"),
        ("Opening deposits", _deposits(document["opening_deposits"])),
        ("Outcome unknown", str(document["open_intents"])),
        ("Token", _token_words(document["token"])),
        ("Export", _feed_words(document["feed"])),
        ("Books closed", f"until {document['closed_until']}" if document["closed_until"] else ""),
        ("Ledger", ", ".join(f"{n} {kind}" for kind, n in document["ledger"].items()) or "empty"),
        ("Last error", _error_words(document["last_error"])),
        ("Clock", f"{clock_time(document['clock']['now'])}, days of {document['clock']['zone']}"),
        ("Configuration", f"{document['configuration']} ({document['configuration_digest']})"),
        ("Version", document["version"]),
    ]
    return [(name, value) for name, value in rows if value]


def _run_words(last: Mapping[str, Any]) -> str:
    tail = f": {last['error']}" if last["error"] else ""
    at = clock_time(last["finished_at"])
    return f"{at}, {last['written']} written, {last['held']} held{tail}"


def _next_words(coming: Mapping[str, Any]) -> str:
    if coming["at"] is None:
        return "not scheduled: neither this user's crontab nor systemd has it"
    return f"{clock_time(coming['at'])}, by {coming['by']}"


def _deposits(rows: list[Mapping[str, Any]]) -> str:
    total = sum((Decimal(row["amount"]) for row in rows), ZERO)
    return f"{len(rows)} left, {show(total)}" if rows else ""


def _token_words(token: Mapping[str, Any]) -> str:
    if token["refresh_days_left"] is None:
        return "unknown"
    hard = token.get("hard_days_left")
    tail = f"; {hard} days until Intuit asks to connect again" if hard is not None else ""
    return f"{token['refresh_days_left']} days left without a run{tail}"


def _feed_words(feed: Mapping[str, Any]) -> str:
    if feed["made_at"] is None:
        return "unknown: it cannot be read now"
    made = datetime.fromisoformat(feed["made_at"]).astimezone(UTC)
    return f"of {made:%Y-%m-%d %H:%M} UTC, {age_words(timedelta(hours=feed['age_hours']))} old"


def _error_words(error: Mapping[str, Any] | None) -> str:
    if error is None:
        return ""
    trace = f" (intuit_tid {error['intuit_tid']})" if error["intuit_tid"] else ""
    return f"{clock_time(error['at'])}: {error['what']}{trace}"
