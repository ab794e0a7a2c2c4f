"""Which company is connected, beside the ledger.

There is no secret in it, and it is never half written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qbosync.errors import LedgerError
from qbosync.places.file import read_file, reason, replace_file


@dataclass(frozen=True, slots=True)
class Connection:
    """Which company is connected; no secret among it.

    `is_active` is false as long as the company's settings are not right yet.
    `default_export_class` is the one given when connecting, where the configuration has none;
    `order_prefix` and `income_account` are what was decided then, and stand likewise.
    """

    environment: str
    realm_id: str
    company: str
    since: datetime
    keyring_backend: str
    ledger_uuid: str
    is_active: bool = False
    default_export_class: str = ""
    order_prefix: str = ""
    income_account: Mapping[str, str] = field(default_factory=dict)


def read_connection(path: Path) -> Connection | None:
    """The company that is connected, or `None`.

    Raises:
        LedgerError: If the file is there and says nothing sensible.
    """
    try:
        values = json.loads(read_file(path))
        return _connection(values)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be read: {reason(error)}.", "Give this user the right to read it."
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LedgerError(
            f"{path} is damaged: it does not say which company is connected.",
            "Move it aside and run `qbosync connect`; the ledger stays.",
        ) from None


def _connection(values: Mapping[str, Any]) -> Connection:
    texts = ("environment", "realm_id", "company", "keyring_backend", "ledger_uuid")
    since = datetime.fromisoformat(values["since"])
    if since.tzinfo is None or not all(isinstance(values[name], str) for name in texts):
        raise ValueError("not what write_connection writes")
    return Connection(
        **{name: values[name] for name in texts},
        since=since.astimezone(UTC),
        is_active=values.get("is_active") is True,
        default_export_class=str(values.get("default_export_class", "")),
        order_prefix=str(values.get("order_prefix", "")),
        income_account={str(k): str(v) for k, v in dict(values.get("income_account", {})).items()},
    )


def write_connection(path: Path, connection: Connection) -> None:
    """Remember the company, wholly or not at all.

    Raises:
        LedgerError: If the disk does not take it; the old file is still there then.
    """
    values = asdict(connection) | {"since": connection.since.astimezone(UTC).isoformat()}
    try:
        replace_file(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be written: {reason(error)}.",
            "Make room or give this user the right to write there, then connect again.",
        ) from None


def forget_connection(path: Path) -> None:
    """Forget which company is connected; the ledger stays.

    Raises:
        LedgerError: If the disk does not let go of it.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be removed: {reason(error)}.", "Remove it by hand."
        ) from None
