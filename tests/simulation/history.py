"""One history from one seed: what happens, what goes wrong, and what must hold after it."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from qbosync.emulator import VirtualClock
from qbosync.mapping.policy import Items, Policy
from qbosync.outcome import Outcome
from tests.simulation.bookkeeper import Bookkeeper
from tests.simulation.books import Document, companies, customers
from tests.simulation.business import Business
from tests.simulation.changes import BY_NAME
from tests.simulation.expected import Expected
from tests.simulation.net import Net, Violation
from tests.simulation.operator import Operator
from tests.simulation.oracle import Oracle, spendings
from tests.simulation.ordering import new_customer
from tests.simulation.process import (
    BEGIN,
    RESEND_AFTER,
    ZONE,
    Machine,
    open_company,
    without_threads,
)
from tests.simulation.world import Step, World, draw

_QUIET = 16 * 60
_ACCOUNTS = {"Sales Tax": "Sales Tax Collected", "*": "Sales of Product Income"}


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
            correction=world.correction,
            zero_total=world.zero_total,
            payment_methods={"check": "Check", "cc": "Card of ours"},
        )
        self.machine = Machine(folder, self.net, policy, world.in_flight)
        self.shop = Business()
        self.oracle = Oracle(world.charge_status, world.zero_total == "send")
        self.report = Report(world.seed)
        self.second: Machine | None = None
        self.doubled = ""
        self.person = Bookkeeper(self.net, self.shop, self.oracle, self.machine)
        self.operator = Operator(self.machine, self.shop, self.oracle, self.person)
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
        return self.person.books()

    def day(self, later: int = 0) -> date:
        """The day in the shop's own zone."""
        return datetime.fromtimestamp(self.time.now() + later, ZONE).date()

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
            self.person.do(step.name, Random(step.seed))
        elif step.kind == "word":
            self.operator.say(step.name, Random(step.seed))
        elif step.kind == "setting":
            self._set(step.name)
        elif step.kind == "copy":
            self.second = self.machine.copy(self.machine.folder / "second")
        elif step.kind == "backup":
            self.machine.backup()
        elif step.kind == "lose":
            self.machine.new_ledger(is_known=True)
            self.oracle.forget()
        elif self.machine.restore():
            self.oracle.forget()

    def _set(self, status: str) -> None:
        """Another Status to Charge Customer."""
        self.oracle.charge_status = status
        for machine in (self.machine, self.second):
            if machine is not None:
                machine.policy = replace(machine.policy, charge_status=status)

    def _run(self, step: Step) -> Outcome | None:
        snapshot = self.shop.snapshot()
        self.machine.feed.snapshot = snapshot
        self.oracle.see(snapshot, self.day(), self.day(3600))
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
        if self.person.taxes and (self.net.writes or (outcome and outcome.error is None)):
            raise Violation(f"Sales Tax is on, and {self.net.writes} writes went out")
        if outcome is not None and outcome.error is None:
            self._disposition(outcome)
            self.operator.outcome = outcome
            self.oracle.deeds.unseen.clear()

    def _is_residue(self, wrong: str) -> bool:
        """Two machines, and a QuickBooks that ignores request ids, or forgets them before a
        late one is applied: then nothing can hold every second document back, but it is
        noticed."""
        is_ignored = dict(self.world.assume)["requestid-retention"] in ("ignored", "10m")
        return self.second is not None and is_ignored and wrong.startswith("twice")

    def _disposition(self, outcome: Outcome) -> None:
        """Every source record is in exactly one place."""
        plan, shop = outcome.plan, self.shop
        spent = {
            f"{c.ref}/{a.target}/{n}"
            for c in shop.credits.values()
            if c.reason != "overpayment"
            for n, a in enumerate(spendings(c))
        }
        records = shop.count + len(shop.refunds) + len(spent)
        held = {p.source for p in plan.held if not p.source.startswith(_NAMED)}
        planned = {
            op.key.source
            for op in plan.operations
            if op.key.kind not in _NAMED and not (op.action == "adopt" and op.key.source in held)
        }
        waiting = {p.source for p in plan.held if p.reason == "rebuilding"}
        planned -= waiting  # what it needs first may go out all the same
        if both := planned & held:
            raise Violation(f"planned and held: {sorted(both)}")
        told = len(planned) + len(held) + plan.unchanged + sum(plan.out_of_scope.values())
        if told != records:
            raise Violation(f"{records} records have {told} dispositions")

    # The end -----------------------------------------------------------------------------

    def _quiet(self) -> None:
        """After the last fault two clean runs mend everything, and one more writes nothing.

        Where the second had nothing to write already, it is that one.
        """
        if self.person.taxes:
            self.person.do("sales_tax", Random(0))
        while self.day() != self.day(8 * _QUIET):
            self.net.pass_time(_QUIET)
        if self.second is not None:
            self.net.pass_time(_QUIET)
            self.machine.take_over()
        outcome = None
        for _ in range(2):
            self.net.pass_time(_QUIET)
            outcome = self._run(Step("run"))
        if outcome is None or outcome.error is not None:
            raise Violation(f"a clean run ended with {_told(outcome)}")
        if self.doubled and not self.report.noticed:
            raise Violation(f"two machines and nobody noticed: {self.doubled}")
        self._settled(outcome)
        self.net.pass_time(_QUIET)
        self._run(Step("run"))
        if self.net.writes:
            raise Violation(f"a run with nothing to do sent {self.net.writes} writes")

    def _settled(self, outcome: Outcome) -> None:
        """All is there, nothing is open, nothing held without need, and each edit was told."""
        held = {**outcome.held, **outcome.by_hand}
        people = customers(self.net.emulator, self.net.realm_id)
        names = companies(self.net.emulator, self.net.realm_id)
        expected = Expected(self.oracle, self.books(), people, names, held)
        loose = set(expected.loose)
        if self.oracle.has_forgotten or self.second:
            # What was changed since the copy was made says something else: a person looks.
            loose |= {ref for ref, p in outcome.held.items() if p.reason == "uncertain"}
        if still := [k for k in self.machine.open_intents() if k.split("|", 1)[1] not in loose]:
            raise Violation(f"open after two clean runs: {still}")
        if self.second:
            return
        for wrong in expected.missing():
            raise Violation(wrong)
        if not self.oracle.has_forgotten:
            told = {str(row["source"]) for row in outcome.edited} | set(held)
            for place, pin in self.oracle.deeds.pins.items():
                # What was tied to another record since is told of as that one's.
                source = self.oracle.deeds.tied.get(place, pin.document.source)
                if self.oracle.is_over(source) and pin.is_gone:
                    continue  # the shop ended it as well
                if pin.is_known and source not in told and source not in self.oracle.deeds.words:
                    raise Violation(f"a person touched {pin.document}, and nobody was told")


_NAMED = ("item", "payment_method", "correction")


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


__all__ = ["History", "Report", "Step", "World", "draw", "play", "play_seed"]
