"""What answers before QuickBooks' application does: wrong tokens, wrong companies, too much.

The gateway speaks differently: lower-case keys, milliseconds, and XML whatever was asked for.
"""

from __future__ import annotations

from .clock import stamp_ms
from .http import JSON, Response
from .jsons import dumps
from .provenance import RECORDED, REPORTED, rule

rule(
    "401 and 403 come from the gateway: lower-case keys, `time` in milliseconds, and the 401"
    " quotes the token",
    RECORDED,
    "sandbox 2018-2021",
)


def _envelope(
    message: str, detail: str | None, code: str, kind: str, status: int, now: float
) -> bytes:
    """The lower-case envelope of the gateway."""
    return dumps(
        {
            "warnings": None,
            "intuitObject": None,
            "fault": {
                "error": [
                    {
                        "message": f"message={message}; errorCode=00{code}; statusCode={status}",
                        "detail": detail,
                        "code": code,
                        "element": None,
                    }
                ],
                "type": kind,
            },
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": int(now * 1000),
            "status": None,
            "cdcresponse": [],
        }
    )


rule("throttling answers XML though JSON was asked for", RECORDED, "pasted 2017; seen to 2023")
rule("Retry-After is not sent with a 429", REPORTED, "in no recording")


def _xml(now: float, kind: str, code: str, message: str, detail: str) -> bytes:
    """A fault as the gateway says it to those who asked for JSON."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse time="{stamp_ms(now)}" xmlns="http://schema.intuit.com/finance/v3">'
        f'<Fault type="{kind}"><Error code="{code}"><Message>{message}</Message>'
        f"<Detail>{detail}</Detail></Error></Fault></IntuitResponse>"
    ).encode()


def throttled(now: float, retry_after: object = None) -> Response:
    """A 429 in XML."""
    headers = {"Content-Type": "application/xml"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    message = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    detail = "The request limit was reached.  Try again later"
    return Response(429, _xml(now, "SERVICE", "3001", message, detail), headers)


def wrong_cluster(now: float) -> Response:
    """A 401 for a company of the other environment, as seen since 2024."""
    detail = (
        "WrongClusterError: -11017-You have accessed the wrong server.  You will now be redirected."
        " , statusCode: 401"
    )
    body = _xml(now, "AuthenticationFault", "130", "Accessing Wrong Cluster", detail)
    return Response(401, body, {"Content-Type": "application/xml"})


def unauthorized(detail: str, now: float) -> Response:
    """A 401 of the gateway."""
    body = _envelope("AuthenticationFailed", detail, "3200", "AUTHENTICATION", 401, now)
    headers = {
        "Content-Type": JSON,
        "WWW-Authenticate": 'Bearer realm="Intuit", error="invalid_token"',
    }
    return Response(401, body, headers)


def forbidden(now: float) -> Response:
    """A 403 of the gateway."""
    body = _envelope("ApplicationAuthorizationFailed", None, "3100", "SERVICE", 403, now)
    return Response(403, body, {"Content-Type": JSON})
