"""QuickBooks' query language, spoken without injecting anything.

Values stand in single quotes; a backslash is escaped before a quote is (recorded: `\\'`
works, doubling does not).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_FIELD = re.compile(r"[A-Za-z]+(\.[A-Za-z]+)?")


def literal(value: str) -> str:
    """A value as QuickBooks reads it back.

    Raises:
        ValueError: For control characters, which no name of ours holds.
    """
    if _CONTROL.search(value):
        raise ValueError("a control character cannot be asked for")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def is_in(field: str, values: Iterable[str]) -> str:
    """`field IN (…)`."""
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is not a field")
    literals = ", ".join(literal(value) for value in values)
    if not literals:
        raise ValueError(f"there is nothing to ask for in {field}")
    return f"{field} IN ({literals})"
