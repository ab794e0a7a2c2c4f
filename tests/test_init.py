"""`init`: what an export holds, what must be decided, and the configuration that comes of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbosync.config import load
from qbosync.errors import SetupError
from qbosync.init import (
    Answers,
    Head,
    arrange,
    make_answers,
    questions,
    read_heads,
    survey,
    write_configuration,
)
from qbosync.model import Customer, Line, Order, Payment, Problem, Snapshot
from qbosync.source.folder import FolderSource

REPORT = """\
Order #,Company #,Company Name,Order Name,Total,Number of Pieces,Ordered Date,Ship Date,Status,\
Product #,Product Name,Qty,Line Subtotal
101,7,Acme Kitchens,Island,106.00,2,2026-01-05,2026-01-20,shipped,1,Door,2,100.00
102,7,Acme Kitchens,Pantry,250.00,3,2026-02-03,,in progress,1,Door,1,50.00
102,7,Acme Kitchens,Pantry,250.00,3,2026-02-03,,in progress,2,Drawer,2,60.00
103,8,"Harbor Closets, LLC",,80.00,1,2026-02-04,2026-02-11,completed,2,Drawer,1,80.004
"""
SAMPLES = Path(__file__).parents[2] / "shared" / "allmoxy-samples"


def order(id: str, total: str, *amounts: str, status: str = "shipped", **more: object) -> Order:
    lines = tuple(
        Line(str(at), "Door", Decimal(amount), export_class="Doors" if at else "undefined")
        for at, amount in enumerate(amounts)
    )
    return replace(Order(id, id, "7", status, Decimal(total), lines), **more)


def payment(id: str, amount: str, method: str) -> Payment:
    return Payment(id, "7", date(2026, 2, 1), Decimal(amount), method)


def business(*records: Order | Payment, **more: object) -> Snapshot:
    return Snapshot(
        customers={"7": Customer("7", "Acme Kitchens")},
        orders={each.id: each for each in records if isinstance(each, Order)},
        payments={each.id: each for each in records if isinstance(each, Payment)},
        **more,
    )


SHOP = business(
    order("1001", "106.00", "60.00", "40.00", placed=date(2026, 1, 5)),
    order("1002", "50.00", "50.00", status="on hold", ship_date=date(2026, 2, 5)),
    order("1003", "70.00", status="delivered"),
    payment("1", "106.00", "check"),
    payment("2", "20.00", "CC"),
    payment("3", "30.00", "credit"),
    payment("4", "5.00", "venmo"),
    payment("5", "6.00", ""),
    problems=(Problem("file:orders.csv:9", "unreadable_row", "orders.csv:9 has no total.", ""),),
)


def folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


# The survey


def test_the_survey_counts_everything():
    found = survey(SHOP, {})

    assert found.counts["orders"] == 3
    assert found.counts["order lines"] == 3
    assert found.counts["payments"] == 5
    assert found.counts["unreadable"] == 1
    assert (found.first, found.last) == (date(2026, 1, 5), date(2026, 2, 5))
    assert found.statuses == {"shipped": 1, "on hold": 1, "delivered": 1}
    assert found.classes["undefined"].total == Decimal("110.00")
    assert found.methods["cc"].total == Decimal("20.00")
    assert found.numbers == (1001, 1003)
    assert found.problems == ("orders.csv:9 has no total.",)


def test_sums_are_told_by_month_and_what_has_no_date_is_not_lost():
    months = survey(SHOP, {}).months

    assert [month.name for month in months] == ["2026-01", "2026-02", "no date"]
    assert [month.orders.total for month in months] == [
        Decimal("106.00"),
        Decimal("50.00"),
        Decimal("70.00"),
    ]
    assert months[1].payments.total == Decimal("167.00")


@pytest.mark.parametrize(
    ("record", "difference", "is_like_tax"),
    [
        (order("1", "106.00", "100.00", tax=None), "6.00", True),
        (order("1", "111.00", "100.00", tax=None), "11.00", True),
        (order("1", "111.01", "100.00", tax=None), "11.01", False),
        (order("1", "90.00", "100.00"), "-10.00", False),
        (order("1", "116.00", "100.00", tax=Decimal("6.00"), shipping=Decimal("9")), "1.00", True),
        (order("1", "106.00", "100.00", customer_id="9"), "6.00", False),
    ],
)
def test_a_total_that_the_lines_do_not_make_is_a_residual(record, difference, is_like_tax):
    exempt = Customer("9", "Church", tax_exempt=True)
    snapshot = replace(business(record), customers={"9": exempt})

    [residual] = survey(snapshot, {}).residuals

    assert residual.difference == Decimal(difference)
    assert residual.is_like_tax is is_like_tax
    assert residual.ref == "order:1"


@pytest.mark.parametrize(
    "record",
    [
        order("1", "100.00", "100.00"),
        order("1", "100.05", "100.00"),
        order("1", "95.00", "100.00", discount=Decimal("5.00")),
        order("1", "100.01", "100.005"),
        order("1", "100.00"),
    ],
)
def test_what_adds_up_is_no_residual(record):
    assert survey(business(record), {}).residuals == ()


def test_the_survey_can_be_read():
    told = survey(SHOP, {}).words()

    assert told[0] == "1 customers, 3 orders, 3 order lines, 5 payments, 1 unreadable"
    assert told[1] == "from 2026-01-05 to 2026-02-05"
    assert "2026-02         1          50.00          5         167.00" in told
    assert "statuses: shipped (1), on hold (1), delivered (1)" in told
    assert "cannot be read: orders.csv:9 has no total." in told
    assert any(line.startswith("lines do not make the total: 1 orders, 6.00;") for line in told)


def test_an_empty_export_is_surveyed_too():
    found = survey(Snapshot(), {})

    assert found.words()[0] == "nothing"
    assert load(write_configuration(make_answers(found, {}, "export")), "new").source.path


# How the files are to be read


def test_our_own_form_needs_nothing_said(tmp_path):
    heads = read_heads(folder(tmp_path, orders="order_id,number\n1,1\n", customers="x\n"))

    found = arrange(heads)

    assert (found.files, found.columns, found.date_format) == ({}, {}, "")


def test_an_allmoxy_orders_report_is_recognised_and_read(tmp_path):
    heads = read_heads(folder(tmp_path, report=REPORT))
    found = arrange(heads)
    source = FolderSource(
        tmp_path,
        timezone=ZoneInfo("America/Boise"),
        files=found.files,
        columns=found.columns,
        date_format=found.date_format,
    )
    told = survey(source.read(), heads)

    assert found.report == "report.csv"
    assert set(found.files) == {"customers", "orders", "order_lines"}
    assert told.counts["orders"] == 3
    assert told.counts["order lines"] == 4
    assert [each.difference for each in told.residuals] == [Decimal("6.00"), Decimal("140.00")]
    assert not told.has_tax
    settings = load(write_configuration(make_answers(told, {}, "export")), "new")
    assert settings.source.files == found.files
    assert settings.source.columns == found.columns


def test_a_report_beside_an_orders_file_or_another_report_is_left_alone(tmp_path):
    assert arrange(read_heads(folder(tmp_path, report=REPORT, orders="order_id\n"))).files == {}
    (tmp_path / "orders.csv").rename(tmp_path / "second.csv")
    assert arrange(read_heads(folder(tmp_path, second=REPORT))).files == {}


def test_a_report_with_components_tells_its_lines_apart_by_product(tmp_path):
    header, _, rest = REPORT.partition("\n")
    text = header + ",Component Name,Component Qty\n" + rest

    assert (
        arrange(read_heads(folder(tmp_path, report=text))).columns["order_lines"]["line_no"]
        == "Product #"
    )


def test_the_report_is_known_in_any_spelling_and_with_a_byte_order_mark(tmp_path):
    header, _, rest = REPORT.partition("\n")
    (tmp_path / "REPORT.CSV").write_text("\ufeff" + header.upper() + "\n" + rest)

    assert arrange(read_heads(tmp_path)).report == "REPORT.CSV"


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2026-01-31"], ""),
        (["01/31/2026", "1/2/2026"], "%m/%d/%Y"),
        (["1/2/2026"], "%m/%d/%Y"),
        (["31/01/2026", "1/2/2026"], "%d/%m/%Y"),
        (["01/31/26"], "%m/%d/%y"),
        (["01/31/2026", "31/01/2026"], ""),
        (["01/31/2026", "2026-01-31"], ""),
        (["1/2/2026", "1/2/26"], ""),
        (["Jan 5"], ""),
        ([], ""),
    ],
)
def test_dates_are_read_as_all_of_them_are_written(dates, expected):
    head = Head(("order_id", "Order_Date"), tuple(("1", day) for day in ("", *dates)))

    assert arrange({"orders.csv": head}).date_format == expected


def test_a_folder_that_is_not_there_is_told(tmp_path):
    for path in (tmp_path / "none", Path(__file__)):
        with pytest.raises(SetupError, match="There is no folder"):
            read_heads(path)


def test_a_folder_that_may_not_be_read_is_told(tmp_path):
    """Root reads everything, so a name that is too long stands in for a missing right."""
    with pytest.raises(SetupError, match="cannot be read: file name too long"):
        read_heads(tmp_path / ("x" * 300))


def test_a_file_that_is_no_csv_does_not_stop_the_look(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'"' + b"x" * 200_000)
    (tmp_path / "b.csv").write_bytes(b"")

    assert read_heads(tmp_path) == {"a.csv": Head(()), "b.csv": Head(())}


# The questions


def test_eight_things_are_asked():
    """Tax is one thing in two questions: its item and its account."""
    asked = [question.name for question in questions(survey(SHOP, {}))]

    assert asked == [
        "charge_status",
        "start_date",
        "default_export_class",
        "tax_item",
        "tax_account",
        "card_account",
        "money",
        "timezone",
        "order_prefix",
    ]


def test_a_question_shows_what_the_export_says():
    asked = {question.name: question for question in questions(survey(SHOP, {}))}

    assert asked["charge_status"].choices == (
        "ordered",
        "verified",
        "in progress",
        "completed",
        "shipped",
        "delivered",
    )
    assert "shipped (1), on hold (1)" in asked["charge_status"].why
    assert asked["default_export_class"].default == "Doors"
    assert "2 lines of the export have none" in asked["default_export_class"].why
    assert asked["money"].default == "cc, check"
    assert "venmo (1, 5.00)" in asked["money"].why
    assert "numbered 1001 to 1003" in asked["order_prefix"].why


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("charge_status", " Completed ", "completed"),
        ("charge_status", "In_Progress", "in progress"),
        ("start_date", "2026-01-01", date(2026, 1, 1)),
        ("start_date", "Everything", "everything"),
        ("start_date", "", None),
        ("default_export_class", "Wood Products", "Wood Products"),
        ("tax_account", " ", ""),
        ("money", "Check, cc,, CHECK", ("check", "cc")),
        ("money", "", ()),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("order_prefix", "A-", "A-"),
    ],
)
def test_an_answer_is_read(name, text, value):
    asked = {question.name: question for question in questions(survey(SHOP, {}))}

    assert asked[name].read(text) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("charge_status", "bid", "must be one of ordered, verified"),
        ("charge_status", "", "is blank"),
        ("start_date", "1/2/2026", "must be a date such as"),
        ("timezone", "Boise", "must be a time zone such as"),
        ("order_prefix", "x" * 21, "has 21 characters"),
        ("default_export_class", "a\tb", "has a line break or control character"),
        ("money", "a\x00b", "has a line break or control character"),
    ],
)
def test_an_impossible_answer_is_told_in_plain_words(name, text, words):
    asked = {question.name: question for question in questions(survey(SHOP, {}))}

    with pytest.raises(ValueError, match=words):
        asked[name].read(text)
    with pytest.raises(SetupError, match=words):
        make_answers(survey(SHOP, {}), {name: text}, "export")


def test_every_default_is_an_answer():
    for question in questions(survey(SHOP, {}), timezone="America/New_York"):
        question.read(question.default)


# The answers


def test_nobody_decides_by_leaving_a_word_out_what_money_is():
    """A word that was not named is money or not only where its meaning is known."""
    answers = make_answers(survey(SHOP, {}), {}, "export")

    assert "venmo" not in {*answers.money, *answers.not_money}
    assert "'venmo' (1)" in answers.notes["money"]
    assert "credit" in answers.not_money
    assert {"check", "cc", "cash"} <= set(answers.money)


def test_a_word_that_was_dropped_is_not_money_any_more():
    answers = make_answers(survey(SHOP, {}), {"money": "check, venmo, credit"}, "export")

    assert {"check", "venmo", "credit"} <= set(answers.money)
    assert "cc" in answers.not_money
    assert "credit" not in answers.not_money


def test_a_status_of_the_shops_own_is_placed_only_where_it_was_named():
    unplaced = make_answers(survey(SHOP, {}), {}, "export")
    placed = make_answers(survey(SHOP, {}), {"charge_status": "Delivered"}, "export")

    assert "'delivered' (1 orders)" in unplaced.notes["statuses"]
    assert "delivered" not in unplaced.statuses
    assert placed.statuses[-1] == placed.charge_status == "delivered"
    assert "statuses" not in placed.notes


# The configuration


def test_what_was_left_open_stands_in_the_file_as_a_comment():
    text = write_configuration(Answers("export"))
    loaded = load(text, "new")

    for line in (
        '# default_export_class = "the name of a product"',
        "# start_date = 2026-01-01",
        '# "Sales Tax" = "Sales Tax Collected"',
        '# cc = "Card Clearing"',
        '# date_format = "%m/%d/%Y"',
    ):
        assert line in text.splitlines()
    assert loaded.quickbooks.default_export_class == ""
    assert loaded.orders.start_date is None
    assert len(loaded.missing_for_production()) == 3


def test_a_commented_key_may_be_uncommented():
    """Every line that shows a usual value is right as it stands."""
    text = write_configuration(Answers("export"))
    text = re.sub(r'^# ([a-z_]+|"[^"]+") = ', r"\1 = ", text, flags=re.MULTILINE)

    assert "\nstart_date = " in text
    assert "\nmax_age = " in text
    assert load(text.replace("https://…", "https://ping.example/1"), "new")


def test_what_was_decided_is_enough_for_production():
    given = {
        "start_date": "2026-01-01",
        "default_export_class": "Doors",
        "card_account": "Card Clearing",
        "order_prefix": "A",
    }
    loaded = load(write_configuration(make_answers(survey(SHOP, {}), given, "../out")), "new")

    assert loaded.missing_for_production() == []
    assert loaded.orders.start_date == date(2026, 1, 1)
    assert loaded.items.income_account["Sales Tax"] == "Sales Tax Collected"
    assert loaded.payments.deposit_to == {"cc": "Card Clearing"}
    assert loaded.documents.order_prefix == "A"
    assert loaded.source.path == "../out"


def test_an_answer_that_cannot_stand_is_refused_before_a_file_is_written():
    with pytest.raises(SetupError, match="the item of sales tax"):
        write_configuration(Answers("export", default_export_class="Tax", tax_item="tax"))


def test_an_export_cannot_write_into_its_configuration():
    hostile = order("1", "5.00", "5.00", status='x"]\n[quickbooks]\nenvironment="production"')
    text = write_configuration(make_answers(survey(business(hostile), {}), {}, "export"))

    assert load(text, "new").quickbooks.environment == "sandbox"
    assert max(map(len, text.splitlines())) <= 120


NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30).filter(
    lambda name: name.strip() == name and name
)


@settings(max_examples=60, deadline=None)
@given(
    item=NAMES,
    account=NAMES,
    prefix=st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20),
    charged=st.sampled_from(("ordered", "verified", "in progress", "completed", "shipped")),
    start=st.one_of(st.none(), st.just("everything"), st.dates()),
    money=st.lists(NAMES.map(str.casefold).filter(str.strip), min_size=1, max_size=3, unique=True),
)
def test_a_configuration_says_what_was_answered(item, account, prefix, charged, start, money):
    money = tuple(dict.fromkeys(word.strip().casefold() for word in money))
    answers = Answers(
        "export",
        default_export_class="D" + item,
        tax_item="T" + item,
        tax_account=account,
        card_account=account,
        card_methods=money[:1],
        money=money,
        not_money=(),
        order_prefix=prefix if prefix.casefold() not in ("fc-", "pf-", "bp-", "oc-") else "",
        charge_status=charged,
        start_date=start,
    )
    loaded = load(write_configuration(answers), "new")

    assert loaded.quickbooks.default_export_class == answers.default_export_class
    assert loaded.items.sales_tax == answers.tax_item
    assert loaded.items.income_account[answers.tax_item] == account
    assert set(loaded.payments.money) == set(money)
    assert loaded.payments.deposit_to[money[0]] == account
    assert loaded.documents.order_prefix == answers.order_prefix
    assert loaded.orders.charge_status == charged
    assert loaded.orders.start_date == start


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real export is not beside the project")
def test_a_real_orders_report_is_surveyed(tmp_path):
    (tmp_path / "report.csv").write_bytes((SAMPLES / "orders-report.csv").read_bytes())
    heads = read_heads(tmp_path)
    found = arrange(heads)
    source = FolderSource(
        tmp_path, timezone=ZoneInfo("America/Boise"), files=found.files, columns=found.columns
    )

    residuals = survey(source.read(), heads).residuals

    rest = [each.difference for each in residuals if not each.is_like_tax]
    assert (len(residuals), len(rest), sum(rest)) == (33, 10, Decimal("19695.06"))
