"""Putting a record aside by hand, and letting it go again."""

from __future__ import annotations

from qbosync.errors import SetupError
from qbosync.inquire import source_of
from qbosync.resolve import ledger_at_rest
from qbosync.scope import owners
from qbosync.screen import named
from qbosync.wiring import Setup, open_source


def put_aside(setup: Setup, ref: str, why: str, by: str) -> str:
    """Hold a record until it is released.

    Raises:
        SetupError: If nothing is known of it.
    """
    with ledger_at_rest(setup) as ledger:
        source = source_of(ledger, ref)
        is_known = any(entry.key.source == source for entry in ledger.entries())
        if not is_known and source not in owners(open_source(setup, expect_orders=False).read()):
            raise SetupError(
                f"Nothing is known of {named(source)}.",
                "Give kind:id as the export has it, or a document's number.",
            )
        ledger.put_aside(source, why, by, setup.clock.now())
    return source


def release(setup: Setup, ref: str) -> str:
    """Let a record go again.

    Raises:
        SetupError: If it was not put aside.
    """
    with ledger_at_rest(setup) as ledger:
        source = source_of(ledger, ref)
        if not ledger.release(source):
            raise SetupError(
                f"{named(source).capitalize()} was not put aside by hand.",
                "`qbosync explain` tells what holds it.",
            )
    return source
