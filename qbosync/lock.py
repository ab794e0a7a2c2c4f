"""One run at a time for each company.

`flock` on a file that is never unlinked: the system lets go of it when the process dies,
however it dies.  A file that was deleted and made anew meanwhile is noticed, since a lock
on the old one would keep nobody out.  Where somebody deletes it while a run goes on, the
ledger beside it is locked too (on Linux, where `flock` and SQLite's own locks know nothing
of each other).  On a network disk neither holds, so there nothing is begun.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from types import TracebackType

from qbosync.clock import Clock
from qbosync.errors import BusyError, LedgerError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_HEAD = 4096
"""Windows locks a byte range; the holder's note stands before it."""
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_TRIES = 100
MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs",
            "fuse.sshfs", "fuse.glusterfs")  # fmt: skip


class RunLock:
    """Held while a run may write.

    Raises:
        BusyError: On entering, if another run holds it.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._ledger = path.with_suffix(".db")
        self._descriptors: list[int] = []

    def __enter__(self) -> RunLock:
        if kind := network_disk(self._path.parent):
            raise LedgerError(
                f"{self._path.parent} lies on a network disk ({kind}), where two runs do not"
                " keep each other out and a ledger may break.",
                "Put the data folder on a disk of this machine: data_dir in the configuration,"
                " or QBOSYNC_DATA_DIR.",
            )
        try:
            descriptor = self._take()
            try:
                self._sign(descriptor)
                self._descriptors = [descriptor, *self._ledger_too()]
            except (OSError, BusyError):
                os.close(descriptor)
                raise
        except OSError as error:
            raise LedgerError(
                f"The lock {self._path} cannot be used: {error.strerror or 'it keeps vanishing'}.",
                "Look at the disk and at the file's owner and mode.",
            ) from error
        return self

    def _ledger_too(self) -> list[int]:
        """The ledger's own lock, where there is a ledger: a lock file may have been deleted."""
        if not sys.platform.startswith("linux"):
            return []
        try:
            descriptor = os.open(self._ledger, os.O_RDONLY)
        except OSError:
            return []  # none yet, or none that can be read: who opens it says so
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in _HELD:
                raise
            raise BusyError(
                "Another run is still going (its lock file was deleted).",
                "Nothing to do: it does the work. Leave the lock file where it is.",
            ) from error
        return [descriptor]

    def _take(self) -> int:
        """The locked file, which is the one that still lies there under its name."""
        for _ in range(_TRIES):
            descriptor = self._open()
            try:
                if os.path.samestat(os.fstat(descriptor), os.stat(self._path)):
                    return descriptor
            except FileNotFoundError:
                pass  # deleted since it was opened: the next try makes a new one
            os.close(descriptor)
        raise FileNotFoundError

    def _sign(self, descriptor: int) -> None:
        """Say who holds it, for whoever comes meanwhile."""
        note = {"pid": os.getpid(), "since": self._clock.now().isoformat(timespec="seconds")}
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(note).encode())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._path, flags, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if error.errno not in _HELD:
                # A disk that knows no locks is no run that is still going.
                raise
            raise BusyError(
                f"Another run is still going{holder}.", "Nothing to do: it does the work."
            ) from error
        return descriptor


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _HEAD, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(descriptor: int) -> str:
    """Who holds it, as far as the note says."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        note = json.loads(os.read(descriptor, 200) or b"{}")
        since = datetime.fromisoformat(note["since"])
        return f" (process {note['pid']}, since {since:%H:%M} UTC)"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def network_disk(folder: Path) -> str:
    """The kind of network disk that a folder lies on; `""` for a disk of this machine."""
    try:
        rows = [line.split() for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""  # no Linux: nothing is known
    here = folder.resolve()
    mounts = {
        Path(row[4].replace("\\040", " ")): row[row.index("-") + 1] for row in rows if "-" in row
    }
    around = [path for path in mounts if here == path or path in here.parents]
    kind = mounts[max(around, key=lambda path: len(path.parts))] if around else ""
    return kind if kind in _NETWORK else ""
