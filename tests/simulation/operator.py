"""The person at the command line, who decides: `resolve`, `hold`, `release`.

Nothing is decided that is not asked: the words are about what the last run told.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from random import Random

from qbosync.errors import SetupError
from qbosync.ledger import Ledger
from qbosync.outcome import Outcome
from qbosync.resolve import Request, take_word
from tests.simulation.bookkeeper import Bookkeeper
from tests.simulation.business import Business
from tests.simulation.net import SimClock
from tests.simulation.oracle import Oracle
from tests.simulation.process import Machine


@dataclass
class Operator:
    """Who reads what a run told, and says a word about it."""

    machine: Machine
    shop: Business
    oracle: Oracle
    person: Bookkeeper
    outcome: Outcome = field(default_factory=Outcome)

    def say(self, word: str, dice: Random) -> None:
        """One word about one record, if there is anything to say it about."""
        with contextlib.closing(Ledger.open(self.machine.path)) as ledger:
            if word == "hold":
                self._hold(ledger, dice)
            elif word == "release":
                self._release(ledger, dice)
            elif word == "relink":
                self._relink(ledger, dice)
            elif word == "same_as":
                self._same_as(ledger, dice)
            else:
                self._resolve(ledger, word, dice)

    def _take(self, ledger: Ledger, ref: str, verb: str, other: str = "") -> bool:
        """Whether the product takes the word."""
        now = SimClock(self.machine.net).now()
        try:
            answer = take_word(ledger, self.shop.snapshot(), Request(ref, verb, other, "me"), now)
        except SetupError as error:
            self.machine.net.say(f"  {verb} {ref}: refused, {error.what}")
            return False
        self.machine.net.say(f"  {verb} {ref} {other}: {answer.words}")
        return True

    def _resolve(self, ledger: Ledger, word: str, dice: Random) -> None:
        deeds = self.oracle.deeds
        edited = sorted({key.source for key in ledger.edits()})
        by_hand = sorted(r for r, p in self.outcome.held.items() if p.reason == "entered_by_hand")
        chosen = edited + by_hand
        if word == "forget":
            chosen = edited or sorted({e.key.source for e in ledger.entries()})
        elif word == "ours":
            chosen += sorted(ref for ref, said in deeds.words.items() if said == "forget")
        chosen = [ref for ref in chosen if not self._is_busy(ref) and ":" in ref]
        if word == "forget":
            named = ("item:", "payment_method:", "customer:")
            chosen = [ref for ref in chosen if not ref.startswith(named)]
        if not chosen:
            return
        ref = dice.choice(chosen)
        is_unseen = deeds.unseen.get(ref) == self.machine.told(ref)
        if not self._take(ledger, ref, word):
            return
        if word == "ours" and is_unseen:
            return  # it was about what the person saw
        if word == "ours":
            self._ours(ref)
        else:
            deeds.roots.add(ref)
            deeds.words[ref] = word
            if word == "forget":
                self._freeze(ref)

    def _ours(self, ref: str) -> None:
        deeds = self.oracle.deeds
        if ref.startswith("customer:"):
            return  # some of its fields only: what else a person changed stays
        deeds.settle(ref)

    def _freeze(self, ref: str) -> None:
        self.oracle.deeds.frozen[ref] = {
            (d.entity, d.id): d for d in self.person.books() if d.source == ref
        }

    def _is_busy(self, ref: str) -> bool:
        """Whether something of it is still on its way."""
        return any(k.split("|", 1)[1] == ref for k in self.machine.open_intents())

    def _hold(self, ledger: Ledger, dice: Random) -> None:
        records = [*self.oracle.versions]
        if records:
            ref = dice.choice(records)
            if ref not in self.oracle.deeds.frozen and not self._is_busy(ref):
                ledger.put_aside(ref, "", "me", SimClock(self.machine.net).now())
                self.machine.net.say(f"  hold {ref}")
                self.oracle.deeds.aside[ref] = ref in self.oracle.deeds.roots
                self.oracle.deeds.roots.add(ref)
                self._freeze(ref)

    def _release(self, ledger: Ledger, dice: Random) -> None:
        deeds = self.oracle.deeds
        if deeds.aside:
            ref = dice.choice(list(deeds.aside))
            ledger.release(ref)
            self.machine.net.say(f"  release {ref}")
            if not deeds.aside.pop(ref):
                deeds.roots.discard(ref)
            deeds.frozen.pop(ref, None)

    def _relink(self, ledger: Ledger, dice: Random) -> None:
        """A merged customer, or a payment that the bookkeeper had entered."""
        deeds = self.oracle.deeds
        if deeds.merged:
            id_ = dice.choice(list(deeds.merged))
            if self._take(ledger, f"customer:{id_}", "relink", deeds.merged[id_]):
                del deeds.merged[id_]
            return
        held = [r for r, p in self.outcome.held.items() if p.reason == "entered_by_hand"]
        strangers = [s for s in ledger.strangers() if s.entity == "Payment"]
        for ref in held:
            payment = self.shop.payments.get(ref.removeprefix("payment:"))
            for other in strangers:
                if payment is not None and payment.amount == other.amount:
                    if self._take(ledger, ref, "relink", other.qbo_id):
                        deeds.tied["Payment", other.qbo_id] = ref
                    return

    def _same_as(self, ledger: Ledger, dice: Random) -> None:
        """Money that was taken back and entered again is the same."""
        held = [r for r, p in self.outcome.held.items() if p.reason == "same_money"]
        for ref in held:
            payment = self.shop.payments[ref.removeprefix("payment:")]
            for other in self.shop.payments.values():
                is_same = (other.amount, other.customer_id) == (
                    payment.amount, payment.customer_id,
                )  # fmt: skip
                is_there = is_same and not other.is_received and not self._is_busy(other.ref)
                if is_there and self._take(ledger, ref, "same_as", other.ref):
                    self._tie(other.ref, ref)
                    return

    def _tie(self, old: str, new: str) -> None:
        deeds = self.oracle.deeds
        for document in self.person.books():
            if document.source == old and not document.is_void:
                deeds.tied[document.entity, document.id] = new
