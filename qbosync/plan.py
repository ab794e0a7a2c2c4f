"""What has to happen in QuickBooks, as values: nothing is sent from here.

Every draft is compared with the ledger's memory of it.  Each source record ends in
exactly one place: an operation, unchanged, held, or out of scope.  A plan made twice
from the same source, ledger and QuickBooks has the same `id`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

from qbosync.converted import ADOPTED, doubt
from qbosync.mapping import charge, credit_memo, order, payment
from qbosync.mapping.context import Answer, Context, Found, Keep, Memory, Skip
from qbosync.mapping.customer import customer_draft
from qbosync.mapping.policy import Policy
from qbosync.model import ZERO, Problem, Snapshot
from qbosync.named import Names
from qbosync.operation import (
    Action,
    Draft,
    Entity,
    Key,
    Operation,
    digest,
)
from qbosync.reason import change, closed, not_live, unsafe_change, why, word
from qbosync.recognise import Verdict, recognise
from qbosync.validate import find_problems

MAPPINGS: tuple[Callable[[Context], Iterable[Answer]], ...] = (
    order.answers,
    charge.answers,
    credit_memo.answers,
    payment.answers,
)
"""In the order of their references: a payment may speak of an invoice planned before it."""


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

    @property
    def writes(self) -> tuple[Operation, ...]:
        """The operations that send something."""
        return tuple(op for op in self.operations if op.action is not Action.ADOPT)


def make_plan(
    snapshot: Snapshot,
    memory: Memory,
    policy: Policy,
    today: date,
    found: Found | None = None,
    stamp: str = "",
) -> Plan:
    """Compare what the source says with what the ledger remembers.

    `found` is what QuickBooks holds of the objects a first plan wanted; without it the
    plan only tells what to look up.  `stamp` stands for QuickBooks' state and goes into
    the plan's id.
    """
    problems = find_problems(snapshot, policy, memory)
    ctx = Context(snapshot, policy, memory, today, found or Found(), held=problems)
    planner = _Planner(ctx, is_informed=found is not None)
    return planner.plan(stamp)


class _Planner:
    """Goes through the mappings once; everything it learns is in its fields."""

    def __init__(self, ctx: Context, is_informed: bool) -> None:
        self.ctx = ctx
        self.operations: dict[Key, Operation] = {}
        self.unchanged = 0
        self.out_of_scope: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.reported: Counter[str] = Counter()
        self.names = Names(ctx, is_informed, self._plan)
        # By record: an invoice does not overtake its estimate, which it is to be linked to.
        self.waiting = {key.source: problem for key, problem in ctx.memory.waiting.items()}

    def plan(self, stamp: str) -> Plan:
        ctx = self.ctx
        for answers in MAPPINGS:
            for answer in answers(ctx):
                self._take(answer)
        self._gone()
        self._customers()
        operations = tuple(_in_turn(self.operations.values()))
        held = tuple(ctx.held.values())
        reported = tuple(
            words if count == 1 else f"{words} ({count} times)"
            for words, count in self.reported.items()
        )
        return Plan(
            operations,
            held,
            self.unchanged,
            dict(self.out_of_scope),
            self.skipped,
            self.kept,
            reported,
            frozenset(self.names.wanted | ctx.wanted),
            _plan_id(ctx.snapshot, operations, held, stamp),
        )

    def _hold(self, problem: Problem) -> None:
        self.ctx.held.setdefault(problem.source, problem)

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, Problem):
            self._hold(answer)
        elif isinstance(answer, Skip):
            self.out_of_scope[answer.reason] += 1
            self.skipped[answer.source] = answer.reason
        elif isinstance(answer, Keep):
            self.unchanged += 1
            self.kept[answer.source] = answer.note
            if answer.note:
                self.reported[f"{answer.source.replace(':', ' ')}: {answer.note}"] += 1
        elif problem := self._decide(answer):
            self._hold(problem)

    def _decide(self, draft: Draft) -> Problem | None:
        """Turn a draft into an operation, or say why it has to wait."""
        memory = self.ctx.memory
        if held := self.ctx.held.get(draft.key.source) or self.waiting.get(draft.key.source):
            return held
        entry = memory.entries.get(draft.key)
        if entry is not None and not entry.is_live:
            return not_live(draft, entry)
        if entry is not None and entry.digest == draft.digest:
            self.unchanged += 1
            self.ctx.planned.add(draft.key)
            return None
        if words := self.ctx.policy.blocked.get(draft.key.entity):
            return Problem(draft.key.source, "company_setting", *words, draft.amount)
        refusal = memory.refusals.get(draft.key)
        if refusal and refusal.digest == draft.digest:
            return Problem(draft.key.source, "refused", refusal.what, refusal.todo, draft.amount)
        for ref in sorted(draft.refs):
            if problem := self.names.need(ref, draft):
                return problem
        if problem := closed(draft, entry, self.ctx.policy.closed_until):
            return problem
        if entry is None:
            return self._create(draft)
        if problem := unsafe_change(draft, entry, self._paid):
            return problem
        self._plan(change(draft, entry))
        return None

    @cached_property
    def _paid(self) -> Mapping[str, Decimal]:
        """What our payments and credits give to each order and charge, as last written."""
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for entry in self.ctx.memory.entries.values():
            if entry.key.entity is Entity.PAYMENT and entry.is_live:
                for target, amount in entry.facts.get("Line", ()):
                    sums[target] += Decimal(amount)
        return sums

    def _plan(self, operation: Operation) -> None:
        self.operations[operation.key] = operation
        if not operation.draft.is_void:
            self.ctx.planned.add(operation.key)
        if operation.action is Action.CREATE:
            self.reported.update(operation.draft.notes)

    def _create(self, draft: Draft) -> Problem | None:
        """Create a document, or adopt it where QuickBooks turns out to hold it already."""
        self.names.wanted.add(draft.key)
        if made := self.ctx.found.converted.get(draft.key):
            if problem := doubt(draft, made, self._id_of):
                return problem
            self._plan(Operation(Action.ADOPT, draft, ADOPTED, found=made))
            return None
        candidates = self.ctx.found.objects.get(draft.key, ())
        bodies = [c.object for c in candidates if c.entity == draft.key.entity]
        judged = recognise(draft, bodies, self.ctx.policy.instance)
        number = f"{word(draft.key.entity)} {draft.number}".strip()
        if judged.object is not None and judged.verdict is not Verdict.OURS:
            theirs = judged.object
            total = f"{theirs.get('TotalAmt', 0):,.2f}"
            if judged.verdict is Verdict.UNCERTAIN:
                return Problem(
                    draft.key.source,
                    "uncertain",
                    f"QuickBooks has {number} (Id {theirs['Id']}) with our mark, but {judged.why}.",
                    "Delete in QuickBooks what should not count; it clears itself.",
                    draft.amount,
                )
            return Problem(
                draft.key.source,
                "number_taken",
                f"QuickBooks has another {number} already (Id {theirs['Id']}, {total},"
                f" {theirs.get('CustomerRef', {}).get('name', '')}).",
                "If it is this one, `qbosync adopt` takes it over; else give one of them another"
                " number, or set [documents] order_prefix.",
                draft.amount,
            )
        if judged.object is not None:
            self._plan(Operation(Action.ADOPT, draft, "found in QuickBooks", found=judged.object))
        else:
            self._plan(Operation(Action.CREATE, draft, why(draft)))
        return None

    def _id_of(self, key: Key) -> str | None:
        entry = self.ctx.memory.live(key)
        return entry.qbo_id if entry else None

    def _customers(self) -> None:
        """Customers that QuickBooks has from us follow the source; others wait to be needed."""
        ctx = self.ctx
        for customer in ctx.snapshot.customers.values():
            if customer.ref in ctx.held:
                continue
            draft = customer_draft(customer)
            if draft.key in self.operations:
                continue
            if draft.key not in ctx.memory.entries:
                self.out_of_scope["customer without documents"] += 1
            elif ctx.policy.customer_updates == "never":
                self.unchanged += 1
            elif problem := self._decide(draft):
                self._hold(problem)

    def _gone(self) -> None:
        """What QuickBooks has from us and the source no longer has: said, never guessed at."""
        snapshot = self.ctx.snapshot
        present = {
            "order": snapshot.orders,
            "payment": snapshot.payments,
            "charge": snapshot.charges,
            "credit_memo": snapshot.credit_memos,
        }
        for key, entry in self.ctx.memory.entries.items():
            records = present.get(key.kind)
            if records is None or key.id in records or not entry.is_live:
                continue
            is_deleted = (key.kind, key.id) in snapshot.deletions
            if is_deleted or (snapshot.is_complete and key.source not in self.ctx.held):
                what = key.source.replace("_", " ").replace(":", " ").capitalize()
                self._hold(
                    Problem(
                        key.source,
                        "gone",
                        f"{what} is no longer in the shop system; QuickBooks still has"
                        f" {word(key.entity)} {entry.number or entry.qbo_id}.",
                        "Void it in QuickBooks if it should not count.",
                        entry.amount,
                    )
                )


def _in_turn(operations: Iterable[Operation]) -> Iterator[Operation]:
    """By wave; a payment that gives back goes before those that take what it gives."""
    ordered = sorted(operations, key=lambda op: op.key.entity.wave)
    moves = {op.key: _moves(op) for op in ordered if op.key.entity is Entity.PAYMENT}
    givers = [op for op in ordered if op.key in moves and moves[op.key][0]]
    yield from (op for op in ordered if op.key not in moves)
    while givers:
        # Where all wait for each other, the first goes, and what it finds taken is tried again.
        free = [op for op in givers if not _waits(op, givers, moves)] or givers[:1]
        yield from free
        givers = [op for op in givers if op not in free]
    yield from (op for op in ordered if op.key in moves and not moves[op.key][0])


def _waits(
    operation: Operation,
    others: Iterable[Operation],
    moves: Mapping[Key, tuple[frozenset[str], frozenset[str]]],
) -> bool:
    takes = moves[operation.key][1]
    return any(takes & moves[o.key][0] for o in others if o is not operation)


def _moves(operation: Operation) -> tuple[frozenset[str], frozenset[str]]:
    """The records that a payment gives money back from, and those it takes more on."""
    rows = operation.entry.facts.get("Line", ()) if operation.entry else ()
    before = {row[0]: Decimal(row[1]) for row in rows}
    after = {row[0]: Decimal(row[1]) for row in operation.draft.facts.get("Line", ())}
    gives = frozenset(to for to, n in before.items() if after.get(to, ZERO) < n)
    takes = frozenset(to for to, n in after.items() if before.get(to, ZERO) < n)
    return gives, takes


def _plan_id(
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
