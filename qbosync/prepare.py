"""What of an operation is to be sent now, seen from what QuickBooks holds at this moment.

An operation whose turn has not come, whose object may not be touched, or that would overwrite
a person's change is held, with words; the others become intents.
"""

from __future__ import annotations

from dataclasses import replace

from qbosync.drift import classify, overwrites, owned, says_already
from qbosync.edit import Says
from qbosync.key import Action, Entity, Key
from qbosync.mapping.posted import amount, is_deposited, is_voided
from qbosync.model import Problem
from qbosync.operation import Body, Entry, Intent, Operation, digest, request_id
from qbosync.outcome import Written, by_hand
from qbosync.person import in_the_way
from qbosync.wire import (
    create_body,
    says_what_was_sent,
    update_body,
    void_body,
)
from qbosync.writing import Writing


class Preparation:
    """Makes the intents of a wave's operations."""

    def __init__(self, work: Writing) -> None:
        self.work = work

    def intent_of(
        self, operation: Operation, current: dict[tuple[Entity, str], Body]
    ) -> tuple[Operation, Intent] | None:
        """The intent of an operation, or `None` if there is nothing to send now."""
        key, entry = operation.key, operation.entry
        try:
            if late := (operation.after & self.work.awaited) | self._too_early(operation):
                raise KeyError(min(late))
            if entry is None:
                body: Body | None = create_body(operation.draft, self.work.ids.__getitem__)
            else:
                body = self._change(operation, entry, current.get((key.entity, entry.qbo_id)))
        except KeyError as missing:
            self._wait_for(operation, missing.args[0])
            return None
        if body is None:
            return None
        epoch = entry.epoch if entry else operation.draft.epoch
        company = (self.work.shop.environment, self.work.shop.realm_id)
        number = request_id(*company, key, operation.action, epoch, body)
        if refusals := self.work.refused[number]:
            # QuickBooks may replay a refusal whose cause was mended (unknown); it refused,
            # so a new id cannot write twice.
            again = body | {"refused": refusals}
            number = request_id(*company, key, operation.action, epoch, again)
        now = self.work.clock.now()
        intent = Intent(
            0, key, operation.action, body, number, operation.draft, epoch,
            self.work.outcome.run_id, now, now,
        )  # fmt: skip
        return operation, intent

    def _too_early(self, operation: Operation) -> frozenset[Key]:
        """Invoices that did not become what they were to be: they may not take so much."""
        if operation.key.entity is not Entity.PAYMENT or not self.work.changing:
            return frozenset()
        body, facts = operation.draft.body, operation.draft.facts
        rows = zip(body.get("Line", ()), facts.get("Line", ()), strict=False)
        taking = {row["LinkedTxn"][0]["TxnId"] for row, fact in rows if fact[0] in operation.takes}
        return frozenset(taking & self.work.changing)

    def _wait_for(self, operation: Operation, ref: Key) -> None:
        """Hold what cannot go before `ref`; where only time can settle that, time settles this."""
        key = operation.key
        if ref == key:
            return  # why its first step did not go out is said already
        told = self.work.outcome.held.get(ref.source) or self.work.outcome.by_hand.get(ref.source)
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
        self.work.outcome.held.setdefault(key.source, held)

    def _change(self, operation: Operation, entry: Entry, there: Body | None) -> Body | None:
        """The body of an update or void of what QuickBooks holds, if there is one to send."""
        key = operation.key
        if there is None:
            self.work.hold(
                key,
                "deleted",
                f"{key} (Id {entry.qbo_id}) was deleted in QuickBooks.",
                "It is not written again by itself; enter it by hand if it should count.",
            )
            return None
        if why := _untouchable(operation, there):
            self.work.hold(key, *why)
            return None
        if operation.action in (Action.VOID, Action.DELETE):
            body = void_body(there, key.entity)
        else:
            fill_only = self.work.shop.policy.customer_updates == "fill"
            body = update_body(operation, there, self.work.ids.__getitem__, fill_only=fill_only)
        is_there = says_what_was_sent(body, there, operation.action, key.entity)
        if is_there or self._is_entered_there(operation, there):
            # A person did it by hand, as the list of what to apply asks them to.
            now = self.work.clock.now()
            same = self.work.ledger.confirm(operation, there, self.work.outcome.run_id, now)
            self.work.arrived(same)
            done = replace(operation, reason="already so in QuickBooks")
            self.work.outcome.adopted.append(Written(done, same))
            return None
        if key.entity is Entity.PAYMENT and self._is_fixed(operation, there):
            return None
        return None if self._is_overruled(operation, entry, body, there) else body

    def _is_in_closed_books(self, there: Body) -> bool:
        until, dated = self.work.shop.policy.closed_until, str(there.get("TxnDate", ""))
        return until is not None and bool(dated) and dated <= until.isoformat()

    def _is_entered_there(self, operation: Operation, there: Body) -> bool:
        """Whether a person made a document in closed books say what it shall, but for trifles."""
        draft = operation.draft
        if draft.is_void or draft.key.entity.is_named or not self._is_in_closed_books(there):
            return False
        return says_already(draft, digest(owned(draft.key.entity, there)), self.work.ids.get)

    def _is_fixed(self, operation: Operation, payment: Body) -> bool:
        """Whether the API may not touch a payment: then a person applies it, or corrects it."""
        if is_deposited(payment):
            why = "it was deposited"
        elif self._is_in_closed_books(payment):
            why = f"the books are closed until {self.work.shop.policy.closed_until}"
        else:
            return False
        if operation.action is Action.UPDATE and set(operation.changes) <= {"Line"}:
            problem = by_hand(operation, payment, self.work.outcome.names, why)
            self.work.outcome.by_hand[problem.source] = problem
        else:
            self.work.hold(
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
        key, now = operation.key, self.work.clock.now()
        edit = classify(
            entry, self.work.seen.get(key), there, self.work.ids.get, self.work.gone, now
        )
        if edit is None or not overwrites(operation, edit, body, there):
            return False
        said = self.work.words.get(key)
        if said is not None and said.verdict is Says.OURS and said.theirs == edit.theirs:
            return False
        self.work.ledger.watch([edit], [], {})
        problem = in_the_way(operation.draft, entry, edit)
        self.work.outcome.held.setdefault(problem.source, problem)
        return True


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
