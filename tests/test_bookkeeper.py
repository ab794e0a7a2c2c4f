"""What the bookkeeper does in QuickBooks is told side by side, and never overwritten silently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbosync.model import Order
from qbosync.notice import notice
from qbosync.outcome import Outcome
from tests.builders import business, customer, line, order, payment, pays
from tests.shopkit import CUSTOMERS, Shop, open_shop
from tests.shopkit import applied as applied_row
from tests.shopkit import line as line_row
from tests.shopkit import order as order_row
from tests.shopkit import payment as payment_row
from tests.workroom import Dying, Killed, Workroom, entities


def shipped(total: str = "100.00", **fields: Any) -> Order:
    fields.setdefault("status", "shipped")
    return order(total=total, **fields)


def edited(outcome: Outcome) -> dict[str, object]:
    """The edited records and how."""
    return {str(row["source"]): row["kind"] for row in outcome.edited}


def held(outcome: Outcome) -> dict[str, str]:
    return {source: problem.reason for source, problem in outcome.held.items()}


def id_of(room: Workroom, entity: str) -> str:
    return str(room.one(entity)["Id"])


# When it is seen --------------------------------------------------------------------------


def test_an_edit_after_a_first_run_that_died_is_told(room: Workroom) -> None:
    dying = Dying(room.clock, 10)
    with suppress(Killed):
        room.run(business(shipped(), order("2", "shipped")), dying)
    [first, *_] = room.documents("Invoice")
    values = {"DocNumber": "B240"}
    room.bookkeeper("edit", entity="Invoice", id=first["Id"], values=values)
    assert edited(room.later(business(shipped(), order("2", "shipped"))))


# Churn --------------------------------------------------------------------------------------


def test_what_quickbooks_changes_by_itself_is_no_edit(room: Workroom) -> None:
    """Balance and token churn is not drift."""
    shop = business(shipped(), payment("77", "40.00", pays("order:1042", "40.00")))
    room.run(shop)
    outcome = room.later(shop)
    assert outcome.edited == [] and outcome.exit_code == 0
    assert outcome.reads == 2


@pytest.mark.parametrize(
    "values",
    [
        {"DueDate": "2026-12-24"},
        {"PrivateNote": "called them"},
        {"CustomerMemo": {"value": "thank you"}},
        {"BillAddr": {"Line1": "somewhere else"}},
    ],
)
def test_fields_that_are_theirs_after_creation_may_change(
    room: Workroom, values: dict[str, Any]
) -> None:
    """DueDate, terms, addresses, memo: theirs (rule 25)."""
    shop = business(shipped())
    room.run(shop)
    room.bookkeeper("edit", entity="Invoice", id=id_of(room, "Invoice"), values=values)
    outcome = room.later(shop)
    assert outcome.edited == [] and outcome.exit_code == 0 and outcome.written == []


def test_recoding_a_line_by_hand_stays_also_through_a_change(room: Workroom) -> None:
    room.run(business(shipped()))
    other = room.documents("Item")[-1]["Id"]
    detail = {"SalesItemLineDetail": {"ItemRef": {"value": other}, "TaxCodeRef": {"value": "NON"}},
              "Description": "oak door"}  # fmt: skip
    room.bookkeeper("edit_line", entity="Invoice", id=id_of(room, "Invoice"), line=1, values=detail)
    assert room.later(business(shipped())).edited == []

    outcome = room.later(business(shipped("120.00")))
    assert outcome.exit_code == 0 and held(outcome) == {}
    [row] = [r for r in room.one("Invoice")["Line"] if r["DetailType"] == "SalesItemLineDetail"]
    assert row["SalesItemLineDetail"]["ItemRef"]["value"] == other
    assert row["Description"] == "oak door" and Decimal(str(row["Amount"])) == 120


def test_a_deposited_payment_is_no_edit(room: Workroom) -> None:
    shop = business(shipped(), payment("77", "40.00", pays("order:1042", "40.00")))
    room.run(shop)
    room.bookkeeper("deposit", ids=[id_of(room, "Payment")])
    outcome = room.later(shop)
    assert outcome.edited == [] and outcome.exit_code == 0


# Edits --------------------------------------------------------------------------------------


def test_an_edit_is_told_with_both_sides_and_holds_nothing(room: Workroom) -> None:
    """Rule 26: source unchanged: edited in QuickBooks, its own heading, exit 0."""
    shop = business(shipped())
    room.run(shop)
    room.bookkeeper(
        "edit_line", entity="Invoice", id=id_of(room, "Invoice"), line=1, values={"Amount": 90}
    )
    outcome = room.later(shop)
    assert outcome.exit_code == 0 and outcome.written == [] and held(outcome) == {}
    [row] = outcome.edited
    assert (row["source"], row["entity"], row["kind"]) == ("order:1042", "Invoice", "edited")
    assert row["fields"]["TotalAmt"] == {"ours": "100", "theirs": "90"}  # type: ignore[index]
    assert "total: ours 100, theirs 90" in str(row["what"])
    again = room.later(shop)
    assert again.edited == [row], "told with the time it was first seen, until somebody decides"
    assert again.reads == 2


def test_an_edit_holds_only_what_would_overwrite_it(room: Workroom) -> None:
    room.run(business(shipped(), shipped(id_="1043", number="1043")))
    first = next(b for b in room.documents("Invoice") if b["DocNumber"] == "1042")
    room.bookkeeper("edit", entity="Invoice", id=first["Id"], values={"DocNumber": "77-A"})

    outcome = room.later(business(shipped("120.00"), shipped("130.00", id_="1043", number="1043")))
    assert held(outcome) == {"order:1042": "edited"}
    assert outcome.exit_code == 3
    [problem] = outcome.held.values()
    assert "number: ours 1042, theirs 77-A" in problem.what
    assert "resolve order:1042 --theirs" in problem.todo
    totals = {b["DocNumber"]: Decimal(str(b["TotalAmt"])) for b in room.documents("Invoice")}
    assert totals == {"77-A": Decimal(100), "1043": Decimal(130)}, "the other one went on"


def test_an_edit_in_the_last_moment_is_seen_before_it_is_overwritten(room: Workroom) -> None:
    """Between the read of changes and the write; or longer ago than QuickBooks tells."""
    room.run(business(shipped()))
    room.bookkeeper(
        "edit", entity="Invoice", id=id_of(room, "Invoice"), values={"TxnDate": "2026-01-31"}
    )
    room.advance(40 * 86400)
    outcome = room.run(business(shipped("120.00")))
    assert held(outcome) == {"order:1042": "edited"}
    assert room.one("Invoice")["TxnDate"] == "2026-01-31"
    with room.ledger() as ledger:
        assert len(ledger.edits()) == 1


def test_an_edit_that_is_taken_back_is_forgotten(room: Workroom) -> None:
    shop = business(shipped())
    room.run(shop)
    invoice = id_of(room, "Invoice")
    room.bookkeeper("edit", entity="Invoice", id=invoice, values={"DocNumber": "77-A"})
    assert edited(room.later(shop)) == {"order:1042": "edited"}
    room.bookkeeper("edit", entity="Invoice", id=invoice, values={"DocNumber": "1042"})
    assert room.later(shop).edited == []


def test_an_edit_that_the_source_follows_is_no_longer_one(room: Workroom) -> None:
    """The bookkeeper corrected it first, the shop afterwards: both say the same now."""
    room.run(business(shipped()))
    room.bookkeeper(
        "edit_line", entity="Invoice", id=id_of(room, "Invoice"), line=1, values={"Amount": 90}
    )
    now = business(shipped("90.00", lines=(line("90.00"),)))
    outcome = room.later(now)
    assert held(outcome) == {} and outcome.exit_code == 0
    assert room.one("Invoice")["TotalAmt"] == 90
    assert room.later(now).edited == [] and room.later(now).written == []


def test_a_late_fee_line_by_hand_is_an_edit(room: Workroom) -> None:
    """Rule 29: a late-fee line found is drift."""
    shop = business(shipped())
    room.run(shop)
    body = room.one("Invoice")
    fee = {"DetailType": "SalesItemLineDetail", "Amount": 15, "Description": "Late fee",
           "SalesItemLineDetail": {"ItemRef": {"value": "1"},
                                   "TaxCodeRef": {"value": "NON"}}}  # fmt: skip
    rows = [r for r in body["Line"] if r["DetailType"] == "SalesItemLineDetail"]
    values = {"Line": [*rows, fee]}
    room.bookkeeper("edit", entity="Invoice", id=body["Id"], values=_floats(values))
    [row] = room.later(shop).edited
    assert "theirs 115" in str(row["what"])


def _floats(value: Any) -> Any:
    """For the bookkeeper's JSON, whose figures no promise rests on."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _floats(inner) for name, inner in value.items()}
    return [_floats(inner) for inner in value] if isinstance(value, list) else value


def test_a_payment_taken_off_its_invoice_is_told_and_not_put_back(room: Workroom) -> None:
    shop = business(shipped(), payment("77", "40.00", pays("order:1042", "40.00")))
    room.run(shop)
    room.bookkeeper("unapply_payment", entity="Payment", id=id_of(room, "Payment"))
    outcome = room.later(shop)
    assert edited(outcome) == {"payment:77": "unapplied"} and outcome.exit_code == 0
    assert room.one("Payment")["UnappliedAmt"] == 40
    assert "taken off its invoice" in str(outcome.edited[0]["what"])


def test_a_payment_applied_elsewhere_by_hand_is_told(room: Workroom) -> None:
    shop = business(
        shipped(), shipped("50.00", id_="1043"), payment("77", "40.00", pays("order:1042", "40.00"))
    )
    room.run(shop)
    paid = id_of(room, "Payment")
    other = next(b for b in room.documents("Invoice") if b["DocNumber"] == "1043")
    room.bookkeeper("unapply_payment", entity="Payment", id=paid)
    room.bookkeeper("apply_payment", entity="Payment", id=paid, invoice=other["Id"])
    outcome = room.later(shop)
    assert edited(outcome) == {"payment:77": "applied_elsewhere"} and outcome.written == []


# Voided and deleted --------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "kind"), [("void", "voided"), ("delete", "deleted")])
def test_what_was_voided_or_deleted_by_hand_is_told_and_never_written_again(
    room: Workroom, action: str, kind: str
) -> None:
    shop = business(shipped())
    room.run(shop)
    room.bookkeeper(action, entity="Invoice", id=id_of(room, "Invoice"))
    outcome = room.later(shop)
    assert edited(outcome) == {"order:1042": kind}
    assert outcome.exit_code == 0 and outcome.written == []
    assert f"was {kind} in QuickBooks" in str(outcome.edited[0]["what"])
    assert room.later(shop, runs=2).written == []


def test_a_voided_invoice_whose_order_changes_is_held(room: Workroom) -> None:
    room.run(business(shipped()))
    room.bookkeeper("void", entity="Invoice", id=id_of(room, "Invoice"))
    room.later(business(shipped()))
    outcome = room.later(business(shipped("120.00")))
    assert held(outcome) == {"order:1042": "not_live"}
    assert "--ours` writes it anew" in outcome.held["order:1042"].todo


@pytest.mark.parametrize("action", ["void", "delete"])
def test_what_the_shop_ends_too_is_no_edit_any_more(room: Workroom, action: str) -> None:
    shop = business(shipped(), payment("77", "40.00"))
    room.run(shop)
    for entity in ("Invoice", "Payment"):
        room.bookkeeper(action, entity=entity, id=id_of(room, entity))
    assert len(room.later(shop).edited) == 2
    over = business(shipped(status="void"), payment("77", "40.00", status="undone"))
    outcome = room.later(over)
    assert outcome.edited == [] and outcome.written == [] and outcome.exit_code == 0
    again = room.later(shop, 2)
    assert again.exit_code == 0 and not again.held
    assert "1042-2" in {body["DocNumber"] for body in room.documents("Invoice")}


def test_an_id_of_one_kind_is_not_taken_for_anothers(room: Workroom) -> None:
    """Customers and documents have Ids of their own, so both have an Id 1."""
    shop = business(shipped())
    room.run(shop)
    assert id_of(room, "Customer") == id_of(room, "Invoice") == "1"
    room.bookkeeper("edit", entity="Invoice", id="1", values={"TxnDate": "2026-02-02"})
    outcome = room.later(shop)
    assert edited(outcome) == {"order:1042": "edited"}
    assert [row["entity"] for row in outcome.edited] == ["Invoice"]


def test_a_read_that_fails_is_not_taken_for_a_deletion(room: Workroom) -> None:
    shop = business(shipped(), payment("77", "40.00", pays("order:1042", "40.00")))
    room.run(shop)
    before = room.books()
    for segment in ("cdc", "query"):
        room.advance()
        room.fault("status_500", segment, method="GET", times=99)
        changed = business(shipped(status="void"))
        outcome = room.run(changed)
        assert outcome.exit_code == 5 and outcome.edited == [] and outcome.written == []
        room.control("DELETE", "faults")
        assert room.books() == before
    assert room.later(shop).edited == []


def test_what_is_held_clears_itself_once_a_person_entered_it_there(room: Workroom) -> None:
    """In closed books, or for another customer: the bookkeeper does what the hold asks for."""
    other = customer("13", "Marlow")
    paid = payment("77", "40.00")
    room.run(business(shipped(), order("2", customer_id="13"), other, paid))
    room.bookkeeper("close_books", date="2026-03-31")
    less = shipped("70.00", lines=(line("70.00"),))
    moved = payment("77", "40.00", customer_id="13")
    now = business(less, order("2", customer_id="13"), other, moved)
    assert held(room.later(now)) == {"order:1042": "closed_books", "payment:77": "closed_books"}
    invoice, money = id_of(room, "Invoice"), id_of(room, "Payment")
    room.bookkeeper("edit_line", entity="Invoice", id=invoice, line=1, values={"Amount": 70})
    whose = next(c["Id"] for c in room.documents("Customer") if c["DisplayName"] == "Marlow")
    room.bookkeeper("edit", entity="Payment", id=money, values={"CustomerRef": {"value": whose}})
    done = room.later(now)
    assert not done.held and done.written == []
    again = room.later(now)
    assert (again.exit_code, again.edited, again.written) == (0, [], [])


def test_books_closed_by_hand_in_mid_life_hold_what_they_cover_and_nothing_else(
    room: Workroom,
) -> None:
    new = shipped(id_="2", status_at=date(2026, 4, 2))
    paid = payment("77", "40.00")
    room.run(business(shipped(), new, paid))
    room.bookkeeper("close_books", date="2026-03-31")
    told = room.later(business(shipped(), new, paid))
    assert told.exit_code == 0 and "BookCloseDate was off, is 2026-03-31" in told.reported[0]
    assert room.later(business(shipped(), new, paid)).reported == []
    more = business(
        shipped("90.00", lines=(line("90.00"),)),
        shipped("90.00", id_="2", status_at=date(2026, 4, 2), lines=(line("90.00"),)),
        payment("77", "40.00", pays("order:2", "40.00")),
        payment("78", "50.00", pays("order:1042", "50.00"), received=date(2026, 4, 5)),
        shipped(id_="3"),
    )
    done = room.later(more)
    assert held(done) == {"order:1042": "closed_books", "order:3": "closed_books"}
    assert list(done.by_hand) == ["payment:77"]
    assert entities(done) == [("update", "Invoice", "order:2"), ("create", "Payment", "payment:78")]
    room.bookkeeper("apply_payment", id=id_of_payment(room, "40"), invoice=by_number(room, "2"))
    room.bookkeeper("open_books")
    cleared = room.later(more)
    assert not cleared.held and not cleared.by_hand
    assert entities(cleared) == [
        ("update", "Invoice", "order:1042"), ("create", "Invoice", "order:3"),
    ]  # fmt: skip
    assert room.later(more).exit_code == 0


def by_number(room: Workroom, number: str) -> str:
    [body] = [b for b in room.documents("Invoice") if b["DocNumber"] == number]
    return str(body["Id"])


def id_of_payment(room: Workroom, amount: str) -> str:
    [body] = [b for b in room.documents("Payment") if b["TotalAmt"] == Decimal(amount)]
    return str(body["Id"])


def test_the_payment_of_a_voided_invoice_waits_unapplied_without_a_write(room: Workroom) -> None:
    shop = business(shipped(), payment("77", "40.00", pays("order:1042", "40.00")))
    room.run(shop)
    room.bookkeeper("void", entity="Invoice", id=id_of(room, "Invoice"))
    outcome = room.later(shop)
    assert outcome.written == [] and outcome.exit_code == 0
    assert room.one("Payment")["UnappliedAmt"] == 40
    assert room.later(shop).written == []


def test_a_deleted_payment_is_told_and_not_entered_again(room: Workroom) -> None:
    shop = business(shipped(), payment("77", "40.00", pays("order:1042", "40.00")))
    room.run(shop)
    room.bookkeeper("delete", entity="Payment", id=id_of(room, "Payment"))
    outcome = room.later(shop)
    assert edited(outcome) == {"payment:77": "deleted"} and outcome.written == []
    assert room.documents("Payment") == []


def test_a_deleted_estimate_does_not_keep_its_order_from_being_charged(room: Workroom) -> None:
    room.run(business(order()))
    room.bookkeeper("delete", entity="Estimate", id=id_of(room, "Estimate"))
    outcome = room.later(business(order()))
    assert edited(outcome) == {"order:1042": "deleted"}
    outcome = room.later(business(shipped()))
    assert [e for _, e, _ in entities(outcome)] == ["Invoice"] and outcome.exit_code == 0


# Customers and items --------------------------------------------------------------------------


def test_a_renamed_customer_keeps_its_new_name_until_the_shop_renames_too(room: Workroom) -> None:
    shop = business(shipped())
    room.run(shop)
    [body] = room.documents("Customer")
    room.bookkeeper("rename", id=body["Id"], to="Birchwood Homes LLC")
    outcome = room.later(shop)
    assert edited(outcome) == {"customer:12": "edited"} and outcome.written == []

    phone = replace(shop.customers["12"], phone="555 12")
    outcome = room.later(replace(shop, customers={"12": phone}))
    assert held(outcome) == {}, "another field follows"
    [body] = room.documents("Customer")
    assert body["DisplayName"] == "Birchwood Homes LLC"
    assert body["PrimaryPhone"]["FreeFormNumber"] == "555 12"

    renamed = replace(phone, name="Birchwood")
    outcome = room.later(replace(shop, customers={"12": renamed}))
    assert held(outcome) == {"customer:12": "edited"}
    more = {"1043": shipped(id_="1043"), **shop.orders}
    outcome = room.later(replace(shop, customers={"12": renamed}, orders=more))
    assert [s for _, _, s in entities(outcome)] == ["order:1043"], "it delays no document"


def test_a_merged_customer_is_followed_after_one_confirmation(room: Workroom) -> None:
    """The CustomerRef of one of our documents tells into whom."""
    shop = business(shipped())
    room.run(shop)
    ours = room.one("Customer")["Id"]
    other = room.book("Customer", {"DisplayName": "Birchwood Group"})["Id"]
    room.bookkeeper("merge", id=ours, into=other)
    outcome = room.later(shop)
    assert edited(outcome) == {"customer:12": "merged"} and outcome.exit_code == 0
    [row] = outcome.edited
    assert f"merged into customer Id {other}" in str(row["what"])
    assert f"resolve customer:12 --relink {other}" in str(row["todo"])

    more = business(shipped(), shipped(id_="1043"))
    outcome = room.later(more)
    assert held(outcome) == {"order:1043": "waits"}
    assert "merged into" in outcome.held["order:1043"].what
    assert len(room.documents("Customer")) == 1, "no twin is made"


def test_an_inactive_customer_holds_what_is_new_and_clears_itself(room: Workroom) -> None:
    room.run(business(shipped()))
    ours = room.one("Customer")["Id"]
    room.bookkeeper("deactivate", id=ours)
    assert room.later(business(shipped())).exit_code == 0
    outcome = room.later(business(shipped(), shipped(id_="1043")))
    assert held(outcome) == {"order:1043": "waits"}
    assert "inactive" in outcome.held["order:1043"].what
    assert "Make active" in outcome.held["order:1043"].todo
    room.bookkeeper("activate", id=ours)
    outcome = room.later(business(shipped(), shipped(id_="1043")))
    assert outcome.exit_code == 0 and len(room.documents("Invoice")) == 2


def test_an_inactive_item_holds_what_needs_it_and_clears_itself(room: Workroom) -> None:
    room.run(business(shipped()))
    item = next(b for b in room.documents("Item") if b["Name"] == "Cabinets")
    room.bookkeeper("deactivate", entity="Item", id=item["Id"])
    room.later(business(shipped()))
    outcome = room.later(business(shipped(), shipped(id_="1043")))
    assert held(outcome) == {"order:1043": "waits"}
    assert "inactive" in outcome.held["order:1043"].what
    room.bookkeeper("activate", entity="Item", id=item["Id"])
    assert room.later(business(shipped(), shipped(id_="1043"))).exit_code == 0


def test_a_customer_moved_under_a_parent_by_hand_stays_ours_by_its_id(room: Workroom) -> None:
    room.run(business(shipped()))
    ours = room.one("Customer")["Id"]
    parent = room.book("Customer", {"DisplayName": "Builders"})["Id"]
    values = {"Job": True, "ParentRef": {"value": parent}}
    room.bookkeeper("edit", entity="Customer", id=ours, values=values)
    outcome = room.later(business(shipped(), shipped(id_="1043")))
    assert outcome.edited == [] and outcome.exit_code == 0
    assert {b["CustomerRef"]["value"] for b in room.documents("Invoice")} == {ours}


# Words on the command line ---------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as shop:
        deliver(shop)
        shop.connect()
        yield shop


def deliver(shop: Shop, total: str = "250.00") -> None:
    shop.deliver(
        customers=CUSTOMERS,
        orders=[order_row("1002", total, customer_id="2", status="shipped")],
        order_lines=[line_row("1002", total)],
        payments=[payment_row("501", "100.00", customer_id="2", ref_num="4711")],
        payment_applications=[applied_row("501", "order:1002", "100.00")],
    )


def test_an_edit_is_mailed_once_and_shown_by_status_explain_and_json(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    invoice = shop.book("Invoice", "1002")
    shop.bookkeeper(
        "edit_line", entity="Invoice", id=invoice["Id"], line=1, values={"Amount": Decimal("240")}
    )
    told = shop.writes_nothing("sync")
    assert "1 edited in QuickBooks, nothing is held" in told.err
    assert "total: ours 250, theirs 240" in told.err
    assert shop.writes_nothing("sync").err == "", "mailed once"

    status = shop.run("status")
    assert "Edited in QuickBooks: 1" in status.out and "theirs 240" in status.out
    assert status.code == 0 and "Working" in status.out
    [row] = shop.run("status", "--json").json["edited"]
    assert row["source"] == "order:1002" and row["fields"]["TotalAmt"]["theirs"] == "240"
    assert shop.run("plan", "--json").json["edited"] == [row]
    story = shop.run("explain", "1002")
    assert "was edited in QuickBooks" in story.out
    assert shop.run("explain", "1002", "--json").json["edited"] == [row]


def test_sales_tax_turned_on_in_mid_month_stops_everything(shop: Shop) -> None:
    assert shop.run("sync").code == 0
    shop.bookkeeper("preferences", values={"TaxPrefs": {"UsingSalesTax": True}})
    deliver(shop, "260.00")
    stopped = shop.writes_nothing("sync", code=4)
    assert "Sales Tax" in stopped.err


def test_a_payment_that_our_own_void_took_off_moves_on_unasked(room: Workroom) -> None:
    """QuickBooks takes payments off what is void: that is nobody's edit."""
    paid = payment("77", "40.00", pays("order:1042", "40.00"))
    room.run(business(shipped(), shipped(id_="1043"), paid))
    invoice = next(b for b in room.documents("Invoice") if b["DocNumber"] == "1042")
    room.bookkeeper("void", entity="Invoice", id=invoice["Id"])
    moved = payment("77", "40.00", pays("order:1043", "40.00"))
    outcome = room.later(business(shipped(), shipped(id_="1043"), moved))
    assert held(outcome) == {} and edited(outcome) == {"order:1042": "voided"}
    assert room.one("Payment")["UnappliedAmt"] == 0


def test_a_full_check_remembers_what_it_finds_however_long_ago(shop: Shop) -> None:
    """QuickBooks tells the changes of 30 days; the full comparison asks for each document."""
    assert shop.run("sync").code == 0
    invoice = shop.book("Invoice", "1002")
    shop.bookkeeper(
        "edit_line", entity="Invoice", id=invoice["Id"], line=1, values={"Amount": Decimal("240")}
    )
    shop.bookkeeper("delete", entity="Payment", id=shop.book("Payment", "4711")["Id"])
    found = {row["name"]: row for row in shop.run("check", "--full", "--json").json["checks"]}
    assert "ours 250, theirs 240" in found["invoices in QuickBooks"]["evidence"]
    assert "was deleted" in found["payments in QuickBooks"]["evidence"]
    told = {row["source"]: row["kind"] for row in shop.run("status", "--json").json["edited"]}
    assert told == {"order:1002": "edited", "payment:501": "deleted"}
    again = {row["name"]: row for row in shop.run("check", "--full", "--json").json["checks"]}
    assert "ours 250, theirs 240" in again["invoices in QuickBooks"]["evidence"]


def test_what_is_only_listed_by_its_token_is_no_edit(room: Workroom) -> None:
    """After a thousand changes QuickBooks tells Ids and tokens only: nothing is concluded."""
    room.run(business(shipped()))
    with room.shop(business(shipped())) as shop:
        memory = shop.ledger.memory({}, shop.clock.now())
        bare = {
            entity: [{"Id": body["Id"], "SyncToken": "9"} for body in room.documents(entity)]
            for entity in ("Customer", "Item", "Invoice")
        }
        found = notice(memory, bare, shop.ledger, shop.company, shop.clock.now())
    assert (found.edits, found.cleared, found.seen) == ({}, [], {})
