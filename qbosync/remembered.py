"""What the ledger remembers of settings: QuickBooks' own, and what the first documents fixed.

A setting that was changed is told once; the prefix of numbers and the name in our mark stand
in every document written since, so they stay.
"""

from __future__ import annotations

from collections.abc import Mapping

import simplejson

from qbosync.errors import SetupError
from qbosync.ledger import Ledger
from qbosync.mapping.opening import DEPOSIT
from qbosync.mapping.policy import Policy
from qbosync.outcome import Outcome
from qbosync.qbo.preferences import changes


def changed_settings(ledger: Ledger, now: Mapping[str, str], is_dry: bool) -> list[str]:
    """Settings in QuickBooks that are not as the last run saw them; `now` is kept."""
    told = ledger.fact("settings")
    before: dict[str, str] = simplejson.loads(told) if told else {}
    if before != now and not is_dry:
        ledger.set_fact("settings", simplejson.dumps(dict(now), sort_keys=True))
    return [
        f"Changed in QuickBooks since the last run: {change}." for change in changes(before, now)
    ]


def _fixed(policy: Policy) -> dict[str, str]:
    return {"order_prefix": policy.order_prefix, "instance": policy.instance}


def refuse_unfixed(ledger: Ledger, policy: Policy) -> None:
    """Stop where the configuration says otherwise than the documents that are there.

    Raises:
        SetupError: Naming the key and what it was.
    """
    told = ledger.fact("fixed")
    kept: dict[str, str] = simplejson.loads(told) if told else {}
    for name, value in _fixed(policy).items():
        if name in kept and kept[name] != value:
            raise SetupError(
                f"{name} was {kept[name]!r} when the first documents were written, and is"
                f" {value!r} now.",
                f"Put {name} back to {kept[name]!r} in the configuration.",
            )


def fix(ledger: Ledger, policy: Policy) -> None:
    """From the first documents on these are fixed."""
    if not ledger.fact("fixed"):
        ledger.set_fact("fixed", simplejson.dumps(_fixed(policy)))


def note_deposits(ledger: Ledger, outcome: Outcome) -> None:
    """Keep the list of deposits from before the start date that nobody has settled yet."""
    snapshot = outcome.snapshot
    rows = []
    for source, why in sorted(outcome.plan.skipped.items()):
        payment = snapshot.payments.get(source.partition(":")[2]) if snapshot else None
        if why == DEPOSIT and payment is not None:
            rows.append(
                {
                    "source": source,
                    "customer": outcome.names.get(payment.customer_id, ""),
                    "date": payment.received.isoformat(),
                    "amount": f"{payment.amount:.2f}",
                }
            )
    text = simplejson.dumps(rows) if rows else ""
    if ledger.fact("opening_deposits") != text:
        ledger.set_fact("opening_deposits", text)
