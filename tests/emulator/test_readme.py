"""What the README says is so."""

from __future__ import annotations

import pytest

from qbosync.emulator import bookkeeper
from qbosync.emulator.misbehaviour import KINDS
from qbosync.emulator.provenance import RULES, Assumptions
from qbosync.emulator.readme import README, load_all, regenerate


def test_the_tables_are_current() -> None:
    text = README.read_text("utf-8")
    assert regenerate(text) == text, "run: python -m qbosync.emulator.readme"


def test_every_kind_of_failure_and_action_is_listed() -> None:
    text = README.read_text("utf-8")
    for name in (*KINDS, *bookkeeper.ACTIONS):
        assert f"`{name}`" in text


def test_no_rule_is_declared_twice() -> None:
    load_all()
    texts = [rule.text for rule in RULES]
    assert len(texts) == len(set(texts))


def test_unknown_assumptions_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no switch"):
        Assumptions.read({"moon": "full"})
    with pytest.raises(ValueError, match="estimate-status is one of"):
        Assumptions.read({"estimate-status": "Done"})
