"""The configuration: its defaults, and every mistake in plain words with its line."""

from __future__ import annotations

import tomllib
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from pydantic import ValidationError

from qbosync.config import Settings, load
from qbosync.config.position import key_lines
from qbosync.config.sets import FIELDS
from qbosync.errors import SetupError
from qbosync.source.layout import LAYOUTS

LEAST = """\
[quickbooks]
environment = "sandbox"
default_export_class = "Cabinets"

[source]
"""


def settings(*parts: str, environment: str = "sandbox") -> Settings:
    text = LEAST.replace("sandbox", environment) + "\n".join(parts)
    return load(text, "config.toml")


def mistakes(text: str) -> list[str]:
    """The mistakes of a text, one a line."""
    with pytest.raises(SetupError) as caught:
        load(text, "config.toml")
    assert caught.value.exit_code == 4
    assert caught.value.todo
    first, *listed = caught.value.what.split("\n")
    if not listed:
        return [first.removeprefix("config.toml: ")]
    assert first == f"config.toml has {len(listed)} mistakes:"
    return [each.strip() for each in listed]


def mistake(*parts: str, environment: str = "sandbox") -> str:
    [only] = mistakes(LEAST.replace("sandbox", environment) + "\n".join(parts))
    return only


# What is right


def test_only_the_environment_and_the_source_must_be_named():
    loaded = load('[quickbooks]\nenvironment = "sandbox"\n[source]\n', "config.toml")

    assert loaded.orders.statuses == (
        "bid",
        "ordered",
        "verified",
        "in progress",
        "completed",
        "shipped",
    )
    assert loaded.orders.charge_status == "shipped"
    assert loaded.orders.estimate_from_status == "ordered"
    assert loaded.orders.on_hold == ("on hold",)
    assert loaded.orders.void == ("void",)
    assert loaded.orders.start_date is None
    assert loaded.items.sales_tax == "Sales Tax"
    assert loaded.items.bounced_payment == "Bounced Payment Fee"
    assert loaded.items.bad_debt == "Bad Debt"
    assert loaded.items.create_missing is True
    assert loaded.items.income_account == {}
    assert loaded.payments.money[:3] == ("check", "cash", "cc")
    assert loaded.documents.finance_charge_prefix == "FC-"
    assert loaded.documents.rounding_limit == Decimal("0.05")
    assert loaded.documents.open_months == 2
    assert loaded.documents.zero_total == "send"
    assert loaded.documents.memo_to == ""
    assert loaded.documents.bill_email is False
    assert loaded.customers.updates == "follow"
    assert loaded.customers.reactivate is False
    assert (loaded.source.kind, loaded.source.path) == ("folder", "export")
    assert loaded.source.residual_max_rate == Decimal("0.11")
    assert loaded.source.max_age == timedelta(hours=26)
    assert loaded.sync.resend_after == timedelta(minutes=15)
    assert loaded.sync.max_runtime == timedelta(minutes=90)
    assert loaded.sync.max_documents is loaded.sync.max_amount is loaded.sync.max_voids is None
    assert loaded.notify.remind_at == time(7)
    assert loaded.quickbooks.instance == "main"
    assert loaded.quickbooks.redirect_uri == "http://localhost:8765/callback"
    assert loaded.quickbooks.api_url == ""
    assert loaded.data_dir == ""


def test_every_key_can_be_set():
    loaded = load(
        """\
data_dir = "state"
[quickbooks]
environment = "emulator"
default_export_class = "Cabinets:Doors"
instance = "shop-2"
redirect_uri = "https://shop.example/callback"
api_url = "http://127.0.0.1:9000/"
[orders]
statuses = ["New", "IN_PROGRESS", "Done"]
on_hold = ["Waiting"]
void = ["Cancelled"]
estimate_from_status = "new"
charge_status = "done"
estimate_always = true
on_backward = "void"
start_date = 2026-01-01
[items]
bad_debt = "Write-off"
create_missing = false
[items.income_account]
"Sales Tax" = "Sales Tax Collected"
"*" = "Sales of Product Income"
[payments]
money = ["Check", "Card"]
not_money = ["Store credit"]
[payments.methods]
Check = "Check"
[payments.deposit_to]
Card = "Card Clearing"
[documents]
order_prefix = "A-"
rounding_limit = 0.10
closed_until = 2025-12-31
open_months = 0
correction = "credit_memo"
memo_to = "statement"
zero_total = "skip"
bill_email = true
[customers]
updates = "fill"
reactivate = true
[source]
kind = "folder"
path = "exports/now"
timezone = "America/New_York"
date_format = "%m/%d/%Y"
payment_amount = "applied"
residual = "tax"
residual_max_rate = 0.10
max_age = "2d"
files = { orders = "report.csv", order_lines = "report.csv" }
[source.columns.orders]
number = "Order #"
[sync]
resend_after = "0s"
max_runtime = "1h"
max_documents = 100
max_amount = "25,000.00"
max_voids = 3
[notify]
remind_at = "06:30"
ping_url = "https://hc.example/ping/1"
""",
        "config.toml",
    )

    assert loaded.data_dir == "state"
    assert loaded.quickbooks.api_url == "http://127.0.0.1:9000"
    assert loaded.orders.statuses == ("new", "in progress", "done")
    assert loaded.orders.start_date == date(2026, 1, 1)
    assert loaded.items.income_account["*"] == "Sales of Product Income"
    assert loaded.payments.methods == {"check": "Check"}
    assert loaded.payments.deposit_to == {"card": "Card Clearing"}
    assert loaded.documents.rounding_limit == Decimal("0.10")
    assert loaded.documents.closed_until == date(2025, 12, 31)
    assert loaded.source.files["order_lines"] == "report.csv"
    assert loaded.source.columns == {"orders": {"number": "Order #"}}
    assert loaded.source.residual_max_rate == Decimal("0.1")
    assert loaded.sync.resend_after == timedelta(0)
    assert loaded.sync.max_amount == Decimal("25000.00")
    assert loaded.notify.remind_at == time(6, 30)


def test_statuses_compare_without_case_and_with_underscore_as_blank():
    loaded = settings('[orders]\ncharge_status = "In_Progress"\nvoid = [" Void  order "]')

    assert loaded.orders.charge_status == "in progress"
    assert loaded.orders.void == ("void order",)


def test_the_emulator_has_an_address_of_its_own():
    assert settings(environment="emulator").quickbooks.api_url == "http://127.0.0.1:8770"


def test_start_date_may_be_the_word_everything():
    assert settings('[orders]\nstart_date = "Everything"').orders.start_date == "everything"


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        settings().orders.charge_status = "bid"


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake():
    text = "\ufeff" + LEAST.replace("\n", "\r\n")

    assert load(text, "config.toml") == settings()


def test_dates_and_times_may_be_text_or_toml_and_an_address_may_be_blank():
    written = settings(
        '[orders]\nstart_date = "2026-01-31"',
        '[notify]\nremind_at = 06:30:15\nping_url = ""',
    )

    assert written.orders.start_date == date(2026, 1, 31)
    assert written.notify.remind_at == time(6, 30)
    assert written.notify.ping_url == ""


def test_amounts_never_pass_through_a_float():
    loaded = settings("[documents]\nrounding_limit = 0.07\n[sync]\nmax_amount = 0.10")

    assert str(loaded.documents.rounding_limit) == "0.07"
    assert str(loaded.sync.max_amount) == "0.10"


# The digest


def test_the_digest_knows_meaning_and_not_spelling():
    plain = settings()
    spelled_out = settings(
        "# the same",
        '[sync]\nresend_after = "900s"',
        '[payments]\nmoney = ["manual", "CHECK", "cash", "cc", "ach", "echeck", "paypal"]',
        "[documents]\nrounding_limit = 0.050",
    )

    assert plain.digest() == spelled_out.digest()
    assert len(plain.digest()) == 64


@pytest.mark.parametrize(
    "part",
    [
        '[orders]\ncharge_status = "completed"',
        "[orders]\nstart_date = 2026-01-01",
        '[orders]\nstatuses = ["bid", "verified", "ordered", "shipped"]',
        "[documents]\nrounding_limit = 0.04",
        '[items.income_account]\n"*" = "Sales"',
        '[notify]\nremind_at = "08:00"',
    ],
)
def test_the_digest_changes_with_any_decision(part):
    assert settings(part).digest() != settings().digest()


# What is missing where


def test_a_sandbox_may_leave_open_what_production_demands():
    loaded = load('[quickbooks]\nenvironment = "production"\n[source]\n', "config.toml")

    missing = loaded.missing_for_production()

    assert [words.split(" in ")[0] for words in missing] == [
        "`default_export_class`",
        "`start_date`",
        '`"Sales Tax"`',
    ]


def test_nothing_is_missing_once_it_is_decided():
    loaded = settings(
        '[orders]\nstart_date = "everything"',
        '[items.income_account]\n"sales tax" = "Sales Tax Collected"',
        environment="production",
    )

    assert loaded.is_production
    assert loaded.missing_for_production() == []
    assert loaded.missing_to_connect() == []


def test_an_item_that_is_never_created_needs_no_account():
    loaded = settings("[orders]\nstart_date = 2026-01-01\n[items]\ncreate_missing = false")

    assert loaded.missing_for_production() == []


def test_connecting_fills_an_absent_export_class_and_never_another():
    absent = load('[quickbooks]\nenvironment = "sandbox"\n[source]\n', "config.toml")

    assert absent.missing_to_connect()
    assert absent.with_export_class("Doors").quickbooks.default_export_class == "Doors"
    assert settings().with_export_class("") == settings()
    with pytest.raises(SetupError, match="'Cabinets', the one given 'Doors'"):
        settings().with_export_class("Doors")


# Mistakes


def test_every_mistake_is_told_at_once_with_its_line():
    found = mistakes(
        """\
[quickbooks]
environment = "sandbocks"

[orders]
charge_staus = "shipped"
estimate_always = "yes"
statuses = [
    "bid",
    7,
]

[documents]
order_prefix = "0123456789012345678901"

[sync]
resend_after = "15 minutes"
"""
    )

    assert found == [
        '[source] is missing; it says where the orders come from: kind = "folder", path = "export"',
        '`environment` in [quickbooks] must be one of "sandbox", "production", "emulator",'
        " line 2; did you mean `sandbox`?",
        "unknown key `charge_staus` in [orders], line 5; did you mean `charge_status`?",
        "`estimate_always` in [orders] must be true or false, not text, line 6",
        "`statuses` in [orders] must be text in quotes, not a number, line 9",
        "`order_prefix` in [documents] has 22 characters; with the number behind it QuickBooks"
        " takes 21, line 13",
        '`resend_after` in [sync] must be a duration such as "15m", "26h" or "2d", line 16',
    ]


def test_a_contradiction_is_told_beside_the_mistakes_of_other_keys():
    found = mistakes(LEAST + '[orders]\ncharge_status = "gone"\non_hold = "on hold"')

    assert found == [
        "`charge_status` in [orders] is 'gone', which is not in `statuses`, line 7",
        "`on_hold` in [orders] must be a list, not text, line 8",
    ]


def test_one_cause_is_told_once():
    """Without its `statuses` nobody can say whether a charge status is one of them."""
    found = mistakes(LEAST + '[orders]\nstatuses = 5\ncharge_status = "delivered"')

    assert found == ["`statuses` in [orders] must be a list, not a number, line 7"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("[order]", "unknown table [order], line 6; did you mean `orders`?"),
        ("[orders.status]", "unknown table [orders.status], line 6; did you mean `statuses`?"),
        (
            "[items]\nbill_email = true",
            "unknown key `bill_email` in [items], line 7; it belongs in [documents]",
        ),
        (
            '[notify]\nmailer = "x"',
            "unknown key `mailer` in [notify], line 7; known there: ping_url, remind_at",
        ),
        (
            "[documents]\nrounding_limit = nan",
            "`rounding_limit` in [documents] must be a number such as 0.05, line 7",
        ),
        (
            '[documents]\nrounding_limit = "1,5"',
            "`rounding_limit` in [documents] must be a number such as 0.05, line 7",
        ),
        (
            "[documents]\nrounding_limit = 5",
            "`rounding_limit` in [documents] must be at most 1.00: more is not rounding, line 7",
        ),
        (
            "[documents]\nrounding_limit = 0.005",
            "`rounding_limit` in [documents] must be an amount such as 0.05: not negative,"
            " at most two decimals, line 7",
        ),
        (
            "[documents]\nrounding_limit = true",
            "`rounding_limit` in [documents] must be a number such as 0.05, not true or false,"
            " line 7",
        ),
        (
            "[documents]\nopen_months = -1",
            "`open_months` in [documents] must be a number of months, 0 or more, line 7",
        ),
        (
            "[documents]\nopen_months = 2.5",
            "`open_months` in [documents] must be a whole number, not a number, line 7",
        ),
        (
            "[documents]\nclosed_until = 2026-01-01T00:00:00",
            "`closed_until` in [documents] must be a date such as 2026-01-31,"
            " not a date with a time, line 7",
        ),
        (
            '[orders]\nstart_date = "01/02/2026"',
            "`start_date` in [orders] must be a date such as 2026-01-31"
            ' (or the word "everything"), line 7',
        ),
        ("[sync]\nmax_voids = 0", "`max_voids` in [sync] must be 1 or more, line 7"),
        ('[sync]\nmax_runtime = "0m"', "`max_runtime` in [sync] must be at least 1m, line 7"),
        (
            '[sync]\nresend_after = "4m"',
            "`resend_after` in [sync] must be at least 5m, line 7;"
            " QuickBooks may still carry out what seemed lost",
        ),
        (
            '[notify]\nremind_at = "7"',
            '`remind_at` in [notify] must be a time of day such as "07:00", line 7',
        ),
        (
            '[notify]\nping_url = "http://hc.example/1"',
            "`ping_url` in [notify] must be an address that begins with https://, line 7",
        ),
        (
            "[orders]\nstatuses = []",
            "`statuses` in [orders] is empty, line 7",
        ),
        (
            f'[items]\nshipping = "{"x" * 101}"',
            "`shipping` in [items] has 101 characters; QuickBooks takes 100, line 7",
        ),
        (
            "[sync]\nmax_amount = [1]",
            "`max_amount` in [sync] must be a number such as 0.05, not a list, line 7",
        ),
        (
            "[orders]\nstart_date = 5",
            "`start_date` in [orders] must be a date such as 2026-01-31, not a number"
            ' (or the word "everything"), line 7',
        ),
        ("[items]\nsales_tax = ''", "`sales_tax` in [items] is blank, line 7"),
        (
            '[items]\nshipping = "a\\nb"',
            "`shipping` in [items] has a line break or control character in it, line 7",
        ),
        (
            '[items]\ncredit_memo = "sales tax"',
            "`credit_memo` in [items] is the item of sales tax, line 7; tax is owed to the state,"
            " so its item stands alone on a liability account",
        ),
        (
            '[items]\nsales_tax = "cabinets"',
            "`default_export_class` in [quickbooks] is the item of sales tax, line 3; tax is owed"
            " to the state, so its item stands alone on a liability account",
        ),
        ("[items]\nincome_account = 1", "[items.income_account] must be a table, not a number"),
        (
            '[items.income_account]\n"" = "Sales"',
            "the key `` in [items.income_account] is blank, line 7",
        ),
        (
            '[payments.methods]\nCC = "Visa"\ncc = "Card"',
            "[payments.methods] has 'CC' and 'cc': one and the same, line 8",
        ),
        (
            '[payments]\nnot_money = [\n "credit",\n "Cash"]',
            "'cash' is in `money` and in `not_money` of [payments], line 9",
        ),
        (
            '[orders]\nvoid = ["Shipped"]',
            "'shipped' is in `statuses` and in `void` of [orders], line 7",
        ),
        (
            '[orders]\nvoid = ["x"]\non_hold = ["X"]',
            "'x' is in `on_hold` and in `void` of [orders], line 7",
        ),
        (
            '[orders]\nstatuses = ["ordered", "shipped", "Ordered"]',
            "`statuses` in [orders] has 'ordered' twice, line 7",
        ),
        (
            '[orders]\nestimate_from_status = "completed"\ncharge_status = "verified"',
            "`charge_status` in [orders] is 'verified', which comes before"
            " `estimate_from_status` 'completed', line 8; an order is an estimate first",
        ),
        (
            '[orders]\ncharge_status = "Shiped"',
            "`charge_status` in [orders] is 'shiped', which is not in `statuses`, line 7;"
            " did you mean `shipped`?",
        ),
        (
            '[orders]\nestimate_from_status = "bid"\ncharge_status = "bid"',
            "`charge_status` in [orders] is 'bid', and a bid is never charged, line 8",
        ),
        (
            '[documents]\nprocessing_fee_prefix = ""',
            "`processing_fee_prefix` and `order_prefix` in [documents] are both '', line 7;"
            " an order and a charge would take the same number",
        ),
        (
            '[documents]\nmemo_to = "nobody"',
            '`memo_to` in [documents] must be one of "", "customer", "statement", line 7',
        ),
    ],
)
def test_a_mistake_is_told_in_plain_words(part, words):
    assert mistake(part).startswith(words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('timezone = "America/Boisse"', 'did you mean "America/Boise"?'),
        ('timezone = "america"', "does not exist"),
        ('timezone = "America"', "does not exist"),
        ('timezone = "../etc/passwd"', "does not exist"),
        ('date_format = "%m/%Y"', "must name day, month and year"),
        ('date_format = "%m/%m/%Y"', "must name day, month and year"),
        ('residual = "taxes"', "did you mean `tax`?"),
        ("residual_max_rate = 11", "must be a rate between 0 and 1"),
        ('max_age = "0h"', "`max_age` in [source] must be at least 1m"),
        ('kind = "xml"', 'must be one of "folder", "allmoxy", "sql"'),
        ('files = { ordrs = "a.csv" }', "unknown set `ordrs` in [source.files]"),
        ('files = { orders = "../a.csv" }', "must be the name of a .csv, .json or .jsonl file"),
        ('files = { orders = "a.xlsx" }', "must be the name of a .csv, .json or .jsonl file"),
        ('columns.orders.nubmer = "No"', "unknown field `nubmer` in [source.columns.orders]"),
        ('columns.order.number = "No"', "did you mean `orders`?"),
    ],
)
def test_a_mistake_about_the_source_is_told_with_its_line(line, words):
    told = mistake(line)

    assert words in told
    assert "line 6" in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('instance = "Main Shop"', "must be 1 to 12 of a-z, 0-9 and -"),
        ('instance = "thirteen-char"', "must be 1 to 12 of a-z, 0-9 and -"),
        ('redirect_uri = "http://shop.example/cb"', "must be https://"),
        ('redirect_uri = "http://127.0.0.1.evil.example/cb"', "must be https://"),
        ('redirect_uri = "https://user@shop.example/cb"', "must be https://"),
        ('redirect_uri = "http://localhost:99999/cb"', "must be https://"),
        ('redirect_uri = "localhost"', "must be https://"),
        ('api_url = "http://127.0.0.1:8770"', 'is for environment = "emulator" only'),
    ],
)
def test_a_mistake_about_the_company_is_told_with_its_line(line, words):
    [told] = mistakes(f'[quickbooks]\nenvironment = "sandbox"\n{line}\n[source]\n')

    assert words in told
    assert "line 3" in told


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:8770", "http://10.0.0.1:8770", "http://emulator", "nonsense"]
)
def test_plain_http_is_spoken_only_to_the_emulator_on_this_machine(url):
    [told] = mistakes(
        f'[quickbooks]\nenvironment = "emulator"\napi_url = "{url}"\n[source]\n',
    )

    assert "must be the emulator's address on 127.0.0.1" in told


def test_a_blank_export_class_is_a_mistake_and_an_absent_one_is_not():
    [told] = mistakes(
        '[quickbooks]\nenvironment = "sandbox"\ndefault_export_class = " "\n[source]\n'
    )

    assert told == "`default_export_class` in [quickbooks] is blank, line 3"


def test_an_empty_file_says_what_must_be_there():
    assert [words.split(";")[0] for words in mistakes("")] == [
        "[quickbooks] is missing",
        "[source] is missing",
    ]


def test_a_table_in_place_of_a_value_and_the_reverse():
    assert mistakes('quickbooks = "sandbox"\n[source]\n') == [
        "[quickbooks] must be a table, not text, line 1"
    ]
    assert mistakes("[[quickbooks]]\n[source]\n") == [
        "[quickbooks] must be a table, not a list, line 1"
    ]


def test_a_key_before_the_first_table_is_shown_its_home():
    assert mistakes('charge_status = "shipped"\n' + LEAST) == [
        "unknown key `charge_status` before the first table, line 1; it belongs in [orders]"
    ]
    assert mistake('data_dir = "x"') == (
        "unknown key `data_dir` in [source], line 6; `data_dir` stands before the first table"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[quickbooks\n", "line 1, column 12"),
        ("[quickbooks]\nenvironment = sandbox\n", "line 2, column 15"),
        ("[a]\n[a]\n", "line 2"),
        ("[orders]\nstatuses = [", "line 2, column 13"),
    ],
)
def test_a_slip_of_syntax_is_told_with_line_and_column(text, words):
    with pytest.raises(SetupError) as caught:
        load(text, "shop.toml")

    assert caught.value.what.startswith("shop.toml is not valid TOML: ")
    assert words in caught.value.what


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000, "[" * 300 + "]" * 300])
def test_a_monstrous_value_is_a_mistake_and_no_crash(value):
    with pytest.raises(SetupError):
        load(f"{LEAST}x = {value}", "config.toml")


# Where keys stand


def test_every_kind_of_key_has_its_line():
    lines = key_lines(
        '''\
# comment with [brackets] and = signs
top.deep = 1  # and another
[a . "b c"]
text = """
[not.a.table]
x = 1 """
literal = \'\'\'
y = 2\'\'\'
'quoted key' = 'it = 1'
list = [ # one
  "x # y", # two
  [1, 2,
   3],
  { k = 1, "m" = [ 4 ] },
]
[[rows]]
n = 1
[[rows]]
n = 2
'''
    )

    assert lines["top",] == lines["top", "deep"] == 2
    assert lines["a", "b c"] == 3
    assert lines["a", "b c", "text"] == 4
    assert lines["a", "b c", "literal"] == 7
    assert lines["a", "b c", "quoted key"] == 9
    assert lines["a", "b c", "list", 0] == 11
    assert lines["a", "b c", "list", 1, 2] == 13
    assert lines["a", "b c", "list", 2, "m", 0] == 14
    assert lines["rows", 1, "n"] == 19
    assert ("not",) not in lines


KEY = st.from_regex(r"[a-z0-9_-]{1,4}", fullmatch=True)
VALUE: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(
        [
            "1",
            "0.5",
            "true",
            "2026-01-01",
            '"a"',
            "'='",
            '"#"',
            '"""x\n]"""',
            '"\\""',
            "''",
            "'''\n'''",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[ # c\n{', '.join(items)}\n]"),
    max_leaves=5,
)


TABLE = st.tuples(KEY, st.dictionaries(KEY, VALUE, max_size=3))


@settings_of_hypothesis(max_examples=50, deadline=None)
@given(st.lists(TABLE, max_size=3, unique_by=lambda table: table[0]))
def test_the_scanner_finds_exactly_the_keys_that_are_there(tables: list[Any]):
    text = ""
    expected = {}
    for name, pairs in tables:
        expected[name,] = text.count("\n") + 1
        text += f"[{name}]\n"
        for key, value in pairs.items():
            expected[name, key] = text.count("\n") + 1
            text += f"{key} = {value}  # x\n"
    tomllib.loads(text)  # the text is TOML

    found = {path: line for path, line in key_lines(text).items() if len(path) <= 2}

    assert found == expected


def test_the_configuration_knows_the_sets_and_fields_that_a_folder_has():
    assert {name: frozenset(layout.fields) for name, layout in LAYOUTS.items()} == FIELDS
    assert len(FIELDS) == 12
