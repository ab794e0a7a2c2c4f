"""One history from one seed: what happens, what goes wrong, and what must hold after it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from qbosync.emulator import VirtualClock
from qbosync.emulator.bookkeeper import act
from qbosync.mapping.policy import Items, Policy
from qbosync.model import CreditMemo, Payment
from qbosync.outcome import Outcome
from tests.simulation.books import Document, customers, read_books
from tests.simulation.business import BY_NAME, CHANGES, Business, new_customer
from tests.simulation.fault import KINDS, Fault
from tests.simulation.net import Net, SimClock, Violation
from tests.simulation.oracle import Oracle
from tests.simulation.process import BEGIN, RESEND_AFTER, Machine, open_company, without_threads

_SECOND = 0.1
"""So many histories have a second machine."""
_QUIET = 16 * 60
_GAPS = (2, 60, 600, 1000, 7200, 7200, 7200, 7200, 86_400, 172_800)
_HABITS = ("due", "recode", "deposit", "own_invoice", "void", "phone")
_ACCOUNTS = {"Sales Tax": "Sales Tax Collected", "*": "Sales of Product Income"}


@dataclass(frozen=True)
class Step:
    """One thing that happens: a change in the shop, a run, a person, a disk, or time."""

    kind: str
    seed: int = 0
    name: str = ""
    faults: tuple[Fault, ...] = ()
    kill_at: int = 0
    seconds: int = 0
    skew: int = 0

    def __str__(self) -> str:
        faults = ", ".join(f"{f.kind} from {f.nth}" for f in self.faults)
        words = [self.kind, self.name, f"{self.seconds} s" if self.seconds else ""]
        words += [f"clock off by {self.skew} s" if self.skew else ""]
        words += [f"killed at boundary {self.kill_at}" if self.kill_at else "", faults]
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class World:
    """What stays the same through a history."""

    seed: int
    assume: tuple[tuple[str, str], ...]
    in_flight: int
    estimate_always: bool
    charge_status: str
    steps: tuple[Step, ...]


def draw(seed: int) -> World:
    """The history of a seed: at least five runs, ten records and three faults."""
    dice = Random(seed)
    assume = {
        "requestid-retention": dice.choice(("forever", "24h", "1h", "10m", "ignored", "ignored")),
        "duplicate-number": dice.choice(("custom", "always", "never", "never")),
        "requestid-faults": dice.choice(("forgotten", "remembered")),
        "estimate-status": dice.choice(("Converted", "Closed")),
        "estimate-after": dice.choice(("previous", "Pending", "unchanged")),
    }
    steps = [_change(dice, "new_order") for _ in range(dice.choice((6, 8, 12)))]
    steps += [_change(dice, "new_charge"), _change(dice, "new_credit")]
    runs = dice.randint(3, 5)
    troubles = _troubles(dice, runs)
    forgets = dice.choice(("", "", "", "", "lose", "restore"))
    at = dice.randrange(1, runs)
    names, weights = [c.__name__ for c in CHANGES], list(CHANGES.values())
    for number in range(runs):
        chosen = dice.choices(names, weights, k=dice.randint(3, 9))
        steps += [_change(dice, name) for name in chosen]
        if dice.random() < 0.12:
            steps.append(Step("person", dice.getrandbits(32), dice.choice(_HABITS)))
        steps.append(Step("wait", seconds=dice.choice(_GAPS)))
        if forgets == "restore" and number == at - 1:
            steps.append(Step("backup"))
        if forgets and number == at:
            steps.append(Step(forgets))
        kill_at = dice.randint(1, 70) if dice.random() < 0.4 else 0
        faults = tuple(troubles[number])
        skew = dice.choice((0, 0, 0, 0, 0, 240, -240, 2400, -2400))
        steps.append(Step("run", dice.getrandbits(32), "", faults, kill_at, 0, skew))
    if not forgets and Random(f"second machine of {seed}").random() < _SECOND:
        steps += _second_machine(Random(f"what the second machine of {seed} does"))
    return World(
        seed, tuple(assume.items()), dice.choice((1, 2, 4)), dice.random() < 0.2,
        dice.choice(("shipped", "shipped", "completed", "ordered")), tuple(steps),
    )  # fmt: skip


def _second_machine(dice: Random) -> list[Step]:
    """A copy of ledger and keyring goes on beside the first, until one takes over."""
    names, weights = [c.__name__ for c in CHANGES], list(CHANGES.values())
    steps = [Step("copy")]
    for _ in range(dice.choice((2, 3, 4))):
        steps += [_change(dice, name) for name in dice.choices(names, weights, k=3)]
        for machine in dice.sample(("", "second"), k=2):
            faults = [Fault(dice.choice(KINDS), dice.choice((2, 4, 8)), dice.randint(1, 10_000))]
            kill_at = dice.randint(1, 40) if dice.random() < 0.2 else 0
            steps.append(Step("wait", seconds=dice.choice((1, 60, 600, 7200))))
            steps.append(Step("run", dice.getrandbits(32), machine, tuple(faults), kill_at))
    return steps


def _change(dice: Random, name: str) -> Step:
    return Step("change", dice.getrandbits(32), name)


def _troubles(dice: Random, runs: int) -> list[list[Fault]]:
    """Faults over the runs: three at least."""
    spread: list[list[Fault]] = [[] for _ in range(runs)]
    for _ in range(dice.choice((3, 4, 6, 10))):
        kind = dice.choice(KINDS)
        nth = dice.choice((1, 2, 4, 8, 12, 16, 22))
        spread[dice.randrange(runs)].append(Fault(kind, nth, dice.randint(1, 10_000)))
    return spread


@dataclass
class Report:
    """What a history came to; `noticed` counts runs that stopped because of a second machine."""

    seed: int
    wrong: str = ""
    runs: int = 0
    noticed: int = 0
    kills: int = 0
    records: int = 0
    documents: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    boundaries: int = 0
    passed: list[list[str]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def play_seed(seed: int) -> Report:
    """Play the history of a seed."""
    return play(draw(seed))


def play(world: World, is_logging: bool = False) -> Report:
    """Play a history to its end; `wrong` says which promise was broken, if any."""
    folder = Path(tempfile.mkdtemp(prefix="qbosync-", dir=_memory()))
    try:
        return History(world, folder, is_logging).play()
    finally:
        shutil.rmtree(folder)


def _memory() -> str | None:
    """A disk in memory, where there is one: nothing here asks what a power cut leaves."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class History:
    """A shop, a machine and QuickBooks, stepping through a world."""

    def __init__(self, world: World, folder: Path, is_logging: bool = False) -> None:
        self.world = world
        self.time = VirtualClock(BEGIN)
        emulator, realm_id = open_company(dict(world.assume), self.time)
        self.net = Net(emulator, self.time, realm_id, RESEND_AFTER, is_logging=is_logging)
        policy = Policy(
            Items("Cabinets", income_account=_ACCOUNTS),
            charge_status=world.charge_status,
            estimate_always=world.estimate_always,
            payment_methods={"check": "Check", "cc": "Card of ours"},
        )
        self.machine = Machine(folder, self.net, policy, world.in_flight)
        self.shop = Business()
        self.oracle = Oracle(world.charge_status)
        self.report = Report(world.seed)
        self.second: Machine | None = None
        self.doubled = ""
        for _ in range(3):
            new_customer(self.shop, Random(world.seed))

    def play(self) -> Report:
        """All steps, then quiet."""
        report = self.report
        try:
            with without_threads(self.net):
                for step in self.world.steps:
                    self.net.say(f"- {step}")
                    self._step(step)
                self._quiet()
        except Violation as error:
            report.wrong = str(error)
        except Exception as error:  # a bug that ended a run, or one of ours: either is told
            report.wrong = f"a bug: {error!r} at {_place(error)}"
        report.faults = self.net.struck
        report.records = self.shop.count
        report.documents = len(self.books())
        report.log = self.net.log
        return report

    def books(self) -> list[Document]:
        return read_books(self.net.emulator, self.net.realm_id)

    # Steps -------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        if step.kind == "change":
            self.shop.today = date(2026, 6, 1) + timedelta(days=(self.time.now() - BEGIN) // 86400)
            BY_NAME[step.name](self.shop, Random(step.seed))
        elif step.kind == "wait":
            self.net.pass_time(step.seconds)
        elif step.kind == "run":
            self._run(step)
        elif step.kind == "person":
            self._person(step.name, Random(step.seed))
        elif step.kind == "copy":
            self.second = self.machine.copy(self.machine.folder / "second")
        elif step.kind == "backup":
            self.machine.backup()
        elif step.kind == "lose":
            self.machine.new_ledger(is_known=True)
            self.oracle.has_forgotten = True
        elif self.machine.restore():
            self.oracle.has_forgotten = True

    def _run(self, step: Step) -> Outcome | None:
        snapshot = self.shop.snapshot()
        self.machine.feed.snapshot = snapshot
        self.oracle.see(snapshot)
        dice = Random(step.seed)
        machine = self.second if step.name == "second" and self.second else self.machine
        outcome = machine.run(list(step.faults), step.kill_at, step.skew, dice)
        error = outcome.error if outcome else None
        self.report.noticed += error is not None and "Another qbosync" in error.what
        self.report.runs += 1
        self.report.kills += outcome is None
        self.report.boundaries += len(self.net.boundaries)
        self.report.passed.append(self.net.boundaries)
        if self.net.struck["drop_link"]:
            self.oracle.unlinked = set(self.oracle.versions)
        self.net.say(f"  = {_told(outcome)}")
        self._check(outcome)
        return outcome

    def _check(self, outcome: Outcome | None) -> None:
        people = customers(self.net.emulator, self.net.realm_id)
        for wrong in self.oracle.wrong(self.books(), people):
            if not self._is_residue(wrong):
                raise Violation(wrong)
            self.doubled = wrong
        if outcome is not None and outcome.error is None:
            self._disposition(outcome)

    def _is_residue(self, wrong: str) -> bool:
        """Two machines, and a QuickBooks that ignores request ids: then nothing can hold
        every second document back, but it is noticed."""
        is_ignored = ("requestid-retention", "ignored") in self.world.assume
        return self.second is not None and is_ignored and wrong.startswith("twice")

    def _disposition(self, outcome: Outcome) -> None:
        """Every source record is in exactly one place."""
        plan, shop = outcome.plan, self.shop
        spendings = {
            f"{c.ref}/{a.target}/{n}"
            for c in shop.credits.values()
            if c.reason != "overpayment" and not c.is_deleted
            for n, a in enumerate(c.applied)
        }
        offs = [c for c in shop.credits.values() if c.reason == "write_off"]
        records = shop.count + len(shop.refunds) + len(spendings) + len(offs)
        held = {p.source for p in plan.held if not p.source.startswith(_NAMED)}
        planned = {
            op.key.source
            for op in plan.operations
            if op.key.kind not in _NAMED and not (op.action == "adopt" and op.key.source in held)
        }
        if both := planned & held:
            raise Violation(f"planned and held: {sorted(both)}")
        told = len(planned) + len(held) + plan.unchanged + sum(plan.out_of_scope.values())
        if told != records:
            raise Violation(f"{records} records have {told} dispositions")

    # A person in QuickBooks ----------------------------------------------------------------

    def _person(self, habit: str, dice: Random) -> None:
        """What a bookkeeper does; the record is theirs from then on."""
        books = [d for d in self.books() if not d.is_void]
        ours = [d for d in books if d.source.startswith(("order:", "charge:"))]
        invoices = [d for d in ours if d.entity == "Invoice"]
        payments = [d for d in books if d.source.startswith("payment:")]
        body: dict[str, Any] = {}
        touched: Document | None = None
        if habit == "own_invoice" and invoices:
            values = {"CustomerRef": {"value": invoices[0].customer}, "DocNumber": "HAND-1",
                      "Line": [{"DetailType": "SalesItemLineDetail", "Amount": Decimal("12.00"),
                                "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}]}  # fmt: skip
            body = {"action": "create", "entity": "Invoice", "values": values}
        elif habit == "due" and invoices:
            values = {"DueDate": "2026-12-24"}
            body = {"action": "edit", "entity": "Invoice", "id": dice.choice(invoices).id,
                    "values": values}  # fmt: skip
        elif habit == "recode" and invoices:
            item = {"SalesItemLineDetail": {"ItemRef": {"value": "1"},
                                            "TaxCodeRef": {"value": "NON"}}}  # fmt: skip
            touched = dice.choice(invoices)  # its quantity and price go too
            body = {"action": "edit_line", "entity": "Invoice", "id": touched.id,
                    "line": 1, "values": item}  # fmt: skip
        elif habit == "void" and invoices:
            touched = dice.choice(invoices)
            body = {"action": "void", "entity": "Invoice", "id": touched.id}
        elif habit == "deposit" and payments:
            touched = dice.choice(payments)
            body = {"action": "deposit", "id": touched.id}
        elif habit == "phone" and invoices:
            self.oracle.edited_people.add(invoices[0].customer)
            body = {"action": "edit", "entity": "Customer", "id": invoices[0].customer,
                    "values": {"PrimaryPhone": {"FreeFormNumber": "000"}}}  # fmt: skip
        if body:
            self.net.say(f"  person: {body}")
            with contextlib.suppress(ValueError):  # QuickBooks does not let a person do all either
                act(self.net.emulator.companies[self.net.realm_id], body)
        if touched is not None:
            self._theirs(touched)

    def _theirs(self, document: Document) -> None:
        """A document that a person changed, and what hangs on it, is theirs."""
        loose = {document.source}
        pool: list[Payment | CreditMemo] = [*self.shop.payments.values()]
        pool += self.shop.credits.values()
        for record in pool:
            targets = {application.target for application in record.applied}
            if record.ref in loose or targets & loose:
                loose |= {record.ref, *targets}
        for record in pool:
            if any(a.target in loose for a in record.applied):
                loose.add(record.ref)
        self.oracle.loose |= loose

    # The end -----------------------------------------------------------------------------

    def _quiet(self) -> None:
        """After the last fault two clean runs mend everything, and one more writes nothing.

        Where the second had nothing to write already, it is that one.
        """
        if self.second is not None:
            self.net.pass_time(_QUIET)
            self.machine.take_over()
        outcome = None
        for _ in range(2):
            self.net.pass_time(_QUIET)
            outcome = self._run(Step("run"))
        if outcome is None or outcome.error is not None:
            raise Violation(f"a clean run ended with {_told(outcome)}")
        loose = set(self.oracle.loose)
        if self.oracle.has_forgotten or self.second:
            # What was changed since the copy was made says something else: a person looks.
            loose |= {ref for ref, p in outcome.held.items() if p.reason == "uncertain"}
        if still := [k for k in self.machine.open_intents() if k.split("|", 1)[1] not in loose]:
            raise Violation(f"open after two clean runs: {still}")
        if self.doubled and not self.report.noticed:
            raise Violation(f"two machines and nobody noticed: {self.doubled}")
        people = customers(self.net.emulator, self.net.realm_id)
        for wrong in (
            () if self.second else self.oracle.missing(self.books(), people, set(outcome.held))
        ):
            raise Violation(wrong)
        if self.net.writes:
            self.net.pass_time(_QUIET)
            self._run(Step("run"))
        if self.net.writes:
            raise Violation(f"a run with nothing to do sent {self.net.writes} writes")


_NAMED = ("item", "payment_method")


def _told(outcome: Outcome | None) -> str:
    if outcome is None:
        return "killed"
    written = [str(w.operation.key) for w in outcome.written]
    adopted = [str(w.operation.key) for w in outcome.adopted]
    held = [f"{p.source}: {p.what}" for p in outcome.held.values()]
    error = f" error {outcome.error.what}" if outcome.error else ""
    return f"exit {outcome.exit_code}{error} written {written} adopted {adopted} held {held}"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return ", ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[-9:])


def shrink(world: World, wrong: str) -> World:
    """Leave out steps and faults as long as some promise is still broken."""
    kept = list(world.steps)
    size = max(1, len(kept) // 2)
    while size:
        at = 0
        while at < len(kept):
            trial = replace(world, steps=tuple(kept[:at] + kept[at + size :]))
            if _alike(play(trial).wrong, wrong):
                kept = list(trial.steps)
            else:
                at += size
        size //= 2
    for at, step in enumerate(kept):
        for fault in step.faults:
            left = tuple(f for f in kept[at].faults if f != fault)
            trial_steps = [*kept[:at], replace(kept[at], faults=left), *kept[at + 1 :]]
            if _alike(play(replace(world, steps=tuple(trial_steps))).wrong, wrong):
                kept = trial_steps
        if kept[at].kill_at:
            trial_steps = [*kept[:at], replace(kept[at], kill_at=0), *kept[at + 1 :]]
            if _alike(play(replace(world, steps=tuple(trial_steps))).wrong, wrong):
                kept = trial_steps
    return replace(world, steps=tuple(kept))


def _alike(one: str, other: str) -> bool:
    """Whether two histories break the same promise: their first words, ids apart."""

    def words(text: str) -> list[str]:
        return [w for w in text.split() if w.isalpha()][:4]

    return bool(one) and words(one) == words(other)


__all__ = ["History", "Report", "SimClock", "Step", "World", "draw", "play", "shrink"]
