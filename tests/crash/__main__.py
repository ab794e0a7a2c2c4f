"""`python -m tests.crash`: every boundary of a working week, and every power cut.

Exit code 1 if anything was wrong; each failing case with the command that plays it alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.crash import worker
from tests.crash.case import KINDS, Played
from tests.crash.powercut import WRONG_MODES
from tests.crash.tracer import is_possible

FRESH = 50
"""Every so manieth case starts an interpreter of its own, as cron does."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def evenly(cases: Sequence[str], share: int) -> list[str]:
    """So many of the cases, spread over all days and boundaries; all kinds go on at all times."""
    count = min(share or len(cases), len(cases))
    chosen = [cases[(2 * i + 1) * len(cases) // (2 * count)] for i in range(count)]
    random.Random(1).shuffle(chosen)
    return chosen


def report(played: Iterable[Played]) -> str:
    """Each point with what came of it."""
    rows: dict[tuple[int, str], list[str]] = defaultdict(list)
    for each in sorted(played, key=lambda one: (one.case.day, one.place)):
        end = "WRONG" if each.wrong else "ok" if each.is_reached else "not reached"
        note = f" ({each.note})" if each.note else ""
        rows[each.case.day, str(each.case.at)].append(f"{each.case.kind} {end}{note}")
    return "\n".join(f"{_DAYS[day]}, {at}: {'; '.join(ends)}" for (day, at), ends in rows.items())


def summary(played: Sequence[Played], minutes: float, computing: float) -> str:
    """The figures."""
    kinds = Counter(each.case.kind for each in played)
    words = Counter(wrong.split(":")[0] for each in played for wrong in each.wrong)
    points = {(each.case.day, each.case.at) for each in played}
    failed = sum(bool(each.wrong) for each in played)
    missed = sum(not each.is_reached for each in played)
    return (
        f"{len(points)} boundaries of {len(_DAYS)} days; {len(played)} cases: "
        + ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
        + f"\n{minutes:.1f} minutes ({computing:.1f} of computing);"
        + f" {failed} cases went wrong, {missed} were not reached"
        + f"\n{words['twice']} documents twice, {words['lost']} lost,"
        + f" {words['without disposition']} records without disposition"
    )


def main() -> int:
    """Play what is asked for, everything if nothing is."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--case", action="append", default=[], help="play this one alone")
    parser.add_argument("--started", action="store_true", help="each run in a fresh interpreter")
    parser.add_argument("--share", type=int, default=0, help="so many cases, evenly spread")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", type=Path, help="write each point and its end to this file")
    asked = parser.parse_args()
    if not is_possible():
        print("Only Linux on x86-64 can watch a process so.", file=sys.stderr)
        return 2
    began = time.monotonic()
    played: list[Played] = []
    context = multiprocessing.get_context("spawn")
    jobs = 1 if asked.case else asked.jobs
    with (
        tempfile.TemporaryDirectory(prefix="crash-") as folder,
        ProcessPoolExecutor(jobs, context, worker.begin, (Path(folder).resolve(),)) as pool,
    ):
        some = [2] if asked.share else list(range(len(_DAYS)))
        modes = () if asked.case else range(-1, len(WRONG_MODES))
        cutting = [pool.submit(worker.cut, some if mode < 0 else [1], mode) for mode in modes]
        names = asked.case or evenly(pool.submit(worker.names).result(), asked.share)
        fresh = [asked.started or (not asked.case and i % FRESH == 0) for i in range(len(names))]
        for each in pool.map(worker.play, names, fresh, chunksize=4):
            played.append(each)
            if not len(played) % 500:
                print(f"{len(played)} of {len(names)}", file=sys.stderr, flush=True)
            for wrong in each.wrong:
                print(f"{each.case}: {wrong}\n  python -m tests.crash --case '{each.case}'")
        cuts = [each.result() for each in cutting]
    if asked.case:
        print(report(played))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    minutes = ((time.monotonic() - began) / 60, (used.ru_utime + used.ru_stime) / 60)
    told = summary(played, *minutes)
    told += "".join(f"\n{cut}" for cut in cuts)
    if asked.report:
        asked.report.write_text(f"{told}\n\n{report(played)}\n", encoding="utf-8")
    print(told)
    is_right = not any(each.wrong for each in played) and all(cut.is_as_wanted for cut in cuts)
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
