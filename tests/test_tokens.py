"""Where the refresh token lies, with keyrings that keep, forget, hang and break."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from keyring.backend import KeyringBackend

from qbosync.blob import TokenBlob
from qbosync.errors import LedgerError, SetupError
from qbosync.tokens import (
    EmulatorFileStore,
    KeyringStore,
    Rescued,
    SealedFileStore,
    advice,
    find_bus,
    random_key,
    system,
)
from qbosync.tokens import bus as door
from qbosync.tokens.file import unreadable

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
    monkeypatch.setattr(system, "_DEADLINE", 0.2)


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
    assert "docs/keyring.md" in caught.value.todo


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
    with pytest.raises(SetupError, match=r"keyring .* \(OddError\)") as caught:
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
    assert "cron" in str(caught.value) and "docs/keyring.md" in caught.value.todo
    with pytest.raises(SetupError, match="NoKeyringError"):
        KeyringStore("keyring.backends.fail.Keyring", is_interactive=False).load("a")


@pytest.mark.parametrize(
    ("platform", "recipe"), [("darwin", "“macOS”"), ("win32", "“Windows”"), ("linux", "server")]
)
def test_the_recipe_is_that_of_the_system(platform, recipe, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    for trouble in (
        advice.locked(),
        advice.silent(3),
        advice.no_os_keyring("fail"),
    ):
        assert recipe in trouble.todo
    for trouble in (advice.unusable("OSStatus"), advice.not_taken("OSStatus")):
        assert recipe in trouble.todo or platform == "linux"


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
    folder = tmp_path / str(os.getuid())
    folder.mkdir(mode=0o700)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(door, "_RUNTIME", tmp_path)
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(folder / "bus"))
        find_bus()
        assert os.environ.pop("DBUS_SESSION_BUS_ADDRESS") == f"unix:path={folder}/bus"
        folder.chmod(0o755)
        find_bus()
        assert "DBUS_SESSION_BUS_ADDRESS" not in os.environ


def test_a_bus_that_is_named_is_not_looked_for(monkeypatch):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/named")
    find_bus()
    assert os.environ["DBUS_SESSION_BUS_ADDRESS"] == "unix:path=/named"


# A sealed file ------------------------------------------------------------------------------


def sealed(folder: Path, **environ: str) -> SealedFileStore:
    return SealedFileStore(folder / "token.sealed", folder / "etc" / "config.token-key", environ)


def test_a_sealed_file_keeps_and_shows_nothing(tmp_path):
    made = sealed(tmp_path)
    made.make_key()
    before = os.umask(0)
    try:
        made.save("sandbox-1", BLOB)
    finally:
        os.umask(before)
    assert made.load("sandbox-1") == BLOB and made.load("sandbox-2") is None
    path, key = tmp_path / "token.sealed", tmp_path / "etc" / "config.token-key"
    assert (path.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o600, 0o600)
    assert b"CANARY" not in path.read_bytes()
    assert "other users" in made.notice and "whole home" in made.notice


def test_an_entry_of_one_company_is_none_of_another_ones(tmp_path):
    """Whoever can write the file cannot hand the token of one company to another."""
    made = sealed(tmp_path)
    made.make_key()
    made.save("sandbox-1", BLOB)
    path = tmp_path / "token.sealed"
    path.write_text(path.read_text().replace("sandbox-1", "production-1"))
    with pytest.raises(SetupError, match="cannot be opened"):
        made.load("production-1")


@pytest.mark.parametrize("harm", ["a bit", "another key", "no key", "half a key", "open to all"])
def test_a_sealed_file_that_does_not_open_is_told(harm, tmp_path):
    made = sealed(tmp_path)
    made.make_key()
    made.save("a", BLOB)
    path, key = tmp_path / "token.sealed", tmp_path / "etc" / "config.token-key"
    if harm == "a bit":
        text = path.read_text()
        middle = len(text) // 2
        path.write_text(text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :])
    elif harm == "open to all":
        key.chmod(0o644)
    else:
        key.unlink()
    if harm == "another key":
        made.make_key()
    if harm == "half a key":
        key.write_text("abcd")
        key.chmod(0o600)
    with pytest.raises(SetupError) as caught:
        made.load("a")
    assert caught.value.todo and "CANARY" not in str(caught.value)


def test_the_key_that_systemd_hands_over_comes_first(tmp_path):
    handed = tmp_path / "credentials"
    handed.mkdir()
    (handed / "qbosync.key").write_text(random_key() + "\n")
    made = sealed(tmp_path, CREDENTIALS_DIRECTORY=str(handed))
    made.make_key()
    made.save("a", BLOB)
    assert not (tmp_path / "etc").exists()
    assert made.load("a") == BLOB
    assert "systemd" in made.notice and "root" in made.notice
    with pytest.raises(SetupError, match="key of the sealed token"):
        sealed(tmp_path).load("a")


def test_a_link_in_the_place_of_the_sealed_file_is_not_followed(tmp_path):
    made = sealed(tmp_path)
    made.make_key()
    made.save("a", BLOB)
    (tmp_path / "token.sealed").rename(tmp_path / "elsewhere")
    (tmp_path / "token.sealed").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="cannot be read"):
        made.load("a")


@pytest.mark.parametrize(("spent", "left"), [(0.0, 2.5), (1.4, 2.1), (60.0, 1.5)])
def test_a_slow_start_is_taken_off_the_time_that_a_keyring_has(spent, left, monkeypatch):
    monkeypatch.setattr(system, "_DEADLINE", 2.5)
    made = KeyringStore("tests.test_tokens.Keeping", False, spent)
    assert made._deadline == pytest.approx(left)


@pytest.mark.parametrize(
    ("number", "kind", "todo"),
    [
        (errno.EIO, LedgerError, "look at the disk"),
        (errno.ESTALE, LedgerError, "Leave the file where it is"),
        (errno.EACCES, SetupError, "Make it yours"),
        (errno.ELOOP, SetupError, "Remove it"),
    ],
)
def test_a_token_is_not_thrown_away_because_the_disk_did_not_give_it(number, kind, todo):
    told = unreadable(Path("token.sealed"), OSError(number, ""), "Remove it.")
    assert type(told) is kind and todo in told.todo and "token.sealed" in told.what


# A token that is on its way into the keyring ------------------------------------------------


class KilledError(BaseException):
    """No `except` of ours survives a SIGKILL."""


class Dying(Keeping):
    """Dies before it has kept anything."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KilledError


ROTATED = replace(BLOB, refresh_token="CANARY-newest", previous_refresh_token="CANARY-new")


def keyring_of(kind: type) -> KeyringStore:
    return KeyringStore(name(kind), is_interactive=False)


def rescued(kind: type, folder: Path) -> Rescued:
    return Rescued(keyring_of(kind), folder, random_key)


def test_a_token_whose_run_was_killed_while_storing_it_is_there_for_the_next(tmp_path):
    first = rescued(Keeping, tmp_path)
    first.save("a", BLOB)
    dying = rescued(Dying, tmp_path)
    blob = dying.load("a")
    with pytest.raises(BaseException):  # noqa: B017  of whatever the keyring died
        dying.save("a", replace(blob, refresh_token="CANARY-newest"))
    [path] = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600 and b"CANARY" not in path.read_bytes()

    after = rescued(Keeping, tmp_path)
    found = after.load("a")
    assert found.refresh_token == "CANARY-newest"
    assert keyring_of(Keeping).load("a").refresh_token == "CANARY-new", "asking writes nothing"
    after.save("a", found)
    assert keyring_of(Keeping).load("a").refresh_token == "CANARY-newest"
    assert list(tmp_path.iterdir()) == []


def test_an_older_token_on_its_way_does_not_replace_a_newer_one(tmp_path):
    made = rescued(Keeping, tmp_path)
    made.save("a", BLOB)
    dying = rescued(Dying, tmp_path)
    dying.load("a")
    with pytest.raises(BaseException):  # noqa: B017
        dying.save("a", ROTATED)
    [path] = tmp_path.iterdir()
    left = path.read_bytes()
    made.load("a")
    made.save("a", replace(BLOB, refresh_token="of another sign-in"))
    path.write_bytes(left)
    path.chmod(0o600)
    assert rescued(Keeping, tmp_path).load("a").refresh_token == "of another sign-in"


@pytest.mark.parametrize("content", [b"", b"half", b"\xff\x00"])
def test_what_somebody_else_left_in_its_place_is_passed_over(content, tmp_path):
    made = rescued(Keeping, tmp_path)
    made.save("a", BLOB)
    path = tmp_path / "a.token-in-flight"
    path.write_bytes(content)
    path.chmod(0o600)
    assert rescued(Keeping, tmp_path).load("a").refresh_token == BLOB.refresh_token


def test_forgetting_a_token_forgets_the_one_on_its_way(tmp_path):
    made = rescued(Keeping, tmp_path)
    made.save("a", BLOB)
    (tmp_path / "a.token-in-flight").write_bytes(b"x")
    made.save("a", replace(BLOB, refresh_token="", previous_refresh_token=""))
    assert list(tmp_path.iterdir()) == []


def test_an_entry_that_an_older_version_wrote_is_read():
    old = json.loads(BLOB.dump())
    del old["ra"], old["rk"]
    assert TokenBlob.parse(json.dumps(old)) == BLOB
