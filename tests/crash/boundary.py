"""Where something leaves or enters a run, by name: the call, the file or request, which time.

Names do not count threads or bytes, so that the same name means the same moment in the next
run, and a case can be played again alone.
"""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.tracer import KILL, Call

_STAMP = re.compile(r"\d{8}T\d+Z")
_OUTPUT = ("out", "err")
_DISK = {"read", "write", "pwrite64", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate",
         "openat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "chmod",
         "fchmod"}  # fmt: skip
_GROWS = {"write", "pwrite64", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate", "mkdir"}
"""Calls that a full disk refuses; a file that is there can still be opened and renamed."""


@dataclass(frozen=True, order=True)
class Boundary:
    """One point: the `nth` time that a run makes this call on this target."""

    call: str
    target: str
    nth: int

    def __str__(self) -> str:
        return f"{self.call} {self.target} #{self.nth}"

    @classmethod
    def read(cls, text: str) -> Boundary:
        """A boundary from its name."""
        rest, _, nth = text.rpartition(" #")
        call, _, target = rest.partition(" ")
        return cls(call, target, int(nth))


@dataclass
class Namer:
    """Gives each call of one run its name; `None` for what crosses no boundary."""

    folder: Path
    realm_id: str
    seen: list[Boundary] = field(default_factory=list)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _requests: dict[int, str] = field(default_factory=dict)

    def name(self, call: Call) -> Boundary | None:
        """The boundary that this call crosses."""
        target = self._on_socket(call) if call.target == "socket" else self._file(call.target)
        if not target:
            return None
        self._counts[call.name, target] += 1
        boundary = Boundary(call.name, target, self._counts[call.name, target])
        self.seen.append(boundary)
        return boundary

    def _file(self, path: str) -> str:
        if not path.startswith(f"{self.folder}{os.sep}"):
            return ""
        short = path[len(str(self.folder)) + 1 :].replace(f"emulator-{self.realm_id}", "ledger")
        return "" if short.startswith("kept") else _STAMP.sub("…", short)

    def _on_socket(self, call: Call) -> str:
        """What is asked on a connection: its last request, until it is used for another."""
        if call.name == "connect":
            self._requests[call.descriptor] = "the connection"
        if call.name == "sendto":
            words = call.data(300).split(b" ", 2)
            if words[0] in (b"GET", b"POST") and len(words) > 2:
                path = words[1].decode().partition("?")[0].strip("/")
                self._requests[call.descriptor] = f"{words[0].decode()} {path.split('/')[-1]}"
        return self._requests.get(call.descriptor, "")


def is_disk(boundary: Boundary) -> bool:
    """Whether the disk can fail here."""
    return boundary.call in _DISK and not _is_request(boundary) and not _is_output(boundary)


def can_be_full(boundary: Boundary) -> bool:
    """Whether a full disk shows here."""
    return boundary.call in _GROWS and not _is_request(boundary) and not _is_output(boundary)


def _is_output(boundary: Boundary) -> bool:
    """Standard output and error: where they fail, nobody can be told."""
    return boundary.target in _OUTPUT


def _is_request(boundary: Boundary) -> bool:
    return boundary.target.startswith(("GET ", "POST ", "the "))


@dataclass
class Disturbance:
    """What happens at one boundary: the watcher of a run that is to be disturbed there.

    `at` is a boundary, or how many there are until then.
    """

    namer: Namer
    what: str
    at: Boundary | int
    is_reached: bool = False

    def __call__(self, call: Call) -> int:
        boundary = self.namer.name(call)
        if boundary is None:
            return 0
        if boundary == self.at or len(self.namer.seen) == self.at:
            self.is_reached = True
            return {"kill": KILL, "eio": errno.EIO, "enospc": errno.ENOSPC}[self.what]
        if self.is_reached and self.what == "enospc" and can_be_full(boundary):
            return errno.ENOSPC  # a disk that is full stays so
        return 0
