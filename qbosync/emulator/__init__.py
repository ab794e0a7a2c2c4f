"""A QuickBooks Online company over HTTP on loopback; imports nothing else of qbosync.

`Emulator` answers requests in process, `Server` puts one on a port for tests, `serve()` runs one
until it is told to stop.
"""

from __future__ import annotations

from .app import Emulator
from .clock import Clock, VirtualClock
from .http import Request, Response
from .server import Server, serve

__all__ = ["Clock", "Emulator", "Request", "Response", "Server", "VirtualClock", "serve"]
