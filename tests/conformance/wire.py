"""One emulator with an empty company, spoken to as over HTTP but in process."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import simplejson

from qbosync.emulator import Emulator, Request, Response, VirtualClock

from .compare import Ids
from .corpus import Exchange, Json

REALM = "9341450000000001"
# Disputed rules as the recordings, which are older than the dispute, show them.
SWITCHES = {"estimate-status": "Closed", "cdc-window": "served"}


class Impossible(Exception):  # noqa: N818 - a state, not a mistake
    """The state cannot be made."""


def instant(text: str) -> float:
    """Seconds of a recorded time; a bare day or year counts from its noon."""
    if len(text) < 10:
        text = f"{text[:4]}-06-01"
    if len(text) == 10:
        text += "T12:00:00-08:00"
    return datetime.fromisoformat(text).timestamp()


class Wire:
    """One emulator with an empty company, and its ids beside the recording's."""

    def __init__(self, exchange: Exchange, **assume: str) -> None:
        self.clock = VirtualClock(instant(exchange.time or "2026-05-05"))
        switches = {**SWITCHES, **{k.replace("_", "-"): v for k, v in assume.items()}}
        self.emulator = Emulator(clock=self.clock, assume=switches)
        self.emulator.companies.clear()
        self.company = self.emulator.new_company(REALM, "Recorded", "sandbox")
        self.ids: Ids = {}
        self.rows: dict[tuple[str, str], Json] = {}
        self.left_out: dict[str, int] = {}
        self.applied: dict[tuple[str, str], Decimal] = {}
        self.token = self._sign_in()
        self.prefer(
            SalesFormsPrefs={"AutoApplyCredit": False, "DefaultTerms": None},
            TaxPrefs={"PartnerTaxEnabled": None},
        )

    # -- speaking -------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """One request with a good token."""
        data = body if isinstance(body, bytes) else b""
        if isinstance(body, str):
            data = body.encode()
        elif isinstance(body, dict | list):
            data = simplejson.dumps(body, use_decimal=True).encode()
        sent = {"authorization": f"Bearer {self.token}", **(headers or {})}
        path = path.replace("{realmId}", REALM)
        return self.emulator.handle(Request(method, path, query or {}, sent, data))

    def send(self, entity: str, body: Json, **query: str) -> Json:
        """A write that has to succeed."""
        reply = self.call("POST", f"/v3/company/{REALM}/{entity.lower()}", body, query)
        read = parsed(reply)
        if reply.status != 200:
            raise Impossible(f"{entity} {reply.status} {read['Fault']['Error'][0]['code']}")
        found: Json = read[entity]
        return found

    def prefer(self, **groups: Json) -> None:
        """Set preferences."""
        self.company.set_preferences(groups)

    def _sign_in(self) -> str:
        words = {
            "client_id": "measured",
            "response_type": "code",
            "redirect_uri": "http://l/",
            "scope": "com.intuit.quickbooks.accounting",
            "state": "s",
            "approve": REALM,
        }
        asked = self.emulator.handle(Request("GET", "/connect/oauth2", words))
        code = parse_qs(urlsplit(asked.headers["Location"]).query)["code"][0]
        form = (
            f"grant_type=authorization_code&code={code}&redirect_uri=http://l/"
            "&client_id=measured&client_secret=s"
        )
        path = "/oauth2/v1/tokens/bearer"
        reply = self.emulator.handle(Request("POST", path, body=form.encode()))
        return str(parsed(reply)["access_token"])

    def read(self, entity: str, number: str) -> Json:
        """An object of ours as it is."""
        reply = self.call("GET", f"/v3/company/{REALM}/{entity.lower()}/{number}")
        found: Json = parsed(reply)[entity]
        return found


def parsed(reply: Response) -> Any:
    """A reply's JSON with the literals of its numbers."""
    return simplejson.loads(reply.body.decode(), use_decimal=True)
