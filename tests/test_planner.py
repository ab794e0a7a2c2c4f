"""How the planner decides: what people did and decided, what waits, what corrects, what shrinks.

Values in, values out; what the source says of each document is tested in `test_plan`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from qbosync.drift import owned
from qbosync.edit import SAID, Edit, Kind, Says, Word
from qbosync.key import Action, Entity, Key, item_key
from qbosync.mapping.context import Candidate, Memory, Refusal, Stranger
from qbosync.model import Problem, Snapshot
from qbosync.operation import Operation, bind, digest
from qbosync.plan import Plan
from qbosync.planner import make_plan
from tests.builders import (
    FOUND,
    TODAY,
    business,
    carried_out,
    credit,
    customer,
    documents,
    held,
    order,
    payment,
    pays,
    planned,
    policy,
    remembered,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ESTIMATE = Key(Entity.ESTIMATE, "order", "1042")
INVOICE = Key(Entity.INVOICE, "order", "1042")
PAYMENT = Key(Entity.PAYMENT, "payment", "77")
CUSTOMER = Key(Entity.CUSTOMER, "customer", "12")
SHIPPED = order(status="shipped")
MORE = order(status="shipped", total="120.00")


def op_of(plan: Plan, key: Key) -> Operation:
    [operation] = [op for op in plan.operations if op.key == key]
    return operation


def problem_of(plan: Plan, source: str) -> Problem:
    [problem] = [problem for problem in plan.held if problem.source == source]
    return problem


def words_of(problem: Problem) -> tuple[str, str, str, Decimal | None]:
    return problem.reason, problem.what, problem.todo, problem.amount


def touched(memory: Memory, key: Key, kind: Kind = Kind.EDITED, **fields: Any) -> Memory:
    """A person changed it in QuickBooks."""
    edit = Edit(key, kind, "f1", NOW, {"DocNumber": ("1042", "77-A")}, **fields)
    return replace(memory, edits={**memory.edits, key: edit})


def decided(memory: Memory, key: Key, verdict: Says, **fields: Any) -> Memory:
    """A person said what is to become of it."""
    fields.setdefault("theirs", "f1")
    return replace(memory, words={key: Word(key, verdict, NOW, **fields)})


def stands(memory: Memory, key: Key, **fields: Any) -> Memory:
    """The ledger has it otherwise than it was written."""
    return replace(memory, entries={**memory.entries, key: replace(memory.entries[key], **fields)})


# What the plan says -----------------------------------------------------------------------------


def test_a_plan_says_where_every_record_stands() -> None:
    memory = remembered(business(SHIPPED, order("2")))
    bid, hold = order("3", "bid"), order("4", total="-1.00")
    plan = planned(business(SHIPPED, order("2"), bid, hold, order("5")), memory=memory)
    assert documents(plan) == [("create", "Estimate", "order:5")]
    assert plan.unchanged == 3, "the customer, an invoice and an estimate"
    assert set(held(plan)) == {"order:4"}
    [(source, reason)] = plan.skipped.items()
    assert source == "order:3" and plan.out_of_scope == {reason: 1}
    assert plan.kept == {} and plan.accepted == {} and plan.reported == ()
    assert Key(Entity.ESTIMATE, "order", "5") in plan.wanted
    assert isinstance(plan.wanted, frozenset) and plan.writes == plan.operations


def test_a_record_of_two_documents_is_counted_once() -> None:
    memory = remembered(business(order()))
    shop = business(replace(SHIPPED, customer_id="13"), customer("13", "Marlow"))
    shop = replace(shop, customers={**shop.customers, "12": customer(merged_into="13")})
    stays = planned(shop, memory=stands(memory, ESTIMATE, state="forgotten"))
    assert (documents(stays), stays.unchanged) == ([], 1)
    kept = decided(touched(memory, ESTIMATE), ESTIMATE, Says.THEIRS)
    goes = planned(shop, memory=kept)
    assert (documents(goes), goes.unchanged) == ([("create", "Invoice", "order:1042")], 0)


def test_what_is_told_of_several_documents_is_told_once_with_how_many() -> None:
    cash = [payment(id_, "5.00", method="cash") for id_ in ("1", "2", "3")]
    words = "payments by 'cash' go without a payment method: [payments.methods] has none"
    assert f"{words} (3 times)" in planned(business(*cash)).reported
    assert words in planned(business(cash[0])).reported
    again = planned(business(*cash), memory=remembered(business(*cash)))
    assert again.reported == (), "told once, when it is created"


def test_a_document_that_stays_as_it_is_is_told_with_the_reason() -> None:
    memory = remembered(business(SHIPPED, order("2", "shipped")))
    back = [replace(o, status="ordered") for o in (SHIPPED, order("2", "shipped"))]
    plan = planned(business(*back), memory=memory)
    assert plan.operations == () and set(plan.kept) == {"order:1042", "order:2"}
    note = plan.kept["order:1042"]
    assert note and f"order 1042: {note}" in plan.reported
    assert plan.unchanged == 3


def test_adoptions_are_no_writes() -> None:
    there = Candidate("Customer", {"Id": "58", "SyncToken": "1", "DisplayName": "Birchwood Homes"})
    plan = planned(business(order()), found=replace(FOUND, objects={CUSTOMER: (there,)}))
    assert op_of(plan, CUSTOMER).action is Action.ADOPT
    assert [op.key.entity for op in plan.writes] == [Entity.ITEM, Entity.ESTIMATE]


def test_a_plans_id_is_twelve_characters_and_changes_with_what_it_stands_for() -> None:
    shop = business(order())
    ids = [
        planned(shop).id,
        planned(shop, stamp="x").id,
        planned(replace(shop, digest="d")).id,
        planned(business(order(total="2.00"))).id,
        planned(shop, memory=Memory(asides={"order:1042": Problem("order:1042", "a", "", "")})).id,
        planned(business(order(total="-1.00"))).id,
        planned(shop, memory=remembered(shop)).id,
    ]
    assert len(set(ids)) == 7 - 1 and all(len(id_) == 12 for id_ in ids)
    assert ids[4] == ids[5], "both hold the same order and do nothing"
    empty = make_plan(business(), Memory(), policy(), TODAY)
    assert empty.id == make_plan(business(), Memory(), policy(), TODAY, stamp="").id


def test_the_order_in_which_records_are_held_makes_no_other_plan() -> None:
    asides = {f"order:{n}": Problem(f"order:{n}", "put_aside", "", "") for n in (2, 1)}
    shop = business(order("1"), order("2"))
    one = planned(shop, memory=Memory(asides=asides))
    two = planned(shop, memory=Memory(asides=dict(reversed(asides.items()))))
    assert one.id == two.id and len(one.held) == 2


# What waits and what is held --------------------------------------------------------------------


def test_a_record_put_aside_is_held_as_it_was_said() -> None:
    aside = Problem("order:1042", "put_aside", "Put aside.", "`qbosync release`.")
    plan = planned(business(order(), order("2")), memory=Memory(asides={"order:1042": aside}))
    assert plan.held == (aside,) and documents(plan) == [("create", "Estimate", "order:2")]


def test_a_record_with_an_open_write_waits_with_all_its_documents() -> None:
    waiting = Problem("order:1042", "unknown_outcome", "Outcome unknown.", "Nothing.")
    plan = planned(business(SHIPPED, order("2")), memory=Memory(waiting={ESTIMATE: waiting}))
    assert plan.held == (waiting,) and documents(plan) == [("create", "Estimate", "order:2")]


def test_a_company_setting_that_endangers_documents_holds_them_with_its_words() -> None:
    rules = policy(blocked={Entity.ESTIMATE: ("Estimates are off.", "Switch them on.")})
    plan = planned(business(order(), order("2", "shipped")), rules)
    assert documents(plan) == [("create", "Invoice", "order:2")]
    assert words_of(problem_of(plan, "order:1042")) == (
        "company_setting", "Estimates are off.", "Switch them on.", Decimal("100.00"),
    )  # fmt: skip


def test_a_refusal_is_told_again_as_quickbooks_said_it() -> None:
    digest = op_of(planned(business(order())), ESTIMATE).draft.digest
    memory = Memory(refusals={ESTIMATE: Refusal(digest, "It refused.", "Mend it.")})
    plan = planned(business(order()), memory=memory)
    assert words_of(problem_of(plan, "order:1042")) == (
        "refused", "It refused.", "Mend it.", Decimal("100.00"),
    )  # fmt: skip


@pytest.mark.parametrize("reactivate", [False, True])
def test_what_refers_to_an_inactive_customer_waits_or_wakes_it(reactivate: bool) -> None:
    memory = touched(remembered(business(order())), CUSTOMER, Kind.INACTIVE)
    plan = planned(business(order(), order("2")), policy(reactivate=reactivate), memory)
    if reactivate:
        assert documents(plan) == [("create", "Estimate", "order:2")] and not plan.held
        assert op_of(plan, CUSTOMER).changes == {"Active": (False, True)}
        return
    assert documents(plan) == []
    reason, what, todo, amount = words_of(problem_of(plan, "order:2"))
    assert (reason, amount) == ("waits", Decimal("100.00"))
    assert what == (
        "Order 2 waits for customer 12. Customer Birchwood Homes (Id 2) is inactive in QuickBooks."
    )
    assert "Make active" in todo and "order:1042" not in held(plan), "what is there stays"


def test_a_document_waits_for_what_it_refers_to() -> None:
    broken = replace(customer(), name="")
    shop = business(order())
    shop = replace(shop, customers={"12": broken})
    plan = planned(shop)
    assert held(plan)["order:1042"] == "waits" and plan.operations == ()
    assert problem_of(plan, "order:1042").amount == Decimal("100.00")


# What people did in QuickBooks ------------------------------------------------------------------


def test_what_a_person_edited_stays_until_the_shop_changes_it_too() -> None:
    memory = touched(remembered(business(SHIPPED)), INVOICE)
    same = planned(business(SHIPPED), memory=memory)
    assert same.operations == () and same.held == ()
    plan = planned(business(MORE), memory=memory)
    assert documents(plan) == []
    reason, what, _, amount = words_of(problem_of(plan, "order:1042"))
    assert (reason, amount) == ("edited", Decimal("120.00"))
    assert "ours 1042, theirs 77-A" in what and what.endswith("changed in the shop system.")


def test_what_a_person_says_is_ours_is_written_again() -> None:
    memory = decided(touched(remembered(business(SHIPPED)), INVOICE), INVOICE, Says.OURS)
    op = op_of(planned(business(SHIPPED), memory=memory), INVOICE)
    assert (op.action, op.reason, op.changes) == (
        Action.UPDATE, SAID, {"DocNumber": ("1042", "77-A")},
    )  # fmt: skip
    assert op.entry == memory.entries[INVOICE] and op.draft.amount == Decimal("100.00")


def test_what_a_person_says_is_theirs_stays_and_the_word_is_tied_to_what_the_shop_says() -> None:
    memory = decided(touched(remembered(business(SHIPPED)), INVOICE), INVOICE, Says.THEIRS)
    plan = planned(business(MORE), memory=memory)
    assert documents(plan) == [] and plan.held == () and plan.unchanged == 2
    wanted = op_of(planned(business(MORE), memory=remembered(business(SHIPPED))), INVOICE)
    assert plan.accepted == {INVOICE: wanted.draft.digest}
    known = decided(memory, INVOICE, Says.THEIRS, digest=wanted.draft.digest)
    again = planned(business(MORE), memory=known)
    assert again.accepted == {} and again.unchanged == 2
    changed = planned(business(order(status="shipped", total="130.00")), memory=known)
    assert held(changed) == {"order:1042": "edited"}, "the word was about another change"


def test_what_a_person_let_go_is_left_alone_without_a_word() -> None:
    memory = stands(remembered(business(SHIPPED)), INVOICE, state="forgotten")
    plan = planned(business(MORE), memory=memory)
    assert documents(plan) == [] and plan.held == () and plan.accepted == {}
    assert plan.unchanged == 2


@pytest.mark.parametrize(("state", "verb"), [("void", "voided"), ("deleted", "deleted")])
def test_what_is_gone_by_hand_is_not_written_again_by_itself(state: str, verb: str) -> None:
    memory = stands(remembered(business(SHIPPED)), INVOICE, state=state)
    plan = planned(business(MORE), memory=memory)
    assert documents(plan) == []
    assert words_of(problem_of(plan, "order:1042")) == (
        "not_live",
        f"Invoice 1042 was {verb} in QuickBooks.",
        "It is not written again by itself; enter it by hand if it should count.",
        Decimal("120.00"),
    )


def test_a_void_that_was_done_by_hand_needs_nothing() -> None:
    memory = stands(remembered(business(SHIPPED)), INVOICE, state="void")
    plan = planned(business(replace(SHIPPED, status="void")), memory=memory)
    assert documents(plan) == [] and plan.held == ()


THERE = {"Id": "58", "SyncToken": "1", "DocNumber": "1042", "TotalAmt": Decimal("100.00")}


def relinked(key: Key, body: dict[str, Any], memory: Memory | None = None) -> Memory:
    memory = decided(memory or Memory(), key, Says.RELINK, qbo_id="58")
    return replace(memory, relinks={key: body})


def test_a_record_is_tied_to_the_object_that_a_person_named() -> None:
    known = remembered(business(order("2")))
    on_ours = {**THERE, "CustomerRef": {"value": known.entries[CUSTOMER].qbo_id}}
    plan = planned(business(order(), order("2")), memory=relinked(ESTIMATE, on_ours, known))
    op = op_of(plan, ESTIMATE)
    assert (op.action, op.reason, op.found) == (Action.ADOPT, SAID, on_ours) and not plan.held
    other = {**on_ours, "CustomerRef": {"value": "99", "name": "Marlow"}}
    plan = planned(business(order(), order("2")), memory=relinked(ESTIMATE, other, known))
    assert documents(plan) == []
    assert words_of(problem_of(plan, "order:1042")) == (
        "relink_differs",
        "Estimate Id 58 is not this one: it is on customer Marlow (Id 99).",
        "Look at both, and name the right Id.",
        Decimal("100.00"),
    )


def test_a_customer_is_tied_before_anything_refers_to_it() -> None:
    body = {"Id": "58", "SyncToken": "1", "DisplayName": "Birch", "Active": True}
    plan = planned(business(order()), memory=relinked(CUSTOMER, body))
    op = op_of(plan, CUSTOMER)
    assert (op.action, op.reason, op.found) == (Action.ADOPT, SAID, body)
    assert documents(plan) == [("create", "Estimate", "order:1042")]
    asleep = planned(business(order()), memory=relinked(CUSTOMER, {**body, "Active": False}))
    assert held(asleep)["customer:12"] == "relink_differs" and documents(asleep) == []


def test_a_tie_of_a_customer_that_the_shop_no_longer_has_is_passed_over() -> None:
    gone = Key(Entity.CUSTOMER, "customer", "99")
    plan = planned(business(order()), memory=relinked(gone, {"Id": "58"}))
    assert documents(plan) == [("create", "Estimate", "order:1042")] and not plan.held


def test_a_tie_of_an_order_is_none_of_a_customer_of_the_same_id() -> None:
    body = {**THERE, "CustomerRef": {"value": "1"}}
    key = Key(Entity.ESTIMATE, "order", "12")
    plan = planned(business(order(), order("12")), memory=relinked(key, body))
    assert op_of(plan, CUSTOMER).action is Action.CREATE


# Entered by hand --------------------------------------------------------------------------------


def by_hand(memory: Memory, **fields: Any) -> Memory:
    values: dict[str, Any] = {
        "entity": "Payment", "qbo_id": "31", "customer": memory.entries[CUSTOMER].qbo_id,
        "amount": Decimal("100.00"), "dated": date(2026, 3, 3), "id": "Payment 31",
    }  # fmt: skip
    return replace(memory, strangers=(Stranger(**values | fields),))


def test_money_that_somebody_entered_already_is_held_until_a_person_says_which() -> None:
    memory = by_hand(remembered(business(SHIPPED)))
    shop = business(SHIPPED, payment("77", "100.00"))
    plan = planned(shop, memory=memory)
    assert documents(plan) == []
    reason, what, todo, _ = words_of(problem_of(plan, "payment:77"))
    assert reason == "entered_by_hand" and "payment Id 31 of 2026-03-03" in what
    assert "--relink 31`" in todo and "--ours`" in todo
    other = planned(shop, memory=decided(memory, PAYMENT, Says.OURS, theirs=""))
    assert documents(other) == [("create", "Payment", "payment:77")] and not other.held
    still = planned(shop, memory=replace(memory, words={}, strangers=()))
    assert documents(still) == [("create", "Payment", "payment:77")]


def test_money_that_is_found_only_now_counts_too_and_so_does_a_customer_just_adopted() -> None:
    there = Candidate("Customer", {"Id": "58", "SyncToken": "1", "DisplayName": "Birchwood Homes"})
    stranger = Stranger("Payment", "31", "58", Decimal("100.00"), date(2026, 3, 3))
    found = replace(FOUND, objects={CUSTOMER: (there,)}, strangers=(stranger,))
    plan = planned(business(payment("77", "100.00")), found=found)
    assert held(plan) == {"payment:77": "entered_by_hand"}
    elsewhere = replace(found, strangers=(replace(stranger, customer="59"),))
    plan = planned(business(payment("77", "100.00")), found=elsewhere)
    assert documents(plan) == [("create", "Payment", "payment:77")]


# What QuickBooks holds already ------------------------------------------------------------------


def candidates(key: Key, *bodies: dict[str, Any], entity: str = "Estimate") -> Any:
    return replace(FOUND, objects={key: tuple(Candidate(entity, body) for body in bodies)})


MARK = "[qbosync main order:1042]"
NINE = {"Id": "9", "DocNumber": "1042", "TotalAmt": Decimal("1234.5"), "PrivateNote": MARK}


def test_a_document_of_ours_that_is_found_is_adopted_with_what_it_says() -> None:
    body = {**NINE, "TotalAmt": Decimal("100.00")}
    plan = planned(business(order()), found=candidates(ESTIMATE, body))
    op = op_of(plan, ESTIMATE)
    assert (op.action, op.reason, op.found) == (Action.ADOPT, "found in QuickBooks", body)
    assert ESTIMATE in plan.wanted


def test_a_document_with_our_mark_and_another_total_is_held_with_both_sides() -> None:
    plan = planned(business(order()), found=candidates(ESTIMATE, NINE))
    assert documents(plan) == []
    assert words_of(problem_of(plan, "order:1042")) == (
        "uncertain",
        "QuickBooks has estimate 1042 (Id 9) with our mark, but its total is 1234.50, not 100.00.",
        "Delete in QuickBooks what should not count; it clears itself.",
        Decimal("100.00"),
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"CustomerRef": {"value": "3", "name": "Marlow"}}, "1,234.50, Marlow"), ({}, "1,234.50, ")],
)
def test_a_document_of_another_under_our_number_is_held_with_whose_it_is(
    fields: dict[str, Any], told: str
) -> None:
    body = {**NINE, "PrivateNote": "", **fields}
    plan = planned(business(order()), found=candidates(ESTIMATE, body))
    assert documents(plan) == []
    assert words_of(problem_of(plan, "order:1042")) == (
        "number_taken",
        f"QuickBooks has another estimate 1042 already (Id 9, {told}).",
        "If it is this one, `qbosync adopt` takes it over; else give one of them another number,"
        " or set [documents] order_prefix.",
        Decimal("100.00"),
    )


def test_a_total_that_quickbooks_does_not_say_is_told_as_zero() -> None:
    body = {"Id": "9", "DocNumber": "1042"}
    plan = planned(business(order()), found=candidates(ESTIMATE, body))
    assert "(Id 9, 0.00, )" in problem_of(plan, "order:1042").what


def test_a_payment_that_is_in_doubt_is_told_without_a_number() -> None:
    body = {"Id": "9", "TotalAmt": Decimal("1.00"), "PrivateNote": "[qbosync main payment:77]"}
    found = candidates(PAYMENT, body, entity="Payment")
    plan = planned(business(payment("77", "100.00")), found=found)
    assert problem_of(plan, "payment:77").what.startswith("QuickBooks has payment (Id 9) with")


def test_a_document_of_another_kind_under_our_number_is_in_nobodys_way() -> None:
    found = candidates(ESTIMATE, {**NINE, "PrivateNote": ""}, entity="Invoice")
    plan = planned(business(order()), found=found)
    assert documents(plan) == [("create", "Estimate", "order:1042")]


def made_of(memory: Memory, **fields: Any) -> Any:
    """An invoice that QuickBooks made of the estimate itself."""
    ref = {"value": memory.entries[CUSTOMER].qbo_id, "name": "Birchwood Homes"}
    body = {"Id": "70", "DocNumber": "8", "TotalAmt": Decimal("100.00"), "CustomerRef": ref}
    return replace(FOUND, converted={INVOICE: body | fields})


def test_an_invoice_that_quickbooks_made_of_the_estimate_is_adopted_if_it_agrees() -> None:
    memory = remembered(business(order()))
    found = made_of(memory)
    op = op_of(planned(business(SHIPPED), memory=memory, found=found), INVOICE)
    assert (op.action, op.found) == (Action.ADOPT, found.converted[INVOICE])
    assert op.reason == "QuickBooks made it from the estimate"
    other = planned(business(SHIPPED), memory=memory, found=made_of(memory, TotalAmt=Decimal("9")))
    assert documents(other) == [] and held(other) == {"order:1042": "converted"}


def test_the_document_whose_place_a_new_one_takes_is_not_adopted_again() -> None:
    memory = remembered(business(SHIPPED))
    moved = business(customer("13", "Marlow"), replace(SHIPPED, customer_id="13"))
    found = made_of(memory, Id=memory.entries[INVOICE].qbo_id)
    plan = planned(moved, memory=memory, found=found)
    assert documents(plan) == [
        ("void", "Invoice", "order:1042"),
        ("create", "Invoice", "order:1042"),
    ]


def test_a_record_that_is_held_goes_out_with_none_of_its_documents() -> None:
    rules = policy(estimate_always=True)
    free = planned(business(SHIPPED), rules)
    assert documents(free) == [
        ("create", "Estimate", "order:1042"),
        ("create", "Invoice", "order:1042"),
    ]
    taken = candidates(INVOICE, {**NINE, "PrivateNote": ""}, entity="Invoice")
    plan = planned(business(SHIPPED), rules, found=taken)
    assert held(plan) == {"order:1042": "number_taken"} and documents(plan) == []
    ours = Candidate("Estimate", {**NINE, "TotalAmt": Decimal("100.00")})
    both = replace(taken, objects={**taken.objects, ESTIMATE: (ours,)})
    assert documents(planned(business(SHIPPED), rules, found=both)) == []
    known = remembered(business(order()))
    known = carried_out(planned(business(SHIPPED), memory=known), known)
    void = business(replace(SHIPPED, status="void"))
    assert documents(planned(void, memory=known)) == [
        ("void", "Invoice", "order:1042"),
        ("update", "Estimate", "order:1042"),
    ]
    plan = planned(void, policy(closed_until=date(2026, 3, 9)), known)
    assert held(plan) == {"order:1042": "closed_books"} and documents(plan) == []


# Corrections ------------------------------------------------------------------------------------

CLOSED = date(2026, 3, 9)
FIX = Key(Entity.CREDIT_MEMO, "correction", "order:1042/C1")


def corrects(total: str, memory: Memory, **rules: Any) -> Plan:
    rules.setdefault("correction", "credit_memo")
    rules.setdefault("closed_until", CLOSED)
    return planned(business(order(status="shipped", total=total)), policy(**rules), memory)


def test_what_may_not_be_changed_is_held_unless_a_correction_is_wanted() -> None:
    memory = remembered(business(SHIPPED))
    plan = corrects("80.00", memory, correction="hold")
    assert documents(plan) == [] and held(plan) == {"order:1042": "closed_books"}
    plan = corrects("80.00", memory)
    assert documents(plan) == [("create", "CreditMemo", "correction:order:1042/C1")]
    assert op_of(plan, FIX).draft.amount == Decimal("20.00") and plan.held == ()
    assert plan.kept == {"order:1042": "1042-C1 makes up for what changed"}
    assert "order 1042: 1042-C1 makes up for what changed" in plan.reported


def test_a_corrected_invoice_that_says_the_same_is_left_as_it_is() -> None:
    memory = remembered(business(SHIPPED))
    after = carried_out(corrects("80.00", memory), memory)
    plan = corrects("80.00", after)
    assert documents(plan) == [] and plan.held == () and plan.kept == {"order:1042": ""}
    assert plan.reported == ()
    again = corrects("70.00", after, closed_until=None)
    assert documents(again) == [("create", "CreditMemo", "correction:order:1042/C2")]
    held_back = corrects("70.00", after, closed_until=None, correction="hold")
    assert held(held_back) == {"order:1042": "corrected"}
    assert "was corrected by 1042-C1" in problem_of(held_back, "order:1042").what
    closed = corrects("70.00", after, correction="hold")
    assert held(closed) == {"order:1042": "closed_books"}


def test_what_a_person_entered_as_the_shop_says_it_now_is_taken_for_done_in_closed_books() -> None:
    memory = remembered(business(SHIPPED))
    wanted = op_of(planned(business(MORE), memory=memory), INVOICE).draft
    body = bind(wanted.body, lambda key: memory.entries[key].qbo_id)
    theirs = digest(owned(Entity.INVOICE, {"TotalAmt": wanted.amount, **body}))
    edit = Edit(INVOICE, Kind.EDITED, theirs, NOW, {"TotalAmt": ("100.00", "120.00")})
    by_hand = replace(memory, edits={INVOICE: edit})
    rules = policy(closed_until=CLOSED)
    plan = planned(business(MORE), rules, by_hand)
    assert documents(plan) == [("update", "Invoice", "order:1042")] and plan.held == ()
    more = planned(business(order(status="shipped", total="130.00")), rules, by_hand)
    assert documents(more) == [] and held(more) == {"order:1042": "edited"}


def test_only_an_invoice_is_corrected() -> None:
    memory = remembered(business(credit("5", "30.00")))
    rules = policy(correction="credit_memo", closed_until=CLOSED)
    plan = planned(business(credit("5", "20.00")), rules, memory)
    assert documents(plan) == [] and held(plan) == {"credit_memo:5": "closed_books"}


def test_a_correction_that_cannot_be_made_leaves_the_record_held() -> None:
    memory = remembered(business(SHIPPED))
    plan = corrects("80.00", memory, closed_until=date(2026, 3, 31))
    assert documents(plan) == [] and held(plan) == {"order:1042": "closed_books"}


# What becomes less ------------------------------------------------------------------------------


def less(amount: str, *records: Any, status: str = "shipped") -> Snapshot:
    return business(order(status=status, total=amount), *records)


PAID = payment("77", "90.00", pays("order:1042", "90.00"))


def test_an_order_that_becomes_less_gives_back_what_is_too_much() -> None:
    memory = remembered(business(SHIPPED, PAID))
    plan = planned(less("80.00", PAID), memory=memory)
    assert documents(plan) == [
        ("update", "Payment", "payment:77"),
        ("update", "Invoice", "order:1042"),
    ]
    assert op_of(plan, INVOICE).after == {PAYMENT}


def test_an_order_stays_as_it_is_while_its_money_cannot_come_off() -> None:
    memory = remembered(business(SHIPPED, PAID))
    plan = planned(less("80.00", PAID), memory=memory, deposited=["payment:77"])
    assert documents(plan) == [] and plan.unchanged >= 1
    reason, what, todo, amount = words_of(problem_of(plan, "order:1042"))
    assert (reason, amount) == ("less_than_paid", Decimal("80.00"))
    assert what.startswith("Invoice 1042 comes to 80.00 now, but 90.00 are applied to it.")
    assert "deposited in the bank" in what and todo.startswith("Take the surplus off")


def test_what_would_only_come_off_because_an_order_becomes_less_stays_as_the_order_does() -> None:
    both = (PAID, payment("78", "10.00", pays("order:1042", "10.00")))
    memory = remembered(business(SHIPPED, *both))
    plan = planned(less("60.00", *both), memory=memory, deposited=["payment:77"])
    assert documents(plan) == [] and held(plan)["order:1042"] == "less_than_paid"
    assert plan.operations == ()


def test_a_void_order_keeps_its_invoice_while_money_is_on_it() -> None:
    memory = remembered(business(SHIPPED, PAID))
    plan = planned(less("100.00", PAID, status="void"), memory=memory, deposited=["payment:77"])
    assert documents(plan) == []
    reason, what, _, _ = words_of(problem_of(plan, "order:1042"))
    assert reason == "void_with_money" and what.startswith("Invoice 1042 is to be voided (")


# Customers --------------------------------------------------------------------------------------


def test_customers_follow_the_shop_unless_they_are_not_to() -> None:
    memory = remembered(business(order()))
    renamed = replace(business(order()), customers={"12": customer(name="Birch Homes")})
    plan = planned(renamed, memory=memory)
    assert op_of(plan, CUSTOMER).action is Action.UPDATE and plan.unchanged == 1
    kept = planned(renamed, policy(customer_updates="never"), memory)
    assert kept.operations == () and kept.unchanged == 2


def test_a_customer_that_nothing_needs_waits_for_its_first_document() -> None:
    plan = planned(business(customer("13", "Marlow"), customer("14", "Hazel")))
    assert plan.operations == () and plan.out_of_scope == {"customer without documents": 3}
    assert plan.skipped == {}


def test_a_customer_that_is_edited_by_hand_and_in_the_shop_is_held() -> None:
    memory = touched(remembered(business(order())), CUSTOMER)
    edit = replace(memory.edits[CUSTOMER], fields={"DisplayName": ("Birchwood Homes", "BH")})
    memory = replace(memory, edits={CUSTOMER: edit})
    renamed = replace(business(order()), customers={"12": customer(name="Birch Homes")})
    plan = planned(renamed, memory=memory)
    assert held(plan) == {"customer:12": "edited"} and plan.operations == ()


def test_a_held_customer_is_held_once_and_not_looked_at_again() -> None:
    aside = Problem("customer:12", "put_aside", "Put aside.", "")
    memory = replace(remembered(business(order())), asides={"customer:12": aside})
    renamed = replace(business(order()), customers={"12": customer(name="Birch Homes")})
    plan = planned(renamed, memory=memory)
    assert plan.held == (aside,) and plan.operations == ()


def test_a_customer_that_was_merged_in_the_shop_hands_over_what_is_open() -> None:
    old = business(
        order("1"), order("2", "shipped"), payment("77", "5.00", pays("order:2", "5.00"))
    )
    memory = remembered(old)
    gone = replace(customer(), merged_into="13")
    shop = replace(old, customers={"12": gone, "13": customer("13", "Marlow")})
    plan = planned(shop, memory=memory)
    estimate = op_of(plan, Key(Entity.ESTIMATE, "order", "1"))
    assert estimate.draft.customer == "13"
    assert documents(plan) == [("update", "Estimate", "order:1")], "what is paid stays"
    assert plan.skipped == {"customer:12": "merged into another customer"}
    assert plan.held == ()


# What cannot come off ---------------------------------------------------------------------------


def test_an_order_stays_where_quickbooks_refuses_to_give_its_money_back() -> None:
    memory = remembered(business(SHIPPED, PAID))
    shop = less("80.00", PAID)
    digest = op_of(planned(shop, memory=memory), PAYMENT).draft.digest
    refusal = Refusal(digest, "It refused.", "Mend it.")
    plan = planned(shop, memory=replace(memory, refusals={PAYMENT: refusal}))
    assert plan.operations == ()
    assert held(plan) == {"payment:77": "refused", "order:1042": "less_than_paid"}
    assert INVOICE not in {key for op in plan.operations for key in op.after}


def test_what_would_come_off_for_an_order_that_stays_stays_too() -> None:
    big = payment("77", "60.00", pays("order:1042", "60.00"))
    small = payment("78", "40.00", pays("order:1042", "40.00"))
    memory = remembered(business(SHIPPED, big, small))
    shop = less("30.00", big, small)
    before = planned(shop, memory=memory)
    other = Key(Entity.PAYMENT, "payment", "78")
    refusal = Refusal(op_of(before, other).draft.digest, "It refused.", "Mend it.")
    assert {op.key for op in before.operations} == {PAYMENT, other, INVOICE}
    plan = planned(shop, memory=replace(memory, refusals={other: refusal}))
    assert plan.operations == () and plan.unchanged == before.unchanged + 1
    assert held(plan) == {"payment:78": "refused", "order:1042": "less_than_paid"}


def test_a_void_invoice_stays_where_quickbooks_refuses_to_give_its_money_back() -> None:
    memory = remembered(business(SHIPPED, PAID))
    shop = business(replace(SHIPPED, status="void"), payment("77", "90.00"))
    digest = op_of(planned(shop, memory=memory), PAYMENT).draft.digest
    refusal = Refusal(digest, "It refused.", "Mend it.")
    plan = planned(shop, memory=replace(memory, refusals={PAYMENT: refusal}))
    assert plan.operations == ()
    assert held(plan) == {"payment:77": "refused", "order:1042": "void_with_money"}


# Items and documents that a person named -----------------------------------------------------


ITEM = item_key("Cabinets")


def test_an_item_is_tied_to_the_one_that_a_person_named_if_it_can_be_used() -> None:
    body = {"Id": "58", "SyncToken": "1", "Name": "Fronts", "Type": "Service"}
    plan = planned(business(order()), memory=relinked(ITEM, body))
    op = op_of(plan, ITEM)
    assert (op.action, op.reason, op.found) == (Action.ADOPT, SAID, body)
    assert documents(plan) == [("create", "Estimate", "order:1042")]
    bundle = planned(business(order()), memory=relinked(ITEM, {**body, "Type": "Group"}))
    assert held(bundle)["item:cabinets"] == "unfit_item"


def test_an_item_that_is_known_keeps_its_name_when_it_is_tied_anew() -> None:
    known = remembered(business(order()))
    body = {"Id": "58", "SyncToken": "1", "Name": "Fronts", "Type": "Service"}
    plan = planned(business(order()), memory=relinked(ITEM, body, known))
    assert op_of(plan, ITEM).draft.name == known.entries[ITEM].name == "Cabinets"


def test_a_document_whose_customer_cannot_be_had_is_not_tied() -> None:
    vendor = Candidate("Vendor", {"Id": "58", "DisplayName": "Birchwood Homes"})
    found = replace(FOUND, objects={CUSTOMER: (vendor,)})
    body = {**THERE, "CustomerRef": {"value": "58"}}
    plan = planned(business(order()), memory=relinked(ESTIMATE, body), found=found)
    assert held(plan) == {"customer:12": "name_taken", "order:1042": "waits"}


def test_whose_a_document_is_is_compared_only_once_somebody_looked() -> None:
    body = {**THERE, "CustomerRef": {"value": "99"}}
    shop, memory = business(order()), relinked(ESTIMATE, body)
    first = make_plan(shop, memory, policy(), TODAY)
    assert op_of(first, ESTIMATE).action is Action.ADOPT and not first.held
    there = Candidate("Customer", {"Id": "58", "SyncToken": "1", "DisplayName": "Birchwood Homes"})
    found = replace(FOUND, objects={CUSTOMER: (there,)})
    assert held(planned(shop, memory=memory, found=found)) == {"order:1042": "relink_differs"}
    ours = relinked(ESTIMATE, {**body, "CustomerRef": {"value": "58"}})
    assert op_of(planned(shop, memory=ours, found=found), ESTIMATE).action is Action.ADOPT


# Closed books and a ledger that forgot ---------------------------------------------------------


def test_a_ledger_that_knows_nothing_yet_looks_into_closed_books_before_it_holds() -> None:
    rules, shop, new = policy(closed_until=date(2026, 3, 31)), business(SHIPPED), Memory()
    first = replace(new, is_first=True)
    body = {**NINE, "TotalAmt": Decimal("100.00")}
    there = candidates(INVOICE, body, entity="Invoice")
    plan = planned(shop, rules, first, found=there)
    assert op_of(plan, INVOICE).action is Action.ADOPT and plan.held == ()
    assert held(planned(shop, rules, first)) == {"order:1042": "closed_books"}
    assert held(planned(shop, rules, new, found=there)) == {"order:1042": "closed_books"}
    asking = make_plan(shop, first, rules, TODAY)
    assert INVOICE in asking.wanted and asking.held == (), "nobody has looked yet"


def test_an_invoice_and_its_corrections_are_known_again_together() -> None:
    mark = "[qbosync main correction:order:1042/C1]"
    memo = {"Id": "10", "DocNumber": "1042-C1", "TotalAmt": Decimal("20.00"), "PrivateNote": mark}
    body = {**NINE, "TotalAmt": Decimal("100.00")}
    found = replace(
        candidates(INVOICE, body, entity="Invoice"), corrections={"order:1042": ((FIX, memo),)}
    )
    shop = business(order(status="shipped", total="80.00"))
    plan = planned(shop, found=found)
    assert documents(plan) == [
        ("adopt", "Invoice", "order:1042"),
        ("adopt", "CreditMemo", "correction:order:1042/C1"),
    ]
    alone = planned(shop, found=replace(found, corrections={}))
    assert held(alone) == {"order:1042": "uncertain"}


# Every one of several ---------------------------------------------------------------------------

SEVENTY_SEVEN = payment("77", "45.00", pays("order:1042", "45.00"))
SEVENTY_EIGHT = payment("78", "45.00", pays("order:1042", "45.00"))
BOTH = (SEVENTY_SEVEN, SEVENTY_EIGHT)


@pytest.mark.parametrize(("total", "refused"), [("50.00", "78"), ("30.00", "77"), ("30.00", "78")])
def test_all_money_that_stays_on_an_order_counts_together(total: str, refused: str) -> None:
    memory = remembered(business(SHIPPED, *BOTH))
    shop, key = less(total, *BOTH), Key(Entity.PAYMENT, "payment", refused)
    refusal = Refusal(op_of(planned(shop, memory=memory), key).draft.digest, "It refused.", "")
    plan = planned(shop, memory=replace(memory, refusals={key: refusal}))
    assert plan.operations == ()
    assert held(plan) == {f"payment:{refused}": "refused", "order:1042": "less_than_paid"}


def test_money_in_the_bank_that_an_order_still_takes_is_in_nobodys_way() -> None:
    memory = remembered(business(SHIPPED, *BOTH))
    plan = planned(less("50.00", *BOTH), memory=memory, deposited=["payment:77"])
    assert documents(plan) == [
        ("update", "Payment", "payment:78"),
        ("update", "Invoice", "order:1042"),
    ]
    assert plan.held == ()


def test_a_payment_that_leaves_closed_books_is_held_by_the_day_it_stood_on() -> None:
    memory = remembered(business(payment("77", "5.00", received=date(2026, 3, 3))))
    moved = business(payment("77", "5.00", received=TODAY))
    plan = planned(moved, policy(closed_until=date(2026, 3, 5)), memory)
    assert documents(plan) == [] and held(plan) == {"payment:77": "closed_books"}


def test_what_is_created_says_why() -> None:
    shop = business(order("1"), order("2", "shipped"), payment("77", "5.00"))
    reasons = {op.key.source: op.reason for op in planned(shop).operations}
    assert (reasons["order:1"], reasons["order:2"]) == ("ordered", "charged")
    assert reasons["payment:77"] == "received"


def test_every_customer_is_gone_through_whatever_became_of_the_one_before() -> None:
    marlow, aside = customer("13", "Marlow"), Problem("customer:12", "put_aside", "", "")
    for plan in (
        planned(business(order(), marlow)),
        planned(business(marlow), memory=Memory(asides={"customer:12": aside})),
        planned(replace(business(), customers={"12": customer(merged_into="13"), "13": marlow})),
    ):
        assert plan.out_of_scope["customer without documents"] == 1
