"""A CSV, JSON or JSONL file as rows of text, each with the line it stands on.

Nothing is interpreted: a figure stays the text it was written as, so no amount ever passes
through a float.  A row or cell that cannot be text keeps its place with the reason; a file
whose rows cannot be told apart is refused as a whole.  Sizes are bounded.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qbosync.errors import SetupError

MAX_ROWS = 200_000
MAX_CELL = 10_000
_AGAIN = "Export it again; nothing was written."
_BLANKS = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that is there and cannot be taken for text; `what` says why."""

    what: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row; with a `fault` its cells may stand in the wrong columns."""

    line: int
    cells: Mapping[str, str | Broken]
    fault: str = ""

    @property
    def is_blank(self) -> bool:
        """A row of commas, as spreadsheets leave them: it says nothing."""
        return not self.fault and not any(
            isinstance(cell, Broken) or cell.strip() for cell in self.cells.values()
        )


@dataclass(frozen=True, slots=True)
class Table:
    """A file's headers as it spells them, twice where it has them twice, and its rows.

    `has_header` is false where nothing tells the columns: JSON without a row.
    """

    name: str
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    has_header: bool = True


def read_table(name: str, content: bytes) -> Table:
    """Read a file by the ending of its name.

    Raises:
        SetupError: Where it is not UTF-8, not of its format, or too large.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SetupError(
            f"{name} is not UTF-8 (line {line}, byte {error.object[error.start]:#04x}).",
            todo="Export it as UTF-8; nothing was written.",
        ) from None
    ending = name.rpartition(".")[2].lower()
    if ending == "csv":
        return _csv(name, text)
    read = _array if ending == "json" else _lines
    rows = _within_limit(name, read(name, text))
    headers = dict.fromkeys(header for row in rows for header in row.cells)
    return Table(name, tuple(headers), rows, has_header=bool(headers))


def normal(header: str) -> str:
    """Headers are matched without case, blanks and underscores."""
    return re.sub(r"[\s_]+", "", header).casefold()


def _within_limit(name: str, rows: Iterator[Row]) -> tuple[Row, ...]:
    kept: list[Row] = []
    for row in rows:
        if row.is_blank:
            continue
        if len(kept) == MAX_ROWS:
            raise SetupError(
                f"{name} has more than {MAX_ROWS:,} rows.", todo="Export a shorter period."
            )
        kept.append(row)
    return tuple(kept)


def _csv(name: str, text: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = _records(name, reader)
    header = next(records, None)
    if header is None:
        raise SetupError(f"{name} is empty: it has not even a header.", todo=_AGAIN)
    line, names = header
    if isinstance(names, str):
        raise SetupError(f"{name} line {line}, the header, {names}.", todo=_AGAIN)
    headers = tuple(cell.strip() for cell in names)
    rows = (_csv_row(name, reader, headers, *record) for record in records)
    return Table(name, headers, _within_limit(name, rows))


def _records(name: str, reader: Any) -> Iterator[tuple[int, list[str] | str]]:
    """Each record with its first line: its cells, or why they cannot be told apart.

    A quotation mark out of place is that row's fault alone only if it took no other line
    with it; otherwise nobody knows where the rows end.
    """
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > line or "end of data" in str(error):
                raise _unclosed(name, line) from None
            yield line, f"has a quotation mark out of place ({error})"
        else:
            if cells:
                yield line, cells


def _unclosed(name: str, line: int) -> SetupError:
    return SetupError(
        f"{name}: a quotation mark opened on line {line} or soon after is not closed where it"
        " should be, so nobody can tell where the rows end.",
        todo=_AGAIN,
    )


def _csv_row(
    name: str, reader: Any, headers: tuple[str, ...], line: int, found: list[str] | str
) -> Row:
    if isinstance(found, str):
        return Row(line, {}, found)
    wanted = len(headers)
    is_long = max(map(len, found)) > MAX_CELL
    cells: dict[str, str | Broken] = dict(
        zip(headers, map(_bounded, found) if is_long else found, strict=False)
    )
    if len(found) < wanted or any(cell.strip() for cell in found[wanted:]):
        if reader.line_num > line:
            raise _unclosed(name, line)
        return Row(line, cells, f"has {len(found)} cells where the header has {wanted}")
    return Row(line, cells)


def _bounded(text: str) -> str | Broken:
    if len(text) > MAX_CELL:
        return Broken(f"it holds more than {MAX_CELL:,} characters")
    return text


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a member named twice is neither the one nor the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, count in Counter(key for key, _ in pairs).items():
            if count > 1:
                found[key] = Broken(f"it is there {count} times")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_float=str,
    parse_int=str,
    parse_constant=lambda word: Broken(f"it holds {word}, which is no figure"),
)


def _array(name: str, text: str) -> Iterator[Row]:
    """The objects of a JSON array, one by one, so that each knows its line."""
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        raise _no_json(name, text, position, "a list of records must begin here")
    position = _skip(text, position + 1)
    line, counted = 1, 0
    is_first = True
    while text[position : position + 1] != "]":
        if not is_first:
            if text[position : position + 1] != ",":
                raise _no_json(name, text, position, "a comma or the end of the list is missing")
            position = _skip(text, position + 1)
        is_first = False
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise _no_json(name, text, error.pos, error.msg) from None
        except RecursionError:
            raise _no_json(name, text, position, "it is nested too deeply") from None
        yield _json_row(line, value)
        position = _skip(text, position)
    if _skip(text, position + 1) != len(text):
        raise _no_json(name, text, position + 1, "something follows the list")


def _skip(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    return found.end() if found else position


def _no_json(name: str, text: str, position: int, why: str) -> SetupError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return SetupError(
        f"{name} cannot be read as JSON at line {line}, column {column}: {why}.", todo=_AGAIN
    )


def _lines(_name: str, text: str) -> Iterator[Row]:
    # Only "\n" ends a line: a JSON string may hold the other separators as they are.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = _DECODER.decode(line.strip())
        except json.JSONDecodeError as error:
            yield Row(number, {}, f"is not JSON: {error.msg} at column {error.colno}")
        except RecursionError:
            yield Row(number, {}, "is nested too deeply")
        else:
            yield _json_row(number, value)


def _json_row(line: int, value: Any) -> Row:
    if not isinstance(value, dict):
        return Row(line, {}, "is not an object of names and values")
    return Row(line, {key.strip(): _json_cell(member) for key, member in value.items()})


def _json_cell(value: Any) -> str | Broken:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            return Broken("it holds half a character")
        return _bounded(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Broken):
        return value
    return Broken(f"it holds {'a list' if isinstance(value, list) else 'an object'}, not a text")
