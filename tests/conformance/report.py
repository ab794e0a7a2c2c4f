"""All exchanges put on, counted and printed: ids and names of fields, never bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from . import differences, scenes
from .compare import APART, DATA, SCREEN
from .corpus import SCOPE, Exchange, in_scope, recorded
from .scenes import Outcome
from .world import SWITCHES

AGREE, DIFFER, SUPERSEDED, OUTSIDE = "agree", "differ", "superseded", "out of scope"


@dataclass(slots=True)
class Verdict:
    """What an exchange counts as, and why."""

    exchange: Exchange
    kind: str
    reasons: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)


def judge(outcome: Outcome, agreeing: frozenset[str]) -> Verdict:
    """Agree, differ, superseded or out of scope."""
    exchange = outcome.exchange
    if outcome.out_of_scope:
        return Verdict(exchange, OUTSIDE, [outcome.out_of_scope])
    if not outcome.differences:
        return Verdict(exchange, AGREE)
    changes = [differences.explained(exchange, one) for one in outcome.differences]
    if all(c is not None and c.newer in agreeing and _newer(c.newer, exchange) for c in changes):
        told = sorted({f"{c.newer}: {c.what}" for c in changes if c is not None})
        return Verdict(exchange, SUPERSEDED, told)
    if reason := differences.DIFFERENCES.get(exchange.id):
        return Verdict(exchange, DIFFER, [reason])
    return Verdict(exchange, DIFFER, [], outcome.differences)


def _newer(newer: str, than: Exchange) -> bool:
    return any(one.id == newer and one.at[:10] > than.at[:10] for one in recorded())


def verdicts(exchanges: Iterable[Exchange]) -> list[Verdict]:
    """Every exchange judged."""
    outcomes = [scenes.play(one) for one in exchanges]
    agreeing = frozenset(
        o.exchange.id for o in outcomes if not o.differences and not o.out_of_scope
    )
    return [judge(outcome, agreeing) for outcome in outcomes]


@cache
def measured() -> tuple[Verdict, ...]:
    """The JSON exchanges, judged once."""
    return tuple(verdicts(in_scope()))


def share(found: Iterable[Verdict]) -> float:
    """Of what counts, how much agrees."""
    kinds = Counter(v.kind for v in found)
    return kinds[AGREE] / max(kinds[AGREE] + kinds[DIFFER], 1)


def lines(found: Iterable[Verdict]) -> Iterator[str]:
    """The table, then what it leaves open."""
    found = list(found)
    yield f"{'entity':<20}{'operation':<22}" + "".join(
        f"{kind:>14}" for kind in (AGREE, DIFFER, SUPERSEDED, OUTSIDE)
    )
    rows: dict[tuple[str, str], Counter[str]] = {}
    for verdict in found:
        key = (verdict.exchange.entity, verdict.exchange.operation)
        rows.setdefault(key, Counter())[verdict.kind] += 1
    total: Counter[str] = Counter()
    order = {name: at for at, name in enumerate(SCOPE)}
    for (entity, operation), counts in sorted(
        rows.items(), key=lambda row: (order.get(row[0][0], 99), row[0][1])
    ):
        total.update(counts)
        yield _row(entity, operation, counts)
    yield _row("all", "", total)
    yield f"agree: {share(found):.1%} of what is neither superseded nor out of scope"
    for kind in (DIFFER, SUPERSEDED, OUTSIDE):
        told = [v for v in found if v.kind == kind]
        if told:
            yield f"\n{kind}:"
        for verdict in told:
            what = verdict.reasons or verdict.unexplained
            yield f"  {verdict.exchange.id} ({verdict.exchange.operation}): {'; '.join(what)}"


def notes(found: Iterable[Verdict]) -> Iterator[str]:
    """What holds for all tables: what no recording tells, and what is not compared."""
    told = {v.exchange.entity for v in found}
    if absent := [name for name in SCOPE if name not in told]:
        yield f"no recording, in JSON or XML: {', '.join(absent)}"
    yield "\nnever compared by value:"
    for name, why in {**APART, **DATA, **SCREEN}.items():
        yield f"  {name}: {why}"
    yield "switches set as the recordings show them: " + ", ".join(
        f"{name}={value}" for name, value in SWITCHES.items()
    )


def _row(entity: str, operation: str, counts: Counter[str]) -> str:
    shown = "".join(f"{counts[kind] or '':>14}" for kind in (AGREE, DIFFER, SUPERSEDED, OUTSIDE))
    return f"{entity:<20}{operation:<22}{shown}".rstrip()
