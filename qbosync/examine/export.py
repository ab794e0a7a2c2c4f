"""The export: whether it can be read, is fresh, and says what the configuration knows.

Pure.  A word that the configuration does not know holds the records that bear it, so each
is told with how many they are and how much money they are about.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from qbosync.guard import age_words
from qbosync.mapping.policy import Policy
from qbosync.model import ZERO, Snapshot, show
from qbosync.qbo.preferences import Check


def export_checks(
    snapshot: Snapshot, policy: Policy, now: datetime, max_age: timedelta | None
) -> list[Check]:
    """What a person should know of the export before the first run, and before any other."""
    return [
        _counts(snapshot),
        *_age(snapshot, now, max_age),
        *_unreadable(snapshot),
        _statuses(snapshot, policy),
        _methods(snapshot, policy),
        _classes(snapshot, policy),
    ]


def _counts(snapshot: Snapshot) -> Check:
    sets = {
        "order": snapshot.orders,
        "payment": snapshot.payments,
        "customer": snapshot.customers,
    }
    counts = ", ".join(f"{len(rows)} {what}{'s' * (len(rows) != 1)}" for what, rows in sets.items())
    return Check("source", "ok", f"{counts}.")


def _age(snapshot: Snapshot, now: datetime, max_age: timedelta | None) -> Iterator[Check]:
    made = snapshot.generated_at
    if made is None:
        return
    old = max(now - made, timedelta())
    if max_age is not None and old > max_age:
        yield Check(
            "export age",
            "stop",
            f"The export is {age_words(old)} old; [source] max_age is {age_words(max_age)}.",
            "See in the shop system why it exports no more; nothing is written until it does.",
        )
    else:
        yield Check("export age", "ok", f"The export is {age_words(old)} old.")


def _unreadable(snapshot: Snapshot) -> Iterator[Check]:
    if snapshot.problems:
        first, count = snapshot.problems[0], len(snapshot.problems)
        yield Check(
            "rows",
            "warning",
            f"{count} record{'s' * (count > 1)} cannot be read; the first: {first.what}",
            first.todo,
        )


def _statuses(snapshot: Snapshot, policy: Policy) -> Check:
    known = {*policy.statuses, *policy.on_hold, *policy.void}
    seen = Counter(order.status for order in snapshot.orders.values())
    words = ", ".join(f"{status or 'none'} ({n})" for status, n in seen.most_common())
    strange = ", ".join(f"{s or 'none'} ({n})" for s, n in seen.most_common() if s not in known)
    if strange:
        return Check("statuses", "warning", f"Not in the configuration: {strange}.",
                     "Add them to [orders] statuses, on_hold or void.")  # fmt: skip
    return Check("statuses", "ok", f"All known: {words or 'none yet'}.")


def _methods(snapshot: Snapshot, policy: Policy) -> Check:
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for payment in snapshot.payments.values():
        sums[payment.method.casefold()].append(payment.amount)
    strange = {m: s for m, s in sums.items() if m and m not in policy.money | policy.not_money}
    if strange:
        return Check("payment methods", "warning",
                     f"Not in the configuration: {_listed(strange.items())}.",
                     "Add them to [payments] money or not_money.")  # fmt: skip
    return Check("payment methods", "ok", f"All known: {_listed(sums.items()) or 'none yet'}.")


def _classes(snapshot: Snapshot, policy: Policy) -> Check:
    """Export classes, and how much goes on the default for want of one."""
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for order in snapshot.orders.values():
        for line in order.lines:
            sums[policy.items.of_class(line.export_class)].append(line.amount)
    words = _listed(sums.items())
    return Check("export classes", "ok", f"By item: {words or 'none yet'}.")


def _listed(sums: Iterable[tuple[str, list[Decimal]]]) -> str:
    rows = sorted(sums, key=lambda row: (-len(row[1]), row[0]))
    return ", ".join(
        f"{name or 'without a word'} ({len(each)}, {show(sum(each, ZERO))})" for name, each in rows
    )
