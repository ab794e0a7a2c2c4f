"""What a worker process of the harness does: it has a shop and a week of its own."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from tests.crash.case import Case, Played, Week
from tests.crash.powercut import WRONG_MODES, Cut, power_cuts
from tests.crash.room import Room, import_everything

TRIES = 3
_weeks: list[Week] = []


def begin(folder: Path) -> None:
    """In a worker: a shop of its own and its undisturbed week."""
    import_everything()
    _weeks.append(Week(Room(folder / str(os.getpid()))))
    gc.freeze()  # what is shared with forked processes stays so


def names() -> list[str]:
    """All cases, by name."""
    return [str(case) for case in _weeks[0].cases()]


def play(name: str, is_started: bool) -> Played:
    """Play one; an answer may come in pieces, so a point that was not there is tried again."""
    case = Case.read(name)
    for _ in range(TRIES):
        played = _weeks[0].play(case, is_started=is_started)
        if played.is_reached:
            break
    return played


def cut(days: list[int], mode: int) -> Cut:
    """The power cuts of these days, in the right mode or in a wrong one."""
    return power_cuts(_weeks[0], days, WRONG_MODES[mode] if mode >= 0 else None)
