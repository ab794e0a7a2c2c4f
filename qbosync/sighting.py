"""When each order was first seen charged, by which rule, and under which status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from qbosync.mapping.context import BEFORE_US, Memory, Sighting
from qbosync.mapping.policy import Policy
from qbosync.model import Snapshot


def look_at(
    snapshot: Snapshot, memory: Memory, policy: Policy, today: date
) -> tuple[Mapping[str, Sighting], Mapping[str, Sighting]]:
    """All sightings as planning needs them, and those that are news to the ledger."""
    sightings = dict(memory.sightings)
    news: dict[str, Sighting] = {}
    for order in snapshot.orders.values():
        before = sightings.get(order.id)
        if before and before.charged_on:
            continue
        customer = snapshot.customers.get(order.customer_id)
        charged_on = today if policy.is_charged(order, customer, today) else None
        if charged_on and before is None and memory.is_first:
            charged_on = BEFORE_US
        now = Sighting(policy.charge_status_of(customer), charged_on, order.status)
        if now != before:
            news[order.id] = now
        if before is None:
            sightings[order.id] = now
    return sightings, news
