"""The recorded exchanges, read where they lie; nothing of them is kept in the project.

Ids and field names may be shown, bodies never.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import simplejson

Json = dict[str, Any]
CORPUS = Path(__file__).parents[3] / "shared" / "qbo-recordings" / "exchanges.jsonl"
WHY_ABSENT = "the recordings are not published with the project"
SCOPE = (
    "Customer", "Item", "Account", "Estimate", "Invoice", "Payment", "CreditMemo", "Deposit",
    "PaymentMethod", "Term", "Preferences", "CompanyInfo", "Batch", "ChangeDataCapture", "OAuth2",
)  # fmt: skip
# Whose recordings keep the literals and the headers as the server sent them.
VERBATIM = "minimul/qbo_api"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its reply."""

    raw: Json

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def entity(self) -> str:
        return str(self.raw["entity"])

    @property
    def operation(self) -> str:
        """What was asked; for a fault what was tried."""
        tried = self.raw.get("attempted")
        return f"{tried} refused" if tried else str(self.raw["operation"])

    @property
    def at(self) -> str:
        return str(self.raw["recorded_on"] or "")

    @property
    def time(self) -> str:
        """When the server answered, as its body says, else as the collector does."""
        body = self.body
        told = body.get("time") if isinstance(body, dict) else None
        return told if isinstance(told, str) else self.at

    @property
    def method(self) -> str:
        return str(self.raw["request"]["method"])

    @property
    def path(self) -> str:
        return str(self.raw["request"]["path"])

    @property
    def query(self) -> dict[str, str]:
        return dict(self.raw["request"]["query"] or {})

    @property
    def sent(self) -> Any:
        return self.raw["request"]["body"]

    @property
    def status(self) -> int | None:
        status = self.raw["response"]["status"]
        return None if status is None else int(status)

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.raw["response"]["headers"])

    @property
    def format(self) -> str:
        return str(self.raw["response"]["body_format"])

    @property
    def body(self) -> Any:
        return self.raw["response"]["body"]

    @property
    def codes(self) -> list[str]:
        return list(self.raw.get("fault_codes") or ())

    @property
    def partial(self) -> bool:
        return bool(self.raw.get("partial"))

    @property
    def verbatim(self) -> bool:
        return bool(self.raw["source_repo"] == VERBATIM)


@cache
def recorded() -> tuple[Exchange, ...]:
    """Every exchange that a real server answered; empty where the corpus is absent."""
    if not CORPUS.exists():
        return ()
    lines = CORPUS.read_text("utf-8").splitlines()
    found = (Exchange(simplejson.loads(line, use_decimal=True)) for line in lines)
    return tuple(one for one in found if one.raw["kind"] == "recorded")


def in_scope() -> list[Exchange]:
    """What the goal counts: JSON (or empty) replies of the entities covered."""
    return [e for e in recorded() if e.entity in SCOPE and e.format in ("json", "empty")]


def rows_of(body: Any) -> Iterator[tuple[str, Json]]:
    """(entity, object) of everything with an Id in a reply, in its order."""
    if isinstance(body, list):
        for one in body:
            yield from rows_of(one)
    elif isinstance(body, dict):
        for key, value in body.items():
            if key in ("QueryResponse", "CDCResponse", "BatchItemResponse"):
                yield from rows_of(value)
                continue
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict) and isinstance(one.get("Id"), str):
                    yield key, one


@cache
def knowledge() -> dict[tuple[str, str], list[Json]]:
    """Every object that any JSON recording shows, by entity and id, newest recording first."""
    out: dict[tuple[str, str], list[Json]] = {}
    for exchange in sorted(recorded(), key=lambda e: e.at, reverse=True):
        if exchange.format == "json":
            for entity, row in rows_of(exchange.body):
                out.setdefault((entity, row["Id"]), []).append(row)
    return out
