"""What is done about a write whose answer was lost: the truth table of `settle`, row by row.

Every row with every age of the last sending; no QuickBooks, no ledger.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from qbosync.key import Action, Entity, Key
from qbosync.operation import Draft, Intent
from qbosync.settle import Decision, Step, decide, evidence, waiting

SENT = datetime(2026, 3, 10, 12, tzinfo=UTC)
AFTER = timedelta(minutes=15)
SOON, LATER, AT_LAST = SENT + AFTER - timedelta(seconds=1), SENT + AFTER * 9, SENT + AFTER
OURS, MARK = "shop-1", "[qbosync shop-1 order:1042]"
Json = dict[str, Any]

INVOICE = Draft(
    Key(Entity.INVOICE, "order", "1042"),
    {"DocNumber": "1042", "TotalAmt": Decimal("100.00"), "PrivateNote": MARK},
    {},
    number="1042",
    customer="12",
    amount=Decimal("100.00"),
)
CUSTOMER = Draft(Key(Entity.CUSTOMER, "customer", "12"), {"DisplayName": "Birch"}, {}, name="Birch")
ITEM = Draft(
    Key(Entity.ITEM, "item", "doors"), {"Name": "Doors", "Type": "Service"}, {}, name="Doors"
)


def intent(draft: Draft, action: Action = Action.CREATE, **body: Any) -> Intent:
    """A write that was last sent at noon."""
    whole = {**draft.body, **body}
    return Intent(1, draft.key, action, whole, "q1", draft, 0, 3, SENT, SENT)


def there(id_: str = "5", **fields: Any) -> Json:
    """A document of ours in QuickBooks, as it was asked for but for these fields."""
    total = Decimal("100.00")
    return {"Id": id_, "DocNumber": "1042", "TotalAmt": total, "PrivateNote": MARK, **fields}


A_STRANGERS = there("9", PrivateNote="typed in by hand")
CREATE = intent(INVOICE)
UPDATE = intent(INVOICE, Action.UPDATE, Id="5", SyncToken="0")
VOID = intent(INVOICE, Action.VOID, Id="5", SyncToken="0")
DELETE = intent(INVOICE, Action.DELETE, Id="5", SyncToken="0")
VOIDED = there(TotalAmt=Decimal(0), PrivateNote=f"Voided\n{MARK}")

TABLE = [
    # what was written        what QuickBooks holds now             soon        at last
    ("a new document",        CREATE, [there()],                    Step.ADOPT, Step.ADOPT),
    ("a new document",        CREATE, [A_STRANGERS, there()],       Step.ADOPT, Step.ADOPT),
    ("another total",         CREATE, [there(TotalAmt=99)],         Step.HOLD,  Step.HOLD),
    ("another number",        CREATE, [there(DocNumber="7")],       Step.HOLD,  Step.HOLD),
    ("twice",                 CREATE, [there("5"), there("6")],     Step.HOLD,  Step.HOLD),
    ("a stranger's number",   CREATE, [A_STRANGERS],                Step.WAIT,  Step.DROP),
    ("of another shop",       CREATE, [there(DocNumber="7", PrivateNote="[qbosync b order:1042]")],
                                                                    Step.WAIT,  Step.RESEND),
    ("deleted since",         CREATE, [there(status="Deleted")],    Step.WAIT,  Step.RESEND),
    ("nothing",               CREATE, [],                           Step.WAIT,  Step.RESEND),
    ("a change, arrived",     UPDATE, [there()],                    Step.ADOPT, Step.ADOPT),
    ("a change, not there",   UPDATE, [there(DocNumber="7")],       Step.WAIT,  Step.DROP),
    ("a change, object gone", UPDATE, [],                           Step.WAIT,  Step.DROP),
    ("a void, arrived",       VOID,   [VOIDED],                     Step.ADOPT, Step.ADOPT),
    ("a void, not there",     VOID,   [there()],                    Step.WAIT,  Step.DROP),
    ("a deletion, arrived",   DELETE, [],                           Step.ADOPT, Step.ADOPT),
    ("a deletion, not there", DELETE, [there()],                    Step.WAIT,  Step.DROP),
    ("a customer",            intent(CUSTOMER), [{"Id": "5"}],      Step.ADOPT, Step.ADOPT),
    ("an active customer",    intent(CUSTOMER), [{"Id": "5", "Active": True}],
                                                                    Step.ADOPT, Step.ADOPT),
    ("one made inactive",     intent(CUSTOMER), [{"Id": "5", "Active": False}],
                                                                    Step.WAIT,  Step.DROP),
    ("nobody of the name",    intent(CUSTOMER), [],                 Step.WAIT,  Step.RESEND),
    ("an item",               intent(ITEM), [{"Id": "5", "Type": "Service"}],
                                                                    Step.ADOPT, Step.ADOPT),
    ("one of another type",   intent(ITEM), [{"Id": "5", "Type": "Inventory"}],
                                                                    Step.WAIT,  Step.DROP),
]  # fmt: skip


@pytest.mark.parametrize(("what", "write", "holds", "soon", "at_last"), TABLE)
def test_each_row_of_the_truth_table_comes_to_its_step(
    what: str, write: Intent, holds: list[Json], soon: Step, at_last: Step
) -> None:
    assert decide(write, holds, OURS, SOON, AFTER).step is soon
    assert decide(write, holds, OURS, AT_LAST, AFTER).step is at_last
    assert decide(write, iter(holds), OURS, LATER, AFTER).step is at_last, "however late"


@pytest.mark.parametrize("row", TABLE)
def test_what_waits_says_until_when_and_what_does_not_says_nothing(row: Any) -> None:
    _, write, holds, soon, _ = row
    decision = decide(write, holds, OURS, SOON, AFTER)
    assert decision.until == (AT_LAST if soon is Step.WAIT else None)
    assert decide(write, holds, OURS, AT_LAST, AFTER).until is None


@pytest.mark.parametrize(
    ("write", "holds", "which"),
    [
        (CREATE, [A_STRANGERS, there()], 1),
        (CREATE, [there("5"), there("6")], 0),
        (UPDATE, [there(DocNumber="7"), there("6")], 1),
        (intent(CUSTOMER), [{"Id": "4", "Active": False}, {"Id": "5"}], 1),
        (intent(ITEM), [{"Id": "4", "Type": "Inventory"}, {"Id": "5", "Type": "Service"}], 1),
    ],
)
def test_what_is_adopted_or_held_is_the_object_that_decided_it(
    write: Intent, holds: list[Json], which: int
) -> None:
    assert decide(write, holds, OURS, SOON, AFTER).object is holds[which]


def test_what_is_dropped_for_a_stranger_names_the_stranger() -> None:
    assert decide(CREATE, [A_STRANGERS], OURS, AT_LAST, AFTER).object is A_STRANGERS
    assert decide(CREATE, [], OURS, AT_LAST, AFTER).object is None


def test_what_was_deleted_is_adopted_as_deleted() -> None:
    decision = decide(DELETE, [], OURS, SOON, AFTER)
    assert decision.object == {"Id": "5", "status": "Deleted"}


def test_a_document_that_took_the_place_of_a_void_one_is_looked_for_by_its_own_mark() -> None:
    second = Draft(**{**vars(INVOICE), "epoch": 1})
    write = Intent(1, second.key, Action.CREATE, second.body, "q1", second, 1, 3, SENT, SENT)
    assert decide(write, [there(DocNumber="7")], OURS, AT_LAST, AFTER).step is Step.RESEND
    own = there(PrivateNote="[qbosync shop-1 order:1042 #2]")
    assert decide(write, [own], OURS, SOON, AFTER) == Decision(Step.ADOPT, own)


# What people read ------------------------------------------------------------------------------


def test_a_write_that_waits_holds_its_record_and_says_when_it_is_looked_at_again() -> None:
    problem = waiting(CREATE, Decision(Step.WAIT, until=AT_LAST), "13:15")
    assert (problem.source, problem.reason) == ("order:1042", "unknown_outcome")
    assert problem.what == "Order 1042: outcome unknown, checking again at 13:15."
    assert problem.todo == "Nothing to do: it clears itself."
    assert (problem.amount, problem.until) == (Decimal("100.00"), AT_LAST)


def test_what_is_held_as_uncertain_says_how_it_differs_and_what_to_do() -> None:
    decision = decide(CREATE, [there(TotalAmt=Decimal("99.5"))], OURS, SOON, AFTER)
    problem = waiting(CREATE, decision, "13:15")
    assert (problem.source, problem.reason) == ("order:1042", "uncertain")
    assert problem.what == (
        "Order 1042: QuickBooks has Invoice 5 with our mark, but its total is 99.50, not 100.00."
    )
    assert problem.todo == "Delete in QuickBooks what should not count; it clears itself."
    assert (problem.amount, problem.until) == (Decimal("100.00"), None)


def test_a_record_is_named_as_people_write_it() -> None:
    draft = Draft(Key(Entity.PAYMENT, "credit_application", "8:x_y"), {}, {})
    problem = waiting(intent(draft), Decision(Step.WAIT), "13:15")
    assert problem.what.startswith("Credit application 8:x y: outcome unknown")
    assert problem.source == "credit_application:8:x_y" and problem.amount is None


AT = "2026-03-10 12:20"


@pytest.mark.parametrize(
    ("write", "holds", "now", "sentence"),
    [
        (CREATE, [], SOON,
         "2026-03-10 12:20: our mark or the number 1042 was looked for in what was made since it"
         " was first sent: nothing of it; left alone for now."),
        (CREATE, [], AT_LAST,
         "2026-03-10 12:20: our mark or the number 1042 was looked for in what was made since it"
         " was first sent: nothing of it; sent again under the same request id."),
        (CREATE, [there(), there("7", PrivateNote="", DocNumber="1")], SOON,
         "2026-03-10 12:20: our mark or the number 1042 was looked for in what was made since it"
         " was first sent: found Invoice 5, among 1 others; it arrived."),
        (CREATE, [there("7", PrivateNote="", DocNumber="1")] * 3, SOON,
         "2026-03-10 12:20: our mark or the number 1042 was looked for in what was made since it"
         " was first sent: nothing of it, among 3 others; left alone for now."),
        (CREATE, [A_STRANGERS], AT_LAST,
         "2026-03-10 12:20: our mark or the number 1042 was looked for in what was made since it"
         " was first sent: found Invoice 9; planned afresh."),
        (CREATE, [there("5"), there("6")], AT_LAST,
         "2026-03-10 12:20: our mark or the number 1042 was looked for in what was made since it"
         f" was first sent: found Invoice 5, among 1 others; 2 documents (5, 6) bear {MARK}."),
        (intent(CUSTOMER), [{"Id": "5"}], SOON,
         "2026-03-10 12:20: the name Birch was looked for: found Customer 5; it arrived."),
        (intent(CUSTOMER), [], SOON,
         "2026-03-10 12:20: the name Birch was looked for: nothing; left alone for now."),
        (UPDATE, [there()], SOON,
         "2026-03-10 12:20: Invoice 5 was read: found Invoice 5; it arrived."),
        (UPDATE, [there(DocNumber="7"), there(DocNumber="8")], AT_LAST,
         "2026-03-10 12:20: Invoice 5 was read: it does not say yet what was sent;"
         " planned afresh."),
    ],
)  # fmt: skip
def test_the_evidence_is_a_sentence_that_says_what_was_sought_found_and_done(
    write: Intent, holds: list[Json], now: datetime, sentence: str
) -> None:
    decision = decide(write, holds, OURS, now, AFTER)
    assert evidence(write, iter(holds), decision, AT) == sentence


def test_the_evidence_of_a_document_without_a_number_speaks_of_the_mark_alone() -> None:
    draft = Draft(Key(Entity.PAYMENT, "payment", "77"), {}, {})
    said = evidence(intent(draft), [], Decision(Step.WAIT), AT)
    assert said == (
        "2026-03-10 12:20: our mark was looked for in what was made since it was first sent:"
        " nothing of it; left alone for now."
    )
