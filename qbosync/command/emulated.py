"""Without QuickBooks: the emulator, and the demonstration on it."""

from __future__ import annotations

from pathlib import Path

import click

from qbosync.command.common import json_option, print_json, screen


@click.group()
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


@click.command()
@json_option
@click.option("--keep", type=click.Path(path_type=Path), help="Leave the shop's files here.")
def demo(as_json: bool, keep: Path | None) -> None:
    """The whole job as a story, on an emulated company: no account, no key, no configuration.

    \b
    Example:  qbosync demo --keep ~/qbosync-demo
    """
    from qbosync.demo import tell

    document = tell(None if as_json else screen(), keep)
    if as_json:
        print_json(document)
