"""Intuit's sign-in: codes, access tokens for an hour, refresh tokens that change by the day.

A token belongs to a client id and a company; another client's sign-in revokes nothing.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from .http import Request, Response, json_response
from .jsons import Json, loads
from .provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule, switch

rule(
    "an access token lives 3600 s; x_refresh_token_expires_in is 8726400",
    RECORDED,
    "token reply 2019",
)
rule(
    "a refresh token's value changes after 24 hours; the old value is dead",
    DOCUMENTED,
    "OAuth page; the second half reported",
)
rule(
    "a refresh token dies 101 days after its last use and after five years",
    DOCUMENTED,
    "OAuth page, policy of 2025",
)
rule("x_refresh_token_hard_expires_in only when the header asks for it", DOCUMENTED, "SDK 6.2.4")
rule(
    'wrong client is 401 invalid_client with `WWW-Authenticate: Basic realm="Intuit"`',
    RECORDED,
    "2020",
)
rule(
    "a dead refresh token is 400 invalid_grant `Incorrect or invalid refresh token`",
    RECORDED,
    "pasted 2022, 2025",
)
rule("a used or unknown code is 400 invalid_grant `Invalid authorization code`", REPORTED, "thread")
rule("a code lives 10 minutes and serves once", ASSUMED, "documented as short-lived")
rule(
    "revoking answers 200 with an empty body; failures have an empty body too",
    RECORDED,
    "pasted 2018-2020; success documented",
)
rule("any client id is taken; one seen with a secret keeps it", ASSUMED, "the emulator's own")
rule("signing in again leaves earlier tokens of the same client alive", ASSUMED, "unknown")
switch(
    "refresh-race",
    "old-dies",
    "both-die",
    text="what a refresh with the value before does: it fails, or both values die",
)
REMOVED = {
    "error_description": "Unauthorized Request: User is not a member of the specified Realm",
    "x_error_reason": "user_not_in_realm",
    "x_error_reason_detail": "The user is not in the specified realm",
    "error": "invalid_grant",
}
rule(
    "a refresh after the user was removed from the company is 400 with `user_not_in_realm`",
    RECORDED,
    "kept reply of 2024",
)
ACCESS, REFRESH, HARD = 3600, 8726400, 157680000
ROTATE = 86400
NO_STORE = {"Cache-Control": "no-cache, no-store", "Pragma": "no-cache"}


class Owner(Protocol):
    """What sign-in needs of the emulator."""

    def token(self, prefix: str, length: int) -> str:
        """A fresh secret."""

    def now(self) -> float:
        """The emulator's time."""

    def realms(self, client: str) -> list[tuple[str, str, str]]:
        """(realm id, name, environment) of the companies that a client's keys are good for."""

    def assumed(self, name: str) -> str:
        """The value of a switch."""


@dataclass(slots=True)
class Grant:
    """One company's consent to one client."""

    client: str
    realm: str
    refresh: str
    since: int
    value_since: int
    used: int
    before: str = ""
    dead: bool = False
    removed: bool = False


@dataclass(slots=True)
class OAuth:
    """All codes, tokens and clients."""

    clients: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    access: dict[str, tuple[int, int]] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    moved: bool = True

    # -- kept in the data file ----------------------------------------------------------------

    def dump(self) -> Json:
        """Everything, for the data file."""
        return {
            "clients": self.clients,
            "codes": self.codes,
            "access": self.access,
            "grants": [asdict(grant) for grant in self.grants],
        }

    def load(self, state: Json) -> None:
        """Everything, from the data file."""
        self.clients = state["clients"]
        self.codes = state["codes"]
        self.access = {token: (grant, until) for token, (grant, until) in state["access"].items()}
        self.grants = [Grant(**one) for one in state["grants"]]
        self.moved = False

    # -- the token endpoint -------------------------------------------------------------------

    def exchange(self, owner: Owner, request: Request) -> Response:
        """Code or refresh token against an access token."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        client = self.client(request, form)
        if client is None:
            return _error("invalid_client", status=401)
        kind = form.get("grant_type")
        if kind == "authorization_code":
            grant = self._by_code(owner, client, form)
            wrong = "Invalid authorization code"
        elif kind == "refresh_token":
            grant = self._by_refresh(owner, client, form.get("refresh_token", ""))
            wrong = "Incorrect or invalid refresh token"
        elif kind is None:
            return _error("invalid_request")
        else:
            return _error("unsupported_grant_type")
        if grant is None:
            return _error("invalid_grant", wrong)
        if grant.removed:
            return json_response(REMOVED, 400, dict(NO_STORE))
        return self._issue(owner, request, grant)

    def client(self, request: Request, form: dict[str, str]) -> str | None:
        """The client, if its secret is the one it came with first."""
        kind, _, word = request.headers.get("authorization", "").partition(" ")
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if kind.lower() == "basic":
            try:
                plain = base64.b64decode(word, validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                return None
            name, _, secret = plain.partition(":")
        if not name or not secret:
            return None
        if self.clients.setdefault(name, secret) != secret:
            return None
        self.moved = True
        return name

    def _by_code(self, owner: Owner, client: str, form: dict[str, str]) -> Grant | None:
        code = self.codes.pop(form.get("code", ""), None)
        now = int(owner.now())
        if code is None or code["client"] != client or code["until"] < now:
            return None
        if code["redirect"] != form.get("redirect_uri"):
            return None
        value = owner.token("RT1-", 46)
        grant = Grant(client, code["realm"], value, now, now, now)
        self.grants.append(grant)
        return grant

    def _by_refresh(self, owner: Owner, client: str, value: str) -> Grant | None:
        now = int(owner.now())
        for grant in self.grants:
            if grant.client != client or grant.dead or not value:
                continue
            if value == grant.before and owner.assumed("refresh-race") == "both-die":
                grant.dead = True
            if value != grant.refresh:
                continue
            if now - grant.used > REFRESH or now - grant.since > HARD:
                return None
            if now - grant.value_since > ROTATE:
                grant.before, grant.refresh = grant.refresh, owner.token("RT1-", 46)
                grant.value_since = now
            grant.used = now
            return grant
        return None

    def _issue(self, owner: Owner, request: Request, grant: Grant) -> Response:
        token = owner.token("eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0..", 120)
        now = int(owner.now())
        number = self.grants.index(grant)
        self.access = {t: a for t, a in self.access.items() if a[1] > now - 86400}
        self.access[token] = (number, now + ACCESS)
        self.moved = True
        reply: Json = {
            "x_refresh_token_expires_in": REFRESH,
            "refresh_token": grant.refresh,
            "access_token": token,
            "token_type": "bearer",
            "expires_in": ACCESS,
        }
        wish = request.headers.get("x-include-refresh-token-hard-expires-in", "")
        if wish.lower() == "true":
            reply["x_refresh_token_hard_expires_in"] = int(grant.since + HARD - now)
        return json_response(reply, headers=dict(NO_STORE))

    def revoke(self, owner: Owner, request: Request) -> Response:
        """End a client's access to a company, named by either of its tokens."""
        try:
            form = loads(request.body)
        except ValueError:
            form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        client = self.client(request, form if isinstance(form, dict) else {})
        if client is None:
            return Response(401)
        value = form.get("token") if isinstance(form, dict) else None
        held = self.access.get(str(value))
        for number, grant in enumerate(self.grants):
            mine = grant.refresh == value or (held is not None and held[0] == number)
            if mine and grant.client == client and not grant.dead:
                grant.dead = True
                self.moved = True
                return Response(200)
        return Response(400)

    def remove_user(self, realm: str) -> None:
        """The person who connected is no longer a user of the company."""
        for grant in self.grants:
            grant.removed = grant.removed or grant.realm == realm
        self.moved = True

    def client_of(self, bearer: str) -> str:
        """Whose token it is; it has to be known."""
        return self.grants[self.access[bearer][0]].client

    # -- the gateway --------------------------------------------------------------------------

    def check(self, owner: Owner, bearer: str, realm: str) -> str | None:
        """None if the token opens the company, else `expired`, `revoked`, `unknown`, `realm`."""
        held = self.access.get(bearer)
        if held is None:
            return "unknown"
        grant = self.grants[held[0]]
        if grant.dead:
            return "revoked"
        if held[1] <= owner.now():
            return "expired"
        return None if grant.realm == realm else "realm"


def _error(code: str, words: str = "", status: int = 400) -> Response:
    body = {"error_description": words, "error": code} if words else {"error": code}
    headers = dict(NO_STORE)
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Intuit"'
    return json_response(body, status, headers)
