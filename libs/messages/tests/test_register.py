"""The published events of the register: their names are the stored format (rule 6 of the house)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from libs.kernel.ids import named_id
from libs.messages.register import CATALOGUE, HoldingSplit, MovementEvent, MovementsBooked, UnitsTransferred
from libs.messages.register_values import LotRow, RefusedMovement

PUBLISHED = """
    register.CorporateActionCompleted.v1 register.HoldingSplit.v1 register.HoldingsExchanged.v1
    register.MergerArrived.v1 register.MergerExpected.v1 register.MergerStarted.v1
    register.MovementsBooked.v1 register.SplitStarted.v1 register.UnitsBlocked.v1
    register.UnitsCancelled.v1 register.UnitsConverted.v1 register.UnitsEarmarked.v1 register.UnitsInIssueChanged.v1
    register.UnitsIssued.v1 register.UnitsPledged.v1 register.UnitsReleased.v1 register.UnitsTransferred.v1
    register.UnpaidUnitsCancelled.v1
"""
ID = named_id("example", "any")
DAY = date(2026, 11, 20)
MOVED: dict[str, Any] = {
    "umbrella": ID,
    "share_class": ID,
    "account": ID,
    "valuation_date": DAY,
    "booking_date": DAY,
    "settlement_date": DAY,
}


def test_a_published_name_never_goes() -> None:
    assert {kind.type_name() for kind in CATALOGUE.types()} == set(PUBLISHED.split())


def test_every_event_has_its_umbrella_as_lane_key() -> None:
    """W-2: all streams of a decision share the key."""
    assert {kind.key_field for kind in CATALOGUE.types()} == {"umbrella"}
    assert {kind.aggregate for kind in CATALOGUE.types()} == {"holding", "class", "booking"}


def test_i7_no_event_holds_personal_values() -> None:
    assert not any(kind.holds_personal for kind in CATALOGUE.types())


def test_r1_every_movement_has_three_dates_and_says_what_it_changed() -> None:
    moving = [kind for kind in CATALOGUE.types() if issubclass(kind, MovementEvent)]
    assert len(moving) == 6
    for kind in moving:
        assert {"valuation_date", "booking_date", "settlement_date"} <= set(kind.model_fields)
        assert "change" in vars(kind)
    with pytest.raises(NotImplementedError):
        _ = MovementEvent(**MOVED).change


def test_lots_fractions_and_refused_movements_are_stored_compactly_and_read_back() -> None:
    """W-6: a decision has 200,000 bytes."""
    lot = LotRow(DAY, Decimal("1.50"), Decimal(3))
    came = UnitsTransferred(
        **MOVED,
        transfer=ID,
        leg="in",
        other_account=ID,
        units=Decimal("1.50"),
        lots=(lot,),
    )
    assert came.data()["lots"] == [["2026-11-20", "1.5", "3"]]
    split = HoldingSplit(
        **MOVED, action=ID, factor=Fraction(3, 2), unit_decimals=4, given=Decimal(1), received=Decimal("1.5"),
        residual=Fraction(1, 30_000), cost_dropped=Decimal(0),
    )  # fmt: skip
    assert (split.data()["factor"], split.data()["residual"]) == ("3/2", "1/30000")
    booked = MovementsBooked(
        umbrella=ID, share_class=ID, valuation_date=DAY, chunk=0, booked=(), refused=(RefusedMovement(ID, "too-late"),)
    )
    assert booked.data()["refused"] == [[str(ID), "too-late"]]
    for event in (came, split, booked):
        assert CATALOGUE.parse(event.type_name(), event.data()) == event


@pytest.mark.parametrize("factor", ["one half", "1/0", "1.5/2"])
def test_a_fraction_is_two_whole_numbers(factor: str) -> None:
    data = {**MOVED, "action": ID, "factor": factor, "unit_decimals": 4, "given": "1", "received": "1"}
    with pytest.raises(ValidationError):
        HoldingSplit.model_validate({**data, "residual": "0", "cost_dropped": "0"})
