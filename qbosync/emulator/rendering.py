"""How a record becomes the JSON of a reply, and what a rename does to others' JSON."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from . import journal
from .jsons import ZERO, Json, dumps
from .provenance import RECORDED, rule

if TYPE_CHECKING:
    from .company import Company
    from .store import Record

rule("references show the current name, also on old documents", RECORDED, "sandbox 2026")
rule(
    "an account is referred to by its full name, a sub-customer by its DisplayName",
    RECORDED,
    "sandbox 2024-2026",
)
rule(
    "a customer read or listed shows V4IDPseudonym, listed also ClientEntityId; written neither",
    RECORDED,
    "sandbox 2026",
)
ACTIVE = re.compile(rb'"Active":(?:true|false)')
# Which references carry a name, by the entity they point to.
NAMED_REFS = {
    "Customer": ("CustomerRef",),
    "Vendor": ("VendorRef",),
    "Item": ("ItemRef",),
    "Account": (
        "ItemAccountRef", "IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef",
        "DepositToAccountRef", "AccountRef",
    ),
    "Term": ("SalesTermRef",),
    "Class": ("ClassRef",),
    "Department": ("DepartmentRef",),
}  # fmt: skip


def shown(company: Company, record: Record, body: Json) -> Json:
    if record.entity.name != "Payment":
        return body
    lines = [{**line, "LineEx": _line_ex(company, line)} for line in body["Line"]]
    return {**body, "Line": lines}


def _line_ex(company: Company, line: Json) -> Json:
    link = line["LinkedTxn"][0]
    target = company.store.get(link["TxnType"], link["TxnId"])
    values = [("txnId", link["TxnId"])]
    if target is not None:
        body = target.read()
        open_then = body.get("Balance", ZERO) + line["Amount"]
        values.append(("txnOpenBalance", f"{open_then:.2f}"))
        values.append(("txnReferenceNumber", body.get("DocNumber") or ""))
    return {
        "any": [
            {
                "name": "{http://schema.intuit.com/finance/v3}NameValue",
                "declaredType": "com.intuit.schema.finance.v3.NameValue",
                "scope": "javax.xml.bind.JAXBElement$GlobalScope",
                "value": {"Name": name, "Value": value},
                "nil": False,
                "globalScope": True,
                "typeSubstituted": False,
            }
            for name, value in values
        ]
    }


def renamed(company: Company, record: Record) -> None:
    """Let the new name appear wherever the object is referred to."""
    entity = record.entity.name
    prefixes = [
        f'"{key}":{{"value":"{record.id}","name":'.encode() for key in NAMED_REFS.get(entity, ())
    ]
    new = dumps(company.shown_name(record))
    candidates = (
        [*company.store.of_customer.get(record.id, {}).values()]
        if entity == "Customer"
        else [r for kind in company.store.records.values() for r in kind.values()]
    )
    for other in candidates:
        text = other.text
        for prefix in prefixes:
            parts = text.split(prefix)
            if len(parts) > 1:
                tails = [part[_end_of_string(part) :] for part in parts[1:]]
                text = parts[0] + b"".join(prefix + new + tail for tail in tails)
        if text is not other.text:
            other.text = text
            other.body = None
            company.unsaved[other.entity.name, other.id] = other


def text_of(company: Company, record: Record, *, listed: bool = False, read: bool = False) -> bytes:
    """The JSON of a record as a reply shows it, with its balance of this moment."""
    text = record.text
    name = record.entity.name
    if name == "Customer":
        owed = company.store.balances.get(record.id, 0)
        with_jobs = company.store.owed_with_jobs(record.id)
        if owed or with_jobs:
            text = text.replace(
                b'"Balance":0,"BalanceWithJobs":0',
                f'"Balance":{_amount(owed)},"BalanceWithJobs":{_amount(with_jobs)}'.encode(),
                1,
            )
        if listed or read:
            shown_id = f',"V4IDPseudonym":"{_pseudonym(company, record)}"'.encode()
            text = ACTIVE.sub(lambda found: found[0] + shown_id, text, count=1)
        if listed:
            text = text.replace(b'"domain":"QBO"', b'"ClientEntityId":"0","domain":"QBO"', 1)
            text = text.replace(b',"DefaultTaxCodeRef":{"value":"2"}', b"", 1)
    elif name == "Account":
        held = company.store.accounts.get(record.id, 0)
        if held:
            shown = _amount(journal.shown_balance(record, held))
            text = text.replace(
                b'"CurrentBalance":0,"CurrentBalanceWithSubAccounts":0',
                f'"CurrentBalance":{shown},"CurrentBalanceWithSubAccounts":{shown}'.encode(),
                1,
            )
    elif name == "Item" and listed:
        text = text.replace(b'"DeferredRevenue":false,', b"", 1)
    return text


def _pseudonym(company: Company, record: Record) -> str:
    seen = f"{company.realm_id}:{record.id}".encode()
    return "002098" + hashlib.md5(seen, usedforsecurity=False).hexdigest()


def _amount(amount_in_cents: int) -> str:
    return f"{Decimal(amount_in_cents) / 100:.2f}" if amount_in_cents else "0"


def _end_of_string(text: bytes) -> int:
    """Where the JSON string at the start of a text ends."""
    at = 1
    while text[at : at + 1] != b'"':
        at += 2 if text[at : at + 1] == b"\\" else 1
    return at + 1
