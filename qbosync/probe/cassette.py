"""Cassettes of what was asked and answered, with everything private taken out first.

Host, realm id, tokens, codes, e-mail addresses and telephone numbers are replaced before a file
is written; of the headers only what a client looks at is kept.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from qbosync.errors import SetupError

REALM = "9341450000000001"
HOST = "quickbooks.example"
SECRET_FIELDS = ("refresh_token", "access_token", "token", "id_token")
_KEPT = ("accept", "content-type", "intuit_tid", "intuit-tid", "retry-after")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_PHONE = re.compile(r'("FreeFormNumber"\s*:\s*)"[^"]*"')
_QUOTED = re.compile(r"([Tt]oken(?: expired| revoked)?[: ]+)[\w.~+/-]{16,}")
_FIELD = re.compile(rf'("(?:{"|".join(SECRET_FIELDS)})"\s*:\s*)"[^"]*"')

Recorder = Callable[[str], AbstractContextManager[object]]


def scrub(text: str, realm_id: str) -> str:
    """A body or address without anything private."""
    text = text.replace(realm_id, REALM)
    text = _FIELD.sub(r'\1"SCRUBBED"', text)
    text = _QUOTED.sub(r"\1SCRUBBED", text)
    text = _PHONE.sub(r'\1"(555)555-0100"', text)
    return _EMAIL.sub("someone@example.com", text)


def recorder(folder: Path | None, realm_id: str) -> Recorder:
    """Opens a cassette by name; nothing is recorded without a folder.

    Raises:
        SetupError: If vcrpy is not there.
    """
    if folder is None:
        return lambda _name: contextlib.nullcontext()
    try:
        import vcr
    except ImportError:
        raise SetupError(
            "Cassettes need vcrpy, which is not installed.",
            "pip install vcrpy, or leave out --cassettes.",
        ) from None

    machine = vcr.VCR(
        record_mode="all",
        before_record_request=lambda request: _request(request, realm_id),
        before_record_response=lambda response: _response(response, realm_id),
        decode_compressed_response=True,
    )
    folder.mkdir(parents=True, exist_ok=True)

    def open_cassette(name: str) -> AbstractContextManager[object]:
        path = folder / f"{name}.yaml"
        path.unlink(missing_ok=True)
        opened: AbstractContextManager[object] = machine.use_cassette(str(path))
        return opened

    return open_cassette


def _request(request: Any, realm_id: str) -> Any:
    parts = urlsplit(scrub(request.uri, realm_id))
    query = [(n, v) for n, v in parse_qsl(parts.query, keep_blank_values=True) if n != "requestid"]
    request.uri = urlunsplit(parts._replace(scheme="https", netloc=HOST, query=urlencode(query)))
    request.headers = {n: v for n, v in request.headers.items() if n.lower() in _KEPT}
    if request.body:
        text = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        if parts.path.endswith(("/bearer", "/revoke")):
            form = parse_qsl(text)
            text = urlencode(
                [(n, "SCRUBBED" if n in (*SECRET_FIELDS, "code") else v) for n, v in form]
            )
        request.body = scrub(text, realm_id).encode()
    return request


def _response(response: dict[str, Any], realm_id: str) -> dict[str, Any]:
    text = response["body"]["string"].decode("utf-8", "replace")
    headers = {n: v for n, v in response["headers"].items() if n.lower() in _KEPT}
    return {**response, "headers": headers, "body": {"string": scrub(text, realm_id).encode()}}
