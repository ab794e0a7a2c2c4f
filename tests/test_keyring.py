"""The real Secret Service in every state that cron can find it in: exit 4, and what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.keyring_kit import Connected, a_keyring, connected, needs_keyring
from tests.kills import kill_rounds
from tests.shopkit import Shop, deliver_two_orders

pytestmark = needs_keyring


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    with connected(tmp_path_factory.mktemp("original")) as made:
        made.keyring.end()
        made.keyring.started.clear()
        yield made


@pytest.fixture
def there(original: Connected, tmp_path: Path) -> Iterator[Connected]:
    """A copy with a bus and an open keyring of its own."""
    shutil.copytree(original.shop.folder / "data", tmp_path / "data")
    shutil.copytree(original.shop.export, tmp_path / "export")
    shutil.copy2(original.shop.config, tmp_path / "config.toml")
    shutil.copytree(original.keyring.home, tmp_path / "home")
    with a_keyring(tmp_path) as keyring:
        yield Connected(Shop(tmp_path, original.shop.server), keyring)


def pinned(there: Connected) -> dict[str, str]:
    path = there.shop.folder / "data" / "connection-config.json"
    return dict(json.loads(path.read_text()))


def sign_ins(there: Connected) -> int:
    """How often Intuit was asked for a token."""
    return sum(row["path"].endswith("/bearer") for row in there.shop.server.emulator.log)


def test_the_token_lies_in_the_secret_service_and_in_no_file(there: Connected) -> None:
    assert pinned(there)["keyring_backend"] == "keyring.backends.SecretService.Keyring"
    done = there.run("status", "--json")
    assert json.loads(done.out)["token"]["refresh_days_left"] >= 100
    [entry] = [g.refresh for g in there.shop.server.emulator.oauth.grants if not g.dead][:1]
    for path in there.shop.folder.rglob("*"):
        assert not path.is_file() or entry.encode() not in path.read_bytes(), path


def test_the_bus_is_found_without_being_named(there: Connected) -> None:
    """Cron names no bus; the user's lies where the runtime directory is."""
    done = there.run("sync", DBUS_SESSION_BUS_ADDRESS="")
    assert (done.code, done.text) == (0, "")


def test_the_pinned_keyring_is_used_whatever_the_environment_says(there: Connected) -> None:
    done = there.run("sync", PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    assert (done.code, done.text) == (0, "")


def locked(there: Connected) -> None:
    there.keyring.lock()


def dead(there: Connected) -> None:
    daemon = there.keyring.started[-1]
    daemon.kill()
    daemon.wait()


def absent(there: Connected) -> None:
    dead(there)
    shutil.rmtree(there.keyring.keyrings)
    there.keyring.start_locked()


def damaged(there: Connected) -> None:
    dead(there)
    os.truncate(there.keyring.keyrings / "login.keyring", 100)
    there.keyring.unlock()


def hanging(there: Connected) -> None:
    there.keyring.started[-1].send_signal(19)


def uninstalled(there: Connected) -> None:
    path = there.shop.folder / "data" / "connection-config.json"
    values = pinned(there) | {"keyring_backend": "keyrings.alt.file.PlaintextKeyring"}
    path.write_text(json.dumps(values))


def null(there: Connected) -> None:
    path = there.shop.folder / "data" / "connection-config.json"
    values = pinned(there) | {"keyring_backend": "keyring.backends.null.Keyring"}
    path.write_text(json.dumps(values))


STATES: list[tuple[Callable[[Connected], None], str, str]] = [
    (locked, "is locked", "let a service open it"),
    (dead, "No keyring program answers", "Install gnome-keyring"),
    (absent, "no default keyring", "first unlocking makes it"),
    (damaged, "has no token", "from a backup"),
    (hanging, "did not answer within", "end its program"),
    (uninstalled, "not installed any more", "--token-store keyring"),
    (null, "has no token", "connect"),
]


@pytest.mark.parametrize(("state", "what", "todo"), STATES, ids=[s[0].__name__ for s in STATES])
def test_a_keyring_that_cannot_be_used_is_exit_4_with_the_recipe_that_fits(
    there: Connected, state: Callable[[Connected], None], what: str, todo: str
) -> None:
    state(there)
    with there.shop.writes() as sent:
        # A screen to open a window on: whoever would ask, would wait here.
        done = there.run("sync", DISPLAY=":99")
    assert done.code == 4, done.text
    assert what in done.err and todo in done.err
    assert len(done.err.splitlines()) <= 3 and done.out == ""
    assert sent == []


def test_a_bus_that_is_named_and_not_there_is_told_by_its_name(there: Connected) -> None:
    done = there.run("sync", DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere/bus")
    assert done.code == 4
    assert "unix:path=/nowhere/bus" in done.err and "Take the line out" in done.err


@pytest.mark.skipif(
    Path(f"/run/user/{os.getuid()}/bus").exists(), reason="this user has a D-Bus of its own"
)
def test_where_there_is_no_bus_at_all_the_service_that_starts_one_is_named(
    there: Connected, tmp_path: Path
) -> None:
    done = there.run("sync", DBUS_SESSION_BUS_ADDRESS="", XDG_RUNTIME_DIR=str(tmp_path / "none"))
    assert done.code == 4
    assert "has no D-Bus" in done.err and "enable-linger" in done.err


def test_a_keyring_whose_program_died_is_started_by_the_bus_and_found_locked(
    there: Connected, tmp_path: Path
) -> None:
    (tmp_path / "again").mkdir()
    shutil.copytree(there.keyring.home, tmp_path / "again" / "home")
    with a_keyring(tmp_path / "again", is_activated=True) as keyring:
        dead(Connected(there.shop, keyring))
        done = Connected(there.shop, keyring).run("sync", DISPLAY=":99")
    assert done.code == 4 and "is locked" in done.err


@contextmanager
def full_disk(there: Connected, scratch: Path) -> Iterator[Path | None]:
    """The keyring's own disk, filled by the file that is given; `None` where none can be had."""
    dead(there)
    folder = there.keyring.keyrings
    kept = scratch / "kept"
    shutil.copytree(folder, kept)
    words = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, check=False).returncode:
        yield None
        return
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        there.keyring.unlock()
        block = folder / "full"
        with block.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        yield block
    finally:
        dead(there)
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_under_the_keyring_costs_no_token(there: Connected, tmp_path: Path) -> None:
    with full_disk(there, tmp_path) as block:
        if block is None:
            pytest.skip("a small disk is mounted by root only, and not everywhere")
        before = sign_ins(there)
        done = there.run("sync")
        assert done.code == 4 and "did not take the token" in done.err
        assert "Make room" in done.err
        assert sign_ins(there) == before, "nothing is asked of Intuit that cannot be kept"
        block.unlink()
        done = there.run("sync")
        assert (done.code, len(done.err.splitlines())) == (0, 1), "one line: all is well again"


def test_nobody_connects_to_a_keyring_that_keeps_nothing(there: Connected, tmp_path: Path) -> None:
    (there.shop.folder / "data" / "connection-config.json").unlink()
    there.shop.environ = there.keyring.environ | {
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"
    }
    done = there.shop.connect_by_hand()
    assert done.code == 4 and "does not keep what is stored" in done.err


def test_a_sealed_file_does_without_a_keyring(original: Connected, tmp_path: Path) -> None:
    shop = Shop(tmp_path, original.shop.server)
    shop.configure()
    deliver_two_orders(shop)
    shop.environ = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere", "HOME": str(tmp_path)}
    made = shop.connect_by_hand("--token-store", "file")
    assert made.code in (0, 4) and "does not protect" in made.text
    assert shop.run("sync", "--dry-run").code == 0
    key = tmp_path / "config.token-key"
    key.rename(tmp_path / "elsewhere")
    done = shop.run("sync")
    assert done.code == 4 and "key of the sealed token" in done.err


def test_killed_while_storing_a_new_token_the_connection_lives(tmp_path: Path) -> None:
    """A share of what `python -m bench.keyring` does sixty times."""
    tally = kill_rounds(tmp_path, 2)
    assert tally.pieces >= 20, "the dialogue with the keyring goes by"
    assert (tally.kills, tally.lost) == (2, 0)
    assert tally.rescued, "the keyring alone would have lost one"
