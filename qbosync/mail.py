"""The words of cron's mail: what is new, what to do by hand, the oldest, what was written.

The first line carries all, since cron's subject is only the command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from qbosync.model import show
from qbosync.operation import Operation
from qbosync.outcome import Outcome
from qbosync.screen import headed, plain, remedy

_MAILED = 20
"""New records that a mail tells one by one; of those known before, the oldest few."""
_OLDEST = 10


def mail(
    outcome: Outcome, company: str, news: Mapping[str, str], since: Mapping[str, str]
) -> list[str]:
    """The lines that cron mails; the first carries all, since the subject is only the command.

    `news` marks the records that are new, or held for another reason than before.
    """
    problems = list(outcome.held.values())
    fresh = [p for p in problems if p.source in news]
    money = sum((p.amount for p in problems if p.amount is not None), Decimal("0.00"))
    first = (
        f"qbosync: {company}: {len(fresh)} new record{'s' * (len(fresh) != 1)} held,"
        f" {len(problems)} in all, {show(money)} not in QuickBooks"
    )
    hands = list(outcome.by_hand.values())
    lines = [first + (f"; {len(hands)} to apply by hand" if hands else "")]
    for problem in fresh[:_MAILED]:
        mark = news[problem.source]
        end = remedy(problem.reason, problem.todo)
        lines.append(f"{mark} {headed(problem, outcome)}: {problem.what} {end}")
    lines += [f"… {len(fresh) - _MAILED} more"] * (len(fresh) > _MAILED)
    lines += [f"Apply by hand: {p.what} {p.todo}" for p in hands[:_MAILED]]
    old = [p for p in problems if p.source not in news]
    old.sort(key=lambda p: since.get(p.source, ""))
    for problem in old[:_OLDEST]:
        day = since.get(problem.source, "")[:10]
        head = f"{headed(problem, outcome)}, held since {day}" if day else "held"
        lines.append(f"{head}: {problem.what} {remedy(problem.reason, problem.todo)}")
    lines += [f"… {len(old) - _OLDEST} more that are held"] * (len(old) > _OLDEST)
    if outcome.written:
        lines.append(f"Written: {_counted(w.operation for w in outcome.written)}.")
    lines.append("More: qbosync status; one record: qbosync explain REF")
    return [plain(line) for line in lines]


def _counted(operations: Iterable[Operation]) -> str:
    counts = Counter(f"{op.key.entity}" for op in operations)
    return ", ".join(f"{n} {entity}" for entity, n in counts.items())
