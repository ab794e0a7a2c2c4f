"""The folder source: what a shop's files say, what is held, and what stops the run."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from qbosync.errors import SetupError, TemporaryError
from qbosync.model import ZERO, Address, Line, Snapshot
from qbosync.source.base import Source
from qbosync.source.folder import FolderSource
from qbosync.source.layout import LAYOUTS
from tests.source_contract import SourceContract

BOISE = ZoneInfo("America/Boise")
SAMPLE = Path(__file__).parents[2] / "shared" / "allmoxy-samples" / "orders-report.csv"

Record = dict[str, Any]
Sets = dict[str, list[Record]]

RETAIL: Record = {"customer_id": "0", "name": "Retail"}
ORDER: Record = {
    "order_id": "1001",
    "number": "1001",
    "customer_id": "0",
    "status": "Shipped",
    "total": "0.10",
    "order_date": "2024-01-29",
}
LINE: Record = {"order_id": "1001", "line_no": "1", "description": "Edge banding", "amount": "0.10"}
PAYMENT: Record = {"payment_id": "77", "customer_id": "0", "date": "2024-01-30", "amount": "0.30"}
APPLICATION: Record = {"payment_id": "77", "target": "order:1001", "amount": "0.10"}
CREDIT: Record = {"credit_id": "5", "customer_id": "0", "date": "2024-02-01", "amount": "20.00"}
CHARGE: Record = {
    "charge_id": "9",
    "kind": "finance_charge",
    "customer_id": "0",
    "date": "2024-02-01",
    "amount": "1.50",
}

STORY: Sets = {
    "customers": [RETAIL],
    "orders": [ORDER],
    "order_lines": [LINE],
    "payments": [PAYMENT],
    "payment_applications": [APPLICATION],
}
DAMAGED: Sets = STORY | {
    "orders": [ORDER, ORDER | {"order_id": "1002", "number": "1002"}],
    "order_lines": [LINE, LINE | {"order_id": "1002", "amount": "abc"}],
}

REPORT_HEADER = (
    "Order #,Company #,Company Name,Order Name,Total,Number of Pieces,Ordered Date,Ship Date,"
    "Status,Product #,Product Name,Qty,Line Subtotal\n"
)
REPORT = (
    REPORT_HEADER
    + "501,40,Alder Interiors,  Lobby - desk  (480),214.50,2,2024-03-01,2024-03-15,shipped,"
    "12,Drawer Box,2,150.12345\n"
    + "501,40,Alder Interiors,  Lobby - desk  (480),214.50,2,2024-03-01,2024-03-15,shipped,"
    "15,Shaker Door,1,64.37\n"
    + '502,41,"Birch, Sons & Co",Oven tower,88,1,2024-03-02,,in progress,15,Shaker Door,1,88\n'
)
REPORT_FILES = dict.fromkeys(("customers", "orders", "order_lines"), "report.csv")
REPORT_COLUMNS = {
    "customers": {"customer_id": "Company #", "name": "Company Name"},
    "orders": {
        "order_id": "Order #",
        "number": "Order #",
        "customer_id": "Company #",
        "name": "Order Name",
        "order_date": "Ordered Date",
        "ship_date": "Ship Date",
    },
    "order_lines": {
        "order_id": "Order #",
        "product": "Product Name",
        "amount": "Line Subtotal",
    },
}


def as_csv(rows: Iterable[Record]) -> str:
    rows = list(rows)
    headers = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, headers, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_json(rows: Iterable[Record]) -> str:
    return json.dumps(list(rows), indent=1)


def as_jsonl(rows: Iterable[Record]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def export(
    folder: Path,
    sets: Sets,
    ending: str = "csv",
    form: Callable[[Iterable[Record]], str] = as_csv,
) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in sets.items():
        (folder / f"{name}.{ending}").write_text(form(rows), encoding="utf-8")
    return folder


def source_of(folder: Path, **options: Any) -> FolderSource:
    return FolderSource(folder, timezone=options.pop("timezone", BOISE), **options)


def read(folder: Path, sets: Sets | None = None, **options: Any) -> Snapshot:
    if sets is not None:
        export(folder, sets)
    return source_of(folder, **options).read()


def report(folder: Path, text: str, **columns: Mapping[str, str]) -> Snapshot:
    (folder / "report.csv").write_text(text, encoding="utf-8")
    return read(folder, files=REPORT_FILES, columns=REPORT_COLUMNS | columns)


def held(snapshot: Snapshot) -> dict[str, str]:
    return {problem.source: problem.reason for problem in snapshot.problems}


def refused(folder: Path, sets: Sets | None = None, **options: Any) -> SetupError:
    with pytest.raises(SetupError) as caught:
        read(folder, sets, **options)
    assert caught.value.todo
    return caught.value


class TestCsv(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return source_of(export(tmp_path / "good", STORY))

    @pytest.fixture
    def damaged_source(self, tmp_path: Path) -> Source:
        return source_of(export(tmp_path / "damaged", DAMAGED))


class TestJson(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return source_of(export(tmp_path / "good", STORY, "json", as_json))

    @pytest.fixture
    def damaged_source(self, tmp_path: Path) -> Source:
        return source_of(export(tmp_path / "damaged", DAMAGED, "json", as_json))


class TestJsonl(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return source_of(export(tmp_path / "good", STORY, "jsonl", as_jsonl))

    @pytest.fixture
    def damaged_source(self, tmp_path: Path) -> Source:
        return source_of(export(tmp_path / "damaged", DAMAGED, "jsonl", as_jsonl))


# What the files say


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    forms = [("csv", as_csv), ("json", as_json), ("jsonl", as_jsonl)]
    readings = [read(export(tmp_path / ending, STORY, ending, form)) for ending, form in forms]
    assert readings[0].orders == readings[1].orders == readings[2].orders
    assert readings[0].payments == readings[1].payments == readings[2].payments


def test_headers_match_without_case_blanks_and_underscores_and_a_bom_is_fine(
    tmp_path: Path,
) -> None:
    export(tmp_path, STORY)
    text = "\ufeffOrder ID,NUMBER,customerid,Status,Total ,Order_Date\n7,A-7,0,Bid,1.00,2024-02-01"
    (tmp_path / "orders.csv").write_text(text, encoding="utf-8")
    (tmp_path / "order_lines.csv").unlink()
    (tmp_path / "payment_applications.csv").unlink()
    order = read(tmp_path).orders["7"]
    assert (order.number, order.placed) == ("A-7", date(2024, 2, 1))


def test_json_numbers_keep_their_digits(tmp_path: Path) -> None:
    export(tmp_path, {"customers": [RETAIL]})
    (tmp_path / "orders.json").write_text(
        '[{"order_id": 1, "number": 1, "customer_id": 0, "status": "bid",\n'
        ' "total": 1005.410, "name": null}]',
        encoding="utf-8",
    )
    (tmp_path / "order_lines.jsonl").write_text(
        '{"order_id": 1, "line_no": 1, "description": "x", "amount": 1005.409999}\n',
        encoding="utf-8",
    )
    order = read(tmp_path).orders["1"]
    assert str(order.total) == "1005.41"
    assert order.lines[0].amount == Decimal("1005.409999")


@pytest.mark.parametrize("text", ["1005.41", "1,005.41", "$1,005.41", " 1005.410 "])
def test_money_is_read_as_people_write_it(tmp_path: Path, text: str) -> None:
    orders = {"orders": [ORDER | {"total": text}]}
    assert read(tmp_path, STORY | orders).orders["1001"].total == Decimal("1005.41")


@pytest.mark.parametrize(
    "text", ["1,23", "12.345", "NaN", "1e3", "٣", "1_000", "(5.00)", "USD 5", "5-", ""]
)
def test_what_is_not_money_holds_its_order(tmp_path: Path, text: str) -> None:
    snapshot = read(tmp_path, STORY | {"orders": [ORDER | {"total": text}]})
    assert held(snapshot) == {"order:1001": "unreadable_row"}
    [problem] = snapshot.problems
    assert "orders.csv line 2, column total" in problem.what
    assert problem.amount is None


def test_names_lose_blanks_at_their_ends_only(tmp_path: Path) -> None:
    customers = {"customers": [RETAIL | {"name": "  Alder   & Ash "}]}
    orders = {"orders": [ORDER | {"name": "\tTop  shelf ", "order_id": " 1001 "}]}
    snapshot = read(tmp_path, STORY | customers | orders)
    assert snapshot.customers["0"].name == "Alder   & Ash"
    assert snapshot.orders["1001"].name == "Top  shelf"


def test_a_customer_is_read_whole(tmp_path: Path) -> None:
    row = RETAIL | {
        "type": "Business",
        "given_name": "Ann",
        "email": "ann@example.com",
        "bill_line1": "1 Main St",
        "bill_zip": "83702",
        "ship_city": "Nampa",
        "terms_days": "30",
        "charge_status": "In_Progress",
        "tax_exempt": "Y",
        "active": "no",
        "merged_into": "12",
    }
    customer = read(tmp_path, STORY | {"customers": [row]}).customers["0"]
    assert (customer.type, customer.given_name, customer.terms_days) == ("business", "Ann", 30)
    assert customer.bill == Address(line1="1 Main St", zip="83702")
    assert customer.ship == Address(city="Nampa")
    assert customer.charge_status == "in progress"
    assert (customer.tax_exempt, customer.active, customer.merged_into) == (True, False, "12")


@pytest.mark.parametrize(
    ("text", "said"),
    [("true", True), ("YES", True), ("1", True), ("y", True), ("False", False), ("n", False),
     ("No", False), ("0", False), ("", True)],
)  # fmt: skip
def test_yes_and_no_have_many_spellings(tmp_path: Path, text: str, said: bool) -> None:
    customers = {"customers": [RETAIL | {"active": text}]}
    assert read(tmp_path, STORY | customers).customers["0"].active is said


@pytest.mark.parametrize("text", ["In_Progress", "in  progress", " IN PROGRESS"])
def test_statuses_compare_without_case_and_underscores(tmp_path: Path, text: str) -> None:
    snapshot = read(tmp_path, STORY | {"orders": [ORDER | {"status": text}]})
    assert snapshot.orders["1001"].status == "in progress"


def test_tax_and_shipping_are_unknown_only_without_their_columns(tmp_path: Path) -> None:
    order = read(export(tmp_path / "a", STORY)).orders["1001"]
    assert (order.shipping, order.tax, order.discount) == (None, None, ZERO)
    blank = {"orders": [ORDER | {"shipping": "", "tax": " ", "discount": ""}]}
    order = read(export(tmp_path / "b", STORY | blank)).orders["1001"]
    assert (order.shipping, order.tax, order.discount) == (ZERO, ZERO, ZERO)


def test_a_discount_written_with_a_minus_is_the_same_discount(tmp_path: Path) -> None:
    orders = {"orders": [ORDER | {"discount": "-5.00"}]}
    assert read(tmp_path, STORY | orders).orders["1001"].discount == Decimal("5.00")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-02-01", 1),
        ("2024-02-01T05:00:00Z", 31),  # ten in the evening before, in Boise
        ("2024-02-01 05:00:00", 1),
        ("2024-02-01T05:00:00-07:00", 1),
        ("2024-02-01T23:30:00.123", 1),
    ],
)
def test_an_instant_counts_on_the_shops_day(tmp_path: Path, text: str, day: int) -> None:
    order = ORDER | {"status_at": text}
    history = [{"order_id": "1001", "status": "Verified", "at": text}]
    snapshot = read(tmp_path, STORY | {"orders": [order], "order_status_history": history})
    expected = date(2024, 1, 31) if day == 31 else date(2024, 2, 1)
    assert snapshot.orders["1001"].status_at == expected
    assert snapshot.orders["1001"].history == (("verified", expected),)


@pytest.mark.parametrize("text", ["01/31/2024", "2024-02-30", "0000-00-00", "2024-01-31T05:00:00Z"])
def test_what_is_not_a_plain_date_holds_its_payment(tmp_path: Path, text: str) -> None:
    snapshot = read(tmp_path, STORY | {"payments": [PAYMENT | {"date": text}]})
    assert held(snapshot) == {"payment:77": "unreadable_row"}
    assert snapshot.problems[0].amount == Decimal("0.30")
    assert "date_format" in snapshot.problems[0].what


def test_dates_of_another_form_are_named_in_the_configuration(tmp_path: Path) -> None:
    row = PAYMENT | {"date": "01/31/2024"}
    orders = {"orders": [ORDER | {"status_at": "2024-02-01T05:00:00Z"}]}
    snapshot = read(tmp_path, STORY | {"payments": [row]} | orders, date_format="%m/%d/%Y")
    assert snapshot.payments["77"].received == date(2024, 1, 31)
    assert snapshot.orders["1001"].status_at == date(2024, 1, 31)


def test_a_date_in_two_possible_forms_is_not_guessed_at(tmp_path: Path) -> None:
    """With year-day-month, 2024-01-31 can only be a slip, not the other form."""
    snapshot = read(
        tmp_path, STORY | {"payments": [PAYMENT | {"date": "2024-01-31"}]}, date_format="%Y-%d-%m"
    )
    assert "payment:77" in held(snapshot)


@pytest.mark.parametrize("form", ["%m/%d", "%q", "mm/dd/yyyy"])
def test_a_date_format_without_a_whole_date_stops_the_run(tmp_path: Path, form: str) -> None:
    assert "date_format" in refused(tmp_path, STORY, date_format=form).todo


def test_every_set_finds_its_place(tmp_path: Path) -> None:
    sets = STORY | {
        "credit_memos": [
            CREDIT | {"reason": "Cash Discount", "tax": "1.20", "order_id": "1001", "deleted": "0"}
        ],
        "credit_lines": [
            {"credit_id": "5", "line_no": "1", "description": "Door", "amount": "18.80"}
        ],
        "credit_applications": [
            {"credit_id": "5", "target": "Order:1001", "amount": "4.00", "date": "2024-02-02"},
            {"credit_id": "5", "target": "charge:9", "amount": "1.00", "date": ""},
        ],
        "charges": [CHARGE | {"tax": "0.10", "due_date": "2024-03-01", "deleted": "yes"}],
        "refunds": [
            {"refund_id": "3", "customer_id": "0", "date": "2024-02-03", "amount": "2.00",
             "payment_id": "77", "method": "check", "ref_num": "1188"}
        ],
        "deletions": [{"kind": "Order", "id": "900", "deleted_at": "2024-01-01"}],
    }  # fmt: skip
    snapshot = read(tmp_path, sets)
    assert snapshot.problems == ()
    credit = snapshot.credit_memos["5"]
    assert (credit.reason, credit.tax, credit.is_deleted) == (
        "cash_discount",
        Decimal("1.20"),
        False,
    )
    assert [line.description for line in credit.lines] == ["Door"]
    assert [(a.target, a.on) for a in credit.applied] == [
        ("charge:9", None),
        ("order:1001", date(2024, 2, 2)),
    ]
    assert snapshot.charges["9"].is_deleted
    assert snapshot.charges["9"].due_date == date(2024, 3, 1)
    assert snapshot.refunds["3"].reference == "1188"
    assert snapshot.deletions == {("order", "900")}


def test_lines_stand_by_their_numbers_however_the_export_shuffles_them(tmp_path: Path) -> None:
    lines = [LINE | {"line_no": number} for number in ("10", "2", "1 02", "1")]
    snapshot = read(tmp_path, STORY | {"order_lines": lines})
    assert [line.number for line in snapshot.orders["1001"].lines] == ["1", "1 02", "2", "10"]


def test_a_payments_status_is_posted_unless_said(tmp_path: Path) -> None:
    rows = [PAYMENT, PAYMENT | {"payment_id": "78", "status": "Bounced"}]
    payments = read(tmp_path, STORY | {"payments": rows}).payments
    assert [payment.status for payment in payments.values()] == ["posted", "bounced"]


# What is held


@pytest.mark.parametrize(
    ("name", "row", "source"),
    [
        ("customers", RETAIL | {"type": "vendor"}, "customer:0"),
        ("customers", RETAIL | {"terms_days": "-3"}, "customer:0"),
        ("customers", RETAIL | {"active": "perhaps"}, "customer:0"),
        ("customers", RETAIL | {"name": " "}, "customer:0"),
        ("customers", RETAIL | {"name": "Bell\x07"}, "customer:0"),
        ("orders", ORDER | {"customer_id": ""}, "order:1001"),
        ("payments", PAYMENT | {"status": "pending"}, "payment:77"),
        ("credit_memos", CREDIT | {"reason": "because"}, "credit_memo:5"),
        ("charges", CHARGE | {"kind": "tip"}, "charge:9"),
        ("deletions", {"kind": "invoice", "id": "4"}, "file:deletions.csv:2"),
        ("payment_applications", APPLICATION | {"target": "1001"}, "payment:77"),
        ("payment_applications", APPLICATION | {"target": "bill:1001"}, "payment:77"),
        ("order_lines", LINE | {"description": ""}, "order:1001"),
        ("order_status_history", {"order_id": "1001", "status": "bid", "at": "x"}, "order:1001"),
    ],
)
def test_what_cannot_be_understood_holds_its_record(
    tmp_path: Path, name: str, row: Record, source: str
) -> None:
    snapshot = read(tmp_path, STORY | {name: [row]})
    assert held(snapshot)[source] == "unreadable_row"
    [problem] = [problem for problem in snapshot.problems if problem.source == source]
    assert f"{name}.csv line 2, column" in problem.what
    kind, _, record_id = source.partition(":")
    sets = {"customer": snapshot.customers, "order": snapshot.orders, "charge": snapshot.charges}
    assert record_id not in sets.get(kind, {})


@pytest.mark.parametrize("record_id", ["10 01", "[1]", "a\u200bb", "x" * 61, "", "1\t1"])
def test_an_id_that_would_break_a_reference_holds_its_row(tmp_path: Path, record_id: str) -> None:
    snapshot = read(
        tmp_path,
        {"customers": [RETAIL], "orders": [ORDER, ORDER | {"order_id": record_id}]},
    )
    assert held(snapshot) == {"file:orders.csv:3": "unreadable_row"}
    assert snapshot.orders.keys() == {"1001"}
    assert snapshot.problems[0].amount == Decimal("0.10")


def test_ids_are_not_only_latin_letters(tmp_path: Path) -> None:
    sets = {"customers": [RETAIL], "orders": [ORDER | {"order_id": "Ü-1"}]}
    assert read(tmp_path, sets).orders.keys() == {"Ü-1"}


def test_a_line_number_is_no_novel(tmp_path: Path) -> None:
    lines = {"order_lines": [LINE | {"line_no": "9" * 5_000}]}
    assert held(read(tmp_path, STORY | lines)) == {"order:1001": "unreadable_row"}


def test_an_instant_beyond_all_calendars_is_held(tmp_path: Path) -> None:
    for text in ("0001-01-01T00:30:00+14:00", "9999-12-31T23:59:59-14:00", "2024-01-01T25:00:00Z"):
        orders = {"orders": [ORDER | {"status_at": text}]}
        assert held(read(tmp_path, STORY | orders)) == {"order:1001": "unreadable_row"}


def test_parts_of_records_that_are_not_delivered_are_held_where_they_stand(tmp_path: Path) -> None:
    sets = STORY | {
        "order_lines": [LINE, LINE | {"order_id": "8"}],
        "payment_applications": [APPLICATION, APPLICATION | {"payment_id": "8"}],
        "credit_lines": [LINE | {"credit_id": "8"}],
        "credit_applications": [APPLICATION | {"credit_id": "8"}],
        "credit_memos": [CREDIT],
        "order_status_history": [{"order_id": "8", "status": "bid", "at": "2024-01-01"}],
    }
    snapshot = read(tmp_path, sets)
    assert held(snapshot) == {
        "file:order_lines.csv:3": "unknown_order",
        "file:order_status_history.csv:2": "unknown_order",
        "file:payment_applications.csv:3": "unknown_payment",
        "file:credit_lines.csv:2": "unknown_credit_memo",
        "file:credit_applications.csv:2": "unknown_credit_memo",
    }
    assert snapshot.orders.keys() == {"1001"}
    assert snapshot.problems[0].amount == Decimal("0.10")


def test_a_part_of_a_held_record_is_held_with_it(tmp_path: Path) -> None:
    snapshot = read(tmp_path, STORY | {"payments": [PAYMENT | {"amount": "?"}]})
    assert held(snapshot) == {"payment:77": "unreadable_row"}


def test_one_problem_tells_all_that_is_wrong_with_a_record(tmp_path: Path) -> None:
    lines = [LINE | {"line_no": str(n), "amount": f"bad {n}"} for n in range(1, 6)]
    [problem] = read(tmp_path, STORY | {"order_lines": lines}).problems
    assert problem.source == "order:1001"
    assert "bad 1" in problem.what
    assert "And 2 more." in problem.what
    assert problem.amount == Decimal("0.10")


def test_references_between_records_are_not_the_sources_business(tmp_path: Path) -> None:
    orders = {"orders": [ORDER | {"customer_id": "404"}]}
    applied = {"payment_applications": [APPLICATION | {"target": "order:404"}]}
    snapshot = read(tmp_path, STORY | orders | applied)
    assert snapshot.problems == ()


def test_an_exact_repeat_is_one(tmp_path: Path) -> None:
    repeated: Sets = {name: [*rows, *rows] for name, rows in STORY.items()}
    once, twice = read(tmp_path / "once", STORY), read(tmp_path / "twice", repeated)
    assert twice.problems == ()
    assert (twice.orders, twice.payments) == (once.orders, once.payments)
    assert "payment_applications.csv" in " ".join(twice.notes)


def test_the_same_said_in_other_digits_is_one(tmp_path: Path) -> None:
    rows = [ORDER, ORDER | {"total": "$0.1", "status": "shipped"}]
    assert read(tmp_path, STORY | {"orders": rows}).problems == ()


@pytest.mark.parametrize(
    ("name", "rows", "source", "words"),
    [
        ("orders", [ORDER, ORDER | {"total": "0.20"}], "order:1001",
         ["orders.csv:2", "orders.csv:3", "total", "'0.10'", "'0.20'"]),
        ("customers", [RETAIL, RETAIL | {"name": "Walk-in"}], "customer:0",
         ["customers.csv:3", "name", "'Walk-in'"]),
        ("customers", [RETAIL | {"bill_zip": ""}, RETAIL | {"bill_zip": "83702"}], "customer:0",
         ["bill_zip", "''", "'83702'"]),
        ("order_lines", [LINE, LINE | {"amount": "9"}], "order:1001",
         ["order_lines.csv:2", "order_lines.csv:3", "amount", "'9'"]),
        ("payments", [PAYMENT, PAYMENT | {"date": "2024-02-02"}], "payment:77", ["date"]),
    ],
)  # fmt: skip
def test_rows_that_contradict_each_other_hold_their_record(
    tmp_path: Path, name: str, rows: list[Record], source: str, words: list[str]
) -> None:
    snapshot = read(tmp_path, STORY | {name: rows})
    assert held(snapshot) == {source: "contradiction"}
    assert all(word in snapshot.problems[0].what for word in words)


def test_two_applications_of_one_payment_are_two(tmp_path: Path) -> None:
    rows = [APPLICATION, APPLICATION | {"amount": "0.05"}]
    [first, second] = read(tmp_path, STORY | {"payment_applications": rows}).payments["77"].applied
    assert (first.amount, second.amount) == (Decimal("0.10"), Decimal("0.05"))


def test_a_row_with_too_few_cells_is_held_with_its_record(tmp_path: Path) -> None:
    export(tmp_path, STORY | {"customers": [RETAIL, {"customer_id": "1", "name": "Alder"}]})
    with (tmp_path / "customers.csv").open("a") as file:
        file.write("2\n3,Ash,,\n4,Oak,x\n")
    snapshot = read(tmp_path)
    assert held(snapshot) == {"customer:2": "unreadable_row", "customer:4": "unreadable_row"}
    assert snapshot.customers.keys() == {"0", "1", "3"}


def test_a_quotation_mark_out_of_place_holds_its_row_alone(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    (tmp_path / "customers.csv").write_text(
        'customer_id,name\n0,Retail\n1,"Rush" Ash\n2,3/4" Oak\n'
    )
    snapshot = read(tmp_path)
    assert held(snapshot) == {"file:customers.csv:3": "unreadable_row"}
    assert snapshot.customers["2"].name == '3/4" Oak'


@pytest.mark.parametrize(
    "text", ['1,"Rush\n2,Ash\n', '1,"Rush\n2,As"h\n3,Oak\n', '"1,Rush\n2,A"\n']
)
def test_a_quotation_mark_that_swallows_rows_stops_the_run(tmp_path: Path, text: str) -> None:
    export(tmp_path, STORY)
    (tmp_path / "customers.csv").write_text("customer_id,name\n0,Retail\n" + text)
    assert "customers.csv" in refused(tmp_path).what


def test_blank_rows_say_nothing_and_cells_may_hold_line_breaks(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    text = 'customer_id,name,email\r\n\r\n0,"Re\r\ntail",\r\n,,\r\n1,Ash,bad\x00\r\n'
    (tmp_path / "customers.csv").write_bytes(text.encode())
    snapshot = read(tmp_path)
    assert snapshot.customers["0"].where == "customers.csv:3"
    assert "customers.csv line 6, column email" in snapshot.problems[0].what


@pytest.mark.parametrize(
    ("member", "found"),
    [
        ('"total": NaN', "NaN"),
        ('"total": 1, "total": 2', "2 times"),
        ('"total": [1]', "a list"),
        ('"total": {"a": 1}', "an object"),
        ('"total": 1e2', "1e2"),
        ('"total": true', "true"),
        ('"total": 1, "name": "\\ud800"', "half a character"),
    ],
)
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_json_is_read_strictly(tmp_path: Path, member: str, found: str, ending: str) -> None:
    export(tmp_path, {"customers": [RETAIL]})
    rows = [
        f'{{"order_id": "{n}", "number": "{n}", "customer_id": "0", "status": "bid", {total}}}'
        for n, total in (("1", '"total": 1'), ("2", member), ("3", '"total": 3'))
    ]
    text = "[" + ",\n".join(rows) + "\n]\n" if ending == "json" else "\n".join(rows)
    (tmp_path / f"orders.{ending}").write_text(text, encoding="utf-8")
    snapshot = read(tmp_path)
    assert held(snapshot) == {"order:2": "unreadable_row"}
    assert found in snapshot.problems[0].what
    assert f"orders.{ending} line 2" in snapshot.problems[0].what
    assert snapshot.orders.keys() == {"1", "3"}


def test_a_line_that_is_not_json_is_held_where_it_stands(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    (tmp_path / "customers.csv").unlink()
    lines = [json.dumps(RETAIL), '{"customer_id": "1", ', "[]", "[" * 100_000, ""]
    (tmp_path / "customers.jsonl").write_text("\n".join(lines))
    assert held(read(tmp_path)) == {
        f"file:customers.jsonl:{line}": "unreadable_row" for line in (2, 3, 4)
    }


@pytest.mark.parametrize(
    "text", ["", "{}", "[{}", "[1 2]", "[1,]", "[] 1", '[{"a": "x\ny"}]', "[" * 100_000]
)
def test_a_file_that_is_not_json_stops_the_run(tmp_path: Path, text: str) -> None:
    export(tmp_path, STORY)
    (tmp_path / "payments.csv").unlink()
    (tmp_path / "payments.json").write_text(text)
    assert "payments.json cannot be read as JSON at line" in refused(tmp_path).what


# What stops the run


def test_a_missing_folder_or_file_stops_the_run(tmp_path: Path) -> None:
    assert "not there" in refused(tmp_path / "nowhere").what
    assert "no customers" in refused(tmp_path, {"orders": [ORDER]}).what
    (tmp_path / "file").touch()
    assert "not a folder" in refused(tmp_path / "file").what
    missing = refused(tmp_path, STORY, files={"payments": "receipts.csv"})
    assert "receipts.csv is not in the export folder" in missing.what


def test_a_missing_column_stops_the_run_and_says_how_to_rename(tmp_path: Path) -> None:
    row = {"Order #" if key == "order_id" else key: value for key, value in ORDER.items()}
    error = refused(tmp_path, STORY | {"orders": [row]})
    assert "no column order_id" in error.what
    assert "Order #, number" in error.what
    assert "[source.columns.orders] order_id" in error.todo
    assert error.exit_code == 4


def test_a_configured_column_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    error = refused(tmp_path, STORY, columns={"orders": {"memo": "Remarks"}})
    assert "'Remarks'" in error.what
    assert "order_id, number" in error.what


@pytest.mark.parametrize(
    "options",
    [
        {"columns": {"orders": {"colour": "Total"}}},
        {"columns": {"bids": {"number": "Order #"}}},
        {"files": {"bids": "bids.csv"}},
        {"files": {"orders": "orders.xlsx"}},
    ],
)
def test_a_word_that_is_none_of_ours_stops_the_run(
    tmp_path: Path, options: dict[str, Mapping[str, Any]]
) -> None:
    refused(tmp_path, STORY, **options)


def test_a_column_that_is_there_twice_is_not_chosen_from(tmp_path: Path) -> None:
    orders = {"orders": [ORDER | {"Total": "9.00"}]}
    error = refused(tmp_path, STORY | orders)
    assert "total, Total, and only one can be the total of orders" in error.what
    snapshot = read(tmp_path, columns={"orders": {"total": "Total"}})
    assert snapshot.orders["1001"].total == Decimal("9.00")
    twice = "order_id,number,customer_id,status,total,total\n1,1,0,bid,1,2\n"
    (tmp_path / "orders.csv").write_text(twice)
    refused(tmp_path, columns={"orders": {"total": "total"}})


def test_two_files_of_one_set_are_not_chosen_from(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    export(tmp_path, {"orders": [ORDER]}, "json", as_json)
    assert "orders.csv, orders.json" in refused(tmp_path).what
    assert read(tmp_path, files={"orders": "orders.json"}).orders.keys() == {"1001"}


def test_text_that_is_not_utf_8_stops_the_run(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    (tmp_path / "customers.csv").write_bytes("customer_id,name\n0,Café\n".encode("latin-1"))
    assert "customers.csv is not UTF-8 (line 2" in refused(tmp_path).what


def test_an_empty_file_was_cut(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    (tmp_path / "payments.csv").write_text("")
    assert "not even a header" in refused(tmp_path).what


def test_no_orders_are_believed_only_where_there_were_none_before(tmp_path: Path) -> None:
    export(tmp_path, {"customers": [RETAIL]})
    (tmp_path / "orders.csv").write_text("order_id,number,customer_id,status,total\n")
    assert read(tmp_path).orders == {}
    assert "has no orders" in refused(tmp_path, expect_orders=True).what
    (tmp_path / "orders.csv").unlink()
    (tmp_path / "orders.json").write_text("[]")
    assert read(tmp_path).orders == {}
    assert "has no orders" in refused(tmp_path, expect_orders=True).what


def test_files_outside_the_folder_are_never_read(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", STORY)
    shutil.copy(folder / "orders.csv", tmp_path / "orders.csv")
    assert "leads out" in refused(folder, files={"orders": "../orders.csv"}).what
    outside = str(tmp_path / "orders.csv")
    assert "leads out" in refused(folder, files={"orders": outside}).what
    (folder / "orders.csv").unlink()
    (folder / "orders.csv").symlink_to(outside)
    assert "leads out" in refused(folder).what


def test_a_delivery_that_is_exchanged_as_a_whole_is_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some exports turn a link to the newest folder when it is whole."""
    for name in ("monday", "tuesday"):
        export(tmp_path / name, STORY)
    newest = tmp_path / "newest"
    newest.symlink_to("monday")
    really_open = os.open

    def open_as_the_link_turns(path: Any, *args: Any, **options: Any) -> int:
        if Path(path).name == "orders.csv":
            newest.unlink()
            newest.symlink_to("tuesday")
        return really_open(path, *args, **options)

    monkeypatch.setattr(os, "open", open_as_the_link_turns)
    with pytest.raises(TemporaryError):
        read(newest)


def test_a_link_within_the_folder_is_fine(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    (tmp_path / "today").mkdir()
    (tmp_path / "orders.csv").rename(tmp_path / "today" / "orders.csv")
    (tmp_path / "orders.csv").symlink_to("today/orders.csv")
    assert read(tmp_path).orders.keys() == {"1001"}


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    (tmp_path / "orders.csv").unlink()
    os.mkfifo(tmp_path / "orders.csv")
    assert "orders.csv is not a plain file" in refused(tmp_path).what
    (tmp_path / "orders.csv").unlink()
    (tmp_path / "orders.csv").symlink_to("orders.csv")
    refused(tmp_path)


@pytest.mark.parametrize(
    ("number", "error"), [(errno.EACCES, SetupError), (errno.EIO, TemporaryError)]
)
@pytest.mark.parametrize("call", ["open", "lstat", "listdir"])
def test_a_disk_that_refuses_is_setup_and_one_that_fails_is_temporary(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[SetupError] | type[TemporaryError],
    call: str,
) -> None:
    source = source_of(export(tmp_path, STORY))
    really = getattr(os, call)

    def fail(path: Any, *args: Any, **options: Any) -> Any:
        if call == "listdir" or Path(path).name == "payments.csv":
            raise OSError(number, os.strerror(number))
        return really(path, *args, **options)

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(error) as caught:
        source.read()
    assert caught.value.todo


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = read(tmp_path, STORY | {"customers": [RETAIL | {"name": "x" * 10_001}]})
    assert "more than 10,000 characters" in snapshot.problems[0].what
    monkeypatch.setattr("qbosync.source.table.MAX_ROWS", 1)
    assert "rows" in refused(tmp_path, STORY | {"orders": [ORDER, ORDER]}).what
    monkeypatch.setattr("qbosync.source.shelf.MAX_BYTES", 60)
    assert "larger than" in refused(tmp_path).what


@pytest.mark.parametrize("what_happens", ["grows", "is replaced", "goes", "is joined by another"])
def test_a_delivery_that_changes_while_it_is_read_waits_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what_happens: str
) -> None:
    export(tmp_path, STORY)
    orders = tmp_path / "orders.csv"
    really_open = os.open

    def open_while_somebody_writes(path: Any, *args: Any, **options: Any) -> int:
        if Path(path).name == "payments.csv":  # read last: the others were read already
            if what_happens == "grows":
                with orders.open("a") as file:
                    file.write("\n")
            elif what_happens == "is replaced":
                shutil.copy(orders, tmp_path / "new")
                (tmp_path / "new").replace(orders)
            elif what_happens == "goes":
                orders.unlink()
            else:
                (tmp_path / "refunds.csv").touch()
        return really_open(path, *args, **options)

    monkeypatch.setattr(os, "open", open_while_somebody_writes)
    with pytest.raises(TemporaryError) as caught:
        read(tmp_path)
    assert caught.value.exit_code == 5


# The manifest


def test_the_manifest_speaks_for_the_whole_delivery(tmp_path: Path) -> None:
    manifest = {
        "complete": True,
        "currency": "USD",
        "timezone": "America/New_York",
        "generated_at": "2024-02-01T12:00:00",
        "counts": {"orders": 1, "order_lines": 1, "refunds": 0, "bids": 4},
    }
    orders = {"orders": [ORDER | {"status_at": "2024-02-01T05:30:00Z"}]}
    export(tmp_path, STORY | orders)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    snapshot = read(tmp_path)
    assert snapshot.is_complete
    assert snapshot.generated_at == datetime(2024, 2, 1, 17, tzinfo=UTC)
    assert snapshot.orders["1001"].status_at == date(2024, 2, 1)
    assert "unknown sets counted in manifest.json: bids" in snapshot.notes


def test_without_a_manifest_nothing_that_is_missing_is_gone(tmp_path: Path) -> None:
    snapshot = read(tmp_path, STORY)
    assert not snapshot.is_complete
    assert snapshot.generated_at == source_of(tmp_path).changed_at()


@pytest.mark.parametrize(
    "manifest",
    [
        {"counts": {"orders": 2}},
        {"counts": {"order_lines": 0}},
        {"counts": {"refunds": 1}},
        {"counts": {"orders": "many"}},
        {"counts": [1]},
        {"currency": "CAD"},
        {"timezone": "Mars/Olympus"},
        {"timezone": 7},
        {"generated_at": "yesterday"},
        {"complete": "true"},
        {"complete": 1},
        [],
    ],
)
def test_a_manifest_that_says_otherwise_stops_the_run(tmp_path: Path, manifest: Any) -> None:
    export(tmp_path, STORY)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert "manifest.json" in refused(tmp_path).what


def test_a_manifest_that_is_cut_stops_the_run(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    (tmp_path / "manifest.json").write_text('{"complete": tr')
    assert "manifest.json" in refused(tmp_path).what


def test_a_row_that_nobody_can_place_keeps_what_is_missing_from_counting_as_gone(
    tmp_path: Path,
) -> None:
    """The unreadable row may be the very order that seems to be missing."""
    export(tmp_path, STORY | {"orders": [ORDER, ORDER | {"order_id": "[]"}]})
    (tmp_path / "manifest.json").write_text('{"complete": true}')
    snapshot = read(tmp_path)
    assert not snapshot.is_complete
    assert "nothing that is missing counts as gone" in " ".join(snapshot.notes)


def test_a_held_record_does_not_make_a_delivery_incomplete(tmp_path: Path) -> None:
    export(tmp_path, DAMAGED)
    (tmp_path / "manifest.json").write_text('{"complete": true}')
    assert read(tmp_path).is_complete


def test_the_digest_tells_one_delivery_from_another(tmp_path: Path) -> None:
    before = read(tmp_path, STORY).digest
    assert read(tmp_path).digest == before
    assert read(tmp_path, {"orders": [ORDER | {"total": "0.11"}]}).digest != before


def test_the_age_of_a_delivery_is_its_newest_files(tmp_path: Path) -> None:
    export(tmp_path, STORY)
    for file in tmp_path.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))
    os.utime(tmp_path / "orders.csv", (1_700_000_060, 1_700_000_060))
    changed = source_of(tmp_path).changed_at()
    assert changed == datetime.fromtimestamp(1_700_000_060, UTC)


def test_what_is_left_aside_is_said_once(tmp_path: Path) -> None:
    rows = [ORDER | {"Colour": "red", "Rush": "no"}]
    export(tmp_path, STORY | {"orders": rows})
    (tmp_path / "payment.csv").touch()
    assert read(tmp_path).notes == (
        "unknown columns in orders.csv: Colour, Rush",
        "files that are no set of an export: payment.csv",
    )


# Several sets out of one report


def test_one_report_serves_orders_lines_and_customers(tmp_path: Path) -> None:
    snapshot = report(tmp_path, REPORT)
    assert snapshot.problems == ()
    assert {c.id: c.name for c in snapshot.customers.values()} == {
        "40": "Alder Interiors",
        "41": "Birch, Sons & Co",
    }
    order = snapshot.orders["501"]
    assert (order.number, order.name, order.status) == ("501", "Lobby - desk  (480)", "shipped")
    assert (order.total, order.tax, order.shipping) == (Decimal("214.50"), None, None)
    assert order.lines == (
        Line("1", "Drawer Box", Decimal("150.12345"), Decimal(2)),
        Line("2", "Shaker Door", Decimal("64.37"), Decimal(1)),
    )
    assert snapshot.notes == ("unknown columns in report.csv: Number of Pieces, Product #",)


def test_rows_of_a_report_that_contradict_each_other_hold_the_order(tmp_path: Path) -> None:
    text = REPORT.replace("214.50", "999.00", 1)
    snapshot = report(tmp_path, text)
    assert held(snapshot) == {"order:501": "contradiction"}
    what = snapshot.problems[0].what
    assert "report.csv:2 and report.csv:3" in what
    assert "column Total: '999.00' and '214.50'" in what
    assert snapshot.orders.keys() == {"502"}
    assert snapshot.customers.keys() == {"40", "41"}


def test_rows_of_a_report_that_contradict_each_other_hold_the_customer(tmp_path: Path) -> None:
    snapshot = report(tmp_path, REPORT.replace("Alder Interiors", "Alder Inc", 1))
    assert held(snapshot) == {"customer:40": "contradiction"}
    assert snapshot.orders.keys() == {"501", "502"}


def test_a_row_of_a_report_without_an_order_is_one_problem(tmp_path: Path) -> None:
    snapshot = report(tmp_path, REPORT + ',41,"Birch, Sons & Co",,5.00,1,,,bid,1,Door,1,5.00\n')
    assert held(snapshot) == {"file:report.csv:5": "unreadable_row"}
    assert snapshot.problems[0].what.count("line 5") == 1


def test_two_equal_rows_of_a_report_are_two_lines(tmp_path: Path) -> None:
    """Lines that are one too many do not add up and are held; a line too few may pass as tax."""
    row = REPORT.splitlines()[-1]
    snapshot = report(tmp_path, REPORT + row + "\n")
    assert [line.number for line in snapshot.orders["502"].lines] == ["1", "2"]


def test_a_report_that_repeats_a_product_names_what_tells_its_lines_apart(tmp_path: Path) -> None:
    row = REPORT.splitlines()[-1]
    lines = REPORT_COLUMNS["order_lines"] | {"line_no": "Product #"}
    snapshot = report(tmp_path, REPORT + row + "\n", order_lines=lines)
    assert [line.number for line in snapshot.orders["502"].lines] == ["15"]


def test_lines_are_counted_only_where_the_configuration_speaks_of_them(tmp_path: Path) -> None:
    rows = [{key: value for key, value in LINE.items() if key != "line_no"}]
    assert "no column line_no" in refused(tmp_path, STORY | {"order_lines": rows}).what
    snapshot = read(tmp_path, columns={"order_lines": {"description": "description"}})
    assert [line.number for line in snapshot.orders["1001"].lines] == ["1"]


def test_a_reports_counts_are_its_rows_or_its_records(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    for count in (2, 3):
        manifest.write_text(json.dumps({"counts": {"orders": count, "order_lines": 3}}))
        assert len(report(tmp_path, REPORT).orders) == 2
    manifest.write_text('{"counts": {"order_lines": 2}}')
    with pytest.raises(SetupError, match="was cut"):
        report(tmp_path, REPORT)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample of a real report is not here")
def test_a_real_orders_report_is_read_whole(tmp_path: Path) -> None:
    snapshot = report(tmp_path, SAMPLE.read_text(encoding="utf-8"))
    assert snapshot.problems == ()
    assert len(snapshot.orders) == 97
    assert sum(len(order.lines) for order in snapshot.orders.values()) == 119
    assert {order.customer_id for order in snapshot.orders.values()} == snapshot.customers.keys()


def test_ten_thousand_orders_are_read_at_once(tmp_path: Path) -> None:
    def rows(name: str, count: int, said: Callable[[int], Record]) -> None:
        fields = LAYOUTS[name].fields
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(fields)
            writer.writerows([said(n).get(field, "") for field in fields] for n in range(count))

    rows("customers", 2_000, lambda n: {"customer_id": n, "name": f"Customer {n}"})
    rows("orders", 10_000, lambda n: ORDER | {"order_id": n, "number": n, "tax": "0.01"})
    rows("order_lines", 30_000, lambda n: LINE | {"order_id": n // 3, "line_no": n % 3})
    rows("payments", 9_000, lambda n: PAYMENT | {"payment_id": n})
    rows("payment_applications", 9_000, lambda n: APPLICATION | {"payment_id": n})
    snapshot = read(tmp_path)
    assert (len(snapshot.orders), len(snapshot.payments)) == (10_000, 9_000)
    assert snapshot.problems == ()
