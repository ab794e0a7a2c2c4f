"""What was in QuickBooks before us: matched, shown, and taken over once a person agrees.

Nothing is sent: adopting enters in the ledger which document is whose, with the source's
facts of today, so that history is not rewritten.  What is doubtful is left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from qbosync.errors import SetupError
from qbosync.key import Action, Entity, Key
from qbosync.mapping.context import Candidate
from qbosync.match import Match, Matcher, words
from qbosync.model import Snapshot
from qbosync.operation import Body, Draft, Operation
from qbosync.outcome import Progress
from qbosync.planner import make_plan
from qbosync.qbo.client import Company
from qbosync.shop import Shop

_NUMBERED = (Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO)
_ALL = "Active IN (true, false)"


@dataclass(frozen=True)
class Adoption:
    """What fits what; `left` counts by entity what of the source nothing in QuickBooks fits."""

    matches: tuple[Match, ...]
    left: Mapping[str, int]

    @property
    def certain(self) -> tuple[Match, ...]:
        return tuple(match for match in self.matches if match.is_certain)

    @property
    def doubtful(self) -> tuple[Match, ...]:
        return tuple(match for match in self.matches if not match.is_certain)


def find(shop: Shop, progress: Progress) -> Adoption:
    """Match everything that a sync would create with what QuickBooks holds; writes nothing.

    Raises:
        SetupError: If a write is still open: what became of it is settled first.
    """
    if shop.ledger.open_intents():
        raise SetupError(
            "A write of an earlier run is not settled yet.",
            "Run `qbosync sync`, and adopt once it has settled.",
        )
    progress(f"Reading {shop.source.name}", 0, 0)
    snapshot = shop.source.read()
    # What people had entered is what is matched here: it holds nothing back.
    memory = replace(shop.ledger.memory({}, shop.clock.now()), strangers=())
    plan = make_plan(snapshot, memory, shop.policy, shop.today)
    drafts = [op.draft for op in plan.operations if op.action is Action.CREATE]
    drafts = [draft for draft in drafts if draft.key.entity is not Entity.PAYMENT_METHOD]
    known = {key: entry.qbo_id for key, entry in memory.entries.items() if entry.is_live}
    progress("Reading what QuickBooks holds", 0, 0)
    taken = {(str(key.entity), qbo_id) for key, qbo_id in known.items()}
    found = _candidates(shop.company, drafts, snapshot, taken, shop.policy.order_prefix)
    matches = Matcher(found, shop.policy.order_prefix, known).match(drafts)
    fitted = {match.draft.key for match in matches}
    left: dict[str, int] = defaultdict(int)
    for draft in drafts:
        left[draft.key.entity.value] += draft.key not in fitted
    return Adoption(matches, dict(left))


def carry_out(shop: Shop, adoption: Adoption) -> None:
    """Enter what is certain in the ledger, all of it or nothing."""
    pairs = [
        (Operation(Action.ADOPT, match.draft, "there before us", found=match.object), match.object)
        for match in adoption.certain
    ]
    shop.ledger.take_over(pairs, shop.clock.now())


def _candidates(
    company: Company,
    drafts: Collection[Draft],
    snapshot: Snapshot,
    taken: Collection[tuple[str, str]],
    prefix: str,
) -> dict[Key, tuple[Candidate, ...]]:
    """For each draft what may be it; every kind is listed once, and only what fits is kept."""
    by_entity: dict[Entity, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_entity[draft.key.entity].append(draft)
    found: dict[Key, list[Candidate]] = defaultdict(list)

    def offer(entity: Entity, labels: Callable[[Body], Iterable[str]],
              wants: Callable[[Draft], Iterable[str]], where: str = "") -> None:  # fmt: skip
        wanted: dict[str, list[Key]] = defaultdict(list)
        for draft in by_entity[entity]:
            for label in set(wants(draft)):
                wanted[label].append(draft.key)
        if not wanted:
            return
        for body in company.select(entity.value, where):
            if (entity.value, str(body["Id"])) in taken:
                continue
            keys = dict.fromkeys(key for label in labels(body) for key in wanted.get(label, ()))
            for key in keys:
                found[key].append(Candidate(entity.value, body))

    offer(Entity.CUSTOMER, _customer_labels, lambda d: _customer_wants(d, snapshot), _ALL)
    offer(Entity.ITEM, lambda b: [str(b.get("Name", "")).casefold()],
          lambda d: [d.name.rpartition(":")[2].casefold()], _ALL)  # fmt: skip
    for entity in _NUMBERED:
        offer(entity, lambda b: [str(b.get("DocNumber", ""))],
              lambda d: [d.number, d.number.removeprefix(prefix)])  # fmt: skip
    offer(Entity.PAYMENT, lambda b: [f"{Decimal(str(b.get('TotalAmt', 0))):.2f}"],
          lambda d: [f"{d.body['TotalAmt']:.2f}"])  # fmt: skip
    return {key: tuple(candidates) for key, candidates in found.items()}


def _customer_labels(body: Body) -> Iterator[str]:
    yield " ".join(sorted(words(str(body.get("DisplayName", "")))))
    if email := str(body.get("PrimaryEmailAddr", {}).get("Address", "")):
        yield email.casefold()


def _customer_wants(draft: Draft, snapshot: Snapshot) -> Iterator[str]:
    name = words(draft.name)
    yield " ".join(sorted(name))
    yield " ".join(sorted([*name, *words(draft.key.id)]))
    customer = snapshot.customers.get(draft.key.id)
    if customer and customer.email.strip():
        yield customer.email.strip().casefold()
