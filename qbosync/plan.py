"""What has to happen in QuickBooks, as values: nothing is sent from here.

Every draft is compared with the ledger's memory of it.  Each source record ends in
exactly one place: an operation, unchanged, held, or out of scope.  A plan made twice
from the same source, ledger and QuickBooks has the same `id`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from qbosync.errors import RecordError
from qbosync.mapping import charge, credit_memo, order, payment
from qbosync.mapping.context import Answer, Candidate, Context, Found, Keep, Memory, Skip
from qbosync.mapping.customer import customer_draft
from qbosync.mapping.item import item_draft, method_draft
from qbosync.mapping.policy import Policy
from qbosync.meet import meet_account, meet_customer, meet_item, meet_method
from qbosync.model import Problem, Snapshot
from qbosync.operation import (
    Action,
    Draft,
    Entity,
    Entry,
    Key,
    Operation,
    canonical,
    digest,
    item_key,
)
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
    adopting: a plan that still wants any is not ready to be carried out.
    """

    operations: tuple[Operation, ...] = ()
    held: tuple[Problem, ...] = ()
    unchanged: int = 0
    out_of_scope: Mapping[str, int] = field(default_factory=dict)
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
        self.is_informed = is_informed
        self.operations: dict[Key, Operation] = {}
        self.unchanged = 0
        self.out_of_scope: Counter[str] = Counter()
        self.reported: Counter[str] = Counter()
        self.wanted: set[Key] = set()
        self.refused_names: dict[Key, Problem] = {}
        self.in_use = {
            (entry.key.entity, entry.qbo_id): entry.key for entry in ctx.memory.entries.values()
        }
        self.accounts = {
            str(account.get("FullyQualifiedName", account.get("Name", ""))).casefold(): account
            for account in self.ctx.found.accounts
        }

    def plan(self, stamp: str) -> Plan:
        ctx = self.ctx
        for answers in MAPPINGS:
            for answer in answers(ctx):
                self._take(answer)
        self._gone()
        self._customers()
        operations = tuple(sorted(self.operations.values(), key=lambda op: op.key.entity.wave))
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
            reported,
            frozenset(self.wanted),
            _plan_id(ctx.snapshot, operations, held, stamp),
        )

    def _hold(self, problem: Problem) -> None:
        self.ctx.held.setdefault(problem.source, problem)

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, Problem):
            self._hold(answer)
        elif isinstance(answer, Skip):
            self.out_of_scope[answer.reason] += 1
        elif isinstance(answer, Keep):
            self.unchanged += 1
            if answer.note:
                self.reported[f"{answer.source.replace(':', ' ')}: {answer.note}"] += 1
        elif problem := self._decide(answer):
            self._hold(problem)

    def _decide(self, draft: Draft) -> Problem | None:
        """Turn a draft into an operation, or say why it has to wait."""
        memory = self.ctx.memory
        if waiting := memory.waiting.get(draft.key):
            return waiting
        entry = memory.entries.get(draft.key)
        if entry is not None and not entry.is_live:
            return _not_live(draft, entry)
        if entry is not None and entry.digest == draft.digest:
            self.unchanged += 1
            self.ctx.planned.add(draft.key)
            return None
        refusal = memory.refusals.get(draft.key)
        if refusal and refusal.digest == draft.digest:
            return Problem(draft.key.source, "refused", refusal.what, refusal.todo, draft.amount)
        for ref in sorted(draft.refs):
            if problem := self._need(ref, draft):
                return problem
        if entry is None:
            return self._create(draft)
        self._plan(_change(draft, entry))
        return None

    def _plan(self, operation: Operation) -> None:
        self.operations[operation.key] = operation
        if not operation.draft.is_void:
            self.ctx.planned.add(operation.key)
        if operation.action is Action.CREATE:
            self.reported.update(operation.draft.notes)

    def _create(self, draft: Draft) -> Problem | None:
        """Create a document, or adopt it where QuickBooks turns out to hold it already."""
        self.wanted.add(draft.key)
        candidates = self.ctx.found.objects.get(draft.key, ())
        bodies = [c.object for c in candidates if c.entity == draft.key.entity]
        judged = recognise(draft, bodies, self.ctx.policy.instance)
        number = f"{_word(draft.key.entity)} {draft.number}".strip()
        if judged.object is not None and judged.verdict is not Verdict.OURS:
            theirs = judged.object
            total = f"{theirs.get('TotalAmt', 0):,.2f}"
            if judged.verdict is Verdict.UNCERTAIN:
                return Problem(
                    draft.key.source,
                    "uncertain",
                    f"QuickBooks has {number} (Id {theirs['Id']}) with our mark, but {judged.why}.",
                    "Look at both; then `qbosync resolve` says which one counts.",
                    draft.amount,
                )
            return Problem(
                draft.key.source,
                "number_taken",
                f"QuickBooks has another {number} already (Id {theirs['Id']}, {total},"
                f" {theirs.get('CustomerRef', {}).get('name', '')}).",
                "Give one of them another number, or set [documents] order_prefix.",
                draft.amount,
            )
        if judged.object is not None:
            self._plan(Operation(Action.ADOPT, draft, "found in QuickBooks", found=judged.object))
        else:
            self._plan(Operation(Action.CREATE, draft, _why(draft)))
        return None

    def _need(self, ref: Key, draft: Draft) -> Problem | None:
        """Make sure that an object a draft refers to is there or is planned."""
        if self.ctx.exists(ref):
            return None
        if ref.entity is Entity.TERM:
            self.wanted.add(ref)
            return None
        if ref.entity is Entity.ACCOUNT:
            self.wanted.add(ref)
            return self._account(ref, draft)
        if ref.entity.is_named:
            is_new = ref not in self.refused_names and ref not in self.operations
            if is_new and (problem := self._named(ref, draft)):
                self.refused_names[ref] = problem
            if problem := self.refused_names.get(ref):
                return _waits(draft, problem)
            return None
        problem = self.ctx.held.get(ref.source) or Problem(ref.source, "", str(ref), "")
        return _waits(draft, problem)

    def _account(self, ref: Key, draft: Draft) -> Problem | None:
        if not self.is_informed:
            return None
        is_tax = draft.key == item_key(self.ctx.policy.items.sales_tax)
        return meet_account(ref, self.accounts, draft.key.source, is_tax)

    def _named(self, ref: Key, user: Draft) -> Problem | None:
        """Plan the customer, item or payment method that a document needs."""
        try:
            draft = self._named_draft(ref, user)
        except RecordError as error:
            refused = Problem(ref.source, error.reason, error.what, error.todo)
            return self._keep_problem(ref, refused)
        if isinstance(draft, Problem):
            return draft
        self.wanted.add(ref)
        if not self.is_informed:
            self._plan(Operation(Action.CREATE, draft, "needed"))
            return None
        candidates = self.ctx.found.objects.get(ref, ())
        met = self._meet(draft, candidates)
        if isinstance(met, Problem):
            return self._keep_problem(ref, met)
        if met is None:
            for inner in draft.refs:
                if problem := self._need(inner, draft):
                    return self._keep_problem(ref, problem)
            refusal = self.ctx.memory.refusals.get(ref)
            if refusal and refusal.digest == draft.digest:
                problem = Problem(ref.source, "refused", refusal.what, refusal.todo)
                return self._keep_problem(ref, problem)
            self._plan(Operation(Action.CREATE, draft, "not in QuickBooks yet"))
        else:
            self._plan(Operation(Action.ADOPT, draft, "found in QuickBooks", found=met.object))
        return None

    def _keep_problem(self, ref: Key, problem: Problem) -> Problem:
        """A customer is a record of the source and is held itself; an item is only waited for."""
        if ref.entity is Entity.CUSTOMER:
            self._hold(problem)
        return problem

    def _named_draft(self, ref: Key, user: Draft) -> Draft | Problem:
        ctx = self.ctx
        if ref.entity is Entity.CUSTOMER:
            if problem := ctx.held.get(ref.source):
                return problem
            return customer_draft(ctx.snapshot.customers[ref.id])
        if ref.entity is Entity.PAYMENT_METHOD:
            return method_draft(ref.id)
        return item_draft(_item_name(ref, user, ctx.policy), ctx.policy)

    def _meet(self, draft: Draft, candidates: tuple[Candidate, ...]) -> Candidate | Problem | None:
        if draft.key.entity is Entity.CUSTOMER:
            met = meet_customer(draft, candidates)
        elif draft.key.entity is Entity.PAYMENT_METHOD:
            met = meet_method(draft, candidates)
        else:
            is_tax = draft.name.casefold() == self.ctx.policy.items.sales_tax.casefold()
            met = meet_item(draft, candidates, self.ctx.found.accounts, is_tax)
        if isinstance(met, Candidate):
            other = self.in_use.get((draft.key.entity, str(met.object["Id"])))
            if other is not None and other != draft.key:
                return Problem(
                    draft.key.source,
                    "same_name",
                    f"QuickBooks' {_word(draft.key.entity)} {draft.name!r} already stands for"
                    f" {other.source.replace(':', ' ')}.",
                    "Rename one of the two in the shop system.",
                )
        return met

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
                        f" {_word(key.entity)} {entry.number or entry.qbo_id}.",
                        "Void it in QuickBooks if it should not count.",
                        entry.amount,
                    )
                )


def _change(draft: Draft, entry: Entry) -> Operation:
    """The update or void that makes the document say what the source says now."""
    if draft.is_void:
        return Operation(Action.VOID, draft, "void in the shop system", entry)
    before, after = entry.facts, json.loads(canonical(draft.facts))
    changes = {
        name: (before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
    return Operation(Action.UPDATE, draft, _changed(draft, changes), entry, changes)


def _changed(draft: Draft, changes: Mapping[str, tuple[Any, Any]]) -> str:
    if draft.key.entity is Entity.PAYMENT and set(changes) == {"Line"}:
        return "its order is charged now: apply it"
    words = ", ".join(_FIELD_WORDS.get(name, name) for name in changes)
    return f"changed in the shop system: {words}"


_FIELD_WORDS = {
    "BillAddr": "billing address",
    "CompanyName": "company name",
    "CustomerMemo": "job",
    "CustomerRef": "customer",
    "DisplayName": "name",
    "DocNumber": "number",
    "DueDate": "due date",
    "Line": "lines",
    "PaymentMethodRef": "method",
    "PaymentRefNum": "reference",
    "PrimaryEmailAddr": "e-mail",
    "PrimaryPhone": "phone",
    "ShipAddr": "shipping address",
    "Total": "total",
    "TotalAmt": "amount",
    "TxnDate": "date",
    "TxnStatus": "status",
}


def _why(draft: Draft) -> str:
    reasons = {
        Entity.ESTIMATE: "ordered",
        Entity.INVOICE: "charged",
        Entity.CREDIT_MEMO: "new",
        Entity.PAYMENT: "received",
    }
    if draft.key.kind == "credit_application":
        return "credit spent"
    if draft.key.kind == "charge":
        return "new"
    return reasons[draft.key.entity]


def _not_live(draft: Draft, entry: Entry) -> Problem | None:
    """QuickBooks' document is void or gone: nothing brings it back but a person's word."""
    if draft.is_void:
        return None
    what = f"{_word(entry.key.entity).capitalize()} {entry.number or entry.qbo_id}"
    return Problem(
        draft.key.source,
        "not_live",
        f"{what} was {'voided' if entry.state == 'void' else 'deleted'} in QuickBooks.",
        f"`qbosync resolve {draft.key.source}` says whether it shall be written again.",
        draft.amount,
    )


def _waits(draft: Draft, problem: Problem) -> Problem:
    source = problem.source.replace("_", " ").replace(":", " ", 1)
    return Problem(
        draft.key.source,
        "waits",
        f"{draft.key.source.replace('_', ' ').replace(':', ' ', 1).capitalize()} waits for"
        f" {source}." + (f" {problem.what}" if problem.what != source else ""),
        problem.todo or "It goes out by itself then.",
        draft.amount,
    )


def _item_name(ref: Key, user: Draft, policy: Policy) -> str:
    """An item's name as the configuration or the first line that uses it spells it."""
    for row in user.facts.get("Line", ()):
        if len(row) > 1 and str(row[1]).strip().casefold() == ref.id:
            return str(row[1]).strip()
    return ref.id


def _word(entity: Entity) -> str:
    return {
        Entity.PAYMENT_METHOD: "payment method",
        Entity.CREDIT_MEMO: "credit memo",
    }.get(entity, entity.value.lower())


def _plan_id(
    snapshot: Snapshot,
    operations: Iterable[Operation],
    held: Iterable[Problem],
    stamp: str,
) -> str:
    """Twelve characters that change when the source, the ledger or QuickBooks did."""

    def rows() -> Iterator[list[str]]:
        for op in operations:
            token = op.entry.sync_token if op.entry else ""
            yield [op.action, str(op.key), op.draft.digest, token]

    parts = [snapshot.digest, stamp, list(rows()), sorted(p.source for p in held)]
    return digest(parts)[:12]
