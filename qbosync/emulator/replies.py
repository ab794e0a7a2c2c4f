"""Request ids: the same id gets the first reply again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import faults
from .http import JSON, Response
from .provenance import ASSUMED, RECORDED, REPORTED, rule, switch

if TYPE_CHECKING:
    from .company import Company

rule(
    "a request id sent again gets the first reply, also after the object was deleted",
    REPORTED,
    "blog 2015; sandbox notes 2026",
)
rule(
    "a request id has at most 50 characters; in a batch with the bId together",
    RECORDED,
    "pasted 2022",
)
rule("another body under the same request id gets the first reply too", ASSUMED, "undocumented")
switch(
    "requestid-retention", "forever", "24h", "1h", "10m", "ignored",
    text="how long a request id is remembered",
)  # fmt: skip
switch(
    "requestid-faults", "forgotten", "remembered",
    text="whether a refusal is replayed for the same request id",
)  # fmt: skip
KEEP = {"forever": None, "24h": 86400, "1h": 3600, "10m": 600, "ignored": 0}


def replay(company: Company, request_id: str) -> Response | None:
    """The reply that a request id got before.

    Raises:
        QboFault: 6000 if it is too long.
    """
    check_length(request_id)
    if not known(company, request_id):
        return None
    status, body, _at = company.replies[request_id]
    return Response(status, body, {"Content-Type": JSON})


def known(company: Company, request_id: str) -> bool:
    """Whether a request id is remembered."""
    keep = KEEP[company.assume["requestid-retention"]]
    reply = company.replies.get(request_id)
    return reply is not None and (keep is None or company.now - reply[2] < keep)


def check_length(request_id: str) -> None:
    """6000 for more than 50 characters."""
    if len(request_id) > 50:
        raise faults.business(
            "You cannot enter more than 50 characters in the request_id field. You tried"
            f" entering {request_id[:10]}..., which is {len(request_id)} characters."
        )


def remember(company: Company, request_id: str, response: Response) -> None:
    """Keep a reply for the same request id."""
    if company.assume["requestid-retention"] != "ignored":
        company.replies[request_id] = (response.status, response.body, int(company.now))
        company.new_replies.append(request_id)
