"""Carrying out a plan: intent first, then the request, then the entry.

One customer's documents are never in two requests at once; what waits for something that
did not go out is held, and everything else goes on.  The first document of a wave goes
alone, so that a setting that spoils it does not spoil the others.  Requests run in worker
threads; the ledger is only ever touched by the thread that calls `execute`, and what has
left is entered before the run ends, whatever ends it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import groupby

from qbosync.converted import ADOPTED
from qbosync.errors import QbosyncError
from qbosync.key import Action, Entity, Key
from qbosync.landing import Landing
from qbosync.lookup import references
from qbosync.mapping.context import Found
from qbosync.notice import gone_of
from qbosync.operation import Body, Entry, Intent, Operation, digest
from qbosync.outcome import Outcome, Progress, Written
from qbosync.plan import Plan
from qbosync.prepare import Preparation
from qbosync.qbo.client import Answer, Call
from qbosync.search import read
from qbosync.shop import Shop
from qbosync.wire import agreed
from qbosync.writing import Writing

BATCH = 30
"""Items of a batch (documented)."""
FEW = 5
"""So many operations of a wave go one by one: each under its own request id."""


class Executor:
    """Sends the operations of one plan and enters what QuickBooks answers."""

    def __init__(
        self,
        shop: Shop,
        outcome: Outcome,
        should_stop: Callable[[], bool],
        progress: Progress,
    ) -> None:
        self.work = Writing(shop, outcome, progress)
        self.should_stop = should_stop
        self.preparation = Preparation(self.work)
        self.landing = Landing(self.work)

    def execute(self, plan: Plan, found: Found, entries: Iterable[Entry]) -> None:
        """Send everything, wave by wave.

        Raises:
            QbosyncError: When the run has to end early; what was sent is recorded.
        """
        work = self.work
        known = list(entries)
        work.ids = {entry.key: entry.qbo_id for entry in known if entry.is_live}
        work.gone = gone_of(known)
        unknown = {
            ref
            for op in plan.operations
            for ref in op.draft.refs
            if ref.entity.wave < 0 and ref not in work.ids
        }
        for key, qbo_id in references(found, unknown).items():
            work.ledger.reference(key, qbo_id, work.outcome.run_id, work.clock.now())
            work.ids[key] = qbo_id
        work.changing = {op.key for op in plan.operations if op.action is Action.UPDATE}
        work.awaited = {key for op in plan.operations for key in op.after}
        work.total = len(plan.operations)
        for _, wave in groupby(plan.operations, key=lambda op: op.wave):
            self._wave(list(wave))
            if work.stop is not None:
                raise work.stop
            if self.should_stop():
                return

    def _wave(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if operation.action is Action.ADOPT:
                self._adopt(operation)
        sending = [op for op in operations if op.action is not Action.ADOPT]
        current = self._current(sending)
        self.work.seen = self.work.ledger.seen([op.key for op in sending if op.entry is not None])
        ready = [
            pair for op in sending if (pair := self.preparation.intent_of(op, current)) is not None
        ]
        stale = self._send(ready)
        if stale and self.work.stop is None:
            # Somebody else's change came in between: look at the objects as they are now.
            fresh = self._current(stale)
            again = [
                pair for op in stale if (pair := self.preparation.intent_of(op, fresh)) is not None
            ]
            for operation in self._send(again):
                self.work.hold(operation.key, "changing", f"{operation.key} keeps changing in"
                           " QuickBooks.", "The next run tries again.")  # fmt: skip

    def _adopt(self, operation: Operation) -> None:
        assert operation.found is not None  # noqa: S101  an adoption has found something
        now = self.work.clock.now()
        facts = agreed(operation.draft, operation.found, self.work.ids)
        if operation.reason == ADOPTED:
            # Made by QuickBooks with a number and a date of its own, which stay as they are.
            facts = dict(operation.draft.facts)
        entry = self.work.ledger.adopt(
            operation, operation.found, facts, self.work.outcome.run_id, now
        )
        self.work.ids[entry.key] = entry.qbo_id
        self.work.outcome.adopted.append(Written(operation, entry))
        self.work.count(1)

    def _current(self, operations: Iterable[Operation]) -> dict[tuple[Entity, str], Body]:
        """The objects that are to be changed, as QuickBooks has them now."""
        ids: dict[Entity, list[str]] = defaultdict(list)
        for op in operations:
            if op.entry is not None:
                ids[op.key.entity].append(op.entry.qbo_id)
        return {
            (entity, qbo_id): body
            for entity, wanted in ids.items()
            for qbo_id, body in read(self.work.company, entity, wanted).items()
        }

    # Sending ---------------------------------------------------------------------------

    def _send(self, ready: Sequence[tuple[Operation, Intent]]) -> list[Operation]:
        """Send everything; the operations whose object had changed meanwhile are given back."""
        lanes: dict[str, deque[tuple[Operation, Intent]]] = defaultdict(deque)
        for pair in ready:
            lanes[self._lane(pair[0])].append(pair)
        size = 1 if len(ready) <= FEW else BATCH
        is_proven = all(op.key.entity.is_named for op, _ in ready)
        free = deque(lanes)
        stale: list[Operation] = []
        flying: dict[Future[list[Answer]], list[tuple[Operation, Intent]]] = {}
        with ThreadPoolExecutor(max_workers=self.work.shop.in_flight) as pool:
            while free or flying:
                most = self.work.shop.in_flight if is_proven else 1
                while free and len(flying) < most and not self._is_over():
                    group = _next_group(free, lanes, size if is_proven else 1)
                    if sent := self._intend(group):
                        flying[pool.submit(self._request, *sent)] = group
                if not flying:
                    break
                landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in landed:
                    group = flying.pop(future)
                    stale += self.landing.land(group, future.result())
                    for lane in dict.fromkeys(self._lane(op) for op, _ in group):
                        if lanes[lane]:
                            free.append(lane)
                is_proven = True
        return stale

    def _lane(self, operation: Operation) -> str:
        """Whose documents never go side by side: two of the shop's may be one in QuickBooks."""
        customer = operation.draft.customer
        if not customer:
            return str(operation.key)
        return self.work.ids.get(Key(Entity.CUSTOMER, "customer", customer), operation.key.source)

    def _is_over(self) -> bool:
        return self.work.stop is not None or self.should_stop()

    def _intend(self, group: list[tuple[Operation, Intent]]) -> tuple[list[Intent], str] | None:
        """Enter a group in the ledger, under a batch id that is never used again.

        Where the ledger does not take it, nothing is sent: what is in flight still lands.
        """
        now = self.work.clock.now()
        batch_id = ""
        if len(group) > 1:
            ids = [intent.request_id for _, intent in group]
            parts = [self.work.ledger.fact("uuid"), self.work.outcome.run_id, now, ids]
            batch_id = "b" + digest([str(part) for part in parts])[:35]
        stamped = [
            (op, replace(intent, first_sent=now, last_sent=now, batch_id=batch_id))
            for op, intent in group
        ]
        try:
            intents = self.work.ledger.intend(stamped)
        except QbosyncError as error:
            self.work.stop = self.work.stop or error
            return None
        group[:] = [(op, intent) for (op, _), intent in zip(group, intents, strict=True)]
        return intents, batch_id

    def _request(self, intents: list[Intent], batch_id: str) -> list[Answer]:
        calls = [
            Call(intent.action.value, intent.key.entity.value, intent.body, intent.request_id)
            for intent in intents
        ]
        if batch_id:
            return self.work.company.write_batch(calls, batch_id)
        return [self.work.company.write(calls[0])]


def _next_group(
    free: deque[str], lanes: dict[str, deque[tuple[Operation, Intent]]], size: int
) -> list[tuple[Operation, Intent]]:
    """Up to `size` operations of customers that nothing is in flight for."""
    group: list[tuple[Operation, Intent]] = []
    while free and len(group) < size:
        lane = lanes[free.popleft()]
        while lane and len(group) < size:
            group.append(lane.popleft())
    return group
