"""What QuickBooks' books say, read from the emulator's records and not through the product."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from qbosync.emulator import Emulator

_MARK = re.compile(r"\[qbosync main (?P<source>[a-z_]+:.+?)(?: #(?P<nth>\d+))?\]")
FORMS = ("Estimate", "Invoice", "CreditMemo", "Payment")


@dataclass(frozen=True)
class Document:
    """One form; `pays` maps (kind, Id) to what a payment gives it.

    `nth` is 2 for the document that took the place of a void one, and so on; `items` has what
    each item comes to.
    """

    entity: str
    id: str
    source: str
    number: str
    customer: str
    total: Decimal
    left: Decimal
    lines: Decimal
    links: frozenset[tuple[str, str]]
    pays: tuple[tuple[str, str, Decimal], ...]
    is_void: bool
    status: str
    nth: int = 1
    dated: date | None = None
    items: dict[str, Decimal] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.entity} {self.id} ({self.source or 'not ours'}, {self.number}, {self.total})"


def read_books(emulator: Emulator, realm_id: str) -> list[Document]:
    """Every sales form and payment."""
    company = emulator.companies[realm_id]
    documents = []
    for entity in FORMS:
        for record in company.store.all(entity):
            body = record.read()
            note = str(body.get("PrivateNote", ""))
            mark = _MARK.search(note)
            rows = body.get("Line", [])
            links = {(ln["TxnType"], str(ln["TxnId"])) for ln in body.get("LinkedTxn", [])}
            pays = []
            if entity == "Payment":
                for row in rows:
                    link = row["LinkedTxn"][0]
                    pays.append((link["TxnType"], str(link["TxnId"]), row["Amount"]))
            items = _items(rows)
            documents.append(
                Document(
                    entity, str(record.id), mark["source"] if mark else "",
                    str(body.get("DocNumber", "")), str(body["CustomerRef"]["value"]),
                    body["TotalAmt"], Decimal(body.get("UnappliedAmt", body.get("Balance")) or 0),
                    sum(items.values(), Decimal(0)), frozenset(links), tuple(pays),
                    note.startswith("Voided"), str(body.get("TxnStatus", "")),
                    int((mark and mark["nth"]) or 1), date.fromisoformat(body["TxnDate"]), items,
                )
            )  # fmt: skip
    return documents


def _items(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    """What each item comes to."""
    items: dict[str, Decimal] = defaultdict(lambda: Decimal(0))
    for row in rows:
        if row.get("DetailType") == "SalesItemLineDetail":
            items[row["SalesItemLineDetail"]["ItemRef"].get("name", "")] += row["Amount"]
    return dict(items)


def customers(emulator: Emulator, realm_id: str) -> dict[str, str]:
    """Id to name, without what QuickBooks adds to that of an inactive one."""
    store = emulator.companies[realm_id].store
    return {
        str(r.id): str(r.read()["DisplayName"]).removesuffix(" (deleted)")
        for r in store.all("Customer")
    }


def companies(emulator: Emulator, realm_id: str) -> dict[str, str]:
    """Id to company name, blank for individuals."""
    store = emulator.companies[realm_id].store
    return {str(r.id): str(r.read().get("CompanyName", "")) for r in store.all("Customer")}


def ours_of(books: list[Document], entity: str) -> list[Document]:
    """Ours of a kind, corrections and the spending of credits aside."""
    return [d for d in books if d.entity == entity and d.source
            if not d.source.startswith(("correction:", "credit_application:"))]  # fmt: skip


def edit(document: Document, **values: Any) -> dict[str, Any]:
    return {"action": "edit", "entity": document.entity, "id": document.id, "values": values}


def edit_line(document: Document, **values: Any) -> dict[str, Any]:
    return {"action": "edit_line", "entity": document.entity, "id": document.id, "line": 1,
            "values": values}  # fmt: skip
