"""From what the source says and the ledger remembers to a plan: nothing is sent from here.

Every draft is compared with the ledger's memory of it.  Each source record ends in
exactly one place: an operation, unchanged, held, or out of scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

from qbosync.drift import says_already
from qbosync.edit import SAID
from qbosync.key import Action, Entity, Key
from qbosync.making import make
from qbosync.mapping import charge, credit_memo, order, payment, refund, spending
from qbosync.mapping.context import Answer, Context, Found, Keep, Memory, Skip
from qbosync.mapping.correction import correction_draft, difference
from qbosync.mapping.customer import customer_draft
from qbosync.mapping.item import known_item
from qbosync.mapping.merged import follow, heirs, settled
from qbosync.mapping.policy import Policy
from qbosync.model import ZERO, Problem, Snapshot
from qbosync.named import Names
from qbosync.operation import Body, Draft, Entry, Operation
from qbosync.person import Ruling, does_not_fit, misfit, ruling, stuck
from qbosync.plan import Plan, fingerprint
from qbosync.reason import change, not_live, waits
from qbosync.sequence import in_turn, shrinks
from qbosync.transition import closed, corrected, less_than_paid, money_left, unsafe_change
from qbosync.validate import find_problems

MAPPINGS: tuple[Callable[[Context], Iterable[Answer]], ...] = (
    order.answers,
    charge.answers,
    credit_memo.answers,
    payment.answers,
    spending.answers,
    refund.answers,
)
"""In the order of their references: a payment may speak of an invoice planned before it."""


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
    merged = heirs(snapshot)
    snapshot = follow(snapshot, merged)
    problems, allotment = find_problems(snapshot, policy, memory)
    problems = dict(memory.asides) | problems
    ctx = Context(
        snapshot,
        policy,
        memory,
        today,
        found or Found(),
        held=problems,
        granted=allotment.granted,
        caps=allotment.caps,
        merged=merged,
        is_informed=found is not None,
    )
    return _Planner(ctx).plan(stamp)


class _Planner:
    """Goes through the mappings once; everything it learns is in its fields."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.operations: dict[tuple[Key, int], Operation] = {}
        self.unchanged: set[str] = set()
        self.out_of_scope: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.reported: Counter[str] = Counter()
        self.accepted: dict[Key, str] = {}
        self.names = Names(ctx, self._plan)
        # By record: an invoice does not overtake its estimate, which it is to be linked to.
        self.waiting = {key.source: problem for key, problem in ctx.memory.waiting.items()}

    def plan(self, stamp: str) -> Plan:
        ctx = self.ctx
        self._relinked_names()
        for answers in MAPPINGS:
            for answer in answers(ctx):
                self._take(answer)
        self._check_shrinking()
        self._customers()
        operations = tuple(in_turn(self.operations.values()))
        held = tuple(ctx.held.values())
        reported = tuple(
            words if count == 1 else f"{words} ({count} times)"
            for words, count in self.reported.items()
            if count > 0
        )
        return Plan(
            operations,
            held,
            len(self.unchanged - {op.key.source for op in operations} - set(ctx.held)),
            dict(self.out_of_scope),
            self.skipped,
            self.kept,
            reported,
            frozenset(ctx.wanted),
            fingerprint(ctx.snapshot, operations, held, stamp),
            self.accepted,
        )

    def _hold(self, problem: Problem) -> None:
        """Hold a record as a whole: nothing of it goes out, also not what was planned before."""
        self.ctx.held.setdefault(problem.source, problem)
        for slot in [slot for slot in self.operations if slot[0].source == problem.source]:
            operation = self.operations.pop(slot)
            self.ctx.planned.discard(slot[0])
            self.ctx.going.discard(slot[0])
            if operation.action is Action.CREATE:
                self.reported.subtract(operation.draft.notes)

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, Problem):
            self._hold(answer)
        elif isinstance(answer, Skip):
            self.out_of_scope[answer.reason] += 1
            self.skipped[answer.source] = answer.reason
        elif isinstance(answer, Keep):
            self.unchanged.add(answer.source)
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
        if entry is not None and draft.epoch > entry.epoch and self._makes_room(entry):
            entry = None
        if (there := memory.relinks.get(draft.key)) is not None:
            return self._relink(draft, there)
        if entry is not None and self.ctx.merged:
            draft = settled(draft, entry, self.ctx)
        ruled = ruling(draft, entry, memory, self._id_of)
        if isinstance(ruled, Problem):
            return ruled
        if ruled is Ruling.KEEP:
            self.unchanged.add(draft.key.source)
            said = memory.words.get(draft.key)
            if said is not None and not said.digest:
                self.accepted[draft.key] = draft.digest
            return None
        if entry is not None and not entry.is_live:
            return not_live(draft, entry)
        if entry is not None and entry.digest == draft.digest and ruled is not Ruling.SEND:
            self.unchanged.add(draft.key.source)
            self.ctx.planned.add(draft.key)
            return None
        if words := self.ctx.policy.blocked.get(draft.key.entity):
            return Problem(draft.key.source, "company_setting", *words, draft.amount)
        refusal = memory.refusals.get(draft.key)
        if refusal and refusal.digest == draft.digest:
            return Problem(draft.key.source, "refused", refusal.what, refusal.todo, draft.amount)
        for ref in sorted(draft.refs):
            is_fine = ref in self.ctx.planned or self.names.wakes(ref)
            if not is_fine and (problem := stuck(ref, memory)):
                return waits(draft, problem)
            if problem := self.names.need(ref, draft):
                return problem
        if entry is None:
            made = make(draft, self.ctx, self._id_of, closed(draft, None, self.ctx))
            if isinstance(made, Problem):
                return made
            for operation in made:
                self._plan(operation)
            return None
        is_corrected = bool(self.ctx.corrections.get(draft.key.source))
        problem = None
        if is_corrected or not self._is_done(draft):
            problem = closed(draft, entry, self.ctx) or unsafe_change(draft, entry, self.ctx)
        if problem or is_corrected:
            return self._correct(draft, entry, problem)
        operation = change(draft, entry)
        if ruled is Ruling.SEND and not draft.is_void:
            changes = {**operation.changes, **memory.edits[draft.key].fields}
            operation = replace(operation, reason=SAID, changes=changes)
        self._plan(operation)
        return None

    def _is_done(self, draft: Draft) -> bool:
        """Whether a person entered in QuickBooks already what the source says now."""
        edit = self.ctx.memory.edits.get(draft.key)
        return edit is not None and says_already(draft, edit.theirs, self._id_of)

    def _relink(self, draft: Draft, there: Body) -> Problem | None:
        """Tie a record to the object that a person named, if it fits."""
        memory = self.ctx.memory
        customer = draft.body.get("CustomerRef", {}).get("value")
        if isinstance(customer, Key) and (problem := self.names.need(customer, draft)):
            return problem
        # Whose it is shows only once the customer was looked for.
        is_compared = self.ctx.is_informed or customer is None or self.ctx.memory.live(customer)
        if is_compared and (why := misfit(draft, there, memory, self._id_of)):
            return does_not_fit(draft, memory.words[draft.key], why)
        if draft.key.entity is Entity.ITEM and (unfit := self.names.unfit(draft, there)):
            return unfit
        self._plan(Operation(Action.ADOPT, draft, SAID, found=there))
        return None

    def _relinked_names(self) -> None:
        """Before anything refers to them."""
        for key in self.ctx.memory.relinks:
            customer = self.ctx.snapshot.customers.get(key.id) if key.kind == "customer" else None
            draft = customer_draft(customer) if customer else None
            if key.entity is Entity.ITEM:
                known = self.ctx.memory.entries.get(key)
                draft = known_item(known.name if known else key.id)
            if draft is not None and (problem := self._decide(draft)):
                self._hold(problem)

    def _correct(self, draft: Draft, entry: Entry, problem: Problem | None) -> Problem | None:
        """Leave an invoice as it is, and make up for it by another document if that is wanted."""
        ctx = self.ctx
        before = ctx.corrections.get(draft.key.source, ())
        if draft.key.entity is not Entity.INVOICE or entry.key.kind == "correction":
            return problem
        if before and not difference(draft, entry, ctx):
            self._take(Keep(draft.key.source))
            return None
        fix = None
        if ctx.policy.correction == "credit_memo":
            fix = correction_draft(draft, entry, ctx)
        if fix is None:
            return problem or corrected(draft, entry, before)
        fault = self._decide(fix)
        is_new = fix.key in ctx.planned
        self._take(Keep(draft.key.source, f"{fix.number} makes up for what changed" * is_new))
        return fault

    def _makes_room(self, entry: Entry) -> bool:
        """Whether a document was voided by us, or will be before another takes its place."""
        return entry.is_withdrawn or entry.key in self.ctx.going

    def _check_shrinking(self) -> None:
        """Nothing becomes less while money is on it that does not come off in this plan."""
        ctx = self.ctx
        for operation in [op for op in self.operations.values() if shrinks(op)]:
            source, draft = operation.key.source, operation.draft
            left = money_left(operation, self.operations, ctx)
            if left > (ZERO if draft.is_void or draft.amount is None else draft.amount):
                self._undo_caps(source)
                self._hold(less_than_paid(draft, ctx.memory.entries[operation.key], ctx))

    def _undo_caps(self, source: str) -> None:
        """What would only come off because an order becomes less stays, as the order does."""
        for key in self.ctx.payers.get(source, {}):
            slot = (key, self.ctx.memory.entries[key].epoch)
            is_ours = (key.source, source) in self.ctx.caps and key.kind == "payment"
            if is_ours and slot in self.operations:
                del self.operations[slot]
                self.unchanged.add(key.source)

    def _plan(self, operation: Operation) -> None:
        self.operations[operation.key, operation.draft.epoch] = operation
        if operation.draft.is_end:
            self.ctx.going.add(operation.key)
        else:
            self.ctx.planned.add(operation.key)
        if operation.action is Action.CREATE:
            self.reported.update(operation.draft.notes)

    def _id_of(self, key: Key) -> str | None:
        """The Id of what the ledger knows, or of what this plan found in QuickBooks."""
        if entry := self.ctx.memory.live(key):
            return entry.qbo_id
        planned = self.operations.get((key, 0))
        return str(planned.found["Id"]) if planned and planned.found else None

    def _customers(self) -> None:
        """Customers that QuickBooks has from us follow the source; others wait to be needed."""
        ctx = self.ctx
        for customer in ctx.snapshot.customers.values():
            if customer.ref in ctx.held:
                continue
            if customer.id in ctx.merged:
                self._take(Skip(customer.ref, "merged into another customer"))
                continue
            draft = customer_draft(customer)
            if (draft.key, 0) in self.operations:
                continue
            if draft.key not in ctx.memory.entries:
                self.out_of_scope["customer without documents"] += 1
            elif ctx.policy.customer_updates == "never":
                self.unchanged.add(customer.ref)
            elif problem := self._decide(draft):
                self._hold(problem)
