"""Money and invoices that people entered in QuickBooks themselves: perhaps the same as ours.

Pure.  The same customer and amount, within ten days or under the same reference, holds a
record until a person says whether it is the same.  Nothing is ever adopted by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qbosync.key import Entity
from qbosync.mapping.context import Stranger
from qbosync.mark import MARK
from qbosync.model import ZERO, Problem, show
from qbosync.operation import Body, Draft

MONEY = ("Payment", "SalesReceipt", "Deposit")
"""As what money may have been entered by hand."""
NEAR = timedelta(days=10)
"""So far apart two dates of the same money may lie."""


def strangers_among(
    objects: Mapping[str, Iterable[Body]], ours: Collection[tuple[str, str]]
) -> Iterator[Stranger]:
    """What is neither ours by its Id nor bears a mark; `ours` are (entity, Id)."""
    for entity in (*MONEY, "Invoice"):
        for body in objects.get(entity, ()):
            is_ours = (entity, str(body.get("Id"))) in ours
            if is_ours or MARK in str(body.get("PrivateNote") or "") or not body.get("TxnDate"):
                continue
            if entity == "Deposit":
                yield from _on_deposit(body)
            elif _money(body.get("TotalAmt")) > ZERO:
                yield _whole(entity, body)


def _whole(entity: str, body: Body) -> Stranger:
    links = [link for link in body.get("LinkedTxn", []) if link.get("TxnType") == "Estimate"]
    return Stranger(
        entity,
        str(body["Id"]),
        str(body.get("CustomerRef", {}).get("value", "")),
        _money(body["TotalAmt"]),
        date.fromisoformat(str(body["TxnDate"])[:10]),
        str(body.get("PaymentRefNum") or ""),
        str(links[0]["TxnId"]) if links else "",
        f"{entity} {body['Id']}",
    )


def _on_deposit(body: Body) -> Iterator[Stranger]:
    """Lines that say from whom they are; those that deposit a payment are that payment."""
    for line in body.get("Line", []):
        detail = line.get("DepositLineDetail", {})
        whose = detail.get("Entity", {})
        customer = str(whose.get("value", "") or whose.get("EntityRef", {}).get("value", ""))
        if customer and not line.get("LinkedTxn") and _money(line.get("Amount")) > ZERO:
            yield Stranger(
                "Deposit",
                str(body["Id"]),
                customer,
                _money(line["Amount"]),
                date.fromisoformat(str(body["TxnDate"])[:10]),
                str(detail.get("CheckNum") or ""),
                "",
                f"Deposit {body['Id']} {line.get('Id', '')}",
            )


def gone_among(objects: Mapping[str, Iterable[Body]]) -> list[str]:
    """The names under which vanished strangers are remembered."""
    return [
        f"{entity} {body.get('Id')}"
        for entity in (*MONEY, "Invoice")
        for body in objects.get(entity, ())
        if body.get("status") == "Deleted" or body.get("TotalAmt") == 0
    ]


def entered_by_hand(
    draft: Draft, strangers: Iterable[Stranger], customer_id: str | None
) -> Problem | None:
    """Why a new payment or invoice may be there already."""
    entity, amount = draft.key.entity, draft.amount
    is_money = entity is Entity.PAYMENT and draft.key.kind == "payment"
    if customer_id is None or amount is None or not (is_money or entity is Entity.INVOICE):
        return None
    kinds = MONEY if is_money else ("Invoice",)
    dated = date.fromisoformat(str(draft.body["TxnDate"]))
    reference = str(draft.body.get("PaymentRefNum", ""))
    for other in strangers:
        if other.entity not in kinds or (other.customer, other.amount) != (customer_id, amount):
            continue
        is_named = bool(reference) and other.reference == reference
        if abs(other.dated - dated) <= NEAR or (is_money and is_named):
            return _perhaps(draft, other)
    return None


def _perhaps(draft: Draft, other: Stranger) -> Problem:
    source = draft.key.source
    what = source.replace("_", " ").replace(":", " ").capitalize()
    words = {"SalesReceipt": "sales receipt", "Deposit": "a line of deposit"}
    kind = words.get(other.entity, other.entity.lower())
    ref = f", reference {other.reference}" if other.reference else ""
    is_same_kind = other.entity == draft.key.entity.value
    take = f"`qbosync resolve {source} --relink {other.qbo_id}` if it is this one, " * is_same_kind
    leave = f"`qbosync resolve {source} --theirs` if it is this one, " * (not is_same_kind)
    return Problem(
        source,
        "entered_by_hand",
        f"{what}: QuickBooks has {kind} Id {other.qbo_id} of {other.dated} from the same customer"
        f" over {show(other.amount)}{ref}, entered there by somebody: perhaps it is the same.",
        f"{take}{leave}`qbosync resolve {source} --ours` if it is another.",
        draft.amount,
    )


def _money(value: Any) -> Decimal:
    return Decimal(str(value or 0))
