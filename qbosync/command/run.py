"""Running: what would be written, and writing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qbosync.command.common import (
    has_terminal,
    json_option,
    print_json,
    refs,
    screen,
    setup_of,
    show_error,
)

if TYPE_CHECKING:
    from qbosync.running import Run
    from qbosync.sync import Options


@click.command()
@json_option
@click.option("--only", multiple=True, metavar="KIND:ID", callback=refs,
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
    from qbosync.report import plan_json
    from qbosync.screen import show_plan

    outcome = made.outcome
    if as_json:
        print_json(plan_json(outcome, made.since))
    elif outcome.error:
        raise outcome.error
    else:
        show_plan(screen(), outcome, is_verbose=bool(ctx.obj["verbose"]))
    # What the plan holds is its content, not its failure.
    ctx.exit(outcome.exit_code if outcome.error else 0)


@click.command()
@json_option
@click.option("--plan", "plan_id", default="", metavar="ID", help="Exactly this plan, or exit 4.")
@click.option("--dry-run", is_flag=True, help="The same as `plan`.")
@click.option("--only", multiple=True, metavar="KIND:ID", callback=refs,
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

    confirm = (lambda words: True) if yes else _confirm if has_terminal() else None
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
    return run_once(lambda: setup_of(ctx), options, has_terminal(), is_quiet)


def _show_run(ctx: click.Context, made: Run, as_json: bool) -> None:
    from qbosync.report import sync_json
    from qbosync.screen import plain, show_run

    outcome = made.outcome
    if as_json:
        print_json(sync_json(outcome, made.company, made.since))
    elif sys.stdout.isatty() or ctx.obj["verbose"]:
        if (not ctx.obj["quiet"] and outcome.error is None) or outcome.written:
            show_run(screen(), outcome, is_verbose=bool(ctx.obj["verbose"]))
        if outcome.error:
            show_error(outcome.error)
        if outcome.signal:
            click.echo("Stopped: what was sent is recorded, the next run goes on.", err=True)
    else:
        for line in made.news:
            click.echo(plain(line), err=True)
