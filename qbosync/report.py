"""What scripts read: plans, runs, status, checks, each as one JSON object.

`screen` prints the same values for people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from qbosync.errors import QbosyncError, TemporaryError
from qbosync.key import Action
from qbosync.model import Problem
from qbosync.operation import Operation
from qbosync.outcome import Outcome, Written
from qbosync.qbo.preferences import Check


def operation_json(operation: Operation, names: Mapping[str, str]) -> dict[str, Any]:
    """An operation as scripts read it; money is text."""
    draft = operation.draft
    return {
        "action": operation.action.value,
        "entity": draft.key.entity.value,
        "source": draft.key.source,
        "number": draft.number,
        "customer": names.get(draft.customer, ""),
        "amount": "" if draft.amount is None else f"{draft.amount:.2f}",
        "reason": operation.reason,
        "changes": {
            name: {"before": before, "after": after}
            for name, (before, after) in operation.changes.items()
        },
    }


def held_json(problems: Iterable[Problem], since: Mapping[str, str]) -> list[dict[str, Any]]:
    """Held records, with when each was first held."""
    return [
        {
            "source": problem.source,
            "reason": problem.reason,
            "what": problem.what,
            "todo": problem.todo,
            "since": since.get(problem.source, ""),
            "until": _iso(problem.until),
            "amount": "" if problem.amount is None else f"{problem.amount:.2f}",
        }
        for problem in problems
    ]


def error_json(error: QbosyncError | None) -> dict[str, str] | None:
    """Why a run ended early."""
    return None if error is None else {"what": error.what, "todo": error.todo}


def _unknown_json(outcome: Outcome) -> dict[str, str] | None:
    """A run whose only trouble is that some answers were lost."""
    if outcome.exit_code != TemporaryError.exit_code:
        return None
    todo = "Nothing to do: the next run looks for them."
    return {"what": f"The outcome of {len(outcome.held)} writes is unknown.", "todo": todo}


def totals(operations: Iterable[Operation]) -> dict[str, str]:
    """The sums of what would be created, by entity."""
    sums: dict[str, Decimal] = defaultdict(lambda: Decimal("0.00"))
    for operation in operations:
        draft = operation.draft
        is_new = operation.action is Action.CREATE and draft.key.kind != "credit_application"
        if is_new and draft.amount is not None:
            sums[draft.key.entity.value] += draft.amount
    return {entity: f"{amount:.2f}" for entity, amount in sums.items()}


def plan_json(outcome: Outcome, since: Mapping[str, str]) -> dict[str, Any]:
    """What `sync` would do now."""
    plan = outcome.plan
    document = {
        "plan_id": plan.id,
        "operations": [operation_json(op, outcome.names) for op in plan.operations],
        "held": held_json(outcome.held.values(), since),
        "unchanged": plan.unchanged,
        "totals": totals(plan.operations),
        "out_of_scope": dict(plan.out_of_scope),
        "adopted": [_written_json(w, outcome.names) for w in outcome.adopted],
        "to_apply_by_hand": held_json(outcome.by_hand.values(), since),
        "edited": outcome.edited,
        "reported": outcome.reported,
        "exit_code": outcome.exit_code,
        "error": error_json(outcome.error) or _unknown_json(outcome),
    }
    return document


def _written_json(written: Written, names: Mapping[str, str]) -> dict[str, Any]:
    return operation_json(written.operation, names) | {"qbo_id": written.entry.qbo_id}


def sync_json(
    outcome: Outcome, company: Mapping[str, str], since: Mapping[str, str]
) -> dict[str, Any]:
    """What a run did; `company` has environment, realm_id and company."""
    document = plan_json(outcome, since)
    del document["operations"], document["totals"]
    return {
        "run": {
            "id": outcome.run_id,
            "started_at": _iso(outcome.started_at),
            "finished_at": _iso(outcome.finished_at),
            **company,
            "requests": outcome.requests,
            "reads": outcome.reads,
        },
        "written": [_written_json(w, outcome.names) for w in outcome.written],
        **document,
    }


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def status_json() -> dict[str, Any]:
    """The answer of `status` before anything is known."""
    return {
        "environment": "",
        "company": "",
        "realm_id": "",
        "connected": False,
        "active": False,
        "summary": "Stopped",
        "why": "",
        "last_run": None,
        "last_success_at": None,
        "held": [],
        "to_apply_by_hand": [],
        "held_amount": "0.00",
        "oldest_held_since": None,
        "edited": [],
        "opening_deposits": [],
        "open_intents": 0,
        "next_run": {"at": None, "by": ""},
        "feed": {"made_at": None, "age_hours": None},
        "closed_until": None,
        "last_error": None,
        "clock": {"now": "", "zone": ""},
        "token": {"refresh_days_left": None, "hard_days_left": None},
        "ledger": {},
        "accepted": {},
        "version": "",
        "configuration": "",
        "configuration_digest": "",
        "exit_code": 0,
        "error": None,
    }


def check_json(check: Check) -> dict[str, Any]:
    """One finding; `holds` names the documents that a stop holds back, where not all."""
    return {
        "name": check.name,
        "level": check.level,
        "evidence": check.evidence,
        "todo": check.todo,
        "holds": list(check.entities),
    }


def failure_json(command: str, error: Mapping[str, str], code: int) -> dict[str, Any]:
    """What a command answers that came to nothing: all its keys, and why."""
    nobody = {"environment": "", "realm_id": "", "company": ""}
    blanks: dict[str, Any] = {
        "plan": lambda: plan_json(Outcome(), {}),
        "sync": lambda: sync_json(Outcome(), nobody, {}),
        "status": status_json,
        "check": lambda: {"checks": [], "active": False},
        "explain": lambda: {"ref": "", "source": {}, "rule": "", "documents": [], "writes": [],
                            "held": [], "edited": [], "said": [], "put_aside": []},
        "demo": lambda: {"steps": [], "runs": [], "books": _no_statement(), "agree": False},
        "resolve": lambda: {"ref": "", "said": "", "what": "", **sync_json(Outcome(), nobody, {})},
        "reconcile": _no_statement,
        "adopt": lambda: {"certain": [], "doubtful": [], "left": {}, "taken_over": False},
    }  # fmt: skip
    blank = blanks[command]() if command in blanks else {}
    return {**blank, "exit_code": code, "error": dict(error)}


def _no_statement() -> dict[str, Any]:
    from qbosync.reconcile.show import blank_json

    return blank_json()


# Tables -----------------------------------------------------------------------------------
