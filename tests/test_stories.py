"""Every known failure of such connections has an answer here, and a test that holds it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (HERE / "stories.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


def test_all_eighty_two_are_answered() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 83))
    assert sum(row[3] != "-" for row in ROWS) >= 70


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_tests_that_hold_it_are_there(row: list[str]) -> None:
    _, story, answer, tests = row
    assert story and answer
    for test in () if tests == "-" else tests.split(", "):
        file, _, name = test.partition("::")
        assert f"def {name}(" in (HERE / f"{file}.py").read_text(encoding="utf-8"), test
