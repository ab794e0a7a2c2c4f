"""What was decided, from the texts that a person typed.

What is not answered stays open: no status is put in order and no payment method called
money because a list was convenient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from qbosync.config import Orders, Payments
from qbosync.errors import SetupError
from qbosync.init.export import Arrangement
from qbosync.init.question import TIMEZONE, card_words, questions
from qbosync.init.survey import Survey

_ORDERS, _PAYMENTS = Orders(), Payments()


@dataclass(frozen=True)
class Answers:
    """The decisions behind a configuration; `notes` are the export's own facts beside them."""

    path: str
    environment: str = "sandbox"
    charge_status: str = _ORDERS.charge_status
    statuses: tuple[str, ...] = _ORDERS.statuses
    start_date: date | Literal["everything"] | None = None
    default_export_class: str = ""
    tax_item: str = "Sales Tax"
    tax_account: str = ""
    card_account: str = ""
    card_methods: tuple[str, ...] = ("cc",)
    money: tuple[str, ...] = _PAYMENTS.money
    not_money: tuple[str, ...] = _PAYMENTS.not_money
    timezone: str = TIMEZONE
    order_prefix: str = ""
    arrangement: Arrangement = field(default_factory=Arrangement)
    notes: Mapping[str, str] = field(default_factory=dict)


def make_answers(survey: Survey, texts: Mapping[str, str], path: str) -> Answers:
    """The decisions in `texts`, by question; a question without a text has its default.

    Raises:
        SetupError: If a text is no answer to its question.
    """
    given: dict[str, Any] = {}
    for question in questions(survey):
        text = texts.get(question.name, question.default)
        try:
            given[question.name] = question.read(text)
        except ValueError as error:
            raise SetupError(
                f"{question.text} {text!r} {error}.", "Answer again; nothing was written."
            ) from None
    asked_money = given.pop("money")
    money, not_money, open_words = _methods(survey, asked_money)
    statuses, unplaced = _statuses(survey, given["charge_status"])
    return Answers(
        path=path,
        statuses=statuses,
        money=money,
        not_money=not_money,
        card_methods=card_words(money) or ("cc",),
        arrangement=survey.arrangement,
        notes=_notes(survey, open_words, unplaced),
        **given,
    )


def _methods(
    survey: Survey, asked: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Money, not money, and the words that nobody has placed.

    Words the export does not have keep their usual place.
    """
    usual = tuple(word for word in _PAYMENTS.money if word not in survey.methods)
    money = tuple(dict.fromkeys((*asked, *usual))) if asked else _PAYMENTS.money
    dropped = tuple(
        word for word in _PAYMENTS.money if word in survey.methods and word not in money
    )
    not_money = (*(word for word in _PAYMENTS.not_money if word not in money), *dropped)
    placed = {*money, *not_money, ""}
    return money, not_money, tuple(word for word in survey.methods if word not in placed)


def _statuses(survey: Survey, charged: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The statuses in order, and those of the export whose place nobody has named."""
    usual = _ORDERS.statuses
    statuses = usual if charged in usual else (*usual, charged)
    placed = {*statuses, *_ORDERS.on_hold, *_ORDERS.void}
    return statuses, tuple(status for status in survey.statuses if status not in placed)


def _notes(survey: Survey, words: tuple[str, ...], unplaced: tuple[str, ...]) -> dict[str, str]:
    notes: dict[str, str] = {}
    if unplaced:
        listed = ", ".join(f"{each!r} ({survey.statuses[each]} orders)" for each in unplaced)
        notes["statuses"] = f"NOT PLACED YET, so their orders are held: {listed}."
    if words:
        listed = ", ".join(f"{word!r} ({survey.methods[word].count})" for word in words)
        notes["money"] = f"NOT PLACED YET, so their payments are held: {listed}."
    if survey.residuals:
        like_tax = sum(1 for each in survey.residuals if each.is_like_tax)
        notes["residual"] = (
            f"In {len(survey.residuals)} orders of this export the lines do not make the total;"
            f" in {like_tax} of them the difference could be tax."
        )
    if survey.arrangement.report:
        notes["report"] = f"{survey.arrangement.report} is an Allmoxy Orders report."
    return notes
