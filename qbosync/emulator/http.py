"""A request and a response, the same in process and over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field

from .jsons import dumps

JSON_OK = "application/json;charset=utf-8"
JSON = "application/json"


@dataclass(slots=True)
class Request:
    """What a client asks; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = "http://127.0.0.1"

    def segment(self) -> str:
        """The entity or endpoint that the path names."""
        parts = self.path.strip("/").split("/")
        if parts[:2] == ["v3", "company"]:
            return parts[3] if len(parts) > 3 else ""
        return parts[-1]


@dataclass(slots=True)
class Response:
    """What the emulator answers; `dropped` is a connection reset instead, `cut` a body cut off."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    dropped: bool = False
    cut: bool = False
    items: int = 0


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """An answer in JSON."""
    kind = JSON_OK if status == 200 else JSON
    return Response(status, dumps(value), {"Content-Type": kind, **(headers or {})})


def html_response(text: str, status: int = 200) -> Response:
    """A page."""
    return Response(status, text.encode("utf-8"), {"Content-Type": "text/html;charset=utf-8"})


def redirect(to: str) -> Response:
    """302."""
    return Response(302, b"", {"Location": to})
