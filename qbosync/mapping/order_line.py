"""An order's lines: products, discount, shipping, tax, rounding, to the cent of its total.

What the customer owes is the source's total.  Lines that do not add up to it hold the
order, unless the configuration says what a report leaves out.
"""

from __future__ import annotations

from decimal import Decimal

from qbosync.errors import RecordError
from qbosync.mapping.form import FormLine, total
from qbosync.mapping.policy import Policy
from qbosync.model import Customer, Order, show


def order_lines(order: Order, policy: Policy, customer: Customer | None) -> list[FormLine]:
    """Products, discount, shipping, tax, rounding: together exactly the order's total.

    Raises:
        RecordError: If they are not, beyond what rounding explains.
    """
    items = policy.items
    if order.total < 0:
        raise RecordError(
            f"{order.where}: order {order.number} has the total {show(order.total)}.",
            "Make it a credit memo in the shop system.",
            reason="negative_total",
        )
    rows = [
        FormLine(
            f"#{line.number}",
            items.of_class(line.export_class),
            line.amount,
            line.description,
            line.qty,
            line.unit_price,
        )
        for line in order.lines
    ]
    extras = []
    if order.discount:
        extras.append(FormLine("discount", items.discount, -order.discount, "Discount"))
    if order.shipping:
        extras.append(FormLine("shipping", items.shipping, order.shipping, "Shipping"))
    if order.tax:
        extras.append(FormLine("tax", items.sales_tax, order.tax, "Sales tax"))
    if not rows:
        what = order.name.strip() or f"Order {order.number}"
        rest = order.total - total(extras)
        rows = [FormLine("whole", items.default, rest, what)]
    goods = total(rows)
    difference = order.total - goods - total(extras)
    if difference:
        extras.append(_difference(order, policy, customer, goods, difference))
    return rows + extras


def _difference(
    order: Order, policy: Policy, customer: Customer | None, goods: Decimal, difference: Decimal
) -> FormLine:
    """The line for what is between an order's lines and its total, or the reason there is none."""
    if abs(difference) <= policy.rounding_limit:
        return FormLine("rounding", policy.items.rounding, difference, "Rounding")
    added = show(order.total - difference)
    fact = f"{order.where}: order {order.number}: lines add up to {added}, the total is"
    if policy.residual == "tax" and order.tax is None and difference > 0:
        is_exempt = bool(customer and customer.tax_exempt)
        if not is_exempt and difference <= policy.residual_max_rate * goods:
            return FormLine("tax", policy.items.sales_tax, difference, "Sales tax")
        raise RecordError(
            f"{fact} {show(order.total)}: too much for tax alone."
            if not is_exempt
            else f"{fact} {show(order.total)}, and the customer is exempt from tax.",
            "Lines are missing from the report, or freight is in the total: export the whole"
            " order. It goes out by itself then.",
            reason="total_mismatch",
        )
    if policy.residual == "item" and order.tax is None and difference > 0:
        words = "not itemised in the export"
        return FormLine("residual", policy.items.default, difference, words)
    raise RecordError(
        f"{fact} {show(order.total)}.",
        "Correct it in the shop system; it goes out by itself.",
        reason="total_mismatch",
    )
