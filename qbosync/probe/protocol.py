"""Questions about limits, settings and sign-in; the ones that may disturb come last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from qbosync.probe.question import Said, question
from qbosync.probe.stage import CannotAskError, Stage
from qbosync.qbo.faults import parse_json
from qbosync.qbo.oauth import InvalidGrantError, Tokens, refresh

BURST = 15
_CALM = 2.0
"""Seconds after which earlier requests no longer count for the second's limit."""


@question("l", "Thirty queries in one batch and the limit of ten a second", "answered")
def batch_of_queries(stage: Stage) -> Said:
    stage.clock.sleep(_CALM)
    items = [{"bId": str(n), "Query": "SELECT COUNT(*) FROM Customer"} for n in range(30)]
    reply = stage.raw("POST", "batch", {}, {"BatchItemRequest": items})
    note = "whether metering counts one read or thirty shows only in your app's analytics"
    if reply.status != 200:
        return Said(f"HTTP {reply.status}", note)
    document = parse_json(reply.body)
    rows = document.get("BatchItemResponse", []) if isinstance(document, dict) else []
    refused = [row for row in rows if "Fault" in row]
    return Said(f"{len(refused)} refused" if refused else "answered", note)


@question("p", "A preference for applying bill payments", "none")
def bill_payments(stage: Stage) -> Said:
    # Read once more, so that the cassette shows them.
    names = [path for path in _paths(stage.company.preferences()) if "billpayment" in path.lower()]
    return Said(", ".join(names) or "none")


def _paths(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")
        elif name == "NameValue":
            yield from (f"{above}{one['Name']}={one['Value']}" for one in value)


@question(
    "r",
    "The refresh token before: itself; the one after it",
    "dead; lives",
    "refresh-race=old-dies",
)
def old_refresh_token(stage: Stage) -> Said:
    before = stage.memory.load().refresh_token
    tokens = _refresh(stage, before)
    if tokens is not None and tokens.refresh_token == before and stage.wait:
        stage.clock.sleep(stage.wait)
        tokens = _refresh(stage, before)
    if tokens is None:
        raise CannotAskError("the refresh token was refused at once")
    stage.memory.save(replace(stage.memory.load(), refresh_token=tokens.refresh_token))
    if tokens.refresh_token == before:
        raise CannotAskError("its value changes after a day: run with --wait 25")
    old = _refresh(stage, before)
    new = _refresh(stage, tokens.refresh_token)
    return Said(f"{'lives' if old else 'dead'}; {'lives' if new else 'dead'}")


def _refresh(stage: Stage, value: str) -> Tokens | None:
    blob = stage.memory.load()
    keys = (blob.client_id, blob.client_secret)
    try:
        return refresh(stage.endpoints, *keys, value, stage.transport, stage.clock)
    except InvalidGrantError:
        return None


@question("k", "The answer to too many requests", "XML, no Retry-After")
def throttled(stage: Stage) -> Said:
    with ThreadPoolExecutor(BURST) as pool:
        replies = list(pool.map(lambda _: stage.raw("GET", "preferences", {}), range(BURST)))
    refused = [reply for reply in replies if reply.status == 429]
    if not refused:
        raise CannotAskError(f"{BURST} requests at once were all answered")
    is_xml = refused[0].body.lstrip().startswith(b"<")
    waits = refused[0].headers.get("Retry-After")
    told = f"Retry-After {waits}" if waits else "no Retry-After"
    return Said(f"{'XML' if is_xml else 'JSON'}, {told}", f"{len(refused)} of {BURST} refused")
