"""Reading and replacing the small files that say where qbosync is.

What is read is a regular file of a sensible size; what is written is there wholly or not
at all, 0600.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from qbosync.errors import SetupError

LARGEST = 1024 * 1024
"""Bytes of a configuration or connection file; more is something else."""
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def read_file(path: Path, *, is_ours_only: bool = False) -> bytes:
    """A regular file's bytes, checked by its open handle so that nobody swaps it meanwhile.

    Raises:
        OSError: If there is none, it is no file, or it is too large.
        SetupError: With `is_ours_only`, if somebody else could have written it.
    """
    # Without O_NONBLOCK a pipe in the file's place would be waited for without end.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        now = os.fstat(handle)
        if not stat.S_ISREG(now.st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        if is_ours_only and is_posix():
            _check_owner(path, now)
        with open(handle, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    finally:
        os.close(handle)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, "it is too large")
    return content


def replace_file(path: Path, text: str) -> None:
    """Put `text` in the file's place: a reader sees the old text or the new one.

    Raises:
        OSError: If the disk does not take it; the old file is still there then.
    """
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # of a run that was killed here
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
    with open(os.open(new, flags, 0o600), "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new name in a folder is on the disk only when the folder is."""
    if is_posix():
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check_owner(path: Path, now: os.stat_result) -> None:
    if now.st_uid not in (os.geteuid(), 0):
        raise SetupError(
            f"The configuration {path} belongs to another user.",
            "Give it to this user with `chown`, or run qbosync as that user.",
        )
    if now.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SetupError(
            f"The configuration {path} can be written by other users.",
            f"Run `chmod go-w {path}`.",
        )


def is_posix() -> bool:
    """Whether files have owners and modes here."""
    return os.name == "posix"


def reason(error: OSError) -> str:
    """What the system says, in a sentence's place."""
    return (error.strerror or type(error).__name__).lower()
