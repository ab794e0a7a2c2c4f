"""The configuration as the rules that planning follows, and what is missing in it."""

from __future__ import annotations

from qbosync.config import Settings
from qbosync.errors import SetupError
from qbosync.mapping.policy import Items, Policy


def policy_of(settings: Settings) -> Policy:
    """The configuration as the rules that planning follows."""
    orders, documents, items = settings.orders, settings.documents, settings.items
    start = orders.start_date
    return Policy(
        Items(
            settings.quickbooks.default_export_class,
            items.sales_tax,
            items.shipping,
            items.discount,
            items.rounding,
            items.finance_charge,
            items.processing_fee,
            items.bounced_payment,
            items.other_charge,
            items.credit_memo,
            items.bad_debt,
            items.create_missing,
            items.income_account,
        ),
        statuses=orders.statuses,
        on_hold=frozenset(orders.on_hold),
        void=frozenset(orders.void),
        estimate_from=orders.estimate_from_status,
        charge_status=orders.charge_status,
        estimate_always=orders.estimate_always,
        on_backward=orders.on_backward,
        start_date=None if start is None or isinstance(start, str) else start,
        instance=settings.quickbooks.instance,
        is_production=settings.is_production,
        order_prefix=documents.order_prefix,
        charge_prefixes={
            "finance_charge": documents.finance_charge_prefix,
            "processing_fee": documents.processing_fee_prefix,
            "bounced_payment": documents.bounced_payment_prefix,
            "other": documents.other_charge_prefix,
        },
        credit_memo_prefix=documents.credit_memo_prefix,
        rounding_limit=documents.rounding_limit,
        closed_until=documents.closed_until,
        open_months=documents.open_months,
        correction=documents.correction,
        max_documents=settings.sync.max_documents,
        max_amount=settings.sync.max_amount,
        max_voids=settings.sync.max_voids,
        max_old_documents=settings.sync.max_old_documents,
        max_times_usual=settings.sync.max_times_usual,
        zero_total=documents.zero_total,
        memo_to=documents.memo_to,
        bill_email=documents.bill_email,
        residual=settings.source.residual,
        residual_max_rate=settings.source.residual_max_rate,
        money=frozenset(settings.payments.money),
        not_money=frozenset(settings.payments.not_money),
        payment_amount=settings.source.payment_amount,
        payment_methods=settings.payments.methods,
        deposit_to=settings.payments.deposit_to,
        customer_updates=settings.customers.updates,
        reactivate=settings.customers.reactivate,
    )


def refuse_what_is_not_there(settings: Settings) -> None:
    """A setting that this version cannot follow stops it, instead of being passed over.

    Raises:
        SetupError: Naming the settings.
    """
    wanted = {
        f'[source] kind = "{settings.source.kind}"': settings.source.kind != "folder",
    }
    if names := ", ".join(name for name, is_set in wanted.items() if is_set):
        raise SetupError(
            f"This version of qbosync cannot do what the configuration asks: {names}.",
            "Take it out of the configuration, or use a version that can.",
        )


def refuse_to_begin(settings: Settings) -> None:
    """What a connection to real books needs, and what this version cannot do.

    Raises:
        SetupError: Naming what is missing.
    """
    refuse_what_is_not_there(settings)
    if settings.is_production and (missing := settings.missing_for_production()):
        raise SetupError(
            f"For real books the configuration lacks {'; '.join(missing)}.",
            "Add it; nothing is written to a production company without.",
        )
