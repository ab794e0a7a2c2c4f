"""The shop of the demonstration: two days of its export, as an order system would write it.

Invented from end to end.  The second day is what a few days of work make of the first.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

Row = dict[str, str]

CONFIGURATION = """\
# The configuration of the demonstration: an emulated company, an export folder.
data_dir = "data"

[quickbooks]
environment = "emulator"
default_export_class = "Cabinets"
redirect_uri = "http://127.0.0.1:{redirect_port}/callback"
api_url = "{api_url}"

[orders]
charge_status = "shipped"          # the Status to Charge Customer; Marlow Kitchens has its own

[items.income_account]             # where items that QuickBooks does not have yet earn
"Sales Tax" = "Sales Tax Collected"
"*" = "Sales of Product Income"

[payments.methods]
check = "Check"
cc = "Visa"

[source]
kind = "folder"
path = "export"
timezone = "America/Boise"
"""

CUSTOMERS: list[Row] = [
    {"customer_id": "11", "name": "Birchwood Homes", "type": "business", "terms_days": "30",
     "email": "office@birchwood.example", "bill_line1": "12 Mill Road", "bill_city": "Boise",
     "bill_state": "ID", "bill_zip": "83702"},
    {"customer_id": "12", "name": "Marlow Kitchens", "type": "business", "terms_days": "15",
     "charge_status": "completed", "bill_city": "Nampa", "bill_state": "ID"},
    {"customer_id": "13", "name": "O'Hara & Söhne", "type": "business"},
    {"customer_id": "0", "name": "Retail", "type": "business"},
]  # fmt: skip

DAY_ONE: dict[str, list[Row]] = {
    "orders": [
        {"order_id": "1001", "number": "1001", "customer_id": "11", "name": "Mill Road kitchen",
         "status": "shipped", "status_at": "2026-03-02", "order_date": "2026-02-10",
         "tax": "84.00", "shipping": "45.00", "discount": "0.00", "total": "1529.00"},
        {"order_id": "1002", "number": "1002", "customer_id": "11", "name": "Mill Road pantry",
         "status": "verified", "status_at": "2026-03-01", "order_date": "2026-02-24",
         "tax": "30.00", "shipping": "0.00", "discount": "0.00", "total": "530.00"},
        {"order_id": "1003", "number": "1003", "customer_id": "12", "name": "Show room",
         "status": "in progress", "status_at": "2026-03-01", "order_date": "2026-02-20",
         "tax": "0.00", "shipping": "0.00", "discount": "125.00", "total": "2375.00"},
        {"order_id": "1004", "number": "1004", "customer_id": "13", "name": "Doors",
         "status": "ordered", "status_at": "2026-03-02", "order_date": "2026-03-02",
         "tax": "0.00", "shipping": "0.00", "discount": "0.00", "total": "100.00"},
        {"order_id": "1005", "number": "1005", "customer_id": "0", "name": "Cutting board",
         "status": "bid", "status_at": "2026-03-02", "order_date": "",
         "tax": "0.00", "shipping": "0.00", "discount": "0.00", "total": "80.00"},
    ],
    "order_lines": [
        {"order_id": "1001", "line_no": "1", "description": "Base cabinet", "qty": "4",
         "unit_price": "300", "amount": "1200.00", "export_class": ""},
        {"order_id": "1001", "line_no": "2", "description": "Shaker door", "qty": "8",
         "unit_price": "25", "amount": "200.00", "export_class": "Doors"},
        {"order_id": "1002", "line_no": "1", "description": "Pantry", "qty": "1",
         "unit_price": "500", "amount": "500.00", "export_class": ""},
        {"order_id": "1003", "line_no": "1", "description": "Wall cabinet", "qty": "10",
         "unit_price": "250", "amount": "2500.00", "export_class": ""},
        {"order_id": "1004", "line_no": "1", "description": "Slab door", "qty": "3",
         "unit_price": "", "amount": "99.99501", "export_class": "Doors"},
        {"order_id": "1005", "line_no": "1", "description": "Cutting board", "qty": "1",
         "unit_price": "80", "amount": "80.00", "export_class": "Specialty"},
    ],
    "payments": [
        {"payment_id": "501", "customer_id": "11", "date": "2026-03-01", "amount": "265.00",
         "method": "check", "ref_num": "4711", "status": "posted"},
    ],
    "payment_applications": [
        {"payment_id": "501", "target": "order:1002", "amount": "265.00"},
    ],
}  # fmt: skip


def day_two() -> dict[str, list[Row]]:
    """Statuses moved on, freight was added, money came in three ways, a door came back."""
    orders = {row["order_id"]: dict(row) for row in DAY_ONE["orders"]}
    orders["1002"] |= {"status": "shipped", "status_at": "2026-03-05", "shipping": "25.00",
                       "total": "555.00"}  # fmt: skip
    orders["1003"] |= {"status": "completed", "status_at": "2026-03-04"}
    orders["1004"] |= {"status": "shipped", "status_at": "2026-03-05"}
    orders["1005"] |= {"status": "ordered", "status_at": "2026-03-04"}
    payment = {"customer_id": "11", "date": "2026-03-05", "method": "check", "status": "posted"}
    return {
        "orders": list(orders.values()),
        "order_lines": DAY_ONE["order_lines"],
        "payments": [
            *DAY_ONE["payments"],
            payment | {"payment_id": "502", "amount": "1500.00", "ref_num": "4712"},
            payment
            | {"payment_id": "503", "customer_id": "12", "amount": "2375.00", "method": "cc"},
        ],
        "payment_applications": [
            *DAY_ONE["payment_applications"],
            {"payment_id": "502", "target": "order:1001", "amount": "1300.00"},
            {"payment_id": "502", "target": "order:1002", "amount": "200.00"},
            {"payment_id": "503", "target": "order:1003", "amount": "2375.00"},
        ],
        "credit_memos": [
            {"credit_id": "31", "customer_id": "11", "date": "2026-03-04", "amount": "26.50",
             "tax": "1.50", "reason": "manual", "order_id": "1001", "memo": "Door damaged"},
        ],
        "credit_applications": [
            {"credit_id": "31", "target": "order:1001", "amount": "26.50", "date": "2026-03-05"},
        ],
        "charges": [
            {"charge_id": "71", "kind": "finance_charge", "customer_id": "13",
             "date": "2026-03-05", "amount": "3.40"},
            {"charge_id": "72", "kind": "processing_fee", "customer_id": "12",
             "date": "2026-03-05", "amount": "68.88", "payment_id": "503"},
        ],
    }  # fmt: skip


def write_export(folder: Path, sets: dict[str, list[Row]]) -> None:
    """Write a delivery: one CSV a set, and the manifest with its counts."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = {"customers": CUSTOMERS, **sets}
    for name, rows in everything.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    counts = {name: len(rows) for name, rows in everything.items()}
    manifest = {"complete": True, "currency": "USD", "counts": counts}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
