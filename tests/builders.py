"""Records in one line each: tests say only what matters to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from qbosync.key import Action, Entity, Key
from qbosync.ledger.row import entry_of
from qbosync.mapping.context import Found, Memory
from qbosync.mapping.payment import target_key
from qbosync.mapping.policy import Items, Policy
from qbosync.model import (
    Application,
    Charge,
    CreditMemo,
    Customer,
    Line,
    Order,
    Payment,
    Snapshot,
)
from qbosync.operation import Entry, Posted
from qbosync.plan import Plan
from qbosync.planner import make_plan

TODAY = date(2026, 3, 10)
ACCOUNTS = {"Sales Tax": "Sales Tax Collected", "*": "Sales of Product Income"}


def policy(**changes: Any) -> Policy:
    """The configuration of a shop that charges when it ships; nothing is too old to change."""
    changes.setdefault("open_months", 1200)
    items = Items("Cabinets", income_account=ACCOUNTS)
    return replace(Policy(items), payment_methods={"check": "Check"}, **changes)


def customer(id_: str = "12", name: str = "Birchwood Homes", **fields: Any) -> Customer:
    return Customer(id_, name, where=f"customers.csv:{id_}", **fields)


def line(amount: str = "100.00", number: str = "1", **fields: Any) -> Line:
    return Line(number, fields.pop("description", "Door"), Decimal(amount), **fields)


def order(
    id_: str = "1042", status: str = "ordered", total: str = "100.00", **fields: Any
) -> Order:
    """An order of one line over its whole total, unless `lines` says otherwise."""
    fields.setdefault("lines", (line(total),))
    fields.setdefault("status_at", date(2026, 3, 2))
    fields.setdefault("placed", date(2026, 3, 1))
    fields.setdefault("where", f"orders.csv:{id_}")
    number = fields.pop("number", id_)
    customer_id = fields.pop("customer_id", "12")
    return Order(id_, number, customer_id, status, Decimal(total), **fields)


def pays(target: str, amount: str, on: date | None = None) -> Application:
    return Application(target, Decimal(amount), on)


def payment(
    id_: str = "77", amount: str = "100.00", *applied: Application, **fields: Any
) -> Payment:
    fields.setdefault("received", date(2026, 3, 3))
    fields.setdefault("method", "check")
    customer_id = fields.pop("customer_id", "12")
    where = f"payments.csv:{id_}"
    return Payment(id_, customer_id, amount=Decimal(amount), applied=applied, where=where, **fields)


def charge(
    id_: str = "9", kind: str = "finance_charge", amount: str = "12.50", **fields: Any
) -> Charge:
    fields.setdefault("issued", date(2026, 3, 4))
    customer_id = fields.pop("customer_id", "12")
    return Charge(
        id_, kind, customer_id, amount=Decimal(amount), where=f"charges.csv:{id_}", **fields
    )


def credit(
    id_: str = "5", amount: str = "30.00", *applied: Application, **fields: Any
) -> CreditMemo:
    fields.setdefault("issued", date(2026, 3, 5))
    customer_id = fields.pop("customer_id", "12")
    where = f"credit_memos.csv:{id_}"
    return CreditMemo(
        id_, customer_id, amount=Decimal(amount), applied=applied, where=where, **fields
    )


def business(*records: Any, **fields: Any) -> Snapshot:
    """A snapshot of these records; customer 12 is always there."""
    sets: dict[str, dict[str, Any]] = {
        "customers": {"12": customer()},
        "orders": {},
        "payments": {},
        "charges": {},
        "credit_memos": {},
        "refunds": {},
    }
    kinds = {
        "Customer": "customers",
        "Order": "orders",
        "Payment": "payments",
        "Charge": "charges",
        "CreditMemo": "credit_memos",
        "Refund": "refunds",
    }
    for record in records:
        sets[kinds[type(record).__name__]][record.id] = record
    return Snapshot(**sets, **fields)


FOUND = Found(
    accounts=(
        {"Id": "4", "Name": "Sales of Product Income", "AccountType": "Income"},
        {"Id": "11", "Name": "Sales Tax Collected", "AccountType": "Other Current Liability"},
    ),
    terms=({"Id": "3", "Name": "Net 30", "Type": "STANDARD", "DueDays": 30},),
)


def planned(
    snapshot: Snapshot, rules: Policy | None = None, memory: Memory | None = None, **fields: Any
) -> Plan:
    """The plan for a company that has the accounts and what the ledger remembers.

    `deposited` are payments that stand in a bank deposit.
    """
    memory = memory or Memory()
    there = current(memory, fields.pop("deposited", ()))
    fields.setdefault("found", replace(FOUND, current=there))
    return make_plan(snapshot, memory, rules or policy(), fields.pop("today", TODAY), **fields)


def current(memory: Memory, deposited: Iterable[str] = ()) -> dict[Key, Any]:
    """Payments as QuickBooks has them, where nobody but us touched them."""
    bodies = {}
    for key, entry in memory.entries.items():
        if key.entity is Entity.PAYMENT and entry.is_live:
            pays = [(memory.entries[target_key(to)].qbo_id, n) for to, n in entry.gives.items()]
            total = Decimal(entry.facts["TotalAmt"])
            body: dict[str, Any] = {
                "Id": entry.qbo_id,
                "TotalAmt": total,
                "UnappliedAmt": total - sum((n for _, n in pays), Decimal(0)),
                "Line": [
                    {"Amount": n, "LinkedTxn": [{"TxnId": to, "TxnType": "Invoice"}]}
                    for to, n in pays
                ],
            }
            if key.source in deposited:
                body["LinkedTxn"] = [{"TxnId": "900", "TxnType": "Deposit"}]
            bodies[key] = body
    return bodies


def documents(plan: Plan) -> list[tuple[str, str, str]]:
    """What a plan does to documents: (action, entity, source)."""
    return [
        (op.action.value, op.key.entity.value, op.key.source)
        for op in plan.operations
        if not op.key.entity.is_named
    ]


def carried_out(plan: Plan, before: Memory | None = None) -> Memory:
    """The ledger's memory once everything in a plan was written."""
    memory = before or Memory()
    entries: dict[Key, Entry] = dict(memory.entries)
    for number, op in enumerate(plan.operations, start=len(entries) + 1):
        body = {"Id": str(number), "SyncToken": "0", **op.draft.body}
        body["Line"] = [
            {**row, "Id": str(n)} for n, row in enumerate(op.draft.body.get("Line", []), 1)
        ]
        state = "void" if op.action is Action.VOID else "live"
        old = entries.get(op.key)
        if old is not None and op.action is not Action.CREATE:
            body["Id"] = old.qbo_id
        entries[op.key] = entry_of(op.draft, Posted(body), op.draft.epoch, "created", state)
    return replace(memory, entries=entries)


def remembered(snapshot: Snapshot, rules: Policy | None = None) -> Memory:
    """The memory after everything in this snapshot went out."""
    return carried_out(planned(snapshot, rules))


def held(plan: Plan) -> dict[str, str]:
    """Held records and the technical reason."""
    return {problem.source: problem.reason for problem in plan.held}


def words(problems: Iterable[Any]) -> str:
    return "\n".join(f"{p.what} {p.todo}" for p in problems)
