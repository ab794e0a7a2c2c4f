"""Customers, items, accounts and the other lists."""

from __future__ import annotations

import pytest

from .conftest import Books, Json, refused


def test_a_customer_gets_the_recorded_defaults(raw: Books) -> None:
    """Recorded 2015-2026."""
    found = raw.customer("Doe, Jane")
    shown = {k: v for k, v in found.items() if k not in ("MetaData", "Id")}
    assert shown == {
        "Taxable": True,
        "Job": False,
        "BillWithParent": False,
        "Balance": 0,
        "BalanceWithJobs": 0,
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
        "PreferredDeliveryMethod": "Print",
        "IsProject": False,
        "domain": "QBO",
        "sparse": False,
        "SyncToken": "0",
        "FullyQualifiedName": "Doe, Jane",
        "DisplayName": "Doe, Jane",
        "PrintOnCheckName": "Doe, Jane",
        "Active": True,
        "DefaultTaxCodeRef": {"value": "2"},
    }


@pytest.mark.parametrize(
    "name", ["O'Hara", 'The "Best"', "Fish & Chips", "Käse\\Brot", "Ünïcode", "100% Wood"]
)
def test_any_printable_name_can_be_found_again(books: Books, name: str) -> None:
    made = books.customer(name)
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    [found] = books.rows(f"select * from Customer where DisplayName = '{escaped}'", "Customer")
    assert found["Id"] == made["Id"]
    assert found["DisplayName"] == name


@pytest.mark.parametrize("name", ["a:b", "a\tb", "a\nb"])
def test_colon_tab_and_newline_are_refused(books: Books, name: str) -> None:
    refused(books, "2040", "Customer", {"DisplayName": name})


def test_names_are_unique_over_customers_vendors_and_employees(books: Books) -> None:
    """Recorded 2019-2020."""
    books.customer("Acme")
    fault = refused(books, "6240", "Vendor", {"DisplayName": "ACME"})
    assert fault.detail == (
        "The name supplied already exists. : Another customer, vendor or employee is already"
        " using this name. Please use a different name."
    )
    books.send("Employee", {"GivenName": "Emily", "FamilyName": "Platt"})
    refused(books, "6240", "Customer", {"DisplayName": "Emily Platt"})


def test_a_rename_to_a_taken_name_says_which_kind(books: Books) -> None:
    books.customer("Acme")
    other = books.customer("Other")
    body = {"Id": other["Id"], "SyncToken": "0", "sparse": True, "DisplayName": "acme"}
    assert "Another customer is already using" in refused(books, "6240", "Customer", body).detail


def test_a_customer_needs_a_name(books: Books) -> None:
    refused(books, "6080", "Customer", {"Notes": "nobody"})


def test_a_sparse_rename_leaves_the_name_on_checks(books: Books) -> None:
    """Recorded 2026."""
    made = books.customer("Old", CompanyName="Old Ltd")
    new = books.sparse("Customer", made, DisplayName="New")
    assert (new["FullyQualifiedName"], new["PrintOnCheckName"]) == ("New", "Old Ltd")
    assert new["SyncToken"] == "1"


def test_documents_show_the_current_name(books: Books) -> None:
    """Recorded 2026: old documents show the renamed customer and item."""
    customer = books.customer('Old "One"')
    invoice = books.invoice(customer)
    books.sparse("Customer", customer, DisplayName='New \\ "Name"')
    item = books.get("Item", "1")
    books.sparse("Item", item, Name="Joinery")
    now = books.again("Invoice", invoice)
    assert now["CustomerRef"]["name"] == 'New \\ "Name"'
    assert now["Line"][0]["SalesItemLineDetail"]["ItemRef"]["name"] == "Joinery"
    assert (now["SyncToken"], now["MetaData"]) == ("0", invoice["MetaData"])


def test_an_update_that_changes_nothing_moves_nothing(books: Books) -> None:
    """Recorded 2020, 2026."""
    made = books.customer("Acme")
    assert books.sparse("Customer", made, DisplayName="Acme") == made


def test_inactive_names_are_renamed_and_free_their_old_name(books: Books) -> None:
    """Recorded 2018 and 2020; the counter is assumed."""
    first = books.customer("Acme")
    gone = books.sparse("Customer", first, Active=False)
    assert gone["DisplayName"] == "Acme (deleted)"
    assert gone["FullyQualifiedName"] == "Acme (deleted)"
    assert gone["PrintOnCheckName"] == "Acme"
    again = books.sparse("Customer", first, Active=False)
    assert again["SyncToken"] == gone["SyncToken"]
    second = books.customer("Acme")
    assert books.sparse("Customer", second, Active=False)["DisplayName"] == "Acme (deleted 1)"
    back = books.sparse("Customer", first, Active=True)
    assert back["DisplayName"] == "Acme"


def test_inactive_names_are_listed_only_when_asked_for(books: Books) -> None:
    made = books.customer("Acme")
    books.sparse("Customer", made, Active=False)
    assert books.query("select * from Customer") == {}
    found = books.rows("select * from Customer where Active in (true, false)", "Customer")
    assert len(found) == 1


def test_an_address_gets_an_id_and_a_changed_one_another(books: Books) -> None:
    made = books.customer("Acme", BillAddr={"Line1": "1 Main St", "City": "Boise"})
    first = made["BillAddr"]["Id"]
    same = books.sparse("Customer", made, BillAddr={"Line1": "1 Main St", "City": "Boise"})
    assert same["SyncToken"] == "0"
    other = books.sparse("Customer", made, BillAddr={"Line1": "2 Main St"})
    assert other["BillAddr"]["Id"] != first


def test_sub_customers_are_named_after_their_parent(books: Books) -> None:
    parent = books.customer("Acme")
    child = books.customer("Kitchen 1", Job=True, ParentRef={"value": parent["Id"]})
    assert child["FullyQualifiedName"] == "Acme:Kitchen 1"


@pytest.mark.parametrize(
    ("entity", "body", "field"),
    [
        ("Customer", {"DisplayName": "x" * 501}, "DisplayName"),
        ("Customer", {"DisplayName": "x", "BillAddr": {"PostalCode": "9" * 31}}, "PostalCode"),
        ("Term", {"Name": "x" * 32}, "Name"),
        ("Payment", {"PaymentRefNum": "x" * 22}, "PaymentRefNum"),
    ],
)
def test_what_is_too_long_is_refused(books: Books, entity: str, body: Json, field: str) -> None:
    assert refused(books, "2050", entity, body).element == field


def test_an_unknown_property_anywhere_is_refused(books: Books) -> None:
    """The text of 2026."""
    for body in ({"DisplayName": "A", "BadJson": 1}, {"BillAddr": {"Street": "x"}}):
        fault = refused(books, "2010", "Customer", body)
        assert fault.detail == (
            "Property Name:failed to parse json object; a property specified is unsupported or"
            " invalid"
        )
    reply = books.ask("POST", "customer", "{not json")
    assert reply.status_code == 400
    assert '"2010"' in reply.text


def test_an_item_gets_the_recorded_defaults(books: Books) -> None:
    """Recorded 2026."""
    made = books.send(
        "Item", {"Name": "Doors", "Type": "Service", "IncomeAccountRef": {"value": "4"}}
    )
    assert made["IncomeAccountRef"] == {"value": "4", "name": "Sales of Product Income"}
    for name, value in (
        ("Taxable", False),
        ("UnitPrice", 0),
        ("PurchaseCost", 0),
        ("TrackQtyOnHand", False),
        ("DeferredRevenue", False),
    ):
        assert made[name] == value
    refused(books, "6240", "Item", {"Name": "doors", "IncomeAccountRef": {"value": "4"}})
    assert refused(books, "2020", "Item", {"Type": "Service"}).element == "Name"


def test_an_item_may_stand_on_a_liability_but_not_on_the_tax_engines(books: Books) -> None:
    [ours] = books.rows("select * from Account where Name = 'sales tax collected'", "Account")
    books.send("Item", {"Name": "Sales Tax", "IncomeAccountRef": {"value": ours["Id"]}})
    made = books.send(
        "Account",
        {
            "Name": "State",
            "AccountType": "Other Current Liability",
            "AccountSubType": "GlobalTaxPayable",
        },
    )
    body = {"Name": "Bad", "IncomeAccountRef": {"value": made["Id"]}}
    refused(books, "6430", "Item", body)


def test_an_account_is_completed_from_its_type(books: Books) -> None:
    """Recorded 2026: sub-type, classification, a far id, and no LastUpdatedTime."""
    made = books.send("Account", {"Name": "Card Clearing", "AccountType": "Bank"})
    assert made["AccountSubType"] == "CashOnHand"
    assert made["Classification"] == "Asset"
    assert int(made["Id"]) > 1150040000
    assert "LastUpdatedTime" not in made["MetaData"]
    assert "LastUpdatedTime" in books.again("Account", made)["MetaData"]
    refused(books, "6010", "Account", {"Name": "Nothing"})
    refused(books, "6240", "Account", {"Name": "CHECKING", "AccountType": "Bank"})


def test_a_new_company_has_its_lists(raw: Books) -> None:
    accounts = raw.rows("select * from Account orderby Id", "Account")
    assert [a["Name"] for a in accounts[:4]] == [
        "Services",
        "Retained Earnings",
        "Purchases",
        "Sales of Product Income",
    ]
    assert not any(a["AccountSubType"] == "UndepositedFunds" for a in accounts)
    terms = raw.rows("select * from Term orderby Id", "Term")
    assert [t["Name"] for t in terms][:3] == ["Due on receipt", "Net 15", "Net 30"]
    methods = raw.rows("select * from PaymentMethod orderby Id", "PaymentMethod")
    assert [m["Name"] for m in methods][:2] == ["Cash", "Check"]
    assert raw.rows("select * from Item", "Item")[0]["Name"] == "Services"
    assert raw.rows("select * from Customer", "Customer") == []


def test_reading_what_is_not_there_is_400(books: Books) -> None:
    reply = books.ask("GET", "customer/999")
    assert reply.status_code == 400
    assert '"610"' in reply.text
    assert '"2030"' in books.ask("GET", "customer/1.5").text
    assert '"500"' in books.ask("GET", "customer/1/5").text


def test_stale_and_missing_tokens_are_refused(books: Books) -> None:
    made = books.customer("Acme")
    books.sparse("Customer", made, Notes="x")
    stale = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Notes": "y"}
    assert refused(books, "5010", "Customer", stale).status == 400
    fault = refused(books, "2020", "Customer", {"Id": made["Id"], "Notes": "y"})
    assert fault.detail == "Required parameter SyncToken is missing in the request"
