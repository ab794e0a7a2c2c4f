"""`--token-store file`: the tokens in a sealed file, for machines without a keyring.

Only on demand.  It is as safe as its key: handed over by systemd it protects copies of the
disk too; lying in a file beside, it protects whoever copies the data folder alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from qbosync.blob import TokenBlob
from qbosync.errors import SetupError
from qbosync.tokens.file import read_private, unreadable, write_private
from qbosync.tokens.seal import random_key, seal, unseal

CREDENTIAL = "qbosync.key"
"""The name of systemd's credential."""
_SEE = "See docs/keyring.md, “A sealed file”."
_FROM_SYSTEMD = (
    "The token is sealed in {path} with a key that systemd hands over. That protects it from other"
    " users, and from whoever has a copy of the disk or a backup but not this machine. It does not"
    " protect it from root, nor from other programs of the service that is handed the key."
)
_FROM_FILE = (
    "The token is sealed in {path} with the key in {key}. That protects it from other users, and"
    " from whoever has a copy of the data folder alone. It does not protect it from whoever has"
    " both files (a backup of the whole home, say), from root, nor from other programs of this"
    " user. A key that systemd hands over is better: docs/keyring.md, “A sealed file”."
)


class SealedFileStore:
    """One file of sealed entries; each is bound to its company."""

    backend = "qbosync.sealed-file"

    def __init__(self, path: Path, key_file: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._key_file = key_file
        self._credentials = environ.get("CREDENTIALS_DIRECTORY", "")

    @property
    def notice(self) -> str:
        words = _FROM_FILE if self._credential is None else _FROM_SYSTEMD
        return words.format(path=self._path, key=self._key_file)

    @property
    def _credential(self) -> Path | None:
        path = Path(self._credentials) / CREDENTIAL
        return path if self._credentials and path.exists() else None

    def make_key(self) -> None:
        """Have a key: the one that is there, else a new one beside the configuration."""
        if self._credential is None and not self._key_file.exists():
            self._key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._key_file, random_key() + "\n")

    def load(self, account: str) -> TokenBlob | None:
        sealed = self._entries().get(account)
        if sealed is None:
            return None
        try:
            return TokenBlob.parse(unseal(self._key(), _name(account), sealed))
        except ValueError as error:
            raise SetupError(
                f"The token of {account} in {self._path} cannot be opened: {error}.",
                "Bring back the key and the file that belong together, or run `qbosync connect`"
                f" again. {_SEE}",
            ) from error

    def save(self, account: str, blob: TokenBlob) -> None:
        sealed = seal(self._key(), _name(account), blob.dump())
        write_private(self._path, json.dumps(self._entries() | {account: sealed}))
        if self.load(account) != TokenBlob.parse(blob.dump()):
            raise SetupError(f"{self._path} does not keep what is stored in it.", _SEE)

    def _key(self) -> str:
        path = self._credential or self._key_file
        try:
            # systemd itself sees to who can read a credential.
            return path.read_text("ascii") if self._credential else read_private(path)
        except (OSError, UnicodeError) as error:
            todo = f"Bring it back, or run `qbosync connect --token-store file` again. {_SEE}"
            if isinstance(error, FileNotFoundError):
                raise SetupError(f"The key of the sealed token is not at {path}.", todo) from error
            raise unreadable(path, error, todo) from error

    def _entries(self) -> dict[str, str]:
        try:
            return dict(json.loads(read_private(self._path)))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            todo = f"Bring it back, or remove it and run `qbosync connect` again. {_SEE}"
            raise unreadable(self._path, error, todo) from error


def _name(account: str) -> str:
    return f"qbosync token {account}"
