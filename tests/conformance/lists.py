"""Customers, items and accounts of a recording, made again through the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .compare import REFS
from .corpus import Exchange, Json, knowledge
from .wire import Wire

NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
ASK_OF_CUSTOMER = (
    *NAME_PARTS,
    "CompanyName",
    "DisplayName",
    "Notes",
    "PrimaryPhone",
    "Mobile",
    "Fax",
    "PrimaryEmailAddr",
    "WebAddr",
    "Job",
    "BillWithParent",
    "Taxable",
    "PreferredDeliveryMethod",
)
USUAL = {
    "PrintStatus": "NeedToPrint",
    "EmailStatus": "NotSet",
    "Taxable": True,
    "Job": False,
    "BillWithParent": False,
    "PreferredDeliveryMethod": "Print",
}


class Lists(Wire):
    """The lists of a company: what documents refer to."""

    def __init__(self, exchange: Exchange, **assume: str) -> None:
        super().__init__(exchange, **assume)
        for sub in ("UndepositedFunds", "AccountsReceivable"):
            self._chart(sub)

    def _chart(self, subtype: str) -> None:
        for (entity, _number), rows in knowledge().items():
            if entity == "Account" and rows[0]["AccountSubType"] == subtype:
                self.account({"value": rows[0]["Id"]})
                return

    def known(self, entity: str, ref: Json) -> Json:
        """The newest recorded object that a reference may mean: same id and, if told, name."""
        here = self.rows.get((entity, ref["value"]))
        for row in [here] if here else knowledge().get((entity, ref["value"]), ()):
            names = (row.get("DisplayName"), row.get("Name"), row.get("FullyQualifiedName"))
            if ref.get("name") in (None, *names):
                return row
        name = ref.get("name") or f"{entity} {ref['value']}"
        return {"Id": ref["value"], "Name": name, "DisplayName": name}

    def ref(self, key: str, ref: Json) -> Json:
        """Our reference to what a recorded one means, made if it is not there."""
        entity = REFS[key]
        if (entity, ref["value"]) not in self.ids:
            if entity == "Account":
                self.account(ref)
            elif entity == "Customer":
                self.customer(self.known(entity, ref), owing=False)
            elif entity == "Item":
                self.item(self.known(entity, ref))
            else:
                body: Json = {"Name": ref.get("name") or f"{entity} {ref['value']}"}
                if entity == "Term":
                    body["DueDays"] = 30
                self.note(entity, ref["value"], self.send(entity, body))
        return {"value": self.ids[entity, ref["value"]]}

    def note(self, entity: str, number: str, made: Json) -> Json:
        """Remember which of our objects stands for a recorded one."""
        self.ids[entity, number] = made["Id"]
        return made

    def account(self, ref: Json) -> Json:
        """An account of the recorded chart, with its parents."""
        known = dict(self.known("Account", ref))
        number = ref["value"]
        if ("Account", number) in self.ids:
            return {"Id": self.ids["Account", number]}
        name = known["Name"].split(":")[-1]
        body: Json = {"Name": name, "AccountType": known.get("AccountType", "Income")}
        if known["Name"] != ref.get("name", known["Name"]) and ":" not in ref["name"]:
            body["Name"] = ref["name"]
        if "AccountSubType" in known:
            body["AccountSubType"] = known["AccountSubType"]
        if "ParentRef" in known:
            self.account(known["ParentRef"])
            body["ParentRef"] = {"value": self.ids["Account", known["ParentRef"]["value"]]}
        elif ":" in known["Name"]:
            above = {"value": f"above {number}", "name": known["Name"].rsplit(":", 1)[0]}
            body["ParentRef"] = {"value": self.account(above)["Id"]}
        return self.note("Account", number, self.send("Account", body))

    def customer(self, row: Json, *, owing: bool = True) -> Json:
        """A customer as recorded, owing what is recorded."""
        body = {k: row[k] for k in ASK_OF_CUSTOMER if k in row and row[k] != USUAL.get(k)}
        inactive = not row.get("Active", True)
        for key in ("BillAddr", "ShipAddr"):
            if key in row:
                body[key] = plain_address(row[key])
        if parent := row.get("ParentRef"):
            self.ref("CustomerRef", parent)
            body["ParentRef"] = {"value": self.ids["Customer", parent["value"]]}
            body["Job"] = True
        if inactive:
            body["DisplayName"] = body["DisplayName"].removesuffix(" (deleted)")
        known = self.ids.get(("Customer", row["Id"]))
        made = (
            {"Id": known}
            if known
            else self.note("Customer", row["Id"], self.send("Customer", body))
        )
        if owing and row.get("Balance"):
            self.owe(made["Id"], row["Balance"])
        if inactive:
            token = self.read("Customer", made["Id"])["SyncToken"]
            self.send(
                "Customer", {"Id": made["Id"], "SyncToken": token, "sparse": True, "Active": False}
            )
        return made

    def owe(self, customer: str, amount: Decimal) -> None:
        """Let a customer owe, or have paid too much."""
        if amount < 0:
            self.send("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": -amount})
        else:
            self.sell("Invoice", customer, amount)

    def sell(self, entity: str, customer: str, amount: Decimal, **more: Any) -> Json:
        """A sale of one line without tax."""
        item = self.ref("ItemRef", {"value": "spare", "name": "Spare"})
        detail = {"ItemRef": item, "TaxCodeRef": {"value": "NON"}}
        line = {
            "Amount": amount,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": detail,
        }
        return self.send(entity, {"CustomerRef": {"value": customer}, "Line": [line], **more})

    def item(self, row: Json) -> Json:
        """An item as recorded."""
        if ("Item", row["Id"]) in self.ids:
            return {"Id": self.ids["Item", row["Id"]]}
        name = row["Name"].split(":")[-1]
        body: Json = {"Name": name, "Type": row.get("Type", "Service")}
        for key in (
            "Description",
            "Taxable",
            "UnitPrice",
            "PurchaseDesc",
            "PurchaseCost",
            "Sku",
            "TrackQtyOnHand",
            "QtyOnHand",
            "InvStartDate",
        ):
            if key in row:
                body[key] = row[key]
        income = row.get("IncomeAccountRef") or {"value": "spare", "name": "Spare Income"}
        for key, ref in {**row, "IncomeAccountRef": income}.items():
            if key in REFS:
                body[key] = self.ref(key, ref)
        return self.note("Item", row["Id"], self.send("Item", body))

    def prime(self, body: Any) -> None:
        """Make what the references in a recorded object name, under the names they show."""
        for one in body if isinstance(body, list) else [body]:
            if isinstance(one, dict):
                if "SalesItemLineDetail" in one:
                    self.line(one)
                for key, value in one.items():
                    if key in REFS and ("name" in value or key == "AccountRef"):
                        self.ref(key, value)
                    else:
                        self.prime(value)

    def expect(self, rows: list[tuple[str, Json]]) -> None:
        """Know the rows, and add up what the payments among them apply to each document."""
        for entity, row in rows:
            self.rows[entity, row["Id"]] = row
            for line in row["Line"] if entity == "Payment" else ():
                link = line["LinkedTxn"][0]
                key = (link["TxnType"], link["TxnId"])
                self.applied[key] = self.applied.get(key, Decimal(0)) + line["Amount"]


def plain_address(row: Json) -> Json:
    """An address as a client sends it."""
    return {k: v for k, v in row.items() if k not in ("Id", "Lat", "Long")}
