PYTHON ?= .venv/bin/python

.PHONY: check test

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest tests/test_architecture.py

test:
	$(PYTHON) -m pytest
