"""Two people are two persons, and a proposal is what somebody checked (TA-F-4, invariant 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.ids import named_id
from libs.rules.four_eyes import ApplyChange, ApproveChange, ProposeChange, RejectChange, Rules, SameSubject
from services.funds.domain.decider import FundsDecider
from services.investors.domain.decider import InvestorsDecider

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
INVESTOR = str(named_id("rules", "investor"))
CHANGE = str(named_id("rules", "change"))
RULES = Rules(InvestorsDecider())
PAYLOAD: dict[str, Any] = {"investor": INVESTOR, "legal_basis": "consent_withdrawn"}
NAMED: dict[str, Any] = {"now": NOW, "service": "investors", "change": CHANGE, "key": INVESTOR}


def decided(command: ProposeChange | ApproveChange | RejectChange | ApplyChange, *past: Event) -> Sequence[Event]:
    state: Any = None
    for event in past:
        state = RULES.evolve(state, event)
    return RULES.decide(command, dict.fromkeys(command.streams()) | {command.streams()[0]: state})


def proposed(by: str, behalf: str | None = None, **more: Any) -> Event:
    """A proposal that takes effect later, so that nothing of the investor is read."""
    (event,) = RULES.decide(
        ProposeChange(
            **NAMED, by=by, behalf=behalf, command="UnblockAccount",
            payload={"investor": INVESTOR, "account": INVESTOR, "block": INVESTOR, "reason": "mended", **more},
            effective_at=datetime(2026, 12, 1, tzinfo=UTC),
        ),
        {f"investors/{INVESTOR}/change/{CHANGE}": None},
    )  # fmt: skip
    return event


@pytest.mark.parametrize(
    ("proposer", "approver"),
    [
        (("olga", None), ("olga", None)),
        (("portal-1", "olga"), ("portal-2", "olga")),
        (("portal-1", "olga"), ("olga", None)),
        (("olga", None), ("portal-1", "olga")),
        (("olga", None), ("olga", "carla")),
    ],
)
def test_f4_whoever_acts_for_one_person_is_that_person(
    proposer: tuple[str, str | None], approver: tuple[str, str | None]
) -> None:
    by, behalf = approver
    with pytest.raises(SameSubject):
        decided(ApproveChange(**NAMED, by=by, behalf=behalf), proposed(*proposer))


def test_f4_two_persons_behind_one_agent_are_two() -> None:
    approved, *_ = decided(ApproveChange(**NAMED, by="portal", behalf="carla"), proposed("desk", "olga"))
    assert isinstance(approved, RULES.types.change_approved)


@pytest.mark.parametrize("field", ["now", "investor_row"])
def test_inv06_what_is_filled_in_is_no_part_of_a_proposal(field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        RULES.wrapped("EraseInvestor", {**PAYLOAD, field: {"note": "Zofia"}}, NOW)
    assert (refused.value.field, refused.value.value) == (f"payload.{field}", None)


def test_inv06_a_misspelt_field_of_a_proposal_is_named_without_its_value() -> None:
    with pytest.raises(InvalidValue) as refused:
        RULES.wrapped("EraseInvestor", {**PAYLOAD, "ibann": "LU280019400644750000"}, NOW)
    assert (refused.value.field, refused.value.value) == ("payload.ibann", None)


def test_inv06_why_a_change_is_rejected_is_a_personal_value_where_persons_are() -> None:
    (ended,) = decided(RejectChange(**NAMED, by="carla", reason="Zofia called"), proposed("olga"))
    assert ended.holds_personal
    assert ended.data()["reason"] == {"clear": "Zofia called"}
    assert not Rules(FundsDecider()).types.change_ended.holds_personal


def test_f4_what_falls_due_for_an_erased_person_ends_as_failed() -> None:
    """Refused without an end it would stand as approved for ever."""
    stored = proposed("olga").model_copy(update={"payload": {**PAYLOAD, "reason": {"erased": True}}})
    later, *_ = decided(ApproveChange(**NAMED, by="carla"), proposed("olga"))
    (ended,) = decided(ApplyChange(**NAMED), stored, later)
    assert (ended.data()["status"], ended.data()["reason"].partition(":")[0]) == ("failed", "personal-value-not-clear")


def test_f4_what_is_approved_for_later_can_still_be_stopped() -> None:
    later, *_ = decided(ApproveChange(**NAMED, by="carla"), proposed("olga"))
    (ended,) = decided(RejectChange(**NAMED, by="carla", reason="called back"), proposed("olga"), later)
    assert ended.data()["status"] == "rejected"
    assert list(decided(ApplyChange(**NAMED), proposed("olga"), later, ended)) == []
