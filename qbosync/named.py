"""Customers, items and payment methods, planned when a document first needs them.

They carry no marker and are known by their names, so whether they are created or adopted
is decided only once somebody has looked in QuickBooks.
"""

from __future__ import annotations

from collections.abc import Callable

from qbosync.edit import Kind
from qbosync.errors import RecordError
from qbosync.key import Action, Entity, Key, item_key
from qbosync.mapping.context import Candidate, Context
from qbosync.mapping.customer import customer_draft
from qbosync.mapping.item import item_draft, known_item, method_draft
from qbosync.meet import meet_account, meet_customer, meet_item, meet_method, unfit_item
from qbosync.model import Problem
from qbosync.operation import Body, Draft, Entry, Operation
from qbosync.reason import reactivation, waits, word


class Names:
    """What documents refer to by name.

    `refused` is what cannot be had, and why.
    """

    def __init__(self, ctx: Context, plan: Callable[[Operation], None]) -> None:
        self.ctx = ctx
        self.plan = plan
        self.refused: dict[Key, Problem] = {}
        self.in_use = {
            (entry.key.entity, entry.qbo_id): entry.key for entry in ctx.memory.entries.values()
        }
        self.accounts = {
            str(account.get("FullyQualifiedName", account.get("Name", ""))).casefold(): account
            for account in ctx.found.accounts
        }

    def need(self, ref: Key, draft: Draft) -> Problem | None:
        """Make sure that an object a draft refers to is there or is planned."""
        ctx = self.ctx
        if ctx.exists(ref):
            return None
        if ref.entity is Entity.TERM:
            self.ctx.wanted.add(ref)
            return None
        if ref.entity is Entity.PAYMENT_METHOD and not ctx.policy.items.create_missing:
            self._use_method(ref)
            return None
        if ref.entity is Entity.ACCOUNT:
            self.ctx.wanted.add(ref)
            return self._account(ref, draft)
        if ref.entity.is_named:
            is_new = ref not in self.refused and ref not in ctx.planned
            if is_new and (problem := self._named(ref, draft)):
                self.refused[ref] = problem
            if problem := self.refused.get(ref):
                return waits(draft, problem)
            return None
        problem = self.ctx.held.get(ref.source) or Problem(ref.source, "", str(ref), "")
        return waits(draft, problem)

    def unfit(self, draft: Draft, item: Body) -> Problem | None:
        """Why an item that a person named cannot be the one; told once accounts are known."""
        self.ctx.wanted.add(draft.key)
        is_tax = draft.key == item_key(self.ctx.policy.items.sales_tax)
        if not self.ctx.is_informed:
            return None
        return unfit_item(draft, item, self.ctx.found.accounts, is_tax)

    def wakes(self, ref: Key) -> bool:
        """Plan to make a customer of ours active again that a person made inactive, if wanted."""
        ctx = self.ctx
        entry, customer = ctx.memory.live(ref), ctx.snapshot.customers.get(ref.id)
        edit = ctx.memory.edits.get(ref)
        is_asleep = edit is not None and edit.kind is Kind.INACTIVE
        is_wanted = ctx.policy.reactivate and ref.entity is Entity.CUSTOMER and is_asleep
        if not is_wanted or entry is None or customer is None:
            return False
        if ref not in ctx.planned:
            self.plan(reactivation(customer_draft(customer), entry))
        return True

    def _use_method(self, ref: Key) -> None:
        """A payment method that may not be made: used if it is there, else gone without."""
        self.ctx.wanted.add(ref)
        draft = method_draft(ref.id)
        met = meet_method(draft, self.ctx.found.objects.get(ref, ()))
        if isinstance(met, Candidate):
            self.plan(Operation(Action.ADOPT, draft, "found in QuickBooks", found=met.object))

    def _account(self, ref: Key, draft: Draft) -> Problem | None:
        if not self.ctx.is_informed:
            return None
        is_tax = draft.key == item_key(self.ctx.policy.items.sales_tax)
        return meet_account(ref, self.accounts, draft.key.source, is_tax)

    def _named(self, ref: Key, user: Draft) -> Problem | None:
        """Plan the customer, item or payment method that a document needs."""
        if waiting := self.ctx.memory.waiting.get(ref):
            return self._keep_problem(ref, waiting)
        try:
            draft = self._named_draft(ref, user)
        except RecordError as error:
            refused = Problem(ref.source, error.reason, error.what, error.todo)
            return self._keep_problem(ref, refused)
        if isinstance(draft, Problem):
            return draft
        self.ctx.wanted.add(ref)
        if not self.ctx.is_informed:
            self.plan(Operation(Action.CREATE, draft, "needed"))
            return None
        candidates = self.ctx.found.objects.get(ref, ())
        met = self._meet(draft, candidates)
        if asleep := self._sleeping(draft, met):
            self.plan(reactivation(draft, asleep))
            return None
        if isinstance(met, Problem):
            return self._keep_problem(ref, met)
        if met is None:
            made = self._to_be_made(draft)
            if isinstance(made, Problem):
                return self._keep_problem(ref, made)
            draft = made
            for inner in draft.refs:
                if problem := self.need(inner, draft):
                    return self._keep_problem(ref, problem)
            refusal = self.ctx.memory.refusals.get(ref)
            if refusal and refusal.digest == draft.digest:
                problem = Problem(ref.source, "refused", refusal.what, refusal.todo)
                return self._keep_problem(ref, problem)
            self.plan(Operation(Action.CREATE, draft, "not in QuickBooks yet"))
        else:
            self.plan(Operation(Action.ADOPT, draft, "found in QuickBooks", found=met.object))
        return None

    def _to_be_made(self, draft: Draft) -> Draft | Problem:
        """An item that is there is taken as it is; one that is not needs an account."""
        if draft.key.entity is not Entity.ITEM:
            return draft
        try:
            return item_draft(draft.name, self.ctx.policy)
        except RecordError as error:
            return Problem(draft.key.source, error.reason, error.what, error.todo)

    def _sleeping(self, draft: Draft, met: Candidate | Problem | None) -> Entry | None:
        """A customer found inactive under the name that we look for, if it may be woken."""
        is_wanted = self.ctx.policy.reactivate and draft.key.entity is Entity.CUSTOMER
        if not (is_wanted and isinstance(met, Problem) and met.reason == "inactive"):
            return None
        for candidate in self.ctx.found.objects.get(draft.key, ()):
            body = candidate.object
            if candidate.entity == "Customer" and not body.get("Active", True):
                token = str(body.get("SyncToken", ""))
                return Entry(draft.key, str(body["Id"]), token, origin="adopted")
        return None

    def _keep_problem(self, ref: Key, problem: Problem) -> Problem:
        """A customer is a record of the source and is held itself; an item is only waited for."""
        if ref.entity is Entity.CUSTOMER:
            self.ctx.held.setdefault(problem.source, problem)
        return problem

    def _named_draft(self, ref: Key, user: Draft) -> Draft | Problem:
        ctx = self.ctx
        if ref.entity is Entity.CUSTOMER:
            if problem := ctx.held.get(ref.source):
                return problem
            return customer_draft(ctx.snapshot.customers[ref.id])
        if ref.entity is Entity.PAYMENT_METHOD:
            return method_draft(ref.id)
        return known_item(_item_name(ref, user))

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
                    f"QuickBooks' {word(draft.key.entity)} {draft.name!r} already stands for"
                    f" {other.source.replace(':', ' ')}.",
                    "Rename one of the two in the shop system.",
                )
        return met


def _item_name(ref: Key, user: Draft) -> str:
    """An item's name as the configuration or the first line that uses it spells it."""
    for row in user.facts.get("Line", ()):
        if len(row) > 1 and str(row[1]).strip().casefold() == ref.id:
            return str(row[1]).strip()
    return ref.id
