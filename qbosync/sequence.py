"""In which order operations go out, so that no money is ever on a document too small for it.

    money comes off        before    its invoice shrinks or is voided
    a void                 before    what takes its place, and the estimate it gives back
    an invoice is made     before    money goes on it

A payment that does both, giving back to an invoice that shrinks and taking on another, is
sent twice: it gives back first, and takes when the rest has arrived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from qbosync.key import Action, Entity, Key
from qbosync.operation import Draft, Operation


def in_turn(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Wave by wave, each with what must have arrived before it."""
    planned = list(operations)
    shrinking = {op.key.source for op in planned if shrinks(op)}
    parts = [part for op in planned for part in _parts(op, shrinking)]
    givers: dict[str, set[Key]] = defaultdict(set)
    voids = {op.key for op in parts if op.action is Action.VOID}
    for op in parts:
        if op.is_give_back:
            for source in gives_to(op):
                givers[source].add(op.key)
    ready = [replace(op, after=op.after | _before(op, givers, voids)) for op in parts]
    yield from _by_wave(ready)


def shrinks(operation: Operation) -> bool:
    """Whether an invoice or credit memo becomes less than it was."""
    entry, amount = operation.entry, operation.draft.amount
    if operation.key.entity not in (Entity.INVOICE, Entity.CREDIT_MEMO) or entry is None:
        return False
    if operation.action is Action.VOID:
        return True
    return entry.amount is not None and amount is not None and amount < entry.amount


def gives_to(operation: Operation) -> Iterator[str]:
    """The records that a payment or spent credit gives money back to."""
    yield from operation.gives
    if operation.key.kind == "credit_application" and operation.gives:
        yield f"credit_memo:{operation.key.id.partition('/')[0]}"


def _parts(op: Operation, shrinking: set[str]) -> Iterator[Operation]:
    if op.key.entity is not Entity.PAYMENT or op.entry is None:
        yield op
    elif not op.takes:
        yield replace(op, is_give_back=bool(op.gives) or op.action is Action.VOID)
    elif shrinking & set(gives_to(op)):
        less = _without_takes(op)
        lines = {"Line": (op.entry.facts.get("Line"), less.facts["Line"])}
        words = "gives back what no longer fits"
        yield replace(op, draft=less, reason=words, changes=lines, is_give_back=True)
        yield replace(op, after=op.after | {op.key})
    else:
        yield op


def _without_takes(op: Operation) -> Draft:
    """The payment with no line greater than it is now."""
    before = op.entry.gives if op.entry else {}
    kept, facts = [], []
    for row, (target, wanted) in zip(op.draft.body["Line"], op.draft.facts["Line"], strict=False):
        amount = min(row["Amount"], before.get(target, row["Amount"] * 0))
        if amount:
            kept.append({**row, "Amount": amount})
            facts.append([target, str(amount) if amount != row["Amount"] else wanted])
    body = {**op.draft.body, "Line": kept}
    return replace(op.draft, body=body, facts={**op.draft.facts, "Line": facts})


def _before(op: Operation, givers: Mapping[str, set[Key]], voids: set[Key]) -> frozenset[Key]:
    if shrinks(op):
        return frozenset(givers.get(op.key.source, ()))
    if op.action is Action.CREATE:
        return frozenset({op.key} & voids) | op.draft.after
    if op.key.entity is Entity.ESTIMATE:
        # Voiding an invoice sets its estimate's status anew (recorded).
        return frozenset(void for void in voids if void.source == op.key.source)
    return frozenset()


def _by_wave(operations: Iterable[Operation]) -> Iterator[Operation]:
    """By wave; a payment that gives some back goes before those that take what it gives."""
    ordered = sorted(operations, key=lambda op: op.wave)
    late = [op for op in ordered if op.wave == Entity.PAYMENT.wave]
    givers = [op for op in late if op.gives]
    yield from (op for op in ordered if op.wave < Entity.PAYMENT.wave)
    while givers:
        # Where all wait for each other, the first goes, and what it finds taken is tried again.
        free = [op for op in givers if not _waits(op, givers)] or givers[:1]
        yield from free
        givers = [op for op in givers if op not in free]
    yield from (op for op in late if not op.gives)


def _waits(operation: Operation, others: Sequence[Operation]) -> bool:
    takes = operation.takes
    return any(takes & other.gives for other in others if other is not operation)
