"""What a person and a script get from each command: words, exit codes, one JSON object.

Every exit code is produced for real, and none comes with a traceback but a bug's.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from qbosync.cli import program
from tests.shopkit import (
    CUSTOMERS,
    OFF,
    Shop,
    applied,
    deliver_two_orders,
    line,
    open_shop,
    order,
    payment,
)

SYNC_KEYS = {
    "run", "written", "held", "unchanged", "exit_code", "error", "plan_id", "out_of_scope",
    "adopted", "to_apply_by_hand", "edited", "reported",
}  # fmt: skip
RUN_KEYS = {
    "id", "started_at", "finished_at", "environment", "realm_id", "company", "requests", "reads",
}  # fmt: skip
PLAN_KEYS = SYNC_KEYS - {"run", "written"} | {"operations", "totals"}
STATUS_KEYS = {
    "environment", "company", "realm_id", "connected", "active", "last_run", "last_success_at",
    "held", "open_intents", "token", "ledger", "error", "to_apply_by_hand",
}  # fmt: skip
NEEDS_A_PERSON = {4, 5, 6, 7}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Shop]:
    """A shop with two orders that never connected."""
    with open_shop(tmp_path) as opened:
        deliver_two_orders(opened)
        yield opened


@pytest.fixture
def shop(fresh: Shop) -> Shop:
    """The same, connected and Active."""
    fresh.connect()
    return fresh


def sync_json(shop: Shop, code: int, *args: str) -> dict[str, Any]:
    """`sync --json` that ends with this code, in the form that scripts rely on."""
    done = shop.run("sync", "--json", *args)
    assert done.code == code, done.text
    document = done.json
    assert document.keys() >= SYNC_KEYS and document["run"].keys() == RUN_KEYS
    assert document["exit_code"] == code
    assert bool(document["error"]) == (code in NEEDS_A_PERSON)
    if document["error"]:
        assert document["error"]["what"] and document["error"].keys() == {"what", "todo"}
    return document


# Help -------------------------------------------------------------------------------------


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands(program)), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(program, [*path, "--help"])
    assert done.exit_code == 0
    assert re.search(rf"Examples?:  qbosync {path[0]}", done.output)


def test_the_help_lists_the_exit_codes() -> None:
    done = CliRunner().invoke(program, ["--help"])
    assert all(
        f"\n    {code}  " in done.output or f"  {code}  " in done.output for code in range(8)
    )
    assert "130, 143" in done.output


def test_help_comes_without_anything_heavy() -> None:
    code = (
        "import sys\nfrom qbosync.cli import program\n"
        "try:\n    program(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'requests', 'pydantic', 'rich', 'sqlite3', 'keyring', 'selenium', 'simplejson'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# Exit codes -------------------------------------------------------------------------------


def test_0_when_done_and_when_there_is_nothing_to_do(shop: Shop) -> None:
    first = sync_json(shop, 0)
    assert {row["source"] for row in first["written"]} >= {"order:1001", "order:1002"}
    assert all(row["qbo_id"] for row in first["written"])
    assert first["run"]["company"] == "Sandbox Cabinet Shop"
    assert datetime.fromisoformat(first["run"]["started_at"]).utcoffset() == timedelta()
    assert [row["amount"] for row in first["written"] if row["number"]] == ["100.00", "250.00"]
    second = sync_json(shop, 0)
    assert (second["written"], second["unchanged"]) == ([], 4)


@pytest.mark.parametrize(
    "args",
    [
        ["sync", "--bogus"],
        ["sync", "--only", "1042"],
        ["sync", "--only", "dog:1"],
        ["sync", "--plan"],
        ["plan", "more"],
        ["explain"],
        ["status", "--max-age", "soon"],
        ["status", "--max-age", "99999999999999d"],
        ["connect", "--environment", "moon"],
        ["init", "no-such-folder"],
        ["fly"],
        ["emulator", "serve", "--limits", "none"],
    ],
    ids=" ".join,
)
def test_2_for_wrong_usage_with_one_line_that_says_which(fresh: Shop, args: list[str]) -> None:
    done = fresh.run(*args)
    assert done.code == 2
    assert "Error: " in done.err and "Traceback" not in done.text and done.out == ""


def test_2_is_one_object_for_scripts_too(fresh: Shop) -> None:
    done = fresh.run("sync", "--json", "--only", "1042")
    assert done.code == 2
    assert done.json.keys() >= SYNC_KEYS and "kind:id" in done.json["error"]["what"]


def test_3_when_a_record_is_held_and_the_rest_went_out(shop: Shop) -> None:
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1001", "100.00"), order("1002", "99.00", customer_id="2")],
        order_lines=[line("1001", "100.00"), line("1002", "90.00")],
    )
    document = sync_json(shop, 3)
    [held] = document["held"]
    assert held.keys() >= {"source", "reason", "what", "todo", "since"}
    assert held["source"] == "order:1002" and held["todo"] and held["amount"] == "99.00"
    assert datetime.fromisoformat(held["since"]).utcoffset() == timedelta()
    assert shop.book("Estimate", "1001")["TotalAmt"] == 100
    assert shop.run("plan").code == 0, "what a plan holds is its content, not its failure"


def test_4_when_not_connected(fresh: Shop) -> None:
    document = sync_json(fresh, 4)
    assert document["error"]["todo"] == "Run `qbosync connect`."


def test_4_while_a_setting_is_wrong_then_active_by_itself(fresh: Shop) -> None:
    fresh.connect(switch_off=False)
    with fresh.writes() as sent:
        document = sync_json(fresh, 4)
    assert not sent and "Sales Tax" in document["error"]["what"]
    assert not fresh.run("status", "--json").json["active"]
    fresh.preferences(OFF)
    sync_json(fresh, 0)
    assert fresh.run("status", "--json").json["active"]


def test_4_without_a_default_export_class(fresh: Shop) -> None:
    fresh.configure(export_class="")
    done = fresh.connect_by_hand()
    assert done.code == 4
    assert "default_export_class" in done.err and "--default-export-class" in done.err
    assert not fresh.run("status", "--json").json["connected"]


def test_4_when_the_given_class_is_another_than_the_configurations(fresh: Shop) -> None:
    done = fresh.connect_by_hand("--default-export-class", "Doors")
    assert done.code == 4 and "Doors" in done.err and "Cabinets" in done.err


def test_4_when_all_orders_are_gone_from_the_export(shop: Shop) -> None:
    sync_json(shop, 0)
    shop.deliver(customers=CUSTOMERS, orders=[])
    with shop.writes() as sent:
        document = sync_json(shop, 4)
    assert not sent and "orders" in document["error"]["what"]


def test_4_for_a_configuration_that_is_wrong_names_every_mistake(fresh: Shop) -> None:
    text = fresh.config.read_text(encoding="utf-8").replace("[source]", "[source]\nkinf = 1\nx = 2")
    fresh.config.write_text(text, encoding="utf-8")
    document = sync_json(fresh, 4)
    assert "kinf" in document["error"]["what"] and "x" in document["error"]["what"]
    for command in ("plan", "status", "check"):
        done = fresh.run(command, "--json")
        assert done.code == 4 and done.json["error"]["what"]


def test_4_without_a_configuration_says_how_to_get_one(fresh: Shop) -> None:
    fresh.config.unlink()
    done = fresh.run("sync")
    assert done.code == 4 and "qbosync init" in done.err


def test_5_when_quickbooks_is_not_there(shop: Shop) -> None:
    shop.server.stop()
    document = sync_json(shop, 5)
    assert document["written"] == []
    shop.server._http = type(shop.server)(port=shop.server.port)._http  # for the fixture's end
    shop.server.start()


def test_5_when_quickbooks_goes_away_in_the_middle_and_nothing_is_twice(shop: Shop) -> None:
    shop.configure('[sync]\nresend_after = "0s"\n')
    shop.fault("reset_after", method="POST", entity="estimate")
    document = sync_json(shop, 5)
    [held] = document["held"]
    assert (held["source"], held["reason"]) == ("order:1001", "unknown_outcome")
    assert held["until"]
    sync_json(shop, 0)
    assert len(shop.books("Estimate")) == 1
    shop.writes_nothing("sync")


def test_6_while_another_run_is_still_going(shop: Shop) -> None:
    lock = shop.ledger.with_suffix(".lock")
    holder = "import fcntl,sys,time;f=open(sys.argv[1],'a');fcntl.flock(f,2);print(1,flush=True);"
    with subprocess.Popen(
        [sys.executable, "-c", holder + "sys.stdin.read()", str(lock)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None and other.stdin is not None
        other.stdout.readline()
        document = sync_json(shop, 6)
        quiet = shop.run("sync")
        assert (quiet.code, quiet.out, quiet.err) == (6, "", "")
        assert shop.run("plan", "--json").code == 6
        other.stdin.close()
    assert "Another run is still going" in document["error"]["what"]
    sync_json(shop, 0)


@pytest.mark.parametrize("damage", ["missing", "not a database", "another schema", "torn"])
def test_7_when_the_ledger_needs_a_person(shop: Shop, damage: str) -> None:
    sync_json(shop, 0)
    if damage == "missing":
        shop.ledger.unlink()
    elif damage == "not a database":
        shop.ledger.write_text("no database")
    elif damage == "another schema":
        with sqlite3.connect(shop.ledger) as db:
            db.execute("UPDATE meta SET value = '999' WHERE name = 'schema'")
        db.close()
    else:
        content = bytearray(shop.ledger.read_bytes())
        content[4096 : 4096 * 3] = os.urandom(4096 * 2)
        shop.ledger.write_bytes(content)
    with shop.writes() as sent:
        document = sync_json(shop, 7)
    assert not sent
    assert str(shop.ledger) in document["error"]["what"] and document["error"]["todo"]
    for command in (["plan"], ["status"], ["check"], ["explain", "1001"]):
        done = shop.run(*command, "--json")
        assert done.code == 7 and done.json["error"]["what"]


def test_143_lets_the_request_in_flight_finish_and_records_its_answer(shop: Shop) -> None:
    shop.fault("slow", method="POST", entity="customer", delay_s=1.0)
    process = shop.start("sync", "--json")
    wait_for(lambda: any("customer" in row["path"] for row in shop.control("requests")))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 143, err
    document = json.loads(out)
    assert document.keys() >= SYNC_KEYS and document["exit_code"] == 143
    assert {row["entity"] for row in document["written"]} >= {"Customer"}
    after = sync_json(shop, 0)
    assert (
        "Customer" not in {row["entity"] for row in after["written"]}
        or len(shop.books("Customer")) == 2
    )
    assert sorted(body["DisplayName"] for body in shop.books("Customer")) == [
        "Alder Homes", "Birch & Söhne",
    ]  # fmt: skip
    assert (len(shop.books("Estimate")), len(shop.books("Invoice"))) == (1, 1)
    shop.writes_nothing("sync")


def test_130_for_ctrl_c_under_cron_says_what_is_recorded(shop: Shop) -> None:
    shop.fault("slow", method="POST", entity="customer", delay_s=1.0)
    process = shop.start("sync")
    wait_for(lambda: any("customer" in row["path"] for row in shop.control("requests")))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert "what was sent is recorded" in err and "Traceback" not in err


def wait_for(is_so: Any) -> None:
    end = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# One object -------------------------------------------------------------------------------


def test_plan_and_status_have_every_key_whatever_happened(fresh: Shop) -> None:
    assert fresh.run("plan", "--json").json.keys() >= PLAN_KEYS
    assert fresh.run("status", "--json").json.keys() >= STATUS_KEYS
    fresh.connect()
    assert fresh.run("plan", "--json").json.keys() >= PLAN_KEYS
    state = fresh.run("status", "--json").json
    assert state.keys() >= STATUS_KEYS and state["last_run"] is None
    assert 0 < state["token"]["refresh_days_left"] <= 100
    fresh.run("sync")
    last = fresh.run("status", "--json").json["last_run"]
    assert last.keys() >= {"started_at", "finished_at", "exit_code", "written", "held"}
    fresh.ledger.unlink()
    broken = fresh.run("status", "--json")
    assert broken.code == 7 and broken.json.keys() >= STATUS_KEYS


# Cron -------------------------------------------------------------------------------------


def test_cron_hears_nothing_when_all_is_well(shop: Shop) -> None:
    for _ in range(2):
        done = shop.run("sync")
        assert (done.code, done.out, done.err) == (0, "", "")


def test_cron_hears_of_a_held_record_once_then_daily_then_that_all_is_well(shop: Shop) -> None:
    at_ten_in_the_morning(shop)
    good = {"customers": CUSTOMERS, "orders": [order("1001", "100.00"), order("1002", "90.00")]}
    lines = [line("1001", "100.00"), line("1002", "90.00")]
    bad = good | {"orders": [order("1001", "100.00"), order("1002", "99.00")]}
    shop.deliver(**bad, order_lines=lines)
    told = shop.run("sync")
    assert (told.code, told.out) == (3, "")
    first, second, *_ = told.err.splitlines()
    assert first == (
        "qbosync: Sandbox Cabinet Shop (emulator): 1 new record held, 1 in all,"
        " 99.00 not in QuickBooks"
    )
    assert second.startswith("NEW order 1002, Alder Homes, 99.00: ")
    shop.clock.offset += timedelta(hours=2)
    silent = shop.run("sync")
    assert (silent.code, silent.err) == (3, "")
    shop.clock.offset += timedelta(hours=22)
    again = shop.run("sync")
    assert again.code == 3
    assert "0 new records held, 1 in all" in again.err and "NEW" not in again.err
    shop.deliver(**good, order_lines=lines)
    well = shop.run("sync")
    assert (well.code, well.out) == (0, "")
    assert well.err == "qbosync: Sandbox Cabinet Shop (emulator): all is well again\n"
    assert shop.run("sync").err == ""


def test_cron_hears_of_exit_4_at_once_and_daily(shop: Shop) -> None:
    at_ten_in_the_morning(shop)
    shop.preferences({"TaxPrefs": {"UsingSalesTax": True}})
    assert "Turn off sales tax" in shop.run("sync").err
    shop.clock.offset += timedelta(hours=2)
    assert shop.run("sync").err == ""
    shop.clock.offset += timedelta(hours=22)
    assert "Turn off sales tax" in shop.run("sync").err


def test_cron_hears_of_exit_5_at_the_third_in_a_row(shop: Shop) -> None:
    at_ten_in_the_morning(shop)
    shop.run("sync")
    heard = []
    for _ in range(4):
        shop.fault("status_503_html", method="GET", entity="preferences", times=50)
        done = shop.run("sync")
        assert done.code == 5, done.text
        heard.append(bool(done.err))
    assert heard == [False, False, True, False]


def at_ten_in_the_morning(shop: Shop) -> None:
    """Put the clock forward to ten in Boise: the reminder's hour is far."""
    now = datetime.now(UTC)
    ten = now.replace(hour=17, minute=0, second=0, microsecond=0)
    shop.clock.offset = ten - now + timedelta(days=ten < now)


# Exactly this -----------------------------------------------------------------------------


def test_sync_carries_out_exactly_the_plan_that_was_looked_at(shop: Shop) -> None:
    plan = shop.run("plan", "--json").json
    document = sync_json(shop, 0, "--plan", plan["plan_id"])
    planned = [(op["action"], op["entity"], op["source"]) for op in plan["operations"]]
    written = [(op["action"], op["entity"], op["source"]) for op in document["written"]]
    assert sorted(planned) == sorted(written)


def test_a_plan_does_not_hold_when_the_source_moved(shop: Shop) -> None:
    plan = shop.run("plan", "--json").json
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1001", "101.00"), order("1002", "250.00", customer_id="2")],
        order_lines=[line("1001", "101.00"), line("1002", "250.00")],
    )
    with shop.writes() as sent:
        document = sync_json(shop, 4, "--plan", plan["plan_id"])
    assert not sent and plan["plan_id"] in document["error"]["what"]


def test_a_plan_does_not_hold_when_quickbooks_moved(shop: Shop) -> None:
    sync_json(shop, 0)
    shop.control("clock", {"advance_s": 600})
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1001", "100.00", status="shipped"), order("1002", "250.00", customer_id="2",
                status="shipped")],
        order_lines=[line("1001", "100.00"), line("1002", "250.00", export_class="Doors")],
    )  # fmt: skip
    plan = shop.run("plan", "--json").json
    shop.bookkeeper("edit", entity="Invoice", number="1002", values={"PrivateNote": "seen"})
    with shop.writes() as sent:
        sync_json(shop, 4, "--plan", plan["plan_id"])
    assert not sent


def test_plan_writes_nothing_anywhere(shop: Shop) -> None:
    shop.run("sync")
    shop.deliver(customers=CUSTOMERS, orders=[order("1003", "9.00"), order("1004", "5.00")],
                 order_lines=[line("1003", "9.00"), line("1004", "4.00")])  # fmt: skip
    before = tables(shop)
    one, other = (shop.writes_nothing("plan", "--json").json for _ in range(2))
    assert one["plan_id"] == other["plan_id"]
    assert tables(shop) == before
    assert "last_run" in shop.run("status", "--json").json


def tables(shop: Shop) -> dict[str, list[Any]]:
    """All that the ledger knows, but for the number that proves it is the newest."""
    db = sqlite3.connect(shop.ledger)
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    db.close()
    found["meta"] = [row for row in found["meta"] if row[0] != "sequence"]
    return found


def test_only_brings_along_what_the_record_depends_on_and_nothing_else(shop: Shop) -> None:
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1001", "100.00"), order("1002", "250.00", customer_id="2"),
                order("1003", "9.00")],
        order_lines=[line("1001", "100.00"), line("1002", "250.00", export_class="Doors"),
                     line("1003", "8.00")],
    )  # fmt: skip
    document = sync_json(shop, 0, "--only", "order:1002")
    written = sorted((row["entity"], row["source"]) for row in document["written"])
    assert written == [
        ("Customer", "customer:2"), ("Estimate", "order:1002"), ("Item", "item:doors"),
    ]  # fmt: skip
    assert any("comes along" in words and "customer:2" in words for words in document["reported"])
    assert sync_json(shop, 3)["held"][0]["source"] == "order:1003"
    sync_json(shop, 0, "--only", "order:1001")
    state = shop.run("status", "--json").json
    assert [row["source"] for row in state["held"]] == ["order:1003"], "it is held all the same"


def test_only_of_what_nobody_knows_is_said(shop: Shop) -> None:
    document = sync_json(shop, 4, "--only", "order:4242")
    assert "order:4242" in document["error"]["what"]


# Asking -----------------------------------------------------------------------------------


def test_explain_finds_a_record_by_reference_number_and_id(shop: Shop) -> None:
    shop.deliver(
        customers=CUSTOMERS, orders=[order("1001", "100.00", number="A-17")],
        order_lines=[line("1001", "100.00")], payments=[payment("77", "40.00")],
        payment_applications=[applied("77", "order:1001", "40.00")],
    )  # fmt: skip
    assert shop.run("explain", "order:1001").code == 0, "also before anything was written"
    shop.run("sync")
    [estimate], [paid] = shop.books("Estimate"), shop.books("Payment")
    for ref in ("order:1001", "A-17", estimate["Id"]):
        story = shop.run("explain", ref, "--json").json
        assert story["ref"] == "order:1001" and story["documents"][0]["qbo_id"] == estimate["Id"]
        assert story["writes"][0]["request_id"] and story["writes"][0]["intuit_tid"]
    assert shop.run("explain", "payment:77", "--json").json["documents"][0]["qbo_id"] == paid["Id"]
    words = shop.run("explain", "A-17").out
    assert "not charged yet" in words and f"Id {estimate['Id']}" in words
    for nothing in ("order:9", "9999", ":", "payment:", "'; DROP TABLE entries; --"):
        done = shop.run("explain", nothing)
        assert done.code == 4 and "Nothing is known of" in done.err


def test_status_with_max_age_is_for_whoever_watches(shop: Shop) -> None:
    assert shop.run("status").code == 0
    never = shop.run("status", "--max-age", "5h", "--json")
    assert never.code == 4 and "never" in never.json["error"]["what"]
    shop.run("sync")
    assert shop.run("status", "--max-age", "5h").code == 0
    shop.clock.offset += timedelta(hours=6)
    late = shop.run("status", "--max-age", "5h")
    assert late.code == 4 and "longer ago than 5h" in late.err
    assert shop.run("status").code == 0


def test_status_tells_how_it_stands_in_three_words(shop: Shop) -> None:
    shop.run("sync")
    assert "Active · Working\n" in shop.run("status").out
    shop.deliver(customers=CUSTOMERS, orders=[order("1003", "9.00")],
                 order_lines=[line("1003", "8.00")])  # fmt: skip
    shop.run("sync")
    words = shop.run("status").out
    assert "Active · Working, needs you\n" in words and "order 1003" in words
    shop.preferences({"TaxPrefs": {"UsingSalesTax": True}})
    shop.run("sync")
    assert "Inactive · Stopped\n" in shop.run("status").out


# Text is text -----------------------------------------------------------------------------

NASTY = "[/] [red]Ev\x1b[31mil\x9b2J Homes\u202e"


@pytest.mark.parametrize("command", [["plan"], ["-v", "sync"], ["status"], ["explain", "1001"]])
def test_names_print_as_text_and_move_no_cursor(shop: Shop, command: list[str]) -> None:
    shop.deliver(
        customers=[{"customer_id": "1", "name": "[/] [red]Evil Homes"},
                   {"customer_id": "2", "name": NASTY}],
        orders=[order("1001", "100.00"), order("1002", "7.00", customer_id="2", name=NASTY)],
        order_lines=[line("1001", "100.00"), line("1002", "7.00")],
    )  # fmt: skip
    if command[0] in ("status", "explain"):
        shop.run("sync")
    done = shop.run(*command)
    assert done.code in (0, 3), done.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.text)
    if command[0] != "status" and command[0] != "explain":
        assert "[/] [red]Evil Homes" in done.text


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}], ids=["colours", "NO_COLOR"])
def test_colours_are_for_terminals_and_no_color_is_respected(
    shop: Shop, environ: dict[str, str]
) -> None:
    text = on_a_terminal(shop, ["sync"], environ)
    assert "Written: 6" in text
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]m", on_a_terminal(shop, ["check"], environ))) == (
        not environ
    )


def on_a_terminal(shop: Shop, args: list[str], environ: dict[str, str]) -> str:
    """What a command prints on a terminal of its own."""
    ours, theirs = pty.openpty()
    env = {n: v for n, v in os.environ.items() if n != "NO_COLOR"} | {"TERM": "xterm"} | environ
    with subprocess.Popen(
        [sys.executable, "-m", "qbosync", "--config", str(shop.config), *args],
        stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=Path(__file__).parent.parent,
    ) as process:  # fmt: skip
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:  # the end of a terminal
            pass
        assert process.wait(20) == 0, b"".join(parts)
    os.close(ours)
    return b"".join(parts).decode()
