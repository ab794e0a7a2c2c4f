"""The lines of a sales form."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from .. import faults, standing
from ..jsons import CENT, ZERO, Json, cents, plain
from ..provenance import DOCUMENTED, RECORDED, REPORTED, rule
from ..store import Record
from .base import reference

if TYPE_CHECKING:
    from ..company import Company

rule(
    "one SubTotalLineDetail without Id closes the lines; those sent are dropped",
    RECORDED,
    "sandbox 2020, 2025",
)
rule(
    "a discount line stands after the subtotal, without Id, its amount positive",
    RECORDED,
    "sandbox 2026",
)
rule("new lines get ids counting on from the highest ever used", RECORDED, "sandbox 2016-2020")
rule("omitted Qty and UnitPrice stay omitted", RECORDED, "sandbox 2020, 2026")
rule(
    "Amount is compared with Qty x UnitPrice at the precision sent, rounded half up: else 6070",
    REPORTED,
    "field notes; rounding assumed",
)
rule(
    "Qty 0 and UnitPrice 0 beside an Amount count as not sent",
    REPORTED,
    "python-quickbooks' tests against a sandbox send them",
)
rule("a line without ItemRef gets item 1", REPORTED, "sandbox notes 2026")
rule("a line's TaxCodeRef is TAX or NON, else 6100", RECORDED, "pasted 2026")
rule("a description line shows no tax code and no blank description", RECORDED, "sandbox 2025")
rule("negative item lines are taken, a negative total is not", REPORTED, "production code")
rule("the item of a line names the account it posts to (ItemAccountRef)", RECORDED, "sandbox 2026")
rule("several bad lines are several errors of one fault", REPORTED, "pasted replies")
rule("categories cannot be sold: 2500", RECORDED, "pasted 2017")
rule("a discount line needs an amount or a percentage: 6090", DOCUMENTED, "table of codes")
KEPT = ("ServiceDate", "TaxInclusiveAmt", "DiscountRate", "DiscountAmt", "ClassRef")


def sales_lines(
    company: Company, record: Record, sent: list[Json], old: Json | None, date: str
) -> tuple[list[Json], list[Json], Decimal]:
    """Item lines and discount lines as they are stored, and the sum of the former."""
    known = {line["Id"]: line for line in (old or {}).get("Line", ()) if "Id" in line}
    items: list[Json] = []
    discounts: list[Json] = []
    total = ZERO
    wrong: list[faults.QboFault] = []
    for line in sent:
        kind = line.get("DetailType")
        if kind is None:
            raise faults.required("Line.DetailType")
        if kind == "SubTotalLineDetail":
            continue
        if kind == "DiscountLineDetail":
            discounts.append(_discount(company, line))
            continue
        body: Json = {"Id": _line_id(record, line, known), "LineNum": len(items) + 1}
        description = line.get("Description")
        if description and description.strip():
            body["Description"] = description
        if kind == "SalesItemLineDetail":
            before = known.get(body["Id"])
            stocked = "" if record.entity.name == "Estimate" else date
            try:
                total += _item_line(company, line, body, before, stocked)
            except faults.QboFault as fault:
                wrong.append(fault)
                continue
        elif kind == "DescriptionOnly":
            body["DetailType"] = kind
            body["DescriptionLineDetail"] = {}
        else:
            raise faults.fault(
                "2170", "Invalid Enumeration", f"Invalid Enumeration : {kind}", "Line.DetailType"
            )
        body["CustomExtensions"] = []
        items.append(body)
    if wrong:
        raise faults.QboFault([error for fault in wrong for error in fault.errors])
    for one in discounts:
        percent = one["DiscountLineDetail"].get("DiscountPercent")
        if percent is not None:
            one["Amount"] = cents(total * percent / 100)
    return items, discounts, total


def _line_id(record: Record, line: Json, known: dict[str, Json]) -> str:
    number = line.get("Id")
    if number in known:
        return str(number)
    record.last_line += 1
    return str(record.last_line)


def _item_line(
    company: Company, line: Json, body: Json, before: Json | None, stocked: str
) -> Decimal:
    detail = line.get("SalesItemLineDetail")
    if detail is None:
        raise faults.required("Line.SalesItemLineDetail")
    was = (before or {}).get("SalesItemLineDetail", {}).get("ItemRef")
    ref = detail.get("ItemRef") or {"value": "1"}
    item = reference(company, "Item", ref, "Line.SalesItemLineDetail.ItemRef", old=was)
    facts = item.read()
    if facts["Type"] == "Category":
        raise faults.invalid_reference("Categories cannot be used in transactions.", None)
    if stocked and not company.unlocked and stocked < facts.get("InvStartDate", ""):
        raise standing.before_start()
    price, quantity = detail.get("UnitPrice"), detail.get("Qty")
    if not price and not quantity:
        price = quantity = None
    amount: Decimal | None = line.get("Amount")
    if price is not None and quantity is not None:
        exact = Decimal(price * quantity).quantize(CENT, ROUND_HALF_UP)
        if amount is None:
            amount = exact
        elif amount != exact:
            raise faults.wrong_amount(amount, "Line.Amount")
    elif amount is None:
        if price is None:
            raise faults.required("Line.Amount")
        amount = price
    amount = cents(amount)
    body["Amount"] = amount
    body["DetailType"] = "SalesItemLineDetail"
    stored: Json = {"ItemRef": {"value": str(item.id), "name": item.name}}
    if price is not None:
        stored["UnitPrice"] = plain(price)
    if quantity is not None:
        stored["Qty"] = plain(quantity)
    kept = (before or {}).get("SalesItemLineDetail", {})
    if was and was["value"] == ref.get("value") and "ItemAccountRef" in kept:
        stored["ItemAccountRef"] = kept["ItemAccountRef"]
    elif "IncomeAccountRef" in facts:
        stored["ItemAccountRef"] = facts["IncomeAccountRef"]
    stored["TaxCodeRef"] = {"value": _tax_code(company, detail, facts)}
    for key in KEPT:
        if key in detail:
            stored[key] = detail[key]
    body["SalesItemLineDetail"] = stored
    return amount


def _tax_code(company: Company, detail: Json, item: Json) -> str:
    """TAX or NON, as QuickBooks shows it."""
    sent = detail.get("TaxCodeRef")
    if sent is not None and sent.get("value") not in ("TAX", "NON"):
        raise faults.wrong_tax_code(sent.get("value"))
    tax = company.preferences["TaxPrefs"]
    if not tax["UsingSalesTax"]:
        return "NON"
    if sent is not None:
        return str(sent["value"])
    return "TAX" if tax.get("PartnerTaxEnabled") or item.get("Taxable") else "NON"


def _discount(company: Company, line: Json) -> Json:
    detail = dict(line.get("DiscountLineDetail") or {})
    if "Amount" not in line and "DiscountPercent" not in detail:
        raise faults.fault(
            "6090", "Discount Line is missing required information", "Amount or DiscountPercent"
        )
    if ref := detail.get("DiscountAccountRef"):
        found = reference(
            company, "Account", ref, "Line.DiscountLineDetail.DiscountAccountRef", old=ref
        )
        detail["DiscountAccountRef"] = company.ref(found)
    detail.setdefault("PercentBased", "DiscountPercent" in detail)
    return {
        "Amount": cents(line.get("Amount", ZERO)),
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": detail,
    }
