"""Records the main exchanges of our client with the emulator: `python -m tests.record_cassettes`.

Clock and seed are fixed, and secrets are taken out before anything is written: recording
twice gives the same files.  Tests never record.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import requests
import simplejson
import vcr  # type: ignore[import-untyped]
from vcr.request import Request  # type: ignore[import-untyped]

from qbosync.emulator import Emulator, Server, VirtualClock
from qbosync.qbo.client import Call
from qbosync.qbo.oauth import authorization_url
from tests.scenes import BEGIN, CLIENT_ID, REALM, REDIRECT, SCENES, SCRUBBED, Stage

FOLDER = Path(__file__).parent.parent / "cassettes" / "emulator"
HOST = "127.0.0.1:8770"
_KEPT_HEADERS = ("accept", "content-type")
_ASKED = ("code", "refresh_token", "token")
_ANSWERED = ("refresh_token", "access_token", "id_token")
_TOKEN_PATHS = ("/tokens/bearer", "/tokens/revoke")


# Taking secrets out, and comparing -----------------------------------------------------------


def clean_text(text: str) -> str:
    """Host and realm id as they stand in every cassette."""
    text = re.sub(r"127\.0\.0\.1:\d+", HOST, text)
    return re.sub(r"\b9341\d{12}\b", REALM, text)


def clean_request(request: Request) -> Request:
    """A request without secrets, without its request id, and from nowhere in particular."""
    parts = urlsplit(clean_text(request.uri))
    query = [(n, v) for n, v in parse_qsl(parts.query, keep_blank_values=True) if n != "requestid"]
    request.uri = urlunsplit(parts._replace(query=urlencode(query)))
    request.headers = {n: v for n, v in request.headers.items() if n.lower() in _KEPT_HEADERS}
    if request.body and parts.path.endswith(_TOKEN_PATHS):
        form = parse_qsl(request.body.decode())
        request.body = urlencode([(n, SCRUBBED if n in _ASKED else v) for n, v in form]).encode()
    return request


def clean_response(response: dict[str, Any]) -> dict[str, Any]:
    """An answer without tokens; of the headers only what our client looks at."""
    text = clean_text(response["body"]["string"].decode())
    # QuickBooks' own 401 quotes the token (recorded).
    text = re.sub(r"(Token \w+: )[^\"]+", rf"\1{SCRUBBED}", text)
    for name in _ANSWERED:
        text = re.sub(rf'("{name}"\s*:\s*)"[^"]*"', rf'\1"{SCRUBBED}"', text)
    kept = ("content-type", "intuit_tid", "retry-after")
    headers = {n: v for n, v in response["headers"].items() if n.lower() in kept}
    return {**response, "headers": headers, "body": {"string": text.encode()}}


def same_json(one: Request, other: Request) -> None:
    """A matcher: the same JSON, whatever the order of its keys; else the same text."""
    assert _read(one.body) == _read(other.body), "the bodies differ"


def _read(body: bytes | str | None) -> Any:
    text = body.decode() if isinstance(body, bytes) else body or ""
    try:
        return simplejson.loads(text, use_decimal=True)
    except ValueError:
        return sorted(parse_qsl(text)) or text


def recorder(record_mode: str) -> vcr.VCR:
    """VCR with everything set that its defaults leave open."""
    machine = vcr.VCR(
        record_mode=record_mode,
        match_on=("method", "path", "query", "same_json"),
        before_record_request=clean_request,
        before_record_response=clean_response,
        decode_compressed_response=True,
    )
    machine.register_matcher("same_json", same_json)
    return machine


# Recording -----------------------------------------------------------------------------------


def _code(server: Server, realm_id: str) -> str:
    """The click on *Connect*, outside the cassettes."""
    stage = Stage(server.url, realm_id)
    url = authorization_url(stage.endpoints, CLIENT_ID, REDIRECT, "state")
    reply = requests.get(f"{url}&approve={realm_id}", allow_redirects=False, timeout=10)
    return parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]


def _prepare(stage: Stage) -> None:
    """What the scenes take for granted, outside the cassettes: settings, items, a method."""
    off = {
        "TaxPrefs": {"UsingSalesTax": False},
        "SalesFormsPrefs": {"AutoApplyCredit": False, "CustomTxnNumbers": True},
    }
    url = f"{stage.url}/_emulator/companies/{stage.realm_id}/preferences"
    requests.post(url, json=off, timeout=10).raise_for_status()


def record(folder: Path) -> None:
    """Record every scene into `folder`, in order, from a company of its own."""
    clock = VirtualClock(float(BEGIN))
    with Server(emulator=Emulator(clock=clock, limits="off", seed=1)) as server:
        [company] = requests.get(f"{server.url}/_emulator/companies", timeout=10).json()
        realm_id = str(company["realm_id"])
        stage = Stage(server.url, realm_id, _code(server, realm_id))
        _prepare(stage)
        for name, scene in SCENES.items():
            if name == "create-estimate":
                _make_items(stage)
            clock.advance(60)
            path = folder / f"{name}.yaml"
            path.unlink(missing_ok=True)
            with recorder("all").use_cassette(str(path)):
                scene(stage)


def _make_items(stage: Stage) -> None:
    accounts = {row["Name"]: row["Id"] for row in stage.company.select("Account")}
    for name, account in (
        ("Cabinets", "Sales of Product Income"),
        ("Sales Tax", "Sales Tax Collected"),
    ):
        income = {"IncomeAccountRef": {"value": accounts[account]}, "Type": "Service"}
        answer = stage.company.write(Call("create", "Item", {"Name": name, **income}, name))
        assert answer.outcome == "posted", answer.reason


if __name__ == "__main__":
    record(FOLDER)
    for made in sorted(FOLDER.glob("*.yaml")):
        print(made.name, len(made.read_text(encoding="utf-8").splitlines()))
