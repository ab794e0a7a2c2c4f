"""This machine: keyring, bus, lock, ledger, disk, file modes, umask, clock.

Everything is looked at and nothing changed; no check waits for a person.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from qbosync.errors import BusyError, QbosyncError
from qbosync.lock import RunLock
from qbosync.places import Places
from qbosync.places.file import is_posix
from qbosync.qbo.preferences import Check
from qbosync.tokens import SealedFileStore
from qbosync.wiring import FILE_BACKEND, Setup

_ROOM = 200 * 1024 * 1024
_SKEW = timedelta(minutes=5)
_OS_KEYRINGS = ("SecretService", "libsecret", "kwallet", "macOS", "Windows")


def machine_checks(setup: Setup, backend: str, told_at: datetime | None) -> list[Check]:
    """All of them; `backend` is blank where the keyring was found wanting already, and
    `told_at` QuickBooks' time of its last answer."""
    return [
        *([_keyring(backend)] if backend else []),
        *_bus(backend),
        *_user(),
        *_modes(setup.places),
        _disk(setup.places.data),
        *_clock(setup, told_at),
        Check("time zone", "ok", f"The shop's days are those of {setup.settings.source.timezone}."),
    ]


def _keyring(backend: str) -> Check:
    name = backend.rpartition(".")[0].rpartition(".")[2] or backend
    if backend == FILE_BACKEND:
        return Check("keyring", "ok", "An emulated company's token lies in a file: no secret.")
    if backend == SealedFileStore.backend:
        return Check("keyring", "warning", "The token lies in a sealed file, as was chosen.",
                     "It is as safe as its key: docs/keyring.md, “A sealed file”.")  # fmt: skip
    if any(f"backends.{kind}." in backend for kind in _OS_KEYRINGS):
        return Check("keyring", "ok", f"The token was read from the keyring ({name}).")
    return Check(
        "keyring", "warning", f"The token lies in {backend}, which is no keyring of the system.",
        "Meant? Else connect again without PYTHON_KEYRING_BACKEND.",
    )  # fmt: skip


def _bus(backend: str) -> Iterator[Check]:
    if "SecretService" in backend or "libsecret" in backend or "kwallet" in backend:
        address = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
        yield Check("bus", "ok", f"The keyring is reached over {address or 'the default D-Bus'}.")


def _user() -> Iterator[Check]:
    if is_posix() and os.geteuid() == 0:
        yield Check(
            "user", "warning", "This runs as root.",
            "Run qbosync as the user whose connection it is: a crontab of that user's own.",
        )  # fmt: skip


def _modes(places: Places) -> Iterator[Check]:
    """Who else can read what; the configuration has no secret, the data folder has names."""
    if not is_posix():
        return
    mask = os.umask(0o077)
    os.umask(mask)
    open_ones = [
        f"{path.name} ({stat.S_IMODE(path.stat().st_mode):04o})"
        for path in (places.data, *sorted(places.data.glob("*")))
        if path.stat().st_mode & 0o077
    ]
    if open_ones:
        yield Check("file modes", "warning", f"Others can read {', '.join(open_ones)}.",
                    f"Run: chmod -R go= {places.data}")  # fmt: skip
    else:
        yield Check("file modes", "ok", f"Only this user can read {places.data}.")
    yield Check("umask", "ok", f"New files are made with umask {mask:04o}.")


def _disk(data: Path) -> Check:
    free = shutil.disk_usage(data).free
    words = f"{free // 1024**2:,} MiB free where the ledger lies."
    if free < _ROOM:
        return Check("disk", "warning", words, "Make room: a full disk stops the sync with 7.")
    return Check("disk", "ok", words)


def _clock(setup: Setup, told_at: datetime | None) -> Iterator[Check]:
    if told_at is None:
        return
    off = setup.clock.now() - told_at
    if abs(off) <= _SKEW:
        yield Check("clock", "ok", "This machine's clock agrees with QuickBooks'.")
        return
    side = "ahead of" if off > timedelta() else "behind"
    yield Check(
        "clock",
        "warning",
        f"This machine's clock is {abs(off) // timedelta(minutes=1)} minutes {side} QuickBooks'.",
        "Set it by NTP: dates and the age of the export go by it.",
    )


def lock_check(setup: Setup, environment: str, realm_id: str) -> Check:
    """Whether a run is going at this moment, and whether the lock can be had at all."""
    try:
        with RunLock(setup.places.lock(environment, realm_id), setup.clock):
            return Check("lock", "ok", "No run is going at this moment.")
    except BusyError as error:
        return Check("lock", "ok", error.what)
    except QbosyncError as error:
        return Check("lock", "stop", error.what, error.todo)
