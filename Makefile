PYTHON ?= .venv/bin/python

.PHONY: check test mutants

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
