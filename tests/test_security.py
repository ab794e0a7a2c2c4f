"""Each threat of docs/security.md has a test that exists; those that have no better home."""

from __future__ import annotations

import ast
import configparser
import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from qbosync import signin
from qbosync.qbo.listener import Grant
from qbosync.signin import Person
from qbosync.wiring import endpoints_of, load, transport_of
from tests.shopkit import Shop, deliver_two_orders, line, open_shop, order

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (S\d+) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.M)
HOSTILE = "[/] [link=http://evil/]x\x1b[31m\x9b2J\u202e <script>alert(1)</script>"


def test_there_are_twenty_six_threats() -> None:
    assert [row[0] for row in ROWS] == [f"S{n}" for n in range(1, 27)]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_threat_has_a_rule_and_tests_that_are_there(row: tuple[str, ...]) -> None:
    _, threat, rule, tests = row
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
    assert threat and rule and named
    for file, name in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", text, re.M), f"{file} has no {name}"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        yield opened


def test_no_two_sign_ins_have_the_same_state_and_it_is_long(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []

    def parsed(address: str, state: str) -> Grant:
        states.append(state)
        return Grant("code", "1")

    monkeypatch.setattr(signin, "parse_redirect", parsed)
    setup = load(shop.config, None, {})
    endpoints = endpoints_of(setup, transport_of(setup))
    for _ in range(3):
        signin.sign_in(setup, endpoints, "id", Person(lambda _: None, None, lambda: "", None))
    assert len(set(states)) == 3
    assert all(len(state) * 6 >= 256 for state in states), "six bits a character"


def test_hostile_ids_are_only_ids_to_the_ledger(shop: Shop) -> None:
    words = ["1');DROP TABLE runs", '2" OR "1"="1', "3;DELETE FROM runs", "4%_*?"]
    orders = [
        order(str(number), "10.00", number=word, customer_id="7", status="shipped", name=word)
        for number, word in enumerate(words)
    ]
    shop.deliver(
        customers=[{"customer_id": "7", "name": "O'Hara \\' \u2019 --"},
                   {"customer_id": "' OR 1=1 --", "name": "Nobody"}],
        orders=[*orders, order("5'; DROP TABLE holds;--", "1.00", customer_id="7")],
        order_lines=[line(str(number), "10.00") for number in range(len(words))],
    )  # fmt: skip
    shop.connect()
    first = shop.run("sync", "--json").json
    numbers = {row["number"] for row in first["written"] if row["entity"] == "Invoice"}
    held = {row["source"] for row in first["held"]}
    assert numbers == set(words)
    assert {"file:customers.csv:3", "file:orders.csv:6"} <= held, "no id that could be code"
    for word in words:
        assert word in shop.run("explain", word).out
    assert shop.run("explain", "order:' OR '1'='1").code == 4, "it finds nothing, not everything"
    again = shop.run("sync", "--json").json
    assert again["written"] == [] and shop.run("status").code == 0


def hostile(shop: Shop) -> None:
    shop.deliver(
        customers=[{"customer_id": "1", "name": f"A {HOSTILE}"},
                   {"customer_id": "2", "name": "=cmd()|'x'!A1"}],
        orders=[order("1001", "10.00", name=HOSTILE), order("1002", "9.00", customer_id="2"),
                order("1003", "8.00", name=HOSTILE)],
        order_lines=[line("1001", "10.00", description=HOSTILE), line("1002", "9.00"),
                     line("1003", "7.00", description=HOSTILE)],
    )  # fmt: skip
    shop.connect()
    assert shop.run("-v", "sync").code == 3


@pytest.mark.parametrize(
    "args",
    [["-v", "plan"], ["status"], ["check"], ["check", "--full"], ["explain", "order:1001"],
     ["explain", "order:1003"], ["reconcile"], ["adopt", "--dry-run"], ["support"],
     ["explain", "[/]"], ["-v", "sync"]],
    ids=" ".join,
)  # fmt: skip
def test_a_hostile_name_prints_as_text_wherever_it_is_printed(shop: Shop, args: list[str]) -> None:
    hostile(shop)
    done = shop.run(*args)
    assert done.code in (0, 3, 4), done.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.text)
    assert "]8;" not in done.text, "no link for a terminal"


def test_a_formula_and_a_script_are_text_in_what_we_write(shop: Shop) -> None:
    hostile(shop)
    table, page = shop.folder / "documents.csv", shop.folder / "page.html"
    assert shop.run("ledger", "export", str(table)).code == 0
    text = table.read_text(encoding="utf-8")
    assert "'=cmd()" in text
    assert not re.search(r'(^|,|")=cmd', text, re.M)
    shop.run("reconcile", "--html", str(page))
    assert "<script>alert" not in page.read_text(encoding="utf-8")


def test_root_is_warned_and_not_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_two_orders(shop)
    shop.connect()
    monkeypatch.setattr(os, "geteuid", os.getuid)
    if os.getuid() != 0:
        pytest.skip("root's own files would be another user's here")
    done = shop.run("check")
    assert done.code == 0
    assert "runs as root" in " ".join(done.out.split())


# What others wrote ------------------------------------------------------------------------


def declared() -> dict[str, str]:
    """The packages that are installed with us, with their floors."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options"]["install_requires"].split()
    return {re.split(r"[<>=!~]", one)[0].casefold().replace("_", "-"): one for one in lines}


def imported() -> set[str]:
    """What the program imports that is neither its own nor Python's."""
    names = set()
    for path in (ROOT / "qbosync").rglob("*.py"):
        if "probe" in path.parts:
            continue  # asks a sandbox, with an extra of its own
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"qbosync"}


def test_every_package_that_is_imported_is_declared_with_a_floor() -> None:
    wanted, known = declared(), packages_distributions()
    for name in imported():
        if name in ("secretstorage", "urllib3"):
            continue  # come with keyring and requests, and follow them
        [owner, *_] = known.get(name, [name])
        assert owner.casefold().replace("_", "-") in wanted, name
    assert all(">=" in line or ">" in line for line in wanted.values()), wanted


def test_installing_runs_no_code_of_ours() -> None:
    assert not (ROOT / "setup.py").exists()
    assert "build-backend" in (ROOT / "pyproject.toml").read_text()
    assert "cmdclass" not in (ROOT / "setup.cfg").read_text()
