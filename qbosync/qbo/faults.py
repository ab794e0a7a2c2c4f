"""What QuickBooks says when it says no, in one form, and what to do about it.

Pure.  QuickBooks answers in five shapes: JSON in two spellings, XML even where JSON was
asked for, HTML from the servers before it, and plain text.  The detail of a 401 quotes the
token and is never kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

import simplejson

from qbosync.errors import QbosyncError, SetupError, TemporaryError
from qbosync.qbo.catalogue import ADVICE, BUSY, SETUP, SPECIAL, UNKNOWN

_XML_ERROR = re.compile(r"<Error\b(?P<head>[^>]*)>(?P<body>.*?)</Error>", re.DOTALL)
_XML_PART = r"<{0}>(.*?)</{0}>"
_XML_NAMED = r"\b{0}=[\"']([^\"']*)[\"']"
_INNER_CODE = re.compile(r"errorCode=0*(\d+)")
_SECRET_CODES = {"100", "110", "3200"}
_TOKENLIKE = re.compile(r"[\w.~+/-]{24,}")
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


class WrongKeysError(SetupError):
    """The app is not authorised for the company: mostly keys of the other environment."""


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
        return simplejson.loads(body.decode("utf-8-sig"), use_decimal=True)
    except (ValueError, RecursionError):
        return None


def read_faults(status: int, headers: Mapping[str, str], body: bytes) -> tuple[Fault, ...]:
    """The faults in an answer, `()` if there is none."""
    return find_faults(status, trace_id_of(headers), parse_json(body), body)


def find_faults(status: int, trace: str, document: Any, body: bytes) -> tuple[Fault, ...]:
    """The same for an answer that is parsed already; `document` is `None` if it is no JSON."""
    found: tuple[Fault, ...] = ()
    if isinstance(document, dict):
        fault = document.get("Fault") or document.get("fault")
        if isinstance(fault, dict):
            return faults_of(fault, status, trace)
    else:
        text = body[:20_000].decode("utf-8", "replace")
        found = tuple(_of_xml(match, status, trace) for match in _XML_ERROR.finditer(text))
    return found or (() if status == 200 else (Fault(status, "", trace_id=trace),))


def _of_xml(match: re.Match[str], status: int, trace: str) -> Fault:
    def part(pattern: str, name: str, text: str) -> str:
        found = re.search(pattern.format(name), text, re.DOTALL)
        return unescape(found[1]) if found else ""

    head, body = match["head"], match["body"]
    return _fault(
        status,
        part(_XML_NAMED, "code", head),
        part(_XML_PART, "Message", body),
        part(_XML_PART, "Detail", body),
        part(_XML_NAMED, "element", head),
        trace,
    )


def faults_of(fault: Mapping[str, Any], status: int, trace: str) -> tuple[Fault, ...]:
    """The errors of one Fault object, in either spelling."""
    errors = fault.get("Error") or fault.get("error")
    rows = [row for row in errors if isinstance(row, dict)] if isinstance(errors, list) else []
    if isinstance(errors, dict):
        rows = [errors]
    found = []
    for row in rows or [{}]:
        values = {str(name).casefold(): str(value or "") for name, value in row.items()}
        code, message = values.get("code", ""), values.get("message", "")
        detail, element = values.get("detail", ""), values.get("element", "")
        found.append(_fault(status, code, message, detail, element, trace))
    return tuple(found)


def _fault(status: int, code: str, message: str, detail: str, element: str, trace: str) -> Fault:
    """A fault without secrets: a refused sign-in quotes the token."""
    inner = _INNER_CODE.search(message)
    code = code.lstrip("0") or (inner[1] if inner else "")
    if status == 401 or code in _SECRET_CODES:
        message, detail = _TOKENLIKE.sub("…", message), ""
    return Fault(status, code, message, detail, element, trace)


def remedy(fault: Fault) -> str:
    """What has to happen after a refused write.

    ``unknown``: it may have been applied.  ``not_applied``: it certainly was not, and may be
    sent again.  ``setup``: nothing can be written until a person acts.  ``stale``,
    ``number_taken``, ``name_taken``: look, then decide.  ``refused``: hold the record.
    """
    code = fault.code
    if fault.status in (401, 429) or code == "3200" or code in BUSY:
        return "not_applied"
    if not code:
        # Not QuickBooks' own words: a proxy's page says nothing about what came of the write.
        return "unknown"
    if code in SETUP or fault.status == 403:
        return "setup"
    if code in UNKNOWN or fault.status >= 500:
        return "unknown"
    if code == "6000" and _WAIT in fault.detail + fault.message:
        return "unknown"
    return SPECIAL.get(code, "refused")


_GRAVITY = ("unknown", "setup", "not_applied", "refused", "name_taken", "number_taken", "stale")


def gravest(faults: Sequence[Fault]) -> Fault:
    """The one of several that decides: a line's refusal does not hide an unknown outcome."""
    return min(faults, key=lambda fault: _GRAVITY.index(remedy(fault)))


def advice(fault: Fault) -> Advice:
    """What to tell a person about a fault, with QuickBooks' own words behind it."""
    what, todo = ADVICE.get(
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
    if fault.status == 429 or fault.status >= 500 or fault.code in (*BUSY, "10000", "4002"):
        return TemporaryError(
            f"QuickBooks is busy: {fault}.", "Nothing to do: the next run tries again."
        )
    if fault.code in ADVICE:
        told = advice(fault)
        kind = WrongKeysError if fault.code in ("130", "3100") else SetupError
        return kind(told.what, told.todo)
    if not fault.code:
        return TemporaryError(
            f"QuickBooks gave no sensible answer (HTTP {fault.status}){trace}.",
            "Nothing to do: the next run tries again.",
        )
    return SetupError(f"QuickBooks refused to be read: {fault}.", "Please report this.")
