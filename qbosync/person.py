"""What planning makes of what people did in QuickBooks and of what they decided here.  Pure.

A change by hand is no hold: it is told, and held only where a change in the source would
overwrite it.  What was voided or deleted by hand stays so until a person says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum

from qbosync.drift import FIELD_WORDS, says_already, shown
from qbosync.edit import Edit, Kind, Says, Word
from qbosync.key import Entity, Key
from qbosync.mapping.context import Memory
from qbosync.mapping.policy import Policy
from qbosync.mapping.posted import is_voided
from qbosync.mapping.spending import named_spendings
from qbosync.model import Charge, CreditMemo, Problem, Snapshot, show
from qbosync.operation import Body, Draft, Entry
from qbosync.reason import waits, word

_CLICKS = {
    Entity.CUSTOMER: "Sales → Customers → gear icon → Include inactive → Make active",
    Entity.ITEM: "gear icon → Products and services → filter Inactive → Make active",
}


class Ruling(Enum):
    """What becomes of a draft whose document a person touched."""

    AS_USUAL = "as usual"
    KEEP = "keep"
    SEND = "send"


def ruling(
    draft: Draft, entry: Entry | None, memory: Memory, id_of: Callable[[Key], str | None]
) -> Ruling | Problem:
    """How people's deeds and words bear on a draft."""
    aside = memory.asides.get(f"customer:{draft.customer}")
    is_same = entry is not None and draft.digest == entry.digest
    if aside is not None and draft.key.entity is not Entity.CUSTOMER and not is_same:
        return waits(draft, aside)
    said = memory.words.get(draft.key)
    edit = memory.edits.get(draft.key)
    is_kept = said is not None and said.verdict is Says.THEIRS and said.covers(draft.digest)
    if draft.key.source in memory.let_go:
        return Ruling.KEEP
    if entry is None:
        return Ruling.KEEP if is_kept else Ruling.AS_USUAL
    if edit is None or edit.kind is Kind.INACTIVE:
        return Ruling.AS_USUAL
    if is_kept and said is not None and said.theirs == edit.theirs:
        return Ruling.KEEP
    if edit.kind.is_gone:
        return Ruling.KEEP if is_same or draft.is_void else in_the_way(draft, entry, edit)
    if said is not None and said.verdict is Says.OURS:
        return Ruling.SEND
    if is_same or says_already(draft, edit.theirs, id_of):
        return Ruling.AS_USUAL
    if entry.key.entity is Entity.CUSTOMER and not _touches(draft, entry, edit):
        return Ruling.AS_USUAL
    return in_the_way(draft, entry, edit)


def followed(memory: Memory, snapshot: Snapshot, policy: Policy) -> list[Key]:
    """What is void or gone in QuickBooks, and over in the shop system too: nobody's edit."""
    gone = [key for key, edit in memory.edits.items() if edit.kind.is_gone]
    return [key for key in gone if not key.entity.is_named and _is_over(key, snapshot, policy)]


def asked_for(memory: Memory, snapshot: Snapshot) -> list[Key]:
    """Payments that people took off their invoices, as the shop's money went back: no edits."""
    moved = (Kind.UNAPPLIED, Kind.APPLIED_ELSEWHERE)
    return [
        key
        for key, edit in memory.edits.items()
        if key.kind == "payment" and edit.kind in moved
        if (payment := snapshot.payments.get(key.id)) and payment.status != "posted"
    ]


def _is_over(key: Key, snapshot: Snapshot, policy: Policy) -> bool:
    if (key.kind, key.id) in snapshot.deletions:
        return True
    if key.kind == "order":
        order = snapshot.orders.get(key.id)
        return order is not None and order.status in policy.void
    if key.kind == "payment":
        payment = snapshot.payments.get(key.id)
        return payment is not None and not payment.is_received
    if key.kind == "credit_application":
        credit = snapshot.credit_memos.get(key.id.partition("/")[0])
        return credit is not None and key not in dict(named_spendings(credit))
    records: Mapping[str, Mapping[str, Charge | CreditMemo]]
    records = {"charge": snapshot.charges, "credit_memo": snapshot.credit_memos}
    record = records.get(key.kind, {}).get(key.id)
    return record is not None and bool(record.is_deleted)


def misfit(draft: Draft, there: Body, memory: Memory, id_of: Callable[[Key], str | None]) -> str:
    """Why an object is not the record's, though a person says so; blank where it fits."""
    if not there or not there.get("Active", True):
        return "QuickBooks has no such object, or it is inactive."
    qbo_id, entity = str(there["Id"]), draft.key.entity
    if entity.is_named:
        return ""  # two of the shop's may be one there, as after a merge
    for other in memory.entries.values():
        is_it = (other.key.entity, other.qbo_id) == (entity, qbo_id) and other.is_live
        if is_it and other.key != draft.key:
            return f"it stands for {other.key.source.replace(':', ' ')} already."
    if is_voided(there):
        return "it is void."
    ours, theirs = id_of(draft.body["CustomerRef"]["value"]), there.get("CustomerRef", {})
    if str(theirs.get("value", "")) != ours:
        return f"it is on customer {theirs.get('name', '')} (Id {theirs.get('value', '')})."
    total = Decimal(str(there.get("TotalAmt", 0)))
    wanted = Decimal(draft.body.get("TotalAmt", draft.amount) or 0)
    if total != wanted:
        return f"its total is {show(total)}, not {show(wanted)}."
    return ""


def does_not_fit(draft: Draft, said: Word, why: str) -> Problem:
    """A record that a person tied to something else than it is."""
    return Problem(
        draft.key.source,
        "relink_differs",
        f"{word(draft.key.entity).capitalize()} Id {said.qbo_id} is not this one: {why}",
        "Look at both, and name the right Id.",
        draft.amount,
    )


def _touches(draft: Draft, entry: Entry, edit: Edit) -> bool:
    """Whether the source changed a field of a customer that a person changed too, to another
    value."""
    before, now = entry.facts, draft.facts
    return any(
        now.get(name) != before.get(name) and shown(now.get(name) or "") != theirs
        for name, (_, theirs) in edit.fields.items()
    )


def stuck(ref: Key, memory: Memory) -> Problem | None:
    """Why nothing can be sent that refers to this customer or item."""
    edit, entry = memory.edits.get(ref), memory.entries.get(ref)
    if edit is None and entry is not None and entry.is_let_go and not entry.is_live:
        return Problem(
            ref.source,
            "let_go",
            f"{word(ref.entity).capitalize()} {entry.name} (Id {entry.qbo_id}) is gone in"
            " QuickBooks, and a person let it go here.",
            f"`qbosync resolve {ref.source} --relink ID` names the one that it is now.",
        )
    if edit is None:
        return None
    name = named(edit, entry)
    if edit.kind is Kind.INACTIVE:
        return Problem(
            ref.source,
            "inactive",
            f"{name} is inactive in QuickBooks.",
            f"Make it active there ({_CLICKS.get(ref.entity, 'its list → Make active')}); what"
            " waits for it goes out by itself then. If another took its place:"
            f" `qbosync resolve {ref.source} --relink ID`.",
        )
    if edit.kind.is_gone:
        return Problem(ref.source, edit.kind.value, what_happened(edit, name), what_to_do(edit))
    return None


def in_the_way(draft: Draft, entry: Entry, edit: Edit) -> Problem:
    """The source changed too: a person says which counts."""
    return Problem(
        draft.key.source,
        "edited" if not edit.kind.is_gone else "not_live",
        f"{what_happened(edit, named(edit, entry))} Since then it changed in the shop system.",
        what_to_do(edit),
        draft.amount,
    )


def named(edit: Edit, entry: Entry | None) -> str:
    """The document or name that an edit is about, as a sentence begins."""
    kind = word(edit.key.entity).capitalize()
    if entry is None:
        return f"{kind} of {edit.key.source}"
    if edit.key.kind == "credit_application":
        credit, _, target = edit.key.id.partition("/")
        kind = f"The spending of credit memo {credit} on {target.replace(':', ' ')}"
        return f"{kind} (payment Id {entry.qbo_id})"
    if edit.key.entity is Entity.PAYMENT:
        return f"{kind} {edit.key.id} (Id {entry.qbo_id})"
    return f"{kind} {entry.number or entry.name or edit.key.id} (Id {entry.qbo_id})"


def what_happened(edit: Edit, name: str) -> str:
    """What a person did, both sides shown."""
    if edit.kind is Kind.MERGED:
        return f"{name} was merged into customer Id {edit.into} in QuickBooks."
    if edit.kind.is_gone:
        return f"{name} was {edit.kind.value} in QuickBooks."
    sides = "; ".join(
        f"{FIELD_WORDS.get(field, field)}: ours {ours or 'nothing'}, theirs {theirs or 'nothing'}"
        for field, (ours, theirs) in edit.fields.items()
    )
    if edit.kind is Kind.UNAPPLIED:
        return f"{name} was taken off its invoice in QuickBooks ({sides})."
    if edit.kind is Kind.APPLIED_ELSEWHERE:
        return f"{name} was applied otherwise in QuickBooks ({sides})."
    return f"{name} was edited in QuickBooks ({sides})."


def what_to_do(edit: Edit) -> str:
    """The two or three words that a person may say."""
    ask = f"`qbosync resolve {edit.key.source}"
    if edit.kind is Kind.MERGED:
        return f"If that is right: {ask} --relink {edit.into}`; no document is rewritten."
    if edit.key.entity.is_named and edit.kind.is_gone:
        return f"{ask} --relink ID` names the {word(edit.key.entity)} that it is now."
    if edit.key.kind == "correction" and not edit.kind.is_gone:
        return f"Put it back in QuickBooks, or {ask} --theirs` keeps it so."
    if edit.kind.is_gone:
        return f"{ask} --theirs` leaves it so; {ask} --ours` writes it anew."
    return f"{ask} --theirs` keeps it so; {ask} --ours` writes ours again."


def open_edits(edits: Mapping[Key, Edit], words: Mapping[Key, Word]) -> list[Edit]:
    """What people changed and nobody accepted, oldest first."""

    def is_open(edit: Edit) -> bool:
        said = words.get(edit.key)
        is_accepted = said is not None and said.verdict is Says.THEIRS
        is_accepted = is_accepted and said is not None and said.theirs == edit.theirs
        return edit.kind is not Kind.INACTIVE and not is_accepted

    return sorted(filter(is_open, edits.values()), key=lambda e: (e.found_at, str(e.key)))


def edited_rows(
    edits: Mapping[Key, Edit], words: Mapping[Key, Word], entries: Mapping[Key, Entry]
) -> list[dict[str, object]]:
    """The list *edited in QuickBooks*, as JSON and screens show it."""
    rows: list[dict[str, object]] = []
    for edit in open_edits(edits, words):
        entry = entries.get(edit.key)
        rows.append(
            {
                "source": edit.key.source,
                "entity": edit.key.entity.value,
                "qbo_id": entry.qbo_id if entry else "",
                "number": entry.number if entry else "",
                "kind": edit.kind.value,
                "fields": {
                    name: {"ours": ours, "theirs": theirs}
                    for name, (ours, theirs) in edit.fields.items()
                },
                "what": what_happened(edit, named(edit, entry)),
                "todo": what_to_do(edit),
                "since": edit.found_at.isoformat(),
            }
        )
    return rows
