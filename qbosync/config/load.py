"""Reading a configuration: parse, validate, cross-check, and tell all mistakes together.

A text is either wholly right and becomes `Settings`, or it becomes one `SetupError`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from qbosync.config.check import check
from qbosync.config.position import Path, key_lines
from qbosync.config.problem import Mistake, from_pydantic
from qbosync.config.settings import Settings
from qbosync.errors import SetupError

_PLACE = re.compile(r"(?P<what>.*) \((?:at line (?P<line>\d+), column (?P<column>\d+)|.*)\)")
_STAND_INS: dict[Path, Any] = {
    ("quickbooks",): {"environment": "sandbox"},
    ("quickbooks", "environment"): "sandbox",
    ("source",): {},
}
"""What stands for a required value while the rest of a faulty text is checked."""


def load(text: str, name: str) -> Settings:
    """The settings that `text` says; `name` is what messages call the file.

    Raises:
        SetupError: With every mistake and its line.
    """
    text = text.removeprefix("\ufeff")  # editors on Windows write it, TOML does not know it
    data = _parse(text, name)
    settings, mistakes, broken = _validate(data)
    mistakes += check(settings, data, broken)
    if mistakes:
        raise _error(mistakes, key_lines(text), name)
    return settings


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        match = _PLACE.fullmatch(str(error))
        what = match["what"] if match else str(error)
        if match and match["line"]:
            line, column = int(match["line"]), int(match["column"])
        else:  # "at end of document"
            line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        raise SetupError(
            f"{name} is not valid TOML: {what}, line {line}, column {column}.",
            "Correct that place; a text value needs quotes, a key stands once.",
        ) from None
    except (RecursionError, ArithmeticError, ValueError):
        # Lists in lists without end, 1e999999999999, a number of 5,000 digits.
        raise SetupError(
            f"{name} is not a configuration: a value in it is too large or too deep to read.",
            "Write a new one with `qbosync init FOLDER`.",
        ) from None


def _validate(data: dict[str, Any]) -> tuple[Settings, list[Mistake], set[Path]]:
    """Settings of what can be read, the mistakes, and which keys are not to be relied on."""
    mistakes: list[Mistake] = []
    broken: set[Path] = set()
    sound = deepcopy(data)
    while True:
        try:
            return Settings.model_validate(sound), mistakes, broken
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                mistake = from_pydantic(fault)
                mistakes.append(mistake)
                path = mistake.path[:2]
                if fault["type"] != "extra_forbidden":
                    broken.add(path)
                _replace(sound, path)


def _replace(data: dict[str, Any], path: Path) -> None:
    """Take out a faulty key, so that its default or a stand-in serves in its place."""
    table: Any = data
    for part in path[:-1]:
        table = table.get(part, {})
    table.pop(path[-1], None)
    if path in _STAND_INS:
        table[path[-1]] = deepcopy(_STAND_INS[path])


def _error(mistakes: Iterable[Mistake], lines: Mapping[Path, int], name: str) -> SetupError:
    told = sorted(set(mistakes), key=lambda mistake: (mistake.line(lines), mistake.fact))
    words = [mistake.words(lines) for mistake in told]
    if len(words) == 1:
        return SetupError(f"{name}: {words[0]}", "Correct it; nothing was read or written.")
    listed = "".join(f"\n  {each}" for each in words)
    return SetupError(
        f"{name} has {len(words)} mistakes:{listed}", "Correct them; nothing was read or written."
    )
