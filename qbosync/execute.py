"""Carrying out a plan: intent first, then the request, then the entry.

One customer's documents are never in two requests at once; what waits for something that
did not go out is held, and everything else goes on.  The first document of a wave goes
alone, so that a setting that spoils it does not spoil the others.  Requests run in worker
threads; the ledger is only ever touched by the thread that calls `execute`, and what has
left is entered before the run ends, whatever ends it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import groupby
from typing import Any

from qbosync.converted import ADOPTED
from qbosync.drift import classify, overwrites, owned, says_already
from qbosync.edit import Says
from qbosync.errors import QbosyncError, SetupError, TemporaryError
from qbosync.lookup import customer_of, read, references
from qbosync.mapping.context import Candidate, Found
from qbosync.mapping.credit_memo import is_emptied
from qbosync.mapping.posted import amount, is_deposited, is_voided
from qbosync.model import Problem
from qbosync.notice import gone_of
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
    void_draft,
)
from qbosync.outcome import Outcome, Progress, Written, by_hand
from qbosync.person import in_the_way
from qbosync.plan import Plan
from qbosync.proof import prove
from qbosync.qbo.catalogue import CLOSED
from qbosync.qbo.client import Answer, Call
from qbosync.qbo.faults import Fault, advice, error_for, remedy
from qbosync.recognise import Verdict, recognise
from qbosync.settle import Decision, Step, waiting
from qbosync.shop import Shop
from qbosync.wire import (
    agreed,
    create_body,
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
        self.changing: set[Key] = set()
        self.awaited: set[Key] = set()
        self.seen: dict[Key, dict[str, Any]] = {}
        self.gone: set[tuple[str, str]] = set()
        self.words = shop.ledger.words()
        self.refused = shop.ledger.refused_ids()
        self.stop: QbosyncError | None = None
        self.done = 0

    def execute(self, plan: Plan, found: Found, entries: Iterable[Entry]) -> None:
        """Send everything, wave by wave.

        Raises:
            QbosyncError: When the run has to end early; what was sent is recorded.
        """
        known = list(entries)
        self.ids = {entry.key: entry.qbo_id for entry in known if entry.is_live}
        self.gone = gone_of(known)
        unknown = {
            ref
            for op in plan.operations
            for ref in op.draft.refs
            if ref.entity.wave < 0 and ref not in self.ids
        }
        for key, qbo_id in references(found, unknown).items():
            self.ledger.reference(key, qbo_id, self.outcome.run_id, self.clock.now())
            self.ids[key] = qbo_id
        self.changing = {op.key for op in plan.operations if op.action is Action.UPDATE}
        self.awaited = {key for op in plan.operations for key in op.after}
        self.total = len(plan.operations)
        for _, wave in groupby(plan.operations, key=lambda op: op.wave):
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
        self.seen = self.ledger.seen([op.key for op in sending if op.entry is not None])
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
        facts = agreed(operation.draft, operation.found, self.ids.get)
        if operation.reason == ADOPTED:
            # Made by QuickBooks with a number and a date of its own, which stay as they are.
            facts = dict(operation.draft.facts)
        entry = self.ledger.adopt(operation, operation.found, facts, self.outcome.run_id, now)
        self.ids[entry.key] = entry.qbo_id
        self.outcome.adopted.append(Written(operation, entry))
        self._count(1)

    def _current(self, operations: Iterable[Operation]) -> dict[tuple[Entity, str], Body]:
        """The objects that are to be changed, as QuickBooks has them now."""
        ids: dict[Entity, list[str]] = defaultdict(list)
        for op in operations:
            if op.entry is not None:
                ids[op.key.entity].append(op.entry.qbo_id)
        return {
            (entity, qbo_id): body
            for entity, wanted in ids.items()
            for qbo_id, body in read(self.company, entity, wanted).items()
        }

    def _ready(
        self, operation: Operation, current: dict[tuple[Entity, str], Body]
    ) -> tuple[Operation, Intent] | None:
        """The intent of an operation, or `None` if there is nothing to send now."""
        key, entry = operation.key, operation.entry
        try:
            if late := (operation.after & self.awaited) | self._too_early(operation):
                raise KeyError(min(late))
            if entry is None:
                body: Body | None = create_body(operation.draft, self.ids.__getitem__)
            else:
                body = self._change(operation, entry, current.get((key.entity, entry.qbo_id)))
        except KeyError as missing:
            self._wait_for(operation, missing.args[0])
            return None
        if body is None:
            return None
        epoch = entry.epoch if entry else operation.draft.epoch
        company = (self.shop.environment, self.shop.realm_id)
        number = request_id(*company, key, operation.action, epoch, body)
        if refusals := self.refused[number]:
            # QuickBooks may replay a refusal whose cause was mended (unknown); it refused,
            # so a new id cannot write twice.
            again = body | {"refused": refusals}
            number = request_id(*company, key, operation.action, epoch, again)
        now = self.clock.now()
        intent = Intent(
            0, key, operation.action, body, number, operation.draft, epoch,
            self.outcome.run_id, now, now,
        )  # fmt: skip
        return operation, intent

    def _too_early(self, operation: Operation) -> frozenset[Key]:
        """Invoices that did not become what they were to be: they may not take so much."""
        if operation.key.entity is not Entity.PAYMENT or not self.changing:
            return frozenset()
        body, facts = operation.draft.body, operation.draft.facts
        rows = zip(body.get("Line", ()), facts.get("Line", ()), strict=False)
        taking = {row["LinkedTxn"][0]["TxnId"] for row, fact in rows if fact[0] in operation.takes}
        return frozenset(taking & self.changing)

    def _wait_for(self, operation: Operation, ref: Key) -> None:
        """Hold what cannot go before `ref`; where only time can settle that, time settles this."""
        key = operation.key
        if ref == key:
            return  # why its first step did not go out is said already
        told = self.outcome.held.get(ref.source) or self.outcome.by_hand.get(ref.source)
        problem = told
        why = f" {problem.what}" if problem else ""
        name = ref.source.replace("_", " ").replace(":", " ", 1)
        is_open = problem is not None and problem.reason == "unknown_outcome"
        held = Problem(
            key.source,
            "unknown_outcome" if is_open else "waits",
            f"{key} waits for {name}.{why}",
            "It goes out by itself then.",
            operation.draft.amount,
            problem.until if problem else None,
        )
        self.outcome.held.setdefault(key.source, held)

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
        if why := _untouchable(operation, there):
            self._hold(key, *why)
            return None
        if operation.action in (Action.VOID, Action.DELETE):
            body = void_body(there, key.entity)
        else:
            fill_only = self.shop.policy.customer_updates == "fill"
            body = update_body(operation, there, self.ids.__getitem__, fill_only=fill_only)
        is_there = says_what_was_sent(body, there, operation.action, key.entity)
        if is_there or self._is_entered_there(operation, there):
            # A person did it by hand, as the list of what to apply asks them to.
            now = self.clock.now()
            same = self.ledger.confirm(operation, there, self.outcome.run_id, now)
            self._arrived(same)
            done = replace(operation, reason="already so in QuickBooks")
            self.outcome.adopted.append(Written(done, same))
            return None
        if key.entity is Entity.PAYMENT and self._is_fixed(operation, there):
            return None
        return None if self._is_overruled(operation, entry, body, there) else body

    def _is_in_closed_books(self, there: Body) -> bool:
        until, dated = self.shop.policy.closed_until, str(there.get("TxnDate", ""))
        return until is not None and bool(dated) and dated <= until.isoformat()

    def _is_entered_there(self, operation: Operation, there: Body) -> bool:
        """Whether a person made a document in closed books say what it shall, but for trifles."""
        draft = operation.draft
        if draft.is_void or draft.key.entity.is_named or not self._is_in_closed_books(there):
            return False
        return says_already(draft, digest(owned(draft.key.entity, there)), self.ids.get)

    def _is_fixed(self, operation: Operation, payment: Body) -> bool:
        """Whether the API may not touch a payment: then a person applies it, or corrects it."""
        if is_deposited(payment):
            why = "it was deposited"
        elif self._is_in_closed_books(payment):
            why = f"the books are closed until {self.shop.policy.closed_until}"
        else:
            return False
        if operation.action is Action.UPDATE and set(operation.changes) <= {"Line"}:
            problem = by_hand(operation, payment, self.outcome.names, why)
            self.outcome.by_hand[problem.source] = problem
        else:
            self._hold(
                operation.key,
                "fixed_payment",
                f"Payment {operation.key.id} ({operation.reason}): {why}, so it can no longer be"
                " changed from here.",
                f"Change payment {payment['Id']} in QuickBooks, or the shop system. It clears"
                " itself.",
            )
        return True

    def _is_overruled(self, operation: Operation, entry: Entry, body: Body, there: Body) -> bool:
        """Hold what would overwrite a person's change that nobody has decided about yet."""
        key, now = operation.key, self.clock.now()
        edit = classify(entry, self.seen.get(key), there, self.ids.get, self.gone, now)
        if edit is None or not overwrites(operation, edit, body, there):
            return False
        said = self.words.get(key)
        if said is not None and said.verdict is Says.OURS and said.theirs == edit.theirs:
            return False
        self.ledger.watch([edit], [], {})
        problem = in_the_way(operation.draft, entry, edit)
        self.outcome.held.setdefault(problem.source, problem)
        return True

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
        with ThreadPoolExecutor(max_workers=self.shop.in_flight) as pool:
            while free or flying:
                most = self.shop.in_flight if is_proven else 1
                while free and len(flying) < most and not self._is_over():
                    group = _next_group(free, lanes, size if is_proven else 1)
                    if sent := self._intend(group):
                        flying[pool.submit(self._request, *sent)] = group
                if not flying:
                    break
                landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in landed:
                    group = flying.pop(future)
                    stale += self._land(group, future.result())
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
        return self.ids.get(Key(Entity.CUSTOMER, "customer", customer), operation.key.source)

    def _is_over(self) -> bool:
        return self.stop is not None or self.should_stop()

    def _intend(self, group: list[tuple[Operation, Intent]]) -> tuple[list[Intent], str] | None:
        """Enter a group in the ledger, under a batch id that is never used again.

        Where the ledger does not take it, nothing is sent: what is in flight still lands.
        """
        now = self.clock.now()
        batch_id = ""
        if len(group) > 1:
            ids = [intent.request_id for _, intent in group]
            parts = [self.ledger.fact("uuid"), self.outcome.run_id, now, ids]
            batch_id = "b" + digest([str(part) for part in parts])[:35]
        stamped = [
            (op, replace(intent, first_sent=now, last_sent=now, batch_id=batch_id))
            for op, intent in group
        ]
        try:
            intents = self.ledger.intend(stamped)
        except QbosyncError as error:
            self.stop = self.stop or error
            return None
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
        """Enter the answers to one request: first what was written, which must not be lost."""
        stale = []
        posted = []
        rest = []
        for (operation, intent), answer in zip(group, answers, strict=True):
            if answer.outcome == "posted" and answer.object is not None:
                posted.append((operation, intent, Posted(answer.object, answer.trace_id)))
            else:
                rest.append((operation, intent, answer))
        try:
            self._record(posted)
            for operation, intent, answer in rest:
                if answer.outcome == "refused" and answer.fault is not None:
                    if once_more := self._refused(operation, intent, answer.fault):
                        stale.append(once_more)
                elif answer.outcome == "not_sent":
                    self._not_sent(intent, answer)
                else:
                    self._unknown(intent)
        except QbosyncError as error:
            self.stop = self.stop or error
        return stale

    def _record(self, posted: list[tuple[Operation, Intent, Posted]]) -> None:
        """Enter what QuickBooks answered, unless it speaks of something else than was sent."""
        ours = []
        for operation, intent, answer in posted:
            proof = prove(intent, answer, self.outcome)
            if proof.is_ours:
                ours.append((operation, intent, answer))
            else:
                self._unknown(intent)
            if proof.stop and self.stop:
                self.outcome.reported.append(proof.stop.what)
            self.stop = self.stop or proof.stop
        entries = self.ledger.record([(i, a) for _, i, a in ours], self.clock.now()) if ours else []
        for (operation, _, _), entry in zip(ours, entries, strict=True):
            self._arrived(entry)
            self.outcome.written.append(Written(operation, entry))
        self._count(len(ours))

    def _arrived(self, entry: Entry) -> None:
        """What waits for this document may go out."""
        if entry.is_live:
            self.ids[entry.key] = entry.qbo_id
        else:
            self.ids.pop(entry.key, None)
            self.gone.add((entry.key.entity.value, entry.qbo_id))
        self.changing.discard(entry.key)
        self.awaited.discard(entry.key)

    def _unknown(self, intent: Intent) -> None:
        """The intent stays open; that it waits is said whatever else is said of its record."""
        until = intent.last_sent + self.shop.resend_after
        problem = waiting(intent, Decision(Step.WAIT, until=until), self.shop.local(until))
        self.outcome.held[problem.source] = problem

    def _not_sent(self, intent: Intent, answer: Answer) -> None:
        self.ledger.drop([intent], self.clock.now(), answer.reason)
        if self.stop is None and answer.fault is not None:
            self.stop = error_for(answer.fault)
        self.stop = self.stop or TemporaryError(
            f"QuickBooks cannot be reached: {answer.reason}.",
            "Nothing to do: the next run tries again.",
        )

    def _refused(self, operation: Operation, intent: Intent, fault: Fault) -> Operation | None:
        """Hold what QuickBooks refused, or say what is tried on a fresh look instead."""
        cure = remedy(fault)
        if cure == "stale" and operation.entry is not None:
            self.ledger.drop([intent], self.clock.now(), str(fault))
            return operation
        if cure == "number_taken" and self._is_ours_after_all(operation, intent, fault):
            return None
        if cure == "name_taken" and self._is_there_after_all(operation, intent, fault):
            return None
        if cure == "refused" and fault.code not in CLOSED and (other := _deletion(operation)):
            self.ledger.drop([intent], self.clock.now(), str(fault))
            return other
        words = advice(fault)
        if cure == "setup":
            self.ledger.drop([intent], self.clock.now(), str(fault))
            self.stop = self.stop or SetupError(words.what, words.todo)
            return None
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
        return None

    def _is_ours_after_all(self, operation: Operation, intent: Intent, fault: Fault) -> bool:
        """A number clash names the document (6140): it may be our own of an earlier attempt."""
        named = fault.txn_id
        if not named:
            return False
        body = self.company.read(operation.key.entity, [named]).get(named)
        judged = recognise(operation.draft, [body] if body else [], self.shop.policy.instance)
        if judged.verdict is not Verdict.OURS or judged.object is None:
            return False
        facts = agreed(operation.draft, judged.object, self.ids.get)
        self._found(operation, intent, judged.object, facts, fault)
        return True

    def _is_there_after_all(self, operation: Operation, intent: Intent, fault: Fault) -> bool:
        """A name clash (6240) may be a customer made meanwhile: then that one is meant."""
        if operation.key.entity is not Entity.CUSTOMER or operation.entry is not None:
            return False
        met = customer_of(self.company, operation.draft)
        if not isinstance(met, Candidate):
            return False
        qbo_id = str(met.object["Id"])
        if any(k.entity is Entity.CUSTOMER and known == qbo_id for k, known in self.ids.items()):
            return False
        self._found(operation, intent, met.object, operation.draft.facts, fault)
        return True

    def _found(
        self,
        operation: Operation,
        intent: Intent,
        there: Body,
        facts: Mapping[str, Any],
        fault: Fault,
    ) -> None:
        entry = self.ledger.recognise(intent, there, facts, self.clock.now(), fault.trace_id)
        self._arrived(entry)
        self.outcome.adopted.append(Written(operation, entry))
        self._count(1)

    def _hold(self, key: Key, reason: str, what: str, todo: str) -> None:
        self.outcome.held.setdefault(key.source, Problem(key.source, reason, what, todo))

    def _count(self, n: int) -> None:
        self.done += n
        self.progress("Writing to QuickBooks", self.done, self.total)


def _deletion(operation: Operation) -> Operation | None:
    """The only deletion there is: of a credit memo that QuickBooks does not let say 0.00."""
    entry = operation.entry
    if entry is None or operation.action is not Action.UPDATE or not is_emptied(operation.draft):
        return None
    reason = "deleted in the shop system, and QuickBooks does not take 0.00"
    return replace(operation, action=Action.DELETE, draft=void_draft(entry, reason), reason=reason)


def _untouchable(operation: Operation, there: Body) -> tuple[str, str, str] | None:
    """Why what QuickBooks holds must not be changed: reason, words, what to do."""
    key = operation.key
    name = f"{key} (Id {there['Id']})"
    if key.entity.is_named and not there.get("Active", True) and "Active" not in operation.changes:
        return (
            "inactive",
            f"{name} is inactive in QuickBooks.",
            "Make it active in QuickBooks; the change goes out by itself then.",
        )
    if operation.action is Action.UPDATE and is_voided(there) and operation.draft.amount:
        return (
            "not_live",
            f"{name} was voided in QuickBooks.",
            f"`qbosync resolve {key.source}` says whether it shall be written again.",
        )
    return _would_spill(operation, there)


def _would_spill(operation: Operation, there: Body) -> tuple[str, str, str] | None:
    """Money on an invoice that we do not know of: QuickBooks would free it by itself."""
    draft = operation.draft
    if operation.key.entity not in (Entity.INVOICE, Entity.CREDIT_MEMO) or draft.amount is None:
        return None
    on_it = amount(there.get("TotalAmt")) - amount(there.get("Balance"))
    left = amount(0) if draft.is_void else draft.amount
    if on_it <= left or is_voided(there):
        return None
    name = f"{operation.key.entity} {draft.number} (Id {there['Id']})"
    return (
        "void_with_money" if operation.action is Action.VOID else "less_than_paid",
        f"{name}: {operation.reason}, but {on_it:.2f} are applied to it in QuickBooks.",
        "Take the money off it in QuickBooks, or correct the shop system; it goes out by itself.",
    )


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
