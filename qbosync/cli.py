"""The commands: parse, wire, call one function, show, exit with its code.

No logic lives here.  Everything heavy is imported by the command that needs it, so that
help comes at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qbosync import __version__
from qbosync.errors import QbosyncError, SetupError

if TYPE_CHECKING:
    from rich.console import Console

    from qbosync.running import Run
    from qbosync.sync import Options
    from qbosync.wiring import Setup

_INTERRUPTED = 130
_KINDS = ("customer", "order", "payment", "charge", "credit_memo", "credit_application")
EXIT_CODES = """\b
Exit codes, for cron and scripts:
  0  done, or nothing to do
  1  a bug in qbosync (with a traceback)
  2  wrong usage
  3  finished; some records are held
  4  a person must act first (connection, keyring, configuration, settings)
  5  QuickBooks or the source is unreachable or busy; the next run tries again
  6  another run is still going
  7  the ledger or the disk needs a person
130, 143  ended by Ctrl-C, by SIGTERM; what was sent is recorded
"""


class Program(click.Group):
    """A command group that shows our errors in two lines and exits with their code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; anything that is not a `QbosyncError` is a bug and may crash."""
        try:
            return super().invoke(ctx)
        except QbosyncError as error:
            if command := ctx.find_root().meta.get("qbosync.json"):
                _print_json(_failure(command, error.what, error.todo, error.exit_code))
            else:
                _show_error(error)
            ctx.exit(error.exit_code)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and exit: with one object on standard output whatever happens, if asked for.

        Ctrl-C ends with 130, as shells expect it; click alone would say 1, which is a bug's.
        """
        given = extra.get("args", args[0] if args else None)
        words = list(sys.argv[1:] if given is None else given)
        command = next((word for word in words if word in self.commands), "")
        is_json = "--json" in words and bool(command)
        try:
            code = super().main(*args, **extra | {"standalone_mode": False})
        except click.ClickException as error:
            code = error.exit_code
            error.show()
            if is_json:
                todo = f"See `qbosync {command} --help`."
                _print_json(_failure(command, error.format_message(), todo, code))
        except click.Abort:
            code = _INTERRUPTED
            click.echo("Stopped.", err=True)
            if is_json:
                _print_json(_failure(command, "Stopped by Ctrl-C.", "", code))
        except Exception as bug:
            if is_json:
                what = f"This is a bug in qbosync ({type(bug).__name__})."
                _print_json(_failure(command, what, "Please report it with the traceback.", 1))
            raise
        sys.exit(code if isinstance(code, int) else 0)


def _failure(command: str, what: str, todo: str, code: int) -> dict[str, Any]:
    from qbosync.report import failure_json

    return failure_json(command, {"what": what, "todo": todo}, code)


def _show_error(error: QbosyncError) -> None:
    click.echo(f"error: {error.what}", err=True)
    if error.todo:
        click.echo(f"       {error.todo}", err=True)


@click.group(
    cls=Program, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--profile", help="NAME.toml beside the default configuration.")
@click.option("-v", "--verbose", count=True, help="Say more; twice for the log on the screen.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.version_option(__version__, prog_name="qbosync")
@click.pass_context
def program(
    ctx: click.Context, config: Path | None, profile: str | None, verbose: int, quiet: bool
) -> None:
    """Carry orders, invoices and payments from your order system into QuickBooks Online.

    \b
    Begin:    qbosync demo                 see it work; needs no account
              qbosync init EXPORT_FOLDER   write a configuration
              qbosync connect              sign in to QuickBooks, once
    Then:     qbosync plan                 what would be written, and why
              qbosync sync                 write it; cron runs this every two hours
    """
    os.umask(0o077)
    # A caller may hand in a clock; nobody else has anything to say about time.
    clock = (ctx.obj or {}).get("clock")
    ctx.obj = {"config": config, "profile": profile, "verbose": verbose, "quiet": quiet}
    ctx.obj["clock"] = clock


def main() -> None:
    """The console script."""
    program(prog_name="qbosync")


def _setup(ctx: click.Context) -> Setup:
    from qbosync.wiring import load

    return load(ctx.obj["config"], ctx.obj["profile"], os.environ, ctx.obj["clock"])


def _json_option(command: Any) -> Any:
    def remember(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
        ctx.find_root().meta["qbosync.json"] = ctx.info_name if value else ""
        return value

    return click.option(
        "--json", "as_json", is_flag=True, callback=remember, help="One JSON object for scripts."
    )(command)


def _print_json(document: dict[str, Any]) -> None:
    import simplejson

    click.echo(simplejson.dumps(document, indent=2, use_decimal=True, ensure_ascii=False))


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if is_terminal else 120
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=not is_terminal)


def _is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


# Setting up -------------------------------------------------------------------------------


@program.command()
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

    ask = None if yes or not _is_interactive() else _ask
    answers = dict(item.partition("=")[::2] for item in given)
    path = ctx.obj["config"]
    for words in run_init(folder, path, ctx.obj["profile"], os.environ, answers, ask):
        click.echo(words)


def _ask(text: str, default: str, choices: tuple[str, ...]) -> str:
    kind = click.Choice(choices) if choices else str
    return str(click.prompt(text, default=default, type=kind))


@program.command()
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

    setup = _setup(ctx)
    own = setup.settings.quickbooks.environment
    if environment and environment != own:
        raise SetupError(
            f"The configuration's environment is {own}, the one given {environment}.",
            "Change one of them.",
        )
    is_interactive = _is_interactive()
    person = Person(
        click.echo,
        None if no_browser or paste else webbrowser.open,
        (lambda: str(click.prompt("Address the browser ended on"))) if paste else None,
        (lambda text, hide: str(click.prompt(text, hide_input=hide))) if is_interactive else None,
    )
    client = (os.environ.get("QBOSYNC_CLIENT_ID", ""), os.environ.get("QBOSYNC_CLIENT_SECRET", ""))
    made = sign_in(setup, person, client, export_class, token_store or "")
    click.echo(f"Connected to {made.connection.company} ({made.connection.environment}).")
    show_checks(_console(), made.checks)
    if made.stops:
        click.echo("Inactive: nothing is written until these are right. Then: qbosync check")
        ctx.exit(4)
    click.echo("Active. Next: qbosync plan, then qbosync sync; crontab.example has the cron line.")


@program.command()
@_json_option
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

    checks = inquire(_setup(ctx), accept, _is_interactive())
    stops = [found for found in checks if found.level == "stop"]
    if as_json:
        rows = [{"name": c.name, "level": c.level, "evidence": c.evidence, "todo": c.todo}
                for c in checks]  # fmt: skip
        what = " ".join(found.evidence for found in stops)
        error = {"what": what, "todo": stops[0].todo} if stops else None
        _print_json({"checks": rows, "active": not stops, "exit_code": 4 if stops else 0,
                     "error": error})  # fmt: skip
    else:
        show_checks(_console(), checks)
    ctx.exit(4 if stops else 0)


@program.command()
@click.pass_context
def disconnect(ctx: click.Context) -> None:
    """Revoke at Intuit and forget the tokens; ledger and configuration stay.

    \b
    Example:  qbosync disconnect
    """
    from qbosync.connect import disconnect as sign_out

    left = sign_out(_setup(ctx))
    click.echo(f"Disconnected from {left.connection.company} ({left.connection.environment}).")
    if left.trouble:
        click.echo(f"Intuit could not be told: {left.trouble}")
        click.echo("Remove the app in QuickBooks too: Apps, My apps, Disconnect.")
    click.echo(f"The ledger stays: {left.ledger}")


def _refs(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for ref in value:
        kind, colon, name = ref.partition(":")
        if not (colon and name and kind in _KINDS):
            raise click.BadParameter(f"{ref!r} is not kind:id; the kinds are {', '.join(_KINDS)}.")
    return value


# Running ----------------------------------------------------------------------------------


@program.command()
@_json_option
@click.option("--only", multiple=True, metavar="KIND:ID", callback=_refs,
              help="Only this record, and what it depends on.")  # fmt: skip
@click.pass_context
def plan(ctx: click.Context, as_json: bool, only: tuple[str, ...]) -> None:
    """What `sync` would write now, and why.  Writes nothing.

    \b
    Example:  qbosync plan --only order:1042
    """
    from qbosync.sync import Options

    options = Options(is_dry=True, only=frozenset(only))
    _finish_plan(ctx, _run(ctx, options, as_json), as_json)


def _finish_plan(ctx: click.Context, made: Run, as_json: bool) -> None:
    from qbosync.report import plan_json, show_plan

    outcome = made.outcome
    if as_json:
        _print_json(plan_json(outcome, made.since))
    elif outcome.error:
        raise outcome.error
    else:
        show_plan(_console(), outcome, is_verbose=bool(ctx.obj["verbose"]))
    # What the plan holds is its content, not its failure.
    ctx.exit(outcome.exit_code if outcome.error else 0)


@program.command()
@_json_option
@click.option("--plan", "plan_id", default="", metavar="ID", help="Exactly this plan, or exit 4.")
@click.option("--dry-run", is_flag=True, help="The same as `plan`.")
@click.option("--only", multiple=True, metavar="KIND:ID", callback=_refs,
              help="Only this record, and what it depends on.")  # fmt: skip
@click.option("--first", is_flag=True, help="The first sync of a production company.")
@click.option("--yes", is_flag=True, help="Answer yes to the question of --first.")
@click.option("--allow-mass-update", is_flag=True, help="Let one run change very many documents.")
@click.pass_context
def sync(
    ctx: click.Context,
    as_json: bool,
    plan_id: str,
    dry_run: bool,
    only: tuple[str, ...],
    first: bool,
    yes: bool,
    allow_mass_update: bool,
) -> None:
    """Write to QuickBooks what is new.  Cron runs this; it says nothing when all is well.

    \b
    Examples:  qbosync sync
               qbosync sync --plan 3f9a01c2b7de
               qbosync sync --only order:1042
    """
    from qbosync.sync import Options

    confirm = (lambda words: True) if yes else _confirm if _is_interactive() else None
    options = Options(dry_run, plan_id, frozenset(only), allow_mass_update, first, confirm)
    made = _run(ctx, options, as_json)
    if dry_run:
        _finish_plan(ctx, made, as_json)
    _show_run(ctx, made, as_json)
    ctx.exit(made.outcome.exit_code)


def _confirm(words: str) -> bool:
    return click.confirm(words, default=False, err=True)


def _run(ctx: click.Context, options: Options, as_json: bool) -> Run:
    from qbosync.running import run_once

    is_quiet = as_json or ctx.obj["quiet"]
    return run_once(lambda: _setup(ctx), options, _is_interactive(), is_quiet)


def _show_run(ctx: click.Context, made: Run, as_json: bool) -> None:
    from qbosync.report import plain, show_run, sync_json

    outcome = made.outcome
    if as_json:
        _print_json(sync_json(outcome, made.company, made.since))
    elif sys.stdout.isatty() or ctx.obj["verbose"]:
        if (not ctx.obj["quiet"] and outcome.error is None) or outcome.written:
            show_run(_console(), outcome, is_verbose=bool(ctx.obj["verbose"]))
        if outcome.error:
            _show_error(outcome.error)
        if outcome.signal:
            click.echo("Stopped: what was sent is recorded, the next run goes on.", err=True)
    else:
        for line in made.news:
            click.echo(plain(line), err=True)


def _age(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from qbosync.config.kind import duration

    try:
        if value:
            duration(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is no duration such as 45m, 5h or 2d.") from None
    return value


# Asking -----------------------------------------------------------------------------------


@program.command()
@_json_option
@click.option("--max-age", default="", metavar="5h", callback=_age,
              help="Exit 4 if the last success is older.")  # fmt: skip
@click.pass_context
def status(ctx: click.Context, as_json: bool, max_age: str) -> None:
    """Environment, company, Active or Inactive, Last Run, and what is held.

    \b
    Example:  qbosync status --max-age 5h     for monitoring
    """
    from qbosync.inquire import status as inquire
    from qbosync.report import show_status

    found = inquire(_setup(ctx), max_age)
    if as_json:
        _print_json(found)
    else:
        show_status(_console(), found)
        if found["error"]:
            _show_error(SetupError(**found["error"]))
    ctx.exit(found["exit_code"])


@program.command()
@click.argument("ref")
@_json_option
@click.pass_context
def explain(ctx: click.Context, ref: str, as_json: bool) -> None:
    """One record's whole story.  REF is kind:id, or the number of a document.

    \b
    Examples:  qbosync explain order:1042
               qbosync explain payment:77
               qbosync explain 1042
    """
    from qbosync.inquire import explain as inquire
    from qbosync.report import show_story

    story = inquire(_setup(ctx), ref)
    if as_json:
        _print_json(story)
    else:
        show_story(_console(), story)


@program.group()
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

    click.echo(f"Copied to {back_up(_setup(ctx), file)}")


@ledger.command()
@click.pass_context
def rebuild(ctx: click.Context) -> None:
    """Begin a new ledger that adopts what QuickBooks has, and creates nothing at first.

    \b
    Example:  qbosync ledger rebuild, then qbosync plan to see what would be adopted
    """
    from qbosync.upkeep import rebuild as begin_anew

    setup = _setup(ctx)
    made = begin_anew(setup)
    if made.aside:
        click.echo(f"The old ledger is kept as {made.aside}")
    at = made.creates_from.astimezone(setup.zone)
    click.echo(f"Rebuilding: writes nothing new until {at:%H:%M}. Look first: qbosync plan")


@program.group()
def emulator() -> None:
    """A QuickBooks company on this machine, for trying things out and for tests.

    \b
    Example:  qbosync emulator serve
    """


@emulator.command()
@click.option("--port", default=8770, show_default=True, help="0 picks a free one.")
@click.option(
    "--data", type=click.Path(path_type=Path, dir_okay=False), help="Keep the company here."
)
@click.option("--limits", type=click.Choice(["real", "off"]), default="real", show_default=True)
@click.option("--seed", default=1, show_default=True)
def serve(port: int, data: Path | None, limits: str, seed: int) -> None:
    """Serve it on 127.0.0.1 until you stop it with Ctrl-C.

    \b
    Example:  qbosync emulator serve --data company.db --limits off
    """
    from qbosync.emulator import serve as run_emulator

    run_emulator(port=port, data=data, limits=limits, seed=seed)


@program.command()
@_json_option
@click.option("--keep", type=click.Path(path_type=Path), help="Leave the shop's files here.")
def demo(as_json: bool, keep: Path | None) -> None:
    """The whole job as a story, on an emulated company: no account, no key, no configuration.

    \b
    Example:  qbosync demo --keep ~/qbosync-demo
    """
    from qbosync.demo import tell

    document = tell(None if as_json else _console(), keep)
    if as_json:
        _print_json(document)
