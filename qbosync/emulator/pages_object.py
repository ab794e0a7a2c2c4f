"""One object of a company: what it says, what it is linked to, and the bookkeeper's buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .entities import Entity
from .jsons import Json, loads
from .pages_html import (
    Child,
    amount_field,
    button,
    choice,
    facts,
    field,
    money,
    number,
    sides,
    table,
    tag,
)
from .pages_list import (
    banks,
    customer_link,
    documents,
    links_of,
    new_documents,
    reference,
    title_of,
)
from .store import Record

if TYPE_CHECKING:
    from .company import Company

MOST = 200
VOIDABLE = ("Invoice", "Payment", "SalesReceipt")
EDITABLE = ("Estimate", "Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt")


def shown(company: Company, entity: Entity, number: str) -> tuple[str, Child] | None:
    """The page of one object, None if there is none."""
    record = company.store.get(entity.name, number)
    if record is None:
        return None
    body: Json = loads(company.text_of(record))
    if entity.kind == "list":
        return f"{entity.name} {record.name}", _name_page(company, record, body)
    title = f"{entity.name} {title_of(record)}"
    return title, [_facts(company, record, body), _lines(company, record, body),
                   _postings(company, record), _actions(company, record, body)]  # fmt: skip


def _facts(company: Company, record: Record, body: Json) -> Child:
    account = body.get("DepositToAccountRef", {}).get("value")
    method = body.get("PaymentMethodRef", {}).get("value")
    return facts(
        [
            ("Customer", customer_link(company, record)),
            ("Date", record.date),
            ("Due", body.get("DueDate")),
            ("Status", body.get("TxnStatus")),
            ("Total", money(record.total)),
            ("Sales tax", money(body.get("TxnTaxDetail", {}).get("TotalTax") or None)),
            ("Open", money(body.get("Balance"))),
            ("Unapplied", money(body.get("UnappliedAmt"))),
            ("Reference", body.get("PaymentRefNum")),
            ("Method", reference(company, "PaymentMethod", method) if method else None),
            ("Account", reference(company, "Account", account) if account else None),
            ("Linked to", links_of(company, body)),
            ("Note", body.get("PrivateNote")),
            ("Message", body.get("CustomerMemo", {}).get("value")),
            ("Id, SyncToken", f"{record.id}, {body['SyncToken']}"),
            ("Changed", body["MetaData"].get("LastUpdatedTime")),
        ]
    )


def _lines(company: Company, record: Record, body: Json) -> Child:
    lines = [one for one in body.get("Line", ()) if one.get("DetailType") != "SubTotalLineDetail"]
    if not lines:
        return None
    rows = []
    for at, line in enumerate(lines, 1):
        detail = line.get(line.get("DetailType", ""), {})
        item = detail.get("ItemRef", {}).get("value") if isinstance(detail, dict) else None
        kinds = [(one["TxnType"], one["TxnId"]) for one in line.get("LinkedTxn", ())]
        what: Child = reference(company, "Item", item) if item else line.get("DetailType", "")
        if record.entity.name in ("Payment", "Deposit") and kinds:
            what = [(f"{kind} ", reference(company, kind, number_)) for kind, number_ in kinds]
        rows.append(
            (at, what, line.get("Description"), _plain(detail, "Qty"), _plain(detail, "UnitPrice"),
             number(line.get("Amount")), _line_form(company, record, at, line))
        )  # fmt: skip
    heads = ("", "What", "Description", ">Quantity", ">Price", ">Amount", "")
    return [tag("h2", "Lines"), table(heads, rows)]


def _plain(detail: object, name: str) -> Child:
    value = detail.get(name) if isinstance(detail, dict) else None
    return tag("td", value, class_="n")


def _line_form(company: Company, record: Record, at: int, line: Json) -> Child:
    if record.entity.name not in EDITABLE or line.get("DetailType") != "SalesItemLineDetail":
        return None
    hidden = {**_target(record), "action": "edit_line", "line": at}
    return button(
        _do(company), "Change line", hidden,
        amount_field("values.Amount", "Amount", line.get("Amount")),
        field("values.Description", "Text", line.get("Description", ""), need=False),
    )  # fmt: skip


def _postings(company: Company, record: Record) -> Child:
    if not record.posted:
        return None
    rows = [
        (reference(company, "Account", account), *sides(amount))
        for account, amount in record.posted
    ]
    return [tag("h2", "In the books"), table(("Account", ">Debit", ">Credit"), rows)]


def _do(company: Company) -> str:
    return f"/company/{company.realm_id}/do"


def _target(record: Record) -> dict[str, object]:
    here = f"/{record.entity.path}/{record.id}"
    return {"entity": record.entity.name, "id": record.id, "back": here}


def _simple(company: Company, record: Record, action: str, text: str, *, risky: bool) -> Child:
    hidden = {**_target(record), "action": action}
    return button(_do(company), text, hidden, class_="risky" if risky else None)


def _actions(company: Company, record: Record, body: Json) -> Child:
    out: list[Child] = [tag("h2", "The bookkeeper")]
    hidden = {**_target(record), "action": "edit"}
    fields = [field("values.TxnDate", "Date", record.date, "date")]
    if record.entity.name != "Deposit":
        is_payment = record.entity.name == "Payment"
        name = "PaymentRefNum" if is_payment else "DocNumber"
        label = "Reference" if is_payment else "Number"
        fields.append(field(f"values.{name}", label, body.get(name, ""), need=False))
        fields.append(field("values.PrivateNote", "Note", body.get("PrivateNote", ""), need=False))
        out.append(button(_do(company), "Change", hidden, fields))
    if record.entity.name == "Estimate":
        for action, text in (("accept_estimate", "Accept"), ("reject_estimate", "Reject"),
                             ("close_estimate", "Close"),
                             ("convert_estimate", "Convert to invoice")):  # fmt: skip
            out.append(_simple(company, record, action, text, risky=False))
    if record.entity.name == "Payment":
        out += _payment_forms(company, record, body)
    if record.entity.name in VOIDABLE:
        out.append(_simple(company, record, "void", "Void", risky=True))
    out.append(_simple(company, record, "delete", "Delete", risky=True))
    return out


def _payment_forms(company: Company, record: Record, body: Json) -> list[Child]:
    out: list[Child] = []
    mine = company.store.open_of.get(record.customer, {}).values()
    invoices = [r for r in mine if r.entity.name == "Invoice"][:MOST]
    if invoices and body.get("UnappliedAmt"):
        options = [(r.id, f"{title_of(r)}, open {money(r.balance)}") for r in invoices]
        hidden = {**_target(record), "action": "apply_payment"}
        out.append(button(_do(company), "Apply", hidden, choice("invoice", "to", options)))
    if body.get("Line"):
        out.append(_simple(company, record, "unapply_payment", "Unapply", risky=False))
    if not any(one["TxnType"] == "Deposit" for one in body.get("LinkedTxn", ())):
        hidden = {**_target(record), "action": "deposit"}
        out.append(button(_do(company), "Deposit", hidden, choice("account", "to", banks(company)),
                          field("date", "on", company.today, "date")))  # fmt: skip
    return out


# -- customers, items, accounts and other names ------------------------------------------------


def _name_page(company: Company, record: Record, body: Json) -> Child:
    name = record.entity.name
    balance = company.cents_open(record.id) if name == "Customer" else body.get("CurrentBalance")
    account = body.get("IncomeAccountRef", {}).get("value")
    out: list[Child] = [
        facts(
            [
                ("Balance", money(balance)),
                ("State", "active" if record.active else "inactive"),
                ("Company", body.get("CompanyName")),
                ("E-mail", body.get("PrimaryEmailAddr", {}).get("Address")),
                ("Phone", body.get("PrimaryPhone", {}).get("FreeFormNumber")),
                ("Address", _address(body.get("BillAddr", {}))),
                ("Type", body.get("AccountType") or body.get("Type")),
                ("Subtype", body.get("AccountSubType")),
                ("Income account", reference(company, "Account", account) if account else None),
                ("Id, SyncToken", f"{record.id}, {body['SyncToken']}"),
                ("Changed", body["MetaData"].get("LastUpdatedTime")),
            ]
        )
    ]
    if name == "Customer":
        found = sorted(company.store.of_customer.get(record.id, {}).values(),
                       key=lambda r: (r.date, r.id), reverse=True)  # fmt: skip
        out += [tag("h2", "Documents"), documents(company, found[:MOST], with_customer=False)]
        if len(found) > MOST:
            out.append(tag("p", f"The newest {MOST} of {len(found)}."))
    if name == "Account":
        out.append(_ledger(company, record))
    out.append(_name_actions(company, record))
    if name == "Customer":
        out.append(new_documents(company, record))
    return out


def _address(body: Json) -> str:
    names = ("Line1", "Line2", "Line3", "City", "CountrySubDivisionCode", "PostalCode", "Country")
    return ", ".join(str(body[name]) for name in names if body.get(name))


def _ledger(company: Company, account: Record) -> Child:
    from .journal import POSTING

    found = [
        (record, amount)
        for kind in POSTING
        for record in company.store.all(kind)
        for number_, amount in record.posted
        if number_ == account.id
    ]
    found.sort(key=lambda pair: (pair[0].date, pair[0].id), reverse=True)
    rows = [
        (record.date, [f"{record.entity.name} ", reference(company, record.entity.name, record.id)],
         customer_link(company, record), *sides(amount))
        for record, amount in found[:MOST]
    ]  # fmt: skip
    heads = ("Date", "Document", "Customer", ">Debit", ">Credit")
    return [tag("h2", f"The newest {MOST} postings"), table(heads, rows)]


def _name_actions(company: Company, record: Record) -> Child:
    out: list[Child] = [tag("h2", "The bookkeeper")]
    hidden = {**_target(record), "action": "rename"}
    out.append(button(_do(company), "Rename", hidden, field("to", "to", record.name)))
    if record.entity.name == "Customer":
        hidden = {**_target(record), "action": "merge"}
        out.append(button(_do(company), "Merge", hidden, field("into", "into the customer with Id"),
                          class_="risky"))  # fmt: skip
    if record.active:
        out.append(_simple(company, record, "deactivate", "Make inactive", risky=True))
    else:
        out.append(_simple(company, record, "activate", "Make active", risky=False))
    return out
