"""Pages for people, without a browser: what they show, where they lead, what their buttons do."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin

import pytest
import requests

from .conftest import REALM, Books, item_line, pays

Form = tuple[str, dict[str, str]]


class Page(HTMLParser):
    """A page's links, forms and text."""

    def __init__(self, reply: requests.Response) -> None:
        super().__init__()
        self.url, self.status, self.html = reply.url, reply.status_code, reply.text
        self.links: list[str] = []
        self.forms: list[tuple[str, str, dict[str, str], str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(reply.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._open.append(tag)
        if tag == "a":
            self.links.append(urljoin(self.url, values["href"]))
        elif tag == "form":
            self.forms.append((values.get("method", ""), values.get("action", ""), {}, ""))
        elif tag == "input" and self.forms and "name" in values:
            if values.get("type") != "checkbox":
                self.forms[-1][2].setdefault(values["name"], values.get("value", ""))
        elif tag == "select":
            self._select = values["name"]
        elif tag == "option":
            self.forms[-1][2].setdefault(self._select, values["value"])

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] == "button" and self.forms:
            method, to, fields, label = self.forms[-1]
            if not label:
                self.forms[-1] = (method, to, fields, data)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.append("")

    def press(self, label: str, **values: Any) -> Page:
        """Press a button, with some fields typed over."""
        found = [form for form in self.forms if form[3] == label]
        assert found, f"no button {label!r} among {[form[3] for form in self.forms]}"
        _, to, fields, _ = found[0]
        typed = {name.replace("__", "."): value for name, value in values.items()}
        data = {**fields, **typed}
        return Page(requests.post(urljoin(self.url, to), data=data, timeout=10))


def page(books: Books, path: str = "") -> Page:
    return Page(requests.get(f"{books.url}/company/{REALM}{path}", timeout=10))


def shop(books: Books) -> dict[str, Any]:
    """A customer with one of everything."""
    customer = books.customer("Acme Kitchens")
    estimate = books.estimate(customer, 80, DocNumber="1042")
    invoice = books.invoice(customer, 100, DocNumber="1041", TxnDate="2026-01-10")
    payment = books.payment(customer, 60, pays(invoice, 40), PaymentRefNum="chk 9")
    credit = books.sale("CreditMemo", customer, 5, DocNumber="CM-1")
    return {"Customer": customer, "Estimate": estimate, "Invoice": invoice, "Payment": payment,
            "CreditMemo": credit}  # fmt: skip


def test_every_link_of_every_page_leads_to_a_page(books: Books) -> None:
    made = shop(books)
    books.bookkeeper("deposit", id=made["Payment"]["Id"])
    waiting, seen = [f"{books.url}/"], set()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        found = Page(requests.get(at, timeout=10))
        assert found.status == 200, at
        assert "<script" not in found.html
        waiting += found.links
    path = f"{books.url}/company/{REALM}"
    for name, body in made.items():
        assert f"{path}/{name.lower()}/{body['Id']}" in seen
    assert {f"{path}/ageing", f"{path}/journal", f"{path}/trial", f"{path}/settings"} <= seen


def test_what_people_wrote_is_escaped_everywhere(books: Books) -> None:
    bad = "<script>alert('1')</script>\"&"
    customer = books.customer(bad, CompanyName=bad)
    note = {"PrivateNote": bad, "CustomerMemo": {"value": bad}}
    line = {**item_line(10), "Description": bad}
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [line], "DocNumber": "<b>7", **note}
    invoice = books.send("Invoice", body)
    payment = books.payment(customer, 4, pays(invoice, 4), PaymentRefNum="<i>'\"", PrivateNote=bad)
    item = books.send("Item", {"Name": bad, "IncomeAccountRef": {"value": "1"}, "Type": "Service"})
    paths = [
        "/customer", "/invoice", "/payment", "/item", "/ageing", "/journal",
        f"/customer/{customer['Id']}", f"/invoice/{invoice['Id']}",
        f"/payment/{payment['Id']}", f"/item/{item['Id']}",
    ]  # fmt: skip
    for path in paths:
        found = page(books, path)
        assert found.status == 200
        assert not re.search(r"<script|<b>|<i>", found.html), path
    hostile = "/customer?find=" + quote('"><script>')
    assert "<script" not in page(books, hostile).html


def test_what_is_not_there_is_not_found(books: Books) -> None:
    for path in ("/nowhere", "/invoice/99", "/invoice/x", "/a/b/c"):
        assert page(books, path).status == 404
    assert requests.get(f"{books.url}/company/1", timeout=10).status_code == 404


def test_the_ageing_agrees_with_the_books(books: Books) -> None:
    shop(books)
    found = page(books, "/ageing")
    assert "Acme Kitchens" in found.text
    assert "Open documents 35.00 and accounts receivable 35.00 agree." in found.text


def test_a_long_list_comes_by_pages_and_can_be_searched(books: Books) -> None:
    for at in range(0, 120, 30):
        books.batch(
            *({"operation": "create", "Customer": {"DisplayName": f"Shop {n:03}"}}
              for n in range(at, at + 30))
        )  # fmt: skip
    first = page(books, "/customer")
    assert "120 in all, page 1 of 2" in first.text
    assert "Shop 110" in page(books, "/customer?page=2").text
    assert "1 in all" in page(books, "/customer?find=shop+077").text
    assert page(books, "/customer?page=x").status == 200


def test_a_line_is_changed(books: Books) -> None:
    made = shop(books)
    after = page(books, f"/estimate/{made['Estimate']['Id']}").press(
        "Change line", values__Amount="91.50", values__Description="Doors"
    )
    assert "The line is changed." in after.text
    assert str(books.again("Estimate", made["Estimate"])["TotalAmt"]) == "91.50"


def test_a_document_is_changed_voided_and_deleted(books: Books) -> None:
    made = shop(books)
    at = f"/invoice/{made['Invoice']['Id']}"
    after = page(books, at).press("Change", values__PrivateNote="by hand")
    assert books.again("Invoice", made["Invoice"])["PrivateNote"] == "by hand"
    after = after.press("Void")
    assert "Voided." in after.text
    assert books.again("Invoice", made["Invoice"])["TotalAmt"] == 0
    after = after.press("Delete")
    assert after.url.endswith("/invoice?done=delete")
    assert page(books, at).status == 404


def test_estimates_are_accepted_rejected_and_converted(books: Books) -> None:
    made = shop(books)
    at = f"/estimate/{made['Estimate']['Id']}"
    for label, status in (("Reject", "Rejected"), ("Close", "Closed"), ("Accept", "Accepted")):
        page(books, at).press(label)
        assert books.again("Estimate", made["Estimate"])["TxnStatus"] == status
    invoice = page(books, at).press("Convert to invoice")
    assert "/invoice/" in invoice.url
    assert books.again("Estimate", made["Estimate"])["TxnStatus"] == "Converted"


def test_a_payment_is_unapplied_applied_and_deposited(books: Books) -> None:
    made = shop(books)
    at = f"/payment/{made['Payment']['Id']}"
    after = page(books, at).press("Unapply")
    assert books.again("Payment", made["Payment"])["UnappliedAmt"] == 60
    after.press("Apply")
    assert books.again("Payment", made["Payment"])["UnappliedAmt"] == 0
    deposit = page(books, at).press("Deposit")
    assert "/deposit/" in deposit.url
    assert books.again("Payment", made["Payment"])["LinkedTxn"][0]["TxnType"] == "Deposit"
    assert "Deposit" not in [form[3] for form in page(books, at).forms]


def test_several_payments_go_on_one_deposit(books: Books) -> None:
    customer = books.customer()
    ids = [books.payment(customer, amount)["Id"] for amount in (10, 20)]
    listed = page(books, "/payment")
    assert "Tick the payments" in listed.press("Deposit").text
    after = listed.press("Deposit", ids=ids)
    assert "30.00" in after.text
    assert not [form for form in page(books, "/payment").forms if form[3] == "Deposit"]


def test_a_customer_is_made_renamed_merged_and_made_inactive(books: Books) -> None:
    made = shop(books)
    double = page(books, "/customer").press("Make", values__DisplayName="Akme Kitchens")
    assert "Made." in double.text
    double = double.press("Rename", to="Acme Kitchens II")
    assert "Customer Acme Kitchens II" in double.text
    refused = double.press("Merge", into="99")
    assert refused.status == 400
    assert "there is no such customer to merge into" in refused.text
    merged = double.press("Merge", into=made["Customer"]["Id"])
    assert merged.url.split("?")[0].endswith(f"/customer/{made['Customer']['Id']}")
    merged.press("Make inactive")
    assert books.rows("select * from Customer where Active = true", "Customer") == []
    page(books, f"/customer/{made['Customer']['Id']}").press("Make active")
    assert len(books.rows("select * from Customer", "Customer")) == 1


@pytest.mark.parametrize("entity", ["Estimate", "Invoice", "CreditMemo", "Payment"])
def test_documents_are_made_by_hand(books: Books, entity: str) -> None:
    customer = books.customer()
    name = "values__TotalAmt" if entity == "Payment" else "values__Line__Amount"
    after = page(books, f"/customer/{customer['Id']}").press(f"Make {entity}", **{name: "12.34"})
    assert "Made." in after.text
    [row] = books.rows(f"select * from {entity}", entity)
    assert str(row["TotalAmt"]) == "12.34"


def test_settings_are_switched_and_books_closed(books: Books) -> None:
    after = page(books, "/settings").press("Switch on: Sales tax")
    assert "The preferences are changed." in after.text
    assert books.control("GET", f"companies/{REALM}/preferences")["TaxPrefs"]["UsingSalesTax"]
    after = after.press("Close the books", date="2026-03-31")
    assert "closed until 2026-03-31" in after.text
    assert "closed until 2026-03-31" in page(books).text
    assert "The books are open." in after.press("Open the books").text


def test_a_wrong_amount_is_told_on_the_page(books: Books) -> None:
    made = shop(books)
    found = page(books, f"/estimate/{made['Estimate']['Id']}")
    for wrong in ("ten", "NaN", "-500"):
        after = found.press("Change line", values__Amount=wrong)
        assert after.status == 400
        assert "wrong" in after.html
        assert "Estimate 1042" in after.text


def test_a_button_of_another_site_does_nothing(books: Books) -> None:
    made = shop(books)
    to = f"{books.url}/company/{REALM}/do"
    data = {"action": "delete", "entity": "Invoice", "id": made["Invoice"]["Id"]}
    headers = {"Origin": "http://evil.example"}
    assert requests.post(to, data=data, headers=headers, timeout=10).status_code == 403
    assert requests.post(f"{to}/more", data=data, timeout=10).status_code == 404
    assert books.again("Invoice", made["Invoice"])["TotalAmt"] == 100
