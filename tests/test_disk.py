"""A disk that is full, read-only, shared or broken: said in words, and never a second document.

Real files and the real command line.  What needs a disk of its own gets a small one in
memory, where the user may mount one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qbosync.ledger.schema
from qbosync.emulator import Server
from tests.shopkit import Shop, deliver_two_orders, line, open_shop, order

DOCUMENTS = ("Estimate", "Invoice", "Payment", "CreditMemo")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Two orders, synced."""
    with open_shop(tmp_path) as shop:
        deliver_two_orders(shop)
        shop.connect()
        assert shop.run("sync").code == 0
        yield shop


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Shop]:
    """A connected shop whose data lie on a disk of one megabyte of its own."""
    data = tmp_path / "data"
    data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(data)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        with open_shop(tmp_path) as shop:
            deliver_two_orders(shop)
            shop.connect()
            yield shop
    finally:
        subprocess.run(["umount", str(data)], check=True)


def a_new_order(shop: Shop) -> None:
    """One more invoice to write."""
    shop.deliver(
        customers=[{"customer_id": "1", "name": "Alder Homes"},
                   {"customer_id": "2", "name": "Birch & Söhne"}],
        orders=[order("1001", "100.00"),
                order("1002", "250.00", customer_id="2", status="shipped"),
                order("1003", "70.00", status="shipped")],
        order_lines=[line("1001", "100.00"), line("1002", "250.00", export_class="Doors"),
                     line("1003", "70.00")],
    )  # fmt: skip


def counts(shop: Shop) -> list[int]:
    return [len(shop.books(entity)) for entity in DOCUMENTS]


def remount(data: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(data)], check=True)


def fill(data: Path) -> Path:
    """Take all the room there is."""
    filler = data / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


# Full ---------------------------------------------------------------------------------------


def test_a_full_disk_sends_nothing_without_its_intent_and_goes_on_when_there_is_room(
    small: Shop,
) -> None:
    filler = fill(small.ledger.parent)
    done = small.writes_nothing("sync", "--json", code=7)
    assert "full" in done.json["error"]["what"] and "room" in done.json["error"]["todo"]
    assert small.run("status").code == 0, "reading needs no room"
    filler.unlink()
    assert small.run("sync").code == 0
    assert counts(small) == [1, 1, 0, 0]
    small.writes_nothing("sync")


def test_a_disk_without_room_for_the_copy_is_told_after_everything_was_written(
    small: Shop,
) -> None:
    (small.ledger.parent / "backups").write_text("in the way")
    done = small.run("sync", "--json")
    assert done.code == 7 and "backups" in done.json["error"]["what"]
    assert len(done.json["written"]) > 1
    (small.ledger.parent / "backups").unlink()
    small.writes_nothing("sync")


# Read-only ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_cut_off", [False, True], ids=["closed", "cut off while open"])
def test_a_read_only_disk_stops_writing_and_still_answers(small: Shop, is_cut_off: bool) -> None:
    assert small.run("sync").code == 0
    data = small.ledger.parent
    holder = sqlite3.connect(small.ledger) if is_cut_off else None
    if holder is not None:
        # As after a crash: what was committed last stands in the log only.
        holder.execute("INSERT INTO meta VALUES ('accepted:in-the-log', 'yes')")
        holder.commit()
        kept = {end: small.ledger.with_name(small.ledger.name + end).read_bytes()
                for end in ("", "-wal")}  # fmt: skip
        holder.close()
        for end, content in kept.items():
            small.ledger.with_name(small.ledger.name + end).write_bytes(content)
    a_new_order(small)
    remount(data, "ro")
    try:
        done = small.writes_nothing("sync", "--json", code=7)
        assert "read-only" in done.text.casefold() or "only be read" in done.text
        status = small.run("status", "--json")
        assert status.code == 0 and status.json["ledger"]["Invoice"] == 1
        assert ("in-the-log" in status.json["accepted"]) == is_cut_off
        assert small.run("explain", "1002").code == 0
        assert small.run("ledger", "export").out.count("\n") > 4
    finally:
        remount(data, "rw")
    assert small.run("sync").code == 0
    assert counts(small) == [1, 2, 0, 0]


# Locked by another program --------------------------------------------------------------------


def test_another_program_that_keeps_the_ledger_locked_is_named_as_the_trouble(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qbosync.ledger.schema, "PATIENCE", 0.05)
    a_new_order(shop)
    browser = subprocess.Popen(
        [sys.executable, "-c", "import sqlite3,sys;c=sqlite3.connect(sys.argv[1]);"
         "c.execute('BEGIN IMMEDIATE');print(1,flush=True);sys.stdin.read()", str(shop.ledger)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert browser.stdout is not None
    browser.stdout.readline()
    done = shop.writes_nothing("sync", "--json", code=7)
    assert "another program keeps it locked" in done.json["error"]["what"]
    assert shop.run("status").code == 0
    browser.communicate(b"")
    assert shop.run("sync").code == 0
    assert counts(shop) == [1, 2, 0, 0]


# Broken ---------------------------------------------------------------------------------------


def torn(ledger: Path) -> None:
    content = bytearray(ledger.read_bytes())
    content[4096 : 4096 * 3] = bytes(4096 * 2)
    ledger.write_bytes(content)


def shortened(ledger: Path) -> None:
    os.truncate(ledger, ledger.stat().st_size // 2)


def another_version(ledger: Path) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("UPDATE meta SET value = '999' WHERE name = 'schema'")
    db.close()


def another_company(ledger: Path) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("UPDATE meta SET value = '123' WHERE name = 'realm_id'")
    db.close()


def a_folder(ledger: Path) -> None:
    ledger.unlink()
    ledger.mkdir()


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "missing"),
    "empty": (lambda ledger: ledger.write_bytes(b""), "empty"),
    "no database": (lambda ledger: ledger.write_text("no database " * 400), "no database"),
    "a corrupt page": (torn, "damaged"),
    "truncated": (shortened, "damaged"),
    "another version": (another_version, "version"),
    "another company's": (another_company, "another company"),
    "a folder": (a_folder, "no file"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_broken_ledger_is_told_as_what_it_is_and_rebuilt_without_a_second_document(
    shop: Shop, harm: str
) -> None:
    spoil, word = HARMS[harm]
    spoil(shop.ledger)
    a_new_order(shop)
    before = counts(shop)
    done = shop.writes_nothing("sync", "--json", code=7)
    error = done.json["error"]
    assert word in error["what"] and str(shop.ledger) in error["what"]
    assert "ledger rebuild" in error["todo"]
    assert shop.writes_nothing("status", "--json", code=7).json["error"] == error
    # Looked at and not agreed to: nothing changes.
    looked = shop.writes_nothing("ledger", "rebuild", code=4)
    assert "Invoice 1002, 250.00" in looked.out and "--yes" in looked.err
    shop.writes_nothing("sync", code=7)
    rebuilt = shop.writes_nothing("ledger", "rebuild", "--yes")
    assert ("is kept as" in rebuilt.out) == (harm != "missing")
    waiting = shop.run("sync", "--json")
    assert [row["reason"] for row in waiting.json["held"]] == ["rebuilding"]
    assert counts(shop) == before == [1, 1, 0, 0]
    assert not list(shop.ledger.parent.glob("*.rebuilding*"))


def test_what_lost_its_mark_is_found_by_its_number_and_what_was_renumbered_is_held(
    shop: Shop,
) -> None:
    a_new_order(shop)
    assert shop.run("sync").code == 0
    unmarked, renumbered = shop.book("Invoice", "1002"), shop.book("Invoice", "1003")
    shop.bookkeeper("edit", entity="Invoice", id=unmarked["Id"], values={"PrivateNote": ""})
    shop.bookkeeper("edit", entity="Invoice", id=renumbered["Id"], values={"DocNumber": "A-7"})
    shop.ledger.unlink()
    told = shop.writes_nothing("ledger", "rebuild", "--yes")
    assert "Certain: 1 (1 Invoice)" in told.out
    done = shop.writes_nothing("sync", "--json", code=3)
    [held] = done.json["held"]
    assert (held["source"], held["reason"]) == ("order:1003", "uncertain")
    assert shop.run("explain", "1002", "--json").json["documents"][0]["origin"] == "adopted"


# Copies ---------------------------------------------------------------------------------------


def test_last_weeks_copy_put_back_after_a_week_of_work_doubles_nothing(shop: Shop) -> None:
    [copy] = sorted((shop.ledger.parent / "backups").iterdir())
    a_new_order(shop)
    assert shop.run("sync").code == 0
    for end in ("-wal", "-shm"):
        shop.ledger.with_name(shop.ledger.name + end).unlink(missing_ok=True)
    shutil.copyfile(copy, shop.ledger)
    done = shop.writes_nothing("sync", "--json")
    assert {row["source"] for row in done.json["adopted"]} >= {"order:1003"}
    assert counts(shop) == [1, 2, 0, 0]
    shop.writes_nothing("sync")


def test_good_runs_leave_the_last_seven_copies_for_the_owner_alone(shop: Shop) -> None:
    rows = [order("1001", "100.00"), order("1002", "250.00", customer_id="2", status="shipped")]
    lines = [line("1001", "100.00"), line("1002", "250.00", export_class="Doors")]
    for number in range(2001, 2009):
        rows.append(order(str(number), "10.00"))
        lines.append(line(str(number), "10.00"))
        shop.deliver(customers=[{"customer_id": "1", "name": "Alder Homes"},
                                {"customer_id": "2", "name": "Birch & Söhne"}],
                     orders=rows, order_lines=lines)  # fmt: skip
        assert shop.run("sync").code == 0
    shop.run("sync")
    copies = sorted((shop.ledger.parent / "backups").iterdir())
    assert len(copies) == 7
    assert {copy.stat().st_mode & 0o777 for copy in copies} == {0o600}
    assert copies[0].parent.stat().st_mode & 0o777 == 0o700
    with sqlite3.connect(copies[-1]) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM entries WHERE entity = 'Estimate'").fetchone() == (
            9,
        )
    db.close()


def test_a_copy_made_while_a_run_writes_is_whole(tmp_path: Path) -> None:
    """Every intent that left is in the copy, or the copy is from before it left."""
    with Server(port=0, limits="off", seed=6) as server:
        shop = Shop(tmp_path, server)
        shop.configure()
        numbers = [str(number) for number in range(3001, 3161)]
        shop.deliver(customers=[{"customer_id": n, "name": f"Customer {n}"} for n in numbers],
                     orders=[order(n, "10.00", customer_id=n, status="shipped") for n in numbers],
                     order_lines=[line(n, "10.00") for n in numbers])  # fmt: skip
        shop.connect()
        process = shop.start("sync")
        copies = []
        while process.poll() is None:
            copy = tmp_path / f"copy-{len(copies)}.db"
            assert shop.run("ledger", "backup", str(copy)).code == 0
            copies.append(copy)
        process.communicate()
        assert process.returncode == 0
        assert len(copies) > 2, "the run was over before it was copied"
        for copy in copies:
            db = sqlite3.connect(copy)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            states = dict(db.execute("SELECT state, count(*) FROM intents GROUP BY state"))
            entries = db.execute("SELECT count(*) FROM entries WHERE origin='created'").fetchone()
            assert states.get("posted", 0) == entries[0]
            db.close()
        half = copies[len(copies) // 2]
        for end in ("-wal", "-shm"):
            shop.ledger.with_name(shop.ledger.name + end).unlink(missing_ok=True)
        shutil.copyfile(half, shop.ledger)
        shop.writes_nothing("sync")
        assert len(shop.books("Invoice")) == len(numbers)


# For people ---------------------------------------------------------------------------------


def test_what_is_in_the_ledger_can_be_read_by_people(shop: Shop) -> None:
    rows = [line for line in shop.run("ledger", "export").out.splitlines() if "order:1002" in line]
    assert len(rows) == 1 and '"amount": "250.00"' in rows[0] and '"entity": "Invoice"' in rows[0]
    file = shop.folder / "documents.csv"
    assert shop.run("ledger", "export", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    head, *body = file.read_text(encoding="utf-8").splitlines()
    assert head.startswith("source,entity,qbo_id,number") and len(body) > 4
    assert shop.run("ledger", "export", str(file)).code == 4, "nothing is overwritten"
    writes = shop.run("ledger", "export", "--what", "writes").out
    assert '"request_id": "q1' in writes and "Bearer" not in writes
