"""A mistake in the configuration, in plain words: the fact, its line, a hint.

Every mistake names the key as it stands in the file and the table it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from zoneinfo import available_timezones

from pydantic import BaseModel

from qbosync.config.kind import kind_of
from qbosync.config.position import Path
from qbosync.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Mistake:
    """`fact` names the key; `hint` is what may have been meant."""

    path: Path
    fact: str
    hint: str = ""

    def words(self, lines: Mapping[Path, int]) -> str:
        """The mistake with the line of its key, or of the nearest table around it."""
        line = self.line(lines)
        where = f", line {line}" if line else ""
        return f"{self.fact}{where}{f'; {self.hint}' if self.hint else ''}"

    def line(self, lines: Mapping[Path, int]) -> int:
        """The line to look at; 0 where nothing of the path is in the text."""
        for length in range(len(self.path), 0, -1):
            if self.path[:length] in lines:
                return lines[self.path[:length]]
        return 0


def name_of(path: Path) -> str:
    """A key as a reader finds it: ```charge_status` in [orders]``."""
    *table, key = [part for part in path if isinstance(part, str)] or [""]
    if not table:
        return f"`{key}`"
    return f"`{key}` in [{'.'.join(table)}]"


def close_match(word: object, known: Collection[str]) -> str:
    """``did you mean `charge_status`?``, or nothing where nothing is near."""
    matches = get_close_matches(str(word), sorted(known), n=1)
    return f"did you mean `{matches[0]}`?" if matches else ""


def from_pydantic(error: Mapping[str, Any]) -> Mistake:
    """What pydantic found, as a person would say it."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    value, name = error["input"], name_of(path)
    match error["type"]:
        case "extra_forbidden":
            return _unknown(path, value)
        case "missing":
            what = f"[{path[0]}]" if len(path) == 1 else name
            return Mistake(path, f"{what} is missing", _NEEDED.get(path, ""))
        case "value_error":
            what = f"the key {name}" if "[key]" in error["loc"] else name
            return Mistake(path, f"{what} {error['ctx']['error']}", _zone_hint(path, value))
        case "literal_error":
            choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
            listed = ", ".join(f'"{choice}"' for choice in choices)
            return Mistake(path, f"{name} must be one of {listed}", close_match(value, choices))
    wanted = _WANTED[error["type"]]
    if wanted == "a table":
        name = f"[{'.'.join(str(part) for part in path)}]"
    return Mistake(path, f"{name} must be {wanted}, not {kind_of(value)}")


_WANTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}
_NEEDED: dict[Path, str] = {
    ("quickbooks",): 'it names the environment: "sandbox", "production" or "emulator"',
    ("quickbooks", "environment"): 'it is "sandbox", "production" or "emulator"',
    ("source",): 'it says where the orders come from: kind = "folder", path = "export"',
}


def _unknown(path: Path, value: Any) -> Mistake:
    *table, key = path
    tables = _keys_by_table()
    if not table:
        if isinstance(value, dict | list):
            return Mistake(path, f"unknown table [{key}]", close_match(key, tables))
        hint = _home_of(str(key), tables)
        return Mistake(path, f"unknown key `{key}` before the first table", hint)
    home = str(table[0])
    known = tables[home]
    hint = close_match(key, known) or _home_of(str(key), tables)
    if isinstance(value, dict):
        return Mistake(path, f"unknown table [{home}.{key}]", hint)
    if not hint:
        hint = f"known there: {', '.join(sorted(known))}"
    return Mistake(path, f"unknown key {name_of(path)}", hint)


def _home_of(key: str, tables: Mapping[str, Collection[str]]) -> str:
    homes = [f"[{table}]" for table, keys in tables.items() if key in keys]
    if homes:
        return f"it belongs in {' or '.join(homes)}"
    return "`data_dir` stands before the first table" if key == "data_dir" else ""


def _keys_by_table() -> dict[str, Collection[str]]:
    found: dict[str, Collection[str]] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name] = tuple(field.annotation.model_fields)
    return found


def _zone_hint(path: Path, value: Any) -> str:
    if path != ("source", "timezone") or not isinstance(value, str):
        return ""
    zones = {zone.casefold(): zone for zone in available_timezones()}
    matches = get_close_matches(value.strip().casefold().replace(" ", "_"), sorted(zones), n=1)
    return f'did you mean "{zones[matches[0]]}"?' if matches else ""
