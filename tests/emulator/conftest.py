"""A company over real HTTP, and a small client that says what it means."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import simplejson

from qbosync.emulator import Server, VirtualClock
from qbosync.emulator.app import Emulator

REALM = "9341450000000001"
BACK = "http://localhost:1/callback"
OFF = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {"AutoApplyCredit": False, "CustomTxnNumbers": True},
}
Json = dict[str, Any]


class Refused(Exception):  # noqa: N818 - as QuickBooks calls it
    """A fault, with its parts."""

    def __init__(self, reply: requests.Response) -> None:
        self.status = reply.status_code
        self.body = read(reply)
        error = self.body["Fault"]["Error"][0]
        self.code, self.detail = error["code"], error["Detail"]
        self.message, self.element = error["Message"], error.get("element")
        super().__init__(f"{self.status} {self.code} {self.detail}")


def read(reply: requests.Response) -> Any:
    """JSON with `Decimal` amounts."""
    return simplejson.loads(reply.text, use_decimal=True)


def code_for(url: str, realm: str = REALM, client: str = "client") -> str:
    """A code from the sign-in page."""
    reply = requests.get(
        f"{url}/connect/oauth2",
        params={
            "client_id": client,
            "response_type": "code",
            "scope": "com.intuit.quickbooks.accounting",
            "redirect_uri": BACK,
            "state": "s1",
            "approve": realm,
        },
        allow_redirects=False,
        timeout=10,
    )
    assert reply.status_code == 302
    return parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]


def tokens(url: str, realm: str = REALM, client: str = "client") -> Json:
    """Both tokens for a company."""
    form = {
        "grant_type": "authorization_code",
        "code": code_for(url, realm, client),
        "redirect_uri": BACK,
    }
    address = f"{url}/oauth2/v1/tokens/bearer"
    reply = requests.post(address, auth=(client, "secret"), data=form, timeout=10)
    assert reply.status_code == 200, reply.text
    return read(reply)


def item_line(amount: Any, item: str = "1", **detail: Any) -> Json:
    """One line that is not taxed."""
    return {
        "Amount": Decimal(str(amount)),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {
            "ItemRef": {"value": item},
            "TaxCodeRef": {"value": "NON"},
            **detail,
        },
    }


def pays(entity: Json, amount: Any, kind: str = "Invoice") -> Json:
    """A payment's line."""
    return {
        "Amount": Decimal(str(amount)),
        "LinkedTxn": [{"TxnId": entity["Id"], "TxnType": kind}],
    }


class Books:
    """One company, signed in to."""

    def __init__(self, url: str, realm: str = REALM) -> None:
        self.url = url
        self.realm = realm
        self.base = f"{url}/v3/company/{realm}"
        self.tokens = tokens(url, realm)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        """One request to the company."""
        data = None
        if body is not None:
            data = body if isinstance(body, str) else simplejson.dumps(body, use_decimal=True)
        return self.session.request(
            method, f"{self.base}/{path}", data=data, params=query, timeout=10
        )

    def send(self, entity: str, body: Json, **query: str) -> Json:
        """A write that must succeed."""
        reply = self.ask("POST", entity.lower(), body, **query)
        if reply.status_code != 200:
            raise Refused(reply)
        return read(reply)[entity]

    def get(self, entity: str, number: str) -> Json:
        """A read that must succeed."""
        reply = self.ask("GET", f"{entity.lower()}/{number}")
        if reply.status_code != 200:
            raise Refused(reply)
        return read(reply)[entity]

    def again(self, entity: str, body: Json) -> Json:
        """The object as it is now."""
        return self.get(entity, body["Id"])

    def query(self, statement: str) -> Json:
        """A statement's QueryResponse."""
        reply = self.ask("GET", "query", query=statement)
        if reply.status_code != 200:
            raise Refused(reply)
        return read(reply)["QueryResponse"]

    def rows(self, statement: str, entity: str) -> list[Json]:
        """A statement's rows."""
        return self.query(statement).get(entity, [])

    def changes(self, entities: str, since: str = "2026-01-01T00:00:00Z") -> list[Json]:
        """The blocks of a CDC reply."""
        reply = self.ask("GET", "cdc", entities=entities, changedSince=since)
        return read(reply)["CDCResponse"][0]["QueryResponse"]

    def batch(self, *items: Json, **query: str) -> list[Json]:
        """The replies to a batch."""
        numbered = [{"bId": str(at), **item} for at, item in enumerate(items)]
        reply = self.ask("POST", "batch", {"BatchItemRequest": numbered}, **query)
        assert reply.status_code == 200, reply.text
        return read(reply)["BatchItemResponse"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A control that must succeed."""
        reply = requests.request(method, f"{self.url}/_emulator/{path}", json=body, timeout=10)
        assert reply.status_code == 200, reply.text
        return read(reply)

    def prefer(self, part: Json) -> Json:
        """Set preferences."""
        return self.control("POST", f"companies/{self.realm}/preferences", part)

    def bookkeeper(self, action: str, **values: Any) -> Json:
        """Let the bookkeeper do something."""
        return self.control(
            "POST", f"companies/{self.realm}/bookkeeper", {"action": action, **values}
        )

    def fault(self, kind: str, **values: Any) -> None:
        """Plan a failure."""
        self.control("POST", "faults", {"kind": kind, **values})

    def journal(self) -> list[Json]:
        """The books."""
        return self.control("GET", f"companies/{self.realm}/journal")

    # -- shorter words ------------------------------------------------------------------------

    def customer(self, name: str = "Acme Kitchens", **values: Any) -> Json:
        """A new customer."""
        return self.send("Customer", {"DisplayName": name, **values})

    def sale(self, entity: str, customer: Json, amount: Any = "100.00", **values: Any) -> Json:
        """A new sales form of one line."""
        body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(amount)], **values}
        return self.send(entity, body)

    def estimate(self, customer: Json, amount: Any = "100.00", **values: Any) -> Json:
        """A new estimate."""
        return self.sale("Estimate", customer, amount, **values)

    def invoice(self, customer: Json, amount: Any = "100.00", **values: Any) -> Json:
        """A new invoice."""
        return self.sale("Invoice", customer, amount, **values)

    def payment(self, customer: Json, total: Any, *lines: Json, **values: Any) -> Json:
        """A new payment."""
        body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": Decimal(str(total))}
        if lines:
            body["Line"] = list(lines)
        return self.send("Payment", {**body, **values})

    def void(self, entity: str, body: Json) -> Json:
        """Void an object, with its present token."""
        now = self.again(entity, body)
        sent = {"Id": now["Id"], "SyncToken": now["SyncToken"]}
        if entity == "Payment":
            return self.send(entity, {**sent, "sparse": True}, operation="update", include="void")
        return self.send(entity, sent, operation="void")

    def delete(self, entity: str, body: Json) -> Json:
        """Delete an object, with its present token."""
        now = self.again(entity, body)
        sent = {"Id": now["Id"], "SyncToken": now["SyncToken"]}
        return self.send(entity, sent, operation="delete")

    def sparse(self, entity: str, body: Json, **values: Any) -> Json:
        """A sparse update, with the present token."""
        token = self.again(entity, body)["SyncToken"]
        return self.send(entity, {"Id": body["Id"], "SyncToken": token, "sparse": True, **values})


def refused(books: Books, code: str, entity: str, body: Json, **query: str) -> Refused:
    """A write that must be refused with a code."""
    with pytest.raises(Refused) as caught:
        books.send(entity, body, **query)
    assert caught.value.code == code, caught.value
    return caught.value


def wrong_query(books: Books, statement: str) -> Refused:
    """A query that must be refused."""
    with pytest.raises(Refused) as caught:
        books.query(statement)
    return caught.value


@pytest.fixture
def server() -> Iterator[Server]:
    """A new emulator, checking its books at each step."""
    with Server(port=0, limits="off", seed=1, paranoid=True) as running:
        yield running


@pytest.fixture
def raw(server: Server) -> Books:
    """The company as it is at first: sales tax and automatic credits on."""
    return Books(server.url)


@pytest.fixture
def books(raw: Books) -> Books:
    """The company as a client wants it."""
    raw.prefer(OFF)
    return raw


@pytest.fixture
def frozen() -> Iterator[Books]:
    """A company whose time stands still until moved."""
    emulator = Emulator(clock=VirtualClock(), seed=1, paranoid=True)
    with Server(emulator=emulator) as running:
        found = Books(running.url)
        found.prefer(OFF)
        yield found
