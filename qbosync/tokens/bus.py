"""The Linux keyring's door: the user's D-Bus, and whether the keyring behind it is open.

Asking never opens a window: a keyring that is locked under cron would wait for ever, with
its question on a screen that nobody looks at.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from qbosync.errors import SetupError
from qbosync.tokens import advice

_ADDRESS = "DBUS_SESSION_BUS_ADDRESS"
_RUNTIME = Path("/run/user")


def find_bus() -> None:
    """Tell the keyring where the user's D-Bus is, which cron does not (observed)."""
    if os.environ.get(_ADDRESS) or not hasattr(os, "getuid"):
        return
    for folder in _folders():
        bus = folder / "bus"
        with contextlib.suppress(OSError):
            there, around = bus.lstat(), folder.lstat()
            is_ours = there.st_uid == around.st_uid == os.getuid()
            is_private = stat.S_ISDIR(around.st_mode) and not around.st_mode & 0o077
            if stat.S_ISSOCK(there.st_mode) and is_ours and is_private:
                os.environ[_ADDRESS] = f"unix:path={bus}"
                return


def _folders() -> Iterator[Path]:
    if named := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(named)
    yield _RUNTIME / str(os.getuid())


def trouble_of_secret_service() -> Callable[[], SetupError] | None:
    """Why the Secret Service cannot be used without a person, or `None` if it can."""
    import secretstorage
    from secretstorage.exceptions import ItemNotFoundException, SecretServiceNotAvailableException

    try:
        connection = secretstorage.dbus_init()
    except (SecretServiceNotAvailableException, OSError):
        return advice.no_bus
    try:
        # `get_default_collection` would make one, and ask for its password.
        collection = secretstorage.get_collection_by_alias(connection, "default")
        return advice.locked if collection.is_locked() else None
    except ItemNotFoundException:
        return advice.no_collection
    except SecretServiceNotAvailableException:
        return advice.no_service
    finally:
        connection.close()
