"""SIGKILL inside token storage: rounds in which Intuit gives a new token and the run dies.

In each round the old token is dead as soon as Intuit has answered, and the run is killed at
another piece of its dialogue with the real keyring.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.dying_bus import a_dying_bus
from tests.keyring_kit import Connected, connected

_DAY = 90_000


@dataclass
class Tally:
    """What became of the rounds."""

    pieces: int = 0
    kills: int = 0
    lost: int = 0
    rescued: int = 0


def kill_rounds(folder: Path, kills: int, told: Callable[[str], None] = lambda _: None) -> Tally:
    """Kill `kills` runs, spread over the whole dialogue; after each, a run that must succeed."""
    tally = Tally()
    with connected(folder) as there:
        grants = there.shop.server.emulator.oauth.grants
        before = [""]
        real = there.keyring.runtime / "bus"

        def is_answered() -> bool:
            """Whether Intuit has given a new token in this round: the old one is dead now."""
            return any(g.refresh != before[0] and g.before == before[0] for g in grants)

        with a_dying_bus(real, there.keyring.runtime / "dying", is_answered) as bus:
            _age(there, before)
            assert there.run("sync", DBUS_SESSION_BUS_ADDRESS=bus.address).code == 0
            tally.pieces = bus.pieces
            missed = 0
            while tally.kills < kills and missed < kills:
                # A dialogue may be shorter by a piece than the first one: then one before it.
                piece = max(1 + tally.kills * tally.pieces // kills - missed, 1)
                _age(there, before)
                bus.kill_at(piece, is_before=bool(tally.kills % 2))
                code = there.run("sync", DBUS_SESSION_BUS_ADDRESS=bus.address).code
                bus.kill_at(0, is_before=False)
                is_killed = code == -signal.SIGKILL
                tally.kills += is_killed
                missed = 0 if is_killed else missed + 1
                tally.rescued += any((there.shop.folder / "data").glob("*.token-in-flight"))
                after = there.run("sync")
                tally.lost += after.code != 0
                told(f"piece {piece} of {tally.pieces}: run ended with {code}, next {after.code}")
    return tally


def _age(there: Connected, before: list[str]) -> None:
    """A day passes for the refresh token: Intuit gives another one when it is used next."""
    [grant] = [g for g in there.shop.server.emulator.oauth.grants if g.client == "qbosync"]
    grant.value_since -= _DAY
    before[0] = grant.refresh
