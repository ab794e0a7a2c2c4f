"""The same work for many items, on every core, in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def everywhere(
    work: Callable[[Item], Result], items: Iterable[Item], jobs: int = 0, chunk: int = 20
) -> Iterator[Result]:
    """The results, in the order in which they come; `work` stands in a module."""
    # Not by forking: whoever calls may have threads.
    with multiprocessing.get_context("spawn").Pool(jobs or os.cpu_count()) as pool:
        yield from pool.imap_unordered(work, items, chunksize=chunk)
