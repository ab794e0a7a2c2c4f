"""Which of QuickBooks' documents are the source's own, made there before we came?  Pure.

Nothing is guessed: a match is certain when everything that can be compared agrees (names
without punctuation) and nothing else fits as well.  All the rest is doubtful, and shown with
both sides.

    record      certain                                        doubtful
    ----------  ---------------------------------------------  ---------------------------
    customer    its name; or its name and its own number       the same e-mail address
    item        its full name                                  the name under a parent
    document    number, customer, total, date                  number, and not all of these
    payment     customer, amount, date, reference, invoices    customer and amount, within
                                                               10 days or by reference
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from qbosync.key import Entity, Key
from qbosync.mapping.context import Candidate
from qbosync.mapping.posted import applied
from qbosync.mark import MARK
from qbosync.operation import Body, Draft
from qbosync.recognise import unlike

_NEAR = timedelta(days=10)
_WORDS = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Match:
    """A draft, the object that is or may be it, and why it is not certain."""

    draft: Draft
    entity: str
    object: Body
    why: str = ""

    @property
    def is_certain(self) -> bool:
        return not self.why


@dataclass
class Matcher:
    """Matches drafts in the order of their references; `ids` grows with what is certain."""

    found: Mapping[Key, tuple[Candidate, ...]]
    prefix: str = ""
    ids: dict[Key, str] = field(default_factory=dict)

    def match(self, drafts: Iterable[Draft]) -> tuple[Match, ...]:
        """Every draft that something in QuickBooks fits; waves in their order."""
        matches: list[Match] = []
        by_wave: dict[int, list[Draft]] = defaultdict(list)
        for draft in drafts:
            by_wave[draft.key.entity.wave].append(draft)
        for _, wave in sorted(by_wave.items()):
            made = list(_once(match for draft in wave for match in self._fits(draft)))
            self.ids |= {m.draft.key: str(m.object["Id"]) for m in made if m.is_certain}
            matches += made
        return tuple(matches)

    def _fits(self, draft: Draft) -> Iterator[Match]:
        judged = [
            Match(draft, candidate.entity, candidate.object, self._doubt(draft, candidate))
            for candidate in self.found.get(draft.key, ())
            if draft.key.entity is not Entity.PAYMENT or self._is_near(draft, candidate.object)
        ]
        certain = [match for match in judged if match.is_certain]
        if len(certain) > 1:
            ids = ", ".join(str(match.object["Id"]) for match in certain)
            yield from (_doubted(m, f"{len(certain)} fit alike (Id {ids})") for m in certain)
        else:
            yield from certain or judged

    def _is_near(self, draft: Draft, body: Body) -> bool:
        """Whether a payment of the amount may be this one: its customer's, and of that time."""
        if self._customer(body) != self.ids.get(draft.body["CustomerRef"]["value"]):
            return False
        theirs, ours = (date.fromisoformat(b["TxnDate"]) for b in (body, draft.body))
        reference = draft.body.get("PaymentRefNum")
        is_same = bool(reference) and body.get("PaymentRefNum") == reference
        return is_same or abs(theirs - ours) <= _NEAR

    @staticmethod
    def _customer(body: Body) -> str:
        return str(body.get("CustomerRef", {}).get("value", ""))

    def _doubt(self, draft: Draft, candidate: Candidate) -> str:
        """Why a candidate is not certainly the draft's; `""` when it is."""
        body = candidate.object
        if candidate.entity != draft.key.entity:
            return f"a {candidate.entity.lower()} has that name"
        if MARK in str(body.get("PrivateNote") or ""):
            return "it bears our mark: `qbosync sync` recognises it"
        if draft.key.entity is Entity.CUSTOMER:
            return _customer_doubt(draft, body)
        if draft.key.entity is Entity.ITEM:
            full = str(body.get("FullyQualifiedName", "")).casefold()
            return "" if full == draft.name.casefold() else f"its full name is {full!r}"
        return self._document_doubt(draft, body)

    def _document_doubt(self, draft: Draft, body: Body) -> str:
        differs = []
        customer = draft.body["CustomerRef"]["value"]
        if self._customer(body) != self.ids.get(customer):
            differs.append("customer")
        is_payment = draft.key.entity is Entity.PAYMENT
        if not is_payment and (what := unlike(_plain(draft, self.prefix, body), body)):
            differs.append(what)
        if body.get("TxnDate") != draft.body.get("TxnDate"):
            differs.append("date")
        if is_payment:
            theirs, ours = (str(b.get("PaymentRefNum") or "") for b in (body, draft.body))
            if theirs and ours and theirs != ours:
                differs.append("reference")
            if applied(body.get("Line", [])) != self._pays(draft):
                differs.append("what it is applied to")
        return "" if not differs else f"other {', '.join(differs)}"

    def _pays(self, draft: Draft) -> dict[tuple[str, str], Decimal]:
        lines = [
            {
                "Amount": line["Amount"],
                "LinkedTxn": [
                    {"TxnType": link["TxnType"], "TxnId": self.ids.get(link["TxnId"], "")}
                    for link in line["LinkedTxn"]
                ],
            }
            for line in draft.body["Line"]
        ]
        return applied(lines)


def _plain(draft: Draft, prefix: str, body: Body) -> Draft:
    """The draft with the number as it was before a prefix was given, where that is there."""
    number = draft.number.removeprefix(prefix)
    if prefix and body.get("DocNumber") == number:
        return replace(draft, number=number)
    return draft


def _customer_doubt(draft: Draft, body: Body) -> str:
    if not body.get("Active", True):
        return "it is inactive"
    theirs, ours = words(str(body.get("DisplayName", ""))), words(draft.name)
    if theirs == ours or sorted(theirs) == sorted([*ours, *words(draft.key.id)]):
        return ""
    return "only the e-mail address is the same"


def words(name: str) -> list[str]:
    """A name without punctuation and case: ``Acme Kitchens (301)`` is acme, kitchens, 301."""
    return [word for word in _WORDS.split(name.casefold()) if word]


def _once(matches: Iterable[Match]) -> Iterator[Match]:
    """An object that two records claim is certainly neither's."""
    every = list(matches)
    claims = Counter((m.entity, str(m.object["Id"])) for m in every if m.is_certain)
    for match in every:
        if match.is_certain and claims[match.entity, str(match.object["Id"])] > 1:
            yield _doubted(match, "another record fits it as well")
        else:
            yield match


def _doubted(match: Match, why: str) -> Match:
    return Match(match.draft, match.entity, match.object, why)
