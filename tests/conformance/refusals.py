"""Refusals and sign-ins whose request the recordings tell only in words: each put on by hand.

A scene does what the recording's notes say was done and sends it; what comes back is compared
like everything else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from qbosync.emulator import Request, Response

from .corpus import Exchange, Json
from .world import REALM, World, parsed

Played = tuple[World, Response, Any, bool]
BASE = f"/v3/company/{REALM}"
# Not put on, and why.
OUTSIDE = {
    "unnamed-0b621789c5": "a company in French; only US companies are emulated",
    "quickbooks-online-mcp-se-29857edb0c": "a UK company with VAT; only US companies are emulated",
    "quickbooks-v3-dotnet-sdk-85c89d1ed6": "a defect of one company's data (a broken address)",
    "quickbooks-28da9eca64": "the request was not recorded",
}


def _line(world: World, **more: Any) -> Json:
    item = world.ref("ItemRef", {"value": "1", "name": "Services"})
    detail = {"ItemRef": item, "TaxCodeRef": {"value": "NON"}}
    return {
        "Amount": 10,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
        **more,
    }


def _customer(world: World) -> Json:
    return world.ref("CustomerRef", {"value": "1", "name": "Amy's Bird Sanctuary"})


def _post(exchange: Exchange, world: World, entity: str, body: Json, **query: str) -> Played:
    reply = world.call("POST", f"{BASE}/{entity}", body, query)
    return world, reply, exchange.body, True


def _bad_property(exchange: Exchange) -> Played:
    return _post(exchange, World(exchange), exchange.entity.lower(), {"BadJson": True})


def _bad_nested_property(exchange: Exchange) -> Played:
    world = World(exchange)
    line = _line(world)
    line["SalesItemLineDetail"]["Amount"] = line["Amount"]
    return _post(exchange, world, "invoice", {"CustomerRef": _customer(world), "Line": [line]})


def _no_lines(exchange: Exchange) -> Played:
    world = World(exchange)
    return _post(exchange, world, "invoice", {"CustomerRef": _customer(world)})


def _category(exchange: Exchange) -> Played:
    world = World(exchange)
    item = world.send("Item", {"Name": "Kitchens", "Type": "Category"})
    line = _line(world)
    line["SalesItemLineDetail"]["ItemRef"] = {"value": item["Id"]}
    return _post(exchange, world, "invoice", {"CustomerRef": _customer(world), "Line": [line]})


def _taken_number(exchange: Exchange) -> Played:
    world = World(exchange)
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": True})
    number = exchange.sent["DocNumber"]
    body = {"CustomerRef": _customer(world), "Line": [_line(world)], "DocNumber": number}
    first = world.send("Invoice", body)
    played = _post(exchange, world, "invoice", body)
    fault = exchange.body["Fault"]
    error = fault["Error"][0]
    told = error["Detail"].rsplit("=", 1)[1]
    detail = error["Detail"].removesuffix(told) + first["Id"]
    wanted = {**exchange.body, "Fault": {**fault, "Error": [{**error, "Detail": detail}]}}
    return world, played[1], wanted, True


def _stale(exchange: Exchange) -> Played:
    """Another program (`API API`) was faster; the recording names a person in its place."""
    world = World(exchange)
    body = {"CustomerRef": _customer(world), "Line": [_line(world)]}
    first = world.send("Invoice", body)
    named = {"Id": first["Id"], "SyncToken": first["SyncToken"], "sparse": True}
    world.send("Invoice", {**named, "PrivateNote": "faster"})
    played = _post(exchange, world, "invoice", {**named, "PrivateNote": "slower"})
    text = str(exchange.body["Fault"]["Error"][0]["Detail"]).replace("Sandbox User", "API API")
    error = {**exchange.body["Fault"]["Error"][0], "Detail": text}
    return world, played[1], {"Fault": {**exchange.body["Fault"], "Error": [error]}}, True


def _strange_link(exchange: Exchange) -> Played:
    world = World(exchange)
    link = [{"TxnId": "4711", "TxnType": "ReimburseCharge"}]
    body = {
        "CustomerRef": _customer(world),
        "Line": [_line(world, LinkedTxn=link)],
        "LinkedTxn": link,
    }
    return _post(exchange, world, "invoice", body)


def _inventory(exchange: Exchange) -> Played:
    world = World(exchange)
    body = {"Name": "Box", "Type": "Inventory", "TrackQtyOnHand": False}
    return _post(exchange, world, "item", body)


def _deposit(exchange: Exchange) -> Played:
    world = World(exchange)
    account = world.ref("AccountRef", {"value": "1", "name": "Services"})
    line = {
        "Amount": 10,
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": account},
    }
    return _post(exchange, world, "deposit", {"Line": [line]})


def _preferences(exchange: Exchange) -> Played:
    world = World(exchange)
    body = {"Id": "1", "SyncToken": "0", "SalesFormsPrefs": {"NoSuchSwitch": True}}
    return _post(exchange, world, "preferences", body)


def _deletes(exchange: Exchange) -> Played:
    """Two deletes in a batch, the first of something gone."""
    world = World(exchange)
    account = world.ref("AccountRef", {"value": "1", "name": "Services"})
    made = []
    for _ in range(2):
        lines = [
            {
                "Amount": 5,
                "DetailType": "JournalEntryLineDetail",
                "JournalEntryLineDetail": {"PostingType": side, "AccountRef": account},
            }
            for side in ("Debit", "Credit")
        ]
        made.append(world.send("JournalEntry", {"Line": lines}))
    world.send("JournalEntry", {"Id": made[0]["Id"], "SyncToken": "0"}, operation="delete")
    items = [
        {**one, "JournalEntry": {"Id": ours["Id"], "SyncToken": "0"}}
        for one, ours in zip(exchange.sent["BatchItemRequest"], made, strict=True)
    ]
    world.ids["JournalEntry", exchange.sent["BatchItemRequest"][1]["JournalEntry"]["Id"]] = made[1][
        "Id"
    ]
    reply = world.call("POST", f"{BASE}/batch", {"BatchItemRequest": items})
    return world, reply, exchange.body, False


def _long_request_id(exchange: Exchange) -> Played:
    world = World(exchange)
    bid = "(not stated)"
    told = "8182e07bba"
    item = {"bId": bid, "operation": "create", "Customer": {"DisplayName": "A"}}
    request_id = told.ljust(68 - len(bid), "0")
    reply = world.call(
        "POST", f"{BASE}/batch", {"BatchItemRequest": [item]}, {"requestid": request_id}
    )
    return world, reply, exchange.body, True


def _expired(exchange: Exchange) -> Played:
    """An hour later; the token quoted in the detail is scrubbed in the recording."""
    world = World(exchange)
    world.clock.advance(3601)
    reply = world.call("GET", f"{BASE}/customer/1")
    wanted = dict(exchange.body)
    text = parsed(reply)["fault"]["error"][0]["detail"]
    quoted = "Token expired: " + world.token[:40]
    wanted["fault"] = {
        **wanted["fault"],
        "error": [
            {**wanted["fault"]["error"][0], "detail": quoted if text == quoted else "its token"}
        ],
    }
    wanted["time"] = int(world.clock.now() * 1000)
    return world, reply, wanted, True


def _no_rights(exchange: Exchange) -> Played:
    """A token for another company."""
    world = World(exchange)
    world.emulator.new_company("9341450000000002", "Other", "sandbox")
    reply = world.call("GET", "/v3/company/9341450000000002/customer/1")
    return world, reply, {**exchange.body, "time": int(world.clock.now() * 1000)}, True


def _no_realm(exchange: Exchange) -> Played:
    world = World(exchange)
    return world, world.call("GET", "/v3/company/query"), exchange.body, True


def _revoke_with_bearer(exchange: Exchange) -> Played:
    world = World(exchange)
    return world, world.call("POST", exchange.path, {"token": "x"}), exchange.body, True


def _revoke_unknown(exchange: Exchange) -> Played:
    return _oauth(exchange, b'{"token": "unknown"}')


def _revoke_too_often(exchange: Exchange) -> Played:
    """Ten times in a row, whatever the limits of the accounting API."""
    world = World(exchange)
    world.emulator.limits.mode = "real"
    reply = Response()
    for _ in range(60):
        reply = world.emulator.handle(_basic(exchange.path, b'{"token": "unknown"}', "s"))
    return world, reply, exchange.body, True


def _wrong_client(exchange: Exchange) -> Played:
    form = "&".join(f"{k}={v}" for k, v in exchange.sent.items())
    world = World(exchange)
    reply = world.emulator.handle(_basic(exchange.path, form.encode(), "wrong secret"))
    return world, reply, exchange.body, True


def _oauth(exchange: Exchange, body: bytes) -> Played:
    world = World(exchange)
    return world, world.emulator.handle(_basic(exchange.path, body, "s")), exchange.body, True


def _removed_user(exchange: Exchange) -> Played:
    """The person who connected was removed from the company."""
    world = World(exchange)
    world.emulator.oauth.remove_user(REALM)
    token = world.emulator.oauth.grants[0].refresh
    form = f"grant_type=refresh_token&refresh_token={token}".encode()
    return world, world.emulator.handle(_basic(exchange.path, form, "s")), exchange.body, True


def _basic(path: str, body: bytes, secret: str) -> Request:
    word = base64.b64encode(f"measured:{secret}".encode()).decode()
    return Request("POST", path, {}, {"authorization": f"Basic {word}"}, body)


SCENES: dict[str, Callable[[Exchange], Played]] = {
    "qbo-api-324889530b": _bad_property,
    "qbo-api-fe14fd9d9e": _bad_property,
    "python-quickbooks-2651202ae7": _bad_nested_property,
    "python-quickbooks-585cd34f9e": _no_lines,
    "quickbooks-php-832833706a": _category,
    "stackoverflow-com-5680b94c86": _taken_number,
    "quickbooks-v3-dotnet-sdk-10d72a3ca6": _stale,
    "quickbooks-v3-php-sdk-1b671bdf0a": _strange_link,
    "quickbooks-v3-dotnet-sdk-ff89dccb02": _inventory,
    "python-quickbooks-d2750408a6": _deposit,
    "quickbooks-v3-dotnet-sdk-feb221d49f": _preferences,
    "fo-qbo-0f00ae069a": _deletes,
    "quickbooks-v3-java-sdk-0fb8b9984b": _long_request_id,
    "qbo-api-030740fd3c": _expired,
    "erpnext-bc4a40b003": _no_rights,
    "oauth-jsclient-43765a6eaf": _no_rights,
    "node-quickbooks-41a900b3a4": _no_realm,
    "ledger-sync-e2a659c0b1": _revoke_with_bearer,
    "quickbooks-v3-php-sdk-eb262e6243": _revoke_too_often,
    "oauth-jsclient-81b66571ab": _revoke_unknown,
    "ledger-sync-5b6811fb33": _wrong_client,
    "fo-qbo-2685702fc1": _removed_user,
}
