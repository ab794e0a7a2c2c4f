"""What every question is asked with: one company, a counted transport, fresh customers.

Not one request more than `MOST` is sent, whatever the answers are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import simplejson

from qbosync.blob import TokenBlob
from qbosync.clock import Clock
from qbosync.errors import SetupError
from qbosync.qbo.client import Answer, Body, Call, Company
from qbosync.qbo.oauth import Endpoints
from qbosync.qbo.session import Session
from qbosync.qbo.transport import DEADLINE, Reply, Request, Transport

MOST = 99
PEOPLE = "abcdefgijmnoq"
"""One customer for each question that needs one: questions do not disturb each other."""


class CannotAskError(Exception):
    """The company's settings or an answer on the way leave the question open."""


@dataclass
class Counted:
    """A transport that knows how often it was used, and can be had afresh for a recording."""

    fresh: Callable[[], Transport]
    asked: int = 0
    inner: Transport = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.inner = self.fresh()

    def renew(self) -> None:
        """Let kept connections go: a recorder sees only those opened while it listens."""
        self.inner = self.fresh()

    def send(self, request: Request, timeout: float = DEADLINE) -> Reply:
        """Send, unless that would be one too many."""
        with self._lock:
            if self.asked >= MOST:
                raise SetupError(f"The probe has sent {MOST} requests.", "Run it again.")
            self.asked += 1
        return self.inner.send(request, timeout)


@dataclass
class Memory:
    """Keeps the tokens for this run only."""

    blob: TokenBlob

    def load(self) -> TokenBlob:
        return self.blob

    def save(self, blob: TokenBlob) -> None:
        self.blob = blob


@dataclass
class Stage:
    """A signed-in company and shorter words for what questions do."""

    company: Company
    endpoints: Endpoints
    session: Session
    memory: Memory
    transport: Counted
    clock: Clock
    stamp: str
    wait: float = 0.0
    preferences: Body = field(default_factory=dict)
    customers: dict[str, Body] = field(default_factory=dict)
    item: str = ""
    _number: int = 0

    def prepare(self) -> None:
        """Read the settings, find an item, make the customers."""
        self.preferences = self.company.preferences()
        items = [one for one in self.company.select("Item") if one.get("Type") == "Service"]
        if not items:
            raise SetupError("The company has no service item.", "Make one, then run it again.")
        self.item = str(items[0]["Id"])
        calls = [Call("create", "Customer", {"DisplayName": self.name(one)}, "") for one in PEOPLE]
        answers = self.company.write_batch(calls, f"probe-{self.stamp}")
        for one, answer in zip(PEOPLE, answers, strict=True):
            if answer.object is None:
                raise SetupError(f"The probe's customers cannot be made: {told(answer)}.")
            self.customers[one] = answer.object

    def name(self, letter: str) -> str:
        """What a customer of this run is called."""
        return f"Probe {self.stamp} {letter}"

    def is_on(self, group: str, name: str) -> bool:
        """One of the company's switches."""
        return bool(self.preferences.get(group, {}).get(name))

    def write(
        self, action: str, entity: str, body: Mapping[str, Any], request_id: str = ""
    ) -> Answer:
        """One write, under a request id of its own unless told which."""
        self._number += 1
        own = request_id or f"probe-{self.stamp}-{self._number}"
        return self.company.write(Call(action, entity, body, own))

    def make(self, entity: str, body: Mapping[str, Any], action: str = "create") -> Body:
        """A write that the question rests on.

        Raises:
            CannotAskError: If it is refused.
        """
        answer = self.write(action, entity, body)
        if answer.object is None:
            raise CannotAskError(f"{action} of {entity} was {told(answer)}: {answer.reason}")
        return answer.object

    def make_retained(self) -> None:
        """A customer whose request a later run sends again, to learn whether it is remembered."""
        body = {"DisplayName": self.name("retention")}
        self.write("create", "Customer", body, f"probe-{self.stamp}-retention")

    def get(self, entity: str, body: Body) -> Body:
        """An object as it is now."""
        found = self.company.read(entity, [str(body["Id"])])
        if not found:
            raise CannotAskError(f"the {entity} is gone")
        return found[str(body["Id"])]

    def line(self, amount: str) -> Body:
        """A line without tax."""
        detail = {"ItemRef": {"value": self.item}, "TaxCodeRef": {"value": "NON"}}
        return {"DetailType": "SalesItemLineDetail", "Amount": simplejson.RawJSON(amount),
                "SalesItemLineDetail": detail}  # fmt: skip

    def sale(self, letter: str, amount: str, **values: Any) -> Body:
        """The body of a sales form of one line."""
        return {**self.owner(letter), "Line": [self.line(amount)], **values}

    def owner(self, letter: str) -> Body:
        """The reference to a customer of this run."""
        return {"CustomerRef": {"value": self.customers[letter]["Id"]}}

    def payment(self, letter: str, total: str, *paid: tuple[str, Body], **values: Any) -> Body:
        """The body of a payment of (amount, invoice) lines."""
        lines = [
            {"Amount": simplejson.RawJSON(amount),
             "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
            for amount, invoice in paid
        ]  # fmt: skip
        return {**self.owner(letter), "TotalAmt": simplejson.RawJSON(total), "Line": lines,
                **values}  # fmt: skip

    def raw(
        self, method: str, path: str, query: Mapping[str, str], body: object | None = None
    ) -> Reply:
        """A request as it is, without waiting and trying again."""
        words = urlencode({**query, "minorversion": "75"}, quote_via=quote)
        url = f"{self.endpoints.api}/v3/company/{self.company.realm_id}/{path}?{words}"
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.session.access_token()}",
        }
        content = None if body is None else simplejson.dumps(body).encode()
        return self.transport.send(Request(method, url, headers, content))


def told(answer: Answer) -> str:
    """What became of a write, in the words the table compares."""
    if answer.object is not None:
        return "made"
    return f"refused {answer.fault.code}" if answer.fault else answer.outcome


def links(body: Mapping[str, Any], kind: str) -> Sequence[str]:
    """The Ids that a document's header links."""
    return [one["TxnId"] for one in body.get("LinkedTxn", []) if one["TxnType"] == kind]


def versions(body: Body, **values: Any) -> Body:
    """A sparse update of an object."""
    return {"Id": body["Id"], "SyncToken": body["SyncToken"], "sparse": True, **values}
