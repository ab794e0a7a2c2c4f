"""`python -m qbosync` and the `qbosync` command."""

from __future__ import annotations

from qbosync.cli import main

if __name__ == "__main__":
    main()
