"""What the keyring holds for one company: small enough for Windows' 1,280 characters."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_VERSION = 1
_LARGEST = 1200


@dataclass(frozen=True, slots=True)
class TokenBlob:
    """The refresh token, the one before it, the app's keys, and which ledger they go with."""

    refresh_token: str = field(default="", repr=False)
    previous_refresh_token: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    rotated_at: datetime | None = None
    idle_expires_at: datetime | None = None
    hard_expires_at: datetime | None = None
    ledger_uuid: str = ""
    ledger_seq: int = 0
    refused_at: datetime | None = None
    """When Intuit last said that the token is worth nothing."""
    rescue_key: str = field(default="", repr=False)
    """What seals a new token until the keyring has it."""

    def dump(self) -> str:
        """Compact JSON, without the token before where both are too long for one entry."""

        def time(at: datetime | None) -> str:
            return at.isoformat(timespec="seconds") if at else ""

        values = {
            "v": _VERSION,
            "rt": self.refresh_token,
            "pt": self.previous_refresh_token,
            "id": self.client_id,
            "cs": self.client_secret,
            "at": time(self.rotated_at),
            "ie": time(self.idle_expires_at),
            "he": time(self.hard_expires_at),
            "lu": self.ledger_uuid,
            "ls": self.ledger_seq,
            "ra": time(self.refused_at),
            "rk": self.rescue_key,
        }
        text = json.dumps(values, separators=(",", ":"))
        if len(text) <= _LARGEST:
            return text
        # The one before is the lesser loss: Windows would refuse the whole entry.
        return json.dumps(values | {"pt": ""}, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> TokenBlob:
        """Read what `dump` wrote.

        Raises:
            ValueError: For anything else; nothing of it is quoted.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            if values["v"] != _VERSION:
                raise ValueError("another version")

            def time(name: str) -> datetime | None:
                text = values.get(name)
                return datetime.fromisoformat(text) if text else None

            return cls(
                values["rt"], values["pt"], values["id"], values["cs"], time("at"),
                time("ie"), time("he"), values["lu"], int(values["ls"]),
                time("ra"), str(values.get("rk", "")),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            raise ValueError("the entry is not what qbosync writes") from None
