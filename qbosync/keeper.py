"""One company's entry in the token store, and the ledger's number beside it."""

from __future__ import annotations

from dataclasses import replace

from qbosync.blob import TokenBlob
from qbosync.errors import SetupError
from qbosync.ledger import Ledger
from qbosync.rebuilding import ADOPT_UNTIL, FOR_NOW
from qbosync.tokens import (
    TokenStore,
)

CONNECTION_ENDS = "connection:ends"
"""The ledger's fact of when the connection ends whatever happens, as the keyring knows it."""


def account_of(environment: str, realm_id: str) -> str:
    """The name of a company's entry in the keyring."""
    return f"{environment}-{realm_id}"


class Keeper:
    """One company's entry in the token store, read and written whole."""

    def __init__(self, store: TokenStore, account: str) -> None:
        self.store = store
        self.account = account

    def load(self) -> TokenBlob:
        """The company's tokens.

        Raises:
            SetupError: If the keyring has none: it was emptied, replaced or damaged.
        """
        blob = self.store.load(self.account)
        if blob is None:
            raise SetupError(
                f"The keyring ({self.store.backend}) has no token for {self.account}, although this"
                " company is connected: it was emptied or replaced, or its file is damaged.",
                "Bring the keyring that `qbosync connect` used back from a backup, or run `qbosync"
                " connect` again; the ledger stays. See docs/keyring.md.",
            )
        return blob

    def save(self, blob: TokenBlob) -> None:
        """Write the tokens; they are read back before this returns."""
        self.store.save(self.account, blob)


def keep_in_step(keeper: Keeper, ledger: Ledger) -> None:
    """Notice a ledger that is older than the keyring remembers: a backup was restored.

    The ledger's number is committed first and the keyring follows, so a crash between the
    two leaves the ledger ahead, and only a keyring that is ahead means a rollback.
    """
    blob = keeper.load()
    ends = blob.hard_expires_at.date().isoformat() if blob.hard_expires_at else ""
    if ledger.fact(CONNECTION_ENDS) != ends:
        ledger.set_fact(CONNECTION_ENDS, ends)
    is_same = blob.ledger_uuid in ("", ledger.fact("uuid"))
    if not is_same or blob.ledger_seq > int(ledger.fact("sequence") or 0):
        ledger.set_fact(ADOPT_UNTIL, FOR_NOW)
        ledger.set_fact("sequence", str(blob.ledger_seq))
    tie(keeper, ledger)


def tie(keeper: Keeper, ledger: Ledger, at_least: int = 0) -> None:
    """Write the ledger's uuid and its next number beside the token; the ledger goes first."""
    if at_least > int(ledger.fact("sequence") or 0):
        ledger.set_fact("sequence", str(at_least))
    number = ledger.advance()
    keeper.save(replace(keeper.load(), ledger_uuid=ledger.fact("uuid"), ledger_seq=number))
