"""Where the refresh token lies: the OS keyring, under the backend that `connect` used.

Nothing here waits for a person or a dead daemon: each call has a deadline.  What is
written is read back.  A keyring that answers "nothing" is believed only by the caller,
who knows whether there should be something.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from qbosync.blob import TokenBlob
from qbosync.errors import LedgerError, SetupError

SERVICE = "qbosync"
_DEADLINE = 5.0
_PATIENCE = 30.0
"""Seconds where a person may be asked to unlock the keyring."""
_OS_KEYRINGS = ("SecretService", "libsecret", "kwallet", "macOS", "Windows")
_RECIPE = "The README, section Keyring, has a recipe for cron, systemd and servers."
T = TypeVar("T")


class TokenStore(Protocol):
    """One entry a company."""

    @property
    def backend(self) -> str:
        """What `connect` pins."""
        ...

    def load(self, account: str) -> TokenBlob | None:
        """The entry, or `None` if there is none."""
        ...

    def save(self, account: str, blob: TokenBlob) -> None:
        """Write and read back."""
        ...


def find_bus() -> None:
    """Tell the keyring where the user's D-Bus is, which cron does not (observed)."""
    if "DBUS_SESSION_BUS_ADDRESS" in os.environ or not hasattr(os, "getuid"):
        return
    folder = Path(f"/run/user/{os.getuid()}")
    bus = folder / "bus"
    with contextlib.suppress(OSError):
        there, around = bus.lstat(), folder.lstat()
        is_ours = there.st_uid == around.st_uid == os.getuid()
        is_private = not around.st_mode & 0o077
        if stat.S_ISSOCK(there.st_mode) and is_ours and is_private:
            os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={bus}"


class KeyringStore:
    """The OS keyring; `pinned` is the backend that `connect` used, blank when connecting."""

    def __init__(self, pinned: str | None, is_interactive: bool) -> None:
        find_bus()
        self._deadline = _PATIENCE if is_interactive else _DEADLINE
        self._keyring = self._within(lambda: _pinned(pinned) if pinned else _chosen())

    @property
    def backend(self) -> str:
        kind = type(self._keyring)
        return f"{kind.__module__}.{kind.__qualname__}"

    @property
    def is_os_keyring(self) -> bool:
        """Whether it is one that the operating system guards."""
        return _is_os_keyring(self.backend)

    def load(self, account: str) -> TokenBlob | None:
        text = self._within(lambda: self._keyring.get_password(SERVICE, account))
        if text is None:
            return None
        try:
            return TokenBlob.parse(text)
        except ValueError as error:
            raise SetupError(
                f"The keyring's entry {account} is damaged: {error}.",
                "Run `qbosync connect` again.",
            ) from error

    def save(self, account: str, blob: TokenBlob) -> None:
        text = blob.dump()
        self._within(lambda: self._keyring.set_password(SERVICE, account, text))
        if self._within(lambda: self._keyring.get_password(SERVICE, account)) != text:
            raise SetupError(
                f"The keyring ({self.backend}) does not keep what is stored in it.", _RECIPE
            )

    def _within(self, work: Callable[[], T]) -> T:
        """Do something with the keyring, but never wait longer than the deadline."""
        results: list[T] = []
        troubles: list[BaseException] = []

        def attempt() -> None:
            try:
                results.append(work())
            except BaseException as error:  # any backend, any error: handed to the caller
                troubles.append(error)

        worker = threading.Thread(target=attempt, daemon=True, name="keyring")
        worker.start()
        worker.join(self._deadline)
        if results:
            return results[0]
        if not troubles:
            raise SetupError(
                f"The keyring did not answer within {self._deadline:.0f} seconds: it is locked"
                " or waits for somebody.",
                _RECIPE,
            )
        if isinstance(troubles[0], SetupError):
            raise troubles[0]
        raise SetupError(
            f"The keyring cannot be used here ({type(troubles[0]).__name__}).", _RECIPE
        ) from troubles[0]


def _is_os_keyring(name: str) -> bool:
    return any(f"keyring.backends.{part}." in name for part in _OS_KEYRINGS)


def _pinned(name: str) -> Any:
    """The backend that `connect` used, whatever the environment says now."""
    module, _, kind = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), kind)()
    except (ImportError, AttributeError, ValueError) as error:
        raise SetupError(
            f"The keyring that `qbosync connect` used ({name}) is not installed any more.",
            "Install it again, or run `qbosync connect`.",
        ) from error


def _chosen() -> Any:
    """The backend for a new connection: the one named in the environment, else the system's."""
    named = os.environ.get("PYTHON_KEYRING_BACKEND", "")
    import keyring

    backend = _pinned(named) if named else keyring.get_keyring()
    members = getattr(backend, "backends", None)
    if not named and members:
        # A chain of backends silently falls to the next one under cron: take the first real one.
        backend = next((m for m in members if _is_os_keyring(_name(m))), backend)
    if not named and not _is_os_keyring(_name(backend)):
        raise SetupError(
            "There is no OS keyring that can be reached here"
            f" ({type(backend).__module__.rpartition('.')[2]}), as is usual under cron and on"
            " servers.",
            _RECIPE,
        )
    return backend


def _name(backend: Any) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


class EmulatorFileStore:
    """The token of an emulated company, which is no secret: one file, 0600."""

    backend = "emulator-token.json"

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, account: str) -> TokenBlob | None:
        text = self._entries().get(account)
        if text is None:
            return None
        try:
            return TokenBlob.parse(text)
        except ValueError as error:
            raise SetupError(
                f"{self._path} is damaged: {error}.", "Run `qbosync connect` again."
            ) from error

    def save(self, account: str, blob: TokenBlob) -> None:
        entries = self._entries() | {account: blob.dump()}
        temporary = self._path.with_suffix(".new")
        flags = os.O_CREAT | os.O_WRONLY | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            # What a killed run left may be anybody's to read.
            temporary.unlink(missing_ok=True)
            with open(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
                json.dump(entries, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            raise LedgerError(
                f"{self._path} cannot be written: {error.strerror}.", "Make room for it."
            ) from error

    def _entries(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            raise SetupError(
                f"{self._path} cannot be read.", "Remove it and run `qbosync connect` again."
            ) from error
