"""`node-quickbooks` and `intuit-oauth` from npm, unmodified, told only where QuickBooks is.

Installed into `$QBOSYNC_NODE_CLIENTS` where that is set (and kept there), else into a folder of
the test run's own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from qbosync.emulator import Server

from .company import OFF, prefer

PACKAGES = ("node-quickbooks@2.0.50", "intuit-oauth@4.2.5")
SCRIPT = Path(__file__).with_name("node_journey.cjs")
CASES = (
    "sign_in_and_refresh",
    "refresh_by_node_quickbooks",
    "sales_forms",
    "money",
    "estimate_to_invoice_and_void",
    "queries",
    "other_lists",
    "batch",
    "changes",
    "request_ids",
    "faults",
    "revoke",
    "names_customer",
    "names_vendor",
    "names_employee",
    "names_item",
    "names_account",
    "names_term",
    "names_paymentmethod",
    "names_class",
    "names_department",
)
pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both packages in it."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    named = os.environ.get("QBOSYNC_NODE_CLIENTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("node")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "node-quickbooks").exists():
        words = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=110, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("npm cannot reach a registry: no answer")
        if done.returncode:
            pytest.skip(f"npm cannot install the clients: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture(scope="module")
def outcome(modules: Path) -> dict[str, str]:
    """What the script says of each of its cases."""
    with Server(port=0, seed=1, paranoid=True) as server:
        prefer(server.url, OFF)
        words = ["node", str(SCRIPT), str(modules), server.url]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


@pytest.mark.parametrize("case", CASES)
def test_a_journey_of_the_node_clients(outcome: dict[str, str], case: str) -> None:
    assert outcome[case] == "ok"


def test_every_case_of_the_script_is_looked_at(outcome: dict[str, str]) -> None:
    assert sorted(outcome) == sorted(CASES)
