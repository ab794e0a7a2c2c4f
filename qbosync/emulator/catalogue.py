"""Which properties each entity knows, of what type and how long.

`fields.json` holds names and types from Intuit's published schema; `EXTRA` what replies show
beyond it, and `LENGTHS` the documented limits.  `tidy()` refuses what QuickBooks refuses (2010,
2050, numbers and dates that are none) and leaves a body in which amounts are `Decimal`, ids are
text and nothing is null.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from . import faults
from .jsons import Json
from .provenance import ASSUMED, DOCUMENTED, RECORDED, REPORTED, rule

rule("properties known to the schema but not used are taken silently", RECORDED, "sandbox 2020")
rule("a property with null counts as not sent", ASSUMED, "as the JSON library does")
rule("an empty text clears a property", REPORTED, "python-quickbooks sends it for what is unset")
rule(
    "lengths: DocNumber and PaymentRefNum 21, DisplayName 500, names 100, PrivateNote 4000",
    DOCUMENTED,
    "entity reference",
)
rule("a time behind TxnDate is cut off (`2019-03-06 10:43:14 -0800`)", RECORDED, "sandbox 2019")

LINKS = "domain sparse status"
NAMES = "DisplayName GivenName MiddleName FamilyName Title Suffix PrintOnCheckName CompanyName"
EXTRA: dict[str, tuple[str | None, str]] = {
    "Line": (None, "CustomExtensions:any"),
    "IntuitEntity": (None, "domain sparse:boolean status"),
    "DiscountOverride": (
        None,
        "DiscountRef:ReferenceType PercentBased:boolean DiscountPercent:decimal"
        " DiscountAccountRef:ReferenceType",
    ),
    "DepositLineDetail": (
        None,
        "Entity:any ClassRef:ReferenceType AccountRef:ReferenceType"
        " PaymentMethodRef:ReferenceType CheckNum TxnType TaxCodeRef:ReferenceType"
        " TaxApplicableOn",
    ),
    "TaxLineDetail": (
        None,
        "TaxRateRef:ReferenceType PercentBased:boolean TaxPercent:decimal"
        " NetAmountTaxable:decimal TaxInclusiveAmount:decimal OverrideDeltaAmount:decimal"
        " ServiceDate:date",
    ),
    "WebSiteAddress": (None, "Id:id URI Default:boolean Tag"),
    "SalesReceipt": ("SalesTransaction", ""),
    "Vendor": (
        "NameBase",
        "BillAddr:PhysicalAddress OtherAddr:PhysicalAddress[] ContactName AltContactName Notes"
        " TaxIdentifier TaxIdEffective:date BusinessNumber ParentRef:ReferenceType"
        " VendorTypeRef:ReferenceType TermRef:ReferenceType PrefillAccountRef:ReferenceType"
        " Balance:decimal BillRate:decimal CostRate:decimal OpenBalanceDate:date"
        " CreditLimit:decimal AcctNum Vendor1099:boolean T4AEligible:boolean"
        " T5018Eligible:boolean CurrencyRef:ReferenceType APAccountRef:ReferenceType"
        " ClientEntityId Source VendorPaymentBankDetail:any HasTPAR:boolean TaxReportingBasis",
    ),
    "Employee": (
        "NameBase",
        "EmployeeType EmployeeNumber SSN PrimaryAddr:PhysicalAddress OtherAddr:PhysicalAddress[]"
        " BillableTime:boolean BillRate:decimal CostRate:decimal BirthDate:date Gender"
        " HiredDate:date ReleasedDate:date UseTimeEntry Organization:boolean EmployeeEx:any",
    ),
}
LENGTHS = {
    "DocNumber": 21,
    "PaymentRefNum": 21,
    "PrivateNote": 4000,
    "Description": 4000,
    "DisplayName": 500,
    "GivenName": 100,
    "MiddleName": 100,
    "FamilyName": 100,
    "Title": 16,
    "Suffix": 16,
    "CompanyName": 100,
    "PrintOnCheckName": 110,
    "Address": 100,
    "FreeFormNumber": 30,
    "URI": 1000,
    "Notes": 2000,
    "ResaleNum": 16,
    "Name": 100,
    "Sku": 100,
    "City": 255,
    "Country": 255,
    "CountrySubDivisionCode": 255,
    "PostalCode": 30,
    **{f"Line{n}": 500 for n in range(1, 6)},
}
SHORT_NAMES = {
    ("Term", "Name"): 31,
    ("PaymentMethod", "Name"): 31,
    ("RefundReceipt", "PaymentRefNum"): 100,
}


class Field(NamedTuple):
    """How one property is read: kind, nested type, whether many, longest text."""

    kind: str
    nested: str | None
    many: bool
    most: int


def _compile() -> dict[str, dict[str, Field]]:
    raw = json.loads(Path(__file__).with_name("fields.json").read_text("utf-8"))
    parents: dict[str, str | None] = {name: spec["extends"] for name, spec in raw.items()}
    own: dict[str, dict[str, str]] = {name: dict(spec["fields"]) for name, spec in raw.items()}
    for name, (parent, words) in EXTRA.items():
        fields = own.setdefault(name, {})
        if parent or name not in parents:
            parents[name] = parent
        for word in words.split():
            key, _, kind = word.partition(":")
            fields[key] = kind or "string"
    own["ReferenceType"] = {"value": "id", "name": "string", "type": "string"}
    own["MemoRef"] = {"value": "string", "name": "string", "id": "string"}
    compiled: dict[str, dict[str, Field]] = {}
    for name in own:
        merged: dict[str, str] = {}
        at: str | None = name
        while at is not None and at in own:
            merged = {**own[at], **merged}
            at = parents.get(at)
        compiled[name] = {key: _field(name, key, kind, own) for key, kind in merged.items()}
    return compiled


def _field(owner: str, key: str, kind: str, own: dict[str, dict[str, str]]) -> Field:
    many = kind.endswith("[]")
    kind = kind.removesuffix("[]")
    most = SHORT_NAMES.get((owner, key), LENGTHS.get(key, 0))
    if owner == "MemoRef" and key == "value":
        most = 1000
    if kind in own:
        return Field("object", kind, many, 0)
    if kind in ("decimal", "date", "boolean", "id", "string"):
        return Field(kind, None, many, most)
    if kind.endswith("Enum"):
        return Field("string", None, many, most)
    return Field("any", None, many, 0)


TYPES = _compile()


def known(entity: str) -> frozenset[str]:
    """The properties of an entity; empty if the catalogue lacks it."""
    return frozenset(TYPES.get(entity, ()))


def tidy(entity: str, body: Json) -> Json:
    """Check a request's object against the catalogue and bring its values into one form.

    Raises:
        QboFault: 2010, 2050, 2060 or 2090.
    """
    fields = TYPES.get(entity)
    return _loose(body) if fields is None else _object(fields, body, keep_empty=True)


def _loose(body: Json) -> Json:
    return {key: value for key, value in body.items() if value is not None}


def _object(fields: dict[str, Field], body: Json, *, keep_empty: bool = False) -> Json:
    out: Json = {}
    for key, value in body.items():
        spec = fields.get(key)
        if spec is None:
            raise faults.unknown_property()
        if value is None or value == "":
            if value is not None and keep_empty:
                out[key] = ""
            continue
        kind, nested, many, most = spec
        if kind == "string":
            text = value if value.__class__ is str else _text(value)
            if most and len(text) > most:
                raise faults.too_long(key, most, len(text))
            out[key] = text
        elif nested is not None:
            if many:
                if not isinstance(value, list):
                    raise faults.unknown_property()
                out[key] = [_nested(nested, one) for one in value]
            else:
                out[key] = _nested(nested, value)
        else:
            out[key] = _scalar(key, kind, value)
    return out


def _nested(name: str, value: object) -> Json:
    if not isinstance(value, dict):
        raise faults.unknown_property()
    return _object(TYPES[name], value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise faults.unknown_property()
    return str(value)


def _scalar(key: str, kind: str, value: object) -> object:
    if kind == "decimal":
        return decimal(key, value)
    if kind == "id":
        return _text(value)
    if kind == "date":
        text = str(value)[:10]
        try:
            date.fromisoformat(text)
        except ValueError:
            raise faults.invalid_date(key, value) from None
        return text
    if kind == "boolean":
        if isinstance(value, str):
            return value.lower() == "true"
        return bool(value)
    return value


def decimal(key: str, value: object) -> Decimal:
    """Read a number; text is taken as QuickBooks takes it."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise faults.invalid_number(key, value)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise faults.invalid_number(key, value) from None
    if not number.is_finite():
        raise faults.invalid_number(key, value)
    return number
