"""One run: what the source says becomes what QuickBooks says.

`run()` shows the steps in their order.  Nothing is written before the company's settings
are right, the open outcomes are settled and the plan has passed the guards; whatever ends
a run early, what was sent is in the ledger.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from qbosync.around import Around, look_around
from qbosync.errors import QbosyncError, SetupError, TemporaryError
from qbosync.execute import Executor
from qbosync.guard import (
    ask_to_go_on,
    clock_words,
    newest_orders,
    refuse_another_plan,
    refuse_shrunken,
    refuse_stale,
    refuse_strangers,
    refuse_to_begin_alone,
    refuse_too_much,
    refuse_wrong_sums,
)
from qbosync.key import Key
from qbosync.ledger import WHOLE_RUN
from qbosync.lookup import look_up
from qbosync.mapping.context import Found, Memory
from qbosync.model import Problem, Snapshot
from qbosync.notice import look_at_people
from qbosync.operation import Operation
from qbosync.outcome import Outcome, Progress
from qbosync.plan import Plan
from qbosync.planner import make_plan
from qbosync.qbo.preferences import blocked, company_checks, stops_everything, watched
from qbosync.rebuilding import adoptions, adopts_until, forgotten, without_creates
from qbosync.recover import recover
from qbosync.remembered import changed_settings, fix, note_deposits, refuse_unfixed
from qbosync.scope import Options as Options
from qbosync.scope import Stop as Stop
from qbosync.scope import only, owners
from qbosync.shop import BooksClock, Shop, wait_for_quiet
from qbosync.sighting import look_at

_LAST = timedelta(minutes=5)
"""So long before a run's time is over it takes nothing new: a request may take that long."""
_RETRY_REFUSED = timedelta(hours=20)
_AS_USUAL = Options()


class _BugError(QbosyncError):
    """Not a failure a person can mend: how the ledger's list of runs remembers one."""


def _silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def run(
    shop: Shop,
    options: Options = _AS_USUAL,
    progress: Progress = _silent,
    stop: Stop | None = None,
) -> Outcome:
    """Do one run under the lock that the caller holds; the outcome carries any error."""
    work = _Run(shop, options, progress, stop or Stop())
    work.begin()
    try:
        work.check_company()
        work.settle()
        snapshot = work.read_source()
        work.look_around()
        plan, found, memory = work.plan(snapshot)
        if not options.is_dry:
            work.guard(plan, memory)
            work.first(plan, found, memory)
            work.execute(plan, found, memory)
    except QbosyncError as error:
        work.outcome.error = error
    except Exception as bug:
        work.broke(bug)
        raise
    work.end()
    return work.outcome


@dataclass
class _Run:
    """The state of one run."""

    shop: Shop
    options: Options
    progress: Progress
    stop: Stop
    books: Shop = field(init=False)
    outcome: Outcome = field(default_factory=Outcome)
    waiting: dict[Key, Problem] = field(default_factory=dict)
    begun: list[Operation] = field(default_factory=list)
    around: Around | None = None
    read_at: datetime | None = None
    stamp: str = ""
    orders: int = 0
    deadline: float = 0.0
    adopts_until: datetime | None = None

    def begin(self) -> None:
        clock = self.shop.clock
        self.outcome.started_at = clock.now()
        runtime = self.shop.max_runtime
        self.deadline = clock.monotonic() + (runtime - min(runtime / 10, _LAST)).total_seconds()
        if not self.options.is_dry:
            self.outcome.run_id = self.shop.ledger.begin_run(self.outcome.started_at)

    def should_stop(self) -> bool:
        """Whether a signal came, or the run has had its time."""
        return bool(self.stop.signal) or self.shop.clock.monotonic() > self.deadline

    def check_company(self) -> None:
        """Refuse to write while a setting would tax twice or apply money elsewhere."""
        self.progress("Checking the company's settings", 0, 0)
        ledger = self.shop.ledger
        preferences = self.shop.company.preferences()
        checks = company_checks(preferences, None, ledger.facts("accepted:"))
        changed = changed_settings(ledger, watched(preferences), self.options.is_dry)
        self.read_at = self.shop.company.server_time
        # What is sent and what is waited for goes by QuickBooks' clock, the days by the shop's,
        # unless that is off by more than a day.
        self.books = replace(self.shop, clock=BooksClock.of(self.shop.clock, self.shop.company))
        if words := clock_words(self.shop.clock.now() - self.books.clock.now()):
            self.shop = self.books
            self.outcome.reported.append(words)
        stops = [check for check in checks if stops_everything(check)]
        self.outcome.settings_are_right = not stops
        closed = preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
        policy = self.shop.policy.closed_by(closed)
        self.shop = replace(self.shop, policy=replace(policy, blocked=blocked(checks)))
        self.books = replace(self.books, policy=self.shop.policy)
        if stops:
            what = " ".join((*(check.evidence for check in stops), *changed))
            raise SetupError(what, " ".join(check.todo for check in stops))
        self.outcome.reported.extend(changed)
        refuse_unfixed(ledger, self.shop.policy)

    def settle(self) -> None:
        """Find out what became of every write whose answer was lost."""
        self.adopts_until = adopts_until(self.books, self.options.is_dry)
        self.waiting = recover(
            self.books,
            self.outcome,
            self.options.is_dry,
            self.progress,
            self.should_stop,
            self.adopts_until,
        )

    # Reading ---------------------------------------------------------------------------

    def read_source(self) -> Snapshot:
        """The whole delivery, or nothing."""
        if not self.options.is_dry:
            wait_for_quiet(self.shop, self.should_stop, self.progress)
        self.progress(f"Reading {self.shop.source.name}", 0, 0)
        snapshot = self.shop.source.read()
        self.orders = len(snapshot.orders)
        self.outcome.snapshot = snapshot
        refuse_stale(snapshot, self.shop.clock.now(), self.shop.max_age, self.shop.zone)
        refuse_shrunken(snapshot, self.shop.ledger.last_success(), self.options.allow_mass_update)
        self.outcome.names = {c.id: c.name.strip() for c in snapshot.customers.values()}
        self.outcome.owners = owners(snapshot)
        refuse_strangers(self.options.only, self.outcome.owners)
        self.outcome.notes.extend(snapshot.notes)
        return snapshot

    def look_around(self) -> None:
        """One read of what changed in QuickBooks since the last run's read."""
        self.progress("Looking at what changed in QuickBooks", 0, 0)
        around = look_around(self.books)
        if around is None:
            return
        self.around, self.read_at, self.stamp = around, around.read_at, around.stamp
        if around.tokens and not self.options.is_dry:
            self.shop.ledger.touch(around.tokens)

    # Planning --------------------------------------------------------------------------

    def plan(self, snapshot: Snapshot) -> tuple[Plan, Found, Memory]:
        """Plan, look up what decides between creating and adopting, and plan again."""
        shop = self.shop
        self.progress("Planning", 0, 0)
        memory = shop.ledger.memory(self.waiting, shop.clock.now() - _RETRY_REFUSED)
        if self.options.only:
            memory = replace(memory, refusals={})
        sightings, news = look_at(snapshot, memory, shop.policy, shop.today)
        if news and not self.options.is_dry:
            shop.ledger.sight(news)
        memory = replace(memory, sightings=sightings)
        memory = look_at_people(self.books, self.around, memory, self.outcome, self.options.is_dry)
        plan = make_plan(snapshot, memory, shop.policy, self.shop.today, None, self.stamp)
        if not self.options.plan_id:
            # A plan is known by its id as a whole, so only then the rest is looked up too.
            plan = only(plan, self.options.only)
        found = Found()
        if plan.wanted:
            self.progress("Looking up names and numbers in QuickBooks", 0, 0)
            seen = self.around.objects if self.around else {}
            past = forgotten(
                shop,
                memory,
                is_adopting=self.adopts_until is not None,
                is_dry=self.options.is_dry,
            )
            found = look_up(shop.company, plan, memory, past, seen)
            plan = make_plan(snapshot, memory, shop.policy, self.shop.today, found, self.stamp)
            if found.strangers and not self.options.is_dry:
                shop.ledger.meet(found.strangers, (), shop.today)
        plan = only(plan, self.options.only)
        if self.around is not None:
            is_new = self.adopts_until is not None
            self.outcome.reported.extend(self.around.others(shop, plan, memory, is_new))
        if self.adopts_until is not None:
            plan = without_creates(plan, shop.local(self.adopts_until))
        if self.options.adopts_only:
            plan = adoptions(plan)
        self.outcome.plan = plan
        if self.options.only:
            others = [str(o.key) for o in plan.operations if o.key.source not in self.options.only]
            if others:
                self.outcome.reported.append(f"what it depends on comes along: {', '.join(others)}")
        self.outcome.reported.extend(plan.reported)
        for problem in plan.held:
            self.outcome.held.setdefault(problem.source, problem)
        refuse_another_plan(self.options.plan_id, plan)
        if plan.accepted and not self.options.is_dry:
            shop.ledger.about(plan.accepted)
        return plan, found, memory

    def guard(self, plan: Plan, memory: Memory) -> None:
        """Stop before a change of configuration rewrites the books, or a ceiling is passed."""
        refuse_wrong_sums(plan)
        if not self.options.allow_mass_update:
            shop, ledger = self.shop, self.shop.ledger
            # The first sync of real books is looked at by a person.
            is_begun = bool(ledger.fact("first_sync"))
            policy = shop.policy if is_begun else replace(shop.policy, is_production=False)
            usual = ledger.usual_day(shop.clock.now()) if policy.is_production else None
            refuse_too_much(plan, memory.entries.values(), policy, shop.today, usual)

    def first(self, plan: Plan, found: Found, memory: Memory) -> None:
        """The first sync of real books is given by a person, who looks at a few documents."""
        ledger = self.shop.ledger
        is_begun = not self.shop.policy.is_production or bool(ledger.fact("first_sync"))
        if is_begun or self.options.adopts_only:
            return
        refuse_to_begin_alone(self.options.is_first)
        if newest := newest_orders(plan):
            self.execute(only(plan, newest), found, memory)
            if self.should_stop():
                return
            documents = [w for w in self.outcome.written if not w.operation.key.entity.is_named]
            entries = [w.entry for w in documents]
            ask_to_go_on(entries, plan, self.shop.environment, self.options.confirm)
        ledger.set_fact("first_sync", self.shop.clock.now().isoformat())

    # Writing and closing ---------------------------------------------------------------

    def execute(self, plan: Plan, found: Found, memory: Memory) -> None:
        """Send the plan."""
        shop = self.shop
        # Not what settling brought to an end: today's data may want it changed at once.
        plan = replace(plan, operations=tuple(o for o in plan.operations if o not in self.begun))
        self.begun.extend(plan.operations)
        if not plan.operations:
            return
        fix(self.shop.ledger, self.shop.policy)
        executor = Executor(self.books, self.outcome, self.should_stop, self.progress)
        written = [w.entry for w in (*self.outcome.written, *self.outcome.adopted)]
        executor.execute(plan, found, [*memory.entries.values(), *written])
        waits = {*self.outcome.held, *self.outcome.by_hand}
        left = len({op.key for op in plan.operations if op.key.source not in waits} - self._done)
        if left and self.should_stop() and not self.stop.signal:
            raise TemporaryError(
                f"The run has had its time ({shop.max_runtime}) and left {left} documents to send.",
                "Nothing to do: the next run goes on.",
            )

    @property
    def _done(self) -> set[Key]:
        """What was written or adopted so far."""
        return {w.operation.key for w in (*self.outcome.written, *self.outcome.adopted)}

    def broke(self, bug: Exception) -> None:
        """Enter that a bug ended the run, and how far it came; the traceback is the caller's."""
        self.outcome.error = _BugError(f"{type(bug).__name__}: {bug}")
        with contextlib.suppress(QbosyncError):
            self.end()

    def end(self) -> None:
        """Enter what the run did; a run that went through everything moves the window on.

        One that did not leaves what was held before as it was, save what it settled.
        """
        outcome, shop = self.outcome, self.shop
        outcome.finished_at = shop.clock.now()
        outcome.signal = self.stop.signal
        outcome.requests, outcome.reads = shop.company.requests, shop.company.reads
        if self.options.is_dry:
            return
        try:
            self._enter(outcome.finished_at)
        except QbosyncError as error:
            # The ledger took no more: what was to be said first stands.
            outcome.error = outcome.error or error

    def _enter(self, at: datetime) -> None:
        outcome, shop = self.outcome, self.shop
        is_part = bool(self.options.only) or self.options.adopts_only
        is_complete = outcome.error is None and not outcome.signal and not is_part
        settled: Collection[str] | None = {key.source for key in self._done}
        if is_complete:
            settled = None
        elif outcome.error is None and not outcome.signal:
            settled = self.options.only
        waiting = (*outcome.held.values(), *outcome.by_hand.values())
        shop.ledger.hold(waiting, outcome.run_id, at, settled)
        if is_complete and outcome.exit_code in (0, 3) and not shop.ledger.fact(WHOLE_RUN):
            shop.ledger.set_fact(WHOLE_RUN, at.isoformat())
        if outcome.error is None and outcome.snapshot is not None:
            # What is out of scope is known whole, whatever part of the rest the run was about.
            note_deposits(shop.ledger, outcome)
        is_whole = outcome.error is None and self.read_at is not None
        shop.ledger.end_run(
            outcome.run_id,
            {
                "finished_at": at.isoformat(),
                "exit_code": outcome.exit_code,
                "written": len(outcome.written),
                "held": len(outcome.held),
                "requests": outcome.requests,
                "reads": outcome.reads,
                "orders": self.orders,
                "settings": shop.settings_digest,
                "read_at": self.read_at.isoformat() if is_whole and self.read_at else None,
                "error": outcome.error.what if outcome.error else "",
            },
        )
