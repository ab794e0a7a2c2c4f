"""A share of the simulated histories, and proof that the simulation would notice.

Each planted bug switches one layer off in the product itself; the histories that ran
clean before it must then break a promise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

import qbosync.prepare
import qbosync.recover
from qbosync import sync
from qbosync.ledger import Ledger
from qbosync.lookup import look_up
from qbosync.mapping.context import Found
from qbosync.operation import Intent, Operation
from qbosync.qbo.client import Answer, Call, Company
from qbosync.qbo.faults import Fault
from qbosync.recognise import Recognised, Verdict
from qbosync.settle import Decision, decide
from tests.simulation.enumeration import cases, try_case
from tests.simulation.fault import KINDS
from tests.simulation.history import Report, play, play_seed
from tests.simulation.parallel import everywhere
from tests.simulation.shrinking import shrink
from tests.simulation.world import World, draw

pytestmark = pytest.mark.simulation
SHARE = range(2000)
ENOUGH = 400
"""Seeds within which a planted bug must have shown."""


def first_broken(promise: str, seeds: Iterable[int] = range(ENOUGH)) -> Report:
    """The first history that breaks this promise."""
    for seed in seeds:
        report = play(draw(seed))
        if promise in report.wrong:
            return report
    raise AssertionError(f"no history of {ENOUGH} broke {promise!r}")


@pytest.mark.timeout(900)
def test_every_history_keeps_every_promise() -> None:
    reports = list(everywhere(play_seed, SHARE))
    assert [(r.seed, r.wrong) for r in reports if r.wrong] == []
    assert all(report.runs >= 5 and report.records >= 10 for report in reports)
    assert sum(report.kills for report in reports) > len(reports) // 2


@pytest.mark.timeout(900)
def test_every_boundary_of_a_small_week_in_one_process() -> None:
    """Named failpoints by faults by positions, singles: of every 7 cases 4."""
    chosen = [case for at, case in enumerate(cases()) if at % 7 in (0, 2, 4, 6)]
    assert len(chosen) >= 10_000
    assert [(name, wrong) for name, wrong in everywhere(try_case, chosen) if wrong] == []


def test_a_history_has_at_least_three_faults_to_come() -> None:
    for seed in SHARE:
        assert sum(len(step.faults) for step in draw(seed).steps) >= 3


def test_there_are_forty_kinds_of_fault() -> None:
    assert len(set(KINDS)) >= 40


def test_a_seed_says_the_same_each_time() -> None:
    one, other = (play(draw(7), is_logging=True) for _ in range(2))
    assert one.log == other.log and len(one.log) > 50


def test_sending_again_without_looking_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look at an open write before it is sent again: request ids alone do not save it."""
    monkeypatch.setattr(qbosync.recover, "since_intents", lambda _company, _intents: {})
    assert "twice" in first_broken("twice").wrong


def test_a_forgetful_ledger_without_looking_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look before a first create, after the ledger was lost or restored."""
    monkeypatch.setattr(sync, "look_up", lambda *_arguments: Found())
    assert first_broken("twice").wrong


def test_sending_again_at_once_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No quarantine: what QuickBooks applies late comes on top."""
    real = decide

    def hasty(*arguments: Any) -> Decision:
        *others, _resend_after = arguments
        return real(*others, timedelta(0))  # type: ignore[call-arg]

    monkeypatch.setattr(qbosync.recover, "decide", hasty)
    assert first_broken("sent again too soon").wrong


def test_random_request_ids_without_looking_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """With neither a deterministic id nor a look, nothing holds a resend back."""
    drawn = iter(range(10**9))

    def random_id(*_parts: object) -> str:
        return hashlib.sha256(f"{next(drawn)}".encode()).hexdigest()[:36]

    real = Ledger.resend

    def resend(ledger: Ledger, intent: Intent, now: datetime) -> Intent:
        fresh = replace(real(ledger, intent, now), request_id=random_id())
        with ledger.transaction():
            ledger.db.execute(
                "UPDATE intents SET request_id = ? WHERE id = ?", [fresh.request_id, intent.id]
            )
        return fresh

    monkeypatch.setattr(qbosync.prepare, "request_id", random_id)
    monkeypatch.setattr(Ledger, "resend", resend)
    monkeypatch.setattr(qbosync.recover, "since_intents", lambda _company, _intents: {})
    assert "twice" in first_broken("twice").wrong


def test_an_intent_after_sending_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The intent is committed only once QuickBooks has answered."""

    def late(ledger: Ledger, intents: Iterable[tuple[Operation, Intent]]) -> list[Intent]:
        return [intent for _, intent in intents]

    monkeypatch.setattr(Ledger, "intend", late)
    assert first_broken("without a durable intent", range(3)).wrong


def test_taking_an_unknown_outcome_for_a_refusal_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have been applied is taken for refused, and not seen among what changed since."""
    real = Company.write
    monkeypatch.setattr(sync, "look_up", lambda *arguments: look_up(*arguments[:4]))

    def trusting(company: Company, call: Call) -> Answer:
        answer = real(company, call)
        if answer.outcome == "unknown":
            return Answer("refused", fault=Fault(400, "9999", "refused"), reason=answer.reason)
        return answer

    monkeypatch.setattr(Company, "write", trusting)
    assert "twice" in first_broken("twice").wrong


def test_a_document_under_our_number_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever bears our number counts as ours, whoever made it."""

    def gullible(_draft: object, candidates: Iterable[dict[str, Any]], _mark: str) -> Recognised:
        bodies = list(candidates)
        return Recognised(Verdict.OURS, bodies[0]) if bodies else Recognised(Verdict.ABSENT)

    monkeypatch.setattr("qbosync.settle.recognise", gullible)
    assert any(play(draw(seed)).wrong for seed in range(ENOUGH))


def test_a_broken_history_shrinks_to_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qbosync.recover, "since_intents", lambda _company, _intents: {})
    report = first_broken("twice")
    world = draw(report.seed)
    small: World = shrink(world, report.wrong)
    assert len(small.steps) < len(world.steps) // 2
    assert "twice" in play(small).wrong
