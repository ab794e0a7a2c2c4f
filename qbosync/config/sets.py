"""The sets a source delivers and their fields: the names that the configuration may use.

A name that is not here is a mistake in the configuration: a renamed column that nobody
reads would be lost without a word.
"""

from __future__ import annotations

_PLACE = ("line1", "line2", "line3", "city", "state", "zip", "country")
_BILL = tuple(f"bill_{part}" for part in _PLACE)
_SHIP = tuple(f"ship_{part}" for part in _PLACE)

FIELDS: dict[str, frozenset[str]] = {
    "customers": frozenset(
        (
            *("customer_id", "name", "type", "given_name", "family_name", "email", "phone"),
            *_BILL,
            *_SHIP,
            *("terms_days", "charge_status", "tax_exempt", "active", "merged_into", "updated_at"),
        )
    ),
    "orders": frozenset(
        (
            *("order_id", "number", "customer_id", "status", "total", "name", "order_date"),
            *("charge_date", "ship_date", "due_date", "status_at", "shipping", "tax", "discount"),
            *("memo", "bill_name", *_BILL, "ship_name", *_SHIP, "updated_at"),
        )
    ),
    "order_lines": frozenset(
        (
            *("order_id", "line_no", "description", "amount", "qty", "unit_price"),
            *("export_class", "product", "taxable"),
        )
    ),
    "order_status_history": frozenset(("order_id", "status", "at")),
    "payments": frozenset(
        (
            *("payment_id", "customer_id", "date", "amount", "method", "ref_num", "memo"),
            *("status", "updated_at"),
        )
    ),
    "payment_applications": frozenset(("payment_id", "target", "amount")),
    "credit_memos": frozenset(
        (
            *("credit_id", "customer_id", "date", "amount", "reason", "tax", "order_id"),
            *("payment_id", "memo", "export_class", "deleted"),
        )
    ),
    "credit_lines": frozenset(("credit_id", "line_no", "description", "amount", "export_class")),
    "refunds": frozenset(
        (
            *("refund_id", "customer_id", "date", "amount", "payment_id", "credit_id"),
            *("method", "ref_num"),
        )
    ),
    "credit_applications": frozenset(("credit_id", "target", "amount", "date")),
    "charges": frozenset(
        (
            *("charge_id", "kind", "customer_id", "date", "amount", "tax", "due_date", "memo"),
            *("export_class", "order_id", "payment_id", "deleted"),
        )
    ),
    "deletions": frozenset(("kind", "id", "deleted_at")),
}
