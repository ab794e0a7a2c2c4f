"""What a person reads of a keyring or a token file that cannot be used, sentence by sentence.

And the small promises of the places for tokens that no story tells.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from qbosync.blob import TokenBlob
from qbosync.errors import LedgerError, SetupError
from qbosync.tokens import (
    EmulatorFileStore,
    KeyringStore,
    Rescued,
    SealedFileStore,
    advice,
    find_bus,
    system,
)
from qbosync.tokens import bus as door
from qbosync.tokens.bus import trouble_of_secret_service
from qbosync.tokens.file import read_private, unreadable, write_private
from qbosync.tokens.seal import random_key, seal, unseal
from tests.keyring_kit import Keyring, needs_keyring
from tests.test_tokens import BLOB, Forgetting, Hanging, Keeping, name, sealed

ADDRESS = "DBUS_SESSION_BUS_ADDRESS"
SERVER = "docs/keyring.md, “On a server with systemd and cron” (without systemd: “Without systemd”)"
WORDS: list[tuple[str, Callable[[], SetupError], str, str]] = [
    ("no service", advice.no_service,
     "No keyring program answers on this user's D-Bus.",
     f"Install gnome-keyring and let a service start it: {SERVER}."),
    ("no collection", advice.no_collection,
     "This user has no default keyring: it was never made, or its file is gone.",
     f"A first unlocking makes it: {SERVER}; then run `qbosync connect` again."),
    ("not kept", lambda: advice.not_kept("x.Keyring"),
     "The keyring (x.Keyring) does not keep what is stored in it.",
     "Take PYTHON_KEYRING_BACKEND away and run `qbosync connect` again; see docs/keyring.md,"
     " “On a desktop”."),
    ("gone", lambda: advice.gone("x.Keyring"),
     "The keyring that `qbosync connect` used (x.Keyring) is not installed any more.",
     "Install it again, or choose anew: `qbosync connect --token-store keyring`."),
]  # fmt: skip
BY_SYSTEM: list[tuple[Callable[[], SetupError], str, str]] = [
    (advice.locked,
     "The keyring is locked, and nobody is asked for its password from here.",
     "Log in at the desktop with your password and stay logged in, or let a service open it:"
     f" {SERVER}."),
    (lambda: advice.silent(3.0),
     "The keyring did not answer within 3.0 seconds: it hangs, or waits for somebody.",
     f"Close its window or end its program (gnome-keyring-daemon), then {SERVER}."),
    (lambda: advice.unusable("OddError"),
     "The keyring cannot be used here (OddError).",
     "See docs/keyring.md, “Locked, absent, damaged, full”."),
    (lambda: advice.not_taken("OddError"),
     "The keyring did not take the token (OddError); what it held before is still there.",
     "Make room on the disk that holds it (gnome-keyring: ~/.local/share/keyrings) and see that"
     " this user may write there."),
    (lambda: advice.no_os_keyring("fail"),
     "There is no OS keyring that can be reached here (fail), as is usual under cron and on"
     " servers.",
     f"See {SERVER}. Only on demand: `qbosync connect --token-store file`."),
]  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keyring of the machine's, and none that is waited for."""
    Keeping.kept.clear()
    for variable in ("PYTHON_KEYRING_BACKEND", ADDRESS, "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(system, "_DEADLINE", 2.0)


def trouble(work: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises((SetupError, LedgerError)) as caught:
        work()
    return caught.value.what, caught.value.todo


# The words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "make", "what", "todo"), WORDS)
def test_each_state_of_a_keyring_has_its_sentence_and_its_recipe(
    state: str, make: Callable[[], SetupError], what: str, todo: str
) -> None:
    error = make()
    assert (error.what, error.todo) == (what, todo)


@pytest.mark.parametrize(("make", "what", "todo"), BY_SYSTEM)
@pytest.mark.parametrize(
    ("platform", "instead"),
    [
        ("linux", ""),
        ("darwin", "Let launchd run it in your session, not cron: docs/keyring.md, “macOS”."),
        ("win32",
         "Let the task run only while you are logged on: docs/keyring.md, “Windows”."),
    ],
)  # fmt: skip
def test_what_to_do_is_what_helps_on_this_system(
    make: Callable[[], SetupError],
    what: str,
    todo: str,
    platform: str,
    instead: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    error = make()
    assert (error.what, error.todo) == (what, instead or todo)


def test_a_user_without_a_bus_is_told_what_lingering_is(monkeypatch: pytest.MonkeyPatch) -> None:
    error = advice.no_bus()
    assert error.what == (
        "There is no OS keyring that can be reached here: this user has no D-Bus, as is usual"
        " under cron and on servers while nobody is logged in."
    )
    assert error.todo == f"Once, as root: loginctl enable-linger USER; then {SERVER}."


def test_a_bus_that_was_named_and_does_not_answer_is_told_by_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ADDRESS, "unix:path=/gone")
    error = advice.no_bus()
    assert error.what == (
        "No D-Bus answers at unix:path=/gone (DBUS_SESSION_BUS_ADDRESS), and the keyring is"
        " behind it."
    )
    assert error.todo == (
        "Take the line out where it is set (the crontab, the unit): qbosync looks in /run/user by"
        f" itself. Is there none, see {SERVER}."
    )


# The Secret Service -----------------------------------------------------------------------------


def test_without_a_bus_the_secret_service_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, "unix:path=/gone/bus")
    assert trouble_of_secret_service() is advice.no_bus


@needs_keyring
def test_each_state_of_the_secret_service_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = Keyring(tmp_path)
    monkeypatch.setenv(ADDRESS, keyring.address)
    try:
        keyring.start_bus()
        assert trouble_of_secret_service() is advice.no_service
        daemon = keyring.start_locked()
        assert trouble_of_secret_service() is advice.no_collection
        daemon.kill()
        daemon.wait()
        keyring.unlock()
        assert trouble_of_secret_service() is None
        store = KeyringStore("keyring.backends.SecretService.Keyring", is_interactive=False)
        store.save("a", BLOB)
        assert store.load("a") == BLOB and store.load("b") is None
        keyring.lock()
        assert trouble_of_secret_service() is advice.locked
        assert trouble(lambda: store.load("a"))[0] == advice.locked().what
        assert trouble(lambda: store.save("a", BLOB))[0] == advice.locked().what
    finally:
        keyring.end()


def test_the_bus_in_the_session_folder_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_RUNTIME", tmp_path)
    session, users = tmp_path / "session", tmp_path / str(os.getuid())
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        for folder, bus in ((session, one), (users, two)):
            folder.mkdir(mode=0o700)
            bus.bind(str(folder / "bus"))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
        find_bus()
        assert os.environ.pop(ADDRESS) == f"unix:path={session}/bus"
        (session / "bus").unlink()
        find_bus()
        assert os.environ.pop(ADDRESS) == f"unix:path={users}/bus"
        (users / "bus").unlink()
        (users / "bus").touch()
        find_bus()
        assert ADDRESS not in os.environ, "a file is no bus"


# The system's keyring ---------------------------------------------------------------------------


class Locked(Keeping):
    """Would ask somebody."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("CANARY")


class Full(Keeping):
    """Can be read and takes nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OSError("CANARY")


class Chained(KeyringBackend):
    """As keyring's chainer: several backends, of which one may be the system's."""

    priority = 1  # type: ignore[assignment]
    backends: tuple[Any, ...] = ()

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        return None


def pinned(kind: type) -> KeyringStore:
    return KeyringStore(name(kind), is_interactive=False)


def test_a_locked_keyring_is_told_as_locked() -> None:
    assert trouble(lambda: pinned(Locked).load("a")) == (
        advice.locked().what,
        advice.locked().todo,
    )


def test_a_keyring_that_takes_nothing_says_that_the_old_token_is_still_there() -> None:
    assert trouble(lambda: pinned(Full).save("a", BLOB))[0] == advice.not_taken("OSError").what


def test_a_keyring_that_forgets_is_named() -> None:
    assert trouble(lambda: pinned(Forgetting).save("a", BLOB)) == (
        f"The keyring ({name(Forgetting)}) does not keep what is stored in it.",
        advice.not_kept("").todo,
    )


def test_a_damaged_entry_says_which_and_what_to_do() -> None:
    Keeping.kept["qbosync", "a"] = "{}"
    assert trouble(lambda: pinned(Keeping).load("a")) == (
        "The keyring's entry a is damaged: the entry is not what qbosync writes.",
        "Run `qbosync connect` again.",
    )


def test_a_backend_that_is_gone_is_named() -> None:
    words = advice.gone("no.such.Keyring").what
    assert trouble(lambda: KeyringStore("no.such.Keyring", is_interactive=False))[0] == words


def test_where_somebody_is_there_the_keyring_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system, "_DEADLINE", 0.0)
    Keeping.kept["qbosync", "a"] = BLOB.dump()
    store = KeyringStore(name(Keeping), is_interactive=True)
    assert store.load("a") == BLOB
    assert store.notice == (
        f"The token will lie in {name(Keeping)}, which is no keyring of the system."
    )


@pytest.mark.parametrize(("spent", "given"), [(0.0, "0.2"), (0.2, "0.2"), (0.9, "0.1")])
def test_what_the_program_took_to_start_is_taken_off_what_a_keyring_has(
    spent: float, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound, seconds in (("_AT_LEAST", 0.1), ("_DEADLINE", 0.2), ("_IN_ALL", 0.4)):
        monkeypatch.setattr(system, bound, seconds)
    store = KeyringStore(name(Hanging), is_interactive=False, spent=spent)
    what, _ = trouble(lambda: store.load("a"))
    assert what.startswith(f"The keyring did not answer within {given} seconds:")


def test_a_call_that_hangs_does_not_keep_the_program_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    class Looking(Keeping):
        def get_password(self, service: str, username: str) -> str | None:
            seen.append(threading.current_thread().daemon)
            return None

    monkeypatch.setattr(sys.modules[__name__], "Looking", Looking, raising=False)
    Looking.__qualname__ = "Looking"
    assert pinned(Looking).load("a") is None and seen == [True]


@pytest.mark.parametrize("variable", [None, ""])
def test_of_several_backends_the_systems_own_is_taken(
    variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring
    from keyring.backends import SecretService, null

    if variable is not None:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", variable)
    monkeypatch.setattr(Chained, "backends", (null.Keyring(), SecretService.Keyring()))
    monkeypatch.setattr(keyring, "get_keyring", Chained)
    store = KeyringStore(None, is_interactive=True)
    assert store.backend == "keyring.backends.SecretService.Keyring"
    assert store.is_os_keyring and store.notice == ""
    assert "PYTHON_KEYRING_BACKEND" not in os.environ, "one that is set and empty breaks keyring"


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_where_no_backend_is_the_systems_own_it_is_said_why(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring
    from keyring.backends import null

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(ADDRESS, "unix:path=/gone/bus")
    monkeypatch.setattr(Chained, "backends", (null.Keyring(),))
    for made in (null.Keyring, Chained):
        monkeypatch.setattr(keyring, "get_keyring", made)
        what, _ = trouble(lambda: KeyringStore(None, is_interactive=False))
        module = {null.Keyring: "null", Chained: "test_token_words"}[made]
        wanted = advice.no_bus() if platform == "linux" else advice.no_os_keyring(module)
        assert what == wanted.what


@needs_keyring
def test_a_secret_service_that_keyring_does_not_know_is_told_as_no_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring
    from keyring.backends import null

    session = Keyring(tmp_path)
    monkeypatch.setenv(ADDRESS, session.address)
    monkeypatch.setattr(keyring, "get_keyring", null.Keyring)
    try:
        session.start_bus()
        session.unlock()
        what, _ = trouble(lambda: KeyringStore(None, is_interactive=False))
    finally:
        session.end()
    assert what == advice.no_os_keyring("null").what


# Files ------------------------------------------------------------------------------------------


def test_a_file_that_others_can_read_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_private(path, "Grüße")
    assert read_private(path) == "Grüße" and path.read_bytes() == "Grüße".encode()
    for mode in (0o640, 0o620, 0o604, 0o602, 0o601):
        path.chmod(mode)
        assert trouble(lambda: read_private(path)) == (
            f"{path} can be read or changed by other users.",
            f"Make it yours alone (chmod 600 {path}); if others could read it, connect again.",
        )


def test_a_file_of_another_user_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write_private(path, "x")
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert trouble(lambda: read_private(path))[0].endswith("by other users.")


def test_a_pipe_in_the_place_of_a_file_is_neither_read_nor_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a"
    os.mkfifo(path, 0o600)
    with pytest.raises(OSError, match=r"^it is no file$"):
        read_private(path)


def test_no_more_of_a_file_is_read_than_one_of_ours_can_have(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_private(path, "x" * (1024 * 1024 + 1))
    assert len(read_private(path)) == 1024 * 1024


def test_a_file_is_on_the_disk_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, synced = os.fsync, []

    def watching(descriptor: int) -> None:
        synced.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watching)
    write_private(tmp_path / "a", "x")
    assert synced == [stat.S_IFREG, stat.S_IFDIR]


def test_a_place_that_takes_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "no" / "a"
    assert trouble(lambda: write_private(path, "x")) == (
        f"{path} cannot be written: No such file or directory.", "Make room for it.",
    )  # fmt: skip


def test_the_emulators_file_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    store = EmulatorFileStore(path)
    path.write_text("{")
    assert trouble(lambda: store.load("a")) == (
        f"{path} cannot be read.", "Remove it and run `qbosync connect` again.",
    )  # fmt: skip
    path.write_text(json.dumps({"a": "{}"}))
    assert trouble(lambda: store.load("a")) == (
        f"{path} is damaged: the entry is not what qbosync writes.",
        "Run `qbosync connect` again.",
    )


# A sealed file ----------------------------------------------------------------------------------

SEE = "See docs/keyring.md, “A sealed file”."


def test_what_is_sealed_opens_only_with_its_key_and_name() -> None:
    key = random_key()
    text = seal(key, "one", "Grüße")
    assert unseal(f" {key}\n", "one", text) == "Grüße" and seal(key, "one", "Grüße") != text
    for other, name_, what in ((random_key(), "one", text), (key, "two", text),
                               (key, "one", text + "!"), (key, "one", text[:-8])):  # fmt: skip
        with pytest.raises(ValueError) as caught:
            unseal(other, name_, what)
        assert str(caught.value) == "it is damaged, or sealed with another key"


@pytest.mark.parametrize("harm", ["", "abcd", "!", "half", "!between"])
def test_what_is_no_key_is_told(harm: str) -> None:
    key = random_key()
    bad = {"half": key[:22] + "==", "!between": f"!{key}"}.get(harm, harm)
    for work in (lambda: seal(bad, "one", "x"), lambda: unseal(bad, "one", "QUJD")):
        with pytest.raises(ValueError) as caught:
            work()
        assert str(caught.value) == "the key is not 32 bytes in base64"


def test_a_sealed_file_says_what_it_protects_from_and_where_it_lies(tmp_path: Path) -> None:
    store = sealed(tmp_path)
    path, key = tmp_path / "token.sealed", tmp_path / "etc" / "config.token-key"
    assert store.notice == (
        f"The token is sealed in {path} with the key in {key}. That protects it from other users,"
        " and from whoever has a copy of the data folder alone. It does not protect it from"
        " whoever has both files (a backup of the whole home, say), from root, nor from other"
        " programs of this user. A key that systemd hands over is better: docs/keyring.md,"
        " “A sealed file”."
    )
    handed = tmp_path / "handed"
    handed.mkdir()
    with_systemd = sealed(tmp_path, CREDENTIALS_DIRECTORY=str(handed))
    assert with_systemd.notice == store.notice, "no key was handed over"
    (handed / "qbosync.key").write_text(random_key())
    assert with_systemd.notice == (
        f"The token is sealed in {path} with a key that systemd hands over. That protects it from"
        " other users, and from whoever has a copy of the disk or a backup but not this machine."
        " It does not protect it from root, nor from other programs of the service that is handed"
        " the key."
    )
    assert store.backend == "qbosync.sealed-file"


def test_the_folder_of_a_new_key_is_the_owners_alone_and_a_key_is_never_replaced(
    tmp_path: Path,
) -> None:
    store = sealed(tmp_path / "deep" / "down")
    before = os.umask(0)
    try:
        store.make_key()
    finally:
        os.umask(before)
    folder = tmp_path / "deep" / "down" / "etc"
    assert folder.stat().st_mode & 0o777 == 0o700
    key = (folder / "config.token-key").read_text()
    store.make_key()
    assert (folder / "config.token-key").read_text() == key
    (folder / "config.token-key").unlink()
    store.make_key()
    assert key != (folder / "config.token-key").read_text() and key.endswith("=\n")


def test_a_sealed_file_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    store = sealed(tmp_path)
    path, key = tmp_path / "token.sealed", tmp_path / "etc" / "config.token-key"
    no_key = (
        f"The key of the sealed token is not at {key}.",
        f"Bring it back, or run `qbosync connect --token-store file` again. {SEE}",
    )
    assert trouble(lambda: store.save("a", BLOB)) == no_key
    store.make_key()
    store.save("a", BLOB)
    store.save("b", replace(BLOB, client_id="of b"))
    assert store.load("a") == BLOB, "each company has an entry"
    key.unlink()
    assert trouble(lambda: store.load("a")) == no_key
    store.make_key()
    assert trouble(lambda: store.load("a")) == (
        f"The token of a in {path} cannot be opened: it is damaged, or sealed with another key.",
        "Bring back the key and the file that belong together, or run `qbosync connect` again."
        f" {SEE}",
    )
    write_private(path, "[3]")
    assert trouble(lambda: store.load("a")) == (
        f"{path} cannot be read.",
        f"Bring it back, or remove it and run `qbosync connect` again. {SEE}",
    )


def test_a_key_from_systemd_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "qbosync.key").write_bytes(b"\xff")
    store = sealed(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert trouble(lambda: store.save("a", BLOB)) == (
        f"{tmp_path}/qbosync.key cannot be read.",
        f"Bring it back, or run `qbosync connect --token-store file` again. {SEE}",
    )


@pytest.mark.parametrize(
    ("number", "kind", "what", "todo"),
    [
        (errno.EACCES, SetupError, "it is another user's", "Make it yours: {path}"),
        (errno.EPERM, SetupError, "it is another user's", "Make it yours: {path}"),
        (errno.ELOOP, SetupError, "", "Bring it back."),
        (errno.EISDIR, SetupError, "", "Bring it back."),
        (errno.ENXIO, SetupError, "", "Bring it back."),
        (None, SetupError, "", "Bring it back."),
        (errno.EIO, LedgerError, "Input/output error",
         "Try again, and look at the disk if it stays so. Leave the file where it is: the token is"
         " in it."),
    ],
)  # fmt: skip
def test_a_token_is_thrown_away_only_where_its_own_file_is_at_fault(
    number: int | None, kind: type, what: str, todo: str, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    error = ValueError("x") if number is None else OSError(number, os.strerror(number))
    told = unreadable(path, error, "Bring it back.")
    assert type(told) is kind and told.todo == todo.format(path=path)
    assert told.what == f"{path} cannot be read{f': {what}' if what else ''}."


def test_a_disk_that_does_not_give_a_file_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    key_away = SealedFileStore(tmp_path / "token.sealed", tmp_path / "f" / "key", {})
    for work, path in (
        (lambda: EmulatorFileStore(tmp_path / "f" / "t").load("a"), "f/t"),
        (lambda: sealed(tmp_path / "f").load("a"), "f/token.sealed"),
        (lambda: key_away.save("a", BLOB), "f/key"),
    ):
        what, todo = trouble(work)
        assert what == f"{tmp_path}/{path} cannot be read: Not a directory."
        assert todo.startswith("Try again")


def test_a_sealed_file_that_does_not_keep_is_noticed(tmp_path: Path) -> None:
    store = sealed(tmp_path)
    path, aside = tmp_path / "token.sealed", tmp_path / "aside"
    store.make_key()
    store.save("a", BLOB)
    path.rename(aside)
    real = store.load
    store.load = lambda account: (aside.replace(path), real(account))[1]  # type: ignore[method-assign]
    assert trouble(lambda: store.save("a", replace(BLOB, client_id="new"))) == (
        f"{path} does not keep what is stored in it.", SEE,
    )  # fmt: skip


# A token on its way -----------------------------------------------------------------------------


def test_a_rescued_token_keeps_the_ledger_and_the_key_of_the_entry_it_follows(
    tmp_path: Path,
) -> None:
    first = Rescued(pinned(Keeping), tmp_path, random_key)
    first.save("a", BLOB)
    known = first.load("a")
    assert known is not None and known.rescue_key
    full = Rescued(pinned(Full), tmp_path, random_key)
    full.load("a")
    newest = replace(known, refresh_token="CANARY-newest", ledger_uuid="x", ledger_seq=99)
    assert trouble(lambda: full.save("a", newest))[0] == advice.not_taken("OSError").what
    found = Rescued(pinned(Keeping), tmp_path, random_key).load("a")
    assert found == replace(known, refresh_token="CANARY-newest")


def test_two_tokens_one_after_the_other_are_each_on_their_way(tmp_path: Path) -> None:
    store = Rescued(pinned(Keeping), tmp_path, random_key)
    for token in ("one", "two"):
        store.save("a", replace(BLOB, refresh_token=token))
    kept = pinned(Keeping).load("a")
    assert kept is not None and kept.refresh_token == "two"
    assert store.backend == name(Keeping) and store.notice == pinned(Keeping).notice
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_an_entry_has_is_kept(tmp_path: Path) -> None:
    store = Rescued(pinned(Keeping), tmp_path, lambda: "never asked")
    key = random_key()
    store.save("a", replace(BLOB, rescue_key=key))
    store.save("a", replace(BLOB, refresh_token="two", rescue_key=random_key()))
    kept = pinned(Keeping).load("a")
    assert kept is not None and kept.rescue_key == key


def test_where_nothing_can_be_written_the_keyring_is_tried_all_the_same(tmp_path: Path) -> None:
    store = Rescued(pinned(Keeping), tmp_path / "none", random_key)
    store.save("a", BLOB)
    store.save("a", replace(BLOB, refresh_token="two"))
    kept = pinned(Keeping).load("a")
    assert kept is not None and kept.refresh_token == "two"


def test_what_cannot_be_removed_is_no_reason_to_stop(tmp_path: Path) -> None:
    store = Rescued(pinned(Keeping), tmp_path, random_key)
    (tmp_path / "a.token-in-flight").mkdir()
    store.save("a", BLOB)
    kept = pinned(Keeping).load("a")
    assert kept is not None and replace(kept, rescue_key="") == BLOB


def test_a_sign_out_is_not_put_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Rescued(pinned(Keeping), tmp_path, random_key)
    store.save("a", BLOB)
    seen: list[list[str]] = []
    monkeypatch.setattr(
        Keeping, "set_password",
        lambda *args: seen.append([each.name for each in tmp_path.iterdir()]),
    )  # fmt: skip
    for token in ("", BLOB.refresh_token, "new"):
        with suppress(SetupError):
            store.save("a", replace(BLOB, refresh_token=token))
    assert seen == [[], [], ["a.token-in-flight"]]


def test_without_an_entry_there_is_nothing_to_rescue(tmp_path: Path) -> None:
    assert Rescued(pinned(Keeping), tmp_path, random_key).load("a") is None
    assert TokenBlob().rescue_key == ""
