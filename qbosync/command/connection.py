"""Setting up: configuration, signing in, whether everything is right, signing out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qbosync.command.common import has_terminal, json_option, print_json, screen, setup_of
from qbosync.errors import SetupError

if TYPE_CHECKING:
    from qbosync.signin import Person
    from qbosync.wiring import Setup


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
              help="Where the token lies: the system's keyring, or a sealed file.")  # fmt: skip
@click.option("--take-over", is_flag=True,
              help="Make this the machine that writes, where another one did.")  # fmt: skip
@click.pass_context
def connect(
    ctx: click.Context,
    environment: str | None,
    export_class: str,
    paste: bool,
    no_browser: bool,
    token_store: str | None,
    take_over: bool,
) -> None:
    """Sign in to QuickBooks and pick the company.  Once; afterwards cron runs `sync`.

    \b
    Example:  qbosync connect --default-export-class Cabinets
    """
    from qbosync.connect import connect as sign_in
    from qbosync.places.file import is_posix
    from qbosync.schedule import crontab_lines, next_run

    setup = setup_of(ctx)
    own = setup.settings.quickbooks.environment
    if environment and environment != own:
        raise SetupError(
            f"The configuration's environment is {own}, the one given {environment}.",
            "Change one of them.",
        )
    person = _person(setup, paste, no_browser)
    client = (os.environ.get("QBOSYNC_CLIENT_ID", ""), os.environ.get("QBOSYNC_CLIENT_SECRET", ""))
    made = sign_in(setup, person, client, export_class, token_store or "", take_over)
    if made.still_open:
        click.echo("Still open:")
        for words in made.still_open:
            click.echo(f"  - {words}")
    if made.stops:
        click.echo("Inactive: nothing is written until these are right. Then: qbosync check")
    else:
        first = "qbosync sync --first" if setup.settings.is_production else "qbosync sync"
        click.echo(f"Active. Next: qbosync plan, then {first}.")
    if is_posix():
        click.echo("For every two hours, paste these two lines into `crontab -e`:")
        for line in crontab_lines(setup.places.config, made.connection.realm_id, os.environ):
            click.echo(line)
    coming = next_run(setup.clock.now())
    at = f"{coming.at.astimezone():%Y-%m-%d %H:%M}, by {coming.by}" if coming.at else ""
    click.echo(f"Next run: {at or 'not scheduled yet: neither cron nor systemd has it'}.")
    ctx.exit(4 if made.stops else 0)


def _person(setup: Setup, paste: bool, no_browser: bool) -> Person:
    """Whoever is connecting, as far as there is somebody."""
    import webbrowser

    from qbosync.screen import show_checks
    from qbosync.signin import Person, is_on_this_machine

    is_asked = has_terminal()
    # At a terminal an address elsewhere can only be pasted.
    is_pasted = paste or (
        is_asked and not is_on_this_machine(setup.settings.quickbooks.redirect_uri)
    )
    return Person(
        click.echo,
        None if no_browser or is_pasted else webbrowser.open,
        _pasted if is_pasted else None,
        (lambda text, hide: str(click.prompt(text, hide_input=hide))) if is_asked else None,
        (lambda text, default: str(click.prompt(text, default=default))) if is_asked else None,
        lambda checks: show_checks(screen(), checks),
    )


def _pasted() -> str:
    """The address that the operator copies from the browser, from the terminal or a pipe."""
    if has_terminal():
        return str(click.prompt("Paste the whole address the browser ended on"))
    if address := sys.stdin.readline().strip():
        return address
    raise SetupError(
        "No address was pasted.",
        "Run `qbosync connect --paste` at a terminal, or give the address on standard input.",
    )


@click.command()
@json_option
@click.option(
    "--full",
    is_flag=True,
    help="Look at every document of ours in QuickBooks too; without a terminal at most weekly.",
)
@click.option("--accept", multiple=True, metavar="NAME",
              help="Vouch for a setting that QuickBooks does not show truly.")  # fmt: skip
@click.pass_context
def check(ctx: click.Context, as_json: bool, full: bool, accept: tuple[str, ...]) -> None:
    """Every setting that could hurt, with its evidence and the way to it.

    \b
    Example:  qbosync check --accept bill-payments
    """
    from qbosync.examine import check as examine
    from qbosync.firstday import who
    from qbosync.qbo.preferences import stops_everything
    from qbosync.report import check_json
    from qbosync.screen import show_checks

    made = examine(setup_of(ctx), accept, has_terminal(), who() if accept else "", full)
    if as_json:
        what = " ".join(found.evidence for found in made.stops)
        error = {"what": what, "todo": made.stops[0].todo} if made.stops else None
        is_active = not any(stops_everything(found) for found in made.stops)
        print_json({"checks": [check_json(found) for found in made.checks], "active": is_active,
                    "exit_code": made.exit_code, "error": error})  # fmt: skip
    else:
        show_checks(screen(), made.checks)
    ctx.exit(made.exit_code)


@click.command()
@click.pass_context
def disconnect(ctx: click.Context) -> None:
    """Revoke at Intuit and forget the tokens; ledger and configuration stay.

    \b
    Example:  qbosync disconnect
    """
    from qbosync.disconnect import disconnect as sign_out

    left = sign_out(setup_of(ctx))
    known = left.connection
    click.echo(f"Disconnected from {known.company} ({known.environment}).")
    if left.trouble:
        click.echo(f"Intuit could not be told: {left.trouble}")
        click.echo("Remove the app in QuickBooks too: Apps → My apps → Disconnect.")
    else:
        click.echo("Intuit was told; its tokens are worth nothing any more.")
    if left.kept:
        click.echo(f"The tokens and the app's keys could not be forgotten here: {left.kept}")
        click.echo("Once the app is removed there, they are worth nothing; the next `qbosync"
                   " connect` writes over them.")  # fmt: skip
    else:
        click.echo("The tokens and the app's keys are forgotten here.")
    counts = ", ".join(f"{n} {entity}" for entity, n in left.counts.items())
    click.echo(f"The ledger stays: {left.ledger} ({counts or 'empty'}; {left.held} held).")
    click.echo(f"The configuration stays: {left.configuration}")
    click.echo("Everything in QuickBooks stays as it is. Cron's line may stay too: until the next"
               " `qbosync connect` it ends with 4.")  # fmt: skip
