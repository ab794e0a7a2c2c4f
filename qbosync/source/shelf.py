"""The files of an export folder, read whole and only when nobody is writing them.

Nothing outside the folder is ever opened: no `..`, no link that leads out, no pipe and no
device.  A file that changed between the first look and the last is not believed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from qbosync.errors import SetupError, TemporaryError

MAX_BYTES = 50 * 1024 * 1024
ENDINGS = (".csv", ".json", ".jsonl")
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_CHECK = "Check `[source] path` and `[source.files]` in the configuration."


@dataclass(frozen=True, slots=True)
class _Look:
    """What tells one state of a file from another without reading it."""

    device: int
    inode: int
    size: int
    changed: int


def _look(found: os.stat_result) -> _Look:
    return _Look(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class Shelf:
    """One folder and the files in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> tuple[str, ...]:
        """The files an export can consist of, in a fixed order."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            raise SetupError(f"The export folder {self._folder} is not there.", _CHECK) from None
        except NotADirectoryError:
            raise SetupError(f"{self._folder} is a file, not a folder.", _CHECK) from None
        except OSError as error:
            raise _unreadable(f"the export folder {self._folder}", error) from None
        return tuple(sorted(name for name in names if name.lower().endswith(ENDINGS)))

    def contents(self, names: Iterable[str], there: tuple[str, ...]) -> Mapping[str, bytes]:
        """The files' bytes as they all were at one moment, while `there` was all there was.

        Raises:
            SetupError: Where one is missing, is no plain file of this folder, or is too large.
            TemporaryError: Where one changed meanwhile.
        """
        paths = {name: self._inside(name) for name in sorted(names)}
        before = {name: self._stat(name, path) for name, path in paths.items()}
        contents = {name: self._bytes(name, path) for name, path in paths.items()}
        for name, path in paths.items():
            if len(contents[name]) != before[name].size or self._now(name, path) != before[name]:
                raise _being_written(name)
        if self.names() != there:
            raise _being_written("The export folder")
        return contents

    def changed_at(self, names: Iterable[str]) -> datetime | None:
        """When the newest of these files was written."""
        looks = [self._stat(name, self._inside(name)) for name in names]
        newest = max((look.changed for look in looks), default=None)
        return None if newest is None else datetime.fromtimestamp(newest / 1e9, UTC)

    def _inside(self, name: str) -> Path:
        try:
            path = (self._folder / name).resolve()
        except (OSError, RuntimeError) as error:
            raise SetupError(f"{name} leads nowhere ({error}).", _CHECK) from None
        if not path.is_relative_to(self._folder.resolve()):
            raise SetupError(f"{name} leads out of the export folder {self._folder}.", _CHECK)
        return path

    def _stat(self, name: str, path: Path) -> _Look:
        try:
            found = os.lstat(path)
        except OSError as error:
            raise _unreadable(name, error) from None
        if not stat.S_ISREG(found.st_mode):
            raise SetupError(f"{name} is not a plain file.", _CHECK)
        if found.st_size > MAX_BYTES:
            raise SetupError(
                f"{name} is larger than {MAX_BYTES // 1024**2} MiB.", "Export a shorter period."
            )
        return _look(found)

    def _now(self, name: str, path: Path) -> _Look | None:
        """How it looks now; nothing where it is gone or a link to it was turned elsewhere."""
        try:
            return _look(os.lstat(path)) if self._inside(name) == path else None
        except OSError:
            return None

    def _bytes(self, name: str, path: Path) -> bytes:
        try:
            # Not blocking, not following: what was a plain file a moment ago may be a pipe now.
            with os.fdopen(os.open(path, _FLAGS), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise SetupError(f"{name} is not a plain file.", _CHECK)
                return file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise _being_written(name) from None
        except OSError as error:
            raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError) -> SetupError | TemporaryError:
    if isinstance(error, FileNotFoundError):
        return SetupError(f"{name} is not in the export folder.", _CHECK)
    if isinstance(error, PermissionError):
        return SetupError(f"{name} may not be read by this user.", "Give qbosync the right to.")
    return TemporaryError(
        f"{name} cannot be read now ({error.strerror}).", "Nothing to do: the next run tries again."
    )


def _being_written(name: str) -> TemporaryError:
    return TemporaryError(
        f"{name} changed while it was being read.", "Nothing to do: the next run tries again."
    )
