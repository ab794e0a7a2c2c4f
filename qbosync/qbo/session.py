"""The access token, and the refresh token behind it.

Only the refresh token is kept: the access token dies before the next run.  The keeper is
proven writable before Intuit is asked, since a token that cannot be stored is lost, and a
new one is stored and read back before its first use.  A token that Intuit refused is not
tried again before a day has passed: asking every two hours mends nothing.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from qbosync.blob import TokenBlob
from qbosync.clock import Clock
from qbosync.errors import LedgerError, SetupError
from qbosync.qbo.oauth import Endpoints, InvalidGrantError, Tokens, refresh
from qbosync.qbo.transport import Transport

_TRIES = (1.0, 4.0)
_AGAIN = timedelta(hours=23)
"""A run a day may ask whether a refused token lives again; they come at the same minute."""


class Keeper(Protocol):
    """One company's tokens, wherever they lie."""

    def load(self) -> TokenBlob: ...

    def save(self, blob: TokenBlob) -> None:
        """Write, read back, and raise if what is there is not what was written."""
        ...


class Session:
    """Signs requests.  Safe for several threads: one refreshes, the others wait for it."""

    def __init__(
        self, endpoints: Endpoints, keeper: Keeper, transport: Transport, clock: Clock
    ) -> None:
        self._endpoints = endpoints
        self._keeper = keeper
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None
        self._unsaved: Tokens | None = None

    def start(self, tokens: Tokens, client_id: str = "", secret: str = "") -> None:
        """Begin with what a sign-in gave; the keys it was made with are kept beside it."""
        with self._lock:
            blob = self._keeper.load()
            if client_id:
                blob = replace(blob, client_id=client_id, client_secret=secret)
            self._store(blob, tokens)

    def access_token(self) -> str:
        """A token that is good for this request."""
        with self._lock:
            if self._tokens is None or self._clock.now() >= self._tokens.access_expires_at:
                self._renew()
            assert self._tokens is not None  # noqa: S101  just renewed
            return self._tokens.access_token

    def refresh(self, stale: str) -> str:
        """A newer token than the one that QuickBooks refused."""
        with self._lock:
            if self._tokens is None or self._tokens.access_token == stale:
                self._renew()
            assert self._tokens is not None  # noqa: S101  just renewed
            return self._tokens.access_token

    def _renew(self) -> None:
        blob = self._keeper.load()
        if self._unsaved is not None:
            # Intuit gave them and the keyring did not take them: the token in it may be dead.
            tokens = self._unsaved
            self._store(blob, tokens)
            if self._clock.now() < tokens.access_expires_at:
                return
            blob = self._keeper.load()
        if not blob.refresh_token:
            raise SetupError("Not connected to QuickBooks.", "Run `qbosync connect`.")
        now = self._clock.now()
        if blob.refused_at and timedelta() <= now - blob.refused_at < _AGAIN:
            raise lost_connection(blob, now)
        self._keeper.save(blob)
        try:
            tokens = self._ask_for_either(blob)
        except InvalidGrantError as error:
            self._save(replace(blob, refused_at=now))
            raise lost_connection(blob, now, error) from error
        self._store(blob, tokens)

    def _ask_for_either(self, blob: TokenBlob) -> Tokens:
        """The newest token, or once the one before it.

        A run that died between Intuit's answer and the keyring leaves the two apart: what is
        kept beside may be the one that lives.
        """
        try:
            return self._ask(blob, blob.refresh_token)
        except InvalidGrantError:
            if not blob.previous_refresh_token or blob.refused_at:
                raise
            return self._ask(blob, blob.previous_refresh_token)

    def _ask(self, blob: TokenBlob, token: str) -> Tokens:
        return refresh(
            self._endpoints,
            blob.client_id,
            blob.client_secret,
            token,
            self._transport,
            self._clock,
        )

    def _store(self, blob: TokenBlob, tokens: Tokens) -> None:
        """Keep the tokens, and use them only then."""
        is_new = tokens.refresh_token != blob.refresh_token
        before = blob.refresh_token if is_new else blob.previous_refresh_token
        hard = tokens.refresh_hard_expires_at or blob.hard_expires_at
        self._unsaved = tokens
        self._save(
            replace(
                blob,
                refresh_token=tokens.refresh_token,
                previous_refresh_token=before,
                rotated_at=self._clock.now() if is_new else blob.rotated_at,
                idle_expires_at=tokens.refresh_expires_at,
                hard_expires_at=hard,
                refused_at=None,
            )
        )
        self._tokens, self._unsaved = tokens, None

    def _save(self, blob: TokenBlob) -> None:
        """Save, and again after a moment: what is not kept now is lost at Intuit too."""
        for pause in _TRIES:
            try:
                return self._keeper.save(blob)
            except (SetupError, LedgerError):
                self._clock.sleep(pause)
        self._keeper.save(blob)


def lost_connection(
    blob: TokenBlob, now: datetime, said: InvalidGrantError | None = None
) -> InvalidGrantError:
    """Why Intuit no longer knows us, as far as we can tell, and who can mend it."""
    if said is not None and said.reason == "user_not_in_realm":
        why = "the person who connected is no longer a user of the company"
    elif blob.hard_expires_at and now >= blob.hard_expires_at:
        why = "a connection ends after five years"
    elif blob.idle_expires_at and now >= blob.idle_expires_at:
        why = "nothing ran for about 100 days"
    else:
        why = (
            "most likely another machine, or a copy of this one, signs in with the same connection;"
            " or somebody disconnected the app in QuickBooks, or Intuit's last answer was lost"
        )
    # Not in the first sentence: the same trouble must read the same each time it is mailed.
    trace = f" (intuit_tid {said.trace_id})" if said is not None else ""
    return InvalidGrantError(
        f"Intuit no longer accepts the connection (invalid_grant): {why}.",
        "Run `qbosync connect` again, on one machine only. Nothing is lost; Intuit is asked"
        f" again once a day at most until then{trace}.",
    )
