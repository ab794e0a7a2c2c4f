"""The generated part of the README; `python -m qbosync.emulator.readme` brings it up to date."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from .misbehaviour import KINDS
from .provenance import RULES, SWITCHES, Mark

README = Path(__file__).with_name("README.md")


def load_all() -> None:
    """Import every module of the emulator, so that all rules are declared."""
    package = importlib.import_module("qbosync.emulator")
    for module in pkgutil.walk_packages(package.__path__, "qbosync.emulator."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _rows() -> Iterator[str]:
    yield "| rule | known by | source | kept in |"
    yield "|---|---|---|---|"
    for known in sorted(RULES, key=lambda r: (r.module, list(Mark).index(r.mark), r.text)):
        module = known.module.replace(".", "/")
        yield f"| {known.text} | {known.mark} | {known.source} | `{module}` |"
    yield ""
    yield "| switch (`--assume name=value`) | values, default first | decides |"
    yield "|---|---|---|"
    for one in sorted(SWITCHES.values(), key=lambda s: s.name):
        yield f"| `{one.name}` | {', '.join(f'`{v}`' for v in one.values)} | {one.text} |"


def table() -> str:
    """The rules and switches as Markdown."""
    load_all()
    return "\n".join(_rows())


def _kinds() -> str:
    rows = [f"| `{kind}` | {text} |" for kind, text in KINDS.items()]
    return "\n".join(["| kind | what happens |", "|---|---|", *rows])


def regenerate(text: str) -> str:
    """The README's text with current tables between their marks."""
    for name, content in (("kinds", _kinds()), ("rules", table())):
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{content}\n{end}{after}"
    return text


if __name__ == "__main__":  # pragma: no cover
    README.write_text(regenerate(README.read_text("utf-8")), "utf-8")
