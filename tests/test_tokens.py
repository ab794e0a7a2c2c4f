"""Where the refresh token lies, with keyrings that keep, forget, hang and break."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from keyring.backend import KeyringBackend

from qbosync import tokens
from qbosync.blob import TokenBlob
from qbosync.errors import LedgerError, SetupError
from qbosync.tokens import EmulatorFileStore, KeyringStore, find_bus

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BLOB = TokenBlob("CANARY-new", "CANARY-old", "CANARY-id", "CANARY-cs", NOW, NOW, NOW, "u" * 32, 7)


class Keeping(KeyringBackend):
    """Keeps, for the life of the process."""

    priority = 1  # type: ignore[assignment]
    kept: ClassVar[dict[tuple[str, str], str]] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Forgetting(Keeping):
    """Takes everything and has nothing, as the null backend does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return None


class Hanging(Keeping):
    """Waits for somebody to unlock it."""

    def get_password(self, service: str, username: str) -> str | None:
        threading.Event().wait(20)
        return None


class OddError(RuntimeError):
    """As a D-Bus error: no `KeyringError`."""


class Breaking(Keeping):
    """Fails as keyrings do when the disk is full."""

    def get_password(self, service: str, username: str) -> str | None:
        raise OddError("CANARY")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OddError("CANARY")


class Unbuildable(Keeping):
    """Cannot even be made."""

    def __init__(self) -> None:
        raise OddError("CANARY")


def name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    Keeping.kept.clear()
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setattr(tokens, "_DEADLINE", 0.2)


def store(kind: type, monkeypatch: pytest.MonkeyPatch) -> KeyringStore:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name(kind))
    return KeyringStore(None, is_interactive=False)


def test_what_is_kept_comes_back_and_the_backend_has_a_name_to_pin(monkeypatch):
    made = store(Keeping, monkeypatch)
    assert made.load("sandbox-1") is None
    made.save("sandbox-1", BLOB)
    assert made.load("sandbox-1") == BLOB
    assert made.backend == name(Keeping) and not made.is_os_keyring


def test_the_pinned_backend_is_loaded_whatever_the_environment_says(monkeypatch):
    store(Keeping, monkeypatch).save("a", BLOB)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    assert KeyringStore(name(Keeping), is_interactive=False).load("a") == BLOB


def test_a_keyring_that_forgets_is_noticed_at_once(monkeypatch):
    with pytest.raises(SetupError, match="does not keep") as caught:
        store(Forgetting, monkeypatch).save("a", BLOB)
    assert "README" in caught.value.todo


def test_the_null_backend_is_noticed_too():
    with pytest.raises(SetupError, match="does not keep"):
        KeyringStore("keyring.backends.null.Keyring", is_interactive=False).save("a", BLOB)


def test_a_keyring_that_waits_for_somebody_is_not_waited_for(monkeypatch):
    began = time.monotonic()
    with pytest.raises(SetupError, match="did not answer"):
        store(Hanging, monkeypatch).load("a")
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("kind", [Breaking, Unbuildable])
def test_any_error_of_a_keyring_is_a_sentence_without_secrets(kind, monkeypatch):
    with pytest.raises(SetupError, match=r"cannot be used here \(OddError\)") as caught:
        store(kind, monkeypatch).save("a", BLOB)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("gone", ["no.such.module.Keyring", "keyring.backends.null.Gone", "Bare"])
def test_a_pinned_backend_that_is_gone_is_told(gone):
    with pytest.raises(SetupError, match="not installed any more"):
        KeyringStore(gone, is_interactive=False)


def test_without_an_os_keyring_nobody_is_connected(monkeypatch):
    import keyring
    from keyring.backends import fail

    monkeypatch.setattr(keyring, "get_keyring", fail.Keyring)
    with pytest.raises(SetupError, match="no OS keyring") as caught:
        KeyringStore(None, is_interactive=False)
    assert "cron" in str(caught.value) and "README" in caught.value.todo
    with pytest.raises(SetupError, match="NoKeyringError"):
        KeyringStore("keyring.backends.fail.Keyring", is_interactive=False).load("a")


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"v": 9}', '{"v": 1, "rt": "CANARY"}'])
def test_a_damaged_entry_is_told_and_not_quoted(text, monkeypatch):
    made = store(Keeping, monkeypatch)
    Keeping.kept["qbosync", "a"] = text
    with pytest.raises(SetupError, match="damaged") as caught:
        made.load("a")
    assert "CANARY" not in str(caught.value)


def test_an_entry_fits_windows_and_gives_up_the_old_token_first():
    assert len(BLOB.dump()) < 500
    long = TokenBlob("n" * 500, "p" * 500, "i" * 50, "c" * 50, NOW, NOW, NOW, "u" * 32, 10**6)
    assert len(long.dump()) < 1200
    kept = TokenBlob.parse(long.dump())
    assert (kept.refresh_token, kept.previous_refresh_token) == ("n" * 500, "")


def test_no_secret_is_in_the_repr():
    assert "CANARY" not in repr(BLOB)


def test_the_emulators_file_is_ours_alone_even_under_umask_0(tmp_path):
    path = tmp_path / "emulator-token.json"
    leftover = path.with_suffix(".new")
    leftover.write_text("half")
    leftover.chmod(0o666)
    before = os.umask(0)
    try:
        EmulatorFileStore(path).save("a", BLOB)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert EmulatorFileStore(path).load("a") == BLOB
    assert EmulatorFileStore(path).load("b") is None
    assert [p.name for p in tmp_path.iterdir()] == ["emulator-token.json"]


def test_a_write_that_is_cut_leaves_the_old_file_whole(tmp_path, monkeypatch):
    made = EmulatorFileStore(tmp_path / "t.json")
    made.save("a", BLOB)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LedgerError, match="No space left"):
        made.save("b", BLOB)
    assert (made.load("a"), made.load("b")) == (BLOB, None)


@pytest.mark.parametrize("text", ["", "{", "3", json.dumps({"a": 3}), json.dumps({"a": "x"})])
def test_a_damaged_file_is_told(tmp_path, text):
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(SetupError):
        EmulatorFileStore(path).load("a")


def test_the_bus_is_found_only_where_it_is_ours(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(folder / "bus"))
        monkeypatch.setattr(tokens, "Path", lambda text: folder)
        find_bus()
        assert os.environ.pop("DBUS_SESSION_BUS_ADDRESS") == f"unix:path={folder}/bus"
        folder.chmod(0o755)
        find_bus()
        assert "DBUS_SESSION_BUS_ADDRESS" not in os.environ
