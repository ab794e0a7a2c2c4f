"""The entities of a company: how each is named, ordered, queried and answered."""

from __future__ import annotations

from dataclasses import dataclass

from .provenance import ASSUMED, RECORDED, REPORTED, rule

rule(
    "lists without ORDERBY: transactions newest change first, names ascending without case",
    RECORDED,
    "sandbox 2015-2026, all lists",
)
rule(
    "`totalCount` is in lists of Invoice, Bill, BillPayment, Deposit, JournalEntry and"
    " PurchaseOrder only, and equals the rows of the page",
    RECORDED,
    "sandbox 2015-2026",
)
rule("PrivateNote, LinkedTxn, UnappliedAmt and lines cannot be queried", REPORTED, "threads")
rule(
    "Bill, BillPayment, Purchase, PurchaseOrder, VendorCredit, Transfer and TimeActivity are"
    " kept as they are sent and post nothing",
    ASSUMED,
    "not needed for sales",
)

COMMON = "Id SyncToken MetaData.CreateTime MetaData.LastUpdatedTime"
NAMES = "DisplayName GivenName MiddleName FamilyName CompanyName PrintOnCheckName Active Balance"
SALES = "DocNumber TxnDate CustomerRef TotalAmt ClassRef DepartmentRef ProjectRef"


@dataclass(frozen=True, slots=True)
class Entity:
    """What is the same for every object of a kind."""

    name: str
    kind: str  # "list" or "txn"
    filterable: frozenset[str]
    name_field: str = "Name"
    space: str = "txn"  # objects of one space share their ids
    total_count: bool = False
    shown: str = ""  # as 6140 names it

    @property
    def path(self) -> str:
        """The path's segment."""
        return self.name.lower()


def _txn(name: str, words: str = "", *, total: bool = False, shown: str = "") -> Entity:
    fields = frozenset(f"{COMMON} TxnDate DocNumber TotalAmt {words}".split())
    return Entity(name, "txn", fields, total_count=total, shown=shown or name)


def _list(name: str, words: str = "", field: str = "Name", space: str = "") -> Entity:
    fields = frozenset(f"{COMMON} Active {field} FullyQualifiedName {words}".split())
    return Entity(name, "list", fields, field, space or name.lower())


ENTITIES: dict[str, Entity] = {
    one.name: one
    for one in (
        _list("Customer", f"{NAMES} PrimaryEmailAddr Job ParentRef", "DisplayName", "name"),
        _list("Vendor", f"{NAMES}", "DisplayName", "name"),
        _list("Employee", f"{NAMES}", "DisplayName", "name"),
        _list("Item", "Sku Type ParentRef UnitPrice"),
        _list("Account", "AccountType AccountSubType Classification CurrentBalance ParentRef"),
        _list("Term", "DueDays"),
        _list("PaymentMethod", "Type"),
        _list("Class", "ParentRef"),
        _list("Department", "ParentRef"),
        _list("TaxCode"),
        _list("TaxRate"),
        _list("TaxAgency", "", "DisplayName"),
        _list("CustomerType"),
        _txn("Estimate", f"{SALES} DueDate TxnStatus ExpirationDate"),
        _txn("Invoice", f"{SALES} DueDate Balance SalesTermRef", total=True),
        _txn("CreditMemo", f"{SALES} Balance", shown="Credit Memo"),
        _txn("SalesReceipt", f"{SALES} Balance PaymentRefNum", shown="Sales Receipt"),
        _txn("RefundReceipt", f"{SALES} Balance PaymentRefNum", shown="Refund"),
        _txn("Payment", "CustomerRef PaymentMethodRef PaymentRefNum ProjectRef"),
        _txn("Deposit", "DepositToAccountRef DepartmentRef", total=True),
        _txn("JournalEntry", "", total=True, shown="Journal Entry"),
        _txn("Bill", "VendorRef Balance DueDate", total=True),
        _txn("BillPayment", "VendorRef", total=True, shown="Bill Payment"),
        _txn("Purchase", "PaymentType AccountRef"),
        _txn("PurchaseOrder", "VendorRef", total=True, shown="Purchase Order"),
        _txn("VendorCredit", "VendorRef Balance", shown="Vendor Credit"),
        _txn("Transfer"),
        _txn("TimeActivity", "CustomerRef"),
        Entity(
            "Attachable",
            "txn",
            frozenset(f"{COMMON} FileName Note Category".split()),
            space="attachable",
        ),
    )
}
BY_PATH = {one.path: one for one in ENTITIES.values()}
NAME_ENTITIES = ("Customer", "Vendor", "Employee")
# What belongs to a customer's open balance and can be spent on an invoice.
NO_CDC = frozenset({"TaxAgency", "TaxCode", "TaxRate"})
