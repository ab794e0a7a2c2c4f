"""How the files of an export are to be read: which is which set, which column which field.

A folder in our own form needs nothing said.  A known report in place of it gets its files
and columns named; anything else is left to the person, whose messages then come from the
source itself.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from qbosync.errors import SetupError

LOOKED_AT = 200
"""Rows that are enough to see how dates are written."""
_ORDER_FILES = ("orders.csv", "orders.json", "orders.jsonl")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?!\d)")
_MONTHS = 12

ORDERS_REPORT: dict[str, dict[str, str]] = {
    "customers": {"customer_id": "Company #", "name": "Company Name"},
    "orders": {
        "order_id": "Order #",
        "number": "Order #",
        "customer_id": "Company #",
        "status": "Status",
        "total": "Total",
        "name": "Order Name",
        "order_date": "Ordered Date",
        "ship_date": "Ship Date",
    },
    "order_lines": {
        "order_id": "Order #",
        "description": "Product Name",
        "product": "Product #",
        "qty": "Qty",
        "amount": "Line Subtotal",
    },
}
"""Allmoxy's Orders report: one row for each order and product, no tax, no shipping."""
COMPONENT = "Component Name"
"""With this column a product's row is repeated, once for each of its components."""


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a CSV file."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Arrangement:
    """What `[source]` has to say about an export; `report` is the file of a known report."""

    files: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    date_format: str = ""
    report: str = ""


def read_heads(folder: Path) -> dict[str, Head]:
    """The beginning of each CSV file of a folder, by name.

    Raises:
        SetupError: If there is no such folder, or it cannot be read.
    """
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() == ".csv"]
        return {path.name: _head(path) for path in sorted(paths) if path.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        raise SetupError(
            f"There is no folder {folder}.", "Name the folder that the export is written to."
        ) from None
    except OSError as error:
        raise SetupError(
            f"The folder {folder} cannot be read: {(error.strerror or 'unknown').lower()}.",
            "Give this user the right to read it.",
        ) from None


def _head(path: Path) -> Head:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            rows = [tuple(row) for row in islice(csv.reader(file), LOOKED_AT)]
        except csv.Error:  # the source says what is wrong, with its line
            return Head(())
    return Head(rows[0], tuple(rows[1:])) if rows else Head(())


def arrange(heads: Mapping[str, Head]) -> Arrangement:
    """How these files are to be read; empty where they are in our own form."""
    dates = _date_format(heads.values())
    reports = [name for name, head in heads.items() if _is_orders_report(head)]
    if len(reports) != 1 or any(name.lower() in _ORDER_FILES for name in heads):
        return Arrangement(date_format=dates)
    [report] = reports
    columns = {name: dict(fields) for name, fields in ORDERS_REPORT.items()}
    if _plain(COMPONENT) in map(_plain, heads[report].header):
        columns["order_lines"]["line_no"] = columns["order_lines"]["product"]
    return Arrangement(dict.fromkeys(columns, report), columns, dates, report)


def _is_orders_report(head: Head) -> bool:
    wanted = {_plain(name) for fields in ORDERS_REPORT.values() for name in fields.values()}
    return wanted <= {_plain(name) for name in head.header}


def _plain(name: str) -> str:
    return "".join(name.lower().replace("_", " ").split())


def _date_format(heads: Iterable[Head]) -> str:
    """The one form in which dates are written; blank for ISO and for a mixture.

    Only QuickBooks companies in the US can be connected, so 03/04/2026 is in March.
    """
    seen = {word for head in heads for word in _dates(head)}
    if not seen or any(_ISO.match(word) for word in seen):
        return ""
    found = [_SLASHED.match(word) for word in seen]
    parts = [match for match in found if match]
    if len(parts) < len(found) or len({len(match[3]) for match in parts}) > 1:
        return ""
    year = "%Y" if len(parts[0][3]) > len("26") else "%y"
    if all(int(match[1]) <= _MONTHS for match in parts):
        return f"%m/%d/{year}"
    return f"%d/%m/{year}" if all(int(match[2]) <= _MONTHS for match in parts) else ""


def _dates(head: Head) -> Iterable[str]:
    places = [at for at, name in enumerate(head.header) if _plain(name).endswith("date")]
    for row in head.rows:
        yield from (row[at].strip() for at in places if at < len(row) and row[at].strip())
