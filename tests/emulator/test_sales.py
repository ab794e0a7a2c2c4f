"""Estimates, invoices, credit memos: defaults, lines, numbers, links, updates, voids."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from qbosync.emulator import Server

from .conftest import OFF, Books, Json, item_line, pays, refused


def test_an_invoice_gets_the_recorded_defaults(books: Books) -> None:
    """Recorded 2020 and 2026."""
    books.prefer({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    address = {"Line1": "4581 Finch St.", "City": "Bayshore"}
    customer = books.customer(
        "Amy's",
        BillAddr=address,
        ShipAddr=address,
        PrimaryEmailAddr={"Address": "amy@example.com"},
    )
    line = {
        "Amount": Decimal("100.0"),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1", "name": "whatever"}},
    }
    body = {"CustomerRef": {"value": customer["Id"]}, "TxnDate": "2020-09-29", "Line": [line]}
    made = books.send("Invoice", body)
    assert made["DocNumber"] == "1001"
    assert made["DueDate"] == "2020-10-29"
    assert made["LinkedTxn"] == []
    assert made["CustomField"] == []
    assert made["TxnTaxDetail"] == {"TotalTax": 0}
    assert made["BillAddr"] == customer["BillAddr"]
    assert made["ShipAddr"] == customer["ShipAddr"]
    assert (made["PrintStatus"], made["EmailStatus"]) == ("NeedToPrint", "NotSet")
    assert made["TotalAmt"] == made["Balance"] == 100
    assert not {"BillEmail", "CustomerMemo", "SalesTermRef"} & made.keys()
    assert made["Line"] == [
        {
            "Id": "1",
            "LineNum": 1,
            "Amount": Decimal("100.00"),
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {
                "ItemRef": {"value": "1", "name": "Services"},
                "ItemAccountRef": {"value": "1", "name": "Services"},
                "TaxCodeRef": {"value": "NON"},
            },
            "CustomExtensions": [],
        },
        {
            "Amount": Decimal("100.00"),
            "DetailType": "SubTotalLineDetail",
            "SubTotalLineDetail": {},
        },
    ]


def test_an_estimate_is_pending_and_shows_no_links(books: Books) -> None:
    made = books.estimate(books.customer())
    assert made["TxnStatus"] == "Pending"
    assert not {"LinkedTxn", "Balance", "DueDate", "ExpirationDate"} & made.keys()


def test_amounts_print_as_quickbooks_prints_them(books: Books) -> None:
    """Recorded: 100.00, zero as 0, quantities and prices without trailing zeros."""
    line = item_line("337.5", Qty=Decimal("4.50"), UnitPrice=Decimal("75.00"))
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "Line": [line]}
    text = books.ask("POST", "invoice", body).text
    assert '"Amount":337.50' in text
    assert '"UnitPrice":75,' in text
    assert '"Qty":4.5,' in text
    assert '"TotalTax":0}' in text


@pytest.mark.parametrize(
    ("quantity", "price", "amount", "fits"),
    [
        ("3", "33.333333", "100.00", True),
        ("3", "33.33", "100.00", False),
        ("2", "0.005", "0.01", True),
        ("1", "100.005", "100.01", True),
        ("1", "100", "99.99", False),
    ],
)
def test_amount_is_quantity_times_price_rounded_half_up(
    books: Books, quantity: str, price: str, amount: str, fits: bool
) -> None:
    line = item_line(amount, Qty=Decimal(quantity), UnitPrice=Decimal(price))
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "Line": [line]}
    if fits:
        assert books.send("Invoice", body)["TotalAmt"] == Decimal(amount)
    else:
        assert amount in refused(books, "6070", "Invoice", body).detail


def test_what_is_missing_is_named(books: Books) -> None:
    customer = {"CustomerRef": {"value": books.customer()["Id"]}}
    cases: list[tuple[Json, str]] = [
        ({"Line": [item_line(1)]}, "CustomerRef"),
        (customer, "Line"),
        ({**customer, "Line": [{"Amount": 1}]}, "Line.DetailType"),
        (
            {**customer, "Line": [{"Amount": 1, "DetailType": "SalesItemLineDetail"}]},
            "Line.SalesItemLineDetail",
        ),
    ]
    for body, path in cases:
        fault = refused(books, "2020", "Invoice", body)
        assert fault.detail == f"Required parameter {path} is missing in the request"


def test_each_bad_line_is_told(books: Books) -> None:
    lines = [item_line(1, "99"), item_line(2), item_line("9.99", Qty=1, UnitPrice=10)]
    body = {"CustomerRef": {"value": books.customer()["Id"]}, "Line": lines}
    fault = refused(books, "2500", "Invoice", body)
    assert [one["code"] for one in fault.body["Fault"]["Error"]] == ["2500", "6070"]
    assert books.query("select * from Invoice") == {}


def test_references_must_be_there_and_active(books: Books) -> None:
    customer = books.customer()
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(1, "99")]}
    fault = refused(books, "2500", "Invoice", body)
    assert fault.element == "Line.SalesItemLineDetail.ItemRef"
    item = books.send("Item", {"Name": "Old", "IncomeAccountRef": {"value": "4"}})
    used = books.sale("Invoice", customer, Line=[item_line(5, item["Id"])])
    books.sparse("Item", item, Active=False)
    body["Line"] = [item_line(1, item["Id"])]
    assert "made inactive" in refused(books, "2500", "Invoice", body).detail
    assert books.sparse("Invoice", used, PrivateNote="still fine")["TotalAmt"] == 5
    refused(books, "6250", "Invoice", {"CustomerRef": {"value": "99"}, "Line": [item_line(1)]})
    tax = [item_line(1, TaxCodeRef={"value": "4"})]
    refused(books, "6100", "Invoice", {"CustomerRef": body["CustomerRef"], "Line": tax})


def test_lines_may_be_negative_but_not_the_total(books: Books) -> None:
    customer = books.customer()
    made = books.sale("Invoice", customer, Line=[item_line(100), item_line("-10")])
    assert made["TotalAmt"] == 90
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(-1)]}
    refused(books, "6000", "Invoice", body)


def test_subtotals_and_descriptions_are_as_recorded(books: Books) -> None:
    lines: list[Json] = [
        item_line(60),
        {"DetailType": "SubTotalLineDetail", "Amount": 60, "SubTotalLineDetail": {}},
        {"DetailType": "DescriptionOnly", "Description": " ", "DescriptionLineDetail": {}},
        {"DetailType": "DescriptionOnly", "Description": "a row", "DescriptionLineDetail": {}},
        item_line(40),
        {"DetailType": "DiscountLineDetail", "Amount": 10, "DiscountLineDetail": {}},
    ]
    made = books.sale("Invoice", books.customer(), Line=lines)
    kinds = [line["DetailType"] for line in made["Line"]]
    assert kinds == [
        "SalesItemLineDetail",
        "DescriptionOnly",
        "DescriptionOnly",
        "SalesItemLineDetail",
        "SubTotalLineDetail",
        "DiscountLineDetail",
    ]
    assert "Description" not in made["Line"][1]
    assert made["Line"][-2] == {
        "Amount": 100,
        "DetailType": "SubTotalLineDetail",
        "SubTotalLineDetail": {},
    }
    assert made["TotalAmt"] == 90


# -- numbers ----------------------------------------------------------------------------------


def test_series_are_shared_as_recorded(books: Books) -> None:
    books.prefer({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    customer = books.customer()
    assert books.invoice(customer)["DocNumber"] == "1001"
    assert books.sale("CreditMemo", customer)["DocNumber"] == "1002"
    assert books.sale("SalesReceipt", customer)["DocNumber"] == "1003"
    assert books.estimate(customer)["DocNumber"] == "1001"
    assert books.invoice(customer, DocNumber="QBO-23")["DocNumber"] == "QBO-23"
    assert books.invoice(customer)["DocNumber"] == "1004"


def test_custom_numbers_are_ours_or_none_and_unique_by_type(books: Books) -> None:
    customer = books.customer()
    assert "DocNumber" not in books.invoice(customer)
    first = books.invoice(customer, DocNumber="A1")
    body = {
        "CustomerRef": {"value": customer["Id"]},
        "Line": [item_line(1)],
        "DocNumber": "a1",
    }
    fault = refused(books, "6140", "Invoice", body)
    assert fault.detail == (
        "Duplicate Document Number Error : You must specify a different number. This number has"
        f" already been used. DocNumber=a1 is assigned to TxnType=Invoice with TxnId={first['Id']}"
    )
    assert fault.element == ""
    books.send("Invoice", body, include="allowduplicatedocnum")
    books.estimate(customer, DocNumber="A1")
    refused(books, "2050", "Invoice", {**body, "DocNumber": "x" * 22})


def test_a_company_may_ignore_or_never_check_numbers() -> None:
    assume = {"number-when-automatic": "ignored", "duplicate-number": "never"}
    with Server(port=0, assume=assume) as server:
        books = Books(server.url)
        customer = books.customer()
        assert books.invoice(customer, DocNumber="mine")["DocNumber"] == "1001"
        books.prefer(OFF)
        for _ in range(2):
            assert books.invoice(customer, DocNumber="mine")["DocNumber"] == "mine"


# -- estimates and invoices -------------------------------------------------------------------


def linked(books: Books, customer: Json, estimate: Json, **values: Any) -> Json:
    link = {"TxnId": estimate["Id"], "TxnType": "Estimate"}
    return books.invoice(customer, LinkedTxn=[link], **values)


def test_an_invoice_links_its_estimate_in_header_and_lines(frozen: Books) -> None:
    """Recorded 2026: the estimate's time moves, its token does not."""
    customer = frozen.customer()
    estimate = frozen.estimate(customer)
    frozen.control("POST", "clock", {"advance_s": 60})
    invoice = linked(frozen, customer, estimate)
    link = {"TxnId": estimate["Id"], "TxnType": "Estimate"}
    assert invoice["LinkedTxn"] == [link]
    assert invoice["Line"][0]["LinkedTxn"] == [link]
    assert "LinkedTxn" not in invoice["Line"][1]
    now = frozen.again("Estimate", estimate)
    assert now["TxnStatus"] == "Converted"
    assert now["LinkedTxn"] == [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]
    assert now["SyncToken"] == "0"
    assert now["MetaData"]["LastUpdatedTime"] == invoice["MetaData"]["CreateTime"]
    assert now["MetaData"]["LastUpdatedTime"] > estimate["MetaData"]["LastUpdatedTime"]


def test_the_status_after_conversion_can_be_assumed_otherwise() -> None:
    with Server(port=0, assume={"estimate-status": "Closed"}) as server:
        books = Books(server.url)
        customer = books.customer()
        estimate = books.estimate(customer)
        linked(books, customer, estimate)
        assert books.again("Estimate", estimate)["TxnStatus"] == "Closed"


@pytest.mark.parametrize("status", ["Closed", "Rejected", "Converted"])
def test_an_estimate_that_is_done_is_silently_not_linked(books: Books, status: str) -> None:
    customer = books.customer()
    estimate = books.estimate(customer, TxnStatus=status)
    assert linked(books, customer, estimate)["LinkedTxn"] == []
    assert "LinkedTxn" not in books.again("Estimate", estimate)


def test_an_estimate_links_once(books: Books) -> None:
    customer = books.customer()
    estimate = books.estimate(customer)
    first = linked(books, customer, estimate)
    assert linked(books, customer, estimate)["LinkedTxn"] == []
    [link] = books.again("Estimate", estimate)["LinkedTxn"]
    assert link["TxnId"] == first["Id"]


def test_linking_what_is_not_there_or_not_theirs_is_refused(books: Books) -> None:
    """Recorded, pasted."""
    customer, other = books.customer("One"), books.customer("Two")
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(1)]}
    missing = {**body, "LinkedTxn": [{"TxnId": "75", "TxnType": "Estimate"}]}
    assert refused(books, "6000", "Invoice", missing).detail == (
        "Business Validation Error: The entity Estimate 75 that you are trying to link does not"
        " exist. Estimate 75"
    )
    estimate = books.estimate(other)
    theirs = {**body, "LinkedTxn": [{"TxnId": estimate["Id"], "TxnType": "Estimate"}]}
    refused(books, "6000", "Invoice", theirs)
    assert books.query("select count(*) from Invoice") == {"totalCount": 0}


def test_sparse_updates_keep_the_link_and_an_empty_list_unlinks(books: Books) -> None:
    """The first half recorded 2026."""
    customer = books.customer()
    estimate = books.estimate(customer, TxnStatus="Accepted")
    invoice = linked(books, customer, estimate)
    kept = books.sparse("Invoice", invoice, PrivateNote="x")
    assert kept["LinkedTxn"] == invoice["LinkedTxn"]
    assert kept["Line"][0]["LinkedTxn"] == invoice["LinkedTxn"]
    gone = books.sparse("Invoice", invoice, LinkedTxn=[])
    assert gone["LinkedTxn"] == []
    assert "LinkedTxn" not in gone["Line"][0]
    now = books.again("Estimate", estimate)
    assert now["TxnStatus"] == "Accepted"
    assert "LinkedTxn" not in now


@pytest.mark.parametrize("action", ["void", "delete"])
def test_voiding_or_deleting_gives_the_estimate_back(books: Books, action: str) -> None:
    customer = books.customer()
    estimate = books.estimate(customer)
    invoice = linked(books, customer, estimate)
    getattr(books, action)("Invoice", invoice)
    now = books.again("Estimate", estimate)
    assert now["TxnStatus"] == "Pending"
    assert linked(books, customer, now)["LinkedTxn"] != []


# -- updates, voids, deletes ------------------------------------------------------------------


def test_a_line_array_replaces_all_lines_and_ids_count_on(books: Books) -> None:
    """Recorded 2016-2020."""
    invoice = books.sale("Invoice", books.customer(), Line=[item_line(10), item_line(20)])
    kept = invoice["Line"][1]
    new = books.sparse("Invoice", invoice, Line=[kept, item_line(5)])
    assert [line.get("Id") for line in new["Line"]] == ["2", "3", None]
    assert new["TotalAmt"] == new["Balance"] == 25
    newer = books.sparse("Invoice", invoice, Line=[item_line(7)])
    assert newer["Line"][0]["Id"] == "4"


def test_a_full_update_resets_what_is_recorded(frozen: Books) -> None:
    """Recorded 2016-2026: date to today, references cleared, number and currency kept."""
    customer = frozen.customer()
    made = frozen.invoice(
        customer,
        TxnDate="2024-01-15",
        DocNumber="7",
        PrivateNote="note",
        CustomerMemo={"value": "memo"},
        SalesTermRef={"value": "2"},
    )
    assert made["DueDate"] == "2024-01-30"
    body = {
        "Id": made["Id"],
        "SyncToken": "0",
        "CustomerRef": made["CustomerRef"],
        "Line": made["Line"],
    }
    new = frozen.send("Invoice", body)
    assert new["TxnDate"] == "2026-05-28"
    assert new["DocNumber"] == "7"
    assert not {"PrivateNote", "CustomerMemo", "SalesTermRef"} & new.keys()


def test_an_update_that_changes_nothing_keeps_token_and_time(frozen: Books) -> None:
    invoice = frozen.invoice(frozen.customer(), DocNumber="7", PrivateNote="x")
    frozen.control("POST", "clock", {"advance_s": 60})
    same = frozen.sparse("Invoice", invoice, PrivateNote="x", Line=invoice["Line"], TotalAmt=999)
    assert same == invoice


def test_voiding_keeps_the_document_empty(books: Books) -> None:
    """Recorded 2022."""
    invoice = books.invoice(books.customer(), DocNumber="7", PrivateNote="[marker]")
    gone = books.void("Invoice", invoice)
    assert (gone["SyncToken"], gone["PrivateNote"]) == ("1", "Voided - [marker]")
    assert gone["TotalAmt"] == gone["Balance"] == gone["Line"][0]["Amount"] == 0
    for name in ("DocNumber", "TxnDate", "DueDate", "CustomerRef"):
        assert gone[name] == invoice[name]


def test_a_delete_answers_three_words_and_leaves_nothing(books: Books) -> None:
    invoice = books.invoice(books.customer())
    gone = books.delete("Invoice", invoice)
    assert gone == {"domain": "QBO", "status": "Deleted", "Id": invoice["Id"]}
    assert '"610"' in books.ask("GET", f"invoice/{invoice['Id']}").text
    body = {"Id": invoice["Id"], "SyncToken": "0"}
    assert refused(books, "610", "Invoice", body, operation="delete").detail == (
        "Object Not Found : Another user has deleted this transaction."
    )


def test_closed_books_refuse_creating_changing_and_deleting(books: Books) -> None:
    customer = books.customer()
    old = books.invoice(customer, TxnDate="2025-12-31")
    books.bookkeeper("close_books", date="2025-12-31")
    assert books.ask("GET", "preferences").json()["Preferences"]["AccountingInfoPrefs"][
        "BookCloseDate"
    ] == ("2025-12-31")
    body = {
        "CustomerRef": {"value": customer["Id"]},
        "Line": [item_line(1)],
        "TxnDate": "2025-12-31",
    }
    refused(books, "6210", "Invoice", body)
    refused(books, "6210", "Invoice", {"Id": old["Id"], "SyncToken": "0"}, operation="void")
    refused(books, "6210", "Invoice", {"Id": old["Id"], "SyncToken": "0"}, operation="delete")
    change = {"Id": old["Id"], "SyncToken": "0", "sparse": True, "TxnDate": "2026-01-02"}
    refused(books, "6210", "Invoice", change)
    books.send("Invoice", {**body, "TxnDate": "2026-01-01"})
    books.bookkeeper("void", entity="Invoice", id=old["Id"])
    books.bookkeeper("open_books")
    books.send("Invoice", body)


def test_sending_an_invoice_moves_the_time_not_the_token(frozen: Books) -> None:
    """Recorded 2026."""
    made = frozen.invoice(frozen.customer(), BillEmail={"Address": "a@example.com"})
    frozen.control("POST", "clock", {"advance_s": 60})
    sent = frozen.ask("POST", f"invoice/{made['Id']}/send").json()["Invoice"]
    assert sent["EmailStatus"] == "EmailSent"
    assert sent["SyncToken"] == "0"
    assert sent["MetaData"]["LastUpdatedTime"] > made["MetaData"]["LastUpdatedTime"]


def test_sales_tax_that_is_on_doubles_the_tax(raw: Books) -> None:
    """The guide's warning: the client's tax line and QuickBooks' own tax."""
    raw.prefer({"SalesFormsPrefs": {"AutoApplyCredit": False}})
    [account] = raw.rows("select * from Account where Name = 'Sales Tax Collected'", "Account")
    tax = raw.send("Item", {"Name": "Sales Tax", "IncomeAccountRef": {"value": account["Id"]}})
    customer = raw.customer()
    lines = [item_line(100), item_line(8, tax["Id"])]
    invoice = raw.sale("Invoice", customer, Line=lines)
    assert invoice["TxnTaxDetail"]["TotalTax"] == 8
    assert invoice["TotalAmt"] == 116
    plain = raw.sale("Invoice", customer, Line=[item_line(100)])
    assert plain["TotalAmt"] == 100
    untagged = item_line(100)
    del untagged["SalesItemLineDetail"]["TaxCodeRef"]
    assert raw.sale("Invoice", customer, Line=[untagged])["TotalAmt"] == 108
    raw.prefer({"TaxPrefs": {"UsingSalesTax": False}})
    assert raw.sale("Invoice", customer, Line=lines)["TotalAmt"] == 108


def test_switching_sales_tax_off_takes_what_depends_on_it(raw: Books) -> None:
    tax = raw.ask("GET", "preferences").json()["Preferences"]["TaxPrefs"]
    assert tax == {
        "UsingSalesTax": True,
        "PartnerTaxEnabled": True,
        "TaxGroupCodeRef": {"value": "2"},
    }
    assert raw.prefer(OFF)["TaxPrefs"] == {"UsingSalesTax": False, "PartnerTaxEnabled": False}


def test_plain_forms_exist_with_the_common_rules(books: Books) -> None:
    vendor = books.send("Vendor", {"DisplayName": "Wood Ltd"})
    line = {
        "Amount": 20,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "3"}},
    }
    bill = books.send("Bill", {"VendorRef": {"value": vendor["Id"]}, "Line": [line]})
    assert bill["TotalAmt"] == 20
    assert books.sparse("Bill", bill, PrivateNote="x")["SyncToken"] == "1"
    books.delete("Bill", bill)
    customer = books.customer()
    receipt = books.sale("SalesReceipt", customer, 50)
    assert receipt["Balance"] == 0
    refund = {"DepositToAccountRef": {"value": "11"}}
    assert books.sale("RefundReceipt", customer, 50, **refund)["TotalAmt"] == 50


def test_a_journal_entry_must_balance(books: Books) -> None:
    def side(kind: str, amount: int, account: str) -> Json:
        detail = {"PostingType": kind, "AccountRef": {"value": account}}
        return {
            "Amount": amount,
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": detail,
        }

    books.send("JournalEntry", {"Line": [side("Debit", 5, "11"), side("Credit", 5, "7")]})
    body = {"Line": [side("Debit", 5, "11"), side("Credit", 4, "7")]}
    refused(books, "6000", "JournalEntry", body)


def test_shrinking_a_paid_invoice_frees_the_newest_money(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer, 100)
    first = books.payment(customer, 60, pays(invoice, 60))
    second = books.payment(customer, 40, pays(invoice, 40))
    new = books.sparse("Invoice", invoice, Line=[item_line(70)])
    assert (new["TotalAmt"], new["Balance"]) == (70, 0)
    assert books.again("Payment", first)["UnappliedAmt"] == 0
    assert books.again("Payment", second)["UnappliedAmt"] == 30
