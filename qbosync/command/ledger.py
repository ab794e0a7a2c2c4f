"""The ledger: copying it, beginning a new one."""

from __future__ import annotations

from pathlib import Path

import click

from qbosync.command.common import setup_of


@click.group()
def ledger() -> None:
    """The record of what became what: copy it, or begin a new one when it is lost.

    \b
    Example:  qbosync ledger backup
    """


@ledger.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(ctx: click.Context, file: Path | None) -> None:
    """A consistent copy, also while a run is writing.

    \b
    Example:  qbosync ledger backup ~/qbosync-ledger.db
    """
    from qbosync.upkeep import back_up

    click.echo(f"Copied to {back_up(setup_of(ctx), file)}")


@ledger.command()
@click.pass_context
def rebuild(ctx: click.Context) -> None:
    """Begin a new ledger that adopts what QuickBooks has, and creates nothing at first.

    \b
    Example:  qbosync ledger rebuild, then qbosync plan to see what would be adopted
    """
    from qbosync.upkeep import rebuild as begin_anew

    setup = setup_of(ctx)
    made = begin_anew(setup)
    if made.aside:
        click.echo(f"The old ledger is kept as {made.aside}")
    at = made.creates_from.astimezone(setup.zone)
    click.echo(f"Rebuilding: writes nothing new until {at:%H:%M}. Look first: qbosync plan")
