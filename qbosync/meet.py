"""At the first meeting a customer or item is known by its name alone: who is it?

Exact names only, without regard to case, as QuickBooks compares them.  What is there
and fits is used; what is there and does not fit holds the record: no twin is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qbosync.key import Key
from qbosync.mapping.context import Candidate
from qbosync.model import Problem
from qbosync.operation import Body, Draft

USABLE_ITEMS = ("Service", "NonInventory")
DELETED_SUFFIX = " (deleted)"
"""QuickBooks appends this to the name of what is made inactive (recorded)."""


def meet_customer(draft: Draft, candidates: Iterable[Candidate]) -> Candidate | Problem | None:
    """Names are unique over customers, vendors and employees together (recorded)."""
    wanted = draft.name.casefold()
    inactive = None
    for candidate in candidates:
        name = str(candidate.object.get("DisplayName", "")).casefold()
        is_active = candidate.object.get("Active", True)
        if name == wanted and candidate.entity == "Customer" and is_active:
            return candidate
        if name == wanted and candidate.entity != "Customer":
            return Problem(
                draft.key.source,
                "name_taken",
                f"QuickBooks has a {candidate.entity.lower()} called {draft.name!r}, so the"
                " customer cannot be made.",
                f"Rename the {candidate.entity.lower()} in QuickBooks, or the customer in the"
                " shop system.",
            )
        if candidate.entity == "Customer" and name in (wanted, wanted + DELETED_SUFFIX):
            inactive = candidate
    return _inactive(draft, "customer") if inactive else None


def meet_item(
    draft: Draft, candidates: Iterable[Candidate], accounts: Iterable[Body], is_tax: bool
) -> Candidate | Problem | None:
    """An item by its full name; the tax item must collect on a liability account."""
    wanted = draft.name.casefold()
    met: Candidate | None = None
    inactive = None
    for candidate in candidates:
        body = candidate.object
        names = {str(body.get(field, "")).casefold() for field in ("FullyQualifiedName",)}
        if wanted in names and body.get("Active", True):
            met = candidate
        elif names & {wanted, wanted + DELETED_SUFFIX}:
            inactive = candidate
    if met is None:
        return _inactive(draft, "item") if inactive else None
    return unfit_item(draft, met.object, accounts, is_tax) or met


def unfit_item(draft: Draft, item: Body, accounts: Iterable[Body], is_tax: bool) -> Problem | None:
    """Why an item of QuickBooks cannot be used for what the draft's is used for."""
    if item.get("Type") not in USABLE_ITEMS:
        return Problem(
            draft.key.source,
            "unfit_item",
            f"QuickBooks' item {draft.name!r} is of the type {item.get('Type')}.",
            "Only services and non-inventory items can be used: name another one.",
        )
    by_id = {str(account["Id"]): account for account in accounts}
    account = by_id.get(str(item.get("IncomeAccountRef", {}).get("value", "")))
    if is_tax and not (account and _collects_tax(account)):
        name = account.get("Name", "no account") if account else "no account"
        return Problem(
            draft.key.source,
            "unfit_item",
            f"The item {draft.name!r} stands on {name}: sales tax would count as income.",
            "Give the item an account of the type Other Current Liability in QuickBooks.",
        )
    return None


def meet_method(draft: Draft, candidates: Iterable[Candidate]) -> Candidate | Problem | None:
    """A payment method by its name."""
    for candidate in candidates:
        if str(candidate.object.get("Name", "")).casefold() == draft.name.casefold():
            return candidate
    return None


def meet_account(ref: Key, accounts: Mapping[str, Body], user: str, is_tax: bool) -> Problem | None:
    """Why an account that the configuration names cannot be used."""
    account = accounts.get(ref.id.casefold())
    if account is not None and is_tax and not _collects_tax(account):
        return Problem(
            user,
            "unfit_account",
            f"The account {ref.id!r} is of the type {account.get('AccountType')}: sales tax"
            " would count as income.",
            "Name an account of the type Other Current Liability for the tax item in"
            " [items.income_account].",
        )
    if account is not None and account.get("Active", True):
        return None
    what = "is not active" if account is not None else "is not in QuickBooks"
    return Problem(
        user,
        "missing_account",
        f"The account {ref.id!r} {what}.",
        "Create or activate it in QuickBooks (Chart of accounts), or name another one in the"
        " configuration.",
    )


def _collects_tax(account: Body) -> bool:
    """QuickBooks' own tax accounts refuse items (6430, reported)."""
    return (
        account.get("AccountType") == "Other Current Liability"
        and account.get("AccountSubType") != "GlobalTaxPayable"
        and bool(account.get("Active", True))
    )


def _inactive(draft: Draft, word: str) -> Problem:
    return Problem(
        draft.key.source,
        "inactive",
        f"QuickBooks' {word} {draft.name!r} is inactive.",
        f"Make the {word} active in QuickBooks; it goes out by itself then.",
    )
