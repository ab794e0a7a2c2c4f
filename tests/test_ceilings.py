"""What an unattended run does not do to real books: too many, too old, too much; wrong sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbosync.emulator import Server
from qbosync.errors import SetupError
from qbosync.guard import refuse_too_much, refuse_wrong_sums
from qbosync.key import Action
from qbosync.operation import Operation
from qbosync.plan import Plan
from tests.builders import TODAY, business, order, payment, pays, planned, policy
from tests.workroom import Workroom


def refused(plan: Plan, usual: str = "", **rules: Any) -> str:
    """What a run over this plan is stopped with, blank where it goes on."""
    real = policy(**{"is_production": True, **rules})
    try:
        refuse_too_much(plan, (), real, TODAY, Decimal(usual) if usual else None)
    except SetupError as error:
        return error.what
    return ""


def invoices(count: int, on: date = TODAY, total: str = "100.00") -> Plan:
    orders = [order(str(n), "shipped", total, charge_date=on) for n in range(2000, 2000 + count)]
    return planned(business(*orders))


def voids(count: int) -> Plan:
    plan = invoices(count)
    gone = [
        Operation(Action.VOID, replace(op.draft, is_void=True), "void")
        for op in plan.operations
        if not op.key.entity.is_named
    ]
    return Plan(tuple(gone))


def test_more_than_ten_voids_stop_an_unattended_run() -> None:
    assert refused(voids(10)) == ""
    assert "void 11 documents" in refused(voids(11))
    assert refused(voids(11), max_voids=20) == ""


def test_more_than_fifty_documents_from_before_last_month_stop_it() -> None:
    """Today is the 10th of March: before last month is before the 1st of February."""
    assert refused(invoices(50, date(2026, 1, 31))) == ""
    assert refused(invoices(51, date(2026, 2, 1))) == ""
    assert "51 documents dated before 2026-02-01" in refused(invoices(51, date(2026, 1, 31)))
    assert refused(invoices(51, date(2026, 1, 31)), max_old_documents=60) == ""


def test_three_times_the_usual_day_s_sum_stops_it() -> None:
    assert refused(invoices(3), usual="100.00") == ""
    assert "over 400.00, more than 3 times the usual day's 100.00" in refused(
        invoices(4), usual="100.00"
    )
    assert refused(invoices(4), usual="100.00", max_times_usual=4) == ""
    assert refused(invoices(4)) == "", "nobody knows yet what is usual"


def test_a_sandbox_has_no_such_limits() -> None:
    assert refused(voids(11), is_production=False) == ""


def test_a_plan_that_does_not_add_up_is_never_sent() -> None:
    """Lines are the total, and no more is applied than there is: before every write."""
    shop = business(order(status="shipped"), payment("77", "40.00", pays("order:1042", "40.00")))
    plan = planned(shop)
    refuse_wrong_sums(plan)
    for entity, field, value in (
        ("Invoice", "facts", "Total"), ("Payment", "body", "TotalAmt"),
    ):  # fmt: skip
        wrong = [_with(op, field, value) if op.key.entity == entity else op
                 for op in plan.operations]  # fmt: skip
        with pytest.raises(SetupError, match=r"would be wrong: it"):
            refuse_wrong_sums(Plan(tuple(wrong)))


def _with(operation: Operation, field: str, name: str) -> Operation:
    """The same operation with one figure that is a cent too small."""
    values = dict(getattr(operation.draft, field))
    values[name] = Decimal("39.99")
    return replace(operation, draft=replace(operation.draft, **{field: values}))


def test_the_usual_day_is_the_median_of_the_days_with_documents(
    server: Server, tmp_path: Path
) -> None:
    room = Workroom(server, tmp_path)
    orders = []
    for day in range(6):
        orders.append(order(str(3000 + day), "shipped", f"{10 * (day + 1)}.00"))
        room.run(business(*orders))
        room.advance(86400)
        with room.ledger() as ledger:
            usual = ledger.usual_day(room.clock.now())
        assert usual == (None if day < 4 else Decimal(30) if day == 4 else Decimal(35))
    with room.ledger() as ledger:
        assert ledger.usual_day(room.clock.now() + timedelta(days=60)) is None
