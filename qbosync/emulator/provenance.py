"""Where every rule of the emulator comes from, and which disputed rules can be switched.

Each rule is declared once, beside the code that keeps it; `table()` turns the declarations into
the table of the README, and a test holds that the two agree.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

README = Path(__file__).with_name("README.md")

F = TypeVar("F", bound=Callable[..., Any])


class Mark(StrEnum):
    """How a rule is known."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    REPORTED = "reported"
    ASSUMED = "assumed"


RECORDED, DOCUMENTED, REPORTED, ASSUMED = Mark


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing the emulator does because QuickBooks does, or is thought to do."""

    text: str
    mark: Mark
    source: str
    module: str


@dataclass(frozen=True, slots=True)
class Switch:
    """A disputed rule: its values, the default first."""

    name: str
    values: tuple[str, ...]
    text: str


RULES: list[Rule] = []
SWITCHES: dict[str, Switch] = {}


def rule(text: str, mark: Mark, source: str) -> Callable[[F], F]:
    """Declare a rule; stands alone or as a decorator of the function that keeps it."""
    caller = importlib.import_module("sys")._getframe(1).f_globals["__name__"]
    RULES.append(Rule(text, mark, source, caller.removeprefix("qbosync.emulator.")))
    return lambda function: function


def switch(name: str, *values: str, text: str) -> str:
    """Declare a disputed rule and its possible values; the first is the default."""
    SWITCHES[name] = Switch(name, values, text)
    return name


@dataclass(slots=True)
class Assumptions:
    """The values chosen for the switches."""

    chosen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, words: Mapping[str, str]) -> Assumptions:
        """Check names and values.

        Raises:
            ValueError: For a name or value that no switch has.
        """
        for name, value in words.items():
            known = SWITCHES.get(name)
            if known is None:
                raise ValueError(f"there is no switch {name!r}: {', '.join(sorted(SWITCHES))}")
            if value not in known.values:
                raise ValueError(f"{name} is one of {', '.join(known.values)}, not {value!r}")
        return cls(dict(words))

    def __getitem__(self, name: str) -> str:
        return self.chosen.get(name) or SWITCHES[name].values[0]

    def on(self, name: str) -> bool:
        """Whether a yes/no switch stands on yes."""
        return self[name] == "yes"


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
    from .misbehaviour import KINDS

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
    # `python -m` runs a second copy of this module; the declarations are in the imported one.
    real = importlib.import_module("qbosync.emulator.provenance")
    README.write_text(real.regenerate(README.read_text("utf-8")), "utf-8")
