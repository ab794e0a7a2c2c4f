"""Failures on demand: before the commit, after it, or something odder.

A plan names a kind, which requests it strikes (`when`) and how often (`times`); nothing here
knows what a company is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from . import faults, gateway
from .http import JSON, Request, Response, html_response
from .jsons import Json

KINDS = {
    "reset_before": "the connection is reset, nothing is applied",
    "reset_after": "applied, then the connection is reset",
    "timeout": "applied, then no answer for `delay_s` seconds and a reset",
    "timeout_before": "nothing is applied, no answer for `delay_s` seconds, then a reset",
    "slow": "a correct answer after `delay_s` seconds",
    "status_500": "HTTP 500 with a 10000 SystemFault, nothing is applied",
    "status_502_html": "HTTP 502 with an HTML page, nothing is applied",
    "status_503_html": "HTTP 503 with an HTML page, nothing is applied",
    "status_504_after": "applied, then HTTP 504 with an HTML page",
    "10000_after": "applied, then HTTP 500 with a 10000 SystemFault",
    "6000_after": "applied, then the 6000 `An unexpected error occurred…`",
    "truncated": "applied, the answer is cut in the middle",
    "html": "applied, HTTP 200 with an HTML page",
    "not_found_html": "HTTP 404 with an HTML page, nothing is applied",
    "throttle": "HTTP 429 in XML, nothing is applied; `retry_after` adds the header",
    "unauthorized": "HTTP 401, token expired, nothing is applied",
    "drop_link": "the estimate link of an invoice is silently not made",
    "bad_item": "one item of a batch (`item`, from 1) is refused with a 6000, not applied",
    "bad_item_after": "one item of a batch is applied and refused all the same",
    "stale_list": "queries and CDC do not yet show what the last `changes` changes did",
    "duplicate": "the request is delivered twice; the second answer is sent",
    "fault_200": "HTTP 200 with a Fault, nothing is applied",
}
BEFORE = {
    "reset_before", "timeout_before", "status_500", "status_502_html", "status_503_html",
    "not_found_html", "throttle", "unauthorized", "fault_200",
}  # fmt: skip


@dataclass(slots=True)
class Plan:
    """One planned failure."""

    kind: str
    method: str = ""
    entity: str = ""
    nth: int = 1
    times: int = 1
    chance: float = 1.0
    values: Json = field(default_factory=dict)
    seen: int = 0
    struck: int = 0


def read_plan(body: Any) -> Plan:
    """A plan from its JSON.

    Raises:
        ValueError: With a sentence about what is wrong.
    """
    if not isinstance(body, dict) or body.get("kind") not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}")
    when = body.get("when") or {}
    if not isinstance(when, dict) or when.keys() - {"method", "entity", "nth", "chance"}:
        raise ValueError("when has method, entity, nth and chance")
    unknown = body.keys() - {
        "kind", "when", "times", "delay_s", "retry_after", "item", "changes",
    }  # fmt: skip
    if unknown:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    times, nth = body.get("times", 1), when.get("nth", 1)
    if not isinstance(times, int) or not isinstance(nth, int) or times < 1 or nth < 1:
        raise ValueError("times and nth are numbers from 1")
    return Plan(
        body["kind"],
        str(when.get("method") or "").upper(),
        str(when.get("entity") or "").lower(),
        nth,
        times,
        float(when.get("chance", 1)),
        body,
    )


class Misbehaviour:
    """The plans that are still to strike."""

    def __init__(self, seed: int) -> None:
        self.plans: list[Plan] = []
        self._random = random.Random(seed)  # noqa: S311 - dice for failures, no secret

    def take(self, request: Request) -> Plan | None:
        """The plan that strikes this request, if any."""
        for plan in self.plans:
            if not _matches(plan, request):
                continue
            plan.seen += 1
            if plan.seen < plan.nth or self._random.random() >= plan.chance:
                continue
            plan.struck += 1
            if plan.struck >= plan.times:
                self.plans.remove(plan)
            return plan
        return None


def _matches(plan: Plan, request: Request) -> bool:
    if plan.method and plan.method != request.method:
        return False
    segment = request.segment()
    if plan.kind in ("bad_item", "bad_item_after") and segment != "batch":
        return False
    if plan.kind == "stale_list" and segment not in ("query", "cdc", "batch"):
        return False
    if not plan.entity:
        return True
    if segment == plan.entity:
        return True
    return segment == "batch" and f'"{plan.entity}":' in request.body.decode(
        "utf-8", "replace"
    ).lower().replace(": ", ":")


def before(plan: Plan, now: float) -> Response:
    """The answer in place of the right one; nothing was applied."""
    kind = plan.kind
    delay = float(plan.values.get("delay_s", 0))
    if kind in ("reset_before", "timeout_before"):
        return Response(0, dropped=True, delay=delay)
    if kind == "status_500":
        return _system(500, now)
    if kind == "fault_200":
        return _system(200, now)
    if kind == "throttle":
        return gateway.throttled(now, plan.values.get("retry_after"))
    if kind == "unauthorized":
        return gateway.unauthorized("Token expired: injected", now)
    status = {"status_502_html": 502, "status_503_html": 503, "not_found_html": 404}[kind]
    return _page(status)


def after(plan: Plan, response: Response, now: float) -> Response:
    """What becomes of the right answer; everything was applied."""
    kind = plan.kind
    delay = float(plan.values.get("delay_s", 0))
    if kind == "reset_after":
        return Response(0, dropped=True)
    if kind == "timeout":
        return Response(0, dropped=True, delay=delay or 30.0)
    if kind == "slow":
        response.delay = delay
    elif kind == "10000_after":
        return _system(500, now)
    elif kind == "6000_after":
        fault = faults.business(faults.SAVING)
        return Response(400, fault.body(now), {"Content-Type": JSON})
    elif kind == "status_504_after":
        return _page(504)
    elif kind == "html":
        return _page(200)
    elif kind == "truncated":
        response.cut = True
    return response


def _system(status: int, now: float) -> Response:
    fault = faults.system_failure("java.lang.NullPointerException", status)
    return Response(status, fault.body(now), {"Content-Type": JSON})


def _page(status: int) -> Response:
    return html_response(
        f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center>"
        "</body></html>",
        status,
    )
