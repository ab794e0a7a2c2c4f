"""Where every rule of the emulator comes from, and which disputed rules can be switched.

Each rule is declared once, beside the code that keeps it; `readme` turns the declarations into
the table of the README, and a test holds that the two agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

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
    caller = sys._getframe(1).f_globals["__name__"]
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
