"""Export classes become Items, payment words become PaymentMethods: found by name, made if missing.

An item that is missing is a Service on an account that the configuration names; what
already exists is used as it is.  `sync` never creates an account.
"""

from __future__ import annotations

from qbosync.errors import RecordError
from qbosync.key import item_key
from qbosync.mapping.payment import account_key, method_key
from qbosync.mapping.policy import Policy
from qbosync.operation import Body, Draft

NAME_LENGTH = 100
METHOD_LENGTH = 31


def item_draft(name: str, policy: Policy) -> Draft:
    """A missing item as it is made: a Service that earns on the configured account.

    Raises:
        RecordError: If the configuration does not want it made, or names no account for it.
    """
    items = policy.items
    name = name.strip()
    if not items.create_missing:
        raise RecordError(
            f"QuickBooks has no item {name!r}.",
            f"Create the Product/Service {name!r} in QuickBooks, or set [items] create_missing.",
            reason="missing_item",
        )
    if ":" in name or len(name) > NAME_LENGTH:
        raise RecordError(
            f"QuickBooks has no item {name!r}, and it cannot be made by this name.",
            f"Create the Product/Service {name!r} in QuickBooks by hand.",
            reason="missing_item",
        )
    accounts = {key.casefold(): account for key, account in items.income_account.items()}
    account = accounts.get(name.casefold())
    if account is None and not (policy.is_production and name.casefold() in items.own):
        account = accounts.get("*")
    if not account:
        raise RecordError(
            f"QuickBooks has no item {name!r}, and nothing says which account it earns on.",
            f'Add "{name}" = "…" to [items.income_account], or create the item in QuickBooks.',
            reason="missing_item",
        )
    body: Body = {
        "Name": name,
        "Type": "Service",
        "IncomeAccountRef": {"value": account_key(account)},
    }
    return Draft(item_key(name), body, {"Name": name}, name=name)


def known_item(name: str) -> Draft:
    """An item as it is looked for, or as a person named it: nothing of it is sent."""
    return Draft(item_key(name), {}, {"Name": name.strip()}, name=name.strip())


def method_draft(name: str) -> Draft:
    """A payment method by its name."""
    name = name.strip()
    return Draft(method_key(name), {"Name": name}, {"Name": name}, name=name)
