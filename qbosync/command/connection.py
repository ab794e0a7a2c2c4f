"""Setting up: configuration, signing in, whether everything is right, signing out."""

from __future__ import annotations

import os
from pathlib import Path

import click

from qbosync.command.common import has_terminal, json_option, print_json, screen, setup_of
from qbosync.errors import SetupError


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Take every proposal without asking.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="Answer a question.")
@click.pass_context
def init(ctx: click.Context, folder: Path, yes: bool, given: tuple[str, ...]) -> None:
    """Read an export, tell what is in it, ask what must be decided, write a configuration.

    \b
    Example:  qbosync init ~/allmoxy-export
    """
    from qbosync.init.command import run_init

    ask = None if yes or not has_terminal() else _ask
    answers = dict(item.partition("=")[::2] for item in given)
    path = ctx.obj["config"]
    for words in run_init(folder, path, ctx.obj["profile"], os.environ, answers, ask):
        click.echo(words)


def _ask(text: str, default: str, choices: tuple[str, ...]) -> str:
    kind = click.Choice(choices) if choices else str
    return str(click.prompt(text, default=default, type=kind))


@click.command()
@click.option("--environment", type=click.Choice(["sandbox", "production", "emulator"]),
              help="Must agree with the configuration's.")  # fmt: skip
@click.option("--default-export-class", "export_class", default="", metavar="NAME",
              help="Product/Service of products that have no export class.")  # fmt: skip
@click.option("--paste", is_flag=True, help="Paste the address the browser ended on.")
@click.option("--no-browser", is_flag=True, help="Print the address to open, and wait.")
@click.option("--token-store", type=click.Choice(["keyring", "file"]), default=None,
              help="Where the token lies; file only for the emulator.")  # fmt: skip
@click.pass_context
def connect(
    ctx: click.Context,
    environment: str | None,
    export_class: str,
    paste: bool,
    no_browser: bool,
    token_store: str | None,
) -> None:
    """Sign in to QuickBooks and pick the company.  Once; afterwards cron runs `sync`.

    \b
    Example:  qbosync connect --default-export-class Cabinets
    """
    import webbrowser

    from qbosync.connect import Person
    from qbosync.connect import connect as sign_in
    from qbosync.report import show_checks

    setup = setup_of(ctx)
    own = setup.settings.quickbooks.environment
    if environment and environment != own:
        raise SetupError(
            f"The configuration's environment is {own}, the one given {environment}.",
            "Change one of them.",
        )
    is_interactive = has_terminal()
    person = Person(
        click.echo,
        None if no_browser or paste else webbrowser.open,
        (lambda: str(click.prompt("Address the browser ended on"))) if paste else None,
        (lambda text, hide: str(click.prompt(text, hide_input=hide))) if is_interactive else None,
    )
    client = (os.environ.get("QBOSYNC_CLIENT_ID", ""), os.environ.get("QBOSYNC_CLIENT_SECRET", ""))
    made = sign_in(setup, person, client, export_class, token_store or "")
    click.echo(f"Connected to {made.connection.company} ({made.connection.environment}).")
    show_checks(screen(), made.checks)
    if made.stops:
        click.echo("Inactive: nothing is written until these are right. Then: qbosync check")
        ctx.exit(4)
    click.echo("Active. Next: qbosync plan, then qbosync sync; crontab.example has the cron line.")


@click.command()
@json_option
@click.option("--accept", multiple=True, metavar="NAME",
              help="Vouch for a setting that QuickBooks does not show truly.")  # fmt: skip
@click.pass_context
def check(ctx: click.Context, as_json: bool, accept: tuple[str, ...]) -> None:
    """Every setting that could hurt, with its evidence and the way to it.

    \b
    Example:  qbosync check --accept bill-payments
    """
    from qbosync.inquire import check as inquire
    from qbosync.report import show_checks

    checks = inquire(setup_of(ctx), accept, has_terminal())
    stops = [found for found in checks if found.level == "stop"]
    if as_json:
        rows = [{"name": c.name, "level": c.level, "evidence": c.evidence, "todo": c.todo}
                for c in checks]  # fmt: skip
        what = " ".join(found.evidence for found in stops)
        error = {"what": what, "todo": stops[0].todo} if stops else None
        print_json({"checks": rows, "active": not stops, "exit_code": 4 if stops else 0,
                     "error": error})  # fmt: skip
    else:
        show_checks(screen(), checks)
    ctx.exit(4 if stops else 0)


@click.command()
@click.pass_context
def disconnect(ctx: click.Context) -> None:
    """Revoke at Intuit and forget the tokens; ledger and configuration stay.

    \b
    Example:  qbosync disconnect
    """
    from qbosync.connect import disconnect as sign_out

    left = sign_out(setup_of(ctx))
    click.echo(f"Disconnected from {left.connection.company} ({left.connection.environment}).")
    if left.trouble:
        click.echo(f"Intuit could not be told: {left.trouble}")
        click.echo("Remove the app in QuickBooks too: Apps, My apps, Disconnect.")
    click.echo(f"The ledger stays: {left.ledger}")
