"""What has to happen in QuickBooks, as a value.

A plan made twice from the same source, ledger and QuickBooks has the same `id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from qbosync.key import Action, Key
from qbosync.model import Problem, Snapshot
from qbosync.operation import Operation, digest


@dataclass(frozen=True)
class Plan:
    """Operations in the order in which they are sent, and where every other record stands.

    `wanted` are the objects whose presence in QuickBooks decides between creating and
    adopting: a plan that still wants any is not ready to be carried out.  `skipped` says by
    record why it is out of scope, `kept` why QuickBooks' document stays as it is.
    """

    operations: tuple[Operation, ...] = ()
    held: tuple[Problem, ...] = ()
    unchanged: int = 0
    out_of_scope: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    reported: tuple[str, ...] = ()
    wanted: frozenset[Key] = frozenset()
    id: str = ""
    accepted: Mapping[Key, str] = field(default_factory=dict)

    @property
    def writes(self) -> tuple[Operation, ...]:
        """The operations that send something."""
        return tuple(op for op in self.operations if op.action is not Action.ADOPT)


def fingerprint(
    snapshot: Snapshot,
    operations: Iterable[Operation],
    held: Iterable[Problem],
    stamp: str,
) -> str:
    """Twelve characters that change when the source, the ledger or QuickBooks did."""

    def rows() -> Iterator[list[str]]:
        for op in operations:
            yield [op.action, str(op.key), op.draft.digest]

    parts = [snapshot.digest, stamp, list(rows()), sorted(p.source for p in held)]
    return digest(parts)[:12]
