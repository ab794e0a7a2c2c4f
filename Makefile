PYTHON ?= .venv/bin/python

.PHONY: check test mutants crash

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
