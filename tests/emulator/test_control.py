"""Controls, the bookkeeper, misbehaviour, limits, the data file, the command line."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import simplejson

from qbosync.emulator import Emulator, Request, Server, VirtualClock
from qbosync.emulator.oauth import Grant

from .conftest import OFF, REALM, Books, Json, item_line, pays, read, tokens

ROOT = Path(__file__).parents[2]


def test_control_refuses_with_a_sentence(books: Books) -> None:
    cases: list[tuple[str, str, Any]] = [
        ("POST", "faults", {"kind": "earthquake"}),
        ("POST", "faults", {"kind": "reset_before", "color": "red"}),
        ("POST", "clock", {"advance_s": "soon"}),
        ("POST", "clock", {"advance_s": -1}),
        ("POST", "companies", {"environment": "sandbox"}),
        ("GET", "nonsense", None),
        ("GET", "companies/1/journal", None),
        ("POST", f"companies/{REALM}/bookkeeper", {"action": "dance"}),
        ("POST", f"companies/{REALM}/bookkeeper", {"action": "void", "entity": "Invoice"}),
        ("POST", f"companies/{REALM}/bookkeeper", {"action": "rename", "id": "1"}),
        ("POST", f"companies/{REALM}/preferences", {"Nonsense": {}}),
        ("POST", f"companies/{REALM}/preferences", []),
    ]
    for method, path, body in cases:
        reply = requests.request(method, f"{books.url}/_emulator/{path}", json=body, timeout=10)
        assert reply.status_code == 400, path
        assert len(read(reply)["error"]) > 10


def test_companies_can_be_added(books: Books) -> None:
    made = books.control("POST", "companies", {"name": "Two", "environment": "production"})
    listed = books.control("GET", "companies")
    assert listed == [
        {"realm_id": REALM, "name": "Sandbox Cabinet Shop", "environment": "sandbox"},
        made,
    ]


def test_the_log_tells_requests_and_keeps_secrets(books: Books) -> None:
    books.control("DELETE", "requests")
    books.customer("Acme")
    books.batch({"Query": "select * from Invoice"}, {"Query": "select * from Item"})
    one, two = books.control("GET", "requests")
    assert one["method"] == "POST"
    assert one["path"] == f"/v3/company/{REALM}/customer"
    assert (one["status"], one["items"], two["items"]) == (200, 0, 2)
    tokens(books.url)
    text = json.dumps(books.control("GET", "requests"), default=str)
    assert books.tokens["access_token"] not in text
    assert "Acme" not in text


def test_a_clients_preferences_change_only_what_it_may(raw: Books) -> None:
    now = read(raw.ask("GET", "preferences"))["Preferences"]
    now["SalesFormsPrefs"]["AutoApplyCredit"] = False
    now["SalesFormsPrefs"]["CustomTxnNumbers"] = True
    new = read(raw.ask("POST", "preferences", now))["Preferences"]
    assert new["SalesFormsPrefs"]["AutoApplyCredit"] is True
    assert new["SalesFormsPrefs"]["CustomTxnNumbers"] is True


# -- the bookkeeper ---------------------------------------------------------------------------


def test_the_bookkeeper_edits_behind_our_back(books: Books) -> None:
    customer = books.customer("Acme")
    invoice = books.invoice(customer, 100, DocNumber="7")
    edited = books.bookkeeper(
        "edit_line", entity="Invoice", number="7", line=1, values={"Amount": 90}
    )["Invoice"]
    assert (edited["TotalAmt"], edited["SyncToken"]) == (90, "1")
    books.bookkeeper("edit", entity="Invoice", id=invoice["Id"], values={"PrivateNote": "mine"})
    assert books.again("Invoice", invoice)["PrivateNote"] == "mine"
    books.bookkeeper("rename", name="Acme", to="Acme Ltd")
    assert books.again("Customer", customer)["DisplayName"] == "Acme Ltd"
    books.bookkeeper("deactivate", name="Acme Ltd")
    assert books.again("Customer", customer)["Active"] is False
    books.bookkeeper("activate", id=customer["Id"])
    books.bookkeeper("void", entity="Invoice", number="7")
    assert books.again("Invoice", invoice)["TotalAmt"] == 0
    gone = books.bookkeeper("delete", entity="Invoice", number="7")
    assert gone == {"Invoice": {"Id": invoice["Id"], "status": "Deleted"}}


def test_merging_moves_documents_and_removes_the_other(books: Books) -> None:
    one, two = books.customer("One"), books.customer("Two")
    invoice = books.invoice(one, 100)
    books.payment(one, 30)
    books.bookkeeper("merge", id=one["Id"], into=two["Id"])
    assert books.again("Invoice", invoice)["CustomerRef"] == {"value": two["Id"], "name": "Two"}
    assert books.again("Customer", two)["Balance"] == 70
    assert books.ask("GET", f"customer/{one['Id']}").status_code == 400
    assert books.changes("Customer")[0]["Customer"][-1]["status"] == "Deleted"


def test_estimates_are_rejected_and_converted_by_hand(books: Books) -> None:
    customer = books.customer()
    first, second = books.estimate(customer), books.estimate(customer)
    books.bookkeeper("reject_estimate", id=first["Id"])
    assert books.again("Estimate", first)["TxnStatus"] == "Rejected"
    made = books.bookkeeper("convert_estimate", id=second["Id"])["Invoice"]
    assert made["LinkedTxn"] == [{"TxnId": second["Id"], "TxnType": "Estimate"}]
    assert books.again("Estimate", second)["TxnStatus"] == "Converted"


# -- misbehaviour -----------------------------------------------------------------------------

PAYMENT = {"CustomerRef": {"value": "1"}, "TotalAmt": 5}


@pytest.mark.parametrize(
    ("kind", "applied"),
    [
        ("reset_before", 0),
        ("reset_after", 1),
        ("timeout", 1),
        ("timeout_before", 0),
        ("truncated", 1),
    ],
)
def test_the_answer_is_lost(books: Books, kind: str, applied: int) -> None:
    books.customer()
    books.fault(kind, when={"method": "POST", "entity": "payment"}, delay_s=0.01)
    with pytest.raises(requests.RequestException):
        books.ask("POST", "payment", PAYMENT)
    assert books.query("select count(*) from Payment") == {"totalCount": applied}
    assert books.ask("POST", "payment", PAYMENT).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "applied", "words"),
    [
        ("status_500", 500, 0, '"10000"'),
        ("status_502_html", 502, 0, "<html>"),
        ("status_503_html", 503, 0, "<html>"),
        ("not_found_html", 404, 0, "<html>"),
        ("status_504_after", 504, 1, "<html>"),
        ("10000_after", 500, 1, '"SystemFault"'),
        ("6000_after", 400, 1, "An unexpected error occurred"),
        ("html", 200, 1, "<html>"),
        ("fault_200", 200, 0, '"Fault"'),
        ("throttle", 429, 0, 'code="3001"'),
        ("unauthorized", 401, 0, '"3200"'),
        ("slow", 200, 1, '"Payment"'),
        ("duplicate", 200, 2, '"Payment"'),
    ],
)
def test_the_answer_is_another(
    books: Books, kind: str, status: int, applied: int, words: str
) -> None:
    books.customer()
    books.fault(kind, when={"entity": "payment"}, delay_s=0.01)
    reply = books.ask("POST", "payment", PAYMENT)
    assert reply.status_code == status
    assert words in reply.text
    assert books.query("select count(*) from Payment") == {"totalCount": applied}
    assert books.control("GET", "faults") == []


def test_a_fault_strikes_the_nth_request_and_so_many_times(books: Books) -> None:
    books.customer()
    books.fault("status_500", when={"entity": "payment", "nth": 2}, times=2)
    found = [books.ask("POST", "payment", PAYMENT).status_code for _ in range(4)]
    assert found == [200, 500, 500, 200]


def test_a_throttle_may_say_when_to_come_back(books: Books) -> None:
    books.fault("throttle", retry_after=7)
    reply = books.ask("GET", "preferences")
    assert reply.headers["Retry-After"] == "7"
    assert reply.headers["Content-Type"] == "application/xml"


def test_one_item_of_a_batch_goes_wrong(books: Books) -> None:
    for kind, applied in (("bad_item", False), ("bad_item_after", True)):
        books.fault(kind, item=2, when={"entity": "customer"})
        names = [f"{kind} {at}" for at in range(3)]
        replies = books.batch(
            *({"operation": "create", "Customer": {"DisplayName": name}} for name in names)
        )
        assert ["Fault" in reply for reply in replies] == [False, True, False]
        statement = f"select * from Customer where DisplayName = '{names[1]}'"
        assert bool(books.query(statement)) is applied


def test_a_link_is_dropped_and_a_list_is_stale(books: Books) -> None:
    customer = books.customer()
    estimate = books.estimate(customer)
    books.fault("drop_link", when={"entity": "invoice"})
    link = {"TxnId": estimate["Id"], "TxnType": "Estimate"}
    assert books.invoice(customer, LinkedTxn=[link], DocNumber="7")["LinkedTxn"] == []
    books.fault("stale_list", changes=1)
    assert books.query("select * from Invoice where DocNumber = '7'") == {}
    assert len(books.rows("select * from Invoice where DocNumber = '7'", "Invoice")) == 1


# -- limits -----------------------------------------------------------------------------------


def test_real_limits_answer_429_in_xml() -> None:
    """Documented: 10 a second, 40 batches and 500 requests a minute."""
    clock = VirtualClock()
    with Server(emulator=Emulator(clock=clock, limits="real")) as server:
        books = Books(server.url)
        found = [books.ask("GET", "preferences") for _ in range(11)]
        assert [reply.status_code for reply in found] == [200] * 10 + [429]
        assert "Try again later</Detail>" in found[-1].text
        assert found[-1].headers["Content-Type"] == "application/xml"
        body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Item"}]}
        statuses = []
        for _ in range(41):
            clock.advance(1.1)
            statuses.append(books.ask("POST", "batch", body).status_code)
        assert statuses == [200] * 40 + [429]
        clock.advance(60)
        statuses = []
        for _ in range(501):
            clock.advance(0.11)
            statuses.append(books.ask("GET", "preferences").status_code)
        assert statuses == [200] * 500 + [429]
        found = requests.get(f"{server.url}/.well-known/openid_configuration", timeout=10)
        assert found.json()["qbosync_limits"] == "real"


# -- the data file ----------------------------------------------------------------------------


def test_a_restarted_emulator_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "company.db"
    with Server(data=data, seed=1, paranoid=True) as server:
        books = Books(server.url)
        books.prefer(OFF)
        customer = books.customer("Acme")
        estimate = books.estimate(customer, DocNumber="7", TxnStatus="Accepted")
        link = {"TxnId": estimate["Id"], "TxnType": "Estimate"}
        invoice = books.invoice(customer, DocNumber="7", LinkedTxn=[link])
        body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 60}
        body["Line"] = [pays(invoice, 60)]
        first = books.ask("POST", "payment", body, requestid="r1").text
        gone = books.payment(customer, 5)
        books.delete("Payment", gone)
        books.control("POST", "clock", {"advance_s": 100_000})
        held = books.tokens["refresh_token"]
        before = books.journal()
    with Server(data=data, seed=1, paranoid=True) as server:
        form = {"grant_type": "refresh_token", "refresh_token": held}
        address = f"{server.url}/oauth2/v1/tokens/bearer"
        reply = requests.post(address, auth=("client", "secret"), data=form, timeout=10)
        assert reply.status_code == 200
        assert reply.json()["refresh_token"] != held
        books = Books(server.url)
        assert books.journal() == before
        assert books.again("Customer", customer)["Balance"] == 40
        assert books.ask("POST", "payment", body, requestid="r1").text == first
        assert books.changes("Payment")[0]["Payment"][-1]["status"] == "Deleted"
        assert books.query("select * from Invoice where DocNumber = '7'")["maxResults"] == 1
        assert int(books.payment(customer, 1)["Id"]) > int(gone["Id"])
        books.void("Invoice", invoice)
        assert books.again("Estimate", estimate)["TxnStatus"] == "Accepted"
        assert read(books.ask("GET", "preferences"))["Preferences"]["TaxPrefs"] == {
            "UsingSalesTax": False,
            "PartnerTaxEnabled": False,
        }


def test_the_command_line_serves_and_ends_cleanly(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "qbosync.emulator", "--port", "0", "--limits", "off"]
    words += ["--data", str(tmp_path / "c.db"), "--assume", "estimate-status=Closed"]
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("QuickBooks emulator on http://127.0.0.1:")
        url = line.rsplit(" ", 1)[1].strip()
        assert requests.get(url, timeout=10).status_code == 200
        process.send_signal(number)
        out, error = process.communicate(timeout=10)
        assert (process.returncode, out, error) == (0, "", "")


def test_the_command_line_refuses_unknown_assumptions() -> None:
    words = [sys.executable, "-m", "qbosync.emulator", "--assume", "moon=full"]
    process = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "there is no switch 'moon'" in process.stderr


# -- replies ------------------------------------------------------------------------------------


def test_large_answers_are_compressed_when_wanted(books: Books) -> None:
    for at in range(40):
        books.customer(f"Customer {at}")
    reply = books.ask("GET", "query", query="select * from Customer")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert read(reply)["QueryResponse"]["maxResults"] == 40
    plain = books.session.get(
        f"{books.base}/query",
        params={"query": "select * from Customer"},
        headers={"Accept-Encoding": "identity"},
        timeout=10,
    )
    assert "Content-Encoding" not in plain.headers


# -- determinism and the books ----------------------------------------------------------------


def story(seed: int) -> list[bytes]:
    emulator = Emulator(clock=VirtualClock(), seed=seed, paranoid=True)
    asked = {
        "client_id": "c",
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "redirect_uri": "http://localhost/",
        "state": "s",
        "approve": REALM,
    }
    first = emulator.handle(Request("GET", "/connect/oauth2", asked))
    code = first.headers["Location"].split("code=")[1].split("&")[0]
    form = (
        f"grant_type=authorization_code&code={code}&redirect_uri=http://localhost/"
        "&client_id=c&client_secret=s"
    )
    token = emulator.handle(Request("POST", "/oauth2/v1/tokens/bearer", body=form.encode()))
    bearer = {"authorization": f"Bearer {json.loads(token.body)['access_token']}"}
    out = [first.headers["Location"].encode(), token.body]
    for at in range(3):
        body = json.dumps({"DisplayName": f"C{at}"}).encode()
        path = f"/v3/company/{REALM}/customer"
        reply = emulator.handle(Request("POST", path, {}, bearer, body))
        out += [reply.body, reply.headers["intuit_tid"].encode()]
    return out


def test_the_same_seed_and_requests_give_the_same_bytes() -> None:
    assert story(7) == story(7)
    assert story(7)[0] != story(8)[0]


def troubled(seed: int) -> list[bytes]:
    """A bookkeeper, a client and failures by chance, all of one seed."""
    emulator = Emulator(clock=VirtualClock(), seed=seed, paranoid=True)
    plan = {"kind": "10000_after", "when": {"entity": "invoice", "chance": 0.5}, "times": 20}
    emulator.control("POST", "faults", plan)
    emulator.control("POST", f"companies/{REALM}/preferences", OFF)
    made = {"action": "create", "entity": "Customer", "values": {"DisplayName": "Acme"}}
    emulator.control("POST", f"companies/{REALM}/bookkeeper", made)
    emulator.oauth.grants.append(Grant("c", REALM, "r", 0, 0, 0))
    emulator.oauth.access["token"] = (0, 2**40)
    sent = {"CustomerRef": {"value": "1"}, "Line": [item_line("12.50")]}
    body = simplejson.dumps(sent, use_decimal=True).encode()
    out = []
    for _ in range(20):
        path, bearer = f"/v3/company/{REALM}/invoice", {"authorization": "Bearer token"}
        reply = emulator.handle(Request("POST", path, {}, bearer, body))
        out += [str(reply.status).encode(), reply.body, reply.headers["intuit_tid"].encode()]
    out.append(json.dumps(emulator.control("GET", f"companies/{REALM}/journal")).encode())
    return out


def test_chance_too_is_of_the_seed() -> None:
    first = troubled(7)
    assert first == troubled(7)
    statuses = first[:-1:3]
    assert set(statuses) == {b"200", b"500"}
    assert statuses != troubled(8)[:-1:3]


def test_a_request_delivered_twice_under_one_id_is_applied_once(books: Books) -> None:
    books.customer()
    books.fault("duplicate", when={"entity": "payment"})
    assert books.ask("POST", "payment", PAYMENT, requestid="r").status_code == 200
    assert books.query("select count(*) from Payment") == {"totalCount": 1}


@pytest.mark.parametrize("wrong", ["the trial balance is off", "receivables of customer"])
def test_a_paranoid_emulator_stops_at_wrong_books(server: Server, books: Books, wrong: str) -> None:
    """Books made wrong by hand: the next change is not answered as if nothing were."""
    books.invoice(books.customer())
    store = server.emulator.companies[REALM].store
    if wrong.startswith("the trial"):
        store.accounts[1] = store.accounts.get(1, 0) + 1
    else:
        store.balances[1] += 1
    with pytest.raises(AssertionError, match=wrong):
        server.emulator.control(
            "POST",
            f"companies/{REALM}/bookkeeper",
            {"action": "rename", "id": "1", "to": "Acme II"},
        )


@pytest.mark.parametrize("seed", range(int(os.environ.get("EMULATOR_SEEDS", "4"))))
def test_the_books_balance_whatever_happens(seed: int) -> None:
    """Random work under the eyes of `paranoid`, with both engines on."""
    dice = random.Random(seed)
    with Server(port=0, paranoid=True) as server:
        books = Books(server.url)
        books.prefer(
            {
                "TaxPrefs": {"UsingSalesTax": dice.random() < 0.5},
                "SalesFormsPrefs": {"AutoApplyPayments": True, "CustomTxnNumbers": True},
            }
        )
        customers = [books.customer(f"C{at}") for at in range(3)]
        for _ in range(120):
            step(books, dice, dice.choice(customers))
        applied = check(books, customers)
        assert applied >= 0


def step(books: Books, dice: random.Random, customer: Json) -> None:
    """One thing that a client or a bookkeeper does; refusals are fine, crashes are not."""
    entity = dice.choice(("Invoice", "Payment", "CreditMemo", "Estimate"))
    amount = Decimal(dice.randrange(1, 20_000)) / 100
    rows = books.rows(
        f"select * from {entity} where CustomerRef = '{customer['Id']}' maxresults 20", entity
    )
    what = dice.choice(("create", "create", "update", "void", "delete", "apply", "deposit"))
    body: Json = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(amount)]}
    query = {}
    if entity == "Payment":
        body = {"CustomerRef": body["CustomerRef"], "TotalAmt": amount}
    if what in ("update", "void", "delete"):
        if not rows:
            return
        row = dice.choice(rows)
        body = {"Id": row["Id"], "SyncToken": row["SyncToken"]}
        if what == "update":
            change = {"TotalAmt": amount} if entity == "Payment" else {"Line": [item_line(amount)]}
            body |= {"sparse": True, **change}
        elif what == "void" and entity == "Payment":
            query = {"operation": "update", "include": "void"}
        else:
            query = {"operation": what}
    elif what == "apply":
        entity = "Payment"
        found = books.rows(
            f"select * from Invoice where CustomerRef = '{customer['Id']}' and Balance > '0'",
            "Invoice",
        )
        lines = [pays(row, min(row["Balance"], amount)) for row in found[:2]]
        total = sum((line["Amount"] for line in lines), Decimal(0))
        body = {"CustomerRef": body["CustomerRef"], "TotalAmt": total, "Line": lines}
    elif what == "deposit":
        free = books.rows(
            f"select * from Payment where CustomerRef = '{customer['Id']}'", "Payment"
        )
        free = [row for row in free if "LinkedTxn" not in row and row["TotalAmt"]]
        if free:
            books.bookkeeper("deposit", id=free[0]["Id"])
        return
    reply = books.ask("POST", entity.lower(), body, **query)
    assert reply.status_code in (200, 400), reply.text


def check(books: Books, customers: list[Json]) -> Decimal:
    """Documents agree with one another: what payments say they pay is what invoices lack."""
    paid: dict[tuple[str, str], Decimal] = {}
    for row in books.rows("select * from Payment maxresults 1000", "Payment"):
        credits = charges = Decimal(0)
        for line in row["Line"]:
            [link] = line["LinkedTxn"]
            key = link["TxnType"], link["TxnId"]
            paid[key] = paid.get(key, Decimal(0)) + line["Amount"]
            if link["TxnType"] == "Invoice":
                charges += line["Amount"]
            else:
                credits += line["Amount"]
        assert row["UnappliedAmt"] == row["TotalAmt"] + credits - charges
        assert 0 <= row["UnappliedAmt"] <= row["TotalAmt"]
    owed = {customer["Id"]: Decimal(0) for customer in customers}
    for row in books.rows("select * from Invoice maxresults 1000", "Invoice"):
        assert row["Balance"] == row["TotalAmt"] - paid.pop(("Invoice", row["Id"]), Decimal(0))
        assert row["Balance"] >= 0
        owed[row["CustomerRef"]["value"]] += row["Balance"]
    for row in books.rows("select * from CreditMemo maxresults 1000", "CreditMemo"):
        spent = paid.pop(("CreditMemo", row["Id"]), Decimal(0))
        assert row["RemainingCredit"] == row["TotalAmt"] - spent >= 0
        owed[row["CustomerRef"]["value"]] -= row["RemainingCredit"]
    assert paid == {}
    for row in books.rows("select * from Payment maxresults 1000", "Payment"):
        owed[row["CustomerRef"]["value"]] -= row["UnappliedAmt"]
    for customer in customers:
        assert books.again("Customer", customer)["Balance"] == owed[customer["Id"]]
    return sum(paid.values(), Decimal(0))
