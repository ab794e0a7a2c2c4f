"""HTML for people, built from parts that cannot be left unescaped.

Only `tag()` makes `Html`; whatever else is put into a page is text and is escaped on the way.
No scripts: every button is a form, every page one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from typing import Any

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#222;background:#f6f6f3;margin:0}
header,main{max-width:68em;margin:auto;padding:0 1.2em}
header{padding-top:1em}header small{color:#666}
nav a{display:inline-block;margin:.2em .75em .2em 0;font-size:.95em}
nav a[aria-current]{font-weight:600;text-decoration:none;color:#222}
main{background:#fff;border:1px solid #ddd;border-radius:6px;padding:.6em 1.2em 2em;margin:1em auto}
a{color:#0b5a8a}h1{font-size:1.5em;margin:.5em 0}h2{font-size:1.1em;margin:1.6em 0 .4em}
table{border-collapse:collapse;width:100%}
th,td{padding:.3em 1em .3em 0;text-align:left;vertical-align:baseline}
th,td{border-bottom:1px solid #e5e5e0}
th{font-size:.85em;color:#555}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
tfoot td{font-weight:600;border-top:2px solid #999}
.said{background:#e8f4e8;border:1px solid #9c9;padding:.5em .8em;border-radius:4px}
.wrong{background:#fbe9e7;border:1px solid #d99;padding:.5em .8em;border-radius:4px}
form{display:inline-block;margin:.15em .9em .35em 0}
input,select,button{font:inherit;padding:.2em .45em;margin:.1em .2em .1em 0}
input.short{width:9em}label{font-size:.9em;color:#444}
button{border:1px solid #888;border-radius:4px;background:#f2f2ee;cursor:pointer}
button.main{background:#2a6e2a;color:#fff;border-color:#2a6e2a;padding:.5em 1.2em}
button.risky{color:#9b1c1c;border-color:#c88}
.pick{display:block;margin:.6em 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1.4em}dt{color:#666}dd{margin:0}
"""


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child = Any  # Html stands as it is, a sequence is joined, None is nothing, all else is escaped


def _write(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return str(child)
    if isinstance(child, (list, tuple)):
        return "".join(_write(one) for one in child)
    return escape(str(child))


def tag(element: str, /, *children: Child, **attributes: Any) -> Html:
    """An element; ``class_`` is `class`, True an attribute without value, None no attribute."""
    words = [element]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        said = key.rstrip("_").replace("_", "-")
        words.append(said if value is True else f'{said}="{escape(str(value))}"')
    start = f"<{' '.join(words)}>"
    if element in ("input", "meta"):
        return Html(start)
    return Html(f"{start}{_write(children)}</{element}>")


def link(to: str, text: object) -> Html:
    """A link."""
    return tag("a", text, href=to)


def money(amount: object) -> str:
    """An amount for reading: ``1,234.50``."""
    return f"{Decimal(str(amount)):,.2f}" if amount not in (None, "") else ""


def number(amount: object) -> Html:
    """An amount in a table's cell."""
    return tag("td", money(amount), class_="n")


def cents(amount: int) -> Html:
    """Whole cents in a table's cell."""
    return number(Decimal(amount) / 100)


def sides(amount: int) -> tuple[Html, Html]:
    """Whole cents as two cells: debit, credit."""
    return (cents(amount), number("")) if amount > 0 else (number(""), cents(-amount))


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Child]], foot: Sequence[Child] = ()
) -> Html:
    """A table; heads that begin with ``>`` stand over amounts."""
    head = [
        tag("th", name.removeprefix(">"), class_="n" if name.startswith(">") else None)
        for name in heads
    ]
    body = [tag("tr", [_cell(cell) for cell in row]) for row in rows]
    if not body:
        return tag("p", "None.")
    below = tag("tfoot", tag("tr", [_cell(cell) for cell in foot])) if foot else None
    return tag("table", tag("thead", tag("tr", head)), tag("tbody", body), below)


def _cell(cell: Child) -> Html:
    is_cell = isinstance(cell, Html) and cell.startswith("<td")
    return cell if is_cell else tag("td", cell)


def facts(pairs: Iterable[tuple[str, Child]]) -> Html:
    """Names and what they stand for; empty ones are left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "", [])]
    return tag("dl", [(tag("dt", name), tag("dd", value)) for name, value in shown])


def field(
    name: str, label: str, value: object = "", kind: str = "text", *, need: bool = True
) -> Html:
    """A labelled input."""
    short = "short" if kind != "text" else None
    entry = tag("input", name=name, value=value, type=kind, required=need, class_=short)
    return tag("label", label, " ", entry)


def amount_field(name: str, label: str, value: object = "") -> Html:
    """A labelled input for an amount."""
    entry = tag("input", name=name, value=value, type="number", step="0.01", required=True,
                class_="short")  # fmt: skip
    return tag("label", label, " ", entry)


def choice(name: str, label: str, options: Iterable[tuple[object, object]]) -> Html:
    """A labelled choice of (value, text)."""
    shown = [tag("option", text, value=value) for value, text in options]
    return tag("label", label, " ", tag("select", shown, name=name))


def button(
    to: str, text: str, hidden: dict[str, object], *fields: Child, class_: str | None = None
) -> Html:
    """A form of one button that posts what is hidden and what its fields say."""
    inside = [tag("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    return tag("form", inside, fields, tag("button", text, class_=class_), method="post", action=to)


def document(title: str, head: Child, body: Child) -> str:
    """A whole page."""
    return "<!doctype html>" + tag(
        "html",
        tag("head", tag("meta", charset="utf-8"), tag("title", title), tag("style", Html(STYLE))),
        tag("body", tag("header", head), tag("main", tag("h1", title), body)),
        lang="en",
    )
