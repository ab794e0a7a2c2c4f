"""What QuickBooks answered, entered: first what was written, which must not be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qbosync.errors import QbosyncError, SetupError, TemporaryError
from qbosync.key import Action, Entity
from qbosync.mapping.context import Candidate
from qbosync.mapping.credit_memo import is_emptied
from qbosync.model import Problem
from qbosync.operation import Body, Intent, Operation, Posted, void_draft
from qbosync.outcome import Written
from qbosync.proof import as_it_is, gone_since, prove
from qbosync.qbo.catalogue import CLOSED
from qbosync.qbo.client import Answer
from qbosync.qbo.faults import Fault, advice, error_for, remedy
from qbosync.recognise import Verdict, recognise
from qbosync.search import customer_of
from qbosync.settle import Decision, Step, waiting
from qbosync.wire import agreed
from qbosync.writing import Writing


class Landing:
    """Enters the answers to requests; only the thread that owns the ledger calls it."""

    def __init__(self, work: Writing) -> None:
        self.work = work

    def land(self, group: list[tuple[Operation, Intent]], answers: list[Answer]) -> list[Operation]:
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
            self.work.stop = self.work.stop or error
        return stale

    def _record(self, posted: list[tuple[Operation, Intent, Posted]]) -> None:
        """Enter what QuickBooks answered, unless it speaks of something else than was sent."""
        ours = []
        for operation, intent, told in posted:
            answer = as_it_is(self.work.company, intent, told)
            if answer is None:
                problem = gone_since(intent, told)
                self.work.ledger.refuse(
                    intent, problem, self.work.clock.now(), told.trace_id, keeps_id=True
                )
                self.work.outcome.held[problem.source] = problem
                continue
            proof = prove(intent, answer, self.work.outcome)
            if proof.is_ours:
                ours.append((operation, intent, answer))
            else:
                self._unknown(intent)
            if proof.stop and self.work.stop:
                self.work.outcome.reported.append(proof.stop.what)
            self.work.stop = self.work.stop or proof.stop
        entries = (
            self.work.ledger.record([(i, a) for _, i, a in ours], self.work.clock.now())
            if ours
            else []
        )
        for (operation, _, _), entry in zip(ours, entries, strict=True):
            self.work.arrived(entry)
            self.work.outcome.written.append(Written(operation, entry))
        self.work.count(len(ours))

    def _unknown(self, intent: Intent) -> None:
        """The intent stays open; that it waits is said whatever else is said of its record."""
        until = intent.last_sent + self.work.shop.resend_after
        problem = waiting(intent, Decision(Step.WAIT, until=until), self.work.shop.local(until))
        self.work.outcome.held[problem.source] = problem

    def _not_sent(self, intent: Intent, answer: Answer) -> None:
        self.work.ledger.drop([intent], self.work.clock.now(), answer.reason)
        if self.work.stop is None and answer.fault is not None:
            self.work.stop = error_for(answer.fault)
        self.work.stop = self.work.stop or TemporaryError(
            f"QuickBooks cannot be reached: {answer.reason}.",
            "Nothing to do: the next run tries again.",
        )

    def _refused(self, operation: Operation, intent: Intent, fault: Fault) -> Operation | None:
        """Hold what QuickBooks refused, or say what is tried on a fresh look instead."""
        cure = remedy(fault)
        if cure == "stale" and operation.entry is not None:
            self.work.ledger.drop([intent], self.work.clock.now(), str(fault))
            return operation
        if cure == "number_taken" and self._is_ours_after_all(operation, intent, fault):
            return None
        if cure == "name_taken" and self._is_there_after_all(operation, intent, fault):
            return None
        if cure == "refused" and fault.code not in CLOSED and (other := _deletion(operation)):
            self.work.ledger.drop([intent], self.work.clock.now(), str(fault))
            return other
        words = advice(fault)
        if cure == "setup":
            self.work.ledger.drop([intent], self.work.clock.now(), str(fault))
            self.work.stop = self.work.stop or SetupError(words.what, words.todo)
            return None
        problem = Problem(
            operation.key.source,
            cure,
            f"{operation.key}: {words.what}",
            words.todo,
            operation.draft.amount,
        )
        self.work.ledger.refuse(intent, problem, self.work.clock.now(), fault.trace_id)
        self.work.outcome.held[problem.source] = problem
        self.work.count(1)
        return None

    def _is_ours_after_all(self, operation: Operation, intent: Intent, fault: Fault) -> bool:
        """A number clash names the document (6140): it may be our own of an earlier attempt."""
        named = fault.txn_id
        if not named:
            return False
        body = self.work.company.read(operation.key.entity, [named]).get(named)
        judged = recognise(operation.draft, [body] if body else [], self.work.shop.policy.instance)
        if judged.verdict is not Verdict.OURS or judged.object is None:
            return False
        facts = agreed(operation.draft, judged.object, self.work.ids)
        self._found(operation, intent, judged.object, facts, fault)
        return True

    def _is_there_after_all(self, operation: Operation, intent: Intent, fault: Fault) -> bool:
        """A name clash (6240) may be a customer made meanwhile: then that one is meant."""
        if operation.key.entity is not Entity.CUSTOMER or operation.entry is not None:
            return False
        met = customer_of(self.work.company, operation.draft)
        if not isinstance(met, Candidate):
            return False
        qbo_id = str(met.object["Id"])
        if any(
            k.entity is Entity.CUSTOMER and known == qbo_id for k, known in self.work.ids.items()
        ):
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
        entry = self.work.ledger.recognise(
            intent, there, facts, self.work.clock.now(), fault.trace_id
        )
        self.work.arrived(entry)
        self.work.outcome.adopted.append(Written(operation, entry))
        self.work.count(1)


def _deletion(operation: Operation) -> Operation | None:
    """The only deletion there is: of a credit memo that QuickBooks does not let say 0.00."""
    entry = operation.entry
    if entry is None or operation.action is not Action.UPDATE or not is_emptied(operation.draft):
        return None
    reason = "deleted in the shop system, and QuickBooks does not take 0.00"
    return replace(operation, action=Action.DELETE, draft=void_draft(entry, reason), reason=reason)
