"""A folder of CSV, JSON or JSONL files, one file a set: the source every shop can provide.

What spoils the delivery as a whole is raised before anything is handed over; what spoils
one record holds that record.  Files are believed only if none changed while they were read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from qbosync.errors import SetupError
from qbosync.model import Snapshot
from qbosync.source.assembly import assemble
from qbosync.source.cell import Calendar
from qbosync.source.heading import columns_of, listed
from qbosync.source.layout import LAYOUTS, REQUIRED_SETS
from qbosync.source.manifest import NAME as MANIFEST
from qbosync.source.manifest import Manifest, read_manifest
from qbosync.source.record import Sheet
from qbosync.source.shelf import ENDINGS, Shelf
from qbosync.source.table import Table, read_table

_NONE: Mapping[str, str] = MappingProxyType({})
_NO_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What one reading found: which file each set comes from, and their contents."""

    files: Mapping[str, str]
    contents: Mapping[str, bytes]
    unread: tuple[str, ...]


class FolderSource:
    """Reads the sets of a folder, each from its own file or several from one.

    `files` names a set's file where it is not called after the set; several sets may come
    out of one file.  `columns` gives, set by set, the export's header for a field of ours.

    Where `columns` has a table for `order_lines` without `line_no`, and the file has no
    such column either, lines are counted per order in the order of the file, each row being
    a line of its own: a report with one row for each order and product.  Their description
    is the `product` if only that is there.  A report that repeats a product's row, once for
    each component say, names a column that tells its lines apart: ``line_no = "Product #"``.

    `expect_orders`: an earlier run saw orders, so a delivery without one is not believed.
    """

    def __init__(
        self,
        path: Path,
        *,
        timezone: ZoneInfo,
        date_format: str = "",
        files: Mapping[str, str] = _NONE,
        columns: Mapping[str, Mapping[str, str]] = _NO_COLUMNS,
        expect_orders: bool = False,
    ) -> None:
        self._shelf = Shelf(path)
        self._timezone = timezone
        self._date_format = date_format
        self._files = files
        self._columns = columns
        self._expect_orders = expect_orders
        self.name = f"folder {path}"

    def read(self) -> Snapshot:
        """Everything the folder says now.

        Raises:
            SetupError: The folder, a file, a column or the delivery as a whole is not right.
            TemporaryError: A file changed while it was read, or the disk does not answer.
        """
        self._refuse_unknown_sets()
        delivery = self._delivery()
        manifest = Manifest()
        if MANIFEST in delivery.contents:
            manifest = read_manifest(delivery.contents[MANIFEST], self._timezone)
        calendar = Calendar(manifest.timezone or self._timezone, self._date_format)
        sheets = self._sheets(delivery, calendar)
        _count(sheets, manifest.counts)
        if self._expect_orders and not sheets["orders"].table.rows:
            raise SetupError(
                f"{sheets['orders'].table.name} has no orders, although there were some before.",
                todo="Export again; if all orders are gone for good, ask before going on.",
            )
        notes = _notes(sheets, manifest, delivery.unread)
        snapshot = assemble(sheets, manifest, _digest(delivery.contents), notes)
        return replace(snapshot, generated_at=snapshot.generated_at or self.changed_at())

    def made_at(self) -> datetime | None:
        """When the delivery was made: its manifest says so, or its newest file does.

        Nothing but the manifest is read.
        """
        names = self._shelf.names()
        if MANIFEST in names:
            content = self._shelf.contents({MANIFEST}, names)[MANIFEST]
            if told := read_manifest(content, self._timezone).generated_at:
                return told
        return self.changed_at()

    def changed_at(self) -> datetime | None:
        """When the newest of the files was written: the age of a delivery without manifest."""
        return self._shelf.changed_at(self._chosen(self._shelf.names()).values())

    def _refuse_unknown_sets(self) -> None:
        for key, given in (("files", self._files), ("columns", self._columns)):
            for name in given:
                if name not in LAYOUTS:
                    raise SetupError(
                        f"`{name}` in `[source.{key}]` is no set of an export.",
                        todo=f"The sets are: {', '.join(LAYOUTS)}.",
                    )

    def _delivery(self) -> _Delivery:
        names = self._shelf.names()
        files = self._chosen(names)
        wanted = set(files.values()) | ({MANIFEST} & set(names))
        contents = self._shelf.contents(wanted, names)
        return _Delivery(files, contents, tuple(name for name in names if name not in wanted))

    def _chosen(self, names: tuple[str, ...]) -> dict[str, str]:
        """Each set's file: the one the configuration names, else the one called after it."""
        chosen: dict[str, str] = {}
        for name in LAYOUTS:
            if name in self._files:
                chosen[name] = self._files[name]
                if not chosen[name].lower().endswith(ENDINGS):
                    raise SetupError(
                        f"{chosen[name]} (`[source.files]` {name}) is none of: "
                        f"{', '.join(ENDINGS)}.",
                        todo="Export it as CSV, JSON or JSONL.",
                    )
                continue
            fitting = [file for file in names if file.lower().rpartition(".")[0] == name]
            if len(fitting) > 1:
                raise SetupError(
                    f"{listed(fitting)} are all there, and only one can be the {name}.",
                    todo="Remove the others, or name the right one in `[source.files]`.",
                )
            if fitting:
                chosen[name] = fitting[0]
            elif name in REQUIRED_SETS:
                raise SetupError(
                    f"The export has no {name}: neither {name}.csv nor .json nor .jsonl is in"
                    f" the folder. It has: {listed(names)}.",
                    todo=f'Export it, or name its file: `[source.files]` {name} = "…".',
                )
        return chosen

    def _sheets(self, delivery: _Delivery, calendar: Calendar) -> dict[str, Sheet]:
        tables = {
            file: read_table(file, delivery.contents[file])
            for file in sorted(set(delivery.files.values()))
        }
        sheets: dict[str, Sheet] = {}
        for name, file in delivery.files.items():
            columns = columns_of(tables[file], LAYOUTS[name], self._columns.get(name))
            sheets[name] = Sheet(LAYOUTS[name], tables[file], columns, calendar)
        return sheets


def _count(sheets: Mapping[str, Sheet], counts: Mapping[str, int]) -> None:
    """Stop where the delivery was cut: its manifest counts other rows than the files have.

    Of a file that several sets come from, a set's rows are all its rows or its records.
    """
    files = [sheet.table.name for sheet in sheets.values()]
    for name, expected in counts.items():
        if name not in LAYOUTS:
            continue
        sheet = sheets.get(name)
        found = len(sheet.table.rows) if sheet else 0
        if found == expected:
            continue
        if sheet and not sheet.layout.parent and files.count(sheet.table.name) > 1:
            if sheet.distinct() == expected:
                continue
            found = sheet.distinct()
        file = sheet.table.name if sheet else f"no file of {name}"
        raise SetupError(
            f"The delivery was cut: {MANIFEST} counts {expected} rows of {name}, but"
            f" {file} has {found}.",
            todo="Export it again; nothing was written.",
        )


def _digest(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(contents):
        # The length keeps two files apart from one file that says the same.
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()


def _notes(
    sheets: Mapping[str, Sheet], manifest: Manifest, unread: tuple[str, ...]
) -> tuple[str, ...]:
    """What was left aside, said once for each file."""
    tables: dict[str, Table] = {}
    used: dict[str, set[str]] = {}
    for sheet in sheets.values():
        tables[sheet.table.name] = sheet.table
        used.setdefault(sheet.table.name, set()).update(sheet.columns.values())
    notes = []
    for name, table in sorted(tables.items()):
        unknown = [header for header in table.headers if header and header not in used[name]]
        if unknown:
            notes.append(f"unknown columns in {name}: {listed(unknown)}")
    if unread:
        notes.append(f"files that are no set of an export: {listed(unread)}")
    unknown_sets = [name for name in manifest.counts if name not in LAYOUTS]
    if unknown_sets:
        notes.append(f"unknown sets counted in {MANIFEST}: {listed(unknown_sets)}")
    return tuple(notes)
