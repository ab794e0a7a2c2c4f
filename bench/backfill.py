"""How long a shop's whole history takes, and a run with nothing new.

    python -m bench.backfill                      2,000 customers, 10,000 orders
    python -m bench.backfill --orders 1000        a tenth of it

Makes an export, starts the emulator without limits in a process of its own, connects, and
runs `qbosync sync` three times and `qbosync reconcile` once, as processes of their own.
Prints figures and their ratios to what was asked for; judges nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests

CONFIGURATION = """\
data_dir = "data"
[quickbooks]
environment = "emulator"
default_export_class = "Cabinets"
redirect_uri = "http://127.0.0.1:{redirect}/callback"
api_url = "{url}"
[items.income_account]
"Sales Tax" = "Sales Tax Collected"
"*" = "Sales of Product Income"
[payments.methods]
check = "Check"
[source]
path = "export"
"""
CLASSES = ("", "Doors", "Drawers", "Slabs", "Finish", "Mouldings")


def make_export(folder: Path, orders: int, seed: int) -> None:
    """Customers, orders of one to five lines, and payments for nine orders in ten."""
    dice = random.Random(seed)
    folder.mkdir(parents=True)
    customers = max(orders // 5, 1)

    def write(name: str, header: list[str], rows: Iterator[list[object]]) -> None:
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)

    write(
        "customers",
        ["customer_id", "name", "email", "terms_days", "bill_line1", "bill_city", "bill_state"],
        ([n, f"Customer {n:05} O'Neil & Sons", f"c{n}@shop.example", 30, f"{n} Mill Road",
          "Boise", "ID"] for n in range(1, customers + 1)),
    )  # fmt: skip
    lines: list[list[object]] = []
    heads: list[list[object]] = []
    for number in range(1, orders + 1):
        total = 0
        for line in range(1, dice.choice((1, 2, 3, 4, 5)) + 1):
            qty, price = dice.randint(1, 12), dice.randint(500, 40000)
            total += qty * price
            lines.append([number, line, f"Part {line}", qty, f"{price / 100:.2f}",
                          f"{qty * price / 100:.2f}", dice.choice(CLASSES)])  # fmt: skip
        tax = total * 6 // 100
        status = "shipped" if dice.random() < 0.8 else "ordered"
        heads.append([number, 20000 + number, dice.randint(1, customers), status,
                      f"{(total + tax) / 100:.2f}", f"{tax / 100:.2f}", "2026-03-01",
                      f"Job {number}"])  # fmt: skip
    header = ["order_id", "number", "customer_id", "status", "total", "tax", "status_at", "name"]
    write("orders", header, iter(heads))
    write("order_lines", ["order_id", "line_no", "description", "qty", "unit_price", "amount",
                          "export_class"], iter(lines))  # fmt: skip
    paid = dice.sample(heads, orders * 9 // 10)
    write("payments", ["payment_id", "customer_id", "date", "amount", "method"],
          ([f"p{row[0]}", row[2], "2026-03-05", row[4], "check"] for row in paid))  # fmt: skip
    write("payment_applications", ["payment_id", "target", "amount"],
          ([f"p{row[0]}", f"order:{row[0]}", row[4]] for row in paid))  # fmt: skip


@contextlib.contextmanager
def emulator(limits: str) -> Iterator[str]:
    command = [sys.executable, "-m", "qbosync", "emulator", "serve", "--port", "0"]
    with subprocess.Popen([*command, "--limits", limits], stdout=subprocess.PIPE, text=True) as it:
        try:
            assert it.stdout is not None
            yield it.stdout.readline().split()[-1]
        finally:
            it.terminate()


def connect(config: Path, url: str) -> None:
    realm = requests.get(f"{url}/_emulator/companies", timeout=10).json()[0]["realm_id"]
    switches = {
        "TaxPrefs": {"UsingSalesTax": False},
        "SalesFormsPrefs": {"AutoApplyCredit": False, "CustomTxnNumbers": True},
    }
    requests.post(f"{url}/_emulator/companies/{realm}/preferences", json=switches, timeout=10)
    command = [sys.executable, "-m", "qbosync", "--config", str(config), "connect", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        address = next(line.strip() for line in it.stdout if line.startswith("http"))
        requests.get(f"{address}&approve={realm}", timeout=30)
        it.stdout.read()
    if it.returncode:
        raise SystemExit(f"connect ended with {it.returncode}")


def measure(config: Path, verb: str) -> dict[str, float]:
    """One command in a process of its own: what it wrote, and what it cost."""
    command = [sys.executable, "-m", "qbosync", "--config", str(config), verb, "--json"]
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    document = json.loads(output)
    if code != 0:
        raise SystemExit(f"{verb} ended with {code}: {output[:2000]!r}")
    run = document.get("run", document)
    return {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "written": len(document.get("written", ())),
        "requests": run.get("requests", run["reads"]),
        "reads": run["reads"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limits", choices=("off", "real"), default="off")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, emulator(options.limits) as url:
        folder = Path(name)
        make_export(folder / "export", options.orders, options.seed)
        config = folder / "config.toml"
        redirect = 20000 + os.getpid() % 20000
        config.write_text(CONFIGURATION.format(url=url, redirect=redirect))
        config.chmod(0o600)
        connect(config, url)
        runs = {}
        for title in ("backfill", "run after it", "steady state"):
            runs[title] = measure(config, "sync")
            # Cron comes every two hours.
            requests.post(f"{url}/_emulator/clock", json={"advance_s": 7200}, timeout=10)
        runs["reconcile"] = measure(config, "reconcile")
    columns = list(runs["backfill"])
    print(f"{options.orders} orders, limits {options.limits}")
    print(f"{'':14}" + "".join(f"{column:>10}" for column in columns))
    for title, run in runs.items():
        print(f"{title:14}" + "".join(f"{run[column]:10.1f}" for column in columns))
    first = runs["backfill"]
    print(f"documents a request: {first['written'] / first['requests']:.1f}")
    print(f"documents a second:  {first['written'] / first['wall_s']:.0f}")
    written = first["written"]
    print(f"documents a read in the run after it: {written / runs['run after it']['reads']:.0f}")


if __name__ == "__main__":
    main()
