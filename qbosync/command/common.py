"""What every command needs: the setup, one JSON object, a console, and errors in two lines."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from qbosync.errors import QbosyncError

if TYPE_CHECKING:
    from rich.console import Console

    from qbosync.wiring import Setup

KINDS = ("customer", "order", "payment", "charge", "credit_memo", "credit_application")


def failure(command: str, what: str, todo: str, code: int) -> dict[str, Any]:
    from qbosync.report import failure_json

    return failure_json(command, {"what": what, "todo": todo}, code)


def show_error(error: QbosyncError) -> None:
    click.echo(f"error: {error.what}", err=True)
    if error.todo:
        click.echo(f"       {error.todo}", err=True)


def without_core_files() -> None:
    """A crash leaves no image of the memory, which holds tokens, on the disk."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def setup_of(ctx: click.Context) -> Setup:
    from qbosync.wiring import load

    return load(ctx.obj["config"], ctx.obj["profile"], os.environ, ctx.obj["clock"])


def json_option(command: Any) -> Any:
    def remember(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
        ctx.find_root().meta["qbosync.json"] = ctx.info_name if value else ""
        return value

    return click.option(
        "--json", "as_json", is_flag=True, callback=remember, help="One JSON object for scripts."
    )(command)


def print_json(document: dict[str, Any]) -> None:
    import simplejson

    click.echo(simplejson.dumps(document, indent=2, use_decimal=True, ensure_ascii=False))


def screen(stderr: bool = False) -> Console:
    from rich.console import Console

    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if is_terminal else 120
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=not is_terminal)


def has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def refs(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for ref in value:
        kind, colon, name = ref.partition(":")
        if not (colon and name and kind in KINDS):
            raise click.BadParameter(f"{ref!r} is not kind:id; the kinds are {', '.join(KINDS)}.")
    return value
