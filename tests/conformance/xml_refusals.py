"""Refusals recorded in XML, each put on by hand in JSON: what the notes say was done is done."""

from __future__ import annotations

from collections.abc import Callable

from .corpus import Exchange, Json
from .refusals import BASE, Played, _customer, _line, _post
from .world import World, pays

# Not put on, and why.
OUTSIDE = {
    "qbo-api-a2a4ea6bee": "OAuth 1, which Intuit gave up in 2019",
    "oauth-jsclient-ce12fa9e9d":
        "what QuickBooks answers in XML when no Accept header is sent; only JSON is spoken",
    "quickbooks-ruby-809c7ee30e": "a defect of 2015; what was sent is not told",
}  # fmt: skip


def _empty_batch(exchange: Exchange) -> Played:
    world = World(exchange)
    return world, world.call("POST", f"{BASE}/batch", {"BatchItemRequest": []}), exchange.body, True


def _no_realm(exchange: Exchange) -> Played:
    """The host in the text is Intuit's own, the emulator's its own."""
    world = World(exchange)
    reply = world.call("POST", exchange.path, {"DisplayName": "A"}, exchange.query)
    error = exchange.body["Fault"]["Error"][0]
    before, _, full = error["Detail"].partition("https://")
    _, _, tail = full.partition("/v3/company/customer")
    ours = "https://internal.qbo.example/v3/company/customer"
    told = {**error, "Detail": f"{before}{ours}{tail}"}
    return (
        world,
        reply,
        {**exchange.body, "Fault": {**exchange.body["Fault"], "Error": [told]}},
        True,
    )


def _long_name(exchange: Exchange) -> Played:
    """A company name one longer than allowed; the length allowed has been raised since 2015."""
    world = World(exchange)
    played = _post(exchange, world, "customer", {"DisplayName": "A", "CompanyName": "x" * 101})
    error = exchange.body["Fault"]["Error"][0]
    detail = error["Detail"].replace("Max:50", "Max:100").replace("length:51", "length:101")
    fault = {**exchange.body["Fault"], "Error": [{**error, "Detail": detail}]}
    return world, played[1], {**exchange.body, "Fault": fault}, True


def _taken(exchange: Exchange) -> Played:
    """Another customer has the name; an update names ours by its id."""
    world = World(exchange)
    body: Json = {"DisplayName": "Spec test 2"}
    world.send("Customer", body)
    if exchange.operation.startswith("update"):
        ours = world.send("Customer", {"DisplayName": "Spec test"})
        body.update(Id=ours["Id"], SyncToken=ours["SyncToken"])
    return _post(exchange, world, "customer", body)


def _before_stock(exchange: Exchange) -> Played:
    world = World(exchange)
    known = {"Id": "906", "Name": "Box", "Type": "Inventory", "TrackQtyOnHand": True}
    item = world.item({**known, "QtyOnHand": 5, "InvStartDate": "2019-07-01"})
    line = _line(world)
    body: Json = {"CustomerRef": _customer(world), "Line": [line], "TxnDate": "2019-06-20"}
    if exchange.operation.startswith("update"):
        made = world.send("Invoice", body)
        body.update(Id=made["Id"], SyncToken=made["SyncToken"])
    line["SalesItemLineDetail"]["ItemRef"] = {"value": item["Id"]}
    return _post(exchange, world, "invoice", body)


def _unknown_item(exchange: Exchange) -> Played:
    world = World(exchange)
    line = _line(world)
    line["SalesItemLineDetail"]["ItemRef"] = {"value": "4711"}
    return _post(exchange, world, "invoice", {"CustomerRef": _customer(world), "Line": [line]})


def _no_detail(exchange: Exchange) -> Played:
    world = World(exchange)
    line = {k: v for k, v in _line(world).items() if k != "SalesItemLineDetail"}
    return _post(exchange, world, "invoice", {"CustomerRef": _customer(world), "Line": [line]})


def _second_question_mark(exchange: Exchange) -> Played:
    world = World(exchange)
    return _post(exchange, world, "item", {"Name": "A"}, **exchange.query)


def _unknown_invoice(exchange: Exchange) -> Played:
    world = World(exchange)
    body = {"CustomerRef": _customer(world), "TotalAmt": 5, "Line": [pays("4711", 5)]}
    return _post(exchange, world, "payment", body)


SCENES: dict[str, Callable[[Exchange], Played]] = {
    "quickbooks-v3-php-sdk-2adec428bd": _empty_batch,
    "sampleapp-crud-php-a1d3fb9b0b": _no_realm,
    "quickbooks-php-67e42bb0f6": _long_name,
    "quickbooks-integration-2c7d795f18": _taken,
    "quickbooks-integration-6be50b7319": _taken,
    "quickbooks-integration-b674d95a3f": _taken,
    "quickbooks-integration-71b96ea5c4": _before_stock,
    "quickbooks-integration-cfcaaf3ab0": _before_stock,
    "quickbooks-v3-php-sdk-ad373764c3": _unknown_item,
    "quickbooks-ruby-ff242c1cc0": _no_detail,
    "quickbooks-ruby-90e4c2987f": _second_question_mark,
    "ucrm-plugins-59a723e885": _unknown_invoice,
}
