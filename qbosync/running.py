"""One run of the command line: the lock, signals, progress, the log, and what cron mails.

An error before the run begins (no connection, a shut keyring) ends as an outcome too, so
that every caller gets the same answer in the same form.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from qbosync.errors import BusyError, LedgerError, QbosyncError, TemporaryError
from qbosync.ledger import Ledger
from qbosync.log import enter_log
from qbosync.notify import news, news_of_failure, news_of_some
from qbosync.outcome import Outcome, Progress
from qbosync.ping import Pinger
from qbosync.places import Connection
from qbosync.sync import Options, Stop, run
from qbosync.upkeep import keep_copy
from qbosync.wiring import Setup, activate, open_shop, transport_of


@dataclass
class Run:
    """An outcome, whose it is, since when its records are held, and what cron mails of it."""

    outcome: Outcome
    company: Mapping[str, str] = field(
        default_factory=lambda: {"environment": "", "realm_id": "", "company": ""}
    )
    since: Mapping[str, str] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)


def run_once(
    load: Callable[[], Setup], options: Options, is_interactive: bool, is_quiet: bool
) -> Run:
    """Do one run under the lock."""
    setup = None
    pinger = Pinger("", None)
    try:
        setup = load()
        if not options.is_dry:
            pinger = Pinger(setup.settings.notify.ping_url, transport_of(setup))
        made = _run(setup, options, is_interactive, is_quiet, pinger)
    except QbosyncError as error:
        made = Run(Outcome(error=error))
        if not isinstance(error, BusyError) and not options.is_dry:
            made.news = news_of_failure(setup, error)
        if setup is not None and setup.connection is not None:
            made.company = _company(setup.connection)
    except Exception:
        pinger.end(QbosyncError.exit_code)
        raise
    pinger.end(made.outcome.exit_code)
    made.outcome.notes.extend(pinger.troubles)
    return made


def _company(known: Connection) -> dict[str, str]:
    return {
        "environment": known.environment,
        "realm_id": known.realm_id,
        "company": known.company,
    }


def _run(
    setup: Setup, options: Options, is_interactive: bool, is_quiet: bool, pinger: Pinger
) -> Run:
    stop = Stop()
    with (
        open_shop(setup, is_interactive) as shop,
        _stopped_by_signals(stop),
        _ended_when_it_hangs(shop.max_runtime),
    ):
        pinger.start()
        is_shown = sys.stderr.isatty() and not is_quiet
        with progress(is_shown) as watch:
            outcome = run(shop, options, watch, stop)
        if not options.is_dry:
            _keep_copy(setup, shop.ledger, outcome)
        _log(setup, outcome)
        since = {row["source"]: row["since"] for row in shop.ledger.holds()}
        told = []
        if options.only and not options.is_dry:
            told = news_of_some(outcome, setup)
            activate(setup, outcome)
        elif not options.is_dry:
            told = news(shop.ledger, outcome, setup, shop.clock.now())
            activate(setup, outcome)
    return Run(outcome, _company(setup.connected()), since, told)


def _keep_copy(setup: Setup, ledger: Ledger, outcome: Outcome) -> None:
    """A run that went well leaves a copy; a disk that does not take it needs a person."""
    try:
        keep_copy(setup, ledger, outcome)
    except LedgerError as error:
        outcome.error = error


def _log(setup: Setup, outcome: Outcome) -> None:
    """A line in the log; a disk that does not take it needs a person, unless one is called."""
    try:
        enter_log(setup.places.log, setup.clock, outcome)
    except LedgerError as error:
        outcome.error = outcome.error or error


@contextmanager
def _stopped_by_signals(stop: Stop) -> Iterator[None]:
    """The first signal lets the request in flight finish; its answer is recorded."""

    def note(number: int, _frame: object) -> None:
        stop.signal = number
        signal.signal(number, signal.SIG_DFL)

    names = ("SIGTERM", "SIGINT", "SIGHUP")
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # What is ignored stays so: that is what `nohup` is for.
    numbers = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ended_when_it_hangs(runtime: timedelta) -> Iterator[None]:
    """A run takes nothing new near its end; one that hangs even so is ended when it has had it.

    Whatever is cut off so is an open write like any other.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    def end(_number: int, _frame: object) -> None:
        raise TemporaryError(
            f"The run hung and was ended when it had had its time ({runtime}).",
            "Nothing to do: the next run goes on. See whether the export or the disk answers.",
        )

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, runtime.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def progress(is_shown: bool) -> Iterator[Progress]:
    """A line on a terminal that says what is being done; nothing anywhere else."""
    if not is_shown:
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Starting", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield show
