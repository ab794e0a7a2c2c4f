"""Writes the configuration: every decision with its reason, in TOML that `config` reads.

What is written is read back before it is handed out, so `init` cannot write a file that
`sync` refuses.
"""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

from qbosync.config import load
from qbosync.init.answer import Answers

WIDTH = 98
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
TAX_ACCOUNT = "Sales Tax Collected"


def write_configuration(answers: Answers) -> str:
    """The text of a configuration with these decisions.

    Raises:
        SetupError: If an answer cannot stand in a configuration.
    """
    sections = (_quickbooks, _orders, _items, _payments, _documents, _source, _rest)
    parts = ["\n".join(section(answers)) for section in sections]
    text = "\n\n".join((_comment(_TOP), *parts)) + "\n"
    load(text, "the new configuration")
    return text


_TOP = """\
The configuration of qbosync: one shop and one company. There are no secrets in it.
A line that begins with # is a comment or a decision that was left open; the values in
such lines are the usual ones. `qbosync check` compares this file with QuickBooks.
"""


def _quickbooks(answers: Answers) -> Iterator[str]:
    yield "[quickbooks]"
    yield _comment(
        "sandbox to try it, production for the real books, emulator to try it without an account."
    )
    yield _pair("environment", answers.environment)
    yield _comment("The Product/Service of products that have no export class of their own.")
    yield _pair(
        "default_export_class", answers.default_export_class, open_value="the name of a product"
    )
    yield _comment("Stands in the memo of every document; cannot be changed after connecting.")
    yield _pair("instance", "main")
    yield _comment("Must be among the redirect URIs of your app at developer.intuit.com.")
    yield _pair("redirect_uri", "http://localhost:8765/callback")


def _orders(answers: Answers) -> Iterator[str]:
    yield "[orders]"
    yield _comment("An order's way through the shop, in order. Case does not matter.")
    yield from _note(answers, "statuses")
    yield _list("statuses", answers.statuses)
    yield _comment("Beside the way: documents stay as they are; documents are rejected or voided.")
    yield _list("on_hold", ("on hold",))
    yield _list("void", ("void",))
    yield _comment("From here on an order is an estimate …")
    first = answers.statuses.index("ordered")
    charged = answers.statuses.index(answers.charge_status)
    yield _pair("estimate_from_status", answers.statuses[min(first, charged)])
    yield _comment("… and from here on an invoice, unless its customer has a status of its own.")
    yield _pair("charge_status", answers.charge_status)
    yield _comment(
        "Invoices, charges, credits and payments before this date stay out of QuickBooks; orders"
        ' not charged by then come along. "everything" lets all in. Production demands one.'
    )
    start = answers.start_date
    if start is None:
        yield "# start_date = 2026-01-01"
    else:
        yield _pair("start_date", start) if isinstance(start, str) else f"start_date = {start}"


def _items(answers: Answers) -> Iterator[str]:
    yield "[items]"
    yield _comment("The Product/Service of what is not a product line. Sales tax goes out so:")
    yield _pair("sales_tax", answers.tax_item)
    for key, name in _ITEMS:
        yield f"# {key} = {_quoted(name)}"
    yield _comment("Whether a missing item is created, or holds the documents that need it.")
    yield "create_missing = true"
    yield ""
    yield "[items.income_account]"
    yield _comment(
        'The account a missing item is created on; "*" is for all others. Sales tax is owed to'
        " the state: its account is an Other Current Liability."
    )
    account = f"{_quoted(answers.tax_item)} = {_quoted(answers.tax_account or TAX_ACCOUNT)}"
    yield account if answers.tax_account else f"# {account}"
    yield '"*" = "Sales of Product Income"'


_ITEMS = (
    ("shipping", "Shipping"),
    ("discount", "Discount"),
    ("rounding", "Rounding"),
    ("finance_charge", "Finance Charge"),
    ("processing_fee", "Processing Fee"),
    ("bounced_payment", "Bounced Payment Fee"),
    ("other_charge", "Other Charge"),
    ("credit_memo", "Credit"),
    ("bad_debt", "Bad Debt"),
)


def _payments(answers: Answers) -> Iterator[str]:
    yield "[payments]"
    yield _comment("Methods that are money become payments; the others never do.")
    yield from _note(answers, "money")
    yield _list("money", answers.money)
    yield _list("not_money", answers.not_money)
    yield ""
    yield "[payments.methods]"
    yield _comment("The shop's word = QuickBooks' payment method.")
    if "check" in answers.money:
        yield 'check = "Check"'
    for word in answers.card_methods:
        yield f'{_key(word)} = "Credit Card"'
    yield ""
    yield "[payments.deposit_to]"
    yield _comment(
        "By method, the account its money goes to; all others go to Undeposited Funds. A clearing"
        " account for cards keeps payments changeable until they are applied."
    )
    for word in answers.card_methods:
        if answers.card_account:
            yield f"{_key(word)} = {_quoted(answers.card_account)}"
        else:
            yield f'# {_key(word)} = "Card Clearing"'


def _documents(answers: Answers) -> Iterator[str]:
    yield "[documents]"
    yield _comment(
        "Before order numbers on estimates and invoices, where QuickBooks has numbers of its own;"
        " fixed after the first sync."
    )
    yield _pair("order_prefix", answers.order_prefix)
    yield _comment("A difference of so much goes on a rounding line; more holds the order.")
    yield "# rounding_limit = 0.05"
    yield _comment("Nothing dated up to this day is changed; QuickBooks' own closing date counts.")
    yield "# closed_until = 2025-12-31"


def _source(answers: Answers) -> Iterator[str]:
    arrangement = answers.arrangement
    yield "[source]"
    yield _pair("kind", "folder")
    yield _comment("Where the export lies; relative to this file.")
    yield _pair("path", answers.path)
    yield _comment("Of times in the export; it decides which day they belong to.")
    yield _pair("timezone", answers.timezone)
    yield _comment("How dates are written where they are not like 2026-01-31.")
    yield _pair("date_format", arrangement.date_format, open_value="%m/%d/%Y")
    yield _comment(
        "What a difference between an order's lines and its total is, in an export without tax"
        ' and shipping: "hold" asks you each time; "tax" takes it for sales tax up to'
        ' residual_max_rate; "item" books it on the default class.'
    )
    yield from _note(answers, "residual")
    yield _pair("residual", "hold")
    yield "# residual_max_rate = 0.11"
    yield _comment("An export older than this stops the sync, with a mail.")
    yield "# max_age = " + _quoted("26h")
    if arrangement.files:
        yield ""
        yield "[source.files]"
        yield from _note(answers, "report")
        yield from (_pair(name, file) for name, file in arrangement.files.items())
    for name, columns in arrangement.columns.items():
        yield ""
        yield f"[source.columns.{name}]"
        yield from (_pair(field, header) for field, header in columns.items())


def _rest(answers: Answers) -> Iterator[str]:
    yield "[sync]"
    yield _comment("How long a write whose answer was lost is left alone before it is sent again.")
    yield '# resend_after = "15m"'
    yield '# max_runtime = "90m"'
    yield ""
    yield "[notify]"
    yield _comment("When cron's mail reminds, once a day, of what is still held.")
    yield '# remind_at = "07:00"'


def _note(answers: Answers, name: str) -> Iterator[str]:
    if name in answers.notes:
        yield _comment(answers.notes[name])


def _pair(key: str, value: str, *, open_value: str = "") -> str:
    if not value and open_value:
        return f"# {key} = {_quoted(open_value)}"
    return f"{key} = {_quoted(value)}"


def _list(key: str, words: Iterable[str]) -> str:
    return f"{key} = [{', '.join(_quoted(word) for word in words)}]"


def _key(word: str) -> str:
    return word if _BARE.fullmatch(word) else _quoted(word)


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """A comment of as many lines as it takes; names from an export cannot break out of it."""
    clean = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    lines = textwrap.wrap(clean, WIDTH - 2, break_on_hyphens=False, break_long_words=False)
    return "\n".join(f"# {line}" for line in lines)
