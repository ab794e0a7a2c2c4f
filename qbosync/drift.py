"""What a person changed in QuickBooks, told from what changes there by itself.  Pure.

What QuickBooks held when we last wrote or looked (`seen`) is compared with what it holds now,
in the fields that are ours for good: amounts, quantities and rates, customer, date, number,
the estimate's link, a payment's total and lines.

    QuickBooks holds                                    it is
    ------------------------------------------------    ---------------------------------
    the same in all of these; a balance, a token, an    nothing: that is how books live
    item, a due date, a memo moved
    what we once asked for, though it answered else     corrected: nothing either
    other figures                                       edited: field, ours, theirs
    a payment without, or with other invoices           unapplied, applied elsewhere
    zero, and says that it was voided                   voided
    a tombstone, or nothing under the Id                deleted
    our customer gone, our documents on another         merged into that one
    a customer or item that is not active               inactive
    a customer under a parent                           nothing: it is ours by its Id
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from qbosync.edit import Edit, Kind
from qbosync.key import Entity, Key
from qbosync.mapping.posted import OURS_TO_LINK, applied, is_voided
from qbosync.operation import Body, Draft, Entry, Operation, bind, digest

Seen = Mapping[str, Any]
"""What QuickBooks held of a document in the fields that are ours."""
_PERSON = (
    "DisplayName", "CompanyName", "GivenName", "FamilyName", "PrimaryEmailAddr", "PrimaryPhone",
    "BillAddr", "ShipAddr",
)  # fmt: skip
_HEAD = ("TxnDate", "DocNumber", "TotalAmt")
_NO_MATTER = ("Id", "Lat", "Long")
FIELD_WORDS = {
    "BillAddr": "billing address",
    "CompanyName": "company name",
    "CustomerRef": "customer",
    "DisplayName": "name",
    "DocNumber": "number",
    "FamilyName": "family name",
    "GivenName": "given name",
    "Line": "lines",
    "LinkedTxn": "estimate",
    "PrimaryEmailAddr": "e-mail",
    "PrimaryPhone": "phone",
    "ShipAddr": "shipping address",
    "TotalAmt": "total",
    "TxnDate": "date",
}


def owned(entity: Entity, body: Body) -> dict[str, Any]:
    """The fields of an object that are ours for good, as far as it has them."""
    if entity is Entity.CUSTOMER:
        if "DisplayName" not in body:
            return {}  # listed by Id and token only, after very many changes
        return {name: _plain(body.get(name)) for name in _PERSON}
    if entity.is_named:
        return {}
    found: dict[str, Any] = {n: _text(body[n]) for n in _HEAD if body.get(n) is not None}
    if "CustomerRef" in body:
        found["CustomerRef"] = str(body["CustomerRef"].get("value", ""))
    if entity is Entity.PAYMENT:
        found.pop("DocNumber", None)
        is_loose = _figure(body.get("UnappliedAmt", -1)) == _figure(body.get("TotalAmt", -2))
        if "Line" in body or is_loose:
            rows = applied(body.get("Line", []))
            found["Line"] = [
                [kind, id_, f"{n:.2f}"] for (kind, id_), n in rows.items() if kind in OURS_TO_LINK
            ]
    elif "Line" in body:
        found["Line"] = [_row(line) for line in body["Line"] if _counts(line)]
    if entity is Entity.INVOICE and ("LinkedTxn" in body or "Line" in body):
        links = body.get("LinkedTxn", [])
        found["LinkedTxn"] = sorted(
            str(n["TxnId"]) for n in links if n.get("TxnType") == "Estimate"
        )
    return found


def _counts(line: Body) -> bool:
    return line.get("DetailType") != "SubTotalLineDetail"


def _row(line: Body) -> list[str]:
    """A line's amount; with quantity and rate where they say more than the amount does."""
    detail = line.get("SalesItemLineDetail", {})
    figures = [line.get("Amount")]
    if detail.get("Qty") not in (None, 1):
        figures += [detail["Qty"], detail.get("UnitPrice")]
    return ["" if figure is None else _text(figure) for figure in figures]


def _text(value: Any) -> str:
    """A value so that equal ones are spelt alike: figures without trailing zeros."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return f"{Decimal(value).normalize():f}"
    return str(value)


def _figure(value: Any) -> Decimal:
    return Decimal(str(value))


def _plain(value: Any) -> Any:
    """An address or name without what QuickBooks adds to it."""
    if isinstance(value, Mapping):
        return {n: str(v) for n, v in sorted(value.items()) if n not in _NO_MATTER}
    return "" if value is None else str(value)


def asked(entry: Entry, id_of: Callable[[Key], str | None]) -> dict[str, Any]:
    """What we asked for, as far as the ledger's entry tells: for what was never looked at."""
    if entry.key.entity.is_named:
        return {}
    found: dict[str, Any] = {}
    if customer := id_of(Key(Entity.CUSTOMER, "customer", entry.customer)):
        found["CustomerRef"] = customer
    if entry.dated:
        found["TxnDate"] = entry.dated.isoformat()
    if entry.amount is not None and entry.key.kind != "credit_application":
        found["TotalAmt"] = _text(entry.amount)
    if entry.key.entity is not Entity.PAYMENT and entry.number:
        found["DocNumber"] = entry.number
    return found


def differences(ours: Seen, theirs: Seen) -> dict[str, tuple[Any, Any]]:
    """The fields that both tell, and otherwise."""
    return {n: (ours[n], theirs[n]) for n in ours if n in theirs and ours[n] != theirs[n]}


def classify(
    entry: Entry,
    seen: Seen | None,
    body: Body | None,
    id_of: Callable[[Key], str | None],
    gone: Collection[tuple[str, str]],
    now: datetime,
) -> Edit | None:
    """What became of a document of ours; `None` where nobody did anything to it.

    `body` is the object as QuickBooks has it, `None` or a tombstone where it is gone; `id_of`
    tells the Ids under which the ledger knows customers now, `gone` the documents, by type and
    Id, that are void or deleted: QuickBooks takes payments off them by itself.
    """
    key = entry.key
    if body is None or body.get("status") == "Deleted":
        return Edit(key, Kind.DELETED, "deleted", now)
    if key.entity.is_named and not body.get("Active", True):
        return Edit(key, Kind.INACTIVE, "inactive", now)
    if not key.entity.is_named and is_voided(body) and (entry.amount or seen_total(seen)):
        return Edit(key, Kind.VOIDED, "voided", now)
    theirs = owned(key.entity, body)
    before = asked(entry, id_of) if seen is None else _without(key, seen, gone)
    found = differences(before, theirs)
    customer = id_of(Key(Entity.CUSTOMER, "customer", entry.customer))
    if "CustomerRef" in found and theirs["CustomerRef"] == customer:
        del found["CustomerRef"]
    if not found or (seen is not None and _is_corrected(entry, found, theirs, id_of)):
        return None
    kind = Kind.EDITED
    if key.entity is Entity.PAYMENT and set(found) == {"Line"}:
        kind = Kind.APPLIED_ELSEWHERE if found["Line"][1] else Kind.UNAPPLIED
    both = {name: (shown(a), shown(b)) for name, (a, b) in found.items()}
    return Edit(key, kind, digest(theirs), now, both)


def _without(key: Key, seen: Seen, gone: Collection[tuple[str, str]]) -> Seen:
    """What was seen of a payment, less what it gave to documents that are gone.

    What spends a credit gives nothing without its credit memo, nor without its invoice.
    """
    if not gone or "Line" not in seen:
        return seen
    rows = [row for row in seen["Line"] if len(row) != 3 or (row[0], row[1]) not in gone]
    if key.kind == "credit_application" and len(rows) < len(seen["Line"]):
        rows = []
    return {**seen, "Line": rows}


def seen_total(seen: Seen | None) -> Decimal:
    """What a document came to when it was last looked at."""
    return Decimal(str((seen or {}).get("TotalAmt") or 0))


def _is_corrected(
    entry: Entry,
    found: Mapping[str, tuple[Any, Any]],
    theirs: Seen,
    id_of: Callable[[Key], str | None],
) -> bool:
    """Whether a person made of it what we had asked for and did not get."""
    wanted = asked(entry, id_of)
    is_as_asked = not differences(wanted, theirs)
    return is_as_asked and "TotalAmt" in found and entry.key.entity is not Entity.PAYMENT


def says_already(draft: Draft, edit_theirs: str, id_of: Callable[[Key], str | None]) -> bool:
    """Whether a draft asks for no more than what a person made of the document by hand."""
    body = bind(draft.body, lambda key: id_of(key) or "")
    return digest(owned(draft.key.entity, {"TotalAmt": draft.amount, **body})) == edit_theirs


def overwrites(operation: Operation, edit: Edit, sent: Body, there: Body) -> bool:
    """Whether a write would undo what a person did: of names only the fields that change."""
    entity = operation.key.entity
    if edit.kind is Kind.INACTIVE:
        return False
    if entity.is_named:
        changed = (name for name in edit.fields if name in operation.changes and name in sent)
        return any((sent[name] or None) != (there.get(name) or None) for name in changed)
    wanted = {"TotalAmt": operation.draft.amount, **sent}
    return operation.draft.is_void or bool(differences(owned(entity, wanted), owned(entity, there)))


def merged_into(gone: str, documents: Iterable[tuple[Seen | None, Body]]) -> str:
    """The customer that a vanished one became: whom one of its documents is on now."""
    for seen, body in documents:
        now = str(body.get("CustomerRef", {}).get("value", ""))
        if now and now != gone and (seen is None or seen.get("CustomerRef") == gone):
            return now
    return ""


def shown(value: Any) -> str:
    """A field as people read it; lines by their amounts, links by what they lead to."""
    if isinstance(value, Mapping):
        return ", ".join(str(part) for part in value.values())
    if not isinstance(value, list):
        return str(value)
    rows = []
    for row in value:
        if isinstance(row, str):
            rows.append(f"Id {row}")
        elif len(row) == 1:
            rows.append(row[0] or "text")
        elif row[0][:1].isalpha():
            rows.append(f"{row[2]} to {row[0].lower()} Id {row[1]}")
        else:
            rows.append(f"{row[0]} ({row[1]} x {row[2]})")
    return " + ".join(rows) or "nothing"
