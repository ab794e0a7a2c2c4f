"""A button of a page becomes an action of the bookkeeper.

Fields named ``values.Name`` are what the action lays over the object; amounts are read as
`Decimal`.  Each action leads back to the page of what it touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from . import bookkeeper
from .entities import ENTITIES
from .jsons import Json
from .pages_html import Child, tag

if TYPE_CHECKING:
    from .company import Company

AMOUNTS = ("Amount", "TotalAmt")
DONE = {
    "void": "Voided.",
    "delete": "Deleted.",
    "edit": "Changed.",
    "edit_line": "The line is changed.",
    "create": "Made.",
    "deposit": "Deposited.",
    "rename": "Renamed.",
    "merge": "Merged into this customer.",
    "deactivate": "Made inactive.",
    "activate": "Made active.",
    "close_books": "The books are closed.",
    "open_books": "The books are open.",
    "accept_estimate": "Accepted.",
    "reject_estimate": "Rejected.",
    "close_estimate": "Closed.",
    "convert_estimate": "This invoice was made of the estimate.",
    "apply_payment": "Applied.",
    "unapply_payment": "The payment is unapplied.",
    "subscription": "The subscription is changed.",
    "preferences": "The preferences are changed.",
}


class NotDoneError(Exception):
    """What was wrong, and which page the button stood on."""

    def __init__(self, what: str, back: list[str]) -> None:
        super().__init__(what)
        self.back = back


def said(query: Mapping[str, str]) -> Child:
    """What the last button did, if there was one."""
    word = DONE.get(query.get("done", ""))
    return tag("p", word, class_="said") if word else None


def act(company: Company, form: bytes) -> tuple[str, str]:
    """Do what a form asks; returns the action and the path that shows what it touched.

    Raises:
        NotDoneError: With a sentence for a person.
    """
    pairs = parse_qsl(form.decode("utf-8", "replace"), keep_blank_values=True)
    fields = dict(pairs)
    back = fields.pop("back", "").strip("/").split("/")
    back = [part for part in back if part]
    try:
        result = bookkeeper.act(company, _body(pairs))
    except ValueError as error:
        raise NotDoneError(str(error), back) from None
    return str(fields["action"]), _path(result, fields, back)


def _body(pairs: list[tuple[str, str]]) -> Json:
    body: dict[str, Any] = {}
    for name, text in pairs:
        if name == "back" or (name in ("date", "account") and not text):
            continue
        if name == "ids":
            body.setdefault("ids", []).append(text)
        elif name.startswith("values."):
            _lay(body.setdefault("values", {}), name.split(".")[1:], text)
        else:
            body[name] = text
    values = body.get("values", {})
    if body.get("action") == "create" and "Line" in values:
        values["Line"] = [_sales_line(values["Line"])]
    if body.get("action") == "deposit" and not body.get("ids") and not body.get("id"):
        raise ValueError("Tick the payments that go on the deposit.")
    return body


def _lay(values: Json, names: list[str], text: str) -> None:
    for name in names[:-1]:
        values = values.setdefault(name, {})
    values[names[-1]] = _value(names[-1], text)


def _value(name: str, text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if name not in AMOUNTS:
        return text
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    return amount


def _sales_line(typed: Json) -> Json:
    detail = {"ItemRef": {"value": typed.get("item", "1")}, "TaxCodeRef": {"value": "NON"}}
    return {
        "Amount": typed.get("Amount", Decimal(0)),
        "Description": typed.get("Description", ""),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }


def _path(result: Json, fields: Mapping[str, str], back: list[str]) -> str:
    """The page of what was touched; of what is gone, the list it was in."""
    for entity, body in result.items():
        if entity in ENTITIES:
            path = f"/{entity.lower()}"
            is_gone = body.get("status") == "Deleted"
            return path if is_gone else f"{path}/{body['Id']}"
    return "".join(f"/{part}" for part in back)
