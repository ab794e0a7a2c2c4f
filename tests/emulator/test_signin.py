"""Sign-in, tokens and who may read which company."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from qbosync.emulator import Emulator, Server, VirtualClock

from .conftest import BACK, REALM, Books, code_for, read, tokens

ASKED = {
    "client_id": "client",
    "response_type": "code",
    "scope": "com.intuit.quickbooks.accounting",
    "redirect_uri": BACK,
    "state": "s1",
}


def token(url: str, form: dict[str, Any], secret: str = "secret", **headers: str) -> Any:
    address = f"{url}/oauth2/v1/tokens/bearer"
    return requests.post(address, auth=("client", secret), data=form, headers=headers, timeout=10)


def refresh(url: str, value: str, **headers: str) -> Any:
    return token(url, {"grant_type": "refresh_token", "refresh_token": value}, **headers)


@pytest.fixture
def still() -> Any:
    with Server(emulator=Emulator(clock=VirtualClock(), seed=1)) as server:
        yield server


def test_the_discovery_document_names_only_its_own_addresses(server: Server) -> None:
    found = requests.get(f"{server.url}/.well-known/openid_configuration", timeout=10).json()
    assert found["token_endpoint"] == f"{server.url}/oauth2/v1/tokens/bearer"
    assert found["qbosync_limits"] == "off"
    assert found["qbosync_api"] == server.url
    assert all(
        v.startswith(server.url) for v in found.values() if isinstance(v, str) and "://" in v
    )


def test_the_page_lets_a_person_choose_a_company_or_cancel(server: Server) -> None:
    for path in ("connect/oauth2", "oauth2/authorize", "app/oauth2/authorize"):
        page = requests.get(f"{server.url}/{path}", params=ASKED, timeout=10)
        assert page.status_code == 200
        assert "Sandbox Cabinet Shop" in page.text
        assert f'value="{REALM}"' in page.text
        assert "Cancel" in page.text


def test_the_page_escapes_what_it_was_given(server: Server) -> None:
    asked = {**ASKED, "client_id": "<script>alert(1)</script>"}
    page = requests.get(f"{server.url}/connect/oauth2", params=asked, timeout=10)
    assert "<script>" not in page.text


def test_approval_comes_back_with_code_state_and_realm(server: Server) -> None:
    reply = requests.get(
        f"{server.url}/connect/oauth2",
        params={**ASKED, "approve": REALM},
        allow_redirects=False,
        timeout=10,
    )
    back = urlsplit(reply.headers["Location"])
    values = parse_qs(back.query)
    assert (back.netloc, back.path) == ("localhost:1", "/callback")
    assert values["state"] == ["s1"]
    assert values["realmId"] == [REALM]


@pytest.mark.parametrize(
    ("change", "error"),
    [({"approve": "deny"}, "access_denied"), ({"scope": "openid"}, "invalid_scope")],
)
def test_a_refusal_comes_back_as_an_error(
    server: Server, change: dict[str, str], error: str
) -> None:
    reply = requests.get(
        f"{server.url}/connect/oauth2",
        params={**ASKED, **change},
        allow_redirects=False,
        timeout=10,
    )
    values = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert values == {"error": [error], "state": ["s1"]}


def test_a_token_reply_has_the_recorded_fields(server: Server) -> None:
    """Recorded 2019: 3600 and 8726400; the hard expiry only when asked for."""
    found = tokens(server.url)
    assert found["token_type"] == "bearer"
    assert found["expires_in"] == 3600
    assert found["x_refresh_token_expires_in"] == 8726400
    assert "x_refresh_token_hard_expires_in" not in found
    asked = {"x-include-refresh-token-hard-expires-in": "true"}
    more = refresh(server.url, found["refresh_token"], **asked)
    assert more.json()["x_refresh_token_hard_expires_in"] > 157_000_000


def test_a_code_serves_once(server: Server) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": code_for(server.url),
        "redirect_uri": BACK,
    }
    assert token(server.url, form).status_code == 200
    again = token(server.url, form)
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_redirect(server: Server) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": code_for(server.url),
        "redirect_uri": "http://localhost/else",
    }
    assert token(server.url, form).json()["error"] == "invalid_grant"


def test_a_client_keeps_the_secret_it_came_with(server: Server) -> None:
    """Recorded 2020: 401 invalid_client with a Basic challenge."""
    found = tokens(server.url)
    form = {"grant_type": "refresh_token", "refresh_token": found["refresh_token"]}
    wrong = token(server.url, form, secret="other")
    assert wrong.status_code == 401
    assert wrong.json() == {"error": "invalid_client"}
    assert wrong.headers["WWW-Authenticate"] == 'Basic realm="Intuit"'


def test_unknown_grants_are_named(server: Server) -> None:
    assert token(server.url, {"grant_type": "password"}).json() == {
        "error": "unsupported_grant_type"
    }
    assert token(server.url, {}).json() == {"error": "invalid_request"}
    assert refresh(server.url, "nonsense").json() == {
        "error": "invalid_grant",
        "error_description": "Incorrect or invalid refresh token",
    }


def test_a_refresh_token_changes_its_value_after_a_day(still: Server) -> None:
    first = tokens(still.url)["refresh_token"]
    assert refresh(still.url, first).json()["refresh_token"] == first
    still.emulator.clock.advance(86_401)
    second = refresh(still.url, first).json()["refresh_token"]
    assert second != first
    assert refresh(still.url, first).status_code == 400
    assert refresh(still.url, second).status_code == 200


def test_a_race_may_kill_both_values() -> None:
    emulator = Emulator(clock=VirtualClock(), assume={"refresh-race": "both-die"})
    with Server(emulator=emulator) as server:
        first = tokens(server.url)["refresh_token"]
        emulator.clock.advance(86_401)
        second = refresh(server.url, first).json()["refresh_token"]
        assert refresh(server.url, first).status_code == 400
        assert refresh(server.url, second).status_code == 400


def test_a_refresh_token_dies_unused(still: Server) -> None:
    value = tokens(still.url)["refresh_token"]
    still.emulator.clock.advance(102 * 86_400)
    assert refresh(still.url, value).json()["error"] == "invalid_grant"


def test_a_refresh_token_dies_after_five_years_however_often_it_is_used(still: Server) -> None:
    value = tokens(still.url)["refresh_token"]
    for _ in range(18):
        still.emulator.clock.advance(100 * 86_400)
        value = refresh(still.url, value).json()["refresh_token"]
    still.emulator.clock.advance(26 * 86_400)
    assert refresh(still.url, value).json()["error"] == "invalid_grant"


def test_an_expired_token_is_refused_by_the_gateway(frozen: Books) -> None:
    """Recorded 2020: lower-case keys, milliseconds, and the detail quotes the token."""
    assert frozen.ask("GET", "preferences").status_code == 200
    frozen.control("POST", "clock", {"advance_s": 3601})
    reply = frozen.ask("GET", "preferences")
    assert reply.status_code == 401
    body = read(reply)
    assert body["fault"]["error"][0]["code"] == "3200"
    assert body["fault"]["error"][0]["detail"].startswith("Token expired: eyJ")
    assert isinstance(body["time"], int)
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="Intuit", error="invalid_token"'


def test_a_token_opens_only_its_company(books: Books) -> None:
    other = books.control("POST", "companies", {"name": "Second Shop", "environment": "production"})
    reply = books.session.get(f"{books.url}/v3/company/{other['realm_id']}/preferences", timeout=10)
    assert reply.status_code == 403
    assert read(reply)["fault"]["error"][0]["code"] == "3100"
    mine = Books(books.url, other["realm_id"])
    assert mine.query("select * from CompanyInfo")["CompanyInfo"][0]["CompanyName"] == "Second Shop"


def test_without_a_token_nothing_is_told(books: Books) -> None:
    reply = requests.get(f"{books.base}/preferences", timeout=10)
    assert reply.status_code == 401
    reply = requests.get(
        f"{books.base}/preferences", headers={"Authorization": "Bearer nonsense"}, timeout=10
    )
    assert reply.status_code == 401


def test_revoking_ends_both_tokens_and_nobody_elses(server: Server) -> None:
    mine, theirs = tokens(server.url), tokens(server.url, client="other")
    address = f"{server.url}/v2/oauth2/tokens/revoke"
    reply = requests.post(
        address, auth=("client", "secret"), json={"token": mine["refresh_token"]}, timeout=10
    )
    assert (reply.status_code, reply.content) == (200, b"")
    assert refresh(server.url, mine["refresh_token"]).status_code == 400
    path = f"{server.url}/v3/company/{REALM}/preferences"
    for found, status in ((mine, 401), (theirs, 200)):
        headers = {"Authorization": f"Bearer {found['access_token']}"}
        assert requests.get(path, headers=headers, timeout=10).status_code == status
    again = requests.post(
        address, auth=("client", "secret"), json={"token": mine["refresh_token"]}, timeout=10
    )
    assert (again.status_code, again.content) == (400, b"")
