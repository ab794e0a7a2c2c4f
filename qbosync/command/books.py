"""The books: both sides beside each other, and what was there before us."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from qbosync.command.common import has_terminal, json_option, print_json, screen, setup_of
from qbosync.errors import SetupError


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


@click.command()
@json_option
@click.option("--dry-run", is_flag=True, help="Show what fits what; take nothing over.")
@click.option("--yes", is_flag=True, help="Do not ask: take over what is certain.")
@click.pass_context
def adopt(ctx: click.Context, as_json: bool, dry_run: bool, yes: bool) -> None:
    """Take over what was in QuickBooks before us: customers, items, documents, payments.

    Nothing is sent.  What fits in every figure is entered in the ledger as the shop system's
    own, so that it is not written again; what is doubtful is listed with both sides.

    \b
    Examples:  qbosync adopt --dry-run
               qbosync adopt
    """
    from qbosync.adopt import carry_out, find
    from qbosync.adopt.show import adoption_json, show_adoption
    from qbosync.running import progress
    from qbosync.wiring import open_shop

    setup = setup_of(ctx)
    is_shown = sys.stderr.isatty() and not ctx.obj["quiet"]
    with open_shop(setup, has_terminal()) as shop:
        with progress(is_shown) as watch:
            found = find(shop, watch)
        if not as_json:
            show_adoption(screen(), found)
        is_done = False
        if found.certain and not dry_run:
            words = f"Take over {len(found.certain)} as the shop system's own?"
            is_done = yes or (has_terminal() and click.confirm(words, err=True))
            if not is_done:
                raise SetupError("Nothing was taken over.", "Say yes, or give --yes.")
            carry_out(shop, found)
    if as_json:
        print_json(adoption_json(found, is_done))
    elif is_done:
        click.echo(f"Taken over: {len(found.certain)}. Look at what is left: qbosync plan")
    ctx.exit(3 if found.doubtful else 0)
