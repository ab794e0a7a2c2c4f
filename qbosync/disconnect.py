"""Disconnecting: Intuit is told, the tokens are forgotten whatever it says, the books stay.

Ledger and configuration are kept, so that whoever connects again goes on where it was.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from qbosync.blob import TokenBlob
from qbosync.errors import QbosyncError, SetupError
from qbosync.keeper import account_of
from qbosync.ledger import Ledger
from qbosync.places import Connection, forget_connection
from qbosync.qbo.oauth import revoke
from qbosync.signin import alone
from qbosync.wiring import Setup, endpoints_of, token_store, transport_of


@dataclass(frozen=True)
class Disconnected:
    """What remains after disconnecting; `trouble` is why Intuit did not hear of it, `kept` why
    the tokens are still where they were."""

    connection: Connection
    ledger: str
    configuration: str
    counts: dict[str, int]
    held: int
    trouble: str = ""
    kept: str = ""


def disconnect(setup: Setup) -> Disconnected:
    """Revoke at Intuit, forget the tokens even if that fails, keep ledger and configuration."""
    connection = setup.connection
    if connection is None:
        raise SetupError("Not connected to QuickBooks.", "There is nothing to disconnect.")
    with alone(setup, connection.environment, connection.realm_id):
        trouble, kept = _forget_tokens(setup, connection)
        forget_connection(setup.places.connection)
    path = setup.places.ledger(connection.environment, connection.realm_id)
    counts, held = _remains(setup, connection)
    where = str(setup.places.config)
    return Disconnected(connection, str(path), where, counts, held, trouble, kept)


def _remains(setup: Setup, connection: Connection) -> tuple[dict[str, int], int]:
    """What the ledger knows of, where it can be asked."""
    with suppress(QbosyncError):
        ledger = Ledger.open(setup.places.ledger(connection.environment, connection.realm_id))
        try:
            return ledger.counts(), len(ledger.holds())
        finally:
            ledger.close()
    return {}, 0


def _forget_tokens(setup: Setup, connection: Connection) -> tuple[str, str]:
    """Revoke and forget; what stood in the way of each, where something did."""
    account = account_of(connection.environment, connection.realm_id)
    try:
        store = token_store(setup, False)
        blob = store.load(account)
    except QbosyncError as error:
        return error.what, error.what
    if blob is None:
        return "There was no token to revoke.", ""
    trouble = _revoke(setup, connection, blob) if blob.refresh_token else ""
    # The ledger's number stays: a ledger restored later must not be taken for new.
    forgotten = replace(blob, refresh_token="", previous_refresh_token="")
    try:
        store.save(account, replace(forgotten, client_id="", client_secret=""))
    except QbosyncError as error:
        return trouble, error.what
    return trouble, ""


def _revoke(setup: Setup, connection: Connection, blob: TokenBlob) -> str:
    """Tell Intuit, or whoever gave the token; why it was not told, where it was not."""
    try:
        transport = transport_of(setup)
        endpoints = endpoints_of(setup, transport, connection.environment)
        revoke(endpoints, blob.client_id, blob.client_secret, blob.refresh_token, transport)
    except QbosyncError as error:
        return error.what
    return ""
