"""Connecting and disconnecting, from the operator's click to a kept token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from qbosync.blob import TokenBlob
from qbosync.connect import Person, connect
from qbosync.disconnect import disconnect
from qbosync.emulator import Server
from qbosync.errors import BusyError, QbosyncError, SetupError
from qbosync.lock import RunLock
from qbosync.wiring import Setup, load

REALM = "9341450000000001"
ACCOUNT = f"emulator-{REALM}"
KEYS = ("CANARYID", "CANARYSECRET")


class Shop:
    """A configuration beside an emulator."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.data = folder / "data"
        self.config = folder / "config.toml"
        self.shown: list[str] = []
        (folder / "export").mkdir()
        self.configure("emulator")

    def configure(self, environment: str) -> None:
        address = f'api_url = "{self.server.url}"' if environment == "emulator" else ""
        self.config.write_text(
            f'[quickbooks]\nenvironment = "{environment}"\ndefault_export_class = "Cabinets"\n'
            f'{address}\n[source]\nkind = "folder"\npath = "export"\ntimezone = "UTC"\n'
            "[orders]\nstart_date = 2026-01-01\n"
        )
        self.config.chmod(0o600)

    def setup(self) -> Setup:
        return load(self.config, None, {"QBOSYNC_DATA_DIR": str(self.data)})

    def person(self, choice: str = REALM, change: Callable[[str], str] = str) -> Person:
        def paste() -> str:
            url = f"{self.shown[-1]}&approve={choice}"
            reply = requests.get(url, allow_redirects=False, timeout=5)
            return change(reply.headers["Location"])

        return Person(self.shown.append, None, paste, None)

    def connect(self, keys: tuple[str, str] = KEYS, **options: Any) -> Any:
        return connect(self.setup(), self.person(**options), keys)

    def blob(self) -> TokenBlob:
        entries = json.loads((self.data / "emulator-token.json").read_text())
        return TokenBlob.parse(entries[ACCOUNT])

    def asked(self) -> int:
        return len([r for r in self.server.emulator.log if r["path"].endswith("/bearer")])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Server(port=0, limits="off", seed=1) as server:
        yield Shop(server, tmp_path)


def test_connecting_keeps_token_keys_ledger_and_company(shop):
    made = shop.connect()
    assert made.connection.realm_id == REALM
    assert made.connection.company == "Sandbox Cabinet Shop"
    blob = shop.blob()
    assert (blob.client_id, blob.client_secret) == KEYS and blob.refresh_token
    assert blob.ledger_uuid == made.connection.ledger_uuid
    assert (shop.data / f"{ACCOUNT}.db").exists()
    shown = "".join(p.read_text(errors="replace") for p in shop.data.glob("connection*"))
    assert "CANARY" not in shown and blob.refresh_token not in shown


def test_a_company_whose_settings_are_not_right_is_kept_inactive(shop):
    made = shop.connect()
    assert {check.name for check in made.stops} == {"sales tax", "automatic credits"}
    assert shop.setup().connection is not None and not made.connection.is_active


@pytest.mark.parametrize(
    ("choice", "change", "words"),
    [
        ("deny", str, "cancelled"),
        (REALM, lambda url: url.replace("state=", "state=x"), "does not belong"),
        (REALM, lambda url: "nonsense", "does not belong"),
    ],
)
def test_a_sign_in_that_fails_changes_nothing(shop, choice, change, words):
    with pytest.raises(SetupError, match=words):
        shop.connect(choice=choice, change=change)
    assert shop.setup().connection is None and shop.asked() == 0
    assert not (shop.data / "emulator-token.json").exists()


def test_wrong_keys_do_not_break_a_connection_that_works(shop):
    shop.connect()
    before = shop.blob()
    with pytest.raises(SetupError, match="client id and secret"):
        shop.connect(("CANARYID", "mistyped"))
    assert shop.blob() == before


def test_connecting_again_needs_no_keys_and_keeps_the_ledger(shop):
    first = shop.connect()
    again = shop.connect(("", ""))
    assert again.connection.ledger_uuid == first.connection.ledger_uuid
    assert shop.blob().client_id == "CANARYID"


def test_nothing_is_asked_of_intuit_where_the_token_cannot_be_kept(shop, monkeypatch):
    def full(self: object, account: str, blob: TokenBlob) -> None:
        raise SetupError("full")

    monkeypatch.setattr("qbosync.tokens.EmulatorFileStore.save", full)
    with pytest.raises(SetupError, match="full"):
        shop.connect()
    assert shop.asked() == 0


def test_another_company_is_refused_as_long_as_one_is_connected(shop):
    shop.connect()
    other = shop.server.emulator.add_company("Other", "sandbox").realm_id
    with pytest.raises(SetupError, match="another one"):
        shop.connect(choice=other)
    disconnect(shop.setup())
    assert shop.connect(choice=other).connection.company == "Other"


def test_another_environment_is_refused_before_anybody_signs_in(shop):
    shop.connect()
    shown = len(shop.shown)
    shop.configure("sandbox")
    with pytest.raises(SetupError, match="is connected to"):
        shop.connect()
    assert len(shop.shown) == shown


def test_no_run_and_no_sign_in_write_the_token_at_once(shop):
    setup = shop.setup()
    shop.data.mkdir(mode=0o700)
    with (
        RunLock(setup.places.lock("emulator", REALM), setup.clock),
        pytest.raises(BusyError) as caught,
    ):
        shop.connect()
    assert "Wait" in caught.value.todo and shop.asked() == 0


def test_without_anybody_to_ask_the_keys_must_be_given(shop):
    shop.configure("sandbox")
    setup = shop.setup()
    person = Person(shop.shown.append, None, None, None)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(QbosyncError) as caught:
        patch.setenv("PYTHON_KEYRING_BACKEND", "tests.test_tokens.Keeping")
        connect(setup, person, ("", ""))
    assert "QBOSYNC_CLIENT_ID" in caught.value.todo


def test_disconnecting_revokes_and_forgets_but_keeps_the_ledger(shop):
    shop.connect()
    token = shop.blob().refresh_token
    left = disconnect(shop.setup())
    assert left.trouble == "" and Path(left.ledger).exists()
    assert shop.blob().refresh_token == "" and shop.blob().ledger_uuid
    assert shop.setup().connection is None
    assert [g.dead for g in shop.server.emulator.oauth.grants if g.refresh == token] == [True]
    with pytest.raises(SetupError, match="Not connected"):
        disconnect(shop.setup())


def test_disconnecting_forgets_even_where_nobody_hears_of_it(shop):
    shop.connect()
    shop.server.stop()
    left = disconnect(shop.setup())
    assert "cannot be reached" in left.trouble
    assert shop.blob().refresh_token == "" and shop.setup().connection is None
    shop.server.__init__(port=0, limits="off", seed=1)  # type: ignore[misc]
    shop.server.start()


def test_a_keyring_that_is_shut_does_not_hinder_disconnecting(shop):
    shop.connect()
    (shop.data / "emulator-token.json").write_text("damaged")
    left = disconnect(shop.setup())
    assert "cannot be read" in left.trouble and shop.setup().connection is None
    assert left.kept == left.trouble, "nobody is told that they are gone"


def test_disconnecting_after_the_environment_was_changed_forgets_the_old_ones_token(shop):
    """As from the sandbox to real books: the configuration is changed first."""
    shop.connect()
    text = shop.config.read_text().replace('environment = "emulator"', 'environment = "sandbox"')
    shop.config.write_text("\n".join(ln for ln in text.splitlines() if "api_url" not in ln))
    left = disconnect(shop.setup())
    assert "where the emulator is" in left.trouble and left.kept == ""
    assert shop.blob().refresh_token == "" and shop.setup().connection is None
