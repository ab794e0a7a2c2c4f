"""Who may ask of which environment, how often in a month, and what if nobody pays for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from qbosync.emulator import Emulator, Server, VirtualClock

from .conftest import OFF, Books, Refused, item_line, read, refused

DAY = 86_400
PATH = "preferences"


@pytest.fixture
def two() -> Iterator[tuple[Server, str]]:
    """An emulator with a sandbox and a production company; the latter's realm."""
    clock = VirtualClock()
    with Server(emulator=Emulator(clock=clock, limits="real", paranoid=True)) as server:
        realm = server.emulator.control(
            "POST", "companies", {"name": "Real", "environment": "production"}
        )["realm_id"]
        yield server, realm


def slowly(
    server: Server, books: Books, method: str, path: str, body: Any = None, **query: str
) -> int:
    """A status, asked at a pace that no limit minds."""
    server.emulator.clock.advance(1.5)
    return books.ask(method, path, body, **query).status_code


def test_each_address_knows_the_companies_of_its_environment(two: tuple[Server, str]) -> None:
    server, realm = two
    sandbox, real = Books(server.url), Books(server.url, realm)
    for books, fits, other in ((sandbox, "sandbox", "production"), (real, "production", "sandbox")):
        path = f"v3/company/{books.realm}/{PATH}"
        assert books.session.get(f"{server.url}/{fits}/{path}", timeout=10).status_code == 200
        wrong = books.session.get(f"{server.url}/{other}/{path}", timeout=10)
        assert wrong.status_code == 403
        assert read(wrong)["fault"]["error"][0]["code"] == "3100"


def test_keys_of_one_environment_open_no_company_of_the_other(two: tuple[Server, str]) -> None:
    server, realm = two
    before = Books(server.url, realm)
    assert slowly(server, before, "GET", PATH) == 200
    keys = {"client_id": "client", "environment": "sandbox"}
    assert before.control("POST", "keys", keys) == {"client": "sandbox"}
    assert slowly(server, before, "GET", PATH) == 403
    assert slowly(server, Books(server.url), "GET", PATH) == 200
    asked = {
        "client_id": "client",
        "response_type": "code",
        "redirect_uri": "http://l/",
        "state": "s",
    }
    asked["scope"] = "com.intuit.quickbooks.accounting"
    page = requests.get(f"{server.url}/connect/oauth2", params=asked, timeout=10).text
    assert "Sandbox Cabinet Shop" in page
    assert realm not in page


def test_reads_beyond_the_months_allowance_wait_for_the_next_month(two: tuple[Server, str]) -> None:
    server, realm = two
    sandbox, real = Books(server.url), Books(server.url, realm)
    assert slowly(server, real, "GET", PATH) == 200
    assert slowly(server, real, "GET", "customer/4711") == 400  # what fails is not counted
    assert slowly(server, real, "POST", "customer", {"DisplayName": "A"}) == 200
    assert real.control("GET", "reads")["used"] == 1
    real.control("POST", "reads", {"most": 3})
    statement = "select * from Customer"
    assert slowly(server, real, "GET", "query", query=statement) == 200
    batch = {"BatchItemRequest": [{"bId": "1", "Query": statement}]}
    assert slowly(server, real, "POST", "batch", batch) == 200
    assert slowly(server, real, "POST", "batch", batch) == 429
    server.emulator.clock.advance(1.5)
    reply = real.ask("GET", "cdc", entities="Customer", changedSince="2026-01-01")
    assert (reply.status_code, reply.headers["Content-Type"]) == (429, "application/xml")
    assert "Retry-After" not in reply.headers
    assert slowly(server, real, "POST", "customer", {"DisplayName": "B"}) == 200
    assert slowly(server, sandbox, "GET", PATH) == 200
    server.emulator.clock.advance(32 * DAY)
    assert slowly(server, Books(server.url, realm), "GET", PATH) == 200


@pytest.mark.parametrize("body", [{}, {"used": -1}, {"most": "many"}, {"more": 1}, []])
def test_reads_are_set_to_numbers_only(books: Books, body: Any) -> None:
    reply = requests.post(f"{books.url}/_emulator/reads", json=body, timeout=10)
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_a_company_that_nobody_pays_for_is_read_and_not_written(books: Books) -> None:
    books.prefer(OFF)
    customer = books.customer()
    invoice = books.invoice(customer, DocNumber="1")
    books.bookkeeper("subscription", status="EXPIRED")
    fault = refused(books, "6190", "Customer", {"DisplayName": "B"})
    assert (fault.status, fault.message) == (400, "Invalid Company Status")
    for operation in ("delete", "void"):
        with pytest.raises(Refused, match="6190"):
            books.send("Invoice", {"Id": invoice["Id"], "SyncToken": "0"}, operation=operation)
    assert (
        books.ask("POST", f"invoice/{invoice['Id']}/send", sendTo="a@b.example").status_code == 400
    )
    assert books.again("Invoice", invoice) == invoice
    info = read(books.ask("GET", f"companyinfo/{books.realm}"))["CompanyInfo"]["NameValue"]
    assert {"Name": "SubscriptionStatus", "Value": "EXPIRED"} in info
    books.bookkeeper("subscription", status="PAID")
    books.customer("B")


def test_stock_is_not_sold_before_it_began(books: Books) -> None:
    books.prefer(OFF)
    account = {"value": "4"}
    body = {
        "Name": "Box", "Type": "Inventory", "TrackQtyOnHand": True, "QtyOnHand": 3,
        "InvStartDate": "2026-05-01", "IncomeAccountRef": account,
        "ExpenseAccountRef": {"value": "5"}, "AssetAccountRef": {"value": "6"},
    }  # fmt: skip
    item = books.send("Item", body)
    customer = {"value": books.customer()["Id"]}
    sale = {"CustomerRef": customer, "Line": [item_line(10, item["Id"])], "TxnDate": "2026-04-30"}
    fault = refused(books, "6270", "Invoice", sale)
    assert "Inventory Start Date" in fault.detail
    books.send("Estimate", sale)
    books.send("Invoice", {**sale, "TxnDate": "2026-05-01"})


@pytest.mark.parametrize("version", ["75", "4", ""])
def test_any_minor_version_is_taken(books: Books, version: str) -> None:
    assert books.ask("GET", PATH, minorversion=version).status_code == 200


def test_a_second_question_mark_breaks_the_minor_version(books: Books) -> None:
    reply = books.ask("POST", "customer", {"DisplayName": "A"}, minorversion="4?requestid=7")
    assert reply.status_code == 500
    error = read(reply)["Fault"]["Error"][0]
    assert error["code"] == "10000"
    assert error["Detail"].endswith('For input string: "4?requestid"')
    assert books.query("select * from Customer") == {}


def test_controls_work_in_process_too() -> None:
    emulator = Emulator()
    [company] = emulator.control("GET", "companies")
    assert company["environment"] == "sandbox"
    assert emulator.control("POST", "faults", {"kind": "reset_after"})[0]["left"] == 1
    with pytest.raises(ValueError, match="kind is one of"):
        emulator.control("POST", "faults", {"kind": "moonlight"})
