"""A reconciliation for a terminal, and as the one object that scripts read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from qbosync.model import show
from qbosync.reconcile.command import Reconciled
from qbosync.reconcile.statement import Figure, Owed, Row, Statement
from qbosync.screen import cell

TOTALS = (
    ("receivable", "Accounts receivable of these documents"),
    ("unapplied", "Customer deposits: payments not applied yet"),
    ("credits", "Credit memos not spent yet"),
    ("tax", "Sales tax collected"),
)
_MANY = 40


def show_statement(console: Console, statement: Statement, is_verbose: bool = False) -> None:
    """Sums, customers that differ (all with `is_verbose`), each difference with its cause."""
    console.print(cell(f"As of {statement.as_of}", "bold"))
    _figures(console, ((words, getattr(statement, name)) for name, words in TOTALS))
    _customers(console, statement.customers, is_verbose)
    _deposits(console, statement.deposits)
    _undeposited(console, statement)
    _strangers(console, statement)
    differences = statement.differences
    if not differences and statement.agrees:
        console.print()
        console.print(cell("The shop system and QuickBooks agree to the cent.", "bold green"))
        return
    console.print()
    console.print(cell(f"Differences: {len(differences)}", "bold"))
    for row in differences[:_MANY]:
        console.print(cell(f"  {headed(row, statement)}", "yellow"))
        console.print(cell(f"    {row.cause}. Mend it: {row.todo}" if row.todo else row.cause))
    if len(differences) > _MANY:
        console.print(cell(f"  … and {len(differences) - _MANY} more: --json or --html has all."))


def headed(row: Row, statement: Statement) -> str:
    """Which record, whose, and its figures where they differ."""
    names = {owed.customer: owed.name for owed in statement.customers}
    parts = [row.source.replace("_", " ").replace(":", " ", 1), names.get(row.customer, "")]
    for words, figure in (("total", row.total), ("open", row.open), ("sales tax", row.tax)):
        if figure.difference:
            parts.append(f"{words} {show(figure.shop)}, in QuickBooks {show(figure.books)}")
    return ", ".join(part for part in parts if part)


def _table(*columns: str, first: int = 1) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < first else "right")
    return table


def _figures(console: Console, figures: Iterable[tuple[str, Figure]]) -> None:
    table = _table("", "shop system", "QuickBooks", "difference")
    for words, figure in figures:
        cells = (show(figure.shop), show(figure.books), show(figure.difference))
        table.add_row(cell(words), *(cell(text) for text in cells))
    console.print(table)


def _customers(console: Console, customers: Iterable[Owed], is_verbose: bool) -> None:
    shown = [c for c in customers if is_verbose or not c.agrees or c.by_hand]
    if not shown:
        return
    console.print()
    table = _table("owed by", "shop system", "ours in QuickBooks", "entered there", "balance", "")
    for owed in shown[:_MANY]:
        balance = "" if owed.balance is None else show(owed.balance)
        other = f"and {show(owed.other)} of something else" if owed.other else ""
        word = "agree" if owed.agrees else other or "DIFFER"
        cells = (show(owed.owes.shop), show(owed.owes.books), show(owed.by_hand), balance, word)
        table.add_row(cell(owed.name), *(cell(text) for text in cells))
    console.print(table)
    if len(shown) > _MANY:
        console.print(cell(f"… and {len(shown) - _MANY} more: --json or --html has all."))


def _deposits(console: Console, rows: tuple[Row, ...]) -> None:
    if not rows:
        return
    console.print()
    table = _table("customer deposits", "for", "shop system", "QuickBooks", first=2)
    for row in rows[:_MANY]:
        orders = ", ".join(row.meant_for).replace(":", " ") or "no order"
        cells = (show(row.open.shop), show(row.open.books))
        table.add_row(cell(row.source.replace(":", " ")), cell(orders), *map(cell, cells))
    console.print(table)


def _undeposited(console: Console, statement: Statement) -> None:
    rows = [age for age in statement.undeposited if age.count]
    if not rows:
        return
    console.print()
    table = _table("in Undeposited Funds", "payments", "amount")
    for age in rows:
        table.add_row(cell(age.words), cell(str(age.count)), cell(show(age.amount)))
    console.print(table)


def _strangers(console: Console, statement: Statement) -> None:
    for stranger in statement.strangers:
        if stranger.is_marked:
            words = f"{stranger.became} over {show(stranger.amount)} bears our mark"
            console.print(cell(f"{words}, but the ledger does not know it.", "yellow"))
            console.print(cell("    A copy? Void it there. A ledger restored? qbosync sync"))


def statement_json(made: Reconciled) -> dict[str, Any]:
    """The whole statement; money is text, every key is there."""
    statement = made.statement
    return {
        "as_of": statement.as_of.isoformat(),
        "environment": made.environment,
        "agrees": statement.agrees,
        "totals": {name: _json(getattr(statement, name)) for name, _ in TOTALS},
        "customers": [
            {
                "customer": owed.customer,
                "name": owed.name,
                **_json(owed.owes),
                "entered_in_quickbooks": _text(owed.by_hand),
                "other": _text(owed.other),
                "balance": None if owed.balance is None else _text(owed.balance),
                "agrees": owed.agrees,
            }
            for owed in statement.customers
        ],
        "records": [_row(row) for row in statement.rows],
        "differences": [_row(row) for row in statement.differences],
        "deposits": [_row(row) for row in statement.deposits],
        "entered_in_quickbooks": [
            {
                "document": stranger.became,
                "date": stranger.dated.isoformat(),
                "amount": _text(stranger.amount),
                "has_our_mark": stranger.is_marked,
            }
            for stranger in statement.strangers
        ],
        "undeposited": [
            {"age": age.words, "count": age.count, "amount": _text(age.amount)}
            for age in statement.undeposited
        ],
        "reads": made.reads,
        "exit_code": 0 if statement.agrees else 3,
        "error": None,
    }


def blank_json() -> dict[str, Any]:
    """What a reconciliation that came to nothing says: every key, and no figure."""
    nothing = statement_json(Reconciled(Statement(date.min, (), (), (), ()), "", 0))
    return {**nothing, "as_of": "", "agrees": False}


def _row(row: Row) -> dict[str, Any]:
    return {
        "source": row.source,
        "customer": row.customer,
        "became": row.became,
        "total": _json(row.total),
        "open": _json(row.open),
        "tax": _json(row.tax),
        "for": list(row.meant_for),
        "cause": row.cause,
        "todo": row.todo,
    }


def _json(figure: Figure) -> dict[str, str]:
    return {
        "shop_system": _text(figure.shop),
        "ledger": _text(figure.ledger),
        "quickbooks": _text(figure.books),
    }


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
