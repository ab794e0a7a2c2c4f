"""The odd cases: values in other forms, linked things that go, lists with parents."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .conftest import Books, Json, item_line, pays, read, refused


def test_numbers_may_come_as_text_and_ids_as_numbers(books: Books) -> None:
    customer = books.customer()
    body = {
        "CustomerRef": {"value": int(customer["Id"])},
        "TxnDate": "2019-03-06 10:43:14 -0800",
        "Line": [item_line("1")],
    }
    body["Line"][0]["Amount"] = "10.50"
    made = books.send("Invoice", body)
    assert (made["TotalAmt"], made["TxnDate"]) == (Decimal("10.50"), "2019-03-06")
    assert made["CustomerRef"]["value"] == customer["Id"]
    for bad in ("ten", True, "NaN", []):
        body["Line"][0]["Amount"] = bad
        refused(books, "2090", "Invoice", body)
    for day in ("soon", "2026-13-01", "2026-02-31"):
        wrong = {**body, "TxnDate": day, "Line": [item_line(1)]}
        refused(books, "2060", "Invoice", wrong)


def test_wrong_shapes_are_unknown_properties(books: Books) -> None:
    for body in ({"DisplayName": {}}, {"BillAddr": "x"}, {"BillAddr": []}):
        refused(books, "2010", "Customer", body)
    refused(books, "2010", "Invoice", {"Line": {}})
    assert '"2010"' in books.ask("POST", "customer", "[]").text


def test_an_empty_text_clears_and_null_leaves(books: Books) -> None:
    made = books.customer("Acme", Notes="note", CompanyName="Acme Ltd")
    new = books.sparse("Customer", made, Notes="", CompanyName=None)
    assert "Notes" not in new
    assert new["CompanyName"] == "Acme Ltd"


@pytest.mark.parametrize("action", ["delete", "void"])
def test_an_estimate_that_goes_frees_its_invoice(books: Books, action: str) -> None:
    customer = books.customer()
    estimate = books.estimate(customer)
    link = {"TxnId": estimate["Id"], "TxnType": "Estimate"}
    invoice = books.invoice(customer, LinkedTxn=[link])
    getattr(books, action)("Estimate", estimate)
    now = books.again("Invoice", invoice)
    assert now["LinkedTxn"] == []
    assert "LinkedTxn" not in now["Line"][0]


def test_estimates_keep_their_status_in_full_updates_while_linked(books: Books) -> None:
    customer = books.customer()
    estimate = books.estimate(customer)
    books.invoice(customer, LinkedTxn=[{"TxnId": estimate["Id"], "TxnType": "Estimate"}])
    body = {
        "Id": estimate["Id"],
        "SyncToken": "0",
        "CustomerRef": estimate["CustomerRef"],
        "Line": [item_line(5)],
    }
    new = books.send("Estimate", body)
    assert new["TxnStatus"] == "Converted"
    assert len(new["LinkedTxn"]) == 1
    refused(books, "2170", "Estimate", {**body, "SyncToken": "1", "TxnStatus": "Done"})


def test_estimates_can_be_switched_off(books: Books) -> None:
    books.prefer({"SalesFormsPrefs": {"AllowEstimates": False}})
    customer = books.customer()
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(5)]}
    refused(books, "5030", "Estimate", body)


def test_a_link_in_the_lines_alone_links_too(books: Books) -> None:
    customer = books.customer()
    estimate = books.estimate(customer)
    link = [{"TxnId": estimate["Id"], "TxnType": "Estimate"}]
    line = {**item_line(5), "LinkedTxn": link}
    assert books.sale("Invoice", customer, Line=[line])["LinkedTxn"] == link


def test_discounts_take_off_by_amount_or_percentage(books: Books) -> None:
    customer = books.customer()
    percent: Json = {
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10},
    }
    made = books.sale("Invoice", customer, Line=[item_line(50), percent])
    assert made["TotalAmt"] == 45
    named: Json = {
        "Amount": 5,
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {"DiscountAccountRef": {"value": "13"}},
    }
    assert books.sale("Invoice", customer, Line=[item_line(50), named])["TotalAmt"] == 45
    assert books.sparse("Invoice", made, PrivateNote="x")["TotalAmt"] == 45
    empty = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {}}
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(1), empty]}
    refused(books, "6090", "Invoice", body)


def test_a_line_may_have_a_price_alone_or_zeros(books: Books) -> None:
    customer = books.customer()
    price = item_line(1, UnitPrice=Decimal("2.50"))
    del price["Amount"]
    both = item_line(1, UnitPrice=Decimal("2.50"), Qty=3)
    del both["Amount"]
    zeros = item_line(10, UnitPrice=0, Qty=0)
    made = books.sale("Invoice", customer, Line=[price, both, zeros])
    assert [line["Amount"] for line in made["Line"]] == [
        Decimal("2.50"),
        Decimal("7.50"),
        10,
        20,
    ]
    nothing = item_line(1)
    del nothing["Amount"]
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [nothing]}
    assert refused(books, "2020", "Invoice", body).element == "Line.Amount"


def test_automatic_numbers_on_demand(books: Books) -> None:
    customer = books.customer()
    assert books.invoice(customer, AutoDocNumber=True)["DocNumber"] == "1001"
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(1)]}
    assert books.send("Invoice", body, include="autodocnumber")["DocNumber"] == "1002"


def test_categories_hold_items_and_are_not_sold(books: Books) -> None:
    group = books.send("Item", {"Name": "Cabinets", "Type": "Category"})
    item = books.send(
        "Item",
        {
            "Name": "Doors",
            "SubItem": True,
            "ParentRef": {"value": group["Id"]},
            "IncomeAccountRef": {"value": "4"},
        },
    )
    assert item["FullyQualifiedName"] == "Cabinets:Doors"
    [found] = books.rows("select * from Item where FullyQualifiedName = 'cabinets:doors'", "Item")
    assert found["Id"] == item["Id"]
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "Line": [item_line(1, group["Id"])]}
    assert "Categories cannot" in refused(books, "2500", "Invoice", body).detail
    refused(books, "2170", "Item", {"Name": "x", "Type": "Thing"})
    refused(books, "6000", "Item", {"Name": "x", "Type": "Inventory"})
    refused(books, "2020", "Item", {"Name": "x"})
    refused(books, "2040", "Item", {"Name": "a:b", "IncomeAccountRef": {"value": "4"}})


def test_accounts_have_parents_and_types(books: Books) -> None:
    made = books.send(
        "Account",
        {"Name": "Fees", "AccountSubType": "ServiceFeeIncome", "ParentRef": {"value": "1"}},
    )
    assert made["FullyQualifiedName"] == "Services:Fees"
    assert made["ParentRef"] == {"value": "1"}
    refused(books, "2170", "Account", {"Name": "x", "AccountType": "Wallet"})


def test_other_lists_and_terms(books: Books) -> None:
    term = books.send("Term", {"Name": "First", "DayOfMonthDue": 1, "DueNextMonthDays": 2})
    assert term["Type"] == "DATE_DRIVEN"
    made = books.send("Class", {"Name": "Kitchens"})
    assert made["FullyQualifiedName"] == "Kitchens"
    assert books.send("Department", {"Name": "Boise"})["Active"] is True
    assert books.send("PaymentMethod", {"Name": "Wire"})["Type"] == "NON_CREDIT_CARD"
    refused(books, "500", "Term", {"Id": term["Id"], "SyncToken": "0"}, operation="delete")
    invoice = books.invoice(books.customer(), ClassRef={"value": made["Id"]})
    assert invoice["ClassRef"] == {"value": made["Id"], "name": "Kitchens"}


def test_an_inactive_customer_keeps_its_documents(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.payment(customer, 5)
    books.sparse("Customer", customer, Active=False)
    assert books.sparse("Invoice", invoice, PrivateNote="x")["SyncToken"] == "1"
    assert books.sparse("Payment", payment, PrivateNote="x")["SyncToken"] == "1"
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(1)]}
    refused(books, "6250", "Invoice", body)
    refused(books, "6250", "Payment", {"CustomerRef": body["CustomerRef"], "TotalAmt": 1})


def test_money_goes_to_banks_only(books: Books) -> None:
    customer = books.customer()
    bank = books.payment(customer, 5, DepositToAccountRef={"value": "11"})
    assert bank["DepositToAccountRef"] == {"value": "11"}
    body = {
        "CustomerRef": {"value": customer["Id"]},
        "TotalAmt": 5,
        "DepositToAccountRef": {"value": "4"},
    }
    refused(books, "6000", "Payment", body)
    refused(books, "2500", "Payment", {**body, "DepositToAccountRef": {"value": "999"}})


def test_payment_lines_must_say_what_they_pay(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 5}
    refused(books, "2020", "Payment", {**body, "Line": [{"Amount": 5}]})
    refused(books, "2020", "Payment", {**body, "Line": [{"LinkedTxn": []}]})
    refused(books, "2170", "Payment", {**body, "Line": [pays(invoice, 5, "Estimate")]})
    refused(books, "6000", "Payment", {**body, "Line": [pays(invoice, -5)]})
    refused(books, "6000", "Payment", {**body, "TotalAmt": -5})
    refused(books, "2020", "Payment", {"TotalAmt": 5})
    refused(books, "6000", "Payment", {**body, "TotalAmt": 0})


def test_a_paid_invoice_stays_with_its_customer(books: Books) -> None:
    customer, other = books.customer("One"), books.customer("Two")
    invoice = books.invoice(customer)
    moved = books.sparse("Invoice", invoice, CustomerRef={"value": other["Id"]})
    assert moved["CustomerRef"]["name"] == "Two"
    books.payment(other, 5, pays(invoice, 5))
    body = {
        "Id": invoice["Id"],
        "SyncToken": "2",
        "sparse": True,
        "CustomerRef": {"value": customer["Id"]},
    }
    refused(books, "6000", "Invoice", body)


def test_a_smaller_credit_memo_takes_back_what_it_paid(books: Books) -> None:
    customer = books.customer()
    invoice, credit = books.invoice(customer), books.sale("CreditMemo", customer, 30)
    books.payment(customer, 0, pays(invoice, 30), pays(credit, 30, "CreditMemo"))
    books.sparse("CreditMemo", credit, Line=[item_line(20)])
    assert books.again("Invoice", invoice)["Balance"] == 80
    books.delete("CreditMemo", credit)
    assert books.again("Invoice", invoice)["Balance"] == 100
    refused(books, "610", "CreditMemo", {"Id": credit["Id"], "SyncToken": "9"}, operation="void")
    fresh = books.sale("CreditMemo", customer, 20)
    refused(books, "500", "CreditMemo", {"Id": fresh["Id"], "SyncToken": "0"}, operation="void")
    assert books.bookkeeper("void", entity="CreditMemo", id=fresh["Id"])["CreditMemo"][
        "RemainingCredit"
    ] == (0)


def test_deposits_take_receipts_and_cash_back_and_can_be_edited(books: Books) -> None:
    customer = books.customer()
    receipt = books.sale("SalesReceipt", customer, 50)
    payment = books.payment(customer, 20)
    lines = [
        {"Amount": 50, "LinkedTxn": [{"TxnId": receipt["Id"], "TxnType": "SalesReceipt"}]},
        {"Amount": 20, "LinkedTxn": [{"TxnId": payment["Id"], "TxnType": "Payment"}]},
    ]
    bank = {"DepositToAccountRef": {"value": "11"}}
    back = {"AccountRef": {"value": "7"}, "Amount": 10}
    made = books.send("Deposit", {**bank, "Line": lines, "CashBack": back})
    assert made["TotalAmt"] == 60
    twice = {**bank, "Line": lines[1:]}
    refused(books, "6000", "Deposit", twice)
    new = books.sparse("Deposit", made, **bank, Line=lines[:1])
    assert new["TotalAmt"] == 40
    assert "LinkedTxn" not in books.again("Payment", payment)
    assert books.again("SalesReceipt", receipt)["LinkedTxn"] != []
    missing = {"Amount": 1, "LinkedTxn": [{"TxnId": "999", "TxnType": "Payment"}]}
    refused(books, "610", "Deposit", {**bank, "Line": [missing]})
    refused(books, "2020", "Deposit", {**bank, "Line": []})
    refused(books, "6000", "Deposit", {"DepositToAccountRef": {"value": "4"}, "Line": lines[1:]})


def test_batches_carry_cdc_and_refuse_what_they_are_not(books: Books) -> None:
    books.customer()
    asked = {"Entities": "Customer", "ChangedSince": "2026-01-01T00:00:00Z"}
    [reply] = books.batch({"CDCQuery": asked})
    assert reply["CDCResponse"][0]["QueryResponse"][0]["maxResults"] == 1
    assert books.ask("GET", "batch").status_code == 400
    assert books.ask("POST", "batch", {"Nonsense": []}).status_code == 400
    body = read(books.ask("POST", "batch", {"BatchItemRequest": ["x"]}))
    assert "Fault" in body["BatchItemResponse"][0]
    for query in ({"entities": "Customer"}, {"entities": "Customer", "changedSince": "soon"}):
        assert "changedSince" in books.ask("GET", "cdc", **query).text


def test_the_bookkeeper_creates_and_unapplies(books: Books) -> None:
    customer = books.bookkeeper("create", entity="Customer", values={"DisplayName": "A"})
    invoice = books.invoice(customer["Customer"])
    payment = books.payment(customer["Customer"], 5, pays(invoice, 5))
    books.bookkeeper("unapply_payment", id=payment["Id"])
    assert books.again("Invoice", invoice)["Balance"] == 100
    books.bookkeeper("preferences", values={"SalesFormsPrefs": {"AutoApplyCredit": True}})
    found = books.control("GET", f"companies/{books.realm}/preferences")
    assert found["SalesFormsPrefs"]["AutoApplyCredit"] is True
    assert "void" in books.control("GET", f"companies/{books.realm}/bookkeeper")["actions"]


def test_wrong_preferences_and_paths_are_refused(books: Books) -> None:
    assert '"5010"' in books.ask("POST", "preferences", {"SyncToken": "77"}).text
    assert '"2010"' in books.ask("POST", "preferences", {"Nonsense": {}}).text
    assert '"500"' in books.ask("POST", "Invoice", {}).text
    assert '"500"' in books.ask("POST", "invoice", {}, operation="explode").text
    made = books.invoice(books.customer())
    assert '"6420"' in books.ask("POST", f"invoice/{made['Id']}/send").text
    body = {"CustomerRef": made["CustomerRef"], "Line": [item_line(1)], "EmailStatus": "NeedToSend"}
    refused(books, "6420", "Invoice", body)
    wrapped = {"Invoice": {"CustomerRef": made["CustomerRef"], "Line": [item_line(1)]}}
    assert books.ask("POST", "invoice", wrapped).status_code == 200
