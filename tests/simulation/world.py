"""What a history consists of, and how one is drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.simulation.changes import CHANGES
from tests.simulation.fault import KINDS, Fault

_SECOND = 0.1
"""So many histories have a second machine."""
_GAPS = (2, 60, 600, 1000, 7200, 7200, 7200, 7200, 86_400, 172_800)
HABITS = {
    "own_invoice": 1, "due": 1, "recode": 1, "amount": 3, "number": 1, "money": 1, "void": 2,
    "delete": 2, "deposit": 2, "unapply": 1, "apply": 1, "own_payment": 2, "convert": 1,
    "phone": 1, "rename": 1, "merge": 1, "sleep": 1, "close": 2, "sales_tax": 1,
}  # fmt: skip
"""What a bookkeeper does, and how often."""
WORDS = {"ours": 4, "theirs": 2, "forget": 1, "relink": 2, "same_as": 1, "hold": 1, "release": 1}
"""What is said to the product, and how often."""


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
    correction: str = "hold"
    zero_total: str = "send"


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
        steps += _people(dice)
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
        dice.choice(("hold", "credit_memo")), dice.choice(("send", "send", "skip")),
    )  # fmt: skip


def _people(dice: Random) -> list[Step]:
    """What people do before a run: at QuickBooks' screens, and with a word to the product."""
    steps = []
    if dice.random() < 0.25:
        [habit] = dice.choices(list(HABITS), list(HABITS.values()))
        steps.append(Step("person", dice.getrandbits(32), habit))
    if dice.random() < 0.3:
        [word] = dice.choices(list(WORDS), list(WORDS.values()))
        steps.append(Step("word", dice.getrandbits(32), word))
    if dice.random() < 0.02:
        steps.append(Step("setting", name=dice.choice(("shipped", "completed", "ordered"))))
    return steps


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
