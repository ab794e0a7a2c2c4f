"""What is decided once, when connecting: accounts of missing items, the numbers' prefix.

Only a person decides, and only at a terminal; what nobody decided is listed as still open.
`sync` never makes an account: here one is made where the operator agrees to it.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qbosync.errors import RecordError, SetupError
from qbosync.examine.books import Lists, needed_items
from qbosync.ledger import Ledger
from qbosync.mapping.item import item_draft
from qbosync.mapping.policy import Policy
from qbosync.model import Snapshot
from qbosync.opening import opening_list
from qbosync.operation import Body, digest
from qbosync.qbo.answer import Call
from qbosync.qbo.client import Company
from qbosync.qbo.preferences import VOUCHED
from qbosync.qbo.query import is_in, literal
from qbosync.rules import policy_of
from qbosync.signin import Person
from qbosync.wiring import Setup

_NUMBERS = 2000
"""So many of the newest orders are compared with QuickBooks' numbers."""
_CHUNK = 100
LEFT = "-"
"""The answer that leaves a question open."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Where an item belongs: the kind of account, and one to make where there is none."""

    type: str
    subtype: str
    name: str
    words: tuple[str, ...] = ()


PROPOSALS: Mapping[str, Proposal] = {
    "sales_tax": Proposal("Other Current Liability", "OtherCurrentLiabilities",
                          "Sales Tax Collected", ("tax",)),
    "discount": Proposal("Income", "DiscountsRefundsGiven", "Discounts given", ("discount",)),
    "credit_memo": Proposal("Income", "DiscountsRefundsGiven", "Refunds-Allowances",
                            ("refund", "allowance")),
    "finance_charge": Proposal("Other Income", "OtherMiscellaneousIncome",
                               "Finance Charge Income", ("finance",)),
    "processing_fee": Proposal("Income", "ServiceFeeIncome", "Fees Billed", ("fee",)),
    "bounced_payment": Proposal("Income", "ServiceFeeIncome", "Fees Billed", ("fee",)),
    "other_charge": Proposal("Income", "ServiceFeeIncome", "Fees Billed", ("fee",)),
    "shipping": Proposal("Income", "OtherPrimaryIncome", "Shipping Income",
                         ("shipping", "freight", "delivery")),
    "rounding": Proposal("Other Income", "OtherMiscellaneousIncome", "Rounding", ("rounding",)),
    "bad_debt": Proposal("Expense", "BadDebts", "Bad Debt", ("bad debt",)),
}  # fmt: skip
"""For each item that is no product line; an account counts if its name has one of the words."""


@dataclass
class FirstDay:
    """One conversation; `still_open` is what it did not settle."""

    setup: Setup
    company: Company
    ledger: Ledger
    lists: Lists
    snapshot: Snapshot
    person: Person
    still_open: list[str] = field(default_factory=list)

    def decide(self) -> dict[str, Any]:
        """Ask what is open; the answers as fields of the connection."""
        policy = policy_of(self.setup.settings)
        self._vouch()
        accounts = dict(self._accounts(policy))
        prefix = self._prefix(policy)
        self._there_before()
        today = self.setup.clock.now().astimezone(self.setup.zone).date()
        opening = opening_list(self.snapshot, policy, today)
        for words in opening.words() if opening else ():
            self.person.show(words)
        known = self.setup.connection
        kept = known.income_account if known else {}
        decided: dict[str, Any] = {"income_account": {**kept, **accounts}}
        return decided | ({"order_prefix": prefix} if prefix else {})

    # What QuickBooks shows to no program ------------------------------------------------

    def _vouch(self) -> None:
        """Ask once; who said so, and when, is remembered."""
        accepted = self.ledger.facts("accepted:")
        for name, (what, where) in VOUCHED.items():
            if name in accepted:
                continue
            if self.person.choose is None:
                self.still_open.append(f"look at {where}: {what}. Off? qbosync check --accept"
                                       f" {name}")  # fmt: skip
                continue
            question = f"QuickBooks does not show it: {what} ({where}). Is it off? (yes/no)"
            if self.person.choose(question, "no").strip().casefold() in ("y", "yes"):
                told = f"{self.setup.clock.now().isoformat()} {who()}"
                self.ledger.set_fact(f"accepted:{name}", told)
            else:
                self.still_open.append(f"turn it off: {where}; then qbosync check --accept {name}")

    # Accounts ---------------------------------------------------------------------------

    def _accounts(self, policy: Policy) -> Iterator[tuple[str, str]]:
        """For each item that is neither there nor has an account named: which one?"""
        names = {str(getattr(policy.items, key)): key for key in PROPOSALS}
        if not policy.items.create_missing:
            return
        needed = list(needed_items(self.snapshot, policy))
        own = {name.casefold() for name in policy.items.income_account}
        tax = policy.items.sales_tax
        if policy.is_production and tax.casefold() not in own:
            # Real books demand it by name; where the item is there, its account says it.
            there = self.lists.item(tax)
            if account := self.lists.account_of(there) if there else None:
                yield tax, str(account.get("FullyQualifiedName", account["Name"]))
            elif tax not in needed:
                needed.append(tax)
        for item in needed:
            if self.lists.item(item) is not None or item not in names:
                continue
            try:
                account = item_draft(item, policy).body["IncomeAccountRef"]["value"].id
                if account.casefold() not in self.lists.by_name:
                    self._make(PROPOSALS[names[item]], account)
                continue
            except RecordError:
                chosen = self._ask_account(item, PROPOSALS[names[item]])
            if chosen:
                yield item, chosen

    def _ask_account(self, item: str, proposal: Proposal) -> str:
        there = self._existing(proposal)
        proposed = there or proposal.name
        new = "" if there else f" (made as {proposal.type})"
        if self.person.choose is None:
            line = f'"{item}" = "{proposed}"'
            self.still_open.append(
                f"the item {item!r} has no account; proposed: {line}{new} in [items.income_account]"
            )
            return ""
        question = f"Account of the item {item!r}, {LEFT} to leave it open{new}"
        chosen = self.person.choose(question, proposed).strip()
        if chosen in ("", LEFT):
            self.still_open.append(f"the item {item!r} has no account in [items.income_account]")
            return ""
        if chosen.casefold() not in self.lists.by_name:
            return chosen if self._make(proposal, chosen) else ""
        return chosen

    def _existing(self, proposal: Proposal) -> str:
        """An active account of that kind, the best named first."""
        fitting = [
            name
            for a in self.lists.accounts
            if a.get("AccountType") == proposal.type
            and a.get("Active", True)
            and a.get("AccountSubType") != "GlobalTaxPayable"
            and any(w in (name := str(a.get("FullyQualifiedName", ""))).casefold()
                    for w in proposal.words)
        ]  # fmt: skip
        return fitting[0] if fitting else ""

    def _make(self, proposal: Proposal, name: str) -> bool:
        """Make an account in QuickBooks, if the operator agrees; names are unique there."""
        if self.person.choose is None:
            self.still_open.append(
                f"QuickBooks has no account {name!r}: make it ({proposal.type}) under gear icon →"
                " Chart of accounts → New"
            )
            return False
        question = f"QuickBooks has no account {name!r}. Make it as {proposal.type}? (yes/no)"
        if self.person.choose(question, "yes").strip().casefold() not in ("y", "yes"):
            self.still_open.append(f"QuickBooks has no account {name!r}")
            return False
        body: Body = {
            "Name": name,
            "AccountType": proposal.type,
            "AccountSubType": proposal.subtype,
        }
        request_id = digest(["account", self.company.realm_id, name])[:36]
        answer = self.company.write(Call("create", "Account", body, request_id))
        there = answer.object or next(
            self.company.select("Account", f"Name = {literal(name)}"), None
        )
        if there is None:
            raise SetupError(
                f"QuickBooks did not make the account {name!r}: {answer.reason}.",
                "Make it by hand (gear icon → Chart of accounts → New), then connect again.",
            )
        self.person.show(f"Account {name!r} is in QuickBooks (Id {there['Id']}).")
        return True

    # Numbers ----------------------------------------------------------------------------

    def _prefix(self, policy: Policy) -> str:
        """A prefix for order numbers, where QuickBooks has invoices of those numbers."""
        if policy.order_prefix or self.ledger.fact("fixed") or self.ledger.counts():
            return ""
        taken = taken_numbers(self.company, self.snapshot)
        if not taken:
            return ""
        some = ", ".join(sorted(taken)[:3])
        words = (
            f"QuickBooks has {len(taken)} invoice{'s' * (len(taken) > 1)} whose numbers the orders"
            " will reach"
            f" ({some}{', …' * (len(taken) > 3)})"
        )
        if self.person.choose is not None:
            question = f"{words}. Prefix for order numbers, {LEFT} for none"
            chosen = self.person.choose(question, "A-").strip()
            if chosen not in ("", LEFT):
                return chosen
        self.still_open.append(
            f"{words}: those orders are held; [documents] order_prefix avoids it, and is fixed"
            " after the first sync"
        )
        return ""

    def _there_before(self) -> None:
        """Offer to take over what a company had before us, as long as nothing of ours is in it."""
        if self.ledger.counts():
            return
        kinds = ("Customer", "Estimate", "Invoice", "Payment")
        counts = {kind: self.company.count(kind) for kind in kinds}
        if words := ", ".join(f"{n} {kind}" for kind, n in counts.items() if n):
            self.still_open.append(
                f"QuickBooks has entries from before ({words}): qbosync adopt --dry-run shows which"
                " of them are the shop system's, qbosync adopt takes them over; do it before the"
                " first sync"
            )


def taken_numbers(company: Company, snapshot: Snapshot) -> set[str]:
    """Numbers of invoices in QuickBooks that orders of the export bear too."""
    newest = sorted(snapshot.orders.values(), key=lambda o: (len(o.number), o.number))[-_NUMBERS:]
    numbers = [order.number for order in newest if order.number]
    if not numbers or not company.count("Invoice"):
        return set()
    taken: set[str] = set()
    for start in range(0, len(numbers), _CHUNK):
        where = is_in("DocNumber", numbers[start : start + _CHUNK])
        rows = company.select("Invoice", where, "Id, DocNumber")
        taken |= {str(row.get("DocNumber")) for row in rows}
    return taken


def who() -> str:
    """The account of the operating system that says so."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
