"""Which file is meant: configuration, data folder, ledger, lock, log.

What others could have changed is not trusted: a configuration that anyone but its owner
can write is refused, and data lie in a folder of our own, 0700.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path, user_data_path

from qbosync.config import Settings, load
from qbosync.errors import LedgerError, SetupError
from qbosync.places.file import is_posix, read_file, reason

APP = "qbosync"
CONFIG_NAME = "config.toml"
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Places:
    """Every file of one configuration; `profile` is the configuration's name without `.toml`."""

    config: Path
    data: Path

    @property
    def profile(self) -> str:
        """`config` for the default configuration."""
        return self.config.stem

    @property
    def connection(self) -> Path:
        """Which company is connected."""
        return self.data / f"connection-{self.profile}.json"

    @property
    def log(self) -> Path:
        """What the runs did; rotated."""
        return self.data / "qbosync.log"

    @property
    def backups(self) -> Path:
        """Copies of the ledger that good runs leave, the last seven."""
        return self.data / "backups"

    @property
    def emulator_token(self) -> Path:
        """The refresh token of an emulated company, which is no secret."""
        return self.data / "emulator-token.json"

    @property
    def sealed_token(self) -> Path:
        """The tokens in a sealed file, where the operator chose that."""
        return self.data / "token.sealed"

    @property
    def token_key(self) -> Path:
        """What seals it: beside the configuration, so that a copy of the data has no key."""
        return self.config.with_name(f"{self.profile}.token-key")

    def ledger(self, environment: str, realm_id: str) -> Path:
        """One ledger for each company of each environment."""
        return self.data / f"{_company(environment, realm_id)}.db"

    def lock(self, environment: str, realm_id: str) -> Path:
        """One run at a time for each company of each environment."""
        return self.data / f"{_company(environment, realm_id)}.lock"

    def resolve(self, path: str) -> Path:
        """A path from the configuration: relative to the configuration file."""
        return self.config.parent / Path(path).expanduser()


def _company(environment: str, realm_id: str) -> str:
    if not _WORD.fullmatch(environment) or not _WORD.fullmatch(realm_id):
        raise SetupError(
            f"{environment!r}, {realm_id!r} is no company.", "Run `qbosync connect` again."
        )
    return f"{environment}-{realm_id}"


def config_path(config: Path | None, profile: str | None, environ: Mapping[str, str]) -> Path:
    """Which configuration file is meant: `--config`, `--profile`, `$QBOSYNC_CONFIG`, the default.

    Raises:
        SetupError: If both options are given, or the profile's name is a path.
    """
    if config and profile:
        raise SetupError("Both --config and --profile are given.", "Leave one of them out.")
    if config:
        return config.expanduser().absolute()
    folder = user_config_path(APP, appauthor=False)
    if profile:
        if not _PROFILE.fullmatch(profile):
            raise SetupError(
                f"{profile!r} is not the name of a profile.",
                f"Give the name of a file in {folder}, without its .toml.",
            )
        return folder / f"{profile}.toml"
    if named := environ.get("QBOSYNC_CONFIG"):
        return Path(named).expanduser().absolute()
    return folder / CONFIG_NAME


def read_settings(
    config: Path | None, profile: str | None, environ: Mapping[str, str]
) -> tuple[Settings, Path]:
    """The configuration and the file it came from.

    Raises:
        SetupError: If it is missing, cannot be read, can be written by others, or has mistakes.
    """
    path = config_path(config, profile, environ)
    try:
        content = read_file(path, is_ours_only=True)
    except FileNotFoundError:
        raise SetupError(
            f"There is no configuration at {path}.",
            "Run `qbosync init FOLDER` with the folder of an export: it writes one.",
        ) from None
    except OSError as error:
        raise SetupError(
            f"The configuration {path} cannot be read: {reason(error)}.",
            "Give this user the right to read it, or name another with --config.",
        ) from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SetupError(
            f"The configuration {path} is not UTF-8, line {line}.", "Save it as UTF-8."
        ) from None
    return load(text, str(path)), path


def places(settings: Settings, config: Path, environ: Mapping[str, str]) -> Places:
    """Where the data of these settings lie; nothing is created."""
    if named := environ.get("QBOSYNC_DATA_DIR"):
        data = Path(named).expanduser()
    elif settings.data_dir:
        data = config.parent / Path(settings.data_dir).expanduser()
    else:
        data = user_data_path(APP, appauthor=False)
    return Places(config, data.absolute())


def make_data_dir(path: Path) -> None:
    """Have the data folder, readable by its owner only.

    Raises:
        LedgerError: If it cannot be made, is not ours, or is open to everybody's writing.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = path.stat()
        if not is_posix():
            return
        if now.st_uid != os.geteuid():
            raise _not_ours(path, "belongs to another user")
        if now.st_mode & stat.S_IWOTH:
            raise _not_ours(path, "can be written by everybody")
        if now.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise LedgerError(
            f"The data folder {path} cannot be made: {reason(error)}.",
            "Make room or give this user the right to write there, or name another folder"
            " in QBOSYNC_DATA_DIR or data_dir.",
        ) from None


def _not_ours(path: Path, why: str) -> LedgerError:
    return LedgerError(
        f"The data folder {path} {why}.",
        "Name a folder of this user's own in QBOSYNC_DATA_DIR or data_dir.",
    )
