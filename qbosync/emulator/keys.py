"""What the indexes and the books keep of a record, so that they need not parse it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import journal
from .jsons import ZERO, Json

if TYPE_CHECKING:
    from .company import Company
    from .store import Record


def learn(company: Company, record: Record, body: Json) -> None:
    """What the indexes and the books need to know of a body."""
    entity = record.entity
    if entity.kind == "list":
        record.name = body.get(entity.name_field, "")
        record.active = body.get("Active", True)
        if entity.name == "Customer" and "ParentRef" in body:
            record.parent = int(body["ParentRef"]["value"])
        else:
            record.parent = 0
        if entity.name == "Account" and body.get("AccountSubType") == "AccountsReceivable":
            company.store.receivable_account = record.id
        return
    record.number = body.get("DocNumber") or ""
    record.date = body.get("TxnDate", "")
    record.total = body.get("TotalAmt", ZERO)
    record.balance = body.get("Balance", ZERO)
    customer = body.get("CustomerRef")
    if entity.name == "Purchase" and body.get("EntityRef", {}).get("type") == "Customer":
        customer = body["EntityRef"]
    record.customer = int(customer["value"]) if customer else 0
    name = entity.name
    if name == "Invoice":
        record.open = int(record.balance * 100)
    elif name == "Payment":
        record.reference = body.get("PaymentRefNum", "")
        record.open = -int(body["UnappliedAmt"] * 100)
    elif name == "CreditMemo":
        record.open = -int(body["RemainingCredit"] * 100)
    record.posted = journal.postings(company, name, body)
