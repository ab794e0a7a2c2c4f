"""``python -m tests.simulation --seeds 1000 --jobs 2``; one seed again with ``--seed N -v``."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.simulation.history import draw, play, play_seed
from tests.simulation.parallel import everywhere
from tests.simulation.shrinking import shrink


def main(arguments: list[str] | None = None) -> int:
    """Play many seeds, or one in detail; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        return _one(chosen.seed, chosen.verbose)
    return _many(range(chosen.first, chosen.first + chosen.seeds), chosen.jobs)


def _one(seed: int, is_verbose: bool) -> int:
    report = play(draw(seed), is_logging=True)
    if not report.wrong:
        print(*(report.log if is_verbose else ()), sep="\n")
        print(f"seed {seed}: {report.runs} runs, {report.documents} documents, all as promised")
        return 0
    small = shrink(draw(seed), report.wrong)
    report = play(small, is_logging=True)
    lines = report.log if is_verbose else [f"- {step}" for step in small.steps]
    print(*lines, f"seed {seed}: {report.wrong}", sep="\n")
    return 1


def _many(seeds: Iterable[int], jobs: int) -> int:
    begun = time.perf_counter()
    faults: Counter[str] = Counter()
    broken, sums, played = [], Counter[str](), 0
    for report in everywhere(play_seed, seeds, jobs):
        played += 1
        faults += report.faults
        sums.update(runs=report.runs, kills=report.kills, records=report.records,
                    documents=report.documents, boundaries=report.boundaries,
                    second_machines_noticed=report.noticed)  # fmt: skip
        if report.wrong:
            broken.append(report)
            print(f"seed {report.seed}: {report.wrong}", flush=True)
    took = time.perf_counter() - begun
    print(f"{played} seeds in {took:.1f} s, {played / took / jobs:.1f} a second and core;",
          ", ".join(f"{value} {name}" for name, value in sums.items()))  # fmt: skip
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(faults.items()))
    print(f"{len(faults)} kinds of fault: {kinds}")
    print(f"{len(broken)} broken promises")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
