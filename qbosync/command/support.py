"""Help: a zip for whoever looks into it."""

from __future__ import annotations

from pathlib import Path

import click

from qbosync.command.common import has_terminal, setup_of
from qbosync.errors import SetupError


@click.command()
@click.option("--for", "ref", default="", metavar="REF", help="With this record's whole story.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False),
              help="The zip to write; absent: one in this folder.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def support(ctx: click.Context, ref: str, to: Path | None, yes: bool) -> None:
    """A zip for whoever helps: status, checks, log, an extract of the ledger.

    No secrets are in it, and names are replaced.  What goes in is listed first.

    \b
    Examples:  qbosync support
               qbosync support --for order:1042
    """
    from qbosync.support import gather, listing

    setup = setup_of(ctx)
    bundle = gather(setup, ref, has_terminal())
    for line in listing(bundle.files.items()):
        click.echo(f"  {line}")
    path = to or Path(f"qbosync-support-{setup.clock.now():%Y%m%dT%H%M%SZ}.zip")
    if not yes and not (has_terminal() and click.confirm(f"Write {path}?", err=True)):
        raise SetupError("Nothing was written.", "Say yes, or give --yes.")
    bundle.write(path)
    click.echo(f"Written: {path}. Look into it before you give it away.")
