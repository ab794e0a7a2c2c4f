"""A reconciliation as one self-contained page that a bookkeeper reads, files and prints."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from qbosync.model import show
from qbosync.reconcile.show import TOTALS
from qbosync.reconcile.statement import Figure, Row, Statement

_STYLE = """
body { font: 11pt/1.4 Georgia, serif; max-width: 62em; margin: 2em auto; padding: 0 1em;
  color: #222 }
h1 { font-size: 1.5em; margin-bottom: 0 } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse; width: 100% }
th, td { padding: .25em .6em; vertical-align: top }
th { text-align: left; border-bottom: 1.5px solid #222 } td { border-bottom: 1px solid #ddd }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.bad { background: #fff3d6 } .good { color: #17602b } .what { font-size: .92em }
code { font-size: .9em }
@media print { body { margin: 0; max-width: none; font-size: 9.5pt } h2 { break-after: avoid }
  tr { break-inside: avoid } thead { display: table-header-group } }
"""


def page(statement: Statement, company: str, environment: str) -> str:
    """The whole document; it fetches nothing and runs nothing."""
    verdict = (
        "<p class=good>The shop system and QuickBooks agree to the cent.</p>"
        if statement.agrees
        else f"<p class=bad>{_count(statement)}; the causes are below.</p>"
    )
    title = f"{company}: books as of {statement.as_of}"
    parts = [
        f"<h1>{escape(title)}</h1><p>qbosync reconcile, {escape(environment)}</p>{verdict}",
        _sums(statement),
        _differences(statement),
        _customers(statement),
        _deposits(statement),
        _undeposited(statement),
        _strangers(statement),
        _records(statement),
    ]
    return (
        f'<!doctype html><html lang=en><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _table(title: str, heads: Iterable[str], rows: Iterable[tuple[bool, Iterable[str]]]) -> str:
    """Cells that start with `|` are figures, to the right."""
    body = "".join(
        f"<tr{' class=bad' if is_bad else ''}>{''.join(map(_cell, cells))}</tr>"
        for is_bad, cells in rows
    )
    if not body:
        return ""
    head = "".join(
        f"<th{' class=n' if name.startswith('|') else ''}>{escape(name.lstrip('|'))}</th>"
        for name in heads
    )
    top = f"<h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead>"
    return f"{top}<tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    if text.startswith("|"):
        return f"<td class=n>{escape(text[1:])}</td>"
    return f"<td>{escape(text)}</td>"


def _count(statement: Statement) -> str:
    number = len(statement.differences)
    return "One record differs" if number == 1 else f"{number} records differ"


def _amounts(figure: Figure) -> tuple[str, str]:
    return f"|{show(figure.shop)}", f"|{show(figure.books)}"


def _sums(statement: Statement) -> str:
    rows = []
    for name, words in TOTALS:
        figure: Figure = getattr(statement, name)
        rows.append((bool(figure.difference), (words, *_amounts(figure),
                                               f"|{show(figure.difference)}")))  # fmt: skip
    return _table("Sums", ("", "|shop system", "|QuickBooks", "|difference"), rows)


def _differences(statement: Statement) -> str:
    names = {owed.customer: owed.name for owed in statement.customers}
    heads = ("record", "customer", "|shop system", "|QuickBooks", "|open there",
             "why", "what mends it")  # fmt: skip
    rows = (
        (
            True,
            (_named(row), names.get(row.customer, ""), *_amounts(row.total),
             f"|{show(row.open.books)}", row.cause, row.todo),
        )
        for row in statement.differences
    )  # fmt: skip
    return _table("Differences", heads, rows)


def _customers(statement: Statement) -> str:
    heads = ("customer", "|shop system", "|ours in QuickBooks", "|entered there", "|balance",
             "|something else")  # fmt: skip
    rows = (
        (
            not owed.agrees,
            (owed.name, *_amounts(owed.owes), f"|{show(owed.by_hand)}",
             "|" if owed.balance is None else f"|{show(owed.balance)}", f"|{show(owed.other)}"),
        )
        for owed in statement.customers
        if owed.owes != Figure() or owed.by_hand or owed.balance
    )  # fmt: skip
    return _table("What customers owe", heads, rows)


def _deposits(statement: Statement) -> str:
    rows = (
        (bool(row.open.difference),
         (_named(row), ", ".join(row.meant_for).replace(":", " "), *_amounts(row.open)))
        for row in statement.deposits
    )  # fmt: skip
    heads = ("payment", "for", "|shop system", "|QuickBooks")
    return _table("Customer deposits: payments not applied yet", heads, rows)


def _undeposited(statement: Statement) -> str:
    rows = (
        (False, (age.words, f"|{age.count}", f"|{show(age.amount)}"))
        for age in statement.undeposited
        if age.count
    )
    return _table("In Undeposited Funds", ("since", "|payments", "|amount"), rows)


def _strangers(statement: Statement) -> str:
    rows = (
        (stranger.is_marked, (stranger.became, stranger.dated.isoformat(),
                              f"|{show(stranger.amount)}"))
        for stranger in statement.strangers
    )  # fmt: skip
    heads = ("document", "date", "|adds to receivables")
    return _table("Entered in QuickBooks for these customers", heads, rows)


def _records(statement: Statement) -> str:
    names = {owed.customer: owed.name for owed in statement.customers}
    heads = ("record", "customer", "in QuickBooks", "|shop system", "|ledger", "|QuickBooks",
             "|open")  # fmt: skip
    rows = (
        (
            row.differs,
            (_named(row), names.get(row.customer, ""), row.became, f"|{show(row.total.shop)}",
             f"|{show(row.total.ledger)}", f"|{show(row.total.books)}",
             f"|{show(row.open.books)}"),
        )
        for row in statement.rows
    )  # fmt: skip
    return _table("All records", heads, rows)


def _named(row: Row) -> str:
    return row.source.replace("_", " ").replace(":", " ", 1)
