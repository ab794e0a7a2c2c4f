"""What every place for tokens promises."""

from __future__ import annotations

from typing import Protocol

from qbosync.blob import TokenBlob

SERVICE = "qbosync"


class TokenStore(Protocol):
    """One entry a company."""

    @property
    def backend(self) -> str:
        """What `connect` pins."""
        ...

    @property
    def notice(self) -> str:
        """What the operator should know who chose this place; blank where nothing is odd."""
        ...

    def load(self, account: str) -> TokenBlob | None:
        """The entry, or `None` if there is none."""
        ...

    def save(self, account: str, blob: TokenBlob) -> None:
        """Write and read back."""
        ...
