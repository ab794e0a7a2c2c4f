"""One run of the probe: every question once, and what came of each.

What a question cannot be asked for is said, and stops no other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from qbosync.errors import QbosyncError

# Importing the questions enters them; protocol comes last, since a burst disturbs what follows.
from qbosync.probe import document, money, protocol  # noqa: F401
from qbosync.probe.cassette import Recorder
from qbosync.probe.question import QUESTIONS, Question
from qbosync.probe.stage import CannotAskError, Stage


@dataclass(frozen=True, slots=True)
class Finding:
    """A question and what the company answered; no answer where it could not be asked."""

    question: Question
    answer: str
    note: str = ""

    @property
    def verdict(self) -> str:
        """Same, different, or open."""
        if not self.answer:
            return "open"
        return "same" if self.answer == self.question.assumed else "DIFFERENT"


def ask_all(stage: Stage, record: Recorder, only: Collection[str] = ()) -> Iterator[Finding]:
    """Ask every question, or those named."""
    for letter, question in QUESTIONS.items():
        if only and letter not in only:
            continue
        stage.transport.renew()
        with record(f"{letter}-{question.ask.__name__.replace('_', '-')}"):
            yield _ask(stage, question)


def _ask(stage: Stage, question: Question) -> Finding:
    try:
        said = question.ask(stage)
    except CannotAskError as error:
        return Finding(question, "", str(error))
    except QbosyncError as error:
        return Finding(question, "", f"{error.what} {error.todo}".strip())
    return Finding(question, said.text, said.note)


def table(findings: Sequence[Finding], company: str) -> Table:
    """Question, assumption, answer, verdict; notes below the answer."""
    shown = Table(title=f"What {company} answers, and what the emulator assumes", show_lines=True)
    for name in ("", "Question", "The emulator assumes", "This company answers", ""):
        shown.add_column(name, overflow="fold")
    for found in sorted(findings, key=lambda one: one.question.letter):
        asked = found.question
        assumed = f"{asked.assumed}\n--assume {asked.switch}" if asked.switch else asked.assumed
        answer = "\n".join(part for part in (found.answer, found.note) if part)
        shown.add_row(asked.letter, asked.text, assumed, answer, found.verdict)
    return shown
