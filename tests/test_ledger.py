"""The ledger's own promises: what is entered comes out whole, from a real SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbosync.edit import Edit, Kind, Says, Word
from qbosync.key import Action, Entity, Key
from qbosync.ledger import WHOLE_RUN, Ledger
from qbosync.ledger.row import entry_of
from qbosync.mapping.context import Memory, Refusal, Sighting, Stranger
from qbosync.model import Problem
from qbosync.operation import VOID_DIGEST, Draft, Entry, Intent, Operation, Posted, canonical

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
Json = dict[str, Any]


def sales(amount: str, id_: str = "") -> Json:
    line = {"Amount": Decimal(amount), "DetailType": "SalesItemLineDetail"}
    return {"Id": id_, **line} if id_ else line


INVOICE = Draft(
    Key(Entity.INVOICE, "order", "1042"),
    {"DocNumber": "1042", "Line": [sales("60.00"), sales("40.00")], "TotalAmt": Decimal("100.00")},
    {"TotalAmt": "100.00", "TxnDate": "2026-03-02"},
    number="1042",
    customer="12",
    amount=Decimal("100.00"),
    lines=("1", "s"),
)
ESTIMATE = replace(INVOICE, key=Key(Entity.ESTIMATE, "order", "1042"))
PAYMENT = Draft(
    Key(Entity.PAYMENT, "payment", "77"),
    {"TotalAmt": Decimal("25.50")},
    {"TotalAmt": "25.50"},
    customer="12",
    amount=Decimal("25.50"),
)
CUSTOMER = Draft(
    Key(Entity.CUSTOMER, "customer", "12"),
    {"DisplayName": "Birch", "CompanyName": "Birch & Sons"},
    {"DisplayName": "Birch", "CompanyName": "Birch & Sons"},
    name="Birch",
)
ANSWER: Json = {
    "Id": "7",
    "SyncToken": "3",
    "DocNumber": "1042",
    "TxnDate": "2026-03-02",
    "TotalAmt": Decimal("100.00"),
    "Line": [sales("60.00", "1"), sales("40.00", "2"), {"DetailType": "SubTotalLineDetail"}],
}
PAID: Json = {"Id": "8", "SyncToken": "0", "TotalAmt": Decimal("25.50"), "TxnDate": "2026-03-03"}
BIRCH: Json = {"Id": "9", "SyncToken": "0", "DisplayName": "Birch", "CompanyName": "Birch & Sons"}
ENTRY = Entry(
    INVOICE.key, "7", "3", canonical(INVOICE.facts), INVOICE.digest, "1042", "", "12",
    Decimal("100.00"), date(2026, 3, 2), {"1": "1", "s": "2"},
)  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(tmp_path / "a.db", {"uuid": "u"})
    yield ledger
    ledger.close()


def reopened(ledger: Ledger) -> Ledger:
    """The same file, as the next run opens it."""
    ledger.close()
    return Ledger.open(ledger.path)


def an_operation(draft: Draft, action: Action = Action.CREATE, **fields: Any) -> Operation:
    return Operation(action, draft, "new", **fields)


def write(draft: Draft, action: Action = Action.CREATE, **fields: Any) -> Intent:
    """What is about to be sent; the ledger numbers it."""
    values: Json = {
        "id": 0, "key": draft.key, "action": action, "body": draft.body, "request_id": "q1",
        "draft": draft, "epoch": draft.epoch, "run_id": 4, "first_sent": NOW, "last_sent": NOW,
        "batch_id": "b1",
    }  # fmt: skip
    return Intent(**values | fields)


def intend(ledger: Ledger, draft: Draft, action: Action = Action.CREATE, **fields: Any) -> Intent:
    [intent] = ledger.intend([(an_operation(draft, action), write(draft, action, **fields))])
    return intent


def post(ledger: Ledger, draft: Draft, answer: Json, **fields: Any) -> Entry:
    """Write a document, and enter QuickBooks' answer."""
    [entry] = ledger.record([(intend(ledger, draft, **fields), Posted(answer, "t1"))], NOW)
    return entry


def entered(ledger: Ledger) -> dict[Key, Entry]:
    return {entry.key: entry for entry in ledger.entries()}


def last_intent(ledger: Ledger) -> Json:
    return ledger.rows("SELECT * FROM intents ORDER BY id DESC LIMIT 1")[0]


def edit_of(draft: Draft, kind: Kind = Kind.EDITED, **fields: Any) -> Edit:
    return Edit(draft.key, kind, "f1", NOW, {"number": ("1042", "77-A")}, **fields)


def word_on(draft: Draft, **fields: Any) -> Word:
    return Word(draft.key, Says.THEIRS, NOW, **fields)


# Intents ----------------------------------------------------------------------------------------


def test_an_intent_comes_out_as_it_went_in(ledger: Ledger) -> None:
    draft = replace(INVOICE, name="n", is_void=True, epoch=2, body={"Id": "7", "sparse": True})
    sent = write(draft, Action.VOID, run_id=5, last_sent=LATER, attempts=3, request_id="q9")
    [intent] = ledger.intend([(an_operation(draft, Action.VOID), sent)])
    assert intent == replace(sent, id=1)
    with_it = reopened(ledger)
    assert with_it.open_intents() == [intent]
    with_it.close()


def test_an_intent_without_an_amount_comes_out_without_one(ledger: Ledger) -> None:
    intent = intend(ledger, CUSTOMER)
    assert ledger.open_intents() == [intent] and intent.draft.amount is None


def test_amounts_in_a_body_come_out_to_the_cent(ledger: Ledger) -> None:
    intend(ledger, INVOICE)
    [intent] = ledger.open_intents()
    assert str(intent.body["TotalAmt"]) == "100.00" and type(intent.body["TotalAmt"]) is Decimal


def test_an_intents_row_tells_a_person_everything(ledger: Ledger) -> None:
    operation = an_operation(INVOICE, changes={"TotalAmt": ("90.00", "100.00")})
    ledger.intend([(operation, write(INVOICE))])
    row = last_intent(ledger)
    assert {name: row[name] for name in (
        "id", "key", "entity", "kind", "source_id", "action", "reason", "request_id", "batch_id",
        "changes", "epoch", "run_id", "first_sent", "last_sent", "attempts", "state", "qbo_id",
        "trace_id", "answer", "closed_at",
    )} == {
        "id": 1, "key": "Invoice|order|1042", "entity": "Invoice", "kind": "order",
        "source_id": "1042", "action": "create", "reason": "new", "request_id": "q1",
        "batch_id": "b1", "changes": '{"TotalAmt":["90.00","100.00"]}', "epoch": 0, "run_id": 4,
        "first_sent": "2026-03-10T12:00:00+00:00", "last_sent": "2026-03-10T12:00:00+00:00",
        "attempts": 1, "state": "open", "qbo_id": "", "trace_id": "", "answer": "",
        "closed_at": "",
    }  # fmt: skip


def test_intents_are_numbered_on_from_the_last_run(ledger: Ledger) -> None:
    assert [intend(ledger, INVOICE).id, intend(ledger, PAYMENT).id] == [1, 2]
    again = reopened(ledger)
    assert intend(again, CUSTOMER).id == 3
    assert [intent.id for intent in again.open_intents()] == [1, 2, 3]
    again.close()


def test_several_intents_are_entered_together_or_not_at_all(ledger: Ledger) -> None:
    both = [(an_operation(d), write(d)) for d in (PAYMENT, INVOICE, INVOICE)]
    with pytest.raises(sqlite3.IntegrityError):
        ledger.intend(both)
    assert ledger.open_intents() == []
    assert [intent.key for intent in ledger.intend(both[:2])] == [PAYMENT.key, INVOICE.key]


def test_a_document_has_one_open_intent_at_most(ledger: Ledger) -> None:
    intend(ledger, INVOICE)
    with pytest.raises(sqlite3.IntegrityError):
        intend(ledger, INVOICE)
    intend(ledger, ESTIMATE)


def test_what_is_sent_again_goes_alone_and_is_counted(ledger: Ledger) -> None:
    other, intent = intend(ledger, PAYMENT), intend(ledger, INVOICE)
    again = ledger.resend(intent, LATER)
    assert again == replace(intent, last_sent=LATER, attempts=2, batch_id="")
    assert ledger.open_intents() == [other, again]


def test_what_was_found_of_an_open_write_is_remembered_and_leaves_it_open(ledger: Ledger) -> None:
    intent = intend(ledger, INVOICE)
    ledger.note(intent, "looked for and not found")
    assert last_intent(ledger)["answer"] == "looked for and not found"
    assert ledger.open_intents() == [intent]


def test_what_is_dropped_is_closed_with_the_reason(ledger: Ledger) -> None:
    ledger.drop([intend(ledger, INVOICE), intend(ledger, PAYMENT)], LATER, "not in QuickBooks")
    assert ledger.open_intents() == [] and entered(ledger) == {}
    for row in ledger.rows("SELECT * FROM intents"):
        assert (row["state"], row["answer"], row["qbo_id"], row["trace_id"], row["closed_at"]) == (
            "dropped", "not in QuickBooks", "", "", LATER.isoformat(),
        )  # fmt: skip


# Answers ----------------------------------------------------------------------------------------


def test_an_answer_closes_its_intent_and_becomes_an_entry(ledger: Ledger) -> None:
    assert post(ledger, INVOICE, ANSWER) == ENTRY
    assert ledger.open_intents() == [] and entered(ledger) == {INVOICE.key: ENTRY}
    row = last_intent(ledger)
    assert (row["state"], row["qbo_id"], row["trace_id"]) == ("posted", "7", "t1")
    assert row["closed_at"] == NOW.isoformat()
    [row] = ledger.rows("SELECT * FROM entries")
    assert (row["run_id"], row["written_at"], row["source_id"]) == (4, NOW.isoformat(), "1042")
    assert (row["entity"], row["kind"]) == ("Invoice", "order")


def test_an_answer_is_kept_as_what_quickbooks_holds(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    assert ledger.seen([INVOICE.key]) == {
        INVOICE.key: {
            "TxnDate": "2026-03-02", "DocNumber": "1042", "TotalAmt": "100",
            "Line": [["60"], ["40"]], "LinkedTxn": [],
        }
    }  # fmt: skip


def test_an_update_takes_the_place_of_what_was_known_and_stays_made_by_us(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    again = replace(INVOICE, body={"Id": "7"}, facts={"TotalAmt": "90.00"})
    entry = post(ledger, again, ANSWER | {"SyncToken": "4"}, action=Action.UPDATE)
    assert entered(ledger) == {INVOICE.key: entry}
    assert (entry.origin, entry.sync_token, entry.state) == ("created", "4", "live")
    assert entry.facts == {"TotalAmt": "90.00"}


def test_an_update_of_an_adopted_document_does_not_make_it_ours(ledger: Ledger) -> None:
    ledger.adopt(an_operation(INVOICE), ANSWER, INVOICE.facts, 4, NOW)
    again = replace(INVOICE, body={"Id": "7"})
    assert post(ledger, again, ANSWER, action=Action.UPDATE).origin == "adopted"
    assert post(ledger, replace(PAYMENT, body={"Id": "8"}), PAID).origin == "adopted"


def test_what_takes_the_place_of_a_void_document_is_made_by_us(ledger: Ledger) -> None:
    ledger.adopt(an_operation(INVOICE), ANSWER, INVOICE.facts, 4, NOW)
    assert post(ledger, replace(INVOICE, epoch=1), ANSWER).origin == "created"


def test_a_void_ends_a_document(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    void = replace(INVOICE, body={"Id": "7"}, is_void=True)
    intent = intend(ledger, void, Action.VOID)
    [entry] = ledger.record([(intent, Posted(ANSWER))], LATER)
    assert entry.state == "void" and entry.is_withdrawn and not entry.is_live
    assert ledger.counts() == {}


def test_what_we_deleted_is_gone(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    gone = replace(INVOICE, body={"Id": "7"}, is_void=True)
    answer = {"Id": "7", "status": "Deleted"}
    [entry] = ledger.record([(intend(ledger, gone, Action.DELETE), Posted(answer))], LATER)
    assert entry.state == "deleted" and not entry.is_live and ledger.counts() == {}


def test_answers_are_entered_together_or_not_at_all(ledger: Ledger) -> None:
    both = [(intend(ledger, INVOICE), Posted(ANSWER)), (intend(ledger, PAYMENT), Posted({}))]
    with pytest.raises(KeyError):
        ledger.record(both, NOW)
    assert len(ledger.open_intents()) == 2 and entered(ledger) == {}


def test_a_document_that_was_found_closes_its_intent_with_what_it_really_says(
    ledger: Ledger,
) -> None:
    intent = intend(ledger, INVOICE)
    entry = ledger.recognise(intent, ANSWER, {"TotalAmt": "100.00"}, LATER)
    assert ledger.open_intents() == [] and entry.facts == {"TotalAmt": "100.00"}
    assert entered(ledger) == {INVOICE.key: entry}
    row = last_intent(ledger)
    assert (row["state"], row["qbo_id"], row["trace_id"], row["closed_at"]) == (
        "adopted", "7", "", LATER.isoformat(),
    )  # fmt: skip
    assert entry.origin == "created", "we made it, though we learnt of it late"
    ledger.recognise(intend(ledger, PAYMENT), PAID, {}, LATER, "t7")
    assert last_intent(ledger)["trace_id"] == "t7"


def test_a_refusal_closes_the_intent_and_is_remembered_until_the_record_changes(
    ledger: Ledger,
) -> None:
    intent = intend(ledger, INVOICE)
    problem = Problem("order:1042", "refused", "QuickBooks refuses it.", "Mend it.")
    ledger.refuse(intent, problem, LATER, "t9")
    row = last_intent(ledger)
    assert (row["state"], row["answer"], row["trace_id"], row["qbo_id"]) == (
        "refused", "QuickBooks refuses it.", "t9", "",
    )  # fmt: skip
    assert row["closed_at"] == LATER.isoformat() and ledger.open_intents() == []
    refusal = Refusal(INVOICE.digest, "QuickBooks refuses it.", "Mend it.")
    assert ledger.memory({}, NOW).refusals == {INVOICE.key: refusal}
    assert ledger.memory({}, LATER).refusals == {}, "an old one is tried again"
    post(ledger, INVOICE, ANSWER)
    assert ledger.memory({}, NOW).refusals == {}, "what went out at last is refused no more"


def test_refusals_are_counted_by_request_id(ledger: Ledger) -> None:
    problem = Problem("", "", "", "")
    for draft, id_ in ((INVOICE, "q1"), (INVOICE, "q1"), (PAYMENT, "q2")):
        ledger.refuse(intend(ledger, draft, request_id=id_), problem, NOW, "")
    intend(ledger, CUSTOMER, request_id="q2")
    assert ledger.refused_ids() == {"q1": 2, "q2": 1}


def test_whatever_was_sent_to_be_created_is_known_whatever_became_of_it(ledger: Ledger) -> None:
    ledger.drop([intend(ledger, INVOICE)], NOW, "")
    intend(ledger, INVOICE)
    intend(ledger, PAYMENT)
    intend(ledger, CUSTOMER, Action.UPDATE)
    assert ledger.sent() == {INVOICE.key, PAYMENT.key}


def test_the_history_of_a_record_is_every_write_for_it_oldest_first(ledger: Ledger) -> None:
    for draft in (ESTIMATE, PAYMENT, INVOICE):
        intend(ledger, draft)
    assert [row["entity"] for row in ledger.history("order:1042")] == ["Estimate", "Invoice"]
    spending = replace(PAYMENT, key=Key(Entity.PAYMENT, "credit_application", "5/order:1042"))
    intend(ledger, spending)
    assert len(ledger.history("credit_application:5/order:1042")) == 1
    assert ledger.history("order:104") == [] and ledger.history("payment:1042") == []


# Entries ----------------------------------------------------------------------------------------


def test_an_entry_takes_number_date_and_lines_from_quickbooks(ledger: Ledger) -> None:
    answer = ANSWER | {"DocNumber": "1042-A", "TxnDate": "2026-03-02-08:00"}
    entry = entry_of(INVOICE, Posted(answer), 2, "adopted", "void")
    assert entry == replace(
        ENTRY, number="1042-A", epoch=2, origin="adopted", state="void"
    )  # fmt: skip


def test_what_quickbooks_does_not_say_of_an_entry_is_the_drafts_or_blank() -> None:
    entry = entry_of(replace(INVOICE, name="n"), Posted({"Id": 7}), 0, "created")
    assert entry == replace(
        ENTRY, sync_token="", name="n", dated=None, lines={}
    )  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [sales("60.00", "1")],
        [sales("60.00", "1"), sales("40.00")],
        [sales("60.00", "1"), {"Id": "2", "DetailType": "DiscountLineDetail"}],
        [sales("60.00", "1"), {"Id": "2"}],
        [sales("60.00", "1"), sales("30.00", "2"), sales("10.00", "3")],
    ],
)
def test_lines_that_quickbooks_has_otherwise_are_not_guessed_at(lines: list[Json]) -> None:
    assert entry_of(INVOICE, Posted(ANSWER | {"Line": lines}), 0, "created").lines == {}


def test_an_adopted_object_is_entered_with_what_it_really_says(ledger: Ledger) -> None:
    entry = ledger.adopt(
        an_operation(replace(INVOICE, epoch=1)), ANSWER, {"TotalAmt": "100.00"}, 6, NOW
    )
    agreed = replace(INVOICE, facts={"TotalAmt": "100.00"})
    assert entry == entry_of(agreed, Posted(ANSWER), 1, "adopted")
    assert entered(ledger) == {INVOICE.key: entry} and INVOICE.key in ledger.seen([INVOICE.key])
    [row] = ledger.rows("SELECT run_id, written_at FROM entries")
    assert row == {"run_id": 6, "written_at": NOW.isoformat()}


@pytest.mark.parametrize(
    ("action", "state"),
    [(Action.UPDATE, "live"), (Action.VOID, "void"), (Action.DELETE, "deleted")],
)
def test_what_quickbooks_says_already_is_entered_without_a_write(
    ledger: Ledger, action: Action, state: str
) -> None:
    known = replace(ENTRY, epoch=2, origin="created")
    entry = ledger.confirm(an_operation(INVOICE, action, entry=known), ANSWER, 6, NOW)
    assert entry == replace(ENTRY, epoch=2, state=state)
    assert entered(ledger) == {INVOICE.key: entry} and INVOICE.key in ledger.seen([INVOICE.key])
    [row] = ledger.rows("SELECT run_id, written_at FROM entries")
    assert row == {"run_id": 6, "written_at": NOW.isoformat()}


def test_what_is_confirmed_without_an_entry_counts_as_adopted(ledger: Ledger) -> None:
    entry = ledger.confirm(an_operation(INVOICE, Action.UPDATE), ANSWER, 6, NOW)
    assert (entry.epoch, entry.origin, entry.state) == (0, "adopted", "live")


def test_what_is_taken_over_counts_as_unchanged(ledger: Ledger) -> None:
    pairs = [(an_operation(INVOICE), ANSWER), (an_operation(CUSTOMER), BIRCH)]
    ledger.take_over(pairs, NOW)
    assert entered(ledger) == {
        INVOICE.key: entry_of(INVOICE, Posted(ANSWER), 0, "adopted"),
        CUSTOMER.key: entry_of(CUSTOMER, Posted(BIRCH), 0, "adopted"),
    }
    assert set(ledger.seen([INVOICE.key, CUSTOMER.key])) == {INVOICE.key, CUSTOMER.key}
    for row in ledger.rows("SELECT run_id, written_at FROM entries"):
        assert row == {"run_id": 0, "written_at": NOW.isoformat()}


def test_what_documents_refer_to_is_remembered_by_its_name(ledger: Ledger) -> None:
    key = Key(Entity.TERM, "term", "Net 30")
    entry = ledger.reference(key, "3", 6, NOW)
    assert entry == Entry(key, "3", "", name="Net 30", origin="found")
    assert entered(ledger) == {key: entry} and ledger.seen([key]) == {}
    [row] = ledger.rows("SELECT run_id, written_at FROM entries")
    assert row == {"run_id": 6, "written_at": NOW.isoformat()}


def test_sync_tokens_are_taken_over_by_entity_and_id(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    post(ledger, PAYMENT, PAID | {"Id": "7"})
    ledger.touch({("Invoice", "7"): "9", ("Invoice", "8"): "5"})
    tokens = {key.entity: entry.sync_token for key, entry in entered(ledger).items()}
    assert tokens == {Entity.INVOICE: "9", Entity.PAYMENT: "0"}


def test_what_was_written_since_is_counted_by_entity(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    ledger.take_over([(an_operation(PAYMENT), PAID), (an_operation(ESTIMATE), ANSWER)], LATER)
    assert ledger.written_since(NOW) == {"Invoice": 1, "Payment": 1, "Estimate": 1}
    assert ledger.written_since(LATER) == {"Payment": 1, "Estimate": 1}
    assert ledger.written_since(LATER + timedelta(seconds=1)) == {}


def test_live_entries_are_counted_by_entity(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    other = replace(INVOICE, key=replace(INVOICE.key, id="1043"))
    post(ledger, other, ANSWER)
    post(ledger, PAYMENT, PAID)
    assert ledger.counts() == {"Invoice": 2, "Payment": 1}
    ledger.forget([other.key])
    assert ledger.counts() == {"Invoice": 1, "Payment": 1}


def test_an_id_may_hold_any_character(ledger: Ledger) -> None:
    odd = replace(INVOICE, key=Key(Entity.INVOICE, "order", "a|b:c'd"))
    post(ledger, odd, ANSWER)
    assert set(entered(ledger)) == {odd.key} and set(ledger.seen([odd.key])) == {odd.key}


# What QuickBooks held ---------------------------------------------------------------------------


def test_of_a_customer_only_what_was_sent_is_as_we_wish_it(ledger: Ledger) -> None:
    post(ledger, CUSTOMER, BIRCH)
    ledger.watch([edit_of(CUSTOMER)], [], {})
    ledger.give([word_on(CUSTOMER)])
    theirs = BIRCH | {"DisplayName": "Birch 2", "CompanyName": "of a person"}
    update = replace(CUSTOMER, body={"Id": "9", "DisplayName": "Birch 2"})
    post(ledger, update, theirs, action=Action.UPDATE)
    seen = ledger.seen([CUSTOMER.key])[CUSTOMER.key]
    assert (seen["DisplayName"], seen["CompanyName"]) == ("Birch 2", "Birch & Sons")
    assert set(ledger.edits()) == {CUSTOMER.key}, "the next look tells what is left"
    assert ledger.words() == {}, "the word is carried out"


def test_a_customer_that_was_never_looked_at_is_seen_whole_at_its_first_update(
    ledger: Ledger,
) -> None:
    post(ledger, replace(CUSTOMER, body={"Id": "9", "DisplayName": "Birch"}), BIRCH)
    assert ledger.seen([CUSTOMER.key])[CUSTOMER.key]["CompanyName"] == "Birch & Sons"


def test_what_is_written_is_edited_no_more(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    for draft in (INVOICE, PAYMENT):
        ledger.watch([edit_of(draft)], [], {})
        ledger.give([word_on(draft)])
    post(ledger, replace(INVOICE, body={"Id": "7"}), ANSWER, action=Action.UPDATE)
    assert set(ledger.edits()) == set(ledger.words()) == {PAYMENT.key}


def test_a_customer_that_is_made_is_edited_no_more(ledger: Ledger) -> None:
    ledger.watch([edit_of(CUSTOMER)], [], {})
    post(ledger, CUSTOMER, BIRCH)
    assert ledger.edits() == {}


def test_what_was_never_looked_at_is_missing_however_many_are_asked_for(ledger: Ledger) -> None:
    seen = {Key(Entity.INVOICE, "order", str(n)): {"TotalAmt": str(n)} for n in range(502)}
    ledger.watch([], [], seen)
    keys = list(seen)
    absent = Key(Entity.INVOICE, "order", "none")
    assert ledger.seen([]) == {}
    for count in (1, 499, 500, 501):
        found = ledger.seen([absent, *keys[:count]])
        assert found == {key: seen[key] for key in keys[:count]}


# People -----------------------------------------------------------------------------------------


def test_an_edit_comes_out_as_it_went_in(ledger: Ledger) -> None:
    edit = Edit(CUSTOMER.key, Kind.MERGED, "f2", NOW, {"name": ("a", "b"), "phone": ("", "c")}, "8")
    ledger.watch([edit], [], {})
    assert ledger.edits() == {CUSTOMER.key: edit}
    [row] = ledger.rows("SELECT * FROM edits")
    assert (row["source"], row["kind"]) == ("customer:12", "merged")


@pytest.mark.parametrize(
    ("kind", "state"),
    [(Kind.VOIDED, "void"), (Kind.DELETED, "deleted"), (Kind.MERGED, "deleted"),
     (Kind.EDITED, "live"), (Kind.UNAPPLIED, "live")],
)  # fmt: skip
def test_what_a_person_took_away_is_no_longer_live(ledger: Ledger, kind: Kind, state: str) -> None:
    post(ledger, INVOICE, ANSWER)
    post(ledger, PAYMENT, PAID)
    ledger.watch([edit_of(INVOICE, kind)], [], {})
    assert entered(ledger)[INVOICE.key].state == state
    assert entered(ledger)[PAYMENT.key].state == "live"


def test_what_is_edited_no_more_is_cleared(ledger: Ledger) -> None:
    ledger.watch([edit_of(INVOICE), edit_of(PAYMENT)], [], {})
    ledger.watch([], [INVOICE.key], {PAYMENT.key: {"TotalAmt": "1"}})
    assert set(ledger.edits()) == {PAYMENT.key}
    assert ledger.seen([PAYMENT.key, INVOICE.key]) == {PAYMENT.key: {"TotalAmt": "1"}}


def test_a_word_comes_out_as_it_went_in(ledger: Ledger) -> None:
    word = Word(INVOICE.key, Says.RELINK, NOW, "ann", "f1", "d1", "44")
    ledger.give([word, word_on(PAYMENT)])
    assert ledger.words() == {INVOICE.key: word, PAYMENT.key: word_on(PAYMENT)}
    ledger.take_back([INVOICE.key])
    assert set(ledger.words()) == {PAYMENT.key}


def test_a_word_is_about_what_the_source_said_when_it_was_first_planned_with(
    ledger: Ledger,
) -> None:
    ledger.give([word_on(INVOICE), word_on(PAYMENT, digest="d0"), word_on(CUSTOMER)])
    ledger.about({INVOICE.key: "d1", PAYMENT.key: "d1"})
    said = {key.entity: word.digest for key, word in ledger.words().items()}
    assert said == {Entity.INVOICE: "d1", Entity.PAYMENT: "d0", Entity.CUSTOMER: ""}


def test_what_is_gone_and_withdrawn_gives_room_to_another(ledger: Ledger) -> None:
    post(ledger, INVOICE, ANSWER)
    post(ledger, PAYMENT, PAID)
    ledger.watch([edit_of(INVOICE, Kind.DELETED), edit_of(PAYMENT)], [], {})
    ledger.give([word_on(INVOICE)])
    ledger.withdraw([INVOICE.key])
    entry = entered(ledger)[INVOICE.key]
    assert entry.is_withdrawn and entry.next_epoch == 1 and entry.digest == VOID_DIGEST
    assert ledger.words() == {} and set(ledger.edits()) == {PAYMENT.key}
    assert entered(ledger)[PAYMENT.key].is_live


def test_what_is_let_go_and_taken_up_again_is_as_before(ledger: Ledger) -> None:
    before = post(ledger, INVOICE, ANSWER)
    kept = post(ledger, PAYMENT, PAID)
    for draft in (INVOICE, PAYMENT):
        ledger.watch([edit_of(draft)], [], {})
        ledger.give([word_on(draft)])
    ledger.forget([INVOICE.key])
    assert entered(ledger) == {
        INVOICE.key: replace(before, state="forgotten"),
        PAYMENT.key: kept,
    }
    assert set(ledger.edits()) == set(ledger.words()) == {PAYMENT.key}
    ledger.take_up([INVOICE.key])
    assert entered(ledger) == {INVOICE.key: before, PAYMENT.key: kept}


def test_what_was_gone_when_it_was_let_go_is_written_anew_when_it_is_taken_up(
    ledger: Ledger,
) -> None:
    post(ledger, INVOICE, ANSWER)
    ledger.watch([edit_of(INVOICE, Kind.DELETED)], [], {})
    ledger.forget([INVOICE.key])
    gone = entered(ledger)[INVOICE.key]
    assert gone.state == "let_go" and gone.is_let_go and not gone.is_live
    ledger.take_up([INVOICE.key])
    assert entered(ledger)[INVOICE.key].is_withdrawn


def test_a_document_can_stand_for_another_record(ledger: Ledger) -> None:
    before = post(ledger, INVOICE, ANSWER)
    kept = post(ledger, PAYMENT, PAID)
    new = Key(Entity.INVOICE, "charge", "9")
    seen = ledger.seen([INVOICE.key])[INVOICE.key]
    for key in (INVOICE.key, new, PAYMENT.key):
        draft = replace(INVOICE, key=key)
        ledger.watch([edit_of(draft)], [], {})
        ledger.give([word_on(draft)])
    ledger.rekey(INVOICE.key, new)
    assert entered(ledger) == {new: replace(before, key=new), PAYMENT.key: kept}
    assert ledger.seen([new, INVOICE.key]) == {new: seen}
    assert set(ledger.edits()) == set(ledger.words()) == {PAYMENT.key}
    rows = ledger.rows("SELECT kind, source_id FROM entries WHERE entity = 'Invoice'")
    assert rows == [{"kind": "charge", "source_id": "9"}]


def test_a_record_put_aside_is_held_with_who_and_why_until_it_is_released(ledger: Ledger) -> None:
    ledger.put_aside("order:2", "", "", LATER)
    ledger.put_aside("order:9", "wrong price", "ann", NOW)
    ledger.put_aside("order:1", "", "", LATER)
    assert ledger.asides() == [
        {"source": "order:9", "why": "wrong price", "said_by": "ann", "since": NOW.isoformat()},
        {"source": "order:1", "why": "", "said_by": "", "since": LATER.isoformat()},
        {"source": "order:2", "why": "", "said_by": "", "since": LATER.isoformat()},
    ]
    problem = ledger.memory({}, NOW).asides["order:9"]
    assert problem == Problem(
        "order:9",
        "put_aside",
        "Put aside on 2026-03-10 by ann: wrong price.",
        "`qbosync release order:9` lets it go.",
    )
    assert ledger.memory({}, NOW).asides["order:1"].what == "Put aside on 2026-03-10."
    assert ledger.release("order:9") and not ledger.release("order:9")
    assert [row["source"] for row in ledger.asides()] == ["order:1", "order:2"]


def stranger(id_: str, dated: date, **fields: Any) -> Stranger:
    return Stranger("Payment", "31", "9", Decimal("25.50"), dated, id=id_, **fields)


def test_what_people_entered_by_hand_is_remembered_for_sixty_days(ledger: Ledger) -> None:
    today = date(2026, 3, 10)
    young = stranger("a", today - timedelta(days=60), reference="check 7", estimate="4")
    old, new = stranger("b", today - timedelta(days=61)), stranger("c", today)
    ledger.meet([young, old, new], [], today - timedelta(days=30))
    assert ledger.strangers() == [young, old, new]
    ledger.meet([], [], today)
    assert ledger.strangers() == [young, new]
    ledger.meet([], ["c", "none"], today)
    assert ledger.strangers() == [young]


# The memory -------------------------------------------------------------------------------------


def test_planning_is_told_everything_that_is_remembered(ledger: Ledger) -> None:
    entry = post(ledger, INVOICE, ANSWER)
    sightings = {
        "1042": Sighting("shipped", date(2026, 3, 9), "completed"),
        "1043": Sighting("shipped"),
    }
    ledger.sight(sightings)
    edit, word = edit_of(INVOICE), word_on(PAYMENT)
    ledger.watch([edit], [], {})
    ledger.give([word])
    known = stranger("a", date(2026, 3, 9))
    ledger.meet([known], [], date(2026, 3, 10))
    waiting = {PAYMENT.key: Problem("payment:77", "unknown_outcome", "", "")}
    assert ledger.memory(waiting, NOW) == Memory(
        {INVOICE.key: entry}, sightings, {}, waiting, True,
        {INVOICE.key: edit}, {PAYMENT.key: word}, {}, {}, (known,),
    )  # fmt: skip
    ledger.set_fact(WHOLE_RUN, NOW.isoformat())
    assert not ledger.memory({}, NOW).is_first


# Runs and holds ---------------------------------------------------------------------------------

ENDED = {"finished_at": LATER.isoformat(), "exit_code": 0}


def test_a_run_is_entered_when_it_begins_and_counts_when_it_ends(ledger: Ledger) -> None:
    assert ledger.last_run() is None and ledger.last_success() is None
    assert ledger.last_read() is None and ledger.recent_runs(5) == []
    run_id = ledger.begin_run(NOW)
    [row] = ledger.rows("SELECT * FROM runs")
    assert (row["id"], row["started_at"], row["exit_code"]) == (run_id, NOW.isoformat(), -1)
    assert (row["written"], row["held"], row["finished_at"]) == (0, 0, None)
    assert ledger.last_run() is None, "one that was killed came to no end"
    ledger.end_run(run_id, {**ENDED, "written": 3, "read_at": NOW.isoformat()})
    last = ledger.last_run()
    assert last is not None and (last["id"], last["written"]) == (run_id, 3)
    assert last == ledger.last_success() and ledger.last_read() == NOW


def test_the_latest_runs_come_first_and_each_question_has_its_own_last_one(ledger: Ledger) -> None:
    reads = (NOW, LATER, None, None)
    for exit_code, read_at in zip((0, 3, 5, 4), reads, strict=True):
        told: Json = {**ENDED, "exit_code": exit_code}
        if read_at:
            told["read_at"] = read_at.isoformat()
        ledger.end_run(ledger.begin_run(NOW), told)
    assert ledger.begin_run(NOW) == 5
    assert [row["id"] for row in ledger.recent_runs(2)] == [4, 3]
    assert [row["id"] for row in ledger.recent_runs(9)] == [4, 3, 2, 1]
    last, good = ledger.last_run(), ledger.last_success()
    assert last is not None and good is not None and (last["id"], good["id"]) == (4, 2)
    assert ledger.last_read() == LATER


def dated_write(ledger: Ledger, day: int, amount: str | None, **fields: Any) -> None:
    """One document that went out on this day of January."""
    key = fields.pop("key", Key(Entity.INVOICE, "order", f"{day}-{amount}"))
    draft = replace(INVOICE, key=key, amount=Decimal(amount) if amount else None)
    sent = datetime(2026, 1, day, 9, tzinfo=UTC)
    intent = intend(ledger, draft, first_sent=sent, **fields)
    ledger.record([(intent, Posted(ANSWER))], sent)


def test_a_usual_day_is_the_median_of_the_last_month_once_five_days_tell(ledger: Ledger) -> None:
    now = datetime(2026, 1, 31, 9, tzinfo=UTC)
    for day, amount in ((1, "10.00"), (5, "20.00"), (6, "30.00"), (7, "40.00")):
        dated_write(ledger, day, amount)
    dated_write(ledger, 7, None)
    assert ledger.usual_day(now) is None
    dated_write(ledger, 8, "999.00")
    dated_write(ledger, 7, "2.50")
    assert ledger.usual_day(now) == Decimal("30.00")
    assert ledger.usual_day(now + timedelta(seconds=1)) is None, "the first is a month ago"
    dated_write(ledger, 9, "31.00")
    dated_write(ledger, 6, "1.00", key=Key(Entity.ESTIMATE, "order", "e"))
    dated_write(ledger, 6, "1.00", key=Key(Entity.PAYMENT, "credit_application", "c"))
    dated_write(ledger, 6, "1.00", action=Action.UPDATE)
    intend(ledger, PAYMENT, first_sent=now)
    assert ledger.usual_day(now) == Decimal("30.50")


def test_a_usual_day_counts_what_was_found_late_money_and_credits(ledger: Ledger) -> None:
    for day in range(1, 6):
        dated_write(ledger, day, "10.00", key=Key(Entity.PAYMENT, "payment", str(day)))
        dated_write(ledger, day, "5.00", key=Key(Entity.CREDIT_MEMO, "credit_memo", str(day)))
    late = intend(ledger, INVOICE, first_sent=datetime(2026, 1, 3, 9, tzinfo=UTC))
    ledger.recognise(late, ANSWER, {}, NOW)
    for day in (4, 5):
        dated_write(ledger, day, "1.00")
    assert ledger.usual_day(datetime(2026, 1, 9, tzinfo=UTC)) == Decimal("16.00")


def problem(source: str, **fields: Any) -> Problem:
    return Problem(source, "refused", f"{source} is refused.", "Mend it.", **fields)


def test_a_hold_is_told_in_full_and_keeps_its_since(ledger: Ledger) -> None:
    ledger.hold([problem("order:1", amount=Decimal("7.50")), problem("order:2")], 1, NOW)
    ledger.hold([problem("order:0"), problem("order:1", amount=Decimal("8.00"))], 2, LATER)
    assert ledger.holds() == [
        {"source": "order:1", "reason": "refused", "what": "order:1 is refused.",
         "todo": "Mend it.", "amount": "8.00", "since": NOW.isoformat(), "run_id": 2},
        {"source": "order:0", "reason": "refused", "what": "order:0 is refused.",
         "todo": "Mend it.", "amount": "", "since": LATER.isoformat(), "run_id": 2},
    ]  # fmt: skip
    ledger.hold([], 3, LATER)
    assert ledger.holds() == []


def test_a_run_that_did_not_go_through_everything_lets_other_holds_be(ledger: Ledger) -> None:
    ledger.hold([problem("order:1"), problem("order:2"), problem("order:3")], 1, NOW)
    ledger.hold([problem("order:2")], 2, LATER, settled=["order:1"])
    assert [(row["source"], row["run_id"]) for row in ledger.holds()] == [
        ("order:2", 2), ("order:3", 1),
    ]  # fmt: skip
    ledger.hold([], 3, LATER, settled=[])
    assert len(ledger.holds()) == 2


def test_nothing_seen_is_nothing_entered(ledger: Ledger) -> None:
    ledger.sight({})
    assert ledger.memory({}, NOW).sightings == {}


def test_a_later_sighting_takes_the_place_of_an_earlier_one(ledger: Ledger) -> None:
    ledger.sight({"1": Sighting("shipped")})
    ledger.sight({"1": Sighting("completed", date(2026, 3, 9), "done")})
    assert ledger.memory({}, NOW).sightings == {
        "1": Sighting("completed", date(2026, 3, 9), "done")
    }
