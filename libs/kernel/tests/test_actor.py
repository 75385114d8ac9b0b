"""Who acted, and whose an idempotency key is (W-20)."""

from libs.kernel.envelope import Actor


def test_w20_one_subject_that_acts_for_several_is_as_many_callers() -> None:
    """Else the same key and body for another distributor would be answered with what the first one made."""
    actors = [
        Actor("agent", "distributor", None, "NORTH"),
        Actor("agent", "distributor", None, "SOUTH"),
        Actor("agent", "distributor", "NORTH", None),
        Actor("agent", "operations", "olga", "NORTH"),
        Actor("agent", "operations"),
    ]
    assert len({actor.caller for actor in actors}) == len(actors)
    assert Actor("agent", "operations").caller == Actor("agent", "treasury").caller == "agent"
