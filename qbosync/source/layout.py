"""The sets of a folder export: their fields, which of them must be there, and their kinds.

One table for all: what is read, what is renamed by `[source.columns]` and what counts as
an unknown column can never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

_PLACE = ("line1", "line2", "line3", "city", "state", "zip", "country")
_BILL = tuple(f"bill_{part}" for part in _PLACE)
_SHIP = tuple(f"ship_{part}" for part in _PLACE)


@dataclass(frozen=True, slots=True)
class Layout:
    """One set: `key` names its records, `kind` is their word in ``order:1042``.

    A set with a `parent` holds parts of another set's records.  `counted` may be absent
    where the export has none and `[source.columns]` says so; `stands_in` replaces a field
    that the export does not have.
    """

    name: str
    kind: str
    key: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    parent: str = ""
    counted: str = ""
    stands_in: tuple[str, str] = ("", "")

    @property
    def fields(self) -> tuple[str, ...]:
        return self.required + self.optional


_ALL = (
    Layout(
        "customers",
        "customer",
        "customer_id",
        ("customer_id", "name"),
        (
            *("type", "given_name", "family_name", "email", "phone", *_BILL, *_SHIP),
            *("terms_days", "charge_status", "tax_exempt", "active", "merged_into", "updated_at"),
        ),
    ),
    Layout(
        "orders",
        "order",
        "order_id",
        ("order_id", "number", "customer_id", "status", "total"),
        (
            *("name", "order_date", "charge_date", "ship_date", "due_date", "status_at"),
            *("shipping", "tax", "discount", "memo"),
            *("bill_name", *_BILL, "ship_name", *_SHIP, "updated_at"),
        ),
    ),
    Layout(
        "order_lines",
        "order",
        "order_id",
        ("order_id", "line_no", "description", "amount"),
        ("qty", "unit_price", "export_class", "product", "taxable"),
        parent="orders",
        counted="line_no",
        stands_in=("description", "product"),
    ),
    Layout(
        "order_status_history", "order", "order_id", ("order_id", "status", "at"), parent="orders"
    ),
    Layout(
        "payments",
        "payment",
        "payment_id",
        ("payment_id", "customer_id", "date", "amount"),
        ("method", "ref_num", "memo", "status", "updated_at"),
    ),
    Layout(
        "payment_applications",
        "payment",
        "payment_id",
        ("payment_id", "target", "amount"),
        parent="payments",
    ),
    Layout(
        "credit_memos",
        "credit_memo",
        "credit_id",
        ("credit_id", "customer_id", "date", "amount"),
        ("reason", "tax", "order_id", "payment_id", "memo", "export_class", "deleted"),
    ),
    Layout(
        "credit_lines",
        "credit_memo",
        "credit_id",
        ("credit_id", "line_no", "description", "amount"),
        ("export_class",),
        parent="credit_memos",
    ),
    Layout(
        "credit_applications",
        "credit_memo",
        "credit_id",
        ("credit_id", "target", "amount"),
        ("date",),
        parent="credit_memos",
    ),
    Layout(
        "refunds",
        "refund",
        "refund_id",
        ("refund_id", "customer_id", "date", "amount"),
        ("payment_id", "credit_id", "method", "ref_num"),
    ),
    Layout(
        "charges",
        "charge",
        "charge_id",
        ("charge_id", "kind", "customer_id", "date", "amount"),
        ("tax", "due_date", "memo", "export_class", "order_id", "payment_id", "deleted"),
    ),
    Layout("deletions", "", "id", ("kind", "id"), ("deleted_at",)),
)

LAYOUTS = {layout.name: layout for layout in _ALL}
REQUIRED_SETS = ("customers", "orders")
