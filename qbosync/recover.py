"""Open writes are looked for and brought to an end, before anything new is planned.

What is found is entered with what it really says; what has to be sent again goes alone,
and never before it was looked for.  A customer that a ledger which forgot knows by an old name
is not sent again: the plan looks for it by its name of today.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from qbosync.around import made_from
from qbosync.errors import TemporaryError
from qbosync.key import Action, Key
from qbosync.model import Problem
from qbosync.operation import Intent, Operation, Posted
from qbosync.outcome import Outcome, Progress, Written
from qbosync.proof import as_it_is, gone_since, prove
from qbosync.qbo.client import Call
from qbosync.qbo.faults import error_for
from qbosync.rebuilding import is_from_before
from qbosync.search import since_intents
from qbosync.settle import Decision, Step, decide, evidence, waiting
from qbosync.shop import Shop
from qbosync.wire import agreed


def recover(
    shop: Shop,
    outcome: Outcome,
    is_dry: bool,
    progress: Progress,
    should_stop: Callable[[], bool],
    adopts_until: datetime | None,
) -> dict[Key, Problem]:
    """Settle every write whose answer was lost; the holds of those that stay open.

    Raises:
        QbosyncError: When the run has to end early; what was settled is recorded.
    """
    intents = shop.ledger.open_intents()
    if not intents:
        return {}
    progress("Looking for what became of open writes", 0, len(intents))
    found = since_intents(shop.company, intents)
    open_: dict[Key, Problem] = {}
    for intent in intents:
        now = shop.clock.now()
        there = found.get(intent.key, [])
        decision = decide(intent, there, shop.policy.instance, now, shop.resend_after)
        if decision.step is Step.RESEND and adopts_until is not None:
            # An old copy of the ledger does not know when this was last sent.
            decision = Decision(Step.WAIT, until=adopts_until)
        if decision.step is Step.RESEND and _is_perhaps_renamed(shop, intent):
            decision = Decision(Step.DROP)
        if decision.step is Step.RESEND and _is_made_already(shop, intent):
            decision = Decision(Step.DROP)
        if decision.step is Step.RESEND and should_stop():
            decision = Decision(Step.WAIT, until=now)
        if not is_dry:
            at = f"{now:%Y-%m-%d %H:%M} UTC"
            shop.ledger.note(intent, evidence(intent, there, decision, at))
            decision = _carry_out(shop, outcome, intent, decision)
        if decision.step in (Step.WAIT, Step.HOLD) or is_dry:
            until = decision.until or now + shop.resend_after
            problem = waiting(intent, decision, shop.local(until))
            open_[intent.key] = problem
            outcome.held[problem.source] = problem
    return open_


def _is_made_already(shop: Shop, intent: Intent) -> bool:
    """Whether QuickBooks made the invoice from our estimate itself, so that ours would be twice."""
    links = intent.body.get("LinkedTxn", [])
    ids = [str(link["TxnId"]) for link in links if link.get("TxnType") == "Estimate"]
    return bool(made_from(shop.company, dict.fromkeys(ids, intent.key)))


def _is_perhaps_renamed(shop: Shop, intent: Intent) -> bool:
    """Whether it may be there under a newer name: the plan looks for that one.

    A ledger that was put back, or taken over from another machine, does not know what became of
    it; and a name is all that a customer is known by.
    """
    return intent.key.entity.is_named and is_from_before(shop.ledger, intent.first_sent)


def _carry_out(shop: Shop, outcome: Outcome, intent: Intent, decision: Decision) -> Decision:
    """Do what was decided; a step that is still WAIT or HOLD leaves the intent open."""
    now = shop.clock.now()
    if decision.step is Step.ADOPT and decision.object is not None:
        facts = intent.draft.facts
        if intent.action is Action.CREATE:
            facts = agreed(intent.draft, decision.object, {})
        entry = shop.ledger.recognise(intent, decision.object, facts, now)
        operation = Operation(intent.action, intent.draft, "its answer was lost")
        outcome.adopted.append(Written(operation, entry))
    elif decision.step is Step.DROP:
        shop.ledger.drop([intent], now, "not in QuickBooks")
    elif decision.step is Step.RESEND:
        return _resend(shop, outcome, intent)
    return decision


def _resend(shop: Shop, outcome: Outcome, intent: Intent) -> Decision:
    """Send an open intent once more: alone, as it was, under its own request id."""
    intent = shop.ledger.resend(intent, shop.clock.now())
    call = Call(intent.action.value, intent.key.entity.value, intent.body, intent.request_id)
    answer = shop.company.write(call)
    now = shop.clock.now()
    if answer.outcome == "posted" and answer.object is not None:
        told = Posted(answer.object, answer.trace_id)
        posted = as_it_is(shop.company, intent, told)
        if posted is None:
            problem = gone_since(intent, told)
            shop.ledger.refuse(intent, problem, now, told.trace_id, keeps_id=True)
            return Decision(Step.DROP)
        proof = prove(intent, posted, outcome)
        if proof.is_ours:
            [entry] = shop.ledger.record([(intent, posted)], now)
            operation = Operation(intent.action, intent.draft, "its answer was lost")
            outcome.written.append(Written(operation, entry))
        if proof.stop:
            raise proof.stop
        return Decision(Step.ADOPT, posted.object)
    if answer.outcome == "refused":
        # Planned afresh below, from today's data; a lasting refusal shows there.
        shop.ledger.drop([intent], now, answer.reason)
        return Decision(Step.DROP)
    if answer.outcome == "not_sent":
        raise (
            error_for(answer.fault)
            if answer.fault
            else TemporaryError(
                f"QuickBooks cannot be reached: {answer.reason}.",
                "Nothing to do: the next run tries again.",
            )
        )
    return Decision(Step.WAIT, until=now + shop.resend_after)
