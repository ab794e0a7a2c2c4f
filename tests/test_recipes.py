"""The recipes of docs/keyring.md, as far as a machine without systemd can run them."""

from __future__ import annotations

import configparser
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbosync.tokens.advice import RECIPES
from tests.keyring_kit import PASSWORD, Connected, connected, needs_keyring
from tests.test_crontab import EXAMPLE_MINUTE
from tests.test_docs import anchor

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
BOOK = (ROOT / "docs" / "keyring.md").read_text(encoding="utf-8")
HEADS = re.findall(r"^## (.*)$", BOOK, re.M)
UNITS = sorted(path for path in DEPLOY.iterdir() if path.suffix in (".service", ".timer"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_that_a_message_names_is_in_the_book(recipe: str) -> None:
    assert recipe in HEADS and anchor(recipe)


def test_every_file_that_is_shipped_is_in_the_book() -> None:
    for path in DEPLOY.iterdir():
        assert f"../deploy/{path.name}" in BOOK, path.name


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(DEPLOY / name)
    return found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_each_unit(path: Path, tmp_path: Path) -> None:
    for other in UNITS:
        text = other.read_text().replace("USER", "root")
        (tmp_path / other.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / path.name)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    ours = [said for said in done.stderr.splitlines() if path.name in said]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_timer_and_launchd_come_every_two_hours_at_the_minute_of_the_crontab() -> None:
    assert unit("qbosync.timer")["Timer"]["OnCalendar"] == f"*-*-* 0/2:{EXAMPLE_MINUTE}:00"
    with (DEPLOY / "com.qbosync.sync.plist").open("rb") as file:
        agent = plistlib.load(file)
    hours = [moment["Hour"] for moment in agent["StartCalendarInterval"]]
    assert hours == list(range(0, 24, 2))
    assert {moment["Minute"] for moment in agent["StartCalendarInterval"]} == {EXAMPLE_MINUTE}
    assert agent["ProgramArguments"][-1] == "sync"
    assert agent["Umask"] == 0o077


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    with connected(tmp_path_factory.mktemp("recipes")) as made:
        made.keyring.started[-1].kill()
        made.keyring.started.pop().wait()
        (made.keyring.home / ".config" / "qbosync").mkdir(parents=True)
        password = made.keyring.home / ".config" / "qbosync" / "keyring.pw"
        password.write_text(PASSWORD)
        yield made


def told(there: Connected, words: list[str]) -> subprocess.CompletedProcess[str]:
    """What a recipe's command does in this user's home."""
    credentials = str(there.keyring.home / ".config" / "qbosync")
    environ = os.environ | there.keyring.environ | {"CREDENTIALS_DIRECTORY": credentials}
    del environ["DBUS_SESSION_BUS_ADDRESS"]
    return subprocess.run(
        words, env=environ, capture_output=True, text=True, check=False, timeout=60,
        cwd=ROOT, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def sync(there: Connected) -> list[str]:
    return [sys.executable, "-m", "qbosync", "--config", str(there.shop.config), "sync"]


@needs_keyring
def test_without_systemd_each_run_has_a_bus_and_a_keyring_of_its_own(there: Connected) -> None:
    done = told(there, [str(DEPLOY / "qbosync-cron"), *sync(there)])
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@needs_keyring
def test_the_command_of_the_systemd_timer_opens_the_keyring_and_syncs(there: Connected) -> None:
    command = unit("qbosync.service")["Service"]["ExecStart"]
    command = command.replace("/home/USER/.local/bin/qbosync sync", shlex.join(sync(there)))
    done = told(there, shlex.split(command))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@needs_keyring
def test_the_service_of_the_user_opens_the_keyring_for_cron(there: Connected) -> None:
    command = shlex.split(unit("qbosync-keyring.service")["Service"]["ExecStart"])
    environ = {"CREDENTIALS_DIRECTORY": str(there.keyring.home / ".config" / "qbosync")}
    daemon = there.keyring.start(command, environ)
    there.keyring.until(lambda: there.keyring.owner() == daemon.pid)
    done = told(there, sync(there))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@needs_keyring
def test_a_wrong_password_opens_nothing_and_is_told(there: Connected) -> None:
    (there.keyring.home / ".config" / "qbosync" / "keyring.pw").write_text(f"{PASSWORD}\n")
    done = told(there, [str(DEPLOY / "qbosync-cron"), *sync(there)])
    assert done.returncode == 4 and "is locked" in done.stderr
