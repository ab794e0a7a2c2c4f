"""The accounting API of one company: paths, operations, request ids."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from . import catalogue, changes, faults, preferences, query, replies, standing
from .clock import stamp_ms
from .company import Company
from .entities import BY_PATH, Entity
from .forms import form_of
from .http import JSON, JSON_OK, Request, Response
from .info import ENDED, company_info
from .jsons import Json, dumps, loads
from .provenance import DOCUMENTED, RECORDED, REPORTED, rule
from .store import Record

rule("a delete answers `domain`, `status`, `Id`", RECORDED, "sandbox 2018, 2020")
rule(
    "sending an invoice sets EmailSent and DeliveryInfo, moves the time but not the token",
    RECORDED,
    "sandbox 2026",
)
rule(
    "the reply to sending lacks FreeFormAddress, ShipFromAddr, LastModifiedByRef, ItemAccountRef",
    RECORDED,
    "sandbox 2026",
)
rule("a wrong path is HTTP 400 with 500", RECORDED, "sandbox 2020")
rule("a path without the realm id is 500 too, a query 6000", RECORDED, "pasted 2016, 2018")
rule(
    "invoices and sales receipts void by operation=void, payments by include=void",
    DOCUMENTED,
    "guides",
)
rule("minorversion changes nothing", DOCUMENTED, "announcement of 2025")
rule("a minorversion that is no number is a 10000 SystemFault", REPORTED, "pasted 2018")
VERSION = "2026.310"


def handle(company: Company, request: Request) -> Response:
    """Answer one request to a company; the caller holds the lock and has checked the token."""
    company.now = company.clock.now()
    parts = request.path.strip("/").split("/")[3:]
    company.includes = frozenset(request.query.get("include", "").split(","))
    try:
        return _route(company, request, parts)
    except faults.QboFault as fault:
        return refusal(company, fault)


def refusal(company: Company, fault: faults.QboFault) -> Response:
    """A fault as a reply."""
    if fault.status == 200:
        return ok(company, fault.body(company.now))
    return Response(fault.status, fault.body(company.now), {"Content-Type": JSON})


def ok(company: Company, body: bytes) -> Response:
    """A reply of the application that succeeded."""
    headers = {
        "Content-Type": JSON_OK,
        "QBO-Version": VERSION,
        "Service-Time": "total=1, db=1",
        "Expires": "0",
        "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
    }
    return Response(200, body, headers)


def timed(company: Company, inside: bytes) -> bytes:
    """Close an envelope with the time."""
    return b"{" + inside + b',"time":"' + stamp_ms(company.now).encode() + b'"}'


def _route(company: Company, request: Request, parts: list[str]) -> Response:
    head = parts[0] if parts else ""
    version = request.query.get("minorversion") or "0"
    if not version.isdigit():
        told = version.partition("=")[0]
        raise faults.system_failure(
            f'java.lang.NumberFormatException: For input string: "{told}"', 500
        )
    if head == "query" and len(parts) == 1:
        text = request.query.get("query")
        if text is None and request.method == "POST":
            text = request.body.decode("utf-8", "replace")
        result = query.run(company, text or "")
        return ok(company, timed(company, b'"QueryResponse":' + result.text))
    if head == "cdc" and len(parts) == 1:
        inside = changes.run(
            company, request.query.get("entities"), request.query.get("changedSince")
        )
        return ok(company, timed(company, b'"CDCResponse":[' + inside + b"]"))
    if head == "batch" and len(parts) == 1 and request.method == "POST":
        from . import batch

        return batch.handle(company, request)
    if head == "preferences" and len(parts) == 1:
        return _preferences(company, request)
    if head == "companyinfo":
        return ok(company, timed(company, b'"CompanyInfo":' + dumps(company_info(company))))
    entity = BY_PATH.get(head)
    if entity is not None:
        if request.method == "GET" and len(parts) == 2:
            return read(company, entity, parts[1])
        if request.method == "POST" and len(parts) == 1:
            return _write(company, request, entity)
        if request.method == "POST" and len(parts) == 3 and parts[2] == "send":
            return _send(company, request, entity, parts[1])
    raise _no_resource(request)


def _no_resource(request: Request) -> faults.QboFault:
    asked = f"?{urlencode(request.query)}" if request.query else ""
    return faults.unsupported_operation(
        f"Could not find resource for relative : {request.path} of full path: "
        f"https://internal.qbo.example{request.path}{asked}"
    )


def without_realm(request: Request, now: float) -> Response:
    """The answer to a path that lacks the realm id."""
    if request.path.endswith("/query"):
        fault = faults.business("Unexpected Internal Error. (-30000)")
    else:
        fault = _no_resource(request)
    return Response(fault.status, fault.body(now), {"Content-Type": JSON})


def read(company: Company, entity: Entity, number: str) -> Response:
    """GET of one object."""
    record = company.need(entity.name, number)
    return ok(company, _one(company, entity, company.text_of(record, read=True)))


def _one(company: Company, entity: Entity, text: bytes) -> bytes:
    return timed(company, b'"' + entity.name.encode() + b'":' + text)


def body_of(request: Request) -> Json:
    """The JSON object of a request.

    Raises:
        QboFault: 2010 if it is not one.
    """
    try:
        body = loads(request.body)
    except ValueError:
        raise faults.unknown_property() from None
    if not isinstance(body, dict):
        raise faults.unknown_property()
    return body


def _write(company: Company, request: Request, entity: Entity) -> Response:
    request_id = request.query.get("requestid")
    if request_id and (reply := _replay(company, request_id)):
        return reply
    try:
        body = body_of(request)
        if len(body) == 1 and isinstance(body.get(entity.name), dict):
            body = body[entity.name]
        operation = request.query.get("operation", "")
        text = perform(company, entity, body, operation, company.includes)
        response = ok(company, _one(company, entity, text))
    except faults.QboFault as fault:
        response = refusal(company, fault)
        if company.assume["requestid-faults"] == "forgotten":
            return response
    if request_id:
        replies.remember(company, request_id, response)
    return response


def _replay(company: Company, request_id: str) -> Response | None:
    """The reply that a request id got before."""
    found = replies.replay(company, request_id)
    return ok(company, found.body) if found is not None and found.status == 200 else found


def perform(
    company: Company, entity: Entity, body: Json, operation: str, includes: frozenset[str]
) -> bytes:
    """Do one write; returns the object as the reply shows it."""
    _be_writable(company)
    sent = catalogue.tidy(entity.name, body)
    form = form_of(entity.name)
    if operation == "delete":
        return _delete(company, entity, sent)
    if operation == "void" or "void" in includes:
        record = company.operate(lambda: form.void(company, sent))
    elif "Id" in sent or operation == "update":
        record = company.operate(lambda: form.update(company, sent))
    elif operation in ("", "create"):
        record = company.operate(lambda: form.create(company, sent))
        if entity.name == "Account":
            return _without_update_time(company, record)
    else:
        raise faults.unsupported_operation(f"{operation} of {entity.name}")
    return company.text_of(record)


def _be_writable(company: Company) -> None:
    if company.subscription == ENDED:
        raise standing.subscription_ended()


def _without_update_time(company: Company, record: Record) -> bytes:
    body = record.read()
    return dumps({**body, "MetaData": {"CreateTime": body["MetaData"]["CreateTime"]}})


def _delete(company: Company, entity: Entity, sent: Json) -> bytes:
    record = company.operate(lambda: form_of(entity.name).delete(company, sent))
    return dumps({"domain": "QBO", "status": "Deleted", "Id": str(record.id)})


def _send(company: Company, request: Request, entity: Entity, number: str) -> Response:
    _be_writable(company)
    record = company.need(entity.name, number)

    def work() -> None:
        body = company.touch(record, token=False)
        to = request.query.get("sendTo") or body.get("BillEmail", {}).get("Address")
        if not to:
            raise faults.fault(
                "6420", "Email Address is required", "Email address is required", "BillEmail"
            )
        body["BillEmail"] = {"Address": to}
        body["EmailStatus"] = "EmailSent"
        body["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": stamp_ms(company.now)}

    company.operate(work)
    return ok(company, _one(company, entity, _as_sent(record)))


def _as_sent(record: Record) -> bytes:
    """The object as the reply to sending it shows it."""
    body = {k: v for k, v in record.read().items() if k not in ("FreeFormAddress", "ShipFromAddr")}
    body["MetaData"] = {k: v for k, v in body["MetaData"].items() if k != "LastModifiedByRef"}
    lines = []
    for line in body["Line"]:
        if detail := line.get("SalesItemLineDetail"):
            detail = {k: v for k, v in detail.items() if k != "ItemAccountRef"}
            line = {**line, "SalesItemLineDetail": detail}  # noqa: PLW2901 - the same line, shown
        lines.append(line)
    return dumps({**body, "Line": lines})


def _preferences(company: Company, request: Request) -> Response:
    if request.method == "POST":
        _be_writable(company)
        sent: Any = body_of(request)
        preferences.check(sent)
        if str(sent.get("SyncToken")) != company.preferences["SyncToken"]:
            raise faults.stale()
        company.set_preferences(preferences.writable(sent))
    return ok(company, timed(company, b'"Preferences":' + dumps(company.preferences)))
