"""The emulator: every path from a request to a response.

One request at a time: the caller may be many threads, but nothing here runs twice at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import accounting, control, gateway, misbehaviour, pages, seed, signin
from .clock import Clock, stamp_ms
from .company import Company
from .environments import Environments, addressed
from .http import Request, Response, html_response, json_response
from .jsons import Json, dumps, loads
from .limits import Limits
from .metering import Reads
from .oauth import OAuth
from .provenance import ASSUMED, RECORDED, REPORTED, Assumptions, rule
from .storage import Storage

rule(
    "every reply has an intuit_tid; the application's version headers only on success",
    RECORDED,
    "sandbox 2018-2022",
)
rule(
    "success is `application/json;charset=utf-8`, a fault plain `application/json`",
    RECORDED,
    "sandbox 2015-2022",
)
rule("a token of another company is 403 with 3100 in lower case", RECORDED, "pasted 2018, 2021")
rule(
    "a request without a bearer token is 401 `Malformed bearer token: too short or too long`",
    REPORTED,
    "pasted reply; used for unknown tokens",
)
rule("sign-in answers 429 with an empty body when asked too often", RECORDED, "pasted 2018")
rule("a realm that does not exist answers like one that the token is not for", ASSUMED, "")
FIRST_REALM = 9341450000000001


class Emulator:
    """QuickBooks with some companies, in process; `serve()` puts it on a port."""

    def __init__(
        self,
        *,
        data: str | Path | None = None,
        limits: str = "off",
        seed: int = 0,
        assume: Mapping[str, str] | None = None,
        paranoid: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.assume = Assumptions.read(assume or {})
        self.clock = clock or Clock()
        self.limits = Limits(limits)
        self.reads = Reads()
        self.environments = Environments()
        self.seed = seed
        self.drawn = 0
        self.paranoid = paranoid
        self.oauth = OAuth()
        self.misbehaviour = misbehaviour.Misbehaviour(seed)
        self.log: deque[Json] = deque(maxlen=10_000)
        self.companies: dict[str, Company] = {}
        self.clock_moved = False
        self._lock = threading.Lock()
        self.storage = Storage(data) if data is not None else None
        if self.storage is not None:
            self.storage.load(self)
        if not self.companies:
            self.add_company("Sandbox Cabinet Shop", "sandbox")
        self.save()

    # -- companies ----------------------------------------------------------------------------

    def add_company(self, name: str, environment: str) -> Company:
        """A new company, filled as QuickBooks fills it."""
        realm = str(FIRST_REALM + len(self.companies))
        company = self.new_company(realm, name, environment)
        seed.fill(company)
        return company

    def new_company(self, realm: str, name: str, environment: str) -> Company:
        """A company without anything in it."""
        company = Company(realm, name, environment, self.clock, self.assume)
        company.paranoid = self.paranoid
        self.companies[realm] = company
        return company

    # -- what sign-in needs -------------------------------------------------------------------

    def token(self, prefix: str, length: int) -> str:
        """A fresh secret from the seed."""
        text = prefix
        while len(text) < length:
            self.drawn += 1
            text += hashlib.sha256(f"{self.seed}:{self.drawn}".encode()).hexdigest()
        return text[:length]

    def now(self) -> float:
        """The emulator's time."""
        return self.clock.now()

    def realms(self, client: str) -> list[tuple[str, str, str]]:
        """(realm id, name, environment) of the companies that a client's keys are good for."""
        return [
            (c.realm_id, c.name, c.environment)
            for c in self.companies.values()
            if self.environments.fits(client, c.environment)
        ]

    def assumed(self, name: str) -> str:
        """The value of a switch."""
        return self.assume[name]

    # -- requests -----------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer a request; requests are applied one at a time."""
        with self._lock:
            response = self._handle(request)
            self._note(request, response)
            self.save()
        return response

    def control(self, method: str, path: str, body: object = None) -> Any:
        """What `/_emulator/<path>` does, without a socket.

        Raises:
            ValueError: With a sentence, for what it does not understand.
        """
        sent = b"" if body is None else dumps(body)
        reply = self.handle(Request(method, f"/_emulator/{path}", body=sent))
        found = loads(reply.body)
        if reply.status != 200:
            raise ValueError(found["error"])
        return found

    def save(self) -> None:
        """Write what changed to the data file."""
        if self.storage is not None:
            self.storage.save(self)

    def _note(self, request: Request, response: Response) -> None:
        now = self.now()
        self.drawn += 1
        tid = hashlib.md5(f"{self.seed}:{self.drawn}".encode(), usedforsecurity=False).hexdigest()
        response.headers["intuit_tid"] = f"1-{int(now):08x}-{tid[:24]}"
        if request.path.startswith("/_emulator"):
            return
        shown = {
            name: "…" if name in ("code", "state", "client_id") else value
            for name, value in request.query.items()
        }
        self.log.append(
            {
                "at": stamp_ms(now),
                "method": request.method,
                "path": request.path,
                "query": shown,
                "status": response.status,
                "items": response.items,
            }
        )

    def _handle(self, request: Request) -> Response:
        environment = addressed(request)
        path = request.path
        if path.startswith("/_emulator/"):
            return control.handle(self, request)
        plan = self.misbehaviour.take(request)
        if plan is not None and plan.kind in misbehaviour.BEFORE:
            return misbehaviour.before(plan, self.now())
        if plan is not None and plan.kind == "duplicate":
            self._answer(request, None, environment)
        response = self._answer(request, plan, environment)
        return response if plan is None else misbehaviour.after(plan, response, self.now())

    def _answer(
        self, request: Request, plan: misbehaviour.Plan | None, environment: str
    ) -> Response:
        path = request.path
        if path.startswith("/v3/company/"):
            return self._company(request, plan, environment)
        if path in ("/connect/oauth2",) or path.endswith("/oauth2/authorize"):
            return signin.authorize(self.oauth, self, request)
        if "/tokens/" in path and not self.limits.allow("sign-in", self.now(), batch=False):
            return Response(429)
        if path.endswith("/tokens/bearer") and request.method == "POST":
            return self.oauth.exchange(self, request)
        if path.endswith("/tokens/revoke") and request.method == "POST":
            return self.oauth.revoke(self, request)
        if path.startswith("/.well-known/openid"):
            return json_response(signin.discovery(request.base, self.limits.mode))
        if path == "/op/v1/jwks":
            return json_response({"keys": []})
        if path.endswith("/openid_connect/userinfo"):
            return json_response({"sub": "emulator", "email": "books@example.com"})
        page = pages.page(self, request)
        return page or html_response("<h1>404 Not Found</h1>", 404)

    def _company(
        self, request: Request, plan: misbehaviour.Plan | None, environment: str
    ) -> Response:
        now = self.now()
        realm = request.path.split("/")[3]
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not bearer:
            return gateway.unauthorized("Malformed bearer token: too short or too long", now)
        wrong = self.oauth.check(self, bearer, realm)
        company = self.companies.get(realm)
        if wrong == "realm" and not realm.isdigit():
            return accounting.without_realm(request, now)
        if wrong in ("expired", "revoked", "unknown"):
            words = {"expired": "Token expired", "revoked": "Token revoked"}.get(wrong)
            detail = f"{words}: {bearer[:40]}" if words else f"Invalid token: {bearer[:40]}"
            return gateway.unauthorized(detail, now)
        if wrong == "realm" or company is None:
            return gateway.forbidden(now)
        its = company.environment
        client = self.oauth.client_of(bearer)
        if environment not in ("", its) or not self.environments.fits(client, its):
            is_old = self.assume["wrong-environment"] == "3100"
            return gateway.forbidden(now) if is_old else gateway.wrong_cluster(now)
        is_metered = self.limits.mode == "real" and its == "production"
        if not self.limits.allow(realm, now, batch=request.segment() == "batch") or (
            is_metered and self.reads.is_blocked(request, now)
        ):
            return gateway.throttled(now)
        self._prepare(company, plan)
        try:
            response = accounting.handle(company, request)
            if is_metered and response.status == 200:
                self.reads.count(request, now)
            return response
        finally:
            company.drop_link = False
            company.hidden_since = None
            company.bad_items.clear()

    def _prepare(self, company: Company, plan: misbehaviour.Plan | None) -> None:
        if plan is None:
            return
        if plan.kind == "drop_link":
            company.drop_link = True
        elif plan.kind in ("bad_item", "bad_item_after"):
            company.bad_items[int(plan.values.get("item", 1))] = plan.kind
        elif plan.kind == "stale_list":
            company.hidden_since = company.counters["moved"] - int(plan.values.get("changes", 1))
