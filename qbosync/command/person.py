"""A person's word: what shall count where both sides differ, and what shall wait."""

from __future__ import annotations

import getpass
from typing import Any

import click

from qbosync.command.common import has_terminal, json_option, print_json, screen, setup_of


@click.command()
@click.argument("ref")
@click.option("--ours", is_flag=True, help="The shop system counts; anew if it is gone there.")
@click.option("--theirs", is_flag=True, help="QuickBooks counts, until the shop system changes.")
@click.option("--relink", metavar="ID", default="", help="It is the object with this Id there.")
@click.option("--forget", is_flag=True, help="Let it go: neither written nor watched any more.")
@click.option("--same-as", metavar="REF", default="", help="It is the money of that payment.")
@json_option
@click.pass_context
def resolve(
    ctx: click.Context,
    ref: str,
    ours: bool,
    theirs: bool,
    relink: str,
    forget: bool,
    same_as: str,
    as_json: bool,
) -> None:
    """Say what counts where QuickBooks and the shop system differ; carried out at once.

    \b
    Examples:  qbosync resolve order:1042 --theirs
               qbosync resolve order:1042 --ours
               qbosync resolve customer:12 --relink 58
               qbosync resolve payment:91 --same-as payment:77
    """
    from qbosync.report import sync_json
    from qbosync.resolve import Request
    from qbosync.resolve import resolve as decide
    from qbosync.running import run_once
    from qbosync.screen import show_run
    from qbosync.sync import Options

    given = {"ours": ours, "theirs": theirs, "relink": bool(relink), "forget": forget,
             "same_as": bool(same_as)}  # fmt: skip
    verbs = [name for name, is_given in given.items() if is_given]
    if len(verbs) != 1:
        raise click.UsageError("Say one of --ours, --theirs, --relink ID, --forget, --same-as REF.")
    request = Request(ref, verbs[0], relink or same_as, getpass.getuser())
    answer = decide(setup_of(ctx), request)
    document: dict[str, Any] = {
        "ref": answer.source, "said": verbs[0], "what": answer.words, "run": None,
        "written": [], "held": [], "exit_code": 0, "error": None,
    }  # fmt: skip
    if not as_json:
        click.echo(answer.words)
    if answer.needs_run:
        options = Options(only=frozenset({answer.source}))
        made = run_once(lambda: setup_of(ctx), options, has_terminal(), as_json)
        document |= sync_json(made.outcome, made.company, made.since)
        if not as_json and made.outcome.error is None:
            show_run(screen(), made.outcome)
    if as_json:
        print_json(document)
    elif answer.needs_run and made.outcome.error is not None:
        raise made.outcome.error
    ctx.exit(int(str(document["exit_code"])))


@click.command()
@click.argument("ref")
@click.option("--because", default="", metavar="TEXT", help="Shown wherever it is listed.")
@click.pass_context
def hold(ctx: click.Context, ref: str, because: str) -> None:
    """Put a record aside: nothing of it is written until it is released.

    \b
    Example:  qbosync hold order:1042 --because "price in dispute"
    """
    from qbosync.aside import put_aside
    from qbosync.screen import named

    source = put_aside(setup_of(ctx), ref, because, getpass.getuser())
    click.echo(f"{named(source).capitalize()} is put aside until `qbosync release {source}`.")


@click.command()
@click.argument("ref")
@click.pass_context
def release(ctx: click.Context, ref: str) -> None:
    """Let a record go that was put aside; the next sync writes it.

    \b
    Example:  qbosync release order:1042
    """
    from qbosync.aside import release as let_go
    from qbosync.screen import named

    source = let_go(setup_of(ctx), ref)
    click.echo(f"{named(source).capitalize()} goes on with the next `qbosync sync`.")
