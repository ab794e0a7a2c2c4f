"""The dead-man's switch: somebody outside is told that a run began and how it ended.

Silence is the message: a machine that is off tells nobody anything.  Only addresses are
asked, nothing of the run goes along, and a ping that fails never changes how a run ends.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from qbosync.qbo.transport import Lost, NotSent, Request, Transport

_SECONDS = 10.0
_DONE = (0, 3)
"""The run came through; what it holds is told by mail."""
_LATER = (5, 6)
"""Neither: if it lasts, the silence tells."""


class Pinger:
    """One run's pings; `troubles` is what went wrong with them."""

    def __init__(self, url: str, transport: Transport | None) -> None:
        self._url = url
        self._transport = transport
        self.troubles: list[str] = []

    def start(self) -> None:
        """A run began."""
        self._ask("/start")

    def end(self, exit_code: int) -> None:
        """It came through, or a person has to act; anything else is left to the silence."""
        if exit_code in _DONE:
            self._ask("")
        elif exit_code not in _LATER:
            self._ask("/fail")

    def _ask(self, tail: str) -> None:
        if not self._url or self._transport is None:
            return
        parts = urlsplit(self._url)
        address = urlunsplit(parts._replace(path=parts.path.rstrip("/") + tail))
        try:
            reply = self._transport.send(Request("GET", address), _SECONDS)
        except (NotSent, Lost) as error:
            self.troubles.append(f"the ping{tail} did not get through: {error}")
            return
        if reply.status >= 400:
            self.troubles.append(f"the ping{tail} was answered with HTTP {reply.status}")
