"""What every source promises, as tests: an adapter subclasses this and provides its fixtures.

The promises are those of `qbosync.source.base.Source`; a subclass adds only how its order
system comes to say the same story.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from qbosync.source.base import Source


class SourceContract:
    """Subclasses provide `source` and `damaged_source`.

    `source` holds customer 0 ("Retail"), order 1001 of 2024-01-29 for 0.10 with the one line
    "Edge banding" of 0.10, and payment 77 of 0.30, of which 0.10 goes to order:1001.
    `damaged_source` says the same, and beside it order 1002, whose line has the amount "abc".
    """

    def test_amounts_are_exact(self, source: Source) -> None:
        order = source.read().orders["1001"]
        [line] = order.lines
        assert (order.total, line.amount) == (Decimal("0.10"), Decimal("0.10"))
        assert isinstance(line.amount, Decimal)

    def test_ids_are_text_and_zero_is_one(self, source: Source) -> None:
        snapshot = source.read()
        assert snapshot.customers["0"].name == "Retail"
        assert snapshot.orders["1001"].customer_id == "0"

    def test_dates_are_the_shops(self, source: Source) -> None:
        assert source.read().orders["1001"].placed == date(2024, 1, 29)

    def test_money_goes_where_the_source_says(self, source: Source) -> None:
        payment = source.read().payments["77"]
        [application] = payment.applied
        assert (payment.amount, application.amount) == (Decimal("0.30"), Decimal("0.10"))
        assert application.target == "order:1001"

    def test_what_is_referred_to_is_there(self, source: Source) -> None:
        snapshot = source.read()
        assert {o.customer_id for o in snapshot.orders.values()} <= snapshot.customers.keys()
        targets = {a.target for p in snapshot.payments.values() for a in p.applied}
        assert targets <= {order.ref for order in snapshot.orders.values()}

    def test_a_good_delivery_has_no_problem(self, source: Source) -> None:
        assert source.read().problems == ()

    def test_reading_twice_says_the_same(self, source: Source) -> None:
        assert source.read() == source.read()

    def test_every_record_says_where_it_was_read(self, source: Source) -> None:
        snapshot = source.read()
        assert all(customer.where for customer in snapshot.customers.values())
        assert all(order.where for order in snapshot.orders.values())

    def test_an_unreadable_part_holds_its_record_alone(self, damaged_source: Source) -> None:
        snapshot = damaged_source.read()
        [problem] = snapshot.problems
        assert problem.source == "order:1002"
        assert "abc" in problem.what
        assert problem.todo
        assert snapshot.orders.keys() == {"1001"}

    def test_what_is_held_is_no_reason_to_say_that_it_changed(
        self, source: Source, damaged_source: Source
    ) -> None:
        assert damaged_source.read().orders["1001"] == source.read().orders["1001"]
