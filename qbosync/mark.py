"""The marker by which a document in QuickBooks is known to be ours."""

from __future__ import annotations

from collections.abc import Iterator

from qbosync.key import Key
from qbosync.operation import Body

MARK = "[qbosync"


def marker(instance: str, key: Key, epoch: int = 0) -> str:
    """The last line of a document's PrivateNote, by which it is known to be ours.

    A document that took the place of a void one says so: the void one keeps its marker.
    """
    return f"{MARK} {instance} {key.source}{f' #{epoch + 1}' if epoch else ''}]"


def told_epoch(mark: str) -> tuple[str, int]:
    """A marker as that of the record's first document would be, and the epoch that it tells."""
    head, has_epoch, nth = mark.removesuffix("]").rpartition(" #")
    return (f"{head}]", int(nth) - 1) if has_epoch and nth.isdecimal() else (mark, 0)


def marks(object_: Body) -> Iterator[str]:
    """The markers in a document's PrivateNote; a void puts its own word before what was there."""
    for line in str(object_.get("PrivateNote") or "").splitlines():
        if (at := line.find(MARK)) >= 0:
            yield line[at:].strip()
