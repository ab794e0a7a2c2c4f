"""What each kind of object does when it is created, updated, voided and deleted.

`form_of()` finds the form of an entity; every entity of the catalogue has one.
"""

from __future__ import annotations

from functools import cache

from ..entities import ENTITIES
from .base import Form
from .credit import CreditMemoForm, ReceiptForm
from .deposit import DepositForm
from .estimate import EstimateForm
from .invoice import InvoiceForm
from .lists import AccountForm, ItemForm, ListForm, TermForm
from .names import NameForm
from .payment import PaymentForm
from .plain import JournalEntryForm, PlainForm

__all__ = ["Form", "form_of"]

SPECIAL: dict[str, type[Form]] = {
    "Customer": NameForm,
    "Vendor": NameForm,
    "Employee": NameForm,
    "Item": ItemForm,
    "Account": AccountForm,
    "Term": TermForm,
    "Estimate": EstimateForm,
    "Invoice": InvoiceForm,
    "CreditMemo": CreditMemoForm,
    "SalesReceipt": ReceiptForm,
    "RefundReceipt": ReceiptForm,
    "Payment": PaymentForm,
    "Deposit": DepositForm,
    "JournalEntry": JournalEntryForm,
}


@cache
def form_of(entity: str) -> Form:
    """The form of an entity."""
    kind = ENTITIES[entity].kind
    return SPECIAL.get(entity, ListForm if kind == "list" else PlainForm)(entity)
