"""Words that people read: the field's own, never ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_architecture import MODULES, part_of

OURS = re.compile(
    r"\b(drift|epoch|open intent|adopt-only|quarantine|CDC|idempoten\w+|payload|tenant|SKU)\b",
    re.IGNORECASE,
)
TECHNICAL = {"row.py", "schema.py", "client.py"}
"""Columns of the ledger, and QuickBooks' own address of changes."""


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every literal text that is no docstring."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.lineno, node.value  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_message_speaks_as_the_program_thinks(path: Path) -> None:
    if part_of(path) in ("emulator", "probe") or path.name in TECHNICAL:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [words for _, words in texts(tree) if OURS.search(words)] == []
