"""One case: a day of the week, disturbed at one boundary; then cron runs on, and all is looked at.

Each starts from a snapshot of its day, and its name says it wholly.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.crash.boundary import Boundary, Disturbance, Namer, can_be_full, is_disk
from tests.crash.room import CRON, Room
from tests.crash.tracer import End
from tests.crash.truth import Truth, broken_copies, differences, read_truth, without_disposition
from tests.crash.week import deliveries

KINDS = ("kill", "again", "week", "enospc", "eio")
"""Killed; killed again in recovery; killed and then the whole week; a full and a failing disk."""
SOON = 60.0
"""Seconds after which somebody may start a run by hand, before cron does."""
_PREPARED = (0, 3, 4, 5, 7)
"""Exit codes by which a run may answer a disk that fails: each has its words."""


@dataclass(frozen=True)
class Case:
    """What is played."""

    day: int
    kind: str
    at: Boundary

    def __str__(self) -> str:
        return f"{self.day}/{self.kind}/{self.at}"

    @classmethod
    def read(cls, text: str) -> Case:
        """A case from its name."""
        day, kind, at = text.split("/", 2)
        return cls(int(day), kind, Boundary.read(at))


@dataclass(frozen=True)
class Played:
    """What came of a case; `wrong` is empty if nothing is."""

    case: Case
    is_reached: bool
    wrong: tuple[str, ...] = ()
    note: str = ""
    place: int = 0
    """Where its point stands among those of its day."""


@dataclass
class Day:
    """A day on which nothing happened: its boundaries, and how everything stands after it."""

    boundaries: Sequence[Boundary]
    truth: Truth
    told: dict[str, Any]


class Week:
    """The undisturbed week of one shop, or its first days, and these again with a disturbance."""

    def __init__(self, room: Room, days: int = 6) -> None:
        self.room = room
        self.sets = deliveries()[:days]
        self.days = [self._undisturbed(number) for number in range(len(self.sets))]

    def _undisturbed(self, number: int) -> Day:
        room = self.room
        room.deliver(self.sets[number])
        room.keep(str(number))
        namer = Namer(room.folder, room.realm_id)
        room.open()
        try:
            room.advance()
            end = room.sync(watcher=Disturbance(namer, "", 0))
            assert end.code in (0, 3), end
            wrong, told = self._run_on()
        finally:
            room.shut()
        assert not wrong, wrong
        return Day(namer.seen, read_truth(room.company, room.ledger, room.realm_id), told)

    def _run_on(self) -> tuple[list[str], dict[str, Any]]:
        """Two clean runs of cron, and a further one that has to write nothing."""
        room, wrong = self.room, []
        for _ in range(2):
            room.advance()
            wrong += _unprepared(room.sync())
        room.writes()
        room.advance()
        end = room.sync("--json")
        if sent := room.writes():
            wrong.append(f"a further run wrote {sent}")
        wrong += _unprepared(end)
        return wrong, json.loads(end.out) if end.out.startswith("{") else {"error": end.err}

    # Cases -----------------------------------------------------------------------------

    def cases(self) -> Iterator[Case]:
        """All of them, day by day in the order of their boundaries."""
        for number, day in enumerate(self.days):
            for index, at in enumerate(day.boundaries):
                yield Case(number, "kill", at)
                yield Case(number, "again", at)
                if index % 10 == number:
                    yield Case(number, "week", at)
                if can_be_full(at):
                    yield Case(number, "enospc", at)
                if is_disk(at):
                    yield Case(number, "eio", at)

    def set_up(self, number: int) -> None:
        """A day as it began, with its export; the emulator answers, and has to be shut."""
        self.room.put_back(str(number))
        self.room.deliver(self.sets[number])
        self.room.open()
        self.room.advance()

    def play(self, case: Case, *, is_started: bool = False) -> Played:
        """Disturb the day, let cron run on, and look."""
        room = self.room
        known = self.days[case.day].boundaries
        place = known.index(case.at) if case.at in known else len(known)
        self.set_up(case.day)
        try:
            what = case.kind if case.kind in ("enospc", "eio") else "kill"
            disturbance = self._disturbance(what, case.at)
            end = room.sync(watcher=disturbance, is_started=is_started)
            if not disturbance.is_reached:
                return Played(case, False, place=place)
            wrong = _unprepared(end, is_killed=what == "kill")
            note = self._again(case) if case.kind == "again" else f"exit {end.code}"
            more, told = self._run_on()
            last = case.day
            if case.kind == "week":
                for last in range(case.day + 1, len(self.days)):
                    room.deliver(self.sets[last])
                    room.advance()
                    wrong += _unprepared(room.sync())
                more, told = self._run_on()
        finally:
            room.shut()
        return Played(case, True, (*wrong, *more, *self._look(last, told)), note, place)

    def _disturbance(self, what: str, at: Boundary | int) -> Disturbance:
        return Disturbance(Namer(self.room.folder, self.room.realm_id), what, at)

    def _again(self, case: Case) -> str:
        """Killed once more while it recovers, right away or when cron comes again."""
        dice = random.Random(str(case))
        self.room.advance(dice.choice((SOON, CRON)))
        nth = dice.randrange(1, len(self.days[case.day].boundaries))
        disturbance = self._disturbance("kill", nth)
        self.room.sync(watcher=disturbance)
        if not disturbance.is_reached:
            # It had less to do than the day itself: once more, and not so late.
            self.room.advance()
            disturbance = self._disturbance("kill", 1 + nth % len(disturbance.namer.seen))
            self.room.sync(watcher=disturbance)
        return f"again at {disturbance.namer.seen[-1]}"

    def _look(self, number: int, told: dict[str, Any]) -> list[str]:
        room, day = self.room, self.days[number]
        wrong = differences(read_truth(room.company, room.ledger, room.realm_id), day.truth)
        wrong += broken_copies(room.ledger)
        for name in ("exit_code", "unchanged", "out_of_scope", "to_apply_by_hand", "written",
                     "adopted", "reported", "edited", "error"):  # fmt: skip
            if told.get(name) != day.told[name]:
                wrong.append(f"{name} {told.get(name)} instead of {day.told[name]}")
        if "held" in told:
            wrong += without_disposition(self.sets[number], told, room.ledger)
        return wrong


def _unprepared(end: End, *, is_killed: bool = False) -> list[str]:
    """Whether a run ended in a way that it has no words for."""
    is_right = end.code == -9 if is_killed else end.code in _PREPARED
    if is_right and "Traceback" not in end.err:
        return []
    return [f"a run ended with {end.code}: {end.err[-1500:]}"]
