"""The model's records out of the rows of a folder export: which field becomes what.

Nothing is worked out here: a figure the export does not say stays unsaid.
"""

from __future__ import annotations

from datetime import date

from qbosync.model import (
    ZERO,
    Application,
    Charge,
    CreditMemo,
    Customer,
    Line,
    Order,
    Payment,
    Refund,
    money,
    number,
)
from qbosync.source import cell
from qbosync.source.cell import Fields, choice, identifier, words

Reached = tuple[str, date]
"""A status and the shop's day on which an order reached it."""

_CUSTOMER_TYPE = choice("business", "individual")
_PAYMENT_STATUS = choice("posted", "undone", "bounced", "refunded")
_CREDIT_REASON = choice("manual", "overpayment", "cash_discount", "write_off")
_CHARGE_KIND = choice("finance_charge", "processing_fee", "bounced_payment", "other")
_DELETED_KIND = choice("customer", "order", "payment", "charge", "credit_memo", "refund")


def customer(row: Fields) -> Customer:
    return Customer(
        id=row.needed("customer_id", identifier),
        name=row.needed("name", words),
        type=row.optional("type", _CUSTOMER_TYPE, ""),
        given_name=row.text("given_name"),
        family_name=row.text("family_name"),
        email=row.text("email"),
        phone=row.text("phone"),
        bill=row.address("bill"),
        ship=row.address("ship"),
        terms_days=row.optional("terms_days", cell.days, None),
        charge_status=row.optional("charge_status", cell.status, ""),
        tax_exempt=row.flag("tax_exempt", default=False),
        active=row.flag("active", default=True),
        merged_into=row.reference("merged_into"),
        where=row.where,
    )


def order(row: Fields) -> Order:
    """An order without its lines; shipping and tax are unknown where no column says them."""
    return Order(
        id=row.needed("order_id", identifier),
        number=row.needed("number", words),
        customer_id=row.needed("customer_id", identifier),
        status=row.needed("status", cell.status),
        total=row.needed("total", money),
        name=row.text("name"),
        memo=row.text("memo"),
        placed=row.day("order_date"),
        charge_date=row.day("charge_date"),
        ship_date=row.day("ship_date"),
        due_date=row.day("due_date"),
        status_at=row.optional("status_at", row.calendar.moment, None),
        shipping=row.optional("shipping", money, ZERO) if row.has("shipping") else None,
        tax=row.optional("tax", money, ZERO) if row.has("tax") else None,
        # Some exports write what is taken off with a minus: it is the same discount.
        discount=abs(row.optional("discount", money, ZERO)),
        bill_name=row.text("bill_name"),
        bill=row.address("bill"),
        ship_name=row.text("ship_name"),
        ship=row.address("ship"),
        where=row.where,
    )


def line(row: Fields, nth: int) -> Line:
    """A line of an order or a credit memo; the `nth` of its record where it has no number."""
    has_number = row.has("line_no")
    described = row.text("description") or row.text("product")
    return Line(
        number=row.needed("line_no", cell.label) if has_number else str(nth),
        description=described or row.needed("description", words),
        amount=row.needed("amount", number),
        qty=row.optional("qty", cell.figure, None),
        unit_price=row.optional("unit_price", cell.figure, None),
        export_class=row.text("export_class"),
        where=row.where,
    )


def reached(row: Fields, _nth: int) -> Reached:
    """A status an order had, and the shop's day on which it reached it."""
    return row.needed("status", cell.status), row.needed("at", row.calendar.moment)


def payment(row: Fields) -> Payment:
    return Payment(
        id=row.needed("payment_id", identifier),
        customer_id=row.needed("customer_id", identifier),
        received=row.needed("date", row.calendar.day),
        amount=row.needed("amount", money),
        method=row.text("method"),
        reference=row.text("ref_num"),
        memo=row.text("memo"),
        status=row.optional("status", _PAYMENT_STATUS, "posted"),
        where=row.where,
    )


def application(row: Fields, _nth: int) -> Application:
    return Application(
        target=row.needed("target", cell.target),
        amount=row.needed("amount", money),
        on=row.day("date"),
        where=row.where,
    )


def credit_memo(row: Fields) -> CreditMemo:
    return CreditMemo(
        id=row.needed("credit_id", identifier),
        customer_id=row.needed("customer_id", identifier),
        issued=row.needed("date", row.calendar.day),
        amount=row.needed("amount", money),
        reason=row.optional("reason", _CREDIT_REASON, ""),
        tax=row.optional("tax", money, ZERO),
        order_id=row.reference("order_id"),
        payment_id=row.reference("payment_id"),
        memo=row.text("memo"),
        export_class=row.text("export_class"),
        is_deleted=row.flag("deleted", default=False),
        where=row.where,
    )


def charge(row: Fields) -> Charge:
    return Charge(
        id=row.needed("charge_id", identifier),
        kind=row.needed("kind", _CHARGE_KIND),
        customer_id=row.needed("customer_id", identifier),
        issued=row.needed("date", row.calendar.day),
        amount=row.needed("amount", money),
        tax=row.optional("tax", money, ZERO),
        due_date=row.day("due_date"),
        memo=row.text("memo"),
        export_class=row.text("export_class"),
        order_id=row.reference("order_id"),
        payment_id=row.reference("payment_id"),
        is_deleted=row.flag("deleted", default=False),
        where=row.where,
    )


def refund(row: Fields) -> Refund:
    return Refund(
        id=row.needed("refund_id", identifier),
        customer_id=row.needed("customer_id", identifier),
        paid=row.needed("date", row.calendar.day),
        amount=row.needed("amount", money),
        payment_id=row.reference("payment_id"),
        credit_id=row.reference("credit_id"),
        method=row.text("method"),
        reference=row.text("ref_num"),
        where=row.where,
    )


def deletion(row: Fields) -> tuple[str, str]:
    """A tombstone: the kind and id of a record that is gone."""
    return row.needed("kind", _DELETED_KIND), row.needed("id", identifier)
