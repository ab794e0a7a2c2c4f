PYTHON ?= .venv/bin/python

.PHONY: check test mutants coverage mutation crash simulation crash-pairs

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

# What keeps documents from doubling, and its tests that take milliseconds.
CORE = qbosync/ledger/*,qbosync/lock.py,qbosync/making.py,qbosync/plan.py,qbosync/planner.py,qbosync/settle.py,qbosync/tokens/*
CORE_TESTS = tests/test_ledger.py tests/test_ledger_file.py tests/test_lock.py tests/test_plan.py \
	tests/test_planner.py tests/test_settle.py tests/test_token_words.py tests/test_tokens.py

# Every branch of it is gone through; half a minute.
coverage:
	$(PYTHON) -m coverage run --branch -m pytest $(CORE_TESTS)
	$(PYTHON) -m coverage report --include='$(CORE)' --fail-under=100

# Every small change of it is noticed, but for one in ten; ten minutes on two free cores.
mutation:
	rm -rf mutants
	$(PYTHON) -m mutmut run --max-children 2
	$(PYTHON) -m tests.mutation --at-least 90

# A working week, ended at every boundary of every run; and every power cut. Up to an hour.
crash:
	$(PYTHON) -m tests.crash --report crash-report.txt

# 30,000 random histories of a shop; a failing seed: python -m tests.simulation --seed N -v
simulation:
	$(PYTHON) -m tests.simulation --seeds 30000

# Every boundary of a small week in one process, and every second death after it.
crash-pairs:
	$(PYTHON) -m tests.simulation.enumeration --pairs
