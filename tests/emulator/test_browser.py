"""A person with a real browser: sign-in, connecting, reading the books, pressing buttons.

Driven in headless Chromium without scripts: the pages must not need any.
"""

from __future__ import annotations

import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from .conftest import OFF, REALM, Books, pays

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="selenium is not installed: pip install -e .[clients]"
)
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
DRIVERS = ("chromedriver", "/usr/bin/chromedriver")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 20.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; scripts are off."""
    driver = next(filter(None, map(shutil.which, DRIVERS)), None)
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if driver is None or program is None:
        pytest.skip("there is no Chromium with its driver: apt-get install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    scripts = {"profile.managed_default_content_settings.javascript": 2}
    options.add_experimental_option("prefs", scripts)
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield running
    running.quit()


def text(browser: Any) -> str:
    return str(browser.find_element(By.TAG_NAME, "body").text)


def click(browser: Any, element: Any) -> None:
    """Click, and wait until the next page has taken this one's place."""
    old = browser.find_element(By.TAG_NAME, "html")
    element.click()
    # Not `staleness_of`: asking an element of a page that is just going is an error of its own.
    WebDriverWait(browser, PATIENCE, 0.02).until(
        lambda here: here.find_element(By.TAG_NAME, "html").id != old.id
    )


def follow(browser: Any, words: str) -> None:
    click(browser, browser.find_element(By.LINK_TEXT, words))


def press(browser: Any, words: str, **fields: str) -> None:
    """Type into the fields of the form that has a button, and press it."""
    button = browser.find_element(By.XPATH, f"//button[normalize-space()='{words}']")
    form = button.find_element(By.XPATH, "./ancestor::form")
    for name, value in fields.items():
        entry = form.find_element(By.NAME, name.replace("__", "."))
        entry.clear()
        entry.send_keys(value)
    click(browser, button)


# -- connecting -----------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Connecting:
    """`qbosync connect --no-browser` in a process of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        config = folder / "config.toml"
        config.write_text(
            f"""data_dir = "data"

[quickbooks]
environment = "emulator"
default_export_class = "Cabinets"
redirect_uri = "http://127.0.0.1:{free_port()}/callback"
api_url = "{url}"

[source]
kind = "folder"
path = "export"
timezone = "America/Boise"
""",
            "utf-8",
        )
        self.words = [sys.executable, "-m", "qbosync", "--config", str(config)]
        self.process = subprocess.Popen(
            [*self.words, "connect", "--no-browser"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
        )
        self._lines: queue.Queue[str] = queue.Queue()
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("QBOSYNC", "PYTHON_KEY"))}
        return {**kept, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)

    def address(self) -> str:
        """The first line that holds an address."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            if "http" in line:
                return line.strip()

    def end(self) -> tuple[int, str]:
        """Exit code and all that was printed since."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        told = []
        while not self._lines.empty():
            told.append(self._lines.get())
        return code, "".join(told)

    def status(self) -> str:
        done = subprocess.run(
            [*self.words, "status"],
            capture_output=True,
            text=True,
            env=self._environment(),
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout


@pytest.fixture
def connecting(books: Books, tmp_path: Path) -> Iterator[Connecting]:
    (tmp_path / "export").mkdir()
    running = Connecting(tmp_path, books.url)
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.end()


def test_connecting_with_a_browser(books: Books, connecting: Connecting, browser: Any) -> None:
    """The guide: connect, sign in, choose the company, press Connect, confirmed."""
    books.prefer({"SalesFormsPrefs": {"AutoApplyPayments": False, "AutoApplyCredit": False}})
    books.control("POST", "companies", {"name": "Second <Shop>"})
    browser.get(connecting.address())
    assert "Connect to QuickBooks" in text(browser)
    assert "Second <Shop>" in text(browser)
    browser.find_element(By.CSS_SELECTOR, f"input[value='{REALM}']").click()
    press(browser, "Connect")
    assert "qbosync has its answer" in text(browser)
    code, told = connecting.end()
    assert code == 0, told
    assert "Connected to Sandbox Cabinet Shop (emulator)." in told
    shown = connecting.status()
    assert "Sandbox Cabinet Shop" in shown
    assert "emulator" in shown.lower()


def test_another_company_can_be_picked(books: Books, connecting: Connecting, browser: Any) -> None:
    other = books.control("POST", "companies", {"name": "Second Shop"})
    browser.get(connecting.address())
    browser.find_element(By.CSS_SELECTOR, f"input[value='{other['realm_id']}']").click()
    press(browser, "Connect")
    code, told = connecting.end()
    # Its sales tax and automatic credits are still on: connected, but inactive.
    assert code == 4, told
    assert "Connected to Second Shop (emulator)." in told


def test_a_sign_in_can_be_cancelled(connecting: Connecting, browser: Any) -> None:
    browser.get(connecting.address())
    press(browser, "Cancel")
    code, told = connecting.end()
    assert code == 4
    assert "cancelled" in told
    assert "not connected" in connecting.status().lower()


# -- reading and changing -------------------------------------------------------------------------


def test_a_bookkeeper_finds_her_way_through_the_books(books: Books, browser: Any) -> None:
    books.prefer(OFF)
    customer = books.customer("Acme & Sons <Kitchens>")
    estimate = books.estimate(customer, "582.50", DocNumber="1042")
    link = [{"TxnId": estimate["Id"], "TxnType": "Estimate"}]
    invoice = books.invoice(customer, "582.50", DocNumber="1043", LinkedTxn=link)
    books.payment(customer, 200, pays(invoice, 150), PaymentRefNum="chk 9")
    browser.get(books.url)
    follow(browser, "Sandbox Cabinet Shop")
    follow(browser, "A/R ageing")
    assert "Open documents 382.50 and accounts receivable 382.50 agree." in text(browser)
    follow(browser, "Acme & Sons <Kitchens>")
    follow(browser, "1043")
    assert "432.50" in text(browser)
    follow(browser, "1042")
    assert "Converted" in text(browser)
    follow(browser, "Journal")
    assert "Undeposited Funds" in text(browser)
    follow(browser, "chk 9")
    assert "Unapplied" in text(browser)
    press(browser, "Deposit")
    assert "Deposited." in text(browser)
    follow(browser, "Trial balance")
    assert "Checking" in text(browser)


def test_a_bookkeeper_acts(books: Books, browser: Any) -> None:
    customer = books.customer("Acme Kitchens")
    estimate = books.estimate(customer, 100, DocNumber="1042")
    invoice = books.invoice(customer, 100, DocNumber="1041")
    base = f"{books.url}/company/{REALM}"
    browser.get(f"{base}/invoice/{invoice['Id']}")
    press(browser, "Change line", values__Amount="91.50", values__Description="Doors")
    assert "The line is changed." in text(browser)
    assert str(books.again("Invoice", invoice)["TotalAmt"]) == "91.50"
    press(browser, "Void")
    assert "Voided." in text(browser)
    press(browser, "Delete")
    assert "Deleted." in text(browser)
    browser.get(f"{base}/estimate/{estimate['Id']}")
    press(browser, "Reject")
    assert books.again("Estimate", estimate)["TxnStatus"] == "Rejected"
    press(browser, "Accept")
    press(browser, "Convert to invoice")
    assert "This invoice was made of the estimate." in text(browser)
    browser.get(f"{base}/customer/{customer['Id']}")
    press(browser, "Rename", to="Acme II")
    assert "Customer Acme II" in text(browser)
    press(browser, "Make inactive")
    assert "inactive" in text(browser)
    follow(browser, "Settings")
    press(browser, "Switch on: Sales tax")
    press(browser, "Switch off: Sales tax")
    assert books.control("GET", f"companies/{REALM}/preferences")["TaxPrefs"] == {
        "UsingSalesTax": False, "PartnerTaxEnabled": False,
    }  # fmt: skip
