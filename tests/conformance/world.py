"""The state that a recording implies, made again in an empty company through the API.

Only what a person or client has to say is sent (names, references, quantities, dates); whatever
QuickBooks computes or fills in is left to the emulator, so that comparing it can fail.
"""

from __future__ import annotations

from decimal import Decimal

from .compare import REFS
from .corpus import Json, knowledge
from .lists import USUAL, Lists, plain_address
from .wire import REALM, SWITCHES, Impossible, instant, parsed

ASK_OF_SALE = (
    "DocNumber",
    "TxnDate",
    "PrivateNote",
    "CustomerMemo",
    "BillEmail",
    "PrintStatus",
    "EmailStatus",
    "AllowOnlineCreditCardPayment",
    "AllowOnlineACHPayment",
)
STRANGE_LINKS = ("TimeActivity", "StatementCharge", "ReimburseCharge")


def outside(entity: str, row: Json) -> str | None:
    """Why a row cannot stand in a company that knows sales only; None if it can."""
    if any(link["TxnType"] in STRANGE_LINKS for link in row.get("LinkedTxn", ())):
        return "made of time, expenses or statement charges"
    if len(row.get("TxnTaxDetail", {}).get("TaxLine", ())) > 1:
        return "taxed by a second rate"
    lines = [one for one in row.get("Line", ()) if "SalesItemLineDetail" in one]
    taxed = [
        o["Amount"]
        for o in lines
        if o["SalesItemLineDetail"].get("TaxCodeRef", {}).get("value") == "TAX"
    ]
    for tax in row.get("TxnTaxDetail", {}).get("TaxLine", ()):
        if tax["TaxLineDetail"]["NetAmountTaxable"] != sum(taxed):
            return "taxed otherwise than its lines say"
    return None


class World(Lists):
    """One emulator with the state of one recording."""

    def make(self, entity: str, row: Json) -> Json | None:
        """What a recorded row shows, made again; None for what cannot stand here."""
        if why := outside(entity, row):
            self.left_out[why] = self.left_out.get(why, 0) + 1
            return None
        now = self.clock.offset
        # The demo company's documents were not made by clients: some lie before their stock began.
        self.company.unlocked = True
        changed = row.get("MetaData", {}).get("LastUpdatedTime")
        if changed and entity not in ("Customer", "Item", "Account"):
            self.clock.offset = instant(changed)
        try:
            if entity == "Account":
                return self.account({"value": row["Id"], "name": row["Name"]})
            if entity in ("Customer", "Item"):
                made: Json = getattr(self, entity.lower())(row)
                return made
            if entity in ("Term", "PaymentMethod"):
                body = {k: v for k, v in row.items() if k in ("Name", "Type", "DueDays")}
                return self.note(entity, row["Id"], self.send(entity, body))
            if entity in ("Payment", "Deposit"):
                document: Json = getattr(self, entity.lower())(row)
                return document
            return self.sale(entity, row)
        finally:
            self.company.unlocked = False
            self.clock.offset = max(now, self.clock.offset)

    def sale_body(self, entity: str, row: Json) -> Json:
        """What has to be said to get a sales form such as the recorded one."""
        body = {k: row[k] for k in ASK_OF_SALE if row.get(k) and row[k] != USUAL.get(k)}
        customer = dict(self.known("Customer", row["CustomerRef"]))
        for key in ("BillAddr", "ShipAddr"):
            if key not in row:
                customer.pop(key, None)
            elif "City" in row[key] or key not in customer:
                customer[key] = row[key]
        if ("Customer", row["CustomerRef"]["value"]) not in self.ids:
            self.customer(customer, owing=False)
        body["CustomerRef"] = self.ref("CustomerRef", row["CustomerRef"])
        for key in ("BillAddr", "ShipAddr"):
            if key in row and "City" not in row[key]:
                body[key] = plain_address(row[key])
        if "TxnStatus" in row and not row.get("LinkedTxn"):
            body["TxnStatus"] = row["TxnStatus"]
        if "SalesTermRef" in row:
            body["SalesTermRef"] = self.ref("SalesTermRef", row["SalesTermRef"])
        if code := row.get("TxnTaxDetail", {}).get("TxnTaxCodeRef"):
            body["TxnTaxDetail"] = {"TxnTaxCodeRef": code}
        if "Deposit" in row:
            self.prefer(SalesFormsPrefs={"AllowDeposit": True})
        defined = [one for one in row.get("CustomField", ()) if "Name" in one]
        if defined:
            self.define(defined)
        body["Line"] = [
            self.line(one) for one in row["Line"] if one["DetailType"] != "SubTotalLineDetail"
        ]
        return body

    def define(self, fields: list[Json]) -> None:
        """The company's own fields on sales forms."""
        use = [
            {
                "Name": f"SalesFormsPrefs.UseSalesCustom{one['DefinitionId']}",
                "Type": "BooleanType",
                "BooleanValue": True,
            }
            for one in fields
        ]
        names = [
            {
                "Name": f"SalesFormsPrefs.SalesCustomName{one['DefinitionId']}",
                "Type": "StringType",
                "StringValue": one["Name"],
            }
            for one in fields
        ]
        self.prefer(SalesFormsPrefs={"CustomField": [{"CustomField": use}, {"CustomField": names}]})

    def line(self, row: Json) -> Json:
        """What has to be said to get such a line."""
        line: Json = {k: row[k] for k in ("Description", "Amount", "DetailType") if k in row}
        detail = row.get("SalesItemLineDetail")
        if detail is not None:
            said = {
                k: detail[k]
                for k in ("UnitPrice", "Qty", "TaxCodeRef", "ServiceDate")
                if k in detail
            }
            account = detail.get("ItemAccountRef")
            known = dict(self.known("Item", detail["ItemRef"]))
            if account:
                known["IncomeAccountRef"] = account
            if account and ("Item", known["Id"]) in self.ids:
                self._stand_on(self.ids["Item", known["Id"]], account)
            if ("Item", known["Id"]) not in self.ids:
                self.item(
                    {**known, "Type": "Service", "TrackQtyOnHand": False}
                    if "InvStartDate" in known
                    else known
                )
            line["SalesItemLineDetail"] = {
                **said,
                "ItemRef": self.ref("ItemRef", detail["ItemRef"]),
            }
        if discount := row.get("DiscountLineDetail"):
            said = {k: v for k, v in discount.items() if k not in REFS}
            if ref := discount.get("DiscountAccountRef"):
                said["DiscountAccountRef"] = self.ref("DiscountAccountRef", ref)
            line["DiscountLineDetail"] = said
        return line

    def _stand_on(self, item: str, account: Json) -> None:
        """Let an item post elsewhere from now on; documents keep the account they were made on."""
        now = self.read("Item", item)
        ours = self.ref("IncomeAccountRef", account)
        if now["IncomeAccountRef"]["value"] != ours["value"]:
            self.send(
                "Item",
                {
                    "Id": item,
                    "SyncToken": now["SyncToken"],
                    "sparse": True,
                    "IncomeAccountRef": ours,
                },
            )

    def sale(self, entity: str, row: Json) -> Json:
        """An estimate, invoice or credit memo with what is linked to it."""
        body = self.sale_body(entity, row)
        links = row.get("LinkedTxn", ())
        for link in links:
            if link["TxnType"] == "Estimate":
                before = self.send("Estimate", {**body, "DocNumber": f"E{link['TxnId']}"})
                self.note("Estimate", link["TxnId"], before)
                body["LinkedTxn"] = [{"TxnId": before["Id"], "TxnType": "Estimate"}]
        made = self.note(entity, row["Id"], self.send(entity, body))
        if entity == "Estimate":
            for link in links:
                linked = {"LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Estimate"}]}
                more = {k: v for k, v in body.items() if k not in ("DocNumber", "EmailStatus")}
                self.note("Invoice", link["TxnId"], self.send("Invoice", {**more, **linked}))
        elif entity == "Invoice":
            self._pay(row, made, [one for one in links if one["TxnType"] == "Payment"])
        elif entity == "CreditMemo" and row["RemainingCredit"] != row["TotalAmt"]:
            spent = row["TotalAmt"] - row["RemainingCredit"]
            charge = self.sell("Invoice", made["CustomerRef"]["value"], spent)
            lines = [pays(charge["Id"], spent), pays(made["Id"], spent, "CreditMemo")]
            self.send("Payment", {"CustomerRef": made["CustomerRef"], "TotalAmt": 0, "Line": lines})
        return made

    def _pay(self, row: Json, made: Json, links: list[Json]) -> None:
        left = row["TotalAmt"] - row["Balance"]
        for at, link in enumerate(reversed(links)):
            amount = left if at == len(links) - 1 else self._paid(link["TxnId"], row["Id"], left)
            left -= amount
            paid = self.send(
                "Payment",
                {
                    "CustomerRef": made["CustomerRef"],
                    "TotalAmt": amount,
                    "Line": [pays(made["Id"], amount)],
                },
            )
            self.note("Payment", link["TxnId"], paid)

    def _paid(self, payment: str, invoice: str, left: Decimal) -> Decimal:
        for row in knowledge().get(("Payment", payment), ()):
            for line in row["Line"]:
                if line["LinkedTxn"][0]["TxnId"] == invoice:
                    return Decimal(line["Amount"])
        return (left / 2).quantize(Decimal("0.01"))

    def payment(self, row: Json) -> Json:
        """A payment, the documents it pays and the deposit it stands on."""
        customer = self.ref("CustomerRef", row["CustomerRef"])
        body: Json = {"CustomerRef": customer, "TotalAmt": row["TotalAmt"], "Line": []}
        for key in ("TxnDate", "PaymentRefNum", "PrivateNote"):
            if key in row:
                body[key] = row[key]
        account = row.get("DepositToAccountRef")
        if account and self.known("Account", account).get("AccountSubType") != "UndepositedFunds":
            body["DepositToAccountRef"] = self.ref("DepositToAccountRef", account)
        if "PaymentMethodRef" in row:
            body["PaymentMethodRef"] = self.ref("PaymentMethodRef", row["PaymentMethodRef"])
        for line in row["Line"]:
            link = line["LinkedTxn"][0]
            told = {
                one["value"]["Name"]: one["value"].get("Value") for one in line["LineEx"]["any"]
            }
            more = {"DocNumber": told["txnReferenceNumber"]}
            paid = (link["TxnType"], link["TxnId"])
            if paid not in self.ids:
                owed = Decimal(told["txnOpenBalance"]) - line["Amount"] + self.applied.get(paid, 0)
                self.note(*paid, self.sell(paid[0], customer["value"], owed, **more))
            body["Line"].append(pays(self.ids[paid], line["Amount"], paid[0]))
        made = self.note("Payment", row["Id"], self.send("Payment", body))
        for link in row.get("LinkedTxn", ()):
            bank = {"value": "35", "name": "Checking"}
            line = {
                "Amount": row["TotalAmt"],
                "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Payment", "TxnLineId": "0"}],
            }
            deposit = {"DepositToAccountRef": self.ref("DepositToAccountRef", bank), "Line": [line]}
            deposited = self.ids.get(("Deposit", link["TxnId"]))
            if deposited:
                now = self.read("Deposit", deposited)
                deposit.update(Id=deposited, SyncToken=now["SyncToken"], Line=[*now["Line"], line])
            self.note("Deposit", link["TxnId"], self.send("Deposit", deposit))
        return made

    def deposit(self, row: Json) -> Json:
        """A deposit and the money on it."""
        to = self.ref("DepositToAccountRef", row["DepositToAccountRef"])
        body: Json = {"DepositToAccountRef": to, "Line": []}
        for key in ("TxnDate", "PrivateNote"):
            if key in row:
                body[key] = row[key]
        if back := row.get("CashBack"):
            body["CashBack"] = {**back, "AccountRef": self.ref("AccountRef", back["AccountRef"])}
        for line in row["Line"]:
            if "LinkedTxn" not in line:
                account = line["DepositLineDetail"]["AccountRef"]
                detail = {"AccountRef": self.ref("AccountRef", account)}
                body["Line"].append(
                    {
                        "Amount": line["Amount"],
                        "DetailType": "DepositLineDetail",
                        "DepositLineDetail": detail,
                    }
                )
                continue
            link = line["LinkedTxn"][0]
            detail = line.get("DepositLineDetail", {})
            more: Json = {}
            if "PaymentMethodRef" in detail:
                more["PaymentMethodRef"] = self.ref("PaymentMethodRef", detail["PaymentMethodRef"])
            if "CheckNum" in detail:
                more["PaymentRefNum"] = detail["CheckNum"]
            customer = self.ref("CustomerRef", {"value": "1", "name": "Amy's Bird Sanctuary"})
            if link["TxnType"] == "SalesReceipt":
                source = self.sell("SalesReceipt", customer["value"], line["Amount"], **more)
            else:
                source = self.send(
                    "Payment", {"CustomerRef": customer, "TotalAmt": line["Amount"], **more}
                )
            self.note(link["TxnType"], link["TxnId"], source)
            body["Line"].append(
                {"Amount": line["Amount"], "LinkedTxn": [{**link, "TxnId": source["Id"]}]}
            )
        return self.note("Deposit", row["Id"], self.send("Deposit", body))


def pays(number: str, amount: Decimal, kind: str = "Invoice") -> Json:
    """A payment's line."""
    return {"Amount": amount, "LinkedTxn": [{"TxnId": number, "TxnType": kind}]}


__all__ = ["REALM", "SWITCHES", "Impossible", "World", "outside", "parsed", "pays"]
