"""What all forms share: the order of checks, sparse and full updates, tokens, closed books.

A form is a pure description of how a sent object becomes a stored one (`build`) plus what follows
from it elsewhere (`after`); this module alone decides when an update is one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import faults, standing
from ..entities import ENTITIES
from ..jsons import Json
from ..provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule("a sparse update changes what is sent; arrays are replaced whole", RECORDED, "sandbox 2026")
rule(
    "a full update drops what is not sent, sets TxnDate to today, keeps DocNumber, CurrencyRef,"
    " CustomField and DepositToAccountRef",
    RECORDED,
    "sales receipt 2016-2020, credit memo 2026",
)
rule("an update without SyncToken is 2020", REPORTED, "pasted reply")
rule(
    "a date on or before BookCloseDate is 6210, for creating, changing and deleting",
    DOCUMENTED,
    "table of codes",
)
rule("nested objects such as addresses are replaced whole", ASSUMED, "arrays are recorded so")
rule(
    "deleting what is gone is 610 `Another user has deleted this transaction.`",
    RECORDED,
    "pasted 2024",
)

KEPT_BY_FULL = ("DocNumber", "CurrencyRef", "CustomField", "DepositToAccountRef")
READ_ONLY = ("Id", "SyncToken", "MetaData", "domain", "sparse", "status")


class Form(ABC):
    """Create, update, void and delete for one entity."""

    def __init__(self, entity: str) -> None:
        self.entity = ENTITIES[entity]
        self.name = entity

    # -- what a form decides ------------------------------------------------------------------

    @abstractmethod
    def build(self, company: Company, record: Record, want: Json, old: Json | None) -> Json:
        """The stored object that a wanted one becomes."""

    def after(self, company: Company, record: Record, old: Json | None) -> None:  # noqa: B027  not every form
        """What follows elsewhere: links, balances, automatic application."""

    def guard(self, company: Company, record: Record) -> None:  # noqa: B027  not every form
        """Refuse to change what must not be changed."""

    def empty(self, company: Company, record: Record) -> Json:
        """The object as a void leaves it."""
        raise faults.unsupported_operation(f"void of {self.name}")

    # -- what is the same for all -------------------------------------------------------------

    def create(self, company: Company, sent: Json) -> Record:
        """Make a new object."""
        record = company.new(self.name)
        record.body = self.build(company, record, without_empty(sent), None)
        self._open_period(company, record.body)
        self.after(company, record, None)
        return record

    def update(self, company: Company, sent: Json) -> Record:
        """Change an object; one that stays the same keeps its token and time."""
        record = self.current(company, sent)
        old = record.read()
        want = self.wanted(old, sent)
        body = self.build(company, record, want, old)
        if body == old:
            return record
        self._open_period(company, old)
        self._open_period(company, body)
        self.guard(company, record)
        company.replace(record, body)
        self.after(company, record, old)
        return record

    def void(self, company: Company, sent: Json) -> Record:
        """Empty a document but keep it."""
        record = self.current(company, sent)
        old = record.read()
        self._open_period(company, old)
        self.guard(company, record)
        company.replace(record, self.empty(company, record))
        self.after(company, record, old)
        return record

    def delete(self, company: Company, sent: Json) -> Record:
        """Take a transaction away."""
        if self.entity.kind == "list":
            raise faults.unsupported_operation(f"delete of {self.name}")
        record = self.current(company, sent, deleting=True)
        old = record.read()
        self._open_period(company, old)
        self.guard(company, record)
        self.release(company, record)
        company.remove(record)
        return record

    def release(self, company: Company, record: Record) -> None:  # noqa: B027  not every form
        """Undo the links of what is about to be deleted."""

    def current(self, company: Company, sent: Json, *, deleting: bool = False) -> Record:
        """The record that an update means, its token checked."""
        record = company.find(self.name, _number(sent.get("Id")))
        if record is None:
            raise faults.deleted_by_another() if deleting else faults.not_found()
        token = sent.get("SyncToken")
        if token is None:
            raise faults.required("SyncToken")
        if str(token) != record.read()["SyncToken"]:
            raise faults.stale()
        return record

    def wanted(self, old: Json, sent: Json) -> Json:
        """The object that an update asks for, before defaults and computed values."""
        values = {k: v for k, v in sent.items() if k not in READ_ONLY}
        if sent.get("sparse") is True:
            return without_empty({**old, **values})
        kept = {k: old[k] for k in KEPT_BY_FULL if k in old}
        return without_empty({**kept, **values})

    def _open_period(self, company: Company, body: Json) -> None:
        closed = company.pref("AccountingInfoPrefs", "BookCloseDate")
        if not closed or self.entity.kind != "txn" or company.unlocked:
            return
        if str(body.get("TxnDate", "9999")) <= str(closed):
            raise standing.books_closed()


def _number(value: object) -> object:
    try:
        int(str(value))
    except ValueError:
        raise faults.invalid_id(value) from None
    return value


def without_empty(body: Json) -> Json:
    """A body without the properties that an empty text clears."""
    if "" in body.values():
        return {key: value for key, value in body.items() if value != ""}
    return body


def pick(want: Json, names: Iterable[str]) -> Json:
    """What is there of the named properties, in their order."""
    return {name: want[name] for name in names if name in want}


def reference(
    company: Company, entity: str, ref: Json, path: str, *, old: Json | None = None
) -> Record:
    """The active object that a reference means.

    What the document referred to before is accepted even if it is inactive now.

    Raises:
        QboFault: 2500 if it is missing or inactive.
    """
    value = ref.get("value")
    record = company.find(entity, value) if value is not None else None
    if record is None:
        raise faults.invalid_reference(path, path)
    if not record.read().get("Active", True) and (old or {}).get("value") != value:
        raise faults.invalid_reference(faults.INACTIVE)
    return record
