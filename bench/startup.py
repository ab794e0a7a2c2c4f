"""How quick it begins: ``python -m bench.startup`` prints three figures.

Help, as somebody waits for it; an idle sync from a cold start, in CPU seconds of its own
process; and connecting in a real headless Chromium, from the command to "Connected".
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.shopkit import OFF, Shop, deliver_two_orders, open_shop

RUNS = 5
QBOSYNC = (sys.executable, "-m", "qbosync")


def clean() -> dict[str, str]:
    """The environment without a word for qbosync."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("QBOSYNC", "PYTHON_KEY"))}


def help_seconds() -> float:
    """Median wall time of ``qbosync --help``."""

    def once() -> float:
        began = time.perf_counter()
        subprocess.run([*QBOSYNC, "--help"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    return median(once() for _ in range(RUNS))


def cpu_seconds(words: list[str]) -> float:
    """User and system time of one process, from its start to its end."""
    process = subprocess.Popen(words, env=clean(), stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return usage.ru_utime + usage.ru_stime


def idle_sync_seconds(shop: Shop) -> float:
    """Median CPU time of a sync that finds nothing to do, after one that wrote everything."""
    words = [*QBOSYNC, "--config", str(shop.config), "sync"]
    subprocess.run(words, check=True, env=clean(), stdin=subprocess.DEVNULL)
    return median(cpu_seconds(words) for _ in range(RUNS))


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "there is no Chromium: apt-get install chromium chromium-driver"
    options.binary_location = found
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    try:
        yield driver
    finally:
        driver.quit()


def connect_seconds(shop: Shop) -> float:
    """From the command to "Connected", the start of the browser included."""
    from selenium.webdriver.common.by import By

    began = time.perf_counter()
    process = subprocess.Popen(
        [*QBOSYNC, "--config", str(shop.config), "connect", "--no-browser"],
        env=clean() | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = next(line for line in process.stdout if line.startswith("http")).strip()
    with chromium() as browser:
        browser.get(address)
        browser.find_element(By.CSS_SELECTOR, f"input[value='{shop.realm_id}']").click()
        button = browser.find_element(By.XPATH, "//button[normalize-space()='Connect']")
        threading.Thread(target=button.click).start()
        next(line for line in process.stdout if line.startswith("Connected to "))
        took = time.perf_counter() - began
        process.stdout.read()
        assert process.wait(30) == 0
    return took


def main() -> None:
    """Print the figures beside what they must stay under."""
    with tempfile.TemporaryDirectory() as folder, open_shop(Path(folder)) as shop:
        deliver_two_orders(shop)
        shop.preferences(OFF)
        took = connect_seconds(shop)
        idle = idle_sync_seconds(shop)
    print(f"qbosync --help                        {help_seconds():6.3f} s   (under 0.25 s)")
    print(f"an idle sync from cold start, CPU     {idle:6.3f} s   (under 1.0 s)")
    print(f"connect in a headless Chromium        {took:6.3f} s   (under 10 s)")


if __name__ == "__main__":
    main()
