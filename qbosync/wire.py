"""What is sent to QuickBooks, and what has to come back.

Updates are sparse and carry what is ours; what a person may have changed in QuickBooks
since (an item recoded, a class, a due date) is carried over.  An answer counts only if
it says what was asked for: QuickBooks answers 200 also when it added tax, dropped a
link or applied money elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qbosync.key import Action, Entity, Key
from qbosync.mapping.posted import amount, applied, is_voided, linked_by_hand
from qbosync.meet import DELETED_SUFFIX
from qbosync.operation import Body, Draft, Entry, Operation, bind

_ALWAYS = ("CustomerRef", "TxnDate", "Line", "DocNumber", "TotalAmt", "LinkedTxn")
_WITH = {"DueDate": ("SalesTermRef",), "Reopened": ("TxnStatus",)}
"""Fields that go along when another one's fact changed."""
_CARRIED = ("DepositToAccountRef", "AllowOnlineCreditCardPayment", "AllowOnlineACHPayment")
"""Sent back as QuickBooks has them: an update without them resets them (reported)."""


def create_body(draft: Draft, id_of: Callable[[Key], str]) -> Body:
    """The body of a create, every reference bound.

    A term or payment method that QuickBooks does not have is left out: the due date and
    the money are right without it.

    Raises:
        KeyError: With the key of what is not in QuickBooks yet.
    """
    body = dict(draft.body)
    for name in ("SalesTermRef", "PaymentMethodRef"):
        try:
            bind(body.get(name), id_of)
        except KeyError:
            del body[name]
    return dict(bind(body, id_of))


def update_body(
    operation: Operation, current: Body, id_of: Callable[[Key], str], *, fill_only: bool = False
) -> Body:
    """The body of a sparse update of `current`, the object as QuickBooks has it now.

    `fill_only` writes only those fields of a customer that are blank, as is always done
    with one that was there before us.
    """
    draft, entry = operation.draft, operation.entry
    assert entry is not None  # noqa: S101  an update always has one
    whole = create_body(draft, id_of)
    body: Body = {
        "Id": str(current["Id"]),
        "SyncToken": str(current["SyncToken"]),
        "sparse": True,
    }
    if draft.key.entity.is_named:
        return body | _named_fields(operation, whole, current, fill_only=fill_only)
    wanted = [*_ALWAYS, *operation.changes]
    for name in operation.changes:
        wanted.extend(_WITH.get(name, ()))
    body |= {name: whole[name] for name in wanted if name in whole}
    body |= {name: current[name] for name in _CARRIED if name in current}
    if draft.key.entity is not Entity.PAYMENT and "Line" in whole:
        body["Line"] = _lines(draft, entry, whole["Line"], current.get("Line", []))
    if draft.key.entity is Entity.PAYMENT and "Line" in body:
        body["Line"] = [*body["Line"], *linked_by_hand(current)]
    return body


def _named_fields(operation: Operation, whole: Body, current: Body, *, fill_only: bool) -> Body:
    """What an update says of a customer; one that was there before us is only filled in."""
    entry, changes = operation.entry, operation.changes
    is_ours = entry is not None and entry.origin == "created" and not fill_only
    fields = {n: whole[n] for n in changes if n in whole}
    body = {n: v for n, v in fields.items() if is_ours or not current.get(n)}
    if is_ours and "CompanyName" in changes and "CompanyName" not in whole:
        body["CompanyName"] = ""
    if "Active" in changes:
        name = str(current.get("DisplayName", "")).removesuffix(DELETED_SUFFIX)
        body = {"DisplayName": name, **body, "Active": True}
    return body


def void_body(current: Body, entity: Entity) -> Body:
    """All that QuickBooks wants of a void or deletion; a payment's void is an update by form."""
    body: Body = {"Id": str(current["Id"]), "SyncToken": str(current["SyncToken"])}
    return body | {"sparse": True} if entity is Entity.PAYMENT else body


def _lines(draft: Draft, entry: Entry, rows: list[Body], current: list[Body]) -> list[Body]:
    """The whole Line array: amounts ours, the rest of each known line as QuickBooks has it."""
    there = {str(line.get("Id")): line for line in current if "Id" in line}
    before = {row[0]: row for row in entry.facts.get("Line", [])}
    after = {row[0]: row for row in draft.facts.get("Line", [])}
    lines = []
    for name, row in zip(draft.lines, rows, strict=True):
        line_id = entry.lines.get(name)
        kept = there.get(line_id or "")
        if kept is None or name not in before:
            lines.append(row)
            continue
        old, new = before[name], after[name]
        detail = dict(kept.get("SalesItemLineDetail", {})) | row["SalesItemLineDetail"]
        if old[1] == new[1] and "ItemRef" in kept.get("SalesItemLineDetail", {}):
            detail["ItemRef"] = {"value": kept["SalesItemLineDetail"]["ItemRef"]["value"]}
        detail.pop("ItemAccountRef", None)
        line = {"Id": line_id, **row, "SalesItemLineDetail": detail}
        if old[3:] == new[3:] and "Description" in kept:
            line["Description"] = kept["Description"]
        lines.append(line)
    return lines


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """How an answer differs from what was asked for; `kind` says which setting does that."""

    kind: str
    what: str


def discrepancies(sent: Mapping[str, Any], answer: Body, entity: Entity) -> list[Discrepancy]:
    """Compare QuickBooks' answer with what was sent, in number, money and links."""
    found = []
    for name in ("DocNumber",):
        if name in sent and answer.get(name) != sent[name]:
            what = f"QuickBooks gave it the number {answer.get(name)}, not {sent[name]}"
            found.append(Discrepancy("number", what))
    note = str(sent.get("PrivateNote", ""))
    if note and note.splitlines()[-1] not in str(answer.get("PrivateNote", "")):
        found.append(Discrepancy("marker", "QuickBooks dropped our mark from its memo"))
    theirs = answer.get("CustomerRef", {}).get("value")
    if "CustomerRef" in sent and theirs != sent["CustomerRef"]["value"]:
        found.append(Discrepancy("customer", f"QuickBooks put it on customer {theirs}"))
    if entity.is_named:
        return found
    if entity is Entity.PAYMENT:
        return found + _payment(sent, answer)
    return found + _sales_form(sent, answer, entity)


def _sales_form(sent: Mapping[str, Any], answer: Body, entity: Entity) -> list[Discrepancy]:
    found = []
    tax = amount(answer.get("TxnTaxDetail", {}).get("TotalTax"))
    total = amount(answer.get("TotalAmt"))
    if tax:
        what = f"QuickBooks added {tax:.2f} of tax of its own"
        found.append(Discrepancy("tax", what))
    if "Line" in sent:
        asked = sum((amount(line["Amount"]) for line in sent["Line"]), Decimal("0.00"))
        if total != asked and not tax:
            what = f"its total is {total:.2f}, not {asked:.2f}"
            found.append(Discrepancy("total", what))
    balance = amount(answer.get("Balance"))
    if entity is Entity.INVOICE and "Id" not in sent and balance != total:
        what = f"QuickBooks applied {total - balance:.2f} to it by itself"
        found.append(Discrepancy("applied", what))
    links = {(ln.get("TxnType"), str(ln.get("TxnId"))) for ln in answer.get("LinkedTxn", [])}
    for link in sent.get("LinkedTxn", []):
        if (link["TxnType"], str(link["TxnId"])) not in links:
            what = f"QuickBooks did not link it to {link['TxnType'].lower()} {link['TxnId']}"
            found.append(Discrepancy("link", what))
    return found


def _payment(sent: Mapping[str, Any], answer: Body) -> list[Discrepancy]:
    found = []
    total = amount(answer.get("TotalAmt"))
    if "TotalAmt" in sent and total != sent["TotalAmt"]:
        found.append(Discrepancy("total", f"its amount is {total:.2f}, not {sent['TotalAmt']:.2f}"))
    if "Line" not in sent:
        return found
    asked, got = applied(sent["Line"]), applied(answer.get("Line", []))
    if asked != got:
        words = ", ".join(f"{kind} {id_}: {n:.2f}" for (kind, id_), n in got.items())
        what = f"QuickBooks applied it otherwise than asked ({words or 'not at all'})"
        found.append(Discrepancy("applied", what))
    rest = total - sum((n for (kind, _), n in asked.items() if kind != "CreditMemo"), Decimal(0))
    rest += sum((n for (kind, _), n in asked.items() if kind == "CreditMemo"), Decimal(0))
    if not found and "UnappliedAmt" in answer and amount(answer["UnappliedAmt"]) != rest:
        what = f"{amount(answer['UnappliedAmt']):.2f} of it stay unapplied, not {rest:.2f}"
        found.append(Discrepancy("applied", what))
    return found


def is_another(sent: Mapping[str, Any], found: Iterable[Discrepancy]) -> bool:
    """Whether an answer is about another document than the one that was sent.

    Of an update the Id is compared where the answer is read (`qbo.answer`).
    """
    if "Id" in sent:
        return False
    kinds = {discrepancy.kind for discrepancy in found}
    return "marker" in kinds and bool(kinds & {"number", "customer", "total", "applied"})


def agreed(draft: Draft, found: Body, ids: Mapping[Key, str]) -> dict[str, Any]:
    """The facts of a draft that a document found in QuickBooks really says.

    Number and total were compared before it was recognised; here are customer, date, status
    and where money is applied.  What it says otherwise is left out: the planner then sees a
    change like any other.  What a payment really pays is kept where all of it is known.  Fields
    that are QuickBooks' own once written count as agreed.
    """
    if draft.key.entity.is_named or draft.is_void:
        return dict(draft.facts)
    body = bind(draft.body, lambda key: ids.get(key, ""))
    other = set()
    theirs = str(found.get("CustomerRef", {}).get("value", ""))
    ours = body.get("CustomerRef", {}).get("value", "")
    if ours and theirs != ours:
        other.add("CustomerRef")
    if draft.facts.get("TxnDate") and found.get("TxnDate") != draft.facts["TxnDate"]:
        other.add("TxnDate")
    if _status(found) not in ("", _status(body), "Closed", "Converted"):
        other.add("TxnStatus")
    if "Line" in body and _lines_differ(draft.key.entity, body["Line"], found.get("Line", [])):
        other.add("Line")
    facts = {name: fact for name, fact in draft.facts.items() if name not in other}
    if "Line" in other and draft.key.kind == "payment" and (rows := _paid(found, ids)):
        facts["Line"] = rows
    return facts


def _paid(payment: Body, ids: Mapping[Key, str]) -> list[list[str]]:
    """What a payment pays, by our records; nothing where an invoice among them is unknown."""
    sources = {i: key.source for key, i in ids.items() if key.entity is Entity.INVOICE}
    paid = [row for row in applied(payment.get("Line", [])).items() if row[0][0] == "Invoice"]
    if any(qbo_id not in sources for (_, qbo_id), _ in paid):
        return []
    return sorted([sources[qbo_id], str(given)] for (_, qbo_id), given in paid)


def _status(body: Mapping[str, Any]) -> str:
    return str(body.get("TxnStatus", ""))


def _lines_differ(entity: Entity, sent: list[Body], found: list[Body]) -> bool:
    """Whether money stands otherwise: on which lines, or applied to what."""
    if entity is Entity.PAYMENT:
        return applied(sent) != applied(found)
    rows = [row for row in found if row.get("DetailType") == "SalesItemLineDetail"]
    return [amount(row.get("Amount")) for row in rows] != [amount(row["Amount"]) for row in sent]


def says_what_was_sent(
    sent: Mapping[str, Any], current: Body, action: Action, entity: Entity
) -> bool:
    """Whether an update, void or deletion whose answer was lost has arrived after all."""
    if action is Action.VOID:
        return is_voided(current)
    if action is Action.DELETE:
        return current.get("status") == "Deleted"
    if discrepancies(sent, current, entity):
        return False
    own = {"Id", "SyncToken", "sparse", "LinkedTxn"}
    if entity is Entity.PAYMENT:
        own.add("Line")
    return all(_contains(current.get(name), sent[name]) for name in sent if name not in own)


def _contains(has: Any, wanted: Any) -> bool:
    """Whether QuickBooks' value says at least what was sent; figures compare as figures."""
    if isinstance(wanted, Mapping):
        return isinstance(has, Mapping) and all(
            _contains(has.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        rows = [row for row in has or [] if row.get("DetailType") == "SalesItemLineDetail"]
        pairs = zip(rows, wanted, strict=False)
        return len(rows) == len(wanted) and all(_contains(row, want) for row, want in pairs)
    if isinstance(wanted, Decimal | int) and not isinstance(wanted, bool):
        return amount(has) == wanted
    return not has if wanted == "" else str(has) == str(wanted)
