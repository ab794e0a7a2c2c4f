"""Cells become values: text, ids, dates, yes and no, words out of a list.

Each reader takes the trimmed, non-blank text of a cell and raises `ValueError` for
anything it would have to guess about.  A blank cell says nothing and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from qbosync.errors import SetupError
from qbosync.model import Address, number
from qbosync.source.table import Broken, Row

T = TypeVar("T")
D = TypeVar("D")

ID_LENGTH = 60
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", re.ASCII)
_PLAIN_ID = re.compile(rf"[!-Z\\^-~]{{1,{ID_LENGTH}}}")
_DAYS = re.compile(r"\d{1,4}", re.ASCII)
_PARTS = ("line1", "line2", "line3", "city", "state", "zip", "country")
_NOWHERE = Address()
_YES = {"true": True, "yes": True, "y": True, "1": True}
_NO = {"false": False, "no": False, "n": False, "0": False}
_SHOWN = 60


class CellError(Exception):
    """A row cannot be read: in which column (blank for the whole row), and why."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(what)
        self.column = column
        self.what = what


def quoted(text: str) -> str:
    """A cell's text as a message shows it: short, and without control characters."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def words(text: str) -> str:
    """Text as it stands; inner runs of blanks belong to a name."""
    found = _CONTROL.search(text)
    if found:
        raise ValueError(f"{quoted(text)} holds the control character U+{ord(found[0]):04X}")
    return text


def identifier(text: str) -> str:
    """An id; what would break a reference such as ``order:1042`` or a marker is refused."""
    if _PLAIN_ID.fullmatch(text):
        return text
    if len(text) > ID_LENGTH:
        raise ValueError(f"{quoted(text)} is longer than {ID_LENGTH} characters")
    for letter in text:
        if letter.isspace() or letter in "[]" or not letter.isprintable():
            raise ValueError(f"{quoted(text)} holds {letter!r}, which no id may")
    return text


def label(text: str) -> str:
    """What tells parts of a record apart, such as a line number: ``1 02`` is one."""
    if len(text) > ID_LENGTH:
        raise ValueError(f"{quoted(text)} is longer than {ID_LENGTH} characters")
    return words(text)


def status(text: str) -> str:
    """A status without case, `_` as blank."""
    return " ".join(words(text).replace("_", " ").casefold().split())


def figure(text: str) -> Decimal:
    """A quantity or unit price, however fine: only amounts must fit QuickBooks' cents."""
    return number(text, decimals=15)


def boolean(text: str) -> bool:
    found = (_YES | _NO).get(text.casefold())
    if found is None:
        raise ValueError(f"{quoted(text)} is neither yes nor no")
    return found


def days(text: str) -> int:
    if not _DAYS.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a number of days")
    return int(text)


def choice(*allowed: str) -> Callable[[str], str]:
    """A reader of one of these words, matched without case and with `_` as blank."""

    def read(text: str) -> str:
        found = "_".join(text.replace("_", " ").replace("-", " ").casefold().split())
        if found not in allowed:
            raise ValueError(f"{quoted(text)} is none of {', '.join(allowed)}")
        return found

    return read


def target(text: str) -> str:
    """What money is applied to: ``order:1042`` or ``charge:9``."""
    kind, colon, found = text.partition(":")
    if not colon or kind.strip().casefold() not in ("order", "charge") or not found.strip():
        raise ValueError(f"{quoted(text)} is not a target such as order:1042 or charge:9")
    return f"{kind.strip().casefold()}:{identifier(found.strip())}"


class Calendar:
    """Dates as the shop writes them, instants as days of the shop's time zone.

    With a `date_format` a date in ISO form is taken too, unless the format itself begins
    with the year: then the two could be mixed up.
    """

    def __init__(self, timezone: ZoneInfo, date_format: str = "") -> None:
        self._timezone = timezone
        self._format = date_format
        self._days: dict[str, date] = {}
        self._moments: dict[str, date] = {}
        if date_format:
            self._check(date_format)

    def _check(self, date_format: str) -> None:
        sample = datetime(2024, 2, 29)
        try:
            understood = datetime.strptime(sample.strftime(date_format), date_format).date()
        except ValueError:
            understood = None
        if understood != sample.date():
            raise SetupError(
                f"{date_format!r} does not describe a date with day, month and year.",
                todo="Set `[source] date_format` to the export's own form, such as"
                " %m/%d/%Y for 01/31/2024.",
            )

    def day(self, text: str) -> date:
        """A plain date; a time of day says nothing about it unless it is midnight."""
        found = self._days.get(text)
        if found is None:
            found = self._days[text] = self._day(text)
        return found

    def moment(self, text: str) -> date:
        """The shop's day of a date or an instant; an instant without zone is shop time."""
        found = self._moments.get(text)
        if found is None:
            found = self._moments[text] = self._moment(text)
        return found

    def _day(self, text: str) -> date:
        if self._format:
            try:
                return self._local(datetime.strptime(text, self._format))
            except ValueError:
                if self._format.startswith("%Y"):
                    raise self._no_date(text) from None
        match = _DATE.fullmatch(text)
        if not match:
            raise self._no_date(text)
        try:
            return date.fromisoformat(match[1])
        except ValueError:
            raise self._no_date(text) from None

    def _moment(self, text: str) -> date:
        try:
            return self._day(text)
        except ValueError:
            if not _INSTANT.fullmatch(text):
                raise
        try:
            return self._local(datetime.fromisoformat(text))
        except ValueError:
            raise self._no_date(text) from None

    def _local(self, found: datetime) -> date:
        if found.tzinfo is None:
            return found.date()
        try:
            return found.astimezone(self._timezone).date()
        except OverflowError:
            raise ValueError("out of range") from None

    def _no_date(self, text: str) -> ValueError:
        form = f"of the form {self._format}" if self._format else "such as 2024-01-31"
        return ValueError(f"{quoted(text)} is not a date {form} (`[source] date_format`)")


class Fields:
    """One row of one set: its cells by our field names.

    `values` remembers what was read from each, once somebody asks by making it a dict.
    """

    __slots__ = ("_columns", "_row", "calendar", "file", "values")

    def __init__(self, file: str, row: Row, columns: Mapping[str, str], calendar: Calendar) -> None:
        self.file = file
        self._row = row
        self._columns = columns
        self.calendar = calendar
        self.values: dict[str, object] | None = None

    @property
    def where(self) -> str:
        return f"{self.file}:{self._row.line}"

    @property
    def line(self) -> int:
        return self._row.line

    def check(self) -> None:
        """Refuse a row whose cells may stand in the wrong columns."""
        if self._row.fault:
            raise CellError("", self._row.fault)

    def whole(self) -> Hashable:
        """All that the row says, columns unknown to us included."""
        return tuple(self._row.cells.items())

    def has(self, field: str) -> bool:
        return field in self._columns

    def column(self, field: str) -> str:
        """The header that our field has in this file."""
        return self._columns.get(field, field)

    def raw(self, field: str) -> str:
        """The trimmed text of a cell; blank where the export has no such column."""
        header = self._columns.get(field)
        if header is None:
            return ""
        cell = self._row.cells.get(header)
        if not cell:
            return ""
        if isinstance(cell, Broken):
            raise CellError(header, cell.what)
        return cell.strip()

    def needed(self, field: str, read: Callable[[str], T]) -> T:
        """A value without which there is no record."""
        text = self.raw(field)
        if not text:
            raise CellError(self.column(field), "it is blank")
        return self._value(field, text, read)

    def optional(self, field: str, read: Callable[[str], T], default: D) -> T | D:
        """A value, or `default` where the export does not say."""
        text = self.raw(field)
        return self._value(field, text, read) if text else self._said(field, default)

    def _value(self, field: str, text: str, read: Callable[[str], T]) -> T:
        try:
            value = read(text)
        except ValueError as error:
            raise CellError(self.column(field), str(error)) from None
        return self._said(field, value)

    def _said(self, field: str, value: D) -> D:
        if self.values is not None:
            self.values[field] = value
        return value

    def text(self, field: str) -> str:
        return self.optional(field, words, "")

    def reference(self, field: str) -> str:
        return self.optional(field, identifier, "")

    def flag(self, field: str, default: bool) -> bool:
        return self.optional(field, boolean, default)

    def day(self, field: str) -> date | None:
        return self.optional(field, self.calendar.day, None)

    def address(self, kind: str) -> Address:
        """An address of this kind, such as ``bill``; most rows of most exports have none."""
        fields = [f"{kind}_{part}" for part in _PARTS if f"{kind}_{part}" in self._columns]
        if self.values is None and not any(self.raw(field) for field in fields):
            return _NOWHERE
        return Address(**{field.removeprefix(f"{kind}_"): self.text(field) for field in fields})
