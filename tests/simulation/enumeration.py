"""Every boundary of a small week in one process: killed, killed again in recovery, each fault.

``python -m tests.simulation.enumeration --jobs 2 --every 1``: the week has all forms; each
send, answer, commit and keyring call of its runs is a named boundary.  Singles are killed
once; pairs are killed once more in the run after; faults strike each request of each run
alone and with a death after it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.simulation.fault import KINDS, ON_DISK, Fault
from tests.simulation.history import Step, World, play
from tests.simulation.parallel import everywhere

_WORLDS = (
    (("requestid-retention", "forever"), ("duplicate-number", "custom")),
    (("requestid-retention", "ignored"), ("duplicate-number", "never")),
)
_STRIDE = 7
"""Of the deaths after a fault, and of the second deaths, every seventh."""


def week() -> tuple[Step, ...]:
    """Everything made; everything moved, charged, paid, credited and edited; and a run to recover.

    Two clean runs and one with nothing to do follow each history by themselves.
    """
    dice = Random(42)

    def changes(names: str) -> list[Step]:
        return [Step("change", dice.getrandbits(32), name) for name in names.split()]

    return (
        *changes("new_order new_order new_order new_charge new_credit pay pay"),
        Step("run", 1),
        *changes("advance advance advance advance edit_order pay spend_credit apply_rest rename"),
        Step("wait", seconds=7200),
        Step("run", 2),
        Step("wait", seconds=7200),
        Step("run", 3),
    )


def world(number: int, steps: tuple[Step, ...]) -> World:
    """The week under one of QuickBooks' possible rules."""
    return World(number, _WORLDS[number], 2, False, "shipped", steps)


def _with(steps: tuple[Step, ...], at: int, **changed: object) -> tuple[Step, ...]:
    return (*steps[:at], replace(steps[at], **changed), *steps[at + 1 :])  # type: ignore[arg-type]


def cases(is_all_pairs: bool = False) -> Iterator[tuple[str, World]]:
    """Every case by name."""
    whole = week()
    runs = [at for at, step in enumerate(whole) if step.kind == "run"]
    for number in range(len(_WORLDS)):
        for turn, at in enumerate(runs[:2]):
            # The clean runs that follow each history are the recovery.
            steps = whole[: at + 1]
            names = boundaries(number, steps, turn)
            for nth, name in enumerate(names, 1):
                yield (
                    f"run {turn + 1}: killed at {name}",
                    world(number, _with(steps, at, kill_at=nth)),
                )
                killed = _with(whole[: runs[turn + 1] + 1], at, kill_at=nth)
                again = range(1, 60, 1 if is_all_pairs else _STRIDE)
                for other in again:
                    twice = _with(killed, runs[turn + 1], kill_at=other)
                    yield (
                        f"run {turn + 1}: killed at {name}, again at {other}",
                        world(number, twice),
                    )
            requests = sum(name.endswith("not sent") for name in names)
            commits = sum(name.endswith("not committed") for name in names)
            for kind in KINDS:
                for nth in range(1, 1 + (commits if kind in ON_DISK else requests)):
                    hurt = _with(steps, at, faults=(Fault(kind, nth, 600 + nth),))
                    yield f"run {turn + 1}: {kind} from {nth}", world(number, hurt)
                    for other in range(1 + nth % _STRIDE, len(names) + 1, 5 * _STRIDE):
                        both = _with(hurt, at, kill_at=other)
                        yield (
                            f"run {turn + 1}: {kind} from {nth}, killed at {other}",
                            world(number, both),
                        )


def boundaries(number: int, steps: tuple[Step, ...], turn: int) -> list[str]:
    """The named boundaries of one of the week's runs, undisturbed."""
    report = play(world(number, steps))
    if report.wrong:
        raise AssertionError(f"the undisturbed week is wrong: {report.wrong}")
    return report.passed[turn]


def try_case(case: tuple[str, World]) -> tuple[str, str]:
    """Play a case; its name and what was wrong."""
    name, trial = case
    return name, play(trial).wrong


def share(every: int, is_all_pairs: bool = False) -> Iterator[tuple[str, World]]:
    """Every so-manieth case: an evenly spread share."""
    return (case for at, case in enumerate(cases(is_all_pairs)) if at % every == 0)


def main(arguments: list[str] | None = None) -> int:
    """Try every case, or an evenly spread share; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.enumeration")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--pairs", action="store_true")
    chosen = parser.parse_args(arguments)
    begun, tried, broken = time.perf_counter(), 0, Counter[str]()
    for name, wrong in everywhere(try_case, share(chosen.every, chosen.pairs), chosen.jobs):
        tried += 1
        if wrong:
            broken[wrong] += 1
            print(f"{name}: {wrong}", flush=True)
    took = time.perf_counter() - begun
    print(f"{tried} cases in {took:.0f} s, {sum(broken.values())} broken promises")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
