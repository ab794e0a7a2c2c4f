"""Payments, credits, deposits, and what QuickBooks applies by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qbosync.emulator import Server

from .conftest import OFF, Books, Json, item_line, pays, refused

NOTE = "Created by QB Online to link credits to charges."


def test_an_unapplied_payment_goes_to_undeposited_funds(books: Books) -> None:
    """Recorded 2026; the account is made on first use."""
    customer = books.customer()
    made = books.payment(customer, 100)
    account = books.get("Account", made["DepositToAccountRef"]["value"])
    assert account["AccountSubType"] == "UndepositedFunds"
    assert "name" not in made["DepositToAccountRef"]
    assert made["UnappliedAmt"] == made["TotalAmt"] == 100
    assert made["Line"] == []
    assert made["ProcessPayment"] is False
    assert "LinkedTxn" not in made
    assert books.again("Customer", customer)["Balance"] == -100


def test_creating_a_payment_leaves_open_invoices_alone(raw: Books) -> None:
    """Recorded 2026."""
    customer = raw.customer()
    raw.invoice(customer)
    assert raw.payment(customer, 100)["UnappliedAmt"] == 100


def test_applying_at_once_moves_the_invoice(frozen: Books) -> None:
    """Recorded: token + 1, LastUpdatedTime = the payment's, payments newest first."""
    customer = frozen.customer()
    invoice = frozen.invoice(customer, 387, DocNumber="1031")
    frozen.control("POST", "clock", {"advance_s": 60})
    payment = frozen.payment(customer, 100, pays(invoice, 100))
    now = frozen.again("Invoice", invoice)
    assert now["Balance"] == 287
    assert now["SyncToken"] == "1"
    assert now["MetaData"]["LastUpdatedTime"] == payment["MetaData"]["CreateTime"]
    second = frozen.payment(customer, 50, pays(invoice, 50))
    links = [link["TxnId"] for link in frozen.again("Invoice", invoice)["LinkedTxn"]]
    assert links == [second["Id"], payment["Id"]]
    assert frozen.again("Customer", customer)["Balance"] == 237


def test_payment_lines_carry_line_ex(books: Books) -> None:
    """Recorded: the open balance is the invoice's now and this amount."""
    customer = books.customer()
    invoice = books.invoice(customer, 387, DocNumber="1031")
    payment = books.payment(customer, 100, pays(invoice, 100))
    [line] = payment["Line"]
    values = {one["value"]["Name"]: one["value"]["Value"] for one in line["LineEx"]["any"]}
    assert values == {
        "txnId": invoice["Id"],
        "txnOpenBalance": "387.00",
        "txnReferenceNumber": "1031",
    }
    assert "Id" not in line
    books.payment(customer, 87, pays(invoice, 87))
    [line] = books.again("Payment", payment)["Line"]
    assert line["LineEx"]["any"][1]["value"]["Value"] == "300.00"


def test_a_waiting_payment_is_applied_by_an_update(books: Books) -> None:
    customer = books.customer()
    payment = books.payment(customer, 60, PaymentRefNum="77", PrivateNote="n")
    invoice = books.invoice(customer, 100)
    new = books.sparse("Payment", payment, Line=[pays(invoice, 60)])
    assert (new["UnappliedAmt"], new["SyncToken"], new["PaymentRefNum"]) == (0, "1", "77")
    assert books.again("Invoice", invoice)["Balance"] == 40
    note = books.sparse("Payment", payment, PrivateNote="other")
    assert note["Line"] == new["Line"]
    gone = books.sparse("Payment", payment, Line=[])
    assert gone["UnappliedAmt"] == 60
    now = books.again("Invoice", invoice)
    assert (now["Balance"], now["LinkedTxn"]) == (100, [])


def test_sent_lines_replace_all_lines(books: Books) -> None:
    """Noted 2026: sending only the new line un-applies the old one."""
    customer = books.customer()
    one, two = books.invoice(customer, 50), books.invoice(customer, 50)
    payment = books.payment(customer, 100, pays(one, 50))
    new = books.sparse("Payment", payment, Line=[pays(two, 50)])
    assert new["UnappliedAmt"] == 50
    assert books.again("Invoice", one)["Balance"] == 50
    assert books.again("Invoice", one)["SyncToken"] == "2"
    assert books.again("Invoice", two)["Balance"] == 0


def test_an_update_without_effect_touches_no_invoice(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.payment(customer, 100, pays(invoice, 100))
    same = books.sparse("Payment", payment, Line=payment["Line"], TotalAmt=100)
    assert same == payment
    assert books.again("Invoice", invoice)["SyncToken"] == "1"


def test_what_cannot_be_paid_is_refused(books: Books) -> None:
    customer, other = books.customer("One"), books.customer("Two")
    invoice, theirs = books.invoice(customer, 50), books.invoice(other, 50)
    ref = {"CustomerRef": {"value": customer["Id"]}}
    fault = refused(books, "6000", "Payment", ref)
    assert fault.detail == "Business Validation Error: You must set a transaction amount."
    too_much = {**ref, "TotalAmt": 60, "Line": [pays(invoice, 60)]}
    refused(books, "6000", "Payment", too_much)
    less = {**ref, "TotalAmt": 10, "Line": [pays(invoice, 50)]}
    assert "can't be less than selected charges" in refused(books, "6000", "Payment", less).detail
    missing = {**ref, "TotalAmt": 1, "Line": [pays({"Id": "999"}, 1)]}
    refused(books, "610", "Payment", missing)
    foreign = {**ref, "TotalAmt": 1, "Line": [pays(theirs, 1)]}
    assert "Cannot Be Linked" in refused(books, "620", "Payment", foreign).detail
    assert books.again("Invoice", invoice) == invoice
    assert books.query("select count(*) from Payment") == {"totalCount": 0}


def test_another_customers_invoice_may_stay_unpaid() -> None:
    with Server(port=0, assume={"foreign-invoice": "unapplied"}) as server:
        books = Books(server.url)
        books.prefer(OFF)
        invoice = books.invoice(books.customer("One"))
        payment = books.payment(books.customer("Two"), 10, pays(invoice, 10))
        assert (payment["UnappliedAmt"], payment["Line"]) == (10, [])


def test_a_zero_payment_spends_a_credit(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer, 100)
    credit = books.sale("CreditMemo", customer, 30)
    assert credit["RemainingCredit"] == credit["Balance"] == 30
    payment = books.payment(customer, 0, pays(invoice, 30), pays(credit, 30, "CreditMemo"))
    assert payment["TotalAmt"] == payment["UnappliedAmt"] == 0
    assert "DepositToAccountRef" not in payment
    spent = books.again("CreditMemo", credit)
    assert spent["RemainingCredit"] == spent["Balance"] == 0
    assert "LinkedTxn" not in spent
    assert books.again("Invoice", invoice)["Balance"] == 70
    assert books.again("Customer", customer)["Balance"] == 70
    uneven = {
        "CustomerRef": {"value": customer["Id"]},
        "TotalAmt": 0,
        "Line": [pays(invoice, 30), pays(books.sale("CreditMemo", customer, 20), 20, "CreditMemo")],
    }
    refused(books, "6000", "Payment", uneven)


@pytest.mark.parametrize("action", ["void", "delete"])
def test_voiding_or_deleting_a_payment_reopens_the_invoice(books: Books, action: str) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.payment(customer, 100, pays(invoice, 100), PrivateNote="[marker]")
    gone = getattr(books, action)("Payment", payment)
    now = books.again("Invoice", invoice)
    assert (now["Balance"], now["LinkedTxn"], now["SyncToken"]) == (100, [], "2")
    if action == "void":
        assert gone["TotalAmt"] == gone["UnappliedAmt"] == 0
        assert gone["Line"] == []
        assert gone["PrivateNote"] == "Voided - [marker]"
    assert books.journal()[-1]["txn_type"] == "Invoice"


def test_voiding_a_paid_invoice_frees_its_payments(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    one = books.payment(customer, 60, pays(invoice, 60))
    two = books.payment(customer, 40, pays(invoice, 40))
    gone = books.void("Invoice", invoice)
    assert (gone["Balance"], gone["LinkedTxn"]) == (0, [])
    assert books.again("Payment", one)["UnappliedAmt"] == 60
    assert books.again("Payment", two)["UnappliedAmt"] == 40
    assert books.again("Customer", customer)["Balance"] == -100


def test_deleting_an_invoice_gives_the_credit_back(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    credit = books.sale("CreditMemo", customer, 30)
    books.payment(customer, 0, pays(invoice, 30), pays(credit, 30, "CreditMemo"))
    books.delete("Invoice", invoice)
    assert books.again("CreditMemo", credit)["RemainingCredit"] == 30


def test_a_deposit_freezes_its_payments_without_a_trace(frozen: Books) -> None:
    """Recorded 2025, 2026: neither token nor time of the payment moves."""
    customer = frozen.customer()
    payment = frozen.payment(customer, 100, PaymentRefNum="9", PaymentMethodRef={"value": "2"})
    frozen.control("POST", "clock", {"advance_s": 60})
    deposit = frozen.bookkeeper("deposit", id=payment["Id"])["Deposit"]
    assert deposit["TotalAmt"] == 100
    assert deposit["Line"] == [
        {
            "Amount": 100,
            "LinkedTxn": [{"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}],
            "DepositLineDetail": {"PaymentMethodRef": {"value": "2"}, "CheckNum": "9"},
        }
    ]
    assert deposit["TxnTaxDetail"] == {}
    assert "DocNumber" not in deposit
    now = frozen.again("Payment", payment)
    assert now.pop("LinkedTxn") == [{"TxnId": deposit["Id"], "TxnType": "Deposit"}]
    assert now == payment
    invoice = frozen.invoice(customer)
    body = {"Id": payment["Id"], "SyncToken": "0", "sparse": True}
    fault = refused(frozen, "6540", "Payment", {**body, "Line": [pays(invoice, 100)]})
    assert "has been deposited" in fault.detail
    refused(frozen, "6540", "Payment", {**body, "PrivateNote": "x"})
    refused(frozen, "6540", "Payment", body, operation="update", include="void")
    refused(frozen, "6540", "Payment", body, operation="delete")
    frozen.bookkeeper("apply_payment", id=payment["Id"], invoice=invoice["Id"])
    assert frozen.again("Invoice", invoice)["Balance"] == 0
    frozen.bookkeeper("delete", entity="Deposit", id=deposit["Id"])
    assert "LinkedTxn" not in frozen.again("Payment", payment)


def test_a_deposit_needs_a_bank_and_lines(books: Books) -> None:
    line = {
        "Amount": 100,
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": {"value": "7"}},
    }
    fault = refused(books, "6000", "Deposit", {"Line": [line]})
    assert fault.detail.endswith("Select a bank account for this deposit")
    made = books.send("Deposit", {"DepositToAccountRef": {"value": "11"}, "Line": [line]})
    assert made["Line"][0]["Id"] == "1"
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"}
    refused(books, "2020", "Deposit", body)


# -- automatic application --------------------------------------------------------------------


@pytest.fixture
def eager(raw: Books) -> Books:
    """AutoApplyCredit on, as it is in most companies."""
    raw.prefer({"TaxPrefs": {"UsingSalesTax": False}})
    return raw


def test_the_next_invoice_takes_waiting_payments(eager: Books) -> None:
    """The danger: order A's deposit pays order B's invoice."""
    customer = eager.customer()
    payment = eager.payment(customer, 150)
    first = eager.invoice(customer, 100)
    assert first["Balance"] == 0
    assert first["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    now = eager.again("Payment", payment)
    assert (now["UnappliedAmt"], now["SyncToken"]) == (50, "1")
    assert eager.invoice(customer, 100)["Balance"] == 50
    assert eager.again("Payment", payment)["UnappliedAmt"] == 0


def test_a_new_credit_memo_is_spent_at_once(eager: Books) -> None:
    """Recorded 2026: a payment of 0 with QuickBooks' own note."""
    customer = eager.customer()
    old = eager.invoice(customer, 20, TxnDate="2026-01-01")
    new = eager.invoice(customer, 100, TxnDate="2026-02-01")
    credit = eager.sale("CreditMemo", customer, 50)
    assert credit["RemainingCredit"] == 0
    assert eager.again("Invoice", old)["Balance"] == 0
    assert eager.again("Invoice", new)["Balance"] == 70
    [payment] = eager.rows("select * from Payment", "Payment")
    assert (payment["TotalAmt"], payment["PrivateNote"]) == (0, NOTE)
    assert [line["Amount"] for line in payment["Line"]] == [20, 30, 50]


def test_the_next_invoice_takes_waiting_credits(eager: Books) -> None:
    customer = eager.customer()
    credit = eager.sale("CreditMemo", customer, 30)
    assert credit["RemainingCredit"] == 30
    assert eager.invoice(customer, 100)["Balance"] == 70
    assert eager.again("CreditMemo", credit)["RemainingCredit"] == 0


def test_nobody_elses_money_is_taken(eager: Books) -> None:
    eager.payment(eager.customer("One"), 100)
    assert eager.invoice(eager.customer("Two"), 100)["Balance"] == 100


def test_excess_spills_over_when_payments_apply_themselves(books: Books) -> None:
    books.prefer({"SalesFormsPrefs": {"AutoApplyPayments": True}})
    customer = books.customer()
    one, two = books.invoice(customer, 50), books.invoice(customer, 50)
    payment = books.payment(customer, 80, pays(one, 50))
    assert [line["Amount"] for line in payment["Line"]] == [50, 30]
    assert books.again("Invoice", two)["Balance"] == 20
    assert books.payment(customer, 20)["UnappliedAmt"] == 20


# -- the books --------------------------------------------------------------------------------


def test_the_journal_is_double_entry(books: Books) -> None:
    [tax] = books.rows("select * from Account where Name = 'Sales Tax Collected'", "Account")
    item = books.send("Item", {"Name": "Tax", "IncomeAccountRef": {"value": tax["Id"]}})
    customer = books.customer("Acme")
    lines: list[Json] = [item_line("100.10"), item_line("8.01", item["Id"])]
    invoice = books.sale("Invoice", customer, Line=lines, TxnDate="2026-01-01")
    books.payment(customer, "108.11", pays(invoice, "108.11"), TxnDate="2026-01-02")
    books.estimate(customer)
    first, second = books.journal()
    assert first == {
        "txn_type": "Invoice",
        "txn_id": invoice["Id"],
        "date": "2026-01-01",
        "postings": [
            {
                "account": "Accounts Receivable (A/R)",
                "customer": "Acme",
                "debit": "108.11",
                "credit": "0.00",
            },
            {"account": "Services", "customer": None, "debit": "0.00", "credit": "100.10"},
            {
                "account": "Sales Tax Collected",
                "customer": None,
                "debit": "0.00",
                "credit": "8.01",
            },
        ],
    }
    assert [p["account"] for p in second["postings"]] == [
        "Undeposited Funds",
        "Accounts Receivable (A/R)",
    ]
    total = sum(
        Decimal(p["debit"]) - Decimal(p["credit"])
        for entry in books.journal()
        for p in entry["postings"]
    )
    assert total == 0
    [receivable] = books.rows(
        "select * from Account where AccountSubType = 'AccountsReceivable'", "Account"
    )
    assert receivable["CurrentBalance"] == 0
