"""What became of a write, read from QuickBooks' reply.

Pure.  *posted* is said only of an object of the asked kind with an Id, and of an update only
of the object that was meant.  What cannot be understood is *unknown*, never *refused*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qbosync.errors import QbosyncError
from qbosync.qbo.faults import Fault, error_for, faults_of, gravest, remedy

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A write: `action` is create, update, void or delete."""

    action: str
    entity: str
    body: Mapping[str, Any]
    request_id: str

    @property
    def is_payment_void(self) -> bool:
        """Voiding a payment is an update with an option (documented)."""
        return self.action == "void" and self.entity == "Payment"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a write.

    `error` says of one that was not sent why the next would fare no better.
    """

    outcome: str
    object: Body | None = None
    fault: Fault | None = None
    reason: str = ""
    trace_id: str = ""
    error: QbosyncError | None = None


def address_of(call: Call) -> tuple[str, dict[str, str]]:
    """Path and parameters of a write."""
    path = call.entity.lower()
    if call.is_payment_void:
        return path, {"operation": "update", "include": "void"}
    if call.action in ("void", "delete"):
        return path, {"operation": call.action}
    return path, {}


def body_of(call: Call) -> Body:
    """What is sent.  Voiding a payment is sparse: if the option were not heeded, a full
    update would empty the payment, and a sparse one changes nothing."""
    return {**call.body, "sparse": True} if call.is_payment_void else dict(call.body)


def item_of(call: Call, number: int) -> Body:
    """The same as an item of a batch."""
    item: Body = {"bId": str(number), "operation": call.action, call.entity: body_of(call)}
    if call.is_payment_void:
        item |= {"operation": "update", "optionsData": "include=void"}
    return item


def posted(document: Mapping[str, Any], call: Call, trace: str) -> Answer:
    """The answer to a write that no fault was told of."""
    body = document.get(call.entity)
    if not isinstance(body, dict) or not body.get("Id"):
        return Answer("unknown", reason=f"an answer without {call.entity}", trace_id=trace)
    if "Id" in call.body and str(call.body["Id"]) != str(body["Id"]):
        return Answer("unknown", reason=f"an answer about another {call.entity}", trace_id=trace)
    return Answer("posted", body, trace_id=trace)


def item_answer(row: Mapping[str, Any] | None, call: Call, trace: str) -> Answer:
    """The answer to one item of a batch."""
    if row is None:
        return Answer("unknown", reason="the batch's answer lacks it", trace_id=trace)
    fault = row.get("Fault") or row.get("fault")
    if isinstance(fault, dict):
        return refusal(faults_of(fault, 400, trace), trace)
    return posted(row, call, trace)


def refusal(faults: Sequence[Fault], trace: str) -> Answer:
    """The answer to a write that QuickBooks told faults of."""
    fault = gravest(faults)
    cure = remedy(fault)
    if cure == "unknown":
        return Answer("unknown", None, fault, str(fault), trace)
    if cure == "not_applied":
        return Answer("not_sent", None, fault, str(fault), trace, error_for(fault))
    return Answer("refused", None, fault, str(fault), trace)
