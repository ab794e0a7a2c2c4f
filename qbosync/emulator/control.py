"""The emulator's own controls under `/_emulator/`, all JSON.

What it does not understand it refuses with HTTP 400 and a sentence.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import bookkeeper, journal, misbehaviour
from .clock import stamp_ms
from .http import Request, Response, json_response
from .jsons import loads

if TYPE_CHECKING:
    from .app import Emulator
    from .company import Company


def handle(emulator: Emulator, request: Request) -> Response:
    """Answer a control request."""
    parts = request.path.strip("/").split("/")[1:]
    try:
        return json_response(_route(emulator, request, parts))
    except ValueError as error:
        return json_response({"error": str(error)}, 400)


def _route(emulator: Emulator, request: Request, parts: list[str]) -> Any:
    key = (request.method, parts[0], parts[2] if len(parts) == 3 else "")
    if len(parts) in (2, 3) and parts[0] == "companies":
        company = emulator.companies.get(parts[1])
        if company is None:
            raise ValueError(f"there is no company {parts[1]!r}")
        if key == ("DELETE", "companies", "user"):
            emulator.oauth.remove_user(company.realm_id)
            return {}
        return _company(company, request, key)
    if len(parts) != 1:
        raise ValueError(f"there is no control {request.path}")
    if key[:2] == ("GET", "companies"):
        return [_shown(company) for company in emulator.companies.values()]
    if key[:2] == ("POST", "companies"):
        return _add(emulator, _body(request))
    if key[:2] == ("GET", "requests"):
        return list(emulator.log)
    if key[:2] == ("DELETE", "requests"):
        emulator.log.clear()
        return []
    if key[:2] == ("POST", "faults"):
        emulator.misbehaviour.plans.append(misbehaviour.read_plan(_body(request)))
        return _plans(emulator)
    if key[:2] == ("GET", "faults"):
        return _plans(emulator)
    if key[:2] == ("DELETE", "faults"):
        emulator.misbehaviour.plans.clear()
        return []
    if key[:2] == ("GET", "keys"):
        return emulator.environments.keys
    if key[:2] == ("POST", "keys"):
        return _bind(emulator, _body(request))
    if parts[0] == "reads" and request.method in ("GET", "POST"):
        if request.method == "POST":
            emulator.reads.set(_body(request), emulator.now())
        return emulator.reads.show(emulator.now())
    if parts[0] == "clock" and request.method in ("GET", "POST"):
        return _clock(emulator, request)
    raise ValueError(f"there is no control {request.method} {request.path}")


def _company(company: Company, request: Request, key: tuple[str, str, str]) -> Any:
    if key == ("GET", "companies", "journal"):
        return journal.entries(company)
    if key == ("GET", "companies", "preferences"):
        return company.preferences
    if key == ("POST", "companies", "preferences"):
        body = _body(request)
        if not isinstance(body, dict):
            raise ValueError("preferences are an object")
        company.set_preferences(body)
        return company.preferences
    if key == ("POST", "companies", "bookkeeper"):
        return bookkeeper.act(company, _body(request))
    if key == ("GET", "companies", "bookkeeper"):
        return {"actions": list(bookkeeper.ACTIONS)}
    raise ValueError(f"there is no control {request.method} {request.path}")


def _body(request: Request) -> Any:
    try:
        return loads(request.body)
    except ValueError:
        raise ValueError("the body is not JSON") from None


def _shown(company: Company) -> dict[str, str]:
    return {
        "realm_id": company.realm_id,
        "name": company.name,
        "environment": company.environment,
    }


def _add(emulator: Emulator, body: Any) -> dict[str, str]:
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        raise ValueError("a company needs a name")
    environment = body.get("environment", "sandbox")
    if environment not in ("sandbox", "production"):
        raise ValueError("environment is sandbox or production")
    return _shown(emulator.add_company(body["name"], environment))


def _bind(emulator: Emulator, body: Any) -> dict[str, str]:
    if not isinstance(body, dict) or not isinstance(body.get("client_id"), str):
        raise ValueError("keys have a client_id and an environment")
    emulator.environments.bind(body["client_id"], str(body.get("environment")))
    return emulator.environments.keys


def _plans(emulator: Emulator) -> list[dict[str, Any]]:
    return [
        {"kind": plan.kind, "seen": plan.seen, "left": plan.times - plan.struck}
        for plan in emulator.misbehaviour.plans
    ]


def _clock(emulator: Emulator, request: Request) -> dict[str, str]:
    if request.method == "POST":
        body = _body(request)
        seconds = body.get("advance_s") if isinstance(body, dict) else None
        if not isinstance(seconds, (int, Decimal)) or isinstance(seconds, bool) or seconds < 0:
            raise ValueError("advance_s is a number of seconds, not negative")
        emulator.clock.advance(float(seconds))
        emulator.clock_moved = True
    return {"now": stamp_ms(emulator.now())}
