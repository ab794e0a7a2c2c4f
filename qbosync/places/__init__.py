"""Where qbosync's files lie: configuration, data, ledger, lock, log, connection.

Only this package knows their names; everything else is handed a path.
"""

from qbosync.places.connection import (
    Connection,
    forget_connection,
    read_connection,
    write_connection,
)
from qbosync.places.path import Places, config_path, make_data_dir, places, read_settings

__all__ = [
    "Connection",
    "Places",
    "config_path",
    "forget_connection",
    "make_data_dir",
    "places",
    "read_connection",
    "read_settings",
    "write_connection",
]
