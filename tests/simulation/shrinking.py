"""Making a broken history small: what matters is left."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.history import play
from tests.simulation.world import World


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
