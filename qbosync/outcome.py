"""What a run did, and where everything else stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from qbosync.errors import QbosyncError
from qbosync.key import Action, Entity
from qbosync.model import ZERO, Problem, Snapshot, show
from qbosync.operation import Body, Entry, Operation, given
from qbosync.plan import Plan


@dataclass(frozen=True, slots=True)
class Written:
    """One thing that was sent and proven."""

    operation: Operation
    entry: Entry


@dataclass
class Outcome:
    """What a run did, and where everything else stands."""

    run_id: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    plan: Plan = field(default_factory=Plan)
    written: list[Written] = field(default_factory=list)
    adopted: list[Written] = field(default_factory=list)
    held: dict[str, Problem] = field(default_factory=dict)
    by_hand: dict[str, Problem] = field(default_factory=dict)
    edited: list[dict[str, object]] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    snapshot: Snapshot = field(default_factory=Snapshot)
    names: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    error: QbosyncError | None = None
    settings_are_right: bool | None = None
    signal: int = 0
    requests: int = 0
    reads: int = 0

    @property
    def exit_code(self) -> int:
        """The remedy, as a number: see `CONTRACT` of the command line (``qbosync --help``)."""
        if self.signal:
            return 128 + self.signal
        if self.error is not None:
            return self.error.exit_code
        if any(p.reason != "unknown_outcome" for p in self.held.values()):
            return 3
        if self.by_hand:
            return 3
        return 5 if self.held else 0


BY_HAND = "to_apply_by_hand"
"""The reason by which the list *To apply by hand* is told from what is held."""


def by_hand(operation: Operation, payment: Body, names: Mapping[str, str], why: str) -> Problem:
    """What a person has to do in QuickBooks with a payment that the API may not change.

    The payment itself counts as synced; only its link to the invoice is open.
    """
    draft = operation.draft
    before = operation.entry.gives if operation.entry else {}
    after = given(draft.facts)
    parts = [
        f"apply {show(after[to] - before.get(to, ZERO))} to {to.replace(':', ' ')}"
        for to in sorted(operation.takes)
    ] + [
        f"take {show(before[to] - after.get(to, ZERO))} off {to.replace(':', ' ')}"
        for to in sorted(operation.gives)
    ]
    reference = payment.get("PaymentRefNum")
    told = f"Payment {draft.key.id} of {payment.get('TxnDate')}, {names.get(draft.customer, '')}"
    if reference:
        told += f", reference {reference}"
    ticks = " and ".join(
        word for word, is_so in (("tick", operation.takes), ("untick", operation.gives)) if is_so
    )
    return Problem(
        draft.key.source,
        BY_HAND,
        f"{told}: {why}, so by hand: {', '.join(parts)}.",
        f"Open payment {payment['Id']} in QuickBooks, {ticks} the invoice, Save. The bank deposit"
        " does not change. It clears itself.",
        draft.amount,
    )


_PAGES = {
    Entity.ESTIMATE: "estimate",
    Entity.INVOICE: "invoice",
    Entity.CREDIT_MEMO: "creditmemo",
    Entity.PAYMENT: "recvpayment",
}
"""QuickBooks' own pages (assumed: seen in other integrations)."""


def link(environment: str, entity: Entity, qbo_id: str) -> str:
    """The document's page in QuickBooks, blank for what has none and for the emulator."""
    if entity not in _PAGES or environment == "emulator":
        return ""
    host = "app" if environment == "production" else "sandbox"
    return f"https://{host}.qbo.intuit.com/app/{_PAGES[entity]}?txnId={qbo_id}"


def by_month(operations: Iterable[Operation]) -> list[str]:
    """Documents to be created, counted and summed by month and entity, oldest first."""
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for operation in operations:
        draft, dated = operation.draft, str(operation.draft.body.get("TxnDate", ""))
        if operation.action is Action.CREATE and draft.amount is not None and dated:
            is_spending = draft.key.kind == "credit_application"
            sums[dated[:7], draft.key.entity.value].append(ZERO if is_spending else draft.amount)
    return [
        f"{month} {entity}: {len(amounts)}, {show(sum(amounts, ZERO))}"
        for (month, entity), amounts in sorted(sums.items())
    ]


Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""
