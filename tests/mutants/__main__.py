"""Plant each bug in a copy of the product and run the test that must notice.

    python -m tests.mutants               all of them; prints claim, bug, test
    python -m tests.mutants --only 3 7    these
    python -m tests.mutants --table       prints the table of ARCHITECTURE.md

Exit 1 if one survives, or its test fails without it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.plant import PLANTS, Plant

ROOT = Path(__file__).parent.parent.parent
_CLEAN = shutil.ignore_patterns("__pycache__", ".*")


def _run(folder: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *tests], cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def _copy(folder: Path) -> None:
    """The product and its tests, which find `shared` beside them as the real ones do."""
    for name in ("qbosync", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=_CLEAN)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "crontab.example"):
        shutil.copy(ROOT / name, folder / name)


def kills(plant: Plant) -> str:
    """`""` if the bug is killed; else what is wrong."""
    with tempfile.TemporaryDirectory(prefix="qbosync-mutant-") as name:
        folder = Path(name)
        _copy(folder)
        path = folder / plant.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(plant.old, plant.new, 1), encoding="utf-8")
        done = _run(folder, [plant.test])
    if done.returncode == 1:
        return ""
    tail = "\n".join(done.stdout.splitlines()[-3:])
    return "SURVIVED" if done.returncode == 0 else f"pytest ended with {done.returncode}: {tail}"


def table() -> str:
    """Claim, bug and test, a row each."""
    rows = ["| claim | planted bug | noticed by |", "|---|---|---|"]
    rows += [f"| {p.claim} | {p.bug} | `{p.test.removeprefix('tests/')}` |" for p in PLANTS]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--only", type=int, nargs="*", help="their numbers")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--table", action="store_true")
    chosen = parser.parse_args()
    if chosen.table:
        print(table())
        return 0
    plants = [(n, p) for n, p in enumerate(PLANTS, 1) if not chosen.only or n in chosen.only]
    sound = _run(ROOT, sorted({plant.test for _, plant in plants}))
    if sound.returncode:
        print(sound.stdout)
        print("the tests fail without any bug")
        return 1
    bad = 0
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for (n, plant), wrong in zip(
            plants, pool.map(kills, (plant for _, plant in plants)), strict=True
        ):
            bad += bool(wrong)
            print(f"{n:2} {wrong or 'killed'}: {plant.claim}", flush=True)
            print(f"     planted: {plant.bug} ({plant.file})")
            print(f"     noticed: {plant.test}")
    print(f"{len(plants)} bugs planted, {len(plants) - bad} killed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
