"""QuickBooks' refusals: the exact texts, codes and envelopes.

A `QboFault` ends one operation: alone it becomes the reply, in a batch the item's fault; in
either case nothing of the operation stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .clock import stamp_ms
from .jsons import Json, dumps
from .provenance import ASSUMED, DOCUMENTED, RECORDED, rule

VALIDATION, SYSTEM = "ValidationFault", "SystemFault"
INACTIVE = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)
BUSINESS = "A business validation error has occurred while processing your request"
SAVING = (
    "An unexpected error occurred while accessing or saving your data. "
    "Please wait a few minutes and try again. If the problem persists, contact customer support."
)


@dataclass
class QboFault(Exception):  # noqa: N818 - QuickBooks' own word for its refusal
    """One or more errors of QuickBooks; `errors` are (code, message, detail, element)."""

    errors: list[tuple[str, str, str, str | None]]
    status: int = 400
    type: str = VALIDATION
    timed: bool = True
    headers: dict[str, str] = field(default_factory=dict)

    def envelope(self) -> Json:
        """The `Fault` object itself."""
        shown = []
        for code, message, detail, element in self.errors:
            error = {"Message": message, "Detail": detail, "code": code}
            if element is not None:
                error["element"] = element
            shown.append(error)
        return {"Error": shown, "type": self.type}

    def body(self, now: float) -> bytes:
        """The reply to a single request."""
        reply: Json = {"Fault": self.envelope()}
        if self.timed:
            reply["time"] = stamp_ms(now)
        return dumps(reply)


def fault(code: str, message: str, detail: str, element: str | None = "") -> QboFault:
    """A validation fault with one error."""
    return QboFault([(code, message, detail, element)])


rule("a missing object is HTTP 400 with 610, not 404", RECORDED, "sandbox 2017-2020")


def not_found(detail: str = INACTIVE) -> QboFault:
    """610: the object does not exist or was deleted."""
    return fault("610", "Object Not Found", f"Object Not Found : {detail}")


def deleted_by_another() -> QboFault:
    """610 as a delete of something deleted says it."""
    return not_found("Another user has deleted this transaction.")


rule("a stale SyncToken is 5010 and names the other user", RECORDED, "sandbox 2020, 2025")


def stale(user: str = "API API") -> QboFault:
    """5010: the SyncToken is not the current one."""
    detail = (
        f"Stale Object Error : You and {user} were working on this at the same time. "
        f"{user} finished before you did, so your work was not saved."
    )
    return fault("5010", "Stale Object Error", detail)


rule("what is required and missing is 2020 and names the path", RECORDED, "sandbox 2017-2021")


def required(path: str) -> QboFault:
    """2020: a required parameter is missing."""
    return fault(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {path} is missing in the request",
        path,
    )


rule("an unknown property anywhere is 2010 with the short text of 2026", RECORDED, "sandbox 2026")


def unknown_property() -> QboFault:
    """2010: the JSON library of QuickBooks met a property that its classes lack."""
    return fault(
        "2010",
        "Request has invalid or unsupported property",
        "Property Name:failed to parse json object; a property specified is unsupported or invalid",
        None,
    )


def invalid_id(value: object) -> QboFault:
    """2030: not a number."""
    error = fault(
        "2030", "Invalid ID", f"Id should be a valid number. Supplied value:{value}", "Id"
    )
    error.timed = False
    return error


rule("a text that is too long is 2050, element names the field", RECORDED, "pasted 2015, 2016")


def too_long(name: str, most: int, length: int) -> QboFault:
    """2050: longer than QuickBooks takes."""
    return fault(
        "2050",
        "String length is either shorter or longer than supported by specification",
        f"String length specified does not match the supported length. "
        f"Min:0 Max:{most:,} supported. Supplied length:{length:,}",
        name,
    )


def invalid_text(name: str, detail: str) -> QboFault:
    """2040: characters that a name must not have."""
    return fault("2040", "Invalid String", f"Invalid String : {detail}", name)


def invalid_number(name: str, value: object) -> QboFault:
    """2090: not an amount."""
    return fault("2090", "Invalid Number", f"Invalid Number : {value}", name)


def invalid_date(name: str, value: object) -> QboFault:
    """2060: not a date."""
    return fault("2060", "Invalid Date", f"Invalid Date : {value}", name)


def invalid_enum(value: object) -> QboFault:
    """2170: a word that the enumeration lacks."""
    return fault("2170", "Invalid Enumeration", f"Invalid Enumeration : {value}", None)


rule(
    "an item, account or term that is missing or inactive is 2500 and names the path",
    RECORDED,
    "sandbox, pasted 2017-2023",
)


def invalid_reference(detail: str, element: str | None = "") -> QboFault:
    """2500: a reference points to nothing usable."""
    return fault("2500", "Invalid Reference Id", f"Invalid Reference Id : {detail}", element)


rule("a customer that is missing or inactive is 6250", DOCUMENTED, "table of codes")


def invalid_customer() -> QboFault:
    """6250: no such customer to sell to."""
    return fault(
        "6250",
        "Invalid Sales Customer",
        "Invalid Sales Customer : The customer is missing or has been made inactive.",
    )


def business(detail: str) -> QboFault:
    """6000, under which QuickBooks files most of its own rules."""
    return fault("6000", BUSINESS, f"Business Validation Error: {detail}")


rule("linking a charge that is not there is 6000", RECORDED, "pasted 2020")


def nothing_to_invoice() -> QboFault:
    """6000: expenses, time and statement charges are not kept here, so there is none to link."""
    return business(
        "You've attempted to invoice for a charge, credit, billable expense, time, or estimate"
        " that does not exist or has already been invoiced. Can't match for neo, CCBTE Txn Id null"
    )


rule(
    "6240 over customers, vendors and employees together, without regard to case",
    RECORDED,
    "sandbox 2019-2020; the case is assumed",
)


def duplicate_name(detail: str) -> QboFault:
    """6240: the name is taken."""
    return fault(
        "6240", "Duplicate Name Exists Error", f"The name supplied already exists. : {detail}"
    )


rule("6140 names type and id of the document that has the number", RECORDED, "pasted 2020, 2026")


def duplicate_number(number: str, shown_type: str, txn_id: int) -> QboFault:
    """6140: the number is taken."""
    return fault(
        "6140",
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. This number has"
        f" already been used. DocNumber={number} is assigned to TxnType={shown_type} with"
        f" TxnId={txn_id}",
    )


def wrong_amount(value: object, path: str) -> QboFault:
    """6070: Amount is not Qty x UnitPrice."""
    return fault(
        "6070",
        "Amount calculation incorrect in the request",
        f"Amount is not equal to UnitPrice * Qty. Supplied value:{value}",
        path,
    )


def wrong_tax_code(value: object) -> QboFault:
    """6100: a US line is TAX or NON."""
    return fault(
        "6100",
        "Invalid Line TaxCode in the request",
        f"Valid line TaxCodes for US should be TAX or NON. Supplied value: {value}",
        None,
    )


def query_parser(detail: str) -> QboFault:
    """4000: the statement cannot be read."""
    return fault("4000", "Error parsing query", f"QueryParserError: {detail}", None)


def query_validation(detail: str) -> QboFault:
    """4001: the statement asks for what cannot be asked."""
    return fault("4001", "Invalid query", f"QueryValidationError: {detail}", None)


def unsupported_operation(detail: str) -> QboFault:
    """500: no such path or operation."""
    return fault("500", "Unsupported Operation", f"Operation {detail} is not supported.", None)


def system_failure(detail: str, status: int = 500) -> QboFault:
    """10000: QuickBooks itself failed, or says so."""
    return QboFault(
        [
            (
                "10000",
                "An application error has occurred while processing your request",
                f"System Failure Error: {detail}",
                "SystemFailureError",
            )
        ],
        status=status,
        type=SYSTEM,
    )


rule("colon, tab and newline in a name are 2040", ASSUMED, "documented as forbidden, code unknown")
