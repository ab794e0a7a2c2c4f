"""The guide, rule by rule: values in, a plan out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from qbosync.key import Action, Entity, Key, item_key
from qbosync.mapping.context import Candidate, Memory, Refusal, Sighting
from qbosync.model import Problem
from tests.builders import (
    FOUND,
    TODAY,
    business,
    carried_out,
    charge,
    credit,
    customer,
    documents,
    held,
    line,
    order,
    payment,
    pays,
    planned,
    policy,
    remembered,
    words,
)


def body_of(plan, source, entity=Entity.INVOICE):
    [op] = [op for op in plan.operations if op.key.source == source and op.key.entity is entity]
    return op.draft.body


# Orders -----------------------------------------------------------------------------------


def test_an_ordered_order_becomes_an_estimate():
    """The guide: "Orders sync to QuickBooks as Estimates"."""
    assert documents(planned(business(order()))) == [("create", "Estimate", "order:1042")]


def test_a_bid_stays_out():
    plan = planned(business(order(status="bid")))
    assert documents(plan) == []
    assert plan.out_of_scope["not yet ordered"] == 1


def test_an_order_at_its_charge_status_becomes_an_invoice_linked_to_its_estimate():
    """The guide: "When the order reaches your "Status to Charge Customer" … converts"."""
    memory = remembered(business(order()))
    plan = planned(business(order(status="shipped")), memory=memory)
    assert documents(plan) == [("create", "Invoice", "order:1042")]
    link = body_of(plan, "order:1042")["LinkedTxn"]
    assert link == [{"TxnId": Key(Entity.ESTIMATE, "order", "1042"), "TxnType": "Estimate"}]


def test_an_order_first_seen_charged_is_an_invoice_alone():
    plan = planned(business(order(status="shipped")))
    assert documents(plan) == [("create", "Invoice", "order:1042")]
    assert "LinkedTxn" not in body_of(plan, "order:1042")


def test_statuses_are_skipped_so_at_or_past_counts():
    plan = planned(business(order(status="shipped")), policy(charge_status="verified"))
    assert documents(plan) == [("create", "Invoice", "order:1042")]


def test_a_customers_own_charge_status_overrides_the_global_one():
    """The guide: "can also be overridden at the customer level"."""
    early = customer(charge_status="completed")
    orders = [order("1", "completed"), order("2", "completed", customer_id="13")]
    plan = planned(business(early, customer("13", "Marlow"), *orders))
    assert documents(plan) == [("create", "Estimate", "order:2"), ("create", "Invoice", "order:1")]


def test_a_charge_date_decides_over_the_status_and_a_future_one_waits():
    past = order("1", "ordered", charge_date=date(2026, 3, 9))
    future = order("2", "shipped", charge_date=date(2026, 3, 20))
    plan = planned(business(past, future))
    assert documents(plan) == [("create", "Estimate", "order:2"), ("create", "Invoice", "order:1")]
    assert body_of(plan, "order:1")["TxnDate"] == "2026-03-09"


@pytest.mark.parametrize("status", ["on hold", "void"])
def test_an_order_on_hold_or_void_brings_nothing_new(status):
    assert documents(planned(business(order(status=status)))) == []


def test_an_order_on_hold_keeps_what_it_has():
    memory = remembered(business(order()))
    plan = planned(business(order(status="on hold", total="200.00")), memory=memory)
    assert plan.operations == () and plan.unchanged == 2


def test_a_status_that_falls_back_keeps_the_invoice_and_says_so():
    memory = remembered(business(order(status="shipped")))
    plan = planned(business(order(status="verified")), memory=memory)
    assert documents(plan) == []
    assert "the invoice stays" in " ".join(plan.reported)


def test_a_void_order_rejects_its_estimate_and_voids_its_unpaid_invoice():
    ordered, shipped = order("1"), order("2", "shipped")
    memory = remembered(business(ordered, shipped))
    gone = [replace(o, status="void") for o in (ordered, shipped)]
    plan = planned(business(*gone), memory=memory)
    assert documents(plan) == [("void", "Invoice", "order:2"), ("update", "Estimate", "order:1")]
    again = planned(business(*gone), memory=carried_out(plan, memory))
    assert again.operations == ()


def test_a_void_order_gets_its_money_off_before_it_is_voided():
    shipped = order(status="shipped")
    memory = remembered(business(shipped, payment("77", "100.00", pays("order:1042", "100.00"))))
    void = business(replace(shipped, status="void"), payment("77", "100.00"))
    plan = planned(void, memory=memory)
    assert documents(plan) == [
        ("update", "Payment", "payment:77"),
        ("void", "Invoice", "order:1042"),
    ]
    assert plan.operations[1].after == {plan.operations[0].key}
    stuck = planned(void, memory=memory, deposited=["payment:77"])
    assert held(stuck)["order:1042"] == "void_with_money"


def test_a_second_run_has_nothing_to_do():
    shop = business(
        order(status="shipped"),
        order("2"),
        payment("77", "40.00", pays("order:1042", "40.00")),
        charge(),
        credit("5", "30.00", pays("order:1042", "30.00")),
    )
    plan = planned(shop, memory=remembered(shop))
    assert plan.operations == () and plan.held == ()


# Dates ------------------------------------------------------------------------------------


def test_the_invoice_is_dated_the_day_its_charge_status_was_reached():
    shipped = order(
        status="shipped",
        history=(("ordered", date(2026, 3, 1)), ("shipped", date(2026, 3, 6))),
        status_at=date(2026, 3, 8),
    )
    assert body_of(planned(business(shipped)), "order:1042")["TxnDate"] == "2026-03-06"


def test_a_ship_date_in_the_future_is_no_proof_of_shipping():
    memory = Memory(sightings={"1042": Sighting("shipped", date(2026, 3, 4), "shipped")})
    shipped = order(status="shipped", status_at=None, ship_date=date(2026, 4, 1))
    plan = planned(business(shipped), memory=memory)
    assert body_of(plan, "order:1042")["TxnDate"] == "2026-03-04"


def test_an_order_without_any_date_is_held_on_the_first_sync():
    undated = order(status="shipped", status_at=None)
    plan = planned(business(undated), memory=Memory(is_first=True))
    assert held(plan) == {"order:1042": "no_charge_date"}


def test_charged_because_a_setting_changed_is_dated_today():
    memory = Memory(sightings={"1042": Sighting("shipped", None, "verified")})
    verified = order(status="verified")
    plan = planned(business(verified), policy(charge_status="verified"), memory)
    assert body_of(plan, "order:1042")["TxnDate"] == TODAY.isoformat()


def test_the_invoice_date_never_moves_by_itself():
    shipped = order(status="shipped", status_at=date(2026, 3, 6))
    memory = remembered(business(shipped))
    later = replace(shipped, status_at=date(2026, 3, 9), name="Kitchen")
    [update] = planned(business(later), memory=memory).operations
    assert update.draft.body["TxnDate"] == "2026-03-06" and set(update.changes) == {"CustomerMemo"}


def test_due_by_the_customers_terms_or_the_orders_own_date():
    terms = customer(terms_days=30)
    orders = [order("1", "shipped"), order("2", "shipped", due_date=date(2026, 5, 1))]
    plan = planned(business(terms, *orders))
    assert body_of(plan, "order:1")["DueDate"] == "2026-04-01"
    assert body_of(plan, "order:1")["SalesTermRef"] == {"value": Key(Entity.TERM, "term", "30")}
    assert body_of(plan, "order:2")["DueDate"] == "2026-05-01"
    assert "SalesTermRef" not in body_of(plan, "order:2")


# Lines and money --------------------------------------------------------------------------


def test_tax_shipping_and_discount_are_lines_and_add_up_to_the_total():
    shipped = order(
        status="shipped",
        total="1475.00",
        lines=(line("1400.00", export_class="Doors"), line("20.00", "2", export_class="undefined")),
        shipping=Decimal("45.00"),
        discount=Decimal("50.00"),
        tax=Decimal("60.00"),
    )
    rows = body_of(planned(business(shipped)), "order:1042")["Line"]
    items = [row["SalesItemLineDetail"]["ItemRef"]["value"].id for row in rows]
    assert items == ["doors", "cabinets", "discount", "shipping", "sales tax"]
    assert [str(row["Amount"]) for row in rows] == ["1400.00", "20.00", "-50.00", "45.00", "60.00"]
    assert all(r["SalesItemLineDetail"]["TaxCodeRef"] == {"value": "NON"} for r in rows)


def test_a_product_without_an_export_class_goes_on_the_default():
    """The guide: "used when a product in Allmoxy doesn't have a specific Export Class"."""
    plan = planned(business(order(status="shipped")))
    items = [op.draft.name for op in plan.operations if op.key.entity is Entity.ITEM]
    assert items == ["Cabinets"]


def test_line_amounts_finer_than_a_cent_leave_a_visible_rounding_line():
    lines = (line("33.33333"), line("33.33333", "2"), line("33.33334", "3"))
    rows = body_of(planned(business(order(status="shipped", lines=lines))), "order:1042")["Line"]
    assert str(rows[-1]["Amount"]) == "0.01"
    assert rows[-1]["SalesItemLineDetail"]["ItemRef"]["value"].id == "rounding"


@pytest.mark.parametrize(
    ("amount", "qty", "price", "sent"),
    [
        ("262.50", "3.5", "75", ("3.5", "75")),
        ("1075.10", "2", None, ("2", "537.55")),
        ("100.00", "3", "33.33", ("3", "33.33333")),
        ("100.00", "7000000", None, ("1", "100.00")),
        ("100.00", None, None, ("1", "100.00")),
    ],
)
def test_amount_is_quantity_times_price_in_quickbooks_arithmetic(amount, qty, price, sent):
    item = line(
        amount,
        qty=Decimal(qty) if qty else None,
        unit_price=Decimal(price) if price else None,
    )
    plan = planned(business(order(status="shipped", total=amount, lines=(item,))))
    [row] = body_of(plan, "order:1042")["Line"]
    detail = row["SalesItemLineDetail"]
    assert (str(detail["Qty"]), str(detail["UnitPrice"])) == sent
    if sent[0] == "1" and qty:
        assert row["Description"].startswith("7000000 x ")


def test_lines_that_do_not_add_up_hold_the_order_and_nothing_else():
    bad = order("1", "shipped", "100.00", lines=(line("95.00"),))
    plan = planned(business(bad, order("2", "shipped")))
    assert held(plan) == {"order:1": "total_mismatch"}
    assert documents(plan) == [("create", "Invoice", "order:2")]
    assert "lines add up to 95.00, the total is 100.00" in words(plan.held)


def test_what_a_report_leaves_out_can_be_its_tax():
    def rest(total, **rules):
        report = order(
            status="shipped", total=total, lines=(line("100.00"),), tax=None, shipping=None
        )
        return planned(business(report), policy(**rules))

    assert held(rest("106.00")) == {"order:1042": "total_mismatch"}
    taxed = body_of(rest("106.00", residual="tax"), "order:1042")["Line"]
    assert str(taxed[-1]["Amount"]) == "6.00"
    assert held(rest("112.00", residual="tax")) == {"order:1042": "total_mismatch"}
    itemised = body_of(rest("112.00", residual="item"), "order:1042")["Line"]
    assert itemised[-1]["Description"] == "not itemised in the export"


def test_an_exempt_customer_has_no_tax_in_the_rest():
    report = order(status="shipped", total="106.00", lines=(line("100.00"),), tax=None)
    plan = planned(business(customer(tax_exempt=True), report), policy(residual="tax"))
    assert held(plan) == {"order:1042": "total_mismatch"}


def test_a_negative_total_is_held_and_a_zero_one_may_be_skipped():
    shop = business(order("1", "shipped", "-5.00"), order("2", "shipped", "0.00"))
    assert held(planned(shop)) == {"order:1": "negative_total"}
    assert documents(planned(shop, policy(zero_total="skip"))) == []


def test_our_documents_are_neither_mailed_nor_paid_online():
    body = body_of(planned(business(order(status="shipped"))), "order:1042")
    assert body["EmailStatus"] == body["PrintStatus"] == "NotSet"
    assert body["AllowOnlineCreditCardPayment"] is False is body["AllowOnlineACHPayment"]
    assert "BillEmail" not in body
    assert body["PrivateNote"] == "[qbosync main order:1042]"


def test_the_job_is_told_to_the_customer_and_the_memo_is_not():
    body = body_of(
        planned(business(order(status="shipped", name="Kitchen", memo="pays late"))), "order:1042"
    )
    assert body["CustomerMemo"] == {"value": "Job: Kitchen"}


# Payments ---------------------------------------------------------------------------------


def test_a_payment_before_its_invoice_waits_unapplied():
    """The guide: payments "will appear … under the customer's account"."""
    plan = planned(business(order(), payment("77", "40.00", pays("order:1042", "40.00"))))
    assert body_of(plan, "payment:77", Entity.PAYMENT)["Line"] == []


def test_a_waiting_payment_is_applied_when_its_order_is_charged():
    """The guide: "Once the estimate converts … the payment automatically applies"."""
    paid = payment("77", "40.00", pays("order:1042", "40.00"))
    memory = remembered(business(order(), paid))
    plan = planned(business(order(status="shipped"), paid), memory=memory)
    assert documents(plan) == [
        ("create", "Invoice", "order:1042"),
        ("update", "Payment", "payment:77"),
    ]
    [update] = [op for op in plan.operations if op.action is Action.UPDATE]
    assert update.reason == "its order is charged now: apply it"


def test_one_payment_pays_many_orders_in_part():
    shop = business(
        order("1", "shipped"),
        order("2", "shipped"),
        order("3"),
        payment("77", "100.00", pays("order:2", "30.00"), pays("order:1", "50.00"),
                pays("order:3", "20.00")),
    )  # fmt: skip
    rows = body_of(planned(shop), "payment:77", Entity.PAYMENT)["Line"]
    assert [(r["LinkedTxn"][0]["TxnId"].id, str(r["Amount"])) for r in rows] == [
        ("1", "50.00"),
        ("2", "30.00"),
    ]


def test_a_long_reference_is_cut_and_kept_whole_in_the_note():
    plan = planned(business(payment("77", "5.00", reference="CHECK-2026-0000000000123")))
    body = body_of(plan, "payment:77", Entity.PAYMENT)
    assert body["PaymentRefNum"] == "CHECK-2026-0000000000"[:21]
    note = "CHECK-2026-0000000000123\n[qbosync main payment:77]"
    assert body["PrivateNote"] == note


def test_a_payment_that_is_not_money_must_match_a_credit():
    spent = credit("5", "30.00", pays("order:1042", "30.00"))
    row = payment("77", "30.00", pays("order:1042", "30.00"), method="credit")
    good = planned(business(order(status="shipped"), spent, row))
    assert good.out_of_scope["settled by a credit"] == 1 and not good.held
    assert held(planned(business(order(status="shipped"), row))) == {"payment:77": "not_money"}


def test_an_unknown_method_is_held_and_a_blank_one_is_money():
    shop = business(payment("1", method="barter"), payment("2", method=""))
    plan = planned(shop)
    assert held(plan) == {"payment:1": "unknown_method"}
    assert documents(plan) == [("create", "Payment", "payment:2")]


def test_a_payment_that_gives_out_more_than_it_is_is_held():
    shop = business(
        order(status="shipped", total="100.00"),
        payment("1", "50.00", pays("order:1042", "60.00")),
        payment("2", "100.00", pays("order:1042", "100.00")),
        payment("3", "20.00", pays("order:1042", "20.00"), received=date(2026, 3, 9)),
        payment("4", "5.00", pays("order:999", "5.00")),
    )
    assert held(planned(shop)) == {
        "payment:1": "over_applied",
        "payment:3": "too_much",
        "payment:4": "unknown_target",
    }


def test_an_overpayment_is_the_unapplied_part_of_its_payment():
    surplus = credit("5", "20.00", pays("order:2", "15.00"), reason="overpayment", payment_id="77")
    shop = business(
        order("1", "shipped", "80.00"),
        order("2", "shipped", "15.00"),
        payment("77", "100.00", pays("order:1", "80.00")),
        surplus,
    )
    plan = planned(shop)
    assert "CreditMemo" not in {entity for _, entity, _ in documents(plan)}
    rows = body_of(plan, "payment:77", Entity.PAYMENT)["Line"]
    assert [str(row["Amount"]) for row in rows] == ["80.00", "15.00"]


# Charges and credits ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "number", "item"),
    [
        ("finance_charge", "FC-9", "finance charge"),
        ("processing_fee", "PF-9", "processing fee"),
        ("bounced_payment", "BP-9", "bounced payment fee"),
        ("other", "OC-9", "other charge"),
    ],
)
def test_charges_are_invoices_of_their_own(kind, number, item):
    """The guide: they "sync upon generation"."""
    body = body_of(planned(business(charge("9", kind))), "charge:9")
    assert body["DocNumber"] == number
    assert body["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"].id == item
    assert body["DueDate"] == body["TxnDate"] == "2026-03-04"


def test_a_processing_fee_is_dated_its_payment():
    fee = charge("9", "processing_fee", payment_id="77")
    body = body_of(planned(business(payment("77", "5.00"), fee)), "charge:9")
    assert body["TxnDate"] == "2026-03-03"


def test_a_deleted_charge_is_voided_never_deleted():
    memory = remembered(business(charge()))
    plan = planned(business(charge(is_deleted=True)), memory=memory)
    assert documents(plan) == [("void", "Invoice", "charge:9")]


def test_a_credit_memo_is_spent_by_a_payment_of_zero():
    shop = business(order(status="shipped"), credit("5", "30.00", pays("order:1042", "20.00")))
    plan = planned(shop)
    assert documents(plan)[1:] == [
        ("create", "CreditMemo", "credit_memo:5"),
        ("create", "Payment", "credit_application:5/order:1042"),
    ]
    body = body_of(plan, "credit_application:5/order:1042", Entity.PAYMENT)
    assert str(body["TotalAmt"]) == "0.00"
    assert [row["LinkedTxn"][0]["TxnType"] for row in body["Line"]] == ["Invoice", "CreditMemo"]


def test_a_credit_waits_until_its_order_is_charged():
    plan = planned(business(order(), credit("5", "30.00", pays("order:1042", "20.00"))))
    assert plan.out_of_scope == {"waits until order 1042 is charged": 1}


@pytest.mark.parametrize(
    ("reason", "item"),
    [("manual", "credit"), ("cash_discount", "discount"), ("write_off", "bad debt")],
)
def test_the_item_of_a_credit_follows_its_reason(reason, item):
    shop = business(order(status="shipped"), credit(reason=reason, order_id="1042"))
    row = body_of(planned(shop), "credit_memo:5", Entity.CREDIT_MEMO)["Line"][0]
    assert row["SalesItemLineDetail"]["ItemRef"]["value"].id == item


def test_a_credit_without_tax_on_a_taxed_order_is_reported():
    taxed = order(status="shipped", total="106.00", lines=(line("100.00"),), tax=Decimal("6.00"))
    plan = planned(business(taxed, credit(order_id="1042")))
    assert "tax not reversed" in " ".join(plan.reported)


def test_the_lines_and_tax_of_a_credit_add_up_to_it():
    good = credit(
        amount="30.00",
        lines=(line("20.00"), line("8.00", "2", export_class="Doors")),
        tax=Decimal("2.00"),
    )
    bad = replace(good, id="6", amount=Decimal("31.00"))
    plan = planned(business(good, bad))
    assert held(plan) == {"credit_memo:6": "total_mismatch"}


# Customers and items ----------------------------------------------------------------------


def test_a_customer_is_made_when_a_document_first_needs_it():
    shop = business(customer("13", "Nobody yet"), order())
    made = [op.draft.name for op in planned(shop).operations if op.key.entity is Entity.CUSTOMER]
    assert made == ["Birchwood Homes"]


def test_a_customer_follows_the_source_afterwards():
    memory = remembered(business(order()))
    plan = planned(business(order(), customer(name="Birchwood & Sons")), memory=memory)
    [op] = plan.operations
    assert (op.action, op.key.entity) == (Action.UPDATE, Entity.CUSTOMER)
    assert op.changes["DisplayName"] == ("Birchwood Homes", "Birchwood & Sons")
    never = planned(business(order(), customer(name="X")), policy(customer_updates="never"), memory)
    assert never.operations == ()


@pytest.mark.parametrize("name", ["A:B", "A\tB", "A\nB", "x" * 101, "Oak \N{EVERGREEN TREE}", "  "])
def test_a_name_that_quickbooks_refuses_holds_the_customer_and_its_orders(name):
    plan = planned(business(customer(name=name), order()))
    assert held(plan) == {"customer:12": "bad_name", "order:1042": "waits"}
    assert "customers.csv:12" in words(plan.held)


@pytest.mark.parametrize("name", ["O'Brien \\ Sons", '"Q" & Co', "Müller Küchen"])
def test_quotes_ampersands_and_umlauts_go_through(name):
    assert not planned(business(customer(name=name), order())).held


def test_two_customers_of_one_name_the_second_is_held():
    shop = business(customer(), customer("13", "birchwood homes"), order("1"),
                    order("2", customer_id="13"))  # fmt: skip
    plan = planned(shop)
    assert held(plan) == {"customer:13": "same_name", "order:2": "waits"}


def found(key, *candidates):
    return replace(FOUND, objects={key: candidates})


CUSTOMER = Key(Entity.CUSTOMER, "customer", "12")


def test_a_customer_of_that_name_is_adopted():
    there = Candidate("Customer", {"Id": "58", "SyncToken": "1", "DisplayName": "BIRCHWOOD HOMES"})
    plan = planned(business(order()), found=found(CUSTOMER, there))
    [op] = [op for op in plan.operations if op.key == CUSTOMER]
    assert op.action is Action.ADOPT and op.found["Id"] == "58"


@pytest.mark.parametrize(
    ("entity", "name", "active", "reason"),
    [
        ("Vendor", "Birchwood Homes", True, "name_taken"),
        ("Employee", "birchwood homes", True, "name_taken"),
        ("Customer", "Birchwood Homes (deleted)", False, "inactive"),
    ],
)
def test_no_twin_is_made_of_a_vendor_or_of_an_inactive_customer(entity, name, active, reason):
    there = Candidate(entity, {"Id": "58", "DisplayName": name, "Active": active})
    plan = planned(business(order()), found=found(CUSTOMER, there))
    assert held(plan) == {"customer:12": reason, "order:1042": "waits"}


ITEM = Key(Entity.ITEM, "item", "cabinets")


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"Type": "Service", "Active": True}, Action.ADOPT),
        ({"Type": "Inventory", "Active": True}, None),
        ({"Type": "Service", "Active": False}, None),
    ],
)
def test_an_item_is_used_as_it_is_or_holds_its_documents(fields, action):
    there = Candidate("Item", {"Id": "7", "FullyQualifiedName": "Cabinets", **fields})
    plan = planned(business(order()), found=found(ITEM, there))
    ops = [op.action for op in plan.operations if op.key == ITEM]
    assert ops == ([action] if action else [])
    assert held(plan) == ({} if action else {"order:1042": "waits"})


TAX = Key(Entity.ITEM, "item", "sales tax")


@pytest.mark.parametrize(("account", "is_held"), [("11", False), ("4", True)])
def test_the_tax_item_must_stand_on_a_liability(account, is_held):
    there = Candidate(
        "Item",
        {"Id": "8", "FullyQualifiedName": "Sales Tax", "Type": "Service",
         "IncomeAccountRef": {"value": account}},
    )  # fmt: skip
    taxed = order(total="106.00", lines=(line("100.00"),), tax=Decimal("6.00"))
    plan = planned(business(taxed), found=found(TAX, there))
    assert ("order:1042" in held(plan)) is is_held


def test_a_missing_item_is_made_only_on_an_account_that_the_configuration_names():
    rules = policy()
    rules = replace(rules, items=replace(rules.items, income_account={}))
    plan = planned(business(order()), rules)
    assert held(plan) == {"order:1042": "waits"}
    assert "[items.income_account]" in words(plan.held)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Cabinets", {"income_account": {}}),
        ("Cabinets", {"create_missing": False}),
        ("Casework:Cabinets", {"income_account": {}}),
    ],
    ids=["no account is named", "nothing is to be made", "a sub-item"],
)
def test_an_item_that_is_there_is_used_whatever_is_said_of_missing_ones(name, more):
    rules = policy()
    rules = replace(rules, items=replace(rules.items, default=name, **more))
    key = item_key(name)
    there = Candidate("Item", {"Id": "8", "FullyQualifiedName": name, "Type": "Service"})
    plan = planned(business(order()), rules, found=found(key, there))
    assert held(plan) == {}
    assert [op.action for op in plan.operations if op.key == key] == [Action.ADOPT]
    assert held(planned(business(order()), rules)) == {"order:1042": "waits"}


def test_in_production_the_star_account_does_not_take_fees_and_credits():
    plan = planned(business(order(), charge()), policy(is_production=True))
    assert held(plan) == {"charge:9": "waits"}
    assert documents(plan) == [("create", "Estimate", "order:1042")]


# What is held, and what comes back --------------------------------------------------------


def test_a_refused_draft_is_not_tried_again_until_it_changes():
    key = Key(Entity.ESTIMATE, "order", "1042")
    digest = planned(business(order())).operations[-1].draft.digest
    memory = Memory(refusals={key: Refusal(digest, "QuickBooks refused it.", "Mend it.")})
    assert held(planned(business(order()), memory=memory)) == {"order:1042": "refused"}
    changed = planned(business(order(total="101.00")), memory=memory)
    assert documents(changed) == [("create", "Estimate", "order:1042")]


def test_a_strangers_document_under_our_number_is_never_adopted():
    key = Key(Entity.ESTIMATE, "order", "1042")
    there = Candidate("Estimate", {"Id": "9", "DocNumber": "1042", "TotalAmt": Decimal("100.00")})
    plan = planned(business(order()), found=found(key, there))
    assert held(plan) == {"order:1042": "number_taken"}


@pytest.mark.parametrize(("total", "reason"), [("100.00", None), ("99.00", "uncertain")])
def test_a_document_with_our_mark_is_adopted_if_it_says_the_same(total, reason):
    key = Key(Entity.ESTIMATE, "order", "1042")
    note = "terms\n[qbosync main order:1042]"
    body = {"Id": "9", "DocNumber": "1042", "TotalAmt": Decimal(total), "PrivateNote": note}
    plan = planned(business(order()), found=found(key, Candidate("Estimate", body)))
    assert held(plan) == ({"order:1042": reason} if reason else {})
    actions = [op.action for op in plan.operations if op.key == key]
    assert actions == ([] if reason else [Action.ADOPT])


def test_what_the_source_no_longer_has_is_said_and_not_guessed_at():
    memory = remembered(business(order(), order("2")))
    assert not planned(business(order()), memory=memory).held
    plan = planned(business(order(), is_complete=True), memory=memory)
    assert documents(plan) == [("update", "Estimate", "order:2")]
    shipped = remembered(business(order(), order("2", "shipped")))
    assert held(planned(business(order(), is_complete=True), memory=shipped)) == {"order:2": "gone"}


def test_the_same_plan_has_the_same_id_and_another_one_another():
    shop = business(order())
    assert planned(shop).id == planned(shop).id != planned(business(order(total="2.00"))).id
    assert planned(shop, stamp="x").id != planned(shop).id


def test_before_the_start_date_nothing_goes_out():
    rules = policy(start_date=date(2026, 3, 5))
    shop = business(
        order("1", "shipped", status_at=date(2026, 3, 1)),
        order("2"),
        payment("77", "5.00"),
        charge("9", issued=date(2026, 3, 4)),
    )
    plan = planned(shop, rules)
    assert documents(plan) == [("create", "Estimate", "order:2")]
    assert plan.out_of_scope["before the start date"] == 3


def test_a_deposit_from_before_the_start_date_is_listed_and_not_sent():
    rules = policy(start_date=date(2026, 3, 5))
    plan = planned(business(order("2"), payment("77", "5.00", pays("order:2", "5.00"))), rules)
    assert documents(plan) == [("create", "Estimate", "order:2")]
    assert plan.skipped["payment:77"] == "opening deposit"


def test_orders_with_unknown_statuses_or_numbers_taken_twice_are_held():
    shop = business(order("1", "painted"), order("2", number="7"), order("3", number="7"),
                    order("4", customer_id="99"))  # fmt: skip
    assert held(planned(shop)) == {
        "order:1": "unknown_status",
        "order:2": "same_number",
        "order:3": "same_number",
        "order:4": "unknown_customer",
    }


def test_an_invoice_never_shrinks_below_what_is_paid():
    shipped = order(status="shipped")
    paid = payment("77", "90.00", pays("order:1042", "90.00"))
    memory = remembered(business(shipped, paid))
    smaller = replace(shipped, total=Decimal("80.00"), lines=(line("80.00"),))
    freed = planned(business(smaller, payment("77", "90.00")), memory=memory)
    assert documents(freed) == [
        ("update", "Payment", "payment:77"),
        ("update", "Invoice", "order:1042"),
    ]
    unnamed = replace(paid, method="barter")
    kept = planned(business(smaller, unnamed), memory=memory)
    assert held(kept) == {"payment:77": "unknown_method", "order:1042": "less_than_paid"}
    assert documents(kept) == []
    still = replace(shipped, total=Decimal("95.00"), lines=(line("95.00"),))
    assert documents(planned(business(still, paid), memory=memory)) == [
        ("update", "Invoice", "order:1042")
    ]


def test_an_unpaid_invoice_that_changes_hands_is_made_anew_and_an_estimate_follows():
    shipped, ordered = order("1", "shipped"), order("2")
    memory = remembered(business(shipped, ordered))
    moved = [replace(o, customer_id="13") for o in (shipped, ordered)]
    plan = planned(business(customer("13", "Marlow"), *moved), memory=memory)
    assert documents(plan) == [
        ("void", "Invoice", "order:1"),
        ("update", "Estimate", "order:2"),
        ("create", "Invoice", "order:1"),
    ]
    assert plan.operations[-1].draft.number == "1-2"
    assert planned(business(customer("13", "Marlow"), *moved),
                   memory=carried_out(plan, memory)).operations == ()  # fmt: skip


def test_a_paid_invoice_that_changes_hands_is_held():
    shipped, paid = order("1", "shipped"), payment("77", "5.00", pays("order:1", "5.00"))
    memory = remembered(business(shipped, paid))
    moved = business(customer("13", "Marlow"), replace(shipped, customer_id="13"), paid)
    plan = planned(moved, memory=memory)
    assert held(plan) == {"order:1": "moved_customer", "payment:77": "other_customer"}


def test_money_for_an_order_that_cannot_be_read_waits_unapplied():
    broken = Problem("order:1042", "unreadable_row", "orders.csv:7: no total.", "Correct it.")
    paid = payment("77", "40.00", pays("order:1042", "40.00"))
    plan = planned(business(paid, problems=(broken,)))
    assert held(plan) == {"order:1042": "unreadable_row"}
    assert documents(plan) == [("create", "Payment", "payment:77")]


def test_an_order_first_seen_charged_may_have_both_documents():
    plan = planned(business(order(status="shipped")), policy(estimate_always=True))
    assert documents(plan) == [
        ("create", "Estimate", "order:1042"),
        ("create", "Invoice", "order:1042"),
    ]
    assert "LinkedTxn" in body_of(plan, "order:1042")
    again = planned(
        business(order(status="shipped")), policy(estimate_always=True), carried_out(plan)
    )
    assert again.operations == ()


def test_a_memo_goes_nowhere_unless_it_is_meant_to():
    noted = order(status="shipped", memo="Leave at the back door")
    body = body_of(planned(business(noted), policy(memo_to="statement")), "order:1042")
    assert body["PrivateNote"] == "Leave at the back door\n[qbosync main order:1042]"
    told = body_of(planned(business(noted), policy(memo_to="customer")), "order:1042")
    assert told["CustomerMemo"] == {"value": "Leave at the back door"}


def test_nothing_goes_into_closed_books():
    closed = policy(closed_until=date(2026, 3, 3))
    late = order("2", "shipped", status_at=date(2026, 3, 4))
    shop = business(order("1", "shipped"), late, order("3"), payment("77", "5.00"))
    plan = planned(shop, closed)
    assert held(plan) == {"order:1": "closed_books", "payment:77": "closed_books"}
    assert documents(plan) == [("create", "Estimate", "order:3"), ("create", "Invoice", "order:2")]


METHOD = Key(Entity.PAYMENT_METHOD, "payment_method", "Check")


def test_a_payment_method_that_may_not_be_made_is_left_out():
    rules = policy()
    rules = replace(rules, items=replace(rules.items, create_missing=False))
    there = Candidate("PaymentMethod", {"Id": "2", "SyncToken": "0", "Name": "check"})
    shop = business(payment("77", "5.00"))
    cust = Candidate("Customer", {"Id": "1", "SyncToken": "0", "DisplayName": "Birchwood Homes"})
    objects = {CUSTOMER: (cust,), METHOD: (there,)}
    plan = planned(shop, rules, found=replace(FOUND, objects=objects))
    actions = [op.action for op in plan.operations if op.key == METHOD]
    assert actions == [Action.ADOPT]
    without = planned(shop, rules, found=replace(FOUND, objects={CUSTOMER: (cust,)}))
    assert documents(without) == [("create", "Payment", "payment:77")]


def test_a_void_order_whose_lines_no_longer_add_up_is_rejected_all_the_same():
    memory = remembered(business(order()))
    void = order(status="void", total="70.00", lines=(line("1.00"), line("2.00", "2")))
    [op] = planned(business(void), memory=memory).operations
    assert op.draft.body["TxnStatus"] == "Rejected" and "Line" not in op.draft.body
    assert set(op.changes) == {"TxnStatus"}
