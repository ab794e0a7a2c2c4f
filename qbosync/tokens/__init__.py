"""Where the refresh token lies: in the OS keyring, or sealed in a file on demand.

Nothing here waits for a person or a dead daemon, and what is written is read back.
"""

from qbosync.tokens.bus import find_bus
from qbosync.tokens.file import EmulatorFileStore
from qbosync.tokens.rescue import Rescued
from qbosync.tokens.seal import random_key
from qbosync.tokens.sealed import SealedFileStore
from qbosync.tokens.store import TokenStore
from qbosync.tokens.system import KeyringStore

__all__ = [
    "EmulatorFileStore",
    "KeyringStore",
    "Rescued",
    "SealedFileStore",
    "TokenStore",
    "find_bus",
    "random_key",
]
