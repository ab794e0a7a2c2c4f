"""manifest.json: what the exporting side says about its delivery.

Optional, and believed only if it can be read: a delivery that says it is cut, or not in US
dollars, stops the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qbosync.errors import SetupError

NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`is_complete`: what is missing from this delivery is gone."""

    is_complete: bool = False
    timezone: ZoneInfo | None = None
    generated_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def read_manifest(content: bytes, timezone: ZoneInfo) -> Manifest:
    """Read it; an instant without zone is time of its own time zone, else of `timezone`."""
    found = _members(content)
    complete = found.get("complete")
    if complete is not None and not isinstance(complete, bool):
        raise _wrong("complete", complete, "write true or false")
    currency = found.get("currency")
    if currency not in (None, "") and str(currency).strip().upper() != "USD":
        raise SetupError(
            f"The export is in {currency!r} ({NAME}), and only USD can be sent.",
            todo="Export a company whose currency is USD.",
        )
    zone = _timezone(found.get("timezone"))
    return Manifest(
        bool(complete),
        zone,
        _instant(found.get("generated_at"), zone or timezone),
        _counts(found.get("counts")),
    )


def _members(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SetupError(
            f"{NAME} cannot be read ({error}).", todo="Export it again; nothing was written."
        ) from None
    if not isinstance(found, dict):
        raise SetupError(
            f"{NAME} is not an object of names and values.", todo="Correct it, or leave it out."
        )
    return found


def _timezone(name: Any) -> ZoneInfo | None:
    if name in (None, ""):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise _wrong("timezone", name, "name it as in America/Boise") from None


def _instant(text: Any, timezone: ZoneInfo) -> datetime | None:
    if text in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=timezone)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise _wrong(
            "generated_at", text, "write an instant such as 2024-01-31T17:00:00Z"
        ) from None


def _counts(found: Any) -> dict[str, int]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _wrong("counts", found, "write the number of rows for each set")
    for name, count in found.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise _wrong(f"counts of {name}", count, "write the number of its rows")
    return found


def _wrong(member: str, value: Any, todo: str) -> SetupError:
    return SetupError(
        f"{NAME}: {value!r:.60} as {member} cannot be understood.", todo=f"There {todo}."
    )
