"""Power cuts: every disk that may be found after one, built from what a run wrote and synced.

A write that no sync followed may be there, or not, or half; so may the names of new and removed
files.  After each call of a run all these disks are opened with SQLite: each must be whole and
hold the intent of every request that had left, and no lower number than the token's file, which
would look like a restored backup.  Ledgers opened in wrong modes must be seen to lose something.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import qbosync.ledger.schema
from qbosync.blob import TokenBlob
from tests.crash.tracer import Call

if TYPE_CHECKING:
    from tests.crash.case import Week

WRONG_MODES: tuple[dict[str, str | int], ...] = (
    {"journal_mode": "wal", "synchronous": 1},
    {"journal_mode": "delete", "synchronous": 2},
)
"""Modes in which an intent can be lost although its request has left."""
_ENDS = ("", "-wal", "-journal")
_REQUEST = re.compile(rb"^POST /v3/company/[^ ]*[?&]requestid=([^& ]+)")
_SECTOR = 512
_ENOUGH = 500
"""So many lost intents show a wrong mode; all of them take long."""


class Op(NamedTuple):
    """One call: `file` numbers a file, since a name may come to mean another one."""

    kind: str
    file: int = 0
    name: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass
class Recorder:
    """Keeps what a run does to the ledger's files, and which requests leave."""

    ledger: Path
    ops: list[Op] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    start: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for end in _ENDS:
            path = self.ledger.with_name(self.ledger.name + end)
            if path.exists():
                self._new(path.name)
                self.start[self.files[path.name]] = path.read_bytes()

    def _new(self, name: str) -> int:
        self.files[name] = 1 + max(self.files.values(), default=0) + len(self.ops)
        return self.files[name]

    def __call__(self, call: Call) -> int:
        if op := self._op(call):
            self.ops.append(op)
        return 0

    def _op(self, call: Call) -> Op | None:
        if call.target == "socket":
            sent = _REQUEST.match(call.data(2000)) if call.name == "sendto" else None
            return Op("sent", name=sent[1].decode()) if sent else None
        path = Path(call.target)
        if call.name == "rename" and path.stem == "emulator-token":
            [blob] = json.loads(path.read_text()).values()
            return Op("token", offset=TokenBlob.parse(blob).ledger_seq)
        if path == self.ledger.parent and call.name in ("fsync", "fdatasync"):
            return Op("sync names")
        name = path.name
        if path.parent != self.ledger.parent or name not in self._names:
            return None
        if call.name == "openat":
            is_new = call.arguments[2] & os.O_CREAT and not path.exists()
            return Op("create", self._new(name), name) if is_new else None
        if call.name == "unlink":
            return Op("remove", self.files[name], name)
        if call.name == "pwrite64":
            return Op("write", self.files[name], name, call.arguments[3], call.data())
        if call.name == "ftruncate":
            return Op("cut", self.files[name], name, call.arguments[1])
        if call.name in ("fsync", "fdatasync"):
            return Op("sync", self.files[name], name)
        return None

    @property
    def _names(self) -> set[str]:
        return {self.ledger.name + end for end in _ENDS}


Image = tuple[tuple[str, int, tuple[int, ...]], ...]
"""A disk: each name with its file and the numbers of the ops that reached it; torn if negative."""


@dataclass
class Disk:
    """What is surely on the disk, and what may be."""

    recorder: Recorder
    reached: dict[int, list[int]] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    moved: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = {n: f for n, f in self.recorder.files.items() if f in self.recorder.start}

    def do(self, number: int) -> None:
        """One op more."""
        op = self.recorder.ops[number]
        if op.kind in ("write", "cut"):
            self.pending.append(number)
        elif op.kind in ("create", "remove"):
            self.moved.append(number)
        elif op.kind == "sync":
            mine = [n for n in self.pending if self.recorder.ops[n].file == op.file]
            self.reached.setdefault(op.file, []).extend(mine)
            self.pending = [n for n in self.pending if n not in mine]
        elif op.kind == "sync names":
            self.names = self._after(self.moved)
            self.moved = []

    def _after(self, moved: list[int]) -> dict[str, int]:
        names = dict(self.names)
        for op in (self.recorder.ops[n] for n in moved):
            if op.kind == "create":
                names[op.name] = op.file
            elif names.get(op.name) == op.file:
                del names[op.name]
        return names

    def images(self) -> Iterator[Image]:
        """Every disk that a power cut may leave now."""
        todo = self.pending
        picks = [todo[:k] for k in range(len(todo) + 1)]
        picks += [todo[:k] + todo[k + 1 :] for k in range(len(todo) - 1)]
        if todo and self.recorder.ops[todo[-1]].kind == "write":
            picks.append([*todo[:-1], ~todo[-1]])
        for count in range(len(self.moved) + 1):
            names = self._after(self.moved[:count])
            for pick in picks:
                yield tuple(
                    (name, file, (*self.reached.get(file, ()), *self._of(file, pick)))
                    for name, file in sorted(names.items())
                )

    def _of(self, file: int, pick: list[int]) -> list[int]:
        return [n for n in pick if self.recorder.ops[max(n, ~n)].file == file]


def content(recorder: Recorder, file: int, numbers: tuple[int, ...]) -> bytes:
    """A file's bytes after these ops; of a torn one the first sectors, up to half of it."""
    made = bytearray(recorder.start.get(file, b""))
    for number in numbers:
        op = recorder.ops[max(number, ~number)]
        if op.kind == "cut":
            del made[op.offset :]
            made.extend(b"\0" * (op.offset - len(made)))
            continue
        half = len(op.data) // 2
        half -= half % _SECTOR if half > _SECTOR else 0
        data = op.data[:half] if number < 0 else op.data
        made.extend(b"\0" * (op.offset - len(made)))
        made[op.offset : op.offset + len(data)] = data
    return bytes(made)


@dataclass
class Cut:
    """All power cuts of some runs: how many disks were looked at, and what was wrong."""

    name: str
    is_wrong_mode: bool
    ops: int = 0
    images: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def is_as_wanted(self) -> bool:
        """Right modes lose nothing; wrong ones must be seen to."""
        return bool(self.wrong["intent lost"]) if self.is_wrong_mode else not self.wrong

    def __str__(self) -> str:
        told = ", ".join(f"{count} times {what}" for what, count in self.wrong.items()) or "0 wrong"
        return f"power cuts, {self.name}: {self.ops} calls, {self.images} disks, {told}"

    def look(self, recorder: Recorder, folder: Path) -> None:
        """Open every disk that a power cut may leave after each op."""
        disk, needed, least = Disk(recorder), set[str](), 0
        seen: dict[Image, Found] = {}
        for number, op in enumerate(recorder.ops):
            disk.do(number)
            needed |= {op.name} if op.kind == "sent" else set()
            least = max(least, op.offset if op.kind == "token" else 0)
            for image in disk.images():
                if image not in seen:
                    seen[image] = _open(recorder, image, folder)
                found = seen[image]
                if found.trouble:
                    self.wrong[found.trouble] += 1
                elif needed - found.requests:
                    self.wrong["intent lost"] += 1
                elif found.sequence < least:
                    self.wrong["number lost"] += 1
            if self.is_wrong_mode and self.wrong["intent lost"] > _ENOUGH:
                break
        self.ops += len(recorder.ops)
        self.images += len(seen)


class Found(NamedTuple):
    """What a disk remembers, or what is wrong with it."""

    requests: frozenset[str] = frozenset()
    sequence: int = 0
    trouble: str = ""


def _open(recorder: Recorder, image: Image, folder: Path) -> Found:
    for old in folder.iterdir():
        old.unlink()
    for name, file, numbers in image:
        (folder / name).write_bytes(content(recorder, file, numbers))
    path = folder / recorder.ledger.name
    if not path.exists():
        return Found(trouble="no ledger")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                return Found(trouble="damaged")
            rows = db.execute("SELECT request_id, batch_id FROM intents")
            requests = frozenset(text for row in rows for text in row)
            [(number,)] = db.execute("SELECT value FROM meta WHERE name = 'sequence'")
            return Found(requests, int(number))
    except sqlite3.DatabaseError as error:
        return Found(trouble=f"unreadable: {error}")


def power_cuts(week: Week, days: list[int], mode: Mapping[str, Any] | None = None) -> Cut:
    """Run these days once each, and look at every disk that a power cut may leave."""
    told = ", ".join(f"{name} = {value}" for name, value in (mode or {}).items())
    cut = Cut(f"wrongly with {told}" if mode else "as the ledger is opened", mode is not None)
    shelf = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shelf if shelf.is_dir() else None) as scratch:
        for day in days:
            cut.look(_record(week, day, mode or {}), Path(scratch))
    return cut


def _record(week: Week, day: int, mode: Mapping[str, Any]) -> Recorder:
    room = week.room
    right = dict(qbosync.ledger.schema._PRAGMAS)
    week.set_up(day)
    try:
        # A forked process takes the modes along.
        qbosync.ledger.schema._PRAGMAS.update(mode)
        recorder = Recorder(room.ledger)
        end = room.sync(watcher=recorder)
        assert end.code in (0, 3), end
    finally:
        qbosync.ledger.schema._PRAGMAS.update(right)
        room.shut()
    return recorder
