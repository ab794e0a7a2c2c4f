"""Sandbox and production: each has its own companies, its own keys and its own address.

`/sandbox/v3/…` and `/production/v3/…` stand for Intuit's two hosts; without either the emulator
does not ask.  A client id is of no environment until it is said of which.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .http import Request
from .provenance import ASSUMED, DOCUMENTED, RECORDED, rule, switch

switch(
    "wrong-environment", "3100", "130",
    text="sandbox asked at production or the reverse: 403 with 3100, or 401 with 130 in XML (2024)",
)  # fmt: skip
rule(
    "a company asked for at the other environment's address is 3100 or 130",
    RECORDED,
    "pasted 2018, 2021, 2024",
)
rule("keys of one environment do not open companies of the other: 3100", DOCUMENTED, "keys page")
rule("signing in with such keys shows the companies of their environment only", ASSUMED, "")
NAMES = ("sandbox", "production")


@dataclass(slots=True)
class Environments:
    """Which client ids belong to which environment."""

    keys: dict[str, str] = field(default_factory=dict)

    def bind(self, client: str, environment: str) -> None:
        """Say of which environment a client id is."""
        if environment not in NAMES:
            raise ValueError("environment is sandbox or production")
        self.keys[client] = environment

    def fits(self, client: str, environment: str) -> bool:
        """Whether a client's keys are good for companies of an environment."""
        return self.keys.get(client, environment) == environment


def addressed(request: Request) -> str:
    """The environment that a request's address names, taken off its path; "" for neither."""
    first, _, rest = request.path[1:].partition("/")
    if first in NAMES and rest.startswith("v3/"):
        request.path = f"/{rest}"
        return first
    return ""
