"""Carrying out a plan: intent first, then the request, then the entry.

One customer's documents are never in two requests at once; what waits for something that
did not go out is held, and everything else goes on.  Requests run in worker threads;
the ledger is only ever touched by the thread that calls `execute`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import groupby

from qbosync.errors import QbosyncError, SetupError, TemporaryError
from qbosync.lookup import references
from qbosync.mapping.context import Found
from qbosync.model import Problem
from qbosync.operation import (
    Action,
    Body,
    Entity,
    Entry,
    Intent,
    Key,
    Operation,
    Posted,
    digest,
    request_id,
)
from qbosync.outcome import Outcome, Progress, Written, by_hand
from qbosync.plan import Plan
from qbosync.proof import prove
from qbosync.qbo.client import Answer, Call
from qbosync.qbo.faults import Fault, advice, remedy
from qbosync.recognise import Verdict, recognise
from qbosync.settle import Decision, Step, waiting
from qbosync.shop import Shop
from qbosync.wire import (
    applied,
    create_body,
    is_deposited,
    says_what_was_sent,
    update_body,
    void_body,
)

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
        self.shop = shop
        self.company = shop.company
        self.ledger = shop.ledger
        self.clock = shop.clock
        self.outcome = outcome
        self.should_stop = should_stop
        self.progress = progress
        self.ids: dict[Key, str] = {}
        self.stop: QbosyncError | None = None
        self.done = 0

    def execute(self, plan: Plan, found: Found, entries: Iterable[Entry]) -> None:
        """Send everything, wave by wave.

        Raises:
            QbosyncError: When the run has to end early; what was sent is recorded.
        """
        self.ids = {entry.key: entry.qbo_id for entry in entries if entry.is_live}
        unknown = {
            ref
            for op in plan.operations
            for ref in op.draft.refs
            if ref.entity.wave < 0 and ref not in self.ids
        }
        for key, qbo_id in references(found, unknown).items():
            self.ledger.reference(key, qbo_id, self.outcome.run_id, self.clock.now())
            self.ids[key] = qbo_id
        self.total = len(plan.operations)
        for _, wave in groupby(plan.operations, key=lambda op: op.key.entity.wave):
            self._wave(list(wave))
            if self.stop is not None:
                raise self.stop
            if self.should_stop():
                return

    def _wave(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if operation.action is Action.ADOPT:
                self._adopt(operation)
        sending = [op for op in operations if op.action is not Action.ADOPT]
        current = self._current(sending)
        ready = [pair for op in sending if (pair := self._ready(op, current)) is not None]
        stale = self._send(ready)
        if stale and self.stop is None:
            # Somebody else's change came in between: look at the objects as they are now.
            fresh = self._current(stale)
            again = [pair for op in stale if (pair := self._ready(op, fresh)) is not None]
            for operation in self._send(again):
                self._hold(operation.key, "changing", f"{operation.key} keeps changing in"
                           " QuickBooks.", "The next run tries again.")  # fmt: skip

    def _adopt(self, operation: Operation) -> None:
        assert operation.found is not None  # noqa: S101  an adoption has found something
        now = self.clock.now()
        entry = self.ledger.adopt(self._as_found(operation), operation.found,
                                  self.outcome.run_id, now)  # fmt: skip
        self.ids[entry.key] = entry.qbo_id
        self.outcome.adopted.append(Written(operation, entry))
        self._count(1)

    def _as_found(self, operation: Operation) -> Operation:
        """A payment that is applied otherwise than wanted is adopted as such: an update follows."""
        draft, there = operation.draft, operation.found or {}
        if draft.key.entity is not Entity.PAYMENT:
            return operation
        try:
            wanted = create_body(draft, self.ids.__getitem__)["Line"]
        except KeyError:
            wanted = None
        if wanted is not None and applied(wanted) == applied(there.get("Line", [])):
            return operation
        return replace(operation, draft=replace(draft, facts={**draft.facts, "Line": [["", "0"]]}))

    def _current(self, operations: Iterable[Operation]) -> dict[tuple[Entity, str], Body]:
        """The objects that are to be changed, as QuickBooks has them now."""
        ids: dict[Entity, list[str]] = defaultdict(list)
        for op in operations:
            if op.entry is not None:
                ids[op.key.entity].append(op.entry.qbo_id)
        return {
            (entity, qbo_id): body
            for entity, wanted in ids.items()
            for qbo_id, body in self.company.read(entity, wanted).items()
        }

    def _ready(
        self, operation: Operation, current: dict[tuple[Entity, str], Body]
    ) -> tuple[Operation, Intent] | None:
        """The intent of an operation, or `None` if there is nothing to send now."""
        key, entry = operation.key, operation.entry
        try:
            if entry is None:
                body: Body | None = create_body(operation.draft, self.ids.__getitem__)
            else:
                body = self._change(operation, entry, current.get((key.entity, entry.qbo_id)))
        except KeyError as missing:
            ref = missing.args[0]
            problem = self.outcome.held.get(ref.source)
            why = f" {problem.what}" if problem else ""
            name = ref.source.replace("_", " ").replace(":", " ", 1)
            self._hold(key, "waits", f"{key} waits for {name}.{why}",
                       "It goes out by itself then.")  # fmt: skip
            return None
        if body is None:
            return None
        epoch = entry.epoch if entry else 0
        company = (self.shop.environment, self.shop.realm_id)
        number = request_id(*company, key, operation.action, epoch, body)
        now = self.clock.now()
        intent = Intent(
            0, key, operation.action, body, number, operation.draft, epoch,
            self.outcome.run_id, now, now,
        )  # fmt: skip
        return operation, intent

    def _change(self, operation: Operation, entry: Entry, there: Body | None) -> Body | None:
        """The body of an update or void of what QuickBooks holds, if there is one to send."""
        key = operation.key
        if there is None:
            self._hold(
                key,
                "deleted",
                f"{key} (Id {entry.qbo_id}) was deleted in QuickBooks.",
                "It is not written again by itself; enter it by hand if it should count.",
            )
            return None
        if operation.action is Action.VOID:
            return void_body(there)
        fill_only = self.shop.policy.customer_updates == "fill"
        body = update_body(operation, there, self.ids.__getitem__, fill_only=fill_only)
        if says_what_was_sent(body, there, operation.action, key.entity):
            # A person did it by hand, as the list of what to apply asks them to.
            now = self.clock.now()
            same = self.ledger.confirm(operation, there, self.outcome.run_id, now)
            done = replace(operation, reason="already so in QuickBooks")
            self.outcome.adopted.append(Written(done, same))
            return None
        if key.entity is Entity.PAYMENT and is_deposited(there):
            problem = by_hand(operation, there, self.outcome.names)
            self.outcome.by_hand[problem.source] = problem
            return None
        return body

    # Sending ---------------------------------------------------------------------------

    def _send(self, ready: Sequence[tuple[Operation, Intent]]) -> list[Operation]:
        """Send everything; the operations whose object had changed meanwhile are given back."""
        lanes: dict[str, deque[tuple[Operation, Intent]]] = defaultdict(deque)
        for pair in ready:
            lanes[pair[0].draft.customer or str(pair[0].key)].append(pair)
        size = 1 if len(ready) <= FEW else BATCH
        free = deque(lanes)
        stale: list[Operation] = []
        flying: dict[Future[list[Answer]], list[tuple[Operation, Intent]]] = {}
        with ThreadPoolExecutor(max_workers=self.shop.in_flight) as pool:
            while free or flying:
                while free and len(flying) < self.shop.in_flight and not self._is_over():
                    group = _next_group(free, lanes, size)
                    flying[pool.submit(self._request, *self._intend(group))] = group
                if not flying:
                    break
                landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in landed:
                    group = flying.pop(future)
                    stale += self._land(group, future.result())
                    for lane in dict.fromkeys(op.draft.customer or str(op.key) for op, _ in group):
                        if lanes[lane]:
                            free.append(lane)
        return stale

    def _is_over(self) -> bool:
        return self.stop is not None or self.should_stop()

    def _intend(self, group: list[tuple[Operation, Intent]]) -> tuple[list[Intent], str]:
        """Enter a group in the ledger, under a batch id that is never used again."""
        now = self.clock.now()
        batch_id = ""
        if len(group) > 1:
            parts = [self.ledger.fact("uuid"), now, [i.request_id for _, i in group]]
            batch_id = "b" + digest([str(part) for part in parts])[:35]
        stamped = [
            (op, replace(intent, first_sent=now, last_sent=now, batch_id=batch_id))
            for op, intent in group
        ]
        intents = self.ledger.intend(stamped)
        group[:] = [(op, intent) for (op, _), intent in zip(group, intents, strict=True)]
        return intents, batch_id

    def _request(self, intents: list[Intent], batch_id: str) -> list[Answer]:
        calls = [
            Call(intent.action.value, intent.key.entity.value, intent.body, intent.request_id)
            for intent in intents
        ]
        if batch_id:
            return self.company.write_batch(calls, batch_id)
        return [self.company.write(calls[0])]

    # Landing ---------------------------------------------------------------------------

    def _land(
        self, group: list[tuple[Operation, Intent]], answers: list[Answer]
    ) -> list[Operation]:
        """Enter the answers to one request."""
        stale = []
        posted = []
        for (operation, intent), answer in zip(group, answers, strict=True):
            if answer.outcome == "posted" and answer.object is not None:
                posted.append((operation, intent, Posted(answer.object, answer.trace_id)))
            elif answer.outcome == "refused" and answer.fault is not None:
                if self._refused(operation, intent, answer.fault):
                    stale.append(operation)
            elif answer.outcome == "not_sent":
                self.ledger.drop([intent], self.clock.now(), answer.reason)
                self.stop = self.stop or TemporaryError(
                    f"QuickBooks cannot be reached: {answer.reason}.",
                    "Nothing to do: the next run tries again.",
                )
            else:
                wait_ = Decision(Step.WAIT, until=intent.last_sent + self.shop.resend_after)
                problem = waiting(intent, wait_, self.shop.local(wait_.until or intent.last_sent))
                self.outcome.held.setdefault(problem.source, problem)
        self._record(posted)
        return stale

    def _record(self, posted: list[tuple[Operation, Intent, Posted]]) -> None:
        if not posted:
            return
        pairs = [(intent, answer) for _, intent, answer in posted]
        entries = self.ledger.record(pairs, self.clock.now())
        for (operation, intent, answer), entry in zip(posted, entries, strict=True):
            if entry.is_live:
                self.ids[entry.key] = entry.qbo_id
            self.outcome.written.append(Written(operation, entry))
            if intent.action is not Action.VOID:
                self.stop = self.stop or prove(intent, answer, self.outcome)
        self._count(len(posted))

    def _refused(self, operation: Operation, intent: Intent, fault: Fault) -> bool:
        """Hold what QuickBooks refused; True if it only has to be looked at afresh."""
        cure = remedy(fault)
        if cure == "stale" and operation.entry is not None:
            self.ledger.drop([intent], self.clock.now(), str(fault))
            return True
        if cure == "number_taken" and self._is_ours_after_all(operation, intent, fault):
            return False
        words = advice(fault)
        if cure == "setup":
            self.ledger.drop([intent], self.clock.now(), str(fault))
            self.stop = self.stop or SetupError(words.what, words.todo)
            return False
        problem = Problem(
            operation.key.source,
            cure,
            f"{operation.key}: {words.what}",
            words.todo,
            operation.draft.amount,
        )
        self.ledger.refuse(intent, problem, self.clock.now(), fault.trace_id)
        self.outcome.held[problem.source] = problem
        self._count(1)
        return False

    def _is_ours_after_all(self, operation: Operation, intent: Intent, fault: Fault) -> bool:
        """A number clash names the document (6140): it may be our own of an earlier attempt."""
        named = fault.txn_id
        if not named:
            return False
        body = self.company.read(operation.key.entity, [named]).get(named)
        judged = recognise(operation.draft, [body] if body else [], self.shop.policy.instance)
        if judged.verdict is not Verdict.OURS or judged.object is None:
            return False
        [entry] = self.ledger.record(
            [(intent, Posted(judged.object, fault.trace_id))], self.clock.now(), "adopted"
        )
        self.ids[entry.key] = entry.qbo_id
        self.outcome.adopted.append(Written(operation, entry))
        return True

    def _hold(self, key: Key, reason: str, what: str, todo: str) -> None:
        self.outcome.held.setdefault(key.source, Problem(key.source, reason, what, todo))

    def _count(self, n: int) -> None:
        self.done += n
        self.progress("Writing to QuickBooks", self.done, self.total)


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
