"""QuickBooks' side of a reconciliation: every document that moves what customers owe.

Read by pages of 1,000 and kept slim: 10,000 invoices are ten reads, and nothing of a document
stays in memory but figures, links and dates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from qbosync.key import Entity
from qbosync.mapping.posted import applied, is_voided
from qbosync.mark import MARK
from qbosync.model import ZERO
from qbosync.operation import Body
from qbosync.qbo.client import Company

MONEY = (Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO, Entity.PAYMENT)
UNDEPOSITED = "UndepositedFunds"
"""The subtype of the account that waits for bank deposits (recorded)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document in QuickBooks; `open` is its own word for what is owed, unapplied or unspent.

    `pays` maps the (type, Id) of what a payment is applied to, to the amount.
    """

    entity: Entity
    id: str
    number: str
    customer: str
    dated: date
    total: Decimal
    open: Decimal
    tax: Decimal
    status: str
    mark: str
    is_void: bool
    account: str
    deposits: tuple[str, ...]
    pays: Mapping[tuple[str, str], Decimal]

    @property
    def receivable(self) -> Decimal:
        """What it adds to accounts receivable; an estimate adds nothing."""
        if self.entity is Entity.INVOICE:
            return self.total
        return ZERO if self.entity is Entity.ESTIMATE else -self.total


@dataclass(frozen=True)
class Books:
    """All that QuickBooks holds of customers' money."""

    documents: Mapping[tuple[Entity, str], Document]
    balances: Mapping[str, Decimal]
    names: Mapping[str, str]
    deposited: Mapping[str, date] = field(default_factory=dict)
    undeposited_account: str = ""

    def given(self, on: date) -> Mapping[tuple[str, str], Decimal]:
        """How much was applied to each invoice, and spent of each credit memo, by then."""
        sums: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for document in self.documents.values():
            if document.dated <= on:
                for target, amount in document.pays.items():
                    sums[target] += amount
        return sums

    def is_undeposited(self, document: Document, on: date) -> bool:
        """Whether a payment's money waited in Undeposited Funds on that day."""
        if document.entity is not Entity.PAYMENT or not document.total or document.dated > on:
            return False
        if document.account not in ("", self.undeposited_account):
            return False
        return not any(self.deposited.get(id_, on) <= on for id_ in document.deposits)


def read_books(company: Company, tax_items: Collection[str]) -> Books:
    """Everything, in one pass over each kind; `tax_items` are the Ids of the tax item."""
    documents = {}
    for entity in MONEY:
        for body in company.select(entity.value):
            document = _document(entity, body, tax_items)
            documents[entity, document.id] = document
    deposits = {
        str(body["Id"]): date.fromisoformat(body["TxnDate"]) for body in company.select("Deposit")
    }
    funds = [
        str(account["Id"])
        for account in company.select("Account")
        if account.get("AccountSubType") == UNDEPOSITED
    ]
    balances, names = {}, {}
    for body in company.select("Customer", "Active IN (true, false)"):
        id_ = str(body["Id"])
        balances[id_] = Decimal(str(body.get("Balance", 0)))
        names[id_] = str(body.get("DisplayName", ""))
    return Books(documents, balances, names, deposits, funds[0] if funds else "")


def _document(entity: Entity, body: Body, tax_items: Collection[str]) -> Document:
    left = body.get("UnappliedAmt", body.get("Balance", 0)) if entity is not Entity.ESTIMATE else 0
    return Document(
        entity,
        str(body["Id"]),
        str(body.get("DocNumber", body.get("PaymentRefNum", ""))),
        str(body.get("CustomerRef", {}).get("value", "")),
        date.fromisoformat(body["TxnDate"]),
        Decimal(str(body.get("TotalAmt", 0))),
        Decimal(str(left)),
        sum(_taxes(body, tax_items), ZERO),
        str(body.get("TxnStatus", "")),
        _mark(str(body.get("PrivateNote") or "")),
        is_voided(body),
        str(body.get("DepositToAccountRef", {}).get("value", "")),
        tuple(
            str(link["TxnId"])
            for link in body.get("LinkedTxn", ())
            if link.get("TxnType") == "Deposit"
        ),
        applied(body.get("Line", [])) if entity is Entity.PAYMENT else {},
    )


def _mark(note: str) -> str:
    """Our mark, where the memo bears one."""
    for line in note.splitlines():
        at = line.find(MARK)
        if at >= 0:
            return line[at:].strip()
    return ""


def _taxes(body: Body, tax_items: Collection[str]) -> Iterator[Decimal]:
    for line in body.get("Line", ()):
        item = line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value")
        if item is not None and str(item) in tax_items:
            yield Decimal(str(line.get("Amount", 0)))
