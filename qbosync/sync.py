"""One run: what the source says becomes what QuickBooks says.

`run()` shows the steps in their order.  Nothing is written before the company's settings
are right, the open outcomes are settled and the plan has passed the guards; whatever ends
a run early, what was sent is in the ledger.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from qbosync.errors import QbosyncError, SetupError, TemporaryError
from qbosync.execute import Executor
from qbosync.ledger import WHOLE_RUN
from qbosync.lookup import look_up
from qbosync.mapping.context import BEFORE_US, Found, Memory, Sighting
from qbosync.mapping.policy import Policy
from qbosync.model import (
    ZERO,
    Charge,
    CreditMemo,
    Order,
    Payment,
    Problem,
    Refund,
    Snapshot,
    show,
)
from qbosync.operation import Action, Entity, Key, Operation, digest
from qbosync.outcome import Outcome, Progress
from qbosync.plan import Plan, make_plan
from qbosync.qbo.preferences import company_checks
from qbosync.recover import recover
from qbosync.shop import BooksClock, Shop

WATCHED = (
    "Customer",
    "Item",
    "Account",
    "Estimate",
    "Invoice",
    "Payment",
    "CreditMemo",
    "Deposit",
)
"""What the one read of changes asks for."""
MANY = 900
"""So many of our own writes of an entity leave no room in the one read of changes."""
_OVERLAP = timedelta(minutes=5)
"""Windows overlap: QuickBooks' times are whole seconds and not strictly ordered (recorded)."""
_FURTHEST = timedelta(days=29)
_LAST = timedelta(minutes=5)
"""So long before a run's time is over it takes nothing new: a request may take that long."""
_RETRY_REFUSED = timedelta(hours=20)
_GUARDED = (Entity.CUSTOMER, Entity.ESTIMATE, Entity.INVOICE, Entity.CREDIT_MEMO)


@dataclass(frozen=True)
class Options:
    """What a person asked of this one run."""

    is_dry: bool = False
    plan_id: str = ""
    only: frozenset[str] = frozenset()
    allow_mass_update: bool = False
    is_first: bool = False
    confirm: Callable[[str], bool] | None = None


class _BugError(QbosyncError):
    """Not a failure a person can mend: how the ledger's list of runs remembers one."""


@dataclass
class Stop:
    """Set by a signal: finish the request in flight, take nothing new."""

    signal: int = 0


def _silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def run(
    shop: Shop,
    options: Options = Options(),
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
        accepted = self.shop.ledger.facts("accepted:")
        preferences = self.shop.company.preferences()
        checks = company_checks(preferences, None, accepted)
        self.read_at = self.shop.company.server_time
        # What is sent and what is waited for goes by QuickBooks' clock, the days by the shop's.
        self.books = replace(self.shop, clock=BooksClock.of(self.shop.clock, self.shop.company))
        stops = [check for check in checks if check.level == "stop"]
        self.outcome.settings_are_right = not stops
        self.shop = replace(self.shop, policy=_closed(self.shop.policy, preferences))
        self.books = replace(self.books, policy=self.shop.policy)
        if stops:
            what = " ".join(check.evidence for check in stops)
            raise SetupError(what, " ".join(check.todo for check in stops))

    def settle(self) -> None:
        """Find out what became of every write whose answer was lost."""
        self.adopts_until = self._adopts_until()
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
        self.progress(f"Reading {self.shop.source.name}", 0, 0)
        snapshot = self.shop.source.read()
        self.orders = len(snapshot.orders)
        self.outcome.snapshot = snapshot
        made, limit = snapshot.generated_at, self.shop.max_age
        if made is not None and limit is not None and self.shop.clock.now() - made > limit:
            raise SetupError(
                f"The export is of {made.astimezone(self.shop.zone):%Y-%m-%d %H:%M}: older than"
                f" {limit}, so it is not taken for no news.",
                "See why the order system exports no more; [source] max_age sets the limit.",
            )
        self.outcome.names = {c.id: c.name.strip() for c in snapshot.customers.values()}
        self.outcome.owners = _owners(snapshot)
        strange = {
            ref
            for ref in self.options.only - self.outcome.owners.keys()
            if not ref.startswith("credit_application:")
        }
        if strange:
            raise SetupError(
                f"The export has no {', '.join(sorted(strange))}.",
                "Give kind:id as `qbosync explain` shows it, or leave --only out.",
            )
        self.outcome.notes.extend(snapshot.notes)
        return snapshot

    def look_around(self) -> None:
        """One read of what changed in QuickBooks since the last run's read."""
        since = self.shop.ledger.last_read()
        if since is None:
            return
        self.progress("Looking at what changed in QuickBooks", 0, 0)
        # QuickBooks tells 30 days back; what changed before is seen when it is next written.
        since = max(since - _OVERLAP, self.books.clock.now() - _FURTHEST)
        written = self.shop.ledger.written_since(since)
        busy = [entity for entity in WATCHED if written.get(entity, 0) >= MANY]
        changes = self.shop.company.changes(WATCHED, since, busy)
        self.read_at = changes.read_at
        tokens = {
            (entity, str(body["Id"])): str(body["SyncToken"])
            for entity, bodies in changes.objects.items()
            for body in bodies
            if "SyncToken" in body
        }
        stamps = [
            [entity, str(body.get("Id")), str(body.get("MetaData", {}).get("LastUpdatedTime"))]
            for entity, bodies in changes.objects.items()
            for body in bodies
        ]
        self.stamp = digest(sorted(stamps))
        if tokens and not self.options.is_dry:
            self.shop.ledger.touch(tokens)

    # Planning --------------------------------------------------------------------------

    def plan(self, snapshot: Snapshot) -> tuple[Plan, Found, Memory]:
        """Plan, look up what decides between creating and adopting, and plan again."""
        shop = self.shop
        self.progress("Planning", 0, 0)
        memory = shop.ledger.memory(self.waiting, shop.clock.now() - _RETRY_REFUSED)
        if self.options.only:
            memory = replace(memory, refusals={})
        memory = replace(memory, sightings=self._sightings(snapshot, memory))
        plan = make_plan(snapshot, memory, shop.policy, self.shop.today, None, self.stamp)
        if not self.options.plan_id:
            # A plan is known by its id as a whole, so only then the rest is looked up too.
            plan = only(plan, self.options.only)
        found = Found()
        if plan.wanted:
            self.progress("Looking up names and numbers in QuickBooks", 0, 0)
            found = look_up(shop.company, plan, memory, self._forgot_on())
            plan = make_plan(snapshot, memory, shop.policy, self.shop.today, found, self.stamp)
        plan = only(plan, self.options.only)
        plan = self._adopt_only(plan)
        self.outcome.plan = plan
        if self.options.only:
            others = [str(o.key) for o in plan.operations if o.key.source not in self.options.only]
            if others:
                self.outcome.reported.append(f"what it depends on comes along: {', '.join(others)}")
        self.outcome.reported.extend(plan.reported)
        for problem in plan.held:
            self.outcome.held.setdefault(problem.source, problem)
        if self.options.plan_id and self.options.plan_id != plan.id:
            raise SetupError(
                f"The plan {self.options.plan_id} no longer holds: the source or QuickBooks moved"
                f" (it would be {plan.id} now).",
                "Look at `qbosync plan` again.",
            )
        return plan, found, memory

    def _forgot_on(self) -> date | None:
        """The day up to which the ledger may have forgotten what was written, if it has."""
        until = self.shop.ledger.fact("adopt_until")
        return datetime.fromisoformat(until).date() + timedelta(days=1) if until else None

    def _adopts_until(self) -> datetime | None:
        """Until when nothing new is created, because the ledger may have forgotten writes.

        A machine whose clock was ahead then must not wait for it to come true.
        """
        told, now = self.shop.ledger.fact("adopt_until"), self.shop.clock.now()
        if not told or datetime.fromisoformat(told) <= now:
            return None
        latest = now + self.shop.resend_after
        if datetime.fromisoformat(told) > latest and not self.options.is_dry:
            self.shop.ledger.set_fact("adopt_until", latest.isoformat())
        return min(datetime.fromisoformat(told), latest)

    def _adopt_only(self, plan: Plan) -> Plan:
        """Match what is there; what would be created waits until late writes have shown."""
        until = self.adopts_until
        if until is None:
            return plan
        at = self.shop.local(until)
        kept = tuple(op for op in plan.operations if op.action is not Action.CREATE)
        new = tuple(
            Problem(
                op.key.source,
                "rebuilding",
                f"{op.key}: rebuilding, writes nothing new until {at}.",
                "Nothing to do: it clears itself.",
                op.draft.amount,
            )
            for op in plan.operations
            if op.action is Action.CREATE
        )
        return replace(plan, operations=kept, held=plan.held + new)

    def _sightings(self, snapshot: Snapshot, memory: Memory) -> Mapping[str, Sighting]:
        """When each order was first seen charged; the ledger keeps what is new."""
        policy, today = self.shop.policy, self.shop.today
        sightings = dict(memory.sightings)
        news: dict[str, Sighting] = {}
        for order in snapshot.orders.values():
            before = sightings.get(order.id)
            if before and before.charged_on:
                continue
            customer = snapshot.customers.get(order.customer_id)
            charged_on = today if policy.is_charged(order, customer, today) else None
            if charged_on and before is None and memory.is_first:
                charged_on = BEFORE_US
            now = Sighting(policy.charge_status_of(customer), charged_on, order.status)
            if now != before:
                news[order.id] = now
            if before is None:
                sightings[order.id] = now
        if news and not self.options.is_dry:
            self.shop.ledger.sight(news)
        return sightings

    def guard(self, plan: Plan, memory: Memory) -> None:
        """Stop before a change of configuration rewrites the books, or a ceiling is passed."""
        policy = self.shop.policy
        documents = [op for op in plan.writes if not op.key.entity.is_named]
        changed = [
            op
            for op in plan.operations
            if op.action in (Action.UPDATE, Action.VOID) and op.key.entity in _GUARDED
        ]
        known = sum(1 for e in memory.entries.values() if e.key.entity in _GUARDED)
        is_mass = len(changed) > policy.max_rewrite_count
        is_mass = is_mass and Decimal(len(changed)) > policy.max_rewrite_share * known
        amount = sum((op.draft.amount or ZERO for op in documents), ZERO)
        voids = sum(op.action is Action.VOID for op in documents)
        reasons = [
            words
            for words, is_passed in (
                (f"change {len(changed)} of {known} documents in QuickBooks", is_mass),
                (f"write {len(documents)} documents", _over(len(documents), policy.max_documents)),
                (f"write documents over {show(amount)}", _over(amount, policy.max_amount)),
                (f"void {voids} documents", _over(voids, policy.max_voids)),
            )
            if is_passed
        ]
        if reasons and not self.options.allow_mass_update:
            raise SetupError(
                f"This run would {' and '.join(reasons)}.",
                "Look at `qbosync plan`; if it is meant, run `qbosync sync --allow-mass-update`.",
            )

    def first(self, plan: Plan, found: Found, memory: Memory) -> None:
        """The first sync of real books is given by a person, who looks at a few documents."""
        ledger = self.shop.ledger
        if not self.shop.policy.is_production or ledger.fact("first_sync"):
            return
        if not self.options.is_first:
            raise SetupError(
                "Nothing was written to this production company yet.",
                "Look at `qbosync plan`, then give the first sync: `qbosync sync --first`.",
            )
        newest = [op.key.source for op in plan.operations if op.key.kind == "order"][-5:]
        if newest:
            self.execute(only(plan, newest), found, memory)
            if self.should_stop():
                return
            documents = [w for w in self.outcome.written if not w.operation.key.entity.is_named]
            ids = ", ".join(f"{w.operation.key.entity} {w.entry.number}" for w in documents)
            question = f"Written: {ids}. Look at these in QuickBooks. Go on?"
            if self.options.confirm is None or not self.options.confirm(question):
                raise SetupError(
                    "The first sync was not confirmed after its first documents.",
                    "Look at them in QuickBooks, then run `qbosync sync --first` again.",
                )
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
        is_complete = outcome.error is None and not outcome.signal and not self.options.only
        settled: Collection[str] | None = {key.source for key in self._done}
        if is_complete:
            settled = None
        elif outcome.error is None and not outcome.signal:
            settled = self.options.only
        waiting = (*outcome.held.values(), *outcome.by_hand.values())
        shop.ledger.hold(waiting, outcome.run_id, at, settled)
        if is_complete and outcome.exit_code in (0, 3) and not shop.ledger.fact(WHOLE_RUN):
            shop.ledger.set_fact(WHOLE_RUN, at.isoformat())
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


def _owners(snapshot: Snapshot) -> dict[str, str]:
    """Whose each record is, by its reference; those that cannot be read are there too."""
    records: tuple[Order | Payment | Charge | CreditMemo | Refund, ...] = (
        *snapshot.orders.values(),
        *snapshot.payments.values(),
        *snapshot.charges.values(),
        *snapshot.credit_memos.values(),
        *snapshot.refunds.values(),
    )
    owners = {problem.source: "" for problem in snapshot.problems}
    owners |= {customer.ref: customer.id for customer in snapshot.customers.values()}
    return owners | {record.ref: record.customer_id for record in records}


def only(plan: Plan, sources: Iterable[str]) -> Plan:
    """The part of a plan that concerns these records, and what they depend on."""
    chosen = set(sources)
    if not chosen:
        return plan
    by_key = {op.key: op for op in plan.operations}
    keep: set[Key] = set()
    rest = [op.key for op in plan.operations if op.key.source in chosen]
    while rest:
        key = rest.pop()
        if key in by_key and key not in keep:
            keep.add(key)
            rest.extend(by_key[key].draft.refs)
    return replace(
        plan,
        operations=tuple(op for op in plan.operations if op.key in keep),
        held=tuple(p for p in plan.held if p.source in chosen),
    )


def _over(figure: Decimal | int, ceiling: Decimal | int | None) -> bool:
    return ceiling is not None and figure > ceiling


def _closed(policy: Policy, preferences: Mapping[str, Any]) -> Policy:
    """The policy with the later of QuickBooks' closing date and the configuration's own."""
    text = str(preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate") or "")
    dates = [date.fromisoformat(text[:10])] if text else []
    if policy.closed_until:
        dates.append(policy.closed_until)
    return replace(policy, closed_until=max(dates)) if dates else policy
