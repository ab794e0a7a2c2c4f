"""The same work for many items, on every core, in processes of their own."""

from __future__ import annotations

import gc
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
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs or os.cpu_count(), initializer=_settle_in) as pool:
        yield from pool.imap_unordered(work, items, chunksize=chunk)


def _settle_in() -> None:
    """Look for garbage seldom: what was imported stays, and a history is small."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
