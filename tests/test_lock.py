"""One run at a time: processes that hold, die, and lock files that vanish."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import qbosync.lock
from qbosync.clock import SystemClock
from qbosync.errors import BusyError, LedgerError, QbosyncError
from qbosync.lock import RunLock, network_disk

HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from qbosync.clock import SystemClock
from qbosync.lock import RunLock
with RunLock(Path(sys.argv[1]), SystemClock()):
    print("held", flush=True)
    sys.stdin.readline()
"""


def lock(path: Path) -> RunLock:
    return RunLock(path, SystemClock())


def holder(path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")


def test_another_process_is_kept_out_and_told_who_holds_it(tmp_path):
    path = tmp_path / "a.lock"
    process = holder(path)
    with pytest.raises(BusyError, match=rf"process {process.pid}, since \d\d:\d\d UTC"), lock(path):
        pass
    end(process)
    with lock(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_killed_holder_lets_go(tmp_path):
    process = holder(tmp_path / "a.lock")
    process.kill()
    process.communicate()
    with lock(tmp_path / "a.lock"):
        pass


def test_the_file_stays_when_the_run_is_over(tmp_path):
    with lock(tmp_path / "a.lock"):
        pass
    assert (tmp_path / "a.lock").exists()


def test_companies_do_not_wait_for_each_other(tmp_path):
    with lock(tmp_path / "a.lock"), lock(tmp_path / "b.lock"):
        pass


def test_a_lock_on_a_file_that_was_deleted_meanwhile_is_not_taken_for_one(tmp_path, monkeypatch):
    path, real, seen = tmp_path / "a.lock", qbosync.lock._lock, []

    def deleting(descriptor: int) -> None:
        real(descriptor)
        if not seen:
            path.unlink()
        seen.append(descriptor)

    monkeypatch.setattr(qbosync.lock, "_lock", deleting)
    with lock(path), pytest.raises(BusyError), lock(path):
        pass
    assert len(seen) == 2


def test_a_lock_on_a_file_that_was_replaced_meanwhile_is_not_taken_for_one(tmp_path, monkeypatch):
    path, real, seen = tmp_path / "a.lock", qbosync.lock._lock, []

    def replacing(descriptor: int) -> None:
        real(descriptor)
        seen.append(descriptor)
        if len(seen) == 1:
            path.rename(tmp_path / "old.lock")
            path.touch()

    monkeypatch.setattr(qbosync.lock, "_lock", replacing)
    with lock(path):
        assert len(seen) == 2 and path.read_text(), "it is signed under its name"
        assert not (tmp_path / "old.lock").read_text()


def test_a_disk_without_locks_is_no_run_that_is_going(tmp_path, monkeypatch):
    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(qbosync.lock, "_lock", refuse)
    with pytest.raises(LedgerError, match="cannot be used"), lock(tmp_path / "a.lock"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_a_lock_is_no_symbolic_link(tmp_path):
    (tmp_path / "a.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(LedgerError), lock(tmp_path / "a.lock"):
        pass
    assert not (tmp_path / "victim").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(LedgerError, match="No such file"), lock(tmp_path / "no" / "a.lock"):
        pass


def test_a_note_that_says_nothing_names_nobody(tmp_path):
    path = tmp_path / "a.lock"
    with lock(path):
        path.write_text("garbage")
        with pytest.raises(BusyError, match=r"still going\.$"), lock(path):
            pass


# What it says, and what it leaves --------------------------------------------------------------

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux' own locks")
HANDLES = Path("/proc/self/fd")


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 3, 10, 12, 5, 30, 7, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits for a lock")


def trouble(path: Path) -> tuple[type, str, str]:
    """What a person reads who cannot have it."""
    with pytest.raises(QbosyncError) as caught, RunLock(path, Noon()):
        pass
    return type(caught.value), caught.value.what, caught.value.todo


def test_the_note_says_who_holds_it_and_since_when_and_nothing_older(tmp_path):
    path = tmp_path / "a.lock"
    path.write_text("x" * 300)
    with RunLock(path, Noon()):
        note = json.loads(path.read_text())
        assert note == {"pid": os.getpid(), "since": "2026-03-10T12:05:30+00:00"}
        assert trouble(path) == (
            BusyError,
            f"Another run is still going (process {os.getpid()}, since 12:05 UTC).",
            "Nothing to do: it does the work.",
        )


@pytest.mark.parametrize("note", ["", "[]", '{"pid": 3}', '{"pid": 3, "since": "noon"}'])
def test_a_note_that_is_not_whole_names_nobody(tmp_path, note):
    path = tmp_path / "a.lock"
    with lock(path):
        path.write_text(note)
        assert trouble(path)[1] == "Another run is still going."


@linux
def test_where_the_lock_file_was_deleted_the_ledger_keeps_a_second_run_out(tmp_path):
    path, ledger = tmp_path / "a.lock", tmp_path / "a.db"
    ledger.write_bytes(b"x")
    with lock(path):
        path.unlink()
        before = len(list(HANDLES.iterdir()))
        assert trouble(path) == (
            BusyError,
            "Another run is still going (its lock file was deleted).",
            "Nothing to do: it does the work. Leave the lock file where it is.",
        )
        assert len(list(HANDLES.iterdir())) == before, "nothing is kept open"
    with lock(path):
        assert ledger.read_bytes() == b"x"


@linux
def test_where_locks_of_sqlite_and_ours_would_meet_the_ledger_is_not_locked(tmp_path, monkeypatch):
    path = tmp_path / "a.lock"
    (tmp_path / "a.db").write_bytes(b"x")
    monkeypatch.setattr(sys, "platform", "darwin")
    before = len(list(HANDLES.iterdir()))
    with lock(path):
        assert len(list(HANDLES.iterdir())) == before + 1


@linux
def test_a_ledger_on_a_disk_without_locks_is_no_run_that_is_going(tmp_path, monkeypatch):
    path, real, seen = tmp_path / "a.lock", qbosync.lock._lock, []
    (tmp_path / "a.db").write_bytes(b"x")

    def refuse_the_second(descriptor: int) -> None:
        seen.append(descriptor)
        if len(seen) == 2:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        real(descriptor)

    monkeypatch.setattr(qbosync.lock, "_lock", refuse_the_second)
    before = len(list(HANDLES.iterdir()))
    kind, what, todo = trouble(path)
    assert kind is LedgerError and todo == "Look at the disk and at the file's owner and mode."
    assert what == f"The lock {path} cannot be used: No locks available."
    assert len(list(HANDLES.iterdir())) == before, "nothing is kept open"
    with lock(path):
        pass


def test_a_lock_file_that_keeps_vanishing_is_told(tmp_path, monkeypatch):
    path, real = tmp_path / "a.lock", qbosync.lock._lock

    def deleting(descriptor: int) -> None:
        real(descriptor)
        path.unlink()

    monkeypatch.setattr(qbosync.lock, "_lock", deleting)
    assert trouble(path)[1] == f"The lock {path} cannot be used: it keeps vanishing."


@linux
@pytest.mark.parametrize("is_busy", [True, False])
def test_a_lock_that_is_given_up_is_not_kept_open(tmp_path, is_busy):
    path = tmp_path / "a.lock"
    before = len(list(HANDLES.iterdir()))
    for _ in range(3):
        with lock(path):
            if is_busy:
                held = len(list(HANDLES.iterdir()))
                trouble(path)
                assert len(list(HANDLES.iterdir())) == held
    assert len(list(HANDLES.iterdir())) == before


MOUNTED = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / {folder}/share rw,relatime shared:2 - {kind} server:/export rw
31 30 8:2 / {folder}/share/local rw - ext4 /dev/sdb1 rw
32 22 0:41 / {folder}/my\\040share rw - cifs //server/share rw
33 22 0:42 a line that says nothing
"""


@pytest.mark.parametrize(
    "kind",
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "fuse.sshfs",
     "fuse.glusterfs"],
)  # fmt: skip
def test_a_network_disk_is_known_by_the_mount_that_a_folder_lies_on(tmp_path, monkeypatch, kind):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTED.format(folder=tmp_path, kind=kind))
    monkeypatch.setattr(qbosync.lock, "MOUNTS", mounts)
    (tmp_path / "link").symlink_to(tmp_path / "share" / "deep")
    assert network_disk(tmp_path / "share") == kind
    assert network_disk(tmp_path / "share" / "deep" / "down") == kind
    assert network_disk(tmp_path / "link") == kind
    assert network_disk(tmp_path / "my share") == "cifs"
    assert network_disk(tmp_path) == network_disk(tmp_path / "share" / "local" / "deep") == ""
    assert network_disk(tmp_path / "shared") == ""


def test_nothing_is_begun_on_a_network_disk(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTED.format(folder=tmp_path, kind="nfs4"))
    monkeypatch.setattr(qbosync.lock, "MOUNTS", mounts)
    folder = tmp_path / "share"
    folder.mkdir()
    assert trouble(folder / "a.lock") == (
        LedgerError,
        f"{folder} lies on a network disk (nfs4), where two runs do not keep each other out and a"
        " ledger may break.",
        "Put the data folder on a disk of this machine: data_dir in the configuration, or"
        " QBOSYNC_DATA_DIR.",
    )
    assert list(folder.iterdir()) == []


def test_where_mounts_are_not_told_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(qbosync.lock, "MOUNTS", tmp_path / "none")
    assert network_disk(tmp_path) == ""
    (tmp_path / "empty").touch()
    monkeypatch.setattr(qbosync.lock, "MOUNTS", tmp_path / "empty")
    assert network_disk(tmp_path) == ""
