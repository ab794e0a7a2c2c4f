"""What it costs that every intent is on the disk before its request leaves.

    python -m bench.durability                    600 orders, QuickBooks' real limits
    python -m bench.durability --limits off       as fast as the machine goes

Backfills one shop three times, each into a company of its own: as qbosync does it, with a
ledger that never waits for the disk, and as it does it with a clock around its transactions.
Prints wall times, their ratio, and the share of the time that was spent in transactions.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.backfill import CONFIGURATION, connect, emulator, make_export

LEDGERS = ("as it is", "not waiting for the disk", "as it is, with a clock")


def sync(config: Path, ledger: str) -> dict[str, float]:
    """One backfill in a process of its own."""
    command = [sys.executable, "-m", "bench.durability", "--child", ledger, "--config", str(config)]
    began = time.monotonic()
    child = subprocess.run(command, capture_output=True, check=False)
    wall = time.monotonic() - began
    if child.returncode:
        raise SystemExit(
            f"sync ended with {child.returncode}: {child.stdout[:2000]!r} {child.stderr[-2000:]!r}"
        )
    document = json.loads(child.stdout)
    run = document["run"]
    clock = json.loads(child.stderr.splitlines()[-1]) if child.stderr else {}
    written = len(document["written"])
    return {"wall_s": wall, "written": written, "requests": run["requests"], **clock}


def _be_child(ledger: str, config: str) -> None:
    """Be a sync, with one thing in it changed."""
    from qbosync.cli import main
    from qbosync.ledger import file, schema

    spent = {"commits": 0, "in_transactions_s": 0.0}
    if ledger == LEDGERS[1]:
        schema._PRAGMAS["synchronous"] = 0
    elif ledger == LEDGERS[2]:
        transaction = file.LedgerFile.transaction

        @contextlib.contextmanager
        def timed(self: file.LedgerFile) -> Iterator[None]:
            began = time.perf_counter()
            try:
                with transaction(self):
                    yield
            finally:
                spent["commits"] += 1
                spent["in_transactions_s"] += time.perf_counter() - began

        file.LedgerFile.transaction = timed  # type: ignore[method-assign]
    try:
        sys.argv = ["qbosync", "--config", config, "sync", "--json"]
        main()
    finally:
        if ledger == LEDGERS[2]:
            print(json.dumps(spent), file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=600)
    parser.add_argument("--limits", choices=("off", "real"), default="real")
    parser.add_argument("--child", choices=LEDGERS)
    parser.add_argument("--config")
    options = parser.parse_args()
    if options.child:
        _be_child(options.child, options.config)
        return
    results = {}
    for at, ledger in enumerate(LEDGERS):
        with tempfile.TemporaryDirectory() as name, emulator(options.limits) as url:
            folder = Path(name)
            make_export(folder / "export", options.orders, seed=1)
            config = folder / "config.toml"
            redirect = 20000 + (os.getpid() + at) % 20000
            config.write_text(CONFIGURATION.format(url=url, redirect=redirect))
            config.chmod(0o600)
            connect(config, url)
            results[ledger] = sync(config, ledger)
    print(f"{options.orders} orders, limits {options.limits}")
    for ledger, run in results.items():
        print(f"{ledger:26}" + "".join(f"{name} {value:8.2f}   " for name, value in run.items()))
    ours, lax, clock = (results[ledger] for ledger in LEDGERS)
    print(f"wall time, as it is to not waiting: {ours['wall_s'] / lax['wall_s']:.3f}")
    print(f"share of the time in transactions:  {clock['in_transactions_s'] / clock['wall_s']:.3f}")


if __name__ == "__main__":
    main()
