"""The ledger: copying it, reading it, beginning a new one."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qbosync.command.common import has_terminal, screen, setup_of
from qbosync.errors import SetupError

if TYPE_CHECKING:
    from qbosync.upkeep import Rebuilding
    from qbosync.wiring import Setup


@click.group()
def ledger() -> None:
    """The record of what became what: copy it, read it, or begin a new one when it is lost.

    \b
    Example:  qbosync ledger backup
    """


@ledger.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(ctx: click.Context, file: Path | None) -> None:
    """A consistent copy, also while a run is writing.  Good runs keep the last seven themselves.

    \b
    Example:  qbosync ledger backup ~/qbosync-ledger.db
    """
    from qbosync.upkeep import back_up

    click.echo(f"Copied to {back_up(setup_of(ctx), file)}")


@ledger.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--what", type=click.Choice(["documents", "writes", "runs", "held"]),
              default="documents", show_default=True)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default=None,
              help="By the file's ending, else jsonl.")  # fmt: skip
@click.pass_context
def export(ctx: click.Context, file: Path | None, what: str, form: str | None) -> None:
    """What is in it, a row a line: JSON lines, or CSV for a spreadsheet.

    \b
    Examples:  qbosync ledger export documents.csv
               qbosync ledger export --what writes | grep order:1042
    """
    from qbosync.upkeep import export as rows_of

    rows = rows_of(setup_of(ctx), what)
    form = form or ("csv" if file and file.suffix.casefold() == ".csv" else "jsonl")
    text = _csv(rows) if form == "csv" else _json_lines(rows)
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
    except OSError as error:
        raise SetupError(
            f"{file} cannot be written: {error.strerror}.", "Name a new file."
        ) from error
    click.echo(f"{len(rows)} rows in {file}")


def _json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    import simplejson

    return "".join(simplejson.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """For spreadsheets, which take a text that begins like a formula for one."""
    out = io.StringIO()
    writer = csv.writer(out)
    if rows:
        writer.writerow(rows[0].keys())
    for row in rows:
        writer.writerow(
            f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
            for value in row.values()
        )
    return out.getvalue()


@ledger.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def rebuild(ctx: click.Context, yes: bool) -> None:
    """Begin a new ledger from what QuickBooks has: found by our marks, numbers and names.

    Shows first what it would begin with, and asks.  Sends nothing; the old file is kept.

    \b
    Example:  qbosync ledger rebuild, then qbosync plan
    """
    from qbosync.running import progress
    from qbosync.upkeep import rebuild as begin_anew

    setup = setup_of(ctx)

    def agrees(found: Rebuilding) -> bool:
        _show(setup, found)
        try:
            return yes or click.confirm("Begin the new ledger with these?", err=True)
        except click.Abort:
            if has_terminal():
                raise
            return False  # nobody was there to ask

    with progress(sys.stderr.isatty() and not ctx.obj["quiet"] and yes) as watch:
        made = begin_anew(setup, has_terminal(), watch, agrees)
    if made is None:
        raise SetupError(
            "Nothing was changed: the old ledger keeps its place.",
            "Say yes, or give --yes, if the new one is right.",
        )
    if made.aside:
        click.echo(f"The old ledger is kept as {made.aside}")
    click.echo("The new ledger is in its place. Next: qbosync plan")


def _show(setup: Setup, found: Rebuilding) -> None:
    """What was found again, what waits, and what needs a person."""
    from qbosync.adopt.show import show_adoption
    from qbosync.screen import cell, named

    out = screen()
    counts = Counter(w.entry.key.entity.value for w in found.marked)
    words = ", ".join(f"{n} {entity}" for entity, n in counts.items())
    out.print(cell(f"Found again by our marks and names: {words or 'nothing'}", "bold"))
    for written in found.marked:
        entry = written.entry
        amount = "" if entry.amount is None else f"{entry.amount:,.2f}"
        parts = (
            f"{entry.key.entity} {entry.number or entry.name}".strip(),
            amount,
            f"Id {entry.qbo_id}",
        )
        told = ", ".join(part for part in parts if part)
        out.print(cell(f"  {named(entry.key.source)}: {told}"))
    if found.numbered.matches:
        out.print(cell("Without our mark, by number, customer, total and date", "bold"))
        show_adoption(out, found.numbered)
    waits = [problem for problem in found.held if problem.reason == "rebuilding"]
    left = [
        p for p in waits if p.source not in {m.draft.key.source for m in found.numbered.certain}
    ]
    if left:
        out.print(cell(f"Not in QuickBooks, to be written later: {len(left)}", "bold"))
        for problem in left:
            out.print(cell(f"  {named(problem.source)}"))
    for problem in found.held:
        if problem not in waits:
            out.print(cell(f"  {problem.what} {problem.todo}", "yellow"))
    at = found.creates_from.astimezone(setup.zone)
    out.print(cell(f"Rebuilding: writes nothing new until {at:%H:%M}."))
