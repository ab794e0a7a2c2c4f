"""What happened in QuickBooks beside us: what changed since the last run's read, in one read a
run, and which invoices it made from our estimates itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from qbosync.foreign import copies, marked, refuse_other_instances, refuse_second_writer
from qbosync.key import Entity, Key
from qbosync.mapping.context import Memory
from qbosync.operation import Body, Draft, digest
from qbosync.plan import Plan
from qbosync.qbo.client import Company
from qbosync.rebuilding import knows_since, taken_over_at
from qbosync.shop import Shop

WATCHED = (
    "Customer",
    "Item",
    "Account",
    "Estimate",
    "Invoice",
    "Payment",
    "CreditMemo",
    "Deposit",
    "SalesReceipt",
)
"""What the one read of changes asks for."""
MANY = 900
"""So many of our own writes of an entity leave no room in the one read of changes."""
_OVERLAP = timedelta(minutes=5)
"""Windows overlap: QuickBooks' times are whole seconds and not strictly ordered (recorded)."""
_FURTHEST = timedelta(days=29)


@dataclass(frozen=True)
class Around:
    """What changed, by entity and tombstones included; `stamp` tells one such view from another."""

    since: datetime
    read_at: datetime
    objects: Mapping[str, list[Body]] = field(default_factory=dict)
    stamp: str = ""

    @property
    def tokens(self) -> dict[tuple[str, str], str]:
        """The fresh SyncTokens, by entity and Id."""
        return {
            (entity, str(body["Id"])): str(body["SyncToken"])
            for entity, bodies in self.objects.items()
            for body in bodies
            if "SyncToken" in body
        }

    def others(self, shop: Shop, plan: Plan, memory: Memory, is_rebuilding: bool) -> list[str]:
        """Refuse to go on beside another writer; what people copied in QuickBooks is told.

        Raises:
            SetupError: If another qbosync wrote since the last read.
        """
        ledger, instance = shop.ledger, shop.policy.instance
        bearing = list(marked(self.objects))
        refuse_other_instances(bearing, instance, taken_over_at(ledger))
        if not is_rebuilding:
            since = knows_since(ledger, self.since)
            refuse_second_writer(plan.operations, since, ledger.sent())
        return copies(bearing, memory.entries, instance)


def look_around(shop: Shop) -> Around | None:
    """Read what changed; `None` on a ledger that no run has read for yet."""
    since = shop.ledger.last_read()
    if since is None:
        return None
    # QuickBooks tells 30 days back; what changed before is seen when it is next written.
    since = max(since - _OVERLAP, shop.clock.now() - _FURTHEST)
    written = shop.ledger.written_since(since)
    busy = [entity for entity in WATCHED if written.get(entity, 0) >= MANY]
    changes = shop.company.changes(WATCHED, since, busy)
    stamps = [
        [entity, str(body.get("Id")), str(body.get("MetaData", {}).get("LastUpdatedTime"))]
        for entity, bodies in changes.objects.items()
        for body in bodies
    ]
    return Around(since, changes.read_at, changes.objects, digest(sorted(stamps)))


def converted(company: Company, drafts: Iterable[Draft], memory: Memory) -> dict[Key, Body]:
    """The invoices that QuickBooks made from our estimates itself, by the key of ours."""
    estimates = {}
    for draft in drafts:
        entry = memory.live(Key(Entity.ESTIMATE, draft.key.kind, draft.key.id))
        if entry is not None:
            estimates[entry.qbo_id] = draft.key
    return made_from(company, estimates)


def made_from(company: Company, estimates: Mapping[str, Key]) -> dict[Key, Body]:
    """The invoices that estimates, by Id, were made into; voided ones count for nothing."""
    if not estimates:
        return {}
    links = {
        str(link["TxnId"]): estimates[qbo_id]
        for qbo_id, body in company.read(Entity.ESTIMATE, list(estimates)).items()
        for link in body.get("LinkedTxn", [])
        if link.get("TxnType") == "Invoice"
    }
    made = company.read(Entity.INVOICE, list(links)) if links else {}
    return {links[qbo_id]: body for qbo_id, body in made.items() if body.get("TotalAmt")}
