"""Items, accounts, terms, payment methods and the other lists: names unique in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import faults, journal
from ..jsons import ZERO, Json, plain
from ..provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule
from .base import Form, reference
from .names import FORBIDDEN, inactive_name

if TYPE_CHECKING:
    from ..company import Company
    from ..store import Record

rule(
    "an item's defaults: Active, Taxable false, UnitPrice 0, PurchaseCost 0",
    RECORDED,
    "sandbox 2026",
)
rule("items may stand on Other Current Liability accounts", REPORTED, "sandbox notes 2026")
rule("items may stand on Other Current Asset accounts", RECORDED, "sandbox 2019")
rule("an item on a GlobalTaxPayable account is 6430", REPORTED, "sandbox notes 2026")
rule("an account's sub-type and classification follow from its type", RECORDED, "sandbox 2026")
rule("an account's reply to its creation lacks LastUpdatedTime", RECORDED, "sandbox 2026")
rule("names of items and accounts are unique in their list, case aside", DOCUMENTED, "reference")
rule("two accounts may bear the same name under different parents", RECORDED, "sandbox 2026")
rule("inactive items and accounts are renamed like people", RECORDED, "account 2020; items assumed")
rule("terms, payment methods, classes and departments keep what they are sent", ASSUMED, "")
TYPES = ("Service", "NonInventory", "Inventory", "Category", "Group")
ACCOUNT_TYPES = (
    "Income",
    "Other Income",
    "Other Current Liability",
    "Other Current Asset",
    "Expense",
    "Other Expense",
    "Cost of Goods Sold",
)
TREES = ("Account", "Class", "Department")  # the same name may stand under two parents
UNRENAMED = ("Term", "PaymentMethod", "TaxCode", "TaxRate", "TaxAgency", "Attachable")


class ListForm(Form):
    """A list of names with the common rules and nothing else."""

    def build(self, company: Company, record: Record, want: Json, old: Json | None) -> Json:
        """The name checked, then what was sent."""
        field = self.entity.name_field
        name = want.get(field)
        if not isinstance(name, str) or not name.strip():
            if old is None:
                raise faults.required(field)
            name = old[field]
        if field == "Name":
            if any(
                char in name for char in (*FORBIDDEN, '"')[: 4 if self.name == "Account" else 3]
            ):
                raise faults.invalid_text(field, f"{field} contains a character not allowed")
            name = name.strip()
            active = want.get("Active", True)
            if self.name not in UNRENAMED:
                name = inactive_name(company, record, name, active=active)
            other = self._bearer(company, record, name, want)
            if other is not None:
                raise faults.duplicate_name(f"Id={other.id}" if self.name == "Account" else "null")
        common = company.common(record)
        return self.shape(company, {**want, field: name}, old, common)

    def _bearer(self, company: Company, record: Record, name: str, want: Json) -> Record | None:
        """Who bears the name already; in a tree, under the same parent."""
        if self.name not in TREES:
            other = company.store.named(self.entity, name)
            return None if other is record else other
        above = (want.get("ParentRef") or {}).get("value")
        for other in company.store.all(self.name):
            if other is not record and other.name.lower() == name.lower():
                parent = other.read().get("ParentRef") or {}
                if parent.get("value") == above:
                    return other
        return None

    def shape(self, company: Company, want: Json, old: Json | None, common: Json) -> Json:
        """The object with its defaults."""
        rest = {k: v for k, v in want.items() if k not in common}
        rest.setdefault("Active", True)
        if self.name in ("Class", "Department", "CustomerType"):
            rest.setdefault("SubClass" if self.name == "Class" else "SubDepartment", False)
            rest["FullyQualifiedName"] = rest["Name"]
        if self.name == "PaymentMethod":
            rest.setdefault("Type", "NON_CREDIT_CARD")
        return {**rest, **common}


class TermForm(ListForm):
    """A payment term."""

    def shape(self, company: Company, want: Json, old: Json | None, common: Json) -> Json:
        """Due days or a day of the month."""
        rest = {k: v for k, v in want.items() if k not in common}
        rest.setdefault("Active", True)
        rest["Type"] = "DATE_DRIVEN" if "DayOfMonthDue" in rest else "STANDARD"
        if rest["Type"] == "STANDARD":
            rest.setdefault("DueDays", 0)
        return {**rest, **common}


class ItemForm(ListForm):
    """A product or service."""

    def shape(self, company: Company, want: Json, old: Json | None, common: Json) -> Json:
        """The item on its income account."""
        kind = want.get("Type", (old or {}).get("Type", "Service"))
        if kind not in TYPES:
            raise faults.invalid_enum(kind)
        if kind == "Inventory" and not want.get("TrackQtyOnHand"):
            raise faults.business(
                "When you create an item, if Track quantity on hand is turned off, the item"
                " cannot be of type Inventory."
            )
        name, full = want["Name"], want["Name"]
        body: Json = {"Name": name, "Active": want.get("Active", True)}
        if parent := want.get("ParentRef"):
            above = reference(company, "Item", parent, "ParentRef", old=parent)
            full = f"{above.read()['FullyQualifiedName']}:{name}"
            body["SubItem"] = True
            body["ParentRef"] = {"value": str(above.id), "name": above.name}
        body["FullyQualifiedName"] = full
        for key in ("Sku", "Description"):
            if key in want:
                body[key] = want[key]
        body["Taxable"] = want.get("Taxable", False)
        body["UnitPrice"] = plain(want.get("UnitPrice", ZERO))
        body["Type"] = kind
        if kind != "Category":
            body["IncomeAccountRef"] = self._income(company, want, old)
        for key in ("ExpenseAccountRef", "AssetAccountRef", "COGSAccountRef"):
            if key in want:
                body[key] = company.ref(
                    reference(company, "Account", want[key], key, old=want[key])
                )
        body["PurchaseCost"] = plain(want.get("PurchaseCost", ZERO))
        body["TrackQtyOnHand"] = want.get("TrackQtyOnHand", False)
        body["DeferredRevenue"] = want.get("DeferredRevenue", False)
        rest = {k: v for k, v in want.items() if k not in body and k not in common}
        return {**body, **rest, **common}

    def _income(self, company: Company, want: Json, old: Json | None) -> Json:
        ref = want.get("IncomeAccountRef") or (old or {}).get("IncomeAccountRef")
        if not ref:
            raise faults.required("IncomeAccountRef")
        account = reference(
            company, "Account", ref, "IncomeAccountRef", old=(old or {}).get("IncomeAccountRef")
        )
        body = account.read()
        fits = body["AccountType"] in ACCOUNT_TYPES
        if not fits or body["AccountSubType"] == "GlobalTaxPayable":
            raise faults.fault(
                "6430",
                "Invalid account type",
                "Invalid account type used: you need to select a different type of account"
                " for this transaction.",
            )
        return company.ref(account)


class AccountForm(ListForm):
    """An account of the chart."""

    def shape(self, company: Company, want: Json, old: Json | None, common: Json) -> Json:
        """Type, sub-type and classification in agreement."""
        kind = want.get("AccountType")
        subtype = want.get("AccountSubType")
        if not kind and not subtype:
            raise faults.fault(
                "6010",
                "Invalid Account Type",
                "AccountType or AccountSubType must be specified",
                "AccountType",
            )
        if not kind:
            kind = next((k for k, v in journal.SUBTYPES.items() if v == subtype), "Income")
        if kind not in journal.CLASSES:
            raise faults.invalid_enum(kind)
        body = journal.account_body(common, want["Name"], kind, subtype or journal.SUBTYPES[kind])
        body["Active"] = want.get("Active", True)
        if parent := want.get("ParentRef"):
            above = reference(company, "Account", parent, "ParentRef", old=parent)
            body["SubAccount"] = True
            body["ParentRef"] = {"value": str(above.id)}
            body["FullyQualifiedName"] = f"{above.read()['FullyQualifiedName']}:{want['Name']}"
        for key in ("AcctNum", "Description"):
            if key in want:
                body[key] = want[key]
        return body
