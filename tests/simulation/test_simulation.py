"""The real write path over simulated ports: seeded crashes, losses, interleavings; then every invariant."""

from __future__ import annotations

import os
from functools import lru_cache

import pytest

from libs.testkit.sim.fleet import Fleet
from libs.testkit.sim.scenario import run

LONG = bool(os.environ.get("LONG"))
SEEDS = range(1_000 if LONG else 30)


@lru_cache(maxsize=40)
def simulated(seed: int) -> Fleet:
    """The seed's run; a failure names the way to run it again."""
    try:
        return run(seed)
    except BaseException as error:
        error.add_note(f"run it again: python -m libs.testkit.sim {seed} --log")
        raise


@pytest.mark.parametrize("seed", SEEDS)
def test_w22_invariants_hold_whatever_crashes_repeats_or_is_lost(seed: int) -> None:
    """Invariants 1 to 5, 9, 10, 12, 13 and W-1, W-5, W-7 to W-12, W-14, W-17, W-18, W-20, W-21, W-23, W-25."""
    simulated(seed)


def test_a_seed_names_one_schedule() -> None:
    """The same seed goes the same way, step by step; so a failure can be seen again."""
    assert run(3).world.trace == simulated(3).world.trace


def test_the_seeds_reach_every_crash_point_and_every_fault() -> None:
    """A simulation in which nothing goes wrong proves nothing."""
    visited, crashed, notes = set[str](), set[str](), set[str]()
    for seed in range(30):
        world = simulated(seed).world
        visited |= world.visited.keys()
        crashed |= world.crashes.keys()
        notes |= {word for _, _, what in world.trace for word in what.split()}
    named = {
        "relay.numbered", "relay.published", "attest.built", "attest.sent", "attest.mined", "commit.read",
        "commit.applied", "commit.committed", "react.decided",
    }  # fmt: skip
    assert named <= visited
    assert len(crashed) > 20
    assert {"emptied", "unreachable", "lost", "forged"} <= notes
