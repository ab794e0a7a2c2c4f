"""The planted bugs fit the product, and ARCHITECTURE.md names all of them.

Planting them takes minutes: `make mutants`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.__main__ import table
from tests.mutants.plant import PLANTS, Plant

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("plant", PLANTS, ids=lambda p: p.bug)
def test_a_planted_bug_fits_the_product_and_its_test_is_there(plant: Plant) -> None:
    text = (ROOT / plant.file).read_text(encoding="utf-8")
    assert text.count(plant.old) == 1, f"{plant.file} has changed: plant it anew"
    assert plant.old not in plant.new or plant.new.count(plant.old) == 1
    file, _, name = plant.test.partition("::")
    assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")


def test_the_architecture_has_the_table_of_them() -> None:
    assert table() in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_at_least_twenty_five_are_planted() -> None:
    assert len({plant.bug for plant in PLANTS}) >= 25
