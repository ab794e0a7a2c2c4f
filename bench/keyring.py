"""Figures of the real keyring: what a run costs, how fast a shut one is told, what kills cost.

python -m bench.keyring              # all of it, some minutes
python -m bench.keyring --kills 60   # SIGKILLs inside token storage alone
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cron_kit import a_cron, why_not
from tests.keyring_kit import Connected, a_keyring, connected
from tests.kills import kill_rounds
from tests.shopkit import Shop
from tests.test_cron import crontab
from tests.test_keyring import STATES, full_disk

_MINUTE = 90.0


def cpu_of_a_run(there: Connected) -> float:
    """Seconds of processor time of one `qbosync sync`, from its start to its end."""
    before = os.times()
    done = there.run("sync")
    after = os.times()
    assert done.code == 0, done.text
    spent = after.children_user - before.children_user
    return spent + after.children_system - before.children_system


def idle_runs(folder: Path, runs: int) -> None:
    with connected(folder) as there:
        assert there.run("sync").code == 0
        spent = [cpu_of_a_run(there) for _ in range(runs)]
    print(
        f"idle sync, token in the Secret Service: {statistics.median(spent):.2f} s CPU"
        f" (median of {runs}, most {max(spent):.2f})"
    )


def told(there: Connected, name: str, what: str) -> None:
    """How long it takes until a person is told what is wrong."""
    began = time.monotonic()
    done = there.run("sync", DISPLAY=":99")
    took = time.monotonic() - began
    assert done.code == 4 and what in done.err, done.text
    print(f"keyring {name:12} exit 4 after {took:.2f} s")


@contextmanager
def copied(original: Connected, copy: Path) -> Iterator[Connected]:
    """A copy of a connected shop, with a bus and an open keyring of its own."""
    shutil.copytree(original.shop.folder / "data", copy / "data")
    shutil.copytree(original.shop.export, copy / "export")
    shutil.copy2(original.shop.config, copy / "config.toml")
    shutil.copytree(original.keyring.home, copy / "home")
    with a_keyring(copy) as keyring:
        yield Connected(Shop(copy, original.shop.server), keyring)


def shut_keyrings(folder: Path) -> None:
    with connected(folder) as original:
        original.keyring.end()
        original.keyring.started.clear()
        for state, what, _ in STATES:
            with copied(original, folder / state.__name__) as there:
                state(there)
                told(there, state.__name__, what)
        scratch = folder / "full"
        with copied(original, scratch) as there, full_disk(there, scratch) as block:
            if block is not None:
                told(there, "full disk", "did not take the token")


def tick_of_cron(folder: Path) -> None:
    """The job of crontab.example at the next full minute, as cron itself sees it come."""
    if words := why_not():
        print(f"cron: not run: {words}")
        return
    with connected(folder) as there:
        (folder / "cron").mkdir()
        text = crontab(there.shop, there.keyring.home, "* * * * *")
        with a_cron(folder / "cron", text, there.keyring.runtime) as cron:
            began = time.monotonic()
            there.keyring.until(lambda: bool(cron.mailed()), _MINUTE)
            took = time.monotonic() - began
            mails = [mail for mail in cron.mailed() if "the end" not in mail]
        code = (there.keyring.home / "ended").read_text().strip()
        invoices = [invoice["DocNumber"] for invoice in there.shop.books("Invoice")]
    print(
        f"cron's tick: after {took:.0f} s exit {code}, invoices {invoices} in QuickBooks,"
        f" {len(mails)} mails"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=0, help="only this many SIGKILLs")
    options.add_argument("-v", action="store_true", help="each of them")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / name for name in ("idle", "shut", "cron", "kills")]
        for folder in folders:
            folder.mkdir()
        if not given.kills:
            idle_runs(folders[0], 7)
            shut_keyrings(folders[1])
            tick_of_cron(folders[2])
        tally = kill_rounds(folders[3], given.kills or 60, print if given.v else lambda _: None)
    print(
        f"{tally.kills} SIGKILLs inside token storage ({tally.pieces} pieces of dialogue, the old"
        f" token dead each time): {tally.lost} connections lost"
    )
    sys.exit(1 if tally.lost else 0)


if __name__ == "__main__":
    main()
