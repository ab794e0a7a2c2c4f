"""One run at a time: processes that hold, die, and lock files that vanish."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import qbosync.lock
from qbosync.clock import SystemClock
from qbosync.errors import BusyError, LedgerError
from qbosync.lock import RunLock

HOLDER = """
import sys
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
