"""What is disputed: each value of each switch, and what a client sees of it.

`observed` holds every switch with all its values; a switch that changes nothing, or that nobody
looks at, fails here.  The tests of the whole program take `--assume name=value`, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from qbosync.emulator import Emulator, Server, VirtualClock
from qbosync.emulator.provenance import SWITCHES
from qbosync.emulator.readme import load_all

from .conftest import OFF, Books, Json, Refused, item_line, pays, read, tokens

DAY = 86_400


def made_of(books: Books, estimate: Json, **values: Any) -> Json:
    """An invoice that links an estimate."""
    link = {"TxnId": estimate["Id"], "TxnType": "Estimate"}
    customer = {"Id": estimate["CustomerRef"]["value"]}
    return books.invoice(customer, LinkedTxn=[link], **values)


def later(books: Books, seconds: float) -> None:
    """Some time passes; the session signs in anew."""
    books.control("POST", "clock", {"advance_s": seconds})
    books.session.headers["Authorization"] = f"Bearer {tokens(books.url)['access_token']}"


def cdc_window(books: Books) -> str:
    books.customer()
    later(books, 31 * DAY)
    return "served" if books.changes("Customer")[0] else "cut"


def doubled_tax(books: Books) -> str:
    books.prefer(
        {"TaxPrefs": {"UsingSalesTax": True}, "SalesFormsPrefs": {"AutoApplyCredit": False}}
    )
    [account] = books.rows("select * from Account where Name = 'Sales Tax Collected'", "Account")
    tax = books.send("Item", {"Name": "Tax", "IncomeAccountRef": {"value": account["Id"]}})
    lines = [item_line(100), item_line(8, tax["Id"])]
    total = books.sale("Invoice", books.customer(), Line=lines)["TotalAmt"]
    return {116: "yes", 108: "no"}[int(total)]


def duplicate_name_id(books: Books) -> str:
    first = books.customer("Acme")
    with pytest.raises(Refused, match="6240") as caught:
        books.customer("Acme")
    return "yes" if f"Id={first['Id']}" in caught.value.detail else "no"


def duplicate_number(books: Books) -> str:
    customer = books.customer()

    def clashes() -> bool:
        try:
            books.invoice(customer, DocNumber="7")
        except Refused as refused:
            assert refused.code == "6140"
            return True
        return False

    clashes()
    custom = clashes()
    books.prefer({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    return {(True, False): "custom", (True, True): "always", (False, False): "never"}[
        custom, clashes()
    ]


def estimate_after(books: Books) -> str:
    estimate = books.estimate(books.customer(), TxnStatus="Accepted")
    books.void("Invoice", made_of(books, estimate))
    status = books.again("Estimate", estimate)["TxnStatus"]
    return {"Accepted": "previous", "Converted": "unchanged"}.get(status, status)


def estimate_status(books: Books) -> str:
    estimate = books.estimate(books.customer())
    made_of(books, estimate)
    return str(books.again("Estimate", estimate)["TxnStatus"])


def foreign_invoice(books: Books) -> str:
    theirs = books.invoice(books.customer("Other"))
    try:
        payment = books.payment(books.customer(), 60, pays(theirs, 60))
    except Refused as refused:
        assert refused.code == "620"
        return "refused"
    assert payment["UnappliedAmt"] == 60
    return "unapplied"


def full_update_unlinks(books: Books) -> str:
    invoice = made_of(books, books.estimate(books.customer()))
    body = {"CustomerRef": invoice["CustomerRef"], "Line": [item_line(90)]}
    after = books.send("Invoice", {**body, "Id": invoice["Id"], "SyncToken": "0"})
    return "no" if after["LinkedTxn"] else "yes"


def number_when_automatic(books: Books) -> str:
    books.prefer({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    number = books.invoice(books.customer(), DocNumber="mine")["DocNumber"]
    return "stored" if number == "mine" else "ignored"


def refresh_race(books: Books) -> str:
    def refreshed(value: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": value}
        address = f"{books.url}/oauth2/v1/tokens/bearer"
        return requests.post(address, auth=("client", "secret"), data=form, timeout=10)

    first = books.tokens["refresh_token"]
    books.control("POST", "clock", {"advance_s": DAY + 1})
    second = refreshed(first).json()["refresh_token"]
    assert refreshed(first).status_code == 400
    return "old-dies" if refreshed(second).status_code == 200 else "both-die"


def requestid_faults(books: Books) -> str:
    books.customer("Acme")
    assert books.ask("POST", "customer", {"DisplayName": "Acme"}, requestid="r").status_code == 400
    again = books.ask("POST", "customer", {"DisplayName": "New"}, requestid="r")
    return "forgotten" if again.status_code == 200 else "remembered"


def requestid_retention(books: Books) -> str:
    """After 0 s, 10 min, 1 h, a day and a year: until when the first reply comes again."""
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "TotalAmt": 5}
    first = read(books.ask("POST", "payment", body, requestid="r"))["Payment"]["Id"]
    for passes, value in ((0, "ignored"), (601, "10m"), (3000, "1h"), (DAY, "24h"), (DAY * 90, "")):
        if passes:
            later(books, passes)
        # Looked at with an id that is not remembered by looking: the reply tells which object.
        found = read(books.ask("POST", "payment", body, requestid="r"))["Payment"]["Id"]
        if found != first:
            return value
    return "forever"


def wrong_environment(books: Books) -> str:
    reply = books.session.get(
        f"{books.url}/production/v3/company/{books.realm}/preferences", timeout=10
    )
    if reply.status_code == 403:
        return str(reply.json()["fault"]["error"][0]["code"])
    assert 'code="130"' in reply.text
    assert reply.status_code == 401
    return "130"


observed: dict[str, Callable[[Books], str]] = {
    "cdc-window": cdc_window,
    "doubled-tax": doubled_tax,
    "duplicate-name-id": duplicate_name_id,
    "duplicate-number": duplicate_number,
    "estimate-after": estimate_after,
    "estimate-status": estimate_status,
    "foreign-invoice": foreign_invoice,
    "full-update-unlinks": full_update_unlinks,
    "number-when-automatic": number_when_automatic,
    "refresh-race": refresh_race,
    "requestid-faults": requestid_faults,
    "requestid-retention": requestid_retention,
    "wrong-environment": wrong_environment,
}
load_all()
VALUES = [(name, value) for name, known in sorted(SWITCHES.items()) for value in known.values]


def test_every_switch_is_looked_at() -> None:
    assert observed.keys() == SWITCHES.keys()


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_each_value_of_a_switch_shows(name: str, value: str) -> None:
    emulator = Emulator(clock=VirtualClock(), seed=1, paranoid=True, assume={name: value})
    with Server(emulator=emulator) as server:
        books = Books(server.url)
        books.prefer(OFF)
        assert observed[name](books) == value
