"""Where the files lie, who may have touched them, and what is kept of the connection."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qbosync.errors import LedgerError, SetupError
from qbosync.places import (
    Connection,
    Places,
    config_path,
    forget_connection,
    make_data_dir,
    places,
    read_connection,
    read_settings,
    write_connection,
)

LEAST = '[quickbooks]\nenvironment = "sandbox"\n[source]\n'
CONNECTION = Connection(
    environment="sandbox",
    realm_id="4620816365",
    company="Smith Cabinets",
    since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    keyring_backend="keyring.backends.SecretService.Keyring",
    ledger_uuid="5f0c",
    is_active=True,
    default_export_class="Cabinets",
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(LEAST)
    path.chmod(0o600)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Which configuration


def test_an_option_goes_before_the_environment(tmp_path):
    environ = {"QBOSYNC_CONFIG": str(tmp_path / "b.toml")}

    assert config_path(tmp_path / "a.toml", None, environ) == tmp_path / "a.toml"
    assert config_path(None, None, environ) == tmp_path / "b.toml"


def test_a_profile_lies_beside_the_default_configuration(home):
    default = config_path(None, None, {})

    assert default.name == "config.toml"
    assert default.parent.name == "qbosync"
    assert config_path(None, "main", {}) == default.parent / "main.toml"
    assert config_path(None, "main", {"QBOSYNC_CONFIG": "x.toml"}) == default.parent / "main.toml"


@pytest.mark.parametrize("name", ["../other", "a/b", "", ".hidden", "a\n"])
def test_a_profile_is_a_name_and_no_path(name, home):
    if not name:
        assert config_path(None, name, {}).name == "config.toml"
        return
    with pytest.raises(SetupError, match="not the name of a profile"):
        config_path(None, name, {})


def test_a_profile_beside_a_configuration_is_refused(config):
    with pytest.raises(SetupError, match="Both --config and --profile"):
        read_settings(config, "main", {})


# Reading it


def test_the_settings_come_with_their_file(config):
    settings, path = read_settings(config, None, {})

    assert path == config
    assert settings.quickbooks.environment == "sandbox"


def test_a_missing_configuration_is_answered_with_init(tmp_path):
    with pytest.raises(SetupError) as caught:
        read_settings(tmp_path / "none.toml", None, {})

    assert str(tmp_path / "none.toml") in caught.value.what
    assert "qbosync init FOLDER" in caught.value.todo


def test_a_mistake_names_the_file(config):
    config.write_text(LEAST + "pth = 'x'\n")

    with pytest.raises(SetupError) as caught:
        read_settings(config, None, {})

    assert caught.value.what.startswith(f"{config}: unknown key `pth` in [source], line 4")


@pytest.mark.parametrize("open_to", [0o620, 0o602, 0o666])
def test_a_configuration_that_others_can_write_is_refused(config, open_to):
    config.chmod(open_to)

    with pytest.raises(SetupError, match="can be written by other users") as caught:
        read_settings(config, None, {})

    assert caught.value.todo == f"Run `chmod go-w {config}`."


def test_a_configuration_that_others_can_read_holds_no_secret(config):
    config.chmod(0o644)

    assert read_settings(config, None, {})


def test_a_configuration_that_is_not_text_is_refused_by_line(config):
    config.write_bytes(LEAST.encode() + b'path = "caf\xe9"\n')

    with pytest.raises(SetupError, match="not UTF-8, line 4"):
        read_settings(config, None, {})


def test_a_folder_a_pipe_and_a_flood_are_no_configuration(tmp_path):
    pipe, flood = tmp_path / "pipe.toml", tmp_path / "flood.toml"
    os.mkfifo(pipe)
    flood.write_bytes(b"#" * (1024 * 1024 + 1))
    flood.chmod(0o600)

    for path, why in ((tmp_path, "not a file"), (pipe, "not a file"), (flood, "too large")):
        with pytest.raises(SetupError, match=why):
            read_settings(path, None, {})


# Data


def test_data_lie_where_the_environment_says_else_the_configuration_else_the_platform(config, home):
    plain, _ = read_settings(config, None, {})
    config.write_text('data_dir = "state"\n' + LEAST)
    own, _ = read_settings(config, None, {})

    assert places(plain, config, {}).data == home / "share" / "qbosync"
    assert places(own, config, {}).data == config.parent / "state"
    assert places(own, config, {"QBOSYNC_DATA_DIR": "/srv/qbo"}).data == Path("/srv/qbo")


def test_each_company_of_each_environment_has_its_own_ledger_and_lock(tmp_path):
    here = Places(tmp_path / "config.toml", tmp_path / "data")

    assert here.ledger("sandbox", "123") == tmp_path / "data" / "sandbox-123.db"
    assert here.lock("production", "123") == tmp_path / "data" / "production-123.lock"
    assert here.connection == tmp_path / "data" / "connection-config.json"
    assert here.emulator_token == tmp_path / "data" / "emulator-token.json"
    assert here.log.parent == here.data
    assert Places(tmp_path / "main.toml", tmp_path).connection.name == "connection-main.json"
    with pytest.raises(SetupError):
        here.ledger("sandbox", "../1")


def test_paths_in_the_configuration_are_relative_to_it(tmp_path):
    here = Places(tmp_path / "config.toml", tmp_path / "data")

    assert here.resolve("export") == tmp_path / "export"
    assert here.resolve("/srv/export") == Path("/srv/export")


def test_the_data_folder_is_the_owners_alone(tmp_path):
    new, loose = tmp_path / "a" / "b", tmp_path / "loose"
    loose.mkdir(mode=0o755)

    for folder in (new, loose, new):
        make_data_dir(folder)
        assert mode(folder) == 0o700


def test_a_data_folder_open_to_everybody_is_refused(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(LedgerError, match="can be written by everybody"):
        make_data_dir(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file somebody else's")
def test_what_belongs_to_somebody_else_is_refused(tmp_path, config):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    for path in (folder, config):
        os.chown(path, 4711, -1)

    with pytest.raises(LedgerError, match="belongs to another user"):
        make_data_dir(folder)
    with pytest.raises(SetupError, match="belongs to another user"):
        read_settings(config, None, {})


def test_a_data_folder_that_cannot_be_made_is_the_disks_fault(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(LedgerError) as caught:
        make_data_dir(tmp_path / "file" / "data")

    assert caught.value.exit_code == 7


# The connection


def test_a_connection_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "connection-config.json"
    write_connection(path, CONNECTION)

    assert read_connection(path) == CONNECTION
    assert mode(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_killed_write_leaves_the_old_connection_and_no_obstacle(tmp_path):
    path = tmp_path / "connection-config.json"
    write_connection(path, CONNECTION)
    (tmp_path / f".{path.name}.new").write_text('{"half')

    assert read_connection(path) == CONNECTION
    write_connection(path, CONNECTION)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_no_connection_is_none_and_forgetting_it_twice_is_fine(tmp_path):
    path = tmp_path / "connection-config.json"
    write_connection(path, CONNECTION)
    forget_connection(path)
    forget_connection(path)

    assert read_connection(path) is None


def test_what_a_later_release_adds_is_passed_over(tmp_path):
    path = tmp_path / "connection-config.json"
    write_connection(path, CONNECTION)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "green"}))

    assert read_connection(path) == CONNECTION


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"since": 5}', "[" * 100000, "\x00"]
)
def test_a_damaged_connection_is_told_as_such(tmp_path, text):
    path = tmp_path / "connection-config.json"
    path.write_text(text)

    with pytest.raises(LedgerError, match="is damaged") as caught:
        read_connection(path)

    assert "qbosync connect" in caught.value.todo


def test_a_time_without_a_zone_is_damage(tmp_path):
    path = tmp_path / "connection-config.json"
    write_connection(path, CONNECTION)
    path.write_text(path.read_text().replace("+00:00", ""))

    with pytest.raises(LedgerError, match="is damaged"):
        read_connection(path)


def test_a_disk_that_takes_nothing_is_told_and_the_old_file_stays(tmp_path):
    with pytest.raises(LedgerError, match="cannot be written"):
        write_connection(tmp_path / "gone" / "connection-config.json", CONNECTION)
    with pytest.raises(LedgerError, match="cannot be read"):
        read_connection(tmp_path)


def test_a_connection_that_cannot_be_forgotten_is_told(tmp_path):
    with pytest.raises(LedgerError, match="cannot be removed"):
        forget_connection(tmp_path)
