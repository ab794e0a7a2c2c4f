"""What QuickBooks says when it says no, in one form, and what to do about it.

Pure.  QuickBooks answers in five shapes: JSON in two spellings, XML even where JSON was
asked for, HTML from the servers before it, and plain text.  The detail of a 401 quotes the
token and is never kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import simplejson

from qbosync.errors import QbosyncError, SetupError, TemporaryError

_XML_ERROR = re.compile(
    r"<Error[^>]*?code=\"(?P<code>\d+)\"[^>]*>\s*<Message>(?P<message>.*?)</Message>"
    r"(?:\s*<Detail>(?P<detail>.*?)</Detail>)?",
    re.DOTALL,
)
_TXN = re.compile(r"TxnType=(?P<type>[\w ]+?) with TxnId=(?P<id>\d+)")
_WAIT = "Please wait a few minutes"
"""This 6000 comes also when the document was saved all the same (recorded)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One refusal; `code` is QuickBooks' own and the only part that does not change with
    the company's language."""

    status: int
    code: str
    message: str = ""
    detail: str = ""
    element: str = ""
    trace_id: str = ""

    @property
    def txn_id(self) -> str:
        """The document that a number clash (6140) names."""
        match = _TXN.search(self.detail)
        return match["id"] if match else ""

    def __str__(self) -> str:
        said = self.detail or self.message or f"HTTP {self.status}"
        trace = f", intuit_tid {self.trace_id}" if self.trace_id else ""
        return f"{said} (code {self.code or self.status}{trace})"


@dataclass(frozen=True, slots=True)
class Advice:
    """A fault for people: what happened, what to do."""

    what: str
    todo: str


def trace_id_of(headers: Mapping[str, str]) -> str:
    """Intuit's id of a request, which its support asks for; spelled in two ways."""
    for name, value in headers.items():
        if name.casefold().replace("-", "_") == "intuit_tid":
            return value
    return ""


def parse_json(body: bytes) -> Any:
    """JSON with exact decimals, or `None` where it is none."""
    try:
        return simplejson.loads(body.decode("utf-8"), use_decimal=True)
    except (ValueError, RecursionError):
        return None


def read_faults(status: int, headers: Mapping[str, str], body: bytes) -> tuple[Fault, ...]:
    """The faults in an answer, `()` if there is none."""
    trace = trace_id_of(headers)
    document = parse_json(body)
    if isinstance(document, dict):
        fault = document.get("Fault") or document.get("fault")
        if isinstance(fault, dict):
            return faults_of(fault, status, trace)
        return () if status == 200 else (Fault(status, "", trace_id=trace),)
    text = body[:20_000].decode("utf-8", "replace")
    found = tuple(
        Fault(status, m["code"].lstrip("0"), m["message"], m["detail"] or "", "", trace)
        for m in _XML_ERROR.finditer(text)
    )
    if found:
        return found
    return () if status == 200 else (Fault(status, "", trace_id=trace),)


def faults_of(fault: Mapping[str, Any], status: int, trace: str) -> tuple[Fault, ...]:
    """The errors of one Fault object, in either spelling."""
    errors = fault.get("Error") or fault.get("error") or [{}]
    found = []
    for error in errors:
        code = str(error.get("code") or "")
        is_secret = status == 401 or code in ("3200", "003200")
        detail = "" if is_secret else str(error.get("Detail") or error.get("detail") or "")
        message = str(error.get("Message") or error.get("message") or "")
        element = str(error.get("element") or "")
        found.append(Fault(status, code, message, detail, element, trace))
    return tuple(found)


_SETUP = {"100", "110", "120", "130", "140", "3100", "5020", "5030", "6190", "10200"}
_BUSY = {"150", "3001"}


def remedy(fault: Fault) -> str:
    """What has to happen after a refused write.

    ``unknown``: it may have been applied.  ``not_applied``: it certainly was not, and may be
    sent again.  ``setup``: nothing can be written until a person acts.  ``stale``,
    ``number_taken``, ``name_taken``: look, then decide.  ``refused``: hold the record.
    """
    if fault.status == 401 or fault.code == "3200":
        return "not_applied"
    if fault.status == 429 or fault.code in _BUSY:
        return "not_applied"
    if fault.code in _SETUP or fault.status == 403:
        return "setup"
    if fault.code == "10000" or fault.status >= 500:
        return "unknown"
    if fault.code == "6000" and _WAIT in fault.detail + fault.message:
        return "unknown"
    if not fault.code:
        return "unknown"
    return {"5010": "stale", "6140": "number_taken", "6240": "name_taken"}.get(
        fault.code, "refused"
    )


_ADVICE: dict[str, tuple[str, str]] = {
    "120": ("QuickBooks says that whoever connected may not use this company any more.",
            "Let a company administrator run `qbosync connect`."),
    "130": ("The keys and the company are of different environments.",
            "Check [quickbooks] environment, then run `qbosync connect` again."),
    "140": ("The company is locked.", "Open QuickBooks and see why."),
    "610": ("it refers to something that was made inactive or deleted in QuickBooks.",
            "Make the customer, item or account active again in QuickBooks."),
    "2500": ("it refers to something that is not in QuickBooks or inactive.",
             "Look at the item and its account in QuickBooks."),
    "2050": ("a text in it is too long.", "Shorten it in the shop system."),
    "2210": ("the e-mail address is not one.", "Correct it in the shop system."),
    "3100": ("The app is not authorised for this company, or the keys are of the other"
             " environment.", "Run `qbosync connect` again with the right keys."),
    "5010": ("it was changed in QuickBooks at the same time.", "The next run looks again."),
    "5030": ("The company's plan lacks a feature.", "See which plan the company is on."),
    "6070": ("a line's amount is not quantity times price.", "Please report this."),
    "6140": ("its number is taken by another document.",
             "Give one of them another number, or set [documents] order_prefix."),
    "6190": ("The company's QuickBooks subscription has ended.", "Renew it in QuickBooks."),
    "6200": ("the books are closed for its date.",
             "Reopen the period in QuickBooks, or let the bookkeeper enter it."),
    "6210": ("the books are closed for its date.",
             "Reopen the period in QuickBooks, or let the bookkeeper enter it."),
    "6240": ("its name is taken in QuickBooks by another customer, vendor or employee.",
             "Rename one of them."),
    "6430": ("an item stands on an account that QuickBooks does not allow for sales.",
             "Give the item another account in QuickBooks."),
    "6540": ("the payment was deposited, so it can only be changed in QuickBooks.",
             "Open the payment in QuickBooks, tick the invoice, Save."),
    "10200": ("The sandbox company was reset: nothing of before is left in it.",
              "Run `qbosync disconnect`, move the ledger away and connect again."),
}  # fmt: skip


def advice(fault: Fault) -> Advice:
    """What to tell a person about a fault, with QuickBooks' own words behind it."""
    what, todo = _ADVICE.get(
        fault.code, ("QuickBooks refused it.", "Correct it where QuickBooks says; it is retried.")
    )
    return Advice(f"{what} QuickBooks says: {fault}.", todo)


def error_for(fault: Fault) -> QbosyncError:
    """The error of a read, chosen by its remedy: sign in, mend, or wait."""
    trace = f" [intuit_tid {fault.trace_id}]" if fault.trace_id else ""
    if fault.status == 401 or fault.code == "3200":
        return SetupError(
            f"QuickBooks no longer accepts our authorisation{trace}.",
            "Run `qbosync connect` again.",
        )
    if fault.status == 429 or fault.status >= 500 or fault.code in (*_BUSY, "10000", "4002"):
        return TemporaryError(
            f"QuickBooks is busy: {fault}.", "Nothing to do: the next run tries again."
        )
    if fault.code in _ADVICE:
        told = advice(fault)
        return SetupError(told.what, told.todo)
    if not fault.code:
        return TemporaryError(
            f"QuickBooks gave no sensible answer (HTTP {fault.status}){trace}.",
            "Nothing to do: the next run tries again.",
        )
    return SetupError(f"QuickBooks refused to be read: {fault}.", "Please report this.")
