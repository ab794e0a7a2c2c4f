"""A process under watch: told of each system call that crosses a boundary, before it happens.

As `strace -e inject` does it, with two differences: calls are counted over all threads of the
process, since each wave of writes has threads of its own, and what is written can be kept.  The
kernel stops the process at the chosen calls only, so that it runs at its usual speed.

Linux on x86-64: `is_possible()` says whether this machine can.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

CALLS = {
    "read": 0, "write": 1, "close": 3, "pwrite64": 18, "connect": 42, "sendto": 44,
    "recvfrom": 45, "flock": 73, "fsync": 74, "fdatasync": 75, "ftruncate": 77, "rename": 82,
    "mkdir": 83, "unlink": 87, "chmod": 90, "fchmod": 91, "openat": 257, "unlinkat": 263,
    "renameat": 264, "fallocate": 285, "pwritev": 296, "renameat2": 316,
}  # fmt: skip
"""The calls by which something leaves or enters a process, by their numbers."""
_NAMES = {number: name for name, number in CALLS.items()}
_PATHS = {"rename": 0, "mkdir": 0, "unlink": 0, "chmod": 0, "openat": 1, "unlinkat": 1,
          "renameat": 1, "renameat2": 1}  # fmt: skip
"""Which argument is the file's name; the other calls have a descriptor."""
KILL = -1
"""What a watcher answers to end the process here, as SIGKILL does."""

_TRACEME, _GETREGS, _SETREGS, _CONT, _SETOPTIONS = 0, 12, 13, 7, 0x4200
_OPTIONS = 0x8 | 0x10 | 0x80 | 0x100000  # clone, exec, seccomp; none outlives the watcher
_EVENT_SECCOMP = 7
_WALL = 0x40000000
_RAX, _RDX, _RSI, _RDI, _R10, _ORIG = 10, 12, 13, 14, 7, 15
_REGISTERS = 27
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def is_possible() -> bool:
    """Whether this machine lets one process watch another so."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


@dataclass(frozen=True)
class Call:
    """A system call that is about to happen; `target` is a file's path or ``socket``."""

    name: str
    target: str
    descriptor: int
    arguments: tuple[int, ...]
    process: int

    def data(self, most: int = 1 << 26) -> bytes:
        """What it is about to write or send."""
        return _memory(self.process, self.arguments[1], min(self.arguments[2], most))


Watcher = Callable[[Call], int]
"""Answers 0 to let a call happen, `KILL`, or the error number that it fails with."""


@dataclass(frozen=True)
class End:
    """How a process ended; `code` is negative for a signal."""

    code: int
    out: str
    err: str


def watch(program: Callable[[], NoReturn], watcher: Watcher | None, folder: Path) -> End:
    """Run `program` in a process of its own; its output goes to files in `folder`."""
    out, err = folder / "out", folder / "err"
    pid = os.fork()
    if pid == 0:
        _begin(program, out, err, is_watched=watcher is not None)
    code = _follow(pid, watcher) if watcher is not None else _code(os.waitpid(pid, 0)[1])
    return End(code, out.read_text(errors="replace"), err.read_text(errors="replace"))


def _begin(program: Callable[[], NoReturn], out: Path, err: Path, *, is_watched: bool) -> NoReturn:
    """In the new process: its files, its watch, then the program."""
    try:
        os.setsid()
        for number, path, flags in (
            (0, "/dev/null", os.O_RDONLY),
            (1, str(out), os.O_CREAT | os.O_WRONLY | os.O_TRUNC),
            (2, str(err), os.O_CREAT | os.O_WRONLY | os.O_TRUNC),
        ):
            handle = os.open(path, flags, 0o600)
            os.dup2(handle, number)
            os.close(handle)
        if is_watched:
            _ptrace(_TRACEME, 0, None, None)
            os.kill(os.getpid(), signal.SIGSTOP)
            _filter(sorted(_NAMES))
        program()
    except BaseException as error:
        os.write(2, repr(error).encode())
    os._exit(99)


def _follow(pid: int, watcher: Watcher) -> int:
    """Let the process run from stop to stop until it has ended."""
    os.waitpid(pid, _WALL)
    _ptrace(_SETOPTIONS, pid, None, _OPTIONS)
    _resume(pid, 0)
    is_dying = False
    while True:
        thread, status = os.waitpid(-pid, _WALL)
        if not os.WIFSTOPPED(status):
            if thread == pid:
                return _code(status)
            continue
        number, event = os.WSTOPSIG(status), status >> 16
        if event == _EVENT_SECCOMP and not is_dying:
            is_dying = _stopped(thread, pid, watcher)
        is_own = event != 0 or number in (signal.SIGSTOP, signal.SIGTRAP)
        _resume(thread, 0 if is_own else number)


def _stopped(thread: int, pid: int, watcher: Watcher) -> bool:
    registers = (ctypes.c_ulonglong * _REGISTERS)()
    _ptrace(_GETREGS, thread, None, ctypes.addressof(registers))
    call = _call(pid, registers)
    answer = watcher(call) if call is not None else 0
    if answer == KILL:
        os.kill(pid, signal.SIGKILL)
        return True
    if answer:
        registers[_ORIG] = 2**64 - 1  # no such call: it is passed over
        registers[_RAX] = 2**64 - answer
        _ptrace(_SETREGS, thread, None, ctypes.addressof(registers))
    return False


def _call(pid: int, registers: ctypes.Array[ctypes.c_ulonglong]) -> Call | None:
    name = _NAMES.get(registers[_ORIG])
    if name is None:
        return None
    arguments = tuple(registers[i] for i in (_RDI, _RSI, _RDX, _R10))
    if name in _PATHS:
        raw = _text(pid, arguments[_PATHS[name]])
        return Call(name, os.fsdecode(raw), -1, arguments, pid)
    try:
        target = os.readlink(f"/proc/{pid}/fd/{arguments[0]}")
    except OSError:
        return None
    target = "socket" if target.startswith("socket:") else target
    return Call(name, target, int(arguments[0]), arguments, pid)


def _memory(pid: int, address: int, length: int) -> bytes:
    found = bytearray()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        while len(found) < length:
            part = os.pread(memory.fileno(), length - len(found), address + len(found))
            if not part:
                break
            found += part
    return bytes(found)


def _text(pid: int, address: int) -> bytes:
    """A name, which may end just before a page that is not there."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        return os.pread(memory.fileno(), 4096, address).split(b"\0")[0]


def _filter(numbers: list[int]) -> None:
    """Have the kernel stop this process at these calls, and at no other."""
    count = len(numbers)
    code = [(0x20, 0, 0, 0)]  # load the call's number
    code += [(0x15, count - i, 0, number) for i, number in enumerate(numbers)]
    code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FF00000)]  # allow; tell the watcher
    packed = b"".join(struct.pack("HBBI", *row) for row in code)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
    for arguments in ((38, 1, None, 0, 0), (22, 2, ctypes.c_char_p(program), 0, 0)):
        if _libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


def _resume(thread: int, number: int) -> None:
    # One that died meanwhile says so to the next wait.
    with contextlib.suppress(ProcessLookupError):
        _ptrace(_CONT, thread, None, number)


def _ptrace(request: int, pid: int, address: int | None, data: int | None) -> None:
    if _libc.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        if number == errno.ESRCH:
            raise ProcessLookupError(number, "ptrace")
        raise OSError(number, f"ptrace({request})")


def _code(status: int) -> int:
    return os.waitstatus_to_exitcode(status)
