"""What was there before us, for a terminal and for scripts."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from rich.console import Console

from qbosync.adopt import Adoption
from qbosync.match import Match
from qbosync.model import show
from qbosync.screen import cell, named

_MANY = 40


def show_adoption(console: Console, adoption: Adoption) -> None:
    """What fits for certain, what may fit, with both sides, and what nothing fits."""
    counts = Counter(match.draft.key.entity.value for match in adoption.certain)
    words = ", ".join(f"{n} {entity}" for entity, n in counts.items())
    console.print(cell(f"Certain: {len(adoption.certain)}{f' ({words})' if words else ''}", "bold"))
    for match in adoption.certain[:_MANY]:
        console.print(cell(f"  {named(match.draft.key.source)}: {_theirs(match)}"))
    if len(adoption.certain) > _MANY:
        console.print(cell(f"  … and {len(adoption.certain) - _MANY} more"))
    if adoption.doubtful:
        console.print(cell(f"Doubtful, left alone: {len(adoption.doubtful)}", "bold"))
    for match in adoption.doubtful:
        draft = match.draft
        ours = [draft.number or draft.name, "" if draft.amount is None else show(draft.amount),
                str(draft.body.get("TxnDate", ""))]  # fmt: skip
        head = f"{named(draft.key.source)} ({', '.join(part for part in ours if part)})"
        console.print(cell(f"  {head}: {_theirs(match)}: {match.why}", "yellow"))
        if draft.key.kind in ("order", "payment", "charge", "credit_memo", "customer"):
            again = f"qbosync resolve {draft.key.source} --relink {match.object['Id']}"
            console.print(cell(f"    If it is the same: {again}"))
    left = ", ".join(f"{n} {entity}" for entity, n in adoption.left.items() if n)
    if left:
        console.print(cell(f"Nothing in QuickBooks fits {left}: a sync would create them.", "dim"))


def _theirs(match: Match) -> str:
    body = match.object
    parts = [
        f"{match.entity} {body.get('DocNumber') or body.get('PaymentRefNum') or ''}".strip(),
        str(body.get("DisplayName", body.get("FullyQualifiedName", ""))),
        str(body.get("CustomerRef", {}).get("name", "")),
        show(Decimal(str(body["TotalAmt"]))) if "TotalAmt" in body else "",
        str(body.get("TxnDate", "")),
        f"Id {body['Id']}",
    ]
    return ", ".join(part for part in parts if part)


def adoption_json(adoption: Adoption, is_done: bool) -> dict[str, Any]:
    """What fits what, for scripts."""

    def row(match: Match) -> dict[str, str]:
        return {
            "source": match.draft.key.source,
            "entity": match.entity,
            "qbo_id": str(match.object["Id"]),
            "number": match.draft.number,
            "why": match.why,
        }

    return {
        "certain": [row(match) for match in adoption.certain],
        "doubtful": [row(match) for match in adoption.doubtful],
        "left": dict(adoption.left),
        "taken_over": is_done,
        "exit_code": 3 if adoption.doubtful else 0,
        "error": None,
    }
