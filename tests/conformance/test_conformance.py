"""How far the emulator agrees with recorded traffic: no less than before, and nothing new differs.

What may differ and why stands in `differences.py`; `python -m tests.conformance` prints it all.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from qbosync.emulator import Response

from . import differences, report, scenes, xml
from .compare import Comparison
from .corpus import CORPUS, WHY_ABSENT, Exchange, in_scope, rows_of
from .report import AGREE, DIFFER, SUPERSEDED

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason=WHY_ABSENT)


def test_at_least_95_percent_of_what_counts_agrees() -> None:
    assert report.share(report.measured()) >= 0.95


def test_nothing_differs_without_a_written_reason() -> None:
    found = {v.exchange.id: v.unexplained for v in report.measured() if v.unexplained}
    assert found == {}


def test_every_written_reason_is_still_needed() -> None:
    kinds = {v.exchange.id: v.kind for v in report.measured()}
    assert {one: kinds.get(one) for one in differences.DIFFERENCES} == dict.fromkeys(
        differences.DIFFERENCES, DIFFER
    )


# A code that no exchange put on gives, and why.
NOT_GIVEN = {
    "100": "told in XML only, when no Accept header is sent",
    "4002": "a defect of one company's data",
}


def test_every_fault_code_recorded_is_given_by_an_exchange_that_agrees() -> None:
    """One superseded for anything but its fault counts, too: code and text were compared."""
    judged = (*report.measured(), *xml.measured())
    wanted = {code for v in judged for code in v.exchange.codes}
    held = [v for v in judged if v.kind == AGREE or (v.kind == SUPERSEDED and _headers_only(v))]
    given = {code for v in held for code in v.exchange.codes}
    assert wanted - given == NOT_GIVEN.keys()


def _headers_only(verdict: report.Verdict) -> bool:
    if not verdict.exchange.codes or verdict.exchange.format == "xml":
        return False
    found = scenes.play(verdict.exchange).differences
    return all(one.startswith("header ") for one in found)


def test_at_least_95_percent_agree_when_the_xml_recordings_count_too() -> None:
    assert report.share((*report.measured(), *xml.measured())) >= 0.95


def test_the_xml_recordings_have_no_new_difference() -> None:
    found = {v.exchange.id: v.unexplained for v in xml.measured() if v.unexplained}
    assert found == {}


def _first(kind: str) -> Exchange:
    """A recorded list of customers that agrees."""
    return next(
        v.exchange
        for v in report.measured()
        if v.kind == AGREE and v.exchange.entity == "Customer" and v.exchange.operation == kind
    )


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (b'"Taxable":true', b'"Taxable":"true"'),
        (b'"Taxable":true', b'"Taxable":false'),
        (b'"Active":true,', b""),
        (b'"domain":"QBO"', b'"domain":"QBO","Surplus":1'),
        (b'"Balance":-', b'"Balance":'),
        (b"-07:00", b"Z"),
    ],
)
def test_the_comparison_notices_what_is_wrong(there: bytes, instead: bytes) -> None:
    exchange = _first("read")
    scene = scenes._scene(exchange)
    assert not isinstance(scene, str)
    world, reply, wanted, fresh = scene(exchange)
    assert scenes.compare(exchange, world, reply, wanted, fresh=fresh) == []
    assert there in reply.body
    wrong = Response(reply.status, reply.body.replace(there, instead), reply.headers)
    assert scenes.compare(exchange, world, wanted=wanted, reply=wrong, fresh=fresh) != []


def test_the_comparison_notices_the_form_of_a_number() -> None:
    held = Comparison({}, forms=True, fresh=True)
    assert list(held.bodies(Decimal("100.00"), Decimal("100.00"))) == []
    assert list(held.bodies(Decimal("100.00"), Decimal("100.0"))) != []


def test_reports_show_no_bodies() -> None:
    text = "\n".join(report.lines((*report.measured(), *xml.measured())))
    names = {
        row["DisplayName"]
        for one in in_scope()
        for entity, row in rows_of(one.body)
        if entity == "Customer"
    }
    assert not [name for name in names if name in text]
