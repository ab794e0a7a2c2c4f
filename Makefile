PYTHON ?= .venv/bin/python

.PHONY: check test mutants crash simulation crash-pairs

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest tests/test_architecture.py

test:
	$(PYTHON) -m pytest

# Plants bugs one by one; each must be killed by its test.
mutants:
	$(PYTHON) -m tests.mutants

# A working week, ended at every boundary of every run; and every power cut. Up to an hour.
crash:
	$(PYTHON) -m tests.crash --report crash-report.txt

# 30,000 random histories of a shop; a failing seed: python -m tests.simulation --seed N -v
simulation:
	$(PYTHON) -m tests.simulation --seeds 30000

# Every boundary of a small week in one process, and every second death after it.
crash-pairs:
	$(PYTHON) -m tests.simulation.enumeration --pairs
