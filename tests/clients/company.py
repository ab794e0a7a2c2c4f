"""What every foreign client is handed: a running company, and its addresses."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import requests

REALM = "9341450000000001"
BACK = "http://localhost:1/callback"
OFF = {
    "TaxPrefs": {"UsingSalesTax": False},
    "SalesFormsPrefs": {"AutoApplyCredit": False, "CustomTxnNumbers": True},
}


def prefer(url: str, part: dict[str, dict[str, bool]]) -> None:
    """Set preferences as the bookkeeper would."""
    to = f"{url}/_emulator/companies/{REALM}/preferences"
    requests.post(to, json=part, timeout=10).raise_for_status()


def come_back(address: str) -> str:
    """Where the browser lands after the operator pressed Connect."""
    reply = requests.get(f"{address}&approve={REALM}", allow_redirects=False, timeout=10)
    assert reply.status_code == 302, reply.text
    return str(reply.headers["Location"])


def code_of(landed: str) -> str:
    """The code in that address."""
    return parse_qs(urlsplit(landed).query)["code"][0]
