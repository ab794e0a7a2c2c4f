"""Two at once: cron and a hand, two users, two machines, two companies.  Real processes."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qbosync.lock
from qbosync.clock import SystemClock
from qbosync.emulator import Server
from qbosync.errors import LedgerError
from qbosync.lock import RunLock, network_disk
from tests.shopkit import (
    CUSTOMERS,
    Shop,
    applied,
    deliver_two_orders,
    line,
    open_shop,
    order,
    payment,
)

DOCUMENTS = ("Estimate", "Invoice", "Payment", "CreditMemo")
AT_ONCE = '[sync]\nresend_after = "0s"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Two orders, to be synced."""
    with open_shop(tmp_path / "here") as shop:
        deliver_two_orders(shop)
        shop.configure(AT_ONCE)
        shop.connect()
        yield shop


def deliver_more(shop: Shop, *numbers: str) -> None:
    """The two orders, and new ones that are shipped and paid."""
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order("1001", "100.00"),
                order("1002", "250.00", customer_id="2", status="shipped"),
                *(order(number, "70.00", status="shipped") for number in numbers)],
        order_lines=[line("1001", "100.00"), line("1002", "250.00", export_class="Doors"),
                     *(line(number, "70.00") for number in numbers)],
        payments=[payment(number, "70.00", ref_num=number) for number in numbers],
        payment_applications=[applied(n, f"order:{n}", "70.00") for n in numbers],
    )  # fmt: skip


def other_machine(shop: Shop, folder: Path) -> Shop:
    """A second machine: a copy of everything that lies on the first one."""
    shutil.copytree(shop.folder, folder)
    return Shop(folder, shop.server)


def counts(shop: Shop) -> list[int]:
    return [len(shop.books(entity)) for entity in DOCUMENTS]


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# One machine --------------------------------------------------------------------------------


@pytest.mark.parametrize("is_deleted", [False, True], ids=["as it is", "lock file deleted"])
def test_cron_and_a_hand_at_the_same_time_write_once(shop: Shop, is_deleted: bool) -> None:
    shop.fault("slow", method="POST", entity="customer", delay_s=1.0)
    cron = shop.start("sync")
    wait_for(lambda: any("customer" in row["path"] for row in shop.control("requests")))
    if is_deleted:
        shop.ledger.with_suffix(".lock").unlink()
    hand = shop.run("sync", "--json")
    assert hand.code == 6 and "Another run is still going" in hand.json["error"]["what"]
    assert is_deleted or f"process {cron.pid}" in hand.json["error"]["what"]
    cron.communicate(timeout=20)
    assert cron.returncode == 0
    assert counts(shop) == [1, 1, 0, 0]
    shop.writes_nothing("sync")


def test_many_that_start_together_write_once(shop: Shop) -> None:
    runs = [shop.start("sync") for _ in range(4)]
    for run in runs:
        run.communicate(timeout=30)
    codes = sorted(run.returncode for run in runs)
    assert codes[0] == 0 and set(codes) <= {0, 6}
    assert counts(shop) == [1, 1, 0, 0]
    shop.writes_nothing("sync")


def test_another_user_of_the_machine_is_kept_out_of_the_data(shop: Shop) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    assert shop.run("sync").code == 0
    data = shop.ledger.parent
    shown = [data, *data.iterdir()]
    for folder in [shop.folder, *shop.folder.parents][:4]:
        folder.chmod(folder.stat().st_mode | 0o055)
    shop.config.chmod(0o644)
    for path in shown:
        path.chmod(0o777)
    # Not a new interpreter: the other user may not even read it here.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        done = shop.run("sync", "--json")
        os.write(writing, json.dumps([done.code, done.out]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        code, out = json.loads(file.read())
    os.waitpid(child, 0)
    assert code == 7
    assert "belongs to another user" in json.loads(out)["error"]["what"]


def test_a_network_disk_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and write-ahead logs do not hold there."""
    mounts = shop.folder / "mounts"
    place = str(shop.ledger.parent.resolve())
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"30 22 0:50 / {place} rw,relatime shared:9 - nfs4 server:/export rw,vers=4.2\n"
    )
    monkeypatch.setattr(qbosync.lock, "MOUNTS", mounts)
    done = shop.writes_nothing("sync", "--json", code=7)
    assert "network disk (nfs4)" in done.json["error"]["what"]
    assert "data_dir" in done.json["error"]["todo"]
    assert shop.run("status").code == 0
    assert network_disk(shop.folder.parent) == ""
    with pytest.raises(LedgerError), RunLock(shop.ledger.with_suffix(".lock"), SystemClock()):
        pass


# Two machines -------------------------------------------------------------------------------


def test_two_machines_with_copies_of_one_ledger_stop_and_one_takes_over(
    shop: Shop, tmp_path: Path
) -> None:
    assert shop.run("sync").code == 0
    other = other_machine(shop, tmp_path / "there")
    for machine in (shop, other):
        deliver_more(machine, "1003")
    assert shop.run("sync").code == 0
    seen = counts(shop)
    # The other one would have written the same: it stops, whatever it is asked.
    for command in ("sync", "plan", "sync"):
        done = other.writes_nothing(command, "--json", code=4)
        error = done.json["error"]
        assert "Another qbosync of the same name" in error["what"] and "1003" in error["what"]
        assert "connect --take-over" in error["todo"]
    # A person decides.
    taken = other.connect_by_hand("--take-over")
    assert taken.code == 0 and "The last that a qbosync wrote here" in taken.out
    other.writes_nothing("sync")
    assert counts(shop) == seen
    for machine in (shop, other):
        deliver_more(machine, "1003", "1004")
    assert other.run("sync").code == 0
    shop.writes_nothing("sync", code=4)
    assert counts(shop) == [1, 3, 2, 0]


def test_a_payment_that_another_machine_wrote_is_not_written_again(
    shop: Shop, tmp_path: Path
) -> None:
    """It has no number that QuickBooks could refuse: only its mark tells."""
    assert shop.run("sync").code == 0
    other = other_machine(shop, tmp_path / "there")
    rows = payment("77", "30.00")
    for machine in (shop, other):
        machine.deliver(customers=CUSTOMERS, orders=[order("1001", "100.00")],
                        order_lines=[line("1001", "100.00")], payments=[rows],
                        payment_applications=[applied("77", "order:1001", "30.00")],
                        complete=False)  # fmt: skip
    assert shop.run("sync").code == 0
    done = other.writes_nothing("sync", "--json", code=4)
    assert "payment:77" in done.json["error"]["what"]
    assert len(shop.books("Payment")) == 1


def test_a_customer_that_the_other_machine_made_and_renamed_is_not_made_again(
    tmp_path: Path,
) -> None:
    """Customers bear no mark: one whose outcome is unknown is looked for by its name of today."""
    with open_shop(tmp_path / "here", requestid_retention="ignored") as shop:
        deliver_two_orders(shop)
        shop.configure(AT_ONCE)
        shop.connect()
        shop.fault("reset_before", method="POST", entity="customer")
        assert shop.run("sync").code == 5
        other = other_machine(shop, tmp_path / "there")
        assert shop.run("sync").code == 0
        renamed = [{**row, "name": f"{row['name']} II"} for row in CUSTOMERS]
        for machine in (shop, other):
            deliver_two_orders(machine, renamed)
        assert shop.run("sync").code == 0
        assert other.connect_by_hand("--take-over").code == 0
        done = other.run("sync")
        names = sorted(str(body["DisplayName"]) for body in shop.books("Customer"))
        assert names == ["Alder Homes II", "Birch & Söhne II"] and done.code == 0
        other.writes_nothing("sync")


def test_another_instance_in_the_company_stops_both_until_one_takes_over(
    tmp_path: Path,
) -> None:
    with open_shop(tmp_path / "here") as shop:
        shop.configure(AT_ONCE)
        deliver_two_orders(shop)
        shop.connect()
        assert shop.run("sync").code == 0
        there = Shop(tmp_path / "there", shop.server)
        there.folder.mkdir()
        there.configure(AT_ONCE)
        there.config.write_text(
            there.config.read_text(encoding="utf-8").replace(
                "[quickbooks]\n", '[quickbooks]\ninstance = "shop2"\n'
            ), encoding="utf-8",
        )  # fmt: skip
        there.deliver(customers=[{"customer_id": "9", "name": "Cedar & Sons"}],
                      orders=[order("5001", "40.00", customer_id="9")],
                      order_lines=[line("5001", "40.00")])  # fmt: skip
        met = there.connect_by_hand()
        assert met.code == 0 and "instance 'main'" in met.out
        assert there.run("sync").code == 0
        done = shop.writes_nothing("sync", "--json", code=4)
        assert "instance 'shop2'" in done.json["error"]["what"]
        assert shop.connect_by_hand("--take-over").code == 0
        shop.writes_nothing("sync")
        deliver_more(shop, "1003")
        assert shop.run("sync").code == 0
        done = there.writes_nothing("sync", "--json", code=4)
        assert "instance 'main'" in done.json["error"]["what"]


def test_a_new_machine_only_recognises_what_the_other_one_wrote(tmp_path: Path) -> None:
    """No keyring knows of it, but the company does: nothing is created at first."""
    with open_shop(tmp_path / "here") as shop:
        deliver_two_orders(shop)
        shop.connect()
        assert shop.run("sync").code == 0
        new = Shop(tmp_path / "new", shop.server)
        new.folder.mkdir()
        new.configure()
        deliver_more(new, "1003")
        assert "The last that a qbosync wrote here" in new.connect_by_hand().out
        done = new.writes_nothing("sync", "--json", code=3)
        assert {row["source"] for row in done.json["adopted"]} >= {"order:1001", "order:1002"}
        assert {row["reason"] for row in done.json["held"]} == {"rebuilding"}


def test_a_copy_that_a_person_made_in_quickbooks_is_told_and_stops_nothing(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    body = shop.book("Invoice", "1002")
    kept = ("CustomerRef", "Line", "PrivateNote", "TxnDate")
    shop.bookkeeper("create", entity="Invoice",
                    values={n: body[n] for n in kept} | {"DocNumber": "1002-copy"})  # fmt: skip
    done = shop.writes_nothing("sync", "--json")
    assert any("1002-copy" in words and "copy of Invoice 1002" in words
               for words in done.json["reported"])  # fmt: skip
    deliver_more(shop, "1003")
    assert shop.run("sync").code == 0


def test_a_mark_of_ours_on_something_else_holds_its_record(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    body = shop.book("Invoice", "1002")
    kept = ("CustomerRef", "Line", "TxnDate")
    shop.bookkeeper("create", entity="Invoice", values={n: body[n] for n in kept}
                    | {"DocNumber": "77", "PrivateNote": "[qbosync main order:1003]"})  # fmt: skip
    deliver_more(shop, "1003")
    done = shop.run("sync", "--json")
    assert done.code == 3
    assert ("order:1003", "uncertain") in {(r["source"], r["reason"]) for r in done.json["held"]}


# Two companies ------------------------------------------------------------------------------


def test_sandbox_and_production_never_share_anything(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    shop.configure()
    text = shop.config.read_text(encoding="utf-8")
    shop.config.write_text(
        text.replace('environment = "emulator"', 'environment = "sandbox"').replace(
            f'api_url = "{shop.server.url}"\n', ""
        ), encoding="utf-8",
    )  # fmt: skip
    for command in ("sync", "plan", "ledger rebuild --yes", "connect --no-browser"):
        done = shop.writes_nothing(*command.split(), code=4)
        assert "emulator" in done.err and "sandbox" in done.err


def test_a_company_swapped_under_the_configuration_is_not_written_to(tmp_path: Path) -> None:
    with Server(port=0, limits="off", seed=3) as server:
        shop = Shop(tmp_path, server)
        shop.configure()
        deliver_two_orders(shop)
        shop.connect()
        assert shop.run("sync").code == 0
        made = shop.control("companies", {"name": "Another", "environment": "sandbox"})
        known = shop.ledger.parent / "connection-config.json"
        told = json.loads(known.read_text(encoding="utf-8"))
        known.write_text(json.dumps(told | {"realm_id": made["realm_id"]}), encoding="utf-8")
        # Neither a ledger nor a token is that company's.
        shop.writes_nothing("sync", code=7)
        shop.ledger.rename(shop.ledger.with_name(f"emulator-{made['realm_id']}.db"))
        done = shop.writes_nothing("sync", code=7)
        assert "another company" in done.err
