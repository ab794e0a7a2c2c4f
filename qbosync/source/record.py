"""Rows become records of the model; what cannot be read becomes a `Problem`.

No row is lost: each ends as part of a record or in a problem that names file, line and
column.  A record any of whose rows is unreadable, or whose rows contradict each other,
is held as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from qbosync.model import Problem, money
from qbosync.source.cell import Calendar, CellError, Fields, identifier, quoted
from qbosync.source.layout import Layout
from qbosync.source.table import Table

UNREADABLE = "unreadable_row"
CONTRADICTION = "contradiction"
_SHOWN = 3
_UNKNOWN = "unknown_"


class Record(Protocol):
    """What every record of a set has."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Record)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One set as a file delivers it: whose rows, and which column is which field."""

    layout: Layout
    table: Table
    columns: Mapping[str, str]
    calendar: Calendar

    def rows(self) -> Iterator[Fields]:
        for row in self.table.rows:
            yield Fields(self.table.name, row, self.columns, self.calendar)

    def distinct(self) -> int:
        """How many records the rows are about."""
        header = self.columns[self.layout.key]
        return len({row.cells.get(header) for row in self.table.rows})


class Held:
    """Why records are held: one problem a record, however much of it cannot be read.

    `lost_rows` counts the rows of which nobody can say for sure whose they are: with any
    of them, a record that is missing may still be there.
    """

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._facts: dict[str, dict[str, None]] = {}
        self._amounts: dict[str, Decimal | None] = {}
        self.lost_rows = 0

    def __contains__(self, source: str) -> bool:
        return source in self._reasons

    def add(self, source: str, reason: str, fact: str, amount: Decimal | None = None) -> None:
        self._reasons.setdefault(source, reason)
        self._facts.setdefault(source, {})[fact] = None
        if amount is not None:
            self._amounts.setdefault(source, amount)

    def place(self, fields: Fields, reason: str, fact: str, amount: Decimal | None = None) -> None:
        """Hold a row by where it stands: its record is unknown."""
        self.lost_rows += 1
        self.add(f"file:{fields.where}", reason, fact, amount)

    def problems(self) -> tuple[Problem, ...]:
        """One for each record or row, in the order in which they were found."""
        return tuple(
            Problem(
                source,
                reason,
                _sentence(source, list(self._facts[source])),
                _remedy(reason),
                self._amounts.get(source),
            )
            for source, reason in self._reasons.items()
        )


def _sentence(source: str, facts: list[str]) -> str:
    more = f" And {len(facts) - _SHOWN} more." if len(facts) > _SHOWN else ""
    kind, _, name = source.partition(":")
    what = called(kind, name)
    waits = "" if kind == "file" else f" {what[0].upper()}{what[1:]} is held as a whole."
    return " ".join(f"{fact}." for fact in facts[:_SHOWN]) + more + waits


def _remedy(reason: str) -> str:
    if reason == CONTRADICTION:
        return "Correct the wrong one in the shop system, export again; it goes out by itself."
    if reason.startswith(_UNKNOWN):
        parent = reason.removeprefix(_UNKNOWN).replace("_", " ")
        return f"Export its {parent} too, or take the row out of the export; it clears itself."
    return "Correct it in the shop system and export again; it goes out by itself."


def called(kind: str, name: str) -> str:
    """A record as a sentence names it."""
    return f"{kind.replace('_', ' ')} {name}"


def fault_of(fields: Fields, error: CellError) -> str:
    column = f", column {error.column}:" if error.column else ""
    return f"{fields.file} line {fields.line}{column} {error.what}"


class Records(Generic[R]):
    """The records of one set by id; those that are held stay known, but are left out."""

    def __init__(self, kind: str, held: Held, amount: str = "") -> None:
        self._kind = kind
        self._held = held
        self._amount = amount
        self._first: dict[str, tuple[R, Fields]] = {}
        self._known: set[str] = set()

    def read(self, sheet: Sheet, build: Callable[[Fields], R]) -> None:
        """Read every row; rows that say the same of one record are one."""
        for fields in sheet.rows():
            try:
                record_id = fields.needed(sheet.layout.key, identifier)
            except CellError as error:
                # Of a broken row the key may be missing for the same reason: say that one.
                self._held.place(fields, UNREADABLE, _worst(fields, error), self._sum(fields))
                continue
            self._known.add(record_id)
            try:
                fields.check()
                self._keep(fields, build)
            except CellError as error:
                self._held.lost_rows += not error.column
                self._hold(record_id, UNREADABLE, fault_of(fields, error), self._sum(fields))

    def _keep(self, fields: Fields, build: Callable[[Fields], R]) -> None:
        record = build(fields)
        first = self._first.setdefault(record.id, (record, fields))
        if first[0] != record:
            self._hold(record.id, CONTRADICTION, _contradiction(first[1], fields, build), None)

    def _hold(self, record_id: str, reason: str, fact: str, amount: Decimal | None) -> None:
        self._held.add(f"{self._kind}:{record_id}", reason, fact, amount)

    def _sum(self, fields: Fields) -> Decimal | None:
        """The money that stays out, where the row tells it."""
        with suppress(CellError):
            return fields.optional(self._amount, money, None) if self._amount else None
        return None

    def knows(self, record_id: str) -> bool:
        """Whether the delivery has this record, be it held or not."""
        return record_id in self._known

    def hold(self, record_id: str, reason: str, fact: str) -> None:
        """Hold a record for the sake of one of its parts."""
        first = self._first.get(record_id)
        self._hold(record_id, reason, fact, self._sum(first[1]) if first else None)

    def good(self) -> Iterator[R]:
        for record, _fields in self._first.values():
            if f"{self._kind}:{record.id}" not in self._held:
                yield record


def _worst(fields: Fields, error: CellError) -> str:
    try:
        fields.check()
    except CellError as fault:
        return fault_of(fields, fault)
    return fault_of(fields, error)


def _contradiction(first: Fields, second: Fields, build: Callable[[Fields], object]) -> str:
    """Both places, and the column in which they differ with what each says."""
    said: list[dict[str, object]] = []
    for fields in (first, second):
        fields.values = {}
        build(fields)
        said.append(fields.values)
    field = next(name for name in said[0] if said[0][name] != said[1][name])
    return (
        f"{first.where} and {second.where} contradict each other in column"
        f" {first.column(field)}: {quoted(first.raw(field))} and {quoted(second.raw(field))}"
    )


class Parts(Generic[P]):
    """The rows of one set that belong to records of another, by that record's id."""

    def __init__(self) -> None:
        self._parts: dict[str, list[P]] = {}
        self.repeats = 0

    def of(self, record_id: str) -> list[P]:
        return self._parts.get(record_id, [])

    def read(
        self,
        sheet: Sheet,
        parents: Records[R],
        held: Held,
        build: Callable[[Fields, int], P],
        key: str = "",
    ) -> None:
        """Read every row; a part that cannot be read holds its record.

        With a `key` that the file has, rows of one record with the same key are one and may
        not contradict each other; without any, a row that repeats another exactly is one.
        """
        first: dict[tuple[str, Hashable], tuple[P, Fields]] = {}
        is_counted = bool(key) and key not in sheet.columns
        for fields in sheet.rows():
            record_id = self._parent(fields, sheet.layout, parents, held)
            if record_id is None:
                continue
            parts = self._parts.setdefault(record_id, [])
            try:
                fields.check()
                part = build(fields, len(parts) + 1)
            except CellError as error:
                held.lost_rows += not error.column
                parents.hold(record_id, UNREADABLE, fault_of(fields, error))
                continue
            if not is_counted:
                name: Hashable = fields.raw(key) if key else fields.whole()
                known = first.setdefault((record_id, name), (part, fields))
                if known[1] is not fields:
                    self.repeats += known[0] == part
                    if known[0] != part:
                        fact = _contradiction(known[1], fields, lambda row: build(row, 0))
                        parents.hold(record_id, CONTRADICTION, fact)
                    continue
            parts.append(part)

    def _parent(
        self, fields: Fields, layout: Layout, parents: Records[R], held: Held
    ) -> str | None:
        try:
            record_id = fields.needed(layout.key, identifier)
        except CellError as error:
            held.place(fields, UNREADABLE, _worst(fields, error), _amount_of(fields))
            return None
        if not parents.knows(record_id):
            what = called(layout.kind, record_id)
            fact = f"{fields.where} belongs to {what}, which is not in the export's {layout.parent}"
            held.place(fields, f"{_UNKNOWN}{layout.kind}", fact, _amount_of(fields))
            return None
        return record_id


def _amount_of(fields: Fields) -> Decimal | None:
    with suppress(CellError):
        return fields.optional("amount", money, None)
    return None
