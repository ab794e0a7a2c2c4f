"""The sign-in page and the discovery document."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from .http import Request, Response, html_response, redirect
from .jsons import Json
from .pages_html import document, tag

if TYPE_CHECKING:
    from .oauth import OAuth, Owner

SCOPE = "com.intuit.quickbooks.accounting"


def page(realms: list[tuple[str, str, str]], asked: dict[str, str]) -> str:
    """The company picker: which company, and whether at all."""
    hidden = [tag("input", type="hidden", name=name, value=value) for name, value in asked.items()]
    picks = [
        tag(
            "label",
            tag("input", type="radio", name="approve", value=realm, required=True, checked=at == 0),
            f" {name} ({environment}, {realm})",
            class_="pick",
        )
        for at, (realm, name, environment) in enumerate(realms)
    ]
    connect = tag("form", hidden, picks, tag("button", "Connect", class_="main"), method="get")
    cancel = tag(
        "form", hidden, tag("button", "Cancel", name="approve", value="deny"), method="get"
    )
    return document(
        "Connect to QuickBooks",
        tag("small", "This is the QuickBooks emulator, not Intuit."),
        [
            tag(
                "p",
                "The app ",
                tag("strong", asked["client_id"]),
                " asks to read and write your books. Choose the company:",
            ),
            connect,
            cancel,
        ],
    )


def discovery(base: str, limits: str) -> Json:
    """The discovery document, every address the emulator's own."""
    return {
        "issuer": f"{base}/op/v1",
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base}/op/v1/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
        "qbosync_limits": limits,
        "qbosync_api": base,
    }


def authorize(oauth: OAuth, owner: Owner, request: Request) -> Response:
    """The sign-in page, or at once its outcome when `approve` is given."""
    asked = request.query
    back, state = asked.get("redirect_uri", ""), asked.get("state", "")
    for name in ("client_id", "redirect_uri", "state"):
        if not asked.get(name):
            return html_response(f"<h1>{name} is missing</h1>", 400)
    if asked.get("response_type") != "code":
        return _back(back, error="unsupported_response_type", state=state)
    if SCOPE not in asked.get("scope", "").split():
        return _back(back, error="invalid_scope", state=state)
    choice, realms = asked.get("approve"), owner.realms(asked["client_id"])
    if choice is None:
        return html_response(page(realms, asked))
    if choice == "deny":
        return _back(back, error="access_denied", state=state)
    if choice not in [realm for realm, _, _ in realms]:
        return html_response("<h1>There is no such company</h1>", 400)
    code = owner.token("AB11", 46)
    oauth.codes[code] = {
        "client": asked["client_id"],
        "redirect": back,
        "realm": choice,
        "until": int(owner.now()) + 600,
    }
    oauth.moved = True
    return _back(back, code=code, state=state, realmId=choice)


def _back(to: str, **values: str) -> Response:
    return redirect(f"{to}{'&' if '?' in to else '?'}{urlencode(values)}")
