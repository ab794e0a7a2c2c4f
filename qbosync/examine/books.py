"""Items, accounts, terms and payment methods in QuickBooks, beside what the export will need.

Pure.  What is missing or does not fit holds the documents that need it when they are sent;
here it is told beforehand, all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qbosync.errors import RecordError
from qbosync.key import Entity, Key, item_key
from qbosync.mapping.context import Candidate
from qbosync.mapping.item import item_draft
from qbosync.mapping.policy import Policy
from qbosync.meet import meet_account, meet_item, meet_method
from qbosync.model import Problem, Snapshot
from qbosync.operation import Body, Draft
from qbosync.qbo.preferences import Check

_ITEMS = "gear icon → Products and services"
_ACCOUNTS = "gear icon → Chart of accounts"
_TERMS = "gear icon → All lists → Terms"
_SALES = "SalesOfProductIncome"
_CREDIT_ITEMS = {
    "cash_discount": "discount",
    "write_off": "bad_debt",
}


@dataclass(frozen=True)
class Lists:
    """What QuickBooks has of each list, inactive ones too."""

    accounts: Sequence[Body] = ()
    items: Sequence[Body] = ()
    methods: Sequence[Body] = ()
    terms: Sequence[Body] = ()
    by_name: Mapping[str, Body] = field(init=False)

    def __post_init__(self) -> None:
        named = {str(a.get("FullyQualifiedName") or a.get("Name", "")).casefold(): a
                 for a in self.accounts}  # fmt: skip
        object.__setattr__(self, "by_name", named)

    def account_of(self, item: Body) -> Body | None:
        """The account that an item earns on."""
        wanted = str(item.get("IncomeAccountRef", {}).get("value", ""))
        return next((a for a in self.accounts if str(a["Id"]) == wanted), None)

    def item(self, name: str) -> Body | None:
        """The item of exactly that name, without regard to case."""
        wanted = name.casefold()
        found = (i for i in self.items if str(i.get("FullyQualifiedName", "")).casefold() == wanted)
        return next(found, None)


def needed_items(snapshot: Snapshot, policy: Policy) -> dict[str, str]:
    """Each item that the export needs, with what for."""
    items = policy.items
    needed: dict[str, str] = {items.default: "products without an export class"}
    orders = snapshot.orders.values()
    if any(order.tax for order in orders):
        needed[items.sales_tax] = "sales tax"
    if any(order.shipping for order in orders):
        needed[items.shipping] = "shipping"
    if any(order.discount for order in orders):
        needed[items.discount] = "discounts"
    for charge in snapshot.charges.values():
        needed.setdefault(items.of_charge(charge.kind), charge.kind.replace("_", " "))
    for credit in snapshot.credit_memos.values():
        if credit.reason != "overpayment":
            own = getattr(items, _CREDIT_ITEMS.get(credit.reason, "credit_memo"))
            needed.setdefault(own, credit.reason.replace("_", " ") or "credit memos")
    for order in orders:
        for line in order.lines:
            needed.setdefault(items.of_class(line.export_class), "export class")
    return {name: why for name, why in needed.items() if name}


def books_checks(lists: Lists, snapshot: Snapshot, policy: Policy) -> list[Check]:
    """Everything in QuickBooks' lists that the export will meet."""
    return [
        *_items(lists, needed_items(snapshot, policy), policy),
        *_accounts(lists, policy),
        *_undeposited(lists),
        *_methods(lists, policy),
        *_terms(lists, snapshot),
    ]


def _items(lists: Lists, needed: Mapping[str, str], policy: Policy) -> Iterator[Check]:
    fine: list[str] = []
    for name, why in needed.items():
        found = lists.item(name)
        problem = _unfit(name, found, lists, policy)
        if problem is not None:
            yield Check(f"item {name}", "warning", f"{problem.what} (For {why}.)", problem.todo)
        elif found is None:
            account = item_draft(name, policy).body["IncomeAccountRef"]["value"].id
            words = f"Not in QuickBooks yet: it is made as a service on {account!r} when needed."
            yield Check(f"item {name}", "ok", f"{words} (For {why}.)")
        elif check := _on_sales(name, found, lists, policy):
            yield check
        else:
            fine.append(name)
    if fine:
        yield Check("items", "ok", f"In QuickBooks, active and usable: {', '.join(fine)}.")


def _unfit(name: str, found: Body | None, lists: Lists, policy: Policy) -> Problem | None:
    """Why an item cannot be used, or not be made."""
    is_tax = name.casefold() == policy.items.sales_tax.casefold()
    if found is not None:
        draft = Draft(item_key(name), {}, {}, name=name)
        met = meet_item(draft, [Candidate("Item", found)], lists.accounts, is_tax)
        return met if isinstance(met, Problem) else None
    try:
        draft = item_draft(name, policy)
    except RecordError as error:
        return Problem("", error.reason, error.what, error.todo)
    return meet_account(draft.body["IncomeAccountRef"]["value"], lists.by_name, "", is_tax)


def _on_sales(name: str, found: Body, lists: Lists, policy: Policy) -> Check | None:
    """A fee, credit or discount on the account of sales spoils the figure of sales."""
    items = policy.items
    ours = {items.discount, items.finance_charge, items.processing_fee, items.bounced_payment,
            items.credit_memo, items.bad_debt}  # fmt: skip
    account = lists.account_of(found)
    if name not in ours or account is None or account.get("AccountSubType") != _SALES:
        return None
    return Check(
        f"item {name}",
        "warning",
        f"The item {name!r} stands on the sales account {account['Name']!r}.",
        f"Give it an account of its own: {_ITEMS} → {name} → Edit → Income account.",
    )


def _accounts(lists: Lists, policy: Policy) -> Iterator[Check]:
    """The accounts that the configuration names."""
    named = {**policy.items.income_account}
    fine: list[str] = []
    for item, account in named.items():
        is_tax = item.casefold() == policy.items.sales_tax.casefold()
        key = Key(Entity.ACCOUNT, "account", account)
        if problem := meet_account(key, lists.by_name, "", is_tax):
            yield Check(f"account {account}", "warning", problem.what,
                        f"{problem.todo} {_ACCOUNTS} → New.")  # fmt: skip
        else:
            fine.append(account)
    for method, name in policy.deposit_to.items():
        found = lists.by_name.get(name.casefold())
        if found is None or not found.get("Active", True):
            what = "is not active" if found else "is not in QuickBooks"
            yield Check(f"account {name}", "warning",
                        f"The account {name!r} for money by {method!r} {what}: such payments wait.",
                        f"{_ACCOUNTS} → New, or correct [payments.deposit_to].")  # fmt: skip
        else:
            fine.append(name)
    if fine:
        yield Check("accounts", "ok", f"There and active: {', '.join(dict.fromkeys(fine))}.")


def _undeposited(lists: Lists) -> Iterator[Check]:
    found = [a for a in lists.accounts if a.get("AccountSubType") == "UndepositedFunds"]
    active = [a for a in found if a.get("Active", True)]
    if active:
        yield Check("undeposited funds", "ok", f"The account is {active[0]['Name']!r}.")
    elif found:
        yield Check("undeposited funds", "warning", f"{found[0]['Name']!r} is inactive.",
                    f"Make it active: {_ACCOUNTS} → Include inactive.")  # fmt: skip
    else:
        words = "Not there yet: QuickBooks makes it with the first payment."
        yield Check("undeposited funds", "ok", words)


def _methods(lists: Lists, policy: Policy) -> Iterator[Check]:
    missing = []
    for name in dict.fromkeys(policy.payment_methods.values()):
        draft = Draft(Key(Entity.PAYMENT_METHOD, "payment_method", name), {}, {}, name=name)
        active = [m for m in lists.methods if m.get("Active", True)]
        if meet_method(draft, [Candidate("PaymentMethod", m) for m in active]) is None:
            missing.append(name)
    if not missing:
        yield Check("payment methods there", "ok", "QuickBooks has those of [payments.methods].")
    elif policy.items.create_missing:
        words = f"Not in QuickBooks yet, made when needed: {', '.join(missing)}."
        yield Check("payment methods there", "ok", words)
    else:
        yield Check("payment methods there", "warning", f"Not in QuickBooks: {', '.join(missing)}.",
                    "gear icon → All lists → Payment methods → New.")  # fmt: skip


def _terms(lists: Lists, snapshot: Snapshot) -> Iterator[Check]:
    days = {c.terms_days for c in snapshot.customers.values() if c.terms_days is not None}
    there = {
        str(term.get("DueDays"))
        for term in lists.terms
        if term.get("Active", True) and term.get("Type", "STANDARD") == "STANDARD"
    }
    if missing := [n for n in sorted(days) if str(n) not in there]:
        names = ", ".join("Due on receipt" if n == 0 else f"Net {n}" for n in missing)
        words = f"QuickBooks has no active term for {_days(missing)}: due dates go out without one."
        yield Check("terms", "warning", words, f"Make {names}: {_TERMS} → New.")
    elif days:
        yield Check("terms", "ok", f"QuickBooks has terms for {_days(sorted(days))}.")


def _days(days: Iterable[int]) -> str:
    return f"{', '.join(str(n) for n in days)} days"
