"""The configuration: TOML becomes `Settings`, every mistake told at once with its line.

Pure: text comes in, values go out; nothing here opens a file.  What `load` returns is
possible: each value alone, and the values together.
"""

from qbosync.config.load import load
from qbosync.config.settings import (
    Customers,
    Documents,
    Items,
    Notify,
    Orders,
    Payments,
    QuickBooks,
    Settings,
    SourceSettings,
    Sync,
)

__all__ = [
    "Customers",
    "Documents",
    "Items",
    "Notify",
    "Orders",
    "Payments",
    "QuickBooks",
    "Settings",
    "SourceSettings",
    "Sync",
    "load",
]
