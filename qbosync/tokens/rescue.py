"""The moment in which a token could be lost: Intuit has given a new one, the keyring not yet.

The old one may be dead by then, and a keyring takes a tenth of a second, or refuses.  So a
new token is first written to a file, sealed with a key that lies in the keyring already:
worth nothing without it.  Whoever loads next finds it there.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qbosync.blob import TokenBlob
from qbosync.errors import LedgerError, SetupError
from qbosync.tokens.file import read_private, write_private
from qbosync.tokens.seal import seal, unseal
from qbosync.tokens.store import TokenStore


class Rescued:
    """A keyring whose newest token survives a kill at any moment of storing it."""

    def __init__(self, store: TokenStore, folder: Path, new_key: Callable[[], str]) -> None:
        self._store = store
        self._folder = folder
        self._new_key = new_key
        self._known: dict[str, TokenBlob] = {}

    @property
    def backend(self) -> str:
        return self._store.backend

    @property
    def notice(self) -> str:
        return self._store.notice

    def load(self, account: str) -> TokenBlob | None:
        blob = self._store.load(account)
        if blob is None:
            return None
        # The next save brings it into the keyring; who only asks writes nothing.
        blob = self._rescued(account, blob) or blob
        self._known[account] = blob
        return blob

    def save(self, account: str, blob: TokenBlob) -> None:
        known = self._known.get(account) or TokenBlob()
        key = known.rescue_key
        blob = replace(blob, rescue_key=key or blob.rescue_key or self._new_key())
        is_new = blob.refresh_token not in ("", known.refresh_token)
        if is_new and key:
            note = {"after": known.refresh_token, "blob": blob.dump()}
            # A disk that takes nothing is no reason not to try the keyring.
            with contextlib.suppress(LedgerError):
                write_private(self._path(account), seal(key, account, json.dumps(note)))
        self._store.save(account, blob)
        self._known[account] = blob
        with contextlib.suppress(OSError):
            # One that stays follows nothing any more.
            self._path(account).unlink(missing_ok=True)

    def _rescued(self, account: str, blob: TokenBlob) -> TokenBlob | None:
        """What a killed run had been given, if it follows what the keyring has."""
        try:
            text = read_private(self._path(account))
        except (OSError, ValueError, SetupError):
            # None is there, or not one that we wrote.
            return None
        try:
            note = json.loads(unseal(blob.rescue_key, account, text))
            found = TokenBlob.parse(note["blob"])
        except (ValueError, KeyError, TypeError):
            return None
        if note["after"] != blob.refresh_token:
            return None
        return replace(
            found,
            ledger_uuid=blob.ledger_uuid,
            ledger_seq=blob.ledger_seq,
            rescue_key=blob.rescue_key,
        )

    def _path(self, account: str) -> Path:
        return self._folder / f"{account}.token-in-flight"
