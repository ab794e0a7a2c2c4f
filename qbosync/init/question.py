"""The eight things that must be decided before the first sync.

Each question says why it is asked and what the export suggests; the answer is text, and
`read` takes it or says in plain words what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from qbosync.config import Orders, Payments
from qbosync.config.kind import Method, Name, Prefix, StartDate, Status, Zone
from qbosync.init.survey import NO_CLASS, Survey
from qbosync.model import show

CARDS = ("cc", "card", "credit card", "debit card", "visa", "mastercard", "amex", "stripe")
TIMEZONE = "America/Boise"


@dataclass(frozen=True, slots=True)
class Question:
    """One decision; a blank answer leaves it open where `may_be_blank`."""

    name: str
    text: str
    default: str
    choices: tuple[str, ...] = ()
    why: str = ""
    may_be_blank: bool = True

    def read(self, text: str) -> Any:
        """The answer as a value: text, a date, or a tuple of words.

        Raises:
            ValueError: Saying what is wrong, fit to be followed by the question again.
        """
        text = text.strip()
        if not text and self.may_be_blank:
            return () if self.name == "money" else None if self.name == "start_date" else ""
        try:
            value = _READERS[self.name](text)
        except ValidationError as error:
            raise ValueError(str(error.errors()[0]["ctx"]["error"])) from None
        if self.choices and value not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        return value


def _words(text: str) -> tuple[str, ...]:
    words = (word.strip() for word in text.split(","))
    return tuple(dict.fromkeys(TypeAdapter(Method).validate_python(word) for word in words if word))


_READERS: dict[str, Callable[[str], Any]] = {
    "charge_status": TypeAdapter(Status).validate_python,
    "start_date": TypeAdapter(StartDate).validate_python,
    "default_export_class": TypeAdapter(Name).validate_python,
    "tax_item": TypeAdapter(Name).validate_python,
    "tax_account": TypeAdapter(Name).validate_python,
    "card_account": TypeAdapter(Name).validate_python,
    "money": _words,
    "timezone": TypeAdapter(Zone).validate_python,
    "order_prefix": TypeAdapter(Prefix).validate_python,
}


def questions(survey: Survey, *, timezone: str = TIMEZONE) -> list[Question]:
    """What has to be asked; tax is one decision in two questions, its item and its account."""
    return [
        _charge_status(survey),
        Question(
            "start_date",
            'From which date on do documents go to QuickBooks? (a date, or "everything")',
            "",
            why="Invoices, charges, credits and payments before it stay out; orders not charged"
            " by then come along. A sandbox needs none, production demands one."
            + (f" The export begins on {survey.first}." if survey.first else ""),
        ),
        _default_class(survey),
        Question(
            "tax_item",
            "Which Product/Service carries sales tax?",
            "Sales Tax",
            why="Sales tax goes out as a line of its own, with QuickBooks' own sales tax off.",
            may_be_blank=False,
        ),
        Question(
            "tax_account",
            "On which account is sales tax collected?",
            "Sales Tax Collected",
            why="It must be a liability (Other Current Liability): tax is owed, not earned.",
        ),
        Question(
            "card_account",
            "Where does card money go? (an account; blank: Undeposited Funds)",
            "",
            why="A payment that was deposited can no longer be applied from here. A clearing"
            ' account of its own, say "Card Clearing", emptied by transfers, avoids that.',
        ),
        _money(survey),
        Question(
            "timezone",
            "In which time zone are the export's times?",
            timezone,
            why="It decides which day an order or payment belongs to.",
            may_be_blank=False,
        ),
        _prefix(survey),
    ]


def _charge_status(survey: Survey) -> Question:
    default = Orders()
    possible = [status for status in default.statuses if status != "bid"]
    side = (*default.on_hold, *default.void, "bid")
    possible += [each for each in survey.statuses if each not in side and each not in possible]
    seen = ", ".join(f"{name} ({count})" for name, count in survey.statuses.items())
    return Question(
        "charge_status",
        "At which status is the customer charged?",
        default.charge_status,
        tuple(possible),
        "There the estimate becomes an invoice."
        + (f" The export's orders are: {seen}." if seen else ""),
        may_be_blank=False,
    )


def _default_class(survey: Survey) -> Question:
    named = [name for name in survey.classes if name.casefold() not in NO_CLASS]
    without = sum(
        tally.count for name, tally in survey.classes.items() if name.casefold() in NO_CLASS
    )
    return Question(
        "default_export_class",
        "Which Product/Service stands for products without an export class?",
        named[0] if named else "",
        why="Without one there is no connecting."
        + (f" {without:,} lines of the export have none." if without else "")
        + (f" Its classes: {', '.join(named[:12])}." if named else ""),
    )


def _money(survey: Survey) -> Question:
    default = Payments()
    seen = [name for name in survey.methods if name]
    known = [name for name in seen if name in default.money] or list(default.money)
    told = ", ".join(
        f"{name} ({survey.methods[name].count:,}, {show(survey.methods[name].total)})"
        for name in seen
    )
    return Question(
        "money",
        "Which payment methods are money? (their words, with commas between)",
        ", ".join(known),
        why="Account credit and write-offs come in the same list and are never payments."
        " Payments by a word that is placed nowhere are held."
        + (f" The export has: {told}." if told else ""),
    )


def _prefix(survey: Survey) -> Question:
    numbers = survey.numbers
    span = f" The export's orders are numbered {numbers[0]} to {numbers[1]}." if numbers else ""
    return Question(
        "order_prefix",
        "What goes before order numbers on estimates and invoices? (blank: nothing)",
        "",
        why="QuickBooks counts its own invoices from 1001: where both reach the same number,"
        f" the order is held. It cannot be changed after the first sync.{span}",
    )


def card_words(methods: Iterable[str]) -> tuple[str, ...]:
    """The words among `methods` that mean a card."""
    return tuple(word for word in methods if word in CARDS)
