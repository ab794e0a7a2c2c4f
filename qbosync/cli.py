"""The program: its commands, what each failure prints, and what it ends with.

No logic lives here, nor in `qbosync/command/`: parse, wire, call one function, show, exit
with its code.  Everything heavy is imported by the command that needs it, so that help
comes at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

import qbosync.clock  # noqa: F401  the program's start is counted from here
from qbosync import __version__
from qbosync.command.ask import explain, status
from qbosync.command.books import adopt, reconcile
from qbosync.command.common import failure, print_json, show_error, without_core_files
from qbosync.command.connection import check, connect, disconnect, init
from qbosync.command.emulated import demo, emulator
from qbosync.command.ledger import ledger
from qbosync.command.person import hold, release, resolve
from qbosync.command.run import plan, sync
from qbosync.command.support import support
from qbosync.errors import QbosyncError

_INTERRUPTED = 130
_COMMANDS = (
    init, connect, check, disconnect, plan, sync, status, explain, reconcile,
    adopt, resolve, hold, release, support, ledger, emulator, demo,
)  # fmt: skip
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
129, 130, 143  ended by SIGHUP, Ctrl-C, SIGTERM; what was sent is recorded
"""


class Program(click.Group):
    """A command group that shows our errors in two lines and exits with their code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; anything that is not a `QbosyncError` is a bug and may crash."""
        try:
            return super().invoke(ctx)
        except QbosyncError as error:
            if command := ctx.find_root().meta.get("qbosync.json"):
                print_json(failure(command, error.what, error.todo, error.exit_code))
            else:
                show_error(error)
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
                print_json(failure(command, error.format_message(), todo, code))
        except click.Abort:
            code = _INTERRUPTED
            click.echo("Stopped.", err=True)
            if is_json:
                print_json(failure(command, "Stopped by Ctrl-C.", "", code))
        except Exception as bug:
            if is_json:
                what = f"This is a bug in qbosync ({type(bug).__name__})."
                print_json(failure(command, what, "Please report it with the traceback.", 1))
            raise
        sys.exit(code if isinstance(code, int) else 0)


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
    without_core_files()
    # A caller may hand in a clock; nobody else has anything to say about time.
    clock = (ctx.obj or {}).get("clock")
    ctx.obj = {"config": config, "profile": profile, "verbose": verbose, "quiet": quiet}
    ctx.obj["clock"] = clock


for _command in _COMMANDS:
    program.add_command(_command)


def main() -> None:
    """The console script."""
    program(prog_name="qbosync")
