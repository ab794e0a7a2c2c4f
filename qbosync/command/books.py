"""The books: both sides beside each other."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from qbosync.command.common import has_terminal, json_option, print_json, screen, setup_of


def _day(_ctx: click.Context, _param: click.Parameter, value: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date such as 2026-03-31.") from None


@click.command()
@json_option
@click.option("--as-of", default="", metavar="DATE", callback=_day,
              help="As the books stood at the end of that day.")  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False),
              help="A page to read, file and print.")  # fmt: skip
@click.pass_context
def reconcile(ctx: click.Context, as_json: bool, as_of: date | None, html: Path | None) -> None:
    """Both sides to the cent: what differs, why, and what mends it.  Exit 3 if anything does.

    \b
    Examples:  qbosync reconcile
               qbosync reconcile --as-of 2026-03-31 --html march.html
    """
    from qbosync.reconcile import reconcile as compare
    from qbosync.reconcile.page import page
    from qbosync.reconcile.show import show_statement, statement_json
    from qbosync.running import progress
    from qbosync.wiring import open_shop

    setup = setup_of(ctx)
    is_shown = sys.stderr.isatty() and not ctx.obj["quiet"]
    with open_shop(setup, has_terminal()) as shop, progress(is_shown) as watch:
        made = compare(shop, as_of, watch)
    if html is not None:
        known = setup.connected()
        html.write_text(page(made.statement, known.company, known.environment), encoding="utf-8")
    if as_json:
        print_json(statement_json(made))
    else:
        show_statement(screen(), made.statement, bool(ctx.obj["verbose"]))
    ctx.exit(0 if made.statement.agrees else 3)
