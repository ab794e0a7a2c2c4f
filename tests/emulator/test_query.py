"""The query language, lists, CDC."""

from __future__ import annotations

import pytest

from .conftest import Books, item_line, pays, read, wrong_query


@pytest.fixture
def shop(books: Books) -> Books:
    """Three customers with an invoice each."""
    for at, name in enumerate(("beta", "Alpha", "gamma"), 1):
        customer = books.customer(name, PrimaryEmailAddr={"Address": f"{name}@example.com"})
        books.invoice(
            customer, at * 100, DocNumber=f"N{at}", TxnDate=f"2026-0{at}-01", PrivateNote="x"
        )
    return books


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("DocNumber = 'N1'", ["N1"]),
        ("docnumber = 'n1'", ["N1"]),
        ("DocNumber IN ('N1','N3','N9')", ["N1", "N3"]),
        ("DocNumber LIKE 'n%'", ["N1", "N2", "N3"]),
        ("DocNumber LIKE '%2'", ["N2"]),
        ("TotalAmt > '100.00'", ["N2", "N3"]),
        ("TotalAmt >= 200 AND TotalAmt < '300'", ["N2"]),
        ("Balance = '0'", []),
        ("Balance <= '100'", ["N1"]),
        ("TxnDate >= '2026-02-01'", ["N2", "N3"]),
        ("TxnDate = '2026-02-01' and DocNumber = 'N2'", ["N2"]),
        ("CustomerRef = '2'", ["N2"]),
        ("CustomerRef in ('1','3')", ["N1", "N3"]),
        ("Id = '999'", []),
        ("MetaData.CreateTime >= '2020-01-01T00:00:00-08:00'", ["N1", "N2", "N3"]),
        ("Metadata.LastUpdatedTime > '2099-01-01'", []),
    ],
)
def test_conditions_find_what_they_say(shop: Books, where: str, found: list[str]) -> None:
    rows = shop.rows(f"select * from Invoice where {where} orderby Id", "Invoice")
    assert [row["DocNumber"] for row in rows] == found


def test_order_paging_and_counting(shop: Books) -> None:
    """Recorded: both orders of the page words, ORDER BY in two words."""
    statement = "SELECT * FROM invoice ORDER BY TotalAmt DESC MAXRESULTS 2 STARTPOSITION 2"
    reply = shop.query(statement)
    assert [row["DocNumber"] for row in reply["Invoice"]] == ["N2", "N1"]
    assert (reply["startPosition"], reply["maxResults"], reply["totalCount"]) == (2, 2, 2)
    assert shop.query("select count(*) from Invoice") == {"totalCount": 3}
    assert shop.query("select * from Invoice startposition 4 maxresults 5") == {}


def test_default_orders_are_as_recorded(shop: Books) -> None:
    names = [row["DisplayName"] for row in shop.rows("select * from Customer", "Customer")]
    assert names == ["Alpha", "beta", "gamma"]
    [first] = shop.rows("select * from Invoice where DocNumber = 'N1'", "Invoice")
    shop.sparse("Invoice", first, PrivateNote="newest change")
    numbers = [row["DocNumber"] for row in shop.rows("select * from Invoice", "Invoice")]
    assert numbers == ["N1", "N3", "N2"]


def test_total_count_is_only_where_recorded(shop: Books) -> None:
    assert "totalCount" in shop.query("select * from Invoice")
    for entity in ("Customer", "Item", "Account"):
        assert "totalCount" not in shop.query(f"select * from {entity}")


def test_lists_lack_what_reads_have(raw: Books) -> None:
    made = raw.customer("Acme")
    [row] = raw.rows("select * from Customer", "Customer")
    assert made.keys() - row.keys() == {"DefaultTaxCodeRef"}
    [item] = raw.rows("select * from Item", "Item")
    assert raw.get("Item", "1").keys() - item.keys() == {"DeferredRevenue"}


def test_selected_properties_come_alone(shop: Books) -> None:
    rows = shop.rows("select DisplayName from Customer", "Customer")
    assert rows[0].keys() == {"DisplayName", "Id", "domain", "sparse"}


def test_balances_are_current_in_conditions(shop: Books) -> None:
    rows = shop.rows("select * from Customer where Balance > '150' orderby Balance", "Customer")
    assert [row["Balance"] for row in rows] == [200, 300]


def test_a_name_of_another_kind_is_not_found(books: Books) -> None:
    books.send("Vendor", {"DisplayName": "Acme"})
    assert books.query("select * from Customer where DisplayName = 'Acme'") == {}


def test_nested_values_and_booleans(shop: Books) -> None:
    statement = "select * from Customer where PrimaryEmailAddr = 'ALPHA@example.com'"
    assert len(shop.rows(statement, "Customer")) == 1
    assert len(shop.rows("select * from Customer where Active = true", "Customer")) == 3


def test_preferences_and_company_info_can_be_selected(books: Books) -> None:
    [found] = books.query("select * from Preferences")["Preferences"]
    assert found["SalesFormsPrefs"]["CustomTxnNumbers"] is True
    [info] = books.query("select * from CompanyInfo")["CompanyInfo"]
    assert (info["Id"], info["Country"]) == ("1", "US")
    assert read(books.ask("GET", f"companyinfo/{books.realm}"))["CompanyInfo"] == info


def test_a_statement_may_be_posted(shop: Books) -> None:
    reply = shop.session.post(
        f"{shop.base}/query",
        data="select count(*) from Invoice",
        headers={"Content-Type": "application/text"},
        timeout=10,
    )
    assert read(reply)["QueryResponse"] == {"totalCount": 3}


IDENTIFIER_TAIL = (
    '\nWas expecting one of:\n    <EOF> \n    <AND> ...\n    "iterator" ...\n'
    '    "maxresults" ...\n    <OR> ...\n    "order" ...\n    "orderby" ...\n'
    '    "startposition" ...\n    '
)


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        (
            "SELECT * FROM Customer WHERE DisplayName = 'Amy's Bird Sanctuary'",
            'Encountered " <IDENTIFIER> "s "" at line 1, column 49.' + IDENTIFIER_TAIL,
        ),
        (
            "SELECT * FROM NULL",
            'Encountered " "null" "NULL "" at line 1, column 15.\nWas expecting:\n'
            "    <IDENTIFIER> ...\n    ",
        ),
        (
            'SELECT * FROM Customer WHERE DisplayName = "Amy"',
            'Invalid content. Lexical error at line 1, column 44.  Encountered: "\\"" (34),'
            ' after : ""',
        ),
        (
            "SELECT & FROM Customer",
            'Invalid content. Lexical error at line 1, column 9.  Encountered: " " (32),'
            ' after : "&"',
        ),
        (
            "SELECT * FROM Vendor WHERE Active IN '(true, false)'",
            'Encountered " <STRING> "\\\'(true, false)\\\' "" at line 1, column 38.\n'
            'Was expecting:\n    "(" ...\n    ',
        ),
        (
            "SELECT * FROM Customer WHERE DisplayName = Amy",
            'Encountered " <IDENTIFIER> "Amy "" at line 1, column 44.\nWas expecting one of:\n'
            '    "false" ...\n    "true" ...\n    ',
        ),
    ],
)
def test_parser_errors_have_the_recorded_words(books: Books, statement: str, detail: str) -> None:
    """Recorded 2015-2018."""
    fault = wrong_query(books, statement)
    assert (fault.code, fault.message, fault.status) == ("4000", "Error parsing query", 400)
    assert fault.detail == f"QueryParserError: {detail}"


@pytest.mark.parametrize(
    ("statement", "code", "detail"),
    [
        (
            "select * from Invoice where PrivateNote = 'x'",
            "4001",
            "QueryValidationError: property 'PrivateNote' is not queryable",
        ),
        (
            "select * from Customer where EmailAddress = 'x'",
            "4001",
            "QueryValidationError: Property EmailAddress not found for Entity Customer",
        ),
        (
            "select * from Payment where UnappliedAmt > '0'",
            "4001",
            "QueryValidationError: property 'UnappliedAmt' is not queryable",
        ),
        (
            "select * from Customer startposition 0",
            "4001",
            "QueryValidationError: value 0 is too small. Min allowed value is 1",
        ),
        (
            "select * from Customer where Id = ''",
            "2030",
            "Id should be a valid number. Supplied value:",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(
    books: Books, statement: str, code: str, detail: str
) -> None:
    fault = wrong_query(books, statement)
    assert (fault.code, fault.detail) == (code, detail)


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "delete from Invoice",
        "select * from Invoice where TotalAmt",
        "select * from Invoice maxresults 1001",
        "select * from Invoice where DocNumber = '1' or DocNumber = '2'",
        "select * from Nonsense",
        "select Nonsense from Invoice",
        "select * from Invoice orderby Nonsense",
        "select * from Invoice where MetaData.CreateTime > 'soon'",
        "select * from Invoice where DocNumber = 'open",
    ],
)
def test_nonsense_is_400(books: Books, statement: str) -> None:
    assert wrong_query(books, statement).status == 400


# -- change data capture ----------------------------------------------------------------------


def test_cdc_has_a_block_for_each_entity_oldest_first(shop: Books) -> None:
    """Recorded 2016-2020."""
    customers, estimates, invoices = shop.changes("Customer,Estimate,Invoice")
    assert estimates == {}
    assert [row["DisplayName"] for row in customers["Customer"]] == ["beta", "Alpha", "gamma"]
    assert "totalCount" not in customers
    assert [row["DocNumber"] for row in invoices["Invoice"]] == ["N1", "N2", "N3"]
    assert (invoices["startPosition"], invoices["maxResults"], invoices["totalCount"]) == (1, 3, 3)


def test_cdc_tells_what_was_deleted(shop: Books) -> None:
    """Pasted 2018-2021: no startPosition, no SyncToken."""
    [row] = shop.rows("select * from Invoice where DocNumber = 'N1'", "Invoice")
    payment = shop.payment({"Id": "2"}, 5)
    shop.delete("Payment", payment)
    shop.delete("Invoice", row)
    payments, invoices = shop.changes("payment,invoice")
    assert payments.keys() == {"Payment", "maxResults", "totalCount"}
    [gone] = payments["Payment"]
    assert gone.keys() == {"domain", "status", "Id", "MetaData"}
    assert gone["status"] == "Deleted"
    assert invoices["Invoice"][-1]["Id"] == row["Id"]


def test_cdc_sees_what_moved_since(frozen: Books) -> None:
    customer = frozen.customer()
    estimate = frozen.estimate(customer)
    frozen.control("POST", "clock", {"advance_s": 60})
    link = {"TxnId": estimate["Id"], "TxnType": "Estimate"}
    invoice = frozen.invoice(customer, LinkedTxn=[link])
    since = invoice["MetaData"]["CreateTime"]
    customers, estimates, invoices = frozen.changes("Customer,Estimate,Invoice", since)
    assert customers == {}
    assert [row["SyncToken"] for row in estimates["Estimate"]] == ["0"]
    assert len(invoices["Invoice"]) == 1


def test_cdc_looks_back_thirty_days(frozen: Books) -> None:
    customer = frozen.customer()
    frozen.control("POST", "clock", {"advance_s": 31 * 86400})
    frozen.session.headers["Authorization"] = f"Bearer {Books(frozen.url).tokens['access_token']}"
    assert frozen.changes("Customer") == [{}]
    frozen.sparse("Customer", customer, Notes="back again")
    assert frozen.changes("Customer")[0]["maxResults"] == 1


def test_cdc_gives_the_oldest_thousand(books: Books) -> None:
    for first in range(0, 1010, 30):
        names = range(first, min(first + 30, 1010))
        items = [{"operation": "create", "Customer": {"DisplayName": f"C{at:04}"}} for at in names]
        books.batch(*items)
    books.payment({"Id": "1"}, 5)
    customers, payments = books.changes("Customer,Payment")
    assert customers["maxResults"] == 1000
    assert customers["Customer"][-1]["DisplayName"] == "C0999"
    assert payments == {}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"changedSince": "2026-01-01T00:00:00Z"}, "entities is required"),
        (
            {"entities": "estimates", "changedSince": "2026-01-01T00:00:00Z"},
            "Invalid entity supplied : entity=estimates",
        ),
    ],
)
def test_cdc_faults_come_with_200(books: Books, query: dict[str, str], words: str) -> None:
    """Recorded 2016."""
    reply = books.ask("GET", "cdc", **query)
    assert reply.status_code == 200
    body = read(reply)["Fault"]
    assert body["type"] == "SystemFault"
    [error] = body["Error"]
    assert (error["code"], error["element"]) == ("10000", "SystemFailureError")
    assert error["Detail"] == (f"System Failure Error: java.lang.IllegalArgumentException: {words}")


# -- batches ----------------------------------------------------------------------------------


def test_a_batch_answers_each_item_for_itself(books: Books) -> None:
    """Recorded 2016-2024."""
    customer = books.customer("Acme")
    invoice = books.invoice(customer)
    replies = books.batch(
        {"operation": "create", "Customer": {"DisplayName": "acme"}},
        {"operation": "delete", "Invoice": {"Id": "129", "SyncToken": "0"}},
        {"operation": "update", "Invoice": {"sparse": True, "Id": invoice["Id"], "SyncToken": "9"}},
        {"Query": "select count(*) from Invoice"},
        {"operation": "create", "Customer": {"DisplayName": "Other"}},
        {"operation": "delete", "Invoice": {"Id": invoice["Id"], "SyncToken": "0"}},
        {"operation": "create", "Nothing": {}},
    )
    assert [reply["bId"] for reply in replies] == [str(at) for at in range(7)]
    codes = [r["Fault"]["Error"][0]["code"] if "Fault" in r else None for r in replies]
    assert codes == ["6240", "610", "5010", None, None, None, "2000"]
    assert replies[3]["QueryResponse"] == {"totalCount": 1}
    assert replies[5]["Invoice"] == {
        "domain": "QBO",
        "status": "Deleted",
        "Id": invoice["Id"],
    }
    assert "time" not in replies[0]


def test_a_refused_item_leaves_nothing(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer, 10)
    bad = {
        "CustomerRef": {"value": customer["Id"]},
        "TotalAmt": 30,
        "Line": [pays(invoice, 5), pays(invoice, 25)],
    }
    good = {"CustomerRef": {"value": customer["Id"]}, "Line": [item_line(1)]}
    replies = books.batch(
        {"operation": "create", "Payment": bad}, {"operation": "create", "Invoice": good}
    )
    assert "Fault" in replies[0]
    assert books.again("Invoice", invoice) == invoice
    assert int(replies[1]["Invoice"]["Id"]) == int(invoice["Id"]) + 1


def test_a_batch_voids_too(books: Books) -> None:
    customer = books.customer()
    invoice, payment = books.invoice(customer), books.payment(customer, 5)
    replies = books.batch(
        {"operation": "void", "Invoice": {"Id": invoice["Id"], "SyncToken": "0"}},
        {
            "operation": "update",
            "optionsData": "void",
            "Payment": {"Id": payment["Id"], "SyncToken": "0", "sparse": True},
        },
    )
    assert replies[0]["Invoice"]["TotalAmt"] == replies[1]["Payment"]["TotalAmt"] == 0


def test_empty_and_large_batches_are_refused(books: Books) -> None:
    assert books.ask("POST", "batch", {"BatchItemRequest": []}).status_code == 400
    many = [{"bId": str(at), "Query": "select count(*) from Invoice"} for at in range(31)]
    reply = books.ask("POST", "batch", {"BatchItemRequest": many})
    assert (reply.status_code, '"1040"' in reply.text) == (400, True)


# -- request ids ------------------------------------------------------------------------------


def test_a_request_id_gets_the_first_reply_again(books: Books) -> None:
    first = books.customer("Acme")
    body = {"CustomerRef": {"value": first["Id"]}, "TotalAmt": 5}
    one = books.ask("POST", "payment", body, requestid="r1")
    two = books.ask("POST", "payment", {**body, "TotalAmt": 6}, requestid="r1")
    assert one.text == two.text
    assert books.query("select count(*) from Payment") == {"totalCount": 1}
    books.delete("Payment", read(one)["Payment"])
    assert books.ask("POST", "payment", body, requestid="r1").text == one.text
    assert books.query("select count(*) from Payment") == {"totalCount": 0}


def test_a_refusal_is_not_remembered(books: Books) -> None:
    books.customer("Acme")
    assert books.ask("POST", "customer", {"DisplayName": "acme"}, requestid="r").status_code == 400
    assert books.ask("POST", "customer", {"DisplayName": "new"}, requestid="r").status_code == 200


def test_request_ids_have_fifty_characters_with_the_item(books: Books) -> None:
    """Recorded 2022."""
    reply = books.ask("POST", "customer", {"DisplayName": "A"}, requestid="x" * 51)
    assert "which is 51 characters." in reply.text
    [fine, long] = books.batch(
        {"Query": "select count(*) from Invoice", "bId": "1"},
        {"Query": "select count(*) from Invoice", "bId": "1" * 15},
        requestid="y" * 36,
    )
    assert "Fault" not in fine
    assert long["Fault"]["Error"][0]["Detail"] == (
        "Business Validation Error: You cannot enter more than 50 characters in the request_id"
        " field. You tried entering yyyyyyyyyy..., which is 51 characters."
    )


def test_a_repeated_batch_fails_item_by_item(books: Books) -> None:
    """A thread of 2017."""
    item = {"operation": "create", "Customer": {"DisplayName": "A"}}
    assert "Customer" in books.batch(item, requestid="b1")[0]
    [again] = books.batch(item, requestid="b1")
    error = again["Fault"]["Error"][0]
    assert error["code"] == "6000"
    assert "An unexpected error occurred" in error["Detail"]


def test_headers_are_as_recorded(books: Books) -> None:
    good = books.ask("GET", "preferences")
    assert good.headers["Content-Type"] == "application/json;charset=utf-8"
    assert len(good.headers["intuit_tid"].split("-")[2]) == 24
    assert "QBO-Version" in good.headers
    bad = books.ask("GET", "customer/9")
    assert bad.headers["Content-Type"] == "application/json"
    assert "intuit_tid" in bad.headers
    assert "QBO-Version" not in bad.headers
