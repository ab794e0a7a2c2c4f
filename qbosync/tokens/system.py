"""The OS keyring, under the backend that `connect` used.

Each call has a deadline, and nobody is asked for a password unless somebody is there.  A
keyring that answers "nothing" is believed only by the caller, who knows whether there
should be something.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from qbosync.blob import TokenBlob
from qbosync.errors import SetupError
from qbosync.tokens import advice
from qbosync.tokens.bus import find_bus, trouble_of_secret_service
from qbosync.tokens.store import SERVICE

_DEADLINE = 2.5
"""Seconds for an answer, which takes 0.03 (observed); keeping a token takes 0.1."""
_IN_ALL = 3.5
"""Seconds with the program's own start: whoever waits has an answer within five."""
_AT_LEAST = 1.5
"""Seconds, however long a busy machine took to start."""
_PATIENCE = 30.0
"""Seconds where a person may be asked to unlock the keyring."""
_OS_KEYRINGS = ("SecretService", "libsecret", "kwallet", "macOS", "Windows")
T = TypeVar("T")


class KeyringStore:
    """The OS keyring; `pinned` is the backend that `connect` used, blank when connecting.

    `spent` are the seconds that the program runs already.
    """

    def __init__(self, pinned: str | None, is_interactive: bool, spent: float = 0.0) -> None:
        find_bus()
        self._is_alone = not is_interactive
        alone = min(_DEADLINE, max(_AT_LEAST, _IN_ALL - spent))
        self._deadline = _PATIENCE if is_interactive else alone
        self._keyring = self._within(lambda: _pinned(pinned) if pinned else _chosen())

    @property
    def backend(self) -> str:
        kind = type(self._keyring)
        return f"{kind.__module__}.{kind.__qualname__}"

    @property
    def is_os_keyring(self) -> bool:
        """Whether it is one that the operating system guards."""
        return _is_os_keyring(self.backend)

    @property
    def _is_secret_service(self) -> bool:
        """Whether it is behind the user's D-Bus."""
        return any(f"backends.{part}." in self.backend for part in ("SecretService", "libsecret"))

    @property
    def notice(self) -> str:
        if self.is_os_keyring:
            return ""
        return f"The token will lie in {self.backend}, which is no keyring of the system."

    def load(self, account: str) -> TokenBlob | None:
        text = self._within(lambda: self._get(account))
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
        self._within(lambda: self._set(account, text), advice.not_taken)
        if self._within(lambda: self._keyring.get_password(SERVICE, account)) != text:
            raise advice.not_kept(self.backend)

    def _get(self, account: str) -> str | None:
        self._look()
        found: str | None = self._keyring.get_password(SERVICE, account)
        return found

    def _set(self, account: str, text: str) -> None:
        self._look()
        self._keyring.set_password(SERVICE, account, text)

    def _look(self) -> None:
        """Where nobody is there, a keyring that would ask somebody is not asked at all."""
        if not self._is_alone or not self._is_secret_service:
            return
        if trouble := trouble_of_secret_service():
            raise trouble()

    def _within(
        self, work: Callable[[], T], words: Callable[[str], SetupError] = advice.unusable
    ) -> T:
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
            raise advice.silent(self._deadline)
        trouble = troubles[0]
        if isinstance(trouble, SetupError):
            raise trouble
        kind = type(trouble).__name__
        raise (advice.locked() if kind == "KeyringLocked" else words(kind)) from trouble


def _is_os_keyring(name: str) -> bool:
    return any(f"keyring.backends.{part}." in name for part in _OS_KEYRINGS)


def _pinned(name: str) -> Any:
    """The backend that `connect` used, whatever the environment says now."""
    module, _, kind = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), kind)()
    except (ImportError, AttributeError, ValueError) as error:
        raise advice.gone(name) from error


def _chosen() -> Any:
    """The backend for a new connection: the one named in the environment, else the system's."""
    named = os.environ.get("PYTHON_KEYRING_BACKEND", "")
    if not named:
        # One that is set and empty breaks keyring (observed).
        os.environ.pop("PYTHON_KEYRING_BACKEND", None)
    import keyring

    backend = _pinned(named) if named else keyring.get_keyring()
    members = getattr(backend, "backends", None)
    if not named and members:
        # A chain of backends silently falls to the next one under cron: take the first real one.
        backend = next((m for m in members if _is_os_keyring(_name(m))), backend)
    if not named and not _is_os_keyring(_name(backend)):
        if trouble := _trouble_of_linux():
            raise trouble
        raise advice.no_os_keyring(type(backend).__module__.rpartition(".")[2])
    return backend


def _name(backend: Any) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _trouble_of_linux() -> SetupError | None:
    """Why there is no keyring where the Secret Service should be it."""
    if sys.platform != "linux":
        return None
    trouble = trouble_of_secret_service()
    return trouble() if trouble else None
