"""What happens when something changes after it was sent: one test for each row of the README's
table, against QuickBooks' books.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qbosync.emulator import Server
from qbosync.model import Order, Refund, Snapshot
from qbosync.outcome import Outcome
from tests.builders import (
    business,
    charge,
    credit,
    customer,
    line,
    order,
    payment,
    pays,
    policy,
)
from tests.workroom import Dying, Json, Killed, Workroom, entities

SHIPPED = order(status="shipped")
PAID = payment("77", "100.00", pays("order:1042", "100.00"))
DELETED = frozenset({("order", "1042")})


def worth(total: str, of: Order = SHIPPED) -> Order:
    """The order with another total, on one line."""
    return replace(of, total=Decimal(total), lines=(line(total),))


def void(of: Order = SHIPPED) -> Order:
    return replace(of, status="void")


def by_number(room: Workroom, number: str, entity: str = "Invoice") -> Json:
    [body] = [b for b in room.documents(entity) if b.get("DocNumber") == number]
    return body


def money(body: Json, name: str = "TotalAmt") -> str:
    return f"{Decimal(str(body[name])):.2f}"


def pay_lines(payment: Json) -> list[str]:
    return [f"{Decimal(str(row['Amount'])):.2f}" for row in payment["Line"]]


def reasons(outcome: Outcome) -> dict[str, str]:
    assert outcome.error is None
    return {problem.source: problem.reason for problem in outcome.held.values()}


def goes_on(room: Workroom, snapshot: Snapshot, *wanted: tuple[str, str, str]) -> Outcome:
    """A run that writes exactly this, and leaves nothing to do for the next."""
    outcome = room.later(snapshot)
    assert outcome.error is None and not outcome.held, outcome.held
    assert [(action, str(entity), source) for action, entity, source in entities(outcome)] == list(
        wanted
    )
    again = room.later(snapshot)
    assert again.written == [] and again.exit_code == 0
    return outcome


# The order changes ------------------------------------------------------------------------


def test_an_estimate_follows_its_order(room: Workroom) -> None:
    room.run(business(order()))
    goes_on(room, business(worth("120.00", order())), ("update", "Estimate", "order:1042"))
    assert money(room.one("Estimate")) == "120.00"


def test_an_invoice_that_grows_keeps_what_is_paid(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    goes_on(room, business(worth("130.00"), PAID), ("update", "Invoice", "order:1042"))
    assert money(room.one("Invoice"), "Balance") == "30.00"


def test_the_newest_payment_gives_back_before_its_invoice_shrinks(room: Workroom) -> None:
    old = payment("71", "60.00", pays("order:1042", "60.00"))
    new = payment("72", "40.00", pays("order:1042", "40.00"), received=date(2026, 3, 8))
    room.run(business(SHIPPED, old, new))
    done = goes_on(
        room,
        business(worth("70.00"), old, new),
        ("update", "Payment", "payment:72"),
        ("update", "Invoice", "order:1042"),
    )
    assert done.plan.operations[0].reason == "gives back to order 1042"
    assert money(room.one("Invoice"), "Balance") == "0.00"
    left = {money(p): money(p, "UnappliedAmt") for p in room.documents("Payment")}
    assert left == {"60.00": "0.00", "40.00": "30.00"}


def test_money_taken_off_by_the_shop_goes_to_another_order_in_the_same_run(room: Workroom) -> None:
    other = order("2", "shipped", "50.00")
    room.run(business(SHIPPED, PAID, other))
    split = payment("77", "100.00", pays("order:1042", "60.00"), pays("order:2", "40.00"))
    goes_on(
        room,
        business(worth("60.00"), split, worth("70.00", other)),
        ("update", "Payment", "payment:77"),
        ("update", "Invoice", "order:1042"),
        ("update", "Invoice", "order:2"),
        ("update", "Payment", "payment:77"),
    )
    assert money(by_number(room, "1042"), "Balance") == "0.00"
    assert money(by_number(room, "2"), "Balance") == "30.00"


def test_a_shrinking_order_whose_money_is_in_the_bank_stays_as_it_is(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    room.bookkeeper("deposit", id=room.one("Payment")["Id"])
    held = room.later(business(worth("70.00"), PAID))
    assert reasons(held) == {"order:1042": "less_than_paid"}
    assert "was deposited in the bank" in held.held["order:1042"].what
    assert held.written == [] and money(room.one("Invoice")) == "100.00"


def test_a_spent_credit_gives_back_before_its_invoice_shrinks(room: Workroom) -> None:
    spent = credit("5", "30.00", pays("order:1042", "30.00"))
    room.run(business(SHIPPED, spent))
    goes_on(
        room,
        business(worth("20.00"), spent),
        ("update", "Payment", "credit_application:5/order:1042"),
        ("update", "Invoice", "order:1042"),
    )
    assert money(room.one("CreditMemo"), "Balance") == "10.00"


def test_a_void_order_rejects_its_estimate(room: Workroom) -> None:
    room.run(business(order()))
    goes_on(room, business(void(order())), ("update", "Estimate", "order:1042"))
    assert room.one("Estimate")["TxnStatus"] == "Rejected"


def test_a_void_order_voids_its_unpaid_invoice_and_rejects_its_estimate(room: Workroom) -> None:
    room.run(business(order()))
    room.later(business(SHIPPED))
    goes_on(
        room,
        business(void()),
        ("void", "Invoice", "order:1042"),
        ("update", "Estimate", "order:1042"),
    )
    assert money(room.one("Invoice")) == "0.00"
    assert room.one("Estimate")["TxnStatus"] == "Rejected"


def test_money_and_credits_come_off_before_a_void_order_is_voided(room: Workroom) -> None:
    spent = credit("5", "30.00", pays("order:1042", "30.00"))
    paid = payment("77", "70.00", pays("order:1042", "70.00"))
    room.run(business(SHIPPED, paid, spent))
    outcome = room.later(business(void(), paid, spent))
    assert not outcome.held
    assert sorted(map(str, entities(outcome)[:2])) == sorted(
        map(str, [("update", "Payment", "payment:77"),
                  ("void", "Payment", "credit_application:5/order:1042")])
    ) or len(entities(outcome)) == 3  # fmt: skip
    assert entities(outcome)[-1] == ("void", "Invoice", "order:1042")
    assert room.later(business(void(), paid, spent)).written == []
    waiting = [p for p in room.documents("Payment") if money(p) == "70.00"]
    assert [money(p, "UnappliedAmt") for p in waiting] == ["70.00"]
    assert money(room.one("CreditMemo"), "Balance") == "30.00"


def test_a_void_order_whose_money_is_in_the_bank_waits_for_a_person(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    paid = room.one("Payment")["Id"]
    room.bookkeeper("deposit", id=paid)
    held = room.later(business(void(), PAID))
    assert reasons(held) == {"order:1042": "void_with_money"} and held.written == []
    room.bookkeeper("unapply_payment", id=paid)
    done = room.later(business(void(), PAID))
    assert entities(done) == [("void", "Invoice", "order:1042")]


def test_an_order_that_comes_back_gets_a_new_invoice_under_a_new_number(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    room.later(business(void(), PAID))
    goes_on(
        room,
        business(SHIPPED, PAID),
        ("create", "Invoice", "order:1042"),
        ("update", "Payment", "payment:77"),
    )
    assert money(by_number(room, "1042")) == "0.00"
    again = by_number(room, "1042-2")
    assert money(again, "Balance") == "0.00"
    assert again["PrivateNote"] == "[qbosync main order:1042 #2]"
    room.later(business(void(), PAID))
    room.later(business(SHIPPED, PAID))
    assert money(by_number(room, "1042-3")) == "100.00"


def test_an_order_that_comes_back_as_ordered_opens_its_estimate_again(room: Workroom) -> None:
    room.run(business(order()))
    room.later(business(SHIPPED))
    room.later(business(void()))
    goes_on(room, business(order()), ("update", "Estimate", "order:1042"))
    assert room.one("Estimate")["TxnStatus"] == "Accepted"
    room.later(business(SHIPPED))
    links = [link["TxnType"] for link in by_number(room, "1042-2")["LinkedTxn"]]
    assert links == ["Estimate"]


def test_an_order_deleted_in_the_shop_is_as_good_as_void(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    free = payment("77", "100.00")
    goes_on(
        room,
        business(free, deletions=DELETED),
        ("update", "Payment", "payment:77"),
        ("void", "Invoice", "order:1042"),
    )


def test_an_order_missing_from_a_whole_delivery_loses_its_estimate_only(room: Workroom) -> None:
    room.run(business(order("1"), order("2", "shipped")))
    assert room.later(business()).written == [], "a delivery that is not whole says nothing"
    gone = room.later(business(is_complete=True))
    assert entities(gone) == [("update", "Estimate", "order:1")]
    assert reasons(gone) == {"order:2": "gone"}
    assert room.one("Estimate")["TxnStatus"] == "Rejected"
    assert money(room.one("Invoice")) == "100.00"


def test_a_status_that_falls_back_keeps_the_invoice_and_says_so(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    back = room.later(business(order(status="verified"), PAID))
    assert back.written == [] and "the invoice stays" in " ".join(back.reported)


def test_a_status_that_falls_back_voids_and_estimates_anew_where_that_is_wanted(
    room: Workroom,
) -> None:
    room.rules = policy(on_backward="void")
    room.run(business(order()))
    room.later(business(SHIPPED, PAID))
    goes_on(
        room,
        business(order(status="verified"), PAID),
        ("update", "Payment", "payment:77"),
        ("void", "Invoice", "order:1042"),
    )
    assert room.one("Estimate")["TxnStatus"] == "Accepted"
    assert money(room.one("Payment"), "UnappliedAmt") == "100.00"
    room.later(business(SHIPPED, PAID))
    assert money(by_number(room, "1042-2"), "Balance") == "0.00"


def test_on_hold_leaves_everything_as_it_is(room: Workroom) -> None:
    room.run(business(SHIPPED, order("2")))
    stopped = [replace(worth("9.00"), status="on hold"), order("2", "on hold")]
    assert room.later(business(*stopped)).written == []


def test_a_changed_charge_status_charges_what_it_reaches_and_keeps_the_rest(
    room: Workroom,
) -> None:
    room.rules = policy(on_backward="void")
    room.run(business(SHIPPED, order("2", "completed")))
    room.rules = policy(on_backward="void", charge_status="completed")
    charged = room.later(business(SHIPPED, order("2", "completed")))
    assert entities(charged) == [("create", "Invoice", "order:2")]
    room.rules = policy(on_backward="void")
    assert room.later(business(SHIPPED, order("2", "completed"))).written == []
    own = customer(charge_status="ordered")
    late = room.later(business(own, SHIPPED, order("2", "completed"), order("3")))
    assert entities(late) == [("create", "Invoice", "order:3")]


def test_an_unpaid_invoice_that_changes_hands_is_voided_and_made_anew(room: Workroom) -> None:
    other = customer("13", "Marlow")
    room.run(business(order()))
    room.later(business(SHIPPED))
    moved = replace(SHIPPED, customer_id="13")
    goes_on(
        room,
        business(other, moved),
        ("void", "Invoice", "order:1042"),
        ("update", "Estimate", "order:1042"),
        ("create", "Invoice", "order:1042"),
    )
    assert by_number(room, "1042-2")["CustomerRef"]["name"] == "Marlow"


def test_an_estimate_that_changes_hands_is_updated(room: Workroom) -> None:
    room.run(business(order()))
    moved = business(customer("13", "Marlow"), replace(order(), customer_id="13"))
    goes_on(room, moved, ("update", "Estimate", "order:1042"))
    assert room.one("Estimate")["CustomerRef"]["name"] == "Marlow"


def test_a_paid_invoice_that_changes_hands_is_held(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    moved = business(customer("13", "Marlow"), replace(SHIPPED, customer_id="13"), PAID)
    assert reasons(room.later(moved))["order:1042"] == "moved_customer"


def test_an_order_with_another_number_keeps_its_documents(room: Workroom) -> None:
    room.run(business(SHIPPED))
    goes_on(room, business(replace(SHIPPED, number="2042")), ("update", "Invoice", "order:1042"))
    assert room.one("Invoice")["DocNumber"] == "2042"


def test_the_invoice_moves_to_another_day_only_with_its_charge_date(room: Workroom) -> None:
    first = replace(SHIPPED, charge_date=date(2026, 3, 2))
    room.run(business(first))
    goes_on(
        room,
        business(replace(first, charge_date=date(2026, 3, 4))),
        ("update", "Invoice", "order:1042"),
    )
    assert room.one("Invoice")["TxnDate"] == "2026-03-04"


# Payments ---------------------------------------------------------------------------------


def test_a_payment_that_moves_splits_and_grows_follows_the_shop(room: Workroom) -> None:
    two = order("2", "shipped")
    room.run(business(SHIPPED, two, PAID))
    moved = payment("77", "100.00", pays("order:2", "100.00"))
    goes_on(room, business(SHIPPED, two, moved), ("update", "Payment", "payment:77"))
    split = payment("77", "120.00", pays("order:2", "50.00"), pays("order:1042", "70.00"))
    goes_on(room, business(SHIPPED, two, split), ("update", "Payment", "payment:77"))
    assert sorted(pay_lines(room.one("Payment"))) == ["50.00", "70.00"]
    less = payment("77", "60.00", pays("order:2", "50.00"))
    goes_on(room, business(SHIPPED, two, less), ("update", "Payment", "payment:77"))
    assert money(room.one("Payment"), "UnappliedAmt") == "10.00"


def test_a_payment_that_changes_hands_is_held(room: Workroom) -> None:
    room.run(business(PAID, order(), customer("13", "Marlow")))
    moved = payment("77", "100.00", customer_id="13")
    held = room.later(business(moved, order(), customer("13", "Marlow")))
    assert reasons(held) == {"payment:77": "moved_customer"}


@pytest.mark.parametrize("status", ["undone", "bounced"])
def test_a_payment_undone_while_it_waits_in_undeposited_funds_is_voided(
    room: Workroom, status: str
) -> None:
    room.run(business(SHIPPED, PAID))
    goes_on(
        room, business(SHIPPED, replace(PAID, status=status)), ("void", "Payment", "payment:77")
    )
    assert money(room.one("Payment")) == "0.00"
    assert money(room.one("Invoice"), "Balance") == "100.00"


def test_a_bounced_payment_that_is_in_the_bank_is_held_with_the_steps(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    room.bookkeeper("deposit", id=room.one("Payment")["Id"])
    bounced = business(SHIPPED, replace(PAID, status="bounced"))
    held = room.later(bounced)
    assert reasons(held) == {"payment:77": "undone_payment"}
    assert "Expense from the bank" in held.held["payment:77"].todo
    room.bookkeeper("void", entity="Payment", id=room.one("Payment")["Id"])
    assert not room.later(bounced).held, "it clears itself"
    assert room.later(bounced).exit_code == 0


def test_a_payment_undone_on_an_account_of_its_own_is_held(room: Workroom) -> None:
    room.rules = policy(deposit_to={"check": "Checking"})
    room.run(business(SHIPPED, PAID))
    held = room.later(business(SHIPPED, replace(PAID, status="undone")))
    assert reasons(held) == {"payment:77": "undone_payment"}


def test_a_payment_undone_and_entered_again_is_voided_first(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    again = payment("78", "100.00", pays("order:1042", "100.00"))
    goes_on(
        room,
        business(SHIPPED, replace(PAID, status="undone"), again),
        ("void", "Payment", "payment:77"),
        ("create", "Payment", "payment:78"),
    )
    assert money(room.one("Invoice"), "Balance") == "0.00"


def test_money_entered_again_waits_where_the_first_entry_cannot_be_voided(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    room.bookkeeper("deposit", id=room.one("Payment")["Id"])
    again = payment("78", "100.00", pays("order:1042", "100.00"))
    held = room.later(business(SHIPPED, replace(PAID, status="undone"), again))
    assert reasons(held) == {"payment:77": "undone_payment", "payment:78": "same_money"}
    assert held.written == []


def test_a_payment_that_comes_back_after_it_was_undone_is_entered_anew(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    room.later(business(SHIPPED, replace(PAID, status="undone")))
    goes_on(room, business(SHIPPED, PAID), ("create", "Payment", "payment:77"))
    assert money(room.one("Invoice"), "Balance") == "0.00"


def test_a_refunded_payment_is_never_voided(room: Workroom) -> None:
    room.run(business(SHIPPED, PAID))
    back = Refund("3", "12", date(2026, 3, 9), Decimal("100.00"), payment_id="77")
    held = room.later(business(SHIPPED, payment("77", "100.00", status="refunded"), back))
    assert entities(held) == [("update", "Payment", "payment:77")]
    assert reasons(held) == {"refund:3": "refund_by_hand"}
    assert money(room.one("Payment"), "UnappliedAmt") == "100.00"


@pytest.mark.parametrize("status", ["refunded", "bounced"])
def test_a_refund_and_a_bounce_clear_themselves_once_the_links_show_them(
    room: Workroom, status: str
) -> None:
    """A person enters the expense and ticks it in the payment, as the steps say."""
    room.run(business(SHIPPED, PAID))
    paid = room.one("Payment")["Id"]
    room.bookkeeper("deposit", id=paid)
    back = Refund("3", "12", date(2026, 3, 9), Decimal("100.00"), payment_id="77")
    others = [back] if status == "refunded" else []
    gone = payment("77", "100.00", *(() if others else PAID.applied), status=status)
    after = business(SHIPPED, gone, *others)
    waiting = room.later(after)
    assert list(waiting.held) == (["refund:3"] if others else ["payment:77"])
    room.bookkeeper("pay_back", id=paid, date="2026-03-09")
    assert money(room.one("Invoice"), "Balance") == "100.00"
    done = room.later(after)
    assert not done.held and not done.by_hand and done.written == []
    last = room.later(after)
    assert (last.exit_code, last.edited) == (0, [])


# Charges and credits ----------------------------------------------------------------------


def test_a_deleted_charge_is_voided(room: Workroom) -> None:
    room.run(business(charge()))
    goes_on(room, business(charge(is_deleted=True)), ("void", "Invoice", "charge:9"))


def test_a_deleted_charge_that_is_still_paid_in_the_shop_is_held(room: Workroom) -> None:
    paid = payment("77", "12.50", pays("charge:9", "12.50"))
    room.run(business(charge(), paid))
    held = room.later(business(charge(is_deleted=True), paid))
    assert reasons(held) == {"charge:9": "void_with_money"} and held.written == []
    goes_on(
        room,
        business(charge(is_deleted=True), payment("77", "12.50")),
        ("update", "Payment", "payment:77"),
        ("void", "Invoice", "charge:9"),
    )


def test_a_deleted_credit_memo_says_nothing_is_owed_and_why(room: Workroom) -> None:
    room.run(business(credit()))
    goes_on(room, business(credit(is_deleted=True)), ("update", "CreditMemo", "credit_memo:5"))
    memo = room.one("CreditMemo")
    assert (money(memo), money(memo, "Balance")) == ("0.00", "0.00")
    assert memo["PrivateNote"].startswith("Deleted in the shop system")
    goes_on(room, business(credit()), ("update", "CreditMemo", "credit_memo:5"))
    assert money(room.one("CreditMemo")) == "30.00"


def test_a_deleted_credit_memo_that_is_spent_is_held(room: Workroom) -> None:
    spent = credit("5", "30.00", pays("order:1042", "30.00"))
    room.run(business(SHIPPED, spent))
    held = room.later(business(SHIPPED, replace(spent, is_deleted=True)))
    assert reasons(held) == {"credit_memo:5": "deleted_credit"} and held.written == []
    goes_on(
        room,
        business(SHIPPED, replace(spent, is_deleted=True, applied=())),
        ("void", "Payment", "credit_application:5/order:1042"),
        ("update", "CreditMemo", "credit_memo:5"),
    )


def test_a_credit_spent_elsewhere_is_freed_and_spent_there(room: Workroom) -> None:
    two = order("2", "shipped")
    room.run(business(SHIPPED, two, credit("5", "30.00", pays("order:1042", "30.00"))))
    goes_on(
        room,
        business(SHIPPED, two, credit("5", "30.00", pays("order:2", "30.00"))),
        ("void", "Payment", "credit_application:5/order:1042"),
        ("create", "Payment", "credit_application:5/order:2"),
    )
    assert money(by_number(room, "2"), "Balance") == "70.00"


def test_a_credit_memo_is_spent_in_parts(room: Workroom) -> None:
    two = order("2", "shipped")
    room.run(business(SHIPPED, two, credit("5", "30.00", pays("order:1042", "10.00"))))
    parts = credit("5", "30.00", pays("order:1042", "10.00"), pays("order:2", "15.00"))
    goes_on(
        room, business(SHIPPED, two, parts), ("create", "Payment", "credit_application:5/order:2")
    )
    assert money(room.one("CreditMemo"), "Balance") == "5.00"


@pytest.mark.parametrize("reason", ["cash_discount", "write_off"])
def test_a_cash_discount_and_a_write_off_are_made_and_spent_at_once(
    room: Workroom, reason: str
) -> None:
    off = credit("5", "30.00", reason=reason, order_id="1042")
    room.run(business(SHIPPED, off))
    assert money(room.one("Invoice"), "Balance") == "70.00"
    assert money(room.one("CreditMemo"), "Balance") == "0.00"


def test_an_overpayment_is_the_unapplied_part_of_its_payment(room: Workroom) -> None:
    paid = payment("77", "130.00", pays("order:1042", "100.00"))
    surplus = credit("5", "30.00", reason="overpayment", payment_id="77")
    room.run(business(SHIPPED, paid, surplus))
    assert room.documents("CreditMemo") == []
    assert money(room.one("Payment"), "UnappliedAmt") == "30.00"
    two = order("2", "shipped")
    spent = replace(surplus, applied=(pays("order:2", "30.00"),))
    goes_on(
        room,
        business(SHIPPED, two, paid, spent),
        ("create", "Invoice", "order:2"),
        ("update", "Payment", "payment:77"),
    )
    assert money(by_number(room, "2"), "Balance") == "70.00"


# Closed books -----------------------------------------------------------------------------


def test_a_document_in_closed_books_stays_and_the_hold_says_what_would_change(
    room: Workroom,
) -> None:
    room.run(business(SHIPPED, charge()))
    room.bookkeeper("close_books", date="2026-03-31")
    held = room.later(business(worth("70.00"), charge(is_deleted=True)))
    assert reasons(held) == {"order:1042": "closed_books", "charge:9": "closed_books"}
    assert "would change from 100.00 to 70.00" in held.held["order:1042"].what
    assert held.written == []
    room.bookkeeper("open_books")
    done = room.later(business(worth("70.00"), charge(is_deleted=True)))
    assert len(done.written) == 2 and not done.held


def test_an_order_placed_on_a_closed_day_has_its_estimate_of_today(room: Workroom) -> None:
    """An estimate posts nothing, but QuickBooks refuses a closed day all the same."""
    room.run(business(SHIPPED))
    room.bookkeeper("close_books", date="2026-03-31")
    late = replace(order("2"), placed=date(2026, 3, 2))
    goes_on(room, business(SHIPPED, late), ("create", "Estimate", "order:2"))
    assert by_number(room, "2", "Estimate")["TxnDate"] > "2026-03-31"


def test_an_order_that_is_held_goes_out_in_no_part(room: Workroom) -> None:
    """Also where its estimate could: a record is held as a whole."""
    room.rules = policy(estimate_always=True)
    room.run(business(charge()))
    room.bookkeeper("close_books", date="2026-03-31")
    late = replace(SHIPPED, charge_date=date(2026, 3, 2))
    done = room.later(business(charge(), late))
    assert reasons(done) == {"order:1042": "closed_books"}
    assert entities(done) == [] and room.documents("Estimate") == []


def test_amounts_older_than_open_months_stay_and_the_rest_goes_on(room: Workroom) -> None:
    room.run(business(SHIPPED, order("2"), payment("77", "40.00", pays("order:2", "40.00"))))
    room.rules = policy(open_months=2)
    named = replace(worth("70.00"), name="Kitchen")
    held = room.later(business(named, order("2"), payment("77", "40.00", pays("order:2", "40.00"))))
    assert reasons(held) == {"order:1042": "closed_books"}
    charged = business(
        replace(SHIPPED, name="Kitchen"),
        order("2", "shipped"),
        payment("77", "40.00", pays("order:2", "40.00")),
    )
    goes_on(
        room,
        charged,
        ("update", "Invoice", "order:1042"),
        ("create", "Invoice", "order:2"),
        ("update", "Payment", "payment:77"),
    )


def test_a_new_payment_for_an_invoice_in_closed_books_goes_through(room: Workroom) -> None:
    room.run(business(SHIPPED))
    room.bookkeeper("close_books", date="2026-03-31")
    paid = payment("77", "100.00", pays("order:1042", "100.00"), received=date(2026, 4, 7))
    goes_on(room, business(SHIPPED, paid), ("create", "Payment", "payment:77"))
    assert money(room.one("Invoice"), "Balance") == "0.00"


def test_a_payment_in_closed_books_is_applied_by_hand_and_clears_itself(room: Workroom) -> None:
    late = replace(SHIPPED, status_at=date(2026, 4, 7))
    room.run(business(order(), PAID))
    room.bookkeeper("close_books", date="2026-03-31")
    listed = room.later(business(late, PAID))
    assert entities(listed) == [("create", "Invoice", "order:1042")] and not listed.held
    assert "apply 100.00 to order 1042" in listed.by_hand["payment:77"].what
    assert listed.exit_code == 3
    invoice, paid = room.one("Invoice")["Id"], room.one("Payment")["Id"]
    room.bookkeeper("apply_payment", id=paid, invoice=invoice)
    assert not room.later(business(late, PAID)).by_hand
    assert room.later(business(late, PAID)).exit_code == 0


def test_a_payment_in_the_bank_is_applied_by_hand_and_clears_itself(room: Workroom) -> None:
    room.run(business(order(), PAID))
    paid = room.one("Payment")["Id"]
    room.bookkeeper("deposit", id=paid)
    listed = room.later(business(SHIPPED, PAID))
    assert entities(listed) == [("create", "Invoice", "order:1042")] and not listed.held
    assert "it was deposited" in listed.by_hand["payment:77"].what
    room.bookkeeper("apply_payment", id=paid, invoice=room.one("Invoice")["Id"])
    assert not room.later(business(SHIPPED, PAID)).by_hand
    assert room.later(business(SHIPPED, PAID)).exit_code == 0


def test_a_payment_in_the_bank_whose_amount_changes_is_held(room: Workroom) -> None:
    room.run(business(PAID, order()))
    room.bookkeeper("deposit", id=room.one("Payment")["Id"])
    held = room.later(business(payment("77", "90.00", pays("order:1042", "90.00")), order()))
    assert reasons(held) == {"payment:77": "fixed_payment"}


def taxed(goods: str, tax: str, status: str = "shipped") -> Order:
    total = str(Decimal(goods) + Decimal(tax))
    return order(status=status, total=total, lines=(line(goods),), tax=Decimal(tax))


def test_what_may_not_be_changed_is_corrected_by_a_document_of_today(room: Workroom) -> None:
    room.rules = policy(correction="credit_memo")
    room.run(business(taxed("100.00", "6.00")))
    room.bookkeeper("close_books", date="2026-03-31")
    goes_on(
        room,
        business(taxed("80.00", "4.80")),
        ("create", "CreditMemo", "correction:order:1042/C1"),
    )
    memo = by_number(room, "1042-C1", "CreditMemo")
    zone = ZoneInfo("America/Boise")
    assert memo["TxnDate"] == room.clock.now().astimezone(zone).date().isoformat()
    rows = [r for r in memo["Line"] if r["DetailType"] == "SalesItemLineDetail"]
    told = {r["SalesItemLineDetail"]["ItemRef"]["name"]: money(r, "Amount") for r in rows}
    assert told == {"Cabinets": "20.00", "Sales Tax": "1.20"}
    goes_on(
        room,
        business(taxed("150.00", "9.00")),
        ("create", "Invoice", "correction:order:1042/A1"),
    )
    assert money(by_number(room, "1042-A1")) == "74.20"
    assert money(by_number(room, "1042")) == "106.00", "the original is untouched"
    room.bookkeeper("open_books")
    assert room.later(business(taxed("150.00", "9.00"))).written == []
    goes_on(
        room,
        business(taxed("150.00", "9.00", status="void")),
        ("create", "CreditMemo", "correction:order:1042/C2"),
    )


def test_the_correction_of_a_merged_customer_s_invoice_stays_with_it(room: Workroom) -> None:
    """In closed books the invoice is history; what is owed beyond it, and paid, is beside it."""
    room.rules = policy(correction="credit_memo")
    old, heir, other = customer(), customer("13", "Marlow"), order("4", customer_id="13")
    room.run(business(old, heir, other, SHIPPED))
    room.bookkeeper("close_books", date="2026-03-31")
    people = (replace(old, merged_into="13"), heir, other)
    done = room.later(business(*people, worth("130.00")))
    assert entities(done) == [("create", "Invoice", "correction:order:1042/A1")]
    assert not done.held
    paid = payment("79", "130.00", pays("order:1042", "130.00"), customer_id="13")
    paid = replace(paid, received=date(2026, 4, 20))
    goes_on(room, business(*people, worth("130.00"), paid), ("create", "Payment", "payment:79"))
    assert set(names(room).values()) == {"Birchwood Homes", "Marlow"}
    assert names(room)["Invoice 1042-A1"] == names(room)["Invoice 1042"] == "Birchwood Homes"
    assert money(by_number(room, "1042"), "Balance") == "0.00"
    assert money(by_number(room, "1042-A1"), "Balance") == "0.00"


def test_an_order_that_shrinks_below_money_in_the_bank_is_corrected_where_wanted(
    room: Workroom,
) -> None:
    room.rules = policy(correction="credit_memo")
    room.run(business(SHIPPED, PAID))
    room.bookkeeper("deposit", id=room.one("Payment")["Id"])
    goes_on(
        room,
        business(worth("70.00"), PAID),
        ("create", "CreditMemo", "correction:order:1042/C1"),
    )
    assert money(by_number(room, "1042-C1", "CreditMemo")) == "30.00"


# Customers, classes, dates ---------------------------------------------------------------


def names(room: Workroom) -> dict[str, str]:
    """Whose each document is, by its number, or its kind."""
    found = {}
    for entity in ("Estimate", "Invoice", "CreditMemo", "Payment"):
        for body in room.documents(entity):
            key = f"{entity} {body.get('DocNumber', '')}".strip()
            found[key] = str(body["CustomerRef"].get("name") or body["CustomerRef"]["value"])
    ids = {str(c["Id"]): str(c["DisplayName"]) for c in room.documents("Customer")}
    return {key: ids.get(name, name) for key, name in found.items()}


def test_a_renamed_customer_is_renamed(room: Workroom) -> None:
    room.run(business(SHIPPED))
    room.later(business(SHIPPED, customer(name="Birchwood & Sons")))
    assert room.one("Customer")["DisplayName"] == "Birchwood & Sons"


def test_an_individual_that_becomes_a_company_and_back_is_followed(room: Workroom) -> None:
    room.run(business(SHIPPED, customer(type="individual")))
    room.later(business(SHIPPED, customer(type="business")))
    assert room.one("Customer")["CompanyName"] == "Birchwood Homes"
    room.later(business(SHIPPED, customer(type="individual")))
    assert not room.one("Customer").get("CompanyName")


def test_of_a_merged_customer_what_is_open_moves_and_history_stays(room: Workroom) -> None:
    old, heir = customer(), customer("13", "Marlow")
    paid = payment("77", "60.00", pays("order:1", "60.00"))
    free = payment("78", "5.00")
    records = [order("1", "shipped"), order("2", "shipped"), order("3"), paid, free, credit()]
    room.run(business(old, heir, order("4", customer_id="13"), *records))
    merged = replace(old, merged_into="13")
    goes_on(
        room,
        business(merged, heir, order("4", customer_id="13"), *records),
        ("update", "Estimate", "order:3"),
        ("update", "Invoice", "order:2"),
        ("update", "CreditMemo", "credit_memo:5"),
        ("update", "Payment", "payment:78"),
    )
    assert names(room) == {
        "Estimate 3": "Marlow", "Estimate 4": "Marlow", "Invoice 1": "Birchwood Homes",
        "Invoice 2": "Marlow", "CreditMemo CM-5": "Marlow",
        "Payment": names(room)["Payment"],
    }  # fmt: skip
    rest = payment("79", "40.00", pays("order:1", "40.00"), customer_id="13")
    goes_on(
        room,
        business(merged, heir, order("4", customer_id="13"), *records, rest),
        ("create", "Payment", "payment:79"),
    )
    assert money(by_number(room, "1"), "Balance") == "0.00"


def test_a_merged_customer_s_order_that_is_charged_takes_its_estimate_along(
    room: Workroom,
) -> None:
    """QuickBooks makes an invoice of no estimate of another customer."""
    old, heir, other = customer(), customer("13", "Marlow"), order("4", customer_id="13")
    room.run(business(old, heir, other, order("3")))
    goes_on(
        room,
        business(replace(old, merged_into="13"), heir, other, order("3", "shipped")),
        ("update", "Estimate", "order:3"),
        ("create", "Invoice", "order:3"),
    )
    assert names(room)["Invoice 3"] == "Marlow"


def test_an_invoice_made_of_an_estimate_stays_with_the_merged_customer(room: Workroom) -> None:
    """It cannot move without its estimate, which is history; what pays it stays with it."""
    old, heir, other = customer(), customer("13", "Marlow"), order("4", customer_id="13")
    room.run(business(old, heir, other, order("3")))
    room.later(business(old, heir, other, order("3", "shipped")))
    merged = replace(old, merged_into="13")
    goes_on(room, business(merged, heir, other, order("3", "shipped")))
    assert names(room)["Invoice 3"] == "Birchwood Homes"
    paid = payment("79", "40.00", pays("order:3", "40.00"), customer_id="13")
    goes_on(
        room,
        business(merged, heir, other, order("3", "shipped"), paid),
        ("create", "Payment", "payment:79"),
    )
    assert money(by_number(room, "3"), "Balance") == "60.00"


def test_an_invoice_that_fell_back_goes_to_the_customer_that_is_left_as_it_is(
    room: Workroom,
) -> None:
    """The order waits to be charged again; what is owed is the other customer's already."""
    old, heir, other = customer(), customer("13", "Marlow"), order("4", customer_id="13")
    room.run(business(old, heir, other, order("3", "shipped")))
    [line] = by_number(room, "3")["Line"][:1]
    merged = replace(old, merged_into="13")
    cheaper = worth("90.00", order("3", "ordered"))
    moved = goes_on(room, business(merged, heir, other, cheaper), ("update", "Invoice", "order:3"))
    assert moved.held == {} and names(room)["Invoice 3"] == "Marlow"
    assert money(by_number(room, "3")) == "100.00"
    room.later(business(merged, heir, other, worth("90.00", order("3", "shipped"))))
    assert money(by_number(room, "3")) == "90.00"
    assert by_number(room, "3")["Line"][0]["Id"] == line["Id"]


@pytest.mark.parametrize("status", ["ordered", "on hold", "?"])
def test_money_for_an_order_of_a_merged_customer_finds_its_invoice(
    room: Workroom, status: str
) -> None:
    """QuickBooks lets no payment pay another customer's invoice: it follows the invoice."""
    old, heir, other = customer(), customer("13", "Marlow"), order("4", customer_id="13")
    room.run(business(old, heir, other, order("3", "shipped")))
    merged, waits = replace(old, merged_into="13"), order("3", status)
    room.later(business(merged, heir, other, waits))
    paid = payment("79", "40.00", pays("order:3", "40.00"), customer_id="13")
    outcome = room.later(business(merged, heir, other, waits, paid))
    assert entities(outcome) == [("create", "Payment", "payment:79")]
    assert money(by_number(room, "3"), "Balance") == "60.00"
    assert names(room)["Payment"] == names(room)["Invoice 3"]


def test_a_customer_made_inactive_holds_its_documents(room: Workroom) -> None:
    room.run(business(SHIPPED))
    room.bookkeeper("deactivate", name="Birchwood Homes")
    held = room.later(business(SHIPPED, order("2")))
    assert reasons(held) == {"order:2": "waits"} and held.written == []
    assert "is inactive" in held.held["order:2"].what
    name = room.company().select("Customer", "Active = false")
    room.bookkeeper("activate", name=next(iter(name))["DisplayName"])
    assert entities(room.later(business(SHIPPED, order("2")))) == [
        ("create", "Estimate", "order:2")
    ]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_customer_made_inactive_is_made_active_where_that_is_wanted(
    room: Workroom, is_known: bool
) -> None:
    room.rules = policy(reactivate=True)
    if is_known:
        room.run(business(SHIPPED))
    else:
        room.book("Customer", {"DisplayName": "Birchwood Homes"})
    room.bookkeeper("deactivate", name="Birchwood Homes")
    done = room.later(business(SHIPPED, order("2")))
    assert not done.held
    there = room.one("Customer")
    assert (there["DisplayName"], there["Active"]) == ("Birchwood Homes", True)
    assert [body["DocNumber"] for body in room.documents("Estimate")] == ["2"]


def test_a_product_of_another_class_moves_its_line_to_that_item(room: Workroom) -> None:
    room.run(business(replace(SHIPPED, lines=(line("100.00", export_class="Doors"),))))
    for name in ("Fronts", "Never seen before"):
        goes_on(
            room,
            business(replace(SHIPPED, lines=(line("100.00", export_class=name),))),
            ("update", "Invoice", "order:1042"),
        )
        detail = room.one("Invoice")["Line"][0]["SalesItemLineDetail"]
        assert detail["ItemRef"]["name"] == name
    assert {item["Name"] for item in room.documents("Item")} >= {"Doors", "Fronts"}


def test_a_remake_over_nothing_is_sent_or_skipped_as_configured(room: Workroom) -> None:
    remake = order("2", "shipped", "0.00")
    room.rules = policy(zero_total="skip")
    assert room.run(business(remake)).written == []
    room.rules = policy()
    room.later(business(remake))
    assert money(room.one("Invoice")) == "0.00"
    room.rules = policy(zero_total="skip")
    assert room.later(business(remake)).exit_code == 0, "what is there stays"


def test_a_charge_date_to_come_waits_for_its_day(room: Workroom) -> None:
    today = room.clock.now().astimezone(ZoneInfo("America/Boise")).date()
    day = today + timedelta(days=2)
    later = replace(SHIPPED, charge_date=day)
    assert entities(room.run(business(later))) == [("create", "Estimate", "order:1042")]
    assert room.later(business(later)).written == []
    room.advance(2 * 86400)
    assert entities(room.later(business(later))) == [("create", "Invoice", "order:1042")]
    assert room.one("Invoice")["TxnDate"] == day.isoformat()


def test_a_feed_that_leaves_the_surplus_out_of_its_payments(room: Workroom) -> None:
    room.rules = policy(payment_amount="applied")
    surplus = credit("5", "30.00", reason="overpayment", payment_id="77")
    room.run(business(SHIPPED, PAID, surplus))
    paid = room.one("Payment")
    assert (money(paid), money(paid, "UnappliedAmt")) == ("130.00", "30.00")


# Killed between any two -------------------------------------------------------------------


BEFORE = business(
    SHIPPED,
    order("2", "shipped", "50.00"),
    order("3", "shipped", "80.00"),
    order("4", "shipped", "40.00"),
    PAID,
    payment("78", "80.00", pays("order:3", "80.00")),
    payment("79", "25.00"),
    credit("5", "30.00", pays("order:4", "30.00")),
)
AFTER = business(
    customer("13", "Marlow"),
    worth("60.00"),
    order("2", "shipped", "70.00"),
    void(order("3", "shipped", "80.00")),
    order("4", "shipped", "40.00", customer_id="13"),
    payment("77", "100.00", pays("order:1042", "60.00"), pays("order:2", "40.00")),
    payment("78", "80.00", status="undone"),
    payment("80", "80.00", pays("order:2", "30.00")),
    payment("79", "25.00"),
    credit("5", "30.00"),
)


def test_killed_between_any_two_steps_the_books_are_those_of_one_quiet_run(
    server: Server, tmp_path: Path
) -> None:
    quiet = Workroom(server, tmp_path / "quiet")
    quiet.run(BEFORE)
    last = quiet.later(AFTER, 3)
    assert last.exit_code == 0 and last.written == []
    for moment in itertools.count(1, 2):
        room = Workroom(server, tmp_path / f"at-{moment}")
        room.run(BEFORE)
        room.advance()
        dying = Dying(room.clock, moment)
        with suppress(Killed):
            room.run(AFTER, dying)
        if dying.count < moment:
            break
        room.later(AFTER, 4)
        assert room.books() == quiet.books(), moment
    assert moment > 15
