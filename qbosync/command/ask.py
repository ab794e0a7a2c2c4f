"""Asking: how it stands, and what became of one record."""

from __future__ import annotations

import click

from qbosync.command.common import json_option, print_json, screen, setup_of, show_error
from qbosync.errors import SetupError


def _age(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from qbosync.config.kind import duration

    try:
        if value:
            duration(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is no duration such as 45m, 5h or 2d.") from None
    return value


@click.command()
@json_option
@click.option("--max-age", default="", metavar="5h", callback=_age,
              help="Exit 4 if the last success is older.")  # fmt: skip
@click.pass_context
def status(ctx: click.Context, as_json: bool, max_age: str) -> None:
    """Environment, company, Active or Inactive, Last Run, and what is held.

    \b
    Example:  qbosync status --max-age 5h     for monitoring
    """
    from qbosync.panel import show_status
    from qbosync.standing import status as inquire

    found = inquire(setup_of(ctx), max_age)
    if as_json:
        print_json(found)
    else:
        show_status(screen(), found)
        if found["error"]:
            show_error(SetupError(**found["error"]))
    ctx.exit(found["exit_code"])


@click.command()
@click.argument("ref")
@json_option
@click.pass_context
def explain(ctx: click.Context, ref: str, as_json: bool) -> None:
    """One record's whole story.  REF is kind:id, or the number of a document.

    \b
    Examples:  qbosync explain order:1042
               qbosync explain payment:77
               qbosync explain 1042
    """
    from qbosync.inquire import explain as inquire
    from qbosync.screen import show_story

    story = inquire(setup_of(ctx), ref)
    if as_json:
        print_json(story)
    else:
        show_story(screen(), story)
