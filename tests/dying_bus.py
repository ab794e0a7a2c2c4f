"""A D-Bus in between that ends the program which talks to the keyring, at any message.

Each piece of the dialogue is counted, in both directions; at the chosen one the program gets
SIGKILL, before the piece goes on or after.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PIECE = 64 * 1024


class DyingBus:
    """Forwards to the real bus; `pieces` is how many went by since `is_armed` first held."""

    def __init__(self, real: Path, path: Path, is_armed: Callable[[], bool]) -> None:
        self.address = f"unix:path={path}"
        self.pieces = 0
        self.killed = 0
        self._real = real
        self._is_armed = is_armed
        self._at = 0
        self._is_before = True
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._open: list[socket.socket] = []

    def kill_at(self, piece: int, is_before: bool) -> None:
        """Kill whoever talks at this piece of the next dialogue; 0 lets everybody live."""
        with self._lock:
            self._at, self._is_before, self.pieces = piece, is_before, 0

    def serve(self) -> None:
        """Take connections until the socket is closed."""
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            there.connect(str(self._real))
            self._open += [client, there]
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            pid = struct.unpack("3i", credentials)[0]
            for source, target in ((client, there), (there, client)):
                threading.Thread(target=self._pump, args=(source, target, pid), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, pid: int) -> None:
        # The program may be gone at any moment: that is what this is for.
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                is_here = self._counts()
                if is_here and self._is_before:
                    self._kill(pid)
                target.sendall(piece)
                if is_here and not self._is_before:
                    self._kill(pid)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _counts(self) -> bool:
        with self._lock:
            if not self._is_armed():
                return False
            self.pieces += 1
            return self.pieces == self._at

    def _kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed += 1

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for end in self._open:
            end.close()


@contextmanager
def a_dying_bus(real: Path, path: Path, is_armed: Callable[[], bool]) -> Iterator[DyingBus]:
    made = DyingBus(real, path, is_armed)
    server = threading.Thread(target=made.serve, daemon=True)
    server.start()
    try:
        yield made
    finally:
        made.close()
        server.join()
