"""The questions, each with what the emulator assumes, and the switch that says so.

An answer is a short text that can be compared; what else is worth knowing is its note.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qbosync.probe.stage import Stage


@dataclass(frozen=True, slots=True)
class Said:
    """What a company answered."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing we do not know of QuickBooks."""

    letter: str
    text: str
    assumed: str
    switch: str
    ask: Callable[[Stage], Said]


QUESTIONS: dict[str, Question] = {}


def question(
    letter: str, text: str, assumed: str, switch: str = ""
) -> Callable[[Callable[[Stage], Said]], Callable[[Stage], Said]]:
    """Enter a function as the way to ask a question; `switch` is the emulator's `name=default`."""

    def enter(ask: Callable[[Stage], Said]) -> Callable[[Stage], Said]:
        QUESTIONS[letter] = Question(letter, text, assumed, switch, ask)
        return ask

    return enter
