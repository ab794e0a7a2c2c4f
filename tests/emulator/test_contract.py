"""What the emulator promises to whoever starts it, asked from outside, in one go."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from .conftest import BACK, Books, Json, item_line, tokens

ROOT = Path(__file__).parents[2]
DOCUMENTED = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {
        "AutoApplyCredit": False, "AutoApplyPayments": False, "CustomTxnNumbers": True,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """`qbosync emulator serve` in a process of its own."""
    words = [sys.executable, "-m", "qbosync", "emulator", "serve", "--port", "0", "--limits", "off"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        start, _, address = line.strip().rpartition(" ")
        assert start == "QuickBooks emulator on"
        assert urlsplit(address).hostname == "127.0.0.1"
        yield address
        process.terminate()
        assert process.wait(10) == 0


def control(url: str, path: str, body: Any = None, method: str = "") -> Any:
    asked = method or ("GET" if body is None else "POST")
    reply = requests.request(asked, f"{url}/_emulator/{path}", json=body, timeout=10)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_one_company_as_a_new_one_is(url: str) -> None:
    [company] = control(url, "companies")
    assert company.keys() == {"realm_id", "name", "environment"}
    assert company["environment"] == "sandbox"
    books = Books(url, company["realm_id"])
    prefs = control(url, f"companies/{books.realm}/preferences")
    assert prefs["TaxPrefs"]["UsingSalesTax"] is prefs["SalesFormsPrefs"]["AutoApplyCredit"] is True
    assert prefs["CurrencyPrefs"]["HomeCurrency"]["value"] == "USD"
    info = books.ask("GET", f"companyinfo/{books.realm}").json()["CompanyInfo"]
    assert info["Country"] == "US"

    def names(entity: str) -> dict[str, str]:
        return {row["Id"]: row["Name"] for row in books.rows(f"select * from {entity}", entity)}

    first = ["Services", "Retained Earnings", "Purchases", "Sales of Product Income",
             "Cost of Goods Sold", "Inventory Asset", "Opening Balance Equity",
             "Uncategorized Income", "Uncategorized Expense", "Uncategorized Asset"]  # fmt: skip
    accounts = names("Account")
    assert [accounts[str(number)] for number in range(1, 11)] == first
    assert list(map(names("Term").get, "12345")) == [
        "Due on receipt", "Net 15", "Net 30", "Net 60", "Net 10",
    ]  # fmt: skip
    assert list(map(names("PaymentMethod").get, "1234567")) == [
        "Cash", "Check", "Visa", "MasterCard", "Discover", "American Express", "Diners Club",
    ]  # fmt: skip
    assert names("Item") == {"1": "Services"}
    assert books.query("select count(*) from Customer") == {"totalCount": 0}


def test_any_client_signs_in_by_the_discovery_document_alone(url: str) -> None:
    known = requests.get(f"{url}/.well-known/openid_configuration", timeout=10).json()
    assert known["qbosync_limits"] == "off"
    assert {urlsplit(v).netloc for k, v in known.items() if k.endswith("_endpoint")} == {
        urlsplit(url).netloc
    }
    realm = control(url, "companies")[0]["realm_id"]
    asked = {"client_id": "any", "response_type": "code", "redirect_uri": BACK, "state": "s1",
             "scope": "com.intuit.quickbooks.accounting", "approve": realm}  # fmt: skip
    there = requests.get(
        known["authorization_endpoint"], params=asked, allow_redirects=False, timeout=10
    )
    told = parse_qs(urlsplit(there.headers["Location"]).query)
    assert (there.status_code, told["state"], told["realmId"]) == (302, ["s1"], [realm])
    form = {"grant_type": "authorization_code", "code": told["code"][0], "redirect_uri": BACK}
    mine = requests.post(known["token_endpoint"], data=form, auth=("any", "x"), timeout=10).json()
    tokens(url, realm, client="another")
    base = f"{url}/v3/company/{realm}/preferences"
    bearer = {"Authorization": f"Bearer {mine['access_token']}"}
    assert requests.get(base, headers=bearer, timeout=10).status_code == 200
    gone = requests.post(
        known["revocation_endpoint"], json={"token": mine["refresh_token"]}, auth=("any", "x"),
        timeout=10,
    )  # fmt: skip
    assert gone.status_code == 200
    assert requests.get(base, headers=bearer, timeout=10).status_code == 401


def test_the_controls_are_as_they_are_written_down(url: str) -> None:
    books = Books(url)
    path = f"companies/{books.realm}"
    assert control(url, f"{path}/preferences", DOCUMENTED)["TaxPrefs"] == {
        "UsingSalesTax": False, "PartnerTaxEnabled": False,
    }  # fmt: skip
    made: Json = {"action": "create", "entity": "Customer", "values": {"DisplayName": "Acme"}}
    customer = control(url, f"{path}/bookkeeper", made)["Customer"]
    assert control(url, "requests", method="DELETE") == []
    books.sale("Invoice", customer)
    [told] = control(url, "requests")
    assert told.keys() == {"at", "method", "path", "query", "status", "items"}
    assert (told["method"], told["status"]) == ("POST", 200)
    items = [{"operation": "create", "Invoice": {"CustomerRef": {"value": customer["Id"]},
              "Line": [item_line(5)]}}] * 2  # fmt: skip
    books.batch(*items)
    assert control(url, "requests")[-1]["items"] == 2
    entry = control(url, f"{path}/journal")[0]
    assert entry.keys() == {"txn_type", "txn_id", "date", "postings"}
    assert {key for row in entry["postings"] for key in row} == {
        "account", "customer", "debit", "credit",
    }  # fmt: skip
    plan = {"kind": "fault_200", "when": {"method": "POST", "entity": "invoice", "nth": 1}}
    control(url, "faults", {**plan, "times": 1})
    assert "Fault" in books.ask("POST", "invoice", {}).json()
    before = control(url, "clock")["now"]
    assert control(url, "clock", {"advance_s": 3600})["now"] > before
    assert books.ask("GET", "preferences").status_code == 401
