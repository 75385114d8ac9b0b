"""F-1, F-3: umbrellas and sub-funds, given, when, then."""

from __future__ import annotations

from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Claim, UnknownEvent
from libs.messages.funds import (
    DealingCalendarSet,
    LiquidityToolsSet,
    SubFundClosed,
    SubFundRegistered,
    SubFundRenamed,
    SubFundResumed,
    SubFundSuspended,
    UmbrellaRegistered,
)
from services.funds.domain import refusals
from services.funds.tests.examples import (
    DECIDER,
    LEVY,
    LUXEMBOURG,
    SUB_FUND,
    SUB_FUND_FACTS,
    SWING,
    UMBRELLA,
    UMBRELLA_FACTS,
    after,
    calendar,
    command,
    given,
    register_sub_fund,
    register_umbrella,
    tools,
    with_draft,
    with_sub_fund,
)

IDS = {"umbrella": UMBRELLA, "sub_fund": SUB_FUND}
LEI = "529900T8BM49AURSDO55"


def test_f1_an_umbrella_is_registered() -> None:
    registered = UmbrellaRegistered(umbrella=UMBRELLA, **UMBRELLA_FACTS)
    given().when(register_umbrella()).then(registered)


def test_f1_an_umbrella_is_registered_once() -> None:
    after(register_umbrella()).when(register_umbrella()).then_nothing()
    other = command("RegisterUmbrella", **{**UMBRELLA_FACTS, "name": "Other"})
    after(register_umbrella()).when(other).then_refused(refusals.UmbrellaExists, "umbrella")


def test_f1_a_sub_fund_stands_in_an_umbrella() -> None:
    given().when(register_sub_fund()).then_refused(refusals.UmbrellaUnknown, "umbrella")
    registered = SubFundRegistered.model_validate({**IDS, **SUB_FUND_FACTS})
    after(register_umbrella()).when(register_sub_fund()).then(registered)


def test_f1_a_sub_fund_is_registered_once() -> None:
    with_sub_fund().when(register_sub_fund()).then_nothing()
    with_sub_fund().when(register_sub_fund(code="OTHER")).then_refused(refusals.SubFundExists)


def test_w4_codes_and_leis_are_claimed() -> None:
    sub_fund = SubFundRegistered.model_validate({**IDS, **SUB_FUND_FACTS, "lei": LEI})
    assert sub_fund.claims() == (Claim("sub_fund_code", f"{UMBRELLA}/MER-GE"), Claim("lei", LEI))
    assert UmbrellaRegistered(umbrella=UMBRELLA, **UMBRELLA_FACTS).claims() == ()


def test_f1_a_sub_fund_gets_another_name() -> None:
    renamed = SubFundRenamed(**IDS, name="Meridian World Equity")
    rename = command("RenameSubFund", name="Meridian World Equity")
    with_sub_fund().when(rename).then(renamed).when(rename).then_nothing()


def test_f2_a_sub_fund_gets_another_calendar() -> None:
    weekly = {**LUXEMBOURG, "frequency": {"kind": "weekly", "weekdays": [2]}}
    change = command("SetDealingCalendar", calendar=weekly)
    changed = DealingCalendarSet(**IDS, calendar=calendar(**weekly))
    with_sub_fund().when(change).then(changed).when(change).then_nothing()


def test_f2_a_calendar_that_breaks_forward_pricing_is_never_set() -> None:
    late = {**LUXEMBOURG, "cut_off": {"at": "18:00", "zone": "Europe/Luxembourg"}}
    with_sub_fund().when(command("SetDealingCalendar", calendar=late)).then_refused(InvalidValue, "calendar.cut_off.at")
    after(register_umbrella()).when(register_sub_fund(calendar=late)).then_refused(InvalidValue)


def test_f3_tools_are_replaced_as_a_whole() -> None:
    change = command("SetLiquidityTools", tools={"levy": LEVY})
    with_sub_fund().when(change).then(LiquidityToolsSet(**IDS, tools=tools(levy=LEVY))).when(change).then_nothing()


BAD_TOOLS: list[tuple[str, dict[str, Any], str]] = [
    ("levy beside swing", {"swing": SWING, "levy": LEVY}, "tools.levy"),
    ("partial swing without threshold", {"swing": {**SWING, "threshold": None}}, "tools.swing.threshold"),
    ("full swing with threshold", {"swing": {**SWING, "mode": "full"}}, "tools.swing.threshold"),
    ("factor of one", {"swing": {**SWING, "factor_up": "1"}}, "tools.swing.factor_up"),
    ("gate of nothing", {"gate": {"threshold": "0", "remainder": "carried"}}, "tools.gate.threshold"),
    ("finer than a millionth", {"redemption_fee": {"rate": "0.0000001"}}, "tools.redemption_fee.rate"),
    ("a float", {"redemption_fee": {"rate": 0.01}}, "tools.redemption_fee.rate"),
    ("no days of notice", {"notice": {"days": 0, "counted": "business"}}, "tools.notice.days"),
    ("an unknown tool", {"side_pocket": {}}, "tools.side_pocket"),
]


@pytest.mark.parametrize(("bad", "field"), [b[1:] for b in BAD_TOOLS], ids=[b[0] for b in BAD_TOOLS])
def test_f3_tools_that_can_never_be_right_are_named(bad: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        command("SetLiquidityTools", tools=bad)
    assert refusal.value.field == field


def test_f3_a_suspension_binds_the_sub_fund_until_it_is_resumed() -> None:
    suspend = command("SuspendSubFund", reason="market_closed")
    resume = command("ResumeSubFund")
    suspended = with_sub_fund().when(suspend).then(SubFundSuspended.model_validate({**IDS, "reason": "market_closed"}))
    suspended.when(suspend).then_nothing()
    other_reason = command("SuspendSubFund", reason="merger")
    suspended.when(other_reason).then_refused(refusals.StatusForbids, "reason")
    suspended.when(resume).then(SubFundResumed(**IDS)).when(resume).then_nothing()


def test_f1_a_sub_fund_closes_after_its_last_class() -> None:
    close = command("CloseSubFund", reason="liquidation")
    with_draft().when(close).then_refused(refusals.SubFundHasClasses)
    closed = with_draft(command("CloseShareClass", reason="never_opened")).when(close)
    past = closed.then(SubFundClosed.model_validate({**IDS, "reason": "liquidation"}))
    past.when(close).then_nothing()
    past.when(command("CloseSubFund", reason="merger")).then_refused(refusals.SubFundIsClosed)
    past.when(command("RenameSubFund", name="Other")).then_refused(refusals.SubFundIsClosed)


def test_f1_nothing_changes_in_an_unknown_sub_fund() -> None:
    after(register_umbrella()).when(command("ResumeSubFund")).then_refused(refusals.SubFundUnknown, "sub_fund")


BAD_SUB_FUNDS: list[tuple[str, dict[str, Any], str, object]] = [
    ("currency", {"base_currency": "EUX"}, "base_currency", "EUX"),
    ("zone", {"calendar": {**LUXEMBOURG, "cut_off": {"at": "14:00", "zone": "Europe/Atlantis"}}},
     "calendar.cut_off.zone", "Europe/Atlantis"),
    ("holiday set", {"calendar": {**LUXEMBOURG, "holiday_sets": ["exchange:XBSX"]}},
     "calendar.holiday_sets.0", "exchange:XBSX"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "field", "value"), [b[1:] for b in BAD_SUB_FUNDS], ids=[b[0] for b in BAD_SUB_FUNDS])
def test_f1_what_does_not_exist_is_named(bad: dict[str, Any], field: str, value: object) -> None:
    refusal = after(register_umbrella()).when(register_sub_fund(**bad)).then_refused(InvalidValue, field)
    assert refusal.value == value


BAD_SHAPES: list[tuple[str, dict[str, Any], str]] = [
    ("LEI", {"lei": "529900T8BM49AURSDO56"}, "lei"),
    ("code", {"code": "lower case"}, "code"),
    ("control character in a name", {"name": "a\x00b"}, "name"),
    ("half-day rule without its time", {"calendar": {**LUXEMBOURG, "half_days": "early_cut_off"}},
     "calendar.half_day_cut_off_at"),
    ("half-day later than the day", {"calendar": {**LUXEMBOURG, "half_days": "early_cut_off",
     "half_day_cut_off_at": "15:00"}}, "calendar.half_day_cut_off_at"),
    ("time with an offset", {"calendar": {**LUXEMBOURG, "cut_off": {"at": "14:00+01:00", "zone": "UTC"}}},
     "calendar.cut_off.at"),
    ("day zero of a month", {"calendar": {**LUXEMBOURG, "frequency": {"kind": "monthly", "days": [0],
     "counted": "business"}}}, "calendar.frequency.monthly.days"),
    ("missing", {"asset_class": "wine"}, "asset_class"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "field"), [b[1:] for b in BAD_SHAPES], ids=[b[0] for b in BAD_SHAPES])
def test_f1_what_can_never_be_right_is_named(bad: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        register_sub_fund(**bad)
    assert refusal.value.field == field


def test_an_event_that_cannot_follow_is_never_skipped() -> None:
    with pytest.raises(UnknownEvent):
        DECIDER.evolve(None, SubFundResumed(**IDS))
    umbrella = UmbrellaRegistered(umbrella=UMBRELLA, **UMBRELLA_FACTS)
    with pytest.raises(UnknownEvent):
        DECIDER.evolve(DECIDER.evolve(None, umbrella), umbrella)
