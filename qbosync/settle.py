"""What became of a write whose answer was lost.

Sending it again blindly is how documents double, so it is looked for first, and only
sent again after QuickBooks has had time to apply it late:

    QuickBooks holds            and since the last sending    what is done
    ------------------------    --------------------------    ---------------------------
    what was asked for          any time                      adopt it: it arrived
    something else of ours      any time                      held as uncertain
    a stranger's, same number   less than `resend_after`      wait
    a stranger's, same number   more                          dropped: the plan holds it
    nothing of it               less than `resend_after`      wait
    an invoice that it made     more                          dropped: the plan adopts that one
    from our estimate itself
    nothing of it               more                          send again, same request id

Customers, items and payment methods have no marker: an active one of the name is what was
asked for, and one that does not fit is left to the plan, which knows what to say of it.

An update or void is read by Id: either QuickBooks says what was asked for, or, once
`resend_after` has passed, the intent is dropped and planned afresh with today's data:
should the first one still arrive, its SyncToken is stale and QuickBooks refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from qbosync.key import Action
from qbosync.model import Problem
from qbosync.operation import Body, Intent
from qbosync.recognise import Verdict, recognise
from qbosync.wire import says_what_was_sent


class Step(Enum):
    """What is done about an open intent."""

    ADOPT = "adopt"
    WAIT = "wait"
    RESEND = "resend"
    DROP = "drop"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Decision:
    """A step; with `object` for what was found, `why` for people, `until` for a wait."""

    step: Step
    object: Body | None = None
    why: str = ""
    until: datetime | None = None


def decide(
    intent: Intent,
    candidates: Iterable[Body],
    instance: str,
    now: datetime,
    resend_after: timedelta,
) -> Decision:
    """The truth table above, for one open intent."""
    until = intent.last_sent + resend_after
    is_over = now >= until
    there = list(candidates)
    if "Id" in intent.body:
        for body in there:
            if says_what_was_sent(intent.body, body, intent.action, intent.key.entity):
                return Decision(Step.ADOPT, body)
        if intent.action is Action.DELETE and not there:
            return Decision(Step.ADOPT, {"Id": intent.body["Id"], "status": "Deleted"})
        return Decision(Step.DROP) if is_over else Decision(Step.WAIT, until=until)
    if intent.key.entity.is_named:
        for body in there:
            if body.get("Active", True) and body.get("Type") == intent.body.get("Type"):
                return Decision(Step.ADOPT, body)
        if is_over:
            return Decision(Step.DROP if there else Step.RESEND)
        return Decision(Step.WAIT, until=until)
    judged = recognise(intent.draft, there, instance)
    if judged.verdict is Verdict.OURS:
        return Decision(Step.ADOPT, judged.object)
    if judged.verdict is Verdict.UNCERTAIN:
        return Decision(Step.HOLD, judged.object, judged.why)
    if is_over:
        step = Step.DROP if judged.verdict is Verdict.STRANGER else Step.RESEND
        return Decision(step, judged.object)
    return Decision(Step.WAIT, until=until)


def waiting(intent: Intent, decision: Decision, clock_time: str) -> Problem:
    """The hold of a record whose write is not settled; `clock_time` is the shop's own."""
    what = intent.key.source.replace("_", " ").replace(":", " ", 1).capitalize()
    if decision.step is Step.HOLD:
        qbo_id = decision.object["Id"] if decision.object else ""
        return Problem(
            intent.key.source,
            "uncertain",
            f"{what}: QuickBooks has {intent.key.entity} {qbo_id} with our mark, but"
            f" {decision.why}.",
            "Delete in QuickBooks what should not count; it clears itself.",
            intent.draft.amount,
        )
    return Problem(
        intent.key.source,
        "unknown_outcome",
        f"{what}: outcome unknown, checking again at {clock_time}.",
        "Nothing to do: it clears itself.",
        intent.draft.amount,
        decision.until,
    )


def evidence(intent: Intent, candidates: Iterable[Body], decision: Decision, at: str) -> str:
    """What was looked for at `at` (QuickBooks' day and time), and what was found."""
    entity, draft = intent.key.entity, intent.draft
    if "Id" in intent.body:
        sought = f"{entity} {intent.body['Id']} was read"
        nothing = "it does not say yet what was sent"
    elif entity.is_named:
        sought = f"the name {draft.name} was looked for"
        nothing = "nothing"
    else:
        number = f" or the number {draft.number}" if draft.number else ""
        sought = f"our mark{number} was looked for in what was made since it was first sent"
        nothing = "nothing of it"
    said = f"found {entity} {decision.object['Id']}" if decision.object else nothing
    others = sum(1 for _ in candidates) - bool(decision.object)
    among = f", among {others} others" if others > 0 and "Id" not in intent.body else ""
    outcomes = {
        Step.ADOPT: "it arrived",
        Step.WAIT: "left alone for now",
        Step.RESEND: "sent again under the same request id",
        Step.DROP: "planned afresh",
        Step.HOLD: decision.why,
    }
    return f"{at}: {sought}: {said}{among}; {outcomes[decision.step]}."
