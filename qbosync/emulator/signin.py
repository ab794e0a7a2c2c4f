"""The sign-in page and the discovery document."""

from __future__ import annotations

from html import escape

from .jsons import Json


def page(realms: list[tuple[str, str, str]], asked: dict[str, str]) -> str:
    """The company picker."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    buttons = "".join(
        f'<p><button name="approve" value="{escape(realm)}">{escape(name)}</button>'
        f" {escape(environment)}, {escape(realm)}</p>"
        for realm, name, environment in realms
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Connect to QuickBooks</title>"
        "<style>body{font:16px sans-serif;max-width:34em;margin:3em auto}"
        "button{font:inherit;padding:.5em 1em}</style>"
        "<h1>Connect to QuickBooks</h1>"
        f"<p>The app <b>{escape(asked['client_id'])}</b> asks to read and write your books."
        " Choose the company:</p>"
        f"<form method=get>{hidden}{buttons}"
        '<p><button name="approve" value="deny">Cancel</button></p></form>'
        "<p><small>This is the QuickBooks emulator, not Intuit.</small></p></html>"
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
