"""Lists of a company: what there is, and the objects of one kind by pages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from .entities import ENTITIES, Entity
from .jsons import Json
from .pages_html import (
    Child,
    amount_field,
    button,
    cents,
    choice,
    field,
    link,
    money,
    number,
    table,
    tag,
)
from .predicate import peek
from .store import Record

if TYPE_CHECKING:
    from .company import Company

PAGE = 100


def plural(entity: Entity) -> str:
    """A kind's name for a heading."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in entity.name).strip()
    words = words[0].upper() + words[1:]
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("s") else "s")


def address(company: Company, record: Record) -> str:
    """Where a record's page is."""
    return f"/company/{company.realm_id}/{record.entity.path}/{record.id}"


def title_of(record: Record) -> str:
    """How a record is called in lists and links."""
    if record.entity.kind == "list":
        return record.name
    return record.number or record.reference or f"Id {record.id}"


def reference(company: Company, entity: str, number: object) -> Child:
    """A link to a record by id; its plain id where it is gone."""
    record = company.store.get(entity, str(number))
    if record is None:
        return f"{entity} {number}"
    return link(address(company, record), title_of(record))


def customer_link(company: Company, record: Record) -> Child:
    """The customer of a document."""
    return reference(company, "Customer", record.customer) if record.customer else None


def links_of(company: Company, body: Json) -> list[Child]:
    """What a document is linked to, in its header and its lines, each once."""
    pairs = [(one["TxnType"], one["TxnId"]) for one in body.get("LinkedTxn", ())]
    for line in body.get("Line", ()):
        pairs += [(one["TxnType"], one["TxnId"]) for one in line.get("LinkedTxn", ())]
    out: list[Child] = []
    for kind, one in dict.fromkeys(pairs):
        out += [", " if out else None, f"{kind} ", reference(company, kind, one)]
    return out


def state(company: Company, record: Record, body: Json) -> Child:
    """What is open or left of a document, or its status."""
    name = record.entity.name
    if name == "Estimate":
        return tag("td", body.get("TxnStatus"), class_="n")
    left = body.get("UnappliedAmt") if name == "Payment" else body.get("Balance")
    return number(left) if left is not None else ""


def overview(company: Company) -> list[Child]:
    """How many there are of each kind, and who owes what in all."""
    base = f"/company/{company.realm_id}"
    rows = [
        (link(f"{base}/{entity.path}", plural(entity)), count)
        for entity in ENTITIES.values()
        if (count := len(company.store.records[entity.name]))
    ]
    owed = sum(company.store.receivable.values())
    total = money(Decimal(owed) / 100)
    prefs = company.preferences
    closed = prefs["AccountingInfoPrefs"].get("BookCloseDate")
    warnings = [
        text
        for text, on in (
            ("Sales tax is on", prefs["TaxPrefs"]["UsingSalesTax"]),
            ("credits are applied automatically", prefs["SalesFormsPrefs"]["AutoApplyCredit"]),
            ("payments are applied automatically", prefs["SalesFormsPrefs"]["AutoApplyPayments"]),
            (f"books are closed until {closed}", closed),
        )
        if on
    ]
    return [
        tag("p", "Accounts receivable: ", tag("strong", total), ". ",
            link(f"{base}/settings", "; ".join(warnings) + "." if warnings else "Settings")),
        table(("What there is", ">How many"), [(a, tag("td", b, class_="n")) for a, b in rows]),
    ]  # fmt: skip


def listed(company: Company, entity: Entity, query: Mapping[str, str]) -> tuple[str, Child]:
    """The objects of a kind, newest change first or by name, a hundred on a page."""
    find = query.get("find", "").strip()
    records = [
        record for record in company.store.all(entity.name) if _fits(company, record, find.lower())
    ]
    if entity.kind == "list":
        records.sort(key=lambda r: (r.name.lower(), r.id))
    else:
        records.sort(key=lambda r: -r.moved)
    told = query.get("page", "1")
    at = max(int(told) if told.isascii() and told.isdigit() else 1, 1)
    part = records[(at - 1) * PAGE : at * PAGE]
    here = f"/company/{company.realm_id}/{entity.path}"
    search = tag("form", field("find", "Find", find, need=False), tag("button", "Find"),
                 method="get", action=here)  # fmt: skip
    shown = _names(company, entity, part) if entity.kind == "list" else _txns(company, part)
    body: list[Child] = [search, shown, _pager(here, find, at, len(records))]
    if entity.name == "Payment":
        body.append(_to_deposit(company))
    if entity.name == "Customer":
        body.append(_new_customer(company))
    return plural(entity), body


def _fits(company: Company, record: Record, find: str) -> bool:
    if not find or find in (str(record.id), record.number.lower(), record.reference.lower()):
        return True
    owner = company.store.get("Customer", record.customer) if record.customer else None
    return find in record.name.lower() or (owner is not None and find in owner.name.lower())


def _pager(here: str, find: str, at: int, count: int) -> Child:
    last = max(-(-count // PAGE), 1)
    words: list[Child] = [f"{count} in all, page {at} of {last}. "]
    for text, to in (("Newer", at - 1), ("Older", at + 1)):
        if 1 <= to <= last:
            query = urlencode({"page": to, **({"find": find} if find else {})})
            words += [link(f"{here}?{query}", text), " "]
    return tag("p", words)


def _names(company: Company, entity: Entity, records: list[Record]) -> Child:
    amounts = {
        "Customer": company.store.balances,
        "Account": company.store.accounts,
    }
    held = amounts.get(entity.name)
    rows = [
        (
            record.id,
            link(address(company, record), record.name),
            "" if record.active else "inactive",
            *(() if held is None else (cents(held.get(record.id, 0)),)),
        )
        for record in records
    ]
    return table(("Id", "Name", "", *(() if held is None else (">Balance",))), rows)


def _txns(company: Company, records: list[Record]) -> Child:
    return documents(company, records, with_customer=True)


def documents(company: Company, records: list[Record], *, with_customer: bool) -> Child:
    """Documents of one kind or many in a table."""
    rows = []
    for record in records:
        body = peek(record)
        rows.append(
            (
                record.date,
                link(address(company, record), title_of(record)),
                customer_link(company, record) if with_customer else record.entity.name,
                number(record.total),
                state(company, record, body),
                links_of(company, body),
            )
        )
    second = "Customer" if with_customer else "Kind"
    return table(("Date", "Number", second, ">Total", ">Open or status", "Linked to"), rows)


def waiting(company: Company) -> list[Record]:
    """Payments of Undeposited Funds that stand on no deposit."""
    account = company.account_of("UndepositedFunds")
    if account is None:
        return []
    out = []
    for record in company.store.all("Payment"):
        body = peek(record)
        place = body.get("DepositToAccountRef", {}).get("value")
        on_deposit = any(one["TxnType"] == "Deposit" for one in body.get("LinkedTxn", ()))
        if place == str(account.id) and record.total and not on_deposit:
            out.append(record)
    return out


def banks(company: Company) -> list[tuple[object, object]]:
    """The names of the bank accounts, for a choice."""
    return [
        (record.name, record.name)
        for record in company.store.all("Account")
        if record.active and peek(record).get("AccountType") == "Bank"
    ]


def _to_deposit(company: Company) -> Child:
    records = waiting(company)[:PAGE]
    if not records:
        return None
    boxes = [
        tag("label", tag("input", type="checkbox", name="ids", value=record.id),
            f" {record.date} {title_of(record)} {money(record.total)}", class_="pick")
        for record in records
    ]  # fmt: skip
    return [
        tag("h2", "Bank deposit"),
        button(
            f"/company/{company.realm_id}/do",
            "Deposit",
            {"action": "deposit", "back": "/payment"},
            boxes,
            choice("account", "to", banks(company)),
            field("date", "on", company.today, "date"),
        ),
    ]


def _new_customer(company: Company) -> Child:
    hidden: dict[str, object] = {"action": "create", "entity": "Customer", "back": "/customer"}
    return [
        tag("h2", "New customer"),
        button(f"/company/{company.realm_id}/do", "Make", hidden,
               field("values.DisplayName", "Name")),
    ]  # fmt: skip


def new_documents(company: Company, customer: Record) -> Child:
    """Forms that make a sales form or a payment by hand."""
    items = [(r.id, r.name) for r in company.store.all("Item") if r.active]
    back = f"/customer/{customer.id}"
    to = f"/company/{company.realm_id}/do"
    forms: list[Child] = [tag("h2", "Made by hand")]
    for entity in ("Estimate", "Invoice", "CreditMemo"):
        hidden: dict[str, object] = {
            "action": "create", "entity": entity, "back": back,
            "values.CustomerRef.value": customer.id,
        }  # fmt: skip
        forms.append(
            button(to, f"Make {entity}", hidden, choice("values.Line.item", "Item", items),
                   amount_field("values.Line.Amount", "Amount"),
                   field("values.Line.Description", "Description", need=False))
        )  # fmt: skip
    hidden = {
        "action": "create", "entity": "Payment", "back": back,
        "values.CustomerRef.value": customer.id,
    }  # fmt: skip
    forms.append(
        button(to, "Make Payment", hidden, amount_field("values.TotalAmt", "Amount"),
               field("values.PaymentRefNum", "Reference", need=False))
    )  # fmt: skip
    return forms
