"""Tokens in files: written whole or not at all, 0600; the emulator's, which are no secret."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

from qbosync.blob import TokenBlob
from qbosync.errors import LedgerError, QbosyncError, SetupError

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_LARGEST = 1024 * 1024


def write_private(path: Path, text: str) -> None:
    """Put a file in its place that only its owner can read, and have it on the disk.

    Raises:
        LedgerError: If the disk does not take it; the old file is whole then.
    """
    temporary = path.with_suffix(".new")
    flags = os.O_CREAT | os.O_WRONLY | os.O_EXCL | _NO_FOLLOW
    try:
        # What a killed run left may be anybody's to read.
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be written: {error.strerror}.", "Make room for it."
        ) from error


def read_private(path: Path) -> str:
    """The text of a file that nobody but its owner can read or change.

    Raises:
        OSError: If there is none, or it is no file, or a link stands in its place.
        SetupError: If others have a part in it.
    """
    handle = os.open(path, os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0))
    with open(handle, encoding="utf-8") as file:
        now = os.fstat(handle)
        if os.name == "posix" and (now.st_uid != os.geteuid() or now.st_mode & 0o077):
            raise SetupError(
                f"{path} can be read or changed by other users.",
                f"Make it yours alone (chmod 600 {path}); if others could read it, connect again.",
            )
        if not stat.S_ISREG(now.st_mode):
            raise OSError("it is no file")
        return file.read(_LARGEST)


def unreadable(path: Path, error: Exception, todo: str) -> QbosyncError:
    """A file that is there and was not read; `todo` where the file itself is at fault.

    A disk that did not give it is no reason to throw a token away.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        return SetupError(f"{path} cannot be read: it is another user's.", f"Make it yours: {path}")
    if number is None or number in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
        return SetupError(f"{path} cannot be read.", todo)
    return LedgerError(
        f"{path} cannot be read: {os.strerror(number)}.",
        "Try again, and look at the disk if it stays so. Leave the file where it is: the token is"
        " in it.",
    )


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    if os.name == "posix":  # pragma: no branch  Windows opens no folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class EmulatorFileStore:
    """The token of an emulated company, which is no secret: one file, 0600."""

    backend = "emulator-token.json"
    notice = ""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, account: str) -> TokenBlob | None:
        text = self._entries().get(account)
        if text is None:
            return None
        try:
            return TokenBlob.parse(text)
        except ValueError as error:
            raise SetupError(
                f"{self._path} is damaged: {error}.", "Run `qbosync connect` again."
            ) from error

    def save(self, account: str, blob: TokenBlob) -> None:
        write_private(self._path, json.dumps(self._entries() | {account: blob.dump()}))

    def _entries(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            todo = "Remove it and run `qbosync connect` again."
            raise unreadable(self._path, error, todo) from error
