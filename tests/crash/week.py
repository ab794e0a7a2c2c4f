"""A working week of a shop: six deliveries with every form, and every kind of edit once.

Each day is the whole export of its evening, as the order system would write it.
"""

from __future__ import annotations

from tests.shopkit import Row, applied, line, order, payment

Sets = dict[str, list[Row]]


def _customer(number: str, name: str, **values: str) -> dict[str, str]:
    return {"customer_id": number, "name": name, "type": "business", **values}


def _credit(number: str, amount: str, **values: str) -> dict[str, str]:
    given = {"customer_id": "1", "date": "2026-03-04", "amount": amount, "reason": "manual"}
    return {"credit_id": number, **given, **values}


def _spent(number: str, target: str, amount: str) -> dict[str, str]:
    return {"credit_id": number, "target": target, "amount": amount, "date": "2026-03-05"}


def _charge(number: str, kind: str, amount: str, **values: str) -> dict[str, str]:
    given = {"customer_id": "2", "date": "2026-03-05", "amount": amount}
    return {"charge_id": number, "kind": kind, **given, **values}


def _monday() -> Sets:
    """Orders come in, one of them shipped at once; a deposit is paid before its invoice."""
    return {
        "customers": [
            _customer("1", "Alder Homes", terms_days="30", email="office@alder.example"),
            _customer("2", "Birch & Söhne"),
        ],
        "orders": [
            order("1001", "100.00"),
            order("1002", "250.00", customer_id="2", status="shipped"),
            order("1003", "80.00"),
            order("1004", "60.00", customer_id="2"),
        ],
        "order_lines": [
            line("1001", "100.00"),
            line("1002", "250.00", export_class="Doors"),
            line("1003", "80.00"),
            line("1004", "60.00"),
        ],
        "payments": [payment("71", "40.00")],
        "payment_applications": [applied("71", "order:1001", "40.00")],
    }


def _tuesday(day: Sets) -> None:
    """An order with a deposit ships; one is changed; a customer has a new phone."""
    _set(day, "orders", "1001", status="shipped", status_at="2026-03-03")
    _set(day, "orders", "1003", total="95.00", shipping="15.00")
    _set(day, "customers", "2", phone="555-0100")
    day["payments"] += [payment("72", "200.00", customer_id="2", ref_num="4711")]
    day["payment_applications"] += [applied("72", "order:1002", "200.00")]


def _wednesday(day: Sets) -> None:
    """An invoice grows, a credit memo is given and spent, charges are made, an order is void."""
    _set(day, "orders", "1002", total="270.00", shipping="20.00")
    _set(day, "orders", "1004", status="void", status_at="2026-03-04")
    day["credit_memos"] = [_credit("31", "30.00", order_id="1001", memo="Door damaged")]
    day["credit_applications"] = [_spent("31", "order:1001", "30.00")]
    day["charges"] = [
        _charge("8", "finance_charge", "3.40"),
        _charge("9", "processing_fee", "6.88", payment_id="72"),
        _charge("10", "other", "12.00", customer_id="1"),
    ]


def _thursday(day: Sets) -> None:
    """More than a few orders of many customers: they go out in one request."""
    day["customers"] += [_customer(str(n), f"Cedar Works {n}") for n in range(3, 10)]
    day["orders"] += [
        order(str(1010 + n), f"{n}0.00", customer_id=str(n), status=status)
        for n, status in zip(range(3, 10), ("ordered",) * 6 + ("shipped",), strict=True)
    ]
    day["order_lines"] += [line(str(1010 + n), f"{n}0.00") for n in range(3, 10)]
    _set(day, "orders", "1003", status="shipped", status_at="2026-03-05")


def _friday(day: Sets) -> None:
    """Money comes in: a split, an overpayment with its credit, and one that bounced."""
    day["payments"] += [
        payment("73", "125.00", date="2026-03-06"),
        payment("74", "100.00", customer_id="9", date="2026-03-06"),
        payment("75", "20.00", customer_id="2", date="2026-03-06"),
    ]
    day["payment_applications"] += [
        applied("73", "order:1001", "30.00"),
        applied("73", "order:1003", "95.00"),
        applied("74", "order:1019", "90.00"),
        applied("75", "order:1002", "20.00"),
    ]
    day["credit_memos"] += [
        _credit("32", "10.00", customer_id="9", reason="overpayment", payment_id="74")
    ]
    day["charges"] += [_charge("11", "bounced_payment", "25.00")]
    _set(day, "orders", "1013", status="shipped", status_at="2026-03-06")


def _saturday(day: Sets) -> None:
    """What was wrong is put right: a charge deleted, an invoice void, money given elsewhere.

    Two records are held from now on, and one order is not far enough to go out.
    """
    _set(day, "charges", "10", deleted="true")
    _set(day, "orders", "1013", status="void", status_at="2026-03-07")
    _set(day, "orders", "1014", total="45.00", discount="-5.00", shipping="10.00")
    _set(day, "customers", "1", email="books@alder.example")
    day["orders"] += [
        order("1020", "500.00", status="shipped"),
        order("1021", "70.00", status="bid"),
    ]
    day["order_lines"] += [line("1020", "500.00"), line("1021", "70.00")]
    _set(day, "payment_applications", "72", amount="196.60")
    day["payment_applications"] += [applied("72", "charge:8", "3.40")]
    _set(day, "payments", "75", status="bounced")
    day["refunds"] = [
        {"refund_id": "5", "customer_id": "9", "date": "2026-03-07", "amount": "10.00"}
    ]


def _set(day: Sets, name: str, number: str, **values: str) -> None:
    """Change one record of a set; every row of the set has its column then."""
    for row in day[name]:
        if next(iter(row.values())) == number:
            dict.update(row, values)
            return
    raise KeyError(number)


def deliveries() -> list[Sets]:
    """The export at the end of each of the six days."""
    day = _monday()
    days = [_copy(day)]
    for change in (_tuesday, _wednesday, _thursday, _friday, _saturday):
        change(day)
        days.append(_copy(day))
    return days


def _copy(day: Sets) -> Sets:
    return {name: [dict(row) for row in rows] for name, rows in day.items()}
