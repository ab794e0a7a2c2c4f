"""Which column of a file holds which of our fields.

A column is taken only if exactly one fits: one that is missing or there twice stops the
run before anything is written, since every row would be misread the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from qbosync.errors import SetupError
from qbosync.source.layout import Layout
from qbosync.source.table import Table, normal

_MANY = 40


def columns_of(
    table: Table, layout: Layout, renames: Mapping[str, str] | None
) -> Mapping[str, str]:
    """Our field → the file's header, for every field the file has."""
    renamed = renames or {}
    _refuse_unknown_fields(layout, renamed)
    found: dict[str, str] = {}
    for field in layout.fields:
        header = renamed.get(field, field)
        fitting = _fitting(table.headers, header, is_named=field in renamed)
        if len(fitting) > 1:
            raise SetupError(
                f"{table.name} has the columns {listed(fitting)}, and only one can be the"
                f" {field} of {layout.name}.",
                todo="Give each column a name of its own, or say in the configuration which it is:"
                f' [source.columns.{layout.name}] {field} = "{fitting[0]}".',
            )
        if fitting:
            found[field] = fitting[0]
        elif field in renamed and table.has_header:
            raise SetupError(
                f"{table.name} has no column {header!r}, which the configuration names as"
                f" {field} of {layout.name}. It has: {listed(table.headers)}.",
                todo=f"Correct `{field}` in `[source.columns.{layout.name}]`.",
            )
    if not table.has_header:
        return {field: renamed.get(field, field) for field in layout.required}
    missing = _missing(layout, found, has_renames=renames is not None)
    if missing:
        raise SetupError(
            f"{table.name} has no column {listed(missing)}, which {layout.name} must have."
            f" It has: {listed(table.headers)}.",
            todo="Export it, or say in the configuration which column it is:"
            f' [source.columns.{layout.name}] {missing[0]} = "…".',
        )
    return found


def _refuse_unknown_fields(layout: Layout, renamed: Mapping[str, str]) -> None:
    for field in renamed:
        if field not in layout.fields:
            raise SetupError(
                f"`{field}` in `[source.columns.{layout.name}]` is no field of {layout.name}.",
                todo=f"Its fields are: {', '.join(layout.fields)}.",
            )


def _fitting(headers: Collection[str], wanted: str, *, is_named: bool) -> list[str]:
    """The headers that match; of several, the one spelled just as the configuration names it."""
    exact = [header for header in headers if is_named and header == wanted.strip()]
    return exact or [header for header in headers if normal(header) == normal(wanted)]


def _missing(layout: Layout, found: Mapping[str, str], *, has_renames: bool) -> list[str]:
    """Required fields without a column; a report with its own columns may lack two of them."""
    missing = [field for field in layout.required if field not in found]
    if has_renames:
        field, substitute = layout.stands_in
        lacking = {layout.counted, field if substitute in found else ""}
        missing = [field for field in missing if field not in lacking]
    return missing


def listed(names: Collection[str]) -> str:
    """Names for a message: each shown, up to a number a person can read."""
    shown = [name for name in names if name][:_MANY]
    more = len([name for name in names if name]) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more" if more else "")
