"""Customers, vendors and employees: names unique among all three."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import faults
from ..jsons import ZERO, Json
from ..provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule, switch
from ..store import Record
from .base import Form, pick, reference

if TYPE_CHECKING:
    from ..company import Company

rule("making a name inactive appends ` (deleted)` to it", RECORDED, "employee 2018, 2020")
rule("an inactive name frees its old name, since it was renamed", REPORTED, "sandbox notes 2026")
rule(
    "PrintOnCheckName is given and family name, else company, else DisplayName",
    RECORDED,
    "sandbox 2015-2026",
)
rule("a changed address gets a new Id", RECORDED, "sandbox 2019")
rule("colon, tab and newline are refused in names", DOCUMENTED, "customer reference")
rule(
    "BalanceWithJobs is the balance of a customer and all beneath it; Level counts from the top",
    RECORDED,
    "sandbox 2015-2026",
)
rule("a rename keeps PrintOnCheckName", RECORDED, "sandbox 2026")
rule("names are stripped of blanks at both ends", ASSUMED, "the screen does so")
switch("duplicate-name-id", "no", "yes", text="whether 6240 tells the other's id (`Id=58`)")
NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
FORBIDDEN = (":", "\t", "\n")
ADDRESSES = ("BillAddr", "ShipAddr", "PrimaryAddr", "OtherAddr")
TAIL = (
    *NAME_PARTS, "FullyQualifiedName", "CompanyName", "DisplayName", "PrintOnCheckName", "Active",
)  # fmt: skip
COMPUTED = ("Balance", "BalanceWithJobs", "FullyQualifiedName", "Level", "V4IDPseudonym")


class NameForm(Form):
    """A customer, vendor or employee."""

    def build(self, company: Company, record: Record, want: Json, old: Json | None) -> Json:
        """Names first, then the entity's own defaults."""
        name = self._name(want, old)
        active = want.get("Active", True)
        name = inactive_name(company, record, name, active=active)
        self._unique(company, record, name, old)
        rest = {k: v for k, v in want.items() if k not in COMPUTED and k not in TAIL}
        for key in ADDRESSES:
            if isinstance(rest.get(key), dict):
                rest[key] = address(company, rest[key], (old or {}).get(key))
        named = pick(want, TAIL)
        parts = " ".join(want[k] for k in ("GivenName", "MiddleName", "FamilyName") if k in want)
        named["DisplayName"] = name
        named["Active"] = active
        named.setdefault("PrintOnCheckName", want.get("CompanyName") or parts or name)
        head, tail = getattr(self, f"_{self.name.lower()}")(company, want, name, old)
        if "FullyQualifiedName" in tail:
            named["FullyQualifiedName"] = tail.pop("FullyQualifiedName")
        else:
            named.pop("FullyQualifiedName", None)
        common = company.common(record)
        rest = {k: v for k, v in rest.items() if k not in head and k not in common}
        ordered = {k: named[k] for k in TAIL if k in named}
        return {**head, **common, **ordered, **rest, **tail}

    def _name(self, want: Json, old: Json | None) -> str:
        for key in ("DisplayName", "PrintOnCheckName", *NAME_PARTS):
            value = want.get(key)
            if value and any(char in value for char in FORBIDDEN):
                raise faults.invalid_text(
                    key, f"{key} must not contain a colon, a tab or a new line"
                )
        name = want.get("DisplayName")
        if name is None or not name.strip():
            name = " ".join(want[key] for key in NAME_PARTS if want.get(key))
        if not name.strip() and old:
            name = old["DisplayName"]
        if not name.strip():
            raise faults.fault(
                "6080",
                "No name provided",
                "At least one of the following must be provided: DisplayName, Title, GivenName,"
                " MiddleName, FamilyName or Suffix",
                None,
            )
        return str(name).strip()

    def _unique(self, company: Company, record: Record, name: str, old: Json | None) -> None:
        other = company.store.named(self.entity, name)
        if other is None or other is record:
            return
        if company.assume.on("duplicate-name-id"):
            raise faults.duplicate_name(f"Id={other.id}")
        if old is not None and other.entity is self.entity:
            raise faults.duplicate_name(
                f"Another {self.name.lower()} is already using this name.  Please use a"
                " different name."
            )
        raise faults.duplicate_name(
            "Another customer, vendor or employee is already using this name. Please use a"
            " different name."
        )

    def _customer(
        self, company: Company, want: Json, name: str, old: Json | None
    ) -> tuple[Json, Json]:
        parent = want.get("ParentRef")
        full, level = name, {}
        if parent:
            above = reference(company, "Customer", parent, "ParentRef", old=parent).read()
            full = f"{above['FullyQualifiedName']}:{name}"
            level = {"Level": above.get("Level", 0) + 1}
        head = {
            "Taxable": want.get("Taxable", True),
            "Job": want.get("Job", False),
            "BillWithParent": want.get("BillWithParent", False),
            **level,
            "Balance": ZERO,
            "BalanceWithJobs": ZERO,
            "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
            "PreferredDeliveryMethod": want.get("PreferredDeliveryMethod", "Print"),
            "IsProject": want.get("IsProject", False),
        }
        tail: Json = {"FullyQualifiedName": full}
        if company.pref("TaxPrefs", "UsingSalesTax") or (old and "DefaultTaxCodeRef" in old):
            tail["DefaultTaxCodeRef"] = want.get("DefaultTaxCodeRef", {"value": "2"})
        return head, tail

    def _vendor(
        self, company: Company, want: Json, name: str, old: Json | None
    ) -> tuple[Json, Json]:
        head = {
            "Balance": want.get("Balance", ZERO),
            "BillRate": want.get("BillRate", ZERO),
            "Vendor1099": want.get("Vendor1099", False),
            "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
            "CostRate": want.get("CostRate", ZERO),
        }
        return head, {}

    def _employee(
        self, company: Company, want: Json, name: str, old: Json | None
    ) -> tuple[Json, Json]:
        return {"BillableTime": want.get("BillableTime", False)}, {}


def inactive_name(company: Company, record: Record, name: str, *, active: bool) -> str:
    """An inactive name carries ` (deleted)`; a second one of that name gets a number."""
    bare = name.split(" (deleted")[0]
    if active:
        was = record.name
        return bare if was.startswith(f"{bare} (deleted") else name
    if record.name.startswith(f"{bare} (deleted"):
        return record.name
    wish, count = f"{bare} (deleted)", 0
    while (other := company.store.named(record.entity, wish)) and other is not record:
        count += 1
        wish = f"{bare} (deleted {count})"
    return wish


def address(company: Company, sent: Json, old: Json | None) -> Json:
    """An address; a changed one gets a new Id, an unchanged one keeps it."""
    body = {k: v for k, v in sent.items() if k not in ("Id", "Lat", "Long")}
    if old is not None and {k: v for k, v in old.items() if k != "Id"} == body:
        return old
    return {"Id": str(company.next_id("address")), **body}
