"""The zip for whoever helps: all that matters, no name, no secret."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shopkit import CUSTOMERS, Shop, line, open_shop, order

PERSONAL = ("Alder", "Birch", "Söhne", "alder.example", "555-0142", "Mill Road", "Lakeside",
            "Walnut", "Sandbox Cabinet Shop")  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as shop:
        alder = CUSTOMERS[0] | {"email": "office@alder.example", "phone": "555-0142",
                                "bill_line1": "12 Mill Road"}  # fmt: skip
        shop.deliver(
            customers=[alder, CUSTOMERS[1]],
            orders=[
                order("1001", "100.00", status="shipped", name="Lakeside kitchen"),
                order("1002", "250.00", customer_id="2"),
            ],
            order_lines=[line("1001", "100.00"), line("1002", "240.00", description="Walnut top")],
        )
        shop.connect()
        assert shop.run("sync").code == 3
        yield shop


def opened(shop: Shop, *args: str) -> dict[str, str]:
    path = shop.folder / "help.zip"
    done = shop.run("support", "--yes", "--to", str(path), *args)
    assert done.code == 0, done.text
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert all(name in done.out for name in files), "what goes in is listed"
    return files


def test_it_holds_what_somebody_needs_to_help(shop: Shop) -> None:
    files = opened(shop, "--for", "order:1002")
    assert set(files) == {
        "versions.json", "ledger.json", "status.json", "check.json", "record.json",
        "config.toml", "qbosync.log",
    }  # fmt: skip
    assert json.loads(files["status.json"])["last_run"]["exit_code"] == 3
    [held] = json.loads(files["ledger.json"])["held"]
    assert held["source"] == "order:1002" and "240.00" in held["what"]
    assert json.loads(files["record.json"])["source"]["total"] == "250.00"
    assert "requests-oauthlib" in files["versions.json"]


def test_no_name_and_no_secret_is_in_it(shop: Shop) -> None:
    token = json.loads((shop.folder / "data" / "emulator-token.json").read_text())
    secrets = [value for blob in token.values() for value in json.loads(blob).values()
               if isinstance(value, str) and len(value) > 20]  # fmt: skip
    assert secrets
    text = "\n".join(opened(shop, "--for", "order:1001").values())
    found = [word for word in (*PERSONAL, *secrets) if word in text]
    assert [word for word in found if word not in _own(token)] == []


def test_the_accounts_of_those_who_decided_are_in_it_neither(shop: Shop) -> None:
    shop.environ = {"LOGNAME": "bmiller"}
    assert shop.run("check", "--accept", "late-fees").code == 0
    shop.run("hold", "order:1001", "--because", "asked by bmiller")
    assert "by bmiller" in shop.run("status").out
    shop.environ = {"LOGNAME": "cjones"}
    text = "\n".join(opened(shop, "--for", "order:1001").values())
    assert "bmiller" not in text and "cjones" not in text
    assert "that it is off" in text


def _own(token: dict[str, str]) -> set[str]:
    """The ledger's uuid lies beside the token, and is no secret."""
    return {json.loads(blob).get("ledger_uuid", "") for blob in token.values()}


def test_without_a_word_nothing_is_written(shop: Shop) -> None:
    path = shop.folder / "help.zip"
    done = shop.run("support", "--to", str(path))
    assert done.code == 4 and not path.exists() and "status.json" in done.out


def test_a_file_that_is_there_is_left_alone(shop: Shop) -> None:
    path = shop.folder / "help.zip"
    path.write_text("mine")
    done = shop.run("support", "--yes", "--to", str(path))
    assert done.code == 4 and path.read_text() == "mine"


def test_it_also_helps_where_quickbooks_cannot_be_reached(shop: Shop) -> None:
    shop.server.stop()
    files = opened(shop)
    assert "cannot be reached" in files["check.json"]
    assert json.loads(files["ledger.json"])["counts"]
